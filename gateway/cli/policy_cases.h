/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file of cases for `tollgate policy test`: requests with the answer they
 * must get. YAML; the usage text of policy_test.c shows all of its keys.
 *
 *   include ─┐  entities, by uid, and context, member by member:
 *   the file ┼► what stands nearer to the case goes over what is farther
 *   the case ┘
 *
 * Owns:    all it reads; requests point into it and into the inputs.
 * Threads: main; it reads files.
 * Limits:  4 MiB a file, 8 files included, 10,000 cases, 1000 entities to a
 *          case; 256 MiB in all; 100 errors are kept.
 */
#ifndef GATEWAY_CLI_POLICY_CASES_H
#define GATEWAY_CLI_POLICY_CASES_H

#include "gateway/cli/policy_inputs.h"

#define POLICY_CASES_BYTES    ((size_t)4 << 20)
#define POLICY_CASES_INCLUDES 8
#define POLICY_CASES_MAX      10000
#define POLICY_CASES_ENTITIES 1000
#define POLICY_CASES_ERRORS   100

struct policy_case_ids {
	bool is_given;
	size_t count;
	const struct str *items;
};

struct policy_case {
	struct str name;
	unsigned line;
	struct policy_request request;
	struct entity_store *store; /* the file's, or its own when it has entities */
	bool expects_allow;
	struct policy_case_ids reasons; /* not given: any */
	struct policy_case_ids errors;	/* not given: none */
};

struct policy_cases {
	struct arena arena;
	const char *file;
	struct entity_store *store; /* of the cases without entities of their own */
	size_t count;
	struct policy_case *items;
	struct diags diags;
	bool is_unreadable; /* the file, or one that it includes */
};

/* The schema and the configuration's entities are those of inputs. On an error diags has all that
 * is wrong. fini it in any case. */
MUST_CHECK enum err policy_cases_load(const char *file, const struct policy_inputs *inputs,
				      struct policy_cases *out);
/* Prints diags to stderr; the exit code. */
int policy_cases_fail(const struct policy_cases *cases);
/* NULL when there is none of that name. */
const struct policy_case *policy_cases_find(const struct policy_cases *cases, struct str name);
void policy_cases_fini(struct policy_cases *cases);

#endif
