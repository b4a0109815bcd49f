/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cedar policy text to policies, accepting and refusing what the official
 * parser does. The grammar stands above the code in parse.c and parse_expr.c.
 *
 * Owns:    nothing; nodes go to the arena of parse->lex and are the caller's.
 *          Uids and strings are unescaped copies: the text may go afterwards.
 * Threads: one user at a time.
 * Limits:  nesting AST_DEPTH; the two counts in struct parse.
 */
#ifndef POLICY_PARSE_H
#define POLICY_PARSE_H

#include "policy/ast.h"
#include "policy/lex.h"

struct parse {
	struct lex lex;
	unsigned depth;
	size_t max_elements;
	size_t max_annotations;
};

/* Stands before the first policy. */
void parse_init(struct parse *parse, const char *file, struct str text, struct arena *arena,
		struct diag *diag);
/* The next policy; NULL at the end of the text and after an error (parse->lex.err). Its id is
 * unset: naming is the set's. Templates are marked. */
struct policy *parse_policy(struct parse *parse);

/* For parse.c and parse_expr.c, and tests: one expression; never NULL. */
const struct expr *parse_expr(struct parse *parse);
/* A path A::B normalised without spaces; with is_uid it must be followed by ::"id". */
struct str parse_path(struct parse *parse);
const struct uid *parse_uid(struct parse *parse);
/* A word that may name things; an error for reserved ones. */
struct str parse_name(struct parse *parse, const char *what);

#endif
