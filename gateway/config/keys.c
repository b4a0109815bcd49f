/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/config/keys.h"

#include "base/clock.h"
#include "base/suggest.h"

#define KEYS_ATTRIBUTES 64

static enum err read_text(struct option_reader *reader, const struct config_yaml *node,
			  struct str *out)
{
	if (node->kind != CONFIG_YAML_SCALAR)
		return option_fail(reader, ERR_MALFORMED, node, STR_FMT " must be a value, not %s",
				   STR_ARG(node->key), config_yaml_kind_name(node->kind));
	if (str_index(node->text, '\n') < node->text.len)
		return option_fail(reader, ERR_MALFORMED, node, "a line break cannot stand in it");
	*out = node->text;
	return OK;
}

static enum err read_list(struct option_reader *reader, const struct config_yaml *node,
			  struct str_list *out)
{
	struct str *items;
	size_t count = 0;
	enum err err = OK;

	if (node->kind != CONFIG_YAML_LIST)
		return option_fail(reader, ERR_MALFORMED, node, STR_FMT " must be a list, not %s",
				   STR_ARG(node->key), config_yaml_kind_name(node->kind));
	items = arena_array(reader->arena, node->count, sizeof(*items));
	if (items == NULL)
		return option_fail(reader, ERR_LIMIT, node, "the file is too large");
	for (const struct config_yaml *item = node->first; item != NULL; item = item->next)
		err = option_both(err, read_text(reader, item, &items[count++]));
	*out = (struct str_list){items, count};
	return err;
}

/* What the value looks like is what it is: a quoted one is always text. */
static enum err read_attribute(struct option_reader *reader, const struct config_yaml *node,
			       struct attribute *out)
{
	*out = (struct attribute){.name = node->key};
	if (node->kind == CONFIG_YAML_LIST) {
		out->type = ATTRIBUTE_SET;
		return read_list(reader, node, &out->set);
	}
	if (read_text(reader, node, &out->text) != OK)
		return ERR_MALFORMED;
	if (node->is_quoted) {
		out->type = ATTRIBUTE_STRING;
	} else if (str_eq(out->text, STR("true")) || str_eq(out->text, STR("false"))) {
		out->type = ATTRIBUTE_BOOL;
		out->flag = str_eq(out->text, STR("true"));
	} else if (str_to_i64(out->text, &out->number) == OK) {
		out->type = ATTRIBUTE_LONG;
	} else {
		out->type = ATTRIBUTE_STRING;
	}
	return OK;
}

static enum err read_attributes(struct option_reader *reader, const struct config_yaml *node,
				struct apikey_row *row)
{
	struct attribute *attributes;
	enum err err = OK;

	if (node->kind != CONFIG_YAML_MAP || node->count > KEYS_ATTRIBUTES)
		return option_fail(reader, ERR_MALFORMED, node,
				   "attributes must be a map of at most %d", KEYS_ATTRIBUTES);
	attributes = arena_array(reader->arena, node->count, sizeof(*attributes));
	if (attributes == NULL)
		return option_fail(reader, ERR_LIMIT, node, "the file is too large");
	row->attributes = attributes;
	for (const struct config_yaml *item = node->first; item != NULL; item = item->next)
		err = option_both(
			err, read_attribute(reader, item, &attributes[row->attribute_count++]));
	return err;
}

static enum err read_kind(struct option_reader *reader, const struct config_yaml *node,
			  struct apikey_row *row)
{
	if (str_eq(node->text, STR("user")))
		row->kind = PRINCIPAL_USER;
	else if (str_eq(node->text, STR("service")))
		row->kind = PRINCIPAL_SERVICE;
	else
		return option_fail(reader, ERR_MALFORMED, node, "kind must be user or service");
	return OK;
}

static enum err read_expires(struct option_reader *reader, const struct config_yaml *node,
			     struct apikey_row *row)
{
	if (node->kind != CONFIG_YAML_SCALAR || clock_parse(node->text, &row->expires_ns) != OK)
		return option_fail(reader, ERR_MALFORMED, node,
				   "expires must be a date or date-time such as "
				   "2027-01-01T00:00:00Z");
	return OK;
}

static enum err read_revoked(struct option_reader *reader, const struct config_yaml *node,
			     struct apikey_row *row)
{
	if (str_eq(node->text, STR("true")))
		row->is_revoked = true;
	else if (!str_eq(node->text, STR("false")))
		return option_fail(reader, ERR_MALFORMED, node, "revoked must be true or false");
	return OK;
}

static enum err read_created(struct option_reader *reader, const struct config_yaml *node,
			     struct apikey_row *row)
{
	int64_t ns = 0;

	(void)row;
	if (node->kind != CONFIG_YAML_SCALAR || clock_parse(node->text, &ns) != OK)
		return option_fail(reader, ERR_MALFORMED, node, "created must be a date-time");
	return OK;
}

typedef enum err (*member_fn)(struct option_reader *reader, const struct config_yaml *node,
			      struct apikey_row *row);

/* Texts and lists by where they stand; the rest by function. */
static const struct {
	struct str name;
	size_t offset;
	bool is_list;
	member_fn read;
} members[] = {
	{STR("attributes"), 0, false, read_attributes},
	{STR("bu"), offsetof(struct apikey_row, bu), false, NULL},
	{STR("created"), 0, false, read_created},
	{STR("expires"), 0, false, read_expires},
	{STR("groups"), offsetof(struct apikey_row, groups), true, NULL},
	{STR("id"), offsetof(struct apikey_row, id), false, NULL},
	{STR("kind"), 0, false, read_kind},
	{STR("name"), offsetof(struct apikey_row, name), false, NULL},
	{STR("project"), offsetof(struct apikey_row, project), false, NULL},
	{STR("revoked"), 0, false, read_revoked},
	{STR("roles"), offsetof(struct apikey_row, roles), true, NULL},
	{STR("scopes"), offsetof(struct apikey_row, scopes), true, NULL},
	{STR("sha256"), offsetof(struct apikey_row, sha256), false, NULL},
	{STR("team"), offsetof(struct apikey_row, team), false, NULL},
};

static enum err read_member(struct option_reader *reader, const struct config_yaml *node,
			    struct apikey_row *row)
{
	struct config_yaml at_key = {.line = node->key_line, .column = node->key_column};
	struct suggest suggest = {.word = node->key};

	for (size_t i = 0; i < ARRAY_LEN(members); i++) {
		void *member = (char *)row + members[i].offset;

		suggest_try(&suggest, members[i].name);
		if (!str_eq(members[i].name, node->key))
			continue;
		if (members[i].read != NULL)
			return members[i].read(reader, node, row);
		return members[i].is_list ? read_list(reader, node, member)
					  : read_text(reader, node, member);
	}
	if (str_is_set(suggest.best))
		return option_fail(reader, ERR_MALFORMED, &at_key,
				   "a key has no member \"" STR_FMT "\"; did you mean \"" STR_FMT
				   "\"?",
				   STR_ARG(node->key), STR_ARG(suggest.best));
	return option_fail(reader, ERR_MALFORMED, &at_key, "a key has no member \"" STR_FMT "\"",
			   STR_ARG(node->key));
}

static enum err read_row(struct option_reader *reader, const struct config_yaml *node,
			 struct apikey_row *row)
{
	static const struct str none = STR("");
	enum err err = OK;

	*row = (struct apikey_row){
		.kind = PRINCIPAL_USER,
		.bu = none,
		.team = none,
		.project = none,
		.line = node->line,
		.column = node->column,
	};
	if (node->kind != CONFIG_YAML_MAP)
		return option_fail(reader, ERR_MALFORMED, node, "a key must be a map, not %s",
				   config_yaml_kind_name(node->kind));
	for (const struct config_yaml *item = node->first; item != NULL; item = item->next)
		err = option_both(err, read_member(reader, item, row));
	return err;
}

enum err config_keys_read(struct option_reader *reader, const struct config_yaml *root,
			  const struct apikey_row **out, size_t *out_count)
{
	const struct config_yaml *list =
		root->kind == CONFIG_YAML_MAP ? config_yaml_get(root, STR("keys")) : NULL;
	struct apikey_row *rows;
	size_t count = 0;
	enum err err = OK;

	if (root->kind == CONFIG_YAML_MAP && root->count == 0)
		return OK;
	/* An empty list is written as nothing behind "keys:". */
	if (list != NULL && config_yaml_is_null(list))
		return OK;
	if (list != NULL && list->kind != CONFIG_YAML_LIST)
		return option_fail(reader, ERR_MALFORMED, list, "keys must be a list, not %s",
				   config_yaml_kind_name(list->kind));
	if (list == NULL || root->count > 1)
		return option_fail(reader, ERR_MALFORMED, root,
				   "the file must be a map with one list, \"keys\"");
	if (list->count > APIKEY_MAX_ROWS)
		return option_fail(reader, ERR_LIMIT, list, "more than %d keys", APIKEY_MAX_ROWS);
	rows = arena_array(reader->arena, list->count, sizeof(*rows));
	if (rows == NULL)
		return option_fail(reader, ERR_LIMIT, list, "the file is too large");
	for (const struct config_yaml *node = list->first; node != NULL; node = node->next)
		err = option_both(err, read_row(reader, node, &rows[count++]));
	if (err != OK)
		return err;
	*out = rows;
	*out_count = count;
	return OK;
}
