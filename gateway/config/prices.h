/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prices.yaml as rows: one per entry, band and meter (metering/README.md).
 *
 * Owns:    nothing; rows live in the reader's arena.
 * Threads: any.
 * Limits:  PRICE_ROWS rows.
 */
#ifndef GATEWAY_CONFIG_PRICES_H
#define GATEWAY_CONFIG_PRICES_H

#include "gateway/config/options.h"
#include "metering/money/price.h"

MUST_CHECK enum err config_prices_read(struct option_reader *reader, const struct config_yaml *root,
				       const struct price_row **out, size_t *out_count);

#endif
