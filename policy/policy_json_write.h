/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policies to JSON (EST), the form that policy_json_read and the official tools
 * take: as written (`>`, `!=`, `has` with a path), chains nested to the left.
 *
 * Owns:    nothing.
 * Threads: any.
 * Limits:  the buffer's maximum: ERR_LIMIT, and what was written so far stays.
 */
#ifndef POLICY_POLICY_JSON_WRITE_H
#define POLICY_POLICY_JSON_WRITE_H

#include "base/buf.h"

struct expr;
struct policy;
struct policy_set;

/* One object on one line, without id. A link is written as the policy it makes. */
MUST_CHECK enum err policy_json_write(struct buf *out, const struct policy *policy);
/* {"staticPolicies": {ID: policy}, "templates": {..}, "templateLinks": [..]}, a policy per line. */
MUST_CHECK enum err policy_set_json_write(struct buf *out, const struct policy_set *set);
/* One expression, as it stands in a condition's body. */
MUST_CHECK enum err policy_json_write_expr(struct buf *out, const struct expr *expr);

#endif
