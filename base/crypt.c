/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SHA-256 goes through the low-level calls: EVP and the one-shot SHA256()
 * allocate per call and cost more than twice as much on a token's length.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "base/crypt.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <sys/random.h>

void crypt_sha256(struct str in, uint8_t out[static CRYPT_SHA256_BYTES])
{
	SHA256_CTX sha;

	SHA256_Init(&sha);
	if (in.len > 0)
		SHA256_Update(&sha, in.ptr, in.len);
	SHA256_Final(out, &sha);
}

/* One of the two hashes: the key's block with a mark in it, then the text. */
static void hmac_hash(const uint8_t block[static SHA256_CBLOCK], uint8_t mark, struct str in,
		      uint8_t out[static CRYPT_SHA256_BYTES])
{
	uint8_t marked[SHA256_CBLOCK];
	SHA256_CTX sha;

	for (size_t i = 0; i < sizeof(marked); i++)
		marked[i] = block[i] ^ mark;
	SHA256_Init(&sha);
	SHA256_Update(&sha, marked, sizeof(marked));
	if (in.len > 0)
		SHA256_Update(&sha, in.ptr, in.len);
	SHA256_Final(out, &sha);
	OPENSSL_cleanse(marked, sizeof(marked));
	OPENSSL_cleanse(&sha, sizeof(sha));
}

void crypt_hmac_sha256(struct str key, struct str in, uint8_t out[static CRYPT_SHA256_BYTES])
{
	uint8_t block[SHA256_CBLOCK] = {0}, inner[CRYPT_SHA256_BYTES];

	if (key.len > sizeof(block))
		crypt_sha256(key, block);
	else if (key.len > 0)
		memcpy(block, key.ptr, key.len);
	hmac_hash(block, 0x36, in, inner);
	hmac_hash(block, 0x5c, str_make((const char *)inner, sizeof(inner)), out);
	OPENSSL_cleanse(block, sizeof(block));
}

bool crypt_equal(const void *a, const void *b, size_t len)
{
	return CRYPTO_memcmp(a, b, len) == 0;
}

void crypt_random(void *out, size_t len)
{
	char *at = out;

	while (len > 0) {
		ssize_t got = getrandom(at, len, 0);

		ASSERT(got > 0 || (got < 0 && errno == EINTR));
		if (got > 0) {
			at += got;
			len -= (size_t)got;
		}
	}
}

void crypt_wipe(void *ptr, size_t len)
{
	OPENSSL_cleanse(ptr, len);
}

/* Castagnoli polynomial, reflected, by half bytes. */
static uint32_t crc32c_table(uint32_t crc, const unsigned char *p, size_t len)
{
	static const uint32_t table[16] = {
		0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3,
		0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
		0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
	};

	for (size_t i = 0; i < len; i++) {
		crc ^= p[i];
		crc = crc >> 4 ^ table[crc & 15];
		crc = crc >> 4 ^ table[crc & 15];
	}
	return crc;
}

#ifdef __x86_64__
/* Takes the whole words; returns how many bytes that were. */
__attribute__((target("sse4.2"))) static size_t crc32c_words(uint32_t *crc, const unsigned char *p,
							     size_t len)
{
	uint64_t wide = *crc;
	size_t at = 0;

	for (; len - at >= sizeof(uint64_t); at += sizeof(uint64_t)) {
		uint64_t word;

		memcpy(&word, p + at, sizeof(word));
		wide = __builtin_ia32_crc32di(wide, word);
	}
	*crc = (uint32_t)wide;
	return at;
}
#endif

uint32_t crypt_crc32c(uint32_t crc, const void *data, size_t len)
{
	const unsigned char *p = data;
	size_t done = 0;

	if (len == 0)
		return crc;
	crc = ~crc;
#ifdef __x86_64__
	if (__builtin_cpu_supports("sse4.2"))
		done = crc32c_words(&crc, p, len);
#endif
	return ~crc32c_table(crc, p + done, len - done);
}

void crypt_hex(const void *data, size_t len, char *out)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *p = data;

	for (size_t i = 0; i < len; i++) {
		*out++ = digits[p[i] >> 4];
		*out++ = digits[p[i] & 15];
	}
	*out = '\0';
}

enum err crypt_unhex(struct str hex, uint8_t *out, size_t out_len)
{
	uint64_t byte;

	if (hex.len / 2 != out_len || hex.len % 2 != 0)
		return ERR_MALFORMED;
	for (size_t i = 0; i < out_len; i++)
		if (str_to_hex64(str_sub(hex, 2 * i, 2), &byte) != OK)
			return ERR_MALFORMED;
	for (size_t i = 0; i < out_len; i++)
		if (str_to_hex64(str_sub(hex, 2 * i, 2), &byte) == OK)
			out[i] = (uint8_t)byte;
	return OK;
}

/* The six bits of a base64url character, or -1. */
static int base64url_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '-' ? 62 : c == '_' ? 63 : -1;
}

static bool base64url_is_valid(struct str in)
{
	int unused = in.len % 4 == 2 ? 0x0F : in.len % 4 == 3 ? 0x03 : 0;

	if (in.len % 4 == 1)
		return false;
	for (size_t i = 0; i < in.len; i++)
		if (base64url_value(in.ptr[i]) < 0)
			return false;
	return in.len == 0 || (base64url_value(in.ptr[in.len - 1]) & unused) == 0;
}

enum err crypt_base64url_decode(struct str in, uint8_t *out, size_t cap, size_t *out_len)
{
	size_t len = in.len / 4 * 3 + (in.len % 4 == 0 ? 0 : in.len % 4 - 1);
	uint32_t bits = 0;
	size_t written = 0;

	if (!base64url_is_valid(in))
		return ERR_MALFORMED;
	if (len > cap)
		return ERR_LIMIT;
	for (size_t i = 0; i < in.len; i++) {
		bits = bits << 6 | (uint32_t)base64url_value(in.ptr[i]);
		/* After the 2nd, 3rd and 4th character of four there is one more whole byte. */
		if (i % 4 != 0)
			out[written++] = (uint8_t)(bits >> (6 - 2 * (i % 4)));
	}
	*out_len = len;
	return OK;
}

size_t crypt_base64url_encode(const void *data, size_t len, char *out)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	const unsigned char *p = data;
	size_t written = 0;

	for (size_t i = 0; i < len; i += 3) {
		size_t group = MIN(len - i, 3);
		uint32_t bits = (uint32_t)p[i] << 16;

		if (group > 1)
			bits |= (uint32_t)p[i + 1] << 8;
		if (group > 2)
			bits |= p[i + 2];
		for (size_t k = 0; k <= group; k++)
			out[written++] = alphabet[bits >> (18 - 6 * k) & 63];
	}
	out[written] = '\0';
	return written;
}
