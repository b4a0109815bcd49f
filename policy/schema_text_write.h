/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A schema as Cedar schema text: namespaces, annotations, common types by name,
 * all in the order they were declared. Reading it gives the same schema.
 *
 * Owns:    nothing.
 * Threads: any.
 * Limits:  those of the buffer.
 */
#ifndef POLICY_SCHEMA_TEXT_WRITE_H
#define POLICY_SCHEMA_TEXT_WRITE_H

#include "base/buf.h"
#include "policy/schema.h"

/* ERR_UNSUPPORTED for what only JSON can say (diag tells which): an entity type that is hidden by
 * a common type of its name, a common type as an entity's shape. */
MUST_CHECK enum err schema_text_write(struct buf *out, const struct schema *schema,
				      struct diag *diag);

#endif
