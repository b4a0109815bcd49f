/* SPDX-License-Identifier: Apache-2.0 */
#include "metering/ledger/redis_url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static void test_redis_url__reads_its_parts(void **state)
{
	static const struct {
		const char *url;
		struct ledger_redis_url want;
	} rows[] = {
		{"redis://127.0.0.1", {.host = "127.0.0.1", .port = 6379}},
		{"redis://127.0.0.1:7000/3", {.host = "127.0.0.1", .port = 7000, .db = 3}},
		{"redis://redis.example/", {.host = "redis.example", .port = 6379}},
		{"redis://:secret@h:1", {.host = "h", .port = 1, .password = "secret"}},
		{"redis://u:p%40s%2fs@h/1",
		 {.host = "h", .port = 6379, .db = 1, .user = "u", .password = "p@s/s"}},
		{"redis://u:p@q@h", {.host = "h", .port = 6379, .user = "u", .password = "p@q"}},
		{"redis://[::1]:6380/2", {.host = "::1", .port = 6380, .db = 2}},
		{"redis://[::1]", {.host = "::1", .port = 6379}},
		{"unix:///run/redis.sock", {.socket = "/run/redis.sock", .port = 6379}},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct ledger_redis_options options = {.url = rows[i].url};
		struct ledger_redis_url url;

		printf("# %s\n", rows[i].url);
		assert_int_equal(ledger_redis_url_parse(&options, NULL, &url), OK);
		assert_string_equal(url.host, rows[i].want.host);
		assert_string_equal(url.socket, rows[i].want.socket);
		assert_string_equal(url.user, rows[i].want.user);
		assert_string_equal(url.password, rows[i].want.password);
		assert_int_equal(url.port, rows[i].want.port);
		assert_int_equal(url.db, rows[i].want.db);
	}
}

static void test_redis_url__refuses_the_rest(void **state)
{
	static const char *const rows[] = {"",
					   "127.0.0.1",
					   "http://h",
					   "redis://",
					   "redis://:1",
					   "redis://h:",
					   "redis://h:0",
					   "redis://h:70000",
					   "redis://h/db",
					   "redis://h:1:2",
					   "redis://[::1",
					   "redis://[::1]x",
					   "unix://",
					   "unix://relative",
					   "redis://u:%0@h",
					   "redis://u:%00@h"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct ledger_redis_options options = {.url = rows[i]};
		struct ledger_redis_url url;
		struct diag diag = {.line = 0};

		printf("# %s\n", rows[i]);
		assert_int_equal(ledger_redis_url_parse(&options, &diag, &url), ERR_MALFORMED);
		assert_true(diag.text[0] != '\0');
	}
}

static void test_redis_url__options_stand_above_the_url(void **state)
{
	struct ledger_redis_options options = {.url = "redis://u:p@h",
					       .user = "other",
					       .password = "secret",
					       .socket = "/run/r.sock"};
	struct ledger_redis_url url;

	(void)state;
	assert_int_equal(ledger_redis_url_parse(&options, NULL, &url), OK);
	assert_string_equal(url.user, "other");
	assert_string_equal(url.password, "secret");
	assert_string_equal(url.socket, "/run/r.sock");
}

static void test_redis_url__never_speaks_plain_where_tls_was_asked(void **state)
{
	struct ledger_redis_options options = {.url = "rediss://u:hush@h:6380"};
	struct ledger_redis_url url;
	struct diag diag = {.line = 0};

	(void)state;
	assert_int_equal(ledger_redis_url_parse(&options, &diag, &url), ERR_UNSUPPORTED);
	assert_null(strstr(diag.text, "hush"));
}

static void test_redis_url__reads_where_a_cluster_sends_us(void **state)
{
	static const struct {
		const char *error, *host;
		uint16_t port;
	} rows[] = {
		{"MOVED 3999 127.0.0.1:6381", "127.0.0.1", 6381},
		{"MOVED 0 ::1:7000", "::1", 7000},
		{"MOVED 16383 :7001", "", 7001},
	};
	static const char *const others[] = {"",
					     "MOVED",
					     "MOVED 1",
					     "MOVED x h:1",
					     "MOVED 1 h",
					     "MOVED 1 h:0",
					     "MOVED 1 h:70000",
					     "ASK 1 h:1",
					     "ERR MOVED 1 h:1"};
	struct ledger_redis_node node;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		printf("# %s\n", rows[i].error);
		assert_int_equal(ledger_redis_moved_parse(str_from_c(rows[i].error), &node), OK);
		assert_string_equal(node.host, rows[i].host);
		assert_int_equal(node.port, rows[i].port);
	}
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		printf("# %s\n", others[i]);
		assert_int_equal(ledger_redis_moved_parse(str_from_c(others[i]), &node),
				 ERR_MALFORMED);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_redis_url__reads_its_parts),
		cmocka_unit_test(test_redis_url__refuses_the_rest),
		cmocka_unit_test(test_redis_url__options_stand_above_the_url),
		cmocka_unit_test(test_redis_url__never_speaks_plain_where_tls_was_asked),
		cmocka_unit_test(test_redis_url__reads_where_a_cluster_sends_us),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
