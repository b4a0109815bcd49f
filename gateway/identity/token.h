/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Issues signed tokens for development and tests. Never verifies one: that is
 * jws.h's and bearer.h's work.
 *
 * Owns:    nothing; input is borrowed.
 * Threads: any.
 * Limits:  RS*, ES* and HS* (the issuing library knows no PS* and no EdDSA).
 */
#ifndef GATEWAY_IDENTITY_TOKEN_H
#define GATEWAY_IDENTITY_TOKEN_H

#include "gateway/identity/jws.h"

struct token_claim {
	struct str name;
	struct str value; /* JSON when it is JSON ("3", "true", "[...]"), else text */
};

struct token_options {
	enum jws_alg alg;
	struct str key; /* PEM of the private key; for HS* the secret's bytes */
	struct str kid; /* empty: no kid in the header */
	struct str issuer;
	struct str subject;
	struct str audience;
	const struct token_claim *claims;
	size_t claim_count;
	int64_t now_s;
	int64_t ttl_s;
};

/* ERR_UNSUPPORTED for an algorithm it cannot issue; diag says which it can. */
MUST_CHECK enum err token_issue(const struct token_options *options, struct diag *diag,
				struct buf *out);

#endif
