/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `tollgate policy authorize`: one question answered, or a stream of them
 * (--batch: a line of JSON in, a line of JSON out, in order).
 *
 * Owns:    nothing.
 * Threads: main; it reads files.
 * Limits:  a line of a batch 1 MiB; past it the line alone is refused.
 */
#ifndef GATEWAY_CLI_POLICY_AUTHORIZE_H
#define GATEWAY_CLI_POLICY_AUTHORIZE_H

#include "gateway/cli/json_out.h"
#include "policy/policy.h"

int cli_policy_authorize(int argc, char **argv);

/* The members of a decision: decision, reasons, errors; also what `explain` writes. */
void policy_decision_json(struct json_out *out, const struct policy_decision *decision);
/* The same for people: "allow", and a line for each reason and error. */
void policy_decision_print(FILE *file, const struct policy_decision *decision);

#endif
