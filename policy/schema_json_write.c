/* SPDX-License-Identifier: Apache-2.0 */
/* Layout: two spaces a level, what has nothing inside on one line. */
#include "policy/schema_json_write.h"

#include <stdlib.h>

#include "policy/schema_walk.h"

struct writer {
	struct buf *out;
	enum err err;
	unsigned level;
	bool is_first; /* in its object or array */
};

static void put(struct writer *w, struct str s)
{
	if (w->err == OK)
		w->err = buf_append(w->out, s);
}

static void put_string(struct writer *w, struct str s)
{
	if (w->err == OK)
		w->err = buf_append_json(w->out, s);
}

static void put_line(struct writer *w)
{
	put(w, STR("\n"));
	for (unsigned i = 0; i < w->level; i++)
		put(w, STR("  "));
}

static void begin(struct writer *w, struct str bracket)
{
	put(w, bracket);
	w->level++;
	w->is_first = true;
}

static void end(struct writer *w, struct str bracket)
{
	w->level--;
	if (!w->is_first)
		put_line(w);
	put(w, bracket);
	w->is_first = false;
}

static void next(struct writer *w)
{
	if (!w->is_first)
		put(w, STR(","));
	put_line(w);
	w->is_first = false;
}

static void put_name(struct writer *w, struct str name)
{
	next(w);
	put_string(w, name);
	put(w, STR(": "));
}

static void put_member(struct writer *w, struct str name, struct str value)
{
	put_name(w, name);
	put_string(w, value);
}

static void put_strings(struct writer *w, const struct str *items, size_t count)
{
	put(w, STR("["));
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			put(w, STR(", "));
		put_string(w, items[i]);
	}
	put(w, STR("]"));
}

static void put_annotations(struct writer *w, const struct schema_annotations *annotations)
{
	if (annotations->count == 0)
		return;
	put_name(w, STR("annotations"));
	begin(w, STR("{"));
	for (size_t i = 0; i < annotations->count; i++)
		put_member(w, annotations->items[i].key, annotations->items[i].value);
	end(w, STR("}"));
}

static void put_type(struct writer *w, const struct schema_type *type);

static void put_attrs(struct writer *w, const struct schema_type *type)
{
	const struct schema_attr **attrs = schema_walk_attrs(type);

	put_name(w, STR("attributes"));
	begin(w, STR("{"));
	for (size_t i = 0; i < type->attr_count; i++) {
		put_name(w, attrs[i]->key.str);
		begin(w, STR("{"));
		put_type(w, attrs[i]->type);
		if (!attrs[i]->is_required) {
			put_name(w, STR("required"));
			put(w, STR("false"));
		}
		put_annotations(w, &attrs[i]->annotations);
		end(w, STR("}"));
	}
	end(w, STR("}"));
	free(attrs);
}

/* A common type of the name EntityOrCommon cannot be meant by "type" alone. */
static void put_common(struct writer *w, struct str name)
{
	if (str_eq(name, STR("EntityOrCommon"))) {
		put_member(w, STR("type"), name);
		put_member(w, STR("name"), name);
		return;
	}
	put_member(w, STR("type"), name);
}

/* The members of the type's object. */
static void put_type(struct writer *w, const struct schema_type *type)
{
	struct str builtin = schema_builtin_name(type->kind);

	switch (type->kind) {
	case SCHEMA_ALIAS: put_common(w, type->name); break;
	case SCHEMA_ENTITY:
		put_member(w, STR("type"), STR("Entity"));
		put_member(w, STR("name"), type->name);
		break;
	case SCHEMA_SET:
		put_member(w, STR("type"), STR("Set"));
		put_name(w, STR("element"));
		begin(w, STR("{"));
		put_type(w, type->element);
		end(w, STR("}"));
		break;
	case SCHEMA_RECORD:
		put_member(w, STR("type"), STR("Record"));
		put_attrs(w, type);
		break;
	case SCHEMA_BOOL: put_member(w, STR("type"), STR("Boolean")); break;
	case SCHEMA_LONG:
	case SCHEMA_STRING: put_member(w, STR("type"), builtin); break;
	case SCHEMA_IP:
	case SCHEMA_DECIMAL:
	case SCHEMA_DATETIME:
	case SCHEMA_DURATION:
		put_member(w, STR("type"), STR("Extension"));
		put_member(w, STR("name"), builtin);
		break;
	case SCHEMA_NAME:
	case SCHEMA_TRUE:
	case SCHEMA_FALSE: ASSERT(type->kind == SCHEMA_ALIAS); /* of no loaded schema */
	}
}

static void put_type_of(struct writer *w, struct str name, const struct schema_type *type)
{
	if (type == NULL)
		return;
	put_name(w, name);
	begin(w, STR("{"));
	put_type(w, type);
	end(w, STR("}"));
}

static void put_entity(struct writer *w, const struct schema_entity *entity)
{
	put_name(w, schema_base_name(entity->space, entity->name));
	begin(w, STR("{"));
	if (entity->is_enum) {
		put_name(w, STR("enum"));
		put_strings(w, entity->ids, entity->id_count);
	}
	if (entity->parent_count > 0) {
		put_name(w, STR("memberOfTypes"));
		put_strings(w, entity->parents, entity->parent_count);
	}
	put_type_of(w, STR("shape"), entity->shape);
	put_type_of(w, STR("tags"), entity->tags);
	put_annotations(w, &entity->annotations);
	end(w, STR("}"));
}

static void put_groups(struct writer *w, const struct schema_action *action)
{
	if (action->group_count == 0)
		return;
	put_name(w, STR("memberOf"));
	begin(w, STR("["));
	for (size_t i = 0; i < action->group_count; i++) {
		next(w);
		begin(w, STR("{"));
		put_member(w, STR("id"), action->groups[i]->id);
		put_member(w, STR("type"), action->groups[i]->type);
		end(w, STR("}"));
	}
	end(w, STR("]"));
}

static void put_action(struct writer *w, const struct schema_action *action)
{
	put_name(w, action->uid->id);
	begin(w, STR("{"));
	put_groups(w, action);
	if (action->applies) {
		put_name(w, STR("appliesTo"));
		begin(w, STR("{"));
		put_name(w, STR("principalTypes"));
		put_strings(w, action->principals, action->principal_count);
		put_name(w, STR("resourceTypes"));
		put_strings(w, action->resources, action->resource_count);
		put_type_of(w, STR("context"), action->context);
		end(w, STR("}"));
	}
	put_annotations(w, &action->annotations);
	end(w, STR("}"));
}

static void put_common_type(struct writer *w, const struct schema_common *common)
{
	put_name(w, schema_base_name(common->space, common->name));
	begin(w, STR("{"));
	put_type(w, common->type);
	put_annotations(w, &common->annotations);
	end(w, STR("}"));
}

static void put_space(struct writer *w, struct schema_walk *walk)
{
	const struct schema_common *common = schema_walk_common(walk);
	const struct schema_entity *entity;
	const struct schema_action *action;

	put_name(w, walk->space->name);
	begin(w, STR("{"));
	put_annotations(w, &walk->space->annotations);
	if (common != NULL) {
		put_name(w, STR("commonTypes"));
		begin(w, STR("{"));
		for (; common != NULL; common = schema_walk_common(walk))
			put_common_type(w, common);
		end(w, STR("}"));
	}
	put_name(w, STR("entityTypes"));
	begin(w, STR("{"));
	while ((entity = schema_walk_entity(walk)) != NULL)
		put_entity(w, entity);
	end(w, STR("}"));
	put_name(w, STR("actions"));
	begin(w, STR("{"));
	while ((action = schema_walk_action(walk)) != NULL)
		put_action(w, action);
	end(w, STR("}"));
	end(w, STR("}"));
}

enum err schema_json_write(struct buf *out, const struct schema *schema)
{
	struct schema_walk walk = {.schema = schema};
	struct writer w = {.out = out};

	begin(&w, STR("{"));
	while (schema_walk_space(&walk) != NULL)
		put_space(&w, &walk);
	end(&w, STR("}"));
	put(&w, STR("\n"));
	return w.err;
}
