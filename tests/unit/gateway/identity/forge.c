/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/gateway/identity/forge.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "base/crypt.h"

struct forge {
	enum jws_alg alg;
	EVP_PKEY *pkey;
	struct buf pem;
	struct buf jwk;
	uint8_t secret[64];
};

static const char *digest_name(enum jws_alg alg)
{
	const char *name = jws_alg_name(alg);

	if (alg == JWS_EDDSA)
		return NULL;
	return name[2] == '2' ? "SHA256" : name[2] == '3' ? "SHA384" : "SHA512";
}

struct forge *forge_new(enum jws_alg alg, const char *kid)
{
	struct forge *forge = base_alloc(sizeof(*forge));
	BIO *bio;

	forge->alg = alg;
	buf_init(&forge->pem, 65536);
	buf_init(&forge->jwk, 65536);
	if (jws_alg_family(alg) == JWS_OCT) {
		char *text;

		memset(forge->secret, 'k', sizeof(forge->secret));
		text = forge_encode(forge->secret, sizeof(forge->secret));
		ASSERT(buf_printf(&forge->jwk,
				  "{\"kty\":\"oct\",\"alg\":\"%s\",\"kid\":\"%s\",\"k\":\"%s\"}",
				  jws_alg_name(alg), kid, text) == OK);
		free(text);
	} else {
		ASSERT(jws_generate(alg, str_from_c(kid), &forge->pem, &forge->jwk) == OK);
		bio = BIO_new_mem_buf(forge->pem.ptr, (int)forge->pem.len);
		forge->pkey = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
		ASSERT(forge->pkey != NULL);
		BIO_free(bio);
	}
	ASSERT(buf_append_byte(&forge->jwk, '\0') == OK);
	return forge;
}

void forge_free(struct forge *forge)
{
	if (forge == NULL)
		return;
	EVP_PKEY_free(forge->pkey);
	buf_fini(&forge->pem);
	buf_fini(&forge->jwk);
	free(forge);
}

const char *forge_jwk(const struct forge *forge)
{
	return forge->jwk.ptr;
}

struct str forge_pem(const struct forge *forge)
{
	return buf_str(&forge->pem);
}

struct jwks *forge_jwks(const struct forge *forge)
{
	char *text = forge_text("{\"keys\":[%s]}", forge_jwk(forge));
	struct jwks *keys = NULL;

	ASSERT(jwks_parse(str_from_c(text), UINT32_MAX, "forge", NULL, &keys) == OK);
	free(text);
	return keys;
}

/* DER to r || s. */
static size_t flatten(enum jws_alg alg, const uint8_t *der, size_t len, uint8_t *out)
{
	size_t field = alg == JWS_ES256 ? 32 : alg == JWS_ES384 ? 48 : 66;
	ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &der, (long)len);

	ASSERT(pair != NULL);
	ASSERT(BN_bn2binpad(ECDSA_SIG_get0_r(pair), out, (int)field) == (int)field);
	ASSERT(BN_bn2binpad(ECDSA_SIG_get0_s(pair), out + field, (int)field) == (int)field);
	ECDSA_SIG_free(pair);
	return 2 * field;
}

size_t forge_sign(const struct forge *forge, struct str text, uint8_t *out, size_t cap)
{
	const unsigned char *bytes = (const unsigned char *)text.ptr;
	EVP_MD_CTX *ctx;
	EVP_PKEY_CTX *pctx = NULL;
	uint8_t raw[2048];
	size_t len = sizeof(raw);
	unsigned mac_len = 0;

	ASSERT(cap >= sizeof(raw));
	if (forge->pkey == NULL) {
		HMAC(EVP_get_digestbyname(digest_name(forge->alg)), forge->secret,
		     sizeof(forge->secret), bytes, text.len, out, &mac_len);
		return mac_len;
	}
	ctx = EVP_MD_CTX_new();
	ASSERT(EVP_DigestSignInit_ex(ctx, &pctx, digest_name(forge->alg), NULL, NULL, forge->pkey,
				     NULL) == 1);
	if (jws_alg_name(forge->alg)[0] == 'P') {
		ASSERT(EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING) == 1);
		ASSERT(EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, RSA_PSS_SALTLEN_DIGEST) == 1);
	}
	ASSERT(EVP_DigestSign(ctx, raw, &len, bytes, text.len) == 1);
	EVP_MD_CTX_free(ctx);
	if (jws_alg_family(forge->alg) == JWS_EC)
		return flatten(forge->alg, raw, len, out);
	memcpy(out, raw, len);
	return len;
}

char *forge_encode(const void *data, size_t len)
{
	char *text = base_alloc(4 * (len + 2) / 3 + 1);

	(void)crypt_base64url_encode(data, len, text);
	return text;
}

char *forge_text(const char *fmt, ...)
{
	char *text = NULL;
	va_list args;
	int len;

	va_start(args, fmt);
	len = vasprintf(&text, fmt, args);
	va_end(args);
	ASSERT(len >= 0);
	return text;
}

char *forge_token_encoded(const struct forge *forge, const char *header, const char *payload)
{
	uint8_t signature[2048];
	char *text = forge_text("%s.%s", header, payload);
	size_t len = forge_sign(forge, str_from_c(text), signature, sizeof(signature));
	char *encoded = forge_encode(signature, len);
	char *token = forge_text("%s.%s", text, encoded);

	free(text);
	free(encoded);
	return token;
}

char *forge_token(const struct forge *forge, const char *header, const char *payload)
{
	char *encoded_header = forge_encode(header, strlen(header));
	char *encoded_payload = forge_encode(payload, strlen(payload));
	char *token = forge_token_encoded(forge, encoded_header, encoded_payload);

	free(encoded_header);
	free(encoded_payload);
	return token;
}

char *forge_read_shared(const char *path)
{
	const char *root = getenv("TOLLGATE_SHARED");
	char *name = forge_text("%s/%s", root == NULL ? "../shared" : root, path);
	FILE *file = fopen(name, "rbe");
	char *text;
	size_t len;

	free(name);
	if (file == NULL)
		return NULL;
	text = base_alloc(4U << 20);
	len = fread(text, 1, (4U << 20) - 1, file);
	text[len] = '\0';
	(void)fclose(file);
	return text;
}
