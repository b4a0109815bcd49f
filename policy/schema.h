/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Cedar schema read from its text: entity types, actions with their groups,
 * common types; names resolved, cycles and duplicates refused.
 *
 * Owns:    itself and all it points to; the text may go after the load.
 * Threads: any number of readers; immutable after load.
 * Limits:  text 16 MiB; type nesting 128.
 */
#ifndef POLICY_SCHEMA_H
#define POLICY_SCHEMA_H

#include "base/err.h"
#include "base/str.h"

struct schema;

/* file is a name for messages. */
MUST_CHECK enum err schema_load(const char *file, struct str text, struct schema **out_schema,
				struct diag *diag);
void schema_free(struct schema *schema);

#endif
