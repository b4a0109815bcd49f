/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A loaded schema in the order it was written, for those who write it again:
 * what stands outside of namespaces, then each namespace, and of each its
 * common types, entity types and actions.
 *
 * Owns:    nothing, but for what schema_walk_attrs gives away.
 * Threads: any.
 * Limits:  none.
 */
#ifndef POLICY_SCHEMA_WALK_H
#define POLICY_SCHEMA_WALK_H

#include "policy/schema.h"

/* All zero but for the schema to begin with. */
struct schema_walk {
	const struct schema *schema;
	const struct schema_space *space;
	size_t spaces; /* so far, with the outside */
	size_t common, entity, action;
};

/* Enters the next namespace, the outside ("") first and only if something stands there; NULL when
 * there is none. */
const struct schema_space *schema_walk_space(struct schema_walk *walk);
/* The next of the current namespace; NULL when there is none. */
const struct schema_common *schema_walk_common(struct schema_walk *walk);
const struct schema_entity *schema_walk_entity(struct schema_walk *walk);
const struct schema_action *schema_walk_action(struct schema_walk *walk);
/* The attributes of a record type as they were written; the caller frees the array. */
const struct schema_attr **schema_walk_attrs(const struct schema_type *type);
/* "Long", "ipaddr", …; unset for what is not built in. */
struct str schema_builtin_name(enum schema_kind kind);
/* NAME of SPACE::NAME. */
struct str schema_base_name(struct str space, struct str name);

#endif
