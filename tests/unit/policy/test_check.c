/* SPDX-License-Identifier: Apache-2.0 */
/* The type checker. Each row of the tables was judged alike by the official engine, 4.10.0. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/buf.h"
#include "gateway_case.h"
#include "policy/check.h"

enum verdict {
	GOOD,
	IMPOSSIBLE, /* with that warning */
	BAD,
};

struct row {
	const char *text;
	enum verdict want;
};

static const char schema_text[] =
	"entity Team in [Team]; entity Kind enum [\"a\", \"b\"]; entity Robot;\n"
	"entity User in [Team] = {n: Long, s: String, o?: Long, b: Bool, r: {x: Long, y?: {z?: "
	"Long}},\n"
	" u?: User, k: Kind, ls: Set<Long>} tags String;\n"
	"entity Doc in [Folder] = {owner: User, d: decimal, i: ipaddr, t: datetime, du: duration}\n"
	" tags Set<Long>;\n"
	"entity Folder;\n"
	"action read, write in [\"all\"] appliesTo {principal: [User, Robot], resource: [Doc],\n"
	" context: {c: Long, o?: String, k: String}};\n"
	"action only appliesTo {principal: User, resource: Folder};\n"
	"action all; action none;\n";

/* Conditions behind a scope that names the actions read and write. */
static const struct row conditions[] = {
	{"true", GOOD},
	{"principal.n == 1", BAD},
	{"principal is User && principal.n == 1", GOOD},
	{"principal is User && principal.o == 1", BAD},
	{"principal is User && principal has o && principal.o == 1", GOOD},
	{"principal is User && principal[\"o\"] == 1", BAD},
	{"principal is User && principal has \"o\" && principal.o == 1", GOOD},
	{"principal is User && !(principal has o) || principal is User && "
	 "principal.o == 1",
	 BAD},
	{"principal is User && (!(principal has o) || principal.o == 1)", BAD},
	{"principal is User && (principal has o || principal has u) && "
	 "principal.o == 1",
	 BAD},
	{"principal is User && (principal has o && principal.n == 1 || "
	 "principal has o) && principal.o == 1",
	 GOOD},
	{"principal is User && (if principal has o then principal.o == 1 else "
	 "false)",
	 GOOD},
	{"principal is User && (if principal has o then true else principal.o "
	 "== 1)",
	 BAD},
	{"principal is User && (if principal has o then true else false) && "
	 "principal.o == 1",
	 BAD},
	{"principal is User && (if principal.b then principal has o else "
	 "principal has o) && principal.o == 1",
	 GOOD},
	{"principal is User && principal.r.x == 1", GOOD},
	{"principal is User && principal.r.y.z == 1", BAD},
	{"principal is User && principal.r has y && principal.r.y has z && "
	 "principal.r.y.z == 1",
	 GOOD},
	{"principal is User && principal.r has y.z && principal.r.y.z == 1", GOOD},
	{"principal is User && principal has r.y.z && principal.r.y.z == 1", GOOD},
	{"principal is User && principal has u.u.o && principal.u.u.o == 1", GOOD},
	{"principal is User && principal has u.u && principal.u.u.o == 1", BAD},
	{"principal is User && principal has nope && principal.nope == 1", IMPOSSIBLE},
	{"principal is User && principal has n.x", BAD},
	{"principal is User && principal has r.x.q", BAD},
	{"principal has n && principal.n == 1", GOOD},
	{"context has c && context.c == 1", GOOD},
	{"context has o && context.o like \"a*\"", GOOD},
	{"context.o like \"a*\"", BAD},
	{"context has nope.a", IMPOSSIBLE},
	{"principal is User && principal.hasTag(\"t\") && "
	 "principal.getTag(\"t\") == \"x\"",
	 GOOD},
	{"principal is User && principal.hasTag(\"t\") && "
	 "principal.getTag(\"u\") == \"x\"",
	 BAD},
	{"principal is User && principal.hasTag(context.k) && "
	 "principal.getTag(context.k) == \"x\"",
	 GOOD},
	{"principal is User && principal.hasTag(context[\"k\"]) && "
	 "principal.getTag(context.k) == \"x\"",
	 GOOD},
	{"principal is User && principal.getTag(\"t\") == \"x\"", BAD},
	{"principal is Robot && principal.hasTag(\"t\")", IMPOSSIBLE},
	{"principal is Robot && principal.getTag(\"t\") == \"x\"", BAD},
	{"principal is Robot && (principal.hasTag(\"t\") && "
	 "principal.getTag(\"t\") == \"x\")",
	 IMPOSSIBLE},
	{"resource.hasTag(\"t\") && resource.getTag(\"t\").contains(1)", GOOD},
	{"principal.hasTag(1)", BAD},
	{"1 == \"a\"", IMPOSSIBLE},
	{"1 == 2", IMPOSSIBLE},
	{"1 != 1", IMPOSSIBLE},
	{"\"a\" == \"a\"", GOOD},
	{"principal == resource", IMPOSSIBLE},
	{"principal == User::\"x\"", GOOD},
	{"resource == User::\"x\"", IMPOSSIBLE},
	{"context.c == \"a\"", BAD},
	{"context.c == principal", BAD},
	{"[1] == [\"a\"]", BAD},
	{"[1] == [2]", GOOD},
	{"[] == [1]", BAD},
	{"[1, \"a\"].contains(1)", BAD},
	{"[1].contains(\"a\")", BAD},
	{"[true, false].contains(true)", GOOD},
	{"[1].containsAll([\"a\"])", BAD},
	{"[1].containsAll([1])", GOOD},
	{"[1].containsAny(1)", BAD},
	{"[User::\"a\", Doc::\"b\"].contains(principal)", BAD},
	{"[1].isEmpty()", GOOD},
	{"1.isEmpty()", BAD},
	{"principal in resource", IMPOSSIBLE},
	{"principal in Team::\"t\"", GOOD},
	{"principal in Doc::\"t\"", IMPOSSIBLE},
	{"principal in [Team::\"t\", Team::\"u\"]", GOOD},
	{"principal in [Team::\"t\", Doc::\"u\"]", BAD},
	{"principal in [1]", BAD},
	{"principal in 1", BAD},
	{"1 in principal", BAD},
	{"principal in principal", GOOD},
	{"resource in Folder::\"f\"", GOOD},
	{"resource.owner in Team::\"t\"", GOOD},
	{"action == Action::\"read\"", GOOD},
	{"action == Action::\"nope\"", BAD},
	{"action in Action::\"all\"", GOOD},
	{"action in [Action::\"all\", Action::\"none\"]", GOOD},
	{"Action::\"read\" in Action::\"all\" && principal is User && "
	 "principal.n == 1",
	 GOOD},
	{"action in Action::\"none\" && principal.n == 1", IMPOSSIBLE},
	{"action == Action::\"only\" && principal.n == 1", IMPOSSIBLE},
	{"action is Action", GOOD},
	{"action has x", IMPOSSIBLE},
	{"action.x == 1", BAD},
	{"action.hasTag(\"a\")", IMPOSSIBLE},
	{"action in principal", IMPOSSIBLE},
	{"principal in action", IMPOSSIBLE},
	{"principal is Nope", BAD},
	{"false && Nope::\"x\" == principal", BAD},
	{"false && Action::\"nope\" == action", BAD},
	{"principal is User && principal.k == Kind::\"a\"", GOOD},
	{"principal is User && principal.k == Kind::\"c\"", BAD},
	{"false && Kind::\"c\" == Kind::\"a\"", BAD},
	{"ip(\"10.0.0.1\").isIpv4()", GOOD},
	{"ip(\"10.0.0.300\").isIpv4()", BAD},
	{"ip(context.k).isIpv4()", BAD},
	{"ip(\"1.1.1.1\", \"2\").isIpv4()", BAD},
	{"false && ip(\"bad\").isIpv4()", IMPOSSIBLE},
	{"resource.i.isInRange(ip(\"10.0.0.0/8\"))", GOOD},
	{"resource.i.isInRange(\"10.0.0.0/8\")", BAD},
	{"resource.i.isInRange()", BAD},
	{"resource.d.lessThan(decimal(\"1.0\"))", GOOD},
	{"resource.d < decimal(\"1.0\")", BAD},
	{"resource.t < datetime(\"2024-01-01\")", GOOD},
	{"resource.t < resource.du", BAD},
	{"resource.t.offset(resource.du).toDate() == resource.t", GOOD},
	{"resource.t.durationSince(resource.t).toDays() > 1", GOOD},
	{"resource.du < duration(\"1h\")", GOOD},
	{"resource.t.toTime() < duration(\"7h\")", GOOD},
	{"context.c < 1", GOOD},
	{"context.k < \"a\"", BAD},
	{"\"a\" < \"b\"", BAD},
	{"true < false", BAD},
	{"context.c + 1 == 2", GOOD},
	{"context.c + \"a\" == 2", BAD},
	{"-context.c == 1", GOOD},
	{"-context.k == 1", BAD},
	{"!context.c", BAD},
	{"!principal", BAD},
	{"context.c", BAD},
	{"1", BAD},
	{"\"a\"", BAD},
	{"context.c like \"a\"", BAD},
	{"principal", BAD},
	{"if true then true else 1", GOOD},
	{"if context.c == 1 then 1 == 1 else 1", BAD},
	{"if context.c == 1 then 1 else \"a\"", BAD},
	{"(if context.c == 1 then 1 else \"a\") == 1", BAD},
	{"if 1 then true else false", BAD},
	{"true || 1", GOOD},
	{"false || 1", BAD},
	{"false && 1", IMPOSSIBLE},
	{"true && 1", BAD},
	{"1 && true", BAD},
	{"1 || true", BAD},
	{"(context.c == 1) || 1", BAD},
	{"{a: 1}.a == 1", GOOD},
	{"{a: 1}.b == 1", BAD},
	{"{a: 1} == {a: 2}", GOOD},
	{"{a: 1} == {b: 2}", BAD},
	{"{a: 1} == {a: \"x\"}", BAD},
	{"{a: context.c} == {a: 2}", GOOD},
	{"{\"a b\": true}[\"a b\"]", GOOD},
	{"{a: 1} has a && {a: 1} has b", IMPOSSIBLE},
	{"principal is User && principal.r == {x: 1}", BAD},
	{"principal is User && principal.r == {x: 1, y: {z: 1}}", BAD},
	{"principal is User && [principal.r, {x: 1}].isEmpty()", BAD},
	{"context == {c: 1, k: \"x\"}", BAD},
	{"principal is User in Team::\"t\"", GOOD},
	{"principal is User in [Team::\"t\"]", GOOD},
	{"principal is User in Doc::\"t\"", IMPOSSIBLE},
	{"principal is User in 1", BAD},
	{"1 is User", BAD},
	{"if principal is User then principal.n == 1 else true", GOOD},
	{"principal is User && principal.u.n == 1", BAD},
	{"principal is User && principal has u && principal.u.n == 1", GOOD},
	{"resource has owner && resource.owner has u && resource.owner.u.n == 1", GOOD},
	{"resource.owner has u.n && resource.owner.u.n == 1", GOOD},
	{"(principal is User && principal has o) && principal.o == 1", GOOD},
	{"(principal is User && principal has o) == true && principal is User "
	 "&& principal.o == 1",
	 BAD},
	{"[[1], [2]].contains([3])", GOOD},
	{"[[1], [\"a\"]].contains([3])", BAD},
	{"principal.n.m == 1", BAD},
	{"principal is User && principal.n.m == 1", BAD},
	{"principal is User && (principal.n has m)", BAD},
	{"principal is User && principal.ls.contains(1)", GOOD},
	{"principal is User && principal.ls.contains(\"a\")", BAD},
	{"if context has o then context.o == \"x\" else context.c == 1", GOOD},
	{"context has o && (context.o == \"x\" || context.o == \"y\")", GOOD},
	{"(context has o || context has k) && context.o == \"x\"", BAD},
	{"(context has o || 1 == 2) && context.o == \"x\"", GOOD},
	{"(1 == 2 || context has o) && context.o == \"x\"", GOOD},
	{"(if 1 == 1 then context has o else true) && context.o == \"x\"", GOOD},
	{"!(!(context has o)) && context.o == \"x\"", BAD},
	{"(context has o) == true && context.o == \"x\"", BAD},
	{"{a: principal}.a is User && principal.n == 1", GOOD},
	{"[principal].contains(resource)", BAD},
	{"[context.c, 2].contains(3)", GOOD},
	{"User::\"a\".n == 1", GOOD},
	{"User::\"a\" has o && User::\"a\".o == 1", GOOD},
	{"User::\"a\" in Team::\"t\"", GOOD},
	{"Kind::\"a\" == Kind::\"b\"", IMPOSSIBLE},
	{"Kind::\"a\" has x", IMPOSSIBLE},
	{"Kind::\"a\" in Team::\"t\"", IMPOSSIBLE},
	{"resource.owner.ls == [1]", GOOD},
	{"datetime(\"2024-01-01\") == \"2024-01-01\"", BAD},
	{"principal is User && principal.hasTag(if principal.b then \"a\" else "
	 "\"b\") && principal.getTag(if principal.b then \"a\" else \"b\") == "
	 "\"\"",
	 GOOD},
	{"principal is User && principal.hasTag(1)", BAD},
	{"User::\"a\".hasTag(\"x\") && principal is User && "
	 "principal.getTag(\"x\") == \"\"",
	 BAD},
	{"(principal is User && principal has o && principal.o > 0) || "
	 "(principal is Robot)",
	 GOOD},
	{"principal is User && (principal.b && principal has o) && principal.o "
	 "== 1",
	 GOOD},
	{"principal is User && ((principal.b || principal has o) && principal.o "
	 "== 1)",
	 BAD},
	{"9223372036854775807 + 1 > 0", GOOD},
	{"\"\\u{202e}\" == \"x\"", IMPOSSIBLE},
	{"\"\321\200\320\260\321\203\321\200\320\260l\" == context.k", GOOD},
	{"\"say \321\200\320\260ypal\" == context.k", GOOD},
};

/* Whole policies. */
static const struct row policies[] = {
	{"permit(principal, action, resource);", GOOD},
	{"permit(principal == User::\"a\", action, resource);", GOOD},
	{"permit(principal == Doc::\"a\", action, resource);", BAD},
	{"permit(principal == Nope::\"a\", action, resource);", BAD},
	{"permit(principal in Team::\"a\", action, resource);", GOOD},
	{"permit(principal in Folder::\"a\", action, resource);", BAD},
	{"permit(principal is User, action, resource is Folder);", GOOD},
	{"permit(principal is Robot, action, resource is Folder);", BAD},
	{"permit(principal is User in Team::\"t\", action, resource);", GOOD},
	{"permit(principal is User in Folder::\"t\", action, resource);", BAD},
	{"permit(principal is Robot in Team::\"t\", action, resource);", BAD},
	{"permit(principal, action == Action::\"all\", resource);", BAD},
	{"permit(principal, action in Action::\"all\", resource);", GOOD},
	{"permit(principal, action == Action::\"none\", resource);", BAD},
	{"permit(principal, action in Action::\"none\", resource);", BAD},
	{"permit(principal, action == Action::\"nope\", resource);", BAD},
	{"permit(principal, action in [], resource);", BAD},
	{"permit(principal, action in [Action::\"none\", Action::\"only\"], "
	 "resource);",
	 GOOD},
	{"permit(principal, action in [Action::\"nope\", Action::\"only\"], "
	 "resource);",
	 BAD},
	{"permit(principal, action == N::Action::\"only\", resource);", BAD},
	{"permit(principal == Kind::\"a\", action, resource);", BAD},
	{"permit(principal == Kind::\"zz\", action, resource);", BAD},
	{"permit(principal is Action, action, resource);", BAD},
	{"permit(principal is User, action, resource) when { principal.n == 1 } "
	 "unless { principal has o && principal.o == 1 };",
	 GOOD},
	{"permit(principal is User, action, resource) when { principal has o } "
	 "unless { principal.o == 1 };",
	 GOOD},
	{"permit(principal is User, action, resource) when { principal has o } "
	 "when { principal.o == 1 };",
	 GOOD},
	{"permit(principal is User, action, resource) unless { principal has o "
	 "} when { principal.o == 1 };",
	 BAD},
	{"permit(principal is User, action, resource) unless { !(principal has "
	 "o) } when { principal.o == 1 };",
	 BAD},
	{"permit(principal, action, resource == Folder::\"x\") when { "
	 "principal.n == 1 };",
	 GOOD},
	{"permit(principal, action, resource in Folder::\"x\") when { "
	 "principal.n == 1 };",
	 BAD},
	{"permit(principal, action, resource) when { false } when { "
	 "principal.nope };",
	 IMPOSSIBLE},
	{"permit(principal, action, resource) unless { true } when { "
	 "principal.nope };",
	 IMPOSSIBLE},
	{"permit(principal, action, resource) when { 1 };", BAD},
	{"permit(principal, action == Action::\"only\", resource) when { "
	 "principal.n == 1 && context has x };",
	 IMPOSSIBLE},
};

struct checked {
	struct schema *schema;
	struct policy_set *set;
	struct check_report report;
	enum err err;
};

static void check(struct checked *c, const char *schema, struct str text)
{
	struct policy_source source = {.file = "p.cedar", .text = text};
	struct diag diag = {.text = ""};

	if (schema_load("s", str_from_c(schema), &c->schema, &diag) != OK ||
	    policy_set_load(&source, 1, NULL, &c->set, &diag) != OK)
		fail_msg("%s: " STR_FMT, diag.text, STR_ARG(text));
	check_report_init(&c->report);
	c->err = check_policies(c->set, c->schema, &c->report);
}

static void release(struct checked *c)
{
	check_report_fini(&c->report);
	policy_set_free(c->set);
	schema_free(c->schema);
}

static bool is_impossible(const struct checked *c)
{
	for (size_t i = 0; i < c->report.count; i++)
		if (str_has_prefix(c->report.findings[i].text, STR("the policy is impossible")))
			return true;
	return false;
}

static void check_rows(const struct row *rows, size_t count, const char *before, const char *behind)
{
	char text[600];

	for (size_t i = 0; i < count; i++) {
		struct checked c;
		enum verdict got;

		(void)snprintf(text, sizeof(text), "%s%s%s", before, rows[i].text, behind);
		check(&c, schema_text, str_from_c(text));
		got = c.err != OK ? BAD : is_impossible(&c) ? IMPOSSIBLE : GOOD;
		if (got != rows[i].want)
			fail_msg("verdict %d, wanted %d: %s", (int)got, (int)rows[i].want, text);
		release(&c);
	}
}

static void test_check__judges_conditions(void **state)
{
	(void)state;
	check_rows(conditions, ARRAY_LEN(conditions),
		   "permit(principal, action in [Action::\"read\", Action::\"write\"], resource) "
		   "when { ",
		   " };");
}

static void test_check__judges_scopes(void **state)
{
	(void)state;
	check_rows(policies, ARRAY_LEN(policies), "", "");
}

static void test_check__lists_all_errors_with_their_places(void **state)
{
	const char *text =
		"permit(principal, action, resource)\nwhen { principal.zz && context.qq };\n"
		"forbid(principal is Nope, action, resource);";
	struct diag diag;
	struct checked c;

	(void)state;
	check(&c, schema_text, str_from_c(text));
	assert_int_equal(c.err, ERR_MALFORMED);
	assert_true(c.report.error_count >= 4);
	check_finding_diag(&c.report.findings[0], &diag);
	assert_string_equal(diag.file, "p.cedar");
	assert_int_equal(diag.line, 2);
	assert_int_equal(diag.column, 18);
	assert_non_null(strstr(diag.text, "has no attribute `zz`"));
	assert_string_equal(diag.source, "when { principal.zz && context.qq };");
	check_finding_diag(&c.report.findings[c.report.count - 1], &diag);
	assert_int_equal(diag.line, 3);
	release(&c);
}

static void test_check__says_an_error_once(void **state)
{
	struct checked c;

	(void)state;
	check(&c, schema_text, STR("permit(principal, action, resource) when { 1 };"));
	assert_int_equal(c.report.error_count, 1);
	release(&c);
}

static void test_check__keeps_a_bounded_number_of_findings(void **state)
{
	struct buf text;
	struct checked c;

	(void)state;
	buf_init(&text, 1 << 20);
	for (size_t i = 0; i < CHECK_FINDINGS + 5; i++)
		assert_int_equal(
			buf_append(&text, STR("permit(principal is No, action, resource);")), OK);
	check(&c, schema_text, buf_str(&text));
	assert_int_equal(c.err, ERR_MALFORMED);
	assert_int_equal(c.report.count, CHECK_FINDINGS);
	assert_int_equal(c.report.error_count, 2 * (CHECK_FINDINGS + 5));
	release(&c);
	buf_fini(&text);
}

/* A template is typed for any value of its slots, a link only asked whether its values fit. */
static const struct {
	const char *template;
	const char *values;
	const char *want; /* ids in the order of the findings, `?` behind a warned one */
} links[] = {
	{"permit(principal == ?principal, action, resource);",
	 "'?principal': {'type': 'User', 'id': 'x'}", ""},
	{"permit(principal == ?principal, action, resource) when { principal.zz };",
	 "'?principal': {'type': 'User', 'id': 'x'}", "t"},
	{"permit(principal == ?principal, action, resource) when { false };",
	 "'?principal': {'type': 'User', 'id': 'x'}", "t?"},
	{"permit(principal == ?principal, action, resource);",
	 "'?principal': {'type': 'No', 'id': 'x'}", "l l"},
	{"permit(principal == ?principal, action, resource);",
	 "'?principal': {'type': 'Doc', 'id': 'x'}", "l"},
	{"permit(principal is User in ?principal, action, resource);",
	 "'?principal': {'type': 'Doc', 'id': 'x'}", "l"},
	{"permit(principal is User in ?principal, action, resource) when { principal.zz == 1 };",
	 "'?principal': {'type': 'Doc', 'id': 'x'}", "l t"},
	{"permit(principal is Doc in ?principal, action, resource);",
	 "'?principal': {'type': 'Doc', 'id': 'x'}", "l t"},
	{"permit(principal == ?principal, action in [], resource);",
	 "'?principal': {'type': 'User', 'id': 'x'}", "l t t"},
};

static void test_check__judges_templates_and_links(void **state)
{
	static const char schema_links[] = "entity User; entity Doc; action read appliesTo { "
					   "principal: User, resource: Doc };";

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(links); i++) {
		struct policy_set_options options = {.takes_templates = true};
		struct policy_source source = {.file = "p.json", .format = POLICY_FORMAT_JSON};
		struct check_report report;
		struct policy_set *set;
		struct schema *schema;
		struct diag diag;
		enum err err;
		char json[1000];
		char got[100] = "";

		(void)snprintf(json, sizeof(json),
			       "{'templates': {'t': '%s'}, 'templateLinks': [{'templateId': 't', "
			       "'newId': 'l', 'values': {%s}}]}",
			       links[i].template, links[i].values);
		for (char *at = json; (at = strchr(at, '\'')) != NULL;)
			*at = '"';
		print_message("# %s\n", json);
		source.text = str_from_c(json);
		assert_int_equal(policy_set_load(&source, 1, &options, &set, &diag), OK);
		assert_int_equal(schema_load("s", STR(schema_links), &schema, &diag), OK);
		check_report_init(&report);
		err = check_policies(set, schema, &report);
		assert_int_equal(err == OK, report.error_count == 0);
		for (size_t k = 0; k < report.count; k++)
			(void)snprintf(got + strlen(got), sizeof(got) - strlen(got),
				       "%s" STR_FMT "%s", k > 0 ? " " : "",
				       STR_ARG(policy_id(report.findings[k].policy)),
				       report.findings[k].is_warning ? "?" : "");
		assert_string_equal(got, links[i].want);
		check_report_fini(&report);
		schema_free(schema);
		policy_set_free(set);
	}
}

static void test_check__takes_the_gateways_policies(void **state)
{
	struct checked c;

	(void)state;
	check(&c, gateway_case_schema, str_from_c(gateway_case_policies));
	assert_int_equal(c.err, OK);
	assert_int_equal(c.report.count, 0);
	release(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_check__judges_conditions),
		cmocka_unit_test(test_check__judges_scopes),
		cmocka_unit_test(test_check__lists_all_errors_with_their_places),
		cmocka_unit_test(test_check__says_an_error_once),
		cmocka_unit_test(test_check__keeps_a_bounded_number_of_findings),
		cmocka_unit_test(test_check__judges_templates_and_links),
		cmocka_unit_test(test_check__takes_the_gateways_policies),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
