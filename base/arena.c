/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#if defined(__SANITIZE_ADDRESS__)
#define ARENA_POISONS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_POISONS 1
#endif
#endif

#ifdef ARENA_POISONS
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(ptr, len)   ((void)(ptr), (void)(len))
#define ASAN_UNPOISON_MEMORY_REGION(ptr, len) ((void)(ptr), (void)(len))
#endif

#define ARENA_ALIGN 16

struct arena_block {
	struct arena_block *next;
	size_t cap;
	size_t used;
	_Alignas(ARENA_ALIGN) char bytes[];
};

static void arena_check(const struct arena *arena)
{
	ASSERT((arena->first == NULL) == (arena->last == NULL));
	ASSERT(arena->total <= arena->cap);
}

void arena_init(struct arena *arena, size_t block_size, size_t cap)
{
	ASSERT(block_size > 0);
	ASSERT(cap <= SIZE_MAX / 2);
	*arena = (struct arena){.block_size = block_size, .cap = cap};
}

/* Frees every block behind `block`. */
static void arena_free_behind(struct arena *arena, struct arena_block *block)
{
	struct arena_block *next = block->next;

	while (next != NULL) {
		struct arena_block *gone = next;

		next = gone->next;
		arena->total -= gone->cap;
		ASAN_UNPOISON_MEMORY_REGION(gone->bytes, gone->cap);
		free(gone);
	}
	block->next = NULL;
	arena->last = block;
}

static void arena_cut(struct arena *arena, struct arena_block *block, size_t used)
{
	arena_free_behind(arena, block);
	block->used = used;
	ASAN_POISON_MEMORY_REGION(block->bytes + used, block->cap - used);
}

void arena_fini(struct arena *arena)
{
	arena_check(arena);
	if (arena->first != NULL) {
		arena_free_behind(arena, arena->first);
		ASAN_UNPOISON_MEMORY_REGION(arena->first->bytes, arena->first->cap);
		free(arena->first);
	}
	*arena = (struct arena){.block_size = arena->block_size, .cap = arena->cap};
}

void arena_reset(struct arena *arena)
{
	arena_check(arena);
	if (arena->first != NULL)
		arena_cut(arena, arena->first, 0);
	arena->overflowed = false;
}

/* A block with room for `size`: twice the last one, smaller only when the cap is near. */
static struct arena_block *arena_grow(struct arena *arena, size_t size)
{
	size_t left = arena->cap - arena->total;
	size_t want = arena->last == NULL ? arena->block_size : arena->last->cap * 2;
	struct arena_block *block;

	if (size > left)
		return NULL;
	want = MIN(MAX(want, size), left);
	block = malloc(sizeof(*block) + want);
	ASSERT(block != NULL);
	*block = (struct arena_block){.cap = want};
	ASAN_POISON_MEMORY_REGION(block->bytes, want);
	if (arena->last == NULL)
		arena->first = block;
	else
		arena->last->next = block;
	arena->last = block;
	arena->total += want;
	return block;
}

void *arena_alloc(struct arena *arena, size_t size)
{
	struct arena_block *block = arena->last;
	size_t rounded;
	char *ptr;

	if (size > arena->cap) {
		arena->overflowed = true;
		return NULL;
	}
	rounded = (MAX(size, 1) + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
	if (block == NULL || block->cap - block->used < rounded)
		block = arena_grow(arena, rounded);
	if (block == NULL) {
		arena->overflowed = true;
		return NULL;
	}
	ptr = block->bytes + block->used;
	block->used += rounded;
	ASAN_UNPOISON_MEMORY_REGION(ptr, size);
	return ptr;
}

void *arena_zalloc(struct arena *arena, size_t size)
{
	void *ptr = arena_alloc(arena, size);

	if (ptr != NULL)
		memset(ptr, 0, size);
	return ptr;
}

void *arena_array(struct arena *arena, size_t count, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(count, size, &bytes)) {
		arena->overflowed = true;
		return NULL;
	}
	return arena_zalloc(arena, bytes);
}

struct str arena_str(struct arena *arena, struct str s)
{
	if (!str_is_set(s))
		return s;
	return arena_concat(arena, s, (struct str){NULL, 0});
}

struct str arena_concat(struct arena *arena, struct str a, struct str b)
{
	char *ptr = arena_alloc(arena, a.len + b.len + 1);

	if (ptr == NULL)
		return (struct str){NULL, 0};
	if (a.len > 0)
		memcpy(ptr, a.ptr, a.len);
	if (b.len > 0)
		memcpy(ptr + a.len, b.ptr, b.len);
	ptr[a.len + b.len] = '\0';
	return str_make(ptr, a.len + b.len);
}

struct str arena_printf(struct arena *arena, const char *fmt, ...)
{
	va_list args;
	char *ptr;
	int len;

	va_start(args, fmt);
	len = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	ASSERT(len >= 0);
	ptr = arena_alloc(arena, (size_t)len + 1);
	if (ptr == NULL)
		return (struct str){NULL, 0};
	va_start(args, fmt);
	vsnprintf(ptr, (size_t)len + 1, fmt, args);
	va_end(args);
	return str_make(ptr, (size_t)len);
}

struct arena_mark arena_mark(const struct arena *arena)
{
	return (struct arena_mark){arena->last, arena->last == NULL ? 0 : arena->last->used};
}

void arena_rewind(struct arena *arena, struct arena_mark mark)
{
	if (mark.block == arena->last && (mark.block == NULL || mark.used == mark.block->used))
		return; /* nothing was taken since */
	arena_check(arena);
	/* A mark from before the first block goes back to its beginning. */
	if (mark.block == NULL)
		mark.block = arena->first;
	ASSERT(mark.used <= mark.block->used);
	arena_cut(arena, mark.block, mark.used);
}
