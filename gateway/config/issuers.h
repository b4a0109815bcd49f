/* SPDX-License-Identifier: Apache-2.0 */
/*
 * identity.issuers: who issues the tokens that are taken, and where each one's
 * keys come from. Key sets in files are read here; those at a URL come later.
 *
 * Owns:    nothing; texts live in the reader's arena. The key sets read are the
 *          caller's to unref, on failure too.
 * Threads: main: it reads files.
 * Limits:  64 issuers.
 */
#ifndef GATEWAY_CONFIG_ISSUERS_H
#define GATEWAY_CONFIG_ISSUERS_H

#include "gateway/config/options.h"
#include "gateway/identity/jwks_source.h"

struct config_issuers {
	struct issuer *items;
	struct jwks_source_options *sources; /* one per issuer */
	size_t count;
};

/* list may be NULL. *out is filled as far as it came. */
MUST_CHECK enum err config_issuers_read(struct option_reader *reader,
					const struct config_yaml *list, struct config_issuers *out);

#endif
