/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What came out of test cases: for people, as TAP 13, or as JUnit XML for the
 * build server.
 *
 *   begin -> file ... -> end
 *
 * Owns:    nothing; results are the caller's.
 * Threads: one user at a time.
 * Limits:  none.
 */
#ifndef GATEWAY_CLI_POLICY_TEST_REPORT_H
#define GATEWAY_CLI_POLICY_TEST_REPORT_H

#include <stdio.h>

#include "base/str.h"

enum policy_test_format {
	POLICY_TEST_TEXT,
	POLICY_TEST_TAP,
	POLICY_TEST_JUNIT,
};

struct policy_test_result {
	struct str name; /* no control characters */
	unsigned line;
	bool has_passed;
	struct str expected; /* "deny by eu-residency" */
	struct str got;
	struct str hint; /* unset: none */
};

struct policy_test_report {
	FILE *out;
	enum policy_test_format format;
	size_t explain_count;	    /* the words that explain a case, up to the file's name */
	const char *const *explain; /* "tollgate", "policy", "explain", … "--test" */
	size_t file_count;
	size_t case_count;
	size_t failed_count;
};

void policy_test_report_begin(struct policy_test_report *report);
void policy_test_report_file(struct policy_test_report *report, const char *file,
			     const struct policy_test_result *results, size_t count);
void policy_test_report_end(struct policy_test_report *report);

#endif
