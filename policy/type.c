/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/type.h"

#include <stdio.h>

#include "policy/sort.h"

/* clang-format off */
static const struct schema_type plain_types[] = {
	[SCHEMA_BOOL]     = {.kind = SCHEMA_BOOL},
	[SCHEMA_LONG]     = {.kind = SCHEMA_LONG},
	[SCHEMA_STRING]   = {.kind = SCHEMA_STRING},
	[SCHEMA_RECORD]   = {.kind = SCHEMA_RECORD},
	[SCHEMA_IP]       = {.kind = SCHEMA_IP},
	[SCHEMA_DECIMAL]  = {.kind = SCHEMA_DECIMAL},
	[SCHEMA_DATETIME] = {.kind = SCHEMA_DATETIME},
	[SCHEMA_DURATION] = {.kind = SCHEMA_DURATION},
	[SCHEMA_TRUE]     = {.kind = SCHEMA_TRUE},
	[SCHEMA_FALSE]    = {.kind = SCHEMA_FALSE},
};

static const char *const plain_names[] = {
	[SCHEMA_BOOL]     = "Bool",
	[SCHEMA_LONG]     = "Long",
	[SCHEMA_STRING]   = "String",
	[SCHEMA_RECORD]   = "a record",
	[SCHEMA_IP]       = "ipaddr",
	[SCHEMA_DECIMAL]  = "decimal",
	[SCHEMA_DATETIME] = "datetime",
	[SCHEMA_DURATION] = "duration",
	[SCHEMA_TRUE]     = "Bool",
	[SCHEMA_FALSE]    = "Bool",
};

static const enum value_kind plain_values[] = {
	[SCHEMA_BOOL]     = VALUE_BOOL,
	[SCHEMA_LONG]     = VALUE_LONG,
	[SCHEMA_STRING]   = VALUE_STRING,
	[SCHEMA_IP]       = VALUE_IP,
	[SCHEMA_DECIMAL]  = VALUE_DECIMAL,
	[SCHEMA_DATETIME] = VALUE_DATETIME,
	[SCHEMA_DURATION] = VALUE_DURATION,
	[SCHEMA_FALSE]    = VALUE_NONE,
};
/* clang-format on */

enum value_kind type_plain_value(const struct schema_type *type)
{
	return plain_values[schema_real_type(type)->kind];
}

const struct schema_type *type_of_kind(enum schema_kind kind)
{
	ASSERT(kind < ARRAY_LEN(plain_types) && plain_types[kind].kind == kind);
	return &plain_types[kind];
}

const struct schema_type *type_of_bool(bool b)
{
	return type_of_kind(b ? SCHEMA_TRUE : SCHEMA_FALSE);
}

bool type_is_bool(const struct schema_type *type)
{
	return type->kind == SCHEMA_BOOL || type->kind == SCHEMA_TRUE || type->kind == SCHEMA_FALSE;
}

static int order_attrs(const void *a, const void *b)
{
	return text_compare(&((const struct schema_attr *)a)->key,
			    &((const struct schema_attr *)b)->key);
}

bool type_sort_attrs(struct arena *arena, struct schema_attr *attrs, size_t count)
{
	return sort_stable(arena, attrs, count, sizeof(*attrs), order_attrs);
}

/* The same keys, each required in both or in neither, with a bound of their types. */
static const struct schema_type *record_bound(struct arena *arena, const struct schema_type *a,
					      const struct schema_type *b)
{
	struct schema_type *bound;

	if (a->attrs == b->attrs && a->attr_count == b->attr_count)
		return a;
	if (a->attr_count != b->attr_count)
		return NULL;
	bound = arena_zalloc(arena, sizeof(*bound));
	if (bound == NULL)
		return NULL;
	bound->kind = SCHEMA_RECORD;
	bound->attr_count = a->attr_count;
	bound->attrs = arena_array(arena, a->attr_count, sizeof(*bound->attrs));
	for (size_t i = 0; bound->attrs != NULL && i < a->attr_count; i++) {
		const struct schema_attr *left = &a->attrs[i];
		const struct schema_attr *right = &b->attrs[i];
		const struct schema_type *type = NULL;

		if (text_eq(&left->key, &right->key) && left->is_required == right->is_required)
			type = type_bound(arena, left->type, right->type);
		if (type == NULL)
			return NULL;
		bound->attrs[i] = *left;
		bound->attrs[i].type = (struct schema_type *)(uintptr_t)type;
	}
	return bound->attrs == NULL ? NULL : bound;
}

static const struct schema_type *set_bound(struct arena *arena, const struct schema_type *a,
					   const struct schema_type *b)
{
	const struct schema_type *element = type_bound(arena, a->element, b->element);
	struct schema_type *bound;

	if (element == NULL || element == a->element)
		return element == NULL ? NULL : a;
	bound = arena_zalloc(arena, sizeof(*bound));
	if (bound == NULL)
		return NULL;
	bound->kind = SCHEMA_SET;
	bound->element = element;
	return bound;
}

const struct schema_type *type_bound(struct arena *arena, const struct schema_type *a,
				     const struct schema_type *b)
{
	a = schema_real_type(a);
	b = schema_real_type(b);
	if (a == b)
		return a;
	if (type_is_bool(a) && type_is_bool(b))
		return a->kind == b->kind ? a : type_of_kind(SCHEMA_BOOL);
	if (a->kind != b->kind)
		return NULL;
	if (a->kind == SCHEMA_ENTITY)
		return str_eq(a->name, b->name) ? a : NULL;
	if (a->kind == SCHEMA_SET)
		return set_bound(arena, a, b);
	return a->kind == SCHEMA_RECORD ? record_bound(arena, a, b) : a;
}

const struct schema_attr *type_find_attr(const struct schema_type *record, const struct text *key)
{
	size_t low = 0;
	size_t high = record->attr_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (record->attrs[middle].key.hash < key->hash)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < record->attr_count && record->attrs[low].key.hash == key->hash; low++)
		if (text_eq(&record->attrs[low].key, key))
			return &record->attrs[low];
	return NULL;
}

/* Breadth first over what may be a parent of what; types may refer to each other in circles. */
static bool reaches(const struct schema_entity **queue, uint8_t *seen, struct str goal)
{
	size_t count = 1;

	seen[queue[0]->index] = 1;
	for (size_t i = 0; i < count; i++)
		for (size_t p = 0; p < queue[i]->parent_count; p++) {
			const struct schema_entity *parent = queue[i]->parent_types[p];

			if (str_eq(parent->name, goal))
				return true;
			if (seen[parent->index]++ == 0)
				queue[count++] = parent;
			seen[parent->index] = 1;
		}
	return false;
}

bool type_is_below(const struct schema *schema, struct arena *scratch, struct str a, struct str b)
{
	const struct schema_entity *from = schema_find_entity(schema, a);
	struct arena_mark mark = arena_mark(scratch);
	const struct schema_entity **queue;
	uint8_t *seen;
	bool is_below = false;

	if (str_eq(a, b))
		return true;
	if (from == NULL || from->parent_count == 0)
		return false;
	queue = arena_array(scratch, schema_entity_count(schema), sizeof(*queue));
	seen = arena_array(scratch, schema_entity_count(schema), sizeof(*seen));
	if (queue != NULL && seen != NULL) {
		queue[0] = from;
		is_below = reaches(queue, seen, b);
	}
	arena_rewind(scratch, mark);
	return is_below;
}

const char *type_text(const struct schema_type *type, char *buf, size_t cap)
{
	size_t len = 0;
	size_t sets = 0;

	type = schema_real_type(type);
	buf[0] = '\0';
	for (; type->kind == SCHEMA_SET && sets < 8; sets++) {
		len += (size_t)snprintf(buf + len, cap - len, "Set<");
		type = schema_real_type(type->element);
	}
	if (type->kind == SCHEMA_ENTITY)
		(void)snprintf(buf + len, cap - len, STR_FMT, (int)MIN(type->name.len, 80),
			       type->name.ptr);
	else
		(void)snprintf(buf + len, cap - len, "%s",
			       type->kind == SCHEMA_SET ? "..." : plain_names[type->kind]);
	for (len = strlen(buf); sets > 0 && len + 1 < cap; sets--) {
		buf[len++] = '>';
		buf[len] = '\0';
	}
	return buf;
}
