/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `tollgate check`: loads every file as serve would and says what is wrong, with
 * file, line and column; `--options` prints the reference of tollgate.yaml.
 *
 * Owns:    nothing.
 * Threads: main.
 * Limits:  those of the files it loads.
 */
#ifndef GATEWAY_CLI_CHECK_H
#define GATEWAY_CLI_CHECK_H

int cli_check(int argc, char **argv);

#endif
