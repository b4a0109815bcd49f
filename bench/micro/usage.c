/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What reading the usage of a stream costs per event: events of about 250 bytes
 * fed in pieces as they come from a socket, for each kind of stream.
 *
 * usage: usage_micro [ROUNDS]
 */
#include <stdio.h>

#include "base/buf.h"
#include "base/clock.h"
#include "metering/usage/extract.h"

#define EVENTS	    4000
#define PIECE_BYTES 1460
#define ROUNDS	    40

struct stream {
	const char *name;
	enum dialect dialect;
	enum extract_format format;
	const char *event;
};

#define FILL "0123456789012345678901234567890123456789"

static const struct stream streams[] = {
	{"openai.chat", DIALECT_OPENAI_CHAT, EXTRACT_SSE,
	 "data: {\"id\":\"chatcmpl-" FILL "\",\"object\":\"chat.completion.chunk\",\"created\":1700"
	 "000000,\"model\":\"m-2026-03-05\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\" "
	 "word\"},\"finish_reason\":null}],\"usage\":null,\"obfuscation\":\"" FILL "\"}\n\n"},
	{"anthropic.messages", DIALECT_ANTHROPIC_MESSAGES, EXTRACT_SSE,
	 "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\""
	 ":{\"type\":\"text_delta\",\"text\":\"" FILL FILL FILL "\"}}\n\n"},
	{"gemini.generate", DIALECT_GEMINI_GENERATE, EXTRACT_SSE,
	 "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\" words\"}],\"role\":\"model\""
	 "},\"index\":0}],\"usageMetadata\":{\"promptTokenCount\":900,\"candidatesTokenCount\":40,"
	 "\"totalTokenCount\":940,\"promptTokensDetails\":[{\"modality\":\"TEXT\",\"tokenCount\":"
	 "900}]},\"modelVersion\":\"g-3-pro\"}\n\n"},
	{"ollama.chat", DIALECT_OLLAMA_CHAT, EXTRACT_LINES,
	 "{\"model\":\"m\",\"created_at\":\"2026-01-01T00:00:00.000000Z\",\"message\":{\"role\":"
	 "\"assistant\",\"content\":\"" FILL FILL FILL "\"},\"done\":false}\n"},
};

static void measure(const struct dialects *dialects, const struct stream *stream, uint64_t rounds)
{
	struct str event = str_from_c(stream->event);
	int64_t begin_ns, best_ns = INT64_MAX;
	struct buf whole;
	struct extract x;

	buf_init(&whole, 4 << 20);
	for (unsigned i = 0; i < EVENTS; i++) {
		enum err err = buf_append(&whole, event);

		ASSERT(err == OK);
	}
	for (uint64_t i = 0; i < rounds; i++) {
		begin_ns = clock_mono_ns();
		extract_init(&x, dialects, stream->dialect, stream->format);
		for (size_t at = 0; at < whole.len; at += PIECE_BYTES)
			extract_feed(&x, str_sub(buf_str(&whole), at, PIECE_BYTES));
		best_ns = MIN(best_ns, clock_mono_ns() - begin_ns);
	}
	printf("%-20s %4zu bytes  %5lld ns an event  %6lld MB/s  %zu bytes of state\n",
	       stream->name, event.len, (long long)(best_ns / EVENTS),
	       (long long)((int64_t)whole.len * 1000 / best_ns), sizeof(x));
	buf_fini(&whole);
}

int main(int argc, char **argv)
{
	struct dialects *dialects = dialects_new();
	uint64_t rounds = ROUNDS;

	if (argc > 1 && (str_to_u64(str_from_c(argv[1]), &rounds) != OK || rounds == 0))
		return 2;
	for (size_t i = 0; i < ARRAY_LEN(streams); i++)
		measure(dialects, &streams[i], rounds);
	dialects_free(dialects);
	return 0;
}
