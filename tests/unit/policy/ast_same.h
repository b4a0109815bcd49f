/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether two policies or expressions have the same nodes, wherever they stand
 * in their texts: for tests of what is printed and read back.
 *
 * Owns:    nothing.
 * Threads: any.
 * Limits:  none.
 */
#ifndef TESTS_UNIT_POLICY_AST_SAME_H
#define TESTS_UNIT_POLICY_AST_SAME_H

#include "policy/ast.h"

bool ast_same_expr(const struct expr *a, const struct expr *b);
/* Effect, scopes, conditions and annotations in their order; not ids and places. */
bool ast_same_policy(const struct policy *a, const struct policy *b);

#endif
