/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The law of partial evaluation over one request: with the context hidden, with
 * and without the schema, and with the principal and resource hidden as well,
 * what remains of every policy says of the request what the policy says.
 *
 * Owns:    nothing; scratch goes to the arena.
 * Threads: one.
 * Limits:  the arena's cap counts as a difference.
 */
#ifndef TESTS_CONFORMANCE_CORPUS_PARTIAL_H
#define TESTS_CONFORMANCE_CORPUS_PARTIAL_H

#include "policy/policy.h"

/* The first policy that differs; NULL: none does. */
const struct policy *corpus_partial_differs(const struct policy_set *set,
					    const struct entity_store *store,
					    const struct schema *schema,
					    const struct policy_request *request,
					    struct arena *arena);

#endif
