/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The strict type checker: does every policy fit the schema, in each
 * environment (action, principal type, resource type) that its scope admits?
 * All errors come at once, each with its place; warnings never refuse.
 *
 * Owns:    a report owns its findings; the policies they name are the set's,
 *          which must outlive the report.
 * Threads: none shared; set and schema are only read.
 * Limits:  CHECK_FINDINGS are kept, the rest is counted; scratch memory of one
 *          policy CHECK_ARENA.
 */
#ifndef POLICY_CHECK_H
#define POLICY_CHECK_H

#include "policy/policy.h"

#define CHECK_FINDINGS 1000
#define CHECK_ARENA    ((size_t)64 << 20)

struct check_finding {
	bool is_warning;
	const struct policy *policy;
	uint32_t at; /* in the policy's source */
	struct str text;
};

struct check_report {
	struct arena arena;
	size_t count;
	struct check_finding *findings; /* by policy in the order of the set, templates last, by
					 * place */
	size_t error_count;		/* also of those not kept */
	size_t warning_count;
};

void check_report_init(struct check_report *report);
void check_report_fini(struct check_report *report);

/* OK with at most warnings; ERR_MALFORMED with errors, all in the report; ERR_LIMIT when the
 * check ran out of CHECK_ARENA. out is an initialised, empty report. */
MUST_CHECK enum err check_policies(const struct policy_set *set, const struct schema *schema,
				   struct check_report *out);
/* Does no policy dereference an entity deeper than max_level (RFC 76)? principal.a needs level 1,
 * principal.a.b with an entity a level 2; entities named in a policy have no level at all. Findings
 * as above. Policies that do not type check are left out: check_policies has told of them. */
MUST_CHECK enum err check_levels(const struct policy_set *set, const struct schema *schema,
				 unsigned max_level, struct check_report *out);
/* file:line:column, text and source line of one finding. */
void check_finding_diag(const struct check_finding *finding, struct diag *out_diag);

#endif
