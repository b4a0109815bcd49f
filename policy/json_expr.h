/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One expression of policies in JSON into the tree that the text parser makes
 * of the same expression: what nests to the left (`&&`, `||`, `+` and `-`, `*`,
 * member accesses and methods) becomes one chain, read by loops.
 *
 * Owns:    nothing; see json_build.h.
 * Threads: one user at a time.
 * Limits:  those of json_build.h. Nesting is counted as the text parser does: a
 *          level where an operand would need brackets.
 */
#ifndef POLICY_JSON_EXPR_H
#define POLICY_JSON_EXPR_H

#include "policy/json_build.h"

/* NULL: build->fault says why. */
const struct expr *json_expr_read(struct json_build *build, const struct json_tree *tree);

#endif
