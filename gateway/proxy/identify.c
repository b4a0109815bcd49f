/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first step: who calls, and is this a call at all. Works on the head
 * alone, so that nothing of a body is kept for somebody who may not send one.
 */
#include "base/crypt.h"
#include "gateway/proxy/request.h"
#include "gateway/proxy/worker.h"

static enum step refuse(struct request *req, enum err err, struct str code, struct str message)
{
	request_fail(req, &(struct answer){.err = err, .code = code, .message = message});
	return STEP_NEXT;
}

/* One body for every cause: a caller learns nothing about why. */
static enum step refuse_identity(struct request *req, const struct identity_outcome *outcome)
{
	stat_add(&req->worker->stats.unauthentic, 1);
	log_info(&req->log, "unauthentic", "reason=%s", identity_reason_name(outcome->reason));
	return refuse(req, ERR_UNAUTHENTIC, STR("invalid_api_key"),
		      STR("the credential is missing or not valid"));
}

/* The key under the names that clients of several providers send it by; false when two of them
 * differ: which one counts is not for us to guess. */
static bool key_value(const struct head *head, struct str *out)
{
	static const enum header names[] = {HEADER_X_API_KEY, HEADER_API_KEY,
					    HEADER_X_GOOG_API_KEY};

	*out = (struct str){NULL, 0};
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct str value = head_value(head, names[i]);

		if (!str_is_set(value))
			continue;
		if (str_is_set(*out) &&
		    (value.len != out->len || !crypt_equal(value.ptr, out->ptr, value.len)))
			return false;
		*out = value;
	}
	return true;
}

static bool authenticate_head(struct request *req)
{
	struct worker *worker = req->worker;
	struct identity_outcome outcome = {.reason = IDENTITY_TWO_CREDENTIALS};
	struct str key;
	enum err err;

	if (!key_value(req->head, &key)) {
		refuse_identity(req, &outcome);
		return false;
	}
	err = authenticate(req->snap->auth, worker->identities,
			   head_value(req->head, HEADER_AUTHORIZATION), key, req->started_ns,
			   &req->principal, &outcome);
	if (outcome.wants_refresh)
		worker->options.on_unknown_key(worker->options.arg, outcome.issuer);
	if (err == OK)
		return true;
	refuse_identity(req, &outcome);
	return false;
}

static bool is_utf8(struct str charset)
{
	if (charset.len >= 2 && charset.ptr[0] == '"' && charset.ptr[charset.len - 1] == '"')
		charset = str_sub(charset, 1, charset.len - 2);
	return str_eq_nocase(charset, STR("utf-8"));
}

/* Another reader may believe a charset, and then read another text than we did. */
static bool has_own_charset(struct str type)
{
	struct str parameter, name;
	bool has_more = str_cut(&type, ';', &parameter);

	while (has_more) {
		has_more = str_cut(&type, ';', &parameter);
		(void)str_cut(&parameter, '=', &name);
		if (str_eq_nocase(str_sub(str_trim(name), 0, 7), STR("charset")) &&
		    !(str_trim(name).len == 7 && is_utf8(str_trim(parameter))))
			return true;
	}
	return false;
}

/* The reader that fits the body: peek for bodies that name a model, rows for tensors and tables. */
static bool choose_reader(struct request *req)
{
	struct str type = head_value(req->head, HEADER_CONTENT_TYPE);
	const struct worker_options *options = &req->worker->options;

	if (has_own_charset(type))
		return false;
	type = str_trim(str_sub(type, 0, str_index(type, ';')));
	if (req->dialect == DIALECT_MLFLOW_INVOCATIONS && str_eq_nocase(type, STR("text/csv"))) {
		rows_init(&req->rows, options->rows_paths, ROWS_CSV);
		return true;
	}
	if (type.len > 0 && !str_eq_nocase(type, STR("application/json")))
		return false;
	if (req->dialect == DIALECT_KSERVE_INFER)
		rows_init(&req->rows, options->rows_paths, ROWS_KSERVE);
	else if (req->dialect == DIALECT_MLFLOW_INVOCATIONS)
		rows_init(&req->rows, options->rows_paths, ROWS_MLFLOW);
	return true;
}

/* What the body says of itself before its first byte. */
static enum step check_body(struct request *req)
{
	const struct head *head = req->head;
	struct str encoding = head_value(head, HEADER_CONTENT_ENCODING);

	peek_init(&req->peek, req->worker->options.peek_paths);
	if (req->match.operation->method == METHOD_GET)
		return head->framing == FRAMING_NONE
			       ? STEP_NEXT
			       : refuse(req, ERR_MALFORMED, STR("unexpected_body"),
					STR("this operation takes no body"));
	if (str_is_set(encoding) && !str_eq_nocase(encoding, STR("identity")))
		return refuse(req, ERR_UNSUPPORTED, STR("unsupported_content_encoding"),
			      STR("a request body must not be compressed"));
	if (!choose_reader(req) ||
	    str_is_set(head_value_by_name(head, STR("inference-header-content-length"))))
		return refuse(req, ERR_UNSUPPORTED, STR("unsupported_media_type"),
			      STR("the body must be application/json in UTF-8"));
	if (head->framing == FRAMING_LENGTH && head->content_length > req->snap->body_bytes)
		return refuse(req, ERR_LIMIT, STR("request_too_large"),
			      STR("the body is too large"));
	return STEP_NEXT;
}

enum step identify_head(struct request *req)
{
	enum err err;

	if (!authenticate_head(req))
		return STEP_NEXT;
	err = operation_match(req->head->method, req->head->path, &req->match);
	if (err == ERR_METHOD)
		return refuse(req, err, STR("method_not_allowed"),
			      STR("this path does not take that method"));
	if (err != OK)
		return refuse(req, err, STR("unknown_route"), STR("there is no such route"));
	if (!dialect_from_name(req->match.operation->dialect, &req->dialect))
		return refuse(req, ERR_INTERNAL, STR("internal"), STR("unknown dialect"));
	queue_init(&req->body, req->worker->queue_pool, req->snap->body_bytes);
	return check_body(req);
}
