/* SPDX-License-Identifier: Apache-2.0 */
/*
 * To the upstream: a connection, the head written anew, the body with its few
 * edits. Tried again only while the upstream cannot have served it: the
 * connection failed before the last byte of the request was handed over.
 */
#include "gateway/proxy/crossing.h"
#include "gateway/proxy/relay.h"
#include "gateway/proxy/request.h"
#include "gateway/proxy/worker.h"

#define FORWARD_VIEWS	    64
#define FORWARD_SLICE_BYTES (256U << 10)
#define FORWARD_FIELDS	    (MESSAGE_FIELDS + 8)

static void fail_upstream(struct request *req, enum err err)
{
	struct answer answer = {.err = err, .code = STR("upstream_error")};

	switch (err) {
	case ERR_TIMEOUT:
		answer.code = STR("upstream_timeout");
		answer.message = STR("the model server did not answer in time");
		break;
	case ERR_UNAVAILABLE:
		answer.code = STR("upstream_busy");
		answer.message = STR("all connections to the model server are busy");
		break;
	default:
		answer.err = ERR_UPSTREAM;
		answer.message = STR("the model server failed");
		break;
	}
	req->outcome = OUTCOME_UPSTREAM_ERROR;
	request_fail(req, &answer);
}

/* A request that was sent whole may have been served and billed: it is never sent twice. */
static bool may_retry(const struct request *req)
{
	const struct upstream_options *options = upstream_options(req->model->upstream);

	return !req->attempt.is_sent_whole && !req->relay.has_head && req->down != NULL &&
	       req->attempt.number <= options->retries;
}

/* The head ------------------------------------------------------------------------ */

static struct str forward_target(struct request *req)
{
	const struct model_options *model = &req->model->options;
	struct str base = upstream_base(req->model->upstream);
	struct str version = str_is_set(req->match.version) ? req->match.version : model->version;
	struct str path =
		operation_target(req->match.operation, model->upstream_model, version, &req->arena);
	struct str query = crossing_query(&req->arena, req->head->query);

	if (!str_is_set(path))
		return path;
	if (!str_is_set(query))
		return query;
	if (query.len > 0)
		return arena_printf(&req->arena, STR_FMT STR_FMT "?" STR_FMT, STR_ARG(base),
				    STR_ARG(path), STR_ARG(query));
	return base.len == 0 ? path : arena_concat(&req->arena, base, path);
}

static size_t forward_fields(const struct request *req, struct field *out)
{
	const struct field *credential = upstream_credential(req->model->upstream);
	size_t count = 0;

	for (size_t i = 0; i < req->head->field_count; i++) {
		const struct field *field = &req->head->fields[i];

		if (crossing_to_upstream(req->head, field) &&
		    (credential == NULL || !crossing_is_name(field->name, credential->name)))
			out[count++] = *field;
	}
	/* Usage must be readable: an answer that is compressed hides it. */
	out[count++] = (struct field){STR("accept-encoding"), STR("identity"), 0};
	out[count++] = (struct field){STR("traceparent"), str_from_c(req->traceparent), 0};
	if (credential != NULL)
		out[count++] = *credential;
	return count;
}

/* The body -------------------------------------------------------------------------- */

struct views {
	struct iovec items[FORWARD_VIEWS];
	size_t count;
	uint64_t bytes;
};

static void views_add(struct views *views, const char *ptr, size_t len)
{
	if (len == 0)
		return;
	ASSERT(views->count < FORWARD_VIEWS);
	views->items[views->count++] = (struct iovec){(void *)(uintptr_t)ptr, len};
	views->bytes += len;
}

/* Adds body bytes [from, to) as they stand in the queue. */
static void views_add_body(struct views *views, const struct queue *body, uint64_t from,
			   uint64_t to)
{
	struct iovec chunks[FORWARD_VIEWS];
	size_t count = queue_views(body, from, chunks, ARRAY_LEN(chunks));
	uint64_t left = to - from;

	for (size_t i = 0; i < count && left > 0 && views->count < FORWARD_VIEWS; i++) {
		size_t len = (size_t)MIN(left, chunks[i].iov_len);

		views_add(views, chunks[i].iov_base, len);
		left -= len;
	}
}

/* Fills views with the next slice of the edited body: walks original bytes and edits in order and
 * skips what was sent. */
static void next_slice(const struct request *req, struct views *views)
{
	const struct attempt *attempt = &req->attempt;
	uint64_t skip = attempt->sent, at = 0, before;

	for (size_t i = 0; i <= attempt->edit_count; i++) {
		const struct peek_edit *edit = i < attempt->edit_count ? &attempt->edits[i] : NULL;
		uint64_t end = edit != NULL ? edit->start : req->body_len;
		uint64_t len = end - at;

		if (views->bytes >= FORWARD_SLICE_BYTES || views->count + 20 > FORWARD_VIEWS)
			return;
		before = views->bytes;
		if (skip < len)
			views_add_body(views, &req->body, at + skip,
				       MIN(end, at + skip + FORWARD_SLICE_BYTES));
		if (skip < len && views->bytes - before < len - skip)
			return;
		skip -= MIN(skip, len);
		if (edit == NULL)
			return;
		if (skip < edit->text.len)
			views_add(views, edit->text.ptr + skip, edit->text.len - (size_t)skip);
		skip -= MIN(skip, edit->text.len);
		at = edit->end;
	}
}

static enum err send_slice(struct request *req, const struct head_out *head)
{
	struct views views = {.count = 0};
	bool is_last;
	enum err err;

	next_slice(req, &views);
	is_last = req->attempt.sent + views.bytes == req->attempt.body_len;
	err = stream_send(req->up, head, views.items, views.count, is_last);
	if (err == OK) {
		req->attempt.sent += views.bytes;
		req->attempt.is_sent_whole = is_last;
	}
	return err;
}

/* Until the kernel is full: what it does not take waits in the conn's queue, one slice of it. */
static enum err send_body(struct request *req, const struct head_out *head)
{
	enum err err = OK;

	do {
		err = send_slice(req, head);
		head = NULL;
	} while (err == OK && !req->attempt.is_sent_whole && stream_pending(req->up) == 0);
	return err;
}

/* Events ------------------------------------------------------------------------------ */

static void retry_or_fail(struct request *req, enum err err)
{
	loop_timer_stop(&req->timer);
	req->up = NULL;
	if (may_retry(req)) {
		stat_add(&req->worker->stats.retries, 1);
		log_warn(&req->log, "upstream_retry", "attempt=%u err=%s", req->attempt.number,
			 err_label(err));
		if (req->state == REQ_AWAIT)
			request_enter(req, REQ_CONNECT);
		return;
	}
	fail_upstream(req, err);
}

/* The connection broke under our hands: no event tells of that. Anything else that keeps a request
 * from being written would do so again. */
static void send_failed(struct request *req, enum err err)
{
	request_drop_upstream(req);
	if (err == ERR_IO)
		retry_or_fail(req, ERR_UPSTREAM);
	else
		fail_upstream(req, ERR_UPSTREAM);
}

static void on_up_head(void *arg, const struct head *head)
{
	struct request *req = arg;

	/* The time that a drain may take goes on. */
	if (req->relay.drain_until_ns == 0)
		loop_timer_stop(&req->timer);
	relay_take_head(req, head);
	request_run(req);
}

static void on_up_body(void *arg, struct str view)
{
	struct request *req = arg;

	relay_take_body(req, view);
	request_run(req);
}

static void on_up_end(void *arg)
{
	struct request *req = arg;

	relay_take_end(req);
	request_run(req);
}

static void on_up_drained(void *arg)
{
	struct request *req = arg;
	enum err err = OK;

	if (req->state == REQ_AWAIT && !req->attempt.is_sent_whole)
		err = send_body(req, NULL);
	if (err != OK)
		send_failed(req, err);
	request_run(req);
}

static void on_up_reset(void *arg, enum err why)
{
	struct request *req = arg;

	req->up = NULL;
	if (req->relay.has_head)
		fail_upstream(req, why == ERR_TIMEOUT ? ERR_TIMEOUT : ERR_UPSTREAM);
	else
		retry_or_fail(req, why == ERR_TIMEOUT ? ERR_TIMEOUT : ERR_UPSTREAM);
	request_run(req);
}

static const struct stream_events up_events = {
	.on_head = on_up_head,
	.on_body = on_up_body,
	.on_end = on_up_end,
	.on_drained = on_up_drained,
	.on_reset = on_up_reset,
};

static void on_first_byte_timeout(void *arg)
{
	struct request *req = arg;

	request_drop_upstream(req);
	fail_upstream(req, ERR_TIMEOUT);
	request_run(req);
}

/* Connecting ------------------------------------------------------------------------------ */

static void send_request(struct request *req, struct h1_session *session)
{
	const struct upstream_options *options = upstream_options(req->model->upstream);
	struct field fields[FORWARD_FIELDS];
	bool has_body = req->match.operation->method == METHOD_POST;
	struct head_out head = {
		.method = req->match.operation->method,
		.target = forward_target(req),
		.host = upstream_host(req->model->upstream),
		.fields = fields,
		.field_count = forward_fields(req, fields),
		.framing = has_body ? FRAMING_LENGTH : FRAMING_NONE,
		.content_length = req->attempt.body_len,
	};

	enum err err;

	stat_add(&req->worker->stats.attempts, 1);
	req->attempt.sent = 0;
	req->attempt.is_sent_whole = false;
	req->up = h1_session_open_stream(session, &up_events, req);
	err = str_is_set(head.target) ? send_body(req, &head) : ERR_LIMIT;
	if (err != OK) {
		send_failed(req, err);
		return;
	}
	loop_timer_start(req->worker->loop, &req->timer, options->first_byte_timeout_ms,
			 on_first_byte_timeout, req);
	request_enter(req, REQ_AWAIT);
}

static void on_session(void *arg, struct h1_session *session)
{
	struct request *req = arg;

	send_request(req, session);
	request_run(req);
}

static void on_fail(void *arg, enum err why)
{
	struct request *req = arg;

	log_warn(&req->log, "upstream_connect", "upstream=" STR_FMT " err=%s",
		 STR_ARG(req->model->options.upstream), err_label(why));
	retry_or_fail(req, why);
	request_run(req);
}

/* Planned once: an attempt may be sent again as it was. */
static enum err plan_body(struct request *req)
{
	int64_t delta = 0;
	enum err err;

	if (req->attempt.number > 0 || req->match.operation->method != METHOD_POST)
		return OK;
	err = peek_plan(&req->peek, req->match.operation, req->model, &req->arena,
			req->attempt.edits, &req->attempt.edit_count, &delta);
	req->attempt.body_len = (uint64_t)((int64_t)req->body_len + delta);
	return err;
}

enum step forward_run_connect(struct request *req)
{
	struct pool *pool = req->pools->pools[req->model->upstream_index];
	struct h1_session *session = NULL;
	enum err err = OK;

	if (req->has_answer || req->outcome == OUTCOME_ABORTED) {
		request_drop_upstream(req);
		request_enter(req, REQ_SETTLE);
		return STEP_NEXT;
	}
	if (req->ticket.is_waiting)
		return STEP_WAIT;
	err = plan_body(req);
	if (err == OK) {
		req->attempt.number++;
		req->ticket.on_session = on_session;
		req->ticket.on_fail = on_fail;
		req->ticket.arg = req;
		err = pool_acquire(pool, &req->ticket, &session);
	}
	if (err != OK) {
		fail_upstream(req, err);
		return STEP_NEXT;
	}
	if (session == NULL)
		return STEP_WAIT;
	send_request(req, session);
	return STEP_NEXT;
}

enum step forward_run_await(struct request *req)
{
	if (req->has_answer || (req->outcome == OUTCOME_ABORTED && req->up == NULL)) {
		request_drop_upstream(req);
		request_enter(req, REQ_SETTLE);
		return STEP_NEXT;
	}
	if (!req->relay.has_head) {
		/* The client left: there is no bill for what was not sent whole; whether to wait
		 * for one otherwise is the model's rule. */
		if (req->outcome == OUTCOME_ABORTED &&
		    (!req->attempt.is_sent_whole || !relay_may_drain(req))) {
			request_drop_upstream(req);
			request_enter(req, REQ_SETTLE);
			return STEP_NEXT;
		}
		return STEP_WAIT;
	}
	request_enter(req, REQ_RELAY);
	return STEP_NEXT;
}
