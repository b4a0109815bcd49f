/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Layout: two spaces a level, one attribute a line; what was declared together
 * stands together again. A name is written as short as the reader will find
 * the same thing by it.
 */
#include "policy/schema_text_write.h"

#include <stdlib.h>

#include "policy/lex.h"
#include "policy/schema_resolve.h"
#include "policy/schema_walk.h"

struct writer {
	struct buf *out;
	size_t begin; /* of what is written here */
	enum err err;
	struct diag *diag; /* may be NULL */
	const struct schema *schema;
	struct arena scratch;
	struct str space;
	unsigned level;
};

static void put(struct writer *w, struct str s)
{
	if (w->err == OK)
		w->err = buf_append(w->out, s);
}

static void put_line(struct writer *w)
{
	if (w->out->len > w->begin)
		put(w, STR("\n"));
	for (unsigned i = 0; i < w->level; i++)
		put(w, STR("  "));
}

static void put_string(struct writer *w, struct str s)
{
	put(w, STR("\""));
	for (size_t i = 0; i < s.len && w->err == OK; i++) {
		char c = s.ptr[i];

		if (c == '"' || c == '\\')
			put(w, str_make((const char[2]){'\\', c}, 2));
		else if (c == '\n')
			put(w, STR("\\n"));
		else if (c == '\r')
			put(w, STR("\\r"));
		else if (c == '\t')
			put(w, STR("\\t"));
		else if ((unsigned char)c < 0x20 || c == 0x7f)
			w->err = buf_printf(w->out, "\\u{%x}", (unsigned)(unsigned char)c);
		else
			w->err = buf_append_byte(w->out, c);
	}
	put(w, STR("\""));
}

static bool is_word(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];
		bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';

		if (!is_letter && (i == 0 || c < '0' || c > '9'))
			return false;
	}
	return s.len > 0 && !lex_is_reserved(s);
}

static void put_any_name(struct writer *w, struct str name)
{
	if (is_word(name))
		put(w, name);
	else
		put_string(w, name);
}

static void fail(struct writer *w, struct str what, const char *why)
{
	if (w->err == OK)
		w->err = diag_set(w->diag, ERR_UNSUPPORTED, "schema", 0, 0, "`" STR_FMT "` %s",
				  (int)MIN(what.len, 100), what.ptr, why);
}

static void put_annotations(struct writer *w, const struct schema_annotations *annotations)
{
	for (size_t i = 0; i < annotations->count; i++) {
		put(w, STR("@"));
		put(w, annotations->items[i].key);
		if (annotations->items[i].value.len > 0) {
			put(w, STR("("));
			put_string(w, annotations->items[i].value);
			put(w, STR(")"));
		}
		put_line(w);
	}
}

/* Where a name is looked up: does it find what the type stands for? */
static bool finds(struct writer *w, struct str name, const struct schema_type *type)
{
	struct schema_found found =
		schema_lookup(w->schema, &w->scratch, w->space, name, SCHEMA_WANT_ANY);

	if (type->kind == SCHEMA_ALIAS)
		return found.common != NULL && str_eq(found.common->name, type->name);
	if (found.common != NULL)
		return false;
	if (type->kind != SCHEMA_ENTITY)
		return found.entity == NULL && found.action == NULL && found.builtin == type->kind;
	if (type->entity != NULL)
		return found.entity == type->entity;
	return found.entity == NULL && found.action != NULL &&
	       str_eq(found.action->uid->type, type->name);
}

/* Without the own namespace, if it has that. */
static struct str short_name(const struct writer *w, struct str name)
{
	bool is_own = w->space.len > 0 && name.len > w->space.len + 2 &&
		      str_has_prefix(name, w->space) &&
		      memcmp(name.ptr + w->space.len, "::", 2) == 0;
	struct str base = is_own ? schema_base_name(w->space, name) : name;

	return str_index(base, ':') == base.len ? base : name;
}

static void put_named(struct writer *w, const struct schema_type *type)
{
	struct str full = schema_builtin_name(type->kind);
	struct str name = full;

	if (str_is_set(full)) {
		full = arena_concat(&w->scratch, STR("__cedar::"), name);
	} else {
		full = type->name;
		name = short_name(w, full);
	}
	if (finds(w, name, type))
		put(w, name);
	else if (finds(w, full, type))
		put(w, full);
	else
		fail(w, type->name, "is hidden by another type of that name: only JSON can say it");
	arena_reset(&w->scratch);
}

static void put_type(struct writer *w, const struct schema_type *type);

static void put_record(struct writer *w, const struct schema_type *type)
{
	const struct schema_attr **attrs = schema_walk_attrs(type);

	put(w, STR("{"));
	w->level++;
	for (size_t i = 0; i < type->attr_count; i++) {
		put_line(w);
		put_annotations(w, &attrs[i]->annotations);
		put_any_name(w, attrs[i]->key.str);
		put(w, attrs[i]->is_required ? STR(": ") : STR("?: "));
		put_type(w, attrs[i]->type);
		put(w, STR(","));
	}
	w->level--;
	if (type->attr_count > 0)
		put_line(w);
	put(w, STR("}"));
	free(attrs);
}

static void put_type(struct writer *w, const struct schema_type *type)
{
	if (type->kind == SCHEMA_SET) {
		put(w, STR("Set<"));
		put_type(w, type->element);
		put(w, STR(">"));
	} else if (type->kind == SCHEMA_RECORD) {
		put_record(w, type);
	} else {
		put_named(w, type);
	}
}

static void put_names(struct writer *w, const struct str *names, size_t count)
{
	if (count != 1)
		put(w, STR("["));
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			put(w, STR(", "));
		put(w, short_name(w, names[i]));
	}
	if (count != 1)
		put(w, STR("]"));
}

static void put_enum(struct writer *w, const struct schema_entity *entity)
{
	put(w, STR(" enum ["));
	for (size_t i = 0; i < entity->id_count; i++) {
		if (i > 0)
			put(w, STR(", "));
		put_string(w, entity->ids[i]);
	}
	put(w, STR("]"));
}

static void put_entity_rest(struct writer *w, const struct schema_entity *entity)
{
	if (entity->is_enum)
		put_enum(w, entity);
	if (entity->parent_count > 0) {
		put(w, STR(" in "));
		put_names(w, entity->parents, entity->parent_count);
	}
	if (entity->shape != NULL && entity->shape->kind != SCHEMA_RECORD)
		fail(w, entity->name, "has a common type as its shape: only JSON can say it");
	else if (entity->shape != NULL && entity->shape->attr_count > 0) {
		put(w, STR(" = "));
		put_record(w, entity->shape);
	}
	if (entity->tags != NULL) {
		put(w, STR(" tags "));
		put_type(w, entity->tags);
	}
	put(w, STR(";"));
}

/* Entity types that were declared together have one place. */
static void put_entities(struct writer *w, struct schema_walk *walk)
{
	const struct schema_entity *one = schema_walk_entity(walk);

	while (one != NULL) {
		const struct schema_entity *first = one;

		put_line(w);
		put_annotations(w, &first->annotations);
		put(w, STR("entity "));
		for (; one != NULL && one->at == first->at; one = schema_walk_entity(walk)) {
			if (one != first)
				put(w, STR(", "));
			put(w, schema_base_name(one->space, one->name));
		}
		put_entity_rest(w, first);
	}
}

static void put_group(struct writer *w, const struct uid *group, struct str own_type)
{
	if (str_eq(group->type, own_type)) {
		put_any_name(w, group->id);
		return;
	}
	put(w, group->type);
	put(w, STR("::"));
	put_string(w, group->id);
}

static void put_groups(struct writer *w, const struct schema_action *action)
{
	bool is_list = action->group_count > 1;

	if (action->group_count == 0)
		return;
	put(w, is_list ? STR(" in [") : STR(" in "));
	for (size_t i = 0; i < action->group_count; i++) {
		if (i > 0)
			put(w, STR(", "));
		put_group(w, action->groups[i], action->uid->type);
	}
	if (is_list)
		put(w, STR("]"));
}

static void put_applies(struct writer *w, const struct schema_action *action)
{
	put(w, STR(" appliesTo {"));
	w->level++;
	put_line(w);
	put(w, STR("principal: "));
	put_names(w, action->principals, action->principal_count);
	put(w, STR(","));
	put_line(w);
	put(w, STR("resource: "));
	put_names(w, action->resources, action->resource_count);
	put(w, STR(","));
	if (action->context != NULL) {
		put_line(w);
		put(w, STR("context: "));
		put_type(w, action->context);
		put(w, STR(","));
	}
	w->level--;
	put_line(w);
	put(w, STR("}"));
}

/* An action that lacks principals or resources applies to nothing. */
static void put_actions(struct writer *w, struct schema_walk *walk)
{
	const struct schema_action *one = schema_walk_action(walk);

	while (one != NULL) {
		const struct schema_action *first = one;

		put_line(w);
		put_annotations(w, &first->annotations);
		put(w, STR("action "));
		for (; one != NULL && one->at == first->at; one = schema_walk_action(walk)) {
			if (one != first)
				put(w, STR(", "));
			put_any_name(w, one->uid->id);
		}
		put_groups(w, first);
		if (first->principal_count > 0 && first->resource_count > 0)
			put_applies(w, first);
		put(w, STR(";"));
	}
}

static void put_commons(struct writer *w, struct schema_walk *walk)
{
	const struct schema_common *one;

	while ((one = schema_walk_common(walk)) != NULL) {
		put_line(w);
		put_annotations(w, &one->annotations);
		put(w, STR("type "));
		put(w, schema_base_name(one->space, one->name));
		put(w, STR(" = "));
		put_type(w, one->type);
		put(w, STR(";"));
	}
}

enum err schema_text_write(struct buf *out, const struct schema *schema, struct diag *diag)
{
	struct schema_walk walk = {.schema = schema};
	struct writer w = {.out = out, .begin = out->len, .schema = schema, .diag = diag};
	const struct schema_space *space;

	arena_init(&w.scratch, 1024, SCHEMA_ARENA);
	while ((space = schema_walk_space(&walk)) != NULL) {
		w.space = space->name;
		if (space->name.len > 0) {
			put_annotations(&w, &space->annotations);
			put(&w, STR("namespace "));
			put(&w, space->name);
			put(&w, STR(" {"));
			w.level = 1;
		}
		put_commons(&w, &walk);
		put_entities(&w, &walk);
		put_actions(&w, &walk);
		w.level = 0;
		put(&w, space->name.len > 0 ? STR("\n}\n") : STR("\n"));
	}
	arena_fini(&w.scratch);
	return w.err;
}
