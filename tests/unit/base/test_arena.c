/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void test_arena__takes_no_memory_before_the_first_allocation(void **state)
{
	struct arena arena;

	(void)state;
	arena_init(&arena, 1024, 4096);
	assert_null(arena.first);
	arena_reset(&arena);
	arena_rewind(&arena, arena_mark(&arena));
	arena_fini(&arena);
}

static void test_arena__gives_aligned_zeroed_and_distinct_pieces(void **state)
{
	struct arena arena;
	char *zeroed;

	(void)state;
	arena_init(&arena, 64, 1 << 20);
	for (size_t size = 0; size < 300; size++) {
		char *piece = arena_alloc(&arena, size);

		assert_non_null(piece);
		assert_int_equal((uintptr_t)piece % 16, 0);
		memset(piece, 0xAA, size);
	}
	zeroed = arena_array(&arena, 10, 20);
	for (size_t i = 0; i < 200; i++)
		assert_int_equal(zeroed[i], 0);
	assert_null(arena_array(&arena, SIZE_MAX, 2));
	assert_true(arena_has_overflowed(&arena));
	arena_fini(&arena);
}

static void test_arena__holds_no_more_than_its_cap(void **state)
{
	struct arena arena;
	size_t taken = 0;

	(void)state;
	arena_init(&arena, 128, 1000);
	while (arena_alloc(&arena, 16) != NULL)
		taken += 16;
	assert_in_range(taken, 900, 1000);
	assert_true(arena.total <= 1000);
	assert_true(arena_has_overflowed(&arena));
	/* It sticks, though there may be room for less. */
	arena_rewind(&arena, (struct arena_mark){0});
	assert_non_null(arena_alloc(&arena, 1));
	assert_true(arena_has_overflowed(&arena));
	arena_reset(&arena);
	assert_false(arena_has_overflowed(&arena));
	assert_null(arena_alloc(&arena, SIZE_MAX));
	assert_false(str_is_set(arena_str(&arena, str_make("x", 5000))));
	arena_fini(&arena);
}

static void test_arena__makes_text(void **state)
{
	struct arena arena;
	struct str made;

	(void)state;
	arena_init(&arena, 64, 4096);
	made = arena_str(&arena, STR("abc"));
	assert_string_equal(made.ptr, "abc");
	assert_false(str_is_set(arena_str(&arena, (struct str){NULL, 0})));
	made = arena_str(&arena, STR(""));
	assert_true(str_is_set(made) && made.len == 0);
	made = arena_concat(&arena, STR("ab"), STR("cd"));
	assert_string_equal(made.ptr, "abcd");
	made = arena_concat(&arena, (struct str){NULL, 0}, (struct str){NULL, 0});
	assert_string_equal(made.ptr, "");
	made = arena_printf(&arena, "%s=%d", "answer", 42);
	assert_true(str_eq(made, STR("answer=42")));
	assert_false(str_is_set(arena_printf(&arena, "%5000d", 1)));
	arena_fini(&arena);
}

static void test_arena__keeps_its_first_block_on_reset(void **state)
{
	struct arena arena;
	void *first;

	(void)state;
	arena_init(&arena, 256, 1 << 20);
	first = arena_alloc(&arena, 100);
	for (unsigned i = 0; i < 100; i++)
		assert_non_null(arena_alloc(&arena, 1000));
	arena_reset(&arena);
	assert_ptr_equal(arena.first, arena.last);
	assert_int_equal(arena.total, 256);
	assert_ptr_equal(arena_alloc(&arena, 100), first);
	arena_fini(&arena);
}

/* The law: after a rewind the arena gives the same addresses and holds the same total, and what
 * was there before the mark is untouched. */
static void test_arena__is_restored_by_a_rewind(void **state)
{
	uint64_t seed = 42;

	(void)state;
	for (unsigned round = 0; round < 300; round++) {
		struct arena arena;
		struct arena_mark mark;
		size_t count = next_random(&seed) % 20;
		size_t used, total;
		char *kept = NULL;

		arena_init(&arena, 32 + next_random(&seed) % 500, 1 << 20);
		for (size_t i = 0; i < count; i++)
			kept = arena_alloc(&arena, next_random(&seed) % 400 + 1);
		if (kept != NULL)
			*kept = 'k';
		mark = arena_mark(&arena);
		total = arena.total;
		used = arena.last == NULL ? 0 : mark.used;
		for (size_t i = next_random(&seed) % 30; i > 0; i--)
			memset(arena_alloc(&arena, 300), 'x', 300);
		arena_rewind(&arena, mark);
		assert_int_equal(arena_mark(&arena).used, used);
		if (mark.block != NULL) {
			assert_ptr_equal(arena_mark(&arena).block, mark.block);
			assert_int_equal(arena.total, total);
			assert_int_equal(*kept, 'k');
		}
		arena_fini(&arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arena__takes_no_memory_before_the_first_allocation),
		cmocka_unit_test(test_arena__gives_aligned_zeroed_and_distinct_pieces),
		cmocka_unit_test(test_arena__holds_no_more_than_its_cap),
		cmocka_unit_test(test_arena__makes_text),
		cmocka_unit_test(test_arena__keeps_its_first_block_on_reset),
		cmocka_unit_test(test_arena__is_restored_by_a_rewind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
