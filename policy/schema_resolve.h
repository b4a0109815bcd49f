/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of a schema, and how a draft becomes one: every name is found,
 * nothing is declared twice, nothing refers to itself in a circle.
 *
 * Owns:    the arena and the maps.
 * Threads: immutable after the load.
 * Limits:  chains of common types SCHEMA_CHAIN.
 */
#ifndef POLICY_SCHEMA_RESOLVE_H
#define POLICY_SCHEMA_RESOLVE_H

#include "base/map.h"
#include "policy/schema_draft.h"

struct schema {
	struct arena arena;
	struct map entities;	 /* full name -> struct schema_entity */
	struct map actions;	 /* type NUL id -> struct schema_action */
	struct map commons;	 /* full name -> struct schema_common */
	struct map action_types; /* full name -> struct schema_action, some one of that type */
	const struct schema_action *const *action_list;
	const struct schema_entity *const *entity_list;
	const struct schema_common *const *common_list;
	const struct schema_space *const *space_list;
	size_t action_count;
	size_t entity_count;
	size_t common_count;
	size_t space_count;
};

/* What a name stands for where it is written; all NULL and SCHEMA_NAME when nothing. */
struct schema_found {
	struct schema_common *common;
	const struct schema_entity *entity;
	const struct schema_action *action; /* the name is the type of it */
	enum schema_kind builtin;
};

/* A name in a namespace ("" outside): its own, then outside of all, then built in; a common type
 * before an entity type. */
struct schema_found schema_lookup(const struct schema *schema, struct arena *scratch,
				  struct str space, struct str name, enum schema_want want);
/* The outcomes are draft->err. */
void schema_resolve(struct schema *schema, struct schema_draft *draft);
struct str schema_action_key(struct arena *arena, const struct uid *uid);

#endif
