/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does what is about to be decided fit the schema? Requests, entities and
 * values built from C are held against their declared types; JSON is read by
 * its types already (entity.h).
 *
 * Owns:    nothing.
 * Threads: any.
 * Limits:  none of its own: bounded by the values and the schema's types.
 */
#ifndef POLICY_CONFORM_H
#define POLICY_CONFORM_H

#include "policy/policy.h"

/* Is the value of that type: all required attributes, no others, uids declared? */
bool conform_value(const struct schema *schema, const struct schema_type *type, struct value value);
/* Action declared, principal and resource in its appliesTo, context of its type (VALUE_NONE is the
 * empty record). diag says what does not fit; NULL is fine. Allocates nothing. */
MUST_CHECK enum err conform_request(const struct schema *schema,
				    const struct policy_request *request, struct diag *diag);
/* The same for an action that was found before (schema_find_action of request->action): what is
 * left to do per decision. */
MUST_CHECK enum err conform_call(const struct schema *schema, const struct schema_action *action,
				 const struct policy_request *request, struct diag *diag);
/* Type declared, attributes, tags and parents as declared; an action as in the schema. */
MUST_CHECK enum err conform_entity(const struct schema *schema, const struct entity *entity,
				   struct diag *diag);

#endif
