/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP/1.1 on a conn, either role, one exchange at a time; pipelined bytes wait
 * unread. Keep-alive both sides; a connection is reused only after a clean
 * message.
 *
 *   server: IDLE -> HEAD -> BODY -> RESPONDING -> IDLE | CLOSED
 *   client: IDLE -> SENDING -> AWAITING -> RECEIVING -> IDLE | CLOSED
 *
 * Owns:    its conn and its one stream. Frees itself after on_close.
 * Threads: its loop's.
 * Limits:  h1_limits; struct session_options; bytes behind the current request
 *          at most one read (64 KiB), then reading is paused.
 */
#ifndef GATEWAY_HTTP_H1_SESSION_H
#define GATEWAY_HTTP_H1_SESSION_H

#include "gateway/http/h1.h"
#include "gateway/http/stream.h"

struct h1_session;

struct session_options {
	struct h1_limits limits;
	int64_t head_timeout_ms; /* server: from a head's first byte to its last, and TLS
				  * handshake; client: from the request's end to the response's head
				  */
	int64_t idle_timeout_ms; /* keep-alive between exchanges */
	int64_t body_timeout_ms; /* no body byte for that long, while the owner takes them; server:
				  * nor twice as long at less than 1 KiB/s */
	int64_t write_stall_ms;
	size_t max_queued_bytes;
};

extern const struct session_options session_default_options;

struct session_events {
	/* Server: a request came; attach to the stream here (body events follow). The head dies on
	 * return. Requests that do not parse never come here: the session answers them itself
	 * with on_refuse's status and closes. */
	void (*on_stream)(void *arg, struct h1_session *session, struct stream *stream,
			  const struct head *head);
	/* Server: a request was refused before it became one (for logs and counters). */
	void (*on_refuse)(void *arg, struct h1_session *session, enum err err);
	/* Client: the connection stands (once), or an exchange ended and the session can take
	 * another. */
	void (*on_idle)(void *arg, struct h1_session *session);
	/* Last event; the session is freed at the end of the turn. OK: closed in good order. */
	void (*on_close)(void *arg, struct h1_session *session, enum err why);
};

/* Takes fd and tls. options are copied, env and events borrowed. 0 turns a time-out off. */
struct h1_session *h1_session_new_server(const struct conn_env *env, int fd, struct tls *tls,
					 const struct session_options *options,
					 const struct session_events *events, void *arg);
/* Dials. on_idle when usable, on_close when not. `address` is copied. */
struct dial_address;
struct h1_session *h1_session_new_client(const struct conn_env *env,
					 const struct dial_address *address, struct tls *tls,
					 const struct session_options *options,
					 int64_t connect_timeout_ms,
					 const struct session_events *events, void *arg);

/* Client, idle only: starts an exchange. */
struct stream *h1_session_open_stream(struct h1_session *session,
				      const struct stream_events *events, void *arg);
/* In on_refuse: which rule was broken. */
enum refusal h1_session_refusal(const struct h1_session *session);
/* NULL once it is gone. */
struct conn *h1_session_conn(struct h1_session *session);
bool h1_session_is_idle(const struct h1_session *session);
/* Server: no new request; closes after the current exchange. Client: closes when idle. */
void h1_session_drain(struct h1_session *session);
/* Now. An exchange in flight gets on_reset; on_close follows at the end of the turn. */
void h1_session_abort(struct h1_session *session);

#endif
