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
		 "{}.a == { a: {}, \"if\": [], b: 1 == 2 }"},
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
		 "{ \"a b\": 1, \"like\": 2, c: 3, when: 4, \"__cedar\": 5 }"},
	};

	(void)state;
	check_rows(rows, ARRAY_LEN(rows));
}

static void assert_printed(struct buf *out, const char *want)
{
	assert_int_equal(buf_append_byte(out, '\0'), OK);
	assert_string_equal(out->ptr, want);
	buf_reset(out);
}

/* What cannot be written, only made by arithmetic or read from JSON. */
static void test_print__writes_values_as_expressions(void **state)
{
	struct arena arena;
	struct buf out;
	struct value items[2] = {value_long(-1), value_bool(true)};
	struct text names[2] = {text_make(STR("a")), text_make(STR("b c"))};
	struct value record;
	struct value set;

	(void)state;
	arena_init(&arena, 4096, 1 << 20);
	buf_init(&out, 1 << 16);
	record = value_record(&arena, names, items, 1);
	set = value_set(&arena, items, 2);
	assert_int_equal(print_value(&out, value_long(INT64_MIN)), OK);
	assert_printed(&out, "-9223372036854775808");
	assert_int_equal(print_value(&out, record), OK);
	assert_printed(&out, "{ a: -1 }");
	assert_int_equal(print_value(&out, value_record(&arena, names + 1, &set, 1)), OK);
	assert_printed(&out, "{ \"b c\": [true, -1] }");
	assert_int_equal(print_value(&out, value_record(&arena, names, items, 0)), OK);
	assert_printed(&out, "{}");
	assert_int_equal(print_value(&out, value_ip(&arena, STR("10.0.0.0/8"))), OK);
	assert_printed(&out, "ip(\"10.0.0.0/8\")");
	assert_int_equal(print_value(&out, value_datetime_ms(0)), OK);
	assert_printed(&out, "datetime(\"1970-01-01\")");
	assert_int_equal(print_value(&out, value_datetime_ms(INT64_MIN)), OK);
	assert_printed(&out, "datetime(\"1970-01-01\")"
			     ".offset(duration(\"-9223372036854775808ms\"))");
	assert_int_equal(print_value(&out, (struct value){.kind = VALUE_DECIMAL, .number = -12345}),
			 OK);
	assert_printed(&out, "decimal(\"-1.2345\")");
	assert_int_equal(print_value(&out, value_string(&arena, STR("\"*\""))), OK);
	assert_printed(&out, "\"\\\"*\\\"\"");
	assert_int_equal(print_string(&out, STR("a\tb")), OK);
	assert_printed(&out, "\"a\\tb\"");
	buf_fini(&out);
	arena_fini(&arena);
}

static void test_print__brackets_more_unary_operators_than_may_stand(void **state)
{
	struct arena arena;
	struct buf out;
	struct expr many = {.kind = EXPR_NOT, .unary = {.count = 9}};

	(void)state;
	arena_init(&arena, 4096, 1 << 20);
	buf_init(&out, 1 << 16);
	many.unary.arg = read_expr(&arena, STR("context.a"));
	assert_int_equal(print_expr(&out, &many), OK);
	assert_printed(&out, "!!!!(!!!!(!context.a))");
	many.kind = EXPR_NEG;
	assert_int_equal(print_expr(&out, &many), OK);
	assert_printed(&out, "----(----(-context.a))");
	buf_fini(&out);
	arena_fini(&arena);
}

static void test_print__writes_paths_with_odd_names_as_a_chain(void **state)
{
	struct text path[] = {text_make(STR("a")), text_make(STR("b c")), text_make(STR("if"))};
	struct arena arena;
	struct buf out;
	struct expr has = {.kind = EXPR_HAS, .has = {.count = 3, .path = path}};
	struct expr negated = {.kind = EXPR_NOT, .unary = {.count = 1, .arg = &has}};

	(void)state;
	arena_init(&arena, 4096, 1 << 20);
	buf_init(&out, 1 << 16);
	has.has.left = read_expr(&arena, STR("context.x"));
	assert_int_equal(print_expr(&out, &negated), OK);
	assert_printed(&out, "!(context.x has a && context.x.a has \"b c\" && "
			     "context.x.a[\"b c\"] has \"if\")");
	has.has.left = read_expr(&arena, STR("1 + 2"));
	has.has.count = 2;
	assert_int_equal(print_expr(&out, &has), OK);
	assert_printed(&out, "1 + 2 has a && (1 + 2).a has \"b c\"");
	buf_fini(&out);
	arena_fini(&arena);
}

static void test_print__writes_policies_and_templates(void **state)
{
	static const char text[] =
		"@id(\"a\") @empty(\"\") @none @if(\"\\0\") forbid(principal,action,resource,) "
		"unless{("
		"true)}when { context.aaaaaaaaaaaaaaaaaaaaaa && "
		"context.bbbbbbbbbbbbbbbbbbbbbbbbbbbbbb &&"
		" true };"
		"permit(principal == ?principal, action in [], resource is N :: T in ?resource);"
		"permit(principal is U, action in [Action::\"a\", N::Action::\"b\\n\"], resource "
		"in T::\"\");"
		"permit(principal is U in G::\"g\", action == Action::\"a\", resource == "
		"(T::\"t\"));";
	static const char *const want[] = {
		"@id(\"a\")\n@empty(\"\")\n@none\n@if(\"\\0\")\nforbid (principal, action, "
		"resource)\n"
		"unless { true }\nwhen {\n  context.aaaaaaaaaaaaaaaaaaaaaa &&\n"
		"  context.bbbbbbbbbbbbbbbbbbbbbbbbbbbbbb &&\n  true\n};\n",
		"permit (principal == ?principal, action in [], resource is N::T in ?resource);\n",
		"permit (\n  principal is U,\n  action in [Action::\"a\", N::Action::\"b\\n\"],\n"
		"  resource in T::\"\"\n);\n",
		"permit (principal is U in G::\"g\", action == Action::\"a\", resource == "
		"T::\"t\");\n",
	};
	struct arena arena;
	struct buf out;
	struct parse parse;
	struct diag diag = {0};

	(void)state;
	arena_init(&arena, 4096, 1 << 20);
	buf_init(&out, 1 << 16);
	parse_init(&parse, "test", STR(text), &arena, &diag);
	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		const struct policy *policy = parse_policy(&parse);

		assert_non_null(policy);
		assert_int_equal(print_policy(&out, policy), OK);
		assert_printed(&out, want[i]);
	}
	buf_fini(&out);
	arena_fini(&arena);
}

static void test_print__fills_the_slots_of_links(void **state)
{
	static const struct policy_source sources[] = {
		{.file = "t",
		 .text = STR("@id(\"t\") permit(principal == ?principal, action, resource);")},
		{.file = "l",
		 .text = STR("{\"templateLinks\":[{\"templateId\":\"t\",\"newId\":\"l\",\"values\":"
			     "{\"?principal\":{\"type\":\"U\",\"id\":\"ana\"}}}]}"),
		 .format = POLICY_FORMAT_JSON},
	};
	struct policy_set_options options = {.takes_templates = true};
	struct policy_set *set;
	struct diag diag = {0};
	struct buf out;

	(void)state;
	if (policy_set_load(sources, 2, &options, &set, &diag) != OK)
		fail_msg("%s", diag.text);
	buf_init(&out, 1 << 16);
	assert_int_equal(print_policy_line(&out, policy_set_find(set, STR("l"))), OK);
	assert_printed(&out, "permit (principal == U::\"ana\", action, resource);");
	assert_int_equal(print_uid(&out, policy_set_find(set, STR("l"))->principal.uid), OK);
	assert_printed(&out, "U::\"ana\"");
	buf_fini(&out);
	policy_set_free(set);
}

static void test_print__ends_at_the_buffers_limit(void **state)
{
	struct arena arena;
	struct parse parse;
	struct diag diag = {0};
	const struct policy *policy;

	(void)state;
	arena_init(&arena, 4096, 1 << 20);
	parse_init(&parse, "test",
		   STR("@a permit(principal,action,resource) when { \"\\u{1}\" == -1 };"), &arena,
		   &diag);
	policy = parse_policy(&parse);
	assert_non_null(policy);
	for (size_t max = 1;; max++) {
		struct buf out;
		enum err err;

		buf_init(&out, max);
		err = print_policy(&out, policy);
		assert_true(err == OK || err == ERR_LIMIT);
		buf_fini(&out);
		if (err == OK) {
			assert_int_equal(max, strlen("@a\npermit (principal, action, resource)\n"
						     "when { \"\\u{1}\" == -1 };\n"));
			break;
		}
	}
	arena_fini(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_print__keeps_unary_operators),
		cmocka_unit_test(test_print__escapes_what_it_must),
		cmocka_unit_test(test_print__brackets_by_binding_only),
		cmocka_unit_test(test_print__writes_values_as_expressions),
		cmocka_unit_test(test_print__brackets_more_unary_operators_than_may_stand),
		cmocka_unit_test(test_print__writes_paths_with_odd_names_as_a_chain),
		cmocka_unit_test(test_print__writes_policies_and_templates),
		cmocka_unit_test(test_print__fills_the_slots_of_links),
		cmocka_unit_test(test_print__ends_at_the_buffers_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
