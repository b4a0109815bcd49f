/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Back to Cedar text: expressions, values and policies as the grammar writes
 * them, with the parentheses that are needed and no others. What is printed
 * parses to what it was made of; what no text can say and JSON can (five `!` in
 * a row, `has` of a path with odd names) is written as what means the same.
 *
 * Strings are quoted so that they show what they hold: controls and characters
 * that turn or hide text around them are written as escapes.
 *
 * Owns:    nothing.
 * Threads: any.
 * Limits:  the buffer's maximum: ERR_LIMIT, and what was written so far stays.
 */
#ifndef POLICY_PRINT_H
#define POLICY_PRINT_H

#include "base/buf.h"
#include "policy/ast.h"

/* On one line. */
MUST_CHECK enum err print_expr(struct buf *out, const struct expr *expr);
/* As the expression that yields it. */
MUST_CHECK enum err print_value(struct buf *out, struct value value);
/* Type::"id". */
MUST_CHECK enum err print_uid(struct buf *out, const struct uid *uid);
/* In quotes. */
MUST_CHECK enum err print_string(struct buf *out, struct str s);
/*
 * Laid out as the formatter lays out (format.h), with its annotations and a
 * newline at the end. Templates have their slots, links the uids they were
 * filled with. Ids are not part of Cedar text: only an @id stands there.
 */
MUST_CHECK enum err print_policy(struct buf *out, const struct policy *policy);
/* The same without the layout: each annotation on a line, all the rest on one. */
MUST_CHECK enum err print_policy_plain(struct buf *out, const struct policy *policy);
/* Only that last line. */
MUST_CHECK enum err print_policy_line(struct buf *out, const struct policy *policy);

#endif
