/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `tollgate policy COMMAND`: the tools for people who write access rules. One
 * row of the table in policy.c per command, each with its own file.
 *
 * Owns:    nothing.
 * Threads: main; commands read files.
 * Limits:  those of each command.
 */
#ifndef GATEWAY_CLI_POLICY_H
#define GATEWAY_CLI_POLICY_H

int cli_policy(int argc, char **argv);

#endif
