/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void test_base__gives_zeroed_memory(void **state)
{
	unsigned char *bytes = base_alloc(100);
	void *nothing = base_alloc(0);

	(void)state;
	for (size_t i = 0; i < 100; i++)
		assert_int_equal(bytes[i], 0);
	assert_non_null(nothing);
	free(nothing);
	free(bytes);
}

/* In a child, whose last words go to a pipe. */
static void test_base__aborts_with_the_condition_and_its_place(void **state)
{
	char text[256] = "";
	int fds[2], status = 0;
	pid_t child;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	child = fork();
	if (child == 0) {
		dup2(fds[1], STDERR_FILENO);
		ASSERT(fds[0] < 0);
		_exit(0);
	}
	close(fds[1]);
	waitpid(child, &status, 0);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	assert_true(read(fds[0], text, sizeof(text) - 1) > 0);
	assert_non_null(strstr(text, "fds[0] < 0"));
	assert_non_null(strstr(text, "test_base.c"));
	close(fds[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_base__gives_zeroed_memory),
		cmocka_unit_test(test_base__aborts_with_the_condition_and_its_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
