/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Data in JSON policies, {"Value": data}, into the literals, sets, records and
 * constructor calls that text would have there.
 *
 * Owns:    nothing; see json_build.h.
 * Threads: one user at a time.
 * Limits:  those of json_build.h.
 */
#ifndef POLICY_JSON_LITERAL_H
#define POLICY_JSON_LITERAL_H

#include "policy/json_build.h"

/* NULL: build->fault says why. */
const struct expr *json_literal_read(struct json_build *build, const struct json_tree *tree);

#endif
