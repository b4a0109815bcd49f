/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/cli/policy_question.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/buf.h"

static const struct {
	const char *text;
	const char *type; /* NULL: refused */
	const char *id;
} uids[] = {
	{"User::\"ana\"", "User", "ana"},
	{"A::B::User::\"\"", "A::B::User", ""},
	{" User :: \"a\\\"b\\u{e9}\" // who", "User", "a\"b\303\251"},
	{"", NULL, NULL},
	{"User", NULL, NULL},
	{"User::ana", NULL, NULL},
	{"User::\"ana\" x", NULL, NULL},
	{"User::\"ana", NULL, NULL},
	{"::\"ana\"", NULL, NULL},
	{"if::\"ana\"", NULL, NULL},
	{"User::\"a\\q\"", NULL, NULL},
	{"?principal", NULL, NULL},
};

static void test_policy_question__reads_entities(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(uids); i++) {
		const struct uid *uid = NULL;
		struct diag diag = {.text = ""};
		struct arena arena;
		enum err err;

		print_message("# %s\n", uids[i].text);
		arena_init(&arena, 1024, 1 << 20);
		err = policy_question_uid(&arena, "principal", str_from_c(uids[i].text), &uid,
					  &diag);
		if (uids[i].type != NULL) {
			assert_int_equal(err, OK);
			assert_true(str_eq(uid->type, str_from_c(uids[i].type)));
			assert_true(str_eq(uid->id, str_from_c(uids[i].id)));
		} else {
			assert_int_equal(err, ERR_MALFORMED);
			assert_non_null(strstr(diag.text, "the principal `"));
		}
		arena_fini(&arena);
	}
}

#define REST "\"action\":\"Action::\\\"a\\\"\",\"resource\":\"F::\\\"f\\\"\"}"

static const struct {
	const char *line;
	const char *said; /* of the error; NULL: taken */
	const char *id;	  /* NULL: none */
} lines[] = {
	{"{\"principal\":\"U::\\\"u\\\"\"," REST, NULL, NULL},
	{"{\"principal\":{\"type\":\"U\",\"id\":\"u\"},\"id\":[7, {\"a\":1}]," REST, NULL,
	 "[7, {\"a\":1}]"},
	{" {\"princ\\u0069pal\":\"U::\\\"u\\\"\",\"context\":{\"n\":9223372036854775807}," REST
	 "\r",
	 NULL, NULL},
	{"{\"principal\":{\"type\":\"U\",\"id\":\"a\\\"::\\\"b\"}," REST, NULL, NULL},
	{"", "this is not JSON", NULL},
	{"{", "this is not JSON", NULL},
	{"7", "a request must be a JSON object", NULL},
	{"[{}]", "a request must be a JSON object", NULL},
	{"{}", "\"principal\" is missing", NULL},
	{"{\"id\":3," REST, "\"principal\" is missing", "3"},
	{"{\"principal\":\"U::u\"," REST, "is not an entity such as", NULL},
	{"{\"principal\":7," REST, "must be text such as", NULL},
	{"{\"principal\":null," REST, "must be text such as", NULL},
	{"{\"principal\":{\"type\":\"U\"}," REST, "must be text such as", NULL},
	{"{\"principal\":{\"type\":\"U\",\"id\":7}," REST, "must be text such as", NULL},
	{"{\"principal\":{\"type\":\"U\",\"id\":\"u\",\"x\":1}," REST, "must be text such as",
	 NULL},
	{"{\"principal\":{\"type\":\"U \",\"id\":\"u\"}," REST, "without spaces", NULL},
	{"{\"principal\":{\"type\":\"U::\\\"x\\\"\",\"id\":\"u\"}," REST,
	 "is not an entity such as", NULL},
	{"{\"principal\":{\"type\":\"U//\",\"id\":\"u\"}," REST, "is not an entity such as", NULL},
	{"{\"principal\":\"U::\\\"u\\\"\",\"principal\":\"U::\\\"v\\\"\"," REST,
	 "\"principal\" stands twice", NULL},
	{"{\"principal\":{\"type\":\"U\",\"id\":\"u\",\"id\":\"v\"}," REST,
	 "\"principal.id\" stands twice", NULL},
	{"{\"princpal\":\"U::\\\"u\\\"\"," REST, "did you mean \"principal\"?", NULL},
	{"{\"principal\":\"U::\\\"u\\\"\",\"zzz\":1," REST, "a request has no \"zzz\"; it has",
	 NULL},
	{"{\"principal\":\"U::\\\"u\\\"\",\"context\":7," REST, "context", NULL},
	{"{\"principal\":\"U::\\\"u\\\"\",\"context\":{\"n\":1.5}," REST, "context", NULL},
	{"{\"principal\":\"U::\\\"u\\\"\",\"context\":{\"n\":null}," REST, "context", NULL},
};

static void test_policy_question__reads_lines(void **state)
{
	struct policy_question_reader *reader = policy_question_reader_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		struct policy_request request = {0};
		struct diag diag = {.text = ""};
		struct str id = {NULL, 0};
		struct arena arena;
		enum err err;

		print_message("# %s\n", lines[i].line);
		arena_init(&arena, 1024, 1 << 20);
		err = policy_question_line(reader, &arena, "stdin", 7, str_from_c(lines[i].line),
					   NULL, &request, &id, &diag);
		if (lines[i].said == NULL) {
			assert_int_equal(err, OK);
			assert_true(str_eq(request.principal->type, STR("U")));
			assert_true(str_eq(request.action->id, STR("a")));
			assert_true(str_eq(request.resource->type, STR("F")));
		} else {
			assert_int_equal(err, ERR_MALFORMED);
			assert_non_null(strstr(diag.text, lines[i].said));
			assert_int_equal(diag.line, 7);
		}
		assert_int_equal(str_is_set(id), lines[i].id != NULL);
		assert_true(lines[i].id == NULL || str_eq(id, str_from_c(lines[i].id)));
		arena_fini(&arena);
	}
	policy_question_reader_free(reader);
}

static void test_policy_question__ends_at_its_limits(void **state)
{
	struct policy_question_reader *reader = policy_question_reader_new();
	struct policy_request request;
	struct diag diag = {.text = ""};
	struct str id = {NULL, 0};
	struct arena arena;
	struct buf line;

	(void)state;
	arena_init(&arena, 1024, 1 << 20);
	buf_init(&line, 1 << 16);
	assert_int_equal(buf_append(&line, STR("{\"principal\":\"U::\\\"")), OK);
	for (unsigned i = 0; i < 600; i++)
		assert_int_equal(buf_append_byte(&line, 'x'), OK);
	assert_int_equal(buf_append(&line, STR("\\\"\"}")), OK);
	assert_int_equal(policy_question_line(reader, &arena, "stdin", 1, buf_str(&line), NULL,
					      &request, &id, &diag),
			 ERR_LIMIT);
	assert_non_null(strstr(diag.text, "longer than 512 bytes"));
	buf_reset(&line);
	for (unsigned i = 0; i < 80; i++)
		assert_int_equal(buf_append_byte(&line, '['), OK);
	assert_int_equal(policy_question_line(reader, &arena, "stdin", 1, buf_str(&line), NULL,
					      &request, &id, &diag),
			 ERR_LIMIT);
	assert_non_null(strstr(diag.text, "64 levels"));
	buf_fini(&line);
	arena_fini(&arena);
	policy_question_reader_free(reader);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_policy_question__reads_entities),
		cmocka_unit_test(test_policy_question__reads_lines),
		cmocka_unit_test(test_policy_question__ends_at_its_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
