/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A question as the AuthZEN Authorization API puts it, in the terms of the
 * loaded schema:
 *
 *   subject  {type, id, properties}  the principal, and its attributes
 *   action   {name}                  Action::"name" of the one namespace that has it
 *   resource {type, id, properties}  the resource, and its attributes
 *   context  {…}                     as the action declares it
 *
 * A type may be written without its namespace while only one has it. Properties
 * lie over the entity that is loaded, attribute by attribute; `parents` among
 * them, a list of {type, id}, adds groups and roles. The whole must fit the
 * schema, or it is not asked.
 *
 * Owns:    nothing; all lives in the arena given.
 * Threads: any.
 * Limits:  the arena's cap; message cut at QUESTION_MESSAGE.
 */
#ifndef GATEWAY_ADMIN_QUESTION_H
#define GATEWAY_ADMIN_QUESTION_H

#include "policy/json_tree.h"
#include "policy/policy.h"

#define QUESTION_MESSAGE 400

/* The four parts of a question, by their names in the document. */
enum question_part {
	QUESTION_SUBJECT,
	QUESTION_ACTION,
	QUESTION_RESOURCE,
	QUESTION_CONTEXT,
	QUESTION_PARTS,
};

extern const struct str question_names[QUESTION_PARTS];

/* By what a question is read. */
struct question_terms {
	const struct schema *schema;
	const struct entity_store *store; /* frozen */
	struct str text;		  /* that the trees were parsed from */
	struct arena *arena;
};

/* parts: NULL where there is none. False: out_message says why; the question must not be asked. */
bool question_read(const struct question_terms *terms,
		   const struct json_tree *const parts[static QUESTION_PARTS],
		   struct policy_request *out, char out_message[static QUESTION_MESSAGE]);

#endif
