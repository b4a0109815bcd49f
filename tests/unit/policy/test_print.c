/* SPDX-License-Identifier: Apache-2.0 */
/* print ∘ parse: each expression is printed as the row says, and what is printed has the same
 * nodes when it is read again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "ast_same.h"
#include "policy/parse.h"
#include "policy/policy.h"
#include "policy/print.h"

struct print_row {
	const char *text;
	const char *want; /* NULL: the same */
};

static const struct expr *read_expr(struct arena *arena, struct str text)
{
	struct parse parse;
	struct diag diag = {0};
	const struct expr *expr;

	parse_init(&parse, "test", text, arena, &diag);
	expr = parse_expr(&parse);
	if (parse.lex.err != OK || parse.lex.token.kind != TOKEN_END)
		fail_msg(STR_FMT ": %s", STR_ARG(text), diag.text);
	return expr;
}

static void check_row(const struct print_row *row)
{
	struct arena arena;
	struct buf out;
	const struct expr *first;

	arena_init(&arena, 4096, 1 << 20);
	buf_init(&out, 1 << 16);
	first = read_expr(&arena, str_from_c(row->text));
	assert_int_equal(print_expr(&out, first), OK);
	assert_int_equal(buf_append_byte(&out, '\0'), OK);
	assert_string_equal(out.ptr, row->want == NULL ? row->text : row->want);
	if (!ast_same_expr(first, read_expr(&arena, str_make(out.ptr, out.len - 1))))
		fail_msg("%s: printed as %s, which reads differently", row->text, out.ptr);
	buf_fini(&out);
	arena_fini(&arena);
}

static void check_rows(const struct print_row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		check_row(&rows[i]);
}

static void test_print__brackets_by_binding_only(void **state)
{
	static const struct print_row rows[] = {
		{"true", NULL},
		{"( ( false ) )", "false"},
		{"principal==resource", "principal == resource"},
		{"(action != context.a) == true", NULL},
		{"1 < 2 || 3 <= 4 && 5 > 6 || 7 >= 8", NULL},
		{"(1 < 2 || 3 <= 4) && 5 > 6", NULL},
		{"(1 < 2) || ((3 <= 4) && (5 > 6))", "1 < 2 || 3 <= 4 && 5 > 6"},
		{"true && (true && false) && true", NULL},
		{"true || (true || false)", NULL},
		{"1 + 2 - 3 * 4 + (5 - 6) * (7 * 8)", NULL},
		{"1 + (2 * 3) - (4 + 5)", "1 + 2 * 3 - (4 + 5)"},
		{"(1 + 2).a", NULL},
		{"(context.a).b.c", NULL},
		{"(context)[\"b\"]", "context.b"},
		{"if (true) then (if false then 1 else 2) else (3)",
		 "if true then if false then 1 else 2 else 3"},
		{"(if true then 1 else 2) == 1", NULL},
		{"if true then 1 else 2 == 1", NULL},
		{"true && (if true then true else false)", NULL},
		{"[if true then 1 else 2, (1 == 2)]", "[if true then 1 else 2, 1 == 2]"},
		{"principal in [User::\"a\", N::User::\"b\",]",
		 "principal in [User::\"a\", N::User::\"b\"]"},
		{"(principal is User) == (principal is N::M::User in Group::\"g\")", NULL},
		{"principal is User in (Group::\"g\")", "principal is User in Group::\"g\""},
		{"(principal has a) && principal . a has b . c . d",
		 "principal has a && principal.a has b.c.d"},
		{"(1 + 2 has a) == (principal has a.b)", NULL},
		{"context.a.contains([2],).b.isEmpty()", "context.a.contains([2]).b.isEmpty()"},
		{"ip(\"::1\",).isInRange(ip(\"::/0\"))", "ip(\"::1\").isInRange(ip(\"::/0\"))"},
		{"{}.a == {a: {}, \"if\": [], b: 1 == 2,}",
		 "{}.a == {a: {}, \"if\": [], b: 1 == 2}"},
	};

	(void)state;
	check_rows(rows, ARRAY_LEN(rows));
}

static void test_print__keeps_unary_operators(void **state)
{
	static const struct print_row rows[] = {
		{"!true", NULL},
		{"!!!!true", NULL},
		{"!(!true)", NULL},
		{"!!!!(!true)", NULL},
		{"!(1 == 2)", NULL},
		{"!principal.a", NULL},
		{"(!principal.a).b", NULL},
		{"!(-1)", NULL},
		{"-1", NULL},
		{"- 1", "-1"},
		{"-(1)", NULL},
		{"-(-1)", "--1"},
		{"----1", NULL},
		{"----(-1)", NULL},
		{"---(-1)", "----1"},
		{"-context.n", NULL},
		{"--context.n", NULL},
		{"-(!true)", NULL},
		{"(-1).a", NULL},
		{"-1.a", NULL},
		{"-(1.a)", "-1.a"},
		{"1 - -1", NULL},
		{"1 - (-(1))", "1 - -(1)"},
		{"-1 * -2 + -3", NULL},
		{"-9223372036854775808 == 9223372036854775807", NULL},
		{"--9223372036854775808", NULL},
		{"007 == 00", "7 == 0"},
	};

	(void)state;
	check_rows(rows, ARRAY_LEN(rows));
}

static void test_print__escapes_what_it_must(void **state)
{
	static const struct print_row rows[] = {
		{"\"\\n\\r\\t\\0\\\\\\'\\\"\"", "\"\\n\\r\\t\\0\\\\'\\\"\""},
		{"\"a\nb\"", "\"a\\nb\""},
		{"\"\\x1b\\u{7f}\\u{85}\"", "\"\\u{1b}\\u{7f}\\u{85}\""},
		{"\"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80\"", NULL},
		{"\"\\u{fc}\\u{20ac}\\u{1F600}\"", "\"\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80\""},
		{"\"\xe2\x80\xae\xef\xbb\xbf\\u{E0001}\"", "\"\\u{202e}\\u{feff}\\u{e0001}\""},
		{"\"*\" like \"*\"", NULL},
		{"\"\" like \"\"", NULL},
		{"\"a\" like \"*a\\*b**\\u{2a}\\x2Ac*\"", "\"a\" like \"*a\\*b****c*\""},
		{"\"a\" like \"\\\"\\\\*\"", NULL},
		{"User::\"a\\\"b\" == N::If::\"\"", NULL},
		{"context[\"a b\"][\"if\"].c[\"\"][\"\\n\"][\"1a\"][\"a1_\"]",
		 "context[\"a b\"][\"if\"].c[\"\"][\"\\n\"][\"1a\"].a1_"},
		{"context has \"a.b\" || context has \"true\" || context has \"ok\"",
		 "context has \"a.b\" || context has \"true\" || context has ok"},
		{"{\"a b\": 1, \"like\": 2, \"c\": 3, when: 4, \"__cedar\": 5}",
		 "{\"a b\": 1, \"like\": 2, c: 3, when: 4, \"__cedar\": 5}"},
	};

	(void)state;
	check_rows(rows, ARRAY_LEN(rows));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_print__keeps_unary_operators),
		cmocka_unit_test(test_print__escapes_what_it_must),
		cmocka_unit_test(test_print__brackets_by_binding_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
