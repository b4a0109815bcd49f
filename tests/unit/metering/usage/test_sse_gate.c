/* SPDX-License-Identifier: Apache-2.0 */
#include "metering/usage/sse_gate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"

#define USAGE "\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":1}"
#define ONE   "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}],\"usage\":null}\n\n"
#define LAST  "data: {\"choices\":[]," USAGE "}\n\n"
#define DONE  "data: [DONE]\n\n"

static const struct row {
	const char *name;
	enum dialect dialect;
	bool hides;
	struct str in;
	const char *freed;  /* what may leave at once */
	const char *waited; /* what follows once the settle record is durable */
} rows[] = {
	{"hidden: the usage chunk goes", DIALECT_OPENAI_CHAT, true, STR(ONE LAST DONE),
	 ONE "data: [DONE]", "\n\n"},
	{"not hidden: all of it passes", DIALECT_OPENAI_CHAT, false, STR(ONE LAST DONE),
	 ONE LAST "data: [DONE]", "\n\n"},
	{"an empty first chunk stays", DIALECT_OPENAI_CHAT, true,
	 STR("data: {\"choices\":[],\"prompt_filter_results\":[]}\n\n" ONE LAST DONE),
	 "data: {\"choices\":[],\"prompt_filter_results\":[]}\n\n" ONE "data: [DONE]", "\n\n"},
	{"empty choices and usage null stays", DIALECT_OPENAI_CHAT, true,
	 STR("data: {\"choices\":[],\"usage\":null}\n\n" DONE),
	 "data: {\"choices\":[],\"usage\":null}\n\ndata: [DONE]", "\n\n"},
	{"usage beside choices stays", DIALECT_OPENAI_CHAT, true,
	 STR("data: {\"choices\":[{}]," USAGE "}\n\n" DONE),
	 "data: {\"choices\":[{}]," USAGE "}\n\ndata: [DONE]", "\n\n"},
	{"usage chunks again and again", DIALECT_OPENAI_CHAT, true,
	 STR(LAST ONE LAST ONE LAST LAST ONE LAST ONE LAST ONE LAST DONE),
	 ONE ONE ONE ONE ONE "data: [DONE]", "\n\n"},
	{"CR LF goes with its event", DIALECT_OPENAI_CHAT, true,
	 STR("data: {\"choices\":[{}]}\r\n\r\ndata: {\"choices\":[]," USAGE "}\r\n\r\n"
	     ": ping\r\n\r\ndata: [DONE]\r\n\r\n"),
	 "data: {\"choices\":[{}]}\r\n\r\n: ping\r\n\r\ndata: [DONE]", "\r\n\r\n"},
	{"CR alone", DIALECT_OPENAI_CHAT, true,
	 STR("data: {\"choices\":[]," USAGE "}\r\rdata: {\"choices\":[{}]}\r\rdata: [DONE]\r\r"),
	 "data: {\"choices\":[{}]}\r\rdata: [DONE]", "\r\r"},
	{"the last event lacks its blank line", DIALECT_OPENAI_CHAT, true,
	 STR(ONE LAST "data: [DONE]"), ONE "data: [DONE]", ""},
	{"a usage chunk at the very end", DIALECT_OPENAI_CHAT, true,
	 STR(ONE "data: {\"choices\":[]," USAGE "}"), ONE, ""},
	{"cut in an event", DIALECT_OPENAI_CHAT, true, STR(ONE "data: {\"choices\":[],\"usa"),
	 ONE "data: {\"choices\":[],\"usa", ""},
	{"no JSON passes", DIALECT_OPENAI_CHAT, true, STR("data: hello\n\nfoo\n\n\n\n" DONE),
	 "data: hello\n\nfoo\n\n\n\ndata: [DONE]", "\n\n"},
	{"bytes behind the end wait too", DIALECT_OPENAI_CHAT, true, STR(ONE DONE ": bye\n\n" ONE),
	 ONE "data: [DONE]", "\n\n: bye\n\n" ONE},
	{"completions", DIALECT_OPENAI_COMPLETIONS, true,
	 STR("data: {\"choices\":[{\"text\":\"a\"}]}\n\n" LAST DONE),
	 "data: {\"choices\":[{\"text\":\"a\"}]}\n\ndata: [DONE]", "\n\n"},
	{"messages end at message_stop", DIALECT_ANTHROPIC_MESSAGES, false,
	 STR("event: ping\ndata: {\"type\":\"ping\"}\n\nevent: message_stop\ndata: {\"type\":"
	     "\"message_stop\"}\n\n"),
	 "event: ping\ndata: {\"type\":\"ping\"}\n\nevent: message_stop\ndata: {\"type\":"
	 "\"message_stop\"}",
	 "\n\n"},
	{"responses end at response.completed", DIALECT_OPENAI_RESPONSES, false,
	 STR("data: {\"type\":\"response.created\"}\n\ndata: {\"type\":\"response.completed\","
	     "\"response\":{\"usage\":{}}}\n\n"),
	 "data: {\"type\":\"response.created\"}\n\ndata: {\"type\":\"response.completed\","
	 "\"response\":{\"usage\":{}}}",
	 "\n\n"},
	{"only a usage chunk of this dialect is hidden", DIALECT_ANTHROPIC_MESSAGES, true,
	 STR(LAST "event: message_stop\ndata: {}\n\n"), LAST "event: message_stop\ndata: {}",
	 "\n\n"},
};

struct relay {
	struct sse_gate gate;
	struct extract tap;
	char hold[SSE_GATE_HOLD];
	struct buf freed;
	struct buf waited;
};

static void relay_take(struct relay *r, const struct sse_gate_out *out)
{
	size_t left = out->free_len, len = 0;

	assert_true(out->free_len <= out->len);
	for (size_t i = 0; i < out->count; i++) {
		struct str head = str_sub(out->views[i], 0, left);

		assert_int_equal(buf_append(&r->freed, head), OK);
		assert_int_equal(
			buf_append(&r->waited, str_sub(out->views[i], head.len, out->views[i].len)),
			OK);
		left -= head.len;
		len += out->views[i].len;
	}
	assert_int_equal(len, out->len);
}

static void relay_run(struct relay *r, const struct dialects *dialects, const struct row *row,
		      struct str in, size_t first, size_t step)
{
	struct sse_gate_out out;
	size_t len = first;

	buf_init(&r->freed, 1 << 20);
	buf_init(&r->waited, 1 << 20);
	extract_init(&r->tap, dialects, row->dialect, true);
	sse_gate_init(&r->gate, &r->tap, row->hides ? r->hold : NULL);
	while (in.len > 0) {
		struct str piece = str_sub(in, 0, len);
		char *copy = malloc(piece.len + 1);
		struct str rest = str_make(copy, piece.len);

		memcpy(copy, piece.ptr, piece.len);
		while (rest.len > 0) {
			size_t used = sse_gate_feed(&r->gate, rest, &out);

			assert_true(used > 0);
			relay_take(r, &out);
			rest = str_sub(rest, used, rest.len);
		}
		free(copy);
		in = str_sub(in, piece.len, in.len);
		len = step;
	}
	sse_gate_finish(&r->gate, &out);
	relay_take(r, &out);
}

static void relay_fini(struct relay *r)
{
	buf_fini(&r->freed);
	buf_fini(&r->waited);
}

static void test_sse_gate__forwards_the_same_at_every_split(void **state)
{
	struct dialects *dialects = dialects_new();
	struct relay *r = malloc(sizeof(*r));

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct row *row = &rows[i];

		print_message("# %s\n", row->name);
		for (size_t at = 1; at <= row->in.len; at++) {
			for (size_t step = 1; step <= row->in.len; step += row->in.len / 3) {
				relay_run(r, dialects, row, row->in, at, step);
				assert_true(str_eq(buf_str(&r->freed), str_from_c(row->freed)));
				assert_true(str_eq(buf_str(&r->waited), str_from_c(row->waited)));
				relay_fini(r);
			}
		}
	}
	free(r);
	dialects_free(dialects);
}

/* A usage chunk of exactly the hold is dropped, one byte more and it passes: at any split. */
static void test_sse_gate__holds_no_more_than_its_limit(void **state)
{
	struct dialects *dialects = dialects_new();
	struct relay *r = malloc(sizeof(*r));
	struct row row = {.dialect = DIALECT_OPENAI_CHAT, .hides = true};
	size_t frame = sizeof(LAST) - 1 + sizeof(",\"x\":\"\"") - 1;

	(void)state;
	for (size_t total = SSE_GATE_HOLD - 1; total <= SSE_GATE_HOLD + 1; total++) {
		struct buf in;

		buf_init(&in, 1 << 20);
		assert_int_equal(buf_printf(&in,
					    "data: {\"choices\":[]," USAGE ",\"x\":\"%0*d\"}\n\n",
					    (int)(total - frame), 0),
				 OK);
		assert_int_equal(in.len, total);
		for (size_t step = 1000; step <= 20000; step += 1000) {
			relay_run(r, dialects, &row, buf_str(&in), step, step);
			assert_int_equal(r->freed.len, total <= SSE_GATE_HOLD ? 0 : total);
			assert_int_equal(r->gate.dropped, total <= SSE_GATE_HOLD);
			relay_fini(r);
		}
		buf_fini(&in);
	}
	free(r);
	dialects_free(dialects);
}

/* Without hiding nothing is ever held: each call forwards what it was given. */
static void test_sse_gate__holds_nothing_when_nothing_is_hidden(void **state)
{
	struct dialects *dialects = dialects_new();
	struct sse_gate_out out;
	struct sse_gate gate;
	struct extract tap;
	struct str in = STR(ONE LAST DONE);

	(void)state;
	extract_init(&tap, dialects, DIALECT_OPENAI_CHAT, true);
	sse_gate_init(&gate, &tap, NULL);
	for (size_t i = 0; i < in.len; i++) {
		assert_int_equal(sse_gate_feed(&gate, str_sub(in, i, 1), &out), 1);
		assert_int_equal(out.len, 1);
		assert_int_equal(out.free_len, i < in.len - 2);
	}
	assert_true(gate.is_terminal);
	dialects_free(dialects);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sse_gate__forwards_the_same_at_every_split),
		cmocka_unit_test(test_sse_gate__holds_no_more_than_its_limit),
		cmocka_unit_test(test_sse_gate__holds_nothing_when_nothing_is_hidden),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
