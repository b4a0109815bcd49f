/* SPDX-License-Identifier: Apache-2.0 */
/* What policy is shown, by what it decides: the golden decisions of the gateway's own schema. */
#include "gateway/proxy/authorize.h"
#include "tests/unit/gateway/proxy/case.h"

struct wish {
	const char *name;
	const char *principal;
	const char *action; /* also one that no operation has yet */
	const char *model;
	const char *reasons;
	struct catalog_call changes;
	bool is_outside; /* us-east-1 */
	bool is_without_mtls;
	bool is_late; /* after the approval of the models has ended */
	bool is_allowed;
};

static const struct wish wishes[] = {
	{"ana invokes", "ana", "Invoke", "gpt-x", "rbac-analysts-standard-models abac-clearance",
	 .is_allowed = true},
	{"personal data outside of the EU", "ana", "Invoke", "gpt-x", "eu-residency",
	 .changes = {.is_pii = true}, .is_outside = true},
	{"personal data inside", "ana", "Invoke", "gpt-x",
	 "rbac-analysts-standard-models abac-clearance", .changes = {.is_pii = true},
	 .is_allowed = true},
	{"high-risk use", "ana", "Invoke", "gpt-x", "ai-act-high-risk",
	 .changes = {.is_annex_iii = true}},
	{"high-risk use, assessed", "ana", "Invoke", "gpt-x",
	 "rbac-analysts-standard-models abac-clearance",
	 .changes = {.is_annex_iii = true, .has_human_oversight = true, .fria_id = STR("f-1")},
	 .is_allowed = true},
	{"high-risk use, no assessment", "ana", "Invoke", "gpt-x", "ai-act-high-risk",
	 .changes = {.is_annex_iii = true, .has_human_oversight = true}},
	{"batch on a Sunday", "ana", "Batch", "gpt-x", "out-of-hours-batch",
	 .changes = {.weekday = 7}},
	{"batch on a Sunday, on call", "ana", "Batch", "gpt-x", "rbac-analysts-standard-models",
	 .changes = {.weekday = 7, .is_on_call = true}, .is_allowed = true},
	{"a service without certificate", "etl", "Embed", "embed-x", "prod-services-mtls",
	 .is_without_mtls = true},
	{"a service", "etl", "Embed", "embed-x", "abac-clearance", .is_allowed = true},
	{"suspended", "bob", "Invoke", "gpt-x", "suspended", .is_allowed = false},
	{"suspended, confidential", "bob", "Invoke", "gpt-x", "suspended",
	 .changes = {.data_class = 2}},
	{"over her clearance", "ana", "Invoke", "gpt-x", "rbac-analysts-standard-models",
	 .changes = {.data_class = 3}, .is_allowed = true},
	{"after the approval has ended", "ana", "Invoke", "gpt-x", "rbac-analysts-standard-models",
	 .is_late = true, .is_allowed = true},
	{"no budget is kept, so none is exhausted", "ana", "Invoke", "gpt-x",
	 "rbac-analysts-standard-models abac-clearance", .changes = {.cost_micro = 9000000},
	 .is_allowed = true},
};

static void fill(struct catalog_call *call, const struct wish *wish,
		 const struct principal *principal)
{
	*call = wish->changes;
	call->has_call = true;
	call->now_ms = CASE_NOW_NS / 1000000 + (wish->is_late ? 90LL * 86400000 : 0);
	call->local_ms = call->now_ms + 3600000;
	call->weekday = wish->changes.weekday == 0 ? 1 : wish->changes.weekday;
	call->data_class = wish->changes.data_class == 0 ? 1 : wish->changes.data_class;
	call->source_ip = STR("10.1.2.3");
	call->request_id = STR("01JD");
	call->purpose = STR("test");
	call->principal = principal;
	call->is_mtls = !wish->is_without_mtls;
	call->upstream_region = wish->is_outside ? STR("us-east-1") : STR("eu-west-1");
}

static void assert_reasons(const struct policy_decision *decision, const char *want)
{
	char have[400] = "";
	size_t len = 0;

	for (size_t i = 0; i < decision->reason_count; i++) {
		struct str id = policy_id(decision->reasons[i]);

		len += (size_t)snprintf(have + len, sizeof(have) - len, "%s" STR_FMT,
					i == 0 ? "" : " ", STR_ARG(id));
	}
	assert_string_equal(have, want);
}

static void decide(struct snapshot *snap, const struct wish *wish, struct arena *arena,
		   struct policy_decision *out)
{
	const struct principal *principal = case_principal(wish->principal);
	const struct entity *entity = catalog_principal_entity(principal);
	const struct catalog *catalog = snap->rules->catalog;
	struct uid action = uid_make(STR("Inference::Action"), str_from_c(wish->action));
	struct catalog_call call;
	struct policy_request question = {
		.principal = &entity->uid,
		.action = &action,
		.resource = catalog_model(catalog,
					  model_find(snap->rules->models, str_from_c(wish->model))),
		.overlay = entity,
	};

	fill(&call, wish, principal);
	question.context = catalog_context(catalog, &call, arena);
	assert_int_equal(question.context.kind, VALUE_RECORD);
	assert_int_equal(policy_decide(snap->rules->policies, catalog_store(catalog), &question,
				       &snap->policy_options, arena, out),
			 OK);
	principal_unref(principal);
}

static void test_catalog__gives_the_golden_decisions(void **state)
{
	struct snapshot *snap = case_snapshot();
	struct arena arena;

	(void)state;
	arena_init(&arena, 8192, 256 << 10);
	for (size_t i = 0; i < ARRAY_LEN(wishes); i++) {
		struct policy_decision decision;

		print_message("# %s\n", wishes[i].name);
		decide(snap, &wishes[i], &arena, &decision);
		assert_int_equal(decision.error_count, 0);
		assert_reasons(&decision, wishes[i].reasons);
		assert_int_equal(decision.is_allowed, wishes[i].is_allowed);
		arena_reset(&arena);
	}
	arena_fini(&arena);
	snapshot_unref(snap);
}

/* Decides a request of ours, as the request path does. */
static bool ask(struct snapshot *snap, const struct principal *principal, enum method method,
		const char *path, const char *body, const char *reasons)
{
	struct request *req = case_request(snap, principal, method, path, body);
	struct declared declared = {.purpose = STR("")};
	bool is_allowed;

	assert_int_equal(authorize_request(req, &declared), OK);
	assert_int_equal(req->decision.error_count, 0);
	assert_reasons(&req->decision, reasons);
	is_allowed = req->decision.is_allowed;
	case_request_free(req);
	return is_allowed;
}

#define CHAT	  METHOD_POST, "/v1/chat/completions", "{\"model\":\"gpt-x\"}"
#define LIST_IRIS METHOD_GET, "/v2/models/iris", NULL

/* Who brings no attributes has the least of each. */
static void test_catalog__gives_a_bare_principal_the_least(void **state)
{
	struct principal user = case_draft(PRINCIPAL_USER, STR("new"));
	struct principal service = case_draft(PRINCIPAL_SERVICE, STR("new"));
	struct snapshot *snap = case_snapshot();

	(void)state;
	/* Public data and clearance 0: the class is not above. */
	assert_true(ask(snap, case_principal_of(&user), CHAT, "abac-clearance"));
	assert_true(ask(snap, case_principal_of(&service), CHAT, "abac-clearance"));
	assert_false(ask(snap, case_principal_of(&user), LIST_IRIS, ""));
	assert_true(ask(snap, case_principal("ana"), LIST_IRIS, "list-models"));
	assert_false(ask(snap, case_principal("bob"), LIST_IRIS, "suspended"));
	snapshot_unref(snap);
}

static void test_catalog__shows_models_to_those_who_may_use_them(void **state)
{
	struct snapshot *snap = case_snapshot();
	struct request *ana =
		case_request(snap, case_principal("ana"), METHOD_GET, "/v1/models", NULL);
	struct request *bob =
		case_request(snap, case_principal("bob"), METHOD_GET, "/v1/models", NULL);

	(void)state;
	for (size_t i = 0; i < model_count(snap->rules->models); i++) {
		const struct model *model = model_at(snap->rules->models, i);

		assert_true(authorize_may_use(ana, model));
		assert_false(authorize_may_use(bob, model));
	}
	case_request_free(ana);
	case_request_free(bob);
	snapshot_unref(snap);
}

static void test_catalog__denies_a_principal_too_large_to_be_shown(void **state)
{
	static char text[PRINCIPAL_TEXT];
	static struct str roles[PRINCIPAL_LIST];
	struct principal draft = case_draft(PRINCIPAL_USER, STR("big"));
	const struct principal *principal;
	struct snapshot *snap = case_snapshot();
	struct declared declared = {.purpose = STR("")};
	struct request *req;

	(void)state;
	memset(text, 'r', sizeof(text));
	for (size_t i = 0; i < PRINCIPAL_LIST; i++)
		roles[i] = str_make(text, sizeof(text) - i);
	draft.roles = (struct str_list){roles, PRINCIPAL_LIST};
	draft.groups = draft.roles;
	principal = case_principal_of(&draft);
	assert_null(catalog_principal_entity(principal));
	req = case_request(snap, principal, CHAT);
	assert_int_equal(authorize_request(req, &declared), ERR_LIMIT);
	assert_false(authorize_may_use(req, req->model));
	case_request_free(req);
	snapshot_unref(snap);
}

static void test_catalog__denies_when_memory_ends(void **state)
{
	struct snapshot *snap = case_snapshot();
	struct request *req = case_request(snap, case_principal("ana"), CHAT);
	struct declared declared = {.purpose = STR("")};

	(void)state;
	while (arena_alloc(&req->arena, 1024) != NULL)
		;
	assert_int_equal(authorize_request(req, &declared), ERR_LIMIT);
	case_request_free(req);
	snapshot_unref(snap);
}

static void test_catalog__knows_every_action_of_the_operations(void **state)
{
	struct snapshot *snap = case_snapshot();

	(void)state;
	for (unsigned i = 0; i < ACTION_COUNT; i++) {
		const struct uid *uid =
			catalog_action_uid(snap->rules->catalog, (enum catalog_action)i);

		assert_true(str_eq(uid->type, STR("Inference::Action")));
		assert_int_equal(catalog_action(uid->id), i);
	}
	snapshot_unref(snap);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_catalog__gives_the_golden_decisions),
		cmocka_unit_test(test_catalog__gives_a_bare_principal_the_least),
		cmocka_unit_test(test_catalog__shows_models_to_those_who_may_use_them),
		cmocka_unit_test(test_catalog__denies_a_principal_too_large_to_be_shown),
		cmocka_unit_test(test_catalog__denies_when_memory_ends),
		cmocka_unit_test(test_catalog__knows_every_action_of_the_operations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
