/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server's side of a session.
 *
 *   OPENING --on_open--> IDLE --take--> HEAD --on_head--> BODY --on_end--> RESPONDING
 *                         ^                                 |                   |
 *                         |                     owner lets go early     server_release
 *                         |                                 v                   v
 *                         +------------------ next ---- (CLOSING) <-------------+
 *
 *   any: refuse, EOF, deadline --> CLOSING
 *
 * Bytes that come while RESPONDING belong to the next request: they are kept in
 * `behind` and reading is paused until it is their turn.
 */
#include <stdio.h>

#include "base/clock.h"
#include "gateway/http/h1_exchange.h"

/* A client that is answered early may still be sending: conn_close drops what comes for that long,
 * so that a reset does not take the answer from it. */
#define LINGER_MS 2000
/* A body that comes slower than this is given up when twice its time-out has been used up: bytes
 * that trickle in must not hold a connection for ever. */
#define BODY_BYTES_PER_S 1024

static void take(struct h1_session *session, struct str view);

/* ---- leaving ---- */

static enum err write_refusal(struct h1_session *session, enum refusal refusal)
{
	struct str code = refusal_code(refusal);
	struct str text = refusal_text(refusal);
	struct field field = {STR("Content-Type"), STR("application/json"), HEADER_CONTENT_TYPE};
	char body[400];
	int len = snprintf(body, sizeof(body),
			   "{\"error\":{\"message\":\"" STR_FMT
			   "\",\"type\":\"invalid_request_error\",\"code\":\"" STR_FMT "\"}}",
			   STR_ARG(text), STR_ARG(code));
	struct iovec view = {body, (size_t)len};
	struct head_out head = {
		.method = session->method,
		.status = refusal_status(refusal),
		.fields = &field,
		.field_count = 1,
		.framing = FRAMING_LENGTH,
		.content_length = (uint64_t)len,
	};
	struct h1_send send = {&head, &view, 1, true, true, loop_wall_ns(session->env->loop)};

	ASSERT(len > 0);
	ASSERT((size_t)len < sizeof(body));
	return h1_sender_send(&session->sender, session->conn, &send);
}

/* The client broke a rule: its owner, or the session's, is told; an answer that has not begun is
 * given by us; nothing more is read from it. */
static void refuse(struct h1_session *session, enum refusal refusal)
{
	bool is_new = session->phase == SESSION_IDLE || session->phase == SESSION_HEAD;
	enum err err = refusal_err(refusal);

	session->h1.refusal = refusal;
	if (is_new) {
		h1_sender_init(&session->sender);
		session->method = METHOD_GET;
		session->events->on_refuse(session->arg, session, err);
	}
	h1_exchange_reset(session, err);
	if (session->phase == SESSION_CLOSING)
		return;
	if (session->sender.state == SENDER_HEAD && write_refusal(session, refusal) == OK)
		h1_exchange_close(session);
	else
		h1_exchange_abort(session, err);
}

/* ---- what the parser reports ---- */

static void send_continue(struct h1_session *session)
{
	static const struct str line = STR("HTTP/1.1 100 Continue\r\n\r\n");
	struct iovec view = {(void *)(uintptr_t)line.ptr, line.len};

	session->wants_continue = false;
	/* A dead conn reports itself; a full queue cannot be: nothing was sent in this exchange. */
	if (conn_write(session->conn, &view, 1) != OK)
		session->must_close = true;
}

static bool owes_continue(const struct h1_session *session)
{
	return session->wants_continue && session->phase == SESSION_BODY && session->pauses == 0 &&
	       session->sender.state == SENDER_HEAD;
}

/* OK while the parser may go on. */
static enum err still_open(const struct h1_session *session)
{
	return session->phase == SESSION_CLOSING ? ERR_IO : OK;
}

static void grant_body(struct h1_session *session)
{
	int64_t patience_ns = 2 * session->options.body_timeout_ms * CLOCK_NS_PER_MS;

	session->body_until_ns = loop_now_ns(session->env->loop) + patience_ns;
}

/* The next byte within the time-out, and all of them not too slowly. */
static void expect_body(struct h1_session *session, size_t came)
{
	int64_t timeout_ms = session->options.body_timeout_ms;
	int64_t now_ns = loop_now_ns(session->env->loop);
	int64_t worth_ns = (int64_t)came * (CLOCK_NS_PER_S / BODY_BYTES_PER_S);
	int64_t left_ms;

	if (timeout_ms == 0)
		return;
	session->body_until_ns =
		MIN(session->body_until_ns + worth_ns, now_ns + 2 * timeout_ms * CLOCK_NS_PER_MS);
	left_ms = (session->body_until_ns - now_ns) / CLOCK_NS_PER_MS;
	h1_exchange_set_deadline(session, MAX(MIN(left_ms, timeout_ms), 1));
}

static enum err on_head(void *arg, const struct head *head)
{
	struct h1_session *session = h1_exchange_cast(arg);
	uint64_t left = session->input_end - session->h1.taken;

	h1_exchange_begin(session, SESSION_BODY);
	session->method = head->method;
	session->is_old = head->minor == 0;
	session->must_close = session->must_close || !head->keep_alive;
	session->is_body_here = head->framing == FRAMING_NONE ||
				(head->framing == FRAMING_LENGTH && head->content_length <= left);
	session->wants_continue = head->expects_continue && left == 0;
	h1_exchange_set_deadline(session, 0);
	grant_body(session);
	if (!session->is_body_here)
		expect_body(session, 0);
	session->events->on_stream(session->arg, session, &session->stream, head);
	if (owes_continue(session))
		send_continue(session);
	return still_open(session);
}

static enum err on_body(void *arg, struct str view)
{
	struct h1_session *session = h1_exchange_cast(arg);

	session->wants_continue = false;
	if (!session->is_body_here && session->pauses == 0)
		expect_body(session, view.len);
	if (h1_exchange_is_attached(session))
		session->stream.events->on_body(session->stream.arg, view);
	return still_open(session);
}

/* ---- the turn from one request to the next ---- */

static void on_behind(void *arg)
{
	struct h1_session *session = h1_exchange_cast(arg);
	struct buf behind = session->behind;

	if (session->phase != SESSION_IDLE)
		return;
	buf_init(&session->behind, behind.max);
	take(session, buf_str(&behind));
	buf_fini(&behind);
	if (session->behind.len == 0 && session->phase != SESSION_CLOSING)
		conn_resume(session->conn, CONN_QUEUE_FULL);
}

static void next(struct h1_session *session)
{
	if (session->must_close || (session->is_eof && session->behind.len == 0)) {
		h1_exchange_close(session);
		return;
	}
	session->phase = SESSION_IDLE;
	h1_exchange_set_deadline(session, session->options.idle_timeout_ms);
	if (session->behind.len > 0)
		loop_post(session->env->loop, &session->post, on_behind, session);
}

static enum err on_end(void *arg)
{
	struct h1_session *session = h1_exchange_cast(arg);

	session->phase = SESSION_RESPONDING;
	session->wants_continue = false;
	h1_exchange_set_deadline(session, 0);
	if (h1_exchange_is_attached(session))
		session->stream.events->on_end(session->stream.arg);
	else
		next(session);
	return still_open(session);
}

static const struct h1_events parser_events = {
	.on_head = on_head,
	.on_body = on_body,
	.on_end = on_end,
};

/* ---- bytes ---- */

static void hold(struct h1_session *session, struct str view)
{
	conn_pause(session->conn, CONN_QUEUE_FULL);
	if (buf_append(&session->behind, view) != OK)
		h1_exchange_abort(session, ERR_LIMIT);
}

static bool may_take(const struct h1_session *session)
{
	return session->phase == SESSION_IDLE || session->phase == SESSION_HEAD ||
	       session->phase == SESSION_BODY;
}

/* After the last byte at hand: part of a head may wait, or the other side may be done. */
static void settle_rest(struct h1_session *session)
{
	if (session->phase == SESSION_IDLE && !h1_is_idle(&session->h1)) {
		session->phase = SESSION_HEAD;
		h1_exchange_set_deadline(session, session->options.head_timeout_ms);
	}
	if (!session->is_eof)
		return;
	if (session->phase == SESSION_HEAD) {
		refuse(session, REFUSAL_CUT);
	} else if (session->phase == SESSION_BODY) {
		h1_exchange_reset(session, ERR_IO);
		h1_exchange_abort(session, ERR_IO);
	} else if (session->phase == SESSION_IDLE && session->behind.len == 0) {
		h1_exchange_close(session);
	}
}

static void take(struct h1_session *session, struct str view)
{
	size_t used;

	while (view.len > 0 && may_take(session)) {
		enum err err;

		session->input_end = session->h1.taken + view.len;
		err = h1_feed(&session->h1, view, &used);
		if (err != OK) {
			if (session->phase != SESSION_CLOSING)
				refuse(session, h1_refusal(&session->h1));
			return;
		}
		view = str_make(view.ptr + used, view.len - used);
	}
	if (view.len > 0 && session->phase == SESSION_RESPONDING)
		hold(session, view);
	else
		settle_rest(session);
}

static void on_open(void *arg)
{
	struct h1_session *session = h1_exchange_cast(arg);

	if (session->phase != SESSION_OPENING)
		return;
	session->phase = SESSION_IDLE;
	h1_exchange_set_deadline(session, session->options.idle_timeout_ms);
}

static void on_read(void *arg, struct str view)
{
	struct h1_session *session = h1_exchange_cast(arg);

	if (session->phase == SESSION_RESPONDING || session->behind.len > 0)
		hold(session, view);
	else
		take(session, view);
}

static void on_eof(void *arg)
{
	struct h1_session *session = h1_exchange_cast(arg);

	session->is_eof = true;
	if (session->phase == SESSION_OPENING)
		h1_exchange_close(session);
	else if (session->phase != SESSION_CLOSING)
		settle_rest(session);
}

static void on_deadline(struct h1_session *session)
{
	if (session->phase == SESSION_HEAD || session->phase == SESSION_BODY)
		refuse(session, REFUSAL_TIMEOUT);
	else
		h1_exchange_close(session);
}

static const struct conn_events server_conn_events = {
	.on_open = on_open,
	.on_read = on_read,
	.on_eof = on_eof,
	.on_drained = h1_exchange_on_drained,
	.on_close = h1_exchange_on_close,
};

/* ---- the owner's calls ---- */

/* The head decides whether the connection outlives the exchange. */
static bool closes_after(const struct h1_session *session)
{
	return session->must_close || (session->is_eof && session->behind.len == 0) ||
	       (session->phase == SESSION_BODY && !session->is_body_here);
}

static enum err server_send(struct stream *stream, const struct head_out *head,
			    const struct iovec *views, size_t count, bool end)
{
	struct h1_session *session = h1_exchange_of(stream);
	struct head_out own;
	struct h1_send send = {NULL, views, count, end, false, 0};
	enum err err;

	ASSERT(h1_exchange_is_attached(session));
	if (session->conn == NULL || session->phase == SESSION_CLOSING)
		return ERR_IO;
	if (head != NULL) {
		ASSERT(head->status >= 200);
		own = *head;
		own.method = session->method;
		/* RFC 9112 §6.1: an HTTP/1.0 client cannot read chunks. */
		if (session->is_old && own.framing == FRAMING_CHUNKED)
			own.framing = FRAMING_CLOSE;
		send.head = &own;
		send.close = closes_after(session) || own.framing == FRAMING_CLOSE;
		send.wall_ns = loop_wall_ns(session->env->loop);
	}
	err = h1_sender_send(&session->sender, session->conn, &send);
	if (err == OK && send.close)
		session->must_close = true;
	return err;
}

static void server_resume(struct stream *stream, enum conn_why why)
{
	struct h1_session *session = h1_exchange_of(stream);

	h1_exchange_resume(stream, why);
	grant_body(session);
	if (session->conn != NULL && owes_continue(session))
		send_continue(session);
}

static void server_release(struct stream *stream)
{
	struct h1_session *session = h1_exchange_of(stream);

	h1_exchange_detach(session);
	if (session->phase == SESSION_CLOSING)
		return;
	ASSERT(session->sender.state == SENDER_DONE);
	if (session->phase == SESSION_RESPONDING)
		next(session);
	else if (!session->is_body_here)
		h1_exchange_close(session);
	/* Otherwise the parser is about to report the request's end, which goes on from there. */
}

static const struct stream_ops server_stream_ops = {
	.send = server_send,
	.pause = h1_exchange_pause,
	.resume = server_resume,
	.pending = h1_exchange_pending,
	.abort = h1_exchange_stream_abort,
	.release = server_release,
};

struct h1_session *h1_session_new_server(const struct conn_env *env, int fd, struct tls *tls,
					 const struct session_options *options,
					 const struct session_events *events, void *arg)
{
	struct h1_session *session = h1_exchange_new(env, H1_REQUESTS, options, events, arg);
	struct conn_options conn_options;

	h1_init(&session->h1, H1_REQUESTS, &session->options.limits, &parser_events, session);
	h1_exchange_conn_options(session, &conn_options);
	conn_options.linger_ms = LINGER_MS;
	session->on_deadline = on_deadline;
	session->conn = conn_new(env, fd, tls, &conn_options, &server_conn_events, session);
	session->stream.ops = &server_stream_ops;
	session->stream.conn = session->conn;
	return session;
}
