/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of an expression is known when it is read: constructors of good literals
 * and sets of constants become values once, not at every decision.
 *
 * Owns:    nothing; values live in the arena.
 * Threads: the one that loads the set.
 * Limits:  the arena's cap; the overflow stays set.
 */
#ifndef POLICY_FOLD_H
#define POLICY_FOLD_H

#include "policy/ast.h"

/* Sets the constant of a CALL or SET of constants; leaves any other as it is. A constructor of a
 * bad literal stays a call: it errs when run. */
void fold_expr(struct arena *arena, struct expr *expr);

#endif
