/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole bearer token judged: form, issuer, key, signature, claims, and the
 * principal that the claims describe. The unverified text selects the issuer (by
 * iss) and the key (by kid) and nothing else; no claim is believed before its
 * signature.
 *
 * Owns:    nothing; issuers are borrowed from the authenticator.
 * Threads: any.
 * Limits:  token 16 KiB, header 4 KiB decoded; lists and texts as in principal.h.
 */
#ifndef GATEWAY_IDENTITY_BEARER_H
#define GATEWAY_IDENTITY_BEARER_H

#include "gateway/identity/jwks.h"
#include "gateway/identity/principal.h"
#include "gateway/identity/reason.h"

#define BEARER_TOKEN_BYTES  16384
#define BEARER_HEADER_BYTES 4096

/* Attribute `name` is read from the claim at `path`. */
struct claim_attribute {
	struct str name;
	struct str path;
};

/* Where each field stands in the claims: a member's name, or a dotted path ("realm_access.roles")
 * when there is no member of that whole name. Empty: not mapped (subject, scope: the usual name).
 */
struct claim_map {
	struct str subject; /* "sub" */
	struct str bu;
	struct str team;
	struct str project;
	struct str roles;  /* array of strings, or one string */
	struct str groups; /* array of strings, or one string */
	struct str scopes; /* "scope": space-separated string, or array of strings */
	const struct claim_attribute *attributes;
	size_t attribute_count;
};

struct issuer {
	struct str name;	  /* our word for it, in key ids and logs */
	struct str issuer;	  /* exact iss */
	struct str_list audience; /* at least one; the token must name one of them */
	uint32_t algorithms;	  /* JWS_ALG_BIT set; keys of others are not loaded */
	int64_t leeway_s;
	enum principal_kind kind;
	struct claim_map claims;
	struct jwks *keys; /* NULL: none known yet, all its tokens are refused */
};

struct bearer_verdict {
	enum identity_reason reason;
	size_t issuer;	  /* index; SIZE_MAX while unknown */
	int64_t until_ns; /* on success: wall time up to which the token may be taken */
};

/* ERR_UNAUTHENTIC for every refusal; out_verdict says why, for logs and counters only, and is
 * filled in either case. On OK *out has one reference. */
MUST_CHECK enum err bearer_verify(const struct issuer *issuers, size_t issuer_count,
				  struct str token, int64_t wall_ns,
				  const struct principal_ops *ops, const struct principal **out,
				  struct bearer_verdict *out_verdict);

#endif
