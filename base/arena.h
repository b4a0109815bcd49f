/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bump memory with one lifetime: a request, a snapshot, a load. Nothing is
 * freed one by one; mark and rewind take back a tail, reset keeps the first
 * block for the next user.
 *
 *   first block        further blocks, doubling, at most cap bytes in all
 *   [used....|free]  ->  [used..|free]  -> ...
 *
 * Owns:    its blocks; freed by arena_fini.
 * Threads: one user at a time; no shared state.
 * Limits:  cap given at init. Past it arena_alloc returns NULL and
 *          arena_has_overflowed() stays true until reset.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/str.h"

struct arena_block;

struct arena {
	struct arena_block *first;
	struct arena_block *last;
	size_t block_size;
	size_t cap;
	size_t total; /* bytes of all blocks */
	bool overflowed;
};

struct arena_mark {
	struct arena_block *block;
	size_t used;
};

/* No memory is taken before the first allocation. */
void arena_init(struct arena *arena, size_t block_size, size_t cap);
void arena_fini(struct arena *arena);
/* Empties it; keeps only the first block. */
void arena_reset(struct arena *arena);

/* Aligned to 16, not zeroed; NULL past the cap. size 0 gives a valid pointer. */
void *arena_alloc(struct arena *arena, size_t size);
/* The same, zeroed. */
void *arena_zalloc(struct arena *arena, size_t size);
/* count * size with overflow check, zeroed. */
void *arena_array(struct arena *arena, size_t count, size_t size);
/* A copy followed by a NUL (not counted); {NULL, 0} past the cap. An unset view stays unset. */
struct str arena_str(struct arena *arena, struct str s);
/* a then b in one piece, NUL behind. */
struct str arena_concat(struct arena *arena, struct str a, struct str b);
PRINTF_LIKE(2, 3) struct str arena_printf(struct arena *arena, const char *fmt, ...);

struct arena_mark arena_mark(const struct arena *arena);
void arena_rewind(struct arena *arena, struct arena_mark mark);

static inline bool arena_has_overflowed(const struct arena *arena)
{
	return arena->overflowed;
}

#endif
