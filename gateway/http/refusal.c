/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/http/refusal.h"

struct row {
	enum err err;
	unsigned status;
	struct str code;
	struct str text;
};

#define ROW(id, err, status, code, text) [REFUSAL_##id] = {err, status, STR(code), STR(text)}

static const struct row rows[] = {
	ROW(NONE, OK, 200, "none", ""),
	ROW(LINE_END, ERR_MALFORMED, 400, "line_end", "a line does not end in CR LF"),
	ROW(REQUEST_LINE, ERR_MALFORMED, 400, "request_line", "the request line is malformed"),
	ROW(METHOD, ERR_UNSUPPORTED, 501, "method", "the method is not supported"),
	ROW(VERSION, ERR_UNSUPPORTED, 505, "version", "only HTTP/1.1 and HTTP/1.0 are spoken here"),
	ROW(TARGET, ERR_MALFORMED, 400, "target", "the request target is malformed"),
	ROW(PATH, ERR_MALFORMED, 400, "path",
	    "the path has an escape, a parameter, a backslash, or an empty or dot-led segment"),
	ROW(TARGET_LIMIT, ERR_HEAD_LIMIT, 414, "target_limit", "the request target is too long"),
	ROW(FIELD_NAME, ERR_MALFORMED, 400, "field_name", "a field name is malformed"),
	ROW(FIELD_VALUE, ERR_MALFORMED, 400, "field_value",
	    "a field value has a control character"),
	ROW(FIELD_FOLD, ERR_MALFORMED, 400, "field_fold", "a field is folded over several lines"),
	ROW(FIELD_TWICE, ERR_MALFORMED, 400, "field_twice",
	    "a field that may stand once is there twice"),
	ROW(FIELD_LOOKALIKE, ERR_MALFORMED, 400, "field_lookalike",
	    "a field name differs from a known one only by underscores"),
	ROW(FIELD_COUNT, ERR_HEAD_LIMIT, 431, "field_count", "there are too many fields"),
	ROW(HEAD_LIMIT, ERR_HEAD_LIMIT, 431, "head_limit", "the head is too large"),
	ROW(HOST, ERR_MALFORMED, 400, "host", "exactly one valid Host field is needed"),
	ROW(CONNECTION, ERR_MALFORMED, 400, "connection", "the Connection field is malformed"),
	ROW(EXPECT, ERR_UNSUPPORTED, 417, "expect", "only Expect: 100-continue is understood"),
	ROW(LENGTH, ERR_MALFORMED, 400, "content_length", "the Content-Length is malformed"),
	ROW(TRANSFER, ERR_MALFORMED, 400, "transfer_encoding",
	    "the Transfer-Encoding is not a lone 'chunked', or is not allowed here"),
	ROW(CHUNK_SIZE, ERR_MALFORMED, 400, "chunk_size", "a chunk size is malformed"),
	ROW(CHUNK_EXTENSION, ERR_MALFORMED, 400, "chunk_extension", "chunk extensions are refused"),
	ROW(CHUNK_END, ERR_MALFORMED, 400, "chunk_end", "a chunk is not followed by CR LF"),
	ROW(CHUNK_OVERHEAD, ERR_MALFORMED, 400, "chunk_overhead", "the chunks are too small"),
	ROW(TRAILER, ERR_MALFORMED, 400, "trailer", "a trailer field is not allowed there"),
	ROW(BODY_LIMIT, ERR_LIMIT, 413, "body_limit", "the body is too large"),
	ROW(CUT, ERR_MALFORMED, 400, "cut", "the message ended before it was complete"),
	ROW(TIMEOUT, ERR_TIMEOUT, 408, "timeout", "the message did not arrive in time"),
	ROW(STATUS_LINE, ERR_MALFORMED, 400, "status_line", "the status line is malformed"),
	ROW(SWITCHING, ERR_UNSUPPORTED, 400, "switching", "the protocol may not be switched"),
	ROW(INFORMATIONAL, ERR_LIMIT, 400, "informational",
	    "there are too many informational responses"),
};

_Static_assert(ARRAY_LEN(rows) == REFUSAL_COUNT, "one row per refusal");

static const struct row *row_of(enum refusal refusal)
{
	ASSERT((size_t)refusal < ARRAY_LEN(rows));
	return &rows[refusal];
}

enum err refusal_err(enum refusal refusal)
{
	return row_of(refusal)->err;
}

unsigned refusal_status(enum refusal refusal)
{
	return row_of(refusal)->status;
}

struct str refusal_code(enum refusal refusal)
{
	return row_of(refusal)->code;
}

struct str refusal_text(enum refusal refusal)
{
	return row_of(refusal)->text;
}

enum err refusal_err_of_response(enum refusal refusal)
{
	enum err err = row_of(refusal)->err;

	if (err == ERR_LIMIT || err == ERR_HEAD_LIMIT)
		return ERR_LIMIT;
	return err == ERR_TIMEOUT ? ERR_TIMEOUT : ERR_UPSTREAM;
}
