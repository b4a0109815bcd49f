/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/ext_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "policy/ext.h"

static void test_ext_text__writes_what_its_constructor_reads(void **state)
{
	/* clang-format off */
	static const struct {
		enum value_kind kind;
		int64_t number;
		const char *want;
	} rows[] = {
		{VALUE_DECIMAL,  0,                "0.0"},
		{VALUE_DECIMAL,  15000,            "1.5"},
		{VALUE_DECIMAL,  -5,               "-0.0005"},
		{VALUE_DECIMAL,  INT64_MIN,        "-922337203685477.5808"},
		{VALUE_DECIMAL,  INT64_MAX,        "922337203685477.5807"},
		{VALUE_DATETIME, 0,                "1970-01-01"},
		{VALUE_DATETIME, -1,               "1969-12-31T23:59:59.999Z"},
		{VALUE_DATETIME, 1795424400000,    "2026-11-23T09:00:00Z"},
		{VALUE_DATETIME, -62167219200000,  "0000-01-01"},
		{VALUE_DATETIME, -62167219199999,  "0000-01-01T00:00:00.001Z"},
		{VALUE_DATETIME, 253402300799999,  "9999-12-31T23:59:59.999Z"},
		{VALUE_DURATION, 0,                "0s"},
		{VALUE_DURATION, 70200000,         "19h30m"},
		{VALUE_DURATION, -90061001,        "-1d1h1m1s1ms"},
		{VALUE_DURATION, INT64_MIN,        "-106751991167d7h12m55s808ms"},
		{VALUE_DURATION, INT64_MAX,        "106751991167d7h12m55s807ms"},
	};
	/* clang-format on */
	char text[EXT_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct value value = {.kind = rows[i].kind, .number = rows[i].number};
		int64_t back = 1;

		print_message("# %s\n", rows[i].want);
		assert_true(ext_text(value, text));
		assert_string_equal(text, rows[i].want);
		if (rows[i].kind == VALUE_DECIMAL)
			assert_true(ext_decimal_parse(str_from_c(text), &back));
		else if (rows[i].kind == VALUE_DATETIME)
			assert_true(ext_datetime_parse(str_from_c(text), &back));
		else
			assert_true(ext_duration_parse(str_from_c(text), &back));
		assert_int_equal(back, rows[i].number);
	}
}

static void test_ext_text__writes_addresses(void **state)
{
	static const char *const rows[][2] = {
		{"10.1.2.3", "10.1.2.3"},
		{"10.1.2.3/32", "10.1.2.3"},
		{"10.0.0.0/8", "10.0.0.0/8"},
		{"::1", "0:0:0:0:0:0:0:1"},
		{"FF00::/8", "ff00:0:0:0:0:0:0:0/8"},
		{"1111:2222:3333:4444:5555:6666:7777:8888/10",
		 "1111:2222:3333:4444:5555:6666:7777:8888/10"},
	};
	char text[EXT_TEXT_MAX];
	struct ip ip;
	struct ip back;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct value value = {.kind = VALUE_IP, .ip = &ip};

		assert_true(ext_ip_parse(str_from_c(rows[i][0]), &ip));
		assert_true(ext_text(value, text));
		assert_string_equal(text, rows[i][1]);
		assert_true(ext_ip_parse(str_from_c(text), &back));
		assert_memory_equal(&back, &ip, sizeof(ip));
	}
}

static void test_ext_text__leaves_what_no_text_gives(void **state)
{
	char text[EXT_TEXT_MAX];

	(void)state;
	assert_false(ext_text(value_datetime_ms(253402300800000), text));
	assert_false(ext_text(value_datetime_ms(-62167219200001), text));
	assert_false(ext_text(value_datetime_ms(INT64_MIN), text));
	assert_false(ext_text(value_long(1), text));
	assert_string_equal(text, "");
	assert_int_equal(ext_constructor(VALUE_DECIMAL), FN_DECIMAL);
	assert_int_equal(ext_constructor(VALUE_IP), FN_IP);
	assert_int_equal(ext_constructor(VALUE_DATETIME), FN_DATETIME);
	assert_int_equal(ext_constructor(VALUE_DURATION), FN_DURATION);
	for (unsigned kind = VALUE_NONE; kind <= VALUE_RECORD; kind++)
		assert_int_equal(ext_constructor((enum value_kind)kind), FN_COUNT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ext_text__writes_what_its_constructor_reads),
		cmocka_unit_test(test_ext_text__writes_addresses),
		cmocka_unit_test(test_ext_text__leaves_what_no_text_gives),
	};

	return cmocka_run_group_tests_name("ext_text", tests, NULL, NULL);
}
