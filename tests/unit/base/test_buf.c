/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void test_buf__appends_up_to_its_max_and_no_byte_more(void **state)
{
	struct buf buf;

	(void)state;
	buf_init(&buf, 10);
	assert_int_equal(buf_append(&buf, STR("12345")), OK);
	assert_int_equal(buf_append(&buf, STR("678901")), ERR_LIMIT);
	assert_true(str_eq(buf_str(&buf), STR("12345")));
	assert_int_equal(buf_printf(&buf, "%d", 678901), ERR_LIMIT);
	assert_int_equal(buf_printf(&buf, "%d", 67890), OK);
	assert_int_equal(buf_append_byte(&buf, 'x'), ERR_LIMIT);
	assert_int_equal(buf_append(&buf, (struct str){NULL, 0}), OK);
	assert_true(str_eq(buf_str(&buf), STR("1234567890")));
	buf_fini(&buf);
}

static void test_buf__grows_and_gives_back(void **state)
{
	struct buf buf;

	(void)state;
	buf_init(&buf, 1 << 20);
	assert_int_equal(buf_str(&buf).len, 0);
	for (unsigned i = 0; i < 50000; i++)
		assert_int_equal(buf_printf(&buf, "%05u ", i), OK);
	assert_int_equal(buf.len, 300000);
	assert_memory_equal(buf.ptr + 6 * 49999, "49999 ", 6);
	buf_reset(&buf);
	assert_true(buf.cap > 0 && buf.len == 0);
	buf_release(&buf);
	assert_null(buf.ptr);
	assert_int_equal(buf_append(&buf, STR("again")), OK);
	buf_fini(&buf);
}

static void test_buf__prints_numbers(void **state)
{
	struct buf buf;

	(void)state;
	buf_init(&buf, 100);
	assert_int_equal(buf_append_u64(&buf, 0), OK);
	assert_int_equal(buf_append_byte(&buf, ' '), OK);
	assert_int_equal(buf_append_u64(&buf, UINT64_MAX), OK);
	assert_int_equal(buf_append_byte(&buf, ' '), OK);
	assert_int_equal(buf_append_i64(&buf, INT64_MIN), OK);
	assert_true(str_eq(buf_str(&buf), STR("0 18446744073709551615 -9223372036854775808")));
	buf_fini(&buf);
	buf_init(&buf, 2);
	assert_int_equal(buf_append_i64(&buf, -12), ERR_LIMIT);
	assert_int_equal(buf.len, 0);
	buf_fini(&buf);
}

static void test_buf__writes_json_strings(void **state)
{
	static const struct {
		struct str text;
		const char *want;
	} rows[] = {
		{{"", 0}, "\"\""},
		{{NULL, 0}, "\"\""},
		{{"plain", 5}, "\"plain\""},
		{{"a\"b\\c/", 6}, "\"a\\\"b\\\\c/\""},
		{{"\b\t\n\v\f\r", 6}, "\"\\b\\t\\n\\u000b\\f\\r\""},
		{{"\0\x1f\x7f", 3}, "\"\\u0000\\u001f\\u007f\""},
		{{"\xC3\xA9\xF0\x9F\x98\x80", 6}, "\"\xC3\xA9\xF0\x9F\x98\x80\""},
		{{"\xE2\x80\xA8|\xE2\x80\xA9|\xE2\x80\xAA", 11},
		 "\"\\u2028|\\u2029|\xE2\x80\xAA\""},
		{{"\xFF"
		  "a\xC3",
		  3},
		 "\"\xEF\xBF\xBD"
		 "a\xEF\xBF\xBD\""},
		{{"\xED\xA0\x80", 3}, "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct buf buf;

		print_message("# row %zu\n", i);
		buf_init(&buf, 100);
		assert_int_equal(buf_append_json(&buf, rows[i].text), OK);
		assert_true(str_eq(buf_str(&buf), str_from_c(rows[i].want)));
		buf_fini(&buf);
	}
}

static void test_buf__writes_a_json_string_whole_or_not_at_all(void **state)
{
	struct str text = STR("ab\n\xC3\xA9\xFF");

	(void)state;
	for (size_t max = 0; max < 14; max++) {
		struct buf buf;
		enum err err;

		buf_init(&buf, max);
		err = buf_append_json(&buf, text);
		/* Two quotes, two letters, the escape, the letter and the replacement. */
		assert_int_equal(err, max < 11 ? ERR_LIMIT : OK);
		assert_int_equal(buf.len, max < 11 ? 0 : 11);
		buf_fini(&buf);
	}
}

static void test_buf__lets_others_write_into_it(void **state)
{
	struct buf buf;
	char *room;

	(void)state;
	buf_init(&buf, 600);
	assert_int_equal(buf_reserve(&buf, 600, &room), OK);
	memcpy(room, "hello", 5);
	buf_commit(&buf, 5);
	assert_int_equal(buf_reserve(&buf, 596, &room), ERR_LIMIT);
	assert_int_equal(buf_append(&buf, STR(" world")), OK);
	buf_consume(&buf, 6);
	assert_true(str_eq(buf_str(&buf), STR("world")));
	buf_consume(&buf, 5);
	assert_int_equal(buf.len, 0);
	buf_fini(&buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_buf__appends_up_to_its_max_and_no_byte_more),
		cmocka_unit_test(test_buf__grows_and_gives_back),
		cmocka_unit_test(test_buf__prints_numbers),
		cmocka_unit_test(test_buf__writes_json_strings),
		cmocka_unit_test(test_buf__writes_a_json_string_whole_or_not_at_all),
		cmocka_unit_test(test_buf__lets_others_write_into_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
