/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An explanation written out, for people or as JSON.
 *
 * Owns:    nothing.
 * Threads: one user at a time.
 * Limits:  JSON 64 MiB.
 */
#ifndef GATEWAY_CLI_POLICY_EXPLAIN_REPORT_H
#define GATEWAY_CLI_POLICY_EXPLAIN_REPORT_H

#include <stdio.h>

#include "policy/explain.h"

struct policy_explain_report {
	const struct policy_request *request;
	const struct entity_store *store;
	const struct explain *explain;
	bool shows_all; /* also what the index left out */
};

void policy_explain_print(const struct policy_explain_report *report, FILE *out);
MUST_CHECK enum err policy_explain_json(const struct policy_explain_report *report, FILE *file);

#endif
