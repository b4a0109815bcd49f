/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `tollgate key create | list | revoke`: API keys in keys.yaml. The secret is
 * shown once, on stdout, and never stored.
 *
 * Owns:    nothing after it returns.
 * Threads: main only.
 * Limits:  as in keyfile.h.
 */
#ifndef GATEWAY_CLI_KEY_H
#define GATEWAY_CLI_KEY_H

/* argv[0] is "key". Returns the exit code. */
int cli_key(int argc, char **argv);

#endif
