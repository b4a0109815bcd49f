/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"
#include "tests/unit/gateway/config/folder.h"

static struct config *load(const char *first, unsigned own)
{
	struct config *config = NULL;
	struct diag diag = {0};

	folder_main(first, own);
	if (config_load(folder_path("tollgate.yaml"), &diag, &config) != OK)
		fail_msg("%s", folder_message(&diag));
	return config;
}

static const struct {
	const char *first;
	unsigned own;
	const char *want;
} rows[] = {
	{"", 0, ""},
	{"# another comment\n", 0, ""},
	{"gateway: {workers: 0, log_level: debug, drain_timeout: 1s}\n", 0, ""},
	{"limits: {body: 1MiB}\n", 0, ""},
	{"gateway: {id: other}\n", 0, "gateway.id"},
	{"gateway: {workers: 3, state: elsewhere}\nlimits: {head: 16KiB}\n", 0,
	 "gateway.state, gateway.workers, limits.head"},
	{"admin: {address: \"127.0.0.1:0\"}\n", 0, "admin.address"},
	{"journal: {durability: relaxed, keep: 1d}\n", 0, "journal.durability, journal.keep"},
	{"listeners: [{address: \"127.0.0.2:0\"}]\n", FOLDER_LISTENERS, "listeners[].address"},
	{"listeners: [{address: \"127.0.0.1:0\"}, {address: \"127.0.0.2:0\"}]\n", FOLDER_LISTENERS,
	 "listeners"},
	{"ledger: {redis: {password: \"${env:TEST_SECRET}\"}}\n", 0, "ledger.redis.password"},
};

static void test_restart__names_what_a_reload_leaves(void **state)
{
	struct config *old = load("", 0);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct config *new = load(rows[i].first, rows[i].own);
		struct buf names;

		print_message("# %s\n", rows[i].want);
		buf_init(&names, 1000);
		assert_int_equal(config_restart_options(old, new, &names), OK);
		assert_true(str_eq(buf_str(&names), str_from_c(rows[i].want)));
		buf_reset(&names);
		assert_int_equal(config_restart_options(new, old, &names), OK);
		assert_true(str_eq(buf_str(&names), str_from_c(rows[i].want)));
		buf_fini(&names);
		config_free(new);
	}
	config_free(old);
}

static void test_restart__sees_another_secret(void **state)
{
	static const char first[] = "ledger: {redis: {password: \"${env:TEST_SECRET}\"}}\n";
	struct config *old = load(first, 0), *new;
	struct buf names;

	(void)state;
	buf_init(&names, 1000);
	new = load(first, 0);
	assert_int_equal(config_restart_options(old, new, &names), OK);
	assert_int_equal(names.len, 0);
	config_free(new);
	(void)setenv("TEST_SECRET", "another-one", 1);
	new = load(first, 0);
	assert_int_equal(config_restart_options(old, new, &names), OK);
	assert_true(str_eq(buf_str(&names), STR("ledger.redis.password")));
	buf_fini(&names);
	config_free(new);
	config_free(old);
}

static void test_restart__names_what_there_is_no_room_for(void **state)
{
	struct config *old = load("", 0), *new = load("gateway: {workers: 3, id: x}\n", 0);
	struct buf names;

	(void)state;
	buf_init(&names, 8);
	assert_int_equal(config_restart_options(old, new, &names), ERR_LIMIT);
	buf_fini(&names);
	config_free(new);
	config_free(old);
}

static int make(void **state)
{
	(void)setenv("TEST_SECRET", "swordfish", 1);
	return folder_make(state);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_restart__names_what_a_reload_leaves),
		cmocka_unit_test(test_restart__sees_another_secret),
		cmocka_unit_test(test_restart__names_what_there_is_no_room_for),
	};

	return cmocka_run_group_tests(tests, make, folder_drop);
}
