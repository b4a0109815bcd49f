/* SPDX-License-Identifier: Apache-2.0 */
/* How deep policies look into entities: rows give the level a policy needs, by the rules of RFC 76.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "gateway_case.h"
#include "policy/check.h"

#define NEVER 99

static const char schema_text[] =
	"entity Person in [Person] = {boss: Person, name: String, fit: Bool, addr: ipaddr,"
	" more: {mate: Person, deep: {mate: Person}}, maybe?: Person} tags Person;"
	"entity Doc in [Person] = {owner: Person};"
	"action see, \"do\" in all appliesTo {principal: Person, resource: Doc,"
	" context: {who: Person, more: {who: Person}}};"
	"action all;";

static const struct {
	const char *text; /* of a condition */
	unsigned level;
} conditions[] = {
	{"1 < 2", 0},
	{"principal == resource.owner", 1},
	{"principal == Person::\"a\"", 0},
	{"Person::\"a\" is Person", 0},
	{"context has who", 0},
	{"context.who is Person", 0},
	{"context.more.who == principal", 0},
	{"{a: principal} has a", 0},
	{"{a: principal}.a is Person", 0},
	{"principal.fit", 1},
	{"!principal.fit", 1},
	{"principal[\"fit\"]", 1},
	{"principal.more.mate is Person", 1},
	{"principal.more.deep.mate is Person", 1},
	{"principal has fit", 1},
	{"principal has nothing", 1},
	{"principal in Person::\"a\"", 1},
	{"principal in [Person::\"a\"]", 1},
	{"principal is Person in Person::\"a\"", 1},
	{"principal is Doc in Person::\"a\"", 0},
	{"action in Action::\"all\"", 1},
	{"Action::\"see\" in action", NEVER},
	{"context.who.fit", 1},
	{"context.more.who.fit", 1},
	{"principal.hasTag(\"t\")", 1},
	{"principal.hasTag(\"t\") && principal.getTag(\"t\") is Person", 1},
	{"principal.hasTag(\"t\") && principal.getTag(\"t\").fit", 2},
	{"principal.hasTag(principal.boss.name)", 2},
	{"principal.boss.hasTag(\"t\")", 2},
	{"principal.boss.fit", 2},
	{"principal.more.mate.fit", 2},
	{"context.who.boss.fit", 2},
	{"principal.boss.boss.fit", 3},
	{"principal.boss in resource.owner", 2},
	{"principal in resource.owner.boss", 2},
	{"principal has maybe && principal.maybe.fit", 2},
	{"principal has boss.boss.fit", 3},
	{"principal has maybe.boss", 2},
	{"principal.boss has fit", 2},
	{"principal.name like \"a*\"", 1},
	{"principal.addr.isInRange(ip(\"10.0.0.0/8\"))", 1},
	{"ip(\"10.0.0.1\").isInRange(principal.boss.addr)", 2},
	{"[principal.boss.fit].contains(true)", 2},
	{"[principal.boss].contains(context.who.boss.boss)", 2},
	{"if principal.fit then true else resource.owner.fit", 2},
	{"(if principal.fit then principal.boss else resource.owner).fit", 2},
	{"(if principal.fit then principal else context.who).fit", 1},
	{"(if principal.boss.boss.fit then principal else context.who).fit", 3},
	{"(if principal.fit then {a: principal} else {a: resource.owner}).a.fit", 2},
	{"(if principal.fit then {a: principal, b: resource.owner} else"
	 " {b: principal, a: context.who}).a.fit",
	 1},
	{"(if principal.fit then {who: principal.boss.boss} else context.more).who.fit", 3},
	{"{a: principal.boss.boss, b: principal}.b.fit", 2},
	{"{a: principal.boss, b: principal}.a.fit", 2},
	{"{a: {b: principal}}.a.b.fit", 1},
	{"{a: {b: principal}.b.boss}.a.fit", 2},
	{"{a: {b: principal.boss}.b.more}.a.mate.fit", 3},
	{"{a: principal.boss} == {a: principal}", 1},
	{"true || principal.boss.fit", 0},
	{"false && principal.boss.fit", 0},
	{"if true then principal.fit else principal.boss.fit", 1},
	{"if false then principal.boss.fit else principal.fit", 1},
	{"principal.fit || true", 1},
	{"(principal.boss.fit && false) || true", 2},
	{"Person::\"a\".fit", NEVER},
	{"Person::\"a\" has fit", NEVER},
	{"Person::\"a\" in Person::\"b\"", NEVER},
	{"Person::\"a\".hasTag(\"t\")", NEVER},
	{"Person::\"a\".boss.fit", NEVER},
	{"{a: Person::\"a\", b: principal}.a.fit", NEVER},
	{"{a: Person::\"a\", b: principal}.b.fit", 1},
	{"(if principal.fit then Person::\"a\" else principal).fit", NEVER},
	{"(if principal.fit then principal else Person::\"a\").fit", NEVER},
};

static const struct {
	const char *text;
	unsigned level;
} policies[] = {
	{"permit(principal, action, resource);", 0},
	{"permit(principal == Person::\"a\", action == Action::\"see\", resource is Doc);", 0},
	{"permit(principal in Person::\"a\", action, resource);", 1},
	{"permit(principal, action in Action::\"all\", resource);", 1},
	{"permit(principal, action in [Action::\"see\"], resource);", 1},
	{"permit(principal, action, resource is Doc in Person::\"a\");", 1},
	{"permit(principal in ?principal, action, resource) when { principal.boss.fit };", 2},
	{"permit(principal == ?principal, action, resource == ?resource);", 0},
	{"permit(principal, action, resource) when { principal.fit } unless { resource.owner.fit "
	 "};",
	 2},
	{"permit(principal, action, resource) when { false } when { principal.boss.fit };", 0},
	{"permit(principal, action == Action::\"see\", resource) when { Action::\"see\" in action "
	 "};",
	 1},
};

static size_t level_errors(const struct schema *schema, const char *text, unsigned level)
{
	struct policy_source source = {.file = "p.cedar", .text = str_from_c(text)};
	struct policy_set_options options = {.takes_templates = true};
	struct policy_set *set = NULL;
	struct check_report report;
	struct diag diag = {.text = ""};
	size_t count;
	enum err err;

	if (policy_set_load(&source, 1, &options, &set, &diag) != OK)
		fail_msg("%s: %s", diag.text, text);
	check_report_init(&report);
	if (check_policies(set, schema, &report) != OK)
		fail_msg(STR_FMT ": %s", STR_ARG(report.findings[0].text), text);
	check_report_fini(&report);
	check_report_init(&report);
	err = check_levels(set, schema, level, &report);
	count = report.error_count;
	assert_int_equal(err, count == 0 ? OK : ERR_MALFORMED);
	check_report_fini(&report);
	policy_set_free(set);
	return count;
}

static struct schema *load_schema(const char *text)
{
	struct schema *schema = NULL;
	struct diag diag = {.text = ""};

	if (schema_load("s", str_from_c(text), &schema, &diag) != OK)
		fail_msg("%s", diag.text);
	return schema;
}

static void check_level_of(const struct schema *schema, const char *text, unsigned level)
{
	if (level != NEVER && level_errors(schema, text, level) != 0)
		fail_msg("needs more than level %u: %s", level, text);
	if (level > 0 && level_errors(schema, text, level == NEVER ? 9 : level - 1) == 0)
		fail_msg("needs less than level %u: %s", level, text);
}

static void test_check_levels__of_conditions(void **state)
{
	struct schema *schema = load_schema(schema_text);
	char text[400];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(conditions); i++) {
		(void)snprintf(text, sizeof(text),
			       "permit(principal, action, resource) when { %s };",
			       conditions[i].text);
		check_level_of(schema, text, conditions[i].level);
	}
	schema_free(schema);
}

static void test_check_levels__of_policies(void **state)
{
	struct schema *schema = load_schema(schema_text);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(policies); i++)
		check_level_of(schema, policies[i].text, policies[i].level);
	schema_free(schema);
}

static void test_check_levels__the_gateways_policies_need_two(void **state)
{
	struct schema *schema = load_schema(gateway_case_schema);

	(void)state;
	check_level_of(schema, gateway_case_policies, 2);
	schema_free(schema);
}

static void test_check_levels__says_where_and_how_deep(void **state)
{
	struct policy_source source = {
		.file = "p.cedar",
		.text = STR("permit(principal, action, resource)\n"
			    "when { principal.fit && resource.owner.boss.fit &&\n"
			    "       Person::\"a\".fit };\n"
			    "permit(principal, action, resource) when { principal.nope };")};
	struct schema *schema = load_schema(schema_text);
	struct policy_set *set = NULL;
	struct check_report report;
	struct diag diag;

	(void)state;
	assert_int_equal(policy_set_load(&source, 1, NULL, &set, &diag), OK);
	check_report_init(&report);
	assert_int_equal(check_levels(set, schema, 1, &report), ERR_MALFORMED);
	assert_int_equal(report.count, 2);
	check_finding_diag(&report.findings[0], &diag);
	assert_int_equal(diag.line, 2);
	assert_int_equal(diag.column, 25);
	assert_non_null(strstr(diag.text, "3 entities deep: it needs level 3, the limit is 1"));
	check_finding_diag(&report.findings[1], &diag);
	assert_int_equal(diag.line, 3);
	assert_non_null(strstr(diag.text, "no level allows"));
	check_report_fini(&report);
	policy_set_free(set);
	schema_free(schema);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_check_levels__of_conditions),
		cmocka_unit_test(test_check_levels__of_policies),
		cmocka_unit_test(test_check_levels__the_gateways_policies_need_two),
		cmocka_unit_test(test_check_levels__says_where_and_how_deep),
	};

	return cmocka_run_group_tests_name("check_levels", tests, NULL, NULL);
}
