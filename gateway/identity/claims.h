/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The claims of a token: read strictly (no repeated member, no lenient type),
 * checked against what the operator expects, and turned into a principal.
 *
 * Owns:    its document.
 * Threads: one user at a time.
 * Limits:  those of principal.h; times are whole seconds, beyond the year 2255 cut to it.
 */
#ifndef GATEWAY_IDENTITY_CLAIMS_H
#define GATEWAY_IDENTITY_CLAIMS_H

#include "gateway/identity/issuer.h"
#include "gateway/identity/reason.h"

struct claims;

MUST_CHECK enum err claims_parse(struct str json, struct claims **out);
void claims_free(struct claims *claims);
/* Of a string member at the top; unset when absent or of another type. Lives as long as claims. */
struct str claims_text(const struct claims *claims, const char *name);
/* exp, nbf, iat and aud, with the issuer's leeway. exp must be there. IDENTITY_OK: *out_until_ns is
 * the wall time at which the token is over, leeway included. */
enum identity_reason claims_check(const struct claims *claims, const struct issuer *issuer,
				  int64_t wall_ns, int64_t *out_until_ns);
/* ERR_MALFORMED: a mapped claim has a type it cannot have, or there is no subject; ERR_LIMIT: too
 * much of something. */
MUST_CHECK enum err claims_principal(const struct claims *claims, const struct issuer *issuer,
				     struct str kid, const struct principal_ops *ops,
				     const struct principal **out);

#endif
