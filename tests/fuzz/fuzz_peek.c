/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A body that peek accepts, once edited, is JSON in which what decides stands
 * once and says what was meant; and cuts change nothing. The first byte is the
 * size of the pieces and chooses the operation.
 */
#include <stdlib.h>

#include "base/buf.h"
#include "gateway/proxy/peek.h"
#include "tests/fuzz/fuzz.h"

#define MAX_OUTPUT 4096

static const char *const paths[] = {"/v1/chat/completions", "/v1/completions", "/v1/embeddings",
				    "/v1/responses", "/v1/messages"};

static enum err run(struct peek *peek, const struct peek_paths *table, struct str in, size_t step,
		    const struct operation *operation)
{
	enum err err = OK;

	peek_init(peek, table);
	for (size_t at = 0; at < in.len && err == OK; at += step)
		err = peek_feed(peek, str_sub(in, at, step));
	return err == OK ? peek_end(peek, operation) : err;
}

static void check_same(const struct peek *a, const struct peek *b)
{
	ASSERT(str_eq(peek_model(a), peek_model(b)));
	ASSERT(a->model_place.start == b->model_place.start);
	ASSERT(a->model_place.end == b->model_place.end);
	ASSERT(a->options_place.start == b->options_place.start);
	ASSERT(a->include_place.end == b->include_place.end);
	ASSERT(a->max_tokens == b->max_tokens);
	ASSERT(a->answers == b->answers);
	ASSERT(a->is_stream == b->is_stream && a->wants_usage == b->wants_usage);
	ASSERT(a->refusal == b->refusal);
}

static void apply(struct str in, const struct peek_edit *edits, size_t count, struct buf *out)
{
	enum err err = OK;
	uint64_t at = 0;

	for (size_t i = 0; i < count && err == OK; i++) {
		ASSERT(edits[i].start >= at && edits[i].end >= edits[i].start);
		ASSERT(edits[i].end <= in.len);
		err = buf_append(out, str_sub(in, at, (size_t)(edits[i].start - at)));
		if (err == OK)
			err = buf_append(out, edits[i].text);
		at = edits[i].end;
	}
	if (err == OK)
		err = buf_append(out, str_sub(in, at, in.len));
	ASSERT(err == OK);
}

/* Edits the body, reads it again, and finds what was put in. */
static void check_edits(const struct peek *peek, const struct peek_paths *table, struct str in,
			const struct operation *operation)
{
	static const struct model model = {
		.options = {.upstream_model = STR("up \"x\""), .max_output = MAX_OUTPUT},
		.upstream_model_json = STR("\"up \\\"x\\\"\""),
	};
	struct peek_edit edits[PEEK_EDITS];
	struct arena arena;
	struct peek again;
	struct buf out;
	int64_t delta = 0;
	size_t count = 0;

	arena_init(&arena, 1024, 65536);
	buf_init(&out, in.len + 1024);
	ASSERT(peek_plan(peek, operation, &model, &arena, edits, &count, &delta) == OK);
	apply(in, edits, count, &out);
	ASSERT((int64_t)out.len == (int64_t)in.len + delta);
	ASSERT(run(&again, table, buf_str(&out), out.len + 1, operation) == OK);
	ASSERT(str_eq(peek_model(&again), model.options.upstream_model));
	ASSERT(again.is_stream == peek->is_stream);
	ASSERT(again.answers == peek->answers);
	ASSERT(peek->max_tokens == 0 || again.max_tokens == peek->max_tokens);
	ASSERT(again.max_tokens == 0 || again.max_tokens == peek->max_tokens ||
	       again.max_tokens == MAX_OUTPUT);
	if (peek->is_stream && (operation->flags & OP_USAGE_ON_REQUEST) != 0)
		ASSERT(again.wants_usage);
	buf_fini(&out);
	arena_fini(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct operation_match match;
	struct peek_paths *table;
	struct peek whole, cut;
	struct str path, in;
	enum err err;

	if (size < 1)
		return 0;
	path = str_from_c(paths[data[0] % ARRAY_LEN(paths)]);
	ASSERT(operation_match(METHOD_POST, path, &match) == OK);
	table = peek_paths_new();
	in = str_make((const char *)data + 1, size - 1);
	err = run(&whole, table, in, in.len + 1, match.operation);
	ASSERT(err == OK || whole.refusal != NULL);
	ASSERT(run(&cut, table, in, 1, match.operation) == err);
	check_same(&whole, &cut);
	ASSERT(run(&cut, table, in, 1U + data[0], match.operation) == err);
	check_same(&whole, &cut);
	if (err == OK)
		check_edits(&whole, table, in, match.operation);
	peek_paths_free(table);
	return 0;
}
