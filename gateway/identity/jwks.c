/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/identity/jwks.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

#include "base/crypt.h"

#define MEMBER_BYTES 1088 /* more than the largest modulus or HMAC key we take */

struct jwks {
	_Atomic uint32_t refs;
	uint8_t digest[CRYPT_SHA256_BYTES];
	size_t count;
	struct jws_key *keys[JWKS_KEYS];
};

/* Why a key was left out; NULL: it was taken. */
struct verdict {
	const char *left_out;
	const char *refused; /* and the whole document with it */
};

/* Decoded members of one key. */
struct members {
	struct jws_material material;
	uint8_t bytes[2][MEMBER_BYTES];
};

static struct str text_of(const json_t *object, const char *name)
{
	const json_t *member = json_object_get(object, name);

	if (!json_is_string(member))
		return str_make(NULL, 0);
	return str_make(json_string_value(member), json_string_length(member));
}

/* RFC 7517 §4.2 and §4.3: either may be absent; what is there must allow verifying. */
static bool is_for_verifying(const json_t *jwk)
{
	const json_t *ops = json_object_get(jwk, "key_ops");
	size_t i;
	const json_t *op;

	if (json_object_get(jwk, "use") != NULL && !str_eq(text_of(jwk, "use"), STR("sig")))
		return false;
	if (ops == NULL)
		return true;
	for (i = 0; i < json_array_size(ops); i++) {
		op = json_array_get(ops, i);
		if (json_is_string(op) && str_eq(str_from_c(json_string_value(op)), STR("verify")))
			return true;
	}
	return false;
}

static bool is_private(const json_t *jwk)
{
	static const char *const members[] = {"d", "p", "q", "dp", "dq", "qi", "oth"};

	for (size_t i = 0; i < ARRAY_LEN(members); i++) {
		if (json_object_get(jwk, members[i]) != NULL)
			return true;
	}
	return false;
}

static bool family_of(const json_t *jwk, enum jws_family *out)
{
	static const struct {
		const char *kty;
		enum jws_family family;
	} rows[] = {{"RSA", JWS_RSA}, {"EC", JWS_EC}, {"OKP", JWS_OKP}, {"oct", JWS_OCT}};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (str_eq(text_of(jwk, "kty"), str_from_c(rows[i].kty))) {
			*out = rows[i].family;
			return true;
		}
	}
	return false;
}

/* Of a key that does not say: its curve tells; for RSA the operator's list does; for HMAC nothing
 * does, and guessing there is how tokens get forged. */
static bool guess_alg(const json_t *jwk, enum jws_family family, uint32_t allowed,
		      enum jws_alg *out)
{
	for (unsigned i = 0; i < JWS_ALG_COUNT; i++) {
		enum jws_alg alg = (enum jws_alg)i;
		const char *curve = jws_alg_curve(alg);

		if (jws_alg_family(alg) != family || family == JWS_OCT)
			continue;
		if (family == JWS_RSA ? (allowed & JWS_ALG_BIT(alg)) != 0
				      : str_eq(text_of(jwk, "crv"), str_from_c(curve))) {
			*out = alg;
			return true;
		}
	}
	return false;
}

static bool decode_member(const json_t *jwk, const char *name, uint8_t *bytes, struct str *out)
{
	struct str text = text_of(jwk, name);
	size_t len;

	if (!str_is_set(text) || crypt_base64url_decode(text, bytes, MEMBER_BYTES, &len) != OK)
		return false;
	*out = str_make((const char *)bytes, len);
	return true;
}

static bool decode_members(const json_t *jwk, enum jws_alg alg, struct members *out)
{
	switch (jws_alg_family(alg)) {
	case JWS_RSA:
		return decode_member(jwk, "n", out->bytes[0], &out->material.n) &&
		       decode_member(jwk, "e", out->bytes[1], &out->material.e);
	case JWS_EC:
		return str_eq(text_of(jwk, "crv"), str_from_c(jws_alg_curve(alg))) &&
		       decode_member(jwk, "x", out->bytes[0], &out->material.x) &&
		       decode_member(jwk, "y", out->bytes[1], &out->material.y);
	case JWS_OKP:
		return str_eq(text_of(jwk, "crv"), str_from_c(jws_alg_curve(alg))) &&
		       decode_member(jwk, "x", out->bytes[0], &out->material.x);
	case JWS_OCT: return decode_member(jwk, "k", out->bytes[0], &out->material.k);
	}
	return false;
}

static const char *build_key(const json_t *jwk, enum jws_alg alg, struct jws_key **out)
{
	struct members members = {0};
	struct str kid = text_of(jwk, "kid");
	enum err err;

	if (!decode_members(jwk, alg, &members))
		return "a member is missing, not base64url, or of another curve";
	err = jws_key_new(alg, kid, &members.material, out);
	crypt_wipe(&members, sizeof(members));
	if (err == OK)
		return NULL;
	return err == ERR_UNSUPPORTED ? "the key is too weak or too large"
				      : "not a valid key of its algorithm";
}

static struct verdict read_key(const json_t *jwk, uint32_t allowed, struct jws_key **out)
{
	const json_t *kid = json_object_get(jwk, "kid");
	const json_t *name = json_object_get(jwk, "alg");
	enum jws_family family;
	enum jws_alg alg;

	if (!json_is_object(jwk) || !family_of(jwk, &family))
		return (struct verdict){"kty is missing or unknown", NULL};
	if (family != JWS_OCT && is_private(jwk))
		return (struct verdict){NULL, "shows a private key; replace that key at once"};
	if (kid != NULL && !json_is_string(kid))
		return (struct verdict){"kid is no string", NULL};
	if (!is_for_verifying(jwk))
		return (struct verdict){"not for verifying signatures (use, key_ops)", NULL};
	if (name == NULL ? !guess_alg(jwk, family, allowed, &alg)
			 : jws_alg_from_str(text_of(jwk, "alg"), &alg) != OK)
		return (struct verdict){"alg is missing or unknown", NULL};
	if ((allowed & JWS_ALG_BIT(alg)) == 0)
		return (struct verdict){"alg is not among the issuer's algorithms", NULL};
	if (jws_alg_family(alg) != family)
		return (struct verdict){"alg and kty do not fit", NULL};
	return (struct verdict){build_key(jwk, alg, out), NULL};
}

/* NULL: key fits in beside those already there. */
static const char *conflict(const struct jwks *keys, const struct jws_key *key)
{
	bool is_hmac = jws_alg_family(jws_key_alg(key)) == JWS_OCT;

	for (size_t i = 0; i < keys->count; i++) {
		if (str_eq(jws_key_kid(keys->keys[i]), jws_key_kid(key)))
			return "two keys have no kid";
		if ((jws_alg_family(jws_key_alg(keys->keys[i])) == JWS_OCT) != is_hmac)
			return "HMAC and public keys are mixed";
	}
	return NULL;
}

/* A kid that stands twice among the keys for verifying, even when one of the two is broken: nobody
 * can say which was meant. */
static bool has_twin(const json_t *list, size_t index)
{
	const json_t *jwk = json_array_get(list, index);
	struct str kid = text_of(jwk, "kid");

	for (size_t i = 0; i < index && str_is_set(kid) && is_for_verifying(jwk); i++) {
		const json_t *other = json_array_get(list, i);

		if (str_eq(text_of(other, "kid"), kid) && is_for_verifying(other))
			return true;
	}
	return false;
}

static struct verdict add_key(struct jwks *keys, const json_t *list, size_t index, uint32_t allowed)
{
	struct jws_key *key = NULL;
	struct verdict verdict = read_key(json_array_get(list, index), allowed, &key);

	if (verdict.refused == NULL && has_twin(list, index))
		verdict.refused = "two keys have the same kid";
	if (key == NULL)
		return verdict;
	if (verdict.refused == NULL)
		verdict.refused = conflict(keys, key);
	if (verdict.refused != NULL)
		jws_key_free(key);
	else
		keys->keys[keys->count++] = key;
	return verdict;
}

static enum err read_set(struct jwks *keys, const json_t *root, uint32_t allowed, const char *file,
			 struct diag *diag)
{
	const json_t *list = json_object_get(root, "keys");
	const char *left_out = "the list is empty";

	if (!json_is_array(list))
		return diag_set(diag, ERR_MALFORMED, file, 0, 0,
				"not a JWK Set: no array \"keys\" at the top");
	if (json_array_size(list) > JWKS_KEYS)
		return diag_set(diag, ERR_LIMIT, file, 0, 0, "more than %d keys", JWKS_KEYS);
	for (size_t i = 0; i < json_array_size(list); i++) {
		struct verdict verdict = add_key(keys, list, i, allowed);

		if (verdict.refused != NULL)
			return diag_set(diag, ERR_MALFORMED, file, 0, 0, "key %zu: %s", i + 1,
					verdict.refused);
		if (verdict.left_out != NULL)
			left_out = verdict.left_out;
	}
	if (keys->count == 0)
		return diag_set(diag, ERR_MALFORMED, file, 0, 0, "no usable key; last one: %s",
				left_out);
	return OK;
}

static struct jwks *jwks_alloc(struct str text)
{
	struct jwks *keys = base_alloc(sizeof(*keys));

	atomic_init(&keys->refs, 1);
	crypt_sha256(text, keys->digest);
	return keys;
}

enum err jwks_parse(struct str json, uint32_t allowed, const char *file, struct diag *diag,
		    struct jwks **out)
{
	json_error_t error;
	json_t *root;
	struct jwks *keys;
	enum err err;

	if (json.len > JWKS_BYTES)
		return diag_set(diag, ERR_LIMIT, file, 0, 0, "more than %u bytes", JWKS_BYTES);
	root = json_loadb(json.ptr == NULL ? "" : json.ptr, json.len, JSON_REJECT_DUPLICATES,
			  &error);
	if (root == NULL)
		return diag_set(diag, ERR_MALFORMED, file, (unsigned)MAX(error.line, 0),
				(unsigned)MAX(error.column, 0), "not JSON: %s", error.text);
	keys = jwks_alloc(json);
	err = read_set(keys, root, allowed, file, diag);
	json_decref(root);
	if (err != OK) {
		jwks_unref(keys);
		return err;
	}
	*out = keys;
	return OK;
}

static enum err parse_pem(struct str pem, uint32_t allowed, const char *file, struct diag *diag,
			  struct jwks **out)
{
	struct jws_key *key = NULL;
	struct jwks *keys;

	for (unsigned i = 0; i < JWS_ALG_COUNT && key == NULL; i++) {
		enum jws_alg alg = (enum jws_alg)i;

		if ((allowed & JWS_ALG_BIT(alg)) != 0 &&
		    jws_key_from_pem(alg, STR(""), pem, &key) != OK)
			key = NULL;
	}
	if (key == NULL)
		return diag_set(diag, ERR_MALFORMED, file, 0, 0,
				"no key or certificate for any of the issuer's algorithms");
	keys = jwks_alloc(pem);
	keys->keys[keys->count++] = key;
	*out = keys;
	return OK;
}

/* Reads at most JWKS_BYTES + 1, so that the parser sees that it was too much. */
static enum err read_file(const char *path, struct diag *diag, struct buf *out)
{
	FILE *file = fopen(path, "re");
	enum err err;
	char *ptr = NULL;

	if (file == NULL)
		return diag_set(diag, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, path, 0, 0,
				"cannot open: %s", strerror(errno));
	err = buf_reserve(out, JWKS_BYTES + 1, &ptr);
	if (err == OK)
		buf_commit(out, fread(ptr, 1, JWKS_BYTES + 1, file));
	if (err == OK && ferror(file) != 0)
		err = diag_set(diag, ERR_IO, path, 0, 0, "cannot read");
	(void)fclose(file);
	return err;
}

enum err jwks_load(const char *path, uint32_t allowed, struct diag *diag, struct jwks **out)
{
	struct buf text;
	enum err err;

	buf_init(&text, JWKS_BYTES + 1);
	err = read_file(path, diag, &text);
	if (err == OK && str_has_prefix(buf_str(&text), STR("-----BEGIN")))
		err = parse_pem(buf_str(&text), allowed, path, diag, out);
	else if (err == OK)
		err = jwks_parse(buf_str(&text), allowed, path, diag, out);
	if (text.ptr != NULL)
		crypt_wipe(text.ptr, text.len);
	buf_fini(&text);
	return err;
}

struct jwks *jwks_ref(struct jwks *keys)
{
	atomic_fetch_add_explicit(&keys->refs, 1, memory_order_relaxed);
	return keys;
}

void jwks_unref(struct jwks *keys)
{
	if (keys == NULL || atomic_fetch_sub_explicit(&keys->refs, 1, memory_order_acq_rel) > 1)
		return;
	for (size_t i = 0; i < keys->count; i++)
		jws_key_free(keys->keys[i]);
	free(keys);
}

size_t jwks_count(const struct jwks *keys)
{
	return keys->count;
}

const struct jws_key *jwks_find(const struct jwks *keys, struct str kid)
{
	/* Nothing to choose, or nothing to choose by (a PEM file). */
	if (keys->count == 1 && (!str_is_set(kid) || jws_key_kid(keys->keys[0]).len == 0))
		return keys->keys[0];
	if (!str_is_set(kid))
		return NULL;
	for (size_t i = 0; i < keys->count; i++) {
		if (str_eq(jws_key_kid(keys->keys[i]), kid))
			return keys->keys[i];
	}
	return NULL;
}

const uint8_t *jwks_digest(const struct jwks *keys)
{
	return keys->digest;
}
