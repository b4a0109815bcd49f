/* SPDX-License-Identifier: Apache-2.0 */
#include "metering/ledger/decimal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void test_decimal__prints_pico_exactly(void **state)
{
	static const struct {
		int64_t pico;
		const char *want;
	} rows[] = {
		{0, "0"},
		{1, "0.000000000001"},
		{-1, "-0.000000000001"},
		{1063761250000, "1.06376125"},
		{1000000000000, "1"},
		{-2500000000000, "-2.5"},
		{INT64_MAX, "9223372.036854775807"},
	};
	char out[DECIMAL_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(decimal_pico(rows[i].pico, out), strlen(rows[i].want));
		assert_string_equal(out, rows[i].want);
	}
}

static void test_decimal__rounds_half_to_even_once(void **state)
{
	static const struct {
		int64_t pico;
		unsigned digits;
		const char *want;
	} rows[] = {
		{500000, 6, "0.000000"},       {1500000, 6, "0.000002"},   {2500000, 6, "0.000002"},
		{2500001, 6, "0.000003"},      {-1500000, 6, "-0.000002"}, {-500000, 6, "0.000000"},
		{999999500000, 6, "1.000000"}, {1500000000000, 0, "2"},	   {2500000000000, 0, "2"},
		{1, 12, "0.000000000001"},     {0, 6, "0.000000"},
	};
	char out[DECIMAL_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		decimal_pico_rounded(rows[i].pico, rows[i].digits, out);
		assert_string_equal(out, rows[i].want);
	}
}

static void test_decimal__integers_come_back(void **state)
{
	static const char *const good[] = {"0", "-1", "9223372036854775808",
					   "170141183460469231731687303715884105727",
					   "-170141183460469231731687303715884105728"};
	static const char *const bad[] = {"", "-", "+1", "1 ", "0x1", "1.0"};
	char out[DECIMAL_SIZE];
	__int128 value;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		assert_int_equal(decimal_parse_int(str_from_c(good[i]), &value), OK);
		decimal_int(value, out);
		assert_string_equal(out, good[i]);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(decimal_parse_int(str_from_c(bad[i]), &value), ERR_MALFORMED);
	assert_int_equal(decimal_parse_int(STR("170141183460469231731687303715884105728"), &value),
			 ERR_LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decimal__prints_pico_exactly),
		cmocka_unit_test(test_decimal__rounds_half_to_even_once),
		cmocka_unit_test(test_decimal__integers_come_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
