/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration reference: every option as a line of text, from the table.
 * README.md holds the same, and a test holds both together.
 *
 * Owns:    nothing.
 * Threads: any.
 * Limits:  none; the table is ours.
 */
#ifndef GATEWAY_CONFIG_REFERENCE_H
#define GATEWAY_CONFIG_REFERENCE_H

#include "base/buf.h"

MUST_CHECK enum err config_reference(struct buf *out);

#endif
