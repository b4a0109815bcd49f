/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/identity/compact.h"

#include <jansson.h>

#include "base/crypt.h"

/* Each lets a token bring its own key, change what is signed, or demand what we do not do. */
static const char *const refused_members[] = {"crit", "b64", "jwk", "jku", "x5u", "x5c", "zip"};

/* A member that is absent is fine; one of another type than string, or too long, is not. */
static enum err read_text(const json_t *header, const char *name, char *out, size_t cap,
			  size_t *out_len, bool *out_has)
{
	const json_t *member = json_object_get(header, name);
	size_t len;

	if (member == NULL)
		return OK;
	if (!json_is_string(member))
		return ERR_MALFORMED;
	len = json_string_length(member);
	if (len > cap)
		return ERR_MALFORMED;
	memcpy(out, json_string_value(member), len);
	*out_len = len;
	*out_has = true;
	return OK;
}

static enum err read_alg(const json_t *header, enum jws_alg *out)
{
	const json_t *alg = json_object_get(header, "alg");

	if (!json_is_string(alg))
		return ERR_MALFORMED;
	return jws_alg_from_str(str_make(json_string_value(alg), json_string_length(alg)), out);
}

static enum err read_header(const json_t *header, struct compact *out)
{
	enum err err;

	if (!json_is_object(header))
		return ERR_MALFORMED;
	for (size_t i = 0; i < ARRAY_LEN(refused_members); i++) {
		if (json_object_get(header, refused_members[i]) != NULL)
			return ERR_MALFORMED;
	}
	err = read_text(header, "kid", out->kid_bytes, JWS_KID, &out->kid_len, &out->has_kid);
	if (err == OK)
		err = read_text(header, "typ", out->typ_bytes, COMPACT_TYP, &out->typ_len,
				&out->has_typ);
	return err != OK ? err : read_alg(header, &out->alg);
}

static enum err parse_header(struct str encoded, struct compact *out)
{
	uint8_t text[COMPACT_HEADER_BYTES];
	size_t len;
	json_t *header;
	enum err err;

	if (crypt_base64url_decode(encoded, text, sizeof(text), &len) != OK)
		return ERR_MALFORMED;
	header = json_loadb((const char *)text, len, JSON_REJECT_DUPLICATES, NULL);
	err = read_header(header, out);
	json_decref(header);
	return err;
}

enum err compact_parse(struct str token, struct compact *out)
{
	struct compact compact = {0};
	struct str rest = token;
	struct str header;
	enum err err;

	if (!str_cut(&rest, '.', &header) || !str_cut(&rest, '.', &compact.payload))
		return ERR_MALFORMED;
	compact.signature = rest;
	if (header.len == 0 || rest.len == 0 || str_index(rest, '.') != rest.len)
		return ERR_MALFORMED;
	compact.signed_text = str_make(token.ptr, header.len + 1 + compact.payload.len);
	err = parse_header(header, &compact);
	if (err == OK)
		*out = compact;
	return err;
}

struct str compact_kid(const struct compact *compact)
{
	return str_make(compact->has_kid ? compact->kid_bytes : NULL, compact->kid_len);
}

struct str compact_typ(const struct compact *compact)
{
	return str_make(compact->has_typ ? compact->typ_bytes : NULL, compact->typ_len);
}

enum err compact_verify(const struct compact *compact, const struct jws_key *key)
{
	uint8_t signature[COMPACT_SIGNATURE_BYTES];
	size_t len;

	if (compact->alg != jws_key_alg(key))
		return ERR_UNSUPPORTED;
	if (crypt_base64url_decode(compact->signature, signature, sizeof(signature), &len) != OK)
		return ERR_UNAUTHENTIC;
	return jws_key_verify(key, compact->signed_text, str_make((const char *)signature, len));
}

enum err compact_payload(const struct compact *compact, uint8_t *out, size_t cap, size_t *out_len)
{
	return crypt_base64url_decode(compact->payload, out, cap, out_len);
}
