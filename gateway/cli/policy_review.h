/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How `who-can` and `diff` say what a review found, to people and to machines.
 *
 * Owns:    nothing.
 * Threads: main.
 * Limits:  a condition POLICY_REVIEW_TEXT bytes; a longer one is cut, and says so.
 */
#ifndef GATEWAY_CLI_POLICY_REVIEW_H
#define GATEWAY_CLI_POLICY_REVIEW_H

#include <stdio.h>

#include "gateway/cli/json_out.h"
#include "policy/review.h"

#define POLICY_REVIEW_TEXT ((size_t)1 << 20)

/* "never", "if", "always". */
const char *policy_review_word(enum review_verdict verdict);
/* Type::"id", or "any other Type" when uid is NULL. */
void policy_review_print_entity(FILE *file, const struct uid *uid, struct str type);
void policy_review_json_entity(struct json_out *out, const char *key, const struct uid *uid);
/* The condition, one line for each part that must hold; nothing for another verdict. */
void policy_review_print_condition(FILE *file, const struct review *review, const char *indent);
/* Of two conditions, what one asks and the other does not: "- old" and "+ new". */
void policy_review_print_change(FILE *file, const struct review *old, const struct review *new,
				const char *indent);
/* "by a, b; unless c", one line. */
void policy_review_print_policies(FILE *file, const struct review *review, const char *indent);
/* The members of an object that is open. */
void policy_review_json(struct json_out *out, const struct review *review);

#endif
