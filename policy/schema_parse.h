/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Schema text to declarations, names as written. schema.c resolves them.
 *
 * Owns:    nothing; declarations live in the arena of lex.
 * Threads: one user at a time.
 * Limits:  type nesting AST_DEPTH; lists SCHEMA_LIST;
 *          attributes of one record SCHEMA_ATTRS.
 */
#ifndef POLICY_SCHEMA_PARSE_H
#define POLICY_SCHEMA_PARSE_H

#include "policy/lex.h"
#include "policy/schema.h"

#define SCHEMA_LIST  1000000
#define SCHEMA_ATTRS 10000

struct schema_common {
	struct str space;
	struct str name; /* full */
	struct schema_type *type;
	unsigned state; /* of resolving: 0 not yet, 1 under way, 2 done */
	uint32_t at;
};

/* Pointers to what was declared, in text order. */
struct schema_parse {
	struct lex lex;
	unsigned depth;
	struct str space; /* the current namespace, "" outside */
	struct lex_list spaces;
	struct lex_list entities;
	struct lex_list actions;
	struct lex_list commons;
};

/* The outcome is parse->lex.err. */
void schema_parse_text(struct schema_parse *parse, const char *file, struct str text,
		       struct arena *arena, struct diag *diag);
/* SPACE::NAME, or NAME outside of namespaces. */
struct str schema_full_name(struct arena *arena, struct str space, struct str name);

#endif
