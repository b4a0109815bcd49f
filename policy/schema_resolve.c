/* SPDX-License-Identifier: Apache-2.0 */
/*
 *   declare ─► hide nothing ─► common types ─► entity types ─► actions ─► no circles
 *
 * Each step tells of all its errors; the next one follows only when there were
 * none, as its errors would mostly be theirs again.
 */
#include "policy/schema_resolve.h"

#include "base/suggest.h"
#include "policy/type.h"

struct resolve {
	struct schema *schema;
	struct schema_draft *draft;
	struct arena *arena;
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

	if (str_has_prefix(name, STR("__cedar::")))
		name = str_sub(name, STR("__cedar::").len, name.len);
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (str_eq(name, str_from_c(kinds[i].name)))
			return kinds[i].kind;
	return SCHEMA_NAME;
}

static bool has_path(struct str name)
{
	return str_index(name, ':') < name.len;
}

static bool find_full(const struct schema *schema, struct str full, enum schema_want want,
		      struct schema_found *out)
{
	*out = (struct schema_found){.builtin = SCHEMA_NAME};
	if (want != SCHEMA_WANT_ENTITY)
		out->common = map_get(&schema->commons, full);
	if (out->common != NULL)
		return true;
	if (want != SCHEMA_WANT_COMMON) {
		out->entity = map_get(&schema->entities, full);
		out->action = map_get(&schema->action_types, full);
	}
	return out->entity != NULL || out->action != NULL;
}

struct schema_found schema_lookup(const struct schema *schema, struct arena *scratch,
				  struct str space, struct str name, enum schema_want want)
{
	struct arena_mark mark = arena_mark(scratch);
	struct schema_found found = {.builtin = SCHEMA_NAME};
	bool is_found = space.len > 0 && !has_path(name) &&
			find_full(schema, schema_full_name(scratch, space, name), want, &found);

	arena_rewind(scratch, mark);
	if (!is_found && !find_full(schema, name, want, &found) && want != SCHEMA_WANT_ENTITY)
		found.builtin = builtin_kind(name);
	return found;
}

/* The name as it would have to stand in the namespace. */
static void suggest_from(struct suggest *suggest, const struct map *map, struct str space)
{
	size_t iter = 0;
	struct str name;
	void *value;

	while (map_next(map, &iter, &name, &value)) {
		suggest_try(suggest, name);
		if (space.len > 0 && str_has_prefix(name, space) && name.len > space.len + 2)
			suggest_try(suggest, str_sub(name, space.len + 2, name.len));
	}
}

static void fail_unknown(struct resolve *r, struct str name, enum schema_want want, uint32_t at)
{
	static const char *const builtins[] = {"Bool",	  "Long",     "String",	 "ipaddr",
					       "decimal", "datetime", "duration"};
	static const char *const nouns[] = {
		[SCHEMA_WANT_ANY] = "type",
		[SCHEMA_WANT_COMMON] = "common type",
		[SCHEMA_WANT_ENTITY] = "entity type",
	};
	struct suggest suggest = {.word = name};

	if (want != SCHEMA_WANT_COMMON)
		suggest_from(&suggest, &r->schema->entities, r->space);
	if (want != SCHEMA_WANT_ENTITY)
		suggest_from(&suggest, &r->schema->commons, r->space);
	for (size_t i = 0; want != SCHEMA_WANT_ENTITY && i < ARRAY_LEN(builtins); i++)
		suggest_try(&suggest, str_from_c(builtins[i]));
	if (str_eq(name, STR("Boolean")))
		suggest.best = STR("Bool");
	if (str_is_set(suggest.best))
		schema_draft_fail(r->draft, ERR_MALFORMED, at,
				  "%s `" STR_FMT "` is not declared; did you mean `" STR_FMT "`?",
				  nouns[want], (int)MIN(name.len, 100), name.ptr,
				  (int)MIN(suggest.best.len, 100), suggest.best.ptr);
	else
		schema_draft_fail(r->draft, ERR_MALFORMED, at, "%s `" STR_FMT "` is not declared",
				  nouns[want], (int)MIN(name.len, 100), name.ptr);
}

/* The type behind a common type's name, itself resolved first; false in a circle. */
static bool resolve_common(struct resolve *r, struct schema_common *common, uint32_t at)
{
	struct str space = r->space;

	if (common->state == 1) {
		schema_draft_fail(r->draft, ERR_MALFORMED, at,
				  "type `" STR_FMT "` is defined by itself",
				  (int)MIN(common->name.len, 100), common->name.ptr);
		return false;
	}
	if (common->state == 2)
		return true;
	common->state = 1;
	r->space = common->space;
	resolve_type(r, common->type);
	r->space = space;
	common->state = 2;
	return true;
}

static void resolve_named(struct resolve *r, struct schema_type *type)
{
	struct schema_found found =
		schema_lookup(r->schema, r->arena, r->space, type->name, type->want);

	type->kind = SCHEMA_RECORD; /* an empty one stands for what cannot be had */
	if (found.common != NULL) {
		if (!resolve_common(r, found.common, type->at))
			return;
		type->kind = SCHEMA_ALIAS;
		type->name = found.common->name;
		type->element = found.common->type;
	} else if (found.entity != NULL) {
		type->kind = SCHEMA_ENTITY;
		type->name = found.entity->name;
		type->entity = found.entity;
	} else if (found.action != NULL) {
		type->kind = SCHEMA_ENTITY;
		type->name = found.action->uid->type;
	} else if (found.builtin != SCHEMA_NAME) {
		type->kind = found.builtin;
		type->name = STR(""); /* was a view of the source */
	} else {
		fail_unknown(r, type->name, type->want, type->at);
	}
}

static void resolve_attrs(struct resolve *r, struct schema_type *record)
{
	for (size_t i = 0; i < record->attr_count; i++) {
		struct schema_attr *attr = &record->attrs[i];

		resolve_type(r, attr->type);
		attr->plain = type_plain_value(attr->type);
	}
}

static void resolve_type(struct resolve *r, struct schema_type *type)
{
	if (type == NULL || !schema_draft_is_open(r->draft))
		return;
	if (r->depth >= SCHEMA_CHAIN) {
		schema_draft_fail(r->draft, ERR_LIMIT, type->at,
				  "types refer deeper than %d levels", SCHEMA_CHAIN);
		return;
	}
	r->depth++;
	if (type->kind == SCHEMA_NAME)
		resolve_named(r, type);
	else if (type->kind == SCHEMA_SET)
		resolve_type(r, (struct schema_type *)(uintptr_t)type->element);
	if (type->kind == SCHEMA_RECORD)
		resolve_attrs(r, type);
	r->depth--;
}

/* Entity types only; NULL behind an error. */
static const struct schema_entity **resolve_names(struct resolve *r, struct str *names,
						  size_t count, uint32_t at)
{
	const struct schema_entity **entities = arena_array(r->arena, count, sizeof(*entities));

	for (size_t i = 0; entities != NULL && i < count && schema_draft_is_open(r->draft); i++) {
		entities[i] =
			schema_lookup(r->schema, r->arena, r->space, names[i], SCHEMA_WANT_ENTITY)
				.entity;
		if (entities[i] == NULL)
			fail_unknown(r, names[i], SCHEMA_WANT_ENTITY,
				     schema_draft_place(r->draft, names[i], at));
		else
			names[i] = entities[i]->name;
	}
	return entities;
}

struct str schema_action_key(struct arena *arena, const struct uid *uid)
{
	return arena_concat(arena, arena_concat(arena, uid->type, str_make("\0", 1)), uid->id);
}

static void fail_group(struct resolve *r, const struct uid *group, uint32_t at)
{
	struct suggest suggest = {.word = group->id};

	for (size_t i = 0; i < r->schema->action_count; i++)
		suggest_try(&suggest, r->schema->action_list[i]->uid->id);
	at = schema_draft_place(r->draft, group->type, at);
	at = schema_draft_place(r->draft, group->id, at);
	if (str_is_set(suggest.best) && !str_eq(suggest.best, group->id))
		schema_draft_fail(r->draft, ERR_MALFORMED, at,
				  "action group `" STR_FMT
				  "` is not declared; did you mean `" STR_FMT "`?",
				  (int)MIN(group->id.len, 100), group->id.ptr,
				  (int)MIN(suggest.best.len, 100), suggest.best.ptr);
	else
		schema_draft_fail(r->draft, ERR_MALFORMED, at,
				  "action group `" STR_FMT "` is not declared",
				  (int)MIN(group->id.len, 100), group->id.ptr);
}

static void resolve_group(struct resolve *r, const struct uid **group, uint32_t at)
{
	const struct schema_action *action = NULL;
	struct uid own;

	if (!has_path((*group)->type)) {
		own = uid_make(schema_full_name(r->arena, r->space, (*group)->type), (*group)->id);
		action = schema_find_action(r->schema, &own);
	}
	if (action == NULL)
		action = schema_find_action(r->schema, *group);
	if (action == NULL)
		fail_group(r, *group, at);
	else
		*group = action->uid;
}

static void resolve_entity(struct resolve *r, struct schema_entity *entity)
{
	r->space = entity->space;
	entity->parent_types = resolve_names(r, entity->parents, entity->parent_count, entity->at);
	resolve_type(r, entity->shape);
	resolve_type(r, entity->tags);
	if (entity->shape != NULL && schema_real_type(entity->shape)->kind != SCHEMA_RECORD)
		schema_draft_fail(r->draft, ERR_MALFORMED, entity->shape->at,
				  "the shape of an entity type must be a record");
}

static void resolve_action(struct resolve *r, struct schema_action *action)
{
	r->space = action->space;
	for (size_t i = 0; i < action->group_count && schema_draft_is_open(r->draft); i++)
		resolve_group(r, &action->groups[i], action->at);
	action->principal_types =
		resolve_names(r, action->principals, action->principal_count, action->at);
	action->resource_types =
		resolve_names(r, action->resources, action->resource_count, action->at);
	resolve_type(r, action->context);
	if (action->context != NULL && schema_real_type(action->context)->kind != SCHEMA_RECORD)
		schema_draft_fail(r->draft, ERR_MALFORMED, action->context->at,
				  "the context must be a record");
}

/* The key is the name, or begins with a type and a NUL. */
static void declare(struct schema_draft *d, struct map *map, struct str key, void *what,
		    uint32_t at, const char *kind)
{
	size_t nul = str_index(key, '\0');
	struct str name = nul == key.len ? key : str_sub(key, nul + 1, key.len);

	if (!schema_draft_is_open(d))
		return;
	if (map_get(map, key) != NULL)
		schema_draft_fail(d, ERR_CONFLICT, at, "%s `" STR_FMT "` is declared twice", kind,
				  (int)MIN(name.len, 100), name.ptr);
	else if (map_put(map, key, what) != OK)
		schema_draft_fail(d, ERR_LIMIT, at, "more than %d declarations", SCHEMA_LIST);
}

static void declare_spaces(struct schema *schema, struct schema_draft *d)
{
	struct map seen;

	map_init(&seen, SCHEMA_LIST);
	for (size_t i = 0; i < schema->space_count; i++)
		declare(d, &seen, schema->space_list[i]->name,
			(void *)(uintptr_t)schema->space_list[i], schema->space_list[i]->at,
			"namespace");
	map_fini(&seen);
}

static void declare_all(struct schema *schema, struct schema_draft *d)
{
	struct schema_entity **entities = (void *)d->entities.items;
	struct schema_action **actions = (void *)d->actions.items;
	struct schema_common **commons = (void *)d->commons.items;

	declare_spaces(schema, d);
	for (size_t i = 0; i < d->entities.count; i++) {
		entities[i]->index = i;
		declare(d, &schema->entities, entities[i]->name, entities[i], entities[i]->at,
			"entity type");
		if (schema_is_action_type(entities[i]->name))
			schema_draft_fail(d, ERR_MALFORMED, entities[i]->at,
					  "`Action` is reserved for actions");
	}
	for (size_t i = 0; i < d->actions.count; i++) {
		actions[i]->index = i;
		declare(d, &schema->actions, schema_action_key(&schema->arena, actions[i]->uid),
			actions[i], actions[i]->at, "action");
		if (map_put(&schema->action_types, actions[i]->uid->type, actions[i]) != OK)
			schema_draft_fail(d, ERR_LIMIT, actions[i]->at, "more than %d declarations",
					  SCHEMA_LIST);
	}
	for (size_t i = 0; i < d->commons.count; i++)
		declare(d, &schema->commons, commons[i]->name, commons[i], commons[i]->at, "type");
}

/* What loads, but is hardly meant: a type that hides another, or a built-in one. */
static void warn_hidden(const struct schema *schema, struct schema_draft *d, struct str space,
			struct str name, bool is_common, uint32_t at)
{
	struct str base = space.len == 0 ? name : str_sub(name, space.len + 2, name.len);

	if (builtin_kind(base) != SCHEMA_NAME)
		schema_draft_warn(d, at,
				  "`" STR_FMT "` hides the built-in type, which is then written "
				  "`__cedar::" STR_FMT "`",
				  STR_ARG(base), STR_ARG(base));
	if (is_common && map_get(&schema->entities, name) != NULL)
		schema_draft_warn(d, at,
				  "type `" STR_FMT "` hides the entity type of that name wherever "
				  "the type of an attribute is meant",
				  (int)MIN(name.len, 100), name.ptr);
}

/* A name in a namespace may not hide the same name outside of all. */
static void check_shadow(const struct schema *schema, struct schema_draft *d, struct str space,
			 struct str name, uint32_t at)
{
	struct str bare =
		space.len == 0 ? (struct str){NULL, 0} : str_sub(name, space.len + 2, name.len);

	if (str_is_set(bare) &&
	    (map_get(&schema->entities, bare) != NULL || map_get(&schema->commons, bare) != NULL))
		schema_draft_fail(d, ERR_CONFLICT, at, "`" STR_FMT "` hides the type `" STR_FMT "`",
				  (int)MIN(name.len, 100), name.ptr, (int)MIN(bare.len, 100),
				  bare.ptr);
}

static void check_shadows(const struct schema *schema, struct schema_draft *d)
{
	for (size_t i = 0; i < schema->entity_count; i++) {
		const struct schema_entity *one = schema->entity_list[i];

		check_shadow(schema, d, one->space, one->name, one->at);
		warn_hidden(schema, d, one->space, one->name, false, one->at);
	}
	for (size_t i = 0; i < schema->common_count; i++) {
		const struct schema_common *one = schema->common_list[i];

		check_shadow(schema, d, one->space, one->name, one->at);
		warn_hidden(schema, d, one->space, one->name, true, one->at);
	}
	for (size_t i = 0; i < schema->action_count; i++) {
		const struct schema_action *one = schema->action_list[i];
		struct uid bare = uid_make(STR("Action"), one->uid->id);

		if (one->space.len > 0 && schema_find_action(schema, &bare) != NULL)
			schema_draft_fail(d, ERR_CONFLICT, one->at,
					  "action `" STR_FMT
					  "` hides the one outside of namespaces",
					  (int)MIN(bare.id.len, 100), bare.id.ptr);
	}
}

/* One walk into depth from each action; `open` are those that the walk is below of. */
struct walk {
	const struct schema *schema;
	struct schema_draft *draft;
	const struct schema_action **stack;
	size_t count;
	size_t *next; /* by index: the group to look at */
	uint8_t *is_open, *is_done;
};

static void walk_group(struct walk *w, const struct schema_action *action)
{
	const struct uid *uid = action->groups[w->next[action->index]++];
	const struct schema_action *group = schema_find_action(w->schema, uid);

	if (w->is_open[group->index])
		schema_draft_fail(w->draft, ERR_MALFORMED, action->at,
				  "action `" STR_FMT "` is in a circle: it is below `" STR_FMT
				  "` and above it",
				  (int)MIN(action->uid->id.len, 100), action->uid->id.ptr,
				  (int)MIN(uid->id.len, 100), uid->id.ptr);
	else if (!w->is_done[group->index])
		w->stack[w->count++] = group;
}

static void walk_from(struct walk *w, const struct schema_action *action)
{
	w->stack[w->count++] = action;
	while (w->count > 0 && schema_draft_is_open(w->draft)) {
		const struct schema_action *top = w->stack[w->count - 1];

		w->is_open[top->index] = 1;
		if (w->next[top->index] < top->group_count) {
			walk_group(w, top);
			continue;
		}
		w->is_open[top->index] = 0;
		w->is_done[top->index] = 1;
		w->count--;
	}
}

static void check_cycles(struct schema *schema, struct schema_draft *d)
{
	struct arena *arena = &schema->arena;
	struct arena_mark mark = arena_mark(arena);
	size_t count = schema->action_count;
	struct walk w = {.schema = schema, .draft = d};

	w.stack = arena_array(arena, count, sizeof(*w.stack));
	w.next = arena_array(arena, count, sizeof(*w.next));
	w.is_open = arena_array(arena, count, 1);
	w.is_done = arena_array(arena, count, 1);
	if (w.stack != NULL && w.next != NULL && w.is_open != NULL && w.is_done != NULL)
		for (size_t i = 0; i < count && schema_draft_is_open(d); i++)
			if (!w.is_done[i])
				walk_from(&w, schema->action_list[i]);
	arena_rewind(arena, mark);
}

static void resolve_all(struct schema *schema, struct schema_draft *d)
{
	struct resolve r = {.schema = schema, .draft = d, .arena = &schema->arena};
	struct schema_entity **entities = (void *)d->entities.items;
	struct schema_action **actions = (void *)d->actions.items;
	struct schema_common **commons = (void *)d->commons.items;

	for (size_t i = 0; i < d->commons.count; i++)
		(void)resolve_common(&r, commons[i], commons[i]->at);
	for (size_t i = 0; i < d->entities.count; i++)
		resolve_entity(&r, entities[i]);
	for (size_t i = 0; i < d->actions.count; i++)
		resolve_action(&r, actions[i]);
}

void schema_resolve(struct schema *schema, struct schema_draft *d)
{
	schema->space_list = (const void *)d->spaces.items;
	schema->space_count = d->spaces.count;
	schema->entity_list = (const void *)d->entities.items;
	schema->entity_count = d->entities.count;
	schema->action_list = (const void *)d->actions.items;
	schema->action_count = d->actions.count;
	schema->common_list = (const void *)d->commons.items;
	schema->common_count = d->commons.count;
	declare_all(schema, d);
	if (d->err == OK)
		check_shadows(schema, d);
	if (d->err == OK)
		resolve_all(schema, d);
	if (d->err == OK)
		check_cycles(schema, d);
	if (d->lex.err == OK && arena_has_overflowed(&schema->arena))
		lex_fail_memory(&d->lex);
	schema_draft_collect(d);
}
