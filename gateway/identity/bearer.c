/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/identity/bearer.h"

#include <stdlib.h>

#include "gateway/identity/claims.h"
#include "gateway/identity/compact.h"

/* RFC 8725 §3.11: a token made for another use says so in typ. Absent is common and taken. */
static bool is_typ_ours(struct str typ)
{
	return !str_is_set(typ) || str_eq_nocase(typ, STR("JWT")) ||
	       str_eq_nocase(typ, STR("at+jwt"));
}

static enum identity_reason parse_form(struct str token, struct compact *out)
{
	enum err err;

	if (token.len > BEARER_TOKEN_BYTES)
		return IDENTITY_MALFORMED;
	err = compact_parse(token, out);
	if (err == ERR_UNSUPPORTED)
		return IDENTITY_ALGORITHM;
	return err == OK && is_typ_ours(compact_typ(out)) ? IDENTITY_OK : IDENTITY_MALFORMED;
}

static enum identity_reason parse_payload(const struct compact *compact, struct claims **out)
{
	uint8_t *text = base_alloc(compact->payload.len + 1);
	size_t len = 0;
	enum err err = compact_payload(compact, text, compact->payload.len, &len);

	if (err == OK)
		err = claims_parse(str_make((const char *)text, len), out);
	free(text);
	return err == OK ? IDENTITY_OK : IDENTITY_MALFORMED;
}

/* By the iss that nobody has vouched for yet: it only tells whose keys to try. */
static enum identity_reason select_issuer(const struct issuer *issuers, size_t count,
					  const struct claims *claims, size_t *out)
{
	struct str iss = claims_text(claims, "iss");

	for (size_t i = 0; i < count && str_is_set(iss); i++) {
		if (str_eq(issuers[i].issuer, iss)) {
			*out = i;
			return IDENTITY_OK;
		}
	}
	return IDENTITY_UNKNOWN_ISSUER;
}

static enum identity_reason check_signature(const struct issuer *issuer,
					    const struct compact *compact,
					    const struct jws_key **out_key)
{
	const struct jws_key *key =
		issuer->keys == NULL ? NULL : jwks_find(issuer->keys, compact_kid(compact));

	enum err err;

	if (key == NULL)
		return IDENTITY_UNKNOWN_KID;
	err = compact_verify(compact, key);
	if (err != OK)
		return err == ERR_UNSUPPORTED ? IDENTITY_ALGORITHM : IDENTITY_SIGNATURE;
	*out_key = key;
	return IDENTITY_OK;
}

/* From the signature on; claims are still hearsay when it begins. */
static enum identity_reason judge(const struct issuer *issuer, const struct compact *compact,
				  const struct claims *claims, int64_t wall_ns,
				  const struct principal_ops *ops, const struct principal **out,
				  int64_t *out_until_ns)
{
	const struct jws_key *key = NULL;
	enum identity_reason reason = check_signature(issuer, compact, &key);

	if (reason == IDENTITY_OK)
		reason = claims_check(claims, issuer, wall_ns, out_until_ns);
	if (reason == IDENTITY_OK &&
	    claims_principal(claims, issuer, jws_key_kid(key), ops, out) != OK)
		reason = IDENTITY_CLAIMS;
	return reason;
}

enum err bearer_verify(const struct issuer *issuers, size_t issuer_count, struct str token,
		       int64_t wall_ns, const struct principal_ops *ops,
		       const struct principal **out, struct bearer_verdict *out_verdict)
{
	struct bearer_verdict verdict = {IDENTITY_MALFORMED, SIZE_MAX, 0};
	struct compact compact;
	struct claims *claims = NULL;

	verdict.reason = parse_form(token, &compact);
	if (verdict.reason == IDENTITY_OK)
		verdict.reason = parse_payload(&compact, &claims);
	if (verdict.reason == IDENTITY_OK)
		verdict.reason = select_issuer(issuers, issuer_count, claims, &verdict.issuer);
	if (verdict.reason == IDENTITY_OK)
		verdict.reason = judge(&issuers[verdict.issuer], &compact, claims, wall_ns, ops,
				       out, &verdict.until_ns);
	claims_free(claims);
	*out_verdict = verdict;
	return verdict.reason == IDENTITY_OK ? OK : ERR_UNAUTHENTIC;
}
