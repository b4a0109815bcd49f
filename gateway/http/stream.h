/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One exchange on a session, whichever version is spoken. A server stream is
 * handed out with a request head and takes the response; a client stream takes
 * the request and reports the response.
 *
 * Owns:    a stream belongs to its session. After on_reset, or after both
 *          sides ended and the owner let go (stream_release), the pointer is
 *          dead. Events never come from inside a call made by the owner.
 * Threads: its session's loop.
 * Limits:  the session's; output is bounded by conn_options.max_queued_bytes;
 *          STREAM_VIEWS views per stream_send.
 */
#ifndef GATEWAY_HTTP_STREAM_H
#define GATEWAY_HTTP_STREAM_H

#include <sys/uio.h>

#include "base/log.h"
#include "gateway/http/message.h"
#include "gateway/net/conn.h"

#define STREAM_VIEWS 64

struct stream;

struct stream_events {
	/* Client streams: the final response head. Views die on return. */
	void (*on_head)(void *arg, const struct head *head);
	/* Body bytes; die on return. */
	void (*on_body)(void *arg, struct str view);
	/* The other side's message is complete. */
	void (*on_end)(void *arg);
	/* Output that was waiting has left. */
	void (*on_drained)(void *arg);
	/* The exchange is over before its end: client gone, upstream reset, limit, time-out.
	 * Last event; the pointer is dead. */
	void (*on_reset)(void *arg, enum err why);
};

/* Behind the version: filled by h1_session (and later h2_session). */
struct stream_ops {
	enum err (*send)(struct stream *stream, const struct head_out *head,
			 const struct iovec *views, size_t count, bool end);
	void (*pause)(struct stream *stream, enum conn_why why);
	void (*resume)(struct stream *stream, enum conn_why why);
	size_t (*pending)(const struct stream *stream);
	void (*abort)(struct stream *stream);
	void (*release)(struct stream *stream);
};

struct stream {
	const struct stream_ops *ops;
	const struct stream_events *events;
	void *arg;
	struct conn *conn; /* NULL once it is gone (a client stream may outlive it until release) */
};

static inline void stream_attach(struct stream *stream, const struct stream_events *events,
				 void *arg)
{
	stream->events = events;
	stream->arg = arg;
}

/* Head (NULL when sent before), body views and the end, together in one write. Chunk framing is
 * the session's business. 100-continue is sent by the session when the owner first resumes or
 * takes body bytes. Nothing was taken when it fails. ERR_LIMIT: the queue is too full,
 * and always for more than max_queued_bytes in one call. ERR_IO: the conn
 * is dead, on_reset follows. ERR_INTERNAL: the head cannot be written, or the body is not as long
 * as the head said. Interim responses are not the owner's business: a status is 200 or more. */
MUST_CHECK static inline enum err stream_send(struct stream *stream, const struct head_out *head,
					      const struct iovec *views, size_t count, bool end)
{
	return stream->ops->send(stream, head, views, count, end);
}

/* Stops and restarts the incoming side (body bytes). What was read already still comes: at most
 * CONN_READ_BYTES. */
static inline void stream_pause(struct stream *stream, enum conn_why why)
{
	stream->ops->pause(stream, why);
}

static inline void stream_resume(struct stream *stream, enum conn_why why)
{
	stream->ops->resume(stream, why);
}

/* Output bytes that wait in the queue. */
static inline size_t stream_pending(const struct stream *stream)
{
	return stream->ops->pending(stream);
}

/* Ends the exchange visibly broken (h1: closes the connection). No event follows. Pointer dead. */
static inline void stream_abort(struct stream *stream)
{
	stream->ops->abort(stream);
}

/* The owner is done. Server: response was sent with end; the session goes on to the next request,
 * closing instead when the request body was not read to its end. Client: the response ended; the
 * session becomes reusable or closes. Pointer dead. */
static inline void stream_release(struct stream *stream)
{
	stream->ops->release(stream);
}

#endif
