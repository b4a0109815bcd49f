/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lists `upstreams` and `models`: where calls may go.
 *
 * Owns:    nothing; texts live in the reader's arena. Credentials are the
 *          caller's to wipe, on failure too: *out counts what was begun.
 * Threads: main: secrets read files.
 * Limits:  those of gateway/route.
 */
#ifndef GATEWAY_CONFIG_MODELS_H
#define GATEWAY_CONFIG_MODELS_H

#include "gateway/config/options.h"

struct config_upstreams {
	struct upstream_options *items;
	size_t count;
};

struct config_models {
	struct model_options *items;
	size_t count;
};

MUST_CHECK enum err config_upstreams_read(struct option_reader *reader,
					  const struct config_yaml *list,
					  struct config_upstreams *out);
MUST_CHECK enum err config_models_read(struct option_reader *reader, const struct config_yaml *list,
				       struct config_models *out);

#endif
