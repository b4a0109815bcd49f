/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What both h1 fuzz targets do: three transcripts of one input that must be
 * equal, with limits small enough to be reached.
 *
 * Owns:    its buffers, within one call.
 * Threads: one.
 * Limits:  inputs of 4 KiB; longer ones are cut.
 */
#ifndef TESTS_FUZZ_H1_TARGET_H
#define TESTS_FUZZ_H1_TARGET_H

#include "tests/fuzz/fuzz.h"
#include "tests/unit/gateway/http/h1_transcript.h"
#include "tests/unit/split.h"

static const struct h1_limits h1_target_limits = {
	.head_bytes = 512,
	.target_bytes = 64,
	.field_count = 12,
	.body_bytes = 200,
	.chunk_overhead_bytes = 100,
	.informational = 2,
};

static inline void *h1_target_new_request(struct buf *out)
{
	return h1_transcript_new(out, H1_REQUESTS, &h1_target_limits);
}

static inline void *h1_target_new_response(struct buf *out)
{
	return h1_transcript_new(out, H1_RESPONSES, &h1_target_limits);
}

static inline void h1_target_run(enum h1_role role, struct str in)
{
	const struct split_ops ops = {role == H1_REQUESTS ? h1_target_new_request
							  : h1_target_new_response,
				      h1_transcript_feed, h1_transcript_end, h1_transcript_free};
	struct buf whole, cut;
	size_t at;

	in.len = MIN(in.len, (size_t)4096);
	at = in.len == 0 ? 0 : (unsigned char)in.ptr[in.len - 1] * in.len / 256;
	buf_init(&whole, (size_t)1 << 20);
	buf_init(&cut, (size_t)1 << 20);
	split_run(&ops, in, 0, false, &whole);
	split_run(&ops, in, 0, true, &cut);
	ASSERT(split_same("byte by byte", in.len, &whole, &cut));
	buf_reset(&cut);
	split_run(&ops, in, at, false, &cut);
	ASSERT(split_same("in two", at, &whole, &cut));
	buf_fini(&whole);
	buf_fini(&cut);
}

#endif
