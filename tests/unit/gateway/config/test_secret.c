/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/gateway/config/folder.h"

static enum err load(const char *value, struct diag *diag, struct config **out)
{
	char text[512];

	(void)snprintf(text, sizeof(text),
		       "upstreams:\n"
		       "  - {name: u, url: \"http://127.0.0.1:1\", provider: p,\n"
		       "     credential: {header: Authorization, value: %s}}\n",
		       value);
	folder_main(text, FOLDER_UPSTREAMS);
	return config_load(folder_path("tollgate.yaml"), diag, out);
}

static const struct {
	const char *value, *want;
} good[] = {
	{"\"${env:TEST_SECRET}\"", "swordfish"},
	{"\"Bearer ${env:TEST_SECRET}\"", "Bearer swordfish"},
	{"\"${env:TEST_SECRET}:${file:key}!\"", "swordfish:from-file!"},
	{"\"${file:key-with-newlines}\"", "from-file"},
};

static void test_secret__comes_from_environment_and_file(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		struct config *config = NULL;
		struct diag diag = {0};
		const struct upstream_options *upstream;

		print_message("# %s\n", good[i].value);
		assert_int_equal(load(good[i].value, &diag, &config), OK);
		upstream = &config->snapshot.upstreams[0];
		assert_true(str_eq(upstream->credential_value, str_from_c(good[i].want)));
		assert_true(str_eq(upstream->credential_header, STR("authorization")));
		config_free(config);
	}
}

static const struct {
	const char *value, *want;
} bad[] = {
	{"\"hunter2\"", "a secret must not stand in this file: write ${env:NAME} or ${file:PATH}"},
	{"\"hunter$2\"", "a $ must begin ${env:NAME} or ${file:PATH}"},
	{"\"hunter${2\"", "a $ must begin ${env:NAME} or ${file:PATH}"},
	{"\"hunter2$\"", "a $ must begin ${env:NAME} or ${file:PATH}"},
	{"\"${vault:hunter2}\"", "${...} must be ${env:NAME} or ${file:PATH}"},
	{"\"${env:TEST_NO_SECRET}\"", "the environment has no TEST_NO_SECRET"},
	{"\"${env:TEST_EMPTY_SECRET}\"", "the environment has no TEST_EMPTY_SECRET"},
	{"\"${env:TEST_TWO_LINES}\"", "there is a control character in TEST_TWO_LINES"},
	{"\"${file:none}\"", "none cannot be opened: No such file or directory"},
	{"\"${file:empty}\"", "there is nothing in empty"},
	{"\"${file:big}\"", "big is larger than 65536 bytes"},
	{"\"${file:.}\"", ". is not a regular file"},
	{"\"${file:just-fits}${file:key}\"", "more than 64 KiB with key"},
};

static void test_secret__is_in_no_message(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct config *config = NULL;
		struct diag diag = {0};
		char want[256];

		print_message("# %s\n", bad[i].value);
		assert_int_not_equal(load(bad[i].value, &diag, &config), OK);
		assert_null(config);
		(void)snprintf(want, sizeof(want), "tollgate.yaml:3:49: credential.value: %s",
			       bad[i].want);
		assert_string_equal(folder_message(&diag), want);
		assert_null(strstr(folder_message(&diag), "hunter"));
		assert_null(strstr(folder_message(&diag), "swordfish"));
	}
}

static void test_secret__of_the_ledger_stands_in_no_url(void **state)
{
	struct config *config = NULL;
	struct diag diag = {0};

	(void)state;
	folder_main("ledger:\n  store: redis\n  redis: {url: \"redis://u:hunter2@127.0.0.1:1\"}\n",
		    0);
	assert_int_equal(config_load(folder_path("tollgate.yaml"), &diag, &config), ERR_MALFORMED);
	assert_string_equal(folder_message(&diag),
			    "tollgate.yaml:3:10: redis.url: a password must not stand in this "
			    "file; use redis.user and redis.password");
	folder_main("ledger:\n  store: redis\n"
		    "  redis: {url: \"redis://127.0.0.1:1\", password: \"${env:TEST_SECRET}\"}\n",
		    0);
	assert_int_equal(config_load(folder_path("tollgate.yaml"), &diag, &config), OK);
	assert_string_equal(config->ledger.redis.password, "swordfish");
	config_free(config);
}

static int make(void **state)
{
	static char big[65537];

	memset(big, 'x', sizeof(big));
	(void)setenv("TEST_SECRET", "swordfish", 1);
	(void)setenv("TEST_EMPTY_SECRET", "", 1);
	(void)setenv("TEST_TWO_LINES", "a\r\nx-admin: yes", 1);
	(void)unsetenv("TEST_NO_SECRET");
	if (folder_make(state) != 0)
		return -1;
	folder_write("key", STR("from-file"));
	folder_write("key-with-newlines", STR("from-file\r\n\n"));
	folder_write("empty", STR("\n"));
	folder_write("big", str_make(big, sizeof(big)));
	folder_write("just-fits", str_make(big, 65536));
	return 0;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_secret__comes_from_environment_and_file),
		cmocka_unit_test(test_secret__is_in_no_message),
		cmocka_unit_test(test_secret__of_the_ledger_stands_in_no_url),
	};

	return cmocka_run_group_tests(tests, make, folder_drop);
}
