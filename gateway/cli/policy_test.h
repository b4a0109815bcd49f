/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `tollgate policy test`: runs files of cases against the policies and says
 * which of them got another answer than they must.
 *
 * Owns:    nothing.
 * Threads: main; it reads files.
 * Limits:  256 files; those of policy_cases.h.
 */
#ifndef GATEWAY_CLI_POLICY_TEST_H
#define GATEWAY_CLI_POLICY_TEST_H

int cli_policy_test(int argc, char **argv);

#endif
