/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/cli/yaml_json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static const struct config_yaml *parse(struct arena *arena, const char *text)
{
	const struct config_yaml *node = NULL;

	if (text != NULL)
		assert_int_equal(
			config_yaml_parse(arena, "test.yaml", str_from_c(text), NULL, &node), OK);
	return node;
}

static const struct {
	const char *base; /* NULL: none */
	const char *over;
	const char *want;
} rows[] = {
	/* What a value is. */
	{NULL, "{a: 1, b: -7, c: true, d: false, e: x, f: \"1\", g: 'true'}",
	 "{\"a\":1,\"b\":-7,\"c\":true,\"d\":false,\"e\":\"x\",\"f\":\"1\",\"g\":\"true\"}"},
	{NULL, "[1.5, 007, +1, -, 1e3, 2027-01-01, 0, -0, True, 9223372036854775808]",
	 "[\"1.5\",\"007\",\"+1\",\"-\",\"1e3\",\"2027-01-01\",0,-0,\"True\",9223372036854775808]"},
	{NULL, "[~, null, \"\", '~']", "[null,null,\"\",\"~\"]"},
	{NULL, "[[], {}, [[]], [{}], {a: []}]", "[[],{},[[]],[{}],{\"a\":[]}]"},
	{NULL, "\"a\\\"b\\\\c\\n\"", "\"a\\\"b\\\\c\\n\""},
	{NULL, "{\"k\\\"\": {x: [1, {y: 2}, 3], z: 4}, w: 5}",
	 "{\"k\\\"\":{\"x\":[1,{\"y\":2},3],\"z\":4},\"w\":5}"},
	/* One over another. */
	{"{a: 1, b: 2}", "{b: 3, c: 4}", "{\"a\":1,\"b\":3,\"c\":4}"},
	{"{a: {x: 1, y: 2}, b: 3}", "{a: {y: 4}}", "{\"a\":{\"x\":1,\"y\":4},\"b\":3}"},
	{"{a: {x: {p: 1}}}", "{a: {x: {q: 2}, y: 3}}", "{\"a\":{\"x\":{\"p\":1,\"q\":2},\"y\":3}}"},
	{"{a: [1, 2]}", "{a: [3]}", "{\"a\":[3]}"},
	{"{a: {x: 1}}", "{a: 2}", "{\"a\":2}"},
	{"{a: 2}", "{a: {x: 1}}", "{\"a\":{\"x\":1}}"},
	{"{a: 1}", NULL, "{\"a\":1}"},
	{"{a: 1}", "{}", "{\"a\":1}"},
	/* A null takes away. */
	{"{a: 1, b: 2}", "{a: ~}", "{\"b\":2}"},
	{"{a: {x: 1, y: 2}}", "{a: {x: null}}", "{\"a\":{\"y\":2}}"},
	{"{a: 1}", "{b: ~}", "{\"a\":1}"},
	{NULL, "{a: ~, b: {c: ~, d: 1}}", "{\"b\":{\"d\":1}}"},
	{"{a: 1}", "{a: \"~\"}", "{\"a\":\"~\"}"},
};

static void test_yaml_json__merges_and_writes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct config_yaml *base, *over, *merged;
		struct arena arena;
		struct buf out;

		print_message("# %s + %s\n", rows[i].base, rows[i].over);
		arena_init(&arena, 1024, 1 << 20);
		buf_init(&out, 1024);
		base = parse(&arena, rows[i].base);
		over = parse(&arena, rows[i].over);
		merged = yaml_merge(&arena, base, over);
		assert_non_null(merged);
		assert_int_equal(yaml_json_write(&out, merged), OK);
		assert_int_equal(buf_append_byte(&out, '\0'), OK);
		assert_string_equal(out.ptr, rows[i].want);
		buf_fini(&out);
		arena_fini(&arena);
	}
}

static void test_yaml_json__leaves_what_it_merges_as_it_was(void **state)
{
	const struct config_yaml *base, *over;
	struct arena arena;
	struct buf out;

	(void)state;
	arena_init(&arena, 1024, 1 << 20);
	buf_init(&out, 1024);
	base = parse(&arena, "{a: {x: 1}, b: 2}");
	over = parse(&arena, "{a: {y: 3}, b: ~}");
	assert_non_null(yaml_merge(&arena, base, over));
	assert_int_equal(yaml_json_write(&out, base), OK);
	assert_true(str_eq(buf_str(&out), STR("{\"a\":{\"x\":1},\"b\":2}")));
	buf_fini(&out);
	arena_fini(&arena);
}

static void test_yaml_json__ends_at_its_limits(void **state)
{
	const struct config_yaml *node;
	char deep[2 * (CONFIG_YAML_DEPTH - 1) + 1];
	struct arena arena, small;
	struct buf out;

	(void)state;
	arena_init(&arena, 1024, 1 << 20);
	for (size_t i = 0; i < CONFIG_YAML_DEPTH - 1; i++) {
		deep[i] = '[';
		deep[sizeof(deep) - 2 - i] = ']';
	}
	deep[sizeof(deep) - 1] = '\0';
	node = parse(&arena, deep);
	buf_init(&out, sizeof(deep) - 1);
	assert_int_equal(yaml_json_write(&out, node), OK);
	assert_true(str_eq(buf_str(&out), str_from_c(deep)));
	buf_fini(&out);
	buf_init(&out, sizeof(deep) - 2);
	assert_int_equal(yaml_json_write(&out, node), ERR_LIMIT);
	buf_fini(&out);
	node = parse(&arena, "{a: 1, b: {c: 2, d: 3}, e: 4}");
	arena_init(&small, 64, 512);
	assert_null(yaml_merge(&small, node, node));
	arena_fini(&small);
	arena_fini(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_yaml_json__merges_and_writes),
		cmocka_unit_test(test_yaml_json__leaves_what_it_merges_as_it_was),
		cmocka_unit_test(test_yaml_json__ends_at_its_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
