/* SPDX-License-Identifier: Apache-2.0 */
/* Images, sound, Gemini, Cohere, Ollama and the servers of one model. */
#include "tests/upstream/answer.h"

#include <stdio.h>
#include <string.h>

static void put(struct text *text, const char *before, uint64_t value)
{
	text_puts(text, before);
	text_u64(text, value);
}

static void put_words(struct text *text, const struct call *call)
{
	uint64_t count = answer_event_count(call);

	for (uint64_t i = 0; i < count; i++)
		answer_piece(text, call, i, count);
}

/* ---- images and sound ---- */

static void images_usage(struct text *body, const struct call *call)
{
	put(body, "\"usage\":{\"input_tokens\":", call->input_total);
	put(body, ",\"input_tokens_details\":{\"text_tokens\":", call->input_total);
	put(body, ",\"image_tokens\":0},\"output_tokens\":", call->output_total);
	put(body, ",\"total_tokens\":", call->input_total + call->output_total);
	text_puts(body, "}}");
}

static void build_images(struct answer *answer, const struct call *call)
{
	struct text *body = &answer->body;

	if (call->is_stream) {
		answer_stream_head(answer, call);
		text_puts(body,
			  "{\"type\":\"image_generation.partial_image\",\"b64_json\":\"AAAA\"}");
		answer_event(answer, "image_generation.partial_image");
		text_puts(body, "{\"type\":\"image_generation.completed\",\"b64_json\":\"AAAA\",");
		images_usage(body, call);
		answer_event(answer, "image_generation.completed");
		answer_stream_end(answer);
		return;
	}
	text_puts(body, "{\"created\":1700000000,\"data\":[");
	for (uint64_t i = 0; i < call->choices; i++)
		text_puts(body, i ? ",{\"b64_json\":\"AAAA\"}" : "{\"b64_json\":\"AAAA\"}");
	if (call->script.has_no_usage) {
		text_puts(body, "]}");
	} else {
		text_puts(body, "],");
		images_usage(body, call);
	}
	answer_document(answer, 200, call->script.is_chunked, call->script.closes);
}

static void build_speech(struct answer *answer, const struct call *call)
{
	struct text *body = &answer->body;

	if (!call->is_stream) {
		answer->type = "audio/mpeg";
		text_puts(body, "ID3\x04 this is sound");
		answer_document(answer, 200, call->script.is_chunked, call->script.closes);
		return;
	}
	answer_stream_head(answer, call);
	text_puts(body, "{\"type\":\"speech.audio.delta\",\"audio\":\"AAAA\"}");
	answer_event(answer, NULL);
	put(body,
	    "{\"type\":\"speech.audio.done\",\"usage\":{\"input_tokens\":", call->input_total);
	put(body, ",\"output_tokens\":", call->output_total);
	put(body, ",\"total_tokens\":", call->input_total + call->output_total);
	text_puts(body, "}}");
	answer_event(answer, NULL);
	answer_stream_end(answer);
}

static void build_transcriptions(struct answer *answer, const struct call *call)
{
	text_puts(&answer->body,
		  "{\"text\":\"hello\",\"usage\":{\"type\":\"duration\",\"seconds\":8.4}}");
	answer_document(answer, 200, call->script.is_chunked, call->script.closes);
}

/* ---- Gemini ---- */

static void gemini_chunk(struct text *body, const struct call *call, uint64_t index, uint64_t count)
{
	const uint64_t *meters = call->meters;
	bool is_last = index + 1 == count;
	uint64_t said = meters[OUT_TEXT] * (index + 1) / count;
	uint64_t thought = meters[OUT_REASONING] * (index + 1) / count;

	text_puts(body, "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"");
	answer_piece(body, call, index, count);
	text_puts(body, "\"}],\"role\":\"model\"}");
	text_puts(body, is_last ? ",\"finishReason\":\"STOP\",\"index\":0}]" : ",\"index\":0}]");
	if (!call->script.has_no_usage) {
		put(body, ",\"usageMetadata\":{\"promptTokenCount\":", call->input_total);
		put(body, ",\"cachedContentTokenCount\":", meters[IN_CACHE_READ]);
		put(body, ",\"candidatesTokenCount\":", said);
		put(body, ",\"thoughtsTokenCount\":", thought);
		put(body, ",\"totalTokenCount\":", call->input_total + said + thought);
		text_puts(body, ",\"promptTokensDetails\":[{\"modality\":\"TEXT\",\"tokenCount\":");
		text_u64(body, call->input_total);
		text_puts(body, "}]}");
	}
	text_puts(body, ",\"modelVersion\":");
	text_quoted(body, call_served(call));
	text_puts(body, "}");
}

static void build_gemini(struct answer *answer, const struct call *call)
{
	uint64_t count = answer_event_count(call);

	if (!call->is_stream) {
		gemini_chunk(&answer->body, call, 0, 1);
		answer_document(answer, 200, call->script.is_chunked, call->script.closes);
		return;
	}
	answer->type = call->is_array ? "application/json; charset=UTF-8" : NULL;
	answer_stream_head(answer, call);
	if (call->is_array)
		text_puts(&answer->body, "[");
	for (uint64_t i = 0; i < count; i++) {
		gemini_chunk(&answer->body, call, i, count);
		if (call->is_array)
			answer_line(answer, i + 1 == count ? "\n]\n" : "\n,\r\n");
		else
			answer_event(answer, NULL);
	}
	answer_stream_end(answer);
}

/* ---- Cohere ---- */

static void cohere_units(struct text *body, const struct call *call)
{
	text_puts(body, "{\"billed_units\":{");
	if (call->dialect == COHERE_RERANK) {
		put(body, "\"search_units\":", call->meters[SEARCHES]);
	} else {
		put(body, "\"input_tokens\":", call->input_total);
		text_puts(body, ".0");
	}
	if (call->dialect == COHERE_CHAT) {
		put(body, ",\"output_tokens\":", call->output_total);
		put(body, ".0},\"tokens\":{\"input_tokens\":", call->input_total + 500);
		put(body, ",\"output_tokens\":", call->output_total + 2);
	}
	text_puts(body, "}}");
}

static void cohere_stream(struct answer *answer, const struct call *call)
{
	uint64_t count = answer_event_count(call);
	struct text *body = &answer->body;

	answer_stream_head(answer, call);
	text_puts(body, "{\"type\":\"message-start\",\"id\":\"x\"}");
	answer_event(answer, "message-start");
	for (uint64_t i = 0; i < count; i++) {
		text_puts(body, "{\"type\":\"content-delta\",\"index\":0,\"delta\":{\"message\":"
				"{\"content\":{\"text\":\"");
		answer_piece(body, call, i, count);
		text_puts(body, "\"}}}}");
		answer_event(answer, "content-delta");
	}
	text_puts(body, "{\"type\":\"message-end\",\"delta\":{\"finish_reason\":\"COMPLETE\"");
	if (!call->script.has_no_usage) {
		text_puts(body, ",\"usage\":");
		cohere_units(body, call);
	}
	text_puts(body, "}}");
	answer_event(answer, "message-end");
	answer_stream_end(answer);
}

static void build_cohere(struct answer *answer, const struct call *call)
{
	struct text *body = &answer->body;
	bool is_old = call->dialect != COHERE_CHAT || span_starts(call->path, "/v1/");

	if (call->is_stream && call->dialect == COHERE_CHAT && !is_old) {
		cohere_stream(answer, call);
		return;
	}
	text_puts(body, "{\"id\":\"x\"");
	if (call->dialect == COHERE_CHAT) {
		text_puts(body,
			  is_old ? ",\"text\":\""
				 : ",\"message\":{\"content\":[{\"type\":\"text\",\"text\":\"");
		put_words(body, call);
		text_puts(body, is_old ? "\"" : "\"}]}");
	}
	if (!call->script.has_no_usage) {
		text_puts(body, is_old ? ",\"meta\":" : ",\"usage\":");
		cohere_units(body, call);
	}
	text_puts(body, "}");
	answer_document(answer, 200, call->script.is_chunked, call->script.closes);
}

/* ---- Ollama ---- */

static void ollama_open(struct text *body, const struct call *call)
{
	text_puts(body, "{\"model\":");
	text_quoted(body, call_served(call));
	text_puts(body, call->dialect == OLLAMA_CHAT
				? ",\"message\":{\"role\":\"assistant\",\"content\":\""
				: ",\"response\":\"");
}

static void ollama_close(struct text *body, const struct call *call, bool is_done)
{
	text_puts(body, call->dialect == OLLAMA_CHAT ? "\"}" : "\"");
	text_puts(body, is_done ? ",\"done\":true,\"done_reason\":\"stop\"" : ",\"done\":false");
	if (is_done && !call->script.has_no_usage) {
		put(body, ",\"prompt_eval_count\":", call->input_total);
		put(body, ",\"eval_count\":", call->output_total);
		text_puts(body, ",\"eval_duration\":4232710000");
	}
	text_puts(body, "}");
}

static void build_ollama(struct answer *answer, const struct call *call)
{
	uint64_t count = answer_event_count(call);
	struct text *body = &answer->body;

	if (!call->is_stream) {
		ollama_open(body, call);
		put_words(body, call);
		ollama_close(body, call, true);
		answer_document(answer, 200, call->script.is_chunked, call->script.closes);
		return;
	}
	answer->type = "application/x-ndjson";
	answer_stream_head(answer, call);
	for (uint64_t i = 0; i < count; i++) {
		ollama_open(body, call);
		answer_piece(body, call, i, count);
		ollama_close(body, call, false);
		answer_line(answer, "\n");
	}
	ollama_open(body, call);
	ollama_close(body, call, true);
	answer_line(answer, "\n");
	answer_stream_end(answer);
}

static void build_ollama_embed(struct answer *answer, const struct call *call)
{
	text_puts(&answer->body, "{\"model\":");
	text_quoted(&answer->body, call_served(call));
	put(&answer->body, ",\"embeddings\":[[0.5,1.0]],\"prompt_eval_count\":", call->input_total);
	text_puts(&answer->body, "}");
	answer_document(answer, 200, call->script.is_chunked, call->script.closes);
}

/* ---- servers of one model ---- */

static void sglang_state(struct text *body, const struct call *call, uint64_t index, uint64_t count)
{
	put(body, "{\"text\":\"word\",\"meta_info\":{\"prompt_tokens\":", call->input_total);
	put(body, ",\"cached_tokens\":", call->meters[IN_CACHE_READ]);
	put(body, ",\"completion_tokens\":", call->output_total * (index + 1) / count);
	text_puts(body, index + 1 == count ? ",\"finish_reason\":{\"type\":\"stop\"}}}"
					   : ",\"finish_reason\":null}}");
}

static void tgi_state(struct text *body, const struct call *call, uint64_t index, uint64_t count)
{
	text_puts(body, "{\"token\":{\"text\":\"");
	answer_piece(body, call, index, count);
	if (index + 1 < count) {
		text_puts(body, "\"},\"generated_text\":null,\"details\":null}");
		return;
	}
	put(body,
	    "\"},\"generated_text\":\"words\",\"details\":{\"finish_reason\":\"length\","
	    "\"generated_tokens\":",
	    call->output_total);
	put(body, ",\"input_length\":", call->input_total);
	text_puts(body, "}}");
}

static void llamacpp_state(struct text *body, const struct call *call, uint64_t index,
			   uint64_t count)
{
	text_puts(body, "{\"content\":\"");
	answer_piece(body, call, index, count);
	text_puts(body, index + 1 == count ? "\",\"stop\":true" : "\",\"stop\":false");
	put(body, ",\"tokens_evaluated\":", call->input_total);
	put(body, ",\"tokens_predicted\":", call->output_total * (index + 1) / count);
	put(body, ",\"tokens_cached\":", call->input_total + call->output_total);
	put(body, ",\"timings\":{\"cache_n\":", call->meters[IN_CACHE_READ]);
	text_puts(body, ",\"prompt_ms\":1.5}}");
}

static void build_states(struct answer *answer, const struct call *call,
			 void (*state)(struct text *, const struct call *, uint64_t, uint64_t))
{
	uint64_t count = answer_event_count(call);

	if (!call->is_stream) {
		state(&answer->body, call, 0, 1);
		answer_document(answer, 200, call->script.is_chunked, call->script.closes);
		return;
	}
	answer_stream_head(answer, call);
	for (uint64_t i = 0; i < count; i++) {
		state(&answer->body, call, i, count);
		answer_event(answer, NULL);
	}
	if (call->dialect == SGLANG) {
		text_puts(&answer->body, "[DONE]");
		answer_event(answer, NULL);
	}
	answer_stream_end(answer);
}

/* Unary, it tells its counts in the head alone. */
static void build_tgi(struct answer *answer, const struct call *call)
{
	if (call->is_stream) {
		build_states(answer, call, tgi_state);
		return;
	}
	snprintf(answer->fields, sizeof(answer->fields),
		 "x-prompt-tokens: %llu\r\nx-generated-tokens: %llu\r\n",
		 (unsigned long long)call->input_total, (unsigned long long)call->output_total);
	text_puts(&answer->body, "{\"generated_text\":\"words\"}");
	answer_document(answer, 200, call->script.is_chunked, call->script.closes);
}

bool other_build(struct answer *answer, const struct call *call)
{
	switch (call->dialect) {
	case IMAGES_MADE: build_images(answer, call); return true;
	case SPEECH: build_speech(answer, call); return true;
	case TRANSCRIPTIONS: build_transcriptions(answer, call); return true;
	case GEMINI: build_gemini(answer, call); return true;
	case COHERE_CHAT:
	case COHERE_EMBED:
	case COHERE_RERANK: build_cohere(answer, call); return true;
	case OLLAMA_CHAT:
	case OLLAMA_GENERATE: build_ollama(answer, call); return true;
	case OLLAMA_EMBED: build_ollama_embed(answer, call); return true;
	case SGLANG: build_states(answer, call, sglang_state); return true;
	case TGI: build_tgi(answer, call); return true;
	case LLAMACPP: build_states(answer, call, llamacpp_state); return true;
	default: return false;
	}
}
