/* SPDX-License-Identifier: Apache-2.0 */
#include "metering/money/budget.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>

#include <cmocka.h>

#define HOUR_S 3600
#define DAY_S  86400

static struct budget *make(const char *window_text, int64_t wall_s, int64_t granted)
{
	struct window window;
	struct budget *budget;

	assert_int_equal(window_parse(str_from_c(window_text), NULL, &window), OK);
	budget = budget_new(&window, wall_s);
	budget_grant(budget, granted);
	return budget;
}

static void assert_standing(const struct budget *budget, int64_t spent, int64_t held)
{
	struct budget_standing standing;

	budget_read(budget, &standing);
	assert_int_equal(standing.spent, spent);
	assert_int_equal(standing.held, held);
	assert_int_equal(budget_remaining(budget), standing.granted - spent - held);
}

static void test_budget__reserves_up_to_the_limit_and_not_one_more(void **state)
{
	struct budget *budget = make("day", 0, 100);
	struct budget_hold a, b, none;

	(void)state;
	assert_int_equal(budget_reserve(budget, 60, 0, &a), OK);
	assert_int_equal(budget_reserve(budget, 41, 0, &none), ERR_QUOTA);
	assert_int_equal(budget_reserve(budget, 40, 0, &b), OK);
	assert_int_equal(budget_reserve(budget, 1, 0, &none), ERR_QUOTA);
	assert_int_equal(budget_reserve(budget, 0, 0, &none), OK);
	assert_standing(budget, 0, 100);
	budget_settle(budget, &a, 10);
	assert_standing(budget, 10, 40);
	assert_int_equal(budget_reserve(budget, 50, 0, &a), OK);
	budget_settle(budget, &a, 0);
	budget_settle(budget, &b, 45); /* an overrun counts */
	assert_standing(budget, 55, 0);
	budget_free(budget);
}

static void test_budget__a_lower_grant_refuses_until_it_fits(void **state)
{
	struct budget *budget = make("day", 0, 100);
	struct budget_hold hold;

	(void)state;
	assert_int_equal(budget_reserve(budget, 80, 0, &hold), OK);
	budget_grant(budget, 50);
	assert_int_equal(budget_remaining(budget), -30);
	assert_int_equal(budget_reserve(budget, 0, 0, &hold), ERR_QUOTA);
	budget_free(budget);
}

static void test_budget__a_new_period_begins_at_nothing(void **state)
{
	struct budget *budget = make("day", 0, 100);
	struct budget_hold old, fresh, older;

	(void)state;
	assert_int_equal(budget_reserve(budget, 90, 10, &old), OK);
	assert_false(budget_turn(budget, DAY_S - 1));
	assert_true(budget_turn(budget, DAY_S));
	assert_false(budget_turn(budget, DAY_S + 1));
	assert_false(budget_turn(budget, 5)); /* the clock stepped back */
	assert_standing(budget, 0, 0);
	assert_int_equal(budget_reserve(budget, 70, DAY_S, &fresh), OK);
	budget_settle(budget, &old, 80); /* in its own period */
	assert_standing(budget, 0, 70);
	assert_true(budget_turn(budget, 2 * DAY_S));
	assert_true(budget_turn(budget, 3 * DAY_S));
	older = old;
	budget_settle(budget, &fresh, 70); /* two periods later: dropped */
	budget_settle(budget, &older, 80);
	assert_standing(budget, 0, 0);
	budget_free(budget);
}

static void test_budget__a_rolling_window_loses_its_hours_one_by_one(void **state)
{
	struct budget *budget = make("rolling 3h", 10 * HOUR_S, 100);
	struct budget_hold hold, late;

	(void)state;
	assert_int_equal(budget_reserve(budget, 50, 10 * HOUR_S, &hold), OK);
	budget_settle(budget, &hold, 30);
	assert_int_equal(budget_reserve(budget, 5, 10 * HOUR_S, &late), OK);
	assert_true(budget_turn(budget, 11 * HOUR_S));
	assert_int_equal(budget_reserve(budget, 40, 11 * HOUR_S, &hold), OK);
	budget_settle(budget, &hold, 40);
	assert_standing(budget, 70, 5);
	assert_true(budget_turn(budget, 12 * HOUR_S));
	assert_standing(budget, 70, 5);
	assert_true(budget_turn(budget, 13 * HOUR_S)); /* hour 10 is gone */
	assert_standing(budget, 40, 5);
	budget_settle(budget, &late, 5); /* begun in hour 10 */
	assert_standing(budget, 40, 0);
	assert_true(budget_turn(budget, 50 * HOUR_S));
	assert_standing(budget, 0, 0);
	budget_free(budget);
}

static void test_budget__takes_up_what_the_ledger_knows(void **state)
{
	struct budget *day = make("day", DAY_S + 60, 100);
	struct budget *rolling = make("rolling 2h", 10 * HOUR_S, 100);

	(void)state;
	budget_seed(day, DAY_S - 1, 7); /* yesterday's */
	budget_seed(day, DAY_S, 30);
	assert_standing(day, 30, 0);
	budget_seed(rolling, 8 * HOUR_S, 7);
	budget_seed(rolling, 9 * HOUR_S, 20);
	budget_seed(rolling, 10 * HOUR_S, 3);
	assert_standing(rolling, 23, 0);
	assert_true(budget_turn(rolling, 11 * HOUR_S));
	assert_standing(rolling, 3, 0);
	budget_free(day);
	budget_free(rolling);
}

struct race {
	struct budget *budget;
	_Atomic int64_t admitted;
	_Atomic bool is_over;
};

static void *reserve_many(void *arg)
{
	struct race *race = arg;
	struct budget_hold hold;

	for (unsigned i = 0; i < 20000; i++)
		if (budget_reserve(race->budget, 7, 0, &hold) == OK) {
			budget_settle(race->budget, &hold, i % 2 == 0 ? 7 : 0);
			atomic_fetch_add(&race->admitted, i % 2 == 0 ? 7 : 0);
		}
	return NULL;
}

static void test_budget__threads_together_spend_the_limit_at_most(void **state)
{
	struct race race = {.budget = make("day", 0, 10000)};
	pthread_t threads[4];
	struct budget_standing standing;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, reserve_many, &race), 0);
	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		pthread_join(threads[i], NULL);
	budget_read(race.budget, &standing);
	assert_int_equal(standing.spent, race.admitted);
	assert_int_equal(standing.held, 0);
	assert_true(standing.spent <= 10000 && standing.spent > 10000 - 7);
	budget_free(race.budget);
}

static void *reserve_until_over(void *arg)
{
	struct race *race = arg;
	struct budget_hold hold;

	while (!atomic_load(&race->is_over))
		if (budget_reserve(race->budget, 5, 0, &hold) == OK)
			budget_settle(race->budget, &hold, 1);
	return NULL;
}

/* Holds of whichever period end in it: nothing is left over, nothing goes below zero. */
static void test_budget__periods_change_under_running_calls(void **state)
{
	struct race race = {.budget = make("minute", 0, 1000)};
	pthread_t threads[3];
	struct budget_standing standing;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, reserve_until_over, &race), 0);
	for (int64_t minute = 1; minute < 20000; minute++) {
		assert_true(budget_turn(race.budget, minute * 60));
		budget_read(race.budget, &standing);
		assert_true(standing.spent >= 0 && budget_remaining(race.budget) <= 1000);
	}
	atomic_store(&race.is_over, true);
	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		pthread_join(threads[i], NULL);
	assert_true(budget_turn(race.budget, 30000 * 60));
	assert_true(budget_turn(race.budget, 30001 * 60));
	assert_standing(race.budget, 0, 0);
	budget_free(race.budget);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_budget__reserves_up_to_the_limit_and_not_one_more),
		cmocka_unit_test(test_budget__a_lower_grant_refuses_until_it_fits),
		cmocka_unit_test(test_budget__a_new_period_begins_at_nothing),
		cmocka_unit_test(test_budget__a_rolling_window_loses_its_hours_one_by_one),
		cmocka_unit_test(test_budget__takes_up_what_the_ledger_knows),
		cmocka_unit_test(test_budget__threads_together_spend_the_limit_at_most),
		cmocka_unit_test(test_budget__periods_change_under_running_calls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
