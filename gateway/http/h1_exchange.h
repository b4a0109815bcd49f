/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What both roles of an h1_session share: the conn, the parser, the one
 * exchange with its owner, the deadline. h1_server.c and h1_client.c drive it.
 *
 * A deadline is a time in a field; the timer behind it is moved only when it
 * would fire too late, and looks again when it fires. So a busy session does
 * not touch the timer wheel.
 *
 * Owns:    struct h1_session owns its conn and is freed at the end of the turn
 *          in which h1_exchange_on_close, or the release after it, came.
 * Threads: its loop's.
 * Limits:  as h1_session.h.
 */
#ifndef GATEWAY_HTTP_H1_EXCHANGE_H
#define GATEWAY_HTTP_H1_EXCHANGE_H

#include "gateway/http/h1_sender.h"
#include "gateway/http/h1_session.h"

#define H1_SESSION_MAGIC 0x48315353U

enum session_phase {
	SESSION_OPENING,    /* accepting or dialling */
	SESSION_IDLE,	    /* between exchanges */
	SESSION_HEAD,	    /* server: part of a head is there */
	SESSION_BODY,	    /* server: the head was given, the body comes */
	SESSION_RESPONDING, /* server: the request is complete */
	SESSION_AWAITING,   /* client: no response head yet */
	SESSION_RECEIVING,  /* client: the head was given */
	SESSION_ENDED,	    /* client: the response is complete */
	SESSION_CLOSING,    /* the conn was told to close */
	SESSION_GONE,	    /* the conn is gone, the owner has not let go */
};

struct h1_session {
	uint32_t magic;
	enum session_phase phase;
	enum h1_role role;
	enum err why; /* for on_close, when it is not the conn's own reason */
	struct conn *conn;
	const struct conn_env *env; /* borrowed */
	struct session_options options;
	const struct session_events *events; /* borrowed */
	void *arg;

	struct h1 h1;
	struct h1_sender sender;
	struct stream stream; /* events == NULL: nobody is attached */
	unsigned pauses;      /* the owner's, a set of enum conn_why */

	bool must_close;     /* after this exchange */
	bool is_eof;	     /* the other side sends no more */
	bool wants_continue; /* server: 100 is owed */
	bool is_body_here;   /* server: the rest of the request lies in the bytes being read */
	bool is_old;	     /* server: the client speaks HTTP/1.0 */
	enum method method;  /* of the current exchange */
	uint64_t input_end;  /* server: h1.taken at the end of the bytes being read */
	struct buf behind;   /* server: bytes behind the current request */

	int64_t body_until_ns; /* server: what is left of the patience with a slow body */
	int64_t deadline_ns;   /* 0: none */
	int64_t timer_ns;      /* when the timer fires */
	struct loop_timer timer;
	struct loop_post post;
	void (*on_deadline)(struct h1_session *session);
};

struct h1_session *h1_exchange_new(const struct conn_env *env, enum h1_role role,
				   const struct session_options *options,
				   const struct session_events *events, void *arg);
void h1_exchange_conn_options(const struct h1_session *session, struct conn_options *out);

static inline struct h1_session *h1_exchange_cast(void *arg)
{
	struct h1_session *session = arg;

	ASSERT(session->magic == H1_SESSION_MAGIC);
	return session;
}

/* From the embedded stream to its session. */
struct h1_session *h1_exchange_of(const struct stream *stream);

static inline bool h1_exchange_is_attached(const struct h1_session *session)
{
	return session->stream.events != NULL;
}

/* Starts an exchange: nothing sent, no pauses, nobody attached. */
void h1_exchange_begin(struct h1_session *session, enum session_phase phase);
/* The owner's part is over; no event reaches it any more. */
void h1_exchange_detach(struct h1_session *session);
/* Detaches and tells the owner, if there is one. */
void h1_exchange_reset(struct h1_session *session, enum err why);
/* From now; 0 takes it back. */
void h1_exchange_set_deadline(struct h1_session *session, int64_t ms);
/* Closes behind what is queued, or at once with a reason for on_close. */
void h1_exchange_close(struct h1_session *session);
void h1_exchange_abort(struct h1_session *session, enum err why);
/* The owner let go of a session whose conn is gone. */
void h1_exchange_finish(struct h1_session *session);

/* conn_events that are the same for both roles. */
void h1_exchange_on_drained(void *arg);
void h1_exchange_on_close(void *arg, enum err why);
/* stream_ops that are the same for both roles. resume is wrapped by the server. */
void h1_exchange_pause(struct stream *stream, enum conn_why why);
void h1_exchange_resume(struct stream *stream, enum conn_why why);
size_t h1_exchange_pending(const struct stream *stream);
void h1_exchange_stream_abort(struct stream *stream);

#endif
