/* SPDX-License-Identifier: Apache-2.0 */
/* Runs of one, two, four ... between the array and scratch of the same size. */
#include "policy/sort.h"

static void insertion_sort(char *base, size_t count, size_t size, sort_order_fn order, char *spare)
{
	for (size_t i = 1; i < count; i++) {
		size_t j = i;

		if (order(base + (i - 1) * size, base + i * size) <= 0)
			continue;
		memcpy(spare, base + i * size, size);
		for (; j > 0 && order(base + (j - 1) * size, spare) > 0; j--)
			memcpy(base + j * size, base + (j - 1) * size, size);
		memcpy(base + j * size, spare, size);
	}
}

static void merge(const char *left, const char *middle, const char *end, size_t size,
		  sort_order_fn order, char *out)
{
	const char *right = middle;

	while (left < middle || right < end) {
		bool take_left = right >= end || (left < middle && order(left, right) <= 0);
		const char **from = take_left ? &left : &right;

		memcpy(out, *from, size);
		*from += size;
		out += size;
	}
}

bool sort_stable(struct arena *arena, void *base, size_t count, size_t size, sort_order_fn order)
{
	const size_t small = 16;
	struct arena_mark mark = arena_mark(arena);
	char *from = base;
	char *scratch = arena_array(arena, count <= small ? 1 : count, size);
	char *to = scratch;

	if (scratch == NULL)
		return false;
	for (size_t at = 0; at < count; at += small)
		insertion_sort(from + at * size, MIN(small, count - at), size, order, scratch);
	for (size_t run = small; run < count; run *= 2) {
		char *swap = from;

		for (size_t at = 0; at < count; at += 2 * run)
			merge(from + at * size, from + MIN(at + run, count) * size,
			      from + MIN(at + 2 * run, count) * size, size, order, to + at * size);
		from = to;
		to = swap;
	}
	if (from != base)
		memcpy(base, from, count * size);
	arena_rewind(arena, mark);
	return true;
}
