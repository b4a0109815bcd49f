/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection's exchange: takes a request out of the bytes received, builds
 * its answer, and says how much of it may be sent now. No I/O.
 *
 * Owns:    its buffers.
 * Threads: one.
 * Limits:  requests of 64 MiB.
 */
#ifndef TESTS_UPSTREAM_EXCHANGE_H
#define TESTS_UPSTREAM_EXCHANGE_H

#include <stdio.h>

#include "tests/upstream/answer.h"

#define REQUEST_MAX_BYTES (64U << 20)

enum ending {
	END_NONE,
	END_RESET, /* RST */
	END_CLOSE, /* FIN */
	END_STALL, /* nothing more, ever */
};

struct exchange {
	struct text in, body;
	size_t in_used;
	bool is_busy, is_bad, has_continued, closes, is_billed;
	struct call call;
	struct answer answer;
	struct bill_line *line;
	char trace[64];
	size_t sent, released, fault_at, next_cut;
	uint64_t wait_ms; /* before more is released; 0: nothing to wait for */
	enum ending ending;
	uint64_t count;
};

/* True when a request was complete and its answer is ready; is_bad when it never will be. */
bool exchange_next(struct exchange *exchange, struct bill *bill);
/* Asked while the body of a request is awaited: the client wants to hear 100 first. */
bool exchange_wants_continue(struct exchange *exchange);
/* The offset up to which bytes may be sent now. */
size_t exchange_limit(const struct exchange *exchange);
/* The wait is over: releases the next portion. */
void exchange_release(struct exchange *exchange);
/* Everything that is ever going to be sent was: bills it and makes ready for the next request. */
void exchange_end(struct exchange *exchange, bool is_complete, FILE *calls);
void exchange_fini(struct exchange *exchange);

#endif
