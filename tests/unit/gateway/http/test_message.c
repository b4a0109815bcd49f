/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/http/message.h"

static void test_message__finds_every_header_in_any_case(void **state)
{
	static const struct {
		enum header id;
		struct str name;
		unsigned flags;
	} rows[] = {
#define HEADER_ROW(id, name, flags) {id, {name, sizeof(name) - 1}, flags},
#include "gateway/http/headers.def"
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[64];

		for (size_t j = 0; j < rows[i].name.len; j++) {
			char c = rows[i].name.ptr[j];

			text[j] = c >= 'a' && c <= 'z' && j % 2 == 0 ? (char)(c - 32) : c;
		}
		assert_int_equal(header_find(rows[i].name), rows[i].id);
		assert_int_equal(header_find(str_make(text, rows[i].name.len)), rows[i].id);
		assert_int_equal(header_find(str_make(text, rows[i].name.len - 1)), HEADER_OTHER);
		assert_int_equal(header_flags(rows[i].id), rows[i].flags);
	}
}

static void test_message__does_not_find_others(void **state)
{
	static const struct str rows[] = {STR("x"),
					  STR("content-lengtH_"),
					  STR("content_length"),
					  STR("a-name-longer-than-all-of-the-table"),
					  STR("hosT2"),
					  STR("tf")};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(header_find(rows[i]), HEADER_OTHER);
	assert_int_equal(header_find_lookalike(STR("Content_Length")), HEADER_CONTENT_LENGTH);
	assert_int_equal(header_find_lookalike(STR("x_y")), HEADER_OTHER);
}

static void sample(struct head *head)
{
	memset(head, 0, sizeof(*head));
	head->method = METHOD_POST;
	head->target = STR("/a?b");
	head->path = str_make(head->target.ptr, 2);
	head->query = str_make(head->target.ptr + 3, 1);
	head->fields[0] = (struct field){STR("Host"), STR("h"), HEADER_HOST};
	head->fields[1] = (struct field){STR("Connection"), STR("close, x-one"), HEADER_CONNECTION};
	head->fields[2] = (struct field){STR("X-One"), STR(""), HEADER_OTHER};
	head->fields[3] = (struct field){STR("X-Two"), STR("2"), HEADER_OTHER};
	head->field_count = 4;
}

static void test_message__looks_fields_up(void **state)
{
	struct head head;

	(void)state;
	sample(&head);
	assert_ptr_equal(head_find(&head, HEADER_HOST), &head.fields[0]);
	assert_null(head_find(&head, HEADER_DATE));
	assert_true(str_eq(head_value(&head, HEADER_HOST), STR("h")));
	assert_false(str_is_set(head_value(&head, HEADER_DATE)));
	assert_int_equal(head_count(&head, HEADER_HOST), 1);
	assert_true(str_eq(head_value_by_name(&head, STR("x-TWO")), STR("2")));
	assert_false(str_is_set(head_value_by_name(&head, STR("x"))));
	assert_true(head_is_hop(&head, &head.fields[0]));
	assert_true(head_is_hop(&head, &head.fields[1]));
	assert_true(head_is_hop(&head, &head.fields[2]));
	assert_false(head_is_hop(&head, &head.fields[3]));
}

static void test_message__copy_lives_in_the_arena(void **state)
{
	struct head *head = test_malloc(sizeof(*head));
	struct head *copy;
	struct arena arena;

	(void)state;
	sample(head);
	arena_init(&arena, 1024, 4096);
	copy = head_copy(&arena, head);
	memset(head, 0xff, sizeof(*head));
	test_free(head);
	assert_non_null(copy);
	assert_true(str_eq(copy->target, STR("/a?b")));
	assert_true(str_eq(copy->path, STR("/a")));
	assert_true(str_eq(copy->query, STR("b")));
	assert_int_equal(copy->field_count, 4);
	assert_true(str_eq(copy->fields[3].name, STR("X-Two")));
	assert_true(str_eq(copy->fields[3].value, STR("2")));
	assert_true(str_is_set(copy->fields[2].value));
	arena_fini(&arena);
	arena_init(&arena, 64, 64);
	copy = test_malloc(sizeof(*copy));
	sample(copy);
	assert_null(head_copy(&arena, copy));
	test_free(copy);
	arena_fini(&arena);
}

static void test_message__names_methods_and_statuses(void **state)
{
	(void)state;
	for (unsigned i = 0; i < METHOD_COUNT; i++) {
		enum method method;

		assert_true(method_find(method_name((enum method)i), &method));
		assert_int_equal(method, i);
	}
	assert_true(str_eq(status_reason(429), STR("Too Many Requests")));
	assert_true(str_eq(status_reason(299), STR("")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_message__finds_every_header_in_any_case),
		cmocka_unit_test(test_message__does_not_find_others),
		cmocka_unit_test(test_message__looks_fields_up),
		cmocka_unit_test(test_message__copy_lives_in_the_arena),
		cmocka_unit_test(test_message__names_methods_and_statuses),
	};

	return cmocka_run_group_tests_name("message", tests, NULL, NULL);
}
