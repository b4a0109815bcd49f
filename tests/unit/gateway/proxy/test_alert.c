/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/proxy/alert.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define NOW_S 1795424400 /* 2026-11-23T09:00:00Z */
#define DAY_S 86400
#define NANO  1000000000LL

static const struct budget_options example = {
	.name = STR("risk \"day\""),
	.window_text = STR("day"),
	.window = {.kind = WINDOW_DAY},
	.currency = STR("USD"),
	.limit = 10 * NANO,
	.is_hard = true,
	.alerts = {50, 80, 100},
	.alert_count = 3,
};

static struct budget_table *make(const struct budget_options *options,
				 const struct budget_table *before)
{
	struct budget_table *table = NULL;
	struct diag diag = {0};

	assert_int_equal(budget_table_new(options, 1, before, NOW_S, &diag, &table), OK);
	budget_table_enforce(table);
	return table;
}

static void spend(const struct budget_table *table, int64_t amount)
{
	struct budget *budget = budget_at(table, 0)->account->budget;
	struct budget_hold hold;

	assert_int_equal(budget_reserve(budget, 0, NOW_S, &hold), OK);
	budget_settle(budget, &hold, amount);
}

/* All that is to be told now, as one number: 5080 is 50, then 80. */
static uint64_t told(const struct budget_table *table)
{
	struct alert alert;
	uint64_t all = 0;

	while (alert_next(budget_at(table, 0), &alert))
		all = all * 1000 + alert.percent;
	return all;
}

static void test_alert__tells_each_threshold_once_a_period(void **state)
{
	struct budget_table *table = make(&example, NULL);

	(void)state;
	assert_int_equal(told(table), 0);
	spend(table, 5 * NANO - 1);
	assert_int_equal(told(table), 0);
	spend(table, 1);
	assert_int_equal(told(table), 50);
	assert_int_equal(told(table), 0);
	spend(table, 4 * NANO);
	assert_int_equal(told(table), 80);
	spend(table, NANO);
	assert_int_equal(told(table), 100);
	assert_int_equal(told(table), 0);
	budget_table_turn(table, NOW_S + DAY_S);
	assert_int_equal(told(table), 0);
	spend(table, 8 * NANO);
	assert_int_equal(told(table), 50080);
	budget_table_free(table);
}

static void test_alert__a_raised_limit_arms_what_is_not_reached_any_more(void **state)
{
	struct budget_options raised = example;
	struct budget_table *table = make(&example, NULL), *next;

	(void)state;
	spend(table, 9 * NANO);
	assert_int_equal(told(table), 50080);
	raised.limit = 15 * NANO;
	next = make(&raised, table);
	budget_table_free(table);
	assert_int_equal(told(next), 0); /* 60 percent: 50 was told */
	spend(next, 3 * NANO);
	assert_int_equal(told(next), 80);
	budget_table_free(next);
}

static void test_alert__a_budget_that_refused_is_full(void **state)
{
	struct budget_table *table = make(&example, NULL);

	(void)state;
	spend(table, 9 * NANO);
	assert_int_equal(told(table), 50080);
	atomic_store(&budget_at(table, 0)->account->is_short, true);
	assert_int_equal(told(table), 100);
	atomic_store(&budget_at(table, 0)->account->is_short, true);
	assert_int_equal(told(table), 0);
	budget_table_turn(table, NOW_S + DAY_S);
	assert_int_equal(told(table), 0);
	budget_table_free(table);
}

static void test_alert__is_a_document_with_a_lasting_id(void **state)
{
	struct budget_table *table = make(&example, NULL);
	char id[ALERT_ID_SIZE], again[ALERT_ID_SIZE], other[ALERT_ID_SIZE];
	struct alert alert;
	struct buf text;

	(void)state;
	spend(table, 5 * NANO + 1);
	assert_true(alert_next(budget_at(table, 0), &alert));
	buf_init(&text, ALERT_TEXT_MAX);
	assert_int_equal(alert_text(&alert, STR("gw-1"), NOW_S * NANO, &text), OK);
	assert_int_equal(buf_append_byte(&text, '\0'), OK);
	assert_string_equal(
		buf_str(&text).ptr,
		"{\"type\":\"budget.threshold\",\"timestamp\":\"2026-11-23T09:00:00Z\",\"data\":{"
		"\"gateway\":\"gw-1\",\"budget\":\"risk \\\"day\\\"\",\"unit\":\"money\",\"mode\":"
		"\"hard\",\"percent\":50,\"currency\":\"USD\",\"limit\":\"10.00\",\"spent\":"
		"\"5.000000001\",\"held\":\"0.00\",\"period\":{\"label\":\"2026-11-23\",\"from\":"
		"\"2026-11-23T00:00:00Z\",\"to\":\"2026-11-24T00:00:00Z\"}}}");
	buf_fini(&text);
	alert_id(&alert, STR("gw-1"), id);
	alert_id(&alert, STR("gw-1"), again);
	alert_id(&alert, STR("gw-2"), other);
	assert_string_equal(id, again);
	assert_string_not_equal(id, other);
	alert.percent = 80;
	alert_id(&alert, STR("gw-1"), other);
	assert_string_not_equal(id, other);
	budget_table_free(table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_alert__tells_each_threshold_once_a_period),
		cmocka_unit_test(test_alert__a_raised_limit_arms_what_is_not_reached_any_more),
		cmocka_unit_test(test_alert__a_budget_that_refused_is_full),
		cmocka_unit_test(test_alert__is_a_document_with_a_lasting_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
