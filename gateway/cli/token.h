/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `tollgate token issue | keygen`: tokens and key pairs for development. A
 * production gateway trusts an identity provider instead.
 *
 * Owns:    nothing after it returns.
 * Threads: main only.
 * Limits:  32 claims; key file 64 KiB.
 */
#ifndef GATEWAY_CLI_TOKEN_H
#define GATEWAY_CLI_TOKEN_H

/* argv[0] is "token". Returns the exit code. */
int cli_token(int argc, char **argv);

#endif
