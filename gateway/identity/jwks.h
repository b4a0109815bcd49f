/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A set of verification keys read from a JWK Set (RFC 7517 §5) or a PEM file.
 * Keys that are not for us (encryption, an algorithm outside the allowed set, a
 * kind we do not know) and keys that are broken or too weak are left out. The
 * whole document is refused when a kid is repeated, when HMAC and public keys are
 * mixed, when it shows a private key, or when no usable key remains.
 *
 * Owns:    its keys. Text is borrowed for the call.
 * Threads: immutable and refcounted; any.
 * Limits:  document JWKS_BYTES, JWKS_KEYS keys.
 */
#ifndef GATEWAY_IDENTITY_JWKS_H
#define GATEWAY_IDENTITY_JWKS_H

#include "gateway/identity/jws.h"

#define JWKS_BYTES (256U * 1024U)
#define JWKS_KEYS  64

struct jwks;

/* allowed: JWS_ALG_BIT set. A key without "alg" gets the algorithm of its curve; an RSA key without
 * one gets the only RSA algorithm in allowed, and with several RS256 if it is among them. file
 * names the source in diag. */
MUST_CHECK enum err jwks_parse(struct str json, uint32_t allowed, const char *file,
			       struct diag *diag, struct jwks **out);
/* JSON, or PEM when the text begins with "-----BEGIN" (one key, kid empty, first allowed
 * algorithm of its kind). */
MUST_CHECK enum err jwks_load(const char *path, uint32_t allowed, struct diag *diag,
			      struct jwks **out);
struct jwks *jwks_ref(struct jwks *keys);
void jwks_unref(struct jwks *keys);

size_t jwks_count(const struct jwks *keys);
/* By exact kid. A set of one key answers also to an unset kid (the token names none), and, when
 * that key has no kid itself, to any. NULL: none. */
const struct jws_key *jwks_find(const struct jwks *keys, struct str kid);
/* SHA-256 of the document: a refresh that brought the same bytes changes nothing. */
const uint8_t *jwks_digest(const struct jwks *keys);

#endif
