/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Types one expression in one environment. Errors go to the checker that
 * embeds this; the rest of the expression is still looked at.
 *
 * Owns:    nothing; types and capabilities live in the arena.
 * Threads: one user at a time.
 * Limits:  recursion is bounded by the parser's AST_DEPTH.
 */
#ifndef POLICY_CHECK_EXPR_H
#define POLICY_CHECK_EXPR_H

#include "policy/ast.h"
#include "policy/capability.h"
#include "policy/check_depth.h"
#include "policy/entity.h"
#include "policy/type.h"

struct check_env {
	struct arena *arena;
	const struct schema *schema;
	const struct entity_store *actions; /* with their ancestors */
	const struct uid *action;
	const struct schema_type *vars[4]; /* by enum expr_var */
	void (*on_error)(void *arg, uint32_t at, const char *text);
	void (*on_level)(void *arg, uint32_t at, const char *text); /* NULL: any depth is fine */
	unsigned max_level;
	void *arg;
};

struct typing {
	const struct schema_type *type;
	struct check_depth depth;
	const struct capability_set *shown; /* holds when the expression is true */
};

/* False: an error was reported; out has then what could be said. */
bool check_expr(struct check_env *env, const struct expr *expr, const struct capability_set *known,
		struct typing *out);
/* The same, and it must be a Bool. */
bool check_condition(struct check_env *env, const struct expr *expr,
		     const struct capability_set *known, struct typing *out);
/* Is the first action the second or below it? */
bool check_action_is_in(const struct check_env *env, const struct uid *a, const struct uid *b);
/* left && right of two typings. */
struct typing check_and(struct check_env *env, struct typing left, struct typing right);

/* For the files that check_expr is made of. */
PRINTF_LIKE(3, 4) bool check_fail(struct check_env *env, uint32_t at, const char *fmt, ...);
/* Reports unless type is of that kind. */
bool check_kind(struct check_env *env, uint32_t at, const struct schema_type *type,
		enum schema_kind kind);
/* The depth of what an entity holds; *needed grows to the level that takes. */
struct check_depth check_look_into(struct check_env *env, const struct check_depth *entity,
				   unsigned *needed);
/* Reports a level that is above the limit. */
void check_level(struct check_env *env, uint32_t at, unsigned needed);
bool check_chain(struct check_env *env, const struct expr *expr, const struct capability_set *known,
		 struct typing *out);
bool check_has(struct check_env *env, const struct expr *expr, const struct capability_set *known,
	       struct typing *out);
/* One step of a chain that calls a method of `of`, whose typing *inout is, and then the result's.
 */
bool check_method(struct check_env *env, const struct expr *of, const struct expr_step *step,
		  const struct capability_set *known, struct typing *inout, unsigned *needed);
bool check_constructor(struct check_env *env, const struct expr *expr, struct typing *out);

#endif
