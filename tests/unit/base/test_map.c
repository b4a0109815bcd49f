/* SPDX-License-Identifier: Apache-2.0 */
#include "base/map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define KEYS 600

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void test_map__finds_what_was_put(void **state)
{
	struct map map;
	int one, two;

	(void)state;
	map_init(&map, 10);
	assert_null(map_get(&map, STR("a")));
	assert_null(map_remove(&map, STR("a")));
	assert_int_equal(map_put(&map, STR("a"), &one), OK);
	assert_int_equal(map_put(&map, STR("a"), &two), OK);
	assert_ptr_equal(map_get(&map, STR("a")), &two);
	assert_int_equal(map.count, 1);
	assert_ptr_equal(map_remove(&map, STR("a")), &two);
	assert_null(map_get(&map, STR("a")));
	map_fini(&map);
}

static void test_map__takes_the_empty_key(void **state)
{
	struct map map;
	int one;

	(void)state;
	map_init(&map, 10);
	assert_null(map_get(&map, STR("")));
	assert_int_equal(map_put(&map, (struct str){NULL, 0}, &one), OK);
	assert_ptr_equal(map_get(&map, STR("")), &one);
	assert_ptr_equal(map_remove(&map, STR("")), &one);
	assert_null(map_get(&map, (struct str){NULL, 0}));
	map_fini(&map);
}

static void test_map__refuses_more_than_its_max(void **state)
{
	struct map map;
	int one;

	(void)state;
	map_init(&map, 2);
	assert_int_equal(map_put(&map, STR("a"), &one), OK);
	assert_int_equal(map_put(&map, STR("b"), &one), OK);
	assert_int_equal(map_put(&map, STR("c"), &one), ERR_LIMIT);
	assert_int_equal(map_put(&map, STR("b"), &map), OK);
	assert_ptr_equal(map_remove(&map, STR("a")), &one);
	assert_int_equal(map_put(&map, STR("c"), &one), OK);
	map_fini(&map);
}

static void check_walk(const struct map *map, void *const values[KEYS], char names[KEYS][8])
{
	size_t iter = 0, seen = 0;
	struct str key;
	void *value;

	while (map_next(map, &iter, &key, &value)) {
		uint64_t index = KEYS;

		assert_int_equal(str_to_u64(key, &index), OK);
		assert_ptr_equal(values[index], value);
		seen++;
	}
	assert_int_equal(seen, map->count);
	for (size_t i = 0; i < KEYS; i++)
		assert_ptr_equal(map_get(map, str_from_c(names[i])), values[i]);
}

/* Random puts and removes, against an array by key. */
static void test_map__agrees_with_a_model(void **state)
{
	static void *values[KEYS];
	static char names[KEYS][8];
	uint64_t seed = 99;
	struct map map;

	(void)state;
	map_init(&map, KEYS);
	for (size_t i = 0; i < KEYS; i++)
		snprintf(names[i], sizeof(names[i]), "%zu", i);
	for (unsigned step = 0; step < 30000; step++) {
		size_t i = next_random(&seed) % KEYS;

		if (next_random(&seed) % 5 < 2) {
			values[i] = &names[next_random(&seed) % KEYS];
			assert_int_equal(map_put(&map, str_from_c(names[i]), values[i]), OK);
		} else {
			assert_ptr_equal(map_remove(&map, str_from_c(names[i])), values[i]);
			values[i] = NULL;
		}
		if (step % 500 == 0)
			check_walk(&map, values, names);
	}
	/* Tombstones do not make it grow without end. */
	assert_true(map.cap <= 4096);
	map_fini(&map);
}

static void test_map__hashes_every_length_apart(void **state)
{
	static const char zeros[40];

	(void)state;
	for (size_t len = 0; len < sizeof(zeros); len++) {
		assert_true(map_hash(str_make(zeros, len)) == map_hash(str_make(zeros, len)));
		for (size_t other = 0; other < len; other++)
			assert_true(map_hash(str_make(zeros, len)) !=
				    map_hash(str_make(zeros, other)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_map__finds_what_was_put),
		cmocka_unit_test(test_map__takes_the_empty_key),
		cmocka_unit_test(test_map__refuses_more_than_its_max),
		cmocka_unit_test(test_map__agrees_with_a_model),
		cmocka_unit_test(test_map__hashes_every_length_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
