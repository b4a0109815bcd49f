/* SPDX-License-Identifier: Apache-2.0 */
/* Every way we know to get a token past a verifier, and the claims that make a principal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/crypt.h"
#include "gateway/identity/bearer.h"
#include "tests/unit/gateway/identity/forge.h"

#define NOW_S 1800000000LL
#define ISS   "\"iss\":\"https://idp.example\","
#define REST  "\"sub\":\"ana\",\"aud\":\"tollgate\",\"exp\":1800000600"
#define GOOD  "{" ISS REST "}"
#define HEAD  "{\"alg\":\"ES256\",\"kid\":\"k\"}"
#define X5C   "[\"MIIB\"]"

static const struct str audience[] = {STR("tollgate"), STR("other")};

struct world {
	struct forge *ec;
	struct forge *rsa;
	struct jwks *ec_keys;
	struct jwks *rsa_keys;
	struct issuer issuers[2];
};

static int set_up(void **state)
{
	static struct world world;

	world.ec = forge_new(JWS_ES256, "k");
	world.rsa = forge_new(JWS_RS256, "r");
	world.ec_keys = forge_jwks(world.ec);
	world.rsa_keys = forge_jwks(world.rsa);
	world.issuers[0] = (struct issuer){
		.name = STR("corp"),
		.issuer = STR("https://idp.example"),
		.audience = {audience, ARRAY_LEN(audience)},
		.algorithms = JWS_ALG_BIT(JWS_ES256),
		.leeway_s = 60,
		.keys = world.ec_keys,
	};
	world.issuers[1] = world.issuers[0];
	world.issuers[1].name = STR("partner");
	world.issuers[1].issuer = STR("https://rsa.example");
	world.issuers[1].keys = world.rsa_keys;
	*state = &world;
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	jwks_unref(world->ec_keys);
	jwks_unref(world->rsa_keys);
	forge_free(world->ec);
	forge_free(world->rsa);
	return 0;
}

static enum identity_reason reason_of(const struct world *world, struct str token,
				      const struct principal **out)
{
	struct bearer_verdict verdict = {IDENTITY_REASON_COUNT, 0, 0};
	const struct principal *principal = NULL;
	enum err err = bearer_verify(world->issuers, 2, token, NOW_S * CLOCK_NS_PER_S, NULL,
				     &principal, &verdict);

	assert_int_equal(err, verdict.reason == IDENTITY_OK ? OK : ERR_UNAUTHENTIC);
	assert_int_equal(principal != NULL, err == OK);
	if (out != NULL)
		*out = principal;
	else
		principal_unref(principal);
	return verdict.reason;
}

/* Signed rightly by the EC key, whatever stands in them. */
static const struct {
	const char *name;
	const char *header;
	const char *payload;
	enum identity_reason want;
} signed_rows[] = {
	{"good", HEAD, GOOD, IDENTITY_OK},
	{"typ JWT", "{\"alg\":\"ES256\",\"typ\":\"JWT\"}", GOOD, IDENTITY_OK},
	{"typ at+JWT", "{\"alg\":\"ES256\",\"typ\":\"at+JWT\"}", GOOD, IDENTITY_OK},
	{"typ of another use", "{\"alg\":\"ES256\",\"typ\":\"logout+jwt\"}", GOOD,
	 IDENTITY_MALFORMED},
	{"typ no string", "{\"alg\":\"ES256\",\"typ\":1}", GOOD, IDENTITY_MALFORMED},
	{"alg none", "{\"alg\":\"none\",\"kid\":\"k\"}", GOOD, IDENTITY_ALGORITHM},
	{"alg nOnE", "{\"alg\":\"nOnE\",\"kid\":\"k\"}", GOOD, IDENTITY_ALGORITHM},
	{"alg empty", "{\"alg\":\"\",\"kid\":\"k\"}", GOOD, IDENTITY_ALGORITHM},
	{"alg missing", "{\"kid\":\"k\"}", GOOD, IDENTITY_MALFORMED},
	{"alg array", "{\"alg\":[\"ES256\"],\"kid\":\"k\"}", GOOD, IDENTITY_MALFORMED},
	{"alg null", "{\"alg\":null,\"kid\":\"k\"}", GOOD, IDENTITY_MALFORMED},
	{"alg lower case", "{\"alg\":\"es256\",\"kid\":\"k\"}", GOOD, IDENTITY_ALGORITHM},
	{"alg HS256 for an EC key", "{\"alg\":\"HS256\",\"kid\":\"k\"}", GOOD, IDENTITY_ALGORITHM},
	{"alg ES384 for a P-256 key", "{\"alg\":\"ES384\",\"kid\":\"k\"}", GOOD,
	 IDENTITY_ALGORITHM},
	{"alg twice", "{\"alg\":\"none\",\"alg\":\"ES256\"}", GOOD, IDENTITY_MALFORMED},
	{"alg twice, once escaped", "{\"a\\u006cg\":\"none\",\"alg\":\"ES256\"}", GOOD,
	 IDENTITY_MALFORMED},
	{"kid twice", "{\"alg\":\"ES256\",\"kid\":\"k\",\"kid\":\"k\"}", GOOD, IDENTITY_MALFORMED},
	{"kid unknown", "{\"alg\":\"ES256\",\"kid\":\"q\"}", GOOD, IDENTITY_UNKNOWN_KID},
	{"kid a path", "{\"alg\":\"ES256\",\"kid\":\"../../dev/null\"}", GOOD,
	 IDENTITY_UNKNOWN_KID},
	{"kid SQL", "{\"alg\":\"ES256\",\"kid\":\"' or 1=1 --\"}", GOOD, IDENTITY_UNKNOWN_KID},
	{"kid empty", "{\"alg\":\"ES256\",\"kid\":\"\"}", GOOD, IDENTITY_UNKNOWN_KID},
	{"kid with NUL", "{\"alg\":\"ES256\",\"kid\":\"k\\u0000\"}", GOOD, IDENTITY_MALFORMED},
	{"kid no string", "{\"alg\":\"ES256\",\"kid\":1}", GOOD, IDENTITY_MALFORMED},
	{"jwk", "{\"alg\":\"ES256\",\"kid\":\"k\",\"jwk\":{}}", GOOD, IDENTITY_MALFORMED},
	{"jku", "{\"alg\":\"ES256\",\"jku\":\"https://x.example\"}", GOOD, IDENTITY_MALFORMED},
	{"x5u", "{\"alg\":\"ES256\",\"x5u\":\"https://x.example\"}", GOOD, IDENTITY_MALFORMED},
	{"x5c", "{\"alg\":\"ES256\",\"x5c\":" X5C "}", GOOD, IDENTITY_MALFORMED},
	{"crit", "{\"alg\":\"ES256\",\"crit\":[\"x\"],\"x\":1}", GOOD, IDENTITY_MALFORMED},
	{"crit empty", "{\"alg\":\"ES256\",\"crit\":[]}", GOOD, IDENTITY_MALFORMED},
	{"b64 false", "{\"alg\":\"ES256\",\"b64\":false,\"crit\":[\"b64\"]}", GOOD,
	 IDENTITY_MALFORMED},
	{"b64 false without crit", "{\"alg\":\"ES256\",\"b64\":false}", GOOD, IDENTITY_MALFORMED},
	{"zip", "{\"alg\":\"ES256\",\"zip\":\"DEF\"}", GOOD, IDENTITY_MALFORMED},
	{"header an array", "[\"alg\",\"ES256\"]", GOOD, IDENTITY_MALFORMED},
	{"header no JSON", "alg", GOOD, IDENTITY_MALFORMED},
	{"header with text behind", HEAD "x", GOOD, IDENTITY_MALFORMED},
	{"header not UTF-8", "{\"alg\":\"ES256\",\"x\":\"\xff\"}", GOOD, IDENTITY_MALFORMED},
	{"payload empty", HEAD, "", IDENTITY_MALFORMED},
	{"payload an array", HEAD, "[" GOOD "]", IDENTITY_MALFORMED},
	{"payload text", HEAD, "ana", IDENTITY_MALFORMED},
	{"iss missing", HEAD, "{" REST "}", IDENTITY_UNKNOWN_ISSUER},
	{"iss a prefix", HEAD, "{\"iss\":\"https://idp.exampl\"," REST "}",
	 IDENTITY_UNKNOWN_ISSUER},
	{"iss longer", HEAD, "{\"iss\":\"https://idp.example/\"," REST "}",
	 IDENTITY_UNKNOWN_ISSUER},
	{"iss array", HEAD, "{\"iss\":[\"https://idp.example\"]," REST "}",
	 IDENTITY_UNKNOWN_ISSUER},
	{"iss twice", HEAD, "{" ISS ISS REST "}", IDENTITY_MALFORMED},
	{"iss of a partner whose key it is not", HEAD, "{\"iss\":\"https://rsa.example\"," REST "}",
	 IDENTITY_UNKNOWN_KID},
	{"sub missing", HEAD, "{" ISS "\"aud\":\"tollgate\",\"exp\":1800000600}", IDENTITY_CLAIMS},
	{"sub empty", HEAD, "{" ISS "\"sub\":\"\",\"aud\":\"tollgate\",\"exp\":1800000600}",
	 IDENTITY_CLAIMS},
	{"sub number", HEAD, "{" ISS "\"sub\":1,\"aud\":\"tollgate\",\"exp\":1800000600}",
	 IDENTITY_CLAIMS},
	{"sub twice", HEAD, "{" ISS "\"sub\":\"root\"," REST "}", IDENTITY_MALFORMED},
	{"sub twice, once escaped", HEAD, "{" ISS "\"s\\u0075b\":\"root\"," REST "}",
	 IDENTITY_MALFORMED},
	{"exp missing", HEAD, "{" ISS "\"sub\":\"a\",\"aud\":\"tollgate\"}", IDENTITY_CLAIMS},
	{"exp text", HEAD, "{" ISS "\"sub\":\"a\",\"aud\":\"tollgate\",\"exp\":\"1800000600\"}",
	 IDENTITY_CLAIMS},
	{"exp fraction", HEAD, "{" ISS "\"sub\":\"a\",\"aud\":\"tollgate\",\"exp\":1800000600.5}",
	 IDENTITY_CLAIMS},
	{"exp 1e400", HEAD, "{" ISS "\"sub\":\"a\",\"aud\":\"tollgate\",\"exp\":1e400}",
	 IDENTITY_MALFORMED},
	{"exp beyond 64 bits", HEAD,
	 "{" ISS "\"sub\":\"a\",\"aud\":\"tollgate\",\"exp\":18000006000000000000}",
	 IDENTITY_MALFORMED},
	{"exp negative", HEAD, "{" ISS "\"sub\":\"a\",\"aud\":\"tollgate\",\"exp\":-1}",
	 IDENTITY_CLAIMS},
	{"exp null", HEAD, "{" ISS "\"sub\":\"a\",\"aud\":\"tollgate\",\"exp\":null}",
	 IDENTITY_CLAIMS},
	{"exp in the year 9999", HEAD,
	 "{" ISS "\"sub\":\"a\",\"aud\":\"tollgate\",\"exp\":253402300799}", IDENTITY_OK},
	{"exp passed, within leeway", HEAD,
	 "{" ISS "\"sub\":\"a\",\"aud\":\"tollgate\",\"exp\":1799999941}", IDENTITY_OK},
	{"exp passed with leeway", HEAD,
	 "{" ISS "\"sub\":\"a\",\"aud\":\"tollgate\",\"exp\":1799999940}", IDENTITY_EXPIRED},
	{"nbf ahead, within leeway", HEAD, "{" ISS "\"nbf\":1800000060," REST "}", IDENTITY_OK},
	{"nbf ahead", HEAD, "{" ISS "\"nbf\":1800000061," REST "}", IDENTITY_NOT_YET_VALID},
	{"nbf text", HEAD, "{" ISS "\"nbf\":\"1\"," REST "}", IDENTITY_CLAIMS},
	{"iat ahead", HEAD, "{" ISS "\"iat\":1800000061," REST "}", IDENTITY_NOT_YET_VALID},
	{"iat text", HEAD, "{" ISS "\"iat\":\"1\"," REST "}", IDENTITY_CLAIMS},
	{"aud missing", HEAD, "{" ISS "\"sub\":\"a\",\"exp\":1800000600}", IDENTITY_CLAIMS},
	{"aud of somebody else", HEAD,
	 "{" ISS "\"sub\":\"a\",\"aud\":\"tollgat\",\"exp\":1800000600}", IDENTITY_AUDIENCE},
	{"aud array with ours", HEAD,
	 "{" ISS "\"sub\":\"a\",\"aud\":[\"x\",\"other\"],\"exp\":1800000600}", IDENTITY_OK},
	{"aud array without ours", HEAD,
	 "{" ISS "\"sub\":\"a\",\"aud\":[\"x\"],\"exp\":1800000600}", IDENTITY_AUDIENCE},
	{"aud array empty", HEAD, "{" ISS "\"sub\":\"a\",\"aud\":[],\"exp\":1800000600}",
	 IDENTITY_AUDIENCE},
	{"aud array with a number", HEAD,
	 "{" ISS "\"sub\":\"a\",\"aud\":[\"tollgate\",1],\"exp\":1800000600}", IDENTITY_CLAIMS},
	{"aud object", HEAD, "{" ISS "\"sub\":\"a\",\"aud\":{},\"exp\":1800000600}",
	 IDENTITY_CLAIMS},
};

static void test_bearer__judges_signed_tokens(void **state)
{
	const struct world *world = *state;

	for (size_t i = 0; i < ARRAY_LEN(signed_rows); i++) {
		char *token = forge_token(world->ec, signed_rows[i].header, signed_rows[i].payload);

		printf("# %s\n", signed_rows[i].name);
		assert_string_equal(identity_reason_name(reason_of(world, str_from_c(token), NULL)),
				    identity_reason_name(signed_rows[i].want));
		free(token);
	}
}

/* The token of a row above, spoilt as text. */
static const struct {
	const char *name;
	const char *fmt; /* %1$s header, %2$s payload, %3$s signature */
	enum identity_reason want;
} text_rows[] = {
	{"as it is", "%1$s.%2$s.%3$s", IDENTITY_OK},
	{"empty", "", IDENTITY_MALFORMED},
	{"dots alone", "..", IDENTITY_MALFORMED},
	{"two parts", "%1$s.%2$s", IDENTITY_MALFORMED},
	{"signature empty", "%1$s.%2$s.", IDENTITY_MALFORMED},
	{"header empty", ".%2$s.%3$s", IDENTITY_MALFORMED},
	{"payload empty", "%1$s..%3$s", IDENTITY_MALFORMED},
	{"four parts", "%1$s.%2$s.%3$s.%3$s", IDENTITY_MALFORMED},
	{"four parts, last empty", "%1$s.%2$s.%3$s.", IDENTITY_MALFORMED},
	{"five parts", "%1$s.%2$s.%3$s.%3$s.%3$s", IDENTITY_MALFORMED},
	{"space in front", " %1$s.%2$s.%3$s", IDENTITY_MALFORMED},
	{"line feed in front", "\n%1$s.%2$s.%3$s", IDENTITY_MALFORMED},
	{"space behind", "%1$s.%2$s.%3$s ", IDENTITY_SIGNATURE},
	{"space inside", "%1$s.%2$s. %3$s", IDENTITY_SIGNATURE},
	{"padding behind the signature", "%1$s.%2$s.%3$s==", IDENTITY_SIGNATURE},
	{"padding behind the payload", "%1$s.%2$s=.%3$s", IDENTITY_MALFORMED},
	{"padding behind the header", "%1$s=.%2$s.%3$s", IDENTITY_MALFORMED},
	{"full-width dots", "%1$s\xef\xbc\x8e%2$s\xef\xbc\x8e%3$s", IDENTITY_MALFORMED},
	{"signature longer", "%1$s.%2$s.%3$sAAAA", IDENTITY_SIGNATURE},
	{"JSON serialization",
	 "{\"protected\":\"%1$s\",\"payload\":\"%2$s\",\"signature\":\"%3$s\"}",
	 IDENTITY_MALFORMED},
};

static void test_bearer__judges_forms(void **state)
{
	const struct world *world = *state;
	char *token = forge_token(world->ec, HEAD, GOOD);
	char *payload = strchr(token, '.');
	char *signature = strrchr(token, '.');

	*payload++ = '\0';
	*signature++ = '\0';
	for (size_t i = 0; i < ARRAY_LEN(text_rows); i++) {
		char *text = NULL;

		printf("# %s\n", text_rows[i].name);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		assert_true(asprintf(&text, text_rows[i].fmt, token, payload, signature) >= 0);
#pragma GCC diagnostic pop
		assert_string_equal(identity_reason_name(reason_of(world, str_from_c(text), NULL)),
				    identity_reason_name(text_rows[i].want));
		free(text);
	}
	free(token);
}

/* The last character of 64 bytes carries four unused bits; of a one-byte rest, too. */
static void test_bearer__refuses_unused_bits(void **state)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	const struct world *world = *state;
	char *token = forge_token(world->ec, HEAD, GOOD);
	char *last = token + strlen(token) - 1;
	const char *at = strchr(alphabet, *last);

	assert_int_equal(reason_of(world, str_from_c(token), NULL), IDENTITY_OK);
	assert_non_null(at);
	*last = at[1];
	assert_int_equal(reason_of(world, str_from_c(token), NULL), IDENTITY_SIGNATURE);
	free(token);
}

static void test_bearer__refuses_every_changed_byte(void **state)
{
	const struct world *world = *state;
	char *token = forge_token(world->ec, HEAD, GOOD);
	size_t len = strlen(token);

	for (size_t i = 0; i < len; i++) {
		char was = token[i];

		token[i] = was == 'A' ? 'B' : 'A';
		assert_int_not_equal(reason_of(world, str_make(token, len), NULL), IDENTITY_OK);
		token[i] = was;
		assert_int_not_equal(reason_of(world, str_make(token, i), NULL), IDENTITY_OK);
	}
	free(token);
}

/* HS256 with the public key as secret, in each form an attacker can get it. */
static void test_bearer__refuses_the_public_key_as_secret(void **state)
{
	const struct world *world = *state;
	struct forge *hmac = forge_new(JWS_HS256, "r");
	char *token = forge_token(hmac, "{\"alg\":\"HS256\",\"kid\":\"r\"}",
				  "{\"iss\":\"https://rsa.example\"," REST "}");

	assert_int_equal(reason_of(world, str_from_c(token), NULL), IDENTITY_ALGORITHM);
	free(token);
	token = forge_token(hmac, "{\"alg\":\"RS256\",\"kid\":\"r\"}",
			    "{\"iss\":\"https://rsa.example\"," REST "}");
	assert_int_equal(reason_of(world, str_from_c(token), NULL), IDENTITY_SIGNATURE);
	free(token);
	forge_free(hmac);
}

static void test_bearer__refuses_a_token_that_is_too_large(void **state)
{
	const struct world *world = *state;
	char *pad = base_alloc(1U << 20);
	char *payload;
	char *token;

	memset(pad, 'a', (1U << 20) - 1);
	payload = forge_text("{\"pad\":\"%s\"," ISS REST "}", pad);
	token = forge_token(world->ec, HEAD, payload);
	assert_int_equal(reason_of(world, str_from_c(token), NULL), IDENTITY_MALFORMED);
	free(token);
	free(payload);
	payload = forge_text("{\"alg\":\"ES256\",\"kid\":\"%s\"}", pad);
	token = forge_token(world->ec, payload, GOOD);
	assert_int_equal(reason_of(world, str_from_c(token), NULL), IDENTITY_MALFORMED);
	free(token);
	free(payload);
	free(pad);
}

static const struct claim_attribute attribute_map[] = {
	{STR("clearance"), STR("clearance")},	{STR("home_region"), STR("region")},
	{STR("intern"), STR("flags.intern")},	{STR("desks"), STR("desks")},
	{STR("absent"), STR("nowhere.at.all")},
};

static const struct claim_map full_map = {
	.bu = STR("https://idp.example/bu"),
	.team = STR("org.team"),
	.project = STR("project"),
	.roles = STR("realm_access.roles"),
	.groups = STR("groups"),
	.attributes = attribute_map,
	.attribute_count = ARRAY_LEN(attribute_map),
};

#define MAPPED                                                                                     \
	"\"https://idp.example/bu\":\"risk\",\"org\":{\"team\":\"fraud\"},\"realm_access\":{"      \
	"\"roles\":[\"analyst\",\"approver\"]},\"groups\":\"staff\",\"scope\":\"read  write\","    \
	"\"clearance\":3,\"region\":\"eu\",\"flags\":{\"intern\":false},\"desks\":[\"a\",\"b\"],"  \
	"\"amr\":[\"pwd\",\"mfa\"],"

static void test_bearer__maps_claims_to_a_principal(void **state)
{
	struct world world = *(const struct world *)*state;
	char *token = forge_token(world.ec, HEAD, "{" ISS MAPPED REST "}");
	const struct principal *ana;

	world.issuers[0].claims = full_map;
	assert_int_equal(reason_of(&world, str_from_c(token), &ana), IDENTITY_OK);
	free(token);
	assert_true(str_eq(ana->id, STR("ana")));
	assert_true(str_eq(ana->bu, STR("risk")));
	assert_true(str_eq(ana->team, STR("fraud")));
	assert_true(str_eq(ana->project, STR("")));
	assert_true(str_eq(ana->key_id, STR("corp/k")));
	assert_true(str_eq(ana->issuer, STR("https://idp.example")));
	assert_int_equal(ana->roles.count, 2);
	assert_true(str_list_has(ana->roles, STR("approver")));
	assert_int_equal(ana->groups.count, 1);
	assert_int_equal(ana->scopes.count, 2);
	assert_true(str_list_has(ana->scopes, STR("write")));
	assert_int_equal(ana->attribute_count, 4);
	assert_int_equal(principal_attribute(ana, STR("clearance"))->number, 3);
	assert_true(str_eq(principal_attribute(ana, STR("home_region"))->text, STR("eu")));
	assert_int_equal(principal_attribute(ana, STR("intern"))->type, ATTRIBUTE_BOOL);
	assert_int_equal(principal_attribute(ana, STR("desks"))->set.count, 2);
	assert_null(principal_attribute(ana, STR("absent")));
	assert_true(ana->has_mfa);
	assert_int_equal(ana->method, PRINCIPAL_JWT);
	assert_int_equal(ana->expires_ns, 1800000600LL * CLOCK_NS_PER_S);
	principal_unref(ana);
}

static void test_bearer__refuses_claims_of_a_wrong_type(void **state)
{
	static const char *const rows[] = {
		"\"project\":1,",
		"\"project\":[\"p\"],",
		"\"groups\":{},",
		"\"groups\":[\"a\",1],",
		"\"groups\":[null],",
		"\"scope\":7,",
		"\"realm_access\":{\"roles\":true},",
		"\"clearance\":3.5,",
		"\"clearance\":{},",
		"\"desks\":[1],",
	};
	struct world world = *(const struct world *)*state;

	world.issuers[0].claims = full_map;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char *payload = forge_text("{" ISS "%s" REST "}", rows[i]);
		char *token = forge_token(world.ec, HEAD, payload);

		printf("# %s\n", rows[i]);
		assert_int_equal(reason_of(&world, str_from_c(token), NULL), IDENTITY_CLAIMS);
		free(payload);
		free(token);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bearer__judges_signed_tokens),
		cmocka_unit_test(test_bearer__judges_forms),
		cmocka_unit_test(test_bearer__refuses_unused_bits),
		cmocka_unit_test(test_bearer__refuses_every_changed_byte),
		cmocka_unit_test(test_bearer__refuses_the_public_key_as_secret),
		cmocka_unit_test(test_bearer__refuses_a_token_that_is_too_large),
		cmocka_unit_test(test_bearer__maps_claims_to_a_principal),
		cmocka_unit_test(test_bearer__refuses_claims_of_a_wrong_type),
	};

	return cmocka_run_group_tests_name("bearer", tests, set_up, tear_down);
}
