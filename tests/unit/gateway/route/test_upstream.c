/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>

#include "gateway/route/upstream.h"

/* host == NULL: refused. */
static const struct {
	const char *url;
	const char *host;
	const char *base;
	unsigned port;
} rows[] = {
	{"http://127.0.0.1", "127.0.0.1", "", 80},
	{"http://127.0.0.1/", "127.0.0.1", "", 80},
	{"http://127.0.0.1:8080", "127.0.0.1:8080", "", 8080},
	{"http://127.0.0.1:8080/", "127.0.0.1:8080", "", 8080},
	{"http://127.0.0.1:8080/base", "127.0.0.1:8080", "/base", 8080},
	{"http://127.0.0.1:8080/base/v1//", "127.0.0.1:8080", "/base/v1", 8080},
	{"http://127.0.0.1:65535", "127.0.0.1:65535", "", 65535},
	{"http://localhost:1", "localhost:1", "", 1},
	{"http://[::1]:8080/b", "[::1]:8080", "/b", 8080},
	{"http://[::1]", "[::1]", "", 80},
	{"https://127.0.0.1", "127.0.0.1", "", 443},
	{"https://127.0.0.1:8443/x", "127.0.0.1:8443", "/x", 8443},
	{"", NULL, NULL, 0},
	{"127.0.0.1", NULL, NULL, 0},
	{"ftp://127.0.0.1", NULL, NULL, 0},
	{"HTTP://127.0.0.1", NULL, NULL, 0},
	{"http:/127.0.0.1", NULL, NULL, 0},
	{"http://", NULL, NULL, 0},
	{"http:///base", NULL, NULL, 0},
	{"http://:80", NULL, NULL, 0},
	{"http://127.0.0.1:", NULL, NULL, 0},
	{"http://127.0.0.1:0", NULL, NULL, 0},
	{"http://127.0.0.1:65536", NULL, NULL, 0},
	{"http://127.0.0.1:8o", NULL, NULL, 0},
	{"http://127.0.0.1:80:81", NULL, NULL, 0},
	{"http://127.0.0.1:-1", NULL, NULL, 0},
	{"http://[::1", NULL, NULL, 0},
	{"http://[::1]x", NULL, NULL, 0},
	{"http://[::1]:", NULL, NULL, 0},
	{"http://[]", NULL, NULL, 0},
	{"http://127.0.0.1/a b", NULL, NULL, 0},
	{"http://127.0.0.1/a\r\nx: y", NULL, NULL, 0},
	{"http://127.0.0.1/a?b", NULL, NULL, 0},
	{"http://127.0.0.1/a#b", NULL, NULL, 0},
	{"http://127.0.0.1/\x7f", NULL, NULL, 0},
	{"http://127.0.0.1/\xc3\xa4", NULL, NULL, 0},
	{"http://127.0.0.1?x", NULL, NULL, 0},
	{"http://user@127.0.0.1", NULL, NULL, 0},
	{"http://user:secret@127.0.0.1:80", NULL, NULL, 0},
	{"http://127.0.0.1\r\nx: y", NULL, NULL, 0},
};

static unsigned port_of(const struct upstream *upstream)
{
	const struct dial_address *address = upstream_address(upstream, 0);

	/* sin_port and sin6_port stand at the same place. */
	return ntohs(((const struct sockaddr_in *)(const void *)&address->addr)->sin_port);
}

static void test_upstream__reads_its_url(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct upstream_options options = {
			.name = STR("up"),
			.url = str_from_c(rows[i].url),
		};
		struct upstream *upstream = NULL;
		struct diag diag = {.text = ""};
		enum err err;

		print_message("# row %zu\n", i);
		err = upstream_new(&options, &diag, &upstream);
		if (rows[i].host == NULL) {
			assert_int_not_equal(err, OK);
			assert_null(upstream);
			assert_string_not_equal(diag.text, "");
			continue;
		}
		assert_int_equal(err, OK);
		assert_true(str_eq(upstream_host(upstream), str_from_c(rows[i].host)));
		assert_true(str_eq(upstream_base(upstream), str_from_c(rows[i].base)));
		assert_int_equal(port_of(upstream), rows[i].port);
		assert_null(upstream_credential(upstream));
		upstream_unref(upstream);
	}
}

static void test_upstream__copies_its_options(void **state)
{
	char name[] = "azure", url[] = "http://127.0.0.1:9/base", secret[] = "Bearer x";
	struct upstream_options options = {
		.name = str_from_c(name),
		.url = str_from_c(url),
		.provider = STR("azure"),
		.credential_header = STR("authorization"),
		.credential_value = str_from_c(secret),
		.connections = 7,
	};
	const struct field *credential;
	struct upstream *upstream;
	struct diag diag;

	(void)state;
	assert_int_equal(upstream_new(&options, &diag, &upstream), OK);
	memset(name, 'x', sizeof(name) - 1);
	memset(url, 'x', sizeof(url) - 1);
	memset(secret, 'x', sizeof(secret) - 1);
	assert_true(str_eq(upstream_options(upstream)->name, STR("azure")));
	assert_int_equal(upstream_options(upstream)->connections, 7);
	assert_true(str_eq(upstream_base(upstream), STR("/base")));
	credential = upstream_credential(upstream);
	assert_true(str_eq(credential->name, STR("authorization")));
	assert_true(str_eq(credential->value, STR("Bearer x")));
	assert_null(upstream_new_tls(upstream));
	assert_ptr_equal(upstream_ref(upstream), upstream);
	upstream_unref(upstream);
	assert_true(str_eq(upstream_host(upstream), STR("127.0.0.1:9")));
	upstream_unref(upstream);
	upstream_unref(NULL);
}

static void test_upstream__takes_its_addresses_in_turn(void **state)
{
	struct upstream_options options = {.name = STR("up"), .url = STR("http://127.0.0.1:9")};
	struct upstream *upstream;
	struct diag diag;

	(void)state;
	assert_int_equal(upstream_new(&options, &diag, &upstream), OK);
	for (unsigned turn = 0; turn < 20; turn++)
		assert_non_null(upstream_address(upstream, turn));
	assert_non_null(upstream_address(upstream, UINT32_MAX));
	upstream_unref(upstream);
}

static void test_upstream__refuses_what_it_cannot_hold(void **state)
{
	static char big[70000];
	struct upstream_options options = {
		.name = STR("up"),
		.url = STR("http://127.0.0.1:9"),
		.credential_header = STR("authorization"),
		.credential_value = {big, sizeof(big)},
	};
	struct upstream *upstream = NULL;
	struct diag diag;

	(void)state;
	memset(big, 'a', sizeof(big));
	assert_int_equal(upstream_new(&options, &diag, &upstream), ERR_LIMIT);
	options.credential_value = STR("x");
	options.url = STR("https://127.0.0.1:9");
	options.ca_file = STR("/nowhere/ca.pem");
	assert_int_not_equal(upstream_new(&options, &diag, &upstream), OK);
	options.ca_file = (struct str){0};
	options.url = STR("http://no-such-host.invalid");
	assert_int_equal(upstream_new(&options, &diag, &upstream), ERR_NOT_FOUND);
	assert_null(upstream);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_upstream__reads_its_url),
		cmocka_unit_test(test_upstream__copies_its_options),
		cmocka_unit_test(test_upstream__takes_its_addresses_in_turn),
		cmocka_unit_test(test_upstream__refuses_what_it_cannot_hold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
