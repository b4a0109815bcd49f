/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The JSON form of a schema to declarations. Members that mean nothing are
 * errors, and so are those that are missing; all of them can be listed.
 *
 * Owns:    nothing; declarations live in the draft's arena.
 * Threads: one user at a time.
 * Limits:  type nesting AST_DEPTH; those of the draft.
 */
#ifndef POLICY_SCHEMA_JSON_READ_H
#define POLICY_SCHEMA_JSON_READ_H

#include "policy/schema_draft.h"

/* The source of the draft; the outcome is draft->err. */
void schema_json_read(struct schema_draft *draft);

#endif
