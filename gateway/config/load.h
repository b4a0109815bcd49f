/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A configuration as it was read: the options that the program sees, and behind
 * them the texts, the raw values and the arena that they live in.
 *
 * Owns:    its arena; the configuration is its first member and goes with it.
 * Threads: main.
 * Limits:  those of config.h.
 */
#ifndef GATEWAY_CONFIG_LOAD_H
#define GATEWAY_CONFIG_LOAD_H

#include "base/buf.h"
#include "gateway/config/config.h"
#include "gateway/config/options.h"

/* A file that was read, for the lines that messages show. */
struct load_text {
	const char *file;
	struct str text;
	const struct load_text *next;
};

struct load {
	struct config config; /* first: config_free gets a pointer to it */
	struct arena arena;
	struct config_raw raw;
	struct config_raw_listener listeners[CONFIG_LISTENERS];
	struct option_reader reader; /* of the main file */
	struct diags *all;
	const struct load_text *texts;
	struct buf digests; /* SHA-256 of every file, in the order of reading */
};

static inline const struct load *load_of(const struct config *config)
{
	return (const struct load *)(const void *)config;
}

#endif
