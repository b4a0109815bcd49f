/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The outgoing half of one exchange: head, framing and end of a message, put
 * together with the owner's views into one write on the conn.
 *
 *   [head | chunk size | views .. | CR LF | last chunk]  ->  conn_write
 *
 * Owns:    nothing; heads are built on the stack, large ones on the heap.
 * Threads: its session's loop.
 * Limits:  STREAM_VIEWS views per call; a head of 64 KiB.
 */
#ifndef GATEWAY_HTTP_H1_SENDER_H
#define GATEWAY_HTTP_H1_SENDER_H

#include "gateway/http/h1.h"
#include "gateway/http/stream.h"

enum h1_sender_state {
	SENDER_HEAD, /* nothing sent */
	SENDER_BODY,
	SENDER_DONE,
};

struct h1_sender {
	enum h1_sender_state state;
	enum framing framing;
	uint64_t remaining; /* of a FRAMING_LENGTH body */
	bool is_silent;	    /* response without a body whatever is sent */
};

/* One call of the owner. */
struct h1_send {
	const struct head_out *head; /* NULL when sent before */
	const struct iovec *views;
	size_t count;
	bool end;
	bool close;	 /* write `Connection: close` */
	int64_t wall_ns; /* for Date */
};

static inline void h1_sender_init(struct h1_sender *sender)
{
	*sender = (struct h1_sender){.state = SENDER_HEAD};
}

/* Untouched and nothing written on failure: ERR_LIMIT and ERR_IO as conn_write; ERR_INTERNAL when
 * the head cannot be written or the body does not have the length it announced. */
MUST_CHECK enum err h1_sender_send(struct h1_sender *sender, struct conn *conn,
				   const struct h1_send *send);

#endif
