/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Builds whole responses, head and body, for a call. Streams are built whole
 * too: the server sends them in the portions marked by `cuts`.
 *
 * Owns:    the texts it is given, until answer_free.
 * Threads: one.
 * Limits:  none.
 */
#ifndef TESTS_UPSTREAM_ANSWER_H
#define TESTS_UPSTREAM_ANSWER_H

#include "tests/upstream/call.h"

struct answer {
	struct text out;  /* everything that goes on the wire */
	struct text body; /* scratch, kept between calls */
	size_t *cuts;	  /* offsets in `out` after which a pausing stream waits */
	size_t cut_count, cut_cap;
	size_t head_len;  /* the body begins here */
	const char *type; /* NULL: JSON, or for streams events */
	char fields[128]; /* further lines of the head */
};

/* The response that the call asks for; faults of the script that concern bytes are left to the
 * server. */
void answer_build(struct answer *answer, const struct call *call);
void answer_status(struct answer *answer, const struct call *call, uint64_t status,
		   const char *why);
/* A JSON document that is already in answer->body. */
void answer_document(struct answer *answer, uint64_t status, bool is_chunked, bool closes);
void answer_reset(struct answer *answer);
void answer_free(struct answer *answer);

/* For stream.c: one event, framed and cut. */
void answer_event(struct answer *answer, const char *event);
void answer_stream_head(struct answer *answer, const struct call *call);
void answer_stream_end(struct answer *answer);
/* The `index`-th of `count` pieces of the text that the model says. */
void answer_piece(struct text *text, const struct call *call, uint64_t index, uint64_t count);
void answer_usage(struct text *text, const struct call *call);
void answer_id(struct text *text, const char *prefix, const struct call *call);
uint64_t answer_event_count(const struct call *call);

/* other.c: the dialects that are neither OpenAI's text nor Anthropic's; false for those. */
bool other_build(struct answer *answer, const struct call *call);
void answer_line(struct answer *answer, const char *behind);

/* stream.c */
void stream_build(struct answer *answer, const struct call *call);

#endif
