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
	struct policy *policy; /* the one begun last; behind an error what was read of it */
	size_t max_elements;
	size_t max_annotations;
};

/* Stands before the first policy. */
void parse_init(struct parse *parse, const char *file, struct str text, struct arena *arena,
		struct diag *diag);
/* The next policy; NULL at the end of the text and after an error (parse->lex.err). Its id is
 * unset: naming is the set's. Templates are marked. */
struct policy *parse_policy(struct parse *parse);
/* Behind an error: on to what looks like the next policy. False when there is none. */
bool parse_recover(struct parse *parse);

/* For parse.c and parse_expr.c, and tests: one expression; never NULL. */
const struct expr *parse_expr(struct parse *parse);
void parse_fail_depth(struct parse *parse);
/* lex_expect behind an expression, where an operator could stand as well. */
void parse_end(struct parse *parse, enum token_kind kind, const char *what);
/* A path A::B normalised without spaces; with is_uid it must be followed by ::"id". */
struct str parse_path(struct parse *parse);
const struct uid *parse_uid(struct parse *parse);
/* Both go on behind a first part. *out_is_uid: a string follows whose `::` was taken; a string
 * without one is nobody's and fails at the next expectation. */
struct str parse_path_rest(struct parse *parse, struct str path, bool *out_is_uid);
const struct uid *parse_uid_rest(struct parse *parse, struct str type);
/* A word that may name things; an error for reserved ones, which says how else to write them. */
struct str parse_name(struct parse *parse, const char *what, const char *instead);

#endif
