/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Route, estimate, authorize; and the record that this was decided, which is
 * durable before the upstream sees a byte.
 */
#include "base/clock.h"
#include "gateway/proxy/authorize.h"
#include "gateway/proxy/event.h"
#include "gateway/proxy/request.h"
#include "gateway/proxy/reserve.h"
#include "gateway/proxy/worker.h"

static enum step refuse(struct request *req, enum err err, struct str code, struct str message)
{
	request_fail(req, &(struct answer){.err = err, .code = code, .message = message});
	request_enter(req, REQ_REPLY);
	return STEP_NEXT;
}

static bool speaks(const struct model *model, enum dialect dialect)
{
	/* Counting tokens is part of messages: it needs no line of its own in the configuration. */
	if (dialect == DIALECT_ANTHROPIC_COUNT_TOKENS)
		dialect = DIALECT_ANTHROPIC_MESSAGES;
	return (model->dialect_set & UINT64_C(1) << dialect) != 0;
}

static enum step decide_route(struct request *req)
{
	struct str name = req->match.operation->where == MODEL_IN_BODY ? peek_model(&req->peek)
								       : req->match.model;
	const struct model *model = model_find(req->snap->rules->models, name);

	if (model == NULL)
		return refuse(req, ERR_NOT_FOUND, STR("model_not_found"),
			      STR("there is no such model"));
	if (!speaks(model, req->dialect))
		return refuse(req, ERR_NOT_FOUND, STR("model_not_found"),
			      STR("this model is not served by this operation"));
	/* What policy judges is the configured version. */
	if (str_is_set(req->match.version) && str_is_set(model->options.version) &&
	    !str_eq(req->match.version, model->options.version))
		return refuse(req, ERR_NOT_FOUND, STR("model_not_found"),
			      STR("there is no such version of this model"));
	req->model = model;
	return STEP_WAIT;
}

/* Denials ------------------------------------------------------------------------- */

static unsigned policy_status(const struct policy *policy)
{
	uint64_t status = 0;

	if (policy == NULL || str_to_u64(policy_annotation(policy, STR("status")), &status) != OK ||
	    status < 400 || status > 499)
		return 403;
	return (unsigned)status;
}

/* The answer waits for it: a denial is evidence like any other decision. One that cannot be
 * recorded is still a denial. */
static void record_denial(struct request *req, unsigned status)
{
	struct buf *text = &req->worker->record;

	buf_reset(text);
	if (event_decision(text, req, loop_wall_ns(req->worker->loop), status) != OK ||
	    journal_append(req->worker->writer, RECORD_DECISION, &req->key, buf_str(text),
			   &req->position) != OK)
		log_warn(&req->log, "decision_unrecorded", "status=%u", status);
	else
		worker_wait_durable(req->worker, req);
}

/* Whatever was not put to the policies. */
static void say_misfit(struct request *req, struct answer *answer)
{
	char quoted[500];

	answer->code = STR("policy_schema_mismatch");
	answer->message = STR("what is known of the caller or the call does not fit the policy "
			      "schema");
	stat_add(&req->worker->stats.nonconforming, 1);
	log_warn(&req->log, "nonconforming", "why=%s",
		 log_quote(req->misfit, quoted, sizeof(quoted)));
}

static void say_denial(struct request *req, const struct policy *policy, struct answer *answer)
{
	struct str reason;

	answer->code = STR("denied_by_policy");
	answer->message = STR("no policy allows this call");
	if (policy == NULL)
		return;
	reason = policy_annotation(policy, STR("reason"));
	answer->policy = policy_id(policy);
	answer->message = arena_printf(&req->arena, "denied by policy \"" STR_FMT "\"%s" STR_FMT,
				       STR_ARG(answer->policy), reason.len > 0 ? ": " : "",
				       (int)reason.len, reason.len > 0 ? reason.ptr : "");
}

static enum step deny(struct request *req)
{
	const struct policy_decision *decision = &req->decision;
	const struct policy *policy = decision->reason_count > 0  ? decision->reasons[0]
				      : decision->error_count > 0 ? decision->errors[0].policy
								  : NULL;
	struct answer answer = {.err = ERR_DENIED, .status = policy_status(policy)};
	char quoted[200];

	if (str_is_set(req->misfit))
		say_misfit(req, &answer);
	else
		say_denial(req, policy, &answer);
	stat_add(&req->worker->stats.denied, 1);
	record_denial(req, answer.status);
	log_info(&req->log, "denied", "policy=%s status=%u",
		 log_quote(answer.policy, quoted, sizeof(quoted)), answer.status);
	request_fail(req, &answer);
	request_enter(req, REQ_REPLY);
	return STEP_NEXT;
}

static enum step decide_authorize(struct request *req)
{
	struct declared declared;
	struct str field = {0};

	if (declared_read(req->head, &declared, &field) != OK)
		return refuse(req, ERR_MALFORMED, STR("invalid_declaration"),
			      arena_printf(&req->arena,
					   "the field " STR_FMT
					   " stands twice or has no valid value",
					   STR_ARG(field)));
	if (authorize_request(req, &declared) != OK) {
		req->decision = (struct policy_decision){0};
		return deny(req);
	}
	return req->decision.is_allowed ? STEP_WAIT : deny(req);
}

/* Intent ------------------------------------------------------------------------------ */

static enum step append_intent(struct request *req)
{
	struct worker *worker = req->worker;
	enum err err;

	buf_reset(&worker->record);
	req->key.attempt = 1;
	err = event_intent(&worker->record, req, loop_wall_ns(worker->loop));
	if (err == OK)
		err = journal_append(worker->writer, RECORD_INTENT, &req->key,
				     buf_str(&worker->record), &req->position);
	if (err != OK) {
		hold_release(req);
		return refuse(req, ERR_UNAVAILABLE, STR("journal_unavailable"),
			      STR("calls cannot be recorded at the moment"));
	}
	req->has_intent = true;
	request_enter(req, REQ_INTENT);
	worker_wait_durable(worker, req);
	return req->is_waiting ? STEP_WAIT : STEP_NEXT;
}

static enum step decide_reserve(struct request *req)
{
	switch (reserve_bound(req)) {
	case OK: return STEP_WAIT;
	case ERR_NOT_FOUND:
		return refuse(req, ERR_DENIED, STR("model_unpriced"),
			      STR("this model has no price, so it cannot be called"));
	default:
		return refuse(req, ERR_MALFORMED, STR("bound_too_large"),
			      STR("what this call may cost at most is beyond every sum; give it a "
				  "smaller output bound"));
	}
}

/* The call may happen: is there money for it? */
static enum step decide_hold(struct request *req)
{
	if (hold_take(req) == OK)
		return STEP_WAIT;
	request_enter(req, REQ_REPLY);
	return STEP_NEXT;
}

/* Each part returns STEP_WAIT when it has nothing to say against the call. */
enum step decide_run(struct request *req)
{
	int64_t begin_ns = clock_mono_ns();
	enum step step;

	if ((req->match.operation->flags & OP_OWN_ANSWER) != 0) {
		request_enter(req, REQ_REPLY);
		return STEP_NEXT;
	}
	step = decide_route(req);
	if (step == STEP_WAIT)
		step = decide_reserve(req);
	if (step == STEP_WAIT)
		step = decide_authorize(req);
	if (step == STEP_WAIT)
		step = decide_hold(req);
	stat_observe_ns(&req->worker->stats.decide, clock_mono_ns() - begin_ns);
	return step == STEP_WAIT ? append_intent(req) : step;
}

enum step decide_run_intent(struct request *req)
{
	struct worker *worker = req->worker;

	if (req->is_waiting)
		return STEP_WAIT;
	stat_observe_ns(&worker->stats.durable, loop_now_ns(worker->loop) - req->started_mono_ns);
	if (req->down == NULL) {
		req->outcome = OUTCOME_ABORTED;
		request_enter(req, REQ_SETTLE);
		return STEP_NEXT;
	}
	request_enter(req, REQ_CONNECT);
	return STEP_NEXT;
}
