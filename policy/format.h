/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policy text laid out in one way, whoever wrote it: annotations on lines of
 * their own, conditions below the scope, two columns per level, lines that fit
 * the width where they can. Comments stay, in their order; strings, numbers and
 * brackets stay as they were written; commas before closing brackets go.
 * Formatting again changes nothing.
 *
 * Nearly the layout of the official formatter. Other than there, a scope stands
 * on one line when it fits, `{` on the line of its `when`, brackets around what
 * is long close on a line of their own, and a chain inside of another is indented.
 *
 * Owns:    nothing.
 * Threads: any.
 * Limits:  text 16 MiB, nesting AST_DEPTH, FORMAT_ARENA bytes of memory for one
 *          policy: ERR_LIMIT. Time is linear in the text.
 */
#ifndef POLICY_FORMAT_H
#define POLICY_FORMAT_H

#include "base/buf.h"

#define FORMAT_WIDTH	 80
#define FORMAT_WIDTH_MIN 20
#define FORMAT_WIDTH_MAX 1000
#define FORMAT_TEXT	 ((size_t)16 << 20)
#define FORMAT_ARENA	 ((size_t)2 << 30)
/* Room for the output of any text but the maddest: deep nesting costs blanks. */
#define FORMAT_OUT ((size_t)256 << 20)

struct format_options {
	unsigned width; /* 0: FORMAT_WIDTH */
};

/*
 * Appends. options may be NULL. Text that does not parse is ERR_MALFORMED with
 * its place. The result was read again and holds the same policies and comments;
 * were it not so, that is ERR_INTERNAL. After an error nothing is appended.
 */
MUST_CHECK enum err format_policies(const char *file, struct str text,
				    const struct format_options *options, struct buf *out,
				    struct diag *diag);
/* The layout alone, of text that parses: for what we wrote ourselves. */
MUST_CHECK enum err format_layout(struct str text, struct buf *out);
/* Whether two texts hold the same policies and the same comments in the same order: ERR_INTERNAL
 * and the place in `after` where they part. */
MUST_CHECK enum err format_compare(const char *file, struct str before, struct str after,
				   struct diag *diag);

#endif
