/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policies, their schema and the entities beside them, loaded and held against
 * each other: a set that does not type-check is refused, and so is a schema by
 * which the gateway cannot ask. All that is wrong is listed.
 *
 * Owns:    what it loaded; the sources are borrowed for the load.
 * Threads: one builder; immutable afterwards.
 * Limits:  those of policy/.
 */
#ifndef GATEWAY_PROXY_RULEBOOK_H
#define GATEWAY_PROXY_RULEBOOK_H

#include "base/diags.h"
#include "policy/policy.h"

struct rulebook_options {
	const struct policy_source *policies;
	size_t policy_count;
	unsigned level; /* check_levels up to it; 0: not */
	struct policy_source schema;
	struct policy_source entities; /* text unset: none */
};

struct rulebook {
	struct policy_set *policies;
	struct schema *schema;
	struct entity_store *entities; /* with the schema's actions; not frozen */
};

/* On an error nothing is left, and errors has everything that was found. What is legal and hardly
 * meant goes to warnings, which may be NULL. */
MUST_CHECK enum err rulebook_load(const struct rulebook_options *options, struct diags *errors,
				  struct diags *warnings, struct rulebook *out);
/* Members that were taken are NULL. */
void rulebook_fini(struct rulebook *book);

#endif
