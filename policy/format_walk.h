/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The layout of one policy: where its lines may end, by the grammar of policies.
 *
 * Owns:    nothing.
 * Threads: one user at a time.
 * Limits:  nesting: the tokens must come from text that parses (AST_DEPTH).
 */
#ifndef POLICY_FORMAT_WALK_H
#define POLICY_FORMAT_WALK_H

#include "policy/format_token.h"
#include "policy/layout.h"

/* All tokens and all their comments, in their order. */
void format_walk(const struct format_tokens *tokens, struct layout *layout);

#endif
