/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers of the gateway's own: errors in the words of the caller's dialect,
 * the list of models, the V2 server's health. Each carries the request's id.
 */
#include "base/clock.h"
#include "gateway/http/grammar.h"
#include "gateway/proxy/authorize.h"
#include "gateway/proxy/request.h"
#include "gateway/proxy/worker.h"

#define REPLY_BODY_MAX (16U << 20)
#define REPLY_FIELDS   8
#define REPLY_RETRY_S  60

static unsigned answer_status(const struct answer *answer)
{
	return answer->status != 0 ? answer->status : (unsigned)err_status(answer->err);
}

/* The classes of error that the official clients turn into exceptions of their own. */
static struct str error_type(unsigned status)
{
	switch (status) {
	case 401: return STR("authentication_error");
	case 403: return STR("permission_error");
	case 404: return STR("not_found_error");
	case 413: return STR("request_too_large");
	case 429: return STR("rate_limit_error");
	case 503: return STR("overloaded_error");
	default: return status >= 500 ? STR("api_error") : STR("invalid_request_error");
	}
}

static enum err append_pair(struct buf *out, const char *before, struct str value)
{
	enum err err = buf_append(out, str_from_c(before));

	return err != OK ? err : buf_append_json(out, value);
}

static struct str google_status(unsigned status)
{
	switch (status) {
	case 401: return STR("UNAUTHENTICATED");
	case 403: return STR("PERMISSION_DENIED");
	case 404: return STR("NOT_FOUND");
	case 429: return STR("RESOURCE_EXHAUSTED");
	case 503: return STR("UNAVAILABLE");
	default: return status >= 500 ? STR("INTERNAL") : STR("INVALID_ARGUMENT");
	}
}

static enum err append_google_error(struct buf *out, struct str message, unsigned status)
{
	enum err err = buf_printf(out, "{\"error\":{\"code\":%u", status);

	if (err == OK)
		err = append_pair(out, ",\"message\":", message);
	if (err == OK)
		err = append_pair(out, ",\"status\":", google_status(status));
	return err != OK ? err : buf_append(out, STR("}}"));
}

static struct str mlflow_code(unsigned status)
{
	switch (status) {
	case 401: return STR("UNAUTHENTICATED");
	case 403: return STR("PERMISSION_DENIED");
	case 404: return STR("ENDPOINT_NOT_FOUND");
	case 429: return STR("REQUEST_LIMIT_EXCEEDED");
	case 503: return STR("TEMPORARILY_UNAVAILABLE");
	default: return status >= 500 ? STR("INTERNAL_ERROR") : STR("BAD_REQUEST");
	}
}

static enum err append_error(struct buf *out, const struct request *req, unsigned status)
{
	const struct answer *answer = &req->answer;
	enum err err = OK;

	switch (req->family) {
	case FAMILY_OPENAI:
		err = append_pair(out, "{\"error\":{\"message\":", answer->message);
		if (err == OK)
			err = append_pair(out, ",\"type\":", error_type(status));
		if (err == OK)
			err = append_pair(out, ",\"param\":null,\"code\":", answer->code);
		return err != OK ? err : buf_append(out, STR("}}"));
	case FAMILY_ANTHROPIC:
		err = append_pair(out,
				  "{\"type\":\"error\",\"error\":{\"type\":", error_type(status));
		if (err == OK)
			err = append_pair(out, ",\"message\":", answer->message);
		if (err == OK)
			err = append_pair(out, "},\"request_id\":", str_from_c(req->id));
		return err != OK ? err : buf_append(out, STR("}"));
	case FAMILY_V2:
	case FAMILY_OLLAMA:
		err = append_pair(out, "{\"error\":", answer->message);
		return err != OK ? err : buf_append(out, STR("}"));
	case FAMILY_GOOGLE: return append_google_error(out, answer->message, status);
	case FAMILY_COHERE:
		err = append_pair(out, "{\"message\":", answer->message);
		return err != OK ? err : buf_append(out, STR("}"));
	case FAMILY_MLFLOW:
		err = append_pair(out, "{\"error_code\":", mlflow_code(status));
		if (err == OK)
			err = append_pair(out, ",\"message\":", answer->message);
		return err != OK ? err : buf_append(out, STR("}"));
	}
	return ERR_INTERNAL;
}

/* Models --------------------------------------------------------------------------- */

static enum err append_model(struct buf *out, const struct model *model)
{
	enum err err = append_pair(out, "{\"id\":", model->options.name);

	if (err == OK)
		err = append_pair(out, ",\"object\":\"model\",\"created\":0,\"owned_by\":",
				  upstream_options(model->upstream)->provider);
	return err != OK ? err : buf_append(out, STR("}"));
}

static bool may_see(struct request *req, const struct model *model)
{
	struct arena_mark mark = arena_mark(&req->arena);
	bool may = authorize_may_use(req, model);

	arena_rewind(&req->arena, mark);
	return may;
}

/* Only what the caller may use: what is not listed and what is denied look alike. */
static enum err append_models(struct buf *out, struct request *req)
{
	const struct model_table *table = req->snap->rules->models;
	enum err err = buf_append(out, STR("{\"object\":\"list\",\"data\":["));
	bool is_first = true;

	for (size_t i = 0; err == OK && i < model_count(table); i++) {
		if (!may_see(req, model_at(table, i)))
			continue;
		if (!is_first)
			err = buf_append_byte(out, ',');
		is_first = false;
		if (err == OK)
			err = append_model(out, model_at(table, i));
	}
	return err != OK ? err : buf_append(out, STR("]}"));
}

static void set_model_not_found(struct request *req)
{
	request_fail(req, &(struct answer){.err = ERR_NOT_FOUND,
					   .code = STR("model_not_found"),
					   .message = STR("there is no such model")});
}

static enum err append_own(struct buf *out, struct request *req)
{
	const struct model *model;

	switch (req->match.operation->id) {
	case OP_MODELS: return append_models(out, req);
	case OP_MODEL:
		model = model_find(req->snap->rules->models, req->match.model);
		if (model != NULL && may_see(req, model))
			return append_model(out, model);
		set_model_not_found(req);
		return append_error(out, req, 404);
	case OP_V2_LIVE: return buf_append(out, STR("{\"live\":true}"));
	case OP_V2_HEALTH:
		return buf_append(out, journal_admits(req->worker->journal)
					       ? STR("{\"ready\":true}")
					       : STR("{\"ready\":false}"));
	default:
		return buf_append(out, STR("{\"name\":\"tollgate\",\"version\":\"0.1.0\","
					   "\"extensions\":[]}"));
	}
}

/* Sending ------------------------------------------------------------------------------ */

/* A client that is told to wait for long had better not wait at all. */
static size_t retry_fields(struct request *req, struct field out[static 2])
{
	out[0] = (struct field){
		STR("retry-after"),
		arena_printf(&req->arena, "%u", req->answer.retry_after_s),
		0,
	};
	if (!str_is_set(out[0].value))
		return 0;
	out[1] = (struct field){STR("x-should-retry"), STR("false"), 0};
	return req->answer.retry_after_s > REPLY_RETRY_S ? 2 : 1;
}

static size_t reply_fields(struct request *req, unsigned status,
			   struct field out[static REPLY_FIELDS])
{
	size_t count = 0;

	out[count++] = (struct field){STR("content-type"), STR("application/json"), 0};
	out[count++] = (struct field){STR("x-tollgate-request-id"), str_from_c(req->id), 0};
	/* A policy may be called anything; the message has its name in any case. */
	if (req->has_answer && str_is_set(req->answer.policy) &&
	    grammar_is_value(req->answer.policy))
		out[count++] = (struct field){STR("x-tollgate-policy"), req->answer.policy, 0};
	if (status == 401)
		out[count++] = (struct field){STR("www-authenticate"), STR("Bearer"), 0};
	if (status == 405) /* RFC 9110 §15.5.6 */
		out[count++] = (struct field){STR("allow"), operation_allowed(req->head->path), 0};
	if (status == 503)
		out[count++] = (struct field){STR("retry-after"), STR("1"), 0};
	else if (req->has_answer && req->answer.retry_after_s > 0)
		count += retry_fields(req, &out[count]);
	return count;
}

static void reply_send(struct request *req, unsigned status, struct str body)
{
	struct field fields[REPLY_FIELDS];
	struct head_out head = {
		.status = status,
		.fields = fields,
		.field_count = reply_fields(req, status, fields),
		.framing = FRAMING_LENGTH,
		.content_length = body.len,
	};
	struct iovec view = {.iov_base = (void *)(uintptr_t)body.ptr, .iov_len = body.len};

	if (stream_send(req->down, &head, &view, 1, true) == OK)
		stream_release(req->down);
	else
		stream_abort(req->down);
	req->down = NULL;
	stat_add(&req->worker->stats.own_answers, 1);
	stat_add(&req->worker->stats.answers[MIN(status / 100, 5)], 1);
}

/* What ends the line or the event that the stream was cut in. A blank line too many means nothing;
 * one line end behind a CR may be the rest of a CRLF, two are a blank line in any case. */
static struct str line_end(const struct relay *relay)
{
	char last = relay->sent_end[1];
	bool is_at_start = last == '\0' || last == '\n';

	if (!relay->is_events)
		return is_at_start ? STR("") : STR("\n");
	if (last == '\0' || (last == relay->sent_end[0] && (last == '\n' || last == '\r')))
		return STR("");
	return STR("\n\n");
}

/* Bytes of the upstream's answer have left: a stream gets an error event or line, and every answer
 * ends without its end, so that nobody takes it for whole. */
static void reply_broken(struct request *req, struct str body)
{
	struct str end = line_end(&req->relay);
	/* A line stands for itself. */
	struct str before = req->relay.is_events ? STR("event: error\ndata: ") : STR("");
	struct str behind = req->relay.is_events ? STR("\n\n") : STR("\n");
	struct iovec views[] = {
		{(void *)(uintptr_t)end.ptr, end.len},
		{(void *)(uintptr_t)before.ptr, before.len},
		{(void *)(uintptr_t)body.ptr, body.len},
		{(void *)(uintptr_t)behind.ptr, behind.len},
	};

	if (req->relay.is_gated &&
	    stream_send(req->down, NULL, views, ARRAY_LEN(views), false) != OK)
		log_debug(&req->log, "error_event_lost", "bytes=%zu", body.len);
	stream_abort(req->down);
	req->down = NULL;
	stat_add(&req->worker->stats.answers[0], 1);
}

enum step reply_run(struct request *req)
{
	unsigned status = req->has_answer ? answer_status(&req->answer) : 200;
	struct buf body;
	enum err err;

	if (req->is_waiting)
		return STEP_WAIT;
	if (req->down == NULL) {
		request_enter(req, REQ_DONE);
		return STEP_NEXT;
	}
	buf_init(&body, REPLY_BODY_MAX);
	err = req->has_answer ? append_error(&body, req, status) : append_own(&body, req);
	if (req->has_answer)
		status = answer_status(&req->answer);
	if (err != OK) {
		stream_abort(req->down);
		req->down = NULL;
	} else if (req->relay.is_head_sent) {
		reply_broken(req, buf_str(&body));
	} else {
		reply_send(req, status, buf_str(&body));
	}
	buf_fini(&body);
	request_enter(req, REQ_DONE);
	return STEP_NEXT;
}
