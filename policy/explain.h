/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A decision taken apart: which policies were looked at, which part of each
 * was true, and what it read. The decision itself is policy_decide's.
 *
 * A condition is shown by its clauses: the operands of && at its top, or the
 * whole. Clauses behind the one that settled the policy are not reached.
 *
 * Owns:    nothing; all lives in the arena given, policies in their set.
 * Threads: any.
 * Limits:  the arena's cap: ERR_LIMIT. A value is cut behind EXPLAIN_VALUE
 *          bytes, a clause behind EXPLAIN_TEXT; EXPLAIN_READS to a clause.
 */
#ifndef POLICY_EXPLAIN_H
#define POLICY_EXPLAIN_H

#include "policy/eval.h"

#define EXPLAIN_VALUE 400
#define EXPLAIN_TEXT  4096
#define EXPLAIN_READS 64

enum explain_outcome {
	EXPLAIN_NOT_REACHED,
	EXPLAIN_FALSE,
	EXPLAIN_TRUE,
	EXPLAIN_ERROR,
};

/* principal.clearance = 2 */
struct explain_read {
	struct str path;
	struct str value; /* as Cedar text; unset: there is no such attribute or entity */
};

struct explain_clause {
	struct str text;
	unsigned line; /* of the policy's file */
	enum explain_outcome outcome;
	struct str error; /* of EXPLAIN_ERROR */
	size_t read_count;
	const struct explain_read *reads; /* of the attributes it names, each once */
};

struct explain_condition {
	bool is_unless;
	enum explain_outcome outcome; /* of what stands between its braces */
	size_t clause_count;
	struct explain_clause *clauses;
};

struct explain_scope {
	struct str text; /* principal in Role::"analyst" */
	bool is_true;
};

struct explain_policy {
	const struct policy *policy;
	bool is_considered; /* else the index left it out: its scope cannot match */
	enum eval_verdict verdict;
	struct explain_scope scopes[3]; /* principal, action, resource */
	size_t condition_count;		/* 0 when it was not considered */
	struct explain_condition *conditions;
};

struct explain {
	size_t count; /* in the order of the set */
	struct explain_policy *policies;
	size_t considered_count;
	struct policy_decision decision;
};

/* Every policy of the set, those that the index leaves out among them. */
MUST_CHECK enum err policy_explain(const struct policy_set *set, const struct entity_store *store,
				   const struct policy_request *request,
				   const struct policy_options *options, struct arena *arena,
				   struct explain *out);

#endif
