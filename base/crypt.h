/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Digests, random bytes, encodings and comparisons that have no timing.
 *
 * Owns:    nothing. Input is borrowed for the call.
 * Threads: any.
 * Limits:  none beyond the caller's buffers.
 */
#ifndef BASE_CRYPT_H
#define BASE_CRYPT_H

#include "base/err.h"
#include "base/str.h"

#define CRYPT_SHA256_BYTES 32

void crypt_sha256(struct str in, uint8_t out[static CRYPT_SHA256_BYTES]);
/* RFC 2104; a key of any length. */
void crypt_hmac_sha256(struct str key, struct str in, uint8_t out[static CRYPT_SHA256_BYTES]);
/* No early exit: the time depends on len alone. */
bool crypt_equal(const void *a, const void *b, size_t len);
/* From the kernel; aborts if it cannot give any. */
void crypt_random(void *out, size_t len);
/* Overwrites in a way the compiler keeps. */
void crypt_wipe(void *ptr, size_t len);
/* CRC-32C (Castagnoli); start with 0, feed on with the last result. */
uint32_t crypt_crc32c(uint32_t crc, const void *data, size_t len);

/* out needs 2*len+1 bytes; NUL-terminated lower case. */
void crypt_hex(const void *data, size_t len, char *out);
/* Exactly out_len bytes from 2*out_len digits. */
MUST_CHECK enum err crypt_unhex(struct str hex, uint8_t *out, size_t out_len);
/* base64url without padding (RFC 7515): foreign characters, '=' and unused bits that are not
 * zero give ERR_MALFORMED; more than cap bytes ERR_LIMIT. */
MUST_CHECK enum err crypt_base64url_decode(struct str in, uint8_t *out, size_t cap,
					   size_t *out_len);
/* out needs 4*(len+2)/3+1 bytes; NUL-terminated; returns the length. */
size_t crypt_base64url_encode(const void *data, size_t len, char *out);

#endif
