/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/lex.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/suggest.h"

#define FOUND_SHOWN 60 /* bytes of what was found instead */

static bool is_ident_start(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

void lex_place_move(struct lex_place *place, struct str text, size_t at)
{
	if (at < place->at)
		*place = (struct lex_place){.line = 1, .column = 1};
	for (; place->at < at && place->at < text.len; place->at++) {
		if (text.ptr[place->at] == '\n') {
			place->line++;
			place->column = 1;
		} else if (((unsigned char)text.ptr[place->at] & 0xc0) != 0x80) {
			place->column++;
		}
	}
}

void lex_place_show(const struct lex_place *place, struct str text, struct diag *diag)
{
	size_t start = MIN(place->at, text.len);

	if (diag == NULL)
		return;
	diag->line = place->line;
	if (text.len == 0)
		return;
	while (start > 0 && text.ptr[start - 1] != '\n')
		start--;
	diag->line = 1; /* of what is searched: the line itself */
	diag_set_source(diag, text.ptr + start, text.len - start);
	diag->line = place->line;
}

void lex_position(struct str text, size_t at, unsigned *out_line, unsigned *out_column)
{
	struct lex_place place = {.line = 1, .column = 1};

	lex_place_move(&place, text, at);
	*out_line = place.line;
	*out_column = place.column;
}

void lex_fail(struct lex *lex, enum err err, uint32_t at, const char *fmt, ...)
{
	char message[sizeof(lex->diag->text)];
	va_list args;

	if (lex->err != OK)
		return;
	va_start(args, fmt);
	(void)vsnprintf(message, sizeof(message), fmt, args);
	va_end(args);
	lex_place_move(&lex->place, lex->text, at);
	lex->err = diag_set(lex->diag, err, lex->file, lex->place.line, lex->place.column, "%s",
			    message);
	lex_place_show(&lex->place, lex->text, lex->diag);
	lex->token = (struct token){.kind = TOKEN_END, .at = at};
}

void lex_fail_memory(struct lex *lex)
{
	lex_fail(lex, ERR_LIMIT, lex->token.at, "memory limit reached (limit `arena_bytes`)");
}

/* Shortened to its first line and to whole characters. */
static struct str shown(struct str found)
{
	size_t len = MIN(str_index(found, '\n'), FOUND_SHOWN);

	while (len < found.len && len > 0 && ((unsigned char)found.ptr[len] & 0xc0) == 0x80)
		len--;
	return str_sub(found, 0, len);
}

/* Tries what stands between backquotes in `words`. */
static void suggest_quoted(struct suggest *near, const char *words)
{
	struct str rest = str_from_c(words);
	struct str part;

	for (bool is_word = false; str_cut(&rest, '`', &part); is_word = !is_word)
		if (is_word)
			suggest_try(near, part);
}

/* What other languages write; NULL for anything else. */
static const char *meant_by(struct str found)
{
	static const char *const pairs[][2] = {
		{"and", "&&"}, {"or", "||"}, {"not", "!"}, {"=", "=="}};

	for (size_t i = 0; i < ARRAY_LEN(pairs); i++)
		if (str_eq(found, str_from_c(pairs[i][0])))
			return pairs[i][1];
	return NULL;
}

/* A string in which lines end just before the current token: mostly its quote was forgotten. */
static bool is_behind_long_string(const struct lex *lex)
{
	struct str between;

	if (lex->long_string == SIZE_MAX || lex->token.at < lex->long_end)
		return false;
	between = str_sub(lex->text, lex->long_end, lex->token.at - lex->long_end);
	return str_index(between, '\n') == between.len;
}

void lex_fail_near(struct lex *lex, const char *what, const char *near)
{
	const struct token *token = &lex->token;
	struct str found = str_sub(lex->text, token->at, lex->at - token->at);
	struct suggest suggest = {.word = found};
	const char *meant = meant_by(found);
	struct str shown_found = shown(found);

	if (lex->err != OK)
		return;
	if (token->kind == TOKEN_IDENT) {
		suggest_quoted(&suggest, what);
		suggest_quoted(&suggest, near);
	}
	if (meant != NULL)
		suggest = (struct suggest){.best = str_from_c(meant)};
	if (token->kind == TOKEN_END) {
		lex_fail(lex, ERR_MALFORMED, token->at, "expected %s, found the end of the text",
			 what);
	} else if (is_behind_long_string(lex)) {
		lex_place_move(&lex->place, lex->text, lex->long_string);
		lex_fail(lex, ERR_MALFORMED, token->at,
			 "expected %s, found `" STR_FMT
			 "` behind a string that began in line %u: is a quote missing there?",
			 what, STR_ARG(shown_found), lex->place.line);
	} else if (str_is_set(suggest.best) && suggest.distance < found.len) {
		lex_fail(lex, ERR_MALFORMED, token->at,
			 "expected %s, found `" STR_FMT "`; did you mean `" STR_FMT "`?", what,
			 STR_ARG(shown_found), STR_ARG(suggest.best));
	} else {
		lex_fail(lex, ERR_MALFORMED, token->at, "expected %s, found `" STR_FMT "`", what,
			 STR_ARG(shown_found));
	}
}

void lex_fail_expected(struct lex *lex, const char *what)
{
	lex_fail_near(lex, what, "");
}

/* Length in bytes of the white space character (Unicode White_Space) at s, or 0. */
static size_t white_space(struct str s)
{
	static const char *const wide[] = {
		"\xc2\x85",	"\xc2\xa0",	"\xe1\x9a\x80", "\xe2\x80\xa8",
		"\xe2\x80\xa9", "\xe2\x80\xaf", "\xe2\x81\x9f", "\xe3\x80\x80",
	};

	if (s.len > 0 && (s.ptr[0] == ' ' || (s.ptr[0] >= '\t' && s.ptr[0] <= '\r')))
		return 1;
	if (s.len >= 3 && memcmp(s.ptr, "\xe2\x80", 2) == 0 && (unsigned char)s.ptr[2] >= 0x80 &&
	    (unsigned char)s.ptr[2] <= 0x8a)
		return 3;
	for (size_t i = 0; i < ARRAY_LEN(wide); i++)
		if (str_has_prefix(s, str_from_c(wide[i])))
			return strlen(wide[i]);
	return 0;
}

/* Looked at byte by byte: a search for each kind of line end could run through all of the text for
 * each comment. */
static size_t comment_len(struct str s)
{
	size_t len = 0;

	while (len < s.len && s.ptr[len] != '\n' && s.ptr[len] != '\r')
		len++;
	return len;
}

static void skip_blank(struct lex *lex)
{
	for (;;) {
		struct str rest = str_sub(lex->text, lex->at, lex->text.len);
		size_t len = white_space(rest);

		if (len > 0)
			lex->at += len;
		else if (str_has_prefix(rest, STR("//")))
			lex->at += comment_len(rest);
		else
			return;
	}
}

static size_t ident_len(struct str s)
{
	size_t len = 0;

	if (s.len == 0 || !is_ident_start(s.ptr[0]))
		return 0;
	while (len < s.len && (is_ident_start(s.ptr[len]) || is_digit(s.ptr[len])))
		len++;
	return len;
}

static size_t lex_integer(struct lex *lex, struct str rest, struct token *token)
{
	size_t len = 0;

	token->kind = TOKEN_INTEGER;
	while (len < rest.len && is_digit(rest.ptr[len]))
		len++;
	for (size_t i = 0; i < len; i++)
		if (__builtin_mul_overflow(token->number, 10U, &token->number) ||
		    __builtin_add_overflow(token->number, (uint64_t)(rest.ptr[i] - '0'),
					   &token->number)) {
			lex_fail(lex, ERR_MALFORMED, token->at, "integer is out of range");
			break;
		}
	return len;
}

static size_t lex_quoted(struct lex *lex, struct str rest, struct token *token)
{
	size_t len = 1;

	while (len < rest.len && rest.ptr[len] != '"')
		len += rest.ptr[len] == '\\' ? 2 : 1;
	if (len >= rest.len) {
		lex_fail(lex, ERR_MALFORMED, token->at, "string is not closed");
		return 0;
	}
	if (memchr(rest.ptr, '\n', len) != NULL) {
		lex->long_string = token->at;
		lex->long_end = token->at + len + 1;
	}
	token->kind = TOKEN_STRING;
	token->text = str_sub(rest, 1, len - 1);
	return len + 1;
}

/* The character at s, which is UTF-8. */
static struct str first_character(struct str s)
{
	size_t len = 1;

	while (len < s.len && ((unsigned char)s.ptr[len] & 0xc0) == 0x80)
		len++;
	return str_sub(s, 0, len);
}

static void fail_character(struct lex *lex, struct str rest, uint32_t at)
{
	static const struct {
		const char *text;
		const char *advice;
	} known[] = {
		{"\xef\xbb\xbf", "a byte-order mark is not allowed: save the file without it"},
		{"'", "`'` is not allowed here: strings stand between \" and \""},
		{"\xe2\x80\x98", "a typographic quote is not allowed here: write \""},
		{"\xe2\x80\x99", "a typographic quote is not allowed here: write \""},
		{"\xe2\x80\x9c", "a typographic quote is not allowed here: write \""},
		{"\xe2\x80\x9d", "a typographic quote is not allowed here: write \""},
		{"&", "`&` is no operator: write `&&`"},
		{"|", "`|` is no operator: write `||`"},
		{"#", "`#` is not allowed here: a comment begins with //"},
	};
	struct str character = first_character(rest);

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (str_eq(character, str_from_c(known[i].text))) {
			lex_fail(lex, ERR_MALFORMED, at, "%s", known[i].advice);
			return;
		}
	if ((unsigned char)character.ptr[0] < 0x20 || character.ptr[0] == 0x7f)
		lex_fail(lex, ERR_MALFORMED, at, "control character 0x%02x is not allowed here",
			 (unsigned)(unsigned char)character.ptr[0]);
	else
		lex_fail(lex, ERR_MALFORMED, at, "`" STR_FMT "` is not allowed here",
			 STR_ARG(character));
}

static size_t lex_punctuation(struct lex *lex, struct str rest, struct token *token)
{
	static const struct {
		const char *text;
		enum token_kind kind;
	} marks[] = {
		{"::", TOKEN_PATH},    {"==", TOKEN_EQ},    {"!=", TOKEN_NE},
		{"<=", TOKEN_LE},      {">=", TOKEN_GE},    {"&&", TOKEN_AND},
		{"||", TOKEN_OR},      {"(", TOKEN_LPAREN}, {")", TOKEN_RPAREN},
		{"{", TOKEN_LBRACE},   {"}", TOKEN_RBRACE}, {"[", TOKEN_LBRACKET},
		{"]", TOKEN_RBRACKET}, {",", TOKEN_COMMA},  {";", TOKEN_SEMICOLON},
		{":", TOKEN_COLON},    {".", TOKEN_DOT},    {"@", TOKEN_AT},
		{"<", TOKEN_LT},       {">", TOKEN_GT},	    {"+", TOKEN_PLUS},
		{"-", TOKEN_MINUS},    {"*", TOKEN_STAR},   {"/", TOKEN_SLASH},
		{"%", TOKEN_PERCENT},  {"!", TOKEN_NOT},    {"=", TOKEN_ASSIGN},
		{"?", TOKEN_QUESTION},
	};

	if (str_has_prefix(rest, STR("/*"))) {
		lex_fail(lex, ERR_MALFORMED, token->at,
			 "`/*` is not allowed here: a comment is // to the end of the line");
		return 0;
	}
	for (size_t i = 0; i < ARRAY_LEN(marks); i++) {
		struct str mark = str_from_c(marks[i].text);

		if (!str_has_prefix(rest, mark))
			continue;
		token->kind = marks[i].kind;
		token->text = str_sub(rest, 0, mark.len);
		return mark.len;
	}
	fail_character(lex, rest, token->at);
	return 0;
}

void lex_advance(struct lex *lex)
{
	struct token token = {.kind = TOKEN_END};
	struct str rest;
	size_t len;

	if (lex->err != OK)
		return;
	skip_blank(lex);
	rest = str_sub(lex->text, lex->at, lex->text.len);
	token.at = (uint32_t)lex->at;
	len = ident_len(rest);
	if (len > 0) {
		token.kind = TOKEN_IDENT;
		token.text = str_sub(rest, 0, len);
	} else if (rest.len > 0 && is_digit(rest.ptr[0])) {
		len = lex_integer(lex, rest, &token);
		token.text = str_sub(rest, 0, len);
	} else if (rest.len > 0 && rest.ptr[0] == '"') {
		len = lex_quoted(lex, rest, &token);
	} else if (lex->has_slots && rest.len > 1 && rest.ptr[0] == '?' &&
		   is_ident_start(rest.ptr[1])) {
		len = 1 + ident_len(str_sub(rest, 1, rest.len));
		token.kind = TOKEN_SLOT;
		token.text = str_sub(rest, 1, len - 1);
	} else if (rest.len > 0) {
		len = lex_punctuation(lex, rest, &token);
	}
	if (lex->err != OK)
		return;
	lex->at += len;
	lex->token = token;
}

static size_t first_bad_byte(struct str text)
{
	size_t at = 0;
	size_t len = 1;

	while (len <= 4) {
		for (len = 1; len <= 4 && !str_is_utf8(str_sub(text, at, len)); len++)
			;
		at += len <= 4 ? len : 0;
	}
	return at;
}

void lex_init(struct lex *lex, const char *file, struct str text, struct arena *arena,
	      bool has_slots, struct diag *diag)
{
	*lex = (struct lex){
		.text = text,
		.file = file,
		.diag = diag,
		.arena = arena,
		.has_slots = has_slots,
		.long_string = SIZE_MAX,
		.place = {.line = 1, .column = 1},
	};
	if (text.len > UINT32_MAX)
		lex_fail(lex, ERR_LIMIT, 0, "text is longer than 4 GiB");
	else if (!str_is_utf8(text))
		lex_fail(lex, ERR_MALFORMED, (uint32_t)first_bad_byte(text),
			 "text is not valid UTF-8");
	if (lex->err != OK)
		lex->text.len = 0; /* nothing of it can be read */
	lex_advance(lex);
}

bool lex_take(struct lex *lex, enum token_kind kind)
{
	if (lex->token.kind != kind || lex->err != OK)
		return false;
	lex_advance(lex);
	return true;
}

bool lex_is_word(const struct lex *lex, struct str word)
{
	return lex->token.kind == TOKEN_IDENT && str_eq(lex->token.text, word);
}

bool lex_take_word(struct lex *lex, struct str word)
{
	if (!lex_is_word(lex, word))
		return false;
	lex_advance(lex);
	return true;
}

void lex_expect(struct lex *lex, enum token_kind kind, const char *what)
{
	if (!lex_take(lex, kind))
		lex_fail_expected(lex, what);
}

bool lex_is_reserved(struct str word)
{
	static const char *const words[] = {"true", "false", "if",   "then", "else",
					    "in",   "is",    "like", "has",  "__cedar"};

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (str_eq(word, str_from_c(words[i])))
			return true;
	return false;
}

void lex_list_push(struct lex *lex, struct lex_list *list, const void *item, size_t max)
{
	if (lex->err != OK)
		return;
	if (list->count >= max) {
		lex_fail(lex, ERR_LIMIT, lex->token.at, "more than %zu elements (limit `elements`)",
			 max);
		return;
	}
	if (list->count == list->cap) {
		size_t cap = list->cap == 0 ? 4 : list->cap * 2;
		char *items = arena_array(lex->arena, cap, list->size);

		if (items == NULL) {
			lex_fail_memory(lex);
			return;
		}
		if (list->count > 0)
			memcpy(items, list->items, list->count * list->size);
		list->items = items;
		list->cap = cap;
	}
	memcpy(list->items + list->count++ * list->size, item, list->size);
}
