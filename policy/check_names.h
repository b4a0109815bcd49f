/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names over a whole policy, also where it can never get to: entity types,
 * actions and ids of enum types that the schema does not declare; and how
 * names and strings are spelled.
 *
 * Owns:    nothing.
 * Threads: any.
 * Limits:  recursion is bounded by the parser's AST_DEPTH.
 */
#ifndef POLICY_CHECK_NAMES_H
#define POLICY_CHECK_NAMES_H

#include "policy/check_spelling.h"
#include "policy/schema.h"

struct check_names {
	const struct schema *schema;
	void (*on_error)(void *arg, uint32_t at, const char *text);
	void *arg;
	struct check_spelling spelling;
};

void check_policy_names(const struct check_names *names, const struct policy *policy);
/* Of a link only what fills its slots: the rest is its template's. */
void check_slot_names(const struct check_names *names, const struct policy *link);

#endif
