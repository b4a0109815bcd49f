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
	{"/endpoints/wine/invocations", FAMILY_MLFLOW},
	{"/endpoints", FAMILY_OPENAI},
	{"/", FAMILY_OPENAI},
	{"", FAMILY_OPENAI},
};

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
		cmocka_unit_test(test_operation__answers_in_the_words_of_the_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
