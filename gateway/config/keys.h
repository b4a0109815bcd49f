/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keys.yaml as rows, for the key store and for `tollgate key list`.
 *
 * Owns:    nothing; rows live in the reader's arena.
 * Threads: any.
 * Limits:  APIKEY_MAX_ROWS rows, 64 attributes each.
 */
#ifndef GATEWAY_CONFIG_KEYS_H
#define GATEWAY_CONFIG_KEYS_H

#include "gateway/config/options.h"
#include "gateway/identity/apikey.h"

/* root is the whole document: {keys: [...]}. */
MUST_CHECK enum err config_keys_read(struct option_reader *reader, const struct config_yaml *root,
				     const struct apikey_row **out, size_t *out_count);

#endif
