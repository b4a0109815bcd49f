/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/upstream/exchange.h"

#include <string.h>
#include <strings.h>

struct head {
	struct span method, path, credential, trace;
	uint64_t content_length;
	bool is_chunked, expects_continue, closes;
	size_t len;
};

static struct span trim(struct span span)
{
	while (span.len && (*span.ptr == ' ' || *span.ptr == '\t'))
		span = (struct span){span.ptr + 1, span.len - 1};
	while (span.len && (span.ptr[span.len - 1] == ' ' || span.ptr[span.len - 1] == '\t'))
		span.len--;
	return span;
}

static bool name_is(struct span name, const char *want)
{
	return name.len == strlen(want) && !strncasecmp(name.ptr, want, name.len);
}

static void head_field(struct head *head, struct span name, struct span value)
{
	if (name_is(name, "content-length"))
		head->content_length = span_u64(value);
	else if (name_is(name, "transfer-encoding"))
		head->is_chunked = span_ends(value, "chunked");
	else if (name_is(name, "expect"))
		head->expects_continue = true;
	else if (name_is(name, "connection"))
		head->closes = value.len == 5 && !strncasecmp(value.ptr, "close", 5);
	else if (name_is(name, "traceparent"))
		head->trace = value;
	else if (name_is(name, "authorization") || name_is(name, "x-api-key") ||
		 name_is(name, "api-key"))
		head->credential = span_starts(value, "Bearer ")
					   ? (struct span){value.ptr + 7, value.len - 7}
					   : value;
}

/* The head as far as it matters here; false when it has not all come. */
static bool head_read(struct head *head, struct span in)
{
	const char *end = in.len ? memmem(in.ptr, in.len, "\r\n\r\n", 4) : NULL;
	const char *at = in.ptr, *space, *line_end;

	*head = (struct head){0};
	if (!end)
		return false;
	head->len = (size_t)(end - in.ptr) + 4;
	line_end = memmem(at, head->len, "\r\n", 2);
	space = memchr(at, ' ', (size_t)(line_end - at));
	if (space) {
		const char *after = memchr(space + 1, ' ', (size_t)(line_end - space) - 1);

		head->method = (struct span){at, (size_t)(space - at)};
		head->path =
			(struct span){space + 1, (size_t)((after ? after : line_end) - space) - 1};
	}
	for (at = line_end + 2; at < end + 2; at = line_end + 2) {
		const char *colon;

		line_end = memmem(at, (size_t)(end + 4 - at), "\r\n", 2);
		colon = memchr(at, ':', (size_t)(line_end - at));
		if (colon)
			head_field(head, (struct span){at, (size_t)(colon - at)},
				   trim((struct span){colon + 1, (size_t)(line_end - colon) - 1}));
	}
	return true;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decodes into exchange->body; 0 while more is to come, else the length on the wire. */
static size_t chunks_read(struct exchange *exchange, struct span in)
{
	size_t at = 0;

	exchange->body.len = 0;
	for (;;) {
		size_t size = 0, start = at;
		const char *line_end;

		while (at < in.len && hex_digit(in.ptr[at]) >= 0)
			size = size * 16 + (size_t)hex_digit(in.ptr[at++]);
		line_end = memmem(in.ptr + at, in.len - at, "\r\n", 2);
		if (!line_end)
			return 0;
		if (at == start || size > REQUEST_MAX_BYTES) {
			exchange->is_bad = true;
			return 0;
		}
		at = (size_t)(line_end - in.ptr) + 2;
		if (in.len < at + size + 2)
			return 0;
		text_add(&exchange->body, in.ptr + at, size);
		at += size + 2;
		if (!size)
			return at;
	}
}

static bool is_billed_dialect(enum dialect dialect)
{
	return dialect <= MESSAGES || (dialect >= INFER && dialect < V2_READ);
}

static void script_bytes(struct exchange *exchange)
{
	const struct script *script = &exchange->call.script;
	size_t head_len = exchange->answer.head_len;

	exchange->fault_at = SIZE_MAX;
	if (script->reset_at != NO_LIMIT) {
		exchange->fault_at = head_len + script->reset_at;
		exchange->ending = END_RESET;
	} else if (script->truncate_at != NO_LIMIT) {
		exchange->fault_at = head_len + script->truncate_at;
		exchange->ending = END_CLOSE;
	} else if (script->stall_at != NO_LIMIT || script->hangs) {
		exchange->fault_at = script->hangs ? 0 : head_len + script->stall_at;
		exchange->ending = END_STALL;
	}
	if (script->resets_head || script->closes_head || exchange->count <= script->flaky) {
		exchange->fault_at = 0;
		exchange->ending = script->closes_head ? END_CLOSE : END_RESET;
	}
	exchange->wait_ms = script->slow_ms;
	exchange->released = 0;
	if (!exchange->wait_ms)
		exchange_release(exchange);
}

void exchange_release(struct exchange *exchange)
{
	const struct script *script = &exchange->call.script;
	const struct answer *answer = &exchange->answer;

	exchange->wait_ms = 0;
	if (script->pause_ms && exchange->next_cut < answer->cut_count) {
		exchange->released = answer->cuts[exchange->next_cut++];
		exchange->wait_ms = script->pause_ms;
	} else if (script->drip_bytes &&
		   exchange->released + script->drip_bytes < answer->out.len) {
		exchange->released += script->drip_bytes;
		exchange->wait_ms = 1;
	} else {
		exchange->released = answer->out.len;
	}
}

size_t exchange_limit(const struct exchange *exchange)
{
	return exchange->released < exchange->fault_at ? exchange->released : exchange->fault_at;
}

/* Answers what needs no counting; false for calls to a model. */
static bool answer_plain(struct exchange *exchange, struct bill *bill)
{
	struct call *call = &exchange->call;
	struct answer *answer = &exchange->answer;

	if (call->dialect == BILL) {
		bill_print(bill, &answer->body);
		answer_document(answer, 200, false, false);
	} else if (call->dialect == UNKNOWN || (!call->is_post && call->dialect < V2_READ)) {
		answer_status(answer, call, 404, "no such path");
	} else if (call->is_broken || (call->is_post && !call->model.len)) {
		answer_status(answer, call, 400, "the body is not what this path takes");
	} else if (call->script.status) {
		answer_status(answer, call, call->script.status, "scripted failure");
	} else {
		return false;
	}
	return true;
}

static void exchange_start(struct exchange *exchange, const struct head *head, struct span body,
			   struct bill *bill)
{
	struct call *call = &exchange->call;
	bool is_good;

	*call = (struct call){.credential = head->credential, .trace = head->trace};
	exchange->is_busy = true;
	exchange->closes = head->closes;
	exchange->sent = exchange->next_cut = 0;
	exchange->ending = END_NONE;
	answer_reset(&exchange->answer);
	is_good = call_read(call, head->method, head->path, body);
	exchange->closes |= call->script.closes;
	snprintf(exchange->trace, sizeof(exchange->trace), "%.*s", (int)head->trace.len,
		 head->trace.ptr ? head->trace.ptr : "");
	exchange->line = NULL;
	exchange->count = UINT64_MAX;
	if (is_good && is_billed_dialect(call->dialect) && call->model.len) {
		exchange->line = bill_line(bill, call->model, head->credential);
		exchange->count = call->id = bill_start(exchange->line);
	}
	exchange->is_billed = false;
	if (!answer_plain(exchange, bill)) {
		call_count(call);
		answer_build(&exchange->answer, call);
		exchange->is_billed = exchange->line && !call->script.is_garbage;
	}
	script_bytes(exchange);
}

bool exchange_next(struct exchange *exchange, struct bill *bill)
{
	struct span in = {exchange->in.ptr + exchange->in_used,
			  exchange->in.len - exchange->in_used};
	struct span body;
	struct head head;
	size_t used;

	if (exchange->is_busy || !in.len || !head_read(&head, in))
		return false;
	body = (struct span){in.ptr + head.len, in.len - head.len};
	if (head.is_chunked) {
		used = chunks_read(exchange, body);
		if (!used)
			return false;
		body = (struct span){exchange->body.ptr, exchange->body.len};
	} else {
		used = head.content_length;
		if (body.len < used)
			return false;
		body.len = used;
	}
	exchange_start(exchange, &head, body, bill);
	exchange->has_continued = false;
	exchange->in_used += head.len + used;
	return true;
}

bool exchange_wants_continue(struct exchange *exchange)
{
	struct span in = {exchange->in.ptr + exchange->in_used,
			  exchange->in.len - exchange->in_used};
	struct head head;

	if (exchange->is_busy || exchange->has_continued || !in.len || !head_read(&head, in) ||
	    !head.expects_continue)
		return false;
	exchange->has_continued = true;
	return true;
}

static void log_call(const struct exchange *exchange, const char *outcome, FILE *calls)
{
	struct text line = {0};

	text_puts(&line, "{\"trace\":");
	text_quoted(&line, (struct span){exchange->trace, strlen(exchange->trace)});
	text_puts(&line, ",\"outcome\":\"");
	text_puts(&line, outcome);
	text_puts(&line, "\",\"sent\":");
	text_u64(&line, exchange->sent);
	text_puts(&line, ",\"meters\":");
	meters_print(exchange->call.meters, &line);
	text_puts(&line, "}\n");
	fwrite(line.ptr, 1, line.len, calls);
	fflush(calls);
	text_free(&line);
}

void exchange_end(struct exchange *exchange, bool is_complete, FILE *calls)
{
	if (!exchange->is_busy)
		return;
	exchange->is_busy = false;
	if (exchange->is_billed && is_complete)
		bill_complete(exchange->line, exchange->call.meters);
	else if (exchange->is_billed)
		bill_cut(exchange->line, exchange->call.meters);
	if (calls && exchange->line)
		log_call(exchange,
			 !exchange->is_billed ? "failed"
			 : is_complete	      ? "complete"
					      : "cut",
			 calls);
	/* What is left of pipelined requests moves to the front. */
	memmove(exchange->in.ptr, exchange->in.ptr + exchange->in_used,
		exchange->in.len - exchange->in_used);
	exchange->in.len -= exchange->in_used;
	exchange->in_used = 0;
}

void exchange_fini(struct exchange *exchange)
{
	text_free(&exchange->in);
	text_free(&exchange->body);
	answer_free(&exchange->answer);
}
