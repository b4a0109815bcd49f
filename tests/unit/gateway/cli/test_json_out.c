/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/cli/json_out.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* What print wrote; the stream is a file in memory. */
static enum err print(struct json_out *out, char *text, size_t cap)
{
	FILE *file = fmemopen(text, cap, "w");
	enum err err;

	assert_non_null(file);
	err = json_out_print(out, file);
	assert_int_equal(fclose(file), 0);
	return err;
}

static void fill(struct json_out *out)
{
	json_out_open(out, NULL, '{');
	json_out_str(out, "text", STR("a\"b\n"));
	json_out_str(out, "unset", (struct str){NULL, 0});
	json_out_open(out, "list", '[');
	json_out_number(out, NULL, UINT64_MAX);
	json_out_open(out, NULL, '{');
	json_out_close(out, '}');
	json_out_bool(out, NULL, true);
	json_out_close(out, ']');
	json_out_raw(out, "raw", STR("[1]"));
	json_out_bool(out, "k\"", false);
	json_out_close(out, '}');
}

static void test_json_out__writes_members_and_elements_in_order(void **state)
{
	static const char want[] = "{\"text\":\"a\\\"b\\n\",\"unset\":null,\"list\":"
				   "[18446744073709551615,{},true],\"raw\":[1],\"k\\\"\":false}\n";
	struct json_out out;
	char text[200];

	(void)state;
	json_out_init(&out, 1024);
	for (unsigned i = 0; i < 2; i++) { /* it is empty again behind a print */
		fill(&out);
		assert_int_equal(print(&out, text, sizeof(text)), OK);
		assert_string_equal(text, want);
	}
	json_out_fini(&out);
}

static void test_json_out__says_when_something_was_dropped(void **state)
{
	struct json_out out;
	char text[200];

	(void)state;
	for (size_t max = 1; max < 80; max++) {
		json_out_init(&out, max);
		fill(&out);
		assert_int_equal(print(&out, text, sizeof(text)), ERR_LIMIT);
		json_out_open(&out, NULL, '[');
		json_out_close(&out, ']');
		assert_int_equal(print(&out, text, sizeof(text)), max < 3 ? ERR_LIMIT : OK);
		json_out_fini(&out);
	}
}

static void test_json_out__says_when_the_stream_refuses(void **state)
{
	FILE *full = fopen("/dev/full", "we");
	struct json_out out;

	(void)state;
	assert_non_null(full);
	assert_int_equal(setvbuf(full, NULL, _IONBF, 0), 0);
	json_out_init(&out, 1024);
	fill(&out);
	assert_int_equal(json_out_print(&out, full), ERR_IO);
	json_out_fini(&out);
	(void)fclose(full);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_json_out__writes_members_and_elements_in_order),
		cmocka_unit_test(test_json_out__says_when_something_was_dropped),
		cmocka_unit_test(test_json_out__says_when_the_stream_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
