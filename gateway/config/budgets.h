/* SPDX-License-Identifier: Apache-2.0 */
/*
 * budgets.yaml as limits: one per budget and unit (metering/README.md). Time
 * zones are read from CONFIG_BUDGETS_ZONES, by names that cannot leave it.
 *
 * Owns:    nothing; everything lives in the reader's arena.
 * Threads: main: it reads zone files.
 * Limits:  BUDGET_ENTRIES limits, ZONE_BYTES a zone.
 */
#ifndef GATEWAY_CONFIG_BUDGETS_H
#define GATEWAY_CONFIG_BUDGETS_H

#include "gateway/config/options.h"
#include "gateway/proxy/budget_table.h"

#define CONFIG_BUDGETS_ZONES "/usr/share/zoneinfo"

MUST_CHECK enum err config_budgets_read(struct option_reader *reader,
					const struct config_yaml *root,
					const struct budget_options **out, size_t *out_count);

#endif
