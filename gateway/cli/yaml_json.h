/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values that people write in YAML, for readers of JSON: a tree laid over
 * another, and a tree as JSON text. Unquoted true, false and integers are what
 * they look like, everything else is text; dates and decimals are left to the
 * reader, which knows what type it wants.
 *
 * Owns:    nothing; merged trees live in the arena and share nodes with both.
 * Threads: any.
 * Limits:  depth CONFIG_YAML_DEPTH; the buffer's maximum.
 */
#ifndef GATEWAY_CLI_YAML_JSON_H
#define GATEWAY_CLI_YAML_JSON_H

#include "base/buf.h"
#include "gateway/config/yaml.h"

/* Maps member by member, at every level; a null takes the member away; anything else replaces
 * what was there. base or over may be NULL. NULL past the arena's cap. */
const struct config_yaml *yaml_merge(struct arena *arena, const struct config_yaml *base,
				     const struct config_yaml *over);
MUST_CHECK enum err yaml_json_write(struct buf *out, const struct config_yaml *node);

#endif
