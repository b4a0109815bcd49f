/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/check_depth.h"

struct check_depth check_depth_field(const struct check_depth *record, const struct text *key)
{
	for (size_t i = 0; i < record->field_count; i++)
		if (text_eq(record->fields[i].key, key))
			return record->fields[i].depth;
	return *record;
}

/* The two are of one type: what one literal has as a field the other has too. */
struct check_depth check_depth_either(struct arena *arena, const struct check_depth *a,
				      const struct check_depth *b)
{
	const struct check_depth *literal = a->field_count > 0 ? a : b;
	const struct check_depth *other = a->field_count > 0 ? b : a;
	struct check_depth either = {.count = MAX(a->count, b->count),
				     .is_named = a->is_named || b->is_named,
				     .named_at = a->is_named ? a->named_at : b->named_at};
	struct check_depth_field *fields;

	if (literal->field_count == 0)
		return either;
	fields = arena_array(arena, literal->field_count, sizeof(*fields));
	if (fields == NULL)
		return either;
	for (size_t i = 0; i < literal->field_count; i++) {
		struct check_depth field = check_depth_field(other, literal->fields[i].key);

		fields[i].key = literal->fields[i].key;
		fields[i].depth = check_depth_either(arena, &literal->fields[i].depth, &field);
	}
	either.field_count = literal->field_count;
	either.fields = fields;
	return either;
}
