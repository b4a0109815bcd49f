/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The entities of test cases, as they are written in YAML:
 *
 *   - uid: User::"ana"
 *     attrs: {clearance: 2}
 *     parents: [Role::"analyst"]
 *     tags: {dept: risk}
 *
 * An entity that is written again is laid over what was there: attributes and
 * tags one by one, parents as a whole.
 *
 * Owns:    nothing; the list lives in the readers' arena.
 * Threads: any.
 * Limits:  POLICY_CASES_ENTITIES.
 */
#ifndef GATEWAY_CLI_CASE_ENTITIES_H
#define GATEWAY_CLI_CASE_ENTITIES_H

#include "gateway/config/options.h"
#include "policy/policy.h"

struct case_entity {
	const struct uid *uid;
	const struct config_yaml *node;	 /* all that was written of it */
	const struct config_yaml *list;	 /* that it was written in last */
	const struct config_yaml *place; /* its entry there */
	struct option_reader *reader;	 /* of that file */
};

/* Zeroed: none. A copy is a list of its own: items are never changed in place. */
struct case_entities {
	size_t count;
	const struct case_entity *items;
};

/* Lays a list of the file over what is there. */
MUST_CHECK enum err case_entities_add(struct option_reader *reader, const struct config_yaml *list,
				      struct case_entities *entities);
/* Into a store that is not frozen. What is wrong is said where the entity was written last. */
MUST_CHECK enum err case_entities_load(const struct case_entities *entities,
				       struct entity_store *store, const struct schema *schema);

#endif
