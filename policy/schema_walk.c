/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lists of a schema are in the order of the source. A namespace is opened
 * once, so its declarations stand together in each list, with at most some of
 * the outside between two namespaces: one cursor for each list does.
 */
#include "policy/schema_walk.h"

#include <stdlib.h>

static bool has_outside(const struct schema *schema)
{
	bool has = false;

	for (size_t i = 0; i < schema_common_count(schema) && !has; i++)
		has = schema_common_at(schema, i)->space.len == 0;
	for (size_t i = 0; i < schema_entity_count(schema) && !has; i++)
		has = schema_entity_at(schema, i)->space.len == 0;
	for (size_t i = 0; i < schema_action_count(schema) && !has; i++)
		has = schema_action_at(schema, i)->space.len == 0;
	return has;
}

const struct schema_space *schema_walk_space(struct schema_walk *walk)
{
	static const struct schema_space outside = {.name = {"", 0}};

	if (walk->spaces++ == 0) {
		walk->space = &outside;
		if (has_outside(walk->schema))
			return walk->space;
		walk->spaces++;
	}
	if (walk->spaces == 2)
		walk->common = walk->entity = walk->action = 0;
	if (walk->spaces - 2 >= schema_space_count(walk->schema))
		return NULL;
	walk->space = schema_space_at(walk->schema, walk->spaces - 2);
	return walk->space;
}

/* Is a declaration of that space the current namespace's, or else to be passed over? */
static bool is_own(const struct schema_walk *walk, struct str space)
{
	return str_eq(walk->space->name, space);
}

static bool is_passed(const struct schema_walk *walk, struct str space)
{
	return walk->space->name.len == 0 || space.len == 0;
}

const struct schema_common *schema_walk_common(struct schema_walk *walk)
{
	for (; walk->common < schema_common_count(walk->schema); walk->common++) {
		const struct schema_common *one = schema_common_at(walk->schema, walk->common);

		if (is_own(walk, one->space)) {
			walk->common++;
			return one;
		}
		if (!is_passed(walk, one->space))
			break;
	}
	return NULL;
}

const struct schema_entity *schema_walk_entity(struct schema_walk *walk)
{
	for (; walk->entity < schema_entity_count(walk->schema); walk->entity++) {
		const struct schema_entity *one = schema_entity_at(walk->schema, walk->entity);

		if (is_own(walk, one->space)) {
			walk->entity++;
			return one;
		}
		if (!is_passed(walk, one->space))
			break;
	}
	return NULL;
}

const struct schema_action *schema_walk_action(struct schema_walk *walk)
{
	for (; walk->action < schema_action_count(walk->schema); walk->action++) {
		const struct schema_action *one = schema_action_at(walk->schema, walk->action);

		if (is_own(walk, one->space)) {
			walk->action++;
			return one;
		}
		if (!is_passed(walk, one->space))
			break;
	}
	return NULL;
}

static int order_written(const void *a, const void *b)
{
	const struct schema_attr *left = *(const struct schema_attr *const *)a;
	const struct schema_attr *right = *(const struct schema_attr *const *)b;

	return left->position < right->position ? -1 : left->position > right->position;
}

const struct schema_attr **schema_walk_attrs(const struct schema_type *type)
{
	const struct schema_attr **attrs = base_alloc((type->attr_count + 1) * sizeof(*attrs));

	for (size_t i = 0; i < type->attr_count; i++)
		attrs[i] = &type->attrs[i];
	qsort(attrs, type->attr_count, sizeof(const struct schema_attr *), order_written);
	return attrs;
}

struct str schema_builtin_name(enum schema_kind kind)
{
	static const char *const names[] = {
		[SCHEMA_BOOL] = "Bool",		[SCHEMA_LONG] = "Long",
		[SCHEMA_STRING] = "String",	[SCHEMA_IP] = "ipaddr",
		[SCHEMA_DECIMAL] = "decimal",	[SCHEMA_DATETIME] = "datetime",
		[SCHEMA_DURATION] = "duration", [SCHEMA_FALSE] = NULL,
	};

	return str_from_c(names[kind]);
}

struct str schema_base_name(struct str space, struct str name)
{
	return space.len == 0 ? name : str_sub(name, space.len + 2, name.len);
}
