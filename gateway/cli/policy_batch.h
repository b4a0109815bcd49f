/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions line by line: each answered on its own, in order, a bad one with
 * an error that names its line.
 *
 * Owns:    nothing.
 * Threads: main.
 * Limits:  a line POLICY_QUESTION_BYTES; longer ones are refused and skipped.
 */
#ifndef GATEWAY_CLI_POLICY_BATCH_H
#define GATEWAY_CLI_POLICY_BATCH_H

#include "gateway/cli/policy_ask.h"

/* From stdin to stdout. EXIT_CODE_NO when a line was refused (a denied one is answered). */
int policy_batch_run(struct policy_ask *ask);

#endif
