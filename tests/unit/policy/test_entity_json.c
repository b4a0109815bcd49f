/* SPDX-License-Identifier: Apache-2.0 */
/* What is wrong with entities and contexts in JSON: every fault at once, each with its place. What
 * is taken stands in test_entity.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/buf.h"
#include "policy/policy.h"

static const char schema_text[] =
	"entity Group in [Group]; entity Kind enum [\"large\", \"small\"];\n"
	"entity User in [Group] = {age: Long, name?: String, ip?: ipaddr, boss?: User, kind?: Kind,"
	" list?: Set<String>, r?: {d: decimal, t?: datetime, u?: duration, ok?: Bool}} tags "
	"String;\n"
	"action view in [read] appliesTo {principal: User, resource: User, context: {n: Long}};\n"
	"action read; action plain appliesTo {principal: User, resource: User};";

static struct schema *schema_new(void)
{
	struct schema *schema = NULL;
	struct diag diag;

	assert_int_equal(schema_load("schema", str_from_c(schema_text), &schema, &diag), OK);
	return schema;
}

/* All faults of a text, printed one behind the other. */
static void faults_of(struct str text, const struct schema *schema, size_t max, struct buf *out)
{
	struct entity_store *store = entity_store_new(NULL);
	struct diags all;
	char line[800];
	enum err err;

	diags_init(&all, max);
	err = entity_store_load_all(store, "e.json", text, schema, &all);
	assert_int_equal(err, all.err);
	if (err != OK)
		assert_int_equal(entity_store_count(store), 0);
	for (size_t i = 0; i < all.count; i++) {
		diag_print(&all.items[i], line, sizeof(line));
		assert_int_equal(buf_append(out, str_from_c(line)), OK);
		assert_int_equal(buf_append_byte(out, '\n'), OK);
	}
	assert_int_equal(buf_append_byte(out, '\0'), OK);
	diags_fini(&all);
	entity_store_free(store);
}

#define LINE_1 "[{\"uid\": {\"type\": \"User\", \"id\": \"a\"}, \"attrs\": {\"agee\": 1},\n"
#define LINE_2 "  \"tags\": {\"t\": 1}, \"parents\": [{\"type\": \"Grxup\", \"id\": \"g\"}, 1]},\n"
#define LINE_3 " {\"uid\": {\"type\": \"Usr\", \"id\": \"b\"}, \"attrs\": {}, \"parents\": []},\n"
#define LINE_4 " {\"uid\": {\"type\": \"User\", \"id\": \"c\"}, \"attr\": {}, \"parents\": []}]"

static void test_entity_json__lists_every_fault_with_its_place(void **state)
{
	struct schema *schema = schema_new();
	struct buf buf;

	(void)state;
	buf_init(&buf, 1 << 16);
	faults_of(STR(LINE_1 LINE_2 LINE_3 LINE_4), schema, 100, &buf);
	assert_string_equal(
		buf.ptr,
		"e.json:1:49: User::\"a\": attribute `agee` is not in the schema: is it "
		"`age`?\n" LINE_1 "                                                ^\n"
		"e.json:1:48: User::\"a\": required attribute `age` is missing\n" LINE_1
		"                                               ^\n"
		"e.json:2:17: User::\"a\", attribute t: String is expected, not Long\n" LINE_2
		"                ^\n"
		"e.json:2:33: User::\"a\": entity type `Grxup` is not in the schema: is it "
		"`Group`?\n" LINE_2 "                                ^\n"
		"e.json:2:63: User::\"a\": an entity is written {\"type\": ..., \"id\": ...}, both "
		"strings\n" LINE_2
		"                                                              ^\n"
		"e.json:3:10: an entity: entity type `Usr` is not in the schema: is it "
		"`User`?\n" LINE_3 "         ^\n"
		"e.json:4:39: User::\"c\": member \"attrs\" is missing: is \"attr\" meant?\n" LINE_4
		"\n                                      ^\n");
	buf_reset(&buf);
	faults_of(STR(LINE_1 LINE_2 LINE_3 LINE_4), schema, 2, &buf);
	assert_non_null(strstr(buf.ptr, "`age` is missing"));
	assert_null(strstr(buf.ptr, "String is expected"));
	buf_fini(&buf);
	schema_free(schema);
}

/* Takes out the mark `~`, which stands before what is at fault. */
static void unmark(const char *marked, char out[static 600], unsigned *line, unsigned *column)
{
	size_t len = strlen(marked);
	size_t at = str_index(str_from_c(marked), '~');

	assert_in_range(len, at + 1, 599);
	*line = 1;
	*column = 1;
	for (size_t i = 0; i < at; i++) {
		*line += marked[i] == '\n' ? 1 : 0;
		*column = marked[i] == '\n' ? 1 : *column + 1;
	}
	memcpy(out, marked, at);
	memcpy(out + at, marked + at + 1, len - at);
}

/* One User's attributes. */
static const struct {
	const char *attrs;
	const char *message;
} attrs[] = {
	{"{\"age\": ~\"1\"}", "Long is expected, not String"},
	{"{\"age\": ~1.5}", "numbers must be integers of 64 bits"},
	{"{\"age\": ~-0}", "numbers must be integers of 64 bits"},
	{"{\"age\": ~null}", "null is not a value"},
	{"{\"age\": 1, \"ip\": ~\"1.2.3\"}", "`1.2.3` is not a valid ip"},
	{"{\"age\": 1, \"ip\": ~1}", "ipaddr is expected, found an integer"},
	{"{\"age\": 1, \"ip\": ~{}}", "ipaddr is expected, found an object"},
	{"{\"age\": 1, \"ip\": ~{\"__expr\": \"x\"}}", "`__expr` is not supported"},
	{"{\"age\": 1, \"ip\": ~{\"fn\": \"decimal\", \"arg\": \"1.0\"}}",
	 "ipaddr is expected, not decimal"},
	{"{\"age\": 1, \"ip\": ~{\"__extn\": {\"fn\": \"nope\", \"arg\": \"1.0\"}}}",
	 "\"fn\" names no extension function"},
	{"{\"age\": 1, \"ip\": ~{\"__extn\": {\"fn\": \"ip\", \"args\": [\"::1\", 1]}}}",
	 "ip takes 1 argument, not 2"},
	{"{\"age\": 1, \"ip\": ~{\"fn\": \"offset\", \"args\": []}}",
	 "offset takes 2 arguments, not 0"},
	{"{\"age\": 1, \"ip\": {\"fn\": \"ip\", \"args\": [~null]}}", "null is not a value"},
	{"{\"age\": 1, \"boss\": ~\"x\"}", "an entity is written"},
	{"{\"age\": 1, \"boss\": ~{\"type\": \"Group\", \"id\": \"g\"}}",
	 "an entity of type User is expected, not Group"},
	{"{\"age\": 1, \"boss\": {\"type\": ~\"U X\", \"id\": \"g\"}}",
	 "`U X` is not an entity type's name"},
	{"{\"age\": 1, \"boss\": ~{\"__expr\": \"x\"}}", "`__expr` is not supported"},
	{"{\"age\": 1, \"boss\": ~{\"type\": \"Action\", \"id\": \"vieww\"}}",
	 "action Action::\"vieww\" is not in the schema: is it `view`?"},
	{"{\"age\": 1, \"kind\": ~{\"type\": \"Kind\", \"id\": \"smxll\"}}",
	 "Kind::\"smxll\" is not one of its enum's ids: is it `small`?"},
	{"{\"age\": 1, \"list\": ~{}}", "Set is expected, found an object"},
	{"{\"age\": 1, \"list\": [\"a\", ~1]}", "String is expected, not Long"},
	{"{\"age\": 1, \"r\": ~[]}", "record is expected, found an array"},
	{"{\"age\": 1, \"r\": {\"d\": \"1.0\", \"ok\": ~1}}", "Bool is expected, not Long"},
	{"{\"age\": 1, \"r\": ~{\"t\": \"2024-01-01\", \"u\": \"1h\"}}",
	 "required attribute `d` is missing"},
	{"~[]", "`attrs` must be an object"},
};

static void test_entity_json__places_faults_of_values(void **state)
{
	struct schema *schema = schema_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(attrs); i++) {
		struct entity_store *store = entity_store_new(NULL);
		struct diag diag = {.text = ""};
		unsigned line, column;
		char marked[600], text[600];

		(void)snprintf(marked, sizeof(marked),
			       "[{\"uid\":{\"type\":\"User\",\"id\":\"a\"},\"attrs\":%s,"
			       "\"parents\":[]}]",
			       attrs[i].attrs);
		unmark(marked, text, &line, &column);
		print_message("# %s\n", attrs[i].attrs);
		assert_int_equal(
			entity_store_load_json(store, "e.json", str_from_c(text), schema, &diag),
			ERR_MALFORMED);
		if (strstr(diag.text, attrs[i].message) == NULL)
			print_message("# %s\n", diag.text);
		assert_non_null(strstr(diag.text, attrs[i].message));
		assert_int_equal(diag.line, line);
		assert_int_equal(diag.column, column);
		entity_store_free(store);
	}
	schema_free(schema);
}

static const struct {
	const char *text;
	enum err err;
	const char *message;
} texts[] = {
	{"~{}", ERR_MALFORMED, "must be a JSON array"},
	{"[\n ~1]", ERR_MALFORMED, "expected an object, found an integer"},
	{"[\n ~x]", ERR_MALFORMED, "expected a value, found `x`"},
	{"[~{\"attrs\": {}, \"parents\": []}]", ERR_MALFORMED, "member \"uid\" is missing"},
	{"[{\"uid\": ~\"x\", \"attrs\": {}, \"parents\": []}]", ERR_MALFORMED,
	 "an entity is written"},
	{"[{\"uid\": {\"type\": \"Group\", \"id\": \"g\"}, \"attrs\": {}, \"parents\": ~{}}]",
	 ERR_MALFORMED, "`parents` must be an array"},
	{"[{\"uid\": {\"type\": \"Group\", \"id\": \"g\"}, \"attrs\": {},\n \"parents\": "
	 "[~{\"type\": "
	 "\"User\", \"id\": \"u\"}]}]",
	 ERR_MALFORMED, "a parent of type User is not in the schema"},
	{"[{\"uid\": {\"type\": \"Group\", \"id\": \"g\"}, \"attrs\": {}, \"parents\": [],\n"
	 "\"tags\": ~1}]",
	 ERR_MALFORMED, "`tags` must be an object"},
	{"[{\"uid\": {\"type\": \"Group\", \"id\": \"g\"}, \"attrs\": {}, \"parents\": [], "
	 "~\"tags\": "
	 "{\"t\": \"v\"}}]",
	 ERR_MALFORMED, "its type has no tags in the schema"},
	{"[{\"uid\": {\"type\": \"Group\", \"id\": \"g\"}, \"attrs\": {~\"a\": 1}, \"parents\": "
	 "[]}]",
	 ERR_MALFORMED, "attribute `a` is not in the schema"},
	{"[~{\"uid\": {\"type\": \"Action\", \"id\": \"view\"}, \"attrs\": {},\n \"parents\": []}]",
	 ERR_MALFORMED, "its groups are others than in the schema"},
	{"[{\"uid\": {\"type\": \"User\", \"id\": \"u\"}, \"attrs\": {\"age\": 1}, \"parents\": "
	 "[]},\n"
	 "~{\"uid\": {\"type\": \"User\", \"id\": \"u\"}, \"attrs\": {\"age\": 2}, \"parents\": "
	 "[]}]",
	 ERR_CONFLICT, "User::\"u\""},
};

static void test_entity_json__places_faults_of_entities(void **state)
{
	struct schema *schema = schema_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct entity_store *store = entity_store_new(NULL);
		struct diag diag = {.text = ""};
		unsigned line, column;
		char text[600];

		unmark(texts[i].text, text, &line, &column);
		print_message("# %s\n", texts[i].message);
		assert_int_equal(
			entity_store_load_json(store, "e.json", str_from_c(text), schema, &diag),
			texts[i].err);
		if (strstr(diag.text, texts[i].message) == NULL)
			print_message("# %s\n", diag.text);
		assert_non_null(strstr(diag.text, texts[i].message));
		assert_int_equal(diag.line, line);
		assert_int_equal(diag.column, column);
		entity_store_free(store);
	}
	schema_free(schema);
}

static const struct {
	const char *text;
	const char *action;
	unsigned column; /* 0: taken */
	const char *message;
} contexts[] = {
	{"{\"n\": 1}", "view", 0, NULL},
	{"{}", "plain", 0, NULL},
	{"{\"any\": [1]}", "other", 0, NULL},
	{"{\"m\": 1}", "view", 2, "attribute `m` is not in the schema"},
	{"{\"n\": true}", "view", 7, "Long is expected, not Bool"},
	{"{}", "view", 1, "required attribute `n` is missing"},
	{"{\"n\": 1}", "plain", 2, "attribute `n` is not in the schema"},
	{"[]", "view", 1, "must be a JSON object"},
	{"{\"__entity\": {\"type\": \"User\", \"id\": \"u\"}}", "other", 1, "must be a record"},
	{"{\"__expr\": \"x\"}", "other", 1, "`__expr` is not supported"},
	{"{,}", "view", 2, "a member's name in quotes"},
};

static void test_entity_json__places_faults_of_contexts(void **state)
{
	struct schema *schema = schema_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(contexts); i++) {
		struct uid action = uid_make(STR("Action"), str_from_c(contexts[i].action));
		struct diag diag = {.text = ""};
		struct value context = {.kind = VALUE_NONE};
		struct arena arena;
		enum err err;

		print_message("# %s\n", contexts[i].text);
		arena_init(&arena, 4096, 1 << 20);
		err = entity_context_json(&arena, "c.json", str_from_c(contexts[i].text), schema,
					  &action, &context, &diag);
		assert_int_equal(err, contexts[i].column == 0 ? OK : ERR_MALFORMED);
		assert_int_equal(context.kind, err == OK ? VALUE_RECORD : VALUE_NONE);
		assert_int_equal(diag.column, contexts[i].column);
		if (err != OK)
			assert_non_null(strstr(diag.text, contexts[i].message));
		arena_fini(&arena);
	}
	schema_free(schema);
}

static void expect_limit(const struct entity_limits *limits, const char *text, const char *message)
{
	struct entity_store *store = entity_store_new(limits);
	struct diag diag = {.text = ""};

	assert_int_equal(entity_store_load_json(store, "e.json", str_from_c(text), NULL, &diag),
			 ERR_LIMIT);
	assert_non_null(strstr(diag.text, message));
	entity_store_free(store);
}

static void test_entity_json__names_limits(void **state)
{
	static const char text[] =
		"[{\"uid\": {\"type\": \"U\", \"id\": \"u\"}, \"attrs\": {\"a\": [1, 2, 3],"
		" \"b\": {\"x\": \"1\", \"y\": 2, \"z\": {}}}, \"parents\": []}]";
	struct entity_limits limits = {.elements = 2};
	bool is_loaded = false;

	(void)state;
	expect_limit(&limits, text, "more than 2 elements (limit `elements`)");
	limits = (struct entity_limits){.text_bytes = 20};
	expect_limit(&limits, text, "text is longer than 20 bytes (limit `text_bytes`)");
	limits = (struct entity_limits){.arena_bytes = 0};
	for (size_t cap = 64; !is_loaded; cap += 64) {
		struct entity_store *store;
		struct diag diag = {.text = ""};

		limits.arena_bytes = cap;
		store = entity_store_new(&limits);
		is_loaded = entity_store_load_json(store, "e.json", STR(text), NULL, &diag) == OK;
		if (!is_loaded)
			assert_non_null(strstr(diag.text, "arena_bytes"));
		entity_store_free(store);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_entity_json__lists_every_fault_with_its_place),
		cmocka_unit_test(test_entity_json__places_faults_of_values),
		cmocka_unit_test(test_entity_json__places_faults_of_entities),
		cmocka_unit_test(test_entity_json__places_faults_of_contexts),
		cmocka_unit_test(test_entity_json__names_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
