/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policies written in JSON into a set: one policy, or
 * {staticPolicies, templates, templateLinks}.
 *
 * Owns:    nothing; what is made lives in the set's arena.
 * Threads: one user at a time.
 * Limits:  the set's; nesting AST_DEPTH.
 */
#ifndef POLICY_POLICY_JSON_READ_H
#define POLICY_POLICY_JSON_READ_H

#include "policy/set.h"

/* Errors are told with set_fail; behind one it goes on while set_goes_on. */
void policy_json_read(struct set_source *source);

#endif
