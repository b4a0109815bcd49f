/* SPDX-License-Identifier: Apache-2.0 */
#include "base/stat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void test_stat__counts(void **state)
{
	struct stat_counter counter = {0};

	(void)state;
	stat_add(&counter, 2);
	stat_add(&counter, 40);
	assert_int_equal(stat_read(&counter), 42);
}

/* A value stands in the first bucket whose bound it does not pass. */
static void test_stat__puts_values_in_their_bucket(void **state)
{
	static const struct {
		int64_t ns;
		unsigned bucket;
	} rows[] = {
		{-5, 0},   {0, 0},    {1, 0},	     {1000, 0},	    {1001, 1},	   {2000, 1},
		{2001, 2}, {4000, 2}, {1000000, 10}, {1024000, 10}, {1024001, 11}, {INT64_MAX, 39},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct stat_histogram histogram = {0};

		print_message("# %lld ns\n", (long long)rows[i].ns);
		stat_observe_ns(&histogram, rows[i].ns);
		assert_int_equal(stat_read(&histogram.buckets[rows[i].bucket]), 1);
		assert_int_equal(stat_read(&histogram.count), 1);
	}
	assert_int_equal(stat_bucket_us(0), 1);
	assert_int_equal(stat_bucket_us(10), 1024);
}

static void test_stat__sums_microseconds(void **state)
{
	struct stat_histogram histogram = {0};

	(void)state;
	stat_observe_ns(&histogram, 1500000);
	stat_observe_ns(&histogram, 500000);
	assert_int_equal(stat_read(&histogram.sum_us), 2000);
	assert_int_equal(stat_read(&histogram.count), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stat__counts),
		cmocka_unit_test(test_stat__puts_values_in_their_bucket),
		cmocka_unit_test(test_stat__sums_microseconds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
