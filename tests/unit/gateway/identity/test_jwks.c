/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/gateway/identity/forge.h"

/* A point of P-256 (RFC 7517 A.1) and three ways to spoil it. */
#define EC_X "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4"
#define EC_Y "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"
#define OCT  "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk"
#define EC   "\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" EC_X "\",\"y\":\"" EC_Y "\""

static const uint32_t all = (1U << JWS_ALG_COUNT) - 1;

static const struct {
	const char *name;
	const char *json;
	int count; /* usable keys; -1: refused */
} sets[] = {
	{"one", "{\"keys\":[{" EC ",\"kid\":\"a\"}]}", 1},
	{"one without kid", "{\"keys\":[{" EC "}]}", 1},
	{"unknown members are ignored", "{\"x\":1,\"keys\":[{" EC ",\"x5t\":\"q\"}]}", 1},
	{"key_ops with verify", "{\"keys\":[{" EC ",\"key_ops\":[\"sign\",\"verify\"]}]}", 1},
	{"unknown kty beside a good one", "{\"keys\":[{\"kty\":\"XX\"},{" EC "}]}", 1},
	{"encryption key beside a good one",
	 "{\"keys\":[{" EC ",\"use\":\"enc\",\"kid\":\"a\"},{" EC ",\"kid\":\"a\"}]}", 1},
	{"broken key beside a good one",
	 "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AA\",\"y\":\"AA\",\"kid\":\"b\"},"
	 "{" EC ",\"kid\":\"a\"}]}",
	 1},
	{"other curve for the alg", "{\"keys\":[{" EC ",\"alg\":\"ES384\"}]}", -1},
	{"other kty for the alg", "{\"keys\":[{" EC ",\"alg\":\"RS256\"}]}", -1},
	{"point off the curve",
	 "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" EC_X "\",\"y\":\"" EC_X "\"}]}",
	 -1},
	{"private key shown", "{\"keys\":[{" EC ",\"d\":\"AQ\"}]}", -1},
	{"kid twice", "{\"keys\":[{" EC ",\"kid\":\"a\"},{" EC ",\"kid\":\"a\"}]}", -1},
	{"two without kid", "{\"keys\":[{" EC "},{" EC "}]}", -1},
	{"kid no string", "{\"keys\":[{" EC ",\"kid\":1}]}", -1},
	{"HMAC without alg", "{\"keys\":[{\"kty\":\"oct\",\"k\":\"" OCT "\"}]}", -1},
	{"HMAC with alg", "{\"keys\":[{\"kty\":\"oct\",\"alg\":\"HS256\",\"k\":\"" OCT "\"}]}", 1},
	{"HMAC beside a public key",
	 "{\"keys\":[{\"kty\":\"oct\",\"kid\":\"b\",\"alg\":\"HS256\",\"k\":\"" OCT "\"},{" EC
	 ",\"kid\":\"a\"}]}",
	 -1},
	{"RSA without alg and modulus", "{\"keys\":[{\"kty\":\"RSA\",\"e\":\"AQAB\"}]}", -1},
	{"member twice", "{\"keys\":[{\"kty\":\"RSA\"," EC "}]}", -1},
	{"keys twice", "{\"keys\":[{" EC "}],\"keys\":[{" EC "}]}", -1},
	{"no keys", "{}", -1},
	{"keys no array", "{\"keys\":{}}", -1},
	{"keys empty", "{\"keys\":[]}", -1},
	{"a bare key", "{" EC "}", -1},
	{"no JSON", "keys", -1},
	{"text behind", "{\"keys\":[{" EC "}]} x", -1},
	{"nothing", "", -1},
};

static void test_jwks__takes_usable_keys_and_refuses_ambiguous_sets(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sets); i++) {
		struct jwks *keys = NULL;
		struct diag diag = {0};
		enum err err = jwks_parse(str_from_c(sets[i].json), all, "set", &diag, &keys);

		printf("# %s: %s\n", sets[i].name, diag.text);
		assert_int_equal(err == OK ? (int)jwks_count(keys) : -1, sets[i].count);
		assert_true(err == OK || diag.text[0] != '\0');
		jwks_unref(keys);
	}
}

static void test_jwks__leaves_out_algorithms_that_were_not_allowed(void **state)
{
	struct jwks *keys = NULL;
	struct str json = STR("{\"keys\":[{" EC ",\"alg\":\"ES256\"}]}");

	(void)state;
	assert_int_equal(jwks_parse(json, JWS_ALG_BIT(JWS_RS256), "set", NULL, &keys),
			 ERR_MALFORMED);
	assert_int_equal(jwks_parse(json, JWS_ALG_BIT(JWS_ES256), "set", NULL, &keys), OK);
	jwks_unref(keys);
}

static void test_jwks__gives_rsa_without_alg_the_operators_choice(void **state)
{
	struct forge *forge = forge_new(JWS_RS256, "k");
	char *json = forge_text("{\"keys\":[%s]}", forge_jwk(forge));
	char *alg = strstr(json, "\"alg\":\"RS256\",");
	struct jwks *keys;

	(void)state;
	assert_non_null(alg);
	memset(alg, ' ', strlen("\"alg\":\"RS256\","));
	assert_int_equal(jwks_parse(str_from_c(json), JWS_ALG_BIT(JWS_PS384), "set", NULL, &keys),
			 OK);
	assert_int_equal(jws_key_alg(jwks_find(keys, STR("k"))), JWS_PS384);
	jwks_unref(keys);
	assert_int_equal(jwks_parse(str_from_c(json), all, "set", NULL, &keys), OK);
	assert_int_equal(jws_key_alg(jwks_find(keys, STR("k"))), JWS_RS256);
	jwks_unref(keys);
	free(json);
	forge_free(forge);
}

static void test_jwks__finds_by_exact_kid(void **state)
{
	struct jwks *keys;

	(void)state;
	assert_int_equal(
		jwks_parse(STR("{\"keys\":[{" EC ",\"kid\":\"a\"},{" EC ",\"kid\":\"../a\"}]}"),
			   all, "set", NULL, &keys),
		OK);
	assert_non_null(jwks_find(keys, STR("a")));
	assert_non_null(jwks_find(keys, STR("../a")));
	assert_null(jwks_find(keys, STR("A")));
	assert_null(jwks_find(keys, STR("")));
	assert_null(jwks_find(keys, str_make(NULL, 0)));
	jwks_unref(keys);
	assert_int_equal(
		jwks_parse(STR("{\"keys\":[{" EC ",\"kid\":\"a\"}]}"), all, "set", NULL, &keys),
		OK);
	assert_non_null(jwks_find(keys, str_make(NULL, 0)));
	assert_null(jwks_find(keys, STR("b")));
	jwks_unref(keys);
}

static void test_jwks__bounds_the_document(void **state)
{
	char *text = base_alloc(JWKS_BYTES + 2);
	struct buf many;
	struct jwks *keys = NULL;

	(void)state;
	memset(text, ' ', JWKS_BYTES + 1);
	assert_int_equal(jwks_parse(str_make(text, JWKS_BYTES + 1), all, "set", NULL, &keys),
			 ERR_LIMIT);
	free(text);
	buf_init(&many, JWKS_BYTES);
	assert_int_equal(buf_append(&many, STR("{\"keys\":[{}")), OK);
	for (size_t i = 0; i < JWKS_KEYS; i++)
		assert_int_equal(buf_append(&many, STR(",{}")), OK);
	assert_int_equal(buf_append(&many, STR("]}")), OK);
	assert_int_equal(jwks_parse(buf_str(&many), all, "set", NULL, &keys), ERR_LIMIT);
	buf_fini(&many);
}

static void test_jwks__loads_pem_and_json_files(void **state)
{
	struct forge *forge = forge_new(JWS_ES256, "k");
	char path[] = "/tmp/tollgate-test-jwks-XXXXXX";
	int fd = mkstemp(path);
	struct str pem = forge_pem(forge);
	struct jwks *keys = NULL;
	struct diag diag = {0};

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, pem.ptr, pem.len), pem.len);
	close(fd);
	assert_int_equal(jwks_load(path, all, &diag, &keys), OK);
	/* A lone key without a kid answers to any. */
	assert_int_equal(jws_key_alg(jwks_find(keys, STR("any"))), JWS_ES256);
	jwks_unref(keys);
	keys = NULL;
	assert_int_equal(jwks_load(path, JWS_ALG_BIT(JWS_RS256), &diag, &keys), ERR_MALFORMED);
	unlink(path);
	assert_int_equal(jwks_load(path, all, &diag, &keys), ERR_NOT_FOUND);
	assert_null(keys);
	forge_free(forge);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_jwks__takes_usable_keys_and_refuses_ambiguous_sets),
		cmocka_unit_test(test_jwks__leaves_out_algorithms_that_were_not_allowed),
		cmocka_unit_test(test_jwks__gives_rsa_without_alg_the_operators_choice),
		cmocka_unit_test(test_jwks__finds_by_exact_kid),
		cmocka_unit_test(test_jwks__bounds_the_document),
		cmocka_unit_test(test_jwks__loads_pem_and_json_files),
	};

	return cmocka_run_group_tests_name("jwks", tests, NULL, NULL);
}
