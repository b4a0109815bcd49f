/* SPDX-License-Identifier: Apache-2.0 */
#include "metering/usage/extract.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"

/* "in_text_uncached=176 out_text=120 model=m tier=t source flags", meters that are 0 left out. */
static void describe(const struct usage *u, struct buf *out)
{
	for (unsigned i = 0; i < METER_COUNT; i++) {
		if (u->counts[i] != 0)
			assert_int_equal(
				buf_printf(out, "%s=%ld ", meter_name((enum meter)i), u->counts[i]),
				OK);
	}
	if (u->model_len > 0)
		assert_int_equal(buf_printf(out, "model=" STR_FMT " ", STR_ARG(usage_model(u))),
				 OK);
	if (u->tier_len > 0)
		assert_int_equal(buf_printf(out, "tier=" STR_FMT " ", STR_ARG(usage_tier(u))), OK);
	assert_int_equal(buf_printf(out, "%s", usage_source_name(u->source)), OK);
	for (unsigned f = 1; f < USAGE_FLAGS_END; f <<= 1) {
		if ((u->flags & f) != 0)
			assert_int_equal(
				buf_printf(out, " %s", usage_flag_name((enum usage_flag)f)), OK);
	}
	assert_int_equal(buf_append_byte(out, '\0'), OK);
}

/* Pieces: [0,first), then step bytes at a time, each in its own block for ASan's eyes. */
static void extract_pieces(const struct dialects *dialects, enum dialect dialect, bool is_stream,
			   struct str in, size_t first, size_t step, struct usage *out)
{
	struct extract *x = malloc(sizeof(*x));
	size_t len = first;

	extract_init(x, dialects, dialect, is_stream);
	while (in.len > 0) {
		char *piece;

		len = MIN(len, in.len);
		piece = malloc(len + 1);
		memcpy(piece, in.ptr, len);
		extract_feed(x, str_make(piece, len));
		free(piece);
		in = str_sub(in, len, in.len);
		len = step;
	}
	extract_finish(x, 7, out);
	free(x);
}

static void assert_usage(const struct dialects *dialects, enum dialect dialect, bool is_stream,
			 struct str in, size_t first, size_t step, const char *want)
{
	struct usage usage;
	struct buf buf;

	buf_init(&buf, 4096);
	extract_pieces(dialects, dialect, is_stream, in, first, step, &usage);
	describe(&usage, &buf);
	assert_string_equal(buf.ptr, want);
	buf_fini(&buf);
}

static void assert_all_splits(const struct dialects *dialects, enum dialect dialect, bool is_stream,
			      struct str in, const char *want)
{
	for (size_t at = 1; at <= in.len; at++)
		assert_usage(dialects, dialect, is_stream, in, at, in.len, want);
	for (size_t step = 1; step < 20; step += 6)
		assert_usage(dialects, dialect, is_stream, in, step, step, want);
}

struct row {
	const char *name;
	enum dialect dialect;
	bool is_stream;
	struct str in;
	const char *want;
};

static const struct row vectors[] = {
	{"chat, all parts", DIALECT_OPENAI_CHAT, false,
	 STR("{\"id\":\"c1\",\"object\":\"chat.completion\",\"model\":\"M-2026-03-05\",\"service_"
	     "tier\":"
	     "\"default\",\"choices\":[{\"message\":{\"content\":\"hi "
	     "\\\"usage\\\":{}\"}}],\"usage\":{"
	     "\"prompt_tokens\":1200,\"completion_tokens\":300,\"total_tokens\":1500,"
	     "\"prompt_tokens_details\":{\"cached_tokens\":1024,\"cache_write_tokens\":0,"
	     "\"audio_tokens\":0},\"completion_tokens_details\":{\"reasoning_tokens\":180}}}"),
	 "in_text_uncached=176 in_cache_read=1024 out_text=120 out_reasoning=180 "
	 "model=M-2026-03-05 "
	 "tier=default provider"},
	{"chat stream, the same numbers", DIALECT_OPENAI_CHAT, true,
	 STR("data: "
	     "{\"model\":\"M-2026-03-05\",\"service_tier\":\"default\",\"choices\":[{\"index\":0,"
	     "\"delta\":{\"content\":\"Hi\"}}],\"usage\":null,\"obfuscation\":\"x7\"}\n\n"
	     "data: {\"model\":\"M-2026-03-05\",\"choices\":[{\"index\":0,\"delta\":{},"
	     "\"finish_reason\":\"stop\"}],\"usage\":null}\n\n"
	     "data: {\"model\":\"M-2026-03-05\",\"choices\":[],\"usage\":{"
	     "\"prompt_tokens\":1200,\"completion_tokens\":300,\"total_tokens\":1500,"
	     "\"prompt_tokens_details\":{\"cached_tokens\":1024,\"cache_write_tokens\":0,"
	     "\"audio_tokens\":0},\"completion_tokens_details\":{\"reasoning_tokens\":180}}}\n\n"
	     "data: [DONE]\n\n"),
	 "in_text_uncached=176 in_cache_read=1024 out_text=120 out_reasoning=180 "
	 "model=M-2026-03-05 "
	 "tier=default provider"},
	{"chat stream: usage twice, cache only the second time", DIALECT_OPENAI_CHAT, true,
	 STR("data: {\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}],"
	     "\"usage\":{\"prompt_tokens\":40000,\"completion_tokens\":9,\"total_tokens\":40009}}"
	     "\n\n"
	     "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":40000,\"completion_tokens\":9,"
	     "\"total_tokens\":40009,\"prompt_tokens_details\":{\"cached_tokens\":32512}}}\n\n"
	     "data: [DONE]\n\n"),
	 "in_text_uncached=7488 in_cache_read=32512 out_text=9 provider"},
	{"chat stream: an empty first chunk is not the usage chunk", DIALECT_OPENAI_CHAT, true,
	 STR("data: {\"choices\":[],\"prompt_filter_results\":[{\"prompt_index\":0}]}\r\n\r\n"
	     ": ping\r\n\r\n"
	     "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}],\"usage\":null}\r\n\r\n"
	     "data: "
	     "{\"choices\":[],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":1}}\r\n\r\n"
	     "data: [DONE]\r\n\r\n"),
	 "in_text_uncached=5 out_text=1 provider"},
	{"chat stream: running usage, cut", DIALECT_OPENAI_CHAT, true,
	 STR("data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}],\"usage\":{\"prompt_tokens\":5,"
	     "\"completion_tokens\":1}}\n\n"
	     "data: {\"choices\":[{\"delta\":{\"content\":\"b\"}}],\"usage\":{\"prompt_tokens\":5,"
	     "\"completion_tokens\":2}}\n\n"
	     "data: {\"choices\":[{\"delta\":{\"con"),
	 "in_text_uncached=5 out_text=2 provider usage_unreadable"},
	{"chat stream: nothing asked for, nothing said", DIALECT_OPENAI_CHAT, true,
	 STR("data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\ndata: [DONE]\n\n"), "none"},
	{"chat: cached more than prompt", DIALECT_OPENAI_CHAT, false,
	 STR("{\"usage\":{\"prompt_tokens\":100,\"completion_tokens\":5,\"prompt_tokens_details\":{"
	     "\"cached_tokens\":101}}}"),
	 "in_text_uncached=100 out_text=5 provider usage_inconsistent"},
	{"chat: reasoning beside the output", DIALECT_OPENAI_CHAT, false,
	 STR("{\"usage\":{\"prompt_tokens\":100,\"completion_tokens\":20,\"total_tokens\":420,"
	     "\"completion_tokens_details\":{\"reasoning_tokens\":300}}}"),
	 "in_text_uncached=100 out_text=20 out_reasoning=300 provider"},
	{"chat: audio and writes are inside the prompt", DIALECT_OPENAI_CHAT, false,
	 STR("{\"usage\":{\"prompt_tokens\":1000,\"completion_tokens\":50,\"prompt_tokens_"
	     "details\":{"
	     "\"cached_tokens\":100,\"cache_write_tokens\":200,\"audio_tokens\":300},"
	     "\"completion_tokens_details\":{\"audio_tokens\":40,\"rejected_prediction_tokens\":9}}"
	     "}"),
	 "in_text_uncached=400 in_cache_read=100 in_cache_write_other=200 in_audio=300 out_text=10 "
	 "out_audio=40 provider"},
	{"chat: a total and one direction give the other", DIALECT_OPENAI_CHAT, false,
	 STR("{\"usage\":{\"prompt_tokens\":100,\"total_tokens\":130}}"),
	 "in_text_uncached=100 out_text=30 provider"},
	{"chat: usage elsewhere is text", DIALECT_OPENAI_CHAT, false,
	 STR("{\"choices\":[{\"usage\":{\"prompt_tokens\":9}}],\"x\":{\"usage\":{\"prompt_tokens\":"
	     "8}},"
	     "\"x_groq\":{\"usage\":{\"prompt_tokens\":7}}}"),
	 "none"},
	{"chat: a repeated key", DIALECT_OPENAI_CHAT, false,
	 STR("{\"usage\":{\"prompt_tokens\":1,\"prompt_tokens\":2,\"completion_tokens\":3}}"),
	 "in_text_uncached=2 out_text=3 provider usage_duplicate"},
	{"chat: numbers in other clothes", DIALECT_OPENAI_CHAT, false,
	 STR("{\"usage\":{\"prompt_tokens\":12e2,\"completion_tokens\":25.0}}"),
	 "in_text_uncached=1200 out_text=25 provider"},
	{"chat: no numbers", DIALECT_OPENAI_CHAT, false,
	 STR("{\"usage\":{\"prompt_tokens\":-1,\"completion_tokens\":2.5,\"total_tokens\":\"3\"}}"),
	 "none usage_unreadable"},
	{"chat: too large", DIALECT_OPENAI_CHAT, false,
	 STR("{\"usage\":{\"prompt_tokens\":1000000000001,\"completion_tokens\":1e12}}"),
	 "out_text=1000000000000 provider usage_unreadable"},
	{"chat: not JSON", DIALECT_OPENAI_CHAT, false, STR("<html>"), "none usage_unreadable"},
	{"completions", DIALECT_OPENAI_COMPLETIONS, false,
	 STR("{\"model\":\"m\",\"choices\":[{\"text\":\"x\"}],\"usage\":{\"prompt_tokens\":4,"
	     "\"completion_tokens\":6,\"total_tokens\":10}}"),
	 "in_text_uncached=4 out_text=6 model=m provider"},
	{"completions stream", DIALECT_OPENAI_COMPLETIONS, true,
	 STR("data: {\"model\":\"m\",\"choices\":[{\"text\":\"x\"}]}\n\ndata: {\"model\":\"m\","
	     "\"choices\":[],\"usage\":{\"prompt_tokens\":4,\"completion_tokens\":6,"
	     "\"total_tokens\":10}}\n\ndata: [DONE]"),
	 "in_text_uncached=4 out_text=6 model=m provider"},
	{"embeddings", DIALECT_OPENAI_EMBEDDINGS, false,
	 STR("{\"object\":\"list\",\"data\":[{\"embedding\":[0.1,-2e-3]}],\"model\":\"e\","
	     "\"usage\":{"
	     "\"prompt_tokens\":8,\"total_tokens\":8}}"),
	 "in_text_uncached=8 model=e provider"},
	{"embeddings, total only", DIALECT_OPENAI_EMBEDDINGS, false,
	 STR("{\"data\":[],\"model\":\"e\",\"usage\":{\"total_tokens\":8}}"),
	 "in_text_uncached=8 model=e provider"},
	{"responses", DIALECT_OPENAI_RESPONSES, false,
	 STR("{\"id\":\"resp_1\",\"model\":\"M\",\"service_tier\":\"flex\",\"output\":[{\"type\":"
	     "\"web_search_call\"},{\"type\":\"message\",\"content\":[{\"text\":\"t\"}]}],"
	     "\"usage\":{"
	     "\"input_tokens\":900,\"input_tokens_details\":{\"cached_tokens\":0,"
	     "\"cache_write_tokens\":0},\"output_tokens\":120,\"output_tokens_details\":{"
	     "\"reasoning_tokens\":64},\"total_tokens\":1020}}"),
	 "in_text_uncached=900 out_text=56 out_reasoning=64 searches=1 model=M tier=flex provider"},
	{"responses stream", DIALECT_OPENAI_RESPONSES, true,
	 STR("event: response.created\ndata: "
	     "{\"type\":\"response.created\",\"response\":{\"model\":"
	     "\"M\",\"output\":[],\"usage\":null}}\n\n"
	     "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\","
	     "\"delta\":\"t\"}\n\n"
	     "event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{"
	     "\"model\":\"M\",\"service_tier\":\"flex\",\"output\":[{\"type\":\"web_search_call\"},"
	     "{"
	     "\"type\":\"message\",\"content\":[{\"text\":\"t\"}]}],\"usage\":{"
	     "\"input_tokens\":900,\"input_tokens_details\":{\"cached_tokens\":0,"
	     "\"cache_write_tokens\":0},\"output_tokens\":120,\"output_tokens_details\":{"
	     "\"reasoning_tokens\":64},\"total_tokens\":1020}}}\n\n"),
	 "in_text_uncached=900 out_text=56 out_reasoning=64 searches=1 model=M tier=flex provider"},
	{"messages", DIALECT_ANTHROPIC_MESSAGES, false,
	 STR("{\"type\":\"message\",\"model\":\"C-2026\",\"content\":[{\"type\":\"text\",\"text\":"
	     "\"x\"}],\"usage\":{\"input_tokens\":25,\"cache_read_input_tokens\":4000,"
	     "\"cache_creation_input_tokens\":800,\"cache_creation\":{\"ephemeral_5m_input_"
	     "tokens\":"
	     "800,\"ephemeral_1h_input_tokens\":0},\"output_tokens\":412,\"server_tool_use\":{"
	     "\"web_search_requests\":2},\"service_tier\":\"standard\"}}"),
	 "in_text_uncached=25 in_cache_read=4000 in_cache_write_5m=800 out_text=412 searches=2 "
	 "model=C-2026 tier=standard provider"},
	{"messages stream", DIALECT_ANTHROPIC_MESSAGES, true,
	 STR("event: message_start\ndata: "
	     "{\"type\":\"message_start\",\"message\":{\"model\":\"C-2026\","
	     "\"usage\":{\"input_tokens\":25,\"cache_read_input_tokens\":4000,"
	     "\"cache_creation_input_tokens\":800,\"cache_creation\":{\"ephemeral_5m_input_"
	     "tokens\":"
	     "800,\"ephemeral_1h_input_tokens\":0},\"output_tokens\":1,\"service_tier\":"
	     "\"standard\"}}}\n\nevent: ping\ndata: {\"type\":\"ping\"}\n\n"
	     "event: content_block_delta\ndata: "
	     "{\"type\":\"content_block_delta\",\"delta\":{\"type\":"
	     "\"text_delta\",\"text\":\"x\"}}\n\n"
	     "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":"
	     "\"end_turn\"},\"usage\":{\"output_tokens\":412,\"server_tool_use\":{"
	     "\"web_search_requests\":2}}}\n\n"
	     "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"),
	 "in_text_uncached=25 in_cache_read=4000 in_cache_write_5m=800 out_text=412 searches=2 "
	 "model=C-2026 tier=standard provider"},
	{"messages stream: deltas are cumulative, input grows, null changes nothing",
	 DIALECT_ANTHROPIC_MESSAGES, true,
	 STR("data: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":25,"
	     "\"output_tokens\":1}}}\n\n"
	     "data: {\"type\":\"message_delta\",\"usage\":{\"output_tokens\":100,\"input_tokens\":"
	     "10682,\"cache_read_input_tokens\":null}}\n\n"
	     "data: {\"type\":\"message_delta\",\"usage\":{\"output_tokens\":250}}\n\n"
	     "data: {\"type\":\"message_delta\",\"usage\":{\"output_tokens\":240,\"input_tokens\":"
	     "null}}\n\n"
	     "data: {\"type\":\"message_stop\"}\n\n"),
	 "in_text_uncached=10682 out_text=240 provider"},
	{"messages stream: a write beyond the split", DIALECT_ANTHROPIC_MESSAGES, true,
	 STR("data: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":0,"
	     "\"cache_creation_input_tokens\":800,\"cache_creation\":{\"ephemeral_5m_input_"
	     "tokens\":"
	     "300,\"ephemeral_1h_input_tokens\":500},\"output_tokens\":1}}}\n\n"
	     "data: {\"type\":\"message_delta\",\"usage\":{\"input_tokens\":7,"
	     "\"cache_creation_input_tokens\":1000,\"output_tokens\":20,\"output_tokens_details\":{"
	     "\"thinking_tokens\":5}}}\n\n"),
	 "in_text_uncached=7 in_cache_write_5m=300 in_cache_write_1h=500 in_cache_write_other=200 "
	 "out_text=15 out_reasoning=5 provider"},
	{"messages: the split is more than the write", DIALECT_ANTHROPIC_MESSAGES, false,
	 STR("{\"usage\":{\"input_tokens\":10,\"cache_read_input_tokens\":5,"
	     "\"cache_creation_input_tokens\":100,\"cache_creation\":{\"ephemeral_5m_input_"
	     "tokens\":"
	     "80,\"ephemeral_1h_input_tokens\":30},\"output_tokens\":1}}"),
	 "in_text_uncached=115 out_text=1 provider usage_inconsistent"},
	{"count_tokens is free", DIALECT_ANTHROPIC_COUNT_TOKENS, false,
	 STR("{\"input_tokens\":55}"), "provider"},
	{"kserve", DIALECT_KSERVE_INFER, false,
	 STR("{\"model_name\":\"iris\",\"outputs\":[{\"name\":\"y\",\"shape\":[7],\"data\":[1,2]}]"
	     "}"),
	 "requests=1 rows=7 model=iris provider"},
	{"mlflow", DIALECT_MLFLOW_INVOCATIONS, false, STR("{\"predictions\":[1,2]}"),
	 "requests=1 rows=7 provider"},
	{"a lone [DONE] without its line end", DIALECT_OPENAI_CHAT, true, STR("data: [DONE]"),
	 "none"},
	{"byte order mark, CR, data on two lines", DIALECT_OPENAI_CHAT, true,
	 STR("\xEF\xBB\xBF"
	     "data:{\"choices\":[],\rdata:\"usage\":{\"prompt_tokens\":3}}\r\r"),
	 "in_text_uncached=3 provider"},
	{"an event that is no JSON", DIALECT_OPENAI_CHAT, true,
	 STR("data: oops\n\ndata: {\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":1}}\n\n"),
	 "in_text_uncached=3 out_text=1 provider usage_unreadable"},
};

static void test_extract__golden_vectors_at_every_split(void **state)
{
	struct dialects *dialects = dialects_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
		const struct row *row = &vectors[i];

		print_message("# %s\n", row->name);
		assert_usage(dialects, row->dialect, row->is_stream, row->in, row->in.len, 1,
			     row->want);
		assert_all_splits(dialects, row->dialect, row->is_stream, row->in, row->want);
	}
	dialects_free(dialects);
}

/* A provider's last word on a cut stream: whatever byte it is cut at, the sum only grows. */
static void test_extract__cut_anywhere_is_never_more_than_the_whole(void **state)
{
	struct dialects *dialects = dialects_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
		const struct row *row = &vectors[i];
		int64_t last = 0;

		if (row->dialect != DIALECT_OPENAI_CHAT || !row->is_stream)
			continue;
		for (size_t at = 0; at <= row->in.len; at++) {
			struct usage u;
			int64_t sum;

			extract_pieces(dialects, row->dialect, true, str_sub(row->in, 0, at), at, 1,
				       &u);
			sum = usage_output(&u);
			/* A number cut by the end of the stream was not yet a number. */
			assert_true(sum >= last);
			last = sum;
		}
	}
	dialects_free(dialects);
}

static void test_extract__holds_what_the_provider_said(void **state)
{
	struct dialects *dialects = dialects_new();
	struct usage u;

	(void)state;
	extract_pieces(dialects, DIALECT_OPENAI_CHAT, false, vectors[6].in, 9, 9, &u);
	assert_int_equal(u.reported[FIELD_INPUT], 100);
	assert_int_equal(u.reported[FIELD_CACHE_READ], 101);
	assert_int_equal(u.reported[FIELD_TOTAL], -1);
	dialects_free(dialects);
}

static void test_extract__sums_to_the_total(void **state)
{
	struct dialects *dialects = dialects_new();
	struct usage u;

	(void)state;
	extract_pieces(dialects, DIALECT_OPENAI_CHAT, false, vectors[0].in, 9, 9, &u);
	assert_int_equal(usage_input(&u), 1200);
	assert_int_equal(usage_output(&u), 300);
	extract_pieces(dialects, DIALECT_ANTHROPIC_MESSAGES, true, STR(""), 1, 1, &u);
	assert_int_equal(usage_input(&u), 0);
	for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
		if (strcmp(vectors[i].name, "messages") != 0)
			continue;
		extract_pieces(dialects, DIALECT_ANTHROPIC_MESSAGES, false, vectors[i].in, 9, 9,
			       &u);
		assert_int_equal(usage_input(&u), 4825);
	}
	dialects_free(dialects);
}

static void test_extract__knows_when_a_stream_has_ended(void **state)
{
	static const struct {
		enum dialect dialect;
		struct str in;
		bool has_ended;
	} rows[] = {
		{DIALECT_OPENAI_CHAT, STR("data: [DONE]\n\n"), true},
		{DIALECT_OPENAI_CHAT, STR("data: [DONE]"), true},
		{DIALECT_OPENAI_CHAT, STR("data: [DONE"), false},
		{DIALECT_OPENAI_CHAT, STR("data: [DONE] \n\n"), false},
		{DIALECT_OPENAI_CHAT, STR("data: {}\n\n"), false},
		{DIALECT_OPENAI_CHAT, STR("data: {\"choices\":[],\"usage\":{}}\n\n"), true},
		{DIALECT_OPENAI_CHAT, STR("data: {\"choices\":[{}],\"usage\":{}}\n\n"), false},
		{DIALECT_ANTHROPIC_MESSAGES, STR("event: message_stop\ndata: {}\n\n"), true},
		{DIALECT_ANTHROPIC_MESSAGES, STR("data: {\"type\":\"message_stop\"}\n\n"), true},
		{DIALECT_ANTHROPIC_MESSAGES, STR("event: message_stop\n\n"), false},
		{DIALECT_ANTHROPIC_MESSAGES, STR("data: {\"x\":{\"type\":\"message_stop\"}}\n\n"),
		 false},
		{DIALECT_OPENAI_RESPONSES, STR("data: {\"type\":\"response.failed\"}\n\n"), true},
		{DIALECT_OPENAI_RESPONSES, STR("event: response.incomplete\ndata: {}\n\n"), true},
		{DIALECT_OPENAI_RESPONSES, STR("event: response.created\ndata: {}\n\n"), false},
	};
	struct dialects *dialects = dialects_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct extract x;
		struct usage u;

		print_message("# row %zu\n", i);
		extract_init(&x, dialects, rows[i].dialect, true);
		for (size_t at = 0; at < rows[i].in.len; at++)
			extract_feed(&x, str_sub(rows[i].in, at, 1));
		extract_finish(&x, 0, &u);
		assert_int_equal(extract_has_ended(&x), rows[i].has_ended);
	}
	dialects_free(dialects);
}

static void test_extract__names_go_both_ways(void **state)
{
	enum dialect found;

	(void)state;
	for (unsigned d = 0; d < DIALECT_COUNT; d++) {
		assert_true(dialect_from_name(str_from_c(dialect_name((enum dialect)d)), &found));
		assert_int_equal(found, d);
	}
	assert_false(dialect_from_name(STR("openai.chats"), &found));
	assert_null(meter_names()[METER_COUNT]);
	assert_string_equal(meter_names()[METER_ROWS], "rows");
	assert_string_equal(meter_unit(METER_ROWS), "Rows");
	assert_int_equal(meter_direction(METER_OUT_REASONING), METER_DIRECTION_OUT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_extract__golden_vectors_at_every_split),
		cmocka_unit_test(test_extract__cut_anywhere_is_never_more_than_the_whole),
		cmocka_unit_test(test_extract__holds_what_the_provider_said),
		cmocka_unit_test(test_extract__sums_to_the_total),
		cmocka_unit_test(test_extract__knows_when_a_stream_has_ended),
		cmocka_unit_test(test_extract__names_go_both_ways),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
