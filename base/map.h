/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hash map from bytes to pointers, open addressing, keyed hash (the seed is
 * random per process), so that chosen keys cannot collide on purpose.
 *
 * Owns:    its table. Keys are views: the caller keeps their bytes alive as
 *          long as the entry. Values are the caller's.
 * Threads: many readers or one writer.
 * Limits:  max entries at init; map_put past it returns ERR_LIMIT.
 */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include "base/str.h"

struct map_entry;

struct map {
	struct map_entry *entries;
	size_t cap;
	size_t count;
	size_t used; /* with tombstones */
	size_t max;
	uint64_t seed[2];
};

void map_init(struct map *map, size_t max);
void map_fini(struct map *map);
/* NULL means not found. */
void *map_get(const struct map *map, struct str key);
/* Sets or replaces; value must not be NULL. */
MUST_CHECK enum err map_put(struct map *map, struct str key, void *value);
/* The value that was there, or NULL. */
void *map_remove(struct map *map, struct str key);
/* Walk: *iter starts at 0; false at the end. Do not change the map meanwhile. */
bool map_next(const struct map *map, size_t *iter, struct str *out_key, void **out_value);
/* The hash by itself (seeded 64 bit). */
uint64_t map_hash(struct str key);

#endif
