/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "policy/value.h"

static void test_value__sets_ignore_order_and_duplicates(void **state)
{
	struct value items[200];
	struct value back[200];
	struct value a;
	struct value b;
	struct arena arena;

	(void)state;
	arena_init(&arena, 8192, 1 << 20);
	for (size_t i = 0; i < 200; i++) {
		items[i] = i % 3 == 0 ? value_string(&arena, arena_printf(&arena, "s%zu", i / 6))
				      : value_long((int64_t)(i * 7919 % 50));
		back[199 - i] = items[i];
	}
	a = value_set(&arena, items, 200);
	b = value_set(&arena, back, 200);
	assert_true(value_eq(a, b));
	assert_int_equal(a.set->count, b.set->count);
	assert_true(a.set->count < 200);
	for (size_t i = 0; i < 200; i++)
		assert_true(value_set_has(a.set, items[i]));
	assert_false(value_set_has(a.set, value_long(50)));
	assert_false(value_set_has(a.set, value_bool(true)));
	arena_fini(&arena);
}

static void test_value__records_are_compared_by_key(void **state)
{
	struct text names[3] = {text_make(STR("a")), text_make(STR("b")), text_make(STR("a"))};
	struct text turned[2] = {names[1], names[0]};
	struct value values[3] = {value_long(1), value_long(2), value_long(3)};
	struct value swapped[2] = {value_long(2), value_long(3)};
	struct value record;
	struct arena arena;

	(void)state;
	arena_init(&arena, 8192, 1 << 20);
	record = value_record(&arena, names, values, 3);
	assert_int_equal(record.record->count, 2);
	assert_int_equal(value_record_get(record.record, &names[0]).number, 3);
	assert_true(value_eq(record, value_record(&arena, turned, swapped, 2)));
	assert_false(value_eq(record, value_record(&arena, names, values, 2)));
	values[1] = value_none();
	record = value_record(&arena, names, values, 2);
	assert_int_equal(value_record_get(record.record, &names[1]).kind, VALUE_NONE);
	arena_fini(&arena);
}

static void test_value__a_shape_makes_the_same_record(void **state)
{
	struct str names[3] = {STR("zeta"), STR("alpha"), STR("midway")};
	struct text keys[3] = {text_make(names[0]), text_make(names[1]), text_make(names[2])};
	struct value values[3] = {value_long(1), value_none(), value_bool(true)};
	const struct value_shape *shape;
	struct arena arena;

	(void)state;
	arena_init(&arena, 8192, 1 << 20);
	shape = value_shape_new(&arena, names, 3);
	assert_true(value_eq(value_shape_record(shape, &arena, values),
			     value_record(&arena, keys, values, 3)));
	arena_fini(&arena);
}

static void test_value__makers_say_when_memory_ran_out(void **state)
{
	struct value items[64];
	struct arena arena;

	(void)state;
	for (size_t i = 0; i < 64; i++)
		items[i] = value_long((int64_t)i);
	arena_init(&arena, 64, 256);
	assert_int_equal(value_set(&arena, items, 64).kind, VALUE_NONE);
	assert_true(arena_has_overflowed(&arena));
	arena_fini(&arena);
	arena_init(&arena, 64, 4096);
	assert_int_equal(value_ip(&arena, STR("1.2.3")).kind, VALUE_NONE);
	assert_int_equal(value_ip_bytes(&arena, (const uint8_t[]){1, 2, 3, 4}, 4).ip->prefix, 32);
	arena_fini(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_value__sets_ignore_order_and_duplicates),
		cmocka_unit_test(test_value__records_are_compared_by_key),
		cmocka_unit_test(test_value__a_shape_makes_the_same_record),
		cmocka_unit_test(test_value__makers_say_when_memory_ran_out),
	};

	return cmocka_run_group_tests_name("value", tests, NULL, NULL);
}
