/* SPDX-License-Identifier: Apache-2.0 */
/*
 *   upstream ──► gate ──► client          free bytes at once
 *                 │  └──► held            the rest, until SETTLE is durable
 *                 └─────► usage reader
 *
 * The gate reads first and says how much may leave; reading costs about half a
 * microsecond an event and holds nothing back but what must wait.
 */
#include "gateway/proxy/relay.h"

#include "base/clock.h"
#include "gateway/proxy/crossing.h"
#include "gateway/proxy/worker.h"
#include "metering/usage/estimate.h"

#define RELAY_PAUSE_BYTES   (256U << 10)
#define RELAY_FIELDS_MORE   4
#define RELAY_HELD_VIEWS    32
#define RELAY_TAIL_BYTES    16384
#define RELAY_OUTRUN_TOKENS 32

/* Head ------------------------------------------------------------------------------ */

static bool relay_copy_fields(struct request *req, const struct head *head)
{
	struct str secret = crossing_secret(upstream_credential(req->model->upstream));
	size_t cap = head->field_count + RELAY_FIELDS_MORE;
	struct field *fields = arena_array(&req->arena, cap, sizeof(*fields));
	size_t count = 0;

	if (fields == NULL)
		return false;
	for (size_t i = 0; i < head->field_count; i++) {
		const struct field *field = &head->fields[i];

		if (!crossing_to_client(head, field) || crossing_tells(field->value, secret))
			continue;
		fields[count].name = arena_str(&req->arena, field->name);
		fields[count].value = arena_str(&req->arena, field->value);
		fields[count].id = field->id;
		if (!str_is_set(fields[count].value))
			return false;
		count++;
	}
	fields[count++] = (struct field){STR("x-tollgate-request-id"),
					 str_make(req->id, REQUEST_ID_LEN), HEADER_OTHER};
	req->relay.fields = fields;
	req->relay.head.fields = fields;
	req->relay.head.field_count = count;
	return true;
}

/* A text that is not there leaves the field out. */
static void add_field(struct request *req, struct str name, struct str value)
{
	struct head_out *head = &req->relay.head;

	if (str_is_set(value))
		req->relay.fields[head->field_count++] = (struct field){name, value, HEADER_OTHER};
}

/* Of a stream what is left while it runs; of other answers, whose head may wait for the settle,
 * what is left after it, and what it cost. */
static void add_budget(struct request *req)
{
	char text[COST_TEXT];

	if (!req->snap->budget_headers)
		return;
	if (req->is_settled && req->cost_currency.len > 0) {
		(void)cost_print((struct cost_sum){req->cost_pico}, text);
		add_field(req, STR("x-tollgate-cost"),
			  arena_printf(&req->arena, "%s " STR_FMT, text,
				       STR_ARG(req->cost_currency)));
	}
	add_field(req, STR("x-tollgate-budget-remaining"), hold_remaining_text(req));
}

/* Short enough to be held until it is known what it cost. */
static bool waits_for_cost(const struct request *req)
{
	const struct relay *relay = &req->relay;

	return req->snap->budget_headers && relay->head.framing == FRAMING_LENGTH &&
	       relay->head.content_length <= RELAY_HELD_BYTES / 2;
}

/* Whether our own wish for usage has put a chunk into the stream that the caller did not ask for.
 */
static bool hides_usage(const struct request *req)
{
	return req->relay.is_events && req->peek.is_stream && !req->peek.wants_usage &&
	       (req->match.operation->flags & OP_USAGE_ON_REQUEST) != 0;
}

static void relay_start_extract(struct request *req, const struct head *head)
{
	enum extract_format format =
		extract_format_of(req->dialect, head_value(head, HEADER_CONTENT_TYPE));

	extract_init(&req->extract, req->worker->options.dialects, req->dialect, format);
	extract_set_provider(&req->extract, upstream_options(req->model->upstream)->provider);
	for (size_t i = 0; i < head->field_count; i++)
		extract_header(&req->extract, head->fields[i].name, head->fields[i].value);
	req->relay.is_events = format == EXTRACT_SSE;
	req->relay.is_gated = extract_is_stream(&req->extract);
}

static void relay_start(struct request *req, const struct head *head)
{
	struct relay *relay = &req->relay;
	char *hold = NULL;

	relay_start_extract(req, head);
	if (hides_usage(req))
		hold = arena_alloc(&req->arena, SSE_GATE_HOLD);
	if (relay->is_gated)
		sse_gate_init(&relay->gate, &req->extract, hold);
	relay->is_searched = head->status >= 400 && !relay->is_gated;
	relay->head.status = head->status;
	relay->head.framing = head->framing;
	relay->head.content_length = head->content_length;
	/* The length of an event stream changes when a chunk is hidden; one without a length ends
	 * visibly only when it is chunked. */
	if (head->framing == FRAMING_CLOSE || (relay->is_gated && head->framing != FRAMING_NONE))
		relay->head.framing = FRAMING_CHUNKED;
}

static void fail_relay(struct request *req, struct str message)
{
	req->outcome = OUTCOME_UPSTREAM_ERROR;
	request_fail(req, &(struct answer){.err = ERR_UPSTREAM,
					   .code = STR("upstream_error"),
					   .message = message});
}

static void note_sent(struct relay *relay, const struct iovec *views, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const char *bytes = views[i].iov_base;
		size_t len = views[i].iov_len;

		if (len > 0) {
			relay->sent_end[0] = len > 1 ? bytes[len - 2] : relay->sent_end[1];
			relay->sent_end[1] = bytes[len - 1];
		}
	}
}

static void relay_send(struct request *req, struct iovec *views, size_t count, bool is_last)
{
	struct relay *relay = &req->relay;
	enum err err;

	if (req->down == NULL)
		return;
	note_sent(relay, views, count);
	err = stream_send(req->down, relay->is_head_sent ? NULL : &relay->head, views, count,
			  is_last);
	relay->is_head_sent = true;
	if (err != OK) {
		/* Cannot happen while we pause in time; the client is beyond help then. */
		stream_abort(req->down);
		req->down = NULL;
		req->outcome = OUTCOME_ABORTED;
		return;
	}
	if (!is_last && req->up != NULL && stream_pending(req->down) > RELAY_PAUSE_BYTES)
		stream_pause(req->up, CONN_READER_SLOW);
}

/* No body byte came with the head: an event stream may be quiet for long. */
static void on_flush(void *arg)
{
	struct request *req = arg;

	if (req->state == REQ_RELAY && !req->relay.is_head_sent)
		relay_send(req, NULL, 0, false);
	request_run(req);
}

void relay_take_head(struct request *req, const struct head *head)
{
	req->upstream_status = head->status;
	req->relay.has_head = true;
	stat_observe_ns(&req->worker->stats.first_byte,
			loop_now_ns(req->worker->loop) - req->started_mono_ns);
	relay_start(req, head);
	if (!relay_copy_fields(req, head)) {
		fail_relay(req, STR("the model server's head is too large"));
	} else if (req->relay.is_gated) {
		add_budget(req);
		loop_post(req->worker->loop, &req->flush, on_flush, req);
	}
}

/* Body ------------------------------------------------------------------------------- */

static void relay_hold(struct request *req, struct str bytes)
{
	if (req->down != NULL && queue_append(&req->relay.held, bytes) != OK)
		fail_relay(req, req->relay.is_searched
					? STR("the model server's error is too long")
					: STR("the model server sent too much behind the end"));
}

/* Sends the first free_len bytes of the views and holds the rest. */
static void relay_views(struct request *req, const struct str *views, size_t count, size_t free_len)
{
	struct iovec out[SSE_GATE_VIEWS];
	size_t out_count = 0, left = free_len;

	if (req->down == NULL)
		return;
	for (size_t i = 0; i < count; i++) {
		size_t len = MIN(left, views[i].len);

		left -= len;
		if (len > 0)
			out[out_count++] = (struct iovec){(void *)(uintptr_t)views[i].ptr, len};
	}
	if (out_count > 0)
		relay_send(req, out, out_count, false);
	left = free_len;
	for (size_t i = 0; i < count; i++) {
		size_t skip = MIN(left, views[i].len);

		left -= skip;
		if (skip < views[i].len)
			relay_hold(req, str_sub(views[i], skip, views[i].len));
	}
}

static void relay_events(struct request *req, struct str view)
{
	struct sse_gate_out out;

	while (view.len > 0) {
		size_t used = sse_gate_feed(&req->relay.gate, view, &out);

		/* What came together with the end leaves together with it: one write. */
		if (req->relay.gate.is_terminal && out.len <= RELAY_TAIL_BYTES)
			out.free_len = 0;
		relay_views(req, out.views, out.count, out.free_len);
		view = str_sub(view, used, view.len);
	}
}

/* The piece that completes a body of known length waits; everything before it does not. */
static void relay_plain(struct request *req, struct str view)
{
	const struct relay *relay = &req->relay;
	bool is_last = relay->head.framing == FRAMING_LENGTH &&
		       relay->received >= relay->head.content_length;

	relay_views(req, &view, 1,
		    is_last || relay->is_searched || waits_for_cost(req) || relay->held.len > 0
			    ? 0
			    : view.len);
	extract_feed(&req->extract, view);
}

static void relay_drain(struct request *req, struct str view)
{
	struct relay *relay = &req->relay;
	const struct model_options *model = &req->model->options;

	extract_feed(&req->extract, view);
	relay->drained += view.len;
	if (relay->drained > model->drain_bytes)
		request_drop_upstream(req);
}

/* The upstream does not keep to the bound that it was given. Some servers cut a token in two: there
 * is room for that. */
static bool is_outrun(const struct request *req)
{
	int64_t most = req->bound_output + req->bound_output / 8 + RELAY_OUTRUN_TOKENS;

	return req->bound_output > 0 && hold_is_bounded(req) &&
	       estimate_output_least(&req->extract) > most;
}

static void stop_outrun(struct request *req)
{
	req->relay.is_outrun = true;
	req->outcome = OUTCOME_UPSTREAM_ERROR;
	request_fail(req, &(struct answer){
				  .err = ERR_QUOTA,
				  .code = STR("budget_exceeded"),
				  .message = STR("the answer is longer than what was set aside for "
						 "it in a budget; it was stopped"),
			  });
	/* With a client the answer ends the relay; without one nothing else does. */
	if (req->down == NULL)
		request_drop_upstream(req);
}

void relay_take_body(struct request *req, struct str view)
{
	stat_add(&req->worker->stats.bytes_out, view.len);
	req->relay.received += view.len;
	if (req->down == NULL)
		relay_drain(req, view);
	else if (req->relay.is_gated)
		relay_events(req, view);
	else
		relay_plain(req, view);
	if (extract_is_stream(&req->extract) && !req->has_answer && is_outrun(req))
		stop_outrun(req);
}

/* Servers like to repeat a credential that they do not take. The whole body is held, so nothing of
 * it has left. */
static void search_error(struct request *req)
{
	struct str secret = crossing_secret(upstream_credential(req->model->upstream));
	struct iovec views[RELAY_HELD_VIEWS];
	size_t count = queue_views(&req->relay.held, 0, views, ARRAY_LEN(views));
	struct buf whole;

	buf_init(&whole, RELAY_HELD_BYTES);
	for (size_t i = 0; i < count; i++) {
		enum err err = buf_append(&whole, str_make(views[i].iov_base, views[i].iov_len));

		ASSERT(err == OK);
	}
	if (crossing_tells(buf_str(&whole), secret))
		fail_relay(req, STR("the model server's error cannot be shown"));
	buf_fini(&whole);
}

void relay_take_end(struct request *req)
{
	struct sse_gate_out out;

	req->relay.is_ended = true;
	if (req->up != NULL)
		stream_release(req->up);
	req->up = NULL;
	if (req->relay.is_searched)
		search_error(req);
	if (req->relay.is_gated && req->down != NULL) {
		sse_gate_finish(&req->relay.gate, &out);
		relay_views(req, out.views, out.count, 0);
	}
}

/* Steps ------------------------------------------------------------------------------- */

static void on_drain_timeout(void *arg)
{
	struct request *req = arg;

	request_drop_upstream(req);
	request_run(req);
}

bool relay_may_drain(struct request *req)
{
	const struct model_options *model = &req->model->options;

	if (model->on_abort == ON_ABORT_CANCEL || req->worker->is_expired || req->up == NULL)
		return false;
	if (req->relay.drain_until_ns == 0) {
		int64_t delay_ns = model->drain_time_ms * CLOCK_NS_PER_MS;

		req->relay.drain_until_ns = loop_now_ns(req->worker->loop) + delay_ns;
		loop_timer_start(req->worker->loop, &req->timer, model->drain_time_ms,
				 on_drain_timeout, req);
		stream_resume(req->up, CONN_READER_SLOW);
	}
	return true;
}

enum step relay_run(struct request *req)
{
	bool is_over = req->relay.is_ended || req->has_answer || req->up == NULL;

	if (!is_over && req->down == NULL) {
		req->outcome = OUTCOME_ABORTED;
		is_over = !relay_may_drain(req);
	}
	if (!is_over)
		return STEP_WAIT;
	if (req->relay.is_ended && req->down == NULL)
		req->outcome = OUTCOME_ABORTED;
	request_drop_upstream(req);
	request_enter(req, REQ_SETTLE);
	return STEP_NEXT;
}

/* The record is durable: what was held may leave, and the end with it. */
enum step relay_run_finish(struct request *req)
{
	struct iovec views[RELAY_HELD_VIEWS];
	size_t count = queue_views(&req->relay.held, 0, views, ARRAY_LEN(views));

	if (req->down != NULL && !req->relay.is_head_sent && !req->relay.is_gated)
		add_budget(req);
	if (req->down != NULL)
		relay_send(req, views, count, true);
	if (req->down != NULL) {
		stream_release(req->down);
		req->down = NULL;
		stat_add(&req->worker->stats.answers[MIN(req->relay.head.status / 100, 5)], 1);
	}
	stat_observe_ns(&req->worker->stats.duration,
			loop_now_ns(req->worker->loop) - req->started_mono_ns);
	request_enter(req, REQ_DONE);
	return STEP_NEXT;
}
