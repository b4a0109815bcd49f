/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a schema's source declares, names as they were written, and what is
 * wrong with it. The readers of text and of JSON fill it, schema_resolve.c
 * makes a schema of it.
 *
 * Owns:    nothing; declarations live in the arena given to init.
 * Threads: one user at a time.
 * Limits:  lists SCHEMA_LIST; attributes of one record SCHEMA_ATTRS.
 */
#ifndef POLICY_SCHEMA_DRAFT_H
#define POLICY_SCHEMA_DRAFT_H

#include "policy/lex.h"
#include "policy/schema.h"

#define SCHEMA_LIST	   1000000
#define SCHEMA_ATTRS	   10000
#define SCHEMA_ANNOTATIONS 100 /* of one declaration */

/* The lists hold pointers to what was declared, in the order of the source. */
struct schema_draft {
	struct lex lex; /* of a text; of JSON its arena, file and text alone */
	unsigned depth;
	struct str space; /* the current namespace, "" outside */
	struct lex_list spaces;
	struct lex_list entities;
	struct lex_list actions;
	struct lex_list commons;
	struct diags *all;	/* may be NULL: then the first error ends the load */
	struct diags *warnings; /* may be NULL */
	struct diag *first;	/* may be NULL */
	struct diag last;	/* of lex */
	enum err err;		/* of the first error */
};

void schema_draft_init(struct schema_draft *draft, const struct schema_source *source,
		       struct arena *arena, struct diag *diag);
/* An error at that place of the source. When all are wanted, lex is without error afterwards. */
PRINTF_LIKE(4, 5)
void schema_draft_fail(struct schema_draft *draft, enum err err, uint32_t at, const char *fmt, ...);
/* Takes over an error that lex came upon. */
void schema_draft_collect(struct schema_draft *draft);
/* May the load go on, be it only to list more errors? */
bool schema_draft_is_open(const struct schema_draft *draft);
/* Where a name that still views the source stands in it; else `at`. */
uint32_t schema_draft_place(const struct schema_draft *draft, struct str name, uint32_t at);
PRINTF_LIKE(3, 4)
void schema_draft_warn(struct schema_draft *draft, uint32_t at, const char *fmt, ...);

/* Zeroed memory; NULL leaves its error behind in lex. */
void *schema_draft_alloc(struct schema_draft *draft, size_t size);
void schema_draft_push(struct schema_draft *draft, struct lex_list *list, const void *item);
/* A record type of these attributes (struct schema_attr, type->at being their place): of one
 * declared twice the last stands. */
struct schema_type *schema_draft_record(struct schema_draft *draft, const struct lex_list *attrs);
/* One declaration under several names (struct str), all of the current namespace. */
void schema_draft_entities(struct schema_draft *draft, const struct schema_entity *entity,
			   const struct lex_list *names);
void schema_draft_actions(struct schema_draft *draft, const struct schema_action *action,
			  const struct lex_list *names);
void schema_draft_common(struct schema_draft *draft, const struct schema_common *common,
			 struct str name);
/* Enters a namespace; "" leaves it. */
void schema_draft_space(struct schema_draft *draft, const struct schema_space *space);
/* SPACE::NAME, or NAME outside of namespaces. */
struct str schema_full_name(struct arena *arena, struct str space, struct str name);

#endif
