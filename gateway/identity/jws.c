/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything of identity that touches OpenSSL. A key is an EVP_PKEY (or the
 * bytes of an HMAC key) with its algorithm's digest already fetched; checking a
 * signature makes one digest context and nothing else.
 */
#include "gateway/identity/jws.h"

#include <stdlib.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "base/crypt.h"

#define RSA_BITS_MIN	   2048
#define RSA_BITS_MAX	   8192
#define RSA_EXPONENT_BITS  33
#define HMAC_KEY_MAX	   1024
#define EC_FIELD_MAX	   66 /* P-521 */
#define ED25519_KEY	   32
#define ED25519_SIGNATURE  64
#define RSA_GENERATED_BITS 2048

struct alg_row {
	const char *name;
	enum jws_family family;
	const char *digest; /* NULL: the algorithm has its own */
	bool is_pss;
	const char *curve;    /* as JWK says it */
	const char *group;    /* as OpenSSL says it */
	size_t field_bytes;   /* of one coordinate, and of r and s */
	size_t key_bytes_min; /* HMAC: RFC 7518 §3.2 */
};

/* clang-format off */
static const struct alg_row algs[] = {
	[JWS_RS256] = {"RS256", JWS_RSA, "SHA256", false, NULL, NULL, 0, 0},
	[JWS_RS384] = {"RS384", JWS_RSA, "SHA384", false, NULL, NULL, 0, 0},
	[JWS_RS512] = {"RS512", JWS_RSA, "SHA512", false, NULL, NULL, 0, 0},
	[JWS_PS256] = {"PS256", JWS_RSA, "SHA256", true, NULL, NULL, 0, 0},
	[JWS_PS384] = {"PS384", JWS_RSA, "SHA384", true, NULL, NULL, 0, 0},
	[JWS_PS512] = {"PS512", JWS_RSA, "SHA512", true, NULL, NULL, 0, 0},
	[JWS_ES256] = {"ES256", JWS_EC, "SHA256", false, "P-256", "prime256v1", 32, 0},
	[JWS_ES384] = {"ES384", JWS_EC, "SHA384", false, "P-384", "secp384r1", 48, 0},
	[JWS_ES512] = {"ES512", JWS_EC, "SHA512", false, "P-521", "secp521r1", 66, 0},
	[JWS_EDDSA] = {"EdDSA", JWS_OKP, NULL, false, "Ed25519", NULL, 0, 0},
	[JWS_HS256] = {"HS256", JWS_OCT, "SHA256", false, NULL, NULL, 0, 32},
	[JWS_HS384] = {"HS384", JWS_OCT, "SHA384", false, NULL, NULL, 0, 48},
	[JWS_HS512] = {"HS512", JWS_OCT, "SHA512", false, NULL, NULL, 0, 64},
};
/* clang-format on */
_Static_assert(ARRAY_LEN(algs) == JWS_ALG_COUNT, "one row per algorithm");

struct jws_key {
	enum jws_alg alg;
	EVP_PKEY *pkey; /* NULL for HMAC */
	EVP_MD *digest; /* NULL for EdDSA */
	uint8_t *secret;
	size_t secret_len;
	size_t kid_len;
	char kid[JWS_KID + 1];
};

static const unsigned char *bytes_of(struct str s)
{
	return (const unsigned char *)s.ptr;
}

enum err jws_alg_from_str(struct str name, enum jws_alg *out)
{
	for (unsigned i = 0; i < JWS_ALG_COUNT; i++) {
		if (str_eq(name, str_from_c(algs[i].name))) {
			*out = (enum jws_alg)i;
			return OK;
		}
	}
	return ERR_UNSUPPORTED;
}

const char *jws_alg_name(enum jws_alg alg)
{
	ASSERT(alg < JWS_ALG_COUNT);
	return algs[alg].name;
}

enum jws_family jws_alg_family(enum jws_alg alg)
{
	ASSERT(alg < JWS_ALG_COUNT);
	return algs[alg].family;
}

const char *jws_alg_curve(enum jws_alg alg)
{
	ASSERT(alg < JWS_ALG_COUNT);
	return algs[alg].curve;
}

/* ---- making keys ---- */

static EVP_PKEY *pkey_from_params(const char *type, OSSL_PARAM *params)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *pkey = NULL;

	if (ctx != NULL && EVP_PKEY_fromdata_init(ctx) == 1 &&
	    EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
		pkey = NULL;
	EVP_PKEY_CTX_free(ctx);
	return pkey;
}

static EVP_PKEY *pkey_from_rsa(const struct jws_material *material)
{
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	OSSL_PARAM *params = NULL;
	EVP_PKEY *pkey = NULL;
	BIGNUM *n = NULL;
	BIGNUM *e = NULL;

	if (material->n.len == 0 || material->n.len > RSA_BITS_MAX / 8 + 1 ||
	    material->e.len == 0 || material->e.len > RSA_EXPONENT_BITS)
		goto out;
	n = BN_bin2bn(bytes_of(material->n), (int)material->n.len, NULL);
	e = BN_bin2bn(bytes_of(material->e), (int)material->e.len, NULL);
	if (build == NULL || OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) != 1 ||
	    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e) != 1)
		goto out;
	params = OSSL_PARAM_BLD_to_param(build);
	pkey = pkey_from_params("RSA", params);
out:
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(build);
	BN_free(n);
	BN_free(e);
	return pkey;
}

/* RFC 7518 §6.2.1.2: both coordinates have the full length of the field. */
static EVP_PKEY *pkey_from_ec(const struct alg_row *alg, const struct jws_material *material)
{
	uint8_t point[1 + 2 * EC_FIELD_MAX] = {POINT_CONVERSION_UNCOMPRESSED};
	char group[16];
	OSSL_PARAM params[3];

	if (material->x.len != alg->field_bytes || material->y.len != alg->field_bytes)
		return NULL;
	memcpy(point + 1, material->x.ptr, alg->field_bytes);
	memcpy(point + 1 + alg->field_bytes, material->y.ptr, alg->field_bytes);
	memcpy(group, alg->group, strlen(alg->group) + 1);
	params[0] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0);
	params[1] = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point,
						      1 + 2 * alg->field_bytes);
	params[2] = OSSL_PARAM_construct_end();
	return pkey_from_params("EC", params);
}

static EVP_PKEY *pkey_from_material(const struct alg_row *alg, const struct jws_material *material)
{
	switch (alg->family) {
	case JWS_RSA: return pkey_from_rsa(material);
	case JWS_EC: return pkey_from_ec(alg, material);
	case JWS_OKP:
		if (material->x.len != ED25519_KEY)
			return NULL;
		return EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, bytes_of(material->x),
						   material->x.len);
	case JWS_OCT: return NULL;
	}
	return NULL;
}

/* CVE-2017-15361: moduli of the weak generator are powers of 65537 modulo every small prime. An
 * honest key passes for one with probability 2^-27. */
static bool is_roca(const BIGNUM *n)
{
	static const unsigned char primes[] = {3,   5,	 7,   11,  13,	17,  19,  23,  29,  31,
					       37,  41,	 43,  47,  53,	59,  61,  67,  71,  73,
					       79,  83,	 89,  97,  101, 103, 107, 109, 113, 127,
					       131, 137, 139, 149, 151, 157, 163, 167};

	for (size_t i = 0; i < ARRAY_LEN(primes); i++) {
		BN_ULONG prime = primes[i];
		BN_ULONG want = BN_mod_word(n, prime);
		BN_ULONG power = 1;
		bool is_power = false;

		for (BN_ULONG step = 0; step < prime && !is_power; step++) {
			is_power = power == want;
			power = power * 65537 % prime;
		}
		if (!is_power)
			return false;
	}
	return true;
}

static enum err check_rsa(const EVP_PKEY *pkey)
{
	int bits = EVP_PKEY_get_bits(pkey);
	BIGNUM *n = NULL;
	BIGNUM *e = NULL;
	enum err err = ERR_MALFORMED;

	if (EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_N, &n) != 1 ||
	    EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_E, &e) != 1)
		goto out;
	if (!BN_is_odd(n) || !BN_is_odd(e) || BN_is_one(e))
		goto out;
	err = bits < RSA_BITS_MIN || bits > RSA_BITS_MAX || BN_num_bits(e) > RSA_EXPONENT_BITS ||
			      is_roca(n)
		      ? ERR_UNSUPPORTED
		      : OK;
out:
	BN_free(n);
	BN_free(e);
	return err;
}

/* On its curve, of the right group, and a proper point. */
static enum err check_ec(const struct alg_row *alg, EVP_PKEY *pkey)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
	char group[32] = "";
	enum err err = ERR_MALFORMED;

	if (EVP_PKEY_get_group_name(pkey, group, sizeof(group), NULL) == 1 &&
	    str_eq(str_from_c(group), str_from_c(alg->group)) && ctx != NULL &&
	    EVP_PKEY_public_check(ctx) == 1)
		err = OK;
	EVP_PKEY_CTX_free(ctx);
	return err;
}

static enum err check_pkey(const struct alg_row *alg, EVP_PKEY *pkey)
{
	switch (alg->family) {
	case JWS_RSA: return EVP_PKEY_is_a(pkey, "RSA") ? check_rsa(pkey) : ERR_MALFORMED;
	case JWS_EC: return EVP_PKEY_is_a(pkey, "EC") ? check_ec(alg, pkey) : ERR_MALFORMED;
	case JWS_OKP: return EVP_PKEY_is_a(pkey, "ED25519") ? OK : ERR_MALFORMED;
	case JWS_OCT: return ERR_MALFORMED;
	}
	return ERR_MALFORMED;
}

static struct jws_key *key_alloc(enum jws_alg alg, struct str kid)
{
	struct jws_key *key = base_alloc(sizeof(*key));

	key->alg = alg;
	key->kid_len = kid.len;
	if (kid.len > 0)
		memcpy(key->kid, kid.ptr, kid.len);
	if (algs[alg].digest != NULL)
		key->digest = EVP_MD_fetch(NULL, algs[alg].digest, NULL);
	return key;
}

/* Takes pkey over, also on failure; NULL is a key that could not be read. */
static enum err key_from_pkey(enum jws_alg alg, struct str kid, EVP_PKEY *pkey,
			      struct jws_key **out)
{
	enum err err = pkey == NULL ? ERR_MALFORMED : check_pkey(&algs[alg], pkey);

	/* What OpenSSL had to say about it must not greet the next caller. */
	ERR_clear_error();
	if (err != OK) {
		EVP_PKEY_free(pkey);
		return err;
	}
	*out = key_alloc(alg, kid);
	(*out)->pkey = pkey;
	return OK;
}

static enum err key_from_secret(enum jws_alg alg, struct str kid, struct str secret,
				struct jws_key **out)
{
	struct jws_key *key;

	if (secret.len == 0)
		return ERR_MALFORMED;
	if (secret.len < algs[alg].key_bytes_min || secret.len > HMAC_KEY_MAX)
		return ERR_UNSUPPORTED;
	key = key_alloc(alg, kid);
	key->secret = base_alloc(secret.len);
	key->secret_len = secret.len;
	memcpy(key->secret, secret.ptr, secret.len);
	*out = key;
	return OK;
}

enum err jws_key_new(enum jws_alg alg, struct str kid, const struct jws_material *material,
		     struct jws_key **out)
{
	ASSERT(alg < JWS_ALG_COUNT);
	if (kid.len > JWS_KID)
		return ERR_MALFORMED;
	if (algs[alg].family == JWS_OCT)
		return key_from_secret(alg, kid, material->k, out);
	return key_from_pkey(alg, kid, pkey_from_material(&algs[alg], material), out);
}

/* Without it OpenSSL would ask the terminal. */
static int refuse_password(char *buffer, int size, int is_writing, void *arg)
{
	(void)buffer, (void)size, (void)is_writing, (void)arg;
	return -1;
}

static EVP_PKEY *pkey_from_pem(struct str pem)
{
	BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
	EVP_PKEY *pkey = PEM_read_bio_PUBKEY(bio, NULL, refuse_password, NULL);
	X509 *certificate = NULL;

	if (pkey == NULL && BIO_reset(bio) == 1)
		pkey = PEM_read_bio_PrivateKey(bio, NULL, refuse_password, NULL);
	if (pkey == NULL && BIO_reset(bio) == 1)
		certificate = PEM_read_bio_X509(bio, NULL, refuse_password, NULL);
	if (certificate != NULL)
		pkey = X509_get_pubkey(certificate);
	X509_free(certificate);
	BIO_free(bio);
	return pkey;
}

enum err jws_key_from_pem(enum jws_alg alg, struct str kid, struct str pem, struct jws_key **out)
{
	ASSERT(alg < JWS_ALG_COUNT);
	if (kid.len > JWS_KID || algs[alg].family == JWS_OCT || pem.len == 0 || pem.len > INT32_MAX)
		return ERR_MALFORMED;
	return key_from_pkey(alg, kid, pkey_from_pem(pem), out);
}

void jws_key_free(struct jws_key *key)
{
	if (key == NULL)
		return;
	if (key->secret != NULL)
		crypt_wipe(key->secret, key->secret_len);
	free(key->secret);
	EVP_PKEY_free(key->pkey);
	EVP_MD_free(key->digest);
	free(key);
}

enum jws_alg jws_key_alg(const struct jws_key *key)
{
	return key->alg;
}

struct str jws_key_kid(const struct jws_key *key)
{
	return str_make(key->kid, key->kid_len);
}

/* ---- verifying ---- */

static bool verify_hmac(const struct jws_key *key, struct str text, struct str signature)
{
	unsigned char mac[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	if (HMAC(key->digest, key->secret, (int)key->secret_len, bytes_of(text), text.len, mac,
		 &len) == NULL)
		return false;
	return signature.len == len && crypt_equal(mac, signature.ptr, len);
}

/* signature is what OpenSSL takes: DER for EC. */
static bool verify_digest(const struct jws_key *key, struct str text,
			  const unsigned char *signature, size_t len)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *pctx = NULL; /* belongs to ctx */
	bool is_right = false;

	if (ctx == NULL || EVP_DigestVerifyInit(ctx, &pctx, key->digest, NULL, key->pkey) != 1)
		goto out;
	/* RFC 7518 §3.5: MGF1 with the same digest (the default), salt as long as the digest. */
	if (algs[key->alg].is_pss &&
	    (EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING) != 1 ||
	     EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, RSA_PSS_SALTLEN_DIGEST) != 1))
		goto out;
	is_right = EVP_DigestVerify(ctx, signature, len, bytes_of(text), text.len) == 1;
out:
	EVP_MD_CTX_free(ctx);
	return is_right;
}

/* r || s to DER. OpenSSL itself refuses r or s that is 0 or not below the order. */
static bool verify_ec(const struct jws_key *key, struct str text, struct str signature)
{
	size_t field = algs[key->alg].field_bytes;
	ECDSA_SIG *pair;
	unsigned char *der = NULL;
	BIGNUM *r;
	BIGNUM *s;
	int len;
	bool is_right = false;

	if (signature.len != 2 * field)
		return false;
	pair = ECDSA_SIG_new();
	r = BN_bin2bn(bytes_of(signature), (int)field, NULL);
	s = BN_bin2bn(bytes_of(signature) + field, (int)field, NULL);
	if (pair == NULL || ECDSA_SIG_set0(pair, r, s) != 1) {
		BN_free(r);
		BN_free(s);
		goto out;
	}
	len = i2d_ECDSA_SIG(pair, &der);
	if (len > 0)
		is_right = verify_digest(key, text, der, (size_t)len);
out:
	OPENSSL_free(der);
	ECDSA_SIG_free(pair);
	return is_right;
}

static bool verify_any(const struct jws_key *key, struct str text, struct str signature)
{
	switch (algs[key->alg].family) {
	case JWS_OCT: return verify_hmac(key, text, signature);
	case JWS_EC: return verify_ec(key, text, signature);
	case JWS_RSA:
		return signature.len == (size_t)EVP_PKEY_get_size(key->pkey) &&
		       verify_digest(key, text, bytes_of(signature), signature.len);
	case JWS_OKP:
		return signature.len == ED25519_SIGNATURE &&
		       verify_digest(key, text, bytes_of(signature), signature.len);
	}
	return false;
}

enum err jws_key_verify(const struct jws_key *key, struct str signed_text, struct str signature)
{
	if (signature.len == 0)
		return ERR_UNAUTHENTIC;
	if (verify_any(key, signed_text, signature))
		return OK;
	ERR_clear_error();
	return ERR_UNAUTHENTIC;
}

/* ---- generating ---- */

static EVP_PKEY *generate(const struct alg_row *alg)
{
	switch (alg->family) {
	case JWS_RSA: return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)RSA_GENERATED_BITS);
	case JWS_EC: return EVP_PKEY_Q_keygen(NULL, NULL, "EC", alg->group);
	case JWS_OKP: return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	case JWS_OCT: return NULL;
	}
	return NULL;
}

static enum err write_pem(EVP_PKEY *pkey, struct buf *out)
{
	BIO *bio = BIO_new(BIO_s_mem());
	enum err err = ERR_INTERNAL;
	char *text = NULL;
	long len;

	if (bio != NULL &&
	    PEM_write_bio_PKCS8PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL) == 1) {
		len = BIO_get_mem_data(bio, &text);
		err = buf_append(out, str_make(text, (size_t)len));
		crypt_wipe(text, (size_t)len);
	}
	BIO_free(bio);
	return err;
}

/* `"name":"<base64url>",` */
static enum err write_member(struct buf *out, const char *name, const uint8_t *bytes, size_t len)
{
	char text[(RSA_BITS_MAX / 8 + 2) * 4 / 3 + 1];

	ASSERT(len <= RSA_BITS_MAX / 8);
	(void)crypt_base64url_encode(bytes, len, text);
	return buf_printf(out, "\"%s\":\"%s\",", name, text);
}

static enum err write_bn(struct buf *out, const char *name, const EVP_PKEY *pkey, const char *param)
{
	uint8_t bytes[RSA_BITS_MAX / 8];
	BIGNUM *value = NULL;
	enum err err = ERR_INTERNAL;

	if (EVP_PKEY_get_bn_param(pkey, param, &value) == 1)
		err = write_member(out, name, bytes, (size_t)BN_bn2bin(value, bytes));
	BN_free(value);
	return err;
}

static enum err write_rsa(struct buf *out, const EVP_PKEY *pkey)
{
	enum err err = buf_append(out, STR("\"kty\":\"RSA\","));

	if (err == OK)
		err = write_bn(out, "n", pkey, OSSL_PKEY_PARAM_RSA_N);
	return err != OK ? err : write_bn(out, "e", pkey, OSSL_PKEY_PARAM_RSA_E);
}

static enum err write_ec(struct buf *out, const struct alg_row *alg, const EVP_PKEY *pkey)
{
	uint8_t point[1 + 2 * EC_FIELD_MAX];
	size_t field = alg->field_bytes;
	size_t len = 0;
	enum err err;

	if (EVP_PKEY_get_octet_string_param(pkey, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point),
					    &len) != 1 ||
	    len != 1 + 2 * field)
		return ERR_INTERNAL;
	err = buf_printf(out, "\"kty\":\"EC\",\"crv\":\"%s\",", alg->curve);
	if (err == OK)
		err = write_member(out, "x", point + 1, field);
	return err != OK ? err : write_member(out, "y", point + 1 + field, field);
}

static enum err write_okp(struct buf *out, const struct alg_row *alg, const EVP_PKEY *pkey)
{
	uint8_t raw[ED25519_KEY];
	size_t len = sizeof(raw);
	enum err err;

	if (EVP_PKEY_get_raw_public_key(pkey, raw, &len) != 1)
		return ERR_INTERNAL;
	err = buf_printf(out, "\"kty\":\"OKP\",\"crv\":\"%s\",", alg->curve);
	return err != OK ? err : write_member(out, "x", raw, len);
}

static enum err write_jwk(const struct alg_row *alg, struct str kid, const EVP_PKEY *pkey,
			  struct buf *out)
{
	enum err err = buf_append(out, STR("{"));

	if (err == OK && alg->family == JWS_RSA)
		err = write_rsa(out, pkey);
	if (err == OK && alg->family == JWS_EC)
		err = write_ec(out, alg, pkey);
	if (err == OK && alg->family == JWS_OKP)
		err = write_okp(out, alg, pkey);
	if (err == OK)
		err = buf_printf(out, "\"alg\":\"%s\",\"use\":\"sig\",\"kid\":", alg->name);
	if (err == OK)
		err = buf_append_json(out, kid);
	return err != OK ? err : buf_append(out, STR("}"));
}

enum err jws_generate(enum jws_alg alg, struct str kid, struct buf *out_pem, struct buf *out_jwk)
{
	EVP_PKEY *pkey;
	enum err err;

	ASSERT(alg < JWS_ALG_COUNT);
	if (algs[alg].family == JWS_OCT)
		return ERR_UNSUPPORTED;
	pkey = generate(&algs[alg]);
	err = pkey == NULL ? ERR_INTERNAL : write_pem(pkey, out_pem);
	if (err == OK)
		err = write_jwk(&algs[alg], kid, pkey, out_jwk);
	EVP_PKEY_free(pkey);
	return err;
}
