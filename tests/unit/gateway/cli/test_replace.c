/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateway/cli/replace.h"

#define PATH_BYTES 128

/* A folder of its own, removed at the end. */
static int make_folder(void **state)
{
	char *folder = strdup("/tmp/test_replace_XXXXXX");

	*state = folder;
	return folder == NULL || mkdtemp(folder) == NULL ? -1 : 0;
}

static int remove_folder(void **state)
{
	int failed = rmdir(*state);

	free(*state);
	return failed;
}

static const char *path_in(const char *folder, const char *name, char out[static PATH_BYTES])
{
	(void)snprintf(out, PATH_BYTES, "%s/%s", folder, name);
	return out;
}

static void assert_content(const char *path, const char *want)
{
	char have[64];
	FILE *file = fopen(path, "re");

	assert_non_null(file);
	have[fread(have, 1, sizeof(have) - 1, file)] = '\0';
	(void)fclose(file);
	assert_string_equal(have, want);
}

static void test_replace__writes_the_whole_content(void **state)
{
	char path[PATH_BYTES];
	char beside[PATH_BYTES];
	struct stat st;
	struct diag diag;

	path_in(*state, "a", path);
	assert_int_equal(replace_file(path, STR("a long content"), &diag), OK);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(chmod(path, 0644), 0);
	assert_int_equal(replace_file(path, STR("short"), &diag), OK);
	assert_content(path, "short");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	assert_int_not_equal(access(path_in(*state, "a.new", beside), F_OK), 0);
	assert_int_equal(unlink(path), 0);
}

static void test_replace__leaves_nothing_behind_when_it_fails(void **state)
{
	char path[PATH_BYTES];
	char beside[PATH_BYTES];
	struct diag diag;

	path_in(*state, "folder", path);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(replace_file(path, STR("text"), &diag), ERR_IO);
	assert_non_null(strstr(diag.text, "cannot write: "));
	assert_int_not_equal(access(path_in(*state, "folder.new", beside), F_OK), 0);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(replace_file(path_in(*state, "no/file", path), STR("text"), &diag),
			 ERR_IO);
	assert_non_null(strstr(diag.text, "No such file"));
}

static void test_replace__respects_what_lies_beside(void **state)
{
	char path[PATH_BYTES];
	char beside[PATH_BYTES];
	struct diag diag;

	path_in(*state, "a", path);
	path_in(*state, "a.new", beside);
	assert_int_equal(replace_file(path, STR("old"), &diag), OK);
	assert_int_equal(replace_file(beside, STR("half"), &diag), OK);
	assert_int_equal(replace_file(path, STR("new"), &diag), ERR_IO);
	assert_non_null(strstr(diag.text, "is there already"));
	assert_content(path, "old");
	assert_content(beside, "half");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(unlink(beside), 0);
}

static void test_replace__goes_through_links(void **state)
{
	char path[PATH_BYTES];
	char link[PATH_BYTES];
	struct stat st;
	struct diag diag;

	path_in(*state, "a", path);
	path_in(*state, "link", link);
	assert_int_equal(replace_file(path, STR("old"), &diag), OK);
	assert_int_equal(symlink("a", link), 0);
	assert_int_equal(replace_file(link, STR("new"), &diag), OK);
	assert_int_equal(lstat(link, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_content(path, "new");
	assert_int_equal(unlink(link), 0);
	assert_int_equal(unlink(path), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_replace__writes_the_whole_content),
		cmocka_unit_test(test_replace__leaves_nothing_behind_when_it_fails),
		cmocka_unit_test(test_replace__respects_what_lies_beside),
		cmocka_unit_test(test_replace__goes_through_links),
	};

	return cmocka_run_group_tests_name("replace", tests, make_folder, remove_folder);
}
