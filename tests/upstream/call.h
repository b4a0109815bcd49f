/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One call to the model server: what was asked, what the model's name tells the
 * server to do wrong, and the counts it will be billed by. tests/upstream/README.md
 * is the contract.
 *
 * Owns:    nothing; the spans point into the request and die with it.
 * Threads: one.
 * Limits:  none.
 */
#ifndef TESTS_UPSTREAM_CALL_H
#define TESTS_UPSTREAM_CALL_H

#include "tests/upstream/bill.h"

enum dialect {
	CHAT,
	COMPLETIONS,
	EMBEDDINGS,
	RESPONSES,
	MESSAGES,
	COUNT_TOKENS,
	INFER,
	INVOCATIONS,
	IMAGES_MADE,
	SPEECH,
	TRANSCRIPTIONS,
	GEMINI,
	COHERE_CHAT,
	COHERE_EMBED,
	COHERE_RERANK,
	OLLAMA_CHAT,
	OLLAMA_GENERATE,
	OLLAMA_EMBED,
	SGLANG,
	TGI,
	LLAMACPP,
	V2_READ,
	MODELS,
	BILL,
	UNKNOWN,
};

#define NO_LIMIT UINT64_MAX

/* What the parts of the model's name ask for. */
struct script {
	uint64_t status;      /* fail-STATUS */
	uint64_t flaky;	      /* flaky-N: the first N calls are reset before the head */
	uint64_t slow_ms;     /* slow-MS */
	uint64_t pause_ms;    /* pause-MS */
	uint64_t reset_at;    /* reset-N bytes of the body */
	uint64_t truncate_at; /* truncate-N */
	uint64_t stall_at;    /* stall-N */
	uint64_t drip_bytes;  /* drip-N */
	uint64_t events, tokens, input, text_bytes, searches;
	bool resets_head, closes_head, hangs, is_garbage, is_bad_json, has_no_usage, is_chunked,
		closes, shows_thinking, is_inconsistent, writes_cache, sends_early_hints;
	struct span served; /* served-NAME */
};

struct call {
	enum dialect dialect;
	struct span path, model, credential, trace;
	bool is_post, is_stream, wants_usage, wants_base64, is_broken;
	bool is_array; /* Gemini without alt=sse */
	uint64_t bound, choices, items, rows, prompt_bytes, text_chars;
	uint64_t id;
	struct script script;
	/* Derived by call_count. */
	uint64_t input_total, output_total;
	uint64_t meters[METER_COUNT];
};

/* Reads method, path and body; false when the body is not what the dialect asks for. */
bool call_read(struct call *call, struct span method, struct span path, struct span body);
/* Fills the counts from what was asked. */
void call_count(struct call *call);
struct span call_served(const struct call *call);

#endif
