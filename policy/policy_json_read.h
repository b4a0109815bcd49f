/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policies written in JSON into a set, as the official reader takes them: one
 * policy, or {staticPolicies, templates, templateLinks}. Left-nested operators
 * and member accesses become the chains that the text parser makes of them, so
 * their length is no depth.
 *
 * Owns:    nothing; what is made lives in the set's arena.
 * Threads: one user at a time.
 * Limits:  the set's; nesting AST_DEPTH.
 */
#ifndef POLICY_POLICY_JSON_READ_H
#define POLICY_POLICY_JSON_READ_H

#include "policy/set.h"

/* Errors are told with set_fail, one per policy; behind one it goes on while set_goes_on. */
void policy_json_read(struct set_source *source);

#endif
