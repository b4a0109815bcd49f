/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/config/issuers.h"

static enum err read_algorithms(struct option_reader *reader, const struct config_yaml *node,
				const struct config_raw_issuer *raw, struct issuer *out)
{
	const struct config_yaml *list = config_yaml_get(node, STR("algorithms"));

	for (size_t i = 0; i < raw->algorithms.count; i++) {
		enum jws_alg alg;

		if (jws_alg_from_str(raw->algorithms.items[i], &alg) != OK)
			return option_fail(reader, ERR_MALFORMED, list,
					   "algorithms: \"" STR_FMT "\" is not one we verify",
					   STR_ARG(raw->algorithms.items[i]));
		out->algorithms |= JWS_ALG_BIT(alg);
	}
	return OK;
}

static enum err read_attributes(struct option_reader *reader, const struct config_raw_issuer *raw,
				struct issuer *out)
{
	const struct config_yaml *map = raw->attributes;
	struct claim_attribute *attributes;

	if (map == NULL)
		return OK;
	attributes = arena_array(reader->arena, map->count, sizeof(*attributes));
	if (attributes == NULL)
		return option_fail(reader, ERR_LIMIT, map, "the file is too large");
	out->claims.attributes = attributes;
	for (const struct config_yaml *node = map->first; node != NULL; node = node->next) {
		if (node->kind != CONFIG_YAML_SCALAR || node->text.len == 0)
			return option_fail(reader, ERR_MALFORMED, node,
					   "claims.attributes: " STR_FMT " must name one claim",
					   STR_ARG(node->key));
		attributes[out->claims.attribute_count++] =
			(struct claim_attribute){node->key, node->text};
	}
	return OK;
}

static enum err check_source(struct option_reader *reader, const struct config_yaml *node,
			     const struct config_raw_issuer *raw)
{
	const struct config_yaml *jwks = config_yaml_get(node, STR("jwks"));

	if (jwks == NULL)
		jwks = node;
	if (str_is_set(raw->file) == str_is_set(raw->url))
		return option_fail(reader, ERR_MALFORMED, jwks, "jwks needs either file or url");
	if (!str_is_set(raw->url) || str_has_prefix(raw->url, STR("https://")) ||
	    (raw->allow_plain && str_has_prefix(raw->url, STR("http://"))))
		return OK;
	return option_fail(reader, ERR_MALFORMED, config_yaml_get(jwks, STR("url")),
			   "jwks.url must begin with https://");
}

static enum err read_keys(struct option_reader *reader, const struct config_yaml *node,
			  const struct config_raw_issuer *raw, struct issuer *out,
			  struct jwks_source_options *source)
{
	enum err err = check_source(reader, node, raw);
	struct diag diag = {0};

	*source = (struct jwks_source_options){
		.issuer = source->issuer,
		.file = raw->file,
		.url = raw->url,
		.ca_file = raw->ca,
		.allow_plain = raw->allow_plain,
		.algorithms = out->algorithms,
		.refresh_ms = raw->refresh_ms,
	};
	if (err != OK || str_is_set(raw->url))
		return err;
	err = jwks_load(raw->file.ptr, out->algorithms, &diag, &out->keys);
	return err == OK ? OK : option_note(reader, err, &diag);
}

static enum err read_issuer(struct option_reader *reader, const struct config_yaml *node,
			    struct issuer *out, struct jwks_source_options *source)
{
	struct config_raw_issuer raw = {0};
	enum err err = option_read(reader, OPTION_ISSUER, node, &raw);

	if (err != OK)
		return err;
	*out = (struct issuer){
		.name = raw.name,
		.issuer = raw.issuer,
		.audience = raw.audience,
		.leeway_s = (raw.leeway_ms + 999) / 1000,
		.kind = (enum principal_kind)raw.kind,
		.claims = raw.claims,
		.line = node->line,
		.column = node->column,
	};
	err = read_algorithms(reader, node, &raw, out);
	err = option_both(err, read_attributes(reader, &raw, out));
	return option_both(err, read_keys(reader, node, &raw, out, source));
}

enum err config_issuers_read(struct option_reader *reader, const struct config_yaml *list,
			     struct config_issuers *out)
{
	enum err err = OK;

	if (list == NULL)
		return OK;
	out->items = arena_array(reader->arena, list->count, sizeof(*out->items));
	out->sources = arena_array(reader->arena, list->count, sizeof(*out->sources));
	if (out->items == NULL || out->sources == NULL)
		return option_fail(reader, ERR_LIMIT, list, "the file is too large");
	for (const struct config_yaml *node = list->first; node != NULL; node = node->next) {
		size_t i = out->count++;

		out->sources[i].issuer = i;
		err = option_both(err, read_issuer(reader, node, &out->items[i], &out->sources[i]));
	}
	return err;
}
