/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/upstream/text.h"

#include <stdlib.h>
#include <string.h>

void text_reserve(struct text *text, size_t more)
{
	if (text->cap - text->len >= more)
		return;
	while (text->cap - text->len < more)
		text->cap = text->cap ? text->cap * 2 : 4096;
	text->ptr = realloc(text->ptr, text->cap);
	if (!text->ptr)
		abort();
}

void text_add(struct text *text, const char *ptr, size_t len)
{
	if (!len)
		return;
	text_reserve(text, len);
	memcpy(text->ptr + text->len, ptr, len);
	text->len += len;
}

void text_puts(struct text *text, const char *string)
{
	text_add(text, string, strlen(string));
}

void text_u128(struct text *text, unsigned __int128 value)
{
	char digits[40];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + (int)(value % 10));
		value /= 10;
	} while (value);
	text_add(text, digits + at, sizeof(digits) - at);
}

void text_u64(struct text *text, uint64_t value)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + (int)(value % 10));
		value /= 10;
	} while (value);
	text_add(text, digits + at, sizeof(digits) - at);
}

void text_quoted(struct text *text, struct span value)
{
	static const char hex[] = "0123456789abcdef";

	text_add(text, "\"", 1);
	for (size_t i = 0; i < value.len; i++) {
		unsigned char c = (unsigned char)value.ptr[i];
		char escaped[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};

		if (c == '"' || c == '\\' || c < 0x20)
			text_add(text, escaped, sizeof(escaped));
		else
			text_add(text, (const char *)&value.ptr[i], 1);
	}
	text_add(text, "\"", 1);
}

void text_free(struct text *text)
{
	free(text->ptr);
	*text = (struct text){0};
}

bool span_is(struct span span, const char *string)
{
	return span.len == strlen(string) && (span.len == 0 || !memcmp(span.ptr, string, span.len));
}

bool span_starts(struct span span, const char *prefix)
{
	size_t len = strlen(prefix);

	return span.len >= len && !memcmp(span.ptr, prefix, len);
}

bool span_ends(struct span span, const char *suffix)
{
	size_t len = strlen(suffix);

	return span.len >= len && !memcmp(span.ptr + span.len - len, suffix, len);
}

uint64_t span_u64(struct span span)
{
	uint64_t value = 0;

	for (size_t i = 0; i < span.len && span.ptr[i] >= '0' && span.ptr[i] <= '9'; i++)
		value = value * 10 + (uint64_t)(span.ptr[i] - '0');
	return value;
}

static const char *skip_blanks(const char *at, const char *end)
{
	while (at < end && (*at == ' ' || *at == '\n' || *at == '\t' || *at == '\r'))
		at++;
	return at;
}

/* From the opening quote to past the closing one; NULL when it is missing. */
static const char *skip_string(const char *at, const char *end)
{
	for (at++; at < end; at++) {
		if (*at == '\\')
			at++;
		else if (*at == '"')
			return at + 1;
	}
	return NULL;
}

/* Past one value; nesting is counted, not followed. NULL when the text ends before the value. */
static const char *skip_value(const char *at, const char *end)
{
	unsigned depth = 0;

	while (at < end) {
		char c = *at;

		if (c == '"') {
			at = skip_string(at, end);
			if (!at || !depth)
				return at;
			continue;
		}
		if (c == '{' || c == '[')
			depth++;
		else if ((c == '}' || c == ']') && depth <= 1)
			return at + depth;
		else if (c == '}' || c == ']')
			depth--;
		else if (!depth && (c == ',' || c == ' ' || c == '\n' || c == '\r' || c == '\t'))
			return at;
		at++;
	}
	return depth ? NULL : at;
}

bool json_enter(struct json_walk *walk, struct span value)
{
	const char *end = value.ptr + value.len;
	const char *at = value.len ? skip_blanks(value.ptr, end) : end;

	*walk = (struct json_walk){.at = at + 1, .end = end};
	if (at >= end || (*at != '{' && *at != '['))
		return false;
	walk->is_object = *at == '{';
	return true;
}

static bool walk_fail(struct json_walk *walk)
{
	walk->is_broken = walk->is_done = true;
	return false;
}

bool json_next(struct json_walk *walk, struct span *out_key, struct span *out_value)
{
	const char *at = skip_blanks(walk->at, walk->end), *after;

	*out_key = (struct span){0};
	if (walk->is_done || at >= walk->end)
		return walk->is_done ? false : walk_fail(walk);
	if (*at == (walk->is_object ? '}' : ']')) {
		walk->at = at + 1;
		walk->is_done = true;
		return false;
	}
	if (walk->is_object) {
		if (*at != '"' || !(after = skip_string(at, walk->end)))
			return walk_fail(walk);
		*out_key = (struct span){at + 1, (size_t)(after - at) - 2};
		at = skip_blanks(after, walk->end);
		if (at >= walk->end || *at != ':')
			return walk_fail(walk);
		at = skip_blanks(at + 1, walk->end);
	}
	after = at < walk->end ? skip_value(at, walk->end) : NULL;
	if (!after || after == at)
		return walk_fail(walk);
	*out_value = (struct span){at, (size_t)(after - at)};
	after = skip_blanks(after, walk->end);
	if (after < walk->end && *after == ',')
		after++;
	else if (after >= walk->end || *after != (walk->is_object ? '}' : ']'))
		return walk_fail(walk);
	walk->at = after;
	return true;
}

struct span json_string(struct span value)
{
	if (value.len < 2 || value.ptr[0] != '"')
		return (struct span){0};
	return (struct span){value.ptr + 1, value.len - 2};
}

uint64_t json_count(struct span array)
{
	struct json_walk walk;
	struct span key, value;
	uint64_t count = 0;

	if (!json_enter(&walk, array))
		return 0;
	while (json_next(&walk, &key, &value))
		count++;
	return count;
}
