/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a set of policies answers to a request of which only a part is known:
 * never, always, or if a condition holds, and which policies make it so.
 *
 * The condition is (permit || permit ...) && !forbid && !forbid ..., of what
 * remains of each. Where it is true the request is allowed, where it is false it
 * is denied; where it is in error, a policy errs: a forbid that errs denies,
 * unless options say to skip it; a permit that errs only does not count itself.
 *
 * Owns:    nothing; all lives in the arena, policies in the set.
 * Threads: any; set, store and schema are only read.
 * Limits:  the arena's cap: ERR_LIMIT.
 */
#ifndef POLICY_REVIEW_H
#define POLICY_REVIEW_H

#include "policy/partial.h"

enum review_verdict {
	REVIEW_NEVER,
	REVIEW_IF,
	REVIEW_ALWAYS,
};

struct review_policies {
	size_t count;
	const struct policy **policies; /* in the order of the set */
};

struct review {
	enum review_verdict verdict;
	const struct expr *condition; /* IF */
	bool may_err;		      /* IF: a policy may err, so that the condition does */
	/* ALWAYS, IF: what allows, or may. NEVER: empty. */
	struct review_policies permits;
	/* NEVER: what denies always, by being satisfied or, where errors deny, in error; empty when
	 * no policy permits. IF: what may deny. */
	struct review_policies forbids;
	struct review_policies errors; /* whatever comes, they are in error */
};

/* schema and options may be NULL. */
MUST_CHECK enum err review_request(const struct policy_set *set, const struct entity_store *store,
				   const struct schema *schema,
				   const struct partial_request *request,
				   const struct policy_options *options, struct arena *arena,
				   struct review *out);
/* The same but for the order of what && and || join: true and false for the same requests. */
bool review_is_same_condition(const struct expr *a, const struct expr *b);
/* The same verdict, and of two conditions the same one. */
bool review_is_same(const struct review *a, const struct review *b);
/* Effect, scope, conditions and annotations alike; where they stand aside. */
bool review_is_same_policy(const struct policy *a, const struct policy *b);

#endif
