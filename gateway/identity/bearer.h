/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole bearer token judged: form, issuer, key, signature, claims, and the
 * principal that the claims describe. The unverified text selects the issuer (by
 * iss) and the key (by kid) and nothing else; no claim is believed before its
 * signature.
 *
 * Owns:    nothing; issuers are borrowed from the authenticator.
 * Threads: any.
 * Limits:  token BEARER_TOKEN_BYTES; header as in compact.h; lists and texts as in
 *          principal.h.
 */
#ifndef GATEWAY_IDENTITY_BEARER_H
#define GATEWAY_IDENTITY_BEARER_H

#include "gateway/identity/issuer.h"
#include "gateway/identity/reason.h"

#define BEARER_TOKEN_BYTES 16384

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
