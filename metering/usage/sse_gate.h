/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The last look at a streamed response before it goes to the client: reads the
 * usage (it drives the extractor: do not feed that one as well), says which
 * bytes may go on, and marks the end that has to wait for the settle record.
 *
 * Two things only are not passed on at once, byte for byte:
 *   - when the gateway asked for usage and the client did not, exactly the
 *     chunk with empty choices and a usage object is dropped. To know it, an
 *     event that is not yet whole is held; one that outgrows the hold is no
 *     such chunk and goes on.
 *   - from the last line end of the terminal event ([DONE], message_stop,
 *     response.completed|incomplete|failed) on, bytes are forwarded but not
 *     free: they may leave once the settle record is durable. A stream may
 *     also end without such an event; then the caller holds its own last chunk.
 *
 *   while (in.len > 0) {
 *           used = sse_gate_feed(&gate, in, &out);
 *           forward out.views[0 .. out.count), the first out.free_len bytes now
 *           in = str_sub(in, used, in.len);
 *   }
 *   sse_gate_finish(&gate, &out);   at the end of the body, forward likewise
 *
 * Owns:    nothing: hold and extractor are the caller's (the request's arena)
 *          and outlive it. Views point into `in` or the hold and die at the
 *          next call.
 * Threads: one user at a time.
 * Limits:  hold of SSE_GATE_HOLD bytes, needed only when usage is hidden.
 * Split law: any split forwards the same bytes and frees the same of them.
 */
#ifndef METERING_USAGE_SSE_GATE_H
#define METERING_USAGE_SSE_GATE_H

#include "metering/usage/extract.h"

#define SSE_GATE_HOLD  16384
#define SSE_GATE_VIEWS 4

struct sse_gate {
	struct extract *tap;
	char *hold; /* NULL: nothing is hidden, nothing held */
	size_t hold_len;
	bool is_passing;      /* the event outgrew the hold */
	bool is_terminal;     /* everything from here on waits */
	bool was_dropped;     /* the event before; a LF that still belongs to it follows it */
	uint64_t forwarded;   /* bytes so far, hold not counted */
	uint64_t terminal_at; /* in the same count, hold included; valid when is_terminal */
	uint64_t dropped;     /* usage-only chunks */
};

struct sse_gate_out {
	struct str views[SSE_GATE_VIEWS];
	size_t count;
	size_t len;	 /* of all views */
	size_t free_len; /* of these, how many may leave before the settle record is durable */
};

/* hold: SSE_GATE_HOLD bytes when the usage chunk is to be hidden, else NULL. */
void sse_gate_init(struct sse_gate *gate, struct extract *tap, char *hold);
/* How many bytes of `in` were taken; less than all only when the views are used up. */
MUST_CHECK size_t sse_gate_feed(struct sse_gate *gate, struct str in, struct sse_gate_out *out);
/* The stream is over: what is still held goes on, unless it is the usage chunk. */
void sse_gate_finish(struct sse_gate *gate, struct sse_gate_out *out);

#endif
