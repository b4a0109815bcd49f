/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything that is wrong with what was loaded, to the one who called the
 * command: each with its line and a caret.
 *
 * Owns:    nothing.
 * Threads: any.
 * Limits:  those of the list; how many were left out is said.
 */
#ifndef GATEWAY_CLI_FAULTS_H
#define GATEWAY_CLI_FAULTS_H

#include "base/diags.h"

/* Room for one fault: file, text, source line and caret. */
#define FAULT_BYTES 1024

void faults_print(const struct diags *all);

#endif
