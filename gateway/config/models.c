/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/config/models.h"

#include "base/map.h"

/* A field's name and value go to the upstream as they are: what HTTP calls a token. */
static bool is_field_name(struct str name)
{
	static const char marks[] = "!#$%&'*+-.^_`|~";

	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && strchr(marks, c) == NULL)
			return false;
	}
	return name.len > 0;
}

/* As the codec wants it, whatever the operator wrote. */
static enum err lower_header(struct option_reader *reader, struct upstream_options *own)
{
	char *text = arena_alloc(reader->arena, own->credential_header.len + 1);

	if (text == NULL)
		return ERR_LIMIT;
	for (size_t i = 0; i < own->credential_header.len; i++) {
		char c = own->credential_header.ptr[i];

		text[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
	}
	own->credential_header.ptr = text;
	return OK;
}

static enum err check_credential(struct option_reader *reader, const struct config_yaml *node,
				 struct upstream_options *own)
{
	const struct config_yaml *credential = config_yaml_get(node, STR("credential"));

	if (str_is_set(own->credential_header) != str_is_set(own->credential_value))
		return option_fail(reader, ERR_MALFORMED, credential,
				   "credential needs both header and value");
	if (!str_is_set(own->credential_header))
		return OK;
	if (lower_header(reader, own) != OK)
		return option_fail(reader, ERR_LIMIT, credential, "the file is too large");
	if (!is_field_name(own->credential_header))
		return option_fail(reader, ERR_MALFORMED,
				   config_yaml_get(credential, STR("header")),
				   "credential.header: \"" STR_FMT "\" cannot name a field",
				   STR_ARG(own->credential_header));
	return OK;
}

static enum err read_upstream(struct option_reader *reader, const struct config_yaml *node,
			      struct map *names, struct upstream_options *own)
{
	enum err err = option_read(reader, OPTION_UPSTREAM, node, own);

	if (err == OK)
		err = check_credential(reader, node, own);
	if (err != OK)
		return err;
	own->line = node->line;
	own->column = node->column;
	if (map_get(names, own->name) != NULL)
		return option_fail(reader, ERR_CONFLICT, node,
				   "another upstream has the name \"" STR_FMT "\"",
				   STR_ARG(own->name));
	return map_put(names, own->name, own);
}

enum err config_upstreams_read(struct option_reader *reader, const struct config_yaml *list,
			       struct config_upstreams *out)
{
	struct map names;
	enum err err = OK;

	out->items = arena_array(reader->arena, list->count, sizeof(*out->items));
	if (out->items == NULL)
		return option_fail(reader, ERR_LIMIT, list, "the file is too large");
	map_init(&names, list->count + 1);
	for (const struct config_yaml *node = list->first; node != NULL; node = node->next)
		err = option_both(err,
				  read_upstream(reader, node, &names, &out->items[out->count++]));
	map_fini(&names);
	return err;
}

enum err config_models_read(struct option_reader *reader, const struct config_yaml *list,
			    struct config_models *out)
{
	enum err err = OK;

	out->items = arena_array(reader->arena, list->count, sizeof(*out->items));
	if (out->items == NULL)
		return option_fail(reader, ERR_LIMIT, list, "the file is too large");
	for (const struct config_yaml *node = list->first; node != NULL; node = node->next) {
		struct model_options *own = &out->items[out->count++];

		err = option_both(err, option_read(reader, OPTION_MODEL, node, own));
		own->line = node->line;
		own->column = node->column;
		if (own->region_count == 0 && str_is_set(own->region)) {
			own->regions = &own->region;
			own->region_count = 1;
		}
	}
	return err;
}
