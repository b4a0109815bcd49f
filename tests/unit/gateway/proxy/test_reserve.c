/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/proxy/reserve.h"

#include "metering/usage/estimate.h"
#include "tests/unit/gateway/proxy/case.h"

#define IN_PICO	  2500000LL /* per token: 2.50 per million, in micro */
#define OUT_PICO  15000000LL
#define ROW_PICO  40000000LL
#define CALL_PICO 1000000000LL

#define CHAT  METHOD_POST, "/v1/chat/completions"
#define EMBED METHOD_POST, "/v1/embeddings"
#define INFER METHOD_POST, "/v2/models/iris/infer"

static const struct {
	const char *name;
	enum method method;
	const char *path, *body;
	int64_t rows;
	int64_t out_tokens; /* that the bound is for */
	int64_t out_bound;  /* that is shown */
} priced[] = {
	{"the caller's bound", CHAT, "{\"model\":\"gpt-x\",\"max_tokens\":50}", 0, 50, 50},
	{"each answer has the bound", CHAT, "{\"model\":\"gpt-x\",\"max_tokens\":50,\"n\":4}", 0,
	 200, 50},
	{"no answer is one answer", CHAT, "{\"model\":\"gpt-x\",\"max_tokens\":50,\"n\":0}", 0, 50,
	 50},
	{"the model's bound", CHAT, "{\"model\":\"gpt-x\"}", 0, 1000, 1000},
	{"embeddings write nothing", EMBED, "{\"model\":\"embed-x\",\"input\":\"abc\"}", 0, 0, 0},
	{"embeddings write nothing, whatever is said", EMBED,
	 "{\"model\":\"embed-x\",\"max_tokens\":9}", 0, 0, 0},
};

static void test_reserve__bounds_a_call_from_above(void **state)
{
	struct snapshot *snap = case_snapshot();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(priced); i++) {
		struct request *req = case_request(snap, case_principal("ana"), priced[i].method,
						   priced[i].path, priced[i].body);
		int64_t in_max = estimate_input_tokens(req->body_len, true);

		print_message("# %s\n", priced[i].name);
		assert_int_equal(reserve_bound(req), OK);
		assert_int_equal(req->output_bound, priced[i].out_bound);
		assert_int_equal(req->input_estimate, estimate_input_tokens(req->body_len, false));
		assert_true(in_max >= req->input_estimate);
		assert_int_equal(req->bound_pico,
				 in_max * IN_PICO + priced[i].out_tokens * OUT_PICO);
		assert_int_equal(req->floor.pico, req->input_estimate * IN_PICO);
		assert_true(str_eq(req->floor.currency, STR("USD")));
		case_request_free(req);
	}
	snapshot_unref(snap);
}

static void test_reserve__counts_rows_where_there_are_no_tokens(void **state)
{
	struct snapshot *snap = case_snapshot();
	struct request *req = case_request(snap, case_principal("ana"), INFER, NULL);

	(void)state;
	req->row_count = 5;
	assert_int_equal(reserve_bound(req), OK);
	assert_int_equal(req->bound_pico, 5 * ROW_PICO + CALL_PICO);
	assert_int_equal(req->floor.pico, req->bound_pico);
	assert_int_equal(req->output_bound, 0);
	case_request_free(req);
	snapshot_unref(snap);
}

static void test_reserve__wants_no_price_for_what_is_free(void **state)
{
	struct snapshot *snap = case_snapshot();
	struct request *req = case_request(snap, case_principal("ana"), METHOD_GET,
					   "/v2/models/iris/ready", NULL);

	(void)state;
	assert_int_equal(reserve_bound(req), OK);
	assert_int_equal(req->bound_pico, 0);
	assert_int_equal(req->floor.count, 0);
	case_request_free(req);
	snapshot_unref(snap);
}

static void test_reserve__refuses_what_has_no_price_unless_told_otherwise(void **state)
{
	struct snapshot_options options;
	struct diag diag;

	(void)state;
	case_options(&options);
	for (int is_allowed = 0; is_allowed < 2; is_allowed++) {
		struct snapshot *snap;
		struct request *req;

		options.allow_unpriced = is_allowed == 1;
		snap = case_snapshot_of(&options, &diag);
		assert_non_null(snap);
		req = case_request(snap, case_principal("ana"), CHAT, "{\"model\":\"free-x\"}");
		assert_int_equal(reserve_bound(req), is_allowed ? OK : ERR_NOT_FOUND);
		assert_int_equal(req->bound_pico, 0);
		assert_int_equal(req->floor.pico, 0);
		assert_true(!is_allowed || req->floor.has_unpriced);
		case_request_free(req);
		snapshot_unref(snap);
	}
}

/* An output that nobody bounds is bounded by what models write at most. */
static void test_reserve__bounds_what_nobody_bounds(void **state)
{
	struct snapshot_options options;
	struct model_options model;
	struct snapshot *snap;
	struct request *req;
	struct diag diag;

	(void)state;
	case_options(&options);
	model = options.models[0];
	model.max_output = 0;
	options.models = &model;
	options.model_count = 1;
	snap = case_snapshot_of(&options, &diag);
	assert_non_null(snap);
	req = case_request(snap, case_principal("ana"), CHAT, "{\"model\":\"gpt-x\"}");
	assert_int_equal(reserve_bound(req), OK);
	assert_int_equal(req->output_bound, 0);
	assert_true(req->bound_pico >= 16384 * OUT_PICO);
	case_request_free(req);
	snapshot_unref(snap);
}

static void test_reserve__refuses_a_bound_beyond_every_sum(void **state)
{
	struct snapshot *snap = case_snapshot();
	struct request *req =
		case_request(snap, case_principal("ana"), CHAT,
			     "{\"model\":\"gpt-x\",\"max_tokens\":1000000000,\"n\":1000000000}");

	(void)state;
	assert_int_equal(reserve_bound(req), ERR_LIMIT);
	case_request_free(req);
	snapshot_unref(snap);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reserve__bounds_a_call_from_above),
		cmocka_unit_test(test_reserve__counts_rows_where_there_are_no_tokens),
		cmocka_unit_test(test_reserve__wants_no_price_for_what_is_free),
		cmocka_unit_test(test_reserve__refuses_what_has_no_price_unless_told_otherwise),
		cmocka_unit_test(test_reserve__bounds_what_nobody_bounds),
		cmocka_unit_test(test_reserve__refuses_a_bound_beyond_every_sum),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
