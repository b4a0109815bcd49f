/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making expressions: a value as the text that gives it, the opposite of a
 * condition.
 *
 * Owns:    nothing; nodes live in the arena given.
 * Threads: any.
 * Limits:  residual_of_value: RESIDUAL_ITEMS in one set or record, nesting
 *          RESIDUAL_DEPTH. residual_negate: the depth of its expression.
 */
#ifndef POLICY_RESIDUAL_H
#define POLICY_RESIDUAL_H

#include "policy/ast.h"

#define RESIDUAL_ITEMS 32
#define RESIDUAL_DEPTH 4

/* NULL: past a limit, or a datetime that no text gives. */
const struct expr *residual_of_value(struct arena *arena, struct value value, uint32_t at);
/* !expr, the not moved inwards: for a place where anything but a Bool is an error. Errs where expr
 * errs. NULL past the arena's cap. */
const struct expr *residual_negate(struct arena *arena, const struct expr *expr);
/* The chain of one kind, EXPR_AND or EXPR_OR; parts that are such a chain are taken apart. count
 * is one or more; of one it is the part itself. NULL past the arena's cap. */
const struct expr *residual_join(struct arena *arena, enum expr_kind kind,
				 const struct expr *const *parts, size_t count);
bool residual_is_bool(const struct expr *expr, bool b);

#endif
