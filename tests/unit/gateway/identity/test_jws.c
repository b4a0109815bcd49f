/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/crypt.h"
#include "gateway/identity/compact.h"
#include "tests/unit/gateway/identity/forge.h"

#define SIGNATURE_MAX 2048

static enum err verify(const struct jwks *keys, struct str text, const uint8_t *bytes, size_t len)
{
	return jws_key_verify(jwks_find(keys, STR("k")), text, str_make((const char *)bytes, len));
}

static void test_jws__verifies_what_was_signed_and_nothing_else(void **state)
{
	const struct str text = STR("header.payload");

	(void)state;
	for (unsigned i = 0; i < JWS_ALG_COUNT; i++) {
		struct forge *forge = forge_new((enum jws_alg)i, "k");
		struct jwks *keys = forge_jwks(forge);
		uint8_t bytes[SIGNATURE_MAX];
		size_t len = forge_sign(forge, text, bytes, sizeof(bytes));

		printf("# %s\n", jws_alg_name((enum jws_alg)i));
		assert_int_equal(jws_key_alg(jwks_find(keys, STR("k"))), i);
		assert_int_equal(verify(keys, text, bytes, len), OK);
		assert_int_equal(verify(keys, STR("header.payloae"), bytes, len), ERR_UNAUTHENTIC);
		for (size_t at = 0; at < len; at += len / 16) {
			bytes[at] ^= 1;
			assert_int_equal(verify(keys, text, bytes, len), ERR_UNAUTHENTIC);
			bytes[at] ^= 1;
		}
		assert_int_equal(verify(keys, text, bytes, len - 1), ERR_UNAUTHENTIC);
		bytes[len] = 0;
		assert_int_equal(verify(keys, text, bytes, len + 1), ERR_UNAUTHENTIC);
		assert_int_equal(verify(keys, text, bytes, 0), ERR_UNAUTHENTIC);
		jwks_unref(keys);
		forge_free(forge);
	}
}

/* PKCS#1 v1.5 under a PSS key and the other way round, and another digest of the same family. */
static void test_jws__keeps_algorithms_of_one_key_apart(void **state)
{
	static const struct {
		enum jws_alg key, signature;
	} rows[] = {
		{JWS_RS256, JWS_PS256}, {JWS_PS256, JWS_RS256}, {JWS_RS256, JWS_RS384},
		{JWS_PS512, JWS_PS256}, {JWS_HS256, JWS_HS512},
	};
	const struct str text = STR("header.payload");

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct forge *signer = forge_new(rows[i].signature, "k");
		uint8_t bytes[SIGNATURE_MAX];
		size_t len = forge_sign(signer, text, bytes, sizeof(bytes));
		struct jws_material secret = {.k = STR("kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk"
						       "kkkkkkkkkkkkkkkkkkkkk")};
		struct jws_key *key = NULL;

		printf("# key %s, signature %s\n", jws_alg_name(rows[i].key),
		       jws_alg_name(rows[i].signature));
		if (jws_alg_family(rows[i].key) == JWS_OCT)
			assert_int_equal(jws_key_new(rows[i].key, STR("k"), &secret, &key), OK);
		else
			assert_int_equal(
				jws_key_from_pem(rows[i].key, STR("k"), forge_pem(signer), &key),
				OK);
		assert_int_equal(jws_key_verify(key, text, str_make((const char *)bytes, len)),
				 ERR_UNAUTHENTIC);
		jws_key_free(key);
		forge_free(signer);
	}
}

/* The order of P-256. */
static const uint8_t order[32] = {0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff,
				  0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17,
				  0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51};

static void test_jws__takes_only_raw_ecdsa_in_range(void **state)
{
	struct forge *forge = forge_new(JWS_ES256, "k");
	struct jwks *keys = forge_jwks(forge);
	const struct str text = STR("header.payload");
	uint8_t good[SIGNATURE_MAX];
	uint8_t bad[96];

	(void)state;
	assert_int_equal(forge_sign(forge, text, good, sizeof(good)), 64);
	assert_int_equal(verify(keys, text, good, 64), OK);
	memset(bad, 0, sizeof(bad));
	assert_int_equal(verify(keys, text, bad, 64), ERR_UNAUTHENTIC); /* r = s = 0 */
	memcpy(bad, good, 32);
	assert_int_equal(verify(keys, text, bad, 64), ERR_UNAUTHENTIC); /* s = 0 */
	memcpy(bad + 32, order, 32);
	assert_int_equal(verify(keys, text, bad, 64), ERR_UNAUTHENTIC); /* s = n */
	bad[63]++;
	assert_int_equal(verify(keys, text, bad, 64), ERR_UNAUTHENTIC); /* s = n + 1 */
	memset(bad, 0, 32);
	memcpy(bad + 32, good + 32, 32);
	assert_int_equal(verify(keys, text, bad, 64), ERR_UNAUTHENTIC); /* r = 0 */
	memcpy(bad, order, 32);
	assert_int_equal(verify(keys, text, bad, 64), ERR_UNAUTHENTIC); /* r = n */
	bad[31]++;
	assert_int_equal(verify(keys, text, bad, 64), ERR_UNAUTHENTIC); /* r = n + 1 */
	memset(bad, 0xff, 64);
	assert_int_equal(verify(keys, text, bad, 64), ERR_UNAUTHENTIC);
	memcpy(bad, good, 64);
	assert_int_equal(verify(keys, text, bad, 63), ERR_UNAUTHENTIC);
	assert_int_equal(verify(keys, text, bad + 1, 63), ERR_UNAUTHENTIC);
	assert_int_equal(verify(keys, text, bad, 65), ERR_UNAUTHENTIC);
	assert_int_equal(verify(keys, text, bad, 32), ERR_UNAUTHENTIC);
	jwks_unref(keys);
	forge_free(forge);
}

/* SEQUENCE of two INTEGERs, and padded to the raw length. */
static void test_jws__refuses_der(void **state)
{
	struct forge *forge = forge_new(JWS_ES256, "k");
	struct jwks *keys = forge_jwks(forge);
	const struct str text = STR("header.payload");
	uint8_t raw[SIGNATURE_MAX];
	uint8_t der[80] = {0x30, 70, 0x02, 33, 0};

	(void)state;
	assert_int_equal(forge_sign(forge, text, raw, sizeof(raw)), 64);
	memcpy(der + 5, raw, 32);
	der[37] = 0x02;
	der[38] = 33;
	memcpy(der + 40, raw + 32, 32);
	assert_int_equal(verify(keys, text, der, 72), ERR_UNAUTHENTIC);
	assert_int_equal(verify(keys, text, der, 64), ERR_UNAUTHENTIC);
	jwks_unref(keys);
	forge_free(forge);
}

static void test_jws__refuses_keys_it_cannot_stand_behind(void **state)
{
	static const char one[] = "\x01";
	static char modulus[256];
	const struct jws_material off_curve = {.x = str_make((const char *)order, 32),
					       .y = str_make((const char *)order, 32)};
	struct jws_material rsa = {.n = {modulus, 256}, .e = STR("\x01\x00\x01")};
	struct jws_material hmac = {.k = STR("0123456789012345678901234567890")};
	struct jws_key *key = NULL;

	(void)state;
	memset(modulus, 0xff, sizeof(modulus));
	assert_int_equal(jws_key_new(JWS_ES256, STR("k"), &off_curve, &key), ERR_MALFORMED);
	assert_int_equal(jws_key_new(JWS_ES384, STR("k"), &off_curve, &key), ERR_MALFORMED);
	assert_int_equal(
		jws_key_new(JWS_EDDSA, STR("k"), &(struct jws_material){.x = STR("short")}, &key),
		ERR_MALFORMED);
	assert_int_equal(jws_key_new(JWS_HS256, STR("k"), &hmac, &key), ERR_UNSUPPORTED);
	assert_int_equal(
		jws_key_new(JWS_HS256, STR("k"), &(struct jws_material){.k = STR("")}, &key),
		ERR_MALFORMED);
	rsa.n.len = 255;
	assert_int_equal(jws_key_new(JWS_RS256, STR("k"), &rsa, &key), ERR_UNSUPPORTED);
	rsa.n.len = 256;
	rsa.e = str_make(one, 1);
	assert_int_equal(jws_key_new(JWS_RS256, STR("k"), &rsa, &key), ERR_MALFORMED);
	rsa.e = STR("\x02");
	assert_int_equal(jws_key_new(JWS_RS256, STR("k"), &rsa, &key), ERR_MALFORMED);
	rsa.e = STR("\x01\x00\x00\x00\x00\x01");
	assert_int_equal(jws_key_new(JWS_RS256, STR("k"), &rsa, &key), ERR_UNSUPPORTED);
	rsa.e = STR("\x01\x00\x01");
	modulus[255] = 0;
	assert_int_equal(jws_key_new(JWS_RS256, STR("k"), &rsa, &key), ERR_MALFORMED);
	assert_null(key);
}

static void test_jws__binds_pem_to_its_kind(void **state)
{
	struct forge *ec = forge_new(JWS_ES256, "k");
	struct forge *ed = forge_new(JWS_EDDSA, "k");
	struct jws_key *key = NULL;

	(void)state;
	assert_int_equal(jws_key_from_pem(JWS_RS256, STR(""), forge_pem(ec), &key), ERR_MALFORMED);
	assert_int_equal(jws_key_from_pem(JWS_ES384, STR(""), forge_pem(ec), &key), ERR_MALFORMED);
	assert_int_equal(jws_key_from_pem(JWS_ES256, STR(""), forge_pem(ed), &key), ERR_MALFORMED);
	/* The confusion that libjwt falls for: a public-key PEM is never an HMAC secret. */
	assert_int_equal(jws_key_from_pem(JWS_HS256, STR(""), forge_pem(ec), &key), ERR_MALFORMED);
	assert_int_equal(jws_key_from_pem(JWS_ES256, STR(""), STR("no key"), &key), ERR_MALFORMED);
	assert_null(key);
	assert_int_equal(jws_key_from_pem(JWS_ES256, STR(""), forge_pem(ec), &key), OK);
	jws_key_free(key);
	forge_free(ec);
	forge_free(ed);
}

static void test_jws__knows_its_algorithms_by_exact_name(void **state)
{
	static const char *const unknown[] = {"",      "none",	 "None",    "nOnE",
					      "NONE",  "rs256",	 "HS1",	    "ES256K",
					      "ES521", "EdDSA ", "RSA-OAEP"};
	enum jws_alg alg;

	(void)state;
	for (unsigned i = 0; i < JWS_ALG_COUNT; i++) {
		assert_int_equal(jws_alg_from_str(str_from_c(jws_alg_name((enum jws_alg)i)), &alg),
				 OK);
		assert_int_equal(alg, i);
	}
	for (size_t i = 0; i < ARRAY_LEN(unknown); i++) {
		printf("# \"%s\"\n", unknown[i]);
		assert_int_equal(jws_alg_from_str(str_from_c(unknown[i]), &alg), ERR_UNSUPPORTED);
	}
}

/* The two Wycheproof cases whose tokens do not hold what their names say (367, 370). */
static void test_compact__refuses_padding(void **state)
{
	struct compact compact;
	uint8_t payload[64];
	size_t len;

	(void)state;
	/* {"alg":"HS256"} needs no padding; {"alg":"HS256" } would have one. */
	assert_int_equal(compact_parse(STR("eyJhbGciOiJIUzI1NiIgfQ==.Zm9v.AAAA"), &compact),
			 ERR_MALFORMED);
	assert_int_equal(compact_parse(STR("eyJhbGciOiJIUzI1NiIgfQ.Zm8=.AAAA"), &compact), OK);
	assert_int_equal(compact_payload(&compact, payload, sizeof(payload), &len), ERR_MALFORMED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_jws__verifies_what_was_signed_and_nothing_else),
		cmocka_unit_test(test_jws__keeps_algorithms_of_one_key_apart),
		cmocka_unit_test(test_jws__takes_only_raw_ecdsa_in_range),
		cmocka_unit_test(test_jws__refuses_der),
		cmocka_unit_test(test_jws__refuses_keys_it_cannot_stand_behind),
		cmocka_unit_test(test_jws__binds_pem_to_its_kind),
		cmocka_unit_test(test_jws__knows_its_algorithms_by_exact_name),
		cmocka_unit_test(test_compact__refuses_padding),
	};

	return cmocka_run_group_tests_name("jws", tests, NULL, NULL);
}
