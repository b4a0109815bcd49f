/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes tokens for tests, right ones and wrong ones: any header, any payload,
 * signed by a fresh key of any algorithm.
 *
 * Owns:    the key pair; texts returned are the caller's to free.
 * Threads: one.
 * Limits:  none.
 */
#ifndef TESTS_UNIT_GATEWAY_IDENTITY_FORGE_H
#define TESTS_UNIT_GATEWAY_IDENTITY_FORGE_H

#include "gateway/identity/jwks.h"

struct forge;

/* For HMAC the secret is fixed. */
struct forge *forge_new(enum jws_alg alg, const char *kid);
void forge_free(struct forge *forge);
/* The public key (HMAC: the secret) as a JWK object. */
const char *forge_jwk(const struct forge *forge);
/* PEM of the private key; empty for HMAC. */
struct str forge_pem(const struct forge *forge);
/* A set of just this key. */
struct jwks *forge_jwks(const struct forge *forge);

/* Header and payload are raw text; the signature is right for them whatever the header says. */
char *forge_token(const struct forge *forge, const char *header, const char *payload);
/* Parts that are encoded already. */
char *forge_token_encoded(const struct forge *forge, const char *header, const char *payload);
/* Signature bytes of text (ES*: r || s). Returns the length. */
size_t forge_sign(const struct forge *forge, struct str text, uint8_t *out, size_t cap);
/* base64url of a C string. */
char *forge_encode(const void *data, size_t len);
PRINTF_LIKE(1, 2) char *forge_text(const char *fmt, ...);

/* The whole file below TOLLGATE_SHARED, or NULL when it is not there. */
char *forge_read_shared(const char *path);

#endif
