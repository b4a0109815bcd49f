/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One value of an option: the text of a node, or the default, into the member
 * that the option's row names; type, unit and range are checked on the way.
 *
 * Owns:    nothing; texts live in the reader's arena.
 * Threads: main: secrets read files.
 * Limits:  those of the row.
 */
#ifndef GATEWAY_CONFIG_VALUE_H
#define GATEWAY_CONFIG_VALUE_H

#include "gateway/config/options.h"

/* node NULL: the row's default. */
MUST_CHECK enum err config_value_read(struct option_reader *reader, const struct option_row *row,
				      const struct config_yaml *node, void *member);

#endif
