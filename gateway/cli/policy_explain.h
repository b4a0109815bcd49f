/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `tollgate policy explain`: one question, and why its answer is what it is:
 * each policy's scope and conditions, clause by clause, with what they read.
 *
 * Owns:    nothing.
 * Threads: main; it reads files.
 * Limits:  those of policy/explain.h.
 */
#ifndef GATEWAY_CLI_POLICY_EXPLAIN_H
#define GATEWAY_CLI_POLICY_EXPLAIN_H

int cli_policy_explain(int argc, char **argv);

#endif
