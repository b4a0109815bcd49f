/* SPDX-License-Identifier: Apache-2.0 */
#include "metering/ledger/rounding.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "tape.h"

#define LINES 5

static void test_rounding__half_goes_to_even(void **state)
{
	static const struct {
		int value, want;
	} rows[] = {{0, 0},   {4, 0},  {5, 0},	{6, 10},   {14, 10},   {15, 20},
		    {25, 20}, {-4, 0}, {-5, 0}, {-6, -10}, {-15, -20}, {-25, -20}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		print_message("# %d\n", rows[i].value);
		assert_true(rounding_half_even(rows[i].value, 10) == rows[i].want);
	}
}

static void test_rounding__lines_add_up_to_the_total(void **state)
{
	static const struct {
		const char *name;
		int exact[LINES];
		int want[LINES];
	} rows[] = {
		{"three thirds", {33, 33, 34, 0, 0}, {30, 30, 40, 0, 0}},
		{"ties go to the first", {35, 35, 30, 0, 0}, {40, 30, 30, 0, 0}},
		{"whole amounts stay", {10, 20, 30, 40, 50}, {10, 20, 30, 40, 50}},
		{"small ones vanish", {4, 4, 4, 0, 0}, {10, 0, 0, 0, 0}},
		{"credits", {-33, -33, -34, 0, 0}, {-30, -30, -40, 0, 0}},
		{"both signs", {-4, 14, 1, 0, 0}, {-0, 10, 0, 0, 0}},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct rounding_line lines[LINES];

		print_message("# %s\n", rows[i].name);
		for (size_t k = 0; k < LINES; k++)
			lines[k] = (struct rounding_line){.exact = rows[i].exact[k]};
		rounding_lines(lines, LINES, 10);
		for (size_t k = 0; k < LINES; k++)
			assert_int_equal((int)lines[k].printed, rows[i].want[k]);
	}
	rounding_lines(NULL, 0, 10);
}

/* The law: the printed sum is the rounded sum, and no line is a unit or more away. */
static void test_rounding__holds_for_any_lines(void **state)
{
	uint64_t seed = 7;

	(void)state;
	for (unsigned round = 0; round < 500; round++) {
		struct rounding_line lines[40];
		size_t count = 1 + tape_random(&seed) % ARRAY_LEN(lines);
		__int128 unit = (__int128)(1 + tape_random(&seed) % 1000000);
		__int128 exact = 0, printed = 0;

		for (size_t i = 0; i < count; i++) {
			int64_t amount = (int64_t)(tape_random(&seed) >> 20);

			lines[i].exact = tape_random(&seed) % 4 == 0 ? -amount : amount;
			exact += lines[i].exact;
		}
		rounding_lines(lines, count, unit);
		for (size_t i = 0; i < count; i++) {
			__int128 off = lines[i].printed - lines[i].exact;

			assert_true(off < unit && -off < unit && lines[i].printed % unit == 0);
			printed += lines[i].printed;
		}
		assert_true(printed == rounding_half_even(exact, unit));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rounding__half_goes_to_even),
		cmocka_unit_test(test_rounding__lines_add_up_to_the_total),
		cmocka_unit_test(test_rounding__holds_for_any_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
