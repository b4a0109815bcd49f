/* SPDX-License-Identifier: Apache-2.0 */
/* What stands between quotes. Escapes: \n \r \t \0 \\ \' \" \xHH up to 7F, \u{1 to 6 digits}; in
 * patterns also \*. A bare carriage return is refused, as the official reader does. */
#include "policy/lex.h"

struct unescape {
	struct lex *lex;
	struct str raw;
	uint32_t at; /* of the raw text in the source */
	size_t next;
	char *out;
	size_t len;
	bool is_pattern;
	bool is_wildcard; /* what was read last */
};

static void bad_escape(struct unescape *u, size_t from, const char *why)
{
	lex_fail(u->lex, ERR_MALFORMED, u->at + (uint32_t)from, "%s", why);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static void put_code_point(struct unescape *u, uint32_t c)
{
	if (c < 0x80) {
		u->out[u->len++] = (char)c;
		return;
	}
	if (c < 0x800) {
		u->out[u->len++] = (char)(0xc0 | c >> 6);
	} else {
		if (c < 0x10000) {
			u->out[u->len++] = (char)(0xe0 | c >> 12);
		} else {
			u->out[u->len++] = (char)(0xf0 | c >> 18);
			u->out[u->len++] = (char)(0x80 | (c >> 12 & 0x3f));
		}
		u->out[u->len++] = (char)(0x80 | (c >> 6 & 0x3f));
	}
	u->out[u->len++] = (char)(0x80 | (c & 0x3f));
}

/* Behind "\x". */
static uint32_t escape_byte(struct unescape *u, size_t from)
{
	int high = u->next < u->raw.len ? hex_digit(u->raw.ptr[u->next]) : -1;
	int low = u->next + 1 < u->raw.len ? hex_digit(u->raw.ptr[u->next + 1]) : -1;

	if (high < 0 || low < 0 || high > 7) {
		bad_escape(u, from, "\\x takes two hex digits, at most 7F");
		return 0;
	}
	u->next += 2;
	return (uint32_t)(high * 16 + low);
}

/* Behind "\u". */
static uint32_t escape_unicode(struct unescape *u, size_t from)
{
	struct str rest = str_sub(u->raw, u->next, u->raw.len);
	size_t close = str_index(rest, '}');
	uint32_t c = 0;
	unsigned digits = 0;
	bool is_fine = rest.len > 1 && rest.ptr[0] == '{' && close < rest.len && rest.ptr[1] != '_';

	for (size_t i = 1; is_fine && i < close; i++) {
		int digit = hex_digit(rest.ptr[i]);

		if (rest.ptr[i] == '_')
			continue;
		is_fine = digit >= 0 && ++digits <= 6;
		c = c << 4 | (uint32_t)(digit & 15);
	}
	if (!is_fine || digits == 0 || c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) {
		bad_escape(u, from, "\\u takes {1 to 6 hex digits} of a Unicode scalar value");
		return 0;
	}
	u->next += close + 1;
	return c;
}

/* One character or escape; false at the end or on an error. */
static bool unescape_next(struct unescape *u)
{
	static const char plain[] = "n\nr\rt\t0\0\\\\''\"\"";
	size_t from = u->next;
	uint32_t c = 0;
	char mark;

	u->is_wildcard = false;
	if (u->next >= u->raw.len || u->lex->err != OK)
		return false;
	mark = u->raw.ptr[u->next++];
	if (mark == '\r')
		bad_escape(u, from, "a bare carriage return in a string: write \\r");
	if (mark != '\\') {
		u->is_wildcard = u->is_pattern && mark == '*';
		if (!u->is_wildcard)
			u->out[u->len++] = mark;
		return true;
	}
	mark = u->next < u->raw.len ? u->raw.ptr[u->next++] : '\0';
	if (u->is_pattern && mark == '*') {
		u->out[u->len++] = '*';
		return true;
	}
	if (mark == 'x' || mark == 'u') {
		c = mark == 'x' ? escape_byte(u, from) : escape_unicode(u, from);
		u->is_wildcard = u->is_pattern && c == '*';
		if (!u->is_wildcard)
			put_code_point(u, c);
		return true;
	}
	for (size_t i = 0; i + 1 < sizeof(plain); i += 2)
		if (mark == plain[i] && mark != '\0') {
			u->out[u->len++] = plain[i + 1];
			return true;
		}
	bad_escape(
		u, from,
		u->is_pattern
			? "unknown escape: there are \\n \\r \\t \\0 \\\\ \\' \\\" \\xHH \\u{H} \\*"
			: "unknown escape: there are \\n \\r \\t \\0 \\\\ \\' \\\" \\xHH \\u{H}");
	return false;
}

static struct unescape unescape_start(struct lex *lex, const struct token *token)
{
	struct unescape u = {.lex = lex, .raw = token->text, .at = token->at + 1};

	u.out = arena_alloc(lex->arena, token->text.len + 1);
	if (u.out == NULL) {
		lex_fail_memory(lex);
		u.raw.len = 0;
	}
	return u;
}

struct str lex_string(struct lex *lex, const struct token *token)
{
	struct unescape u = unescape_start(lex, token);

	while (unescape_next(&u))
		;
	return lex->err == OK ? str_make(u.out, u.len) : STR("");
}

struct pattern lex_pattern(struct lex *lex, const struct token *token)
{
	struct unescape u = unescape_start(lex, token);
	struct lex_list pieces = {.size = sizeof(struct str)};
	struct str piece = str_make(u.out, 0);
	size_t from = 0;

	u.is_pattern = true;
	while (unescape_next(&u)) {
		if (!u.is_wildcard)
			continue;
		piece = str_make(u.out + from, u.len - from);
		lex_list_push(lex, &pieces, &piece, SIZE_MAX);
		from = u.len;
	}
	if (u.out != NULL)
		piece = str_make(u.out + from, u.len - from);
	lex_list_push(lex, &pieces, &piece, SIZE_MAX);
	return (struct pattern){pieces.count, (const struct str *)(const void *)pieces.items};
}
