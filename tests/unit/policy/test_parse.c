/* SPDX-License-Identifier: Apache-2.0 */
/* Policy texts that the parser takes or refuses, and what they then decide. Each row was answered
 * alike by the official engine, release 4.10.0. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "answer.h"
#include "base/buf.h"
#include "policy/parse.h"
#include "policy/policy.h"

static const struct answer_row rows[] = {
	{"", ANSWER_FALSE},
	{";", ANSWER_REJECT},
	{"permit(principal, action, resource);", ANSWER_TRUE},
	{"permit(principal, action, resource);;", ANSWER_REJECT},
	{"permit(principal, action, resource) when { [A::B\"b\"].isEmpty() };", ANSWER_REJECT},
	{"permit(principal, action, resource) when { A::B\"b\" == A::B::\"b\" };", ANSWER_REJECT},
	{"permit(principal == A\"b\", action, resource);", ANSWER_REJECT},
	{"permit(principal == A::B\"b\", action, resource);", ANSWER_REJECT},
	{"permit(principal, action in [A::Action\"b\"], resource);", ANSWER_REJECT},
	{"permit(principal is A::B \"b\", action, resource);", ANSWER_REJECT},
	{"permit(principal, action, resource)", ANSWER_REJECT},
	{"permit(principal, action, resource) when {};", ANSWER_REJECT},
	{"permit(principal, action, resource) when {true} unless {false} when {1==1};",
	 ANSWER_TRUE},
	{"permit(principal, action, resource)when{true};", ANSWER_TRUE},
	{"permit(principal,action,resource,);", ANSWER_TRUE},
	{"permit(principal,action);", ANSWER_REJECT},
	{"permit(action,principal,resource);", ANSWER_REJECT},
	{"permit(principal,action,resource,,);", ANSWER_REJECT},
	{"permit(principal == User::\"ana\", action, resource);", ANSWER_TRUE},
	{"permit(principal == (User::\"ana\"), action, resource);", ANSWER_TRUE},
	{"permit(principal == ((User::\"ana\")), action, resource);", ANSWER_TRUE},
	{"permit(principal in [User::\"ana\"], action, resource);", ANSWER_REJECT},
	{"permit(principal: User, action, resource);", ANSWER_REJECT},
	{"permit(principal == User::\"ana\" && true, action, resource);", ANSWER_REJECT},
	{"permit(principal is User, action, resource);", ANSWER_TRUE},
	{"permit(principal is User in Group::\"g1\", action, resource);", ANSWER_TRUE},
	{"permit(principal in Group::\"g1\" is User, action, resource);", ANSWER_REJECT},
	{"permit(principal is (User), action, resource);", ANSWER_REJECT},
	{"permit(principal is User in (Group::\"g2\"), action, resource);", ANSWER_TRUE},
	{"permit(principal == ?principal, action, resource);", ANSWER_REJECT},
	{"permit(principal, action == ?action, resource);", ANSWER_REJECT},
	{"permit(principal in ?resource, action, resource);", ANSWER_REJECT},
	{"permit(principal, action == Action::\"view\", resource);", ANSWER_TRUE},
	{"permit(principal, action in Action::\"read\", resource);", ANSWER_TRUE},
	{"permit(principal, action in [Action::\"read\", Action::\"x\",], resource);", ANSWER_TRUE},
	{"permit(principal, action in [], resource);", ANSWER_FALSE},
	{"permit(principal, action in [,], resource);", ANSWER_REJECT},
	{"permit(principal, action == User::\"view\", resource);", ANSWER_REJECT},
	{"permit(principal, action == N::Action::\"view\", resource);", ANSWER_FALSE},
	{"permit(principal, action == Action::N::\"view\", resource);", ANSWER_REJECT},
	{"permit(principal, action is Action, resource);", ANSWER_REJECT},
	{"permit(principal, action == [Action::\"view\"], resource);", ANSWER_REJECT},
	{"permit(principal, action in (Action::\"read\"), resource);", ANSWER_TRUE},
	{"permit(principal, action in ([Action::\"read\"]), resource);", ANSWER_TRUE},
	{"@id(\"a\") permit(principal,action,resource);", ANSWER_TRUE},
	{"@id permit(principal,action,resource);", ANSWER_TRUE},
	{"@if(\"x\") permit(principal,action,resource);", ANSWER_TRUE},
	{"@id(\"a\")@id(\"b\") permit(principal,action,resource);", ANSWER_REJECT},
	{"@id(\"\\q\") permit(principal,action,resource);", ANSWER_REJECT},
	{"@ id ( \"a\" ) permit(principal,action,resource);", ANSWER_TRUE},
	{"@__cedar(\"x\") permit(principal,action,resource);", ANSWER_TRUE},
	{"@id() permit(principal,action,resource);", ANSWER_REJECT},
	{"@id(x) permit(principal,action,resource);", ANSWER_REJECT},
	{"\357\273\277permit(principal, action, resource);", ANSWER_REJECT},
	{"\302\240permit(principal, action, resource);", ANSWER_TRUE},
	{"\343\200\200permit(principal, action, resource)\342\200\250;", ANSWER_TRUE},
	{"\342\200\213permit(principal, action, resource);", ANSWER_REJECT},
	{"// c\npermit(principal, action, resource); // end", ANSWER_TRUE},
	{"/* x */permit(principal, action, resource);", ANSWER_REJECT},
	{"permit(principal, action, resource)//c\r;", ANSWER_TRUE},
	{"permit(principal, action, resource)\r;", ANSWER_TRUE},
	{"forbid(principal,action,resource);", ANSWER_FALSE},
	{"Permit(principal,action,resource);", ANSWER_REJECT},
	{"permit (principal == User :: \"ana\", action, resource);", ANSWER_TRUE},
	{"permit (principal == User\n//c\n::\n\"ana\", action, resource);", ANSWER_TRUE},
	{"permit(principal == permit::User::\"x\", action, resource);", ANSWER_FALSE},
	{"permit(principal == if::User::\"x\", action, resource);", ANSWER_REJECT},
	{"permit(principal == __cedar::User::\"x\", action, resource);", ANSWER_REJECT},
	{"permit(principal == A::__cedar::\"x\", action, resource);", ANSWER_REJECT},
	{"permit(principal is __cedar, action, resource);", ANSWER_REJECT},
	{"permit(principal is A::B, action, resource);", ANSWER_FALSE},
	{"permit(principal is A::\"B\", action, resource);", ANSWER_REJECT},
	{"permit(principal == User::\"a\\u{41}\", action, resource);", ANSWER_FALSE},
	{"permit(principal == principal, action, resource);", ANSWER_REJECT},
	{"permit(principal != User::\"ana\", action, resource);", ANSWER_REJECT},
	{"permit(principal, action, resource) when {true} ; permit(principal, action, resource);",
	 ANSWER_TRUE},
	{"permit(principal, action, resource) when {true}", ANSWER_REJECT},
	{"permit(principal, action, resource) if {true};", ANSWER_REJECT},
	{"permit(principal, action, resource) when {true} when;", ANSWER_REJECT},
	{"permit(principal, action, resource) when (true);", ANSWER_REJECT},
	{"permit(principal,action,resource) when {true} unless {?principal == 1};", ANSWER_REJECT},
	{"permit(principal, action in ((Action::\"read\")), resource);", ANSWER_TRUE},
	{"permit(principal, action in (([Action::\"read\"])), resource);", ANSWER_TRUE},
	{"permit(principal, action in ([(Action::\"read\")]), resource);", ANSWER_TRUE},
	{"permit(principal, action in [(Action::\"read\")], resource);", ANSWER_TRUE},
	{"permit(principal, action in (Action::\"read\", resource);", ANSWER_REJECT},
	{"permit(principal, action, resource) when {-1.a == 1};", ANSWER_ERROR},
	{"permit(principal, action, resource) when {-1[\"a\"] == 1};", ANSWER_ERROR},
	{"permit(principal, action, resource) when {-1.isEmpty()};", ANSWER_ERROR},
	{"permit(principal, action, resource) when {-9223372036854775808 < 0};", ANSWER_TRUE},
	{"permit(principal, action, resource) when {-9223372036854775808.a == 1};", ANSWER_REJECT},
};

static void test_parse__takes_and_refuses_as_the_official_parser(void **state)
{
	(void)state;
	answer_check(rows, ARRAY_LEN(rows), "", "");
}

/* A template by itself, taken or refused as the official engine does. */
static const struct {
	const char *text;
	bool is_taken;
} templates[] = {
	{"permit(principal == ?principal, action, resource);", true},
	{"permit(principal in ?principal, action, resource);", true},
	{"permit(principal == (?principal), action, resource);", true},
	{"permit(principal in ((?principal)), action, resource);", true},
	{"permit(principal is User in ?principal, action, resource);", true},
	{"permit(principal is User in (?principal), action, resource);", true},
	{"permit(principal is ?principal, action, resource);", false},
	{"permit(principal is User == ?principal, action, resource);", false},
	{"permit(principal == ?principal, action, resource == ?resource);", true},
	{"permit(principal, action, resource in ?resource);", true},
	{"permit(principal, action, resource is Photo in ?resource) when { resource.a };", true},
	{"permit(principal == ?resource, action, resource);", false},
	{"permit(principal, action, resource == ?principal);", false},
	{"permit(principal == ?foo, action, resource);", false},
	{"permit(principal == ? principal, action, resource);", false},
	{"permit(principal == ?principal::\"x\", action, resource);", false},
	{"permit(principal == User::?principal, action, resource);", false},
	{"permit(principal ?principal, action, resource);", false},
	{"permit(?principal, action, resource);", false},
	{"permit(principal, action == ?action, resource);", false},
	{"permit(principal, action in [?action], resource);", false},
	{"permit(principal, action == ?principal, resource);", false},
	{"permit(principal in [?principal], action, resource);", false},
	{"permit(principal == ?principal, action, resource) when { ?principal == principal };",
	 false},
	{"permit(principal == ?principal, action, resource) when { principal == ?resource };",
	 false},
	{"permit(principal == ?principal, action, resource) unless { principal in ?principal };",
	 false},
	{"@id(\"x\") permit(principal == ?principal,action,resource,);", true},
	{"permit(principal == ?PRINCIPAL, action, resource);", false},
	{"permit(principal == ?__cedar, action, resource);", false},
	{"permit(principal == ?principal // c\n, action, resource);", true},
	{"permit(principal == ?principal && true, action, resource);", false},
};

static void test_parse__takes_templates_as_the_official_parser(void **state)
{
	struct policy_set_options options = {.takes_templates = true};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(templates); i++) {
		struct policy_source source = {.file = "row",
					       .text = str_from_c(templates[i].text)};
		struct policy_set *set = NULL;
		struct diag diag = {.text = ""};

		print_message("# %s\n", templates[i].text);
		assert_int_equal(policy_set_load(&source, 1, &options, &set, &diag) == OK,
				 templates[i].is_taken);
		if (set != NULL) {
			assert_int_equal(policy_set_count(set), 0);
			assert_int_equal(policy_set_template_count(set), 1);
		}
		policy_set_free(set);
		set = NULL;
		assert_int_not_equal(policy_set_load(&source, 1, NULL, &set, &diag), OK);
	}
}

/* PREFIX repeated, then MIDDLE, then SUFFIX repeated. */
static enum answer answer_repeated(const char *prefix, const char *middle, const char *suffix,
				   size_t count)
{
	struct str parts[3] = {str_from_c(prefix), str_from_c(middle), str_from_c(suffix)};
	enum answer answer;
	struct buf text;

	buf_init(&text, 1 << 20);
	assert_int_equal(buf_append(&text, STR("permit(principal, action, resource) when { ")), OK);
	for (size_t i = 0; i < 2 * count + 1; i++)
		assert_int_equal(buf_append(&text, parts[i < count ? 0 : i > count ? 2 : 1]), OK);
	assert_int_equal(buf_append(&text, STR(" };")), OK);
	answer = answer_policy(buf_str(&text));
	buf_fini(&text);
	return answer;
}

static void test_parse__bounds_nesting_but_not_chains(void **state)
{
	(void)state;
	assert_int_equal(answer_repeated("(", "true", ")", 127), ANSWER_TRUE);
	assert_int_equal(answer_repeated("(", "true", ")", 128), ANSWER_REJECT);
	assert_int_equal(answer_repeated("[", "1", "]", 127), ANSWER_ERROR);
	assert_int_equal(answer_repeated("[", "1", "]", 128), ANSWER_REJECT);
	assert_int_equal(answer_repeated("if true then ", "true", " else false", 127), ANSWER_TRUE);
	assert_int_equal(answer_repeated("if true then ", "true", " else false", 128),
			 ANSWER_REJECT);
	assert_int_equal(answer_repeated("true && ", "true", "", 8000), ANSWER_TRUE);
	assert_int_equal(answer_repeated("false || ", "true", "", 8000), ANSWER_TRUE);
	assert_int_equal(answer_repeated("1 + ", "1 == 8001", "", 8000), ANSWER_TRUE);
	assert_int_equal(answer_repeated("1 * ", "1 == 1", "", 8000), ANSWER_TRUE);
	assert_int_equal(answer_repeated("", "principal.boss", ".boss", 8000), ANSWER_ERROR);
}

/* In the scope brackets count as well. */
static void test_parse__bounds_the_brackets_of_a_scope(void **state)
{
	char text[512];
	char brackets[130];
	struct policy_source source = {.file = "p.cedar"};
	struct policy_set *set = NULL;
	struct diag diag;

	(void)state;
	for (unsigned depth = 128; depth <= 129; depth++) {
		memset(brackets, '(', depth);
		source.text.ptr = text;
		source.text.len =
			(size_t)snprintf(text, sizeof(text), "permit(principal == %.*sA::\"b\"",
					 (int)depth, brackets);
		memset(text + source.text.len, ')', depth);
		source.text.len += depth;
		source.text.len +=
			(size_t)snprintf(text + source.text.len, sizeof(text) - source.text.len,
					 ", action, resource);");
		assert_int_equal(policy_set_load(&source, 1, NULL, &set, &diag),
				 depth == 128 ? OK : ERR_LIMIT);
		policy_set_free(set);
		set = NULL;
	}
	assert_string_equal(diag.text, "nested deeper than 128 levels (limit AST_DEPTH)");
	assert_int_equal(diag.column, 21 + 128);
}

/* At every cap of the arena it is read whole, or refused by the limit's name. */
static void test_parse__runs_out_of_memory_anywhere(void **state)
{
	static const char text[] =
		"@id(\"a\") @reason(\"b\\n\") permit(principal is A::B in A::B::\"c\", action in "
		"[N::Action::\"r\", N::Action::\"s\"], resource == ?resource) when { if "
		"-principal.a + 1 "
		"- 2 * 3 > -4 then [1, \"x\", ip(\"10.0.0.1\")].contains({a: 1, \"b\": "
		"A::B::\"d\"}) "
		"else !(context has a.b.c && context[\"s\"] like \"a*b*c\" || resource is A::B in "
		"A::B::\"e\") } unless { false };";
	bool is_read = false;
	size_t short_of = 0;

	(void)state;
	for (size_t cap = 0; cap < 16384 && !is_read; cap += 16) {
		struct diag diag = {.text = ""};
		struct parse parse;
		struct arena arena;

		arena_init(&arena, 64, cap);
		parse_init(&parse, "p.cedar", str_from_c(text), &arena, &diag);
		is_read = parse_policy(&parse) != NULL;
		if (!is_read) {
			assert_int_equal(parse.lex.err, ERR_LIMIT);
			assert_non_null(
				strstr(diag.text, "memory limit reached (limit `arena_byte"));
			short_of++;
		}
		arena_fini(&arena);
	}
	assert_true(is_read);
	assert_true(short_of > 100);
}

static void test_parse__names_the_limit_of_annotations(void **state)
{
	struct policy_source source = {
		.file = "p.cedar", .text = STR("@a @b @c permit(principal, action, resource);")};
	struct policy_set_options options = {.limits = {.annotations = 3}};
	struct policy_set *set = NULL;
	struct diag diag;

	(void)state;
	assert_int_equal(policy_set_load(&source, 1, &options, &set, &diag), OK);
	policy_set_free(set);
	options.limits.annotations = 2;
	assert_int_equal(policy_set_load(&source, 1, &options, &set, &diag), ERR_LIMIT);
	assert_string_equal(diag.text, "more than 2 annotations (limit `annotations`)");
	assert_int_equal(diag.column, 8);
}

static void test_parse__says_where_and_what(void **state)
{
	struct policy_source source = {
		.file = "where.cedar",
		.text = STR("permit(principal, action, resource)\nwhen { \"\xc3\xa9\" == foo };")};
	struct policy_set *set;
	struct diag diag;

	(void)state;
	assert_int_equal(policy_set_load(&source, 1, NULL, &set, &diag), ERR_MALFORMED);
	assert_string_equal(diag.file, "where.cedar");
	assert_int_equal(diag.line, 2);
	assert_int_equal(diag.column, 15);
	assert_non_null(strstr(diag.text, "`foo` is not a variable"));
	assert_string_equal(diag.source, "when { \"\xc3\xa9\" == foo };");
	source.text = STR("permit(principal, action, \xff);");
	assert_int_equal(policy_set_load(&source, 1, NULL, &set, &diag), ERR_MALFORMED);
	assert_non_null(strstr(diag.text, "UTF-8"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse__takes_and_refuses_as_the_official_parser),
		cmocka_unit_test(test_parse__takes_templates_as_the_official_parser),
		cmocka_unit_test(test_parse__bounds_nesting_but_not_chains),
		cmocka_unit_test(test_parse__bounds_the_brackets_of_a_scope),
		cmocka_unit_test(test_parse__runs_out_of_memory_anywhere),
		cmocka_unit_test(test_parse__names_the_limit_of_annotations),
		cmocka_unit_test(test_parse__says_where_and_what),
	};

	return cmocka_run_group_tests_name("parse", tests, NULL, NULL);
}
