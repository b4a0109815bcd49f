/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Schema text to declarations. After an error it goes on with the next
 * declaration when all errors are asked for.
 *
 * Owns:    nothing; declarations live in the draft's arena.
 * Threads: one user at a time.
 * Limits:  type nesting AST_DEPTH; those of the draft.
 */
#ifndef POLICY_SCHEMA_PARSE_H
#define POLICY_SCHEMA_PARSE_H

#include "policy/schema_draft.h"

/* The source of the draft, from its beginning; the outcome is draft->err. */
void schema_parse_text(struct schema_draft *draft);

#endif
