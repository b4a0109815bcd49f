/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The façade of identity: credentials of a request in, principal out. One
 * authenticator belongs to a snapshot; a worker brings its own cache. New keys
 * from an issuer make a new authenticator that shares all the rest.
 *
 * Taken: "Authorization: Bearer <API key or JWT>" and "x-api-key: <API key or
 * JWT>"; both only when they are equal.
 *
 * Owns:    a reference to the key store and to each key set; copies of all
 *          option texts.
 * Threads: immutable and refcounted; any. The cache is its worker's.
 * Limits:  64 issuers; credential 16 KiB.
 */
#ifndef GATEWAY_IDENTITY_AUTHENTICATOR_H
#define GATEWAY_IDENTITY_AUTHENTICATOR_H

#include "gateway/identity/apikey.h"
#include "gateway/identity/bearer.h"
#include "gateway/identity/cache.h"

#define AUTHENTICATOR_ISSUERS 64

struct authenticator;

struct authenticator_options {
	struct apikey_store *keys;    /* NULL: no API keys */
	const struct issuer *issuers; /* .keys may be NULL until fetched */
	size_t issuer_count;
	struct principal_ops
		ops; /* for tokens; the key store got its own at birth. attach NULL: none */
};

/* Refuses issuers without name, issuer, audience or algorithms, repeated names or issuers, HMAC
 * beside public-key algorithms. References are taken, none are taken over. */
MUST_CHECK enum err authenticator_new(const struct authenticator_options *options,
				      struct diag *diag, struct authenticator **out);
/* A copy with another key set for one issuer (NULL: none any more); a reference is taken. */
struct authenticator *authenticator_with_keys(const struct authenticator *auth, size_t issuer,
					      struct jwks *keys);
struct authenticator *authenticator_ref(struct authenticator *auth);
void authenticator_unref(struct authenticator *auth);

size_t authenticator_issuer_count(const struct authenticator *auth);
/* Borrowed. */
const struct issuer *authenticator_issuer(const struct authenticator *auth, size_t issuer);

struct identity_outcome {
	enum identity_reason reason;
	bool is_cached;	    /* the token was verified before */
	bool wants_refresh; /* unknown kid at `issuer`: tell the main thread (rate-limited here) */
	size_t issuer;	    /* index; SIZE_MAX when none was found */
};

/* authorization and x_api_key are the raw field values, unset when absent. OK or ERR_UNAUTHENTIC,
 * nothing else; *out_outcome is filled in either case and is for logs and counters. On OK *out has
 * one reference: principal_unref() it when the request ends. No allocation when the token is cached
 * or the credential an API key. */
MUST_CHECK enum err authenticate(const struct authenticator *auth, struct identity_cache *cache,
				 struct str authorization, struct str x_api_key, int64_t wall_ns,
				 const struct principal **out,
				 struct identity_outcome *out_outcome);

#endif
