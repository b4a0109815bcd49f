/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JWS compact serialization (RFC 7515 §7.1), the level below claims: exactly
 * three parts, canonical base64url, a header we can stand behind. No typ, time or
 * claim rule is applied here.
 *
 * Owns:    nothing; views point into the token.
 * Threads: any.
 * Limits:  header COMPACT_HEADER_BYTES decoded, signature 1 KiB, kid JWS_KID bytes.
 */
#ifndef GATEWAY_IDENTITY_COMPACT_H
#define GATEWAY_IDENTITY_COMPACT_H

#include "gateway/identity/jws.h"

#define COMPACT_HEADER_BYTES	4096
#define COMPACT_SIGNATURE_BYTES 1024
#define COMPACT_TYP		32

struct compact {
	struct str signed_text; /* header "." payload, as sent */
	struct str payload;	/* base64url */
	struct str signature;	/* base64url */
	enum jws_alg alg;	/* what the header says; the key decides */
	bool has_kid;
	bool has_typ;
	size_t kid_len;
	size_t typ_len;
	char kid_bytes[JWS_KID + 1];
	char typ_bytes[COMPACT_TYP];
};

/* ERR_MALFORMED: not in this form, or the header has a repeated member, crit, b64, jwk, jku, x5u,
 * x5c or zip. ERR_UNSUPPORTED: alg is "none" or one we do not know. */
MUST_CHECK enum err compact_parse(struct str token, struct compact *out);
/* Unset when the header has none. */
struct str compact_kid(const struct compact *compact);
struct str compact_typ(const struct compact *compact);
/* ERR_UNSUPPORTED when the header names another algorithm than the key's, else as
 * jws_key_verify. */
MUST_CHECK enum err compact_verify(const struct compact *compact, const struct jws_key *key);
/* cap of payload.len is always enough. */
MUST_CHECK enum err compact_payload(const struct compact *compact, uint8_t *out, size_t cap,
				    size_t *out_len);

#endif
