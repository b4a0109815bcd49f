/* SPDX-License-Identifier: Apache-2.0 */
/* Policy text: no input may crash, leak or loop; what loads is decided on, with and without the
 * index alike. The same bytes are read as a schema too: the lexer is shared. */
#include "fuzz.h"

#include "policy/check.h"

static void decide(const struct policy_set *indexed, const struct policy_set *plain)
{
	struct uid principal = uid_make(STR("User"), STR("ana"));
	struct uid action = uid_make(STR("Action"), STR("view"));
	struct uid resource = uid_make(STR("Photo"), STR("p1"));
	struct policy_request request = {
		.principal = &principal, .action = &action, .resource = &resource};
	struct policy_decision decisions[2];
	struct arena arena;
	enum err errs[2];

	arena_init(&arena, 8192, 4 << 20);
	errs[0] = policy_decide(indexed, NULL, &request, NULL, &arena, &decisions[0]);
	arena_reset(&arena);
	errs[1] = policy_decide(plain, NULL, &request, NULL, &arena, &decisions[1]);
	if (errs[0] == OK && errs[1] == OK) {
		ASSERT(decisions[0].is_allowed == decisions[1].is_allowed);
		ASSERT(decisions[0].reason_count == decisions[1].reason_count);
		ASSERT(decisions[0].error_count == decisions[1].error_count);
	}
	arena_fini(&arena);
}

/* Against a small schema; what is found must have a place in the text. */
static void check(const struct policy_set *set)
{
	static const char text[] =
		"entity User in [User] = {n: Long, o?: User, s: Set<String>} tags String;"
		"entity Photo; action view appliesTo {principal: User, resource: Photo,"
		" context: {a?: {b?: Long}}};";
	struct check_report report;
	struct schema *schema;
	struct diag diag;
	enum err err;

	ASSERT(schema_load("schema", str_from_c(text), &schema, &diag) == OK);
	check_report_init(&report);
	err = check_policies(set, schema, &report);
	ASSERT(err == ERR_LIMIT || (err == OK) == (report.error_count == 0));
	for (size_t i = 0; i < report.count; i++) {
		check_finding_diag(&report.findings[i], &diag);
		ASSERT(diag.line > 0 && diag.column > 0);
	}
	check_report_fini(&report);
	schema_free(schema);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct policy_set_options options = {.limits = {.arena_bytes = 64 << 20}};
	struct policy_source source = {.file = "fuzz", .text = str_make((const char *)data, size)};
	struct policy_set *sets[2] = {NULL, NULL};
	struct schema *schema = NULL;
	struct diag diag;

	if (policy_set_load(&source, 1, &options, &sets[0], &diag) == OK) {
		options.is_unindexed = true;
		ASSERT(policy_set_load(&source, 1, &options, &sets[1], &diag) == OK);
		decide(sets[0], sets[1]);
		check(sets[0]);
	}
	policy_set_free(sets[0]);
	policy_set_free(sets[1]);
	if (schema_load("fuzz", source.text, &schema, &diag) == OK)
		schema_free(schema);
	return 0;
}
