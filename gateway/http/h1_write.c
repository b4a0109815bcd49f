/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one place where a head becomes bytes. Nothing that could end a line early
 * passes: every name, value, target and host is checked here, whoever built it.
 */
#include "gateway/http/grammar.h"
#include "gateway/http/h1.h"

static enum err write_line(struct buf *out, struct str a, struct str b, struct str c)
{
	char *at;
	enum err err = buf_reserve(out, a.len + b.len + c.len + 2, &at);

	if (err != OK)
		return err;
	memcpy(at, a.ptr, a.len);
	at += a.len;
	if (b.len > 0)
		memcpy(at, b.ptr, b.len);
	at += b.len;
	if (c.len > 0)
		memcpy(at, c.ptr, c.len);
	at += c.len;
	memcpy(at, "\r\n", 2);
	buf_commit(out, a.len + b.len + c.len + 2);
	return OK;
}

static enum err write_request_line(struct buf *out, const struct head_out *head)
{
	enum err err;

	if (head->target.len == 0 ||
	    grammar_span(head->target, GRAMMAR_TARGET) != head->target.len ||
	    !grammar_is_host(head->host) || head->framing == FRAMING_CLOSE)
		return ERR_INTERNAL;
	err = buf_append(out, method_name(head->method));
	if (err == OK)
		err = buf_append_byte(out, ' ');
	if (err == OK)
		err = write_line(out, head->target, STR(" HTTP/1.1"), STR(""));
	return err != OK ? err : write_line(out, STR("Host: "), head->host, STR(""));
}

static enum err write_status_line(struct buf *out, const struct head_out *head)
{
	char code[4] = {(char)('0' + head->status / 100), (char)('0' + head->status / 10 % 10),
			(char)('0' + head->status % 10), ' '};

	if (head->status < 100 || head->status > 599)
		return ERR_INTERNAL;
	return write_line(out, STR("HTTP/1.1 "), str_make(code, 4), status_reason(head->status));
}

static enum err write_fields(struct buf *out, const struct head_out *head, bool *out_has_date)
{
	bool has_date = false;

	for (size_t i = 0; i < head->field_count; i++) {
		const struct field *field = &head->fields[i];
		enum header id;
		enum err err;

		if (!grammar_is_token(field->name) || !grammar_is_value(field->value))
			return ERR_INTERNAL;
		/* The id is the owner's word; the name is what would be written. */
		id = header_find(field->name);
		if ((header_flags(id) & HEADER_HOP) != 0)
			continue;
		has_date |= id == HEADER_DATE;
		err = write_line(out, field->name, STR(": "), field->value);
		if (err != OK)
			return err;
	}
	*out_has_date = has_date;
	return OK;
}

static bool has_implied_length(const struct head_out *head)
{
	if (head->status == 0)
		return head->method != METHOD_POST && head->method != METHOD_PUT &&
		       head->method != METHOD_PATCH;
	return head->method == METHOD_HEAD || head->status < 200 || head->status == 204 ||
	       head->status == 304;
}

static enum err write_length(struct buf *out, uint64_t length)
{
	enum err err = buf_append(out, STR("Content-Length: "));

	if (err == OK)
		err = buf_append_u64(out, length);
	return err == OK ? buf_append(out, STR("\r\n")) : err;
}

static enum err write_framing(struct buf *out, const struct head_out *head)
{
	bool is_bare = head->status != 0 && (head->status < 200 || head->status == 204);

	switch (head->framing) {
	case FRAMING_NONE: return has_implied_length(head) ? OK : write_length(out, 0);
	case FRAMING_LENGTH:
		return is_bare ? ERR_INTERNAL : write_length(out, head->content_length);
	case FRAMING_CHUNKED:
		return is_bare ? ERR_INTERNAL
			       : buf_append(out, STR("Transfer-Encoding: chunked\r\n"));
	case FRAMING_CLOSE: return is_bare ? ERR_INTERNAL : OK;
	}
	return ERR_INTERNAL;
}

static enum err write_head(struct buf *out, const struct head_out *head, bool close,
			   struct str date)
{
	bool has_date = false;
	enum err err =
		head->status == 0 ? write_request_line(out, head) : write_status_line(out, head);

	if (err == OK)
		err = write_fields(out, head, &has_date);
	if (err == OK && head->status >= 200 && !has_date && date.len > 0)
		err = write_line(out, STR("Date: "), date, STR(""));
	if (err == OK)
		err = write_framing(out, head);
	if (err == OK && close)
		err = buf_append(out, STR("Connection: close\r\n"));
	return err == OK ? buf_append(out, STR("\r\n")) : err;
}

enum err h1_write_head(struct buf *out, const struct head_out *head, bool close, struct str date)
{
	size_t len = out->len;
	enum err err;

	ASSERT(close || head->framing != FRAMING_CLOSE);
	err = write_head(out, head, close, date);
	if (err != OK)
		out->len = len;
	return err;
}

size_t h1_write_chunk_size(uint64_t len, char out[static 20])
{
	size_t digits = 1;

	while (digits < 16 && len >> (4 * digits) != 0)
		digits++;
	for (size_t i = 0; i < digits; i++)
		out[i] = "0123456789abcdef"[len >> (4 * (digits - 1 - i)) & 15];
	memcpy(out + digits, "\r\n", 2);
	return digits + 2;
}
