/* SPDX-License-Identifier: Apache-2.0 */
/* Policy text: no input may crash, leak or loop; what loads is decided on, with and without the
 * index alike. Listing all errors changes no verdict, and templates of the text are linked. The
 * same bytes are read as a schema too: the lexer is shared. */
#include "fuzz.h"

#include <string.h>

#include "policy/check.h"

#define ARENA_MAX ((size_t)64 << 20)

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

/* All errors: the same verdict, places in order, as many kept as there is room for. */
static void list_errors(const struct policy_source *source, bool is_good)
{
	struct policy_set_options options = {.limits = {.arena_bytes = ARENA_MAX}};
	struct policy_set *set = NULL;
	struct diags all;
	struct diag first;
	struct diag diag;

	diags_init(&all, 50);
	options.all = &all;
	ASSERT((policy_set_load(source, 1, &options, &set, &diag) == OK) == is_good);
	ASSERT((all.total == 0) == is_good);
	for (size_t i = 1; i < all.count; i++)
		ASSERT(all.items[i - 1].line <= all.items[i].line);
	ASSERT(is_good || diags_first(&all, &first) != OK);
	ASSERT(is_good || (first.line == diag.line && strcmp(first.text, diag.text) == 0));
	diags_fini(&all);
	policy_set_free(set);
}

/* Each kind of link to the first policy: the template among them, if there is one. */
static void link_templates(const struct policy_source *source)
{
	static const char *const links[] = {
		"{\"templateLinks\": [{\"templateId\": \"policy0\", \"newId\": \"l\", \"values\": "
		"{\"?principal\": {\"type\": \"User\", \"id\": \"ana\"}}}]}",
		"{\"templateLinks\": [{\"templateId\": \"policy0\", \"newId\": \"l\", \"values\": "
		"{\"?resource\": {\"type\": \"Photo\", \"id\": \"p1\"}}}]}",
		"{\"templateLinks\": [{\"templateId\": \"policy0\", \"newId\": \"l\", \"values\": "
		"{\"?principal\": {\"type\": \"User\", \"id\": \"ana\"}, "
		"\"?resource\": {\"type\": \"Photo\", \"id\": \"p1\"}}}]}",
	};
	struct policy_set_options options = {.limits = {.arena_bytes = ARENA_MAX},
					     .ids = POLICY_IDS_POSITION,
					     .takes_templates = true};
	struct policy_source sources[2] = {*source, {.file = "links"}};

	for (size_t i = 0; i < ARRAY_LEN(links); i++) {
		struct policy_set *sets[2] = {NULL, NULL};
		struct diag diag;

		sources[1].text = str_from_c(links[i]);
		sources[1].format = POLICY_FORMAT_JSON;
		options.is_unindexed = false;
		if (policy_set_load(sources, 2, &options, &sets[0], &diag) == OK) {
			options.is_unindexed = true;
			ASSERT(policy_set_load(sources, 2, &options, &sets[1], &diag) == OK);
			decide(sets[0], sets[1]);
		}
		policy_set_free(sets[0]);
		policy_set_free(sets[1]);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct policy_set_options options = {.limits = {.arena_bytes = ARENA_MAX}};
	struct policy_source source = {.file = "fuzz", .text = str_make((const char *)data, size)};
	struct policy_set *sets[2] = {NULL, NULL};
	struct schema *schema = NULL;
	struct diag diag;
	bool is_good = policy_set_load(&source, 1, &options, &sets[0], &diag) == OK;

	if (is_good) {
		options.is_unindexed = true;
		ASSERT(policy_set_load(&source, 1, &options, &sets[1], &diag) == OK);
		decide(sets[0], sets[1]);
		check(sets[0]);
	}
	policy_set_free(sets[0]);
	policy_set_free(sets[1]);
	list_errors(&source, is_good);
	link_templates(&source);
	if (schema_load("fuzz", source.text, &schema, &diag) == OK)
		schema_free(schema);
	return 0;
}
