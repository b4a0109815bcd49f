/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The split law: a streaming parser gives the same events and the same error at
 * the same offset however its input is cut. split_check() runs one input whole,
 * cut in two at every place, and byte by byte, and compares the transcripts.
 *
 * Pieces are handed over in blocks of exactly their size, freed right after the
 * feed, so that a sanitizer sees views that outlive it and reads past the end.
 *
 * Owns:    its copies; a failed comparison leaks nothing.
 * Threads: one.
 * Limits:  transcripts of 4 MiB.
 */
#ifndef TESTS_UNIT_SPLIT_H
#define TESTS_UNIT_SPLIT_H

#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"

/* One parser under test. Events go to `out` in a form in which neighbouring pieces of one text
 * join without a seam (bytes as they come), each with the input offset it happened at. */
struct split_ops {
	void *(*new)(struct buf *out);
	/* false: failed; nothing more is fed. */
	bool (*feed)(void *parser, struct str piece);
	/* Input is over: end of stream, the error and its offset go to the transcript. */
	void (*end)(void *parser);
	void (*free)(void *parser);
};

static inline bool split_feed(const struct split_ops *ops, void *parser, struct str piece)
{
	char *copy = malloc(piece.len == 0 ? 1 : piece.len);
	bool more;

	if (piece.len > 0)
		memcpy(copy, piece.ptr, piece.len);
	more = ops->feed(parser, str_make(copy, piece.len));
	free(copy);
	return more;
}

/* Cuts at `at` (0: whole), or everywhere when each is true. */
static inline void split_run(const struct split_ops *ops, struct str in, size_t at, bool each,
			     struct buf *out)
{
	void *parser = ops->new (out);
	bool more = true;

	if (each) {
		for (size_t i = 0; i < in.len && more; i++)
			more = split_feed(ops, parser, str_make(in.ptr + i, 1));
	} else {
		if (at > 0)
			more = split_feed(ops, parser, str_make(in.ptr, at));
		if (more)
			(void)split_feed(ops, parser, str_make(in.ptr + at, in.len - at));
	}
	ops->end(parser);
	ops->free(parser);
}

static inline bool split_same(const char *name, size_t at, struct buf *want, struct buf *got)
{
	bool same = str_eq(buf_str(want), buf_str(got));

	if (!same)
		fprintf(stderr,
			"# %s: cut at %zu differs\n# whole: " STR_FMT "\n# cut: " STR_FMT "\n",
			name, at, STR_ARG(buf_str(want)), STR_ARG(buf_str(got)));
	return same;
}

/* True when all cuts agree; the whole transcript is left in out (initialised, empty). At most
 * max_cuts places are tried, evenly spread. */
static inline bool split_check(const struct split_ops *ops, const char *name, struct str in,
			       size_t max_cuts, struct buf *out)
{
	size_t stride = in.len / max_cuts + 1;
	struct buf got;
	bool same;

	buf_init(&got, (size_t)4 << 20);
	split_run(ops, in, 0, false, out);
	split_run(ops, in, 0, true, &got);
	same = split_same(name, in.len, out, &got);
	for (size_t at = 1; at < in.len && same; at += stride) {
		buf_reset(&got);
		split_run(ops, in, at, false, &got);
		same = split_same(name, at, out, &got);
	}
	buf_fini(&got);
	return same;
}

#endif
