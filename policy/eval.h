/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Evaluates policies against one request: a walk of the tree, values by value,
 * what is built goes to the request's arena.
 *
 * Owns:    nothing; embedded by the caller for one decision.
 * Threads: one eval per decision; store and policies are only read.
 * Limits:  depth is bounded by the parser's AST_DEPTH; the arena's cap shows as
 *          an error of the policy and as the arena's overflow.
 */
#ifndef POLICY_EVAL_H
#define POLICY_EVAL_H

#include "policy/ast.h"
#include "policy/policy.h"

struct eval {
	struct arena *arena;
	const struct entity_store *store; /* may be NULL: empty */
	const struct policy_request *request;
	struct value context;
	/* Of the request's three; NULL when they are not there. */
	const struct entity *principal;
	const struct entity *action;
	const struct entity *resource;
	/* All ancestors of request->overlay: its parents and theirs by the store. */
	const struct entity_ref *overlay_refs;
	size_t overlay_ref_count;
	struct str error; /* of the last EVAL_ERROR; in the arena */
};

enum eval_verdict {
	EVAL_UNSATISFIED,
	EVAL_SATISFIED,
	EVAL_ERROR,
};

/* False when the arena's cap is reached. */
bool eval_init(struct eval *eval, const struct entity_store *store,
	       const struct policy_request *request, struct arena *arena);
/* Scope, then every condition in text order. */
enum eval_verdict eval_policy(struct eval *eval, const struct policy *policy);
/* One of its three scopes, uid being the request's own. */
bool eval_scope(const struct eval *eval, const struct scope *scope, const struct uid *uid);
/* False: eval->error says why. */
bool eval_expr(struct eval *eval, const struct expr *expr, struct value *out);

/* The entity by overlay, then store; NULL when it is in neither. */
const struct entity *eval_entity(const struct eval *eval, const struct uid *uid);
/* a is b or below it. */
bool eval_is_in(const struct eval *eval, const struct uid *a, const struct uid *b);
/* An error with its text; always false. */
PRINTF_LIKE(2, 3) bool eval_fail(struct eval *eval, const char *fmt, ...);
/* Fails unless value is of that kind. */
bool eval_expect(struct eval *eval, struct value value, enum value_kind kind);
/* A method on a receiver, or a constructor (receiver unused). */
bool eval_call(struct eval *eval, enum fn_id fn, struct value receiver,
	       const struct expr_list *args, struct value *out);
/* The same with the argument's value (VALUE_NONE when the function takes none). */
bool eval_apply(struct eval *eval, enum fn_id fn, struct value receiver, struct value arg,
		struct value *out);

#endif
