/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signature keys of RFC 7518 §3 and RFC 8037: a key is bound to one algorithm
 * when it is made, and nothing in a token can change that. Parsed once; checking
 * a signature parses no key.
 *
 * Owns:    a key owns its material, wiped when freed. All input is borrowed.
 * Threads: keys are immutable; verification may run on many threads at once.
 * Limits:  RSA 2048 to 8192 bits, odd public exponent of 3 to 2^33; HMAC keys at least as
 *          long as their digest (RFC 7518 §3.2), at most 1 KiB; kid 255 bytes.
 */
#ifndef GATEWAY_IDENTITY_JWS_H
#define GATEWAY_IDENTITY_JWS_H

#include "base/buf.h"
#include "base/str.h"

#define JWS_KID 255

/* Order and names: the table in jws.c. */
enum jws_alg {
	JWS_RS256,
	JWS_RS384,
	JWS_RS512,
	JWS_PS256,
	JWS_PS384,
	JWS_PS512,
	JWS_ES256,
	JWS_ES384,
	JWS_ES512,
	JWS_EDDSA,
	JWS_HS256,
	JWS_HS384,
	JWS_HS512,
	JWS_ALG_COUNT,
};

enum jws_family {
	JWS_RSA, /* RS and PS */
	JWS_EC,
	JWS_OKP, /* Ed25519 */
	JWS_OCT, /* HMAC */
};

/* A set of algorithms: bit 1 << alg. */
#define JWS_ALG_BIT(alg) (1U << (unsigned)(alg))

/* ERR_UNSUPPORTED for any other text, "none" included; exact case. */
MUST_CHECK enum err jws_alg_from_str(struct str name, enum jws_alg *out);
const char *jws_alg_name(enum jws_alg alg);
enum jws_family jws_alg_family(enum jws_alg alg);
/* "P-256", "P-384", "P-521", "Ed25519"; NULL for RSA and HMAC. */
const char *jws_alg_curve(enum jws_alg alg);

/* Decoded members of a JWK, big-endian as they came; only those of the family are looked at. */
struct jws_material {
	struct str n, e; /* RSA */
	struct str x, y; /* EC (both), OKP (x) */
	struct str k;	 /* HMAC */
};

struct jws_key;

/* ERR_MALFORMED: not a valid key of that algorithm (off the curve, wrong length); ERR_UNSUPPORTED:
 * valid but too weak or too large. kid may be empty. */
MUST_CHECK enum err jws_key_new(enum jws_alg alg, struct str kid,
				const struct jws_material *material, struct jws_key **out);
/* A public or private key, or a certificate, as PEM. Never HMAC. */
MUST_CHECK enum err jws_key_from_pem(enum jws_alg alg, struct str kid, struct str pem,
				     struct jws_key **out);
void jws_key_free(struct jws_key *key);

enum jws_alg jws_key_alg(const struct jws_key *key);
struct str jws_key_kid(const struct jws_key *key);
/* ERR_UNAUTHENTIC for every signature that is not right, of whatever shape. ES* takes r || s of
 * exactly the curve's length, never DER. */
MUST_CHECK enum err jws_key_verify(const struct jws_key *key, struct str signed_text,
				   struct str signature);

/* A fresh pair for development: the private key as PKCS#8 PEM, the public one as a JWK object.
 * HMAC: ERR_UNSUPPORTED. */
MUST_CHECK enum err jws_generate(enum jws_alg alg, struct str kid, struct buf *out_pem,
				 struct buf *out_jwk);

#endif
