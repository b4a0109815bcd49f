/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `tollgate policy check`: are policies, links, schema and entities right? All
 * that is wrong comes at once, each with its line and a caret.
 *
 * Owns:    nothing.
 * Threads: main; it reads files.
 * Limits:  1000 errors and 1000 findings are shown; all are counted.
 */
#ifndef GATEWAY_CLI_POLICY_CHECK_H
#define GATEWAY_CLI_POLICY_CHECK_H

int cli_policy_check(int argc, char **argv);

#endif
