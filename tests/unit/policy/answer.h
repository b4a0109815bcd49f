/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one policy text says to one fixed request over a fixed small store: for
 * tables of language tests.
 *
 * Owns:    nothing that outlives the call.
 * Threads: one.
 * Limits:  none.
 */
#ifndef TESTS_UNIT_POLICY_ANSWER_H
#define TESTS_UNIT_POLICY_ANSWER_H

#include "base/str.h"

enum answer {
	ANSWER_TRUE,
	ANSWER_FALSE,
	ANSWER_ERROR,
	ANSWER_REJECT, /* does not parse */
};

struct answer_row {
	const char *text;
	enum answer want;
};

enum answer answer_policy(struct str text);
/* Rows are conditions; asserts each and prints the one that fails. */
void answer_check(const struct answer_row *rows, size_t count, const char *before,
		  const char *behind);

#endif
