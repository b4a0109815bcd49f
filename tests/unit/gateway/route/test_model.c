/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "gateway/route/model.h"

static const struct str dialects[] = {STR("a.chat"), STR("b.infer"), STR("c.embed")};
static const struct str chat[] = {STR("a.chat")};
static const struct str both[] = {STR("c.embed"), STR("a.chat"), STR("a.chat")};
static const struct str unknown[] = {STR("a.chat"), STR("a.chatt")};
static const struct str aliases[] = {STR("gpt-latest"), STR("gpt")};
static const struct str own_name[] = {STR("gpt-x")};
static const struct str twice[] = {STR("t"), STR("t")};

static struct upstream *make_upstream(struct str name)
{
	struct upstream_options options = {.name = name, .url = STR("http://127.0.0.1:9")};
	struct upstream *upstream = NULL;
	struct diag diag;

	assert_int_equal(upstream_new(&options, &diag, &upstream), OK);
	return upstream;
}

static enum err load(const struct model_options *models, size_t count, struct diag *diag,
		     struct model_table **out)
{
	struct upstream *upstreams[] = {make_upstream(STR("one")), make_upstream(STR("two"))};
	enum err err = model_table_new(models, count, upstreams, ARRAY_LEN(upstreams), dialects,
				       ARRAY_LEN(dialects), diag, out);

	/* The table holds its own references. */
	upstream_unref(upstreams[0]);
	upstream_unref(upstreams[1]);
	return err;
}

#define MODEL(model_name, model_upstream, model_dialects)                                          \
	.name = STR(model_name), .upstream = STR(model_upstream), .dialects = (model_dialects),    \
	.dialect_count = ARRAY_LEN(model_dialects)

static void test_model__is_found_by_name_and_alias(void **state)
{
	const struct model_options models[] = {
		{MODEL("gpt-x", "two", both), .aliases = aliases, .alias_count = 2,
		 .upstream_model = STR("gpt \"x\"\n\xe2\x80\xa8")},
		{MODEL("iris", "one", chat), .price = STR("sklearn"), .region = STR("eu")},
	};
	struct model_table *table = NULL;
	const struct model *model;
	struct diag diag;

	(void)state;
	assert_int_equal(load(models, 2, &diag, &table), OK);
	assert_int_equal(model_count(table), 2);
	model = model_find(table, STR("gpt-x"));
	assert_ptr_equal(model, model_at(table, 0));
	assert_ptr_equal(model, model_find(table, STR("gpt")));
	assert_ptr_equal(model, model_find(table, STR("gpt-latest")));
	assert_true(str_eq(model->deployment, STR("gpt-x@two")));
	assert_true(str_eq(model->upstream_model_json, STR("\"gpt \\\"x\\\"\\n\\u2028\"")));
	assert_true(str_eq(model->options.price, STR("gpt-x")));
	assert_int_equal(model->upstream_index, 1);
	assert_int_equal(model->index, 0);
	assert_int_equal(model->dialect_set, 1U << 2 | 1U << 0);
	assert_true(str_eq(upstream_options(model->upstream)->name, STR("two")));
	model = model_find(table, STR("iris"));
	assert_true(str_eq(model->options.upstream_model, STR("iris")));
	assert_true(str_eq(model->options.price, STR("sklearn")));
	assert_true(str_eq(model->upstream_model_json, STR("\"iris\"")));
	assert_null(model_find(table, STR("gpt-")));
	assert_null(model_find(table, STR("GPT")));
	assert_null(model_find(table, STR("")));
	assert_null(model_find(table, str_make("gpt\0", 4)));
	model_table_free(table);
}

static void test_model__copies_what_it_is_given(void **state)
{
	char name[] = "gpt-x", group[] = "standard";
	struct str groups[] = {str_from_c(group)};
	struct model_options models[] = {{
		.name = str_from_c(name),
		.upstream = STR("one"),
		.dialects = chat,
		.dialect_count = 1,
		.groups = groups,
		.group_count = 1,
	}};
	struct model_table *table = NULL;
	struct diag diag;

	(void)state;
	assert_int_equal(load(models, 1, &diag, &table), OK);
	memset(name, '-', sizeof(name) - 1);
	memset(group, '-', sizeof(group) - 1);
	groups[0] = STR("other");
	assert_non_null(model_find(table, STR("gpt-x")));
	assert_true(str_eq(model_at(table, 0)->options.groups[0], STR("standard")));
	model_table_free(table);
}

static const struct {
	const char *what;
	enum err err;
	const char *says;
	struct model_options models[2];
	size_t count;
} refusals[] = {
	{"same name",
	 ERR_CONFLICT,
	 "gpt-x",
	 {{MODEL("gpt-x", "one", chat)}, {MODEL("gpt-x", "two", chat)}},
	 2},
	{"alias is a name",
	 ERR_CONFLICT,
	 "gpt-x",
	 {{MODEL("gpt-x", "one", chat)},
	  {MODEL("y", "one", chat), .aliases = own_name, .alias_count = 1}},
	 2},
	{"name is an alias",
	 ERR_CONFLICT,
	 "gpt",
	 {{MODEL("x", "one", chat), .aliases = aliases, .alias_count = 2},
	  {MODEL("gpt", "one", chat)}},
	 2},
	{"alias is its own name",
	 ERR_CONFLICT,
	 "gpt-x",
	 {{MODEL("gpt-x", "one", chat), .aliases = own_name, .alias_count = 1}},
	 1},
	{"alias twice",
	 ERR_CONFLICT,
	 "\"t\"",
	 {{MODEL("x", "one", chat), .aliases = twice, .alias_count = 2}},
	 1},
	{"unknown upstream", ERR_NOT_FOUND, "three", {{MODEL("x", "three", chat)}}, 1},
	{"unknown dialect", ERR_NOT_FOUND, "a.chatt", {{MODEL("x", "one", unknown)}}, 1},
	{"no dialect", ERR_MALFORMED, "dialect", {{.name = STR("x"), .upstream = STR("one")}}, 1},
};

static void test_model__refuses_what_does_not_fit_together(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
		struct model_table *table = NULL;
		struct model_options models[2];
		struct diag diag = {.text = ""};

		print_message("# %s\n", refusals[i].what);
		memcpy(models, refusals[i].models, sizeof(models));
		models[refusals[i].count - 1].line = 7;
		models[refusals[i].count - 1].column = 5;
		assert_int_equal(load(models, refusals[i].count, &diag, &table), refusals[i].err);
		assert_null(table);
		assert_non_null(strstr(diag.text, refusals[i].says));
		assert_int_equal(diag.line, 7);
		assert_int_equal(diag.column, 5);
	}
}

static void test_model__knows_thousands_of_names(void **state)
{
	static char names[2000][16];
	static struct model_options models[2000];
	struct model_table *table = NULL;
	struct diag diag;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(models); i++) {
		snprintf(names[i], sizeof(names[i]), "model-%zu", i);
		models[i] = (struct model_options){MODEL("", "one", chat)};
		models[i].name = str_from_c(names[i]);
	}
	assert_int_equal(load(models, ARRAY_LEN(models), &diag, &table), OK);
	for (size_t i = 0; i < ARRAY_LEN(models); i++)
		assert_int_equal(model_find(table, str_from_c(names[i]))->index, i);
	model_table_free(table);
	assert_int_equal(load(NULL, 0, &diag, &table), OK);
	assert_int_equal(model_count(table), 0);
	assert_null(model_find(table, STR("x")));
	model_table_free(table);
	model_table_free(NULL);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_model__is_found_by_name_and_alias),
		cmocka_unit_test(test_model__copies_what_it_is_given),
		cmocka_unit_test(test_model__refuses_what_does_not_fit_together),
		cmocka_unit_test(test_model__knows_thousands_of_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
