/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `tollgate policy diff OLD NEW`: who gains what and who loses what when one
 * rule set takes the place of another, over every request that the schema knows
 * or over recorded ones.
 *
 * Owns:    nothing.
 * Threads: main; it reads files.
 * Limits:  --limit requests; 64 MiB for a file of contexts or requests, 1 MiB
 *          for one of them.
 */
#ifndef GATEWAY_CLI_POLICY_DIFF_H
#define GATEWAY_CLI_POLICY_DIFF_H

int cli_policy_diff(int argc, char **argv);

#endif
