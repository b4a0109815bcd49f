/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void test_err__answers_from_its_table(void **state)
{
	(void)state;
	assert_int_equal(err_status(OK), 200);
	assert_int_equal(err_status(ERR_QUOTA), 429);
	assert_true(err_is_retryable(ERR_UPSTREAM));
	assert_false(err_is_retryable(ERR_DENIED));
	assert_int_equal(err_level(ERR_DAMAGED), LEVEL_ERROR);
	assert_string_equal(err_label(ERR_HEAD_LIMIT), "head_limit");
	for (enum err err = OK; err < ERR_COUNT; err++) {
		assert_in_range(err_status(err), 200, 599);
		for (enum err other = OK; other < err; other++)
			assert_string_not_equal(err_label(err), err_label(other));
	}
}

static void test_err__prints_a_caret_under_the_mistake(void **state)
{
	static const char text[] = "gateway:\n\tids: gw-1\r\nlast";
	struct diag diag;
	char out[1024];
	size_t len;

	(void)state;
	assert_int_equal(
		diag_set(&diag, ERR_MALFORMED, "tollgate.yaml", 2, 2, "unknown key \"%s\"", "ids"),
		ERR_MALFORMED);
	diag_set_source(&diag, text, sizeof(text) - 1);
	len = diag_print(&diag, out, sizeof(out));
	assert_int_equal(len, strlen(out));
	assert_string_equal(out, "tollgate.yaml:2:2: unknown key \"ids\"\n\tids: gw-1\n\t^");
	diag.line = 3;
	diag_set_source(&diag, text, sizeof(text) - 1);
	assert_string_equal(diag.source, "last");
	diag.line = 4;
	diag_set_source(&diag, text, sizeof(text) - 1);
	assert_string_equal(diag.source, "");
}

static void test_err__leaves_out_what_is_unknown(void **state)
{
	struct diag diag;
	char out[64];

	(void)state;
	assert_int_equal(diag_set(&diag, ERR_IO, NULL, 0, 0, "no such thing"), ERR_IO);
	diag_set_source(&diag, NULL, 0);
	diag_print(&diag, out, sizeof(out));
	assert_string_equal(out, "no such thing");
	assert_int_equal(diag_set(&diag, ERR_IO, "a", 7, 0, "x"), ERR_IO);
	diag_print(&diag, out, sizeof(out));
	assert_string_equal(out, "a:7: x");
	assert_int_equal(diag_set(NULL, ERR_IO, "a", 7, 0, "x"), ERR_IO);
	diag_set_source(NULL, "x", 1);
}

static void test_err__cuts_what_is_too_long(void **state)
{
	char longer[1000];
	struct diag diag;
	char out[16];

	(void)state;
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	assert_int_equal(diag_set(&diag, ERR_IO, longer, 1, 900, "%s", longer), ERR_IO);
	diag_set_source(&diag, longer, sizeof(longer) - 1);
	assert_int_equal(strlen(diag.file), sizeof(diag.file) - 1);
	assert_int_equal(strlen(diag.text), sizeof(diag.text) - 1);
	assert_int_equal(strlen(diag.source), sizeof(diag.source) - 1);
	/* As snprintf: the whole length, though only a part is written. */
	assert_true(diag_print(&diag, out, sizeof(out)) > 900);
	assert_int_equal(strlen(out), sizeof(out) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_err__answers_from_its_table),
		cmocka_unit_test(test_err__prints_a_caret_under_the_mistake),
		cmocka_unit_test(test_err__leaves_out_what_is_unknown),
		cmocka_unit_test(test_err__cuts_what_is_too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
