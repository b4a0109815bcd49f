/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/upstream/answer.h"

#include <stdlib.h>
#include <string.h>

#define DEFAULT_EVENTS_MAX 16

void answer_reset(struct answer *answer)
{
	answer->out.len = answer->body.len = 0;
	answer->cut_count = answer->head_len = 0;
	answer->type = NULL;
	answer->fields[0] = '\0';
}

void answer_free(struct answer *answer)
{
	text_free(&answer->out);
	text_free(&answer->body);
	free(answer->cuts);
}

static const char *reason_of(uint64_t status)
{
	return status == 200 ? "OK" : status < 500 ? "Refused" : "Failed";
}

static void head_start(struct answer *answer, uint64_t status, const char *type, bool closes)
{
	struct text *out = &answer->out;

	text_puts(out, "HTTP/1.1 ");
	text_u64(out, status);
	text_puts(out, " ");
	text_puts(out, reason_of(status));
	text_puts(out, "\r\ncontent-type: ");
	text_puts(out, type);
	text_puts(out, closes ? "\r\nconnection: close\r\n" : "\r\n");
	if (status == 429)
		text_puts(out, "retry-after: 1\r\n");
}

static void chunk_add(struct answer *answer, struct span bytes)
{
	static const char hex[] = "0123456789abcdef";
	struct text *out = &answer->out;
	char size[18];
	size_t at = sizeof(size), left = bytes.len;

	size[--at] = '\n';
	size[--at] = '\r';
	do {
		size[--at] = hex[left & 15];
		left >>= 4;
	} while (left);
	text_add(out, size + at, sizeof(size) - at);
	text_add(out, bytes.ptr, bytes.len);
	text_puts(out, "\r\n");
}

void answer_document(struct answer *answer, uint64_t status, bool is_chunked, bool closes)
{
	struct text *out = &answer->out;
	size_t half = answer->body.len / 2;

	head_start(answer, status, answer->type ? answer->type : "application/json", closes);
	text_puts(out, answer->fields);
	if (is_chunked) {
		text_puts(out, "transfer-encoding: chunked\r\n\r\n");
		answer->head_len = out->len;
		if (half)
			chunk_add(answer, (struct span){answer->body.ptr, half});
		chunk_add(answer, (struct span){answer->body.ptr + half, answer->body.len - half});
		text_puts(out, "0\r\n\r\n");
		return;
	}
	text_puts(out, "content-length: ");
	text_u64(out, answer->body.len);
	text_puts(out, "\r\n\r\n");
	answer->head_len = out->len;
	text_add(out, answer->body.ptr, answer->body.len);
}

void answer_status(struct answer *answer, const struct call *call, uint64_t status, const char *why)
{
	struct text *body = &answer->body;

	body->len = 0;
	if (call->dialect == MESSAGES || call->dialect == COUNT_TOKENS) {
		text_puts(body, "{\"type\":\"error\",\"error\":{\"type\":\"");
		text_puts(body, status < 500 ? "invalid_request_error" : "api_error");
		text_puts(body, "\",\"message\":\"");
		text_puts(body, why);
		text_puts(body, "\"}}");
	} else if (call->dialect == INFER || call->dialect == V2_READ) {
		text_puts(body, "{\"error\":\"");
		text_puts(body, why);
		text_puts(body, "\"}");
	} else {
		text_puts(body, "{\"error\":{\"message\":\"");
		text_puts(body, why);
		text_puts(body, "\",\"type\":\"");
		text_puts(body, status < 500 ? "invalid_request_error" : "server_error");
		text_puts(body, "\",\"param\":null,\"code\":null}}");
	}
	answer_document(answer, status, false, call->script.closes);
}

void answer_id(struct text *text, const char *prefix, const struct call *call)
{
	text_puts(text, "\"id\":\"");
	text_puts(text, prefix);
	text_u64(text, call->id);
	text_puts(text, "\"");
}

uint64_t answer_event_count(const struct call *call)
{
	uint64_t tokens = call->meters[OUT_TEXT];

	if (call->script.events)
		return call->script.events;
	return tokens < 1 ? 1 : tokens < DEFAULT_EVENTS_MAX ? tokens : DEFAULT_EVENTS_MAX;
}

/* Words for counts; with text-N, N bytes spread over the pieces, some of them beyond ASCII. */
void answer_piece(struct text *text, const struct call *call, uint64_t index, uint64_t count)
{
	static const char filler[] = "The quick brown fox jumps over the lazy dog. ";
	uint64_t bytes = call->script.text_bytes;

	if (!bytes) {
		text_puts(text, index % 7 == 6 ? "gr\xc3\xbc\xc3\x9f dich " : "word");
		text_u64(text, index);
		text_puts(text, " ");
		return;
	}
	bytes = bytes * (index + 1) / count - bytes * index / count;
	while (bytes) {
		size_t take = bytes < sizeof(filler) - 1 ? (size_t)bytes : sizeof(filler) - 1;

		text_add(text, filler, take);
		bytes -= take;
	}
}

static void whole_text(struct text *text, const struct call *call)
{
	uint64_t count = answer_event_count(call);

	for (uint64_t i = 0; i < count; i++)
		answer_piece(text, call, i, count);
}

static void put_number(struct text *text, const char *before, uint64_t value)
{
	text_puts(text, before);
	text_u64(text, value);
}

static void chat_usage(struct text *text, const struct call *call)
{
	const uint64_t *meters = call->meters;
	uint64_t prompt = call->script.is_inconsistent ? 1 : call->input_total;

	put_number(text, "{\"prompt_tokens\":", prompt);
	if (call->dialect == EMBEDDINGS) {
		put_number(text, ",\"total_tokens\":", prompt);
		text_puts(text, "}");
		return;
	}
	put_number(text, ",\"completion_tokens\":", call->output_total);
	put_number(text, ",\"total_tokens\":", prompt + call->output_total);
	put_number(text, ",\"prompt_tokens_details\":{\"cached_tokens\":", meters[IN_CACHE_READ]);
	put_number(text, ",\"cache_write_tokens\":", meters[IN_CACHE_WRITE_OTHER]);
	put_number(text,
		   ",\"audio_tokens\":0},\"completion_tokens_details\":{\"reasoning_tokens\":",
		   meters[OUT_REASONING]);
	text_puts(text, ",\"audio_tokens\":0,\"accepted_prediction_tokens\":0,"
			"\"rejected_prediction_tokens\":0}}");
}

static void responses_usage(struct text *text, const struct call *call)
{
	const uint64_t *meters = call->meters;

	put_number(text, "{\"input_tokens\":", call->input_total);
	put_number(text, ",\"input_tokens_details\":{\"cached_tokens\":", meters[IN_CACHE_READ]);
	put_number(text, ",\"cache_write_tokens\":", meters[IN_CACHE_WRITE_OTHER]);
	put_number(text, "},\"output_tokens\":", call->output_total);
	put_number(text,
		   ",\"output_tokens_details\":{\"reasoning_tokens\":", meters[OUT_REASONING]);
	put_number(text, "},\"total_tokens\":", call->input_total + call->output_total);
	text_puts(text, "}");
}

static void messages_usage(struct text *text, const struct call *call)
{
	const uint64_t *meters = call->meters;
	uint64_t writes = meters[IN_CACHE_WRITE_5M] + meters[IN_CACHE_WRITE_1H];

	put_number(text, "{\"input_tokens\":", meters[IN_TEXT_UNCACHED]);
	put_number(text, ",\"cache_read_input_tokens\":", meters[IN_CACHE_READ]);
	put_number(text, ",\"cache_creation_input_tokens\":", writes);
	put_number(text, ",\"cache_creation\":{\"ephemeral_5m_input_tokens\":",
		   meters[IN_CACHE_WRITE_5M]);
	put_number(text, ",\"ephemeral_1h_input_tokens\":", meters[IN_CACHE_WRITE_1H]);
	put_number(text, "},\"output_tokens\":", call->output_total);
	if (call->script.shows_thinking)
		put_number(text, ",\"output_tokens_details\":{\"thinking_tokens\":",
			   meters[OUT_REASONING]);
	text_puts(text, call->script.shows_thinking ? "}" : "");
	if (meters[SEARCHES]) {
		put_number(text,
			   ",\"server_tool_use\":{\"web_search_requests\":", meters[SEARCHES]);
		text_puts(text, ",\"web_fetch_requests\":0}");
	}
	text_puts(text, ",\"service_tier\":\"standard\"}");
}

void answer_usage(struct text *text, const struct call *call)
{
	if (call->dialect == RESPONSES)
		responses_usage(text, call);
	else if (call->dialect == MESSAGES)
		messages_usage(text, call);
	else
		chat_usage(text, call);
}

static void put_model(struct text *text, const struct call *call)
{
	text_puts(text, ",\"model\":");
	text_quoted(text, call_served(call));
}

static void build_chat(struct text *body, const struct call *call)
{
	text_puts(body, "{");
	answer_id(body, "chatcmpl-", call);
	text_puts(body, ",\"object\":\"chat.completion\",\"created\":1700000000");
	put_model(body, call);
	text_puts(body, ",\"service_tier\":\"default\",\"choices\":[");
	for (uint64_t i = 0; i < call->choices; i++) {
		put_number(body, i ? ",{\"index\":" : "{\"index\":", i);
		text_puts(body, ",\"message\":{\"role\":\"assistant\",\"content\":\"");
		whole_text(body, call);
		text_puts(body,
			  "\",\"refusal\":null},\"logprobs\":null,\"finish_reason\":\"stop\"}");
	}
	text_puts(body, "]");
}

static void build_completions(struct text *body, const struct call *call)
{
	text_puts(body, "{");
	answer_id(body, "cmpl-", call);
	text_puts(body, ",\"object\":\"text_completion\",\"created\":1700000000");
	put_model(body, call);
	text_puts(body, ",\"choices\":[");
	for (uint64_t i = 0; i < call->choices; i++) {
		put_number(body, i ? ",{\"index\":" : "{\"index\":", i);
		text_puts(body, ",\"text\":\"");
		whole_text(body, call);
		text_puts(body, "\",\"logprobs\":null,\"finish_reason\":\"stop\"}");
	}
	text_puts(body, "]");
}

/* Four dimensions, the first of them the item's number: 1.0, 0.5, -0.5 and 2.0 are exact floats. */
static void build_embeddings(struct text *body, const struct call *call)
{
	text_puts(body, "{\"object\":\"list\"");
	put_model(body, call);
	text_puts(body, ",\"data\":[");
	for (uint64_t i = 0; i < call->items; i++) {
		put_number(body,
			   i ? ",{\"object\":\"embedding\",\"index\":"
			     : "{\"object\":\"embedding\",\"index\":",
			   i);
		text_puts(body, call->wants_base64 ? ",\"embedding\":\"AACAPwAAAD8AAAC/AAAAQA==\"}"
						   : ",\"embedding\":[1.0,0.5,-0.5,2.0]}");
	}
	text_puts(body, "]");
}

static void build_responses(struct text *body, const struct call *call)
{
	text_puts(body, "{");
	answer_id(body, "resp_", call);
	text_puts(body,
		  ",\"object\":\"response\",\"created_at\":1700000000,\"status\":\"completed\"");
	put_model(body, call);
	text_puts(body, ",\"service_tier\":\"default\",\"output\":[{\"type\":\"message\",");
	answer_id(body, "msg_", call);
	text_puts(body, ",\"status\":\"completed\",\"role\":\"assistant\",\"content\":["
			"{\"type\":\"output_text\",\"annotations\":[],\"text\":\"");
	whole_text(body, call);
	text_puts(body,
		  "\"}]}],\"error\":null,\"incomplete_details\":null,\"parallel_tool_calls\":true,"
		  "\"tools\":[]");
}

static void build_messages(struct text *body, const struct call *call)
{
	text_puts(body, "{");
	answer_id(body, "msg_", call);
	text_puts(body, ",\"type\":\"message\",\"role\":\"assistant\"");
	put_model(body, call);
	text_puts(body, ",\"content\":[{\"type\":\"text\",\"text\":\"");
	whole_text(body, call);
	text_puts(body, "\"}],\"stop_reason\":\"end_turn\",\"stop_sequence\":null");
}

static void build_infer(struct text *body, const struct call *call)
{
	text_puts(body, "{\"model_name\":");
	text_quoted(body, call->model);
	text_puts(body, ",\"model_version\":\"1\",");
	answer_id(body, "infer-", call);
	put_number(body, ",\"outputs\":[{\"name\":\"output-0\",\"datatype\":\"INT64\",\"shape\":[",
		   call->rows);
	text_puts(body, ",1],\"data\":[");
	for (uint64_t i = 0; i < call->rows; i++)
		put_number(body, i ? "," : "", i * 7 % 10);
	text_puts(body, "]}]}");
}

static void build_invocations(struct text *body, const struct call *call)
{
	text_puts(body, "{\"predictions\":[");
	for (uint64_t i = 0; i < call->rows; i++)
		put_number(body, i ? "," : "", i * 7 % 10);
	text_puts(body, "]}");
}

static void build_v2_read(struct text *body, const struct call *call)
{
	if (span_ends(call->path, "/live") || span_ends(call->path, "/health/ready")) {
		text_puts(body,
			  span_ends(call->path, "/live") ? "{\"live\":true}" : "{\"ready\":true}");
		return;
	}
	text_puts(body, "{\"name\":");
	text_quoted(body, call->model.len ? call->model : (struct span){"scripted-model", 14});
	if (span_ends(call->path, "/ready"))
		text_puts(body, ",\"ready\":true}");
	else if (call->model.len)
		text_puts(body, ",\"versions\":[\"1\"],\"platform\":\"scripted\",\"inputs\":[],"
				"\"outputs\":[]}");
	else
		text_puts(body, ",\"version\":\"1\",\"extensions\":[]}");
}

static void build_body(struct text *body, const struct call *call)
{
	switch (call->dialect) {
	case CHAT: build_chat(body, call); break;
	case COMPLETIONS: build_completions(body, call); break;
	case EMBEDDINGS: build_embeddings(body, call); break;
	case RESPONSES: build_responses(body, call); break;
	case MESSAGES: build_messages(body, call); break;
	case INFER: build_infer(body, call); return;
	case INVOCATIONS: build_invocations(body, call); return;
	case V2_READ: build_v2_read(body, call); return;
	case COUNT_TOKENS:
		put_number(body, "{\"input_tokens\":", call->input_total);
		text_puts(body, "}");
		return;
	case MODELS: text_puts(body, "{\"object\":\"list\",\"data\":[]}"); return;
	default: return;
	}
	if (!call->script.has_no_usage) {
		text_puts(body, ",\"usage\":");
		answer_usage(body, call);
	}
	text_puts(body, "}");
}

void answer_build(struct answer *answer, const struct call *call)
{
	const struct script *script = &call->script;

	if (script->sends_early_hints)
		text_puts(&answer->out,
			  "HTTP/1.1 103 Early Hints\r\nlink: </a>; rel=preload\r\n\r\n");
	if (script->is_garbage) {
		text_puts(&answer->out, "\x16\x03\x01 this is not HTTP\r\n\r\n");
		return;
	}
	if (!script->is_bad_json && other_build(answer, call))
		return;
	if (call->is_stream && (call->dialect <= COMPLETIONS || call->dialect == RESPONSES ||
				call->dialect == MESSAGES)) {
		stream_build(answer, call);
		return;
	}
	if (script->is_bad_json)
		text_puts(&answer->body, "{\"choices\":[{]");
	else
		build_body(&answer->body, call);
	answer_document(answer, 200, script->is_chunked, script->closes);
}

void answer_stream_head(struct answer *answer, const struct call *call)
{
	head_start(answer, 200, answer->type ? answer->type : "text/event-stream; charset=utf-8",
		   call->script.closes);
	text_puts(&answer->out, "cache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n");
	answer->head_len = answer->out.len;
}

static void cut_add(struct answer *answer)
{
	if (answer->cut_count == answer->cut_cap) {
		answer->cut_cap = answer->cut_cap ? answer->cut_cap * 2 : 32;
		answer->cuts = realloc(answer->cuts, answer->cut_cap * sizeof(*answer->cuts));
		if (!answer->cuts)
			abort();
	}
	answer->cuts[answer->cut_count++] = answer->out.len;
}

/* The event's data is in answer->body. */
void answer_event(struct answer *answer, const char *event)
{
	struct text framed = {0};

	if (event) {
		text_puts(&framed, "event: ");
		text_puts(&framed, event);
		text_puts(&framed, "\n");
	}
	text_puts(&framed, "data: ");
	text_add(&framed, answer->body.ptr, answer->body.len);
	text_puts(&framed, "\n\n");
	chunk_add(answer, (struct span){framed.ptr, framed.len});
	text_free(&framed);
	answer->body.len = 0;
	cut_add(answer);
}

/* One chunk of a stream that is no event stream. */
void answer_line(struct answer *answer, const char *behind)
{
	text_puts(&answer->body, behind);
	chunk_add(answer, (struct span){answer->body.ptr, answer->body.len});
	answer->body.len = 0;
	cut_add(answer);
}

void answer_stream_end(struct answer *answer)
{
	text_puts(&answer->out, "0\r\n\r\n");
}
