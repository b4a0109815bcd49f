/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Linear probing in a table of a power of two, at most three quarters used.
 * A removed entry leaves a tombstone (key.ptr set, value NULL), so that probes
 * go on behind it; growing drops them.
 */
#include "base/map.h"

#include <stdlib.h>
#include <sys/auxv.h>

#define MAP_FIRST_CAP 16

struct map_entry {
	struct str key; /* ptr NULL: never used */
	void *value;	/* NULL: free or tombstone */
	uint64_t hash;
};

/* Marks a tombstone and stands for an empty key whose view has no address. */
static const char map_no_bytes[1] = "";

static void map_check(const struct map *map)
{
	ASSERT(map->count <= map->used);
	ASSERT(map->cap == 0 || map->used < map->cap);
}

/* The 16 random bytes that the kernel gives each process. */
static void map_seed(uint64_t out[2])
{
	memcpy(out, (const void *)getauxval(AT_RANDOM), 2 * sizeof(out[0]));
}

void map_init(struct map *map, size_t max)
{
	*map = (struct map){.max = max};
	map_seed(map->seed);
}

void map_fini(struct map *map)
{
	free(map->entries);
	map_init(map, map->max);
}

static uint64_t rotate(uint64_t x, unsigned bits)
{
	return x << bits | x >> (64 - bits);
}

static void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[0] = rotate(v[0], 32);
	v[2] += v[3];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[2] = rotate(v[2], 32);
}

/* SipHash-1-3. */
static uint64_t map_hash_with(const uint64_t seed[2], struct str key)
{
	uint64_t word = 0;
	uint64_t v[4];
	size_t at = 0;

	v[0] = seed[0] ^ 0x736f6d6570736575U;
	v[1] = seed[1] ^ 0x646f72616e646f6dU;
	v[2] = seed[0] ^ 0x6c7967656e657261U;
	v[3] = seed[1] ^ 0x7465646279746573U;
	for (; key.len - at >= sizeof(word); at += sizeof(word)) {
		memcpy(&word, key.ptr + at, sizeof(word));
		v[3] ^= word;
		sip_round(v);
		v[0] ^= word;
	}
	word = 0;
	if (key.len > at)
		memcpy(&word, key.ptr + at, key.len - at);
	word |= (uint64_t)key.len << 56;
	v[3] ^= word;
	sip_round(v);
	v[0] ^= word;
	v[2] ^= 0xff;
	for (unsigned i = 0; i < 3; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

uint64_t map_hash(struct str key)
{
	uint64_t seed[2];

	map_seed(seed);
	return map_hash_with(seed, key);
}

static struct map_entry *map_find(const struct map *map, struct str key, uint64_t hash)
{
	size_t mask = map->cap - 1;

	if (map->cap == 0)
		return NULL;
	for (size_t i = hash & mask;; i = (i + 1) & mask) {
		struct map_entry *entry = &map->entries[i];

		if (entry->key.ptr == NULL)
			return NULL;
		if (entry->value != NULL && entry->hash == hash && str_eq(entry->key, key))
			return entry;
	}
}

void *map_get(const struct map *map, struct str key)
{
	struct map_entry *entry =
		map_find(map, key, map->cap == 0 ? 0 : map_hash_with(map->seed, key));

	return entry == NULL ? NULL : entry->value;
}

/* The first entry without a value on the probe path: there is always one. */
static struct map_entry *map_free_entry(const struct map *map, uint64_t hash)
{
	size_t mask = map->cap - 1;
	size_t i = hash & mask;

	while (map->entries[i].value != NULL)
		i = (i + 1) & mask;
	return &map->entries[i];
}

static void map_rehash(struct map *map, size_t cap)
{
	struct map old = *map;

	map->entries = base_alloc(cap * sizeof(*map->entries));
	map->cap = cap;
	map->used = map->count;
	for (size_t i = 0; i < old.cap; i++)
		if (old.entries[i].value != NULL)
			*map_free_entry(map, old.entries[i].hash) = old.entries[i];
	free(old.entries);
}

static void map_make_room(struct map *map)
{
	if (map->cap == 0)
		map_rehash(map, MAP_FIRST_CAP);
	else if ((map->used + 1) * 4 > map->cap * 3)
		/* Mostly tombstones: the same size will do. */
		map_rehash(map, map->count * 2 > map->cap ? map->cap * 2 : map->cap);
}

enum err map_put(struct map *map, struct str key, void *value)
{
	uint64_t hash = map_hash_with(map->seed, key);
	struct map_entry *entry = map_find(map, key, hash);

	ASSERT(value != NULL);
	map_check(map);
	if (key.ptr == NULL)
		key.ptr = map_no_bytes;
	if (entry != NULL) {
		entry->key = key;
		entry->value = value;
		return OK;
	}
	if (map->count >= map->max)
		return ERR_LIMIT;
	map_make_room(map);
	entry = map_free_entry(map, hash);
	if (entry->key.ptr == NULL)
		map->used++;
	*entry = (struct map_entry){key, value, hash};
	map->count++;
	return OK;
}

void *map_remove(struct map *map, struct str key)
{
	struct map_entry *entry =
		map_find(map, key, map->cap == 0 ? 0 : map_hash_with(map->seed, key));
	void *value;

	if (entry == NULL)
		return NULL;
	value = entry->value;
	*entry = (struct map_entry){.key = {map_no_bytes, 0}};
	map->count--;
	map_check(map);
	return value;
}

bool map_next(const struct map *map, size_t *iter, struct str *out_key, void **out_value)
{
	while (*iter < map->cap) {
		const struct map_entry *entry = &map->entries[(*iter)++];

		if (entry->value == NULL)
			continue;
		*out_key = entry->key;
		*out_value = entry->value;
		return true;
	}
	return false;
}
