/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/print_literal.h"

#include "policy/ext_text.h"
#include "policy/lex.h"

void print_put(struct print *p, struct str s)
{
	if (p->err == OK)
		p->err = buf_append(p->out, s);
}

void print_put_c(struct print *p, const char *s)
{
	print_put(p, str_from_c(s));
}

/* Strings ------------------------------------------------------------------------------------ */

/* Decodes the character at the start of s, which is UTF-8; returns its bytes. */
static size_t next_char(struct str s, uint32_t *out)
{
	uint32_t c = (unsigned char)s.ptr[0];
	size_t len = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;

	len = MIN(len, s.len);
	if (len > 1)
		c &= 0x7fU >> len;
	for (size_t i = 1; i < len; i++)
		c = c << 6 | ((unsigned char)s.ptr[i] & 0x3f);
	*out = c;
	return len;
}

/* Controls, and what cannot be seen or turns the text around it. */
static bool is_hidden(uint32_t c)
{
	static const struct {
		uint32_t first, last;
	} ranges[] = {
		{0x00, 0x1f},	  {0x7f, 0x9f},	    {0xad, 0xad},	{0x61c, 0x61c},
		{0x200b, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x206f},	{0xfe00, 0xfe0f},
		{0xfeff, 0xfeff}, {0xfff9, 0xfffb}, {0xe0000, 0xe0fff},
	};

	for (size_t i = 0; i < ARRAY_LEN(ranges); i++)
		if (c >= ranges[i].first && c <= ranges[i].last)
			return true;
	return false;
}

/* The short escape of c, or NULL. */
static const char *short_escape(uint32_t c, bool is_pattern)
{
	switch (c) {
	case '\n': return "\\n";
	case '\r': return "\\r";
	case '\t': return "\\t";
	case '\0': return "\\0";
	case '\\': return "\\\\";
	case '"': return "\\\"";
	case '*': return is_pattern ? "\\*" : NULL;
	default: return NULL;
	}
}

static void put_escaped(struct print *p, struct str s, bool is_pattern)
{
	size_t plain = 0; /* where what needs no escape begins */

	for (size_t at = 0, len; at < s.len; at += len) {
		const char *escape;
		uint32_t c;

		len = next_char(str_sub(s, at, s.len), &c);
		escape = short_escape(c, is_pattern);
		if (escape == NULL && !is_hidden(c))
			continue;
		print_put(p, str_sub(s, plain, at - plain));
		plain = at + len;
		if (escape != NULL)
			print_put_c(p, escape);
		else if (p->err == OK)
			p->err = buf_printf(p->out, "\\u{%x}", (unsigned)c);
	}
	print_put(p, str_sub(s, plain, s.len));
}

void print_string_literal(struct print *p, struct str s)
{
	print_put_c(p, "\"");
	put_escaped(p, s, false);
	print_put_c(p, "\"");
}

void print_pattern_literal(struct print *p, const struct pattern *pattern)
{
	print_put_c(p, "\"");
	for (size_t i = 0; i < pattern->count; i++) {
		if (i > 0)
			print_put_c(p, "*");
		put_escaped(p, pattern->pieces[i], true);
	}
	print_put_c(p, "\"");
}

void print_uid_literal(struct print *p, const struct uid *uid)
{
	print_put(p, uid->type);
	print_put_c(p, "::");
	print_string_literal(p, uid->id);
}

bool print_is_name(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];
		bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';

		if (!is_letter && (i == 0 || c < '0' || c > '9'))
			return false;
	}
	return s.len > 0 && !lex_is_reserved(s);
}

/* Behind `has` and in records. */
void print_key(struct print *p, struct str key)
{
	if (print_is_name(key))
		print_put(p, key);
	else
		print_string_literal(p, key);
}

/* Behind an expression. */
void print_attribute(struct print *p, struct str attr)
{
	if (print_is_name(attr)) {
		print_put_c(p, ".");
		print_put(p, attr);
	} else {
		print_put_c(p, "[");
		print_string_literal(p, attr);
		print_put_c(p, "]");
	}
}

/* Values ------------------------------------------------------------------------------------- */

static void put_long(struct print *p, int64_t number)
{
	if (p->err == OK)
		p->err = buf_append_i64(p->out, number);
}

/* A time that arithmetic made and no text names stands as the epoch and its distance. */
static void print_far_datetime(struct print *p, int64_t ms)
{
	print_put_c(p, "datetime(\"1970-01-01\").offset(duration(\"");
	put_long(p, ms);
	print_put_c(p, "ms\"))");
}

static void print_extension(struct print *p, struct value value)
{
	char text[EXT_TEXT_MAX];

	if (!ext_text(value, text)) {
		print_far_datetime(p, value.number);
		return;
	}
	print_put_c(p, fn_table[ext_constructor(value.kind)].name);
	print_put_c(p, "(\"");
	print_put_c(p, text);
	print_put_c(p, "\")");
}

static void print_value_set(struct print *p, const struct value_set *set)
{
	print_put_c(p, "[");
	for (size_t i = 0; i < set->count; i++) {
		print_put_c(p, i > 0 ? ", " : "");
		print_value_literal(p, set->items[i]);
	}
	print_put_c(p, "]");
}

static void print_value_record(struct print *p, const struct value_record *record)
{
	print_put_c(p, "{");
	for (size_t i = 0; i < record->count; i++) {
		print_put_c(p, i > 0 ? ", " : " ");
		print_key(p, record->fields[i].key->str);
		print_put_c(p, ": ");
		print_value_literal(p, record->fields[i].value);
	}
	print_put_c(p, record->count > 0 ? " }" : "}");
}

void print_value_literal(struct print *p, struct value value)
{
	switch (value.kind) {
	case VALUE_NONE: ASSERT(value.kind != VALUE_NONE); break;
	case VALUE_BOOL: print_put_c(p, value.boolean ? "true" : "false"); break;
	case VALUE_LONG: put_long(p, value.number); break;
	case VALUE_STRING: print_string_literal(p, value.text->str); break;
	case VALUE_ENTITY: print_uid_literal(p, value.uid); break;
	case VALUE_SET: print_value_set(p, value.set); break;
	case VALUE_RECORD: print_value_record(p, value.record); break;
	case VALUE_DECIMAL:
	case VALUE_IP:
	case VALUE_DATETIME:
	case VALUE_DURATION: print_extension(p, value); break;
	}
}
