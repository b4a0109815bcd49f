/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names are looked up in the own namespace, then outside of namespaces, then
 * among the built-in types; a common type wins over an entity type of its name.
 */
#include "policy/schema.h"

#include <stdlib.h>

#include "base/map.h"
#include "policy/entity.h"
#include "policy/schema_parse.h"

struct schema {
	struct arena arena;
	struct map entities;	 /* full name -> struct schema_entity */
	struct map actions;	 /* type NUL id -> struct schema_action */
	struct map commons;	 /* full name -> struct schema_common */
	struct map action_types; /* full name -> struct schema_action, some one of that type */
	const struct schema_action *const *action_list;
	size_t action_count;
	size_t entity_count;
};

struct resolve {
	struct schema *schema;
	struct lex *lex;
	struct str space;
	unsigned depth;
};

static void resolve_type(struct resolve *r, struct schema_type *type);

static enum schema_kind builtin_kind(struct str name)
{
	static const struct {
		const char *name;
		enum schema_kind kind;
	} kinds[] = {
		{"Bool", SCHEMA_BOOL},	       {"Long", SCHEMA_LONG},
		{"String", SCHEMA_STRING},     {"ipaddr", SCHEMA_IP},
		{"decimal", SCHEMA_DECIMAL},   {"datetime", SCHEMA_DATETIME},
		{"duration", SCHEMA_DURATION},
	};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (str_eq(name, str_from_c(kinds[i].name)))
			return kinds[i].kind;
	return SCHEMA_NAME;
}

static bool has_path(struct str name)
{
	return str_index(name, ':') < name.len;
}

/* By its full name: common type, then entity type, then type of actions. False when there is none.
 */
static bool resolve_full(struct resolve *r, struct schema_type *type, struct str full)
{
	struct schema_common *common = map_get(&r->schema->commons, full);
	const struct schema_entity *entity;
	const struct schema_action *action;

	if (common != NULL) {
		struct str space = r->space;

		if (common->state == 1) {
			lex_fail(r->lex, ERR_MALFORMED, type->at,
				 "type `" STR_FMT "` is defined by itself", STR_ARG(full));
			return true;
		}
		r->space = common->space;
		if (common->state == 0) {
			common->state = 1;
			resolve_type(r, common->type);
			common->state = 2;
		}
		r->space = space;
		type->kind = SCHEMA_ALIAS;
		type->element = common->type;
		return true;
	}
	entity = map_get(&r->schema->entities, full);
	action = map_get(&r->schema->action_types, full);
	if (entity == NULL && action == NULL)
		return false;
	type->kind = SCHEMA_ENTITY;
	type->name = entity != NULL ? entity->name : action->uid->type;
	return true;
}

static void resolve_named(struct resolve *r, struct schema_type *type)
{
	struct str name = type->name;

	if (!has_path(name) && r->space.len > 0 &&
	    resolve_full(r, type, schema_full_name(&r->schema->arena, r->space, name)))
		return;
	if (resolve_full(r, type, name))
		return;
	if (str_has_prefix(name, STR("__cedar::")))
		name = str_sub(name, STR("__cedar::").len, name.len);
	type->kind = builtin_kind(name);
	if (type->kind == SCHEMA_NAME)
		lex_fail(r->lex, ERR_MALFORMED, type->at, "type `" STR_FMT "` is not declared",
			 STR_ARG(type->name));
}

static void resolve_type(struct resolve *r, struct schema_type *type)
{
	if (type == NULL || r->lex->err != OK)
		return;
	if (r->depth >= SCHEMA_CHAIN) {
		lex_fail(r->lex, ERR_LIMIT, type->at, "types refer deeper than %d levels",
			 SCHEMA_CHAIN);
		return;
	}
	r->depth++;
	if (type->kind == SCHEMA_NAME)
		resolve_named(r, type);
	else if (type->kind == SCHEMA_SET)
		resolve_type(r, (struct schema_type *)(uintptr_t)type->element);
	for (size_t i = 0; type->kind == SCHEMA_RECORD && i < type->attr_count; i++)
		resolve_type(r, type->attrs[i].type);
	r->depth--;
}

/* Entity types only. */
static void resolve_names(struct resolve *r, struct str *names, size_t count, uint32_t at)
{
	for (size_t i = 0; i < count && r->lex->err == OK; i++) {
		struct schema_type type = {.kind = SCHEMA_NAME, .name = names[i], .at = at};
		const struct schema_entity *entity = NULL;

		if (!has_path(names[i]) && r->space.len > 0)
			entity = map_get(&r->schema->entities,
					 schema_full_name(&r->schema->arena, r->space, names[i]));
		if (entity == NULL)
			entity = map_get(&r->schema->entities, names[i]);
		if (entity == NULL)
			lex_fail(r->lex, ERR_MALFORMED, type.at,
				 "entity type `" STR_FMT "` is not declared", STR_ARG(names[i]));
		else
			names[i] = entity->name;
	}
}

static struct str action_key(struct arena *arena, const struct uid *uid)
{
	return arena_concat(arena, arena_concat(arena, uid->type, str_make("\0", 1)), uid->id);
}

static void resolve_group(struct resolve *r, const struct uid **group, uint32_t at)
{
	struct uid *own = arena_alloc(&r->schema->arena, sizeof(*own));
	const struct schema_action *action = NULL;

	if (own == NULL) {
		lex_fail_memory(r->lex);
		return;
	}
	*own = uid_make(schema_full_name(&r->schema->arena, r->space, (*group)->type),
			(*group)->id);
	if (!has_path((*group)->type))
		action = schema_find_action(r->schema, own);
	if (action == NULL)
		action = schema_find_action(r->schema, *group);
	if (action == NULL)
		lex_fail(r->lex, ERR_MALFORMED, at, "action group `" STR_FMT "` is not declared",
			 STR_ARG((*group)->id));
	else
		*group = action->uid;
}

/* Actions declared together share their lists: each resolves the same names to the same result. */
static void resolve_action(struct resolve *r, struct schema_action *action)
{
	r->space = action->space;
	for (size_t i = 0; i < action->group_count && r->lex->err == OK; i++)
		resolve_group(r, &action->groups[i], action->at);
	resolve_names(r, action->principals, action->principal_count, action->at);
	resolve_names(r, action->resources, action->resource_count, action->at);
	resolve_type(r, action->context);
	if (r->lex->err == OK && action->context != NULL &&
	    schema_real_type(action->context)->kind != SCHEMA_RECORD)
		lex_fail(r->lex, ERR_MALFORMED, action->at, "the context must be a record");
}

static void declare(struct lex *lex, struct map *map, struct str name, void *what, uint32_t at,
		    const char *kind)
{
	if (lex->err != OK)
		return;
	if (map_get(map, name) != NULL)
		lex_fail(lex, ERR_CONFLICT, at, "%s `" STR_FMT "` is declared twice", kind,
			 (int)MIN(name.len, 100), name.ptr);
	else if (map_put(map, name, what) != OK)
		lex_fail(lex, ERR_LIMIT, at, "more than %d declarations", SCHEMA_LIST);
}

/* A name in a namespace may not hide the same name outside of all. */
static void check_shadow(struct schema *schema, struct lex *lex, struct str space, struct str name,
			 uint32_t at)
{
	struct str bare =
		space.len == 0 ? (struct str){NULL, 0} : str_sub(name, space.len + 2, name.len);

	if (str_is_set(bare) &&
	    (map_get(&schema->entities, bare) != NULL || map_get(&schema->commons, bare) != NULL))
		lex_fail(lex, ERR_CONFLICT, at, "`" STR_FMT "` hides the type `" STR_FMT "`",
			 STR_ARG(name), STR_ARG(bare));
}

static void check_shadows(struct schema *schema, struct schema_parse *p)
{
	struct schema_entity **entities = (void *)p->entities.items;
	struct schema_action **actions = (void *)p->actions.items;
	struct schema_common **commons = (void *)p->commons.items;

	for (size_t i = 0; i < p->entities.count; i++)
		check_shadow(schema, &p->lex, entities[i]->space, entities[i]->name,
			     entities[i]->at);
	for (size_t i = 0; i < p->commons.count; i++)
		check_shadow(schema, &p->lex, commons[i]->space, commons[i]->name, commons[i]->at);
	for (size_t i = 0; i < p->actions.count; i++) {
		struct uid bare = uid_make(STR("Action"), actions[i]->uid->id);

		if (actions[i]->space.len > 0 && schema_find_action(schema, &bare) != NULL)
			lex_fail(&p->lex, ERR_CONFLICT, actions[i]->at,
				 "action `" STR_FMT "` hides the one outside of namespaces",
				 STR_ARG(bare.id));
	}
}

/* The closure of a store knows how to find one. */
static void check_cycles(const struct schema *schema, struct lex *lex)
{
	struct entity_store *store = entity_store_new(NULL);
	struct diag diag = {.text = ""};
	enum err err = entity_store_add_actions(store, schema, &diag);

	if (err == OK)
		err = entity_store_freeze(store, &diag);
	if (err != OK)
		lex_fail(lex, err, 0, "%s", diag.text);
	entity_store_free(store);
}

static void declare_all(struct schema *schema, struct schema_parse *p)
{
	struct schema_entity **entities = (void *)p->entities.items;
	struct schema_action **actions = (void *)p->actions.items;
	struct schema_common **commons = (void *)p->commons.items;

	for (size_t i = 0; i < p->entities.count; i++) {
		entities[i]->index = i;
		declare(&p->lex, &schema->entities, entities[i]->name, entities[i], entities[i]->at,
			"entity type");
		if (schema_is_action_type(entities[i]->name))
			lex_fail(&p->lex, ERR_MALFORMED, entities[i]->at,
				 "`Action` is reserved for actions");
	}
	for (size_t i = 0; i < p->actions.count; i++) {
		declare(&p->lex, &schema->actions, action_key(&schema->arena, actions[i]->uid),
			actions[i], actions[i]->at, "action");
		if (map_put(&schema->action_types, actions[i]->uid->type, actions[i]) != OK)
			lex_fail_memory(&p->lex);
	}
	for (size_t i = 0; i < p->commons.count; i++)
		declare(&p->lex, &schema->commons, commons[i]->name, commons[i], commons[i]->at,
			"type");
	schema->action_list = (const void *)actions;
	schema->action_count = p->actions.count;
	schema->entity_count = p->entities.count;
}

static void resolve_all(struct schema *schema, struct schema_parse *p)
{
	struct resolve r = {.schema = schema, .lex = &p->lex, .space = STR("")};
	struct schema_entity **entities = (void *)p->entities.items;
	struct schema_action **actions = (void *)p->actions.items;
	struct schema_common **commons = (void *)p->commons.items;

	for (size_t i = 0; i < p->commons.count; i++) {
		struct schema_type type = {.name = commons[i]->name, .at = commons[i]->at};

		(void)resolve_full(&r, &type, type.name);
	}
	for (size_t i = 0; i < p->entities.count; i++) {
		r.space = entities[i]->space;
		resolve_names(&r, entities[i]->parents, entities[i]->parent_count, entities[i]->at);
		resolve_type(&r, entities[i]->shape);
		resolve_type(&r, entities[i]->tags);
	}
	for (size_t i = 0; i < p->actions.count; i++)
		resolve_action(&r, actions[i]);
}

enum err schema_load(const char *file, struct str text, struct schema **out_schema,
		     struct diag *diag)
{
	struct schema *schema;
	struct schema_parse parse;

	if (text.len > SCHEMA_TEXT_BYTES)
		return diag_set(diag, ERR_LIMIT, file, 0, 0, "schema is longer than %zu bytes",
				SCHEMA_TEXT_BYTES);
	schema = base_alloc(sizeof(*schema));
	arena_init(&schema->arena, 16384, SCHEMA_ARENA);
	map_init(&schema->entities, SCHEMA_LIST);
	map_init(&schema->actions, SCHEMA_LIST);
	map_init(&schema->commons, SCHEMA_LIST);
	map_init(&schema->action_types, SCHEMA_LIST);
	schema_parse_text(&parse, file, text, &schema->arena, diag);
	if (parse.lex.err == OK) {
		declare_all(schema, &parse);
		check_shadows(schema, &parse);
		resolve_all(schema, &parse);
	}
	if (parse.lex.err == OK)
		check_cycles(schema, &parse.lex);
	if (parse.lex.err == OK && arena_has_overflowed(&schema->arena))
		lex_fail_memory(&parse.lex);
	if (parse.lex.err != OK) {
		schema_free(schema);
		return parse.lex.err;
	}
	*out_schema = schema;
	return OK;
}

void schema_free(struct schema *schema)
{
	if (schema == NULL)
		return;
	map_fini(&schema->entities);
	map_fini(&schema->actions);
	map_fini(&schema->commons);
	map_fini(&schema->action_types);
	arena_fini(&schema->arena);
	free(schema);
}

const struct schema_entity *schema_find_entity(const struct schema *schema, struct str type)
{
	return map_get(&schema->entities, type);
}

const struct schema_action *schema_find_action(const struct schema *schema,
					       const struct uid *action)
{
	char buf[512];
	struct arena arena;
	const struct schema_action *found;

	if (action->type.len + action->id.len < sizeof(buf)) {
		memcpy(buf, action->type.ptr, action->type.len);
		buf[action->type.len] = '\0';
		memcpy(buf + action->type.len + 1, action->id.ptr, action->id.len);
		return map_get(&schema->actions,
			       str_make(buf, action->type.len + 1 + action->id.len));
	}
	arena_init(&arena, 4096, SCHEMA_ARENA);
	found = map_get(&schema->actions, action_key(&arena, action));
	arena_fini(&arena);
	return found;
}

bool schema_is_action_type(struct str type)
{
	return str_eq(type, STR("Action")) || str_has_suffix(type, STR("::Action"));
}

size_t schema_entity_count(const struct schema *schema)
{
	return schema->entity_count;
}

size_t schema_action_count(const struct schema *schema)
{
	return schema->action_count;
}

const struct schema_action *schema_action_at(const struct schema *schema, size_t i)
{
	ASSERT(i < schema->action_count);
	return schema->action_list[i];
}

const struct schema_type *schema_real_type(const struct schema_type *type)
{
	while (type->kind == SCHEMA_ALIAS)
		type = type->element;
	return type;
}
