/* SPDX-License-Identifier: Apache-2.0 */
/* The exact JSON of policies, which is the official one but for `has` with a path and patterns,
 * where the official writer takes the path apart and writes a literal per character. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "policy/ast.h"
#include "policy/policy.h"
#include "policy/policy_json_write.h"

static const struct {
	const char *text;
	const char *json;
} rows[] = {
	{"permit(principal, action, resource);",
	 "{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},"
	 "\"resource\":{\"op\":\"All\"},\"conditions\":[]}"},
	{"@a @b(\"\\\"\\n\") forbid(principal == N::U::\"a\", action in [], resource is P in "
	 "A::\"b\");",
	 "{\"effect\":\"forbid\",\"principal\":{\"op\":\"==\",\"entity\":{\"type\":\"N::U\",\"id\":"
	 "\"a\"}},"
	 "\"action\":{\"op\":\"in\",\"entities\":[]},\"resource\":{\"op\":\"is\",\"entity_type\":"
	 "\"P\","
	 "\"in\":{\"entity\":{\"type\":\"A\",\"id\":\"b\"}}},\"conditions\":[],\"annotations\":{"
	 "\"a\":null,"
	 "\"b\":\"\\\"\\n\"}}"},
	{"permit(principal in ?principal, action in [Action::\"a\", Action::\"b\"], resource is P "
	 "in "
	 "?resource);",
	 "{\"effect\":\"permit\",\"principal\":{\"op\":\"in\",\"slot\":\"?principal\"},\"action\":{"
	 "\"op\":"
	 "\"in\",\"entities\":[{\"type\":\"Action\",\"id\":\"a\"},{\"type\":\"Action\",\"id\":"
	 "\"b\"}]},"
	 "\"resource\":{\"op\":\"is\",\"entity_type\":\"P\",\"in\":{\"slot\":\"?resource\"}},"
	 "\"conditions\":[]}"},
	{"permit(principal is U, action == Action::\"a\", resource) when { context } unless { "
	 "action };",
	 "{\"effect\":\"permit\",\"principal\":{\"op\":\"is\",\"entity_type\":\"U\"},\"action\":{"
	 "\"op\":"
	 "\"==\",\"entity\":{\"type\":\"Action\",\"id\":\"a\"}},\"resource\":{\"op\":\"All\"},"
	 "\"conditions\":[{\"kind\":\"when\",\"body\":{\"Var\":\"context\"}},{\"kind\":\"unless\","
	 "\"body\":"
	 "{\"Var\":\"action\"}}]}"},
};

/* Bodies of `when`. */
static const struct {
	const char *text;
	const char *json;
} bodies[] = {
	{"true || -5 || \"\\0\" || U::\"\"", "{\"||\":{\"left\":{\"||\":{\"left\":{\"||\":{"
					     "\"left\":{\"Value\":true},\"right\":{\"Value\":-5}}},"
					     "\"right\":{\"Value\":\"\\u0000\"}}},\"right\":{"
					     "\"Value\":{\"__entity\":{\"type\":\"U\",\"id\":"
					     "\"\"}}}}}"},
	{"1 + 2 - 3 * -9223372036854775808",
	 "{\"-\":{\"left\":{\"+\":{\"left\":{\"Value\":1},\"right\":{\"Value\":2}}},\"right\":{\"*"
	 "\":{\"left\":"
	 "{\"Value\":3},\"right\":{\"Value\":-9223372036854775808}}}}}"},
	{"1 - (2 - 3)", "{\"-\":{\"left\":{\"Value\":1},\"right\":{\"-\":{\"left\":{\"Value\":2},"
			"\"right\":{\"Value\":3}}}}}"},
	{"!!principal", "{\"!\":{\"arg\":{\"!\":{\"arg\":{\"Var\":\"principal\"}}}}}"},
	{"--5", "{\"neg\":{\"arg\":{\"Value\":-5}}}"},
	{"resource.a[\"b c\"].contains(1)", "{\"contains\":{\"left\":{\".\":{\"left\":{\".\":{"
					    "\"left\":{\"Var\":\"resource\"},\"attr\":\"a\"}},"
					    "\"attr\":\"b c\"}},\"right\":{\"Value\":1}}}"},
	{"[].isEmpty() && ip(\"::1\").isInRange(ip(\"::/8\"))",
	 "{\"&&\":{\"left\":{\"isEmpty\":{\"arg\":{\"Set\":[]}}},\"right\":{\"isInRange\":[{\"ip\":"
	 "[{\"Value\":"
	 "\"::1\"}]},{\"ip\":[{\"Value\":\"::/8\"}]}]}}}"},
	{"{a: 1, \"b c\": [2, 3]}",
	 "{\"Record\":{\"a\":{\"Value\":1},\"b c\":{\"Set\":[{\"Value\":2},{\"Value\":3}]}}}"},
	{"context has a.b || context has \"a.b\"",
	 "{\"||\":{\"left\":{\"has\":{\"left\":{\"Var\":\"context\"},\"attr\":[\"a\",\"b\"]}},"
	 "\"right\":{\"has\":"
	 "{\"left\":{\"Var\":\"context\"},\"attr\":\"a.b\"}}}}"},
	{"\"x\" like \"*a\\**\" && \"x\" like \"\"",
	 "{\"&&\":{\"left\":{\"like\":{\"left\":{\"Value\":\"x\"},\"pattern\":[\"Wildcard\",{"
	 "\"Literal\":"
	 "\"a*\"},\"Wildcard\"]}},\"right\":{\"like\":{\"left\":{\"Value\":\"x\"},\"pattern\":[]}}}"
	 "}"},
	{"principal is N::U in resource", "{\"is\":{\"left\":{\"Var\":\"principal\"},\"entity_"
					  "type\":\"N::U\",\"in\":{\"Var\":\"resource\"}}}"},
	{"if 1 > 2 then 3 != 4 else principal in resource",
	 "{\"if-then-else\":{\"if\":{\">\":{\"left\":{\"Value\":1},\"right\":{\"Value\":2}}},"
	 "\"then\":{\"!=\":"
	 "{\"left\":{\"Value\":3},\"right\":{\"Value\":4}}},\"else\":{\"in\":{\"left\":{\"Var\":"
	 "\"principal\"},"
	 "\"right\":{\"Var\":\"resource\"}}}}}"},
};

static struct policy_set *load(const char *text, enum policy_format format)
{
	struct policy_set_options options = {.takes_templates = true};
	struct policy_source source = {"p", str_from_c(text), format};
	struct policy_set *set = NULL;
	struct diag diag = {.text = ""};

	if (policy_set_load(&source, 1, &options, &set, &diag) != OK)
		print_message("# %s\n", diag.text);
	assert_non_null(set);
	return set;
}

static void test_policy_json_write__writes_policies(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct policy_set *set = load(rows[i].text, POLICY_FORMAT_TEXT);
		bool is_template = policy_set_template_count(set) > 0;
		struct buf buf;

		buf_init(&buf, 4096);
		print_message("# %s\n", rows[i].text);
		assert_int_equal(policy_json_write(&buf, is_template
								 ? policy_set_template_at(set, 0)
								 : policy_set_at(set, 0)),
				 OK);
		assert_int_equal(buf_append_byte(&buf, '\0'), OK);
		assert_string_equal(buf.ptr, rows[i].json);
		buf_fini(&buf);
		policy_set_free(set);
	}
}

static void test_policy_json_write__writes_expressions(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
		struct policy_set *set;
		struct buf buf;
		char text[300];

		(void)snprintf(text, sizeof(text),
			       "permit(principal, action, resource) when { %s };", bodies[i].text);
		set = load(text, POLICY_FORMAT_TEXT);
		buf_init(&buf, 4096);
		print_message("# %s\n", bodies[i].text);
		assert_int_equal(
			policy_json_write_expr(&buf, policy_set_at(set, 0)->conditions[0].body),
			OK);
		assert_int_equal(buf_append_byte(&buf, '\0'), OK);
		assert_string_equal(buf.ptr, bodies[i].json);
		buf_fini(&buf);
		policy_set_free(set);
	}
}

static const char whole_set[] =
	"{\"staticPolicies\":{\n"
	"\"a\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},"
	"\"resource\":{\"op\":\"All\"},\"conditions\":[]},\n"
	"\"b\":{\"effect\":\"forbid\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},"
	"\"resource\":{\"op\":\"All\"},\"conditions\":[]}},\n"
	"\"templates\":{\n"
	"\"t\":{\"effect\":\"permit\",\"principal\":{\"op\":\"==\",\"slot\":\"?principal\"},"
	"\"action\":"
	"{\"op\":\"All\"},\"resource\":{\"op\":\"in\",\"slot\":\"?resource\"},\"conditions\":[]},\n"
	"\"u\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},"
	"\"resource\":{\"op\":\"==\",\"slot\":\"?resource\"},\"conditions\":[]}},\n"
	"\"templateLinks\":[\n"
	"{\"templateId\":\"t\",\"newId\":\"l\",\"values\":{\"?principal\":{\"type\":\"U\",\"id\":"
	"\"x\"},"
	"\"?resource\":{\"type\":\"P\",\"id\":\"y\"}}},\n"
	"{\"templateId\":\"u\",\"newId\":\"m\",\"values\":{\"?resource\":{\"type\":\"P\",\"id\":"
	"\"z\"}}}]}\n";

static void test_policy_json_write__writes_sets(void **state)
{
	struct policy_set *set = load(whole_set, POLICY_FORMAT_JSON);
	struct buf buf;

	(void)state;
	buf_init(&buf, 4096);
	assert_int_equal(policy_set_json_write(&buf, set), OK);
	assert_int_equal(buf_append_byte(&buf, '\0'), OK);
	assert_string_equal(buf.ptr, whole_set);
	buf_reset(&buf);
	assert_int_equal(policy_json_write(&buf, policy_set_find(set, STR("l"))), OK);
	assert_int_equal(buf_append_byte(&buf, '\0'), OK);
	assert_string_equal(buf.ptr, "{\"effect\":\"permit\",\"principal\":{\"op\":\"==\","
				     "\"entity\":{\"type\":\"U\",\"id\":\"x\"}},"
				     "\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"in\","
				     "\"entity\":{\"type\":\"P\",\"id\":"
				     "\"y\"}},\"conditions\":[]}");
	buf_fini(&buf);
	policy_set_free(set);
}

static void test_policy_json_write__ends_at_the_maximum(void **state)
{
	struct policy_set *set = load(whole_set, POLICY_FORMAT_JSON);

	(void)state;
	for (size_t max = 0; max < sizeof(whole_set) - 1; max++) {
		struct buf buf;

		buf_init(&buf, max);
		assert_int_equal(policy_set_json_write(&buf, set), ERR_LIMIT);
		assert_true(buf.len <= max);
		assert_memory_equal(buf.len == 0 ? "" : buf.ptr, whole_set, buf.len);
		buf_fini(&buf);
	}
	policy_set_free(set);
}

/* Values that only a partial evaluation puts into a tree. */
static void test_policy_json_write__writes_values(void **state)
{
	static const char json[] = "{\"Value\":{\"d\":{\"__extn\":{\"fn\":\"duration\",\"arg\":"
				   "\"1s\"}},\"e\":[],\"s\":[1,2]}}";
	struct value items[3];
	struct value numbers[] = {value_long(1), value_long(2)};
	struct text keys[] = {text_make(STR("d")), text_make(STR("e")), text_make(STR("s"))};
	struct expr expr = {.kind = EXPR_VALUE};
	struct arena arena;
	struct buf buf;

	(void)state;
	arena_init(&arena, 1024, 1 << 16);
	buf_init(&buf, 4096);
	items[0] = value_duration_ms(1000);
	items[1] = value_set(&arena, NULL, 0);
	items[2] = value_set(&arena, numbers, 2);
	expr.value = value_record(&arena, keys, items, 3);
	assert_int_equal(policy_json_write_expr(&buf, &expr), OK);
	/* Members stand in the order of their hashes. */
	assert_int_equal(buf.len, sizeof(json) - 1);
	assert_int_equal(buf_append_byte(&buf, '\0'), OK);
	assert_non_null(strstr(buf.ptr, "\"s\":["));
	assert_non_null(strstr(buf.ptr, "\"e\":[]"));
	assert_non_null(strstr(buf.ptr, "\"d\":{\"__extn\":{\"fn\":\"duration\",\"arg\":\"1s\"}}"));
	buf_reset(&buf);
	expr.value = value_datetime_ms(INT64_MAX);
	assert_int_equal(policy_json_write_expr(&buf, &expr), ERR_UNSUPPORTED);
	buf_fini(&buf);
	arena_fini(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_policy_json_write__writes_policies),
		cmocka_unit_test(test_policy_json_write__writes_expressions),
		cmocka_unit_test(test_policy_json_write__writes_sets),
		cmocka_unit_test(test_policy_json_write__ends_at_the_maximum),
		cmocka_unit_test(test_policy_json_write__writes_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
