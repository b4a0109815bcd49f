/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `tollgate policy schema FILE`: is a schema right, and what does it look like
 * as Cedar text or as JSON?
 *
 * Owns:    nothing.
 * Threads: main; it reads files.
 * Limits:  those of a schema; 1000 errors and 1000 warnings are shown; what is
 *          written is at most 256 MiB.
 */
#ifndef GATEWAY_CLI_POLICY_SCHEMA_H
#define GATEWAY_CLI_POLICY_SCHEMA_H

int cli_policy_schema(int argc, char **argv);

#endif
