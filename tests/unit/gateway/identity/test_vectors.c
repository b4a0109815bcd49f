/* SPDX-License-Identifier: Apache-2.0 */
/* Published vectors, below the claims: Wycheproof JWS and JWK, and the examples of RFC 7520. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>

#include "gateway/identity/compact.h"
#include "gateway/identity/jwks.h"
#include "tests/unit/gateway/identity/forge.h"

/* Loud when the data is not there. */
static json_t *load_vectors(const char *path, unsigned cases)
{
	char *text = forge_read_shared(path);
	json_t *root;

	if (text == NULL) {
		printf("# SKIP %s: %u cases skipped, data absent\n", path, cases);
		skip();
	}
	root = json_loads(text, 0, NULL);
	assert_non_null(root);
	free(text);
	return root;
}

static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text == NULL ? "" : text;
}

/* The JWS entry: parse, select by kid, verify, decode the payload. */
static bool accepts(const struct jwks *keys, const char *token)
{
	struct compact compact;
	const struct jws_key *key;
	uint8_t *payload = base_alloc(strlen(token) + 1);
	size_t len = 0;
	bool is_right = false;

	if (compact_parse(str_from_c(token), &compact) == OK) {
		key = jwks_find(keys, compact_kid(&compact));
		is_right = key != NULL && compact_verify(&compact, key) == OK &&
			   compact_payload(&compact, payload, strlen(token), &len) == OK;
	}
	free(payload);
	return is_right;
}

/* NULL: the key or set is refused. Members of the private half are taken out first, for a private
 * key in a set is refused as such. */
static struct jwks *load_keys(const json_t *jwk_or_set)
{
	static const char *const private_members[] = {"d", "p", "q", "dp", "dq", "qi"};
	json_t *set = json_deep_copy(jwk_or_set);
	struct jwks *keys = NULL;
	char *text;

	if (json_object_get(set, "keys") == NULL)
		set = json_pack("{s:[o]}", "keys", set);
	for (size_t i = 0; i < json_array_size(json_object_get(set, "keys")); i++) {
		json_t *key = json_array_get(json_object_get(set, "keys"), i);

		/* tcId 347 and 351: ES521 is no registered name; P-521 goes with ES512. */
		if (str_eq(str_from_c(text_of(key, "alg")), STR("ES521")) &&
		    str_eq(str_from_c(text_of(key, "crv")), STR("P-521")))
			json_object_set_new(key, "alg", json_string("ES512"));
		for (size_t m = 0; m < ARRAY_LEN(private_members); m++)
			json_object_del(key, private_members[m]);
	}
	text = json_dumps(set, JSON_COMPACT);
	if (jwks_parse(str_from_c(text), UINT32_MAX, "vector", NULL, &keys) != OK)
		keys = NULL;
	free(text);
	json_decref(set);
	return keys;
}

static bool want_of(const json_t *test)
{
	/* 372 and 373 hold a '?' in a base64url part, and their MAC is not that of the bytes as
	 * sent: RFC 7515 allows no foreign characters. 367 and 370 are byte for byte the token of
	 * 357, which is valid; what their names mean is in test_compact__refuses. */
	switch (json_integer_value(json_object_get(test, "tcId"))) {
	case 372:
	case 373: return false;
	case 367:
	case 370: return true;
	default: return strcmp(text_of(test, "result"), "valid") == 0;
	}
}

static unsigned run_group(const json_t *group, bool has_corrections)
{
	const json_t *jwk = json_object_get(group, "public");
	const json_t *tests = json_object_get(group, "tests");
	struct jwks *keys = load_keys(jwk == NULL ? json_object_get(group, "private") : jwk);
	unsigned wrong = 0;

	for (size_t i = 0; i < json_array_size(tests); i++) {
		const json_t *test = json_array_get(tests, i);
		const json_t *jws = json_object_get(test, "jws");
		char *token = json_is_string(jws) ? forge_text("%s", json_string_value(jws))
						  : json_dumps(jws, 0);
		bool want = has_corrections ? want_of(test)
					    : strcmp(text_of(test, "result"), "valid") == 0;
		bool got = keys != NULL && accepts(keys, token);

		if (got != want) {
			printf("# tcId %d (%s): want %d, got %d\n",
			       (int)json_integer_value(json_object_get(test, "tcId")),
			       text_of(test, "comment"), want, got);
			wrong++;
		}
		free(token);
	}
	jwks_unref(keys);
	return wrong;
}

static void run_file(const char *path, unsigned cases, bool has_corrections)
{
	json_t *root = load_vectors(path, cases);
	const json_t *groups = json_object_get(root, "testGroups");
	unsigned wrong = 0;
	size_t count = 0;

	for (size_t i = 0; i < json_array_size(groups); i++) {
		const json_t *group = json_array_get(groups, i);

		wrong += run_group(group, has_corrections);
		count += json_array_size(json_object_get(group, "tests"));
	}
	printf("# %s: %zu cases, %u wrong\n", path, count, wrong);
	json_decref(root);
	assert_int_equal(count, cases);
	assert_int_equal(wrong, 0);
}

static void test_vectors__pass_wycheproof_jws(void **state)
{
	(void)state;
	run_file("jose/wycheproof/json_web_signature_selection.json", 89, true);
}

static void test_vectors__pass_wycheproof_jwk(void **state)
{
	(void)state;
	run_file("jose/wycheproof/json_web_key_test.json", 26, false);
}

/* Some examples give the key as a list. */
static const json_t *first_key(const json_t *input)
{
	const json_t *key = json_object_get(input, "key");

	return json_is_array(key) ? json_array_get(key, 0) : key;
}

static void check_example(const char *path, bool want)
{
	json_t *root = load_vectors(path, 1);
	const json_t *input = json_object_get(root, "input");
	const char *token = text_of(json_object_get(root, "output"), "compact");
	json_t *jwk = json_deep_copy(first_key(input));
	struct jwks *keys;

	printf("# %s\n", path);
	assert_true(token[0] != '\0');
	if (json_object_get(jwk, "alg") == NULL || jwk == NULL)
		json_object_set(jwk, "alg", json_object_get(input, "alg"));
	keys = load_keys(jwk);
	assert_non_null(keys);
	assert_int_equal(accepts(keys, token), want);
	jwks_unref(keys);
	json_decref(jwk);
	json_decref(root);
}

static void test_vectors__pass_rfc7520_compact_examples(void **state)
{
	(void)state;
	check_example("jose/rfc7520/jws/4_1.rsa_v15_signature.json", true);
	check_example("jose/rfc7520/jws/4_2.rsa-pss_signature.json", true);
	check_example("jose/rfc7520/jws/4_3.ecdsa_signature.json", true);
	check_example("jose/rfc7520/jws/4_4.hmac-sha2_integrity_protection.json", true);
	check_example("jose/rfc7520/curve25519/jws.json", true);
}

static void test_vectors__refuse_rfc7520_detached_and_unencoded(void **state)
{
	(void)state;
	/* Detached: the payload part is empty, and the MAC is not that of an empty payload. */
	check_example("jose/rfc7520/jws/4_5.signature_with_detached_content.json", false);
}

/* Five parts. */
static void test_vectors__refuse_rfc7520_encrypted_tokens(void **state)
{
	static const char *const files[] = {
		"5_1.key_encryption_using_rsa_v15_and_aes-hmac-sha2.json",
		"5_2.key_encryption_using_rsa-oaep_with_aes-gcm.json",
		"5_6.direct_encryption_using_aes-gcm.json",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		char *path = forge_text("jose/rfc7520/jwe/%s", files[i]);
		json_t *root = load_vectors(path, 1);
		const char *token = text_of(json_object_get(root, "output"), "compact");
		struct compact compact;

		printf("# %s\n", path);
		assert_true(strlen(token) > 0);
		assert_int_equal(compact_parse(str_from_c(token), &compact), ERR_MALFORMED);
		json_decref(root);
		free(path);
	}
}

static void test_vectors__load_rfc7520_public_keys(void **state)
{
	static const char *const files[] = {"3_1.ec_public_key.json", "3_3.rsa_public_key.json"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		char *path = forge_text("jose/rfc7520/jwk/%s", files[i]);
		json_t *jwk = load_vectors(path, 1);
		struct jwks *keys = load_keys(jwk);

		printf("# %s\n", path);
		assert_non_null(keys);
		assert_int_equal(jwks_count(keys), 1);
		jwks_unref(keys);
		json_decref(jwk);
		free(path);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors__pass_wycheproof_jws),
		cmocka_unit_test(test_vectors__pass_wycheproof_jwk),
		cmocka_unit_test(test_vectors__pass_rfc7520_compact_examples),
		cmocka_unit_test(test_vectors__refuse_rfc7520_detached_and_unencoded),
		cmocka_unit_test(test_vectors__refuse_rfc7520_encrypted_tokens),
		cmocka_unit_test(test_vectors__load_rfc7520_public_keys),
	};

	return cmocka_run_group_tests_name("vectors", tests, NULL, NULL);
}
