/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "gateway_case.h"

static struct policy_set *load(const char *text)
{
	struct policy_source source = {.file = "test.cedar", .text = str_from_c(text)};
	struct policy_set *set = NULL;
	struct diag diag = {.text = ""};
	enum err err = policy_set_load(&source, 1, NULL, &set, &diag);

	if (err != OK)
		print_message("%u:%u %s\n", diag.line, diag.column, diag.text);
	assert_int_equal(err, OK);
	return set;
}

static void assert_ids(const char *want, const struct policy_decision *decision, bool is_errors)
{
	char got[400] = "";
	size_t len = 0;
	size_t count = is_errors ? decision->error_count : decision->reason_count;

	for (size_t i = 0; i < count; i++) {
		struct str id =
			policy_id(is_errors ? decision->errors[i].policy : decision->reasons[i]);

		len += (size_t)snprintf(got + len, sizeof(got) - len, "%s" STR_FMT,
					i == 0 ? "" : " ", STR_ARG(id));
	}
	assert_string_equal(got, want);
}

struct change {
	enum gateway_field field;
	int64_t number; /* bools and longs */
	const char *text;
};

static const struct {
	const char *name;
	const char *principal;
	const char *action;
	struct change changes[3];
	const char *reasons;
	bool is_allowed;
} golden[] = {
	{"ana invokes",
	 "ana",
	 "Invoke",
	 {{FIELD_COUNT, 0, NULL}},
	 "rbac-analysts-standard-models abac-clearance",
	 true},
	{"personal data outside of the EU",
	 "ana",
	 "Invoke",
	 {{FIELD_PII, 1, NULL}, {FIELD_UPSTREAM_REGION, 0, "us-east-1"}, {FIELD_COUNT, 0, NULL}},
	 "eu-residency",
	 false},
	{"high-risk use",
	 "ana",
	 "Invoke",
	 {{FIELD_ANNEX_III, 1, NULL}, {FIELD_COUNT, 0, NULL}},
	 "ai-act-high-risk",
	 false},
	{"high-risk use with its duties met",
	 "ana",
	 "Invoke",
	 {{FIELD_ANNEX_III, 1, NULL},
	  {FIELD_HUMAN_OVERSIGHT, 1, NULL},
	  {FIELD_FRIA_ID, 0, "fria-7"}},
	 "rbac-analysts-standard-models abac-clearance",
	 true},
	{"batch on Sunday",
	 "ana",
	 "Batch",
	 {{FIELD_WEEKDAY, 7, NULL}, {FIELD_COUNT, 0, NULL}},
	 "out-of-hours-batch",
	 false},
	{"over budget",
	 "ana",
	 "Invoke",
	 {{FIELD_COST_MICRO, 9000000, NULL}, {FIELD_COUNT, 0, NULL}},
	 "budget-hard-stop",
	 false},
	{"service without certificate",
	 "etl",
	 "Embed",
	 {{FIELD_MTLS, 0, NULL}, {FIELD_COUNT, 0, NULL}},
	 "prod-services-mtls",
	 false},
	{"service", "etl", "Embed", {{FIELD_COUNT, 0, NULL}}, "abac-clearance", true},
	{"suspended user", "bob", "Invoke", {{FIELD_COUNT, 0, NULL}}, "suspended", false},
	{"suspended user, data class 2",
	 "bob",
	 "Invoke",
	 {{FIELD_DATA_CLASS, 2, NULL}, {FIELD_COUNT, 0, NULL}},
	 "suspended",
	 false},
	{"tool with side effects, no MFA",
	 "ana",
	 "CallTool",
	 {{FIELD_MFA, 0, NULL}, {FIELD_COUNT, 0, NULL}},
	 "tools-with-side-effects",
	 false},
};

static void apply(struct arena *arena, const struct change *change, struct value *values)
{
	struct value *value = &values[change->field];

	if (change->text != NULL)
		*value = value_string(arena, str_from_c(change->text));
	else if (value->kind == VALUE_BOOL)
		*value = value_bool(change->number != 0);
	else
		*value = value_long(change->number);
}

static void decide_golden(size_t row, const struct policy_set *set,
			  const struct entity_store *store, struct arena *arena,
			  struct policy_decision *out)
{
	struct value values[FIELD_COUNT];
	const struct entity *principal = gateway_case_principal(arena, golden[row].principal);
	struct uid action = uid_make(STR("Inference::Action"), str_from_c(golden[row].action));
	bool is_tool = strcmp(golden[row].action, "CallTool") == 0;
	struct uid resource = is_tool ? uid_make(STR("Inference::Tool"), STR("shell"))
				      : uid_make(STR("Inference::Model"), STR("gpt-x"));
	struct policy_request request = {.principal = &principal->uid,
					 .action = &action,
					 .resource = &resource,
					 .overlay = principal};

	gateway_case_values(arena, values);
	for (size_t i = 0; i < 3 && golden[row].changes[i].field < FIELD_COUNT; i++)
		if (golden[row].changes[i].field != FIELD_NOW)
			apply(arena, &golden[row].changes[i], values);
	request.context = value_shape_record(gateway_case_shape(arena), arena, values);
	assert_int_equal(policy_decide(set, store, &request, NULL, arena, out), OK);
}

static void test_policy__gives_the_golden_decisions(void **state)
{
	struct policy_set *set = load(gateway_case_policies);
	struct entity_store *store = gateway_case_store();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(golden); i++) {
		struct policy_decision decision;
		struct arena arena;

		print_message("# %s\n", golden[i].name);
		arena_init(&arena, 8192, 1 << 20);
		decide_golden(i, set, store, &arena, &decision);
		assert_int_equal(decision.is_allowed, golden[i].is_allowed);
		assert_ids(golden[i].reasons, &decision, false);
		assert_int_equal(decision.error_count, 0);
		arena_fini(&arena);
	}
	entity_store_free(store);
	policy_set_free(set);
}

static void test_policy__denies_when_a_forbid_errs(void **state)
{
	struct policy_set *set = load(gateway_case_policies);
	struct entity_store *store = gateway_case_store();
	struct policy_options skip = {.ignore_forbid_errors = true};
	struct uid principal = uid_make(STR("Inference::User"), STR("nobody"));
	struct uid action = uid_make(STR("Inference::Action"), STR("ListModels"));
	struct uid resource = uid_make(STR("Inference::Model"), STR("nothing"));
	struct policy_request request = {
		.principal = &principal, .action = &action, .resource = &resource};
	struct value values[FIELD_COUNT];
	struct policy_decision decision;
	struct arena arena;

	(void)state;
	arena_init(&arena, 8192, 1 << 20);
	gateway_case_values(&arena, values);
	request.context = value_shape_record(gateway_case_shape(&arena), &arena, values);
	assert_int_equal(policy_decide(set, store, &request, &skip, &arena, &decision), OK);
	assert_true(decision.is_allowed);
	assert_ids("list-models", &decision, false);
	assert_ids("suspended ai-act-prohibited", &decision, true);
	assert_int_equal(policy_decide(set, store, &request, NULL, &arena, &decision), OK);
	assert_false(decision.is_allowed);
	assert_true(decision.is_forbid_error);
	assert_ids("", &decision, false);
	assert_ids("suspended ai-act-prohibited", &decision, true);
	assert_true(decision.errors[0].text.len > 0);
	arena_fini(&arena);
	entity_store_free(store);
	policy_set_free(set);
}

static void test_policy__names_policies_by_annotation_or_position(void **state)
{
	struct policy_set *set = load("@id(\"a\") @reason(\"why\") @bare permit(principal, action, "
				      "resource);\nforbid(principal, action, resource);");
	const struct policy *policy = policy_set_find(set, STR("a"));

	(void)state;
	assert_int_equal(policy_set_count(set), 2);
	assert_non_null(policy);
	assert_true(str_eq(policy_annotation(policy, STR("reason")), STR("why")));
	assert_true(str_is_set(policy_annotation(policy, STR("bare"))));
	assert_int_equal(policy_annotation(policy, STR("bare")).len, 0);
	assert_false(str_is_set(policy_annotation(policy, STR("status"))));
	assert_false(policy_is_forbid(policy));
	policy = policy_set_at(set, 1);
	assert_true(str_eq(policy_id(policy), STR("policy1")));
	assert_true(policy_is_forbid(policy));
	assert_int_equal(policy_line(policy), 2);
	assert_string_equal(policy_file(policy), "test.cedar");
	assert_int_equal(policy_set_hash(set).len, POLICY_HASH_HEX);
	assert_null(policy_set_find(set, STR("nope")));
	policy_set_free(set);
}

static void test_policy__loads_all_sources_or_none(void **state)
{
	struct policy_source sources[] = {
		{.file = "a.cedar", .text = STR("@id(\"x\") permit(principal, action, resource);")},
		{.file = "b.cedar",
		 .text = STR("\n\n  @id(\"x\") forbid(principal, action, resource);")},
	};
	struct policy_set *set = NULL;
	struct diag diag;

	(void)state;
	assert_int_equal(policy_set_load(sources, 2, NULL, &set, &diag), ERR_CONFLICT);
	assert_null(set);
	assert_string_equal(diag.file, "b.cedar");
	assert_int_equal(diag.line, 3);
	assert_int_equal(diag.column, 3);
	sources[1].text = STR("permit(principal == ?principal, action, resource);");
	assert_int_equal(policy_set_load(sources, 2, NULL, &set, &diag), ERR_UNSUPPORTED);
	sources[1].text = STR("permit(principal, action, resource)");
	assert_int_equal(policy_set_load(sources, 2, NULL, &set, &diag), ERR_MALFORMED);
	sources[1].text = STR("// nothing");
	assert_int_equal(policy_set_load(sources, 2, NULL, &set, &diag), OK);
	assert_int_equal(policy_set_count(set), 1);
	policy_set_free(set);
}

static void test_policy__names_the_limit_passed(void **state)
{
	struct policy_source source = {
		.file = "a.cedar",
		.text = STR("permit(principal, action, resource);"
			    "permit(principal, action, resource) when { [1, 2, 3] == [] };")};
	struct policy_set_options options = {.limits = {.policies = 1}};
	struct policy_set *set = NULL;
	struct diag diag;

	(void)state;
	assert_int_equal(policy_set_load(&source, 1, &options, &set, &diag), ERR_LIMIT);
	assert_non_null(strstr(diag.text, "policies"));
	options.limits = (struct policy_limits){.elements = 2};
	assert_int_equal(policy_set_load(&source, 1, &options, &set, &diag), ERR_LIMIT);
	options.limits = (struct policy_limits){.text_bytes = 10};
	assert_int_equal(policy_set_load(&source, 1, &options, &set, &diag), ERR_LIMIT);
	assert_non_null(strstr(diag.text, "text_bytes"));
	options.limits = (struct policy_limits){.elements = 3, .policies = 2};
	assert_int_equal(policy_set_load(&source, 1, &options, &set, &diag), OK);
	policy_set_free(set);
}

static void test_policy__names_the_memory_limit_wherever_it_is_met(void **state)
{
	struct policy_source source = {.file = "gateway.cedar",
				       .text = str_from_c(gateway_case_policies)};
	struct policy_set *set = NULL;
	unsigned refused = 0;

	(void)state;
	for (size_t cap = 64; set == NULL; cap += 128) {
		struct policy_set_options options = {.limits = {.arena_bytes = cap}};
		struct diag diag;
		enum err err = policy_set_load(&source, 1, &options, &set, &diag);

		assert_int_equal(err == OK, set != NULL);
		if (err == OK)
			continue;
		assert_int_equal(err, ERR_LIMIT);
		assert_string_equal(diag.file, "gateway.cedar");
		assert_string_equal(diag.text, "memory limit reached (limit `arena_bytes`)");
		refused++;
	}
	assert_true(refused > 100);
	policy_set_free(set);
}

static void test_policy__refuses_to_decide_without_memory(void **state)
{
	struct policy_set *set = load(gateway_case_policies);
	struct entity_store *store = gateway_case_store();
	struct arena own;
	const struct entity *principal;
	struct uid action = uid_make(STR("Inference::Action"), STR("Invoke"));
	struct uid resource = uid_make(STR("Inference::Model"), STR("gpt-x"));
	struct policy_request request = {.action = &action, .resource = &resource};
	size_t refused = 0;

	(void)state;
	arena_init(&own, 8192, 1 << 20);
	principal = gateway_case_principal(&own, "ana");
	request.principal = &principal->uid;
	request.overlay = principal;
	for (size_t cap = 16; cap < 4096; cap += 16) {
		struct policy_decision decision;
		struct arena arena;
		enum err err;

		arena_init(&arena, 64, cap);
		err = policy_decide(set, store, &request, NULL, &arena, &decision);
		assert_true(err == OK || err == ERR_LIMIT);
		refused += err == ERR_LIMIT ? 1U : 0U;
		/* The context is empty: the clearance policy errs, the role's permit stands, and
		 * forbids that err deny. */
		if (err == OK)
			assert_true(decision.is_forbid_error);
		arena_fini(&arena);
	}
	assert_true(refused > 0);
	arena_fini(&own);
	entity_store_free(store);
	policy_set_free(set);
}

/* A small deterministic generator: no state outside of the test. */
static unsigned next_random(uint64_t *seed, unsigned below)
{
	*seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (unsigned)(*seed >> 33) % below;
}

static size_t random_policy(uint64_t *seed, char *out, size_t cap)
{
	static const char *const principals[] = {
		"principal",
		"principal",
		"principal == U::\"u%u\"",
		"principal in G::\"g%u\"",
		"principal is U",
		"principal is S",
		"principal is U in G::\"g%u\"",
	};
	static const char *const actions[] = {
		"action",
		"action == Action::\"a%u\"",
		"action in Action::\"a%u\"",
		"action in [Action::\"a1\", Action::\"a2\", Action::\"a%u\"]",
		"action in []",
	};
	static const char *const resources[] = {
		"resource",	 "resource == M::\"m%u\"",	"resource in G::\"g%u\"",
		"resource is M", "resource is T in M::\"m%u\"",
	};
	static const char *const bodies[] = {
		"",
		" when { true }",
		" when { context.missing }",
		" unless { true }",
		" when { principal in G::\"g2\" }",
	};
	char part[3][120];
	const char *forms[3] = {principals[next_random(seed, ARRAY_LEN(principals))],
				actions[next_random(seed, ARRAY_LEN(actions))],
				resources[next_random(seed, ARRAY_LEN(resources))]};

	for (size_t i = 0; i < 3; i++) {
		const char *mark = strstr(forms[i], "%u");

		if (mark == NULL)
			(void)snprintf(part[i], sizeof(part[i]), "%s", forms[i]);
		else
			(void)snprintf(part[i], sizeof(part[i]), "%.*s%u%s", (int)(mark - forms[i]),
				       forms[i], next_random(seed, 6), mark + 2);
	}
	return (size_t)snprintf(out, cap, "%s(%s, %s, %s)%s;\n",
				next_random(seed, 3) == 0 ? "forbid" : "permit", part[0], part[1],
				part[2], bodies[next_random(seed, ARRAY_LEN(bodies))]);
}

static const struct uid *test_uid(struct arena *arena, const char *type, unsigned n)
{
	struct uid uid = uid_make(str_from_c(type), arena_printf(arena, "%c%u", type[0] | 0x20, n));

	return uid_copy(arena, &uid);
}

/* Groups above groups, resources below the principal, actions in two levels. */
static struct entity_store *random_store(uint64_t *seed)
{
	struct entity_store *store = entity_store_new(NULL);
	struct arena *arena = entity_store_arena(store);
	struct diag diag;

	for (unsigned i = 0; i < 6; i++) {
		const struct uid *up[2] = {test_uid(arena, "G", i + 1 + next_random(seed, 3)),
					   test_uid(arena, "U", next_random(seed, 6))};
		const struct uid *above = test_uid(arena, "Action", i + 1 + next_random(seed, 2));

		assert_int_equal(entity_store_add(store, test_uid(arena, "G", i), value_none(),
						  value_none(), up, 1, &diag),
				 OK);
		assert_int_equal(entity_store_add(store, test_uid(arena, "M", i), value_none(),
						  value_none(), up, 2, &diag),
				 OK);
		assert_int_equal(entity_store_add(store, test_uid(arena, "Action", i), value_none(),
						  value_none(), &above, 1, &diag),
				 OK);
	}
	assert_int_equal(entity_store_freeze(store, &diag), OK);
	return store;
}

static void assert_same(const struct policy_decision *a, const struct policy_decision *b)
{
	assert_int_equal(a->is_allowed, b->is_allowed);
	assert_int_equal(a->is_forbid_error, b->is_forbid_error);
	assert_int_equal(a->reason_count, b->reason_count);
	assert_int_equal(a->error_count, b->error_count);
	for (size_t i = 0; i < a->reason_count; i++)
		assert_true(str_eq(policy_id(a->reasons[i]), policy_id(b->reasons[i])));
	for (size_t i = 0; i < a->error_count; i++)
		assert_true(str_eq(policy_id(a->errors[i].policy), policy_id(b->errors[i].policy)));
}

static void compare_indexed(uint64_t *seed, const struct policy_set *indexed,
			    const struct policy_set *plain, const struct entity_store *store)
{
	struct policy_decision decisions[2];
	struct policy_request request;
	const struct uid *parents[2];
	struct arena arena;

	arena_init(&arena, 8192, 8 << 20);
	parents[0] = test_uid(&arena, "G", next_random(seed, 6));
	parents[1] = test_uid(&arena, "G", next_random(seed, 6));
	request = (struct policy_request){
		.principal = test_uid(&arena, next_random(seed, 2) == 0 ? "U" : "S",
				      next_random(seed, 6)),
		.action = test_uid(&arena, "Action", next_random(seed, 6)),
		.resource = test_uid(&arena, next_random(seed, 3) == 0 ? "T" : "M",
				     next_random(seed, 6)),
	};
	if (next_random(seed, 4) != 0)
		request.overlay = entity_new(&arena, request.principal, value_none(), value_none(),
					     parents, 2);
	assert_int_equal(policy_decide(indexed, store, &request, NULL, &arena, &decisions[0]), OK);
	assert_int_equal(policy_decide(plain, store, &request, NULL, &arena, &decisions[1]), OK);
	assert_same(&decisions[0], &decisions[1]);
	assert_true(decisions[0].considered <= decisions[1].considered * 3);
	arena_fini(&arena);
}

static void test_policy__decides_the_same_with_and_without_index(void **state)
{
	struct policy_set_options plain_options = {.is_unindexed = true};
	static char text[1 << 16];
	uint64_t seed = 20261123;

	(void)state;
	for (unsigned round = 0; round < 60; round++) {
		struct entity_store *store = random_store(&seed);
		unsigned count = next_random(&seed, 120);
		struct policy_set *sets[2];
		struct policy_source source = {.file = "random.cedar"};
		struct diag diag;
		size_t len = 0;

		for (unsigned i = 0; i < count; i++)
			len += random_policy(&seed, text + len, sizeof(text) - len);
		source.text = str_make(text, len);
		assert_int_equal(policy_set_load(&source, 1, NULL, &sets[0], &diag), OK);
		assert_int_equal(policy_set_load(&source, 1, &plain_options, &sets[1], &diag), OK);
		for (unsigned i = 0; i < 50; i++)
			compare_indexed(&seed, sets[0], sets[1], store);
		policy_set_free(sets[0]);
		policy_set_free(sets[1]);
		entity_store_free(store);
	}
}

static void test_policy__meets_only_policies_that_can_apply(void **state)
{
	static char text[1 << 20];
	struct policy_source source = {.file = "many.cedar"};
	struct uid principal = uid_make(STR("U"), STR("u7"));
	struct uid action = uid_make(STR("Action"), STR("a"));
	struct uid resource = uid_make(STR("M"), STR("m"));
	struct policy_request request = {
		.principal = &principal, .action = &action, .resource = &resource};
	struct policy_decision decision;
	struct policy_set *set;
	struct arena arena;
	struct diag diag;
	size_t len = 0;

	(void)state;
	for (unsigned i = 0; i < 10000; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
					"permit(principal == U::\"u%u\", action, resource);\n", i);
	source.text = str_make(text, len);
	assert_int_equal(policy_set_load(&source, 1, NULL, &set, &diag), OK);
	arena_init(&arena, 8192, 1 << 20);
	assert_int_equal(policy_decide(set, NULL, &request, NULL, &arena, &decision), OK);
	assert_true(decision.is_allowed);
	assert_int_equal(decision.considered, 1);
	assert_ids("policy7", &decision, false);
	arena_fini(&arena);
	policy_set_free(set);
}

static bool is_allowed(const char *text, const struct entity_store *store,
		       const struct policy_request *request)
{
	struct policy_set *set = load(text);
	struct policy_decision decision;
	struct arena arena;
	bool answer;

	arena_init(&arena, 8192, 1 << 20);
	assert_int_equal(policy_decide(set, store, request, NULL, &arena, &decision), OK);
	answer = decision.is_allowed;
	arena_fini(&arena);
	policy_set_free(set);
	return answer;
}

/* U::"u1" stands in the store with other content; above G::"g1" is G::"g2"; M::"m1" is below u1. */
static void test_policy__lays_the_principal_over_the_store(void **state)
{
	static const char json[] =
		"[{\"uid\": {\"type\": \"U\", \"id\": \"u1\"}, \"attrs\": {\"old\": 1},"
		"  \"parents\": [{\"type\": \"G\", \"id\": \"old\"}]},"
		" {\"uid\": {\"type\": \"G\", \"id\": \"g1\"}, \"attrs\": {},"
		"  \"parents\": [{\"type\": \"G\", \"id\": \"g2\"}]},"
		" {\"uid\": {\"type\": \"M\", \"id\": \"m1\"}, \"attrs\": {},"
		"  \"parents\": [{\"type\": \"U\", \"id\": \"u1\"}]}]";
	struct entity_store *store = entity_store_new(NULL);
	struct uid uids[4] = {uid_make(STR("U"), STR("u1")), uid_make(STR("Action"), STR("a")),
			      uid_make(STR("M"), STR("m1")), uid_make(STR("G"), STR("g1"))};
	const struct uid *parent = &uids[3];
	struct text key = text_make(STR("age"));
	struct value age = value_long(30);
	struct policy_request request = {
		.principal = &uids[0], .action = &uids[1], .resource = &uids[2]};
	struct arena arena;
	struct diag diag;

	(void)state;
	assert_int_equal(entity_store_load_json(store, "e", str_from_c(json), NULL, &diag), OK);
	assert_int_equal(entity_store_freeze(store, &diag), OK);
	assert_true(is_allowed("permit(principal in G::\"old\", action, resource) when "
			       "{ principal.old == 1 };",
			       store, &request));
	arena_init(&arena, 8192, 1 << 20);
	request.overlay = entity_new(&arena, &uids[0], value_record(&arena, &key, &age, 1),
				     value_none(), &parent, 1);
	assert_false(
		is_allowed("permit(principal in G::\"old\", action, resource);", store, &request));
	assert_true(is_allowed("permit(principal in G::\"g2\", action, resource) when "
			       "{ principal.age == 30 && !(principal has old) };",
			       store, &request));
	assert_true(is_allowed("permit(principal, action, resource in G::\"g2\") when "
			       "{ resource in principal && resource in G::\"g1\" };",
			       store, &request));
	arena_fini(&arena);
	entity_store_free(store);
}

/* M::"m1" is in the store, in G::"g1" and without attributes; U::"u1" names it. */
static void test_policy__lays_the_resource_over_the_store(void **state)
{
	static const char json[] =
		"[{\"uid\": {\"type\": \"M\", \"id\": \"m1\"}, \"attrs\": {},"
		"  \"parents\": [{\"type\": \"G\", \"id\": \"g1\"}]},"
		" {\"uid\": {\"type\": \"U\", \"id\": \"u1\"}, \"attrs\": {\"likes\":"
		"  {\"__entity\": {\"type\": \"M\", \"id\": \"m1\"}}}, \"parents\": []}]";
	struct entity_store *store = entity_store_new(NULL);
	struct uid uids[3] = {uid_make(STR("U"), STR("u1")), uid_make(STR("Action"), STR("a")),
			      uid_make(STR("M"), STR("m1"))};
	struct text key = text_make(STR("size"));
	struct value size = value_long(7);
	struct policy_request request = {
		.principal = &uids[0], .action = &uids[1], .resource = &uids[2]};
	static const char policy[] = "permit(principal, action, resource in G::\"g1\") when "
				     "{ resource.size == 7 && principal.likes.size == 7 };";
	struct entity over;
	struct arena arena;
	struct diag diag;

	(void)state;
	assert_int_equal(entity_store_load_json(store, "e", str_from_c(json), NULL, &diag), OK);
	assert_int_equal(entity_store_freeze(store, &diag), OK);
	assert_false(is_allowed(policy, store, &request));
	arena_init(&arena, 8192, 1 << 20);
	over = *entity_store_find(store, &uids[2]);
	over.attrs = value_record(&arena, &key, &size, 1).record;
	request.resource_entity = &over;
	assert_true(is_allowed(policy, store, &request));
	arena_fini(&arena);
	entity_store_free(store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_policy__gives_the_golden_decisions),
		cmocka_unit_test(test_policy__denies_when_a_forbid_errs),
		cmocka_unit_test(test_policy__names_policies_by_annotation_or_position),
		cmocka_unit_test(test_policy__loads_all_sources_or_none),
		cmocka_unit_test(test_policy__names_the_limit_passed),
		cmocka_unit_test(test_policy__names_the_memory_limit_wherever_it_is_met),
		cmocka_unit_test(test_policy__refuses_to_decide_without_memory),
		cmocka_unit_test(test_policy__lays_the_principal_over_the_store),
		cmocka_unit_test(test_policy__lays_the_resource_over_the_store),
		cmocka_unit_test(test_policy__decides_the_same_with_and_without_index),
		cmocka_unit_test(test_policy__meets_only_policies_that_can_apply),
	};

	return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
