/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/buf.h"
#include "policy/json_tree.h"

static const struct json_tree *parse(struct arena *arena, struct str text,
				     struct json_tree_fault *fault)
{
	arena_init(arena, 4096, 64 << 20);
	return json_tree_parse(arena, text, fault);
}

static void test_json_tree__reads_values_and_their_places(void **state)
{
	struct str text =
		STR(" {\"a\" : [1, -2, true,\n null, 1.5],\"b\\u0000\\n\":{ },\"\":\"\xc3\xa9\"}");
	struct json_tree_fault fault;
	struct arena arena;
	const struct json_tree *tree = parse(&arena, text, &fault);
	const struct json_tree *a = json_tree_get(tree, STR("a"));
	const struct json_tree *b = json_tree_get(tree, STR("b\0\n"));

	(void)state;
	assert_non_null(tree);
	assert_true(json_tree_is(tree, JSON_TREE_OBJECT));
	assert_int_equal(tree->count, 3);
	assert_int_equal(tree->at, 1);
	assert_null(tree->up);
	assert_true(json_tree_is(a, JSON_TREE_ARRAY));
	assert_int_equal(a->count, 5);
	assert_int_equal(a->name_at, 2);
	assert_int_equal(a->at, 8);
	assert_int_equal(a->first->integer, 1);
	assert_int_equal(a->first->next->integer, -2);
	assert_true(a->first->next->next->boolean);
	assert_true(json_tree_is(a->first->next->next->next, JSON_TREE_NULL));
	assert_true(json_tree_is(a->last, JSON_TREE_NUMBER));
	assert_ptr_equal(a->last->up, a);
	assert_true(json_tree_is(b, JSON_TREE_OBJECT));
	assert_int_equal(b->count, 0);
	assert_int_equal(text.ptr[b->at], '{');
	assert_true(str_eq(json_tree_get(tree, STR(""))->string, STR("\xc3\xa9")));
	assert_null(json_tree_get(tree, STR("c")));
	assert_null(json_tree_get(a, STR("a")));
	assert_null(json_tree_get(NULL, STR("a")));
	arena_fini(&arena);
}

static const struct {
	const char *text;
	enum json_tree_kind kind;
	int64_t integer;
} numbers[] = {
	{"0", JSON_TREE_INTEGER, 0},
	{"9223372036854775807", JSON_TREE_INTEGER, INT64_MAX},
	{"-9223372036854775808", JSON_TREE_INTEGER, INT64_MIN},
	{"9223372036854775808", JSON_TREE_NUMBER, 0},
	{"-9223372036854775809", JSON_TREE_NUMBER, 0},
	{"9007199254740993", JSON_TREE_INTEGER, 9007199254740993},
	{"-0", JSON_TREE_NUMBER, 0},
	{"1.0", JSON_TREE_NUMBER, 0},
	{"1e2", JSON_TREE_NUMBER, 0},
};

static void test_json_tree__keeps_integers_exact(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		struct json_tree_fault fault;
		struct arena arena;
		const struct json_tree *tree = parse(&arena, str_from_c(numbers[i].text), &fault);

		print_message("# %s\n", numbers[i].text);
		assert_true(json_tree_is(tree, numbers[i].kind));
		if (tree->kind == JSON_TREE_INTEGER)
			assert_true(tree->integer == numbers[i].integer);
		arena_fini(&arena);
	}
}

static const struct {
	const char *text;
	size_t at;
	const char *message;
} refused[] = {
	{"", 0, "expected a value, found the end of the text"},
	{"  ", 2, "end of the text"},
	{"\xef\xbb\xbf{}", 0, "expected a value, found `\xef\xbb\xbf`"},
	{"{} x", 3, "expected the end of the text, found `x`"},
	{"truth", 0, "expected a value, found `t`"},
	{"truex", 4, "expected the end"},
	{"[1", 2, "expected `,` or `]`, found the end"},
	{"[1 2]", 3, "expected `,` or `]`, found `2`"},
	{"[1,]", 3, "expected a value, found `]`"},
	{"[,1]", 1, "expected a value, found `,`"},
	{"[1}", 2, "expected `,` or `]`, found `}`"},
	{"{\"a\"}", 4, "expected `:`"},
	{"{\"a\":}", 5, "expected a value"},
	{"{\"a\":1", 6, "expected `,` or `}`"},
	{"{\"a\":1,}", 7, "member's name in quotes"},
	{"{a:1}", 1, "member's name in quotes"},
	{"{", 1, "member's name in quotes, found the end"},
	{"{\"a", 1, "string is not closed"},
	{"\"\\", 0, "string is not closed"},
	{"\"a\tb\"", 2, "control character"},
	{"\"\\x\"", 2, "not an escape"},
	{"\"\\u12g4\"", 5, "not an escape"},
	{"\"\\ud800\"", 7, "half of a surrogate pair"},
	{"\"\\ud800a\"", 7, "not an escape"},
	{"\"\\udc00\"", 6, "not an escape"},
	{"\"\xff\"", 0, "string is not UTF-8"},
	{"[01]", 2, "expected `,` or `]`"},
	{"1.", 0, "not a number"},
	{"-", 0, "not a number"},
	{"+1", 0, "expected a value"},
	{"{\"a\":1,\"b\":2,\"a\":3}", 13, "member \"a\" stands twice"},
	{"{\"a\":1,\"\\u0061\":2}", 7, "member \"a\" stands twice"},
	{"{\"1\":0,\"2\":0,\"3\":0,\"4\":0,\"5\":0,\"6\":0,\"7\":0,\"8\":0,\"9\":0,"
	 "\"10\":0,\"11\":0,\"12\":0,\"13\":0,\"14\":0,\"15\":0,\"9\":0,\"16\":0,\"1\":0}",
	 97, "member \"9\" stands twice"},
};

static void test_json_tree__refuses_what_is_not_json(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		struct json_tree_fault fault = {.err = OK};
		struct arena arena;

		print_message("# %s\n", refused[i].text);
		assert_null(parse(&arena, str_from_c(refused[i].text), &fault));
		assert_int_equal(fault.err, ERR_MALFORMED);
		assert_non_null(strstr(fault.text, refused[i].message));
		assert_int_equal(fault.at, refused[i].at);
		arena_fini(&arena);
	}
}

static void test_json_tree__takes_many_names(void **state)
{
	struct json_tree_fault fault;
	const struct json_tree *tree;
	struct arena arena;
	struct buf buf;

	(void)state;
	buf_init(&buf, 1 << 20);
	for (unsigned i = 0; i < 5000; i++)
		assert_int_equal(buf_printf(&buf, "%s\"n%u\": %u", i == 0 ? "{" : ",", i, i), OK);
	assert_int_equal(buf_append_byte(&buf, '}'), OK);
	tree = parse(&arena, buf_str(&buf), &fault);
	assert_non_null(tree);
	assert_int_equal(json_tree_get(tree, STR("n4999"))->integer, 4999);
	arena_fini(&arena);
	buf_fini(&buf);
}

static void nest(struct buf *buf, size_t depth)
{
	buf_reset(buf);
	for (size_t i = 0; i < depth; i++)
		assert_int_equal(buf_append_byte(buf, '['), OK);
	for (size_t i = 0; i < depth; i++)
		assert_int_equal(buf_append_byte(buf, ']'), OK);
}

static void test_json_tree__bounds_depth_and_memory(void **state)
{
	struct json_tree_fault fault = {.err = OK};
	struct arena arena;
	struct buf buf;

	(void)state;
	buf_init(&buf, 1 << 20);
	nest(&buf, JSON_TREE_DEPTH);
	assert_non_null(parse(&arena, buf_str(&buf), &fault));
	arena_fini(&arena);
	nest(&buf, JSON_TREE_DEPTH + 1);
	assert_null(parse(&arena, buf_str(&buf), &fault));
	assert_int_equal(fault.err, ERR_LIMIT);
	assert_int_equal(fault.at, JSON_TREE_DEPTH);
	assert_string_equal(fault.text, "JSON is nested deeper than 262144 levels");
	arena_fini(&arena);
	for (size_t cap = 0; cap < 20000; cap += 1000) {
		arena_init(&arena, 256, cap);
		if (json_tree_parse(&arena, buf_str(&buf), &fault) == NULL)
			assert_int_equal(fault.err, ERR_LIMIT);
		arena_fini(&arena);
	}
	buf_fini(&buf);
}

/* Every allocation fails once. */
static void test_json_tree__says_when_memory_ends(void **state)
{
	struct str text =
		STR("{\"a\\n\":0,\"2\":0,\"3\":0,\"4\":0,\"5\":0,\"6\":0,\"7\":0,\"8\":0,\"9\":0,"
		    "\"10\":0,\"11\":0,\"12\":0,\"13\":0,\"14\":0,\"15\":0,\"16\":0,"
		    "\"17\":\"\\u0031\"}");
	bool is_read = false;

	(void)state;
	for (size_t cap = 16; !is_read; cap += 16) {
		struct json_tree_fault fault = {.err = OK};
		struct arena arena;

		arena_init(&arena, 16, cap);
		is_read = json_tree_parse(&arena, text, &fault) != NULL;
		if (!is_read) {
			assert_int_equal(fault.err, ERR_LIMIT);
			assert_string_equal(fault.text, "memory limit reached (`arena_bytes`)");
		}
		arena_fini(&arena);
	}
}

static void test_json_tree__names_kinds_and_places(void **state)
{
	static const char *const want[] = {
		[JSON_TREE_NULL] = "null",
		[JSON_TREE_BOOL] = "a boolean",
		[JSON_TREE_INTEGER] = "an integer",
		[JSON_TREE_NUMBER] = "a number that is no 64-bit integer",
		[JSON_TREE_STRING] = "a string",
		[JSON_TREE_ARRAY] = "an array",
		[JSON_TREE_OBJECT] = "an object",
	};
	struct diag diag;
	char out[200];

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(want); i++)
		assert_string_equal(json_tree_kind_name((enum json_tree_kind)i), want[i]);
	assert_int_equal(json_tree_diag(&diag, ERR_CONFLICT, "f.json", STR("[\n {\"a\":1}]"), 4,
					"%s", "why"),
			 ERR_CONFLICT);
	diag_print(&diag, out, sizeof(out));
	assert_string_equal(out, "f.json:2:3: why\n {\"a\":1}]\n  ^");
	assert_int_equal(json_tree_diag(NULL, ERR_LIMIT, "f.json", STR("[]"), 0, "why"), ERR_LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_json_tree__reads_values_and_their_places),
		cmocka_unit_test(test_json_tree__keeps_integers_exact),
		cmocka_unit_test(test_json_tree__refuses_what_is_not_json),
		cmocka_unit_test(test_json_tree__takes_many_names),
		cmocka_unit_test(test_json_tree__bounds_depth_and_memory),
		cmocka_unit_test(test_json_tree__says_when_memory_ends),
		cmocka_unit_test(test_json_tree__names_kinds_and_places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
