/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/gateway/proxy/case.h"

#include "tests/unit/policy/gateway_case.h"

static const char entities[] =
	"[{\"uid\": {\"type\": \"Inference::Provider\", \"id\": \"azure\"},"
	"  \"attrs\": {\"jurisdiction\": \"US\", \"dpa_signed\": true, \"zero_retention\": true},"
	"  \"parents\": []}]";

static const struct upstream_options upstreams[] = {
	{.name = STR("azure"), .url = STR("http://127.0.0.1:9/base"), .provider = STR("azure")},
	{.name = STR("models"), .url = STR("http://127.0.0.1:9"), .provider = STR("own")},
};
static const struct str chat[] = {STR("openai.chat"), STR("openai.responses")};
static const struct str embed[] = {STR("openai.embeddings")};
static const struct str infer[] = {STR("kserve.infer")};
static const struct str groups[] = {STR("standard")};
static const struct str regions[] = {STR("eu-west-1"), STR("us-east-1")};
static const struct str text[] = {STR("text")};
#define COMMON                                                                                     \
	.groups = groups, .group_count = 1, .modalities = text, .modality_count = 1,               \
	.regions = regions, .region_count = 2, .risk = STR("limited"), .status = STR("approved"),  \
	.owner = STR("it"), .max_classification = 2, .approved_until = STR("2027-01-01")
static const struct model_options models[] = {
	{.name = STR("gpt-x"),
	 .upstream = STR("azure"),
	 .upstream_model = STR("gpt-x-2026"),
	 .dialects = chat,
	 .dialect_count = 2,
	 .region = STR("eu-west-1"),
	 .max_output = 1000,
	 COMMON},
	{.name = STR("embed-x"),
	 .upstream = STR("azure"),
	 .dialects = embed,
	 .dialect_count = 1,
	 .region = STR("eu-west-1"),
	 COMMON},
	{.name = STR("iris"),
	 .upstream = STR("models"),
	 .dialects = infer,
	 .dialect_count = 1,
	 COMMON},
	{.name = STR("free-x"),
	 .upstream = STR("models"),
	 .dialects = chat,
	 .dialect_count = 2,
	 COMMON},
};
#undef COMMON
static const struct str priced[] = {STR("gpt-x-2026"), STR("embed-x"), STR("iris")};
#define ROW(name, number)                                                                          \
	{                                                                                          \
		.id = STR("list"), .version = STR("1"), .provider = STR(""), .models = priced,     \
		.model_count = 3, .tier = STR(""), .region = STR(""), .currency = STR("USD"),      \
		.above_input = STR(""), .meter = STR(name), .rate = STR(number),                   \
		.valid_from = STR(""), .valid_to = STR(""), .entry_line = 1                        \
	}
static const struct price_row prices[] = {
	ROW("in_text_uncached", "2.50"),
	ROW("out_text", "15"),
	ROW("requests", "1 per 1000"),
	ROW("rows", "40"),
};
#undef ROW

void case_options(struct snapshot_options *out)
{
	static struct policy_source policies[] = {{.file = "gateway.cedar"}};

	policies[0].text = str_from_c(gateway_case_policies);
	*out = (struct snapshot_options){
		.gateway_id = STR("gw-1"),
		.generation = 7,
		.body_bytes = 1 << 20,
		.utc_offset_ms = 3600000,
		.upstreams = upstreams,
		.upstream_count = ARRAY_LEN(upstreams),
		.models = models,
		.model_count = ARRAY_LEN(models),
		.policies = policies,
		.policy_count = 1,
		.schema = {.file = "gateway.cedarschema", .text = str_from_c(gateway_case_schema)},
		.entities = {.file = "entities.json", .text = str_from_c(entities)},
		.prices = prices,
		.price_count = ARRAY_LEN(prices),
		.prices_file = "prices.yaml",
		.keys_file = "keys.yaml",
		.config_hash = STR("c0ffee"),
	};
}

struct snapshot *case_snapshot_of(const struct snapshot_options *options, struct diag *diag)
{
	struct snapshot *snap = NULL;
	struct diags all;

	*diag = (struct diag){.text = ""};
	diags_init(&all, 16);
	if (snapshot_new(options, &all, &snap) != OK)
		assert_int_not_equal(diags_first(&all, diag), OK);
	diags_fini(&all);
	return snap;
}

struct snapshot *case_snapshot(void)
{
	struct snapshot_options options;
	struct snapshot *snap;
	struct diag diag;

	case_options(&options);
	snap = case_snapshot_of(&options, &diag);
	if (snap == NULL)
		print_message("# %s:%u:%u %s\n", diag.file, diag.line, diag.column, diag.text);
	assert_non_null(snap);
	return snap;
}

/* People -------------------------------------------------------------------------------- */

struct principal case_draft(enum principal_kind kind, struct str id)
{
	return (struct principal){
		.kind = kind,
		.id = id,
		.bu = STR(""),
		.team = STR(""),
		.project = STR(""),
		.key_id = STR("key-1"),
		.issuer = STR(""),
		.expires_ns = INT64_MAX,
	};
}

/* For the whole program: principals are held against it. */
static const struct schema *case_schema(void)
{
	static struct schema *schema;
	struct diag diag;

	if (schema == NULL)
		assert_int_equal(schema_load("gateway.cedarschema", str_from_c(gateway_case_schema),
					     &schema, &diag),
				 OK);
	return schema;
}

const struct principal *case_principal_of(const struct principal *draft)
{
	const struct principal_ops ops = catalog_principal_ops(case_schema());
	const struct principal *principal = NULL;

	assert_int_equal(principal_new(draft, &ops, &principal), OK);
	return principal;
}

const struct principal *case_principal(const char *name)
{
	static const struct str analyst[] = {STR("analyst")}, svc[] = {STR("svc")};
	static const struct str trainings[] = {STR("ai-act-deployer")};
	static const struct str scopes[] = {STR("models:read")};
	bool is_service = strcmp(name, "etl") == 0, is_bob = strcmp(name, "bob") == 0;
	const struct attribute attributes[] = {
		{.name = STR("clearance"),
		 .type = ATTRIBUTE_LONG,
		 .number = is_service ? 1 : (is_bob ? 0 : 2)},
		{.name = STR("home_region"),
		 .type = ATTRIBUTE_STRING,
		 .text = is_bob ? STR("US") : STR("EU")},
		{.name = STR("suspended"), .type = ATTRIBUTE_BOOL, .flag = is_bob},
		is_service ? (struct attribute){.name = STR("env"),
						.type = ATTRIBUTE_STRING,
						.text = STR("prod")}
			   : (struct attribute){.name = STR("trainings"),
						.type = ATTRIBUTE_SET,
						.set = {trainings, is_bob ? 0 : 1}},
	};
	struct principal draft =
		case_draft(is_service ? PRINCIPAL_SERVICE : PRINCIPAL_USER, str_from_c(name));

	draft.bu = STR("risk");
	draft.team = STR("fraud");
	draft.project = STR("p1");
	draft.has_mfa = true;
	draft.scopes = (struct str_list){scopes, 1};
	draft.roles = (struct str_list){analyst, is_service ? 0 : 1};
	draft.groups = (struct str_list){svc, is_service ? 1 : 0};
	draft.attributes = attributes;
	draft.attribute_count = ARRAY_LEN(attributes);
	return case_principal_of(&draft);
}

/* Requests -------------------------------------------------------------------------------- */

static void read_body(struct request *req, const char *body)
{
	struct peek_paths *paths = peek_paths_new();

	peek_init(&req->peek, paths);
	if (body != NULL) {
		req->body_len = strlen(body);
		assert_int_equal(peek_feed(&req->peek, str_from_c(body)), OK);
		assert_int_equal(peek_end(&req->peek, req->match.operation), OK);
	}
	peek_paths_free(paths);
}

struct request *case_request(struct snapshot *snap, const struct principal *principal,
			     enum method method, const char *path, const char *body)
{
	struct request *req = calloc(1, sizeof(*req));
	struct str name;

	arena_init(&req->arena, 8192, 256 << 10);
	req->snap = snapshot_ref(snap);
	req->principal = principal;
	req->head = arena_zalloc(&req->arena, sizeof(*req->head));
	req->started_ns = CASE_NOW_NS;
	req->client_ip = STR("10.1.2.3");
	req->key.attempt = 1;
	memcpy(req->id, "01JD0000000000000000000000", REQUEST_ID_LEN + 1);
	memcpy(req->traceparent, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", 56);
	assert_int_equal(operation_match(method, str_from_c(path), &req->match), OK);
	assert_true(dialect_from_name(req->match.operation->dialect, &req->dialect));
	read_body(req, body);
	name = req->match.operation->where == MODEL_IN_BODY ? peek_model(&req->peek)
							    : req->match.model;
	req->model = model_find(snap->rules->models, name);
	req->floor.currency = STR("");
	return req;
}

void case_request_free(struct request *req)
{
	principal_unref(req->principal);
	snapshot_unref(req->snap);
	arena_fini(&req->arena);
	free(req);
}
