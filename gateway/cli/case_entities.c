/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/cli/case_entities.h"

#include "gateway/cli/policy_cases.h"
#include "gateway/cli/policy_question.h"
#include "gateway/cli/yaml_json.h"
#include "gateway/cli/yaml_keys.h"

static const char *const entity_keys[] = {"uid", "attrs", "parents", "tags", NULL};

static enum err read_uid(struct option_reader *reader, const struct config_yaml *node,
			 const char *name, const struct uid **out)
{
	struct diag diag = {0};
	enum err err = yaml_keys_kind(reader, node, CONFIG_YAML_SCALAR, name);

	if (err != OK)
		return err;
	err = policy_question_uid(reader->arena, name, node->text, out, &diag);
	return err == OK ? OK : option_fail(reader, err, node, "%s", diag.text);
}

/* Its keys and their kinds, before anything is laid over it. */
static enum err check_entity(struct option_reader *reader, const struct config_yaml *node,
			     const struct uid **out_uid)
{
	const struct config_yaml *uid = NULL;
	const struct config_yaml *parents = NULL;
	const struct config_yaml *ignored;
	const struct uid *parent;
	enum err err = yaml_keys_kind(reader, node, CONFIG_YAML_MAP, "an entity");

	if (err == OK)
		err = yaml_keys_check(reader, node, "an entity", entity_keys);
	if (err == OK)
		err = yaml_keys_take(reader, node, "uid", CONFIG_YAML_SCALAR, &uid);
	if (err == OK && uid == NULL)
		err = option_fail(reader, ERR_MALFORMED, node, "the entity has no \"uid\"");
	if (err == OK)
		err = read_uid(reader, uid, "uid", out_uid);
	if (err == OK)
		err = yaml_keys_take(reader, node, "attrs", CONFIG_YAML_MAP, &ignored);
	if (err == OK)
		err = yaml_keys_take(reader, node, "tags", CONFIG_YAML_MAP, &ignored);
	if (err == OK)
		err = yaml_keys_take(reader, node, "parents", CONFIG_YAML_LIST, &parents);
	for (const struct config_yaml *one = parents == NULL ? NULL : parents->first;
	     err == OK && one != NULL; one = one->next)
		err = read_uid(reader, one, "parent", &parent);
	return err;
}

static enum err put(struct option_reader *reader, const struct config_yaml *list,
		    const struct config_yaml *node, struct case_entity *items, size_t *count)
{
	const struct uid *uid;
	enum err err = check_entity(reader, node, &uid);

	struct case_entity *item = NULL;
	const struct config_yaml *whole;

	if (err != OK)
		return err;
	for (size_t i = 0; item == NULL && i < *count; i++)
		if (uid_eq(items[i].uid, uid))
			item = &items[i];
	if (item != NULL && item->list == list)
		return option_fail(reader, ERR_CONFLICT, node,
				   "this entity stands twice in the list");
	if (item == NULL && *count == POLICY_CASES_ENTITIES)
		return option_fail(reader, ERR_LIMIT, node, "more than %d entities",
				   POLICY_CASES_ENTITIES);
	whole = yaml_merge(reader->arena, item == NULL ? NULL : item->node, node);
	if (whole == NULL)
		return option_fail(reader, ERR_LIMIT, node, "the entities take too much memory");
	if (item == NULL)
		item = &items[(*count)++];
	*item = (struct case_entity){
		.uid = uid, .node = whole, .list = list, .place = node, .reader = reader};
	return OK;
}

enum err case_entities_add(struct option_reader *reader, const struct config_yaml *list,
			   struct case_entities *entities)
{
	size_t room = MIN(entities->count + list->count, (size_t)POLICY_CASES_ENTITIES);
	struct case_entity *items = arena_array(reader->arena, room, sizeof(*items));
	size_t count = entities->count;
	enum err err = OK;

	if (items == NULL)
		return option_fail(reader, ERR_LIMIT, list, "the entities take too much memory");
	if (count > 0)
		memcpy(items, entities->items, count * sizeof(*items));
	for (const struct config_yaml *node = list->first; err == OK && node != NULL;
	     node = node->next)
		err = put(reader, list, node, items, &count);
	if (err == OK)
		*entities = (struct case_entities){count, items};
	return err;
}

/* To JSON ---------------------------------------------------------------------------------- */

static enum err write_uid(struct buf *out, const struct uid *uid)
{
	enum err err = buf_append(out, STR("{\"type\":"));

	if (err == OK)
		err = buf_append_json(out, uid->type);
	if (err == OK)
		err = buf_append(out, STR(",\"id\":"));
	if (err == OK)
		err = buf_append_json(out, uid->id);
	return err != OK ? err : buf_append_byte(out, '}');
}

static enum err write_parents(const struct case_entity *entity, struct buf *out)
{
	const struct config_yaml *list = config_yaml_get(entity->node, STR("parents"));
	const struct config_yaml *first = list == NULL ? NULL : list->first;
	const struct uid *parent;
	enum err err = buf_append(out, STR(",\"parents\":["));

	for (const struct config_yaml *node = first; err == OK && node != NULL; node = node->next) {
		if (node != first)
			err = buf_append_byte(out, ',');
		if (err == OK)
			err = read_uid(entity->reader, node, "parent", &parent);
		if (err == OK)
			err = write_uid(out, parent);
	}
	return err != OK ? err : buf_append_byte(out, ']');
}

static enum err write_map(const struct case_entity *entity, const char *name, struct buf *out)
{
	const struct config_yaml *map = config_yaml_get(entity->node, str_from_c(name));
	enum err err = buf_printf(out, ",\"%s\":", name);

	if (err != OK)
		return err;
	return map == NULL ? buf_append(out, STR("{}")) : yaml_json_write(out, map);
}

static enum err write_entity(const struct case_entity *entity, struct buf *out)
{
	enum err err = buf_append(out, STR("[{\"uid\":"));

	if (err == OK)
		err = write_uid(out, entity->uid);
	if (err == OK)
		err = write_map(entity, "attrs", out);
	if (err == OK)
		err = write_map(entity, "tags", out);
	if (err == OK)
		err = write_parents(entity, out);
	return err != OK ? err : buf_append(out, STR("}]"));
}

static enum err load_entity(const struct case_entity *entity, struct entity_store *store,
			    const struct schema *schema)
{
	struct option_reader *reader = entity->reader;
	struct diag inner = {0};
	struct str json = {NULL, 0};
	struct buf text;
	enum err err;

	buf_init(&text, POLICY_CASES_BYTES);
	err = write_entity(entity, &text);
	if (err == OK)
		json = arena_str(reader->arena, buf_str(&text));
	buf_fini(&text);
	if (err != OK || !str_is_set(json))
		return option_fail(reader, ERR_LIMIT, entity->place,
				   "the entity takes too much memory");
	err = entity_store_load_json(store, reader->file, json, schema, &inner);
	return err == OK ? OK : option_fail(reader, err, entity->place, "%s", inner.text);
}

enum err case_entities_load(const struct case_entities *entities, struct entity_store *store,
			    const struct schema *schema)
{
	enum err err = OK;

	for (size_t i = 0; err == OK && i < entities->count; i++)
		err = load_entity(&entities->items[i], store, schema);
	return err;
}
