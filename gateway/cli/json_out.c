/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/cli/json_out.h"

void json_out_init(struct json_out *out, size_t max)
{
	*out = (struct json_out){.err = OK};
	buf_init(&out->buf, max);
}

void json_out_fini(struct json_out *out)
{
	buf_fini(&out->buf);
}

static void put(struct json_out *out, struct str text)
{
	if (out->err == OK)
		out->err = buf_append(&out->buf, text);
}

static void put_string(struct json_out *out, struct str text)
{
	if (out->err == OK)
		out->err = buf_append_json(&out->buf, text);
}

/* Comma and name in front of a value. */
static void begin(struct json_out *out, const char *key)
{
	if (out->wants_comma)
		put(out, STR(","));
	out->wants_comma = true;
	if (key == NULL)
		return;
	put_string(out, str_from_c(key));
	put(out, STR(":"));
}

void json_out_open(struct json_out *out, const char *key, char bracket)
{
	begin(out, key);
	put(out, str_make(&bracket, 1));
	out->wants_comma = false;
}

void json_out_close(struct json_out *out, char bracket)
{
	put(out, str_make(&bracket, 1));
	out->wants_comma = true;
}

void json_out_str(struct json_out *out, const char *key, struct str text)
{
	begin(out, key);
	if (str_is_set(text))
		put_string(out, text);
	else
		put(out, STR("null"));
}

void json_out_number(struct json_out *out, const char *key, uint64_t number)
{
	begin(out, key);
	if (out->err == OK)
		out->err = buf_append_u64(&out->buf, number);
}

void json_out_bool(struct json_out *out, const char *key, bool b)
{
	begin(out, key);
	put(out, b ? STR("true") : STR("false"));
}

void json_out_raw(struct json_out *out, const char *key, struct str json)
{
	begin(out, key);
	put(out, json);
}

enum err json_out_print(struct json_out *out, FILE *file)
{
	enum err err;

	put(out, STR("\n"));
	err = out->err;
	if (err == OK && fwrite(out->buf.ptr, 1, out->buf.len, file) != out->buf.len)
		err = ERR_IO;
	buf_reset(&out->buf);
	out->wants_comma = false;
	out->err = OK;
	return err;
}
