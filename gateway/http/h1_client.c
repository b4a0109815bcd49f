/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client's side of a session.
 *
 *   OPENING --on_open--> IDLE --open_stream--> AWAITING --on_head--> RECEIVING
 *                         ^                                              |
 *                         |                                            on_end
 *                         |                                              v
 *                         +--------- on_rest <---- client_release ---- ENDED
 *                                       |
 *   any: anomaly, EOF, deadline --> CLOSING
 *
 * A session is used again only when request and response are both complete, the
 * response allowed it, and not one byte came behind it.
 */
#include "gateway/http/h1_exchange.h"

#include "gateway/net/dial.h"

/* The exchange, if any, is broken; what comes from this upstream is not believed any more. */
static void fail_exchange(struct h1_session *session, enum err err)
{
	h1_exchange_reset(session, err);
	if (session->phase != SESSION_CLOSING)
		h1_exchange_abort(session, err);
}

static enum err still_open(const struct h1_session *session)
{
	return session->phase == SESSION_CLOSING ? ERR_IO : OK;
}

/* No deadline while the owner takes no bytes. */
static void expect_bytes(struct h1_session *session)
{
	h1_exchange_set_deadline(session,
				 session->pauses == 0 ? session->options.body_timeout_ms : 0);
}

static enum err on_head(void *arg, const struct head *head)
{
	struct h1_session *session = h1_exchange_cast(arg);

	ASSERT(session->phase == SESSION_AWAITING);
	session->phase = SESSION_RECEIVING;
	session->must_close = session->must_close || !head->keep_alive;
	expect_bytes(session);
	session->stream.events->on_head(session->stream.arg, head);
	return still_open(session);
}

static enum err on_body(void *arg, struct str view)
{
	struct h1_session *session = h1_exchange_cast(arg);

	expect_bytes(session);
	session->stream.events->on_body(session->stream.arg, view);
	return still_open(session);
}

static enum err on_end(void *arg)
{
	struct h1_session *session = h1_exchange_cast(arg);

	session->phase = SESSION_ENDED;
	session->must_close = session->must_close || session->sender.state != SENDER_DONE;
	h1_exchange_set_deadline(session, 0);
	session->stream.events->on_end(session->stream.arg);
	return still_open(session);
}

static const struct h1_events parser_events = {
	.on_head = on_head,
	.on_body = on_body,
	.on_end = on_end,
};

static bool is_receiving(const struct h1_session *session)
{
	return session->phase == SESSION_AWAITING || session->phase == SESSION_RECEIVING;
}

static void on_open(void *arg)
{
	struct h1_session *session = h1_exchange_cast(arg);

	if (session->phase != SESSION_OPENING)
		return;
	session->phase = SESSION_IDLE;
	h1_exchange_set_deadline(session, session->options.idle_timeout_ms);
	session->events->on_idle(session->arg, session);
}

static void on_read(void *arg, struct str view)
{
	struct h1_session *session = h1_exchange_cast(arg);
	size_t used = 0;
	enum err err;

	if (session->phase == SESSION_CLOSING)
		return;
	/* Bytes that answer nothing: on an idle session, or before a request was sent. */
	if (session->phase == SESSION_IDLE ||
	    (session->phase == SESSION_AWAITING && session->sender.state == SENDER_HEAD)) {
		fail_exchange(session, ERR_UPSTREAM);
		return;
	}
	if (session->phase == SESSION_ENDED) {
		session->must_close = true;
		return;
	}
	err = h1_feed(&session->h1, view, &used);
	if (err != OK && session->phase != SESSION_CLOSING)
		fail_exchange(session, err);
	else if (err == OK && used < view.len)
		session->must_close = true;
}

static void on_eof(void *arg)
{
	struct h1_session *session = h1_exchange_cast(arg);
	/* Without one byte of an answer the request may not have been read: a plain lost
	 * connection, not a broken response. */
	bool is_silent = session->phase == SESSION_AWAITING && h1_is_idle(&session->h1);
	enum err err = OK;

	session->must_close = true;
	if (is_receiving(session)) {
		err = is_silent ? ERR_IO : h1_finish(&session->h1);
		if (err != OK && session->phase != SESSION_CLOSING)
			fail_exchange(session, err);
	} else if (session->phase == SESSION_IDLE || session->phase == SESSION_OPENING) {
		h1_exchange_close(session);
	}
}

static void on_deadline(struct h1_session *session)
{
	if (is_receiving(session))
		fail_exchange(session, ERR_TIMEOUT);
	else if (session->phase == SESSION_IDLE)
		h1_exchange_close(session);
}

static const struct conn_events client_conn_events = {
	.on_open = on_open,
	.on_read = on_read,
	.on_eof = on_eof,
	.on_drained = h1_exchange_on_drained,
	.on_close = h1_exchange_on_close,
};

/* ---- the owner's calls ---- */

static enum err client_send(struct stream *stream, const struct head_out *head,
			    const struct iovec *views, size_t count, bool end)
{
	struct h1_session *session = h1_exchange_of(stream);
	struct h1_send send = {head, views, count, end, false, 0};
	enum err err;

	ASSERT(h1_exchange_is_attached(session));
	if (session->conn == NULL || session->phase == SESSION_CLOSING)
		return ERR_IO;
	if (head != NULL) {
		ASSERT(head->status == 0);
		h1_expect(&session->h1, head->method);
		send.close = session->must_close;
	}
	err = h1_sender_send(&session->sender, session->conn, &send);
	if (err == OK && end && session->phase == SESSION_AWAITING)
		h1_exchange_set_deadline(session, session->options.head_timeout_ms);
	return err;
}

/* In a later turn than the exchange that ended: the next one may begin inside on_idle. */
static void on_rest(void *arg)
{
	struct h1_session *session = h1_exchange_cast(arg);

	if (session->phase != SESSION_ENDED)
		return;
	if (session->must_close) {
		h1_exchange_close(session);
		return;
	}
	session->phase = SESSION_IDLE;
	h1_exchange_set_deadline(session, session->options.idle_timeout_ms);
	session->events->on_idle(session->arg, session);
}

static void client_release(struct stream *stream)
{
	struct h1_session *session = h1_exchange_of(stream);

	h1_exchange_detach(session);
	if (session->phase == SESSION_GONE)
		h1_exchange_finish(session);
	else if (session->phase == SESSION_ENDED)
		loop_post(session->env->loop, &session->post, on_rest, session);
	else if (session->phase != SESSION_CLOSING)
		h1_exchange_abort(session, ERR_IO);
}

static const struct stream_ops client_stream_ops = {
	.send = client_send,
	.pause = h1_exchange_pause,
	.resume = h1_exchange_resume,
	.pending = h1_exchange_pending,
	.abort = h1_exchange_stream_abort,
	.release = client_release,
};

struct stream *h1_session_open_stream(struct h1_session *session,
				      const struct stream_events *events, void *arg)
{
	ASSERT(session->role == H1_RESPONSES);
	ASSERT(session->phase == SESSION_IDLE);
	h1_exchange_begin(session, SESSION_AWAITING);
	h1_exchange_set_deadline(session, 0);
	stream_attach(&session->stream, events, arg);
	return &session->stream;
}

struct h1_session *h1_session_new_client(const struct conn_env *env,
					 const struct dial_address *address, struct tls *tls,
					 const struct session_options *options,
					 int64_t connect_timeout_ms,
					 const struct session_events *events, void *arg)
{
	struct h1_session *session = h1_exchange_new(env, H1_RESPONSES, options, events, arg);
	struct conn_options conn_options;

	h1_init(&session->h1, H1_RESPONSES, &session->options.limits, &parser_events, session);
	h1_exchange_conn_options(session, &conn_options);
	conn_options.handshake_ms = connect_timeout_ms;
	session->on_deadline = on_deadline;
	session->conn = dial_conn(env, address, tls, &conn_options, &client_conn_events, session);
	session->stream.ops = &client_stream_ops;
	session->stream.conn = session->conn;
	return session;
}
