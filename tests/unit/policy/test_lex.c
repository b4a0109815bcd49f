/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "policy/lex.h"

struct reading {
	struct arena arena;
	struct diag diag;
	struct lex lex;
};

static void reading_begin(struct reading *r, const char *text)
{
	r->diag = (struct diag){.text = ""};
	arena_init(&r->arena, 1024, 1 << 20);
	lex_init(&r->lex, "t.cedar", str_from_c(text), &r->arena, true, &r->diag);
}

static void test_lex__knows_every_token(void **state)
{
	static const struct {
		enum token_kind kind;
		const char *text;
	} want[] = {
		{TOKEN_IDENT, "_a1"},	  {TOKEN_INTEGER, "007"}, {TOKEN_STRING, "s\\\"x"},
		{TOKEN_SLOT, "resource"}, {TOKEN_LPAREN, "("},	  {TOKEN_RPAREN, ")"},
		{TOKEN_LBRACE, "{"},	  {TOKEN_RBRACE, "}"},	  {TOKEN_LBRACKET, "["},
		{TOKEN_RBRACKET, "]"},	  {TOKEN_COMMA, ","},	  {TOKEN_SEMICOLON, ";"},
		{TOKEN_COLON, ":"},	  {TOKEN_PATH, "::"},	  {TOKEN_DOT, "."},
		{TOKEN_AT, "@"},	  {TOKEN_EQ, "=="},	  {TOKEN_NE, "!="},
		{TOKEN_LT, "<"},	  {TOKEN_LE, "<="},	  {TOKEN_GT, ">"},
		{TOKEN_GE, ">="},	  {TOKEN_AND, "&&"},	  {TOKEN_OR, "||"},
		{TOKEN_PLUS, "+"},	  {TOKEN_MINUS, "-"},	  {TOKEN_STAR, "*"},
		{TOKEN_SLASH, "/"},	  {TOKEN_PERCENT, "%"},	  {TOKEN_NOT, "!"},
		{TOKEN_ASSIGN, "="},	  {TOKEN_QUESTION, "?"},  {TOKEN_END, ""},
	};
	struct reading r;

	(void)state;
	reading_begin(&r, "_a1 007 \"s\\\"x\"?resource(){}[],;: :: .@== != < <= > >= && ||"
			  "+-* / %! =\n? // end");
	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		print_message("# %s\n", want[i].text);
		assert_int_equal(r.lex.token.kind, want[i].kind);
		assert_true(str_eq(r.lex.token.text, str_from_c(want[i].text)));
		if (want[i].kind == TOKEN_INTEGER)
			assert_int_equal(r.lex.token.number, 7);
		lex_advance(&r.lex);
	}
	assert_int_equal(r.lex.err, OK);
	arena_fini(&r.arena);
}

static void test_lex__refuses_what_is_no_token(void **state)
{
	static const struct {
		const char *text;
		unsigned column;
		const char *message;
	} rows[] = {
		{"a \"b", 3, "string is not closed"},
		{"a \"b\\\"", 3, "string is not closed"},
		{"a \"b\\", 3, "string is not closed"},
		{"18446744073709551616", 1, "integer is out of range"},
		{"a 'b'", 3, "strings stand between \" and \""},
		{"\xe2\x80\x9c"
		 "a",
		 1, "a typographic quote"},
		{"a \xe2\x80\x99", 3, "a typographic quote"},
		{"\xef\xbb\xbf"
		 "a",
		 1, "a byte-order mark"},
		{"a & b", 3, "write `&&`"},
		{"a | b", 3, "write `||`"},
		{"# a", 1, "a comment begins with //"},
		{"a /* b */", 3, "a comment is // to the end of the line"},
		{"a \x01", 3, "control character 0x01"},
		{"a \x7f", 3, "control character 0x7f"},
		{"\xc3\xa9 \xc3\xa8", 1, "`\xc3\xa9` is not allowed here"},
		{"a ~", 3, "`~` is not allowed here"},
		{"a\xc3", 2, "not valid UTF-8"},
		{"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xff", 4, "not valid UTF-8"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct reading r;

		print_message("# row %zu\n", i);
		reading_begin(&r, rows[i].text);
		while (r.lex.token.kind != TOKEN_END)
			lex_advance(&r.lex);
		assert_int_equal(r.lex.err, ERR_MALFORMED);
		assert_int_equal(r.diag.column, rows[i].column);
		assert_non_null(strstr(r.diag.text, rows[i].message));
		lex_advance(&r.lex);
		assert_int_equal(r.lex.token.kind, TOKEN_END);
		arena_fini(&r.arena);
	}
}

static void test_lex__unescapes_strings(void **state)
{
	static const struct {
		const char *text;
		const char *want; /* NULL: refused with `message` at `column` */
		const char *message;
		unsigned column;
	} rows[] = {
		{"\"\"", "", NULL, 0},
		{"\"a\\n\\r\\t\\\\\\'\\\"b\"", "a\n\r\t\\'\"b", NULL, 0},
		{"\"\\x41\\x7f\\x0a\"", "A\x7f\n", NULL, 0},
		{"\"\\u{41}\\u{e9}\\u{20AC}\\u{1F600}\\u{1_F_6_00}\"",
		 "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xf0\x9f\x98\x80", NULL, 0},
		{"\"a\nb\"", "a\nb", NULL, 0},
		{"\"a\\q\"", NULL, "unknown escape: there are \\n", 3},
		{"\"a\\*\"", NULL, "unknown escape: there are \\n", 3},
		{"\"\\x80\"", NULL, "\\x takes two hex digits", 2},
		{"\"\\x4\"", NULL, "\\x takes two hex digits", 2},
		{"\"\\x\"", NULL, "\\x takes two hex digits", 2},
		{"\"\\xg0\"", NULL, "\\x takes two hex digits", 2},
		{"\"\\u41\"", NULL, "\\u takes {1 to 6 hex digits}", 2},
		{"\"\\u{}\"", NULL, "\\u takes {1 to 6 hex digits}", 2},
		{"\"\\u{_1}\"", NULL, "\\u takes {1 to 6 hex digits}", 2},
		{"\"\\u{1234567}\"", NULL, "\\u takes {1 to 6 hex digits}", 2},
		{"\"\\u{110000}\"", NULL, "\\u takes {1 to 6 hex digits}", 2},
		{"\"\\u{d800}\"", NULL, "\\u takes {1 to 6 hex digits}", 2},
		{"\"\\u{41\"", NULL, "\\u takes {1 to 6 hex digits}", 2},
		{"\"a\rb\"", NULL, "a bare carriage return", 3},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct reading r;
		struct str got;

		print_message("# %s\n", rows[i].text);
		reading_begin(&r, rows[i].text);
		assert_int_equal(r.lex.token.kind, TOKEN_STRING);
		got = lex_string(&r.lex, &r.lex.token);
		if (rows[i].want != NULL) {
			assert_int_equal(r.lex.err, OK);
			assert_true(str_eq(got, str_from_c(rows[i].want)));
		} else {
			assert_int_equal(r.lex.err, ERR_MALFORMED);
			assert_non_null(strstr(r.diag.text, rows[i].message));
			assert_int_equal(r.diag.column, rows[i].column);
		}
		arena_fini(&r.arena);
	}
}

static void test_lex__cuts_patterns_at_their_wildcards(void **state)
{
	static const struct {
		const char *text;
		const char *want; /* pieces with | between them */
	} rows[] = {
		{"\"\"", ""},
		{"\"ab\"", "ab"},
		{"\"*\"", "|"},
		{"\"a*b**c\"", "a|b||c"},
		{"\"a\\*b*\\\\\"", "a*b|\\"},
		{"\"\\x2a\\u{2A}\"", "||"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct reading r;
		struct pattern pattern;
		char got[64] = "";
		size_t len = 0;

		print_message("# %s\n", rows[i].text);
		reading_begin(&r, rows[i].text);
		pattern = lex_pattern(&r.lex, &r.lex.token);
		for (size_t k = 0; k < pattern.count; k++)
			len += (size_t)snprintf(got + len, sizeof(got) - len, "%s" STR_FMT,
						k == 0 ? "" : "|", STR_ARG(pattern.pieces[k]));
		assert_string_equal(got, rows[i].want);
		arena_fini(&r.arena);
	}
}

static void test_lex__counts_places_in_both_directions(void **state)
{
	struct str text = STR("a\n\xc3\xa9 b\n\nc");
	struct lex_place place = {.line = 1, .column = 1};
	unsigned line;
	unsigned column;

	(void)state;
	lex_place_move(&place, text, 5);
	assert_int_equal(place.line, 2);
	assert_int_equal(place.column, 3);
	lex_place_move(&place, text, 8);
	assert_int_equal(place.line, 4);
	assert_int_equal(place.column, 1);
	lex_place_move(&place, text, 0);
	assert_int_equal(place.line, 1);
	assert_int_equal(place.column, 1);
	lex_position(text, 1000, &line, &column);
	assert_int_equal(line, 4);
	assert_int_equal(column, 2);
}

static void test_lex__bounds_lists_and_memory(void **state)
{
	struct lex_list list = {.size = sizeof(unsigned)};
	struct reading r;

	(void)state;
	reading_begin(&r, "a");
	for (unsigned i = 0; i < 10; i++)
		lex_list_push(&r.lex, &list, &i, 10);
	assert_int_equal(r.lex.err, OK);
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(((const unsigned *)(const void *)list.items)[i], i);
	lex_list_push(&r.lex, &list, &list.size, 10);
	assert_int_equal(r.lex.err, ERR_LIMIT);
	assert_non_null(strstr(r.diag.text, "more than 10 elements (limit `elements`)"));
	lex_list_push(&r.lex, &list, &list.size, 100);
	assert_int_equal(list.count, 10);
	arena_fini(&r.arena);

	reading_begin(&r, "\"0123456789012345678901234567890123456789\"");
	r.arena.cap = 16;
	(void)lex_string(&r.lex, &r.lex.token);
	assert_int_equal(r.lex.err, ERR_LIMIT);
	assert_non_null(strstr(r.diag.text, "limit `arena_bytes`"));
	arena_fini(&r.arena);

	reading_begin(&r, "a");
	r.arena.cap = 0;
	list = (struct lex_list){.size = 64};
	lex_list_push(&r.lex, &list, &list, 100);
	assert_int_equal(r.lex.err, ERR_LIMIT);
	assert_int_equal(list.count, 0);
	arena_fini(&r.arena);
}

/* Two million comments, with either line end: were each to look through all that follows, this
 * would take minutes, and the test is over after half of one. */
static void test_lex__passes_comments_in_linear_time(void **state)
{
	static char text[6000000];
	struct lex lex;

	(void)state;
	for (size_t i = 0; i < sizeof(text); i += 3)
		memcpy(text + i, i < sizeof(text) / 2 ? "//\n" : "//\r", 3);
	lex_init(&lex, "t.cedar", str_make(text, sizeof(text)), NULL, false, NULL);
	assert_int_equal(lex.err, OK);
	assert_int_equal(lex.token.kind, TOKEN_END);
	assert_int_equal(lex.token.at, sizeof(text));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lex__knows_every_token),
		cmocka_unit_test(test_lex__refuses_what_is_no_token),
		cmocka_unit_test(test_lex__unescapes_strings),
		cmocka_unit_test(test_lex__cuts_patterns_at_their_wildcards),
		cmocka_unit_test(test_lex__counts_places_in_both_directions),
		cmocka_unit_test(test_lex__bounds_lists_and_memory),
		cmocka_unit_test(test_lex__passes_comments_in_linear_time),
	};

	return cmocka_run_group_tests_name("lex", tests, NULL, NULL);
}
