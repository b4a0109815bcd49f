/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/net/address.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void test_address__reads_numbers_only(void **state)
{
	static const struct {
		const char *text;
		enum err want;
		int family;
		uint16_t port;
		const char *host;
	} rows[] = {
		{"127.0.0.1:8080", OK, AF_INET, 8080, "127.0.0.1"},
		{"0.0.0.0:0", OK, AF_INET, 0, "0.0.0.0"},
		{"[::1]:443", OK, AF_INET6, 443, "::1"},
		{"[2001:db8::7]:65535", OK, AF_INET6, 65535, "2001:db8::7"},
		{"", ERR_MALFORMED, 0, 0, ""},
		{":80", ERR_MALFORMED, 0, 0, ""},
		{"127.0.0.1", ERR_MALFORMED, 0, 0, ""},
		{"127.0.0.1:", ERR_MALFORMED, 0, 0, ""},
		{"127.0.0.1:65536", ERR_MALFORMED, 0, 0, ""},
		{"127.0.0.1:-1", ERR_MALFORMED, 0, 0, ""},
		{"127.0.0.1:80 ", ERR_MALFORMED, 0, 0, ""},
		{"::1:443", ERR_MALFORMED, 0, 0, ""},
		{"[::1:443", ERR_MALFORMED, 0, 0, ""},
		{"[]:443", ERR_MALFORMED, 0, 0, ""},
		{"[:443", ERR_MALFORMED, 0, 0, ""},
		{"localhost:80", ERR_MALFORMED, 0, 0, ""},
		{"1.2.3:80", ERR_MALFORMED, 0, 0, ""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		union address address = {0};
		char text[ADDRESS_TEXT_BYTES];

		print_message("# %s\n", rows[i].text);
		assert_int_equal(address_parse(str_from_c(rows[i].text), &address), rows[i].want);
		assert_int_equal(address.any.sa_family, rows[i].family);
		assert_int_equal(address_port(&address), rows[i].port);
		address_text(&address, text);
		assert_string_equal(text, rows[i].host);
	}
}

static void test_address__does_not_know_other_families(void **state)
{
	const struct sockaddr other = {.sa_family = AF_UNIX};
	union address address = address_from(&other);
	char text[ADDRESS_TEXT_BYTES];

	(void)state;
	assert_int_equal(address.any.sa_family, AF_UNSPEC);
	address_text(&address, text);
	assert_string_equal(text, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_address__reads_numbers_only),
		cmocka_unit_test(test_address__does_not_know_other_families),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
