/* SPDX-License-Identifier: Apache-2.0 */
/* Which expressions are the same. Each pair was judged alike by the official validator, which was
 * asked whether a guard of the one holds for the other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "policy/policy.h"
#include "policy/same.h"

static const struct {
	const char *a, *b;
	bool is_same;
} rows[] = {
	{"principal.m.x", "(principal.m).x", true},
	{"principal.m.x", "((principal).m)[\"x\"]", true},
	{"principal.m.x", "principal.m.y", false},
	{"principal.m", "resource.m", false},
	{"principal.n > 1", "!(principal.n <= 1)", true},
	{"principal.n >= 1", "!(principal.n < 1)", true},
	{"principal.n != 1", "!(principal.n == 1)", true},
	{"principal.n > 1", "principal.n > 2", false},
	{"principal.n < 1", "1 > principal.n", false},
	{"principal.n > 1", "principal.n >= 1", false},
	{"principal == resource", "resource == principal", false},
	{"principal.b && resource.b && true", "(principal.b && resource.b) && true", true},
	{"principal.b && resource.b && true", "principal.b && (resource.b && true)", false},
	{"principal.b || resource.b || true", "(principal.b || resource.b) || true", true},
	{"principal.b || resource.b || true", "principal.b || (resource.b || true)", false},
	{"principal.b && resource.b", "principal.b || resource.b", false},
	{"1 + 2 + 3", "(1 + 2) + 3", true},
	{"1 + 2 + 3", "1 + (2 + 3)", false},
	{"1 - 2 + 3", "(1 - 2) + 3", true},
	{"principal.n - 1", "principal.n + 1", false},
	{"1 * 2 * 3", "(1 * 2) * 3", true},
	{"1 * 2", "1 + 2", false},
	{"!!principal.b", "!(!principal.b)", true},
	{"!!!principal.b", "!principal.b", false},
	{"-(-1)", "- -1", true},
	{"-(principal.n)", "-principal.n", true},
	{"-1", "-(1)", false},
	{"principal is U in resource", "principal is U && principal in resource", true},
	{"principal is U in resource", "principal is U in [resource]", false},
	{"principal is U", "principal is V", false},
	{"principal has m.y.z", "principal has m && principal.m has y && principal.m.y has z",
	 true},
	{"principal has m.y.z", "principal has m && (principal.m has y && principal.m.y has z)",
	 false},
	{"principal has m.y", "principal has m.z", false},
	{"principal has m", "principal has \"m\"", true},
	{"{a: principal, b: 1}", "{b: 1, \"a\": principal}", true},
	{"{a: {b: principal, c: 1}, d: 2}", "{d: 2, a: {c: 1, b: principal}}", true},
	{"{a: principal, b: 1}", "{a: principal, c: 1}", false},
	{"{a: principal, b: 1}", "{a: principal}", false},
	{"{a: principal}", "{a: resource}", false},
	{"[1, 2]", "[1, 2]", true},
	{"[1, 2]", "[2, 1]", false},
	{"[1]", "[1, 1]", false},
	{"principal.s.contains(1)", "(principal.s).contains(1)", true},
	{"principal.s.containsAll([1])", "principal.s.containsAny([1])", false},
	{"principal.s.contains(1)", "principal.s.contains(2)", false},
	{"principal.hasTag(context.k)", "principal.hasTag(context[\"k\"])", true},
	{"\"a\" like \"a*\"", "\"a\" like \"a*\"", true},
	{"\"a\" like \"a*\"", "\"a\" like \"a**\"", false},
	{"\"a\" like \"a*\"", "\"a\" like \"b*\"", false},
	{"\"a\" like \"a*\"", "\"b\" like \"a*\"", false},
	{"U::\"a\"", "U::\"\\x61\"", true},
	{"01", "1", true},
	{"\"1\"", "1", false},
	{"ip(\"1.1.1.1\").isIpv4()", "(ip(\"1.1.1.1\")).isIpv4()", true},
	{"decimal(\"1.0\")", "decimal(\"1.00\")", false},
	{"datetime(\"2024-01-01\")", "duration(\"1h\")", false},
	{"if principal.b then 1 else 2", "if principal.b then 1 else 2", true},
	{"if principal.b then 1 else 2", "if principal.b then 1 else 3", false},
	{"if principal.b then 1 else 2", "if resource.b then 1 else 2", false},
	{"principal", "action", false},
};

/* The body of the only condition. */
static const struct expr *parse(struct policy_set **out_set, const char *text)
{
	struct policy_source source = {.file = "p"};
	struct diag diag = {.text = ""};
	char policy[500];

	(void)snprintf(policy, sizeof(policy), "permit(principal, action, resource) when { %s };",
		       text);
	source.text = str_from_c(policy);
	if (policy_set_load(&source, 1, NULL, out_set, &diag) != OK)
		fail_msg("%s: %s", diag.text, text);
	return policy_set_at(*out_set, 0)->conditions[0].body;
}

static void test_same__as_the_official_validator(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct policy_set *sets[2];
		const struct expr *a = parse(&sets[0], rows[i].a);
		const struct expr *b = parse(&sets[1], rows[i].b);

		if (expr_same(a, b) != rows[i].is_same || expr_same(b, a) != rows[i].is_same)
			fail_msg("%s | %s", rows[i].a, rows[i].b);
		assert_true(expr_same(a, a));
		policy_set_free(sets[0]);
		policy_set_free(sets[1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same__as_the_official_validator),
	};

	return cmocka_run_group_tests_name("same", tests, NULL, NULL);
}
