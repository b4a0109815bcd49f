/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the operator says about one issuer of tokens, and where in its claims
 * each field of a principal stands.
 *
 * Owns:    nothing; texts, lists and keys belong to the authenticator.
 * Threads: immutable; any.
 * Limits:  leeway 10 minutes.
 */
#ifndef GATEWAY_IDENTITY_ISSUER_H
#define GATEWAY_IDENTITY_ISSUER_H

#include "gateway/identity/jwks.h"
#include "gateway/identity/principal.h"

#define ISSUER_LEEWAY_S 600

/* Attribute `name` is read from the claim at `path`. */
struct claim_attribute {
	struct str name;
	struct str path;
};

/* A member's name, or a dotted path ("realm_access.roles") when there is no member of that whole
 * name. Empty: not mapped (subject and scopes: the usual name). */
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
	struct jwks *keys;     /* NULL: none known yet, all its tokens are refused */
	unsigned line, column; /* where it stands in its file; 0: nowhere */
};

#endif
