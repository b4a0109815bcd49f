/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "gateway/proxy/operation.h"
#include "metering/usage/dialect.h"

static const struct {
	enum method method;
	const char *path;
	enum err err;
	enum operation_id id;
	const char *model;   /* NULL: none */
	const char *version; /* NULL: none */
} rows[] = {
	{METHOD_POST, "/v1/chat/completions", OK, OP_CHAT, NULL, NULL},
	{METHOD_POST, "/v1/completions", OK, OP_COMPLETIONS, NULL, NULL},
	{METHOD_POST, "/v1/embeddings", OK, OP_EMBEDDINGS, NULL, NULL},
	{METHOD_POST, "/v1/responses", OK, OP_RESPONSES, NULL, NULL},
	{METHOD_POST, "/v1/messages", OK, OP_MESSAGES, NULL, NULL},
	{METHOD_POST, "/v1/messages/count_tokens", OK, OP_COUNT_TOKENS, NULL, NULL},
	{METHOD_POST, "/v2/models/iris/infer", OK, OP_INFER, "iris", NULL},
	{METHOD_POST, "/v2/models/iris/versions/3/infer", OK, OP_INFER_V, "iris", "3"},
	{METHOD_GET, "/v2/models/iris/ready", OK, OP_V2_READY, "iris", NULL},
	{METHOD_GET, "/v2/models/iris/versions/3/ready", OK, OP_V2_READY_V, "iris", "3"},
	{METHOD_GET, "/v2/models/iris", OK, OP_V2_META, "iris", NULL},
	{METHOD_GET, "/v2/models/iris/versions/3", OK, OP_V2_META_V, "iris", "3"},
	{METHOD_POST, "/endpoints/wine/invocations", OK, OP_MLFLOW, "wine", NULL},
	{METHOD_GET, "/v1/models", OK, OP_MODELS, NULL, NULL},
	{METHOD_GET, "/v1/models/gpt-x", OK, OP_MODEL, "gpt-x", NULL},
	{METHOD_GET, "/v2/health/live", OK, OP_V2_LIVE, NULL, NULL},
	{METHOD_GET, "/v2/health/ready", OK, OP_V2_HEALTH, NULL, NULL},
	{METHOD_GET, "/v2", OK, OP_V2_SERVER, NULL, NULL},
	{METHOD_POST, "/v1/images/generations", OK, OP_IMAGES, NULL, NULL},
	{METHOD_POST, "/v1/audio/speech", OK, OP_SPEECH, NULL, NULL},
	{METHOD_POST, "/openai/deployments/d1/chat/completions", OK, OP_AZURE_CHAT, "d1", NULL},
	{METHOD_POST, "/openai/deployments/d1/completions", OK, OP_AZURE_COMPLETIONS, "d1", NULL},
	{METHOD_POST, "/openai/deployments/d1/embeddings", OK, OP_AZURE_EMBEDDINGS, "d1", NULL},
	{METHOD_POST, "/openai/deployments/d1/images/generations", OK, OP_AZURE_IMAGES, "d1", NULL},
	{METHOD_POST, "/openai/deployments/d1/audio/speech", OK, OP_AZURE_SPEECH, "d1", NULL},
	{METHOD_POST, "/openai/v1/chat/completions", OK, OP_AZURE_V1_CHAT, NULL, NULL},
	{METHOD_POST, "/openai/v1/embeddings", OK, OP_AZURE_V1_EMBEDDINGS, NULL, NULL},
	{METHOD_POST, "/openai/v1/responses", OK, OP_AZURE_V1_RESPONSES, NULL, NULL},
	{METHOD_POST, "/v1beta/models/g-3:generateContent", OK, OP_GEMINI, "g-3", NULL},
	{METHOD_POST, "/v1beta/models/g-3:streamGenerateContent", OK, OP_GEMINI_STREAM, "g-3",
	 NULL},
	{METHOD_POST, "/v1beta/models/g-3:countTokens", OK, OP_GEMINI_COUNT, "g-3", NULL},
	{METHOD_POST, "/v1/models/g-3:generateContent", OK, OP_GEMINI_V1, "g-3", NULL},
	{METHOD_POST, "/v1/models/g-3:streamGenerateContent", OK, OP_GEMINI_V1_STREAM, "g-3", NULL},
	{METHOD_POST, "/v1/projects/p/locations/l/publishers/google/models/g:generateContent", OK,
	 OP_VERTEX, "g", NULL},
	{METHOD_POST, "/v1/projects/p/locations/l/publishers/google/models/g:streamGenerateContent",
	 OK, OP_VERTEX_STREAM, "g", NULL},
	{METHOD_POST, "/v2/chat", OK, OP_COHERE_CHAT, NULL, NULL},
	{METHOD_POST, "/v2/embed", OK, OP_COHERE_EMBED, NULL, NULL},
	{METHOD_POST, "/v2/rerank", OK, OP_COHERE_RERANK, NULL, NULL},
	{METHOD_POST, "/v1/chat", OK, OP_COHERE_V1_CHAT, NULL, NULL},
	{METHOD_POST, "/v1/embed", OK, OP_COHERE_V1_EMBED, NULL, NULL},
	{METHOD_POST, "/v1/rerank", OK, OP_COHERE_V1_RERANK, NULL, NULL},
	{METHOD_POST, "/api/chat", OK, OP_OLLAMA_CHAT, NULL, NULL},
	{METHOD_POST, "/api/generate", OK, OP_OLLAMA_GENERATE, NULL, NULL},
	{METHOD_POST, "/api/embed", OK, OP_OLLAMA_EMBED, NULL, NULL},
	{METHOD_POST, "/sglang/s/generate", OK, OP_SGLANG, "s", NULL},
	{METHOD_POST, "/tgi/t/generate", OK, OP_TGI, "t", NULL},
	{METHOD_POST, "/tgi/t/generate_stream", OK, OP_TGI_STREAM, "t", NULL},
	{METHOD_POST, "/llamacpp/l/completion", OK, OP_LLAMACPP, "l", NULL},
	/* A verb is not a name, and a name may hold a colon. */
	{METHOD_POST, "/v1beta/models/a:b:generateContent", OK, OP_GEMINI, "a:b", NULL},
	{METHOD_POST, "/v1beta/models/:generateContent", ERR_NOT_FOUND, OP_COUNT, NULL, NULL},
	{METHOD_POST, "/v1beta/models/g-3:embedContent", ERR_NOT_FOUND, OP_COUNT, NULL, NULL},
	{METHOD_POST, "/v1/projects//locations/l/publishers/google/models/g:generateContent",
	 ERR_NOT_FOUND, OP_COUNT, NULL, NULL},
	/* A model may be called like a part of a path. */
	{METHOD_GET, "/v2/models/ready", OK, OP_V2_META, "ready", NULL},
	{METHOD_GET, "/v2/models/ready/ready", OK, OP_V2_READY, "ready", NULL},
	{METHOD_POST, "/v2/models/versions/versions/infer/infer", OK, OP_INFER_V, "versions",
	 "infer"},
	{METHOD_GET, "/v2/models/a/versions/ready", OK, OP_V2_META_V, "a", "ready"},
	{METHOD_GET, "/v2/models/*", OK, OP_V2_META, "*", NULL},
	{METHOD_GET, "/v1/models/gpt%2Fx", OK, OP_MODEL, "gpt%2Fx", NULL},
	/* The path is there, the method is not. */
	{METHOD_GET, "/v1/chat/completions", ERR_METHOD, OP_COUNT, NULL, NULL},
	{METHOD_HEAD, "/v1/models", ERR_METHOD, OP_COUNT, NULL, NULL},
	{METHOD_OPTIONS, "/v1/messages", ERR_METHOD, OP_COUNT, NULL, NULL},
	{METHOD_PUT, "/v2/models/iris/infer", ERR_METHOD, OP_COUNT, NULL, NULL},
	{METHOD_DELETE, "/v1/models/gpt-x", ERR_METHOD, OP_COUNT, NULL, NULL},
	{METHOD_PATCH, "/v2", ERR_METHOD, OP_COUNT, NULL, NULL},
	{METHOD_POST, "/v2/health/live", ERR_METHOD, OP_COUNT, NULL, NULL},
	{METHOD_GET, "/endpoints/wine/invocations", ERR_METHOD, OP_COUNT, NULL, NULL},
	{METHOD_POST, "/v2/models/iris/ready", ERR_METHOD, OP_COUNT, NULL, NULL},
	/* Nothing is there. */
	{METHOD_POST, "", ERR_NOT_FOUND, OP_COUNT, NULL, NULL},
	{METHOD_POST, "/", ERR_NOT_FOUND, OP_COUNT, NULL, NULL},
	{METHOD_POST, "*", ERR_NOT_FOUND, OP_COUNT, NULL, NULL},
	{METHOD_POST, "/v1", ERR_NOT_FOUND, OP_COUNT, NULL, NULL},
	{METHOD_POST, "/v1/chat/completions/", ERR_NOT_FOUND, OP_COUNT, NULL, NULL},
	{METHOD_POST, "/v1/chat/completion", ERR_NOT_FOUND, OP_COUNT, NULL, NULL},
	{METHOD_POST, "/v1/chat/completionss", ERR_NOT_FOUND, OP_COUNT, NULL, NULL},
	{METHOD_POST, "/V1/chat/completions", ERR_NOT_FOUND, OP_COUNT, NULL, NULL},
	{METHOD_POST, "//v1/chat/completions", ERR_NOT_FOUND, OP_COUNT, NULL, NULL},
	{METHOD_POST, "/v1//chat/completions", ERR_NOT_FOUND, OP_COUNT, NULL, NULL},
	{METHOD_POST, "/v1/chat%2Fcompletions", ERR_NOT_FOUND, OP_COUNT, NULL, NULL},
	{METHOD_POST, "v1/chat/completions", ERR_NOT_FOUND, OP_COUNT, NULL, NULL},
	{METHOD_POST, "/v2/models//infer", ERR_NOT_FOUND, OP_COUNT, NULL, NULL},
	{METHOD_GET, "/v2/models/", ERR_NOT_FOUND, OP_COUNT, NULL, NULL},
	{METHOD_GET, "/v1/models/", ERR_NOT_FOUND, OP_COUNT, NULL, NULL},
	{METHOD_GET, "/v2/models", ERR_NOT_FOUND, OP_COUNT, NULL, NULL},
	{METHOD_POST, "/v2/models/iris/versions//infer", ERR_NOT_FOUND, OP_COUNT, NULL, NULL},
	{METHOD_POST, "/v2/models/iris/infer/x", ERR_NOT_FOUND, OP_COUNT, NULL, NULL},
	{METHOD_POST, "/v2/models/a/b/infer", ERR_NOT_FOUND, OP_COUNT, NULL, NULL},
	{METHOD_GET, "/v1/models/a/b", ERR_NOT_FOUND, OP_COUNT, NULL, NULL},
	{METHOD_POST, "/endpoints//invocations", ERR_NOT_FOUND, OP_COUNT, NULL, NULL},
	{METHOD_POST, "/endpoints/wine/invocations/", ERR_NOT_FOUND, OP_COUNT, NULL, NULL},
	{METHOD_GET, "/v2/", ERR_NOT_FOUND, OP_COUNT, NULL, NULL},
	{METHOD_GET, "/metrics", ERR_NOT_FOUND, OP_COUNT, NULL, NULL},
	{METHOD_GET, "/v2/health", ERR_NOT_FOUND, OP_COUNT, NULL, NULL},
};

static bool is(struct str have, const char *want)
{
	return want == NULL ? !str_is_set(have) : str_eq(have, str_from_c(want));
}

static void test_operation__is_matched_by_method_and_path(void **state)
{
	bool has_row[OP_COUNT] = {false};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct operation_match match = {.operation = NULL};

		print_message("# row %zu\n", i);
		assert_int_equal(operation_match(rows[i].method, str_from_c(rows[i].path), &match),
				 rows[i].err);
		if (rows[i].err != OK) {
			assert_null(match.operation);
			continue;
		}
		assert_int_equal(match.operation->id, rows[i].id);
		assert_true(is(match.model, rows[i].model));
		assert_true(is(match.version, rows[i].version));
		has_row[rows[i].id] = true;
	}
	for (size_t id = 0; id < OP_COUNT; id++)
		assert_true(has_row[id]);
}

/* What the rows promise to the files that read them. */
static void test_operation__rows_are_sound(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct operation_match match;
		const struct operation *operation;
		enum dialect dialect;

		if (rows[i].err != OK)
			continue;
		assert_int_equal(operation_match(rows[i].method, str_from_c(rows[i].path), &match),
				 OK);
		operation = match.operation;
		print_message("# " STR_FMT "\n", STR_ARG(operation->path));
		assert_true(dialect_from_name(operation->dialect, &dialect));
		/* A body is read for its model or its rows, and only then. */
		if (operation->where == MODEL_IN_BODY)
			assert_int_equal(operation->method, METHOD_POST);
		if (operation->method == METHOD_GET)
			assert_int_equal(operation->flags & (OP_METERED | OP_STREAMS), 0);
		if ((operation->flags & OP_USAGE_ON_REQUEST) != 0)
			assert_true((operation->flags & OP_STREAMS) != 0);
		if ((operation->flags & OP_OWN_ANSWER) == 0)
			assert_int_not_equal(operation->where, MODEL_IN_NONE);
	}
}

static const struct {
	const char *path;
	enum family family;
} families[] = {
	{"/v1/chat/completions", FAMILY_OPENAI},
	{"/v1/messages", FAMILY_ANTHROPIC},
	{"/v1/messages/count_tokens", FAMILY_ANTHROPIC},
	{"/v2", FAMILY_V2},
	{"/v2/models/iris/infer", FAMILY_V2},
	{"/v2x", FAMILY_OPENAI},
	{"/v2/chat", FAMILY_COHERE},
	{"/v1/rerank", FAMILY_COHERE},
	{"/v1beta/models/g:generateContent", FAMILY_GOOGLE},
	{"/v1beta/nothing", FAMILY_GOOGLE},
	{"/v1/models/g:streamGenerateContent", FAMILY_GOOGLE},
	{"/v1/models/g", FAMILY_OPENAI},
	{"/api/chat", FAMILY_OLLAMA},
	{"/tgi/t/generate", FAMILY_OLLAMA},
	{"/openai/deployments/d/chat/completions", FAMILY_OPENAI},
	{"/endpoints/wine/invocations", FAMILY_MLFLOW},
	{"/endpoints", FAMILY_OPENAI},
	{"/", FAMILY_OPENAI},
	{"", FAMILY_OPENAI},
};

/* Where each kind of row goes upstream. */
static void test_operation__target_names_the_upstreams_model(void **state)
{
	static const struct {
		enum method method;
		const char *path, *version, *want;
	} targets[] = {
		{METHOD_POST, "/v1/chat/completions", NULL, "/v1/chat/completions"},
		{METHOD_POST, "/v2/models/x/infer", NULL, "/v2/models/up/infer"},
		{METHOD_POST, "/v2/models/x/infer", "7", "/v2/models/up/versions/7/infer"},
		{METHOD_POST, "/v2/models/x/versions/7/infer", "7",
		 "/v2/models/up/versions/7/infer"},
		{METHOD_GET, "/v2/models/x/ready", "7", "/v2/models/up/versions/7/ready"},
		{METHOD_GET, "/v2/models/x", NULL, "/v2/models/up"},
		{METHOD_GET, "/v2/models/x", "7", "/v2/models/up/versions/7"},
		{METHOD_POST, "/endpoints/x/invocations", "7", "/invocations"},
		{METHOD_POST, "/openai/deployments/x/chat/completions", NULL,
		 "/openai/deployments/up/chat/completions"},
		{METHOD_POST, "/v1beta/models/x:streamGenerateContent", NULL,
		 "/v1beta/models/up:streamGenerateContent"},
		{METHOD_POST,
		 "/v1/projects/mine/locations/here/publishers/google/models/x:generateContent",
		 NULL, "/publishers/google/models/up:generateContent"},
		{METHOD_POST, "/sglang/x/generate", NULL, "/generate"},
		{METHOD_POST, "/tgi/x/generate_stream", NULL, "/generate_stream"},
		{METHOD_POST, "/llamacpp/x/completion", NULL, "/completion"},
	};
	struct arena arena;

	(void)state;
	arena_init(&arena, 1024, 65536);
	for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
		struct operation_match match;
		struct str target;

		assert_int_equal(
			operation_match(targets[i].method, str_from_c(targets[i].path), &match),
			OK);
		target = operation_target(match.operation, STR("up"),
					  str_from_c(targets[i].version), &arena);
		print_message("# " STR_FMT "\n", STR_ARG(target));
		assert_true(str_eq(target, str_from_c(targets[i].want)));
	}
	arena_fini(&arena);
}

static void test_operation__answers_in_the_words_of_the_path(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(families); i++) {
		print_message("# %s\n", families[i].path);
		assert_int_equal(operation_family(str_from_c(families[i].path)),
				 families[i].family);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_operation__is_matched_by_method_and_path),
		cmocka_unit_test(test_operation__rows_are_sound),
		cmocka_unit_test(test_operation__target_names_the_upstreams_model),
		cmocka_unit_test(test_operation__answers_in_the_words_of_the_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
