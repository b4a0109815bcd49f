/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The laws of printing and formatting, of any text:
 *
 *   parse ∘ print ∘ parse = parse        parse ∘ format = parse
 *   format ∘ format = format             format ∘ print = print
 *   a text that does not parse is not formatted
 *
 * Owns:    nothing that outlives the calls.
 * Threads: one.
 * Limits:  none.
 */
#ifndef TESTS_UNIT_POLICY_FORMAT_LAW_H
#define TESTS_UNIT_POLICY_FORMAT_LAW_H

#include "base/buf.h"

/* The law that is broken, or NULL. *out_policies: how many there were. */
const char *format_law(struct str text, unsigned width, size_t *out_policies);
/* The same of a text that parses with comments, line ends and blanks of all kinds put between its
 * tokens, by the seed; all comments must come out, in their order. */
const char *format_law_comments(struct str text, uint64_t seed, unsigned width,
				size_t *out_comments);

#endif
