/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Types of expressions: those of the schema, as they stand there, and two more
 * for a Bool that is known to be true or false.
 *
 * Owns:    nothing; what type_bound makes lives in the arena.
 * Threads: any.
 * Limits:  the arena's cap.
 */
#ifndef POLICY_TYPE_H
#define POLICY_TYPE_H

#include "policy/schema.h"

/* One shared instance of each kind that needs no more than its kind. */
const struct schema_type *type_of_kind(enum schema_kind kind);
const struct schema_type *type_of_bool(bool b);
bool type_is_bool(const struct schema_type *type);
/* Equal but for true, false and Bool, which have the bound Bool; NULL when they differ. */
const struct schema_type *type_bound(struct arena *arena, const struct schema_type *a,
				     const struct schema_type *b);
/* The kind of the values of a type, if that says it all; else VALUE_NONE. */
enum value_kind type_plain_value(const struct schema_type *type);
/* Into the order of a record type's attributes, equals as they stood; false past the arena's cap.
 */
bool type_sort_attrs(struct arena *arena, struct schema_attr *attrs, size_t count);
/* NULL when there is none. */
const struct schema_attr *type_find_attr(const struct schema_type *record, const struct text *key);
/* May an entity of type a be below one of type b (or be it)? The scratch is given back. */
bool type_is_below(const struct schema *schema, struct arena *scratch, struct str a, struct str b);
/* "Set<Long>", "User", "record", for messages; returns buf. */
const char *type_text(const struct schema_type *type, char *buf, size_t cap);

#endif
