/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON form of schemas. Each row was taken or refused alike by the official engine, release
 * 4.10.0, but for those that no JavaScript object can say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "policy/schema.h"

struct row {
	const char *text;
	bool is_good;
};

static const struct row documents[] = {
	{"{}", true},
	{"[]", false},
	{"", false},
	{"{\"\":1}", false},
	{"{\"\":{\"entityTypes\":{},\"actions\":{}}}", true},
	{"{\"\":{\"entityTypes\":{}}}", false},
	{"{\"\":{\"actions\":{}}}", false},
	{"{\"\":{\"entityTypes\":{},\"actions\":{},\"x\":1}}", false},
	{"{\"\":{\"entityTypes\":{},\"actions\":{},\"annotations\":{}}}", true},
	{"{\"\":{\"entityTypes\":{},\"actions\":{},\"annotations\":{\"a\":\"b\"}}}", false},
	{"{\"N\":{\"entityTypes\":{},\"actions\":{},\"annotations\":{\"a\":\"b\",\"if\":null}}}",
	 true},
	{"{\"N\":{\"entityTypes\":{},\"actions\":{},\"annotations\":{\"a b\":\"b\"}}}", false},
	{"{\"N\":{\"entityTypes\":{},\"actions\":{},\"annotations\":{\"a\":1}}}", false},
	{"{\"N\":{\"entityTypes\":{},\"actions\":{},\"annotations\":null}}", false},
	{"{\"N\":{\"entityTypes\":{},\"actions\":{},\"annotations\":{\"a\":\"b\",\"a\":\"b\"}}}",
	 false},
	{"{\"N\":{\"entityTypes\":{},\"actions\":{},\"commonTypes\":null}}", false},
	{"{\"N\":{\"entityTypes\":{},\"actions\":{}},\"N\":{\"entityTypes\":{},\"actions\":{}}}",
	 false},
	{"{\"A::B\":{\"entityTypes\":{},\"actions\":{}}}", true},
	{"{\"N :: M\":{\"entityTypes\":{},\"actions\":{}}}", false},
	{"{\"A:B\":{\"entityTypes\":{},\"actions\":{}}}", false},
	{"{\"A::\":{\"entityTypes\":{},\"actions\":{}}}", false},
	{"{\"__cedar\":{\"entityTypes\":{},\"actions\":{}}}", false},
	{"{\"N::__cedar\":{\"entityTypes\":{},\"actions\":{}}}", false},
	{"{\"if\":{\"entityTypes\":{},\"actions\":{}}}", false},
	{"{\"N\":{\"entityTypes\":{\"E\":{}},\"actions\":{}},\"\":{\"entityTypes\":{\"E\":{}},"
	 "\"actions\":{}}}",
	 false},
	{"{\"N\":{\"entityTypes\":{\"E\":{\"memberOfTypes\":[\"N::E\",\"E\"]}},\"actions\":{}}}",
	 true},
	{"{\"N\":{\"entityTypes\":{\"E\":{\"memberOfTypes\":[\"N :: E\"]}},\"actions\":{}}}",
	 false},
	{"{\"N\":{\"entityTypes\":{\"E\":{\"memberOfTypes\":[\"in\"]}},\"actions\":{}}}", false},
	{"{\"N\":{\"entityTypes\":{},\"actions\":{\"a\":{\"memberOf\":[{\"id\":\"g\"}]},\"g\":{}}},"
	 "\"\":{\"entityTypes\":{},\"actions\":{\"h\":{}}}}",
	 true},
	{"{\"N\":{\"entityTypes\":{},\"actions\":{\"a\":{\"memberOf\":[{\"id\":\"h\"}]}}},"
	 "\"\":{\"entityTypes\":{},\"actions\":{\"h\":{}}}}",
	 true},
	{"{\"N\":{\"entityTypes\":{},\"actions\":{\"a\":{\"memberOf\":[{\"id\":\"h\",\"type\":"
	 "\"M::Action\"}]}}},\"M\":{\"entityTypes\":{},\"actions\":{\"h\":{}}}}",
	 true},
};

/* The entity types of a schema without namespaces. */
static const struct row entities[] = {
	{"\"E\":{},\"E\":{}", false},
	{"\"E::F\":{}", false},
	{"\"in\":{}", false},
	{"\"\":{}", false},
	{"\"1\":{}", false},
	{"\"Action\":{}", false},
	{"\"__cedar\":{}", false},
	{"\"Long\":{}", true},
	{"\"E\":null", false},
	{"\"E\":{\"memberOfTypes\":null}", false},
	{"\"E\":{\"memberOfTypes\":[1]}", false},
	{"\"E\":{\"memberOfTypes\":[\"E\",\"E\"]}", true},
	{"\"E\":{\"memberOfTypes\":[\"F\"]}", false},
	{"\"E\":{\"memberOftypes\":[\"E\"]}", false},
	{"\"E\":{\"shape\":null}", false},
	{"\"E\":{\"shape\":{\"type\":\"Long\"}}", false},
	{"\"E\":{\"shape\":{\"type\":\"Entity\",\"name\":\"E\"}}", false},
	{"\"E\":{\"shape\":{\"type\":\"Record\"}}", false},
	{"\"E\":{\"shape\":{\"type\":\"Record\",\"attributes\":{},\"additionalAttributes\":true}}",
	 false},
	{"\"E\":{\"shape\":{\"type\":\"Record\",\"attributes\":{},\"additionalAttributes\":false}}",
	 true},
	{"\"E\":{\"shape\":{\"type\":\"Record\",\"attributes\":{},\"annotations\":{}}}", false},
	{"\"E\":{\"shape\":{\"type\":\"Record\",\"attributes\":{},\"required\":true}}", false},
	{"\"E\":{\"shape\":{\"type\":\"Record\",\"attributes\":{\"\":{\"type\":\"Long\"},"
	 "\"\\u0000\":"
	 "{\"type\":\"Long\"},\"__cedar\":{\"type\":\"Long\"}}}}",
	 true},
	{"\"E\":{\"tags\":{\"type\":\"Entity\",\"name\":\"E\"}}", true},
	{"\"E\":{\"tags\":null}", false},
	{"\"E\":{\"enum\":[]}", false},
	{"\"E\":{\"enum\":null}", false},
	{"\"E\":{\"enum\":[\"a\",\"a\"]}", true},
	{"\"E\":{\"enum\":[\"a\"],\"annotations\":{\"x\":\"y\"}}", true},
	{"\"E\":{\"enum\":[\"a\"],\"shape\":{\"type\":\"Record\",\"attributes\":{}}}", false},
	{"\"E\":{\"enum\":[\"a\"],\"memberOfTypes\":[]}", false},
};

/* The type of an attribute, beside the entity types E and F. */
static const struct row types[] = {
	{"{\"type\":\"Long\"}", true},
	{"{\"type\":\"Bool\"}", true},
	{"{\"type\":\"Boolean\"}", true},
	{"{\"type\":\"ipaddr\"}", true},
	{"{\"type\":\"__cedar::Long\"}", true},
	{"{\"type\":\"__cedar::ipaddr\"}", true},
	{"{\"type\":\"__cedar::Bool\"}", true},
	{"{\"type\":\"__cedar::Boolean\"}", false},
	{"{\"type\":\"Extension\",\"name\":\"ipaddr\"}", true},
	{"{\"type\":\"Extension\",\"name\":\"foo\"}", false},
	{"{\"type\":\"Extension\",\"name\":\"Long\"}", false},
	{"{\"type\":\"Entity\",\"name\":\"F\"}", true},
	{"{\"type\":\"Entity\",\"name\":\"Long\"}", false},
	{"{\"type\":\"Entity\",\"name\":\"G\"}", false},
	{"{\"type\":\"EntityOrCommon\",\"name\":\"F\"}", true},
	{"{\"type\":\"EntityOrCommon\",\"name\":\"Long\"}", true},
	{"{\"type\":\"EntityOrCommon\",\"name\":\"__cedar::Long\"}", true},
	{"{\"type\":\"EntityOrCommon\",\"name\":\"Boolean\"}", false},
	{"{\"type\":\"EntityOrCommon\",\"name\":\"Bool\"}", true},
	{"{\"type\":\"EntityOrCommon\",\"name\":\"ipaddr\"}", true},
	{"{\"type\":\"F\"}", false},
	{"{\"type\":\"Entity\"}", false},
	{"{\"type\":\"Extension\"}", false},
	{"{\"type\":\"EntityOrCommon\"}", false},
	{"{\"type\":\"Set\",\"element\":{\"type\":\"Long\"}}", true},
	{"{\"type\":\"Set\"}", false},
	{"{\"type\":\"Set\",\"element\":\"Long\"}", false},
	{"{\"type\":\"Set\",\"element\":{\"type\":\"Long\",\"required\":true}}", false},
	{"{\"type\":\"Set\",\"element\":{\"type\":\"Long\",\"annotations\":{}}}", false},
	{"{\"type\":\"Long\",\"required\":false}", true},
	{"{\"type\":\"Long\",\"required\":null}", false},
	{"{\"type\":\"Long\",\"annotations\":{\"a\":\"b\"}}", true},
	{"{\"type\":\"Long\",\"annotations\":null}", false},
	{"{\"type\":\"Long\",\"name\":\"x\"}", false},
	{"{\"type\":\"Long\",\"x\":1}", false},
	{"{\"type\":\"Long\",\"type\":\"Long\"}", false},
	{"{\"type\":\"\"}", false},
	{"{\"type\":\"Entity\",\"name\":\"A::B::C\"}", false},
	{"{\"type\":\"Entity\",\"name\":\"__cedar::Long\"}", false},
	{"{\"type\":\"Entity\",\"name\":\"Action\"}", false},
	{"\"Long\"", false},
	{"[\"Long\"]", false},
	{"{\"name\":\"F\"}", false},
	{"{\"type\":1}", false},
	{"{\"type\":\"Record\",\"attributes\":{\"x\":{\"type\":\"Long\"},\"x\":{\"type\":\"Long\"}}"
	 "}",
	 false},
	{"{\"type\":\"Record\",\"attributes\":null}", false},
	{"{\"type\":\"Record\",\"attributes\":{},\"additionalAttributes\":null}", false},
	{"{\"type\":\"Record\",\"attributes\":{},\"element\":{\"type\":\"Long\"}}", false},
};

/* The action a, beside the entity type E and the action g. */
static const struct row actions[] = {
	{"{}", true},
	{"1", false},
	{"{\"attributes\":null}", true},
	{"{\"attributes\":{}}", false},
	{"{\"attributes\":{\"x\":1}}", false},
	{"{\"appliesTo\":null}", true},
	{"{\"appliesTo\":{}}", false},
	{"{\"appliesTo\":{\"principalTypes\":[],\"resourceTypes\":[]}}", true},
	{"{\"appliesTo\":{\"principalTypes\":[\"E\"]}}", false},
	{"{\"appliesTo\":{\"principalTypes\":[\"E\"],\"resourceTypes\":[]}}", true},
	{"{\"appliesTo\":{\"principalTypes\":[\"E\",\"E\"],\"resourceTypes\":[\"E\"],\"context\":"
	 "{\"type\":\"Record\",\"attributes\":{}}}}",
	 true},
	{"{\"appliesTo\":{\"principalTypes\":[\"Action\"],\"resourceTypes\":[\"E\"]}}", false},
	{"{\"appliesTo\":{\"principalTypes\":[\"E\"],\"resourceTypes\":[\"E\"],\"context\":null}}",
	 false},
	{"{\"appliesTo\":{\"principalTypes\":[\"E\"],\"resourceTypes\":[\"E\"],\"context\":"
	 "{\"type\":\"Long\"}}}",
	 false},
	{"{\"appliesTo\":{\"principalTypes\":null,\"resourceTypes\":[\"E\"]}}", false},
	{"{\"memberOf\":null}", true},
	{"{\"memberOf\":[]}", true},
	{"{\"memberOf\":[{\"id\":\"g\"}]}", true},
	{"{\"memberOf\":[{\"id\":\"h\"}]}", false},
	{"{\"memberOf\":[{\"id\":\"g\",\"type\":\"Action\"}]}", true},
	{"{\"memberOf\":[{\"id\":\"g\",\"type\":null}]}", true},
	{"{\"memberOf\":[{\"id\":\"g\",\"type\":\"E\"}]}", false},
	{"{\"memberOf\":[{\"id\":\"g\",\"type\":\"E F\"}]}", false},
	{"{\"memberOf\":[{\"id\":\"g\",\"x\":1}]}", false},
	{"{\"memberOf\":[{\"type\":\"Action\"}]}", false},
	{"{\"memberOf\":[{\"id\":\"a\"}]}", false},
	{"{\"memberOf\":[\"g\"]}", false},
	{"{\"memberOf\":[{\"id\":\"g\"},{\"id\":\"g\"}]}", true},
	{"{\"annotations\":{\"a\":\"b\"}}", true},
	{"{\"x\":1}", false},
};

/* The common types of a schema with the entity type E. */
static const struct row commons[] = {
	{"\"C\":{\"type\":\"Record\",\"attributes\":{},\"annotations\":{\"x\":\"y\"}}", true},
	{"\"C\":{\"type\":\"C\"}", false},
	{"\"C\":{\"type\":\"D\"},\"D\":{\"type\":\"Set\",\"element\":{\"type\":\"C\"}}", false},
	{"\"C\":{\"type\":\"D\"},\"D\":{\"type\":\"Long\"}", true},
	{"\"Set\":{\"type\":\"Long\"}", false},
	{"\"E\":{\"type\":\"Long\"}", true},
	{"\"in\":{\"type\":\"Long\"}", false},
	{"\"ipaddr\":{\"type\":\"Long\"}", true},
	{"\"EntityOrCommon\":{\"type\":\"Long\"}", true},
	{"\"C\":{\"type\":\"Long\",\"required\":true}", false},
	{"\"C\":\"Long\"", false},
};

static void check_rows(const struct row *rows, size_t count, const char *before, const char *behind)
{
	char text[2000];

	for (size_t i = 0; i < count; i++) {
		struct schema_source source = {.file = "row", .format = SCHEMA_FORMAT_JSON};
		struct schema *schema = NULL;
		struct diag diag = {.text = ""};
		enum err err;

		(void)snprintf(text, sizeof(text), "%s%s%s", before, rows[i].text, behind);
		source.text = str_from_c(text);
		err = schema_load_source(&source, &schema, &diag);
		if ((err == OK) != rows[i].is_good)
			print_message("# %s: %s\n", text, diag.text);
		assert_int_equal(err == OK, rows[i].is_good);
		assert_true(err == OK || diag.line == 1);
		schema_free(schema);
	}
}

static void test_schema_json__takes_and_refuses_as_the_official_reader(void **state)
{
	(void)state;
	check_rows(documents, ARRAY_LEN(documents), "", "");
	check_rows(entities, ARRAY_LEN(entities), "{\"\":{\"entityTypes\":{", "},\"actions\":{}}}");
	check_rows(types, ARRAY_LEN(types),
		   "{\"\":{\"entityTypes\":{\"E\":{\"shape\":{\"type\":\"Record\",\"attributes\":{"
		   "\"a\":",
		   "}}},\"F\":{}},\"actions\":{}}}");
	check_rows(actions, ARRAY_LEN(actions),
		   "{\"\":{\"entityTypes\":{\"E\":{}},\"actions\":{\"a\":", ",\"g\":{}}}}");
	check_rows(commons, ARRAY_LEN(commons),
		   "{\"\":{\"entityTypes\":{\"E\":{}},\"actions\":{},\"commonTypes\":{", "}}}");
}

static void test_schema_json__takes_a_common_type_as_a_shape(void **state)
{
	static const struct row rows[] = {
		{"{\"type\":\"C\"}", true},
		{"{\"type\":\"EntityOrCommon\",\"name\":\"C\"}", true},
		{"{\"type\":\"D\"}", false},
		{"{\"type\":\"Entity\",\"name\":\"C\"}", false},
	};

	(void)state;
	check_rows(rows, ARRAY_LEN(rows),
		   "{\"\":{\"commonTypes\":{\"C\":{\"type\":\"Record\",\"attributes\":{}},"
		   "\"D\":{\"type\":\"Long\"}},\"actions\":{},\"entityTypes\":{\"E\":{\"shape\":",
		   "}}}}");
}

/* Sets in sets, `depth` of them with what is innermost. */
static enum err load_nested(size_t depth, struct diag *diag)
{
	static char text[20000];
	struct schema_source source = {.file = "deep", .format = SCHEMA_FORMAT_JSON};
	struct schema *schema = NULL;
	size_t len = (size_t)snprintf(text, sizeof(text),
				      "{\"\":{\"entityTypes\":{},\"actions\":{},"
				      "\"commonTypes\":{\"C\":");
	enum err err;

	for (size_t i = 1; i < depth; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
					"{\"type\":\"Set\",\"element\":");
	len += (size_t)snprintf(text + len, sizeof(text) - len, "{\"type\":\"Long\"");
	for (size_t i = 0; i < depth; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "}");
	(void)snprintf(text + len, sizeof(text) - len, "}}}");
	source.text = str_from_c(text);
	err = schema_load_source(&source, &schema, diag);
	schema_free(schema);
	return err;
}

static void test_schema_json__stops_at_the_nesting_limit(void **state)
{
	struct diag diag = {.text = ""};

	(void)state;
	assert_int_equal(load_nested(128, &diag), OK);
	assert_int_equal(load_nested(129, &diag), ERR_LIMIT);
	assert_non_null(strstr(diag.text, "128"));
}

static void test_schema_json__lists_all_errors_with_their_places(void **state)
{
	static const char text[] =
		"{\"N\": {\n"
		"  \"entityTypes\": {\n"
		"    \"A\": {\"memberOftypes\": []},\n"
		"    \"B\": {\"shape\": {\"type\": \"Record\", \"attributes\": {\n"
		"      \"x\": {\"type\": \"Extension\", \"name\": \"ipadr\"},\n"
		"      \"y\": {\"type\": \"Set\"}}}}\n"
		"  },\n"
		"  \"actions\": {\"a\": {\"memberOf\": [7]}}}}\n";
	static const struct {
		unsigned line, column;
		const char *says;
	} wants[] = {
		{3, 11, "did you mean `memberOfTypes`"},
		{5, 42, "did you mean `ipaddr`"},
		{6, 12, "`element` is missing"},
		{8, 34, "a group must be an object"},
	};
	struct schema_source source = {
		.file = "all.json", .text = str_from_c(text), .format = SCHEMA_FORMAT_JSON};
	struct schema *schema = NULL;
	struct diags all;
	struct diag first;

	(void)state;
	diags_init(&all, 100);
	source.all = &all;
	assert_int_equal(schema_load_source(&source, &schema, &first), ERR_MALFORMED);
	assert_null(schema);
	for (size_t i = 0; i < all.count; i++)
		print_message("# %u:%u %s\n", all.items[i].line, all.items[i].column,
			      all.items[i].text);
	assert_int_equal(all.count, ARRAY_LEN(wants));
	for (size_t i = 0; i < ARRAY_LEN(wants); i++) {
		assert_int_equal(all.items[i].line, wants[i].line);
		assert_int_equal(all.items[i].column, wants[i].column);
		assert_non_null(strstr(all.items[i].text, wants[i].says));
	}
	assert_string_equal(first.text, all.items[0].text);
	diags_fini(&all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_schema_json__takes_and_refuses_as_the_official_reader),
		cmocka_unit_test(test_schema_json__takes_a_common_type_as_a_shape),
		cmocka_unit_test(test_schema_json__stops_at_the_nesting_limit),
		cmocka_unit_test(test_schema_json__lists_all_errors_with_their_places),
	};

	return cmocka_run_group_tests_name("schema_json", tests, NULL, NULL);
}
