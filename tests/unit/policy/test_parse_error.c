/* SPDX-License-Identifier: Apache-2.0 */
/* What is said of policies that do not parse: the place, what was expected, what was meant; and
 * that one error hides no other and makes no other. The official engine refuses each of these rows.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "policy/policy.h"

#define SHOWN 8

static enum err load_all(const char *text, struct diags *all, struct diag *diag)
{
	struct policy_source source = {.file = "p.cedar", .text = str_from_c(text)};
	struct policy_set_options options = {.all = all, .takes_templates = true};
	struct policy_set *set = NULL;
	enum err err;

	*diag = (struct diag){.text = ""};
	err = policy_set_load(&source, 1, &options, &set, diag);
	policy_set_free(set);
	return err;
}

/* In the scope of a policy, and in its condition. */
#define SCOPE(text) "permit(" text ");"
#define WHEN(text)  "permit(principal, action, resource) when { " text " };"
#define WHEN_COLUMN 44 /* of the text */

static const struct {
	const char *text;
	unsigned column;
	const char *message;
} rows[] = {
	{"permitt(principal, action, resource);", 1,
	 "expected `permit` or `forbid`, found `permitt`; did you mean `permit`?"},
	{"Forbid(principal, action, resource);", 1, "did you mean `forbid`?"},
	{";", 1, "expected `permit` or `forbid`, found `;`"},
	{"permit principal;", 8, "expected `(`, found `principal`"},
	{"permit(principal, action, resource)", 36, "found the end of the text"},
	{"permit(principal, action, resource) wheb { true };", 37, "did you mean `when`?"},
	{"permit(principal, action, resource) unlesx { true };", 37, "did you mean `unless`?"},
	{"permit(principal, action, resource) when true;", 42, "expected `{`, found `true`"},
	{"permit(principal, action, resource) when {};", 43, "expected an expression, found `}`"},
	{"@id(x) permit(principal, action, resource);", 5, "a string as the annotation's value"},
	{"@id(\"x\" permit(principal, action, resource);", 9, "`)` behind the annotation's"},
	{"@1 permit(principal, action, resource);", 2, "expected a name behind `@`, found `1`"},
	{"@a @a permit(principal, action, resource);", 5, "annotation @a stands twice"},

	{SCOPE("principle, action, resource"), 8,
	 "expected `principal`, found `principle`; did you mean `principal`?"},
	{SCOPE("principal, actions, resource"), 19, "did you mean `action`?"},
	{SCOPE("principal, action, resourcex"), 27, "did you mean `resource`?"},
	{SCOPE("action, principal, resource"), 8, "expected `principal`, found `action`"},
	{SCOPE("principal, action"), 25, "expected `,` and the resource's scope, found `)`"},
	{SCOPE("principal action, resource"), 18, "expected `,` and the action's scope"},
	{SCOPE("principal inn A::\"b\", action, resource"), 18, "did you mean `in`?"},
	{SCOPE("principal = A::\"b\", action, resource"), 18, "did you mean `==`?"},
	{SCOPE("principal: User, action, resource"), 17, "a type stands behind `is`"},
	{SCOPE("principal != A::\"b\", action, resource"), 18, "the rest stands in `when { }`"},
	{SCOPE("principal, action, resource && true"), 36, "expected `)` behind the scope"},
	{SCOPE("principal in [A::\"b\"], action, resource"), 21, "`when { principal in [...] }`"},
	{SCOPE("principal == ana, action, resource"), 24, "expected `::` and the id in quotes"},
	{SCOPE("principal == \"ana\", action, resource"), 21,
	 "expected an entity such as Type::\"id\", found `\"ana\"`"},
	{SCOPE("principal is A::\"B\", action, resource"), 24, "expected a part of a path"},
	{SCOPE("principal is in, action, resource"), 21, "`in` is a reserved word"},
	{SCOPE("principal, action is Action, resource"), 26, "named by `==` or `in`, not by its"},
	{SCOPE("principal, action == A::\"b\", resource"), 29, "must be Action, not `A`"},
	{SCOPE("principal, action in [A::Action::\"b\" resource"), 45, "expected `,` or `]`"},
	{SCOPE("principal, action == ?action, resource"), 29, "an action has no slot"},
	{SCOPE("principal == ?resource, action, resource"), 21,
	 "slot `?resource` cannot stand here: expected `?principal` or an entity"},
	{SCOPE("principal is ?principal, action, resource"), 21, "found `?principal`"},
	{SCOPE("principal == (A::\"b\", action, resource"), 28, "expected `)`, found `,`"},

	{WHEN("principle == 1"), WHEN_COLUMN,
	 "`principle` is not a variable; did you mean `principal`?"},
	{WHEN("True"), WHEN_COLUMN, "did you mean `true`?"},
	{WHEN("not true"), WHEN_COLUMN, "did you mean `!`?"},
	{WHEN("foo == 1"), WHEN_COLUMN, "there are principal, action, resource, context"},
	{WHEN("context.a and true"), WHEN_COLUMN + 10, "did you mean `&&`?"},
	{WHEN("context.a or true"), WHEN_COLUMN + 10, "did you mean `||`?"},
	{WHEN("context.a = true"), WHEN_COLUMN + 10, "did you mean `==`?"},
	{WHEN("context.a lyke \"b\""), WHEN_COLUMN + 10, "did you mean `like`?"},
	{WHEN("context.a like b"), WHEN_COLUMN + 15, "a pattern in quotes behind `like`"},
	{WHEN("context.a == 1 == true"), WHEN_COLUMN + 15, "`==` behind a comparison: put"},
	{WHEN("context has a in b"), WHEN_COLUMN + 14, "`in` behind a comparison: put"},
	{WHEN("context has if"), WHEN_COLUMN + 12, "a reserved word: write it in quotes"},
	{WHEN("context.if"), WHEN_COLUMN + 8, "a reserved word: write [\"...\"]"},
	{WHEN("{if: 1} == 1"), WHEN_COLUMN + 1, "a reserved word: write it in quotes"},
	{WHEN("true && if true then true else true"), WHEN_COLUMN + 8, "put the `if` into br"},
	{WHEN("if true the true else true"), WHEN_COLUMN + 8, "did you mean `then`?"},
	{WHEN("if true then true els true"), WHEN_COLUMN + 18, "did you mean `else`?"},
	{WHEN("{a 1} == 1"), WHEN_COLUMN + 3, "expected `:` behind a record key"},
	{WHEN("{a: 1, a: 2} == 1"), WHEN_COLUMN, "key `a` stands twice in one record"},
	{WHEN("[1, 2 == 1"), WHEN_COLUMN + 11, "expected `,` or `]`, found `}`"},
	{WHEN("(1 == 1"), WHEN_COLUMN + 8, "expected `)`, found `}`"},
	{WHEN("context[a]"), WHEN_COLUMN + 8, "expected an attribute as a string"},
	{WHEN("context[\"a\""), WHEN_COLUMN + 12, "expected `]`, found `}`"},
	{WHEN("context.a.contain(1)"), WHEN_COLUMN + 10,
	 "`contain` is not a method; did you mean `contains`?"},
	{WHEN("context.a.frob(1)"), WHEN_COLUMN + 10, "`frob` is not a method"},
	{WHEN("context.a.ip(1)"), WHEN_COLUMN + 10, "`ip` is a function: write ip(...)"},
	{WHEN("context.a.isEmpty(1)"), WHEN_COLUMN + 10, "`isEmpty` takes 0 arguments, not 1"},
	{WHEN("context.a.contains()"), WHEN_COLUMN + 10, "`contains` takes 1 argument, not 0"},
	{WHEN("contains(context.a, 1)"), WHEN_COLUMN, "is a method: write x.contains(...)"},
	{WHEN("contain(context.a, 1)"), WHEN_COLUMN, "the method x.contains(...)?"},
	{WHEN("ipp(\"1.2.3.4\")"), WHEN_COLUMN, "is not a function; did you mean `ip`?"},
	{WHEN("frobnicate(1)"), WHEN_COLUMN, "there are ip, decimal, datetime and duration"},
	{WHEN("A::ip(\"1.2.3.4\")"), WHEN_COLUMN, "`A::ip` is not a function"},
	{WHEN("A::B == 1"), WHEN_COLUMN + 5, "expected `::` and the id in quotes"},
	{WHEN("!!!!!true"), WHEN_COLUMN + 4, "more than 4 of `!` in a row"},
	{WHEN("-----1 == 1"), WHEN_COLUMN + 4, "more than 4 of `-` in a row"},
	{WHEN("1 / 2 == 1"), WHEN_COLUMN + 2, "operator `/` is not supported"},
	{WHEN("1 % 2 == 1"), WHEN_COLUMN + 2, "operator `%` is not supported"},
	{WHEN("9223372036854775808 == 1"), WHEN_COLUMN, "at most 9223372036854775807"},
	{WHEN("?principal == principal"), WHEN_COLUMN, "slots stand in the scope only"},
};

static void test_parse_error__says_where_and_what_was_meant(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct diags all;
		struct diag diag;

		print_message("# %s\n", rows[i].text);
		diags_init(&all, SHOWN);
		assert_int_equal(load_all(rows[i].text, &all, &diag), ERR_MALFORMED);
		print_message("# %u: %s\n", diag.column, diag.text);
		assert_string_equal(diag.file, "p.cedar");
		assert_int_equal(diag.line, 1);
		assert_int_equal(diag.column, rows[i].column);
		assert_non_null(strstr(diag.text, rows[i].message));
		assert_string_equal(diag.source, rows[i].text);
		assert_int_equal(all.total, 1);
		diags_fini(&all);
	}
}

/* Lines of errors, in order; what is good in between must not be hit. */
static const struct {
	const char *name;
	const char *text;
	unsigned lines[SHOWN];
} files[] = {
	{"one behind the other",
	 "permitt(principal, action, resource);\n"
	 "permit(principal, action, resource);\n"
	 "permit(principal, action, resource) when { foo };\n"
	 "forbid(principle, action, resource);\n",
	 {1, 3, 4}},
	{"all on one line",
	 "permitt(); forbid(); permit(principal, action, resource); x;",
	 {1, 1, 1}},
	{"a missing semicolon",
	 "permit(principal, action, resource)\n"
	 "permit(principal, action, resource)\n"
	 "  when { true };\n",
	 {2}},
	{"a missing semicolon before an annotation",
	 "permit(principal, action, resource)\n"
	 "  @id(\"x\")\n"
	 "forbid(principal, action, resource);\n",
	 {2}},
	{"a missing brace",
	 "permit(principal, action, resource) when { context.a == (1 + 2;\n"
	 "permit(principal, action, resource);\n",
	 {1}},
	{"a missing brace and semicolon",
	 "permit(principal, action, resource) when { context.a == [1, 2\n"
	 "\tforbid (principal, action, resource);\n"
	 "forbid(principal, action, resource) when { x };\n",
	 {2, 3}},
	{"a missing quote ends with its line",
	 "permit(principal == User::\"bob, action, resource);\n"
	 "permit(principal == User::\"eve\", action, resource);\n"
	 "permit(principal == User::\"ana\", action, resource) when { foo };\n",
	 {2, 3}},
	{"a missing quote at the end", "permit(principal, action, resource) when { \"a };\n", {1}},
	{"a semicolon and policies in strings and comments",
	 "permit(principal, action, resource) when { foo == \"; x\" // ; permit(\n"
	 "  && context.b == \"permit(\" };\n"
	 "permit(principal, action, resource) when { bar };\n",
	 {1, 3}},
	{"an escaped quote",
	 "permit(principal, action, resource) when { foo == \"a\\\";\" };\n"
	 "permit(principal, action, resource) when { bar };\n",
	 {1, 2}},
	{"a policy as a type",
	 "permit(principal, action, resource) when { foo\n"
	 "permit::User::\"x\" };\n"
	 "permit(principal, action, resource) when { bar };\n",
	 {1, 3}},
	{"annotations are no second policy",
	 "@id(\"a\")\n@reason(\"r\")\npermit(principal, action, resource) when { foo };\n"
	 "@id(\"b\")\n@reason(x)\npermit(principal, action, resource);\n",
	 {3, 5}},
	{"an id is taken also by what cannot be read",
	 "@id(\"a\") permit(principal, action, resource) when { foo };\n"
	 "@id(\"a\") permit(principal, action, resource);\n"
	 "@id(\"\") permit(principal, action, resource);\n",
	 {1, 2, 3}},
	{"characters that belong nowhere",
	 "# a\n# b\npermit(principal, action, resource);\n\x01\n",
	 {1, 4}},
	{"nesting begins anew",
	 "permit(principal, action, resource) when { ((((((((((foo)))))))))) };\n"
	 "permit(principal, action, resource) when { ((((((((((bar)))))))))) };\n",
	 {1, 2}},
	{"an at sign at the very end", "permit(principal, action, resource) when { foo }\n@", {1}},
	{"not text", "permit(principal, action, resource);\n permit(\xff); foo;", {2}},
};

static void test_parse_error__lists_every_error_once(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		struct diags all;
		struct diag diag;

		print_message("# %s\n", files[i].name);
		diags_init(&all, SHOWN);
		assert_int_not_equal(load_all(files[i].text, &all, &diag), OK);
		for (size_t k = 0; k < all.count; k++)
			print_message("# %u:%u %s\n", all.items[k].line, all.items[k].column,
				      all.items[k].text);
		for (size_t k = 0; k < SHOWN && files[i].lines[k] != 0; k++) {
			assert_true(k < all.count);
			assert_int_equal(all.items[k].line, files[i].lines[k]);
		}
		assert_true(all.total == SHOWN || files[i].lines[all.total] == 0);
		assert_int_equal(diag.line, all.items[0].line);
		diags_fini(&all);
	}
}

static void test_parse_error__points_to_the_string_that_was_not_closed(void **state)
{
	struct diags all;
	struct diag diag;

	(void)state;
	diags_init(&all, SHOWN);
	assert_int_equal(load_all("permit(principal == User::\"bob, action, resource)\n"
				  "when { context.a == \"b\" };",
				  &all, &diag),
			 ERR_MALFORMED);
	assert_int_equal(all.total, 1);
	assert_int_equal(diag.line, 2);
	assert_non_null(strstr(diag.text, "found `b` behind a string that began in line 1"));
	diags_fini(&all);
}

/* A string over several lines, found where it does not belong: nothing is said of a quote. */
static void test_parse_error__finds_a_long_string_itself(void **state)
{
	struct diags all;
	struct diag diag;

	(void)state;
	diags_init(&all, SHOWN);
	assert_int_equal(load_all("permit(principal == \"a\nb\", action, resource);", &all, &diag),
			 ERR_MALFORMED);
	assert_string_equal(diag.text, "expected an entity such as Type::\"id\", found `\"a`");
	diags_fini(&all);
}

static void test_parse_error__cuts_what_it_shows_between_characters(void **state)
{
	struct diags all;
	struct diag diag;

	(void)state;
	diags_init(&all, SHOWN);
	assert_int_equal(load_all("permit(principal == \"1234567890123456789012345678901234567890"
				  "123456789012345678\xc3\xa9zzz\", action, resource);",
				  &all, &diag),
			 ERR_MALFORMED);
	assert_non_null(strstr(diag.text, "5678`"));
	diags_fini(&all);
}

/* The first of several errors alone, when no list is given; of several sources that of the first.
 */
static void test_parse_error__stops_at_the_first_without_a_list(void **state)
{
	struct policy_source sources[] = {
		{.file = "a.cedar", .text = STR("permit(principal, action, resource);")},
		{.file = "b.cedar", .text = STR("\npermit(x); permit(y);")},
		{.file = "c.cedar", .text = STR("permit(z);")},
	};
	struct policy_set_options options = {0};
	struct policy_set *set = NULL;
	struct diags all;
	struct diag diag;

	(void)state;
	assert_int_equal(policy_set_load(sources, 3, NULL, &set, &diag), ERR_MALFORMED);
	assert_string_equal(diag.file, "b.cedar");
	assert_int_equal(diag.column, 8);
	diags_init(&all, SHOWN);
	options.all = &all;
	assert_int_equal(policy_set_load(sources, 3, &options, &set, NULL), ERR_MALFORMED);
	assert_int_equal(all.total, 3);
	assert_int_equal(all.items[1].column, 19);
	assert_string_equal(all.items[2].file, "c.cedar");
	assert_null(set);
	diags_fini(&all);
}

static void test_parse_error__keeps_a_bounded_number(void **state)
{
	struct policy_source source = {.file = "p.cedar", .text = STR("x;x;x;x;x;x;x;x;x;x;x;x;")};
	struct policy_set_options options = {0};
	struct policy_set *set = NULL;
	struct diag other = {.text = "of another loader"};
	struct diags all;
	struct diag diag;

	(void)state;
	diags_init(&all, 3);
	options.all = &all;
	assert_int_equal(diags_add(&all, ERR_CONFLICT, &other), ERR_CONFLICT);
	assert_int_equal(policy_set_load(&source, 1, &options, &set, &diag), ERR_MALFORMED);
	assert_int_equal(all.count, 3);
	assert_int_equal(diag.column, 1);
	assert_string_equal(all.items[0].text, other.text);
	assert_int_equal(policy_set_load(&source, 1, &options, &set, &diag), ERR_MALFORMED);
	assert_int_equal(all.count, 3);
	diags_fini(&all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse_error__says_where_and_what_was_meant),
		cmocka_unit_test(test_parse_error__lists_every_error_once),
		cmocka_unit_test(test_parse_error__points_to_the_string_that_was_not_closed),
		cmocka_unit_test(test_parse_error__finds_a_long_string_itself),
		cmocka_unit_test(test_parse_error__cuts_what_it_shows_between_characters),
		cmocka_unit_test(test_parse_error__stops_at_the_first_without_a_list),
		cmocka_unit_test(test_parse_error__keeps_a_bounded_number),
	};

	return cmocka_run_group_tests_name("parse_error", tests, NULL, NULL);
}
