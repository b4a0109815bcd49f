/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/proxy/request.h"

#include "base/clock.h"
#include "base/crypt.h"
#include "gateway/proxy/worker.h"

#define TO(state) (1U << (state))

static enum step run_read(struct request *req);
static enum step run_done(struct request *req);

static const struct {
	const char *doing;
	enum step (*run)(struct request *req);
	uint32_t may_enter; /* bit set of legal successors */
} states[REQ_STATE_COUNT] = {
	[REQ_READ] = {"reading", run_read, TO(REQ_DECIDE) | TO(REQ_REPLY) | TO(REQ_DONE)},
	[REQ_DECIDE] = {"deciding", decide_run, TO(REQ_INTENT) | TO(REQ_REPLY) | TO(REQ_DONE)},
	[REQ_INTENT] = {"recording intent", decide_run_intent, TO(REQ_CONNECT) | TO(REQ_SETTLE)},
	[REQ_CONNECT] = {"connecting to upstream", forward_run_connect,
			 TO(REQ_AWAIT) | TO(REQ_SETTLE)},
	[REQ_AWAIT] = {"awaiting upstream", forward_run_await,
		       TO(REQ_CONNECT) | TO(REQ_RELAY) | TO(REQ_SETTLE)},
	[REQ_RELAY] = {"relaying", relay_run, TO(REQ_SETTLE)},
	[REQ_SETTLE] = {"settling", settle_run, TO(REQ_FINISH) | TO(REQ_REPLY) | TO(REQ_DONE)},
	[REQ_FINISH] = {"finishing", relay_run_finish, TO(REQ_DONE)},
	[REQ_REPLY] = {"replying", reply_run, TO(REQ_DONE)},
	[REQ_DONE] = {"done", run_done, 0},
};

static void request_check(const struct request *req)
{
	ASSERT(req->state < REQ_STATE_COUNT);
	ASSERT(req->worker != NULL);
	ASSERT(!req->is_settled || req->has_intent);
	ASSERT(req->model == NULL || req->snap != NULL);
}

void request_enter(struct request *req, enum request_state state)
{
	ASSERT((states[req->state].may_enter & TO(state)) != 0);
	req->state = state;
	req->log.doing = states[state].doing;
	log_debug(&req->log, "state", "state=%u", (unsigned)state);
}

void request_run(struct request *req)
{
	enum step step = STEP_NEXT;

	if (req->is_running)
		return;
	req->is_running = true;
	while (step == STEP_NEXT) {
		request_check(req);
		step = states[req->state].run(req);
	}
	req->is_running = false;
	/* DONE gave the request back: nothing of it may be touched from here on. */
	if (step == STEP_DONE)
		worker_give_request(req->worker, req);
}

/* Ids ------------------------------------------------------------------------------ */

/* 48 bits of time and 80 of chance, as 26 characters that sort by time. */
static void make_id(struct request *req, int64_t wall_ns)
{
	static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
	uint64_t ms = (uint64_t)(wall_ns / CLOCK_NS_PER_MS);
	uint8_t *id = req->key.call;
	unsigned bits = 0, have = 2; /* 130 bits of text for 128 of id: two leading zeros */
	size_t out = 0;

	for (unsigned i = 0; i < 6; i++)
		id[i] = (uint8_t)(ms >> (40 - 8 * i));
	worker_random(req->worker, id + 6, RECORD_CALL_BYTES - 6);
	for (size_t i = 0; i < RECORD_CALL_BYTES; i++) {
		bits = bits << 8 | id[i];
		have += 8;
		while (have >= 5) {
			have -= 5;
			req->id[out++] = digits[bits >> have & 31];
			bits &= (1U << have) - 1;
		}
	}
	ASSERT(out == REQUEST_ID_LEN);
	req->id[out] = '\0';
}

static bool is_lower_hex(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];

		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
			return false;
	}
	return true;
}

/* W3C trace context, version 00: "00-" 32 hex "-" 16 hex "-" 2 hex. */
static bool is_traceparent(struct str s)
{
	return s.len == 55 && str_has_prefix(s, STR("00-")) && s.ptr[35] == '-' &&
	       s.ptr[52] == '-' && is_lower_hex(str_sub(s, 3, 32)) &&
	       is_lower_hex(str_sub(s, 36, 16)) && is_lower_hex(str_sub(s, 53, 2));
}

static void make_traceparent(struct request *req)
{
	struct str given = head_value(req->head, HEADER_TRACEPARENT);
	uint8_t random[24];

	if (is_traceparent(given)) {
		memcpy(req->traceparent, given.ptr, given.len);
		req->traceparent[given.len] = '\0';
		return;
	}
	worker_random(req->worker, random, sizeof(random));
	memcpy(req->traceparent, "00-", 3);
	crypt_hex(random, 16, req->traceparent + 3);
	req->traceparent[35] = '-';
	crypt_hex(random + 16, 8, req->traceparent + 36);
	memcpy(req->traceparent + 52, "-01", 4);
}

/* The client's side -------------------------------------------------------------------- */

static void refuse_body(struct request *req, enum err err, struct str code)
{
	struct str message = str_from_c(req->peek.refusal);

	if (!str_is_set(message))
		message = STR("the body is not valid JSON of this operation");
	request_fail(req, &(struct answer){.err = err, .code = code, .message = message});
}

static bool has_rows(const struct request *req)
{
	return (dialect_rules(req->dialect) & DIALECT_BY_CALL) != 0;
}

static void on_down_body(void *arg, struct str view)
{
	struct request *req = arg;
	enum err err;

	/* Past READ the body is of no interest: the answer stands already. */
	if (req->state != REQ_READ || req->has_answer)
		return;
	stat_add(&req->worker->stats.bytes_in, view.len);
	req->body_len += view.len;
	if (queue_append(&req->body, view) != OK) {
		request_fail(req, &(struct answer){.err = ERR_LIMIT,
						   .code = STR("request_too_large"),
						   .message = STR("the body is too large")});
	} else {
		err = has_rows(req) ? rows_feed(&req->rows, view) : peek_feed(&req->peek, view);
		if (err != OK)
			refuse_body(req, ERR_MALFORMED, STR("invalid_json"));
	}
	request_run(req);
}

static void on_down_end(void *arg)
{
	struct request *req = arg;

	req->is_body_ended = true;
	request_run(req);
}

static void on_down_drained(void *arg)
{
	struct request *req = arg;

	if (req->up != NULL)
		stream_resume(req->up, CONN_READER_SLOW);
}

static void on_down_reset(void *arg, enum err why)
{
	struct request *req = arg;

	log_debug(&req->log, "client_gone", "err=%s", err_label(why));
	req->down = NULL;
	request_client_gone(req);
}

static const struct stream_events down_events = {
	.on_body = on_down_body,
	.on_end = on_down_end,
	.on_drained = on_down_drained,
	.on_reset = on_down_reset,
};

void request_start(struct worker *worker, struct stream *stream, const struct head *head)
{
	struct request *req = worker_take_request(worker);

	req->client_ip = conn_remote_text(stream->conn);
	req->down = stream;
	stream_attach(stream, &down_events, req);
	req->started_ns = loop_wall_ns(worker->loop);
	req->started_mono_ns = loop_now_ns(worker->loop);
	make_id(req, req->started_ns);
	log_set_id_text(&req->log, str_make(req->id, REQUEST_ID_LEN));
	req->log.doing = states[REQ_READ].doing;
	req->family = operation_family(head->path);
	req->head = head_copy(&req->arena, head);
	stat_add(&worker->stats.requests, 1);
	if (req->head == NULL) {
		request_fail(req, &(struct answer){.err = ERR_HEAD_LIMIT,
						   .code = STR("head_too_large"),
						   .message = STR("the head is too large")});
	} else {
		make_traceparent(req);
		identify_head(req);
	}
	request_run(req);
}

/* Steps without a file of their own -------------------------------------------------------- */

static enum step run_read(struct request *req)
{
	enum err err = OK;

	if (req->has_answer) {
		request_enter(req, REQ_REPLY);
		return STEP_NEXT;
	}
	if (!req->is_body_ended)
		return STEP_WAIT;
	if (req->match.operation->method == METHOD_POST)
		err = has_rows(req) ? rows_finish(&req->rows, &req->row_count)
				    : peek_end(&req->peek, req->match.operation);
	if (err != OK) {
		refuse_body(req, ERR_MALFORMED, STR("invalid_request"));
		return STEP_NEXT;
	}
	request_enter(req, REQ_DECIDE);
	return STEP_NEXT;
}

static enum step run_done(struct request *req)
{
	request_drop_upstream(req);
	if (req->down != NULL)
		stream_abort(req->down);
	req->down = NULL;
	return STEP_DONE;
}

/* Ways out -------------------------------------------------------------------------------- */

void request_fail(struct request *req, const struct answer *answer)
{
	if (req->has_answer)
		return;
	req->answer = *answer;
	req->has_answer = true;
}

void request_drop_upstream(struct request *req)
{
	loop_timer_stop(&req->timer);
	loop_unpost(req->worker->loop, &req->flush);
	if (req->ticket.is_waiting)
		pool_cancel(req->pools->pools[req->model->upstream_index], &req->ticket);
	if (req->up != NULL)
		stream_abort(req->up);
	req->up = NULL;
}

void request_client_gone(struct request *req)
{
	switch (req->state) {
	case REQ_READ:
	case REQ_DECIDE:
	case REQ_FINISH: request_enter(req, REQ_DONE); break;
	case REQ_REPLY: /* a denial whose record is not durable yet still stands in that line */
		if (!req->is_waiting)
			request_enter(req, REQ_DONE);
		break;
	case REQ_CONNECT:
	case REQ_AWAIT:
	case REQ_RELAY: req->outcome = OUTCOME_ABORTED; break;
	case REQ_INTENT: /* looked at when the record is durable */
	case REQ_SETTLE:
	case REQ_DONE:
	case REQ_STATE_COUNT: break;
	}
	request_run(req);
}
