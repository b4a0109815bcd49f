/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Are two expressions the same, positions aside, once what is only a way of
 * writing is taken away? a > b is !(a <= b), x has a.b is x has a && x.a has b,
 * (a && b) && c is a && b && c.
 *
 * Owns:    nothing.
 * Threads: any.
 * Limits:  recursion is bounded by the parser's AST_DEPTH.
 */
#ifndef POLICY_SAME_H
#define POLICY_SAME_H

#include "policy/ast.h"

bool expr_same(const struct expr *a, const struct expr *b);

#endif
