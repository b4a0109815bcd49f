/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"
#include "gateway/proxy/peek.h"
#include "tests/unit/split.h"

static const struct operation *operation_of(const char *path)
{
	struct operation_match match;

	assert_int_equal(operation_match(METHOD_POST, str_from_c(path), &match), OK);
	return match.operation;
}

static enum err peek_whole(struct peek *peek, const struct peek_paths *paths, struct str body,
			   const struct operation *operation)
{
	enum err err;

	peek_init(peek, paths);
	err = peek_feed(peek, body);
	return err != OK ? err : peek_end(peek, operation);
}

#define CHAT	   "/v1/chat/completions"
#define EMBEDDINGS "/v1/embeddings"
#define RESPONSES  "/v1/responses"

/* What is read; tokens and answers as peek has them. */
static const struct {
	const char *path;
	const char *body;
	const char *model;
	uint64_t tokens, answers;
	bool is_stream, wants_usage;
} good[] = {
	{CHAT, "{\"model\":\"m\"}", "m", 0, 1, false, false},
	{CHAT, " \t\r\n{ \"model\" : \"m\" } \n", "m", 0, 1, false, false},
	{CHAT, "{\"messages\":[],\"model\":\"gpt-x\",\"x\":{}}", "gpt-x", 0, 1, false, false},
	{CHAT, "{\"mod\\u0065l\":\"m\"}", "m", 0, 1, false, false},
	{CHAT, "{\"model\":\"\\u006d\\u00e4\\\"\\n\\ud83d\\ude00\"}",
	 "m\xc3\xa4\"\n\xf0\x9f\x98\x80", 0, 1, false, false},
	{CHAT, "{\"model\":\"m\",\"stream\":true}", "m", 0, 1, true, false},
	{CHAT, "{\"model\":\"m\",\"stream\":false}", "m", 0, 1, false, false},
	{CHAT, "{\"model\":\"m\",\"stream\":null}", "m", 0, 1, false, false},
	{CHAT, "{\"stream\":true,\"stream_options\":{\"include_usage\":true},\"model\":\"m\"}", "m",
	 0, 1, true, true},
	{CHAT, "{\"model\":\"m\",\"stream_options\":{\"include_usage\":false}}", "m", 0, 1, false,
	 false},
	{CHAT, "{\"model\":\"m\",\"stream_options\":null}", "m", 0, 1, false, false},
	{CHAT, "{\"model\":\"m\",\"stream_options\":{}}", "m", 0, 1, false, false},
	{CHAT, "{\"model\":\"m\",\"max_tokens\":7}", "m", 7, 1, false, false},
	{CHAT, "{\"model\":\"m\",\"max_tokens\":7,\"max_completion_tokens\":9}", "m", 9, 1, false,
	 false},
	{CHAT, "{\"model\":\"m\",\"max_completion_tokens\":9,\"max_tokens\":7}", "m", 9, 1, false,
	 false},
	{CHAT, "{\"model\":\"m\",\"max_tokens\":null,\"n\":null}", "m", 0, 1, false, false},
	{CHAT, "{\"model\":\"m\",\"max_tokens\":0}", "m", 0, 1, false, false},
	{CHAT, "{\"model\":\"m\",\"max_tokens\":1000000000}", "m", 1000000000, 1, false, false},
	{CHAT, "{\"model\":\"m\",\"n\":3}", "m", 0, 3, false, false},
	{CHAT, "{\"model\":\"m\",\"n\":0}", "m", 0, 1, false, false},
	{"/v1/completions", "{\"model\":\"m\",\"n\":2,\"best_of\":5}", "m", 0, 5, false, false},
	{RESPONSES, "{\"model\":\"m\",\"max_output_tokens\":12,\"stream\":true}", "m", 12, 1, true,
	 false},
	{RESPONSES, "{\"model\":\"m\",\"background\":false}", "m", 0, 1, false, false},
	{RESPONSES, "{\"model\":\"m\",\"background\":null}", "m", 0, 1, false, false},
	{"/v1/messages", "{\"model\":\"m\",\"max_tokens\":5,\"stream\":true}", "m", 5, 1, true,
	 false},
	{EMBEDDINGS, "{\"model\":\"m\",\"input\":\"x\",\"stream\":false}", "m", 0, 1, false, false},
	/* Bounds by names that this operation's upstreams do not look at. */
	{CHAT, "{\"model\":\"m\",\"max_output_tokens\":7}", "m", 0, 1, false, false},
	{RESPONSES, "{\"model\":\"m\",\"max_tokens\":7,\"max_completion_tokens\":8}", "m", 0, 1,
	 false, false},
	{"/v1/completions", "{\"model\":\"m\",\"max_completion_tokens\":8}", "m", 0, 1, false,
	 false},
	{"/v1/messages", "{\"model\":\"m\",\"max_tokens\":5,\"max_completion_tokens\":8}", "m", 5,
	 1, false, false},
	/* Look-alikes that mean nothing to us. */
	{CHAT, "{\"x\":{\"model\":\"evil\"},\"model\":\"m\"}", "m", 0, 1, false, false},
	{CHAT, "{\"model\":\"m\",\"messages\":[{\"model\":\"evil\",\"stream\":true,\"n\":\"x\"}]}",
	 "m", 0, 1, false, false},
	{CHAT, "{\"model\":\"m\",\"model \":8,\"mode\":9,\"models\":[]}", "m", 0, 1, false, false},
	{CHAT, "{\"model\":\"m\",\"m\\u043edel\":\"evil\"}", "m", 0, 1, false, false},
	{CHAT, "{\"model\":\"m\",\"model\\u0000\":\"evil\"}", "m", 0, 1, false, false},
	{CHAT, "{\"model\":\"m\",\"text\":\"{\\\"model\\\":\\\"evil\\\"}\"}", "m", 0, 1, false,
	 false},
	{CHAT,
	 "{\"model\":\"m\",\"include_usage\":true,\"stream_options\":{\"x\":{\"include_usage\":"
	 "true}}}",
	 "m", 0, 1, false, false},
	{CHAT, "{\"model\":\"m\",\"metadata\":{\"a\":1,\"a\":2}}", "m", 0, 1, false, false},
	{CHAT, "{\"model\":\"m\",\"temperature\":1e400,\"seed\":-0.5E-7}", "m", 0, 1, false, false},
};

static void test_peek__reads_what_decides(void **state)
{
	struct peek_paths *paths = peek_paths_new();
	struct peek peek;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		print_message("# row %zu\n", i);
		assert_int_equal(peek_whole(&peek, paths, str_from_c(good[i].body),
					    operation_of(good[i].path)),
				 OK);
		assert_true(str_eq(peek_model(&peek), str_from_c(good[i].model)));
		assert_int_equal(peek.max_tokens, good[i].tokens);
		assert_int_equal(peek.answers, good[i].answers);
		assert_int_equal(peek.is_stream, good[i].is_stream);
		assert_int_equal(peek.wants_usage, good[i].wants_usage);
	}
	peek_paths_free(paths);
}

static const struct {
	const char *path;
	const char *body;
	const char *says; /* part of the refusal */
} bad[] = {
	{CHAT, "", "JSON"},
	{CHAT, " ", "JSON"},
	{CHAT, "{", "JSON"},
	{CHAT, "{\"model\":\"m\"", "JSON"},
	{CHAT, "{\"model\":\"m\"}x", "JSON"},
	{CHAT, "{\"model\":\"m\"}{}", "JSON"},
	{CHAT, "{\"model\":\"m\",}", "JSON"},
	{CHAT, "{'model':'m'}", "JSON"},
	{CHAT, "{\"model\":m}", "JSON"},
	{CHAT, "{\"model\":\"m\xff\"}", "JSON"},
	{CHAT, "{\"model\":\"m\",\"x\":\"\\ud800\"}", "JSON"},
	{CHAT, "{\"model\":\"m\",\"x\":\"\x01\"}", "JSON"},
	{CHAT, "{\"model\":\"m\",\"x\":01}", "JSON"},
	{CHAT, "{\"model\":\"m\",\"x\":NaN}", "JSON"},
	{CHAT, "{\"model\":\"m\"/**/}", "JSON"},
	{CHAT, "\xef\xbb\xbf{\"model\":\"m\"}", "JSON"},
	{CHAT, "[]", "object"},
	{CHAT, "[{\"model\":\"m\"}]", "object"},
	{CHAT, "\"model\"", "object"},
	{CHAT, "null", "object"},
	{CHAT, "7", "object"},
	{CHAT, "{}", "missing"},
	{CHAT, "{\"model\":\"\"}", "missing"},
	{CHAT, "{\"messages\":[{\"model\":\"m\"}]}", "missing"},
	{EMBEDDINGS, "{\"input\":\"x\"}", "missing"},
	{CHAT, "{\"model\":null}", "\"model\" must"},
	{CHAT, "{\"model\":7}", "\"model\" must"},
	{CHAT, "{\"model\":true}", "\"model\" must"},
	{CHAT, "{\"model\":[\"m\"]}", "\"model\" must"},
	{CHAT, "{\"model\":{\"id\":\"m\"}}", "\"model\" must"},
	{CHAT, "{\"model\":\"m\",\"stream\":\"true\"}", "\"stream\" must"},
	{CHAT, "{\"model\":\"m\",\"stream\":1}", "\"stream\" must"},
	{CHAT, "{\"model\":\"m\",\"stream\":{}}", "\"stream\" must"},
	{CHAT, "{\"model\":\"m\",\"stream_options\":true}", "\"stream_options\" must"},
	{CHAT, "{\"model\":\"m\",\"stream_options\":[]}", "\"stream_options\" must"},
	{CHAT, "{\"model\":\"m\",\"stream_options\":{\"include_usage\":1}}",
	 "\"include_usage\" must"},
	{CHAT, "{\"model\":\"m\",\"n\":\"3\"}", "\"n\" must"},
	{CHAT, "{\"model\":\"m\",\"n\":-1}", "\"n\" must"},
	{CHAT, "{\"model\":\"m\",\"n\":1.0}", "\"n\" must"},
	{CHAT, "{\"model\":\"m\",\"n\":1e2}", "\"n\" must"},
	{CHAT, "{\"model\":\"m\",\"n\":1000000001}", "\"n\" must"},
	{CHAT, "{\"model\":\"m\",\"best_of\":[]}", "\"best_of\" must"},
	{CHAT, "{\"model\":\"m\",\"max_tokens\":\"all\"}", "bound must"},
	{CHAT, "{\"model\":\"m\",\"max_tokens\":-7}", "bound must"},
	{CHAT, "{\"model\":\"m\",\"max_tokens\":1.5}", "bound must"},
	{CHAT, "{\"model\":\"m\",\"max_completion_tokens\":true}", "bound must"},
	{CHAT, "{\"model\":\"m\",\"max_output_tokens\":18446744073709551617}", "bound must"},
	{CHAT,
	 "{\"model\":\"m\",\"max_tokens\":10000000000000000000000000000000000000000000000000001}",
	 "bound must"},
	{EMBEDDINGS, "{\"model\":\"m\",\"stream\":true}", "stream"},
	{RESPONSES, "{\"model\":\"m\",\"background\":true}", "background"},
	{RESPONSES, "{\"model\":\"m\",\"background\":\"no\"}", "\"background\" must"},
	/* Some readers do not look at case. */
	{CHAT, "{\"model\":\"m\",\"Model\":\"evil\"}", "twice"},
	{CHAT, "{\"MODEL\":\"evil\",\"model\":\"m\"}", "twice"},
	{CHAT, "{\"model\":\"m\",\"max_tokens\":1,\"Max_Tokens\":100}", "twice"},
	{CHAT, "{\"model\":\"m\",\"stream\":false,\"\\u0053tream\":true}", "twice"},
	/* Which of two is meant is not for us to guess, however it is spelled. */
	{CHAT, "{\"model\":\"m\",\"model\":\"evil\"}", "twice"},
	{CHAT, "{\"model\":\"m\",\"model\":\"m\"}", "twice"},
	{CHAT, "{\"model\":\"m\",\"mod\\u0065l\":\"evil\"}", "twice"},
	{CHAT, "{\"\\u006d\\u006f\\u0064\\u0065\\u006c\":\"m\",\"model\":\"evil\"}", "twice"},
	{CHAT, "{\"model\":\"m\",\"model\":null}", "twice"},
	{CHAT, "{\"model\":\"m\",\"stream\":true,\"stream\":false}", "twice"},
	{CHAT, "{\"model\":\"m\",\"n\":1,\"n\":100}", "twice"},
	{CHAT, "{\"model\":\"m\",\"max_tokens\":1,\"max_token\\u0073\":100}", "twice"},
	{CHAT, "{\"model\":\"m\",\"stream_options\":{},\"stream_options\":{}}", "twice"},
	{CHAT,
	 "{\"model\":\"m\",\"stream_options\":{\"include_usage\":true,\"include_usage\":false}}",
	 "twice"},
};

static void test_peek__refuses_what_two_readers_could_read_differently(void **state)
{
	struct peek_paths *paths = peek_paths_new();
	struct peek peek;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		print_message("# row %zu\n", i);
		assert_int_equal(peek_whole(&peek, paths, str_from_c(bad[i].body),
					    operation_of(bad[i].path)),
				 ERR_MALFORMED);
		assert_non_null(peek.refusal);
		assert_non_null(strstr(peek.refusal, bad[i].says));
	}
	peek_paths_free(paths);
}

/* A body of one model name of len bytes, each written as fill. */
static void model_body(struct buf *out, size_t len, const char *fill)
{
	buf_reset(out);
	assert_int_equal(buf_append(out, STR("{\"model\":\"")), OK);
	for (size_t i = 0; i < len; i++)
		assert_int_equal(buf_append(out, str_from_c(fill)), OK);
	assert_int_equal(buf_append(out, STR("\"}")), OK);
}

static void test_peek__bounds_the_name_of_the_model(void **state)
{
	static const char *const fills[] = {"a", "\\u0061", "\\n"};
	struct peek_paths *paths = peek_paths_new();
	struct peek peek;
	struct buf body;

	(void)state;
	buf_init(&body, 1 << 20);
	for (size_t i = 0; i < ARRAY_LEN(fills); i++) {
		model_body(&body, PEEK_MODEL_BYTES, fills[i]);
		assert_int_equal(peek_whole(&peek, paths, buf_str(&body), operation_of(CHAT)), OK);
		assert_int_equal(peek_model(&peek).len, PEEK_MODEL_BYTES);
		for (size_t len = PEEK_MODEL_BYTES + 1; len < 2000; len *= 2) {
			model_body(&body, len, fills[i]);
			assert_int_equal(
				peek_whole(&peek, paths, buf_str(&body), operation_of(CHAT)),
				ERR_MALFORMED);
			assert_non_null(strstr(peek.refusal, "too long"));
		}
	}
	buf_fini(&body);
	peek_paths_free(paths);
}

static void test_peek__bounds_the_depth(void **state)
{
	struct peek_paths *paths = peek_paths_new();
	struct peek peek;
	struct buf body;

	(void)state;
	buf_init(&body, 1 << 20);
	for (size_t depth = JSCAN_DEPTH - 1; depth <= JSCAN_DEPTH; depth++) {
		enum err want = depth < JSCAN_DEPTH ? OK : ERR_LIMIT;

		buf_reset(&body);
		assert_int_equal(buf_append(&body, STR("{\"model\":\"m\",\"x\":")), OK);
		for (size_t i = 0; i < depth; i++)
			assert_int_equal(buf_append_byte(&body, '['), OK);
		for (size_t i = 0; i < depth; i++)
			assert_int_equal(buf_append_byte(&body, ']'), OK);
		assert_int_equal(buf_append_byte(&body, '}'), OK);
		assert_int_equal(peek_whole(&peek, paths, buf_str(&body), operation_of(CHAT)),
				 want);
	}
	buf_fini(&body);
	peek_paths_free(paths);
}

/* Split law ---------------------------------------------------------------------------- */

struct subject {
	struct peek_paths *paths;
	struct peek peek;
	enum err err;
	struct buf *out;
};

static void *subject_new(struct buf *out)
{
	struct subject *subject = calloc(1, sizeof(*subject));

	subject->paths = peek_paths_new();
	subject->out = out;
	peek_init(&subject->peek, subject->paths);
	return subject;
}

static bool subject_feed(void *parser, struct str piece)
{
	struct subject *subject = parser;

	subject->err = peek_feed(&subject->peek, piece);
	return subject->err == OK;
}

static void put_place(struct buf *out, const struct peek_place *place)
{
	assert_int_equal(buf_printf(out, " %llu-%llu/%llu/%d", (unsigned long long)place->start,
				    (unsigned long long)place->end,
				    (unsigned long long)place->count, (int)place->type),
			 OK);
}

static void subject_end(void *parser)
{
	struct subject *subject = parser;
	const struct peek *peek = &subject->peek;

	if (subject->err == OK)
		subject->err = peek_end(&subject->peek, operation_of(CHAT));
	assert_int_equal(buf_printf(subject->out, "%d %s at %llu: " STR_FMT " %llu %llu %d%d%d",
				    (int)subject->err, peek->refusal == NULL ? "" : peek->refusal,
				    (unsigned long long)jscan_offset(&peek->scan),
				    STR_ARG(peek_model(peek)), (unsigned long long)peek->max_tokens,
				    (unsigned long long)peek->answers, peek->is_stream,
				    peek->wants_usage, peek->is_background),
			 OK);
	put_place(subject->out, &peek->model_place);
	put_place(subject->out, &peek->options_place);
	put_place(subject->out, &peek->include_place);
}

static void subject_free(void *parser)
{
	struct subject *subject = parser;

	peek_paths_free(subject->paths);
	free(subject);
}

static void test_peek__is_the_same_however_it_is_cut(void **state)
{
	static const struct split_ops ops = {subject_new, subject_feed, subject_end, subject_free};
	struct buf out;

	(void)state;
	buf_init(&out, 1 << 20);
	for (size_t i = 0; i < ARRAY_LEN(good) + ARRAY_LEN(bad); i++) {
		const char *body =
			i < ARRAY_LEN(good) ? good[i].body : bad[i - ARRAY_LEN(good)].body;

		print_message("# row %zu\n", i);
		buf_reset(&out);
		assert_true(split_check(&ops, "peek", str_from_c(body), 4096, &out));
	}
	buf_fini(&out);
}

static void test_peek__counts_the_characters_to_be_spoken(void **state)
{
	static const struct {
		const char *body;
		uint64_t characters;
	} texts[] = {
		{"{\"model\":\"m\",\"input\":\"\"}", 0},
		{"{\"model\":\"m\",\"input\":\"say this\"}", 8},
		{"{\"input\":\"gr\xc3\xbc\xc3\x9f\xf0\x9f\x98\x80\",\"model\":\"m\"}", 5},
		{"{\"model\":\"m\",\"input\":\"a\\n\\\"\\\\b\"}", 5},
		{"{\"model\":\"m\",\"input\":\"\\u00fc\\ud83d\\ude00\\u0041B\"}", 4},
		{"{\"model\":\"m\",\"input\":[\"abc\"]}", 0},
		{"{\"model\":\"m\"}", 0},
	};
	struct queue_pool *pool = queue_pool_new(64);
	struct peek_paths *paths = peek_paths_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct str body = str_from_c(texts[i].body);
		struct queue queue;
		struct peek peek;

		print_message("# row %zu\n", i);
		queue_init(&queue, pool, 1 << 20);
		assert_int_equal(queue_append(&queue, body), OK);
		assert_int_equal(peek_whole(&peek, paths, body, operation_of("/v1/audio/speech")),
				 OK);
		assert_int_equal(peek_characters(&peek, &queue), texts[i].characters);
		queue_reset(&queue);
	}
	peek_paths_free(paths);
	queue_pool_free(pool);
}

/* A text longer than a chunk of the queue, with an escape across their border. */
static void test_peek__counts_characters_over_many_chunks(void **state)
{
	struct queue_pool *pool = queue_pool_new(64);
	struct peek_paths *paths = peek_paths_new();

	(void)state;
	for (size_t shift = 0; shift < 8; shift++) {
		struct buf body;
		struct queue queue;
		struct peek peek;

		buf_init(&body, 1 << 20);
		assert_int_equal(buf_append(&body, STR("{\"model\":\"m\",\"input\":\"")), OK);
		for (size_t i = 0; i < shift; i++)
			assert_int_equal(buf_append_byte(&body, 'x'), OK);
		for (size_t i = 0; i < 9000; i++)
			assert_int_equal(buf_append(&body, STR("\\ud83d\\ude00")), OK);
		assert_int_equal(buf_append(&body, STR("\"}")), OK);
		queue_init(&queue, pool, 1 << 20);
		assert_int_equal(queue_append(&queue, buf_str(&body)), OK);
		assert_int_equal(
			peek_whole(&peek, paths, buf_str(&body), operation_of("/v1/audio/speech")),
			OK);
		assert_int_equal(peek_characters(&peek, &queue), 9000 + shift);
		queue_reset(&queue);
		buf_fini(&body);
	}
	peek_paths_free(paths);
	queue_pool_free(pool);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_peek__reads_what_decides),
		cmocka_unit_test(test_peek__refuses_what_two_readers_could_read_differently),
		cmocka_unit_test(test_peek__bounds_the_name_of_the_model),
		cmocka_unit_test(test_peek__bounds_the_depth),
		cmocka_unit_test(test_peek__counts_the_characters_to_be_spoken),
		cmocka_unit_test(test_peek__counts_characters_over_many_chunks),
		cmocka_unit_test(test_peek__is_the_same_however_it_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
