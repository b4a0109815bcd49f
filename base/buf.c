/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define BUF_FIRST_BYTES 256

static void buf_check(const struct buf *buf)
{
	ASSERT(buf->len <= buf->max);
	ASSERT(buf->ptr != NULL || buf->cap == 0);
}

void buf_init(struct buf *buf, size_t max)
{
	ASSERT(max < SIZE_MAX / 2);
	*buf = (struct buf){.max = max};
}

void buf_fini(struct buf *buf)
{
	free(buf->ptr);
	*buf = (struct buf){.max = buf->max};
}

void buf_release(struct buf *buf)
{
	buf_fini(buf);
}

/* Room for `len` more bytes and one behind them, where vsnprintf puts its NUL. */
static enum err buf_grow(struct buf *buf, size_t len)
{
	size_t need, cap;
	char *ptr;

	if (len > buf->max - buf->len)
		return ERR_LIMIT;
	need = buf->len + len + 1;
	if (need <= buf->cap)
		return OK;
	cap = MIN(MAX(MAX(buf->cap * 2, need), BUF_FIRST_BYTES), buf->max + 1);
	ptr = realloc(buf->ptr, cap);
	ASSERT(ptr != NULL);
	buf->ptr = ptr;
	buf->cap = cap;
	return OK;
}

enum err buf_append(struct buf *buf, struct str s)
{
	enum err err;

	buf_check(buf);
	err = buf_grow(buf, s.len);
	if (err != OK)
		return err;
	if (s.len > 0)
		memcpy(buf->ptr + buf->len, s.ptr, s.len);
	buf->len += s.len;
	return OK;
}

enum err buf_append_byte(struct buf *buf, char c)
{
	return buf_append(buf, str_make(&c, 1));
}

enum err buf_printf(struct buf *buf, const char *fmt, ...)
{
	size_t room = buf->cap - buf->len;
	va_list args;
	enum err err;
	int len;

	buf_check(buf);
	va_start(args, fmt);
	len = vsnprintf(buf->ptr == NULL ? NULL : buf->ptr + buf->len, room, fmt, args);
	va_end(args);
	ASSERT(len >= 0);
	err = buf_grow(buf, (size_t)len);
	if (err != OK)
		return err;
	if ((size_t)len >= room) {
		va_start(args, fmt);
		vsnprintf(buf->ptr + buf->len, (size_t)len + 1, fmt, args);
		va_end(args);
	}
	buf->len += (size_t)len;
	return OK;
}

enum err buf_append_u64(struct buf *buf, uint64_t value)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + value % 10);
		value /= 10;
	} while (value != 0);
	return buf_append(buf, str_make(digits + at, sizeof(digits) - at));
}

enum err buf_append_i64(struct buf *buf, int64_t value)
{
	size_t before = buf->len;
	enum err err;

	if (value >= 0)
		return buf_append_u64(buf, (uint64_t)value);
	err = buf_append_byte(buf, '-');
	if (err == OK)
		err = buf_append_u64(buf, 0U - (uint64_t)value);
	if (err != OK)
		buf->len = before;
	return err;
}

/* Eight bytes at a time: a byte's high bit is set in the result when it is below 0x20, a quote, a
 * backslash, DEL or not ASCII. Carries can mark too much behind a true one, never too little. */
static uint64_t json_special_bytes(uint64_t word)
{
	const uint64_t ones = 0x0101010101010101U, highs = 0x8080808080808080U;
	uint64_t quote = word ^ ones * '"', slash = word ^ ones * '\\', del = word ^ ones * 0x7F;

	return (word | (word - ones * 0x20) | (quote - ones) | (slash - ones) | (del - ones)) &
	       highs;
}

size_t buf_json_plain(struct str s)
{
	size_t at = 0;

	for (uint64_t word; at + sizeof(word) <= s.len; at += sizeof(word)) {
		memcpy(&word, s.ptr + at, sizeof(word));
		if (json_special_bytes(word) != 0)
			break;
	}
	while (at < s.len) {
		unsigned char c = (unsigned char)s.ptr[at];

		if (c < 0x20 || c == '"' || c == '\\' || c >= 0x7F)
			break;
		at++;
	}
	return at;
}

static enum err json_append_ascii(struct buf *buf, unsigned char c)
{
	static const char letters[] = "btn\0fr"; /* for U+0008 to U+000D */

	if (c == '"' || c == '\\')
		return buf_append(buf, str_make((char[]){'\\', (char)c}, 2));
	if (c >= 8 && c <= 13 && letters[c - 8] != '\0')
		return buf_append(buf, str_make((char[]){'\\', letters[c - 8]}, 2));
	return buf_printf(buf, "\\u%04x", (unsigned)c);
}

/* The bytes of the sequence that starts at s: its length if it is UTF-8, else 0. */
static size_t json_utf8_len(struct str s)
{
	unsigned char lead = (unsigned char)s.ptr[0];
	size_t need = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;

	return s.len >= need && str_is_utf8(str_make(s.ptr, need)) ? need : 0;
}

/* One byte or sequence that is not plain; *at moves behind it. */
static enum err json_append_special(struct buf *buf, struct str s, size_t *at)
{
	struct str rest = str_sub(s, *at, s.len);
	size_t len;

	if ((unsigned char)rest.ptr[0] < 0x80) {
		(*at)++;
		return json_append_ascii(buf, (unsigned char)rest.ptr[0]);
	}
	len = json_utf8_len(rest);
	*at += MAX(len, 1);
	if (len == 0)
		return buf_append(buf, STR("\xEF\xBF\xBD"));
	/* Line separators are legal JSON and illegal in older JavaScript strings. */
	if (str_has_prefix(rest, STR("\xE2\x80\xA8")))
		return buf_append(buf, STR("\\u2028"));
	if (str_has_prefix(rest, STR("\xE2\x80\xA9")))
		return buf_append(buf, STR("\\u2029"));
	return buf_append(buf, str_make(rest.ptr, len));
}

enum err buf_append_json(struct buf *buf, struct str s)
{
	size_t before = buf->len;
	enum err err = buf_append_byte(buf, '"');
	size_t at = 0;

	while (err == OK && at < s.len) {
		size_t run = buf_json_plain(str_sub(s, at, s.len));

		if (run > 0)
			err = buf_append(buf, str_make(s.ptr + at, run));
		at += run;
		if (err == OK && at < s.len)
			err = json_append_special(buf, s, &at);
	}
	if (err == OK)
		err = buf_append_byte(buf, '"');
	if (err != OK)
		buf->len = before;
	return err;
}

enum err buf_reserve(struct buf *buf, size_t len, char **out_ptr)
{
	enum err err;

	buf_check(buf);
	err = buf_grow(buf, len);
	if (err == OK)
		*out_ptr = buf->ptr + buf->len;
	return err;
}

void buf_commit(struct buf *buf, size_t len)
{
	ASSERT(buf->len + len < buf->cap);
	buf->len += len;
	buf_check(buf);
}

void buf_consume(struct buf *buf, size_t len)
{
	ASSERT(len <= buf->len);
	buf->len -= len;
	if (buf->len > 0 && len > 0)
		memmove(buf->ptr, buf->ptr + len, buf->len);
}
