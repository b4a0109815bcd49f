/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/buf.h"
#include "gateway_case.h"

static const struct {
	const char *json;
	enum err load;
	bool is_cyclic;
} rows[] = {
	{"[]", OK, false},
	{"{}", ERR_MALFORMED, false},
	{"[", ERR_MALFORMED, false},
	{"[1]", ERR_MALFORMED, false},
	{"[{\"uid\":{\"type\":\"A\",\"id\":\"x\"},\"attrs\":{},\"parents\":[]}]", OK, false},
	{"[{\"uid\":{\"__entity\":{\"type\":\"A\",\"id\":\"x\"}},\"attrs\":{},\"parents\":[],"
	 "\"more\":1}]",
	 OK, false},
	{"[{\"uid\":\"A::\\\"x\\\"\",\"attrs\":{},\"parents\":[]}]", ERR_MALFORMED, false},
	{"[{\"uid\":{\"type\":\"A\",\"id\":\"x\"},\"parents\":[]}]", ERR_MALFORMED, false},
	{"[{\"uid\":{\"type\":\"A\",\"id\":\"x\"},\"attrs\":{}}]", ERR_MALFORMED, false},
	{"[{\"uid\":{\"type\":\"A :: B\",\"id\":\"x\"},\"attrs\":{},\"parents\":[]}]",
	 ERR_MALFORMED, false},
	{"[{\"uid\":{\"type\":\"A::if\",\"id\":\"x\"},\"attrs\":{},\"parents\":[]}]", ERR_MALFORMED,
	 false},
	{"[{\"uid\":{\"type\":\"A::\",\"id\":\"x\"},\"attrs\":{},\"parents\":[]}]", ERR_MALFORMED,
	 false},
	{"[{\"uid\":{\"type\":\"\",\"id\":\"x\"},\"attrs\":{},\"parents\":[]}]", ERR_MALFORMED,
	 false},
	{"[{\"uid\":{\"type\":\"__cedar\",\"id\":\"x\"},\"attrs\":{},\"parents\":[]}]",
	 ERR_MALFORMED, false},
	{"[{\"uid\":{\"type\":\"A\",\"id\":\"x\"},\"attrs\":{\"n\":9223372036854775807},"
	 "\"parents\":[]}]",
	 OK, false},
	{"[{\"uid\":{\"type\":\"A\",\"id\":\"x\"},\"attrs\":{\"n\":-9223372036854775808},"
	 "\"parents\":[]}]",
	 OK, false},
	{"[{\"uid\":{\"type\":\"A\",\"id\":\"x\"},\"attrs\":{\"n\":9223372036854775808},"
	 "\"parents\":[]}]",
	 ERR_MALFORMED, false},
	{"[{\"uid\":{\"type\":\"A\",\"id\":\"x\"},\"attrs\":{\"n\":1.0},\"parents\":[]}]",
	 ERR_MALFORMED, false},
	{"[{\"uid\":{\"type\":\"A\",\"id\":\"x\"},\"attrs\":{\"n\":-0},\"parents\":[]}]",
	 ERR_MALFORMED, false},
	{"[{\"uid\":{\"type\":\"A\",\"id\":\"x\"},\"attrs\":{\"n\":null},\"parents\":[]}]",
	 ERR_MALFORMED, false},
	{"[{\"uid\":{\"type\":\"A\",\"id\":\"x\"},\"attrs\":{\"n\":{\"__expr\":\"1\"}},\"parents\":"
	 "[]}]",
	 ERR_MALFORMED, false},
	{"[{\"uid\":{\"type\":\"A\",\"id\":\"x\"},\"attrs\":{\"n\":1,\"n\":1},\"parents\":[]}]",
	 ERR_MALFORMED, false},
	{"[{\"uid\":{\"type\":\"A\",\"id\":\"x\"},\"attrs\":{\"\":1,\"\\u0000k\":2},\"parents\":[]}"
	 "]",
	 OK, false},
	{"[{\"uid\":{\"type\":\"A\",\"id\":\"x\"},\"attrs\":{\"n\":{\"__entity\":{\"type\":\"B\","
	 "\"id\":\"\"},\"z\":1}},\"parents\":[]}]",
	 OK, false},
	{"[{\"uid\":{\"__entity\":true,\"type\":\"A\",\"id\":\"x\"},\"attrs\":{},\"parents\":[]}]",
	 OK, false},
	{"[{\"uid\":{\"__expr\":\"x\",\"type\":\"A\",\"id\":\"x\"},\"attrs\":{},\"parents\":[]}]",
	 ERR_MALFORMED, false},
	{"[{\"uid\":{\"type\":\"A\",\"id\":\"x\"},\"attrs\":{\"n\":{\"__extn\":{\"fn\":\"ip\","
	 "\"arg\":\"1.2.3.4\"}}},\"parents\":[]}]",
	 OK, false},
	{"[{\"uid\":{\"type\":\"A\",\"id\":\"x\"},\"attrs\":{\"n\":{\"__extn\":{\"fn\":\"ip\","
	 "\"arg\":\"1.2.3\"}}},\"parents\":[]}]",
	 ERR_MALFORMED, false},
	{"[{\"uid\":{\"type\":\"A\",\"id\":\"x\"},\"attrs\":{\"n\":{\"__extn\":{\"fn\":\"ip\","
	 "\"args\":[\"1.2.3.4\"]}}},\"parents\":[]}]",
	 OK, false},
	{"[{\"uid\":{\"type\":\"A\",\"id\":\"x\"},\"attrs\":{\"n\":{\"__extn\":{\"fn\":\"nope\","
	 "\"arg\":\"1\"}}},\"parents\":[]}]",
	 ERR_MALFORMED, false},
	{"[{\"uid\":{\"type\":\"A\",\"id\":\"x\"},\"attrs\":{\"n\":{\"__extn\":{\"fn\":"
	 "\"contains\",\"args\":[[1],1]}}},\"parents\":[]}]",
	 ERR_MALFORMED, false},
	{"[{\"uid\":{\"type\":\"A\",\"id\":\"x\"},\"attrs\":{\"n\":{\"__extn\":{\"fn\":\"offset\","
	 "\"args\":[{\"__extn\":{\"fn\":\"datetime\",\"arg\":\"2024-01-01\"}},{\"__extn\":{\"fn\":"
	 "\"duration\",\"arg\":\"1d\"}}]}}},\"parents\":[]}]",
	 OK, false},
	{"[{\"uid\":{\"type\":\"A\",\"id\":\"x\"},\"attrs\":{},\"parents\":[]},{\"uid\":{\"type\":"
	 "\"A\",\"id\":\"x\"},\"attrs\":{},\"parents\":[]}]",
	 OK, false},
	{"[{\"uid\":{\"type\":\"A\",\"id\":\"x\"},\"attrs\":{},\"parents\":[]},{\"uid\":{\"type\":"
	 "\"A\",\"id\":\"x\"},\"attrs\":{\"a\":1},\"parents\":[]}]",
	 ERR_CONFLICT, false},
	{"[{\"uid\":{\"type\":\"A\",\"id\":\"x\"},\"attrs\":{},\"parents\":[{\"type\":\"A\",\"id\":"
	 "\"x\"}]}]",
	 OK, true},
	{"[{\"uid\":{\"type\":\"A\",\"id\":\"x\"},\"attrs\":{},\"parents\":[{\"type\":\"A\",\"id\":"
	 "\"y\"}]},{\"uid\":{\"type\":\"A\",\"id\":\"y\"},\"attrs\":{},\"parents\":[{\"type\":"
	 "\"A\",\"id\":\"x\"}]}]",
	 OK, true},
	{"[{\"uid\":{\"type\":\"A\",\"id\":\"x\"},\"attrs\":{},\"parents\":[{\"type\":\"A\",\"id\":"
	 "\"gone\"}]}]",
	 OK, false},
};

static void test_entity__reads_the_json_form_strictly(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct entity_store *store = entity_store_new(NULL);
		struct diag diag = {.text = ""};
		enum err err = entity_store_load_json(store, "e.json", str_from_c(rows[i].json),
						      NULL, &diag);

		if (err != rows[i].load)
			print_message("# %s: %s\n", rows[i].json, diag.text);
		assert_int_equal(err, rows[i].load);
		if (err == OK)
			assert_int_equal(entity_store_freeze(store, &diag),
					 rows[i].is_cyclic ? ERR_MALFORMED : OK);
		else
			assert_int_equal(entity_store_count(store), 0);
		entity_store_free(store);
	}
}

/* What the official reader makes of an escape and of what is not quite one. */
static const struct {
	const char *json;
	enum value_kind want; /* VALUE_NONE: refused */
} escapes[] = {
	{"{\"__entity\":{\"type\":\"A\",\"id\":\"x\"}}", VALUE_ENTITY},
	{"{\"__entity\":{\"type\":\"A\",\"id\":\"x\",\"more\":1}}", VALUE_ENTITY},
	{"{\"__entity\":{\"type\":\"A\",\"id\":\"x\"},\"more\":1}", VALUE_RECORD},
	{"{\"__entity\":{\"type\":\"A\"}}", VALUE_RECORD},
	{"{\"__entity\":{\"type\":1,\"id\":\"x\"}}", VALUE_RECORD},
	{"{\"__entity\":\"x\"}", VALUE_RECORD},
	{"{\"__entity\":{\"type\":\"in\",\"id\":\"x\"}}", VALUE_NONE},
	{"{\"__extn\":{\"fn\":\"ip\",\"arg\":\"1.2.3.4\",\"more\":1}}", VALUE_IP},
	{"{\"__extn\":{\"fn\":\"ip\",\"arg\":\"1.2.3.4\"},\"more\":1}", VALUE_RECORD},
	{"{\"__extn\":{\"fn\":\"ip\",\"arg\":\"1.2.3.4\",\"args\":[]}}", VALUE_IP},
	{"{\"__extn\":{\"fn\":\"ip\",\"args\":\"1.2.3.4\"}}", VALUE_RECORD},
	{"{\"__extn\":{\"fn\":\"ip\",\"args\":[]}}", VALUE_NONE},
	{"{\"__extn\":{\"fn\":\"ip\",\"arg\":1}}", VALUE_NONE},
	{"{\"__extn\":{\"fn\":1,\"arg\":\"1.2.3.4\"}}", VALUE_RECORD},
	{"{\"__extn\":true}", VALUE_RECORD},
	{"{\"__extn\":null}", VALUE_NONE},
	{"{\"__expr\":\"1\"}", VALUE_NONE},
	{"{\"__expr\":\"1\",\"more\":1}", VALUE_RECORD},
	{"{\"__expr\":1}", VALUE_RECORD},
};

static void test_entity__takes_an_escape_only_whole(void **state)
{
	struct text key = text_make(STR("x"));
	char json[200];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(escapes); i++) {
		struct value context = {.kind = VALUE_NONE};
		struct arena arena;
		enum err err;

		(void)snprintf(json, sizeof(json), "{\"x\": %s}", escapes[i].json);
		print_message("# %s\n", json);
		arena_init(&arena, 8192, 1 << 20);
		err = entity_context_json(&arena, "c", str_from_c(json), NULL, NULL, &context,
					  NULL);
		assert_int_equal(err == OK, escapes[i].want != VALUE_NONE);
		if (err == OK)
			assert_int_equal(value_record_get(context.record, &key).kind,
					 escapes[i].want);
		arena_fini(&arena);
	}
}

static void test_entity__takes_no_escape_for_a_context(void **state)
{
	static const struct {
		const char *json;
		enum err want;
	} contexts[] = {
		{"{\"__extn\":{\"fn\":\"ip\",\"arg\":\"::\"}}", ERR_MALFORMED},
		{"{\"__entity\":{\"type\":\"A\",\"id\":\"x\"}}", ERR_MALFORMED},
		{"{\"__expr\":\"1\"}", ERR_MALFORMED},
		{"{\"__entity\":{\"type\":\"A\",\"id\":\"x\"},\"a\":1}", OK},
		{"{\"__extn\":true}", OK},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(contexts); i++) {
		struct value context = {.kind = VALUE_NONE};
		struct arena arena;

		print_message("# %s\n", contexts[i].json);
		arena_init(&arena, 8192, 1 << 20);
		assert_int_equal(entity_context_json(&arena, "c", str_from_c(contexts[i].json),
						     NULL, NULL, &context, NULL),
				 contexts[i].want);
		arena_fini(&arena);
	}
}

static void test_entity__keeps_nul_in_names(void **state)
{
	struct text key = text_make(str_make("\0k", 2));
	struct value context = {.kind = VALUE_NONE};
	struct arena arena;
	struct diag diag;

	(void)state;
	arena_init(&arena, 8192, 1 << 20);
	assert_int_equal(entity_context_json(&arena, "c", STR("{\"\\u0000k\": 7, \"\\ufdd0\": 1}"),
					     NULL, NULL, &context, &diag),
			 OK);
	assert_int_equal(value_record_get(context.record, &key).number, 7);
	key = text_make(STR("\xef\xb7\x90"));
	assert_int_equal(value_record_get(context.record, &key).number, 1);
	arena_fini(&arena);
}

static void test_entity__bounds_json_nesting(void **state)
{
	struct value context;
	struct arena arena;
	struct diag diag;
	struct buf buf;

	(void)state;
	buf_init(&buf, 4096);
	for (size_t depth = 126; depth < 131; depth++) {
		enum err err;

		buf_reset(&buf);
		assert_int_equal(buf_append(&buf, STR("{\"a\":")), OK);
		for (size_t i = 0; i < depth; i++)
			assert_int_equal(buf_append_byte(&buf, '['), OK);
		for (size_t i = 0; i < depth; i++)
			assert_int_equal(buf_append_byte(&buf, ']'), OK);
		assert_int_equal(buf_append_byte(&buf, '}'), OK);
		arena_init(&arena, 8192, 1 << 20);
		err = entity_context_json(&arena, "c", buf_str(&buf), NULL, NULL, &context, &diag);
		assert_int_equal(err, depth <= ENTITY_JSON_DEPTH ? OK : ERR_LIMIT);
		arena_fini(&arena);
	}
	buf_fini(&buf);
}

static const struct uid *named(struct entity_store *store, unsigned n)
{
	struct arena *arena = entity_store_arena(store);
	struct uid uid = uid_make(STR("N"), arena_printf(arena, "%u", n));

	return uid_copy(arena, &uid);
}

static void test_entity__closes_long_chains(void **state)
{
	struct entity_store *store = entity_store_new(NULL);
	const struct entity *bottom;
	struct diag diag;

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		const struct uid *parent = named(store, i + 1);

		assert_int_equal(entity_store_add(store, named(store, i), value_none(),
						  value_none(), &parent, 1, &diag),
				 OK);
	}
	assert_int_equal(entity_store_freeze(store, &diag), OK);
	bottom = entity_store_find(store, named(store, 0));
	assert_int_equal(bottom->ancestor_count, 1000);
	assert_true(
		entity_refs_have(bottom->ancestors, bottom->ancestor_count, named(store, 1000)));
	entity_store_free(store);
}

static void test_entity__names_the_limit_passed(void **state)
{
	struct entity_limits limits = {.entities = 3, .parents = 1, .ancestors = 3};
	struct entity_store *store = entity_store_new(&limits);
	const struct uid *parents[2] = {named(store, 1), named(store, 2)};
	struct diag diag;

	(void)state;
	assert_int_equal(entity_store_add(store, named(store, 0), value_none(), value_none(),
					  parents, 2, &diag),
			 ERR_LIMIT);
	assert_non_null(strstr(diag.text, "parents"));
	for (unsigned i = 0; i < 3; i++) {
		parents[0] = named(store, i + 1);
		assert_int_equal(entity_store_add(store, named(store, i), value_none(),
						  value_none(), parents, 1, &diag),
				 OK);
	}
	assert_int_equal(entity_store_add(store, named(store, 9), value_none(), value_none(), NULL,
					  0, &diag),
			 ERR_LIMIT);
	assert_int_equal(entity_store_freeze(store, &diag), ERR_LIMIT);
	assert_non_null(strstr(diag.text, "ancestors"));
	entity_store_free(store);
}

static const struct {
	const char *json;
	enum err want;
} typed[] = {
	{"[{\"uid\": {\"type\": \"T\", \"id\": \"a\"}, \"attrs\": {\"ip\": \"1.2.3.4\", \"u\":"
	 "{\"type\": \"T\", \"id\": \"b\"}}, \"parents\": [], \"tags\": {\"x\": 1}}]",
	 OK},
	{"[{\"uid\": {\"type\": \"T\", \"id\": \"a\"}, \"attrs\": {}, \"parents\": []}]",
	 ERR_MALFORMED},
	{"[{\"uid\": {\"type\": \"T\", \"id\": \"a\"}, \"attrs\": {\"ip\": 1}, \"parents\": []}]",
	 ERR_MALFORMED},
	{"[{\"uid\": {\"type\": \"T\", \"id\": \"a\"}, \"attrs\": {\"ip\": \"::\", \"z\": 1},"
	 "\"parents\": []}]",
	 ERR_MALFORMED},
	{"[{\"uid\": {\"type\": \"T\", \"id\": \"a\"}, \"attrs\": {\"ip\": \"::\"}, \"parents\":"
	 "[{\"type\": \"T\", \"id\": \"b\"}]}]",
	 ERR_MALFORMED},
	{"[{\"uid\": {\"type\": \"T\", \"id\": \"a\"}, \"attrs\": {\"ip\": \"::\"}, \"parents\":"
	 "[], \"tags\": {\"x\": \"s\"}}]",
	 ERR_MALFORMED},
	{"[{\"uid\": {\"type\": \"T\", \"id\": \"a\"}, \"attrs\": {\"ip\": {\"__extn\": true,"
	 "\"fn\": \"ip\", \"arg\": \"::\"}}, \"parents\": []}]",
	 OK},
	{"[{\"uid\": {\"type\": \"T\", \"id\": \"a\"}, \"attrs\": {\"ip\": {\"__expr\": \"x\","
	 "\"fn\": \"ip\", \"arg\": \"::\"}}, \"parents\": []}]",
	 ERR_MALFORMED},
	{"[{\"uid\": {\"type\": \"P\", \"id\": \"a\"}, \"attrs\": {}, \"parents\":"
	 "[{\"type\": \"R\", \"id\": \"above Q\"}]}]",
	 OK},
	{"[{\"uid\": {\"type\": \"R\", \"id\": \"a\"}, \"attrs\": {}, \"parents\":"
	 "[{\"type\": \"R\", \"id\": \"in a circle\"}]}]",
	 OK},
	{"[{\"uid\": {\"type\": \"E\", \"id\": \"one\"}, \"attrs\": {}, \"parents\": []}]", OK},
	{"[{\"uid\": {\"type\": \"E\", \"id\": \"two\"}, \"attrs\": {}, \"parents\": []}]",
	 ERR_MALFORMED},
	{"[{\"uid\": {\"type\": \"X\", \"id\": \"a\"}, \"attrs\": {}, \"parents\": []}]",
	 ERR_MALFORMED},
	{"[{\"uid\": {\"type\": \"Action\", \"id\": \"a\"}, \"attrs\": {}, \"parents\":"
	 "[{\"type\": \"Action\", \"id\": \"g\"}]}]",
	 OK},
	{"[{\"uid\": {\"type\": \"Action\", \"id\": \"a\"}, \"attrs\": {}, \"parents\": []}]",
	 ERR_MALFORMED},
	{"[{\"uid\": {\"type\": \"Action\", \"id\": \"z\"}, \"attrs\": {}, \"parents\": []}]",
	 ERR_MALFORMED},
	/* c in [a, g], a in g: what a is in may be left to a, when a is listed. */
	{"[{\"uid\": {\"type\": \"Action\", \"id\": \"c\"}, \"attrs\": {}, \"parents\": "
	 "[{\"type\": \"Action\", \"id\": \"a\"}]},"
	 "{\"uid\": {\"type\": \"Action\", \"id\": \"a\"}, \"attrs\": {}, \"parents\": [{\"type\": "
	 "\"Action\", \"id\": \"g\"}]}]",
	 OK},
	{"[{\"uid\": {\"type\": \"Action\", \"id\": \"c\"}, \"attrs\": {}, \"parents\": "
	 "[{\"type\": \"Action\", \"id\": \"a\"}]}]",
	 ERR_MALFORMED},
	{"[{\"uid\": {\"type\": \"Action\", \"id\": \"a\"}, \"attrs\": {}, \"parents\": "
	 "[{\"type\": \"Action\", \"id\": \"g\"},"
	 "{\"type\": \"Action\", \"id\": \"c\"}]}]",
	 ERR_MALFORMED},
	{"[{\"uid\": {\"type\": \"Action\", \"id\": \"g\"}, \"attrs\": {}, \"parents\": "
	 "[{\"type\": \"T\", \"id\": \"a\"}]}]",
	 ERR_MALFORMED},
};

static void test_entity__reads_values_by_the_schema(void **state)
{
	struct schema *schema;
	struct diag diag = {.text = ""};

	(void)state;
	assert_int_equal(schema_load("s",
				     STR("entity T = {ip: ipaddr, u?: T} tags Long;"
					 "entity P in Q; entity Q in R; entity R in Q;"
					 "entity E enum [\"one\"]; action c in [a, g]; action a in "
					 "g; action g;"),
				     &schema, &diag),
			 OK);
	for (size_t i = 0; i < ARRAY_LEN(typed); i++) {
		struct entity_store *store = entity_store_new(NULL);
		enum err err = entity_store_load_json(store, "e.json", str_from_c(typed[i].json),
						      schema, &diag);

		if (err != typed[i].want)
			print_message("# %s: %s\n", typed[i].json, diag.text);
		assert_int_equal(err, typed[i].want);
		entity_store_free(store);
	}
	schema_free(schema);
}

static const struct {
	const char *json;
	const char *type;
	enum err want;
} partial[] = {
	{"{}", "T", OK},
	{"{\"ip\": \"1.2.3.4\"}", "T", OK},
	{"{\"r\": {\"n\": 1}}", "T", OK},
	{"{\"r\": {}}", "T", ERR_MALFORMED},
	{"{\"ip\": 1}", "T", ERR_MALFORMED},
	{"{\"z\": 1}", "T", ERR_MALFORMED},
	{"{\"ip\": \"::\", \"ip\": \"::\"}", "T", ERR_MALFORMED},
	{"[]", "T", ERR_MALFORMED},
	{"{}", "E", OK},
	{"{\"n\": 1}", "E", ERR_MALFORMED},
	{"{}", "X", OK},
};

/* What is required may be missing outermost only; what is there is of its type. */
static void test_entity__reads_some_attributes_by_the_schema(void **state)
{
	struct schema *schema;
	struct diag diag = {.text = ""};

	(void)state;
	assert_int_equal(schema_load("s", STR("entity T = {ip: ipaddr, r: {n: Long}}; entity E;"),
				     &schema, &diag),
			 OK);
	for (size_t i = 0; i < ARRAY_LEN(partial); i++) {
		struct value attrs = value_none();
		struct arena arena;
		enum err err;

		print_message("# %s %s\n", partial[i].type, partial[i].json);
		arena_init(&arena, 4096, 1 << 20);
		err = entity_attrs_json(&arena, "attrs", str_from_c(partial[i].json), schema,
					str_from_c(partial[i].type), &attrs, &diag);
		assert_int_equal(err, partial[i].want);
		assert_int_equal(attrs.kind, err == OK ? VALUE_RECORD : VALUE_NONE);
		arena_fini(&arena);
	}
	schema_free(schema);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_entity__reads_the_json_form_strictly),
		cmocka_unit_test(test_entity__takes_an_escape_only_whole),
		cmocka_unit_test(test_entity__takes_no_escape_for_a_context),
		cmocka_unit_test(test_entity__keeps_nul_in_names),
		cmocka_unit_test(test_entity__bounds_json_nesting),
		cmocka_unit_test(test_entity__closes_long_chains),
		cmocka_unit_test(test_entity__names_the_limit_passed),
		cmocka_unit_test(test_entity__reads_values_by_the_schema),
		cmocka_unit_test(test_entity__reads_some_attributes_by_the_schema),
	};

	return cmocka_run_group_tests_name("entity", tests, NULL, NULL);
}
