/* SPDX-License-Identifier: Apache-2.0 */
/* Scripts of characters. The rows were judged alike by the official build. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "policy/script.h"

static void test_script__reads_characters(void **state)
{
	struct str text = STR("a\xc3\xa4\xe2\x82\xac\xf0\x9f\x8d\x8c");

	(void)state;
	assert_int_equal(script_next(&text), 'a');
	assert_int_equal(script_next(&text), 0xe4);
	assert_int_equal(script_next(&text), 0x20ac);
	assert_int_equal(script_next(&text), 0x1f34c);
	assert_int_equal(text.len, 0);
}

static void test_script__tells_mixed_texts(void **state)
{
	static const struct {
		const char *text;
		uint32_t odd; /* 0: of one script */
	} rows[] = {
		{"", 0},
		{"plain text, 123 \xe2\x82\xac", 0},
		{"Stra\xc3\x9f"
		 "e \xc3\xa0 \xc5\x81\xc3\xb3"
		 "d\xc5\xba",
		 0},							   /* Straße à Łódź */
		{"\xd0\xbf\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82 1", 0}, /* Russian */
		{"\xce\xb1\xce\xb2\xce\xb3", 0},			   /* Greek */
		{"\xe6\x9d\xb1\xe4\xba\xac\xe3\x82\xbf\xe3\x83\xaf\xe3\x83\xbc", 0}, /* Japanese */
		{"\xe6\x9d\xb1\xe3\x81\xae", 0},
		{"\xed\x95\x9c\xea\xb5\xad\xe6\xbc\xa2", 0}, /* Korean with Chinese characters */
		{"\xe0\xa4\xb9\xe0\xa4\xbf\xe0\xa5\xa4", 0}, /* Hindi with a danda */
		{"say_\xd2\xbb"
		 "ello",
		 0x4bb},
		{"p\xd0\xb0ypal", 0x430},
		{"\xd0\xb0"
		 "b",
		 'b'},
		{"\xed\x95\x9c\xe3\x81\x82", 0x3042}, /* Korean and Japanese */
		{"a\xcd\xb8", 0x378},		      /* of no script: unassigned */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct script_mix mix;
		uint32_t odd = 0;
		bool is_single;

		script_mix_init(&mix);
		is_single = script_mix_add(&mix, str_from_c(rows[i].text), &odd);
		if (odd != rows[i].odd)
			fail_msg("row %zu: U+%04X", i, (unsigned)odd);
		assert_int_equal(is_single, rows[i].odd == 0);
	}
}

static void test_script__tells_odd_characters(void **state)
{
	static const uint32_t odd[] = {0,      '\n',   0x7f,   0x80,	0xa0,
				       0xad,   0x200b, 0x200c, 0x200d,	0x2028,
				       0xfeff, 0xe000, 0x378,  0x1f34c, 0x10ffff};
	static const uint32_t fine[] = {' ',   'a',   '~',   '{',    0xe4,
					0x3b1, 0x430, 0x4bb, 0x3042, 0x6771};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(odd); i++)
		assert_true(script_is_odd(odd[i]));
	for (size_t i = 0; i < ARRAY_LEN(fine); i++)
		assert_false(script_is_odd(fine[i]));
}

static void test_script__tells_what_turns_the_direction(void **state)
{
	static const uint32_t turns[] = {0x202a, 0x202b, 0x202c, 0x202d, 0x202e,
					 0x2066, 0x2067, 0x2068, 0x2069};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(turns); i++)
		assert_true(script_is_direction(turns[i]));
	assert_false(script_is_direction(0x2029));
	assert_false(script_is_direction(0x202f));
	assert_false(script_is_direction(0x206a));
}

static void test_script__covers_all_characters_in_order(void **state)
{
	(void)state;
	assert_int_equal(script_ranges[0] >> 9, 0);
	for (size_t i = 1; i < script_range_count; i++)
		assert_true(script_ranges[i - 1] >> 9 < script_ranges[i] >> 9);
	assert_true(script_ranges[script_range_count - 1] >> 9 <= 0x10ffff);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_script__reads_characters),
		cmocka_unit_test(test_script__tells_mixed_texts),
		cmocka_unit_test(test_script__tells_odd_characters),
		cmocka_unit_test(test_script__tells_what_turns_the_direction),
		cmocka_unit_test(test_script__covers_all_characters_in_order),
	};

	return cmocka_run_group_tests_name("script", tests, NULL, NULL);
}
