/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/cli/yaml_keys.h"

#include "base/suggest.h"

static enum err fail_unknown(struct option_reader *reader, const struct config_yaml *node,
			     const char *what, const struct suggest *suggest)
{
	struct config_yaml at_key = {.line = node->key_line, .column = node->key_column};

	if (!str_is_set(suggest->best))
		return option_fail(reader, ERR_MALFORMED, &at_key, "%s has no \"" STR_FMT "\"",
				   what, STR_ARG(node->key));
	return option_fail(reader, ERR_MALFORMED, &at_key,
			   "%s has no \"" STR_FMT "\"; did you mean \"" STR_FMT "\"?", what,
			   STR_ARG(node->key), STR_ARG(suggest->best));
}

enum err yaml_keys_check(struct option_reader *reader, const struct config_yaml *map,
			 const char *what, const char *const *keys)
{
	for (const struct config_yaml *node = map->first; node != NULL; node = node->next) {
		struct suggest suggest = {.word = node->key};
		bool is_known = false;

		for (size_t i = 0; keys[i] != NULL; i++) {
			is_known |= str_eq(node->key, str_from_c(keys[i]));
			suggest_try(&suggest, str_from_c(keys[i]));
		}
		if (!is_known)
			return fail_unknown(reader, node, what, &suggest);
	}
	return OK;
}

enum err yaml_keys_kind(struct option_reader *reader, const struct config_yaml *node,
			enum config_yaml_kind kind, const char *name)
{
	if (node->kind == kind)
		return OK;
	return option_fail(reader, ERR_MALFORMED, node, "%s must be %s, not %s", name,
			   config_yaml_kind_name(kind), config_yaml_kind_name(node->kind));
}

enum err yaml_keys_take(struct option_reader *reader, const struct config_yaml *map,
			const char *name, enum config_yaml_kind kind,
			const struct config_yaml **out)
{
	const struct config_yaml *node = config_yaml_get(map, str_from_c(name));
	enum err err;

	if (node == NULL)
		return OK;
	err = yaml_keys_kind(reader, node, kind, name);
	if (err == OK)
		*out = node;
	return err;
}
