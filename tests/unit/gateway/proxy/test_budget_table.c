/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/proxy/budget_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define NOW_S 1795424400 /* 2026-11-23T09:00:00Z */

#define SCOPE(...)                                                                                 \
	.scope = {__VA_ARGS__}, .window_text = STR("day"), .window = {.kind = WINDOW_DAY},         \
	.limit = 100, .is_hard = true

static const struct budget_options budgets[] = {
	{.name = STR("ana"), SCOPE([BUDGET_PRINCIPAL] = STR("User::ana"))},
	{.name = STR("service ana"), SCOPE([BUDGET_PRINCIPAL] = STR("Service::ana"))},
	{.name = STR("all"), SCOPE([BUDGET_BU] = {0})},
	{.name = STR("risk"), SCOPE([BUDGET_BU] = STR("risk"))},
	{.name = STR("risk gpt"), SCOPE([BUDGET_BU] = STR("risk"), [BUDGET_MODEL] = STR("gpt"))},
	{.name = STR("fraud"), SCOPE([BUDGET_BU] = STR("risk"), [BUDGET_TEAM] = STR("fraud"))},
	{.name = STR("fraud of it"), SCOPE([BUDGET_BU] = STR("it"), [BUDGET_TEAM] = STR("fraud"))},
	{.name = STR("p1"), SCOPE([BUDGET_PROJECT] = STR("p1"))},
	{.name = STR("gpt"), SCOPE([BUDGET_MODEL] = STR("gpt"))},
	{.name = STR("dear"), SCOPE([BUDGET_GROUP] = STR("dear"))},
	{.name = STR("dear ana"),
	 SCOPE([BUDGET_GROUP] = STR("dear"), [BUDGET_PRINCIPAL] = STR("User::ana"))},
	{.name = STR("slow"), SCOPE([BUDGET_GROUP] = STR("slow"))},
	{.name = STR("all, in tokens"), .unit = BUDGET_TOKENS, SCOPE([BUDGET_BU] = {0})},
};

static struct budget_table *make(const struct budget_options *options, size_t count,
				 const struct budget_table *before)
{
	struct budget_table *table = NULL;
	struct diag diag = {0};

	assert_int_equal(budget_table_new(options, count, before, NOW_S, &diag, &table), OK);
	return table;
}

static const struct str groups[] = {STR("slow"), STR("dear")};

static const struct {
	const char *name;
	struct budget_subject subject;
	const char *want;
} walks[] = {
	{"widest first",
	 {.kind = STR("User"),
	  .principal = STR("ana"),
	  .bu = STR("risk"),
	  .team = STR("fraud"),
	  .project = STR("p1"),
	  .model = STR("gpt"),
	  .groups = groups,
	  .group_count = 2},
	 "all; all, in tokens; slow; dear; gpt; risk; risk gpt; fraud; p1; ana; dear ana; "},
	{"another kind of the same name",
	 {.kind = STR("Service"), .principal = STR("ana"), .bu = STR("it"), .team = STR("fraud")},
	 "all; all, in tokens; fraud of it; service ana; "},
	{"what is not known is nobody's",
	 {.kind = STR("User"),
	  .principal = STR("bob"),
	  .bu = STR(""),
	  .team = STR(""),
	  .project = STR(""),
	  .model = STR("other")},
	 "all; all, in tokens; "},
	{"a team of that name elsewhere",
	 {.kind = STR("User"), .principal = STR("bob"), .bu = STR("retail"), .team = STR("fraud")},
	 "all; all, in tokens; "},
};

static void test_budget_table__finds_what_a_call_touches(void **state)
{
	struct budget_table *table = make(budgets, ARRAY_LEN(budgets), NULL);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(walks); i++) {
		struct budget_walk walk = {.table = table, .subject = &walks[i].subject};
		const struct budget_entry *entry;
		char found[300] = "";
		size_t len = 0;

		print_message("# %s\n", walks[i].name);
		while ((entry = budget_walk_next(&walk)) != NULL)
			len += (size_t)snprintf(found + len, sizeof(found) - len, STR_FMT "; ",
						STR_ARG(entry->options.name));
		assert_string_equal(found, walks[i].want);
	}
	budget_table_free(table);
}

static void test_budget_table__without_budgets_touches_nothing(void **state)
{
	struct budget_table *table = make(NULL, 0, NULL);
	struct budget_walk walk = {.table = table, .subject = &walks[0].subject};

	(void)state;
	assert_null(budget_walk_next(&walk));
	budget_table_free(table);
}

static void test_budget_table__takes_accounts_over_that_count_the_same(void **state)
{
	struct budget_options changed[ARRAY_LEN(budgets)];
	struct budget_table *first = make(budgets, ARRAY_LEN(budgets), NULL), *next;
	struct budget_hold hold;

	(void)state;
	budget_table_enforce(first);
	assert_int_equal(budget_reserve(budget_at(first, 3)->account->budget, 60, NOW_S, &hold),
			 OK);
	memcpy(changed, budgets, sizeof(budgets));
	changed[3].limit = 70;				 /* the same, but smaller */
	changed[2].window_text = STR("hour");		 /* counts something else */
	changed[5].scope[BUDGET_TEAM] = STR("payments"); /* so does this */
	next = make(changed, ARRAY_LEN(changed), first);
	budget_table_free(first); /* the next holds its own references */
	budget_table_enforce(next);
	budget_settle(budget_at(next, 3)->account->budget, &hold, 50);
	assert_int_equal(budget_entry_remaining(budget_at(next, 3)), 20);
	assert_int_equal(budget_reserve(budget_at(next, 3)->account->budget, 21, NOW_S, &hold),
			 ERR_QUOTA);
	assert_int_equal(budget_entry_remaining(budget_at(next, 2)), 100);
	budget_table_free(next);
}

static void test_budget_table__keeps_an_account_for_the_same_thing_only(void **state)
{
	struct budget_table *first = make(budgets, ARRAY_LEN(budgets), NULL);
	static const size_t kept = 3;

	(void)state;
	for (unsigned change = 0; change < 6; change++) {
		struct budget_options own = budgets[kept];
		struct budget_table *next;
		bool is_same;

		switch (change) {
		case 0: own.limit = 1; break;
		case 1: own.is_hard = false; break;
		case 2: own.name = STR("other"); break;
		case 3: own.unit = BUDGET_REQUESTS; break;
		case 4: own.zone = STR("Europe/Berlin"); break;
		default: own.currency = STR("EUR"); break;
		}
		next = make(&own, 1, first);
		is_same = budget_at(next, 0)->account == budget_at(first, kept)->account;
		assert_int_equal(is_same, change < 2);
		budget_table_free(next);
	}
	budget_table_free(first);
}

static void test_budget_table__a_soft_limit_counts_beyond_itself(void **state)
{
	struct budget_options soft = budgets[0];
	struct budget_table *table;
	struct budget_hold hold;

	(void)state;
	soft.is_hard = false;
	table = make(&soft, 1, NULL);
	budget_table_enforce(table);
	assert_int_equal(budget_reserve(budget_at(table, 0)->account->budget, 150, NOW_S, &hold),
			 OK);
	assert_int_equal(budget_entry_remaining(budget_at(table, 0)), -50);
	budget_settle(budget_at(table, 0)->account->budget, &hold, 150);
	budget_table_turn(table, NOW_S + 86400);
	assert_int_equal(budget_entry_remaining(budget_at(table, 0)), 100);
	budget_table_free(table);
}

static void test_budget_table__knows_a_minute_at_once_and_a_day_from_the_ledger(void **state)
{
	struct budget_options pair[] = {budgets[0], budgets[1]};
	struct budget_table *table;

	(void)state;
	pair[0].window.kind = WINDOW_MINUTE;
	table = make(pair, 2, NULL);
	assert_true(budget_entry_is_known(budget_at(table, 0)));
	assert_false(budget_entry_is_known(budget_at(table, 1)));
	budget_table_free(table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_budget_table__finds_what_a_call_touches),
		cmocka_unit_test(test_budget_table__without_budgets_touches_nothing),
		cmocka_unit_test(test_budget_table__takes_accounts_over_that_count_the_same),
		cmocka_unit_test(test_budget_table__keeps_an_account_for_the_same_thing_only),
		cmocka_unit_test(test_budget_table__a_soft_limit_counts_beyond_itself),
		cmocka_unit_test(
			test_budget_table__knows_a_minute_at_once_and_a_day_from_the_ledger),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
