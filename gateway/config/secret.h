/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Secrets: text with ${env:NAME} and ${file:PATH} in it. A text without either
 * is refused, for it would be a secret that stands in the file; no message
 * shows any of it.
 *
 * Owns:    nothing; the result lives in the reader's arena and is the caller's
 *          to wipe. What was read on the way is wiped here.
 * Threads: main: it reads files and the environment.
 * Limits:  64 KiB a file, 64 KiB in all; no control characters.
 */
#ifndef GATEWAY_CONFIG_SECRET_H
#define GATEWAY_CONFIG_SECRET_H

#include "gateway/config/options.h"

#define SECRET_BYTES 65536

/* name is the option's, for messages. */
MUST_CHECK enum err config_secret_read(struct option_reader *reader, const struct config_yaml *node,
				       const char *name, struct str *out);

#endif
