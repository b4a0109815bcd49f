/* SPDX-License-Identifier: Apache-2.0 */
/* What is refused before it decides: policies that do not fit their schema, schemas by which the
 * gateway cannot ask, entities of other shapes. */
#include "gateway/proxy/rulebook.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/buf.h"
#include "gateway/proxy/contract.h"
#include "tests/unit/policy/gateway_case.h"

#define PERMIT	 "permit (principal, action, resource);\n"
#define CANNOT	 "the gateway cannot ask by this schema: "
#define MESSAGES 4

/* The schema with `from` made `to`; the rest unset is good. */
static const struct {
	const char *name;
	const char *from, *to;
	const char *policies;
	const char *entities;
	const char *want[MESSAGES]; /* what each message holds, in order */
} rows[] = {
	{"good", NULL, NULL, PERMIT, "[]", {NULL}},
	{"no type of that name",
	 NULL,
	 NULL,
	 "permit (principal is Inference::Usr, action, resource);\n",
	 "[]",
	 {"Inference::Usr", "p.cedar:1:1:"}},
	{"an attribute that one of the types has not",
	 NULL,
	 NULL,
	 "permit (principal, action == Inference::Action::\"Invoke\", resource) "
	 "when { principal.env == \"prod\" };\n",
	 "[]",
	 {"p.cedar:1:86: policy `policy0`: Inference::User has no attribute `env`"}},
	{"two policies, two errors",
	 NULL,
	 NULL,
	 "@id(\"a\") permit (principal, action, resource) when { context.nope };\n"
	 "@id(\"b\") forbid (principal, action, resource) when { principal.clearance == \"x\" };\n",
	 "[]",
	 {"p.cedar:1:62: policy `a`: a record has no attribute `nope`", "p.cedar:2:"}},
	{"entities",
	 NULL,
	 NULL,
	 PERMIT,
	 "[{\"uid\": {\"type\": \"Inference::Group\", \"id\": \"g\"}, \"attrs\": {\"x\": 1}, "
	 "\"parents\": []}]",
	 {"Inference::Group::\"g\""}},
	{"all three",
	 "source_ip: ipaddr,\n    mtls",
	 "source_ip: String,\n    mtls",
	 "permit (principal action, resource);\n",
	 "[1]",
	 {"p.cedar:1:19", "`source_ip` must be ipaddr, not String", "e.json"}},

	/* Contexts. */
	{"an attribute gone",
	 "pii: Bool,",
	 "",
	 PERMIT,
	 "[]",
	 {CANNOT "action Invoke: context: the attribute `pii` (Bool) is not declared"}},
	{"one more",
	 "pii: Bool,",
	 "pii: Bool, mood: String,",
	 PERMIT,
	 "[]",
	 {CANNOT "action Invoke: context: the attribute `mood` is required, and the gateway does "
		 "not know it; make it optional"}},
	{"one more that may be missing",
	 "pii: Bool,",
	 "pii?: Bool, mood?: String,",
	 PERMIT,
	 "[]",
	 {NULL}},
	{"one that may be missing is required",
	 "fria_id?: String",
	 "fria_id: String",
	 PERMIT,
	 "[]",
	 {CANNOT "action Invoke: context: the attribute `fria_id` must be optional"}},
	{"another set",
	 "tools: Set<Tool>",
	 "tools: Set<String>",
	 PERMIT,
	 "[]",
	 {"the attribute `tools` must be Set<Inference::Tool>, not Set<String>"}},
	{"another budget",
	 "hard: Bool }",
	 "hard: Long }",
	 PERMIT,
	 "[]",
	 {"action Invoke: context `budget`: the attribute `hard` must be Bool, not Long"}},

	/* Actions. */
	{"an action gone",
	 "action Invoke, Embed,",
	 "action Embed,",
	 PERMIT,
	 "[]",
	 {"the action Inference::Action::\"Invoke\" is not declared"}},
	{"an action for others",
	 "action ListModels, CountTokens in [\"read\"] appliesTo {\n    principal: [User, Service]",
	 "action ListModels, CountTokens in [\"read\"] appliesTo {\n    principal: [User]",
	 PERMIT,
	 "[]",
	 {"action ListModels: it must apply to the principal Inference::Service",
	  "action CountTokens: it must apply to the principal Inference::Service"}},

	/* Entities that the gateway makes. */
	{"no clearance of users",
	 "entity User in [Group, Role, BusinessUnit] = {\n    clearance: Long,",
	 "entity User in [Group, Role, BusinessUnit] = {",
	 PERMIT,
	 "[]",
	 {"entity Inference::User: the attribute `clearance` (Long) is not declared"}},
	{"more of users comes from their tokens",
	 "trainings: Set<String>,",
	 "trainings: Set<String>, desk: String,",
	 PERMIT,
	 "[]",
	 {NULL}},
	{"more of models comes from nowhere",
	 "open_weights: Bool,",
	 "open_weights: Bool, vendor: String,",
	 PERMIT,
	 "[]",
	 {"entity Inference::Model: the attribute `vendor` is required"}},
	{"no roles of services",
	 "entity Service in [Group, Role, BusinessUnit]",
	 "entity Service in [Group, BusinessUnit]",
	 PERMIT,
	 "[]",
	 {"entity Inference::Service: it must be allowed `in [Inference::Role]`"}},
	{"a risk class gone",
	 "\"high\", \"prohibited\"",
	 "\"high\"",
	 PERMIT,
	 "[]",
	 {"entity Inference::RiskClass: the id \"prohibited\" is missing"}},
};

static struct str edited_schema(struct buf *out, const char *from, const char *to)
{
	struct str text = str_from_c(gateway_case_schema);
	const char *at = from == NULL ? NULL : strstr(gateway_case_schema, from);
	size_t begin, end;

	if (from == NULL)
		return text;
	assert_non_null(at);
	begin = (size_t)(at - text.ptr);
	end = begin + strlen(from);
	assert_int_equal(buf_append(out, str_sub(text, 0, begin)), OK);
	assert_int_equal(buf_append(out, str_from_c(to)), OK);
	assert_int_equal(buf_append(out, str_sub(text, end, text.len)), OK);
	return buf_str(out);
}

static bool has_message(const struct diag *diag, const char *want)
{
	char text[1200];

	(void)diag_print(diag, text, sizeof(text));
	/* Whoever says a line shows it. */
	assert_true(diag->line == 0 || diag->source[0] != '\0');
	if (strstr(text, want) != NULL)
		return true;
	print_error("got  %s\nwant %s\n", text, want);
	return false;
}

static unsigned run(size_t i)
{
	struct policy_source policies = {.file = "p.cedar", .text = str_from_c(rows[i].policies)};
	struct rulebook_options options = {.policies = &policies, .policy_count = 1};
	struct rulebook book = {0};
	struct diags errors;
	struct buf schema;
	unsigned failures = 0;
	size_t count = 0;

	buf_init(&schema, 1 << 20);
	diags_init(&errors, 16);
	options.schema.file = "s.cedarschema";
	options.schema.text = edited_schema(&schema, rows[i].from, rows[i].to);
	options.entities.file = "e.json";
	options.entities.text = str_from_c(rows[i].entities);
	while (count < MESSAGES && rows[i].want[count] != NULL)
		count++;
	assert_int_equal(rulebook_load(&options, &errors, NULL, &book) == OK, count == 0);
	assert_int_equal(book.policies != NULL, count == 0);
	for (size_t k = 0; k < errors.count; k++)
		failures += k < count && has_message(&errors.items[k], rows[i].want[k]) ? 0 : 1;
	for (size_t k = count; k < errors.count; k++)
		print_error("also %s:%u:%u %s\n", errors.items[k].file, errors.items[k].line,
			    errors.items[k].column, errors.items[k].text);
	failures += errors.count == count ? 0 : 1;
	rulebook_fini(&book);
	diags_fini(&errors);
	buf_fini(&schema);
	return failures;
}

static void test_rulebook__refuses_what_does_not_fit(void **state)
{
	unsigned failures = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		print_message("# %s\n", rows[i].name);
		failures += run(i);
	}
	assert_int_equal(failures, 0);
}

static void test_rulebook__demands_a_schema(void **state)
{
	struct policy_source policies = {.file = "p.cedar", .text = STR(PERMIT)};
	struct rulebook_options options = {.policies = &policies, .policy_count = 1};
	struct rulebook book;
	struct diags errors;

	(void)state;
	diags_init(&errors, 16);
	assert_int_equal(rulebook_load(&options, &errors, NULL, &book), ERR_NOT_FOUND);
	assert_int_equal(errors.count, 1);
	assert_non_null(strstr(errors.items[0].text, "policy.schema is missing"));
	diags_fini(&errors);
}

/* What can never be satisfied loads, and is said. */
static void test_rulebook__warns_of_what_is_hardly_meant(void **state)
{
	struct policy_source policies = {
		.file = "p.cedar",
		.text = STR(PERMIT
			    "@id(\"x\") forbid (principal is Inference::User, action, resource) "
			    "when { principal is Inference::Service };\n")};
	struct rulebook_options options = {
		.policies = &policies,
		.policy_count = 1,
		.schema = {.file = "s.cedarschema", .text = str_from_c(gateway_case_schema)},
	};
	struct rulebook book;
	struct diags errors, warnings;

	(void)state;
	diags_init(&errors, 16);
	diags_init(&warnings, 16);
	assert_int_equal(rulebook_load(&options, &errors, &warnings, &book), OK);
	assert_int_equal(errors.count, 0);
	assert_int_equal(warnings.count, 1);
	assert_int_equal(warnings.items[0].line, 2);
	assert_non_null(strstr(warnings.items[0].text, "impossible"));
	assert_int_equal(policy_set_count(book.policies), 2);
	rulebook_fini(&book);
	diags_fini(&errors);
	diags_fini(&warnings);
}

/* principal and resource are at level 0, their attributes at 1, those of an attribute at 2. */
static void test_rulebook__bounds_how_far_policies_look(void **state)
{
	struct policy_source policies = {
		.file = "p.cedar",
		.text = STR("permit (principal, action, resource is Inference::Model)\n"
			    "when { resource.provider.dpa_signed };\n")};
	struct rulebook_options options = {
		.policies = &policies,
		.policy_count = 1,
		.schema = {.file = "s.cedarschema", .text = str_from_c(gateway_case_schema)},
	};

	(void)state;
	for (options.level = 0; options.level <= 3; options.level++) {
		struct rulebook book = {.policies = NULL};
		struct diags errors;
		bool is_near = options.level == 1;

		diags_init(&errors, 16);
		assert_int_equal(rulebook_load(&options, &errors, NULL, &book),
				 is_near ? ERR_MALFORMED : OK);
		assert_int_equal(errors.count, is_near ? 1 : 0);
		if (is_near)
			assert_int_equal(errors.items[0].line, 2);
		rulebook_fini(&book);
		diags_fini(&errors);
	}
}

static void test_rulebook__knows_what_a_credential_can_carry(void **state)
{
	static const struct {
		struct str type, attribute;
		const char *want;
	} cases[] = {
		{STR("Inference::User"), STR("clearance"), NULL},
		{STR("Inference::User"), STR("home_region"), NULL},
		{STR("Inference::User"), STR("suspended"), NULL},
		{STR("Inference::User"), STR("trainings"), NULL},
		{STR("Inference::User"), STR("env"), "is not declared in the schema"},
		{STR("Inference::Service"), STR("env"), NULL},
		{STR("Inference::Service"), STR("owner"),
		 "has a type in the schema that no credential can carry"},
		{STR("Inference::Group"), STR("x"), "is not declared in the schema"},
		{STR("Nobody"), STR("x"), "is not declared in the schema"},
	};
	struct schema *schema;
	struct diag diag;

	(void)state;
	assert_int_equal(schema_load("s", str_from_c(gateway_case_schema), &schema, &diag), OK);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *why = contract_misfit(schema, cases[i].type, cases[i].attribute);

		print_message("# " STR_FMT "." STR_FMT "\n", STR_ARG(cases[i].type),
			      STR_ARG(cases[i].attribute));
		if (cases[i].want == NULL)
			assert_null(why);
		else
			assert_string_equal(why, cases[i].want);
	}
	schema_free(schema);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rulebook__refuses_what_does_not_fit),
		cmocka_unit_test(test_rulebook__demands_a_schema),
		cmocka_unit_test(test_rulebook__warns_of_what_is_hardly_meant),
		cmocka_unit_test(test_rulebook__bounds_how_far_policies_look),
		cmocka_unit_test(test_rulebook__knows_what_a_credential_can_carry),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
