/* SPDX-License-Identifier: Apache-2.0 */
#include "metering/ledger/decimal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

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
		cmocka_unit_test(test_decimal__integers_come_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
