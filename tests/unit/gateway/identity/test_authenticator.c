/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "gateway/identity/authenticator.h"
#include "tests/unit/gateway/identity/forge.h"

#define NOW_NS (1800000000LL * CLOCK_NS_PER_S)
#define PAYLOAD                                                                                    \
	"{\"iss\":\"https://"                                                                      \
	"idp.example\",\"sub\":\"ana\",\"aud\":\"tollgate\",\"exp\":1800000600}"

static const struct str audience[] = {STR("tollgate")};
static const struct str unset = {NULL, 0};

struct world {
	struct forge *forge;
	struct jwks *keys;
	struct apikey_store *store;
	struct authenticator *auth;
	struct identity_cache *cache;
	char *token;
	char api_key[APIKEY_LEN + 1];
	int alive; /* attachments */
};

static void *attach(void *arg, const struct principal *principal)
{
	(void)principal;
	((struct world *)arg)->alive++;
	return arg;
}

static void detach(void *arg, void *attachment)
{
	(void)attachment;
	((struct world *)arg)->alive--;
}

static struct issuer issuer_of(struct jwks *keys)
{
	return (struct issuer){
		.name = STR("corp"),
		.issuer = STR("https://idp.example"),
		.audience = {audience, 1},
		.algorithms = JWS_ALG_BIT(JWS_ES256),
		.leeway_s = 60,
		.keys = keys,
	};
}

static int set_up(void **state)
{
	struct world *world = base_alloc(sizeof(*world));
	char sha256[65];
	struct apikey_row row = {.id = STR("k1"), .name = STR("ci"), .bu = STR("risk")};
	struct principal_ops ops = {attach, detach, world};
	struct issuer issuer;

	world->forge = forge_new(JWS_ES256, "k");
	world->keys = forge_jwks(world->forge);
	world->token = forge_token(world->forge, "{\"alg\":\"ES256\",\"kid\":\"k\"}", PAYLOAD);
	apikey_generate(world->api_key, sha256);
	row.sha256 = str_from_c(sha256);
	assert_int_equal(apikey_store_new(&row, 1, "keys.yaml", &ops, NULL, &world->store), OK);
	issuer = issuer_of(world->keys);
	assert_int_equal(
		authenticator_new(&(struct authenticator_options){world->store, &issuer, 1, ops},
				  NULL, &world->auth),
		OK);
	world->cache = identity_cache_new(100);
	*state = world;
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	identity_cache_free(world->cache);
	authenticator_unref(world->auth);
	apikey_store_unref(world->store);
	jwks_unref(world->keys);
	forge_free(world->forge);
	free(world->token);
	assert_int_equal(world->alive, 0);
	free(world);
	return 0;
}

static struct identity_outcome ask(const struct world *world, const struct authenticator *auth,
				   struct str authorization, struct str x_api_key, int64_t wall_ns)
{
	struct identity_outcome outcome = {.reason = IDENTITY_REASON_COUNT};
	const struct principal *principal = NULL;
	enum err err = authenticate(auth, world->cache, authorization, x_api_key, wall_ns,
				    &principal, &outcome);

	assert_int_equal(err, outcome.reason == IDENTITY_OK ? OK : ERR_UNAUTHENTIC);
	assert_int_equal(principal != NULL, err == OK);
	principal_unref(principal);
	return outcome;
}

/* %s in either field stands for the token, # for the API key. */
static const struct {
	const char *name;
	const char *authorization;
	const char *x_api_key;
	enum identity_reason want;
} rows[] = {
	{"nothing", NULL, NULL, IDENTITY_NO_CREDENTIAL},
	{"x-api-key empty", NULL, "", IDENTITY_NO_CREDENTIAL},
	{"bearer token", "Bearer %", NULL, IDENTITY_OK},
	{"bearer key", "Bearer #", NULL, IDENTITY_OK},
	{"scheme in another case", "bEARER #", NULL, IDENTITY_OK},
	{"two spaces", "Bearer  #", NULL, IDENTITY_OK},
	{"x-api-key", NULL, "#", IDENTITY_OK},
	{"token in x-api-key", NULL, "%", IDENTITY_OK},
	{"both, equal", "Bearer #", "#", IDENTITY_OK},
	{"both, other", "Bearer %", "#", IDENTITY_TWO_CREDENTIALS},
	{"both, one a prefix", "Bearer #", "tg_", IDENTITY_TWO_CREDENTIALS},
	{"both, one empty", "Bearer #", "", IDENTITY_TWO_CREDENTIALS},
	{"both, the first not for us", "Basic YTpi", "#", IDENTITY_BAD_SCHEME},
	{"authorization empty", "", NULL, IDENTITY_BAD_SCHEME},
	{"scheme alone", "Bearer", NULL, IDENTITY_BAD_SCHEME},
	{"scheme and space", "Bearer ", NULL, IDENTITY_BAD_SCHEME},
	{"no scheme", "#", NULL, IDENTITY_BAD_SCHEME},
	{"Basic", "Basic YTpi", NULL, IDENTITY_BAD_SCHEME},
	{"unknown key", "Bearer tg_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", NULL,
	 IDENTITY_UNKNOWN_API_KEY},
	{"prefix alone", "Bearer tg_", NULL, IDENTITY_UNKNOWN_API_KEY},
	{"key of another kind", "Bearer sk-123", NULL, IDENTITY_MALFORMED},
	{"two tokens", "Bearer % %", NULL, IDENTITY_MALFORMED},
	{"key with text behind", "Bearer # ", NULL, IDENTITY_UNKNOWN_API_KEY},
};

/* NULL stays NULL; the caller frees. */
static char *expand(const struct world *world, const char *pattern)
{
	struct buf text;

	if (pattern == NULL)
		return NULL;
	buf_init(&text, 65536);
	for (; *pattern != '\0'; pattern++) {
		struct str piece = *pattern == '%'   ? str_from_c(world->token)
				   : *pattern == '#' ? str_from_c(world->api_key)
						     : str_make(pattern, 1);

		assert_int_equal(buf_append(&text, piece), OK);
	}
	assert_int_equal(buf_append_byte(&text, '\0'), OK);
	return text.ptr;
}

static void test_authenticator__takes_one_credential(void **state)
{
	const struct world *world = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char *authorization = expand(world, rows[i].authorization);
		char *x_api_key = expand(world, rows[i].x_api_key);

		printf("# %s\n", rows[i].name);
		assert_string_equal(
			identity_reason_name(ask(world, world->auth, str_from_c(authorization),
						 str_from_c(x_api_key), NOW_NS)
						     .reason),
			identity_reason_name(rows[i].want));
		free(authorization);
		free(x_api_key);
	}
}

static void test_authenticator__remembers_until_expiry(void **state)
{
	const struct world *world = *state;
	struct str token = str_from_c(world->token);

	assert_false(ask(world, world->auth, unset, token, NOW_NS).is_cached);
	assert_int_equal(world->alive, 2);
	assert_true(ask(world, world->auth, unset, token, NOW_NS).is_cached);
	assert_true(ask(world, world->auth, unset, token, NOW_NS + 659 * CLOCK_NS_PER_S).is_cached);
	assert_int_equal(
		ask(world, world->auth, unset, token, NOW_NS + 660 * CLOCK_NS_PER_S).reason,
		IDENTITY_EXPIRED);
	assert_int_equal(world->alive, 1);
}

/* Two tokens that share their first thousand bytes are two tokens. */
static void test_authenticator__caches_by_the_whole_token(void **state)
{
	const struct world *world = *state;
	char *pad = base_alloc(1501);
	char *payload;
	char *good;
	char *bad;

	memset(pad, 'a', 1500);
	payload = forge_text("{\"pad\":\"%s\",%s", pad, &PAYLOAD[1]);
	good = forge_token(world->forge, "{\"alg\":\"ES256\",\"kid\":\"k\"}", payload);
	bad = forge_text("%s", good);
	bad[strlen(bad) - 2] = bad[strlen(bad) - 2] == 'A' ? 'B' : 'A';
	assert_int_equal(ask(world, world->auth, unset, str_from_c(good), NOW_NS).reason,
			 IDENTITY_OK);
	assert_int_equal(ask(world, world->auth, unset, str_from_c(bad), NOW_NS).reason,
			 IDENTITY_SIGNATURE);
	free(pad);
	free(payload);
	free(good);
	free(bad);
}

static void test_authenticator__forgets_when_keys_change(void **state)
{
	const struct world *world = *state;
	struct str token = str_from_c(world->token);
	struct forge *other = forge_new(JWS_ES256, "k2");
	struct jwks *keys = forge_jwks(other);
	struct authenticator *without = authenticator_with_keys(world->auth, 0, NULL);
	struct authenticator *rotated = authenticator_with_keys(world->auth, 0, keys);
	struct identity_outcome outcome;

	assert_int_equal(ask(world, world->auth, unset, token, NOW_NS).reason, IDENTITY_OK);
	outcome = ask(world, rotated, unset, token, NOW_NS);
	assert_int_equal(outcome.reason, IDENTITY_UNKNOWN_KID);
	assert_int_equal(outcome.issuer, 0);
	assert_true(outcome.wants_refresh);
	assert_int_equal(identity_cache_read_stat(world->cache).count, 0);
	assert_int_equal(ask(world, without, unset, token, NOW_NS).reason, IDENTITY_UNKNOWN_KID);
	/* API keys are the same in all of them. */
	assert_int_equal(ask(world, without, unset, str_from_c(world->api_key), NOW_NS).reason,
			 IDENTITY_OK);
	assert_int_equal(ask(world, world->auth, unset, token, NOW_NS).reason, IDENTITY_OK);
	authenticator_unref(without);
	authenticator_unref(rotated);
	jwks_unref(keys);
	forge_free(other);
}

static void test_authenticator__asks_once_for_a_flood_of_unknown_kids(void **state)
{
	const struct world *world = *state;
	unsigned asked = 0;

	for (unsigned i = 0; i < 1000; i++) {
		char *header = forge_text("{\"alg\":\"ES256\",\"kid\":\"x%u\"}", i);
		char *token = forge_token_encoded(world->forge, "e30", "e30");
		char *encoded = forge_encode(header, strlen(header));
		char *flood = forge_text("%s%s", encoded, strchr(world->token, '.'));
		struct identity_outcome outcome =
			ask(world, world->auth, unset, str_from_c(flood), NOW_NS + i * 1000);

		assert_int_equal(outcome.reason, IDENTITY_UNKNOWN_KID);
		asked += outcome.wants_refresh;
		free(header);
		free(token);
		free(encoded);
		free(flood);
	}
	assert_int_equal(asked, 1);
	assert_int_equal(identity_cache_read_stat(world->cache).count, 0);
}

static void test_authenticator__keeps_a_principal_beyond_its_entry(void **state)
{
	const struct world *world = *state;
	const struct principal *principal;
	struct identity_outcome outcome;

	assert_int_equal(authenticate(world->auth, world->cache, unset, str_from_c(world->token),
				      NOW_NS, &principal, &outcome),
			 OK);
	identity_cache_set_generation(world->cache, 1);
	assert_true(str_eq(principal->id, STR("ana")));
	assert_ptr_equal(principal->attachment, world);
	principal_unref(principal);
}

struct worker {
	pthread_t thread;
	const struct world *world;
	unsigned refused;
};

/* Its own cache; authenticator, keys and the API key's principal are shared. */
static void *work(void *arg)
{
	struct worker *worker = arg;
	struct identity_cache *cache = identity_cache_new(10);

	for (unsigned i = 0; i < 200; i++) {
		struct authenticator *auth = authenticator_ref(worker->world->auth);
		struct str credential =
			str_from_c(i % 3 == 0 ? worker->world->api_key : worker->world->token);
		const struct principal *principal = NULL;
		struct identity_outcome outcome;

		if (i % 5 == 0)
			identity_cache_set_generation(cache, i);
		worker->refused += authenticate(auth, cache, unset, credential, NOW_NS, &principal,
						&outcome) != OK;
		principal_unref(principal);
		authenticator_unref(auth);
	}
	identity_cache_free(cache);
	return NULL;
}

static void *attach_nothing(void *arg, const struct principal *principal)
{
	(void)arg, (void)principal;
	return NULL;
}

static void test_authenticator__serves_many_threads(void **state)
{
	struct world *world = *state;
	const struct issuer issuer = issuer_of(world->keys);
	const struct authenticator_options options = {
		.keys = world->store,
		.issuers = &issuer,
		.issuer_count = 1,
		.ops = {attach_nothing, detach, NULL},
	};
	struct worker workers[4];

	authenticator_unref(world->auth);
	assert_int_equal(authenticator_new(&options, NULL, &world->auth), OK);
	for (size_t i = 0; i < ARRAY_LEN(workers); i++) {
		workers[i] = (struct worker){.world = world};
		assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
	}
	for (size_t i = 0; i < ARRAY_LEN(workers); i++) {
		assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
		assert_int_equal(workers[i].refused, 0);
	}
}

static void test_authenticator__refuses_loose_options(void **state)
{
	const struct world *world = *state;
	struct issuer good = issuer_of(world->keys);
	struct issuer pair[2];

	for (unsigned i = 0; i < 8; i++) {
		struct authenticator_options options = {.issuers = pair, .issuer_count = 2};
		struct authenticator *auth = NULL;
		struct diag diag = {0};

		pair[0] = good;
		pair[1] = good;
		pair[1].name = STR("second");
		pair[1].issuer = STR("https://second.example");
		switch (i) {
		case 0: pair[1].name = STR(""); break;
		case 1: pair[1].issuer = STR(""); break;
		case 2: pair[1].audience.count = 0; break;
		case 3: pair[1].algorithms = 0; break;
		case 4: pair[1].algorithms |= JWS_ALG_BIT(JWS_HS256); break;
		case 5: pair[1].issuer = good.issuer; break;
		case 6: pair[1].leeway_s = 601; break;
		default: pair[1].name = good.name; break;
		}
		assert_int_equal(authenticator_new(&options, &diag, &auth), ERR_MALFORMED);
		assert_true(diag.text[0] != '\0');
		assert_null(auth);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_authenticator__takes_one_credential, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_authenticator__remembers_until_expiry, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_authenticator__caches_by_the_whole_token,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_authenticator__forgets_when_keys_change,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_authenticator__asks_once_for_a_flood_of_unknown_kids, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(
			test_authenticator__keeps_a_principal_beyond_its_entry, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_authenticator__serves_many_threads, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_authenticator__refuses_loose_options, set_up,
						tear_down),
	};

	return cmocka_run_group_tests_name("authenticator", tests, NULL, NULL);
}
