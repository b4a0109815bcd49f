/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/proxy/webhook.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* The example that the libraries of the specification test themselves with. */
static void test_webhook__signs_as_the_specification_does(void **state)
{
	char out[WEBHOOK_SIGNED_BYTES];

	(void)state;
	assert_int_equal(webhook_sign(STR("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
				      STR("msg_p5jXN8AQM9LWM0D4loKWxJek"), 1614265330,
				      STR("{\"test\": 2432232314}"), out),
			 OK);
	assert_string_equal(out, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

static const struct {
	const char *secret;
	enum err err;
	size_t len;
} keys[] = {
	{"whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", OK, 24},
	{"whsec_+/+/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", OK, 32},
	{"whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", ERR_MALFORMED, 0}, /* 23 bytes */
	{"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", ERR_MALFORMED, 0},
	{"whsec_", ERR_MALFORMED, 0},
	{"whsec_AAAA AAAAAAAAAAAAAAAAAAAAAAAAAAAA", ERR_MALFORMED, 0},
	{"whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	 "AAAAAAAAAAAAAAAAAAAAAAAAAAAA",
	 ERR_MALFORMED, 0}, /* 66 bytes */
};

static void test_webhook__takes_keys_of_24_to_64_bytes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		uint8_t key[WEBHOOK_KEY_BYTES];
		size_t len = 0;

		print_message("# %s\n", keys[i].secret);
		assert_int_equal(webhook_key(str_from_c(keys[i].secret), key, &len), keys[i].err);
		if (keys[i].err == OK)
			assert_int_equal(len, keys[i].len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_webhook__signs_as_the_specification_does),
		cmocka_unit_test(test_webhook__takes_keys_of_24_to_64_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
