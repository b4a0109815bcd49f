/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway_case.h"

static const char entities_json[] =
	"[{\"uid\": {\"type\": \"Inference::Provider\", \"id\": \"azure\"},"
	"  \"attrs\": {\"jurisdiction\": \"US\", \"dpa_signed\": true, \"zero_retention\": true},"
	"  \"parents\": []},"
	" {\"uid\": {\"type\": \"Inference::Model\", \"id\": \"gpt-x\"},"
	"  \"attrs\": {\"provider\": {\"type\": \"Inference::Provider\", \"id\": \"azure\"},"
	"    \"regions\": [\"eu-west-1\", \"us-east-1\"], \"risk\": {\"__entity\":"
	"    {\"type\": \"Inference::RiskClass\", \"id\": \"limited\"}},"
	"    \"max_classification\": 2, \"status\": \"approved\","
	"    \"approved_until\": \"2027-01-01\", \"modalities\": [\"text\"],"
	"    \"open_weights\": false,"
	"    \"owner\": {\"type\": \"Inference::BusinessUnit\", \"id\": \"it\"}},"
	"  \"parents\": [{\"type\": \"Inference::ModelGroup\", \"id\": \"standard\"}]},"
	" {\"uid\": {\"type\": \"Inference::Tool\", \"id\": \"shell\"},"
	"  \"attrs\": {\"side_effects\": true, \"max_classification\": 1}, \"parents\": []},"
	" {\"uid\": {\"type\": \"Inference::Gateway\", \"id\": \"main\"}, \"attrs\": {},"
	"  \"parents\": []}]";

struct entity_store *gateway_case_store(void)
{
	struct entity_store *store = entity_store_new(NULL);
	struct schema *schema;
	struct diag diag;

	ASSERT(schema_load("gateway.cedarschema", str_from_c(gateway_case_schema), &schema,
			   &diag) == OK);
	ASSERT(entity_store_add_actions(store, schema, &diag) == OK);
	ASSERT(entity_store_load_json(store, "entities.json", str_from_c(entities_json), schema,
				      &diag) == OK);
	ASSERT(entity_store_freeze(store, &diag) == OK);
	schema_free(schema);
	return store;
}

static const struct {
	const char *name;
	const char *type;
	int64_t clearance;
	const char *region;
	const char *training; /* NULL: a service */
	bool is_suspended;
	const char *parents[2][2];
} people[] = {
	{"ana",
	 "Inference::User",
	 2,
	 "EU",
	 "ai-act-deployer",
	 false,
	 {{"Inference::Role", "analyst"}, {"Inference::BusinessUnit", "risk"}}},
	{"bob", "Inference::User", 0, "US", "", true, {{"Inference::Role", "analyst"}}},
	{"etl", "Inference::Service", 1, "EU", NULL, false, {{"Inference::Group", "svc"}}},
};

const struct entity *gateway_case_principal(struct arena *arena, const char *name)
{
	static const char *const names[] = {"clearance", "home_region", "suspended", "env",
					    "trainings"};
	struct text keys[ARRAY_LEN(names)];
	struct value values[ARRAY_LEN(names)];
	const struct uid *parents[2];
	struct uid uids[3];
	size_t count = 0;
	size_t who = 0;

	while (strcmp(people[who].name, name) != 0)
		who++;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		keys[i] = text_make(str_from_c(names[i]));
	for (; count < 2 && people[who].parents[count][0] != NULL; count++) {
		uids[count] = uid_make(str_from_c(people[who].parents[count][0]),
				       str_from_c(people[who].parents[count][1]));
		parents[count] = uid_copy(arena, &uids[count]);
	}
	values[0] = value_long(people[who].clearance);
	values[1] = value_string(arena, str_from_c(people[who].region));
	values[2] = value_bool(people[who].is_suspended);
	values[3] = people[who].training == NULL ? value_string(arena, STR("prod")) : value_none();
	values[4] = value_none();
	if (people[who].training != NULL) {
		struct value training = value_string(arena, str_from_c(people[who].training));

		values[4] = value_set(arena, &training, people[who].training[0] != '\0' ? 1 : 0);
	}
	uids[2] = uid_make(str_from_c(people[who].type), str_from_c(name));
	return entity_new(arena, &uids[2], value_record(arena, keys, values, ARRAY_LEN(names)),
			  value_none(), parents, count);
}

const struct value_shape *gateway_case_shape(struct arena *arena)
{
	static const char *const names[FIELD_COUNT] = {
		[FIELD_NOW] = "now",
		[FIELD_LOCAL] = "local",
		[FIELD_WEEKDAY] = "weekday",
		[FIELD_SOURCE_IP] = "source_ip",
		[FIELD_MTLS] = "mtls",
		[FIELD_MFA] = "mfa",
		[FIELD_SCOPES] = "scopes",
		[FIELD_REQUEST_ID] = "request_id",
		[FIELD_DATA_CLASS] = "data_class",
		[FIELD_PII] = "pii",
		[FIELD_PURPOSE] = "purpose",
		[FIELD_ANNEX_III] = "annex_iii",
		[FIELD_HUMAN_OVERSIGHT] = "human_oversight",
		[FIELD_FRIA_ID] = "fria_id",
		[FIELD_UPSTREAM_REGION] = "upstream_region",
		[FIELD_STREAM] = "stream",
		[FIELD_MAX_TOKENS] = "max_tokens",
		[FIELD_INPUT_TOKENS] = "input_tokens",
		[FIELD_COST_MICRO] = "cost_micro",
		[FIELD_BUDGET] = "budget",
		[FIELD_TOOLS] = "tools",
		[FIELD_ON_CALL] = "on_call",
	};
	struct str views[FIELD_COUNT];

	for (size_t i = 0; i < FIELD_COUNT; i++)
		views[i] = str_from_c(names[i]);
	return value_shape_new(arena, views, FIELD_COUNT);
}

void gateway_case_values(struct arena *arena, struct value values[static FIELD_COUNT])
{
	const int64_t now_ms = 1795424400000; /* 2026-11-23T09:00:00Z */
	struct text keys[2] = {text_make(STR("remaining_micro")), text_make(STR("hard"))};
	struct value budget[2] = {value_long(5000000), value_bool(true)};
	struct value scope = value_string(arena, STR("models:read"));

	for (size_t i = 0; i < FIELD_COUNT; i++)
		values[i] = value_bool(false);
	values[FIELD_NOW] = value_datetime_ms(now_ms);
	values[FIELD_LOCAL] = value_datetime_ms(now_ms + 3600000);
	values[FIELD_WEEKDAY] = value_long(1);
	values[FIELD_SOURCE_IP] = value_ip(arena, STR("10.1.2.3"));
	values[FIELD_MTLS] = value_bool(true);
	values[FIELD_MFA] = value_bool(true);
	values[FIELD_SCOPES] = value_set(arena, &scope, 1);
	values[FIELD_REQUEST_ID] = value_string(arena, STR("01JD"));
	values[FIELD_DATA_CLASS] = value_long(1);
	values[FIELD_PURPOSE] = value_string(arena, STR("test"));
	values[FIELD_FRIA_ID] = value_none();
	values[FIELD_UPSTREAM_REGION] = value_string(arena, STR("eu-west-1"));
	values[FIELD_MAX_TOKENS] = value_long(4096);
	values[FIELD_INPUT_TOKENS] = value_long(120);
	values[FIELD_COST_MICRO] = value_long(1200);
	values[FIELD_BUDGET] = value_record(arena, keys, budget, 2);
	values[FIELD_TOOLS] = value_set(arena, NULL, 0);
}
