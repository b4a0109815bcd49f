/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/identity/token.h"

#include <stdlib.h>

#include <jwt.h>

#include "base/jscan.h"

#define CLAIM_BYTES 8192

static bool library_alg(enum jws_alg alg, jwt_alg_t *out)
{
	static const struct {
		enum jws_alg ours;
		jwt_alg_t theirs;
	} rows[] = {
		{JWS_RS256, JWT_ALG_RS256}, {JWS_RS384, JWT_ALG_RS384}, {JWS_RS512, JWT_ALG_RS512},
		{JWS_ES256, JWT_ALG_ES256}, {JWS_ES384, JWT_ALG_ES384}, {JWS_ES512, JWT_ALG_ES512},
		{JWS_HS256, JWT_ALG_HS256}, {JWS_HS384, JWT_ALG_HS384}, {JWS_HS512, JWT_ALG_HS512},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (rows[i].ours == alg) {
			*out = rows[i].theirs;
			return true;
		}
	}
	return false;
}

static enum err ignore_value(void *arg, const struct jscan_value *value)
{
	(void)arg, (void)value;
	return OK;
}

static bool is_json(struct str text)
{
	static const char *const nothing[] = {NULL};
	struct jscan_paths *paths = jscan_paths_new(nothing);
	struct jscan scan;
	bool is_whole;

	jscan_init(&scan, paths, ignore_value, NULL);
	is_whole = jscan_feed(&scan, text) == OK && jscan_end(&scan) == OK;
	jscan_paths_free(paths);
	return is_whole;
}

/* {"name":value}, with value as JSON if it is some, else as a string. */
static enum err write_claim(struct buf *out, const struct token_claim *claim)
{
	enum err err = buf_append(out, STR("{"));

	if (err == OK)
		err = buf_append_json(out, claim->name);
	if (err == OK)
		err = buf_append(out, STR(":"));
	if (err == OK)
		err = is_json(claim->value) ? buf_append(out, claim->value)
					    : buf_append_json(out, claim->value);
	return err != OK ? err : buf_append(out, STR("}\0"));
}

static enum err add_claim(jwt_t *jwt, const struct token_claim *claim, struct diag *diag)
{
	struct buf text;
	enum err err;

	buf_init(&text, CLAIM_BYTES);
	err = write_claim(&text, claim);
	if (err != OK || jwt_add_grants_json(jwt, text.ptr) != 0)
		err = diag_set(diag, ERR_MALFORMED, "", 0, 0,
			       "claim \"" STR_FMT
			       "\" cannot be written (repeated member, or too long)",
			       STR_ARG(claim->name));
	buf_fini(&text);
	return err;
}

/* As a claim of its own, so that the text is escaped in one place. Empty: left out. */
static enum err add_text(jwt_t *jwt, struct str name, struct str value, struct diag *diag)
{
	struct buf quoted;
	enum err err;

	if (value.len == 0)
		return OK;
	buf_init(&quoted, CLAIM_BYTES);
	err = buf_append_json(&quoted, value);
	if (err == OK)
		err = add_claim(jwt, &(struct token_claim){name, buf_str(&quoted)}, diag);
	buf_fini(&quoted);
	return err;
}

static enum err add_claims(jwt_t *jwt, const struct token_options *options, struct diag *diag)
{
	enum err err = add_text(jwt, STR("iss"), options->issuer, diag);

	if (err == OK)
		err = add_text(jwt, STR("sub"), options->subject, diag);
	if (err == OK)
		err = add_text(jwt, STR("aud"), options->audience, diag);
	if (err == OK && (jwt_add_grant_int(jwt, "iat", options->now_s) != 0 ||
			  jwt_add_grant_int(jwt, "exp", options->now_s + options->ttl_s) != 0))
		err = ERR_INTERNAL;
	for (size_t i = 0; i < options->claim_count && err == OK; i++)
		err = add_claim(jwt, &options->claims[i], diag);
	return err;
}

static enum err set_kid(jwt_t *jwt, struct str kid)
{
	char text[JWS_KID + 1];

	if (kid.len == 0)
		return OK;
	if (kid.len > JWS_KID)
		return ERR_LIMIT;
	memcpy(text, kid.ptr, kid.len);
	text[kid.len] = '\0';
	return jwt_add_header(jwt, "kid", text) == 0 ? OK : ERR_MALFORMED;
}

static enum err sign(jwt_t *jwt, const struct token_options *options, jwt_alg_t alg,
		     struct diag *diag, struct buf *out)
{
	char *text = NULL;
	enum err err;

	if (jwt_set_alg(jwt, alg, (const unsigned char *)options->key.ptr, (int)options->key.len) ==
	    0)
		text = jwt_encode_str(jwt);
	if (text == NULL)
		return diag_set(diag, ERR_MALFORMED, "", 0, 0,
				"the key cannot sign %s; is it a private key of that kind in PEM?",
				jws_alg_name(options->alg));
	err = buf_append(out, str_from_c(text));
	free(text);
	return err;
}

enum err token_issue(const struct token_options *options, struct diag *diag, struct buf *out)
{
	jwt_alg_t alg;
	jwt_t *jwt = NULL;
	enum err err;

	if (!library_alg(options->alg, &alg))
		return diag_set(diag, ERR_UNSUPPORTED, "", 0, 0,
				"%s tokens are verified but cannot be issued here; issue RS256, "
				"RS384, RS512, ES256, ES384, ES512, HS256, HS384 or HS512",
				jws_alg_name(options->alg));
	if (options->key.len == 0 || options->key.len > INT32_MAX || jwt_new(&jwt) != 0)
		return diag_set(diag, ERR_MALFORMED, "", 0, 0, "the key is empty");
	err = set_kid(jwt, options->kid);
	if (err == OK)
		err = add_claims(jwt, options, diag);
	if (err == OK)
		err = sign(jwt, options, alg, diag, out);
	jwt_free(jwt);
	return err;
}
