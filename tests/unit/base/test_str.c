/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void test_str__compares_with_and_without_case(void **state)
{
	(void)state;
	assert_true(str_eq(STR(""), (struct str){NULL, 0}));
	assert_true(str_eq(STR("a"), STR("a")));
	assert_false(str_eq(STR("a"), STR("A")));
	assert_false(str_eq(STR("a"), STR("ab")));
	assert_true(str_eq_nocase(STR("Content-LENGTH"), STR("content-length")));
	/* Only letters have a case: '@' and '`' differ by the same bit. */
	assert_false(str_eq_nocase(STR("@"), STR("`")));
	assert_false(str_eq_nocase(STR("a"), STR("ab")));
	assert_true(str_cmp(STR("a"), STR("b")) < 0);
	assert_true(str_cmp(STR("ab"), STR("a")) > 0);
	assert_true(str_cmp(STR("\xff"), STR("a")) > 0);
	assert_int_equal(str_cmp((struct str){NULL, 0}, STR("")), 0);
}

static void test_str__knows_beginnings_and_ends(void **state)
{
	(void)state;
	assert_true(str_has_prefix(STR("abc"), STR("")));
	assert_true(str_has_prefix(STR("abc"), STR("ab")));
	assert_false(str_has_prefix(STR("a"), STR("ab")));
	assert_true(str_has_suffix(STR("abc"), STR("bc")));
	assert_true(str_has_suffix((struct str){NULL, 0}, STR("")));
	assert_false(str_has_suffix(STR("c"), STR("bc")));
}

static void test_str__cuts_and_trims(void **state)
{
	struct str rest = STR("a,,b"), head;

	(void)state;
	assert_true(str_cut(&rest, ',', &head));
	assert_true(str_eq(head, STR("a")));
	assert_true(str_cut(&rest, ',', &head));
	assert_true(str_is_set(head) && head.len == 0);
	assert_false(str_cut(&rest, ',', &head));
	assert_true(str_eq(head, STR("b")));
	assert_false(str_is_set(rest));
	rest = STR("a,");
	assert_true(str_cut(&rest, ',', &head));
	assert_true(str_is_set(rest) && rest.len == 0);
	assert_true(str_eq(str_trim(STR(" \t a b\t ")), STR("a b")));
	assert_int_equal(str_trim(STR(" \t ")).len, 0);
	assert_true(str_eq(str_trim(STR("\na")), STR("\na")));
	assert_int_equal(str_index(STR("abc"), 'c'), 2);
	assert_int_equal(str_index(STR("abc"), 'x'), 3);
	assert_int_equal(str_index((struct str){NULL, 0}, 'x'), 0);
}

static void test_str__clamps_parts(void **state)
{
	(void)state;
	assert_true(str_eq(str_sub(STR("abcd"), 1, 2), STR("bc")));
	assert_true(str_eq(str_sub(STR("abcd"), 3, SIZE_MAX), STR("d")));
	assert_int_equal(str_sub(STR("abcd"), 9, 2).len, 0);
	assert_false(str_is_set(str_sub((struct str){NULL, 0}, 1, 1)));
}

static void test_str__reads_unsigned_numbers(void **state)
{
	static const struct {
		const char *text;
		enum err want;
		uint64_t value;
	} rows[] = {
		{"0", OK, 0},
		{"007", OK, 7},
		{"18446744073709551615", OK, UINT64_MAX},
		{"18446744073709551616", ERR_LIMIT, 0},
		{"99999999999999999999999", ERR_LIMIT, 0},
		{"99999999999999999999999x", ERR_MALFORMED, 0},
		{"", ERR_MALFORMED, 0},
		{"+1", ERR_MALFORMED, 0},
		{"-1", ERR_MALFORMED, 0},
		{" 1", ERR_MALFORMED, 0},
		{"1 ", ERR_MALFORMED, 0},
		{"0x1", ERR_MALFORMED, 0},
		{"1.0", ERR_MALFORMED, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint64_t value = 0;

		print_message("# %s\n", rows[i].text);
		assert_int_equal(str_to_u64(str_from_c(rows[i].text), &value), rows[i].want);
		assert_int_equal(value, rows[i].value);
	}
}

static void test_str__reads_signed_numbers(void **state)
{
	static const struct {
		const char *text;
		enum err want;
		int64_t value;
	} rows[] = {
		{"-0", OK, 0},
		{"9223372036854775807", OK, INT64_MAX},
		{"-9223372036854775808", OK, INT64_MIN},
		{"9223372036854775808", ERR_LIMIT, 5},
		{"-9223372036854775809", ERR_LIMIT, 5},
		{"-", ERR_MALFORMED, 5},
		{"--1", ERR_MALFORMED, 5},
		{"", ERR_MALFORMED, 5},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int64_t value = 5;

		print_message("# %s\n", rows[i].text);
		assert_int_equal(str_to_i64(str_from_c(rows[i].text), &value), rows[i].want);
		assert_true(value == rows[i].value);
	}
}

static void test_str__reads_hexadecimal(void **state)
{
	static const struct {
		const char *text;
		enum err want;
		uint64_t value;
	} rows[] = {
		{"0", OK, 0},
		{"fF", OK, 255},
		{"ffffffffffffffff", OK, UINT64_MAX},
		{"00000000000000001", ERR_LIMIT, 0},
		{"", ERR_MALFORMED, 0},
		{"0x1", ERR_MALFORMED, 0},
		{"g", ERR_MALFORMED, 0},
		{"1 ", ERR_MALFORMED, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint64_t value = 0;

		print_message("# %s\n", rows[i].text);
		assert_int_equal(str_to_hex64(str_from_c(rows[i].text), &value), rows[i].want);
		assert_int_equal(value, rows[i].value);
	}
}

static void test_str__reads_scaled_decimals_exactly(void **state)
{
	static const struct {
		const char *text;
		unsigned digits;
		enum err want;
		int64_t value;
	} rows[] = {
		{"2.50", 6, OK, 2500000},
		{"0", 6, OK, 0},
		{"-0.000001", 6, OK, -1},
		{"1.2500000000", 2, OK, 125},
		{"1.001", 2, ERR_MALFORMED, 5},
		{"7", 0, OK, 7},
		{"7.0", 0, OK, 7},
		{"7.1", 0, ERR_MALFORMED, 5},
		{"9223372036854.775807", 6, OK, INT64_MAX},
		{"9223372036854.775808", 6, ERR_LIMIT, 5},
		{"-9223372036854.775808", 6, OK, INT64_MIN},
		{"10000000000000000", 6, ERR_LIMIT, 5},
		{"1.", 6, ERR_MALFORMED, 5},
		{".5", 6, ERR_MALFORMED, 5},
		{"", 6, ERR_MALFORMED, 5},
		{"1e3", 6, ERR_MALFORMED, 5},
		{"1,5", 6, ERR_MALFORMED, 5},
		{"1.2.3", 6, ERR_MALFORMED, 5},
		{"+1", 6, ERR_MALFORMED, 5},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int64_t value = 5;

		print_message("# %s\n", rows[i].text);
		assert_int_equal(str_to_scaled(str_from_c(rows[i].text), rows[i].digits, &value),
				 rows[i].want);
		assert_true(value == rows[i].value);
	}
}

static void test_str__knows_utf8(void **state)
{
	static const struct {
		const char *text;
		bool want;
	} rows[] = {
		{"", true},
		{"plain ascii, longer than a word", true},
		{"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80", true},
		{"\xEF\xBF\xBF", true},
		{"\xF4\x8F\xBF\xBF", true},
		{"\xED\x9F\xBF\xEE\x80\x80", true},
		{"\xC0\x80", false},	     /* overlong */
		{"\xC1\xBF", false},	     /* overlong */
		{"\xE0\x9F\xBF", false},     /* overlong */
		{"\xF0\x8F\xBF\xBF", false}, /* overlong */
		{"\xED\xA0\x80", false},     /* surrogate */
		{"\xF4\x90\x80\x80", false}, /* above U+10FFFF */
		{"\xF5\x80\x80\x80", false},
		{"\x80", false},
		{"abcdefgh\xC3", false},
		{"\xE2\x82", false},
		{"\xE2\x28\xA1", false},
		{"\xFF", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		print_message("# row %zu\n", i);
		assert_int_equal(str_is_utf8(str_from_c(rows[i].text)), rows[i].want);
	}
}

static void test_str__measures_the_distance_of_words(void **state)
{
	(void)state;
	assert_int_equal(str_distance(STR("listeners"), STR("listeners")), 0);
	assert_int_equal(str_distance(STR("listener"), STR("listeners")), 1);
	assert_int_equal(str_distance(STR("kitten"), STR("sitting")), 3);
	assert_int_equal(str_distance(STR(""), STR("abc")), 3);
	assert_int_equal(str_distance(STR("123456789012345678901234567890123"), STR("a")), 99);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_str__compares_with_and_without_case),
		cmocka_unit_test(test_str__knows_beginnings_and_ends),
		cmocka_unit_test(test_str__cuts_and_trims),
		cmocka_unit_test(test_str__clamps_parts),
		cmocka_unit_test(test_str__reads_unsigned_numbers),
		cmocka_unit_test(test_str__reads_signed_numbers),
		cmocka_unit_test(test_str__reads_hexadecimal),
		cmocka_unit_test(test_str__reads_scaled_decimals_exactly),
		cmocka_unit_test(test_str__knows_utf8),
		cmocka_unit_test(test_str__measures_the_distance_of_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
