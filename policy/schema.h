/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Cedar schema read from its text: entity types, actions with their groups,
 * common types; names resolved to full ones, cycles and duplicates refused.
 *
 * Owns:    itself and all it points to; the text may go after the load.
 * Threads: any number of readers; immutable after load.
 * Limits:  text 16 MiB; type nesting AST_DEPTH; chains of common types
 *          SCHEMA_CHAIN; memory SCHEMA_ARENA.
 */
#ifndef POLICY_SCHEMA_H
#define POLICY_SCHEMA_H

#include "policy/value.h"

#define SCHEMA_TEXT_BYTES ((size_t)16 << 20)
#define SCHEMA_ARENA	  ((size_t)512 << 20)
#define SCHEMA_CHAIN	  512

enum schema_kind {
	SCHEMA_NAME,  /* only while loading */
	SCHEMA_ALIAS, /* of a common type: element */
	SCHEMA_BOOL,
	SCHEMA_LONG,
	SCHEMA_STRING,
	SCHEMA_ENTITY, /* name */
	SCHEMA_SET,    /* element */
	SCHEMA_RECORD, /* attrs */
	SCHEMA_IP,
	SCHEMA_DECIMAL,
	SCHEMA_DATETIME,
	SCHEMA_DURATION,
	SCHEMA_TRUE, /* of expressions only: a Bool that is always true */
	SCHEMA_FALSE,
};

struct schema_type {
	enum schema_kind kind;
	struct str name;
	const struct schema_type *element;
	size_t attr_count;
	struct schema_attr *attrs;
	uint32_t at;
};

struct schema_attr {
	struct text key;
	bool is_required;
	struct schema_type *type;
};

struct schema_entity {
	struct str space; /* its namespace */
	struct str name;  /* full */
	bool is_enum;
	size_t id_count; /* enum */
	const struct str *ids;
	size_t parent_count;
	struct str *parents;	   /* full names */
	struct schema_type *shape; /* NULL: no attributes */
	struct schema_type *tags;  /* NULL: none allowed */
	size_t index;		   /* below schema_entity_count */
	uint32_t at;
};

struct schema_action {
	struct str space;
	const struct uid *uid;
	size_t group_count;
	const struct uid **groups;
	bool applies; /* to something: has an appliesTo */
	size_t principal_count, resource_count;
	struct str *principals, *resources;
	struct schema_type *context; /* NULL: the empty record */
	uint32_t at;
};

struct schema;

/* file is a name for messages. */
MUST_CHECK enum err schema_load(const char *file, struct str text, struct schema **out_schema,
				struct diag *diag);
/* NULL when it is not declared. */
const struct schema_entity *schema_find_entity(const struct schema *schema, struct str type);
/* Action, or N::Action: the types that actions have. */
bool schema_is_action_type(struct str type);
size_t schema_entity_count(const struct schema *schema);
const struct schema_action *schema_find_action(const struct schema *schema,
					       const struct uid *action);
size_t schema_action_count(const struct schema *schema);
const struct schema_action *schema_action_at(const struct schema *schema, size_t i);
/* Without aliases. */
const struct schema_type *schema_real_type(const struct schema_type *type);
void schema_free(struct schema *schema);

#endif
