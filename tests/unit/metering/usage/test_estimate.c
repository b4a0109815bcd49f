/* SPDX-License-Identifier: Apache-2.0 */
#include "metering/usage/estimate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct {
	const char *name;
	enum dialect dialect;
	struct str in;
	bool is_stream, is_cut;
	int64_t input, output;
	enum usage_source source;
} cases[] = {
	{"cut before any usage: one token a delta", DIALECT_OPENAI_CHAT,
	 STR("data: {\"choices\":[{\"delta\":{\"content\":\"ab\"}}]}\n\n"
	     "data: {\"choices\":[{\"delta\":{\"content\":\"c\"}}]}\n\n"
	     "data: {\"choices\":[{\"delta\":{\"content\":\"\"}}]}\n\n"),
	 true, true, 50, 2, USAGE_ESTIMATE},
	{"cut: four bytes a token where deltas are long", DIALECT_OPENAI_CHAT,
	 STR("data: {\"choices\":[{\"delta\":{\"content\":\"0123456789abcdef0\"}}]}\n\n"), true,
	 true, 50, 5, USAGE_ESTIMATE},
	{"cut: the placeholder of message_start is no count", DIALECT_ANTHROPIC_MESSAGES,
	 STR("data: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":25,"
	     "\"output_tokens\":1}}}\n\ndata: {\"delta\":{\"text\":\"0123456789abcdef\"}}\n\n"),
	 true, true, 25, 4, USAGE_ESTIMATE},
	{"cut: a running count that is larger stays", DIALECT_OPENAI_CHAT,
	 STR("data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}],\"usage\":{\"prompt_tokens\":5,"
	     "\"completion_tokens\":9}}\n\n"),
	 true, true, 5, 9, USAGE_PROVIDER},
	{"whole: the provider's number stays, whatever was seen", DIALECT_OPENAI_CHAT,
	 STR("data: {\"choices\":[{\"delta\":{\"content\":\"0123456789\"}}]}\n\ndata: "
	     "{\"choices\":[],"
	     "\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":1}}\n\ndata: [DONE]\n\n"),
	 true, false, 5, 1, USAGE_PROVIDER},
	{"unary without usage", DIALECT_OPENAI_CHAT,
	 STR("{\"choices\":[{\"message\":{\"content\":\"0123456789\"}}]}"), false, false, 50, 3,
	 USAGE_ESTIMATE},
	{"embeddings without usage have no output", DIALECT_OPENAI_EMBEDDINGS, STR("{\"data\":[]}"),
	 false, false, 50, 0, USAGE_ESTIMATE},
	{"nothing came at all", DIALECT_OPENAI_CHAT, STR(""), true, true, 50, 0, USAGE_ESTIMATE},
	{"by the call", DIALECT_KSERVE_INFER, STR("{}"), false, false, 0, 0, USAGE_PROVIDER},
	{"free", DIALECT_ANTHROPIC_COUNT_TOKENS, STR("{}"), false, false, 0, 0, USAGE_PROVIDER},
};

static void test_estimate__completes_what_is_missing(void **state)
{
	struct dialects *dialects = dialects_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct extract x;
		struct usage usage;

		print_message("# %s\n", cases[i].name);
		extract_init(&x, dialects, cases[i].dialect, cases[i].is_stream);
		extract_feed(&x, cases[i].in);
		extract_finish(&x, 1, &usage);
		estimate_complete(&usage, &x, 50, cases[i].is_cut);
		assert_int_equal(usage_input(&usage), cases[i].input);
		assert_int_equal(usage_output(&usage), cases[i].output);
		assert_int_equal(usage.source, cases[i].source);
	}
	dialects_free(dialects);
}

static void test_estimate__bounds_input(void **state)
{
	(void)state;
	assert_int_equal(estimate_input_tokens(0, true), 0);
	assert_int_equal(estimate_input_tokens(1, true), 1);
	assert_int_equal(estimate_input_tokens(1001, true), 501);
	assert_int_equal(estimate_input_tokens(1001, false), 334);
	assert_int_equal(estimate_input_tokens(UINT64_MAX, true), USAGE_COUNT_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_estimate__completes_what_is_missing),
		cmocka_unit_test(test_estimate__bounds_input),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
