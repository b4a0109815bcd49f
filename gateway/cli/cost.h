/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `tollgate cost`: what was spent, by whom, on what. Reads the ledger, never
 * writes; works while the gateway runs.
 *
 * Owns:    nothing.
 * Threads: main.
 * Limits:  as metering/ledger/report.h; a report is at most 512 MiB of text.
 */
#ifndef GATEWAY_CLI_COST_H
#define GATEWAY_CLI_COST_H

/* argv[0] is "cost"; returns the exit code. */
int cli_cost(int argc, char **argv);

#endif
