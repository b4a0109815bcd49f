/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/http/h1_exchange.h"

#include <stdlib.h>

#include "base/clock.h"

struct h1_session *h1_exchange_new(const struct conn_env *env, enum h1_role role,
				   const struct session_options *options,
				   const struct session_events *events, void *arg)
{
	struct h1_session *session = base_alloc(sizeof(*session));

	session->magic = H1_SESSION_MAGIC;
	session->role = role;
	session->env = env;
	session->options = *options;
	session->events = events;
	session->arg = arg;
	buf_init(&session->behind, (size_t)2 * CONN_READ_BYTES);
	return session;
}

void h1_exchange_conn_options(const struct h1_session *session, struct conn_options *out)
{
	*out = (struct conn_options){
		.max_queued_bytes = session->options.max_queued_bytes,
		.write_stall_ms = session->options.write_stall_ms,
		.handshake_ms = session->options.head_timeout_ms,
	};
}

static void session_free(void *arg)
{
	struct h1_session *session = h1_exchange_cast(arg);

	ASSERT(session->conn == NULL);
	h1_fini(&session->h1);
	buf_fini(&session->behind);
	session->magic = 0;
	free(session);
}

struct h1_session *h1_exchange_of(const struct stream *stream)
{
	const char *at = (const char *)stream - offsetof(struct h1_session, stream);
	void *session;

	memcpy(&session, &at, sizeof(session));
	return h1_exchange_cast(session);
}

static void clear_pauses(struct h1_session *session)
{
	if (session->pauses != 0 && session->conn != NULL)
		conn_resume(session->conn, CONN_READER_SLOW);
	session->pauses = 0;
}

void h1_exchange_begin(struct h1_session *session, enum session_phase phase)
{
	ASSERT(!h1_exchange_is_attached(session));
	ASSERT(session->pauses == 0);
	h1_sender_init(&session->sender);
	session->phase = phase;
}

void h1_exchange_detach(struct h1_session *session)
{
	session->stream.events = NULL;
	session->stream.arg = NULL;
	session->wants_continue = false;
	clear_pauses(session);
}

void h1_exchange_reset(struct h1_session *session, enum err why)
{
	const struct stream_events *events = session->stream.events;
	void *arg = session->stream.arg;

	if (events == NULL)
		return;
	h1_exchange_detach(session);
	events->on_reset(arg, why);
}

static void on_timer(void *arg);

static void start_timer(struct h1_session *session)
{
	int64_t left = session->deadline_ns - loop_now_ns(session->env->loop);

	session->timer_ns = session->deadline_ns;
	loop_timer_start(session->env->loop, &session->timer,
			 (left + CLOCK_NS_PER_MS - 1) / CLOCK_NS_PER_MS, on_timer, session);
}

static void on_timer(void *arg)
{
	struct h1_session *session = h1_exchange_cast(arg);

	if (session->deadline_ns == 0)
		return;
	if (session->deadline_ns > loop_now_ns(session->env->loop)) {
		start_timer(session);
		return;
	}
	session->deadline_ns = 0;
	session->on_deadline(session);
}

void h1_exchange_set_deadline(struct h1_session *session, int64_t ms)
{
	if (ms == 0) {
		session->deadline_ns = 0;
		return;
	}
	session->deadline_ns = loop_now_ns(session->env->loop) + ms * CLOCK_NS_PER_MS;
	if (!loop_timer_is_armed(&session->timer) || session->timer_ns > session->deadline_ns)
		start_timer(session);
}

void h1_exchange_close(struct h1_session *session)
{
	ASSERT(session->phase != SESSION_GONE);
	if (session->phase == SESSION_CLOSING)
		return;
	session->phase = SESSION_CLOSING;
	h1_exchange_set_deadline(session, 0);
	conn_close(session->conn);
}

void h1_exchange_abort(struct h1_session *session, enum err why)
{
	ASSERT(session->phase != SESSION_GONE);
	if (session->why == OK)
		session->why = why;
	session->phase = SESSION_CLOSING;
	h1_exchange_set_deadline(session, 0);
	conn_abort(session->conn);
}

void h1_exchange_finish(struct h1_session *session)
{
	ASSERT(session->conn == NULL);
	ASSERT(!h1_exchange_is_attached(session));
	session->events->on_close(session->arg, session, session->why);
	loop_reap(session->env->loop, session_free, session);
}

void h1_exchange_on_drained(void *arg)
{
	struct h1_session *session = h1_exchange_cast(arg);

	if (h1_exchange_is_attached(session))
		session->stream.events->on_drained(session->stream.arg);
}

void h1_exchange_on_close(void *arg, enum err why)
{
	struct h1_session *session = h1_exchange_cast(arg);
	/* The owner of a complete response has lost nothing and will let go by itself. */
	bool is_held = session->phase == SESSION_ENDED && h1_exchange_is_attached(session);

	session->conn = NULL;
	session->stream.conn = NULL;
	session->phase = SESSION_GONE;
	if (session->why == OK)
		session->why = why;
	h1_exchange_set_deadline(session, 0);
	loop_timer_stop(&session->timer);
	loop_unpost(session->env->loop, &session->post);
	if (is_held)
		return;
	h1_exchange_reset(session, session->why == OK ? ERR_IO : session->why);
	h1_exchange_finish(session);
}

void h1_exchange_pause(struct stream *stream, enum conn_why why)
{
	struct h1_session *session = h1_exchange_of(stream);

	if (session->conn == NULL)
		return;
	if (session->pauses == 0)
		conn_pause(session->conn, CONN_READER_SLOW);
	session->pauses |= why;
	if (session->phase == SESSION_BODY || session->phase == SESSION_RECEIVING)
		h1_exchange_set_deadline(session, 0);
}

void h1_exchange_resume(struct stream *stream, enum conn_why why)
{
	struct h1_session *session = h1_exchange_of(stream);

	if (session->conn == NULL || session->pauses == 0)
		return;
	session->pauses &= ~(unsigned)why;
	if (session->pauses != 0)
		return;
	conn_resume(session->conn, CONN_READER_SLOW);
	if (session->phase == SESSION_BODY || session->phase == SESSION_RECEIVING)
		h1_exchange_set_deadline(session, session->options.body_timeout_ms);
}

size_t h1_exchange_pending(const struct stream *stream)
{
	const struct h1_session *session = h1_exchange_of(stream);

	return session->conn == NULL ? 0 : conn_queued(session->conn);
}

void h1_exchange_stream_abort(struct stream *stream)
{
	struct h1_session *session = h1_exchange_of(stream);

	h1_exchange_detach(session);
	if (session->phase == SESSION_GONE)
		h1_exchange_finish(session);
	else
		h1_exchange_abort(session, ERR_IO);
}
