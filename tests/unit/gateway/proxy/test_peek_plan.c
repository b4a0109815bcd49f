/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The edits of a body: applied to it, the result is the same document but for
 * what was meant, read by another parser that refuses a member that stands
 * twice. Bodies come from a table and from a generator.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/buf.h"
#include "gateway/proxy/peek.h"

#define UPSTREAM_MODEL "up \"x\"\\\n\xe2\x82\xac"
#define MAX_OUTPUT     4096

struct fixture {
	struct peek_paths *paths;
	struct peek peek;
	struct arena arena;
	struct model model;
	struct peek_edit edits[PEEK_EDITS];
	size_t count;
	int64_t delta;
	struct buf edited;
};

static void fixture_init(struct fixture *f)
{
	*f = (struct fixture){.paths = peek_paths_new()};
	arena_init(&f->arena, 1024, 65536);
	f->model.options.upstream_model = STR(UPSTREAM_MODEL);
	f->model.options.max_output = MAX_OUTPUT;
	f->model.upstream_model_json = STR("\"up \\\"x\\\"\\\\\\n\xe2\x82\xac\"");
	buf_init(&f->edited, 1 << 20);
}

static void fixture_fini(struct fixture *f)
{
	buf_fini(&f->edited);
	arena_fini(&f->arena);
	peek_paths_free(f->paths);
}

static const struct operation *operation_of(enum operation_id id)
{
	static const char *const paths[] = {"/v1/chat/completions", "/v1/completions",
					    "/v1/embeddings", "/v1/responses", "/v1/messages"};
	struct operation_match match;

	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		assert_int_equal(operation_match(METHOD_POST, str_from_c(paths[i]), &match), OK);
		if (match.operation->id == id)
			return match.operation;
	}
	fail();
	return NULL;
}

static void apply(struct fixture *f, struct str body)
{
	uint64_t at = 0;

	buf_reset(&f->edited);
	for (size_t i = 0; i < f->count; i++) {
		const struct peek_edit *edit = &f->edits[i];

		assert_true(edit->start >= at);
		assert_true(edit->end >= edit->start);
		assert_true(edit->end <= body.len);
		assert_int_equal(
			buf_append(&f->edited, str_sub(body, at, (size_t)(edit->start - at))), OK);
		assert_int_equal(buf_append(&f->edited, edit->text), OK);
		at = edit->end;
	}
	assert_int_equal(buf_append(&f->edited, str_sub(body, at, body.len)), OK);
	assert_int_equal((int64_t)f->edited.len, (int64_t)body.len + f->delta);
}

/* Reads the body, makes the edits and applies them. */
static void edit(struct fixture *f, enum operation_id id, struct str body)
{
	const struct operation *operation = operation_of(id);

	arena_reset(&f->arena);
	peek_init(&f->peek, f->paths);
	assert_int_equal(peek_feed(&f->peek, body), OK);
	assert_int_equal(peek_end(&f->peek, operation), OK);
	assert_int_equal(peek_plan(&f->peek, operation, &f->model, &f->arena, f->edits, &f->count,
				   &f->delta),
			 OK);
	apply(f, body);
}

static json_t *parse(struct str text)
{
	json_error_t error;
	json_t *document = json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES, &error);

	if (document == NULL)
		print_message("# %s in " STR_FMT "\n", error.text, STR_ARG(text));
	return document;
}

#define UP   "\"up \\\"x\\\"\\\\\\n\xe2\x82\xac\""
#define MAX4 "\"max_completion_tokens\":4096,"

static const struct {
	enum operation_id id;
	const char *body;
	const char *want;
} rows[] = {
	{OP_EMBEDDINGS, "{\"model\":\"m\"}", "{\"model\":" UP "}"},
	{OP_EMBEDDINGS, " { \"a\" : [ 1 ] , \"mod\\u0065l\" : \"m\" , \"b\" : 2 } ",
	 " { \"a\" : [ 1 ] , \"mod\\u0065l\" : " UP " , \"b\" : 2 } "},
	/* The upstream's own name stays as it was written. */
	{OP_EMBEDDINGS, "{\"model\":\"up \\u0022x\\\"\\\\\\n\\u20ac\"}",
	 "{\"model\":\"up \\u0022x\\\"\\\\\\n\\u20ac\"}"},
	/* The bound. */
	{OP_CHAT, "{\"model\":\"m\"}", "{" MAX4 "\"model\":" UP "}"},
	{OP_CHAT, "{\"model\":\"m\",\"max_tokens\":5}", "{\"model\":" UP ",\"max_tokens\":5}"},
	{OP_CHAT, "{\"model\":\"m\",\"max_completion_tokens\":5}",
	 "{\"model\":" UP ",\"max_completion_tokens\":5}"},
	{OP_CHAT, "{\"model\":\"m\",\"max_completion_tokens\":null}",
	 "{\"model\":" UP ",\"max_completion_tokens\":4096}"},
	/* 0 is the caller's to give. */
	{OP_CHAT, "{\"max_completion_tokens\":0,\"model\":\"m\"}",
	 "{\"max_completion_tokens\":0,\"model\":" UP "}"},
	{OP_CHAT, "{\"model\":\"m\",\"max_tokens\":null}",
	 "{" MAX4 "\"model\":" UP ",\"max_tokens\":null}"},
	{OP_COMPLETIONS, "{\"model\":\"m\"}", "{\"max_tokens\":4096,\"model\":" UP "}"},
	{OP_COMPLETIONS, "{\"model\":\"m\",\"max_tokens\":null}",
	 "{\"model\":" UP ",\"max_tokens\":4096}"},
	{OP_RESPONSES, "{\"model\":\"m\"}", "{\"max_output_tokens\":4096,\"model\":" UP "}"},
	{OP_RESPONSES, "{\"model\":\"m\",\"max_output_tokens\":null}",
	 "{\"model\":" UP ",\"max_output_tokens\":4096}"},
	{OP_RESPONSES, "{\"model\":\"m\",\"max_tokens\":1}",
	 "{\"max_output_tokens\":4096,\"model\":" UP ",\"max_tokens\":1}"},
	{OP_MESSAGES, "{\"model\":\"m\",\"stream\":true}", "{\"model\":" UP ",\"stream\":true}"},
	/* The usage report. */
	{OP_CHAT, "{\"model\":\"m\",\"stream\":true,\"max_tokens\":1}",
	 "{\"stream_options\":{\"include_usage\":true},\"model\":" UP
	 ",\"stream\":true,\"max_tokens\":1}"},
	{OP_CHAT, "{\"model\":\"m\",\"stream\":true}",
	 "{" MAX4 "\"stream_options\":{\"include_usage\":true},\"model\":" UP ",\"stream\":true}"},
	{OP_CHAT, "{\"model\":\"m\",\"stream\":true,\"max_tokens\":1,\"stream_options\":null}",
	 "{\"model\":" UP
	 ",\"stream\":true,\"max_tokens\":1,\"stream_options\":{\"include_usage\":true}}"},
	{OP_CHAT, "{\"model\":\"m\",\"stream\":true,\"max_tokens\":1,\"stream_options\":{ }}",
	 "{\"model\":" UP
	 ",\"stream\":true,\"max_tokens\":1,\"stream_options\":{\"include_usage\":true }}"},
	{OP_CHAT,
	 "{\"model\":\"m\",\"stream\":true,\"max_tokens\":1,\"stream_options\":{ \"x\":1}}",
	 "{\"model\":" UP
	 ",\"stream\":true,\"max_tokens\":1,\"stream_options\":{\"include_usage\":true, \"x\":1}}"},
	{OP_CHAT,
	 "{\"stream_options\":{\"x\":1,\"include_usage\" : false},\"stream\":true,\"max_tokens\":1,"
	 "\"model\":\"m\"}",
	 "{\"stream_options\":{\"x\":1,\"include_usage\" : true},\"stream\":true,\"max_tokens\":1,"
	 "\"model\":" UP "}"},
	{OP_CHAT,
	 "{\"stream_options\":{\"include_usage\":null},\"stream\":true,\"max_tokens\":1,\"model\":"
	 "\"m\"}",
	 "{\"stream_options\":{\"include_usage\":true},\"stream\":true,\"max_tokens\":1,"
	 "\"model\":" UP "}"},
	{OP_CHAT,
	 "{\"stream_options\":{\"include_usage\":true},\"stream\":true,\"max_tokens\":1,\"model\":"
	 "\"m\"}",
	 "{\"stream_options\":{\"include_usage\":true},\"stream\":true,\"max_tokens\":1,"
	 "\"model\":" UP "}"},
	{OP_CHAT, "{\"stream_options\":null,\"stream\":false,\"max_tokens\":1,\"model\":\"m\"}",
	 "{\"stream_options\":null,\"stream\":false,\"max_tokens\":1,\"model\":" UP "}"},
	{OP_RESPONSES, "{\"model\":\"m\",\"stream\":true,\"max_output_tokens\":1}",
	 "{\"model\":" UP ",\"stream\":true,\"max_output_tokens\":1}"},
};

static void test_peek_plan__edits_what_it_must_and_no_other_byte(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		print_message("# row %zu: %s\n", i, rows[i].body);
		edit(&f, rows[i].id, str_from_c(rows[i].body));
		if (!str_eq(buf_str(&f.edited), str_from_c(rows[i].want)))
			print_message("# have " STR_FMT "\n", STR_ARG(buf_str(&f.edited)));
		assert_true(str_eq(buf_str(&f.edited), str_from_c(rows[i].want)));
	}
	fixture_fini(&f);
}

static void test_peek_plan__puts_no_bound_where_the_model_has_none(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f);
	f.model.options.max_output = 0;
	f.model.options.upstream_model = STR("m");
	edit(&f, OP_CHAT, STR("{\"model\":\"m\",\"max_completion_tokens\":null}"));
	assert_int_equal(f.count, 0);
	assert_int_equal(f.delta, 0);
	fixture_fini(&f);
}

static void test_peek_plan__fails_when_memory_ends(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f);
	edit(&f, OP_CHAT, STR("{\"model\":\"m\"}"));
	arena_fini(&f.arena);
	arena_init(&f.arena, 16, 16);
	assert_int_equal(peek_plan(&f.peek, operation_of(OP_CHAT), &f.model, &f.arena, f.edits,
				   &f.count, &f.delta),
			 ERR_LIMIT);
	fixture_fini(&f);
}

/* Generated bodies ------------------------------------------------------------------------ */

/* xorshift: the same bodies in every run. */
static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static const char *pick(uint64_t *seed, const char *const *items, size_t count)
{
	return items[next_random(seed) % count];
}

#define PICK(seed, ...)                                                                            \
	pick(seed, (const char *const[]){__VA_ARGS__},                                             \
	     ARRAY_LEN(((const char *const[]){__VA_ARGS__})))

static void put(struct buf *out, const char *text)
{
	assert_int_equal(buf_append(out, str_from_c(text)), OK);
}

/* A member or nothing: name, its spellings and values. NULL: the member is left out. */
static void put_member(struct buf *out, uint64_t *seed, const char *name, const char *value)
{
	if (value == NULL)
		return;
	put(out, PICK(seed, "", " ", "\n\t"));
	put(out, name);
	put(out, PICK(seed, ":", " : ", ":\r\n"));
	put(out, value);
	put(out, PICK(seed, ",", " ,"));
}

static void put_options(struct buf *out, uint64_t *seed)
{
	put_member(out, seed, "\"stream_options\"",
		   PICK(seed, NULL, "null", "{}", "{ }", "{\"include_usage\":true}",
			"{\"include_usage\" : false }", "{\"include_usage\":null,\"x\":{}}",
			"{\"x\":[1,{\"include_usage\":false}],\"y\":2}",
			"{\"inc\\u006cude_usage\":false}"));
}

typedef void (*part_fn)(struct buf *out, uint64_t *seed);

static void put_model(struct buf *out, uint64_t *seed)
{
	put_member(out, seed, PICK(seed, "\"model\"", "\"mod\\u0065l\""),
		   PICK(seed, "\"m\"", "\"gpt-\\u0041\"", "\"a longer name of a model\"",
			"\"up \\\"x\\\"\\\\\\n\\u20ac\""));
}

static void put_stream(struct buf *out, uint64_t *seed)
{
	put_member(out, seed, "\"stream\"", PICK(seed, NULL, "true", "true", "false", "null"));
}

static void put_bounds(struct buf *out, uint64_t *seed)
{
	put_member(out, seed, "\"max_tokens\"", PICK(seed, NULL, NULL, "null", "0", "17"));
	put_member(out, seed, "\"max_completion_tokens\"",
		   PICK(seed, NULL, NULL, "null", "0", "17"));
	put_member(out, seed, "\"max_output_tokens\"", PICK(seed, NULL, NULL, "null", "0", "17"));
}

static void put_noise(struct buf *out, uint64_t *seed)
{
	put_member(out, seed, "\"messages\"",
		   PICK(seed, NULL, "[]", "[{\"model\":\"evil\",\"stream\":true}]",
			"\"{\\\"model\\\":1}\"", "{\"a\":{\"b\":[[[]]]}}"));
}

/* The parts in an order of their own, so that the edits come in any order. */
static void generate(struct buf *out, uint64_t *seed)
{
	static const part_fn parts[] = {put_model, put_stream, put_options, put_bounds, put_noise};
	size_t turn = (size_t)(next_random(seed) % ARRAY_LEN(parts));
	bool is_backward = next_random(seed) % 2 == 0;

	buf_reset(out);
	put(out, PICK(seed, "", " ", "\n"));
	put(out, "{");
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		size_t at = is_backward ? ARRAY_LEN(parts) - i : i;

		parts[(at + turn) % ARRAY_LEN(parts)](out, seed);
	}
	put(out, "\"end\":0}");
	put(out, PICK(seed, "", "\n"));
}

static int64_t bound_of(const json_t *document, enum operation_id id)
{
	static const char *const names[OP_COUNT][2] = {
		[OP_CHAT] = {"max_tokens", "max_completion_tokens"},
		[OP_COMPLETIONS] = {"max_tokens"},
		[OP_RESPONSES] = {"max_output_tokens"},
	};
	int64_t bound = 0;

	for (size_t i = 0; i < 2 && names[id][i] != NULL; i++) {
		int64_t value = json_integer_value(json_object_get(document, names[id][i]));

		bound = value > bound ? value : bound;
	}
	return bound;
}

/* What the document ought to become, made from the tree. */
static void expect(json_t *document, enum operation_id id)
{
	static const char *const names[OP_COUNT] = {
		[OP_CHAT] = "max_completion_tokens",
		[OP_COMPLETIONS] = "max_tokens",
		[OP_RESPONSES] = "max_output_tokens",
	};
	json_t *options = json_object_get(document, "stream_options");
	bool is_put = names[id] != NULL && bound_of(document, id) == 0 &&
		      !json_is_integer(json_object_get(document, names[id]));

	json_object_set_new(document, "model", json_string(UPSTREAM_MODEL));
	if (is_put)
		json_object_set_new(document, names[id], json_integer(MAX_OUTPUT));
	if (!json_is_true(json_object_get(document, "stream")) ||
	    (id != OP_CHAT && id != OP_COMPLETIONS))
		return;
	if (!json_is_object(options)) {
		json_object_set_new(document, "stream_options", json_object());
		options = json_object_get(document, "stream_options");
	}
	json_object_set_new(options, "include_usage", json_true());
}

static void test_peek_plan__makes_the_same_document_but_for_what_is_meant(void **state)
{
	static const enum operation_id ids[] = {OP_CHAT, OP_COMPLETIONS, OP_RESPONSES, OP_MESSAGES};
	uint64_t seed = 0x2545f4914f6cdd1dULL;
	struct fixture f;
	struct buf body;

	(void)state;
	fixture_init(&f);
	buf_init(&body, 1 << 20);
	for (size_t i = 0; i < 20000; i++) {
		enum operation_id id = ids[next_random(&seed) % ARRAY_LEN(ids)];
		json_t *want, *have;

		generate(&body, &seed);
		edit(&f, id, buf_str(&body));
		want = parse(buf_str(&body));
		have = parse(buf_str(&f.edited));
		if (want != NULL)
			expect(want, id);
		if (want == NULL || have == NULL || !json_equal(want, have))
			print_message("# body " STR_FMT "\n# edited " STR_FMT "\n",
				      STR_ARG(buf_str(&body)), STR_ARG(buf_str(&f.edited)));
		assert_non_null(want);
		assert_true(json_equal(want, have));
		json_decref(want);
		json_decref(have);
	}
	buf_fini(&body);
	fixture_fini(&f);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_peek_plan__edits_what_it_must_and_no_other_byte),
		cmocka_unit_test(test_peek_plan__puts_no_bound_where_the_model_has_none),
		cmocka_unit_test(test_peek_plan__fails_when_memory_ends),
		cmocka_unit_test(test_peek_plan__makes_the_same_document_but_for_what_is_meant),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
