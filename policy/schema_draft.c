/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/schema_draft.h"

#include <stdarg.h>
#include <stdio.h>

#include "policy/type.h"

void schema_draft_init(struct schema_draft *d, const struct schema_source *source,
		       struct arena *arena, struct diag *diag)
{
	*d = (struct schema_draft){
		.space = STR(""),
		.spaces.size = sizeof(struct schema_space *),
		.entities.size = sizeof(struct schema_entity *),
		.actions.size = sizeof(struct schema_action *),
		.commons.size = sizeof(struct schema_common *),
		.all = source->all,
		.warnings = source->warnings,
		.first = diag,
	};
	d->lex = (struct lex){.text = source->text,
			      .file = source->file,
			      .diag = &d->last,
			      .arena = arena,
			      .place = {.line = 1, .column = 1}};
}

/* Out of memory ends it: what follows could only be that error again. */
bool schema_draft_is_open(const struct schema_draft *d)
{
	return d->lex.err == OK && !arena_has_overflowed(d->lex.arena) &&
	       (d->err == OK || (d->all != NULL && d->all->count < d->all->max));
}

void schema_draft_collect(struct schema_draft *d)
{
	if (d->lex.err == OK)
		return;
	if (d->err == OK) {
		d->err = d->lex.err;
		if (d->first != NULL)
			*d->first = d->last;
	}
	if (d->all == NULL)
		return;
	(void)diags_add(d->all, d->lex.err, &d->last);
	d->lex.err = OK;
}

void schema_draft_fail(struct schema_draft *d, enum err err, uint32_t at, const char *fmt, ...)
{
	struct token token = d->lex.token;
	char text[sizeof(d->last.text)];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	lex_fail(&d->lex, err, at, "%s", text);
	schema_draft_collect(d);
	if (d->lex.err == OK)
		d->lex.token = token;
}

uint32_t schema_draft_place(const struct schema_draft *d, struct str name, uint32_t at)
{
	uintptr_t begin = (uintptr_t)d->lex.text.ptr;
	uintptr_t place = (uintptr_t)name.ptr;

	return place >= begin && place < begin + d->lex.text.len ? (uint32_t)(place - begin) : at;
}

void schema_draft_warn(struct schema_draft *d, uint32_t at, const char *fmt, ...)
{
	char text[sizeof(d->last.text)];
	struct diag diag;
	unsigned line, column;
	va_list args;

	if (d->warnings == NULL || d->warnings->count == d->warnings->max)
		return;
	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	lex_position(d->lex.text, at, &line, &column);
	(void)diag_set(&diag, ERR_MALFORMED, d->lex.file, line, column, "%s", text);
	diag_set_source(&diag, d->lex.text.ptr, d->lex.text.len);
	(void)diags_add(d->warnings, ERR_MALFORMED, &diag);
}

void *schema_draft_alloc(struct schema_draft *d, size_t size)
{
	void *ptr = arena_zalloc(d->lex.arena, size);

	if (ptr == NULL)
		lex_fail_memory(&d->lex);
	return ptr;
}

void schema_draft_push(struct schema_draft *d, struct lex_list *list, const void *item)
{
	lex_list_push(&d->lex, list, item, SCHEMA_LIST);
}

struct str schema_full_name(struct arena *arena, struct str space, struct str name)
{
	return space.len == 0 ? name
			      : arena_concat(arena, arena_concat(arena, space, STR("::")), name);
}

/* The sort keeps the order of equals: the last of them stands. */
static size_t drop_doubles(struct schema_draft *d, struct schema_attr *attrs, size_t count)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++) {
		if (kept == 0 || !text_eq(&attrs[kept - 1].key, &attrs[i].key)) {
			attrs[kept++] = attrs[i];
			continue;
		}
		schema_draft_warn(d, attrs[i].at,
				  "attribute `" STR_FMT "` stands twice: this one counts",
				  (int)MIN(attrs[i].key.str.len, 100), attrs[i].key.str.ptr);
		attrs[kept - 1] = attrs[i];
	}
	return kept;
}

struct schema_type *schema_draft_record(struct schema_draft *d, const struct lex_list *attrs)
{
	struct schema_attr *items = (struct schema_attr *)(void *)attrs->items;
	struct schema_type *type = schema_draft_alloc(d, sizeof(*type));

	if (type == NULL || d->lex.err != OK)
		return NULL;
	for (uint32_t i = 0; i < attrs->count; i++)
		items[i].position = i;
	if (!type_sort_attrs(d->lex.arena, items, attrs->count)) {
		lex_fail_memory(&d->lex);
		return NULL;
	}
	type->kind = SCHEMA_RECORD;
	type->attrs = items;
	type->attr_count = drop_doubles(d, items, attrs->count);
	return type;
}

static void *copy_array(struct schema_draft *d, const void *items, size_t count, size_t size)
{
	void *copy = arena_array(d->lex.arena, count, size);

	if (copy == NULL)
		lex_fail_memory(&d->lex);
	else if (count > 0)
		memcpy(copy, items, count * size);
	return copy;
}

/* Each has lists of its own: names in them become full ones. */
void schema_draft_entities(struct schema_draft *d, const struct schema_entity *entity,
			   const struct lex_list *names)
{
	const struct str *name = (const void *)names->items;

	for (size_t i = 0; i < names->count && d->lex.err == OK; i++) {
		struct schema_entity *copy = schema_draft_alloc(d, sizeof(*copy));

		if (copy == NULL)
			return;
		*copy = *entity;
		copy->space = d->space;
		copy->name = schema_full_name(d->lex.arena, d->space, name[i]);
		copy->name_hash = value_hash(copy->name);
		copy->parents = copy_array(d, entity->parents, entity->parent_count,
					   sizeof(*entity->parents));
		schema_draft_push(d, &d->entities, &copy);
	}
}

void schema_draft_actions(struct schema_draft *d, const struct schema_action *action,
			  const struct lex_list *names)
{
	struct str type = schema_full_name(d->lex.arena, d->space, STR("Action"));
	const struct str *name = (const void *)names->items;

	for (size_t i = 0; i < names->count && d->lex.err == OK; i++) {
		struct schema_action *copy = schema_draft_alloc(d, sizeof(*copy));
		struct uid *uid = schema_draft_alloc(d, sizeof(*uid));

		if (copy == NULL || uid == NULL)
			return;
		*uid = uid_make(type, name[i]);
		*copy = *action;
		copy->space = d->space;
		copy->uid = uid;
		copy->groups =
			copy_array(d, action->groups, action->group_count, sizeof(*action->groups));
		copy->principals = copy_array(d, action->principals, action->principal_count,
					      sizeof(*action->principals));
		copy->resources = copy_array(d, action->resources, action->resource_count,
					     sizeof(*action->resources));
		schema_draft_push(d, &d->actions, &copy);
	}
}

void schema_draft_common(struct schema_draft *d, const struct schema_common *common,
			 struct str name)
{
	static const char *const taken[] = {"Bool", "Boolean", "Entity", "Extension",
					    "Long", "Record",  "Set",	 "String"};
	struct schema_common *copy = schema_draft_alloc(d, sizeof(*copy));

	for (size_t i = 0; i < ARRAY_LEN(taken); i++)
		if (str_eq(name, str_from_c(taken[i])))
			schema_draft_fail(d, ERR_MALFORMED, common->at, "`%s` cannot name a type",
					  taken[i]);
	if (copy == NULL)
		return;
	*copy = *common;
	copy->space = d->space;
	copy->name = schema_full_name(d->lex.arena, d->space, name);
	schema_draft_push(d, &d->commons, &copy);
}

void schema_draft_space(struct schema_draft *d, const struct schema_space *space)
{
	struct schema_space *copy;

	d->space = space->name;
	if (space->name.len == 0 || d->lex.err != OK)
		return;
	copy = schema_draft_alloc(d, sizeof(*copy));
	if (copy == NULL)
		return;
	*copy = *space;
	schema_draft_push(d, &d->spaces, &copy);
}
