/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "gateway/config/file.h"
#include "gateway/config/reference.h"

/* `tollgate check --options` prints the part between the fences. */
static void test_reference__is_what_the_readme_says(void **state)
{
	static const struct str fence = STR("```text\n");
	const char *root = getenv("TOLLGATE_ROOT");
	char path[4096];
	struct arena arena;
	struct buf want;
	struct str readme;
	const char *begin, *end;

	(void)state;
	arena_init(&arena, 4096, 1 << 20);
	buf_init(&want, 1 << 20);
	assert_int_equal(config_reference(&want), OK);
	(void)snprintf(path, sizeof(path), "%s/gateway/config/README.md",
		       root == NULL ? "." : root);
	assert_int_equal(config_file_read(&arena, path, 1 << 20, NULL, &readme), OK);
	begin = strstr(readme.ptr, "## Configuration reference\n");
	assert_non_null(begin);
	begin = strstr(begin, fence.ptr);
	assert_non_null(begin);
	begin += fence.len;
	end = strstr(begin, "```\n");
	assert_non_null(end);
	assert_int_equal(end - begin, want.len);
	assert_memory_equal(begin, want.ptr, want.len);
	buf_fini(&want);
	arena_fini(&arena);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reference__is_what_the_readme_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
