/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What loads and is hardly meant: a gateway that nobody can call, credentials
 * in the clear, options without effect.
 *
 * Owns:    nothing; the lines stand in the configuration.
 * Threads: main.
 * Limits:  CONFIG_WARNINGS lines; more are dropped.
 */
#ifndef GATEWAY_CONFIG_WARNING_H
#define GATEWAY_CONFIG_WARNING_H

#include "gateway/config/config.h"

/* config is the first member of a struct load. */
void config_warn(struct config *config);
PRINTF_LIKE(2, 3) void config_warning_add(struct config *config, const char *fmt, ...);

#endif
