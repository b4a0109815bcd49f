/* SPDX-License-Identifier: Apache-2.0 */
/*
 *   value  = object | array | string | number | "true" | "false" | "null"
 *   object = "{" [string ":" value {"," string ":" value}] "}"
 *   array  = "[" [value {"," value}] "]"
 *
 * A loop around the innermost open container: each turn adds one value to it or
 * closes it, and `up` leads back out, so that depth costs no stack.
 */
#include "policy/json_tree.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/jescape.h"
#include "base/jnumber.h"
#include "policy/lex.h"
#include "policy/sort.h"

/* Names of an object up to this many are compared each with each. */
#define FEW_NAMES 16

struct json_read {
	struct arena *arena;
	struct str text;
	size_t at;
	struct json_tree *open; /* the innermost container; NULL: all are closed */
	unsigned depth;
	struct json_tree_fault *fault;
};

PRINTF_LIKE(4, 5)
static bool read_fail(struct json_read *r, enum err err, size_t at, const char *fmt, ...)
{
	va_list args;

	r->fault->err = err;
	r->fault->at = at;
	va_start(args, fmt);
	(void)vsnprintf(r->fault->text, sizeof(r->fault->text), fmt, args);
	va_end(args);
	return false;
}

static bool fail_memory(struct json_read *r)
{
	return read_fail(r, ERR_LIMIT, r->at, "memory limit reached (`arena_bytes`)");
}

static bool fail_expected(struct json_read *r, const char *what)
{
	struct str rest = str_sub(r->text, r->at, 40);
	size_t len = 1;

	if (rest.len == 0)
		return read_fail(r, ERR_MALFORMED, r->at, "expected %s, found the end of the text",
				 what);
	while (len < rest.len && ((unsigned char)rest.ptr[len] & 0xc0) == 0x80)
		len++;
	return read_fail(r, ERR_MALFORMED, r->at, "expected %s, found `" STR_FMT "`", what,
			 (int)len, rest.ptr);
}

static void skip_blanks(struct json_read *r)
{
	while (r->at < r->text.len && memchr(" \n\r\t", r->text.ptr[r->at], 4) != NULL)
		r->at++;
}

/* Past the byte when it is the next one behind blanks. */
static bool take(struct json_read *r, char c)
{
	skip_blanks(r);
	if (r->at == r->text.len || r->text.ptr[r->at] != c)
		return false;
	r->at++;
	return true;
}

/* What stands between the quotes, of which the second is found; escapes are what they may be. */
static bool unescape(struct json_read *r, struct str raw, struct str *out)
{
	char *bytes = arena_alloc(r->arena, raw.len);
	struct jescape escape = {0};
	size_t len = 0;

	if (bytes == NULL)
		return fail_memory(r);
	for (size_t i = 0; i < raw.len; i++) {
		char decoded[JESCAPE_OUT];
		size_t count = 0;

		if (jescape_is_open(&escape)) {
			if (!jescape_feed(&escape, raw.ptr[i], decoded, &count))
				return read_fail(r, ERR_MALFORMED,
						 (size_t)(raw.ptr - r->text.ptr) + i,
						 "not an escape of JSON");
			memcpy(bytes + len, decoded, count);
			len += count;
		} else if (raw.ptr[i] == '\\') {
			jescape_begin(&escape);
		} else {
			bytes[len++] = raw.ptr[i];
		}
	}
	if (jescape_is_open(&escape))
		return read_fail(r, ERR_MALFORMED, r->at, "half of a surrogate pair");
	*out = str_make(bytes, len);
	return true;
}

/* Stands on the opening quote. */
static bool read_string(struct json_read *r, struct str *out)
{
	size_t start = r->at++;
	bool has_escape = false;
	struct str raw;

	for (; r->at < r->text.len && r->text.ptr[r->at] != '"'; r->at++) {
		if ((unsigned char)r->text.ptr[r->at] < ' ')
			return read_fail(r, ERR_MALFORMED, r->at,
					 "a control character in a string must be escaped");
		if (r->text.ptr[r->at] == '\\') {
			has_escape = true;
			r->at++;
		}
	}
	if (r->at >= r->text.len)
		return read_fail(r, ERR_MALFORMED, start, "string is not closed");
	raw = str_sub(r->text, start + 1, r->at - start - 1);
	if (!str_is_utf8(raw))
		return read_fail(r, ERR_MALFORMED, start, "string is not UTF-8");
	if (has_escape && !unescape(r, raw, out))
		return false;
	if (!has_escape)
		*out = raw;
	r->at++;
	return true;
}

static bool read_number(struct json_read *r, struct json_tree *node)
{
	uint8_t state = JNUMBER_START;
	const char *end = jnumber_feed(&state, r->text.ptr + r->at, r->text.ptr + r->text.len);
	struct str digits = str_make(r->text.ptr + r->at, (size_t)(end - r->text.ptr) - r->at);

	if (!jnumber_is_whole(state))
		return read_fail(r, ERR_MALFORMED, r->at, "not a number of JSON");
	/* -0 is a fraction's zero to the official reader. */
	node->kind = str_to_i64(digits, &node->integer) == OK && !str_eq(digits, STR("-0"))
			     ? JSON_TREE_INTEGER
			     : JSON_TREE_NUMBER;
	r->at += digits.len;
	return true;
}

static bool read_word(struct json_read *r, struct json_tree *node)
{
	static const struct {
		struct str word;
		enum json_tree_kind kind;
		bool boolean;
	} words[] = {
		{{"true", 4}, JSON_TREE_BOOL, true},
		{{"false", 5}, JSON_TREE_BOOL, false},
		{{"null", 4}, JSON_TREE_NULL, false},
	};

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (str_has_prefix(str_sub(r->text, r->at, 5), words[i].word)) {
			node->kind = words[i].kind;
			node->boolean = words[i].boolean;
			r->at += words[i].word.len;
			return true;
		}
	return fail_expected(r, "a value");
}

static bool open_container(struct json_read *r, struct json_tree *node, enum json_tree_kind kind)
{
	if (r->depth == JSON_TREE_DEPTH)
		return read_fail(r, ERR_LIMIT, r->at, "JSON is nested deeper than %d levels",
				 JSON_TREE_DEPTH);
	node->kind = kind;
	r->open = node;
	r->depth++;
	r->at++;
	return true;
}

/* Into a node that is placed already. */
static bool read_value(struct json_read *r, struct json_tree *node)
{
	char c = '\0';

	skip_blanks(r);
	if (r->at < r->text.len)
		c = r->text.ptr[r->at];
	node->at = (uint32_t)r->at;
	if (c == '{')
		return open_container(r, node, JSON_TREE_OBJECT);
	if (c == '[')
		return open_container(r, node, JSON_TREE_ARRAY);
	if (c == '"') {
		node->kind = JSON_TREE_STRING;
		return read_string(r, &node->string);
	}
	return c == '-' || (c >= '0' && c <= '9') ? read_number(r, node) : read_word(r, node);
}

static int order_names(const void *a, const void *b)
{
	return str_cmp((*(const struct json_tree *const *)a)->name,
		       (*(const struct json_tree *const *)b)->name);
}

/* The first member that has the name of an earlier one; *out NULL: there is none. */
static bool find_twin(struct json_read *r, const struct json_tree *object,
		      const struct json_tree **out)
{
	struct arena_mark mark = arena_mark(r->arena);
	const struct json_tree **sorted;
	size_t count = 0;

	*out = NULL;
	if (object->count <= FEW_NAMES) {
		for (const struct json_tree *a = object->first; a != NULL; a = a->next)
			for (const struct json_tree *b = object->first; *out == NULL && b != a;
			     b = b->next)
				*out = str_eq(a->name, b->name) ? a : NULL;
		return true;
	}
	sorted = arena_array(r->arena, object->count, sizeof(*sorted));
	for (struct json_tree *a = object->first; sorted != NULL && a != NULL; a = a->next)
		sorted[count++] = a;
	if (sorted == NULL || !sort_stable(r->arena, sorted, count, sizeof(*sorted), order_names))
		return fail_memory(r);
	for (size_t i = 1; i < count; i++)
		if (str_eq(sorted[i - 1]->name, sorted[i]->name) &&
		    (*out == NULL || sorted[i]->name_at < (*out)->name_at))
			*out = sorted[i];
	arena_rewind(r->arena, mark);
	return true;
}

static bool close_container(struct json_read *r)
{
	const struct json_tree *twin = NULL;

	if (r->open->kind == JSON_TREE_OBJECT && !find_twin(r, r->open, &twin))
		return false;
	if (twin != NULL)
		return read_fail(r, ERR_MALFORMED, twin->name_at,
				 "member \"" STR_FMT "\" stands twice in one object",
				 (int)MIN(twin->name.len, 80), twin->name.ptr);
	r->open = r->open->up;
	r->depth--;
	return true;
}

static bool read_name(struct json_read *r, struct json_tree *node)
{
	skip_blanks(r);
	if (r->at == r->text.len || r->text.ptr[r->at] != '"')
		return fail_expected(r, "a member's name in quotes");
	node->name_at = (uint32_t)r->at;
	if (!read_string(r, &node->name))
		return false;
	return take(r, ':') || fail_expected(r, "`:` behind a member's name");
}

/* One more element or member of the open container, or its end. */
static bool read_next(struct json_read *r)
{
	bool is_object = r->open->kind == JSON_TREE_OBJECT;
	struct json_tree *parent = r->open;
	struct json_tree *node;

	if (take(r, is_object ? '}' : ']'))
		return close_container(r);
	if (parent->count > 0 && !take(r, ','))
		return fail_expected(r, is_object ? "`,` or `}`" : "`,` or `]`");
	node = arena_zalloc(r->arena, sizeof(*node));
	if (node == NULL)
		return fail_memory(r);
	node->up = parent;
	if (parent->last == NULL)
		parent->first = node;
	else
		parent->last->next = node;
	parent->last = node;
	parent->count++;
	return (!is_object || read_name(r, node)) && read_value(r, node);
}

const struct json_tree *json_tree_parse(struct arena *arena, struct str text,
					struct json_tree_fault *out_fault)
{
	struct json_tree *root = arena_zalloc(arena, sizeof(*root));
	struct json_read r = {.arena = arena, .text = text, .fault = out_fault};
	bool is_fine = root != NULL || fail_memory(&r);

	if (is_fine && text.len > UINT32_MAX)
		is_fine = read_fail(&r, ERR_LIMIT, 0, "text is longer than 4 GiB");
	is_fine = is_fine && read_value(&r, root);
	while (is_fine && r.open != NULL)
		is_fine = read_next(&r);
	skip_blanks(&r);
	if (is_fine && r.at < text.len)
		is_fine = fail_expected(&r, "the end of the text");
	return is_fine ? root : NULL;
}

const struct json_tree *json_tree_get(const struct json_tree *tree, struct str name)
{
	if (!json_tree_is(tree, JSON_TREE_OBJECT))
		return NULL;
	for (const struct json_tree *member = tree->first; member != NULL; member = member->next)
		if (str_eq(member->name, name))
			return member;
	return NULL;
}

bool json_tree_is(const struct json_tree *tree, enum json_tree_kind kind)
{
	return tree != NULL && tree->kind == kind;
}

const char *json_tree_kind_name(enum json_tree_kind kind)
{
	switch (kind) {
	case JSON_TREE_NULL: return "null";
	case JSON_TREE_BOOL: return "a boolean";
	case JSON_TREE_INTEGER: return "an integer";
	case JSON_TREE_NUMBER: return "a number that is no 64-bit integer";
	case JSON_TREE_STRING: return "a string";
	case JSON_TREE_ARRAY: return "an array";
	case JSON_TREE_OBJECT: break;
	}
	return "an object";
}

enum err json_tree_diag(struct diag *diag, enum err err, const char *file, struct str text,
			size_t at, const char *fmt, ...)
{
	char message[sizeof(diag->text)];
	unsigned line;
	unsigned column;
	va_list args;

	if (diag == NULL)
		return err;
	va_start(args, fmt);
	(void)vsnprintf(message, sizeof(message), fmt, args);
	va_end(args);
	lex_position(text, at, &line, &column);
	diag_set(diag, err, file, line, column, "%s", message);
	diag_set_source(diag, text.ptr, text.len);
	return err;
}
