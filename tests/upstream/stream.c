/* SPDX-License-Identifier: Apache-2.0 */
/* The event streams of the three dialects that have them. */
#include "tests/upstream/answer.h"

#include <string.h>

static void put_model(struct text *text, const struct call *call)
{
	text_puts(text, ",\"model\":");
	text_quoted(text, call_served(call));
}

static void chat_open(struct text *body, const struct call *call)
{
	text_puts(body, "{");
	answer_id(body, call->dialect == CHAT ? "chatcmpl-" : "cmpl-", call);
	text_puts(body, call->dialect == CHAT ? ",\"object\":\"chat.completion.chunk\""
					      : ",\"object\":\"text_completion\"");
	text_puts(body, ",\"created\":1700000000");
	put_model(body, call);
}

static void chat_close(struct answer *answer, const struct call *call)
{
	text_puts(&answer->body, call->wants_usage ? ",\"usage\":null}" : "}");
	answer_event(answer, NULL);
}

static void chat_piece(struct answer *answer, const struct call *call, uint64_t choice,
		       uint64_t index, uint64_t count)
{
	struct text *body = &answer->body;
	bool is_chat = call->dialect == CHAT;

	chat_open(body, call);
	text_puts(body, ",\"choices\":[{\"index\":");
	text_u64(body, choice);
	text_puts(body, is_chat ? ",\"delta\":{\"content\":\"" : ",\"text\":\"");
	answer_piece(body, call, index, count);
	text_puts(body, is_chat ? "\"},\"finish_reason\":null}]" : "\",\"finish_reason\":null}]");
	chat_close(answer, call);
}

static void chat_edge(struct answer *answer, const struct call *call, uint64_t choice,
		      bool is_first)
{
	struct text *body = &answer->body;
	bool is_chat = call->dialect == CHAT;

	chat_open(body, call);
	text_puts(body, ",\"choices\":[{\"index\":");
	text_u64(body, choice);
	if (is_first)
		text_puts(body, ",\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_"
				"reason\":null}]");
	else
		text_puts(body, is_chat ? ",\"delta\":{},\"finish_reason\":\"stop\"}]"
					: ",\"text\":\"\",\"finish_reason\":\"stop\"}]");
	chat_close(answer, call);
}

static void stream_chat(struct answer *answer, const struct call *call)
{
	uint64_t count = answer_event_count(call);

	for (uint64_t choice = 0; choice < call->choices; choice++) {
		if (call->dialect == CHAT)
			chat_edge(answer, call, choice, true);
		for (uint64_t i = 0; i < count; i++)
			chat_piece(answer, call, choice, i, count);
		chat_edge(answer, call, choice, false);
	}
	if (call->wants_usage && !call->script.has_no_usage) {
		chat_open(&answer->body, call);
		text_puts(&answer->body, ",\"choices\":[],\"usage\":");
		answer_usage(&answer->body, call);
		text_puts(&answer->body, "}");
		answer_event(answer, NULL);
	}
	text_puts(&answer->body, "[DONE]");
	answer_event(answer, NULL);
}

static void messages_start(struct answer *answer, const struct call *call)
{
	struct call placeholder = *call;

	/* What the real API says at the start: input is known, output is a placeholder. */
	placeholder.output_total = 1;
	placeholder.script.shows_thinking = false;
	placeholder.meters[SEARCHES] = 0;
	text_puts(&answer->body, "{\"type\":\"message_start\",\"message\":{");
	answer_id(&answer->body, "msg_", call);
	text_puts(&answer->body, ",\"type\":\"message\",\"role\":\"assistant\"");
	put_model(&answer->body, call);
	text_puts(&answer->body, ",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null");
	if (!call->script.has_no_usage) {
		text_puts(&answer->body, ",\"usage\":");
		answer_usage(&answer->body, &placeholder);
	}
	text_puts(&answer->body, "}}");
	answer_event(answer, "message_start");
}

static void messages_end(struct answer *answer, const struct call *call)
{
	struct text *body = &answer->body;

	text_puts(body, "{\"type\":\"content_block_stop\",\"index\":0}");
	answer_event(answer, "content_block_stop");
	text_puts(body, "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\","
			"\"stop_sequence\":null}");
	if (!call->script.has_no_usage) {
		text_puts(body, ",\"usage\":{\"output_tokens\":");
		text_u64(body, call->output_total);
		if (call->script.shows_thinking) {
			text_puts(body, ",\"output_tokens_details\":{\"thinking_tokens\":");
			text_u64(body, call->meters[OUT_REASONING]);
			text_puts(body, "}");
		}
		if (call->meters[SEARCHES]) {
			text_puts(body, ",\"server_tool_use\":{\"web_search_requests\":");
			text_u64(body, call->meters[SEARCHES]);
			text_puts(body, "}");
		}
		text_puts(body, "}");
	}
	text_puts(body, "}");
	answer_event(answer, "message_delta");
	text_puts(body, "{\"type\":\"message_stop\"}");
	answer_event(answer, "message_stop");
}

static void stream_messages(struct answer *answer, const struct call *call)
{
	uint64_t count = answer_event_count(call);
	struct text *body = &answer->body;

	messages_start(answer, call);
	text_puts(body, "{\"type\":\"content_block_start\",\"index\":0,"
			"\"content_block\":{\"type\":\"text\",\"text\":\"\"}}");
	answer_event(answer, "content_block_start");
	text_puts(body, "{\"type\":\"ping\"}");
	answer_event(answer, "ping");
	for (uint64_t i = 0; i < count; i++) {
		text_puts(body, "{\"type\":\"content_block_delta\",\"index\":0,"
				"\"delta\":{\"type\":\"text_delta\",\"text\":\"");
		answer_piece(body, call, i, count);
		text_puts(body, "\"}}");
		answer_event(answer, "content_block_delta");
	}
	messages_end(answer, call);
}

/* The opening of every event of a response stream; `sequence` counts them. */
static void responses_open(struct text *body, const char *type, uint64_t *sequence)
{
	text_puts(body, "{\"type\":\"");
	text_puts(body, type);
	text_puts(body, "\",\"sequence_number\":");
	text_u64(body, (*sequence)++);
}

static void responses_state(struct answer *answer, const struct call *call, const char *type,
			    const char *status, uint64_t *sequence)
{
	struct text *body = &answer->body;
	bool is_final = !strcmp(status, "completed");
	uint64_t count = answer_event_count(call);

	responses_open(body, type, sequence);
	text_puts(body, ",\"response\":{");
	answer_id(body, "resp_", call);
	text_puts(body, ",\"object\":\"response\",\"created_at\":1700000000,\"status\":\"");
	text_puts(body, status);
	text_puts(body, "\"");
	put_model(body, call);
	text_puts(body, ",\"service_tier\":\"default\",\"error\":null,\"tools\":[],\"output\":[");
	if (is_final) {
		text_puts(body, "{\"type\":\"message\",");
		answer_id(body, "msg_", call);
		text_puts(body, ",\"status\":\"completed\",\"role\":\"assistant\",\"content\":["
				"{\"type\":\"output_text\",\"annotations\":[],\"text\":\"");
		for (uint64_t i = 0; i < count; i++)
			answer_piece(body, call, i, count);
		text_puts(body, "\"}]}");
	}
	text_puts(body, "],\"usage\":");
	if (is_final && !call->script.has_no_usage)
		answer_usage(body, call);
	else
		text_puts(body, "null");
	text_puts(body, "}}");
	answer_event(answer, type);
}

static void responses_item(struct answer *answer, const struct call *call, const char *type,
			   const char *rest, uint64_t *sequence)
{
	struct text *body = &answer->body;

	responses_open(body, type, sequence);
	text_puts(body, ",\"output_index\":0,\"item_id\":\"msg_");
	text_u64(body, call->id);
	text_puts(body, "\"");
	text_puts(body, rest);
	text_puts(body, "}");
	answer_event(answer, type);
}

static void stream_responses(struct answer *answer, const struct call *call)
{
	static const char part[] = ",\"content_index\":0,\"part\":{\"type\":\"output_text\","
				   "\"annotations\":[],\"text\":\"\"}";
	uint64_t count = answer_event_count(call), sequence = 0;
	struct text item = {0};

	text_puts(&item, ",\"item\":{\"type\":\"message\",");
	answer_id(&item, "msg_", call);
	text_puts(&item, ",\"status\":\"in_progress\",\"role\":\"assistant\",\"content\":[]}");
	text_add(&item, "", 1);
	responses_state(answer, call, "response.created", "in_progress", &sequence);
	responses_state(answer, call, "response.in_progress", "in_progress", &sequence);
	responses_item(answer, call, "response.output_item.added", item.ptr, &sequence);
	responses_item(answer, call, "response.content_part.added", part, &sequence);
	for (uint64_t i = 0; i < count; i++) {
		struct text delta = {0};

		text_puts(&delta, ",\"content_index\":0,\"delta\":\"");
		answer_piece(&delta, call, i, count);
		text_add(&delta, "\"", 2);
		responses_item(answer, call, "response.output_text.delta", delta.ptr, &sequence);
		text_free(&delta);
	}
	responses_item(answer, call, "response.content_part.done", part, &sequence);
	responses_item(answer, call, "response.output_item.done", item.ptr, &sequence);
	responses_state(answer, call, "response.completed", "completed", &sequence);
	text_free(&item);
}

void stream_build(struct answer *answer, const struct call *call)
{
	answer_stream_head(answer, call);
	if (call->dialect == MESSAGES)
		stream_messages(answer, call);
	else if (call->dialect == RESPONSES)
		stream_responses(answer, call);
	else
		stream_chat(answer, call);
	answer_stream_end(answer);
}
