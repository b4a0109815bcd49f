/* SPDX-License-Identifier: Apache-2.0 */
#include "base/diags.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void add(struct diags *diags, unsigned line)
{
	struct diag diag;

	(void)diag_set(&diag, ERR_MALFORMED, "a.cedar", line, 1, "wrong %u", line);
	assert_int_equal(diags_add(diags, ERR_MALFORMED, &diag), ERR_MALFORMED);
}

static void test_diags__are_empty_at_first(void **state)
{
	struct diags diags;
	struct diag first = {.text = "untouched"};

	(void)state;
	diags_init(&diags, 3);
	assert_int_equal(diags_first(&diags, &first), OK);
	assert_string_equal(first.text, "untouched");
	diags_fini(&diags);
}

static void test_diags__keep_their_order_and_count_all(void **state)
{
	struct diags diags;
	struct diag first;

	(void)state;
	diags_init(&diags, 37);
	for (unsigned i = 1; i <= 40; i++)
		add(&diags, i);
	assert_int_equal(diags.count, 37);
	assert_int_equal(diags.total, 40);
	for (unsigned i = 0; i < 37; i++)
		assert_int_equal(diags.items[i].line, i + 1);
	assert_int_equal(diags_first(&diags, &first), ERR_MALFORMED);
	assert_string_equal(first.text, "wrong 1");
	diags_fini(&diags);
}

static void test_diags__may_be_absent(void **state)
{
	struct diag diag;

	(void)state;
	(void)diag_set(&diag, ERR_IO, "f", 0, 0, "gone");
	assert_int_equal(diags_add(NULL, ERR_IO, &diag), ERR_IO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_diags__are_empty_at_first),
		cmocka_unit_test(test_diags__keep_their_order_and_count_all),
		cmocka_unit_test(test_diags__may_be_absent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
