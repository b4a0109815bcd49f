/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The members of a map in YAML that people write: of the right names, of the
 * right kind, or an error with its place.
 *
 * Owns:    nothing.
 * Threads: any.
 * Limits:  none of its own.
 */
#ifndef GATEWAY_CLI_YAML_KEYS_H
#define GATEWAY_CLI_YAML_KEYS_H

#include "gateway/config/options.h"

/* Only these names (NULL behind the last), else an error with a suggestion; what says whose. */
MUST_CHECK enum err yaml_keys_check(struct option_reader *reader, const struct config_yaml *map,
				    const char *what, const char *const *keys);
MUST_CHECK enum err yaml_keys_kind(struct option_reader *reader, const struct config_yaml *node,
				   enum config_yaml_kind kind, const char *name);
/* The member of that name, if it is there; *out stays otherwise. */
MUST_CHECK enum err yaml_keys_take(struct option_reader *reader, const struct config_yaml *map,
				   const char *name, enum config_yaml_kind kind,
				   const struct config_yaml **out);

#endif
