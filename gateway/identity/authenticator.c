/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/identity/authenticator.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/arena.h"

#define SETTINGS_ARENA_BYTES (4U * 1024U * 1024U)

static const uint32_t hmac_algs =
	JWS_ALG_BIT(JWS_HS256) | JWS_ALG_BIT(JWS_HS384) | JWS_ALG_BIT(JWS_HS512);

/* What stays when keys change; shared by the authenticators made from one another. */
struct settings {
	_Atomic uint32_t refs;
	struct arena arena; /* texts and lists of the issuers */
	struct apikey_store *store;
	struct principal_ops ops;
};

struct authenticator {
	_Atomic uint32_t refs;
	struct settings *settings;
	uint64_t generation; /* random: no two authenticators share one */
	size_t issuer_count;
	struct issuer issuers[];
};

/* ---- making ---- */

static struct str_list copy_list(struct arena *arena, struct str_list list)
{
	struct str *items = arena_array(arena, list.count, sizeof(items[0]));

	if (items == NULL)
		return (struct str_list){NULL, 0};
	for (size_t i = 0; i < list.count; i++)
		items[i] = arena_str(arena, list.items[i]);
	return (struct str_list){items, list.count};
}

static struct claim_map copy_map(struct arena *arena, const struct claim_map *map)
{
	struct claim_attribute *attributes =
		arena_array(arena, map->attribute_count, sizeof(attributes[0]));
	struct claim_map copy = {
		.subject = arena_str(arena, map->subject),
		.bu = arena_str(arena, map->bu),
		.team = arena_str(arena, map->team),
		.project = arena_str(arena, map->project),
		.roles = arena_str(arena, map->roles),
		.groups = arena_str(arena, map->groups),
		.scopes = arena_str(arena, map->scopes),
		.attributes = attributes,
		.attribute_count = attributes == NULL ? 0 : map->attribute_count,
	};

	for (size_t i = 0; i < copy.attribute_count; i++) {
		attributes[i].name = arena_str(arena, map->attributes[i].name);
		attributes[i].path = arena_str(arena, map->attributes[i].path);
	}
	return copy;
}

static struct issuer copy_issuer(struct arena *arena, const struct issuer *from)
{
	return (struct issuer){
		.name = arena_str(arena, from->name),
		.issuer = arena_str(arena, from->issuer),
		.audience = copy_list(arena, from->audience),
		.algorithms = from->algorithms,
		.leeway_s = from->leeway_s,
		.kind = from->kind,
		.claims = copy_map(arena, &from->claims),
		.keys = from->keys == NULL ? NULL : jwks_ref(from->keys),
	};
}

/* NULL: nothing wrong with issuers[index]. */
static const char *fault_of(const struct issuer *issuers, size_t index)
{
	const struct issuer *issuer = &issuers[index];
	uint32_t hmac = issuer->algorithms & hmac_algs;

	if (issuer->name.len == 0)
		return "has no name";
	if (issuer->issuer.len == 0)
		return "has no issuer (the exact iss of its tokens)";
	if (issuer->audience.count == 0)
		return "has no audience; a token made for somebody else would be taken";
	if (issuer->algorithms == 0 || issuer->algorithms >> JWS_ALG_COUNT != 0)
		return "has no algorithms";
	if (hmac != 0 && hmac != issuer->algorithms)
		return "mixes HMAC and public-key algorithms";
	if (issuer->leeway_s < 0 || issuer->leeway_s > ISSUER_LEEWAY_S)
		return "has a leeway outside 0s to 600s";
	for (size_t i = 0; i < index; i++) {
		if (str_eq(issuers[i].name, issuer->name) ||
		    str_eq(issuers[i].issuer, issuer->issuer))
			return "is listed twice";
	}
	return NULL;
}

static enum err check_options(const struct authenticator_options *options, struct diag *diag)
{
	if (options->issuer_count > AUTHENTICATOR_ISSUERS)
		return diag_set(diag, ERR_LIMIT, "", 0, 0, "more than %d issuers",
				AUTHENTICATOR_ISSUERS);
	for (size_t i = 0; i < options->issuer_count; i++) {
		const char *fault = fault_of(options->issuers, i);

		if (fault != NULL)
			return diag_set(diag, ERR_MALFORMED, "", options->issuers[i].line,
					options->issuers[i].column, "issuer \"" STR_FMT "\" %s",
					STR_ARG(options->issuers[i].name), fault);
	}
	return OK;
}

static struct authenticator *authenticator_alloc(struct settings *settings, size_t issuer_count)
{
	struct authenticator *auth =
		base_alloc(sizeof(*auth) + issuer_count * sizeof(auth->issuers[0]));

	atomic_init(&auth->refs, 1);
	auth->settings = settings;
	auth->issuer_count = issuer_count;
	crypt_random(&auth->generation, sizeof(auth->generation));
	return auth;
}

enum err authenticator_new(const struct authenticator_options *options, struct diag *diag,
			   struct authenticator **out)
{
	enum err err = check_options(options, diag);
	struct settings *settings;
	struct authenticator *auth;

	if (err != OK)
		return err;
	settings = base_alloc(sizeof(*settings));
	atomic_init(&settings->refs, 1);
	arena_init(&settings->arena, 4096, SETTINGS_ARENA_BYTES);
	settings->ops = options->ops;
	settings->store = options->keys == NULL ? NULL : apikey_store_ref(options->keys);
	auth = authenticator_alloc(settings, options->issuer_count);
	for (size_t i = 0; i < options->issuer_count; i++)
		auth->issuers[i] = copy_issuer(&settings->arena, &options->issuers[i]);
	if (arena_has_overflowed(&settings->arena)) {
		authenticator_unref(auth);
		return diag_set(diag, ERR_LIMIT, "", 0, 0, "the issuers' options are too large");
	}
	*out = auth;
	return OK;
}

struct authenticator *authenticator_with_keys(const struct authenticator *auth, size_t issuer,
					      struct jwks *keys)
{
	struct authenticator *copy = authenticator_alloc(auth->settings, auth->issuer_count);

	ASSERT(issuer < auth->issuer_count);
	atomic_fetch_add_explicit(&auth->settings->refs, 1, memory_order_relaxed);
	for (size_t i = 0; i < auth->issuer_count; i++) {
		copy->issuers[i] = auth->issuers[i];
		if (i == issuer)
			copy->issuers[i].keys = keys;
		if (copy->issuers[i].keys != NULL)
			(void)jwks_ref(copy->issuers[i].keys);
	}
	return copy;
}

struct authenticator *authenticator_ref(struct authenticator *auth)
{
	atomic_fetch_add_explicit(&auth->refs, 1, memory_order_relaxed);
	return auth;
}

static void settings_unref(struct settings *settings)
{
	if (atomic_fetch_sub_explicit(&settings->refs, 1, memory_order_acq_rel) > 1)
		return;
	apikey_store_unref(settings->store);
	arena_fini(&settings->arena);
	free(settings);
}

void authenticator_unref(struct authenticator *auth)
{
	if (auth == NULL || atomic_fetch_sub_explicit(&auth->refs, 1, memory_order_acq_rel) > 1)
		return;
	for (size_t i = 0; i < auth->issuer_count; i++)
		jwks_unref(auth->issuers[i].keys);
	settings_unref(auth->settings);
	free(auth);
}

size_t authenticator_issuer_count(const struct authenticator *auth)
{
	return auth->issuer_count;
}

const struct issuer *authenticator_issuer(const struct authenticator *auth, size_t issuer)
{
	ASSERT(issuer < auth->issuer_count);
	return &auth->issuers[issuer];
}

/* ---- judging ---- */

/* RFC 6750 §2.1: "Bearer" 1*SP token; the scheme in any case (RFC 9110 §11.1). */
static bool bearer_of(struct str authorization, struct str *out)
{
	struct str rest = authorization;
	struct str scheme;

	if (!str_cut(&rest, ' ', &scheme) || !str_eq_nocase(scheme, STR("Bearer")))
		return false;
	while (rest.len > 0 && rest.ptr[0] == ' ')
		rest = str_sub(rest, 1, rest.len - 1);
	*out = rest;
	return rest.len > 0;
}

/* The one credential that was presented. */
static enum identity_reason credential_of(struct str authorization, struct str x_api_key,
					  struct str *out)
{
	struct str bearer;

	if (!str_is_set(authorization)) {
		if (x_api_key.len == 0)
			return IDENTITY_NO_CREDENTIAL;
		*out = x_api_key;
		return IDENTITY_OK;
	}
	if (!bearer_of(authorization, &bearer))
		return IDENTITY_BAD_SCHEME;
	if (str_is_set(x_api_key) &&
	    (bearer.len != x_api_key.len || !crypt_equal(bearer.ptr, x_api_key.ptr, bearer.len)))
		return IDENTITY_TWO_CREDENTIALS;
	*out = bearer;
	return IDENTITY_OK;
}

static enum identity_reason judge_api_key(const struct authenticator *auth, struct str key,
					  int64_t wall_ns, const struct principal **out)
{
	const struct principal *found;

	if (auth->settings->store == NULL)
		return IDENTITY_UNKNOWN_API_KEY;
	switch (apikey_store_find(auth->settings->store, key, wall_ns, &found)) {
	case APIKEY_VALID: *out = principal_ref(found); return IDENTITY_OK;
	case APIKEY_UNKNOWN: return IDENTITY_UNKNOWN_API_KEY;
	case APIKEY_REVOKED: return IDENTITY_REVOKED;
	case APIKEY_EXPIRED: return IDENTITY_EXPIRED;
	}
	return IDENTITY_UNKNOWN_API_KEY;
}

/* The slow way: verify, and remember. */
static void judge_new_token(const struct authenticator *auth, struct identity_cache *cache,
			    const uint8_t *digest, struct str token, int64_t wall_ns,
			    const struct principal **out, struct identity_outcome *outcome)
{
	struct bearer_verdict verdict;
	const struct principal *principal;

	if (bearer_verify(auth->issuers, auth->issuer_count, token, wall_ns, &auth->settings->ops,
			  &principal, &verdict) == OK) {
		identity_cache_put(cache, digest, principal, verdict.until_ns);
		*out = principal;
	}
	outcome->reason = verdict.reason;
	outcome->issuer = verdict.issuer;
	if (verdict.reason == IDENTITY_UNKNOWN_KID)
		outcome->wants_refresh = identity_cache_may_ask(cache, verdict.issuer, wall_ns);
}

static void judge_token(const struct authenticator *auth, struct identity_cache *cache,
			struct str token, int64_t wall_ns, const struct principal **out,
			struct identity_outcome *outcome)
{
	uint8_t digest[CRYPT_SHA256_BYTES];
	const struct principal *found;

	if (token.len > BEARER_TOKEN_BYTES) {
		outcome->reason = IDENTITY_MALFORMED;
		return;
	}
	crypt_sha256(token, digest);
	found = identity_cache_get(cache, digest, wall_ns);
	if (found == NULL) {
		judge_new_token(auth, cache, digest, token, wall_ns, out, outcome);
		return;
	}
	*out = principal_ref(found);
	outcome->reason = IDENTITY_OK;
	outcome->is_cached = true;
}

enum err authenticate(const struct authenticator *auth, struct identity_cache *cache,
		      struct str authorization, struct str x_api_key, int64_t wall_ns,
		      const struct principal **out, struct identity_outcome *out_outcome)
{
	struct identity_outcome outcome = {.issuer = SIZE_MAX};
	struct str credential;

	identity_cache_set_generation(cache, auth->generation);
	outcome.reason = credential_of(authorization, x_api_key, &credential);
	if (outcome.reason == IDENTITY_OK && apikey_is_shaped(credential))
		outcome.reason = judge_api_key(auth, credential, wall_ns, out);
	else if (outcome.reason == IDENTITY_OK)
		judge_token(auth, cache, credential, wall_ns, out, &outcome);
	*out_outcome = outcome;
	return outcome.reason == IDENTITY_OK ? OK : ERR_UNAUTHENTIC;
}
