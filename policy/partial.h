/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Partial evaluation: what remains of a policy when only a part of the request
 * is known. The answer is true, false, an error, or a residual expression that
 * holds the known parts as values. Exact: for every way to fill in what is
 * unknown, the residual is true, false or in error as the policy itself is.
 * With a schema, for every way that conforms to it; the residual is then shorter.
 *
 *   partial_request (what is known) -> partial_init -> partial_policy ...
 *
 * Owns:    nothing; residuals live in the arena and share nodes of the policy.
 * Threads: one partial per thread; store, schema and policies are only read.
 * Limits:  depth is bounded by the parser's AST_DEPTH and what residual_of_value
 *          adds; the arena's cap shows as ERR_LIMIT.
 */
#ifndef POLICY_PARTIAL_H
#define POLICY_PARTIAL_H

#include "policy/eval.h"

/* Of principal, action or resource. What is open has attributes, tags and parents that are not
 * known, so that nothing is taken from the store about it: a caller that comes with a token, a
 * model that is not among the entities. */
struct partial_entity {
	const struct uid *uid; /* NULL: not known, and open */
	struct str type;       /* of an unknown uid; unset: not known either */
	bool is_open;	       /* the uid is known, its entity is not */
};

/* An attribute of the context. */
struct partial_unknown {
	struct text name;
	const struct schema_type *type; /* NULL: not known */
	bool may_be_absent;
};

struct partial_request {
	struct partial_entity principal, action, resource;
	const struct entity *overlay; /* as in policy_request; of a principal that is not open */
	struct value context;	      /* what is known of it: a record, or VALUE_NONE for nothing */
	size_t unknown_count;
	const struct partial_unknown *unknowns;
	bool is_context_open; /* others than the known and the unknowns may be there */
};

/* Fills in unknowns: all attributes that the schema declares for the request's action and that
 * the context does not have. Without schema, action or declaration: is_context_open. False past
 * the arena's cap. */
bool partial_open_context(struct partial_request *request, const struct schema *schema,
			  struct arena *arena);

enum partial_verdict {
	PARTIAL_FALSE,
	PARTIAL_TRUE,
	PARTIAL_ERROR,
	PARTIAL_RESIDUAL,
};

struct partial_result {
	enum partial_verdict verdict;
	const struct expr *expr; /* RESIDUAL */
	bool may_err;		 /* RESIDUAL: nothing shows that it cannot */
	bool is_never_true;	 /* RESIDUAL: it is false or in error */
};

struct partial {
	struct eval eval;
	const struct partial_request *request;
	const struct schema *schema;
	struct policy_request known; /* nobody stands for what is not known */
	struct uid nobody;
	const struct schema_type *types[4]; /* by enum expr_var, of what is not known */
};

/* schema may be NULL. request is borrowed. False past the arena's cap. */
bool partial_init(struct partial *partial, const struct entity_store *store,
		  const struct schema *schema, const struct partial_request *request,
		  struct arena *arena);
/* Scope and conditions as one question. ERR_LIMIT: the arena is full. */
MUST_CHECK enum err partial_policy(struct partial *partial, const struct policy *policy,
				   struct partial_result *out);

#endif
