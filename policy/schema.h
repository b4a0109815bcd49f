/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Cedar schema read from its text or its JSON form: entity types, actions
 * with their groups, common types; names resolved to full ones, cycles and
 * duplicates refused. What it was written with is kept, for the writers
 * (schema_text_write.h, schema_json_write.h).
 *
 * Owns:    itself and all it points to; the text may go after the load.
 * Threads: any number of readers; immutable after load.
 * Limits:  text 16 MiB; type nesting AST_DEPTH; chains of common types
 *          SCHEMA_CHAIN; memory SCHEMA_ARENA.
 */
#ifndef POLICY_SCHEMA_H
#define POLICY_SCHEMA_H

#include "base/diags.h"
#include "policy/value.h"

#define SCHEMA_TEXT_BYTES ((size_t)16 << 20)
#define SCHEMA_ARENA	  ((size_t)512 << 20)
#define SCHEMA_CHAIN	  512

enum schema_kind {
	SCHEMA_NAME,  /* only while loading */
	SCHEMA_ALIAS, /* of the common type `name`: element */
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

/* What a name may stand for; text leaves it open, JSON may say. */
enum schema_want {
	SCHEMA_WANT_ANY,
	SCHEMA_WANT_COMMON,
	SCHEMA_WANT_ENTITY,
};

struct schema_entity;

struct schema_type {
	enum schema_kind kind;
	enum schema_want want; /* only while loading */
	struct str name;
	const struct schema_entity *entity; /* of SCHEMA_ENTITY; NULL for a type of actions */
	const struct schema_type *element;
	size_t attr_count;
	struct schema_attr *attrs; /* ascending by (hash, key), as the fields of records */
	uint32_t at;
};

struct schema_annotation {
	struct str key;
	struct str value; /* empty when written without one */
};

struct schema_annotations {
	size_t count;
	const struct schema_annotation *items;
};

struct schema_attr {
	struct text key;
	bool is_required;
	enum value_kind plain; /* of its values, if that says it all; else VALUE_NONE */
	uint32_t position;     /* among the attributes as they were written */
	uint32_t at;
	struct schema_type *type;
	struct schema_annotations annotations;
};

/* A namespace; "" is what stands outside of all. */
struct schema_space {
	struct str name;
	struct schema_annotations annotations;
	uint32_t at;
};

struct schema_common {
	struct str space;
	struct str name; /* full */
	struct schema_type *type;
	struct schema_annotations annotations;
	unsigned state; /* of resolving: 0 not yet, 1 under way, 2 done */
	uint32_t at;
};

struct schema_entity {
	struct str space;   /* its namespace */
	struct str name;    /* full */
	uint64_t name_hash; /* value_hash(name): a uid's type_hash */
	struct schema_annotations annotations;
	bool is_enum;
	size_t id_count; /* enum */
	const struct str *ids;
	size_t parent_count;
	struct str *parents; /* full names */
	const struct schema_entity **parent_types;
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
	struct str *principals, *resources; /* full names */
	const struct schema_entity **principal_types, **resource_types;
	struct schema_type *context; /* NULL: the empty record */
	struct schema_annotations annotations;
	size_t index; /* below schema_action_count */
	uint32_t at;
};

struct schema;

enum schema_format {
	SCHEMA_FORMAT_TEXT,
	SCHEMA_FORMAT_JSON,
};

struct schema_source {
	const char *file; /* for messages; borrowed for the call */
	struct str text;  /* borrowed for the call */
	enum schema_format format;
	/* Both by place, neither beyond its max; may be NULL. */
	struct diags *all;	/* every error, not only the first */
	struct diags *warnings; /* what loads, but is hardly meant */
};

/* What the text must be: JSON begins with a brace, which no other schema does. */
enum schema_format schema_format_of(struct str text);
MUST_CHECK enum err schema_load_source(const struct schema_source *source,
				       struct schema **out_schema, struct diag *diag);
/* The same of a text. file is a name for messages. */
MUST_CHECK enum err schema_load(const char *file, struct str text, struct schema **out_schema,
				struct diag *diag);
/* NULL when it is not declared. */
const struct schema_entity *schema_find_entity(const struct schema *schema, struct str type);
/* Action, or N::Action: the types that actions have. */
bool schema_is_action_type(struct str type);
size_t schema_entity_count(const struct schema *schema);
const struct schema_entity *schema_entity_at(const struct schema *schema, size_t i);
const struct schema_action *schema_find_action(const struct schema *schema,
					       const struct uid *action);
size_t schema_action_count(const struct schema *schema);
const struct schema_action *schema_action_at(const struct schema *schema, size_t i);
/* In the order they were written. */
size_t schema_space_count(const struct schema *schema);
const struct schema_space *schema_space_at(const struct schema *schema, size_t i);
size_t schema_common_count(const struct schema *schema);
const struct schema_common *schema_common_at(const struct schema *schema, size_t i);
/* Without aliases. */
const struct schema_type *schema_real_type(const struct schema_type *type);
void schema_free(struct schema *schema);

#endif
