/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/buf.h"
#include "gateway/config/yaml.h"

static enum err parse(struct arena *arena, struct str text, struct diag *diag,
		      const struct config_yaml **out)
{
	arena_init(arena, 4096, 64U << 20);
	return config_yaml_parse(arena, "f", text, diag, out);
}

static void test_yaml__places_every_node(void **state)
{
	static const struct str text = STR("a: 1\nb:\n  - x\n  - {c: \"2\", d: }\n");
	const struct config_yaml *root, *b, *last;
	struct arena arena;

	(void)state;
	assert_int_equal(parse(&arena, text, NULL, &root), OK);
	assert_int_equal(root->kind, CONFIG_YAML_MAP);
	assert_int_equal(root->count, 2);
	b = config_yaml_get(root, STR("b"));
	assert_non_null(b);
	assert_int_equal(b->kind, CONFIG_YAML_LIST);
	assert_int_equal(b->key_line, 2);
	assert_int_equal(b->key_column, 1);
	assert_int_equal(b->line, 3);
	assert_int_equal(b->first->column, 5);
	last = config_yaml_get(b->last, STR("c"));
	assert_int_equal(last->line, 4);
	assert_int_equal(last->column, 9);
	assert_true(last->is_quoted);
	assert_true(config_yaml_is_null(config_yaml_get(b->last, STR("d"))));
	assert_false(config_yaml_is_null(last));
	assert_null(config_yaml_get(root, STR("c")));
	arena_fini(&arena);
}

static void test_yaml__takes_nothing_for_an_empty_map(void **state)
{
	static const struct str empty[] = {STR(""), STR("\n"), STR("# only a comment\n"),
					   STR("---\n...\n")};
	const struct config_yaml *root;
	struct arena arena;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(empty); i++) {
		print_message("# %zu\n", i);
		assert_int_equal(parse(&arena, empty[i], NULL, &root), OK);
		assert_true(root->kind == CONFIG_YAML_MAP || config_yaml_is_null(root));
		assert_int_equal(root->count, 0);
		arena_fini(&arena);
	}
}

#define DEEP16 "[[[[[[[[[[[[[[[["

static const struct {
	const char *name;
	struct str text;
	enum err err;
	unsigned line, column;
	const char *what;
} bad[] = {
	{"anchor", STR("a: &x 1\n"), ERR_UNSUPPORTED, 1, 4, "anchors and tags are not supported"},
	{"anchor of a map", STR("a: &x {b: 1}\n"), ERR_UNSUPPORTED, 1, 4,
	 "anchors and tags are not supported"},
	{"alias", STR("a: *x\n"), ERR_UNSUPPORTED, 1, 4, "aliases are not supported"},
	{"tag", STR("a: !!int 1\n"), ERR_UNSUPPORTED, 1, 4, "anchors and tags are not supported"},
	{"merge key", STR("a:\n  <<: {b: 1}\n"), ERR_UNSUPPORTED, 2, 3,
	 "merge keys are not supported"},
	{"second document", STR("a: 1\n---\nb: 1\n"), ERR_UNSUPPORTED, 2, 1,
	 "only one document per file is supported"},
	{"key twice", STR("a: 1\nb: 2\na: 3\n"), ERR_CONFLICT, 3, 1,
	 "this key stands twice in the same map"},
	{"key twice, quoted", STR("{a: 1, \"a\": 3}\n"), ERR_CONFLICT, 1, 8,
	 "this key stands twice in the same map"},
	{"key that is a list", STR("? [a]\n: 1\n"), ERR_MALFORMED, 1, 3,
	 "a key must be a plain word"},
	{"tab", STR("a:\n\tb: 1\n"), ERR_MALFORMED, 2, 1,
	 "found character that cannot start any token"},
	{"open list", STR("a: [1,\n"), ERR_MALFORMED, 2, 1, "did not find expected node content"},
	{"no UTF-8", STR("a: 1\nb: x\xff\n"), ERR_MALFORMED, 2, 5, "invalid leading UTF-8 octet"},
	{"NUL", STR("a: 1\nb: \0\n"), ERR_MALFORMED, 2, 4, "control characters are not allowed"},
	{"escaped NUL", STR("a: 1\nb: \"x\\0\"\n"), ERR_MALFORMED, 2, 4,
	 "a text must hold no control character"},
	{"escaped carriage return", STR("a: \"x\\r\\ny\"\n"), ERR_MALFORMED, 1, 4,
	 "a text must hold no control character"},
	{"depth", STR(DEEP16 DEEP16 DEEP16 DEEP16 "["), ERR_LIMIT, 1, 65,
	 "the file is nested deeper than 64 levels"},
};

static void test_yaml__refuses_with_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		const struct config_yaml *root = NULL;
		struct diag diag = {0};
		struct arena arena;

		print_message("# %s\n", bad[i].name);
		assert_int_equal(parse(&arena, bad[i].text, &diag, &root), bad[i].err);
		assert_null(root);
		assert_string_equal(diag.text, bad[i].what);
		assert_string_equal(diag.file, "f");
		assert_int_equal(diag.line, bad[i].line);
		assert_int_equal(diag.column, bad[i].column);
		arena_fini(&arena);
	}
}

static void test_yaml__bounds_a_map(void **state)
{
	const struct config_yaml *root = NULL;
	struct diag diag = {0};
	struct arena arena;
	struct buf text;

	(void)state;
	buf_init(&text, 1 << 20);
	for (unsigned i = 0; i <= CONFIG_YAML_KEYS; i++)
		assert_int_equal(buf_printf(&text, "k%u: 1\n", i), OK);
	assert_int_equal(parse(&arena, buf_str(&text), &diag, &root), ERR_LIMIT);
	assert_string_equal(diag.text, "more than 1024 keys in one map");
	assert_int_equal(diag.line, CONFIG_YAML_KEYS + 1);
	arena_fini(&arena);
	buf_fini(&text);
}

static void test_yaml__bounds_memory(void **state)
{
	const struct config_yaml *root = NULL;
	struct diag diag = {0};
	struct arena arena;
	struct buf text;

	(void)state;
	buf_init(&text, 1 << 20);
	for (unsigned i = 0; i < 1000; i++)
		assert_int_equal(buf_printf(&text, "- item\n"), OK);
	arena_init(&arena, 1024, 16384);
	assert_int_equal(config_yaml_parse(&arena, "f", buf_str(&text), &diag, &root), ERR_LIMIT);
	assert_string_equal(diag.text, "the file is too large");
	arena_fini(&arena);
	buf_fini(&text);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_yaml__places_every_node),
		cmocka_unit_test(test_yaml__takes_nothing_for_an_empty_map),
		cmocka_unit_test(test_yaml__refuses_with_place),
		cmocka_unit_test(test_yaml__bounds_a_map),
		cmocka_unit_test(test_yaml__bounds_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
