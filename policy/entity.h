/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entities: attributes, tags and ancestors by uid. A store is filled (JSON,
 * schema actions, or entity by entity from C), frozen once, and from then on
 * only read.
 *
 *   new -> add / load_json / add_actions ... -> freeze -> find, decide ... -> free
 *
 * Owns:    the store owns its arena and what was added to it (uids, parents and
 *          JSON values are copied in; attrs and tags given to entity_store_add
 *          must be made in entity_store_arena). entity_new makes one entity in
 *          any arena: the principal of a verified token, kept as long as the
 *          token's cache entry, independent of any store.
 * Threads: one builder; any number of readers after freeze.
 * Limits:  struct entity_limits. Past one: ERR_LIMIT and a diag naming it.
 */
#ifndef POLICY_ENTITY_H
#define POLICY_ENTITY_H

#include "base/diags.h"
#include "policy/value.h"

#define ENTITY_JSON_DEPTH 128

/* 0 takes the default. */
struct entity_limits {
	size_t entities;    /* 1,000,000 */
	size_t parents;	    /* of one entity: 10,000 */
	size_t ancestors;   /* of all entities together: 16,000,000 */
	size_t elements;    /* of one set or record: 100,000 */
	size_t text_bytes;  /* of one JSON document: 256 MiB */
	size_t arena_bytes; /* all memory of the store: 2 GiB */
};

/* A reference with its hash, for searches in sorted arrays. */
struct entity_ref {
	uint64_t hash;
	const struct uid *uid;
};

struct entity {
	struct uid uid;
	const struct value_record *attrs;
	const struct value_record *tags;
	size_t parent_count;
	const struct entity_ref *parents; /* ascending, no duplicates */
	/* All ancestors, itself left out, ascending; set by freeze; NULL in an entity_new entity.
	 */
	size_t ancestor_count;
	const struct entity_ref *ancestors;
};

struct entity_store;
struct schema;

/* attrs and tags are records or VALUE_NONE (empty). Borrows the bytes of uid and of the parents'
 * names; copies the array. NULL past the arena's cap. */
const struct entity *entity_new(struct arena *arena, const struct uid *uid, struct value attrs,
				struct value tags, const struct uid *const *parents,
				size_t parent_count);

/* limits may be NULL. */
struct entity_store *entity_store_new(const struct entity_limits *limits);
/* Where attrs and tags for entity_store_add are made; lives as long as the store. */
struct arena *entity_store_arena(struct entity_store *store);
/* The same entity again is fine; another one of the same uid is ERR_CONFLICT. */
MUST_CHECK enum err entity_store_add(struct entity_store *store, const struct uid *uid,
				     struct value attrs, struct value tags,
				     const struct uid *const *parents, size_t parent_count,
				     struct diag *diag);
/* A JSON array of entities (README rule 9). With a schema, values
 * are read by their declared types; schema may be NULL. On an error the store is as before the
 * call but for memory. */
MUST_CHECK enum err entity_store_load_json(struct entity_store *store, const char *file,
					   struct str text, const struct schema *schema,
					   struct diag *diag);
/* The same, and goes on behind an error: all of them go to the list, until it is full. */
MUST_CHECK enum err entity_store_load_all(struct entity_store *store, const char *file,
					  struct str text, const struct schema *schema,
					  struct diags *all);
/* Every action of the schema with its groups as parents. */
MUST_CHECK enum err entity_store_add_actions(struct entity_store *store,
					     const struct schema *schema, struct diag *diag);
/* Computes all ancestors; a cycle is ERR_MALFORMED. After it the store is immutable. */
MUST_CHECK enum err entity_store_freeze(struct entity_store *store, struct diag *diag);

/* NULL when it is not there. */
const struct entity *entity_store_find(const struct entity_store *store, const struct uid *uid);
size_t entity_store_count(const struct entity_store *store);
/* In the order of their coming, below the count. */
const struct entity *entity_store_at(const struct entity_store *store, size_t i);
const struct entity_limits *entity_store_limits(const struct entity_store *store);
/* Takes back what was added last, down to `count` entities; before freeze only. */
void entity_store_truncate(struct entity_store *store, size_t count);
void entity_store_free(struct entity_store *store);

/* Arrays of references: sorted without duplicates (false past the arena's cap); search. */
bool entity_refs_sort(struct arena *arena, struct entity_ref *refs, size_t *count);
bool entity_refs_have(const struct entity_ref *refs, size_t count, const struct uid *uid);
/* Type::"id" for messages, long parts cut; returns buf. */
const char *entity_uid_text(const struct uid *uid, char *buf, size_t cap);

/* Attributes of an entity of a declared type from a JSON object, read by their types; required ones
 * may be missing. */
MUST_CHECK enum err entity_attrs_json(struct arena *arena, const char *file, struct str text,
				      const struct schema *schema, struct str type,
				      struct value *out_attrs, struct diag *diag);
/* A context object of JSON into a record in arena. schema and action may be NULL. */
MUST_CHECK enum err entity_context_json(struct arena *arena, const char *file, struct str text,
					const struct schema *schema, const struct uid *action,
					struct value *out_context, struct diag *diag);

#endif
