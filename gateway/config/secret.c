/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/config/secret.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/crypt.h"
#include "gateway/config/file.h"

struct secret {
	struct option_reader *reader;
	const struct config_yaml *node;
	const char *name;
	struct buf out;
};

/* Without the line itself: it may hold what should not be there. */
static enum err refuse(const struct secret *secret, enum err err, const char *what, struct str arg)
{
	return option_fail_secret(secret->reader, err, secret->node, "%s: %s" STR_FMT, secret->name,
				  what, STR_ARG(arg));
}

static bool has_control(struct str text)
{
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.ptr[i] < ' ' || text.ptr[i] == 0x7f)
			return true;
	return false;
}

static enum err append(struct secret *secret, struct str text, const char *from, struct str place)
{
	if (text.len == 0)
		return refuse(secret, ERR_NOT_FOUND, from, place);
	if (has_control(text))
		return refuse(secret, ERR_MALFORMED, "there is a control character in ", place);
	if (buf_append(&secret->out, text) != OK)
		return refuse(secret, ERR_LIMIT, "more than 64 KiB with ", place);
	return OK;
}

static enum err append_env(struct secret *secret, struct str name)
{
	struct str key = arena_str(secret->reader->arena, name);

	if (!str_is_set(key))
		return refuse(secret, ERR_LIMIT, "the file is too large", STR(""));
	return append(secret, str_from_c(getenv(key.ptr)), "the environment has no ", key);
}

static enum err append_file(struct secret *secret, struct str name)
{
	struct str path = option_path(secret->reader, name);
	struct str content = {0}, text;
	struct diag diag = {0};
	enum err err;

	if (!str_is_set(path))
		return refuse(secret, ERR_LIMIT, "the file is too large", STR(""));
	err = config_file_read(secret->reader->arena, path.ptr, SECRET_BYTES, &diag, &content);
	if (err != OK)
		return option_fail_secret(secret->reader, err, secret->node, "%s: %s %s",
					  secret->name, diag.file, diag.text);
	text = content;
	while (text.len > 0 && (text.ptr[text.len - 1] == '\n' || text.ptr[text.len - 1] == '\r'))
		text.len--;
	err = append(secret, text, "there is nothing in ", path);
	crypt_wipe((void *)(uintptr_t)content.ptr, content.len);
	return err;
}

static enum err append_reference(struct secret *secret, struct str name)
{
	if (str_has_prefix(name, STR("env:")))
		return append_env(secret, str_sub(name, 4, name.len));
	if (str_has_prefix(name, STR("file:")))
		return append_file(secret, str_sub(name, 5, name.len));
	return refuse(secret, ERR_MALFORMED, "${...} must be ${env:NAME} or ${file:PATH}", STR(""));
}

static enum err expand(struct secret *secret)
{
	struct str left = secret->node->text;
	bool has_reference = false;
	enum err err = OK;

	while (err == OK && left.len > 0) {
		size_t dollar = str_index(left, '$');
		size_t close;

		if (buf_append(&secret->out, str_sub(left, 0, dollar)) != OK)
			return refuse(secret, ERR_LIMIT, "more than 64 KiB", STR(""));
		left = str_sub(left, dollar, left.len);
		if (left.len == 0)
			break;
		close = str_index(left, '}');
		if (left.len < 2 || left.ptr[1] != '{' || close == left.len)
			return refuse(secret, ERR_MALFORMED,
				      "a $ must begin ${env:NAME} or ${file:PATH}", STR(""));
		err = append_reference(secret, str_sub(left, 2, close - 2));
		left = str_sub(left, close + 1, left.len);
		has_reference = true;
	}
	if (err == OK && !has_reference)
		return refuse(secret, ERR_MALFORMED,
			      "a secret must not stand in this file: write ${env:NAME} or "
			      "${file:PATH}",
			      STR(""));
	return err;
}

enum err config_secret_read(struct option_reader *reader, const struct config_yaml *node,
			    const char *name, struct str *out)
{
	struct secret secret = {.reader = reader, .node = node, .name = name};
	struct str text;
	char *room;
	enum err err;

	/* All room at once: a block that moved would leave its content behind. */
	buf_init(&secret.out, SECRET_BYTES);
	err = buf_reserve(&secret.out, SECRET_BYTES, &room);
	if (err == OK)
		err = expand(&secret);
	if (err == OK) {
		text = arena_str(reader->arena, buf_str(&secret.out));
		if (str_is_set(text))
			*out = text;
		else
			err = refuse(&secret, ERR_LIMIT, "the file is too large", STR(""));
	}
	if (secret.out.ptr != NULL)
		crypt_wipe(secret.out.ptr, secret.out.cap);
	buf_fini(&secret.out);
	return err;
}
