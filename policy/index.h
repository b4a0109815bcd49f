/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A decision tree over the scopes of policies: each inner node splits by the
 * key of one dimension (principal, action, resource), so that a request meets
 * only policies whose scope shares its keys. It leaves out only what cannot
 * match: a candidate's scope is still tested in full.
 *
 *            principal?
 *     role analyst │ User type │ (any)
 *          │            │          └─ action? ── "use" │ "read" │ (any)
 *        leaf         leaf                        leaf    leaf     leaf
 *
 * Owns:    nothing; nodes live in the arena given at build.
 * Threads: immutable after build.
 * Limits:  depth three, one level per dimension.
 */
#ifndef POLICY_INDEX_H
#define POLICY_INDEX_H

#include "policy/ast.h"

#define INDEX_DIMENSIONS 3
#define INDEX_LEAF	 8 /* that many policies are tested one by one sooner than split */

struct policy_index;

/* Of one dimension of a request: its uid, all it is below, its type. */
struct index_keys {
	size_t count;
	const uint64_t *keys;
};

typedef void (*index_visit_fn)(void *arg, const struct policy *policy);

uint64_t index_uid_key(uint64_t uid_hash);
uint64_t index_type_key(uint64_t type_hash);
/* NULL past the arena's cap. */
const struct policy_index *policy_index_new(struct arena *arena,
					    const struct policy *const *policies, size_t count);
/* keys: principal, action, resource. A policy whose scope names several actions may come twice. */
void policy_index_visit(const struct policy_index *index, const struct index_keys *keys,
			index_visit_fn visit, void *arg);

#endif
