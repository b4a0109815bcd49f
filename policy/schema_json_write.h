/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A schema in its JSON form, indented, with final names. Reading it gives the
 * same schema.
 *
 * Owns:    nothing.
 * Threads: any.
 * Limits:  those of the buffer.
 */
#ifndef POLICY_SCHEMA_JSON_WRITE_H
#define POLICY_SCHEMA_JSON_WRITE_H

#include "base/buf.h"
#include "policy/schema.h"

MUST_CHECK enum err schema_json_write(struct buf *out, const struct schema *schema);

#endif
