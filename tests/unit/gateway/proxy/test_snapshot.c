/* SPDX-License-Identifier: Apache-2.0 */
#include <stdatomic.h>

#include "tests/unit/gateway/proxy/case.h"

static void test_snapshot__is_made_of_copies(void **state)
{
	char id[] = "gw-1", hash[] = "c0ffee";
	struct snapshot_options options;
	struct snapshot *snap;
	struct diag diag;

	(void)state;
	case_options(&options);
	options.gateway_id = str_from_c(id);
	options.config_hash = str_from_c(hash);
	snap = case_snapshot_of(&options, &diag);
	assert_non_null(snap);
	memset(id, 'x', 4);
	memset(hash, 'x', 6);
	assert_true(str_eq(snap->gateway_id, STR("gw-1")));
	assert_true(str_eq(snap->source, STR("tollgate/gw-1")));
	assert_true(str_eq(snap->config_hash, STR("c0ffee")));
	assert_int_equal(snap->generation, 7);
	assert_int_equal(snap->rules->upstream_count, 2);
	assert_int_equal(model_count(snap->rules->models), 4);
	assert_ptr_equal(snapshot_ref(snap), snap);
	snapshot_unref(snap);
	assert_non_null(model_find(snap->rules->models, STR("gpt-x")));
	snapshot_unref(snap);
	snapshot_unref(NULL);
}

/* The old one may go first: what they share goes with the last. */
static void test_snapshot__shares_its_rules_when_keys_change(void **state)
{
	static const struct str audience[] = {STR("tollgate")};
	const struct issuer issuer = {
		.name = STR("corp"),
		.issuer = STR("https://idp.example"),
		.audience = {audience, 1},
		.algorithms = 1,
		.claims = {.subject = STR("sub")},
	};
	struct snapshot_options options;
	struct snapshot *first, *second, *third;
	struct diag diag;

	(void)state;
	case_options(&options);
	options.issuers = &issuer;
	options.issuer_count = 1;
	options.allow_unpriced = true;
	first = case_snapshot_of(&options, &diag);
	if (first == NULL)
		print_message("# %s\n", diag.text);
	assert_non_null(first);
	second = snapshot_with_keys(first, 0, NULL);
	third = snapshot_with_keys(second, 0, NULL);
	assert_ptr_equal(first->rules, third->rules);
	assert_int_equal(atomic_load(&first->rules->refs), 3);
	assert_int_equal(atomic_load(&third->refs), 1);
	assert_int_equal(second->generation, first->generation + 1);
	assert_int_equal(third->generation, first->generation + 2);
	assert_ptr_not_equal(first->auth, second->auth);
	snapshot_unref(first);
	snapshot_unref(second);
	assert_int_equal(atomic_load(&third->rules->refs), 1);
	assert_true(str_eq(third->source, STR("tollgate/gw-1")));
	assert_true(third->allow_unpriced);
	assert_int_equal(third->body_bytes, options.body_bytes);
	assert_int_equal(third->utc_offset_ms, options.utc_offset_ms);
	assert_non_null(model_find(third->rules->models, STR("gpt-x")));
	snapshot_unref(third);
}

enum part {
	PART_UPSTREAM,
	PART_MODEL,
	PART_POLICY,
	PART_SCHEMA,
	PART_ENTITIES,
	PART_PRICE,
	PART_KEY,
	PART_ISSUER,
	PART_COUNT,
};

static const char *const part_names[PART_COUNT] = {"upstream", "model", "policy", "schema",
						   "entities", "price", "key",	  "issuer"};

/* All or nothing: whichever part is bad, nothing is left over and diag says why. */
static void test_snapshot__refuses_each_bad_part(void **state)
{
	const struct upstream_options upstream = {.name = STR("azure"), .url = STR("nonsense")};
	const struct model_options model = {.name = STR("x"), .upstream = STR("nowhere")};
	const struct policy_source policy = {.file = "p.cedar",
					     .text = STR("permit (principal, action resource);")};
	const struct price_row price = {.id = STR("a price"), .version = STR("1")};
	const struct apikey_row key = {.id = STR("k"), .name = STR("x"), .sha256 = STR("short")};
	const struct issuer issuer = {.name = STR("")};

	(void)state;
	for (unsigned part = 0; part < PART_COUNT; part++) {
		struct snapshot_options options;
		struct diag diag;

		print_message("# %s\n", part_names[part]);
		case_options(&options);
		switch ((enum part)part) {
		case PART_UPSTREAM:
			options.upstreams = &upstream;
			options.upstream_count = 1;
			break;
		case PART_MODEL:
			options.models = &model;
			options.model_count = 1;
			break;
		case PART_POLICY: options.policies = &policy; break;
		case PART_SCHEMA: options.schema.text = STR("entity ;"); break;
		case PART_ENTITIES: options.entities.text = STR("[{]"); break;
		case PART_PRICE:
			options.prices = &price;
			options.price_count = 1;
			break;
		case PART_KEY:
			options.keys = &key;
			options.key_count = 1;
			break;
		case PART_ISSUER:
			options.issuers = &issuer;
			options.issuer_count = 1;
			break;
		case PART_COUNT: break;
		}
		assert_null(case_snapshot_of(&options, &diag));
		assert_string_not_equal(diag.text, "");
	}
}

/* A policy that is no part of any file allows nothing. */
static void test_snapshot__without_policies_allows_nothing(void **state)
{
	struct snapshot_options options;
	struct snapshot *snap;
	struct diag diag;

	(void)state;
	case_options(&options);
	options.policy_count = 0;
	options.entities.text = (struct str){0};
	snap = case_snapshot_of(&options, &diag);
	assert_non_null(snap);
	assert_int_equal(policy_set_count(snap->rules->policies), 0);
	snapshot_unref(snap);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_snapshot__is_made_of_copies),
		cmocka_unit_test(test_snapshot__shares_its_rules_when_keys_change),
		cmocka_unit_test(test_snapshot__refuses_each_bad_part),
		cmocka_unit_test(test_snapshot__without_policies_allows_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
