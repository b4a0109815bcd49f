/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `tollgate serve`: loads the configuration, opens journal and ledger, starts
 * the workers, and then takes signals, reloads and drains on the main thread.
 *
 *   SIGHUP reload · SIGTERM, SIGINT drain and end
 *
 * Owns:    the process.
 * Threads: main.
 * Limits:  64 workers.
 */
#ifndef GATEWAY_CLI_SERVE_H
#define GATEWAY_CLI_SERVE_H

int cli_serve(int argc, char **argv);

#endif
