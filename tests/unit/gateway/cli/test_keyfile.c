/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateway/cli/keyfile.h"

#define FIELDS "id: k_2\nname: ci\nroles: [a, b]\n"
#define ADDED  "  - id: k_2\n    name: ci\n    roles: [a, b]\n"

static char path[] = "/tmp/tollgate-test-keyfile-XXXXXX";

static void write_text(const char *text)
{
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
	assert_int_equal(fclose(file), 0);
}

static void check_text(const char *want)
{
	static char text[65536];
	FILE *file = fopen(path, "re");
	size_t len;

	assert_non_null(file);
	len = fread(text, 1, sizeof(text) - 1, file);
	text[len] = '\0';
	assert_int_equal(fclose(file), 0);
	assert_string_equal(text, want);
}

static enum err append(struct diag *diag)
{
	struct keyfile *file = NULL;
	enum err err = keyfile_load(path, diag, &file);

	if (err == OK)
		err = keyfile_append(file, STR(FIELDS), diag);
	if (err == OK)
		err = keyfile_save(file, diag);
	keyfile_free(file);
	return err;
}

static enum err revoke_id(const char *id, struct diag *diag)
{
	struct keyfile *file = NULL;
	enum err err = keyfile_load(path, diag, &file);

	if (err == OK)
		err = keyfile_revoke(file, str_from_c(id), diag);
	if (err == OK)
		err = keyfile_save(file, diag);
	keyfile_free(file);
	return err;
}

static void test_keyfile__appends_and_keeps_every_other_byte(void **state)
{
	static const struct {
		const char *name, *before, *after;
	} rows[] = {
		{"empty", "", "keys:\n" ADDED},
		{"only a comment", "# mine\n", "# mine\nkeys:\n" ADDED},
		{"comment without line end", "# mine", "# mine\nkeys:\n" ADDED},
		{"no keys yet", "keys:\n", "keys:\n" ADDED},
		{"empty list", "keys: []  # none\n# end\n", "keys:\n" ADDED "# end\n"},
		{"one key", "keys:\n  - id: k_1\n    name: x\n",
		 "keys:\n  - id: k_1\n    name: x\n" ADDED},
		{"no line end", "keys:\n  - id: k_1\n    name: x",
		 "keys:\n  - id: k_1\n    name: x\n" ADDED},
		{"comment behind", "keys:\n  - id: k_1\n\n# end\n",
		 "keys:\n  - id: k_1\n" ADDED "\n# end\n"},
		{"not indented", "keys:\n- id: k_1\n  name: x\n",
		 "keys:\n- id: k_1\n  name: x\n- id: k_2\n  name: ci\n  roles: [a, b]\n"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct diag diag = {0};

		printf("# %s\n", rows[i].name);
		write_text(rows[i].before);
		assert_int_equal(append(&diag), OK);
		check_text(rows[i].after);
	}
}

static void test_keyfile__revokes_one_key(void **state)
{
	static const struct {
		const char *name, *before, *after;
	} rows[] = {
		{"field absent", "keys:\n  - id: k_1\n    name: x\n\n  - id: k_2\n    name: y\n",
		 "keys:\n  - id: k_1\n    name: x\n    revoked: true\n\n  - id: k_2\n    name: "
		 "y\n"},
		{"field false", "keys:\n  - id: k_1\n    revoked: false # yet\n    name: x\n",
		 "keys:\n  - id: k_1\n    revoked: true\n    name: x\n"},
		{"last line without end", "keys:\n  - id: k_1",
		 "keys:\n  - id: k_1\n    revoked: true\n"},
		{"id in quotes", "keys:\n  - id: \"k_1\"  # c\n",
		 "keys:\n  - id: \"k_1\"  # c\n    revoked: true\n"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct diag diag = {0};

		printf("# %s\n", rows[i].name);
		write_text(rows[i].before);
		assert_int_equal(revoke_id("k_9", &diag), ERR_NOT_FOUND);
		check_text(rows[i].before);
		assert_int_equal(revoke_id("k_1", &diag), OK);
		check_text(rows[i].after);
		assert_int_equal(revoke_id("k_1", &diag), ERR_CONFLICT);
		check_text(rows[i].after);
	}
}

static void test_keyfile__refuses_forms_it_does_not_write(void **state)
{
	static const struct {
		const char *name, *text;
		unsigned line;
	} rows[] = {
		{"another top", "other: 1\n", 1},
		{"text behind the list", "keys:\n  - id: k_1\nother: 1\n", 3},
		{"flow list", "keys: [{id: k_1}]\n", 1},
		{"block list in a field", "keys:\n  - id: k_1\n    roles:\n      - a\n", 4},
		{"no id", "keys:\n  - name: x\n", 2},
		{"no colon", "keys:\n  - id: k_1\n    name\n", 3},
		{"no space", "keys:\n  - id: k_1\n    name:x\n", 3},
		{"field before a key", "keys:\n    name: x\n", 2},
		{"tab", "keys:\n\t- id: k_1\n", 2},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct diag diag = {0};

		printf("# %s\n", rows[i].name);
		write_text(rows[i].text);
		assert_int_equal(append(&diag), ERR_MALFORMED);
		assert_int_equal(diag.line, rows[i].line);
		check_text(rows[i].text);
	}
}

static void test_keyfile__keeps_the_mode_and_makes_new_files_private(void **state)
{
	struct stat st;
	struct diag diag = {0};

	(void)state;
	write_text("keys:\n");
	assert_int_equal(chmod(path, 0640), 0);
	assert_int_equal(append(&diag), OK);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(append(&diag), OK);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

static void test_keyfile__lets_one_writer_in(void **state)
{
	struct diag diag = {0};
	char beside[sizeof(path) + 4];
	FILE *file;

	(void)state;
	(void)snprintf(beside, sizeof(beside), "%s.new", path);
	write_text("keys:\n");
	file = fopen(beside, "we");
	assert_non_null(file);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(append(&diag), ERR_IO);
	check_text("keys:\n");
	assert_int_equal(unlink(beside), 0);
	assert_int_equal(append(&diag), OK);
}

static int set_up(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	return fd < 0 ? -1 : close(fd);
}

static int tear_down(void **state)
{
	(void)state;
	return unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keyfile__appends_and_keeps_every_other_byte),
		cmocka_unit_test(test_keyfile__revokes_one_key),
		cmocka_unit_test(test_keyfile__refuses_forms_it_does_not_write),
		cmocka_unit_test(test_keyfile__keeps_the_mode_and_makes_new_files_private),
		cmocka_unit_test(test_keyfile__lets_one_writer_in),
	};

	return cmocka_run_group_tests_name("keyfile", tests, set_up, tear_down);
}
