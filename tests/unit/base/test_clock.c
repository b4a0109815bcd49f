/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void test_clock__knows_dates(void **state)
{
	static const struct {
		int64_t wall_s;
		struct clock_civil civil;
	} rows[] = {
		{0, {1970, 1, 1, 0, 0, 0, 4}},
		{-1, {1969, 12, 31, 23, 59, 59, 3}},
		{951782400, {2000, 2, 29, 0, 0, 0, 2}},
		{1709208000, {2024, 2, 29, 12, 0, 0, 4}},
		{1795424400, {2026, 11, 23, 9, 0, 0, 1}},
		{4107542399, {2100, 2, 28, 23, 59, 59, 7}},
		{4107542400, {2100, 3, 1, 0, 0, 0, 1}},
		{-62167219200, {0, 1, 1, 0, 0, 0, 6}},
		{253402300799, {9999, 12, 31, 23, 59, 59, 5}},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct clock_civil civil = clock_civil_from_s(rows[i].wall_s);
		int64_t wall_s = 0;

		print_message("# row %zu\n", i);
		assert_memory_equal(&civil, &rows[i].civil, sizeof(civil));
		assert_true(clock_civil_to_s(&civil, &wall_s));
		assert_true(wall_s == rows[i].wall_s);
	}
}

/* The law: every day of four centuries follows its forerunner and comes back as it was. */
static void test_clock__counts_every_day(void **state)
{
	struct clock_civil before = clock_civil_from_s(-11676096000 - CLOCK_S_PER_DAY);

	(void)state;
	for (int64_t day = 0; day < 146097; day++) {
		int64_t wall_s = -11676096000 + day * CLOCK_S_PER_DAY, back = 0;
		struct clock_civil civil = clock_civil_from_s(wall_s);

		assert_true(clock_civil_to_s(&civil, &back) && back == wall_s);
		assert_int_equal(civil.weekday, before.weekday % 7 + 1);
		if (civil.day != before.day + 1) {
			assert_int_equal(civil.day, 1);
			assert_int_equal(civil.month, before.month % 12 + 1);
		}
		before = civil;
	}
}

static void test_clock__refuses_days_that_do_not_exist(void **state)
{
	static const struct clock_civil rows[] = {
		{2023, 2, 29, 0, 0, 0, 0}, {2100, 2, 29, 0, 0, 0, 0}, {2024, 4, 31, 0, 0, 0, 0},
		{2024, 0, 1, 0, 0, 0, 0},  {2024, 13, 1, 0, 0, 0, 0}, {2024, 1, 0, 0, 0, 0, 0},
		{2024, 1, 1, 24, 0, 0, 0}, {2024, 1, 1, 0, 60, 0, 0}, {2024, 1, 1, 0, 0, 60, 0},
		{10000, 1, 1, 0, 0, 0, 0}, {-1, 1, 1, 0, 0, 0, 0},
	};
	int64_t wall_s = 7;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		print_message("# row %zu\n", i);
		assert_false(clock_civil_to_s(&rows[i], &wall_s));
	}
	assert_int_equal(wall_s, 7);
}

static void test_clock__formats_with_the_digits_asked(void **state)
{
	char out[CLOCK_RFC3339_SIZE];
	int64_t wall_ns = 1795424400123456789;

	(void)state;
	assert_int_equal(clock_format(wall_ns, 9, out), 30);
	assert_string_equal(out, "2026-11-23T09:00:00.123456789Z");
	clock_format(wall_ns, 6, out);
	assert_string_equal(out, "2026-11-23T09:00:00.123456Z");
	clock_format(wall_ns, 3, out);
	assert_string_equal(out, "2026-11-23T09:00:00.123Z");
	assert_int_equal(clock_format(wall_ns, 0, out), 20);
	assert_string_equal(out, "2026-11-23T09:00:00Z");
	clock_format(-1, 9, out);
	assert_string_equal(out, "1969-12-31T23:59:59.999999999Z");
}

static void test_clock__reads_rfc_3339(void **state)
{
	static const struct {
		const char *text;
		enum err want;
		int64_t wall_ns;
	} rows[] = {
		{"2026-11-23T09:00:00Z", OK, 1795424400000000000},
		{"2026-11-23t09:00:00z", OK, 1795424400000000000},
		{"2026-11-23T10:30:00.5+01:30", OK, 1795424400500000000},
		{"2026-11-22T23:00:00.000000001-10:00", OK, 1795424400000000001},
		{"2026-11-23", OK, 1795392000000000000},
		{"1970-01-01T00:00:00Z", OK, 0},
		{"2262-04-11T23:47:16.854775807Z", OK, INT64_MAX},
		{"2262-04-11T23:47:16.854775808Z", ERR_MALFORMED, 7},
		{"9999-01-01", ERR_MALFORMED, 7},
		{"2026-11-23T09:00:00", ERR_MALFORMED, 7},
		{"2026-11-23 09:00:00Z", ERR_MALFORMED, 7},
		{"2026-11-23T09:00Z", ERR_MALFORMED, 7},
		{"2026-11-23T09:00:00.Z", ERR_MALFORMED, 7},
		{"2026-11-23T09:00:00.1234567890Z", ERR_MALFORMED, 7},
		{"2026-11-23T09:00:00Zx", ERR_MALFORMED, 7},
		{"2026-11-23T09:00:00+24:00", ERR_MALFORMED, 7},
		{"2026-11-23T09:00:00+0100", ERR_MALFORMED, 7},
		{"2026-02-30", ERR_MALFORMED, 7},
		{"2026-1-1", ERR_MALFORMED, 7},
		{"+026-01-01", ERR_MALFORMED, 7},
		{"", ERR_MALFORMED, 7},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int64_t wall_ns = 7;

		print_message("# %s\n", rows[i].text);
		assert_int_equal(clock_parse(str_from_c(rows[i].text), &wall_ns), rows[i].want);
		assert_true(wall_ns == rows[i].wall_ns);
	}
}

static void test_clock__reads_durations(void **state)
{
	static const struct {
		const char *text;
		enum err want;
		int64_t ms;
	} rows[] = {
		{"250ms", OK, 250},
		{"10s", OK, 10000},
		{"5m", OK, 300000},
		{"1h", OK, 3600000},
		{"7d", OK, 604800000},
		{"0s", OK, 0},
		{"10", ERR_MALFORMED, 7},
		{"s", ERR_MALFORMED, 7},
		{"", ERR_MALFORMED, 7},
		{"-1s", ERR_MALFORMED, 7},
		{"1.5s", ERR_MALFORMED, 7},
		{"1 s", ERR_MALFORMED, 7},
		{"1h30m", ERR_MALFORMED, 7},
		{"1w", ERR_MALFORMED, 7},
		{"9223372036854775807d", ERR_LIMIT, 7},
		{"9223372036854775808ms", ERR_LIMIT, 7},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int64_t ms = 7;

		print_message("# %s\n", rows[i].text);
		assert_int_equal(clock_parse_duration_ms(str_from_c(rows[i].text), &ms),
				 rows[i].want);
		assert_true(ms == rows[i].ms);
	}
}

static void test_clock__writes_the_date_field(void **state)
{
	char out[30];

	(void)state;
	clock_http_date(1795424400, out);
	assert_string_equal(out, "Mon, 23 Nov 2026 09:00:00 GMT");
	clock_http_date(784111777, out);
	assert_string_equal(out, "Sun, 06 Nov 1994 08:49:37 GMT");
}

static void test_clock__goes_on(void **state)
{
	int64_t before = clock_mono_ns();

	(void)state;
	assert_true(clock_mono_ns() >= before);
	assert_true(clock_wall_ns() > 1700000000 * CLOCK_NS_PER_S);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clock__knows_dates),
		cmocka_unit_test(test_clock__counts_every_day),
		cmocka_unit_test(test_clock__refuses_days_that_do_not_exist),
		cmocka_unit_test(test_clock__formats_with_the_digits_asked),
		cmocka_unit_test(test_clock__reads_rfc_3339),
		cmocka_unit_test(test_clock__reads_durations),
		cmocka_unit_test(test_clock__writes_the_date_field),
		cmocka_unit_test(test_clock__goes_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
