/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/clock.h"
#include "gateway/identity/bearer.h"
#include "gateway/identity/token.h"
#include "tests/unit/gateway/identity/forge.h"

#define NOW_S 1800000000LL

static const struct str audience[] = {STR("tollgate")};
static const struct token_claim claims[] = {
	{STR("bu"), STR("risk")},     {STR("roles"), STR("[\"analyst\"]")},
	{STR("clearance"), STR("3")}, {STR("note"), STR("3 \"quoted\", not JSON")},
	{STR("text"), STR("\"3\"")},
};
static const struct claim_attribute attributes[] = {
	{STR("clearance"), STR("clearance")},
	{STR("note"), STR("note")},
	{STR("text"), STR("text")},
};

static struct token_options options_of(enum jws_alg alg, struct str key)
{
	return (struct token_options){
		.alg = alg,
		.key = key,
		.kid = STR("dev"),
		.issuer = STR("https://idp.example"),
		.subject = STR("ana"),
		.audience = STR("tollgate"),
		.claims = claims,
		.claim_count = ARRAY_LEN(claims),
		.now_s = NOW_S,
		.ttl_s = 3600,
	};
}

static void check(const struct jwks *keys, struct str token)
{
	struct issuer issuer = {
		.name = STR("dev"),
		.issuer = STR("https://idp.example"),
		.audience = {audience, 1},
		.keys = (struct jwks *)(uintptr_t)keys,
		.claims = {.bu = STR("bu"),
			   .roles = STR("roles"),
			   .attributes = attributes,
			   .attribute_count = ARRAY_LEN(attributes)},
	};
	const struct principal *ana;
	struct bearer_verdict verdict;

	assert_int_equal(
		bearer_verify(&issuer, 1, token, NOW_S * CLOCK_NS_PER_S, NULL, &ana, &verdict), OK);
	assert_int_equal(verdict.until_ns, (NOW_S + 3600) * CLOCK_NS_PER_S);
	assert_true(str_eq(ana->bu, STR("risk")));
	assert_true(str_list_has(ana->roles, STR("analyst")));
	assert_int_equal(principal_attribute(ana, STR("clearance"))->number, 3);
	assert_true(
		str_eq(principal_attribute(ana, STR("note"))->text, STR("3 \"quoted\", not JSON")));
	assert_true(str_eq(principal_attribute(ana, STR("text"))->text, STR("3")));
	principal_unref(ana);
}

static void test_token__issues_what_bearer_takes(void **state)
{
	static const enum jws_alg algs[] = {JWS_RS256, JWS_RS384, JWS_RS512, JWS_ES256, JWS_ES384,
					    JWS_ES512, JWS_HS256, JWS_HS384, JWS_HS512};
	static char secret[64];

	(void)state;
	memset(secret, 'k', sizeof(secret));
	for (size_t i = 0; i < ARRAY_LEN(algs); i++) {
		struct forge *forge = forge_new(algs[i], "dev");
		struct jwks *keys = forge_jwks(forge);
		struct str key = jws_alg_family(algs[i]) == JWS_OCT
					 ? str_make(secret, sizeof(secret))
					 : forge_pem(forge);
		struct token_options options = options_of(algs[i], key);
		struct diag diag = {0};
		struct buf token;

		printf("# %s\n", jws_alg_name(algs[i]));
		buf_init(&token, BEARER_TOKEN_BYTES);
		assert_int_equal(token_issue(&options, &diag, &token), OK);
		check(keys, buf_str(&token));
		buf_fini(&token);
		jwks_unref(keys);
		forge_free(forge);
	}
}

static void test_token__says_what_it_cannot_issue(void **state)
{
	static const enum jws_alg algs[] = {JWS_PS256, JWS_PS384, JWS_PS512, JWS_EDDSA};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(algs); i++) {
		struct token_options options = options_of(algs[i], STR("x"));
		struct diag diag = {0};
		struct buf token;

		buf_init(&token, BEARER_TOKEN_BYTES);
		assert_int_equal(token_issue(&options, &diag, &token), ERR_UNSUPPORTED);
		assert_non_null(strstr(diag.text, jws_alg_name(algs[i])));
		assert_non_null(strstr(diag.text, "RS256"));
		buf_fini(&token);
	}
}

static void test_token__refuses_a_key_that_cannot_sign(void **state)
{
	struct token_options options = options_of(JWS_RS256, STR("no key"));
	struct diag diag = {0};
	struct buf token;

	(void)state;
	buf_init(&token, BEARER_TOKEN_BYTES);
	assert_int_equal(token_issue(&options, &diag, &token), ERR_MALFORMED);
	assert_true(diag.text[0] != '\0');
	options.key = STR("");
	assert_int_equal(token_issue(&options, &diag, &token), ERR_MALFORMED);
	assert_int_equal(token.len, 0);
	buf_fini(&token);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_token__issues_what_bearer_takes),
		cmocka_unit_test(test_token__says_what_it_cannot_issue),
		cmocka_unit_test(test_token__refuses_a_key_that_cannot_sign),
	};

	return cmocka_run_group_tests_name("token", tests, NULL, NULL);
}
