/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP/1.1 codec: turns bytes into message events and writes heads. Pure: no
 * I/O, no clock; the same input split anywhere gives the same events and the
 * same error at the same offset.
 *
 * Owns:    a head that came in pieces waits in `held` (heap, bounded by
 *          limits.head_bytes, given back at the end of each head).
 *          Views passed to events die when h1_feed() returns.
 * Threads: one parser per connection side; no shared state.
 * Limits:  struct h1_limits.
 */
#ifndef GATEWAY_HTTP_H1_H
#define GATEWAY_HTTP_H1_H

#include "base/buf.h"
#include "gateway/http/message.h"
#include "gateway/http/refusal.h"

enum h1_role {
	H1_REQUESTS,  /* we are the server: input is requests */
	H1_RESPONSES, /* we are the client: input is responses */
};

struct h1_limits {
	size_t head_bytes;	     /* start line + fields; ERR_HEAD_LIMIT */
	size_t target_bytes;	     /* ERR_HEAD_LIMIT */
	size_t field_count;	     /* at most MESSAGE_FIELDS */
	uint64_t body_bytes;	     /* ERR_LIMIT as soon as it is known to be passed */
	size_t chunk_overhead_bytes; /* sizes and line ends of all chunks of one body */
	unsigned informational;	     /* 1xx before the final response */
};

struct h1_events {
	/* A whole head. For responses 1xx (save 101: ERR_UPSTREAM) never come here. */
	enum err (*on_head)(void *arg, const struct head *head);
	/* Body bytes without framing. */
	enum err (*on_body)(void *arg, struct str view);
	/* The message is complete; h1_feed returns with what follows unread. */
	enum err (*on_end)(void *arg);
};

enum h1_state {
	H1_HEAD,
	H1_BODY_LENGTH,
	H1_BODY_CLOSE,
	H1_CHUNK_SIZE,
	H1_CHUNK_SIZE_LF,
	H1_CHUNK_DATA,
	H1_CHUNK_DATA_CR,
	H1_CHUNK_DATA_LF,
	H1_TRAILER,
	H1_FAILED,
	H1_STATE_COUNT
};

struct h1 {
	enum h1_role role;
	enum h1_state state;
	enum method expected;
	enum refusal refusal; /* why it failed */
	enum err failed;
	unsigned informational;
	unsigned digits;     /* of the chunk size being read */
	unsigned line_count; /* complete lines in held */
	size_t line_at;	     /* where the incomplete last line of held starts */
	size_t overhead;     /* of the chunks so far */
	uint64_t remaining;  /* of the body or the chunk */
	uint64_t body;	     /* body bytes announced so far */
	uint64_t taken; /* bytes since h1_init; after a failure: up to the byte that showed it */
	struct buf held;
	const struct h1_limits *limits; /* borrowed */
	const struct h1_events *events;
	void *arg;
};

/* For what clients send (32 MiB of body), and for what upstreams answer (1 GiB, many chunks). */
extern const struct h1_limits h1_default_limits;
extern const struct h1_limits h1_default_upstream_limits;

void h1_init(struct h1 *h1, enum h1_role role, const struct h1_limits *limits,
	     const struct h1_events *events, void *arg);
void h1_fini(struct h1 *h1);
/* Responses: which method the next response answers (HEAD has no body). Call before its first byte.
 */
void h1_expect(struct h1 *h1, enum method method);
/* Feeds bytes up to the end of the current message. *out_used < in.len only behind a message's end.
 * Any error is final. Requests: 400-class errors as enum err; responses: ERR_UPSTREAM, ERR_LIMIT.
 */
MUST_CHECK enum err h1_feed(struct h1 *h1, struct str in, size_t *out_used);
/* The other side closed. OK between messages and at the end of a FRAMING_CLOSE body (on_end comes);
 * ERR_MALFORMED / ERR_UPSTREAM in the middle of a message. */
MUST_CHECK enum err h1_finish(struct h1 *h1);
/* After an error: which rule was broken; REFUSAL_NONE when an event function failed. */
enum refusal h1_refusal(const struct h1 *h1);
/* Between messages, nothing of the next one seen. */
bool h1_is_idle(const struct h1 *h1);

/* Start line, fields without those of the connection (HOP), framing, `Connection: close` (when
 * close) and the empty line. Responses get Date from date (29 bytes, or unset) unless a Date field
 * is there. Appends nothing on failure: ERR_INTERNAL (see struct head_out), ERR_LIMIT (out full).
 */
MUST_CHECK enum err h1_write_head(struct buf *out, const struct head_out *head, bool close,
				  struct str date);
/* "1a2b\r\n" for a chunk of len bytes into out[20]; returns its length. */
size_t h1_write_chunk_size(uint64_t len, char out[static 20]);

#endif
