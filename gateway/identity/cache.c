/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/identity/cache.h"

#include <stdlib.h>

#define CACHE_NONE    UINT32_MAX
#define CACHE_MAX     (1U << 24)
#define CACHE_ISSUERS 64

struct slot {
	uint8_t digest[CRYPT_SHA256_BYTES];
	const struct principal *principal; /* NULL: free */
	int64_t until_ns;
	uint32_t next; /* in its bucket: index plus one, 0 ends; free: index, CACHE_NONE ends */
	bool was_used; /* since the hand last came by */
};

struct identity_cache {
	uint32_t *buckets; /* index of the first slot, plus one; 0 is empty */
	struct slot *slots;
	uint32_t bucket_mask;
	uint32_t max;
	uint32_t fresh; /* slots from here on were never used */
	uint32_t free;	/* first of the given-back ones */
	uint32_t hand;
	size_t count;
	uint64_t generation;
	uint64_t hits, misses, evictions;
	int64_t asked_ns[CACHE_ISSUERS];
};

struct identity_cache *identity_cache_new(size_t max)
{
	struct identity_cache *cache = base_alloc(sizeof(*cache));
	uint32_t buckets = 16;

	ASSERT(max > 0);
	ASSERT(max <= CACHE_MAX);
	while (buckets < max)
		buckets *= 2;
	cache->buckets = base_alloc(buckets * sizeof(cache->buckets[0]));
	cache->slots = base_alloc(max * sizeof(cache->slots[0]));
	cache->bucket_mask = buckets - 1;
	cache->max = (uint32_t)max;
	cache->free = CACHE_NONE;
	return cache;
}

static void drop_all(struct identity_cache *cache)
{
	for (uint32_t i = 0; i < cache->fresh; i++) {
		principal_unref(cache->slots[i].principal);
		cache->slots[i].principal = NULL;
	}
	memset(cache->buckets, 0, ((size_t)cache->bucket_mask + 1) * sizeof(cache->buckets[0]));
	cache->count = 0;
	cache->fresh = 0;
	cache->hand = 0;
	cache->free = CACHE_NONE;
}

void identity_cache_free(struct identity_cache *cache)
{
	if (cache == NULL)
		return;
	drop_all(cache);
	free(cache->buckets);
	free(cache->slots);
	free(cache);
}

/* Only tokens that verified get here, so nobody can choose digests at will: their own bytes are
 * hash enough. */
static uint32_t *bucket_of(struct identity_cache *cache, const uint8_t *digest)
{
	uint32_t hash;

	memcpy(&hash, digest, sizeof(hash));
	return &cache->buckets[hash & cache->bucket_mask];
}

/* The link (bucket or predecessor) that leads to the slot of digest; *link is 0 when absent. */
static uint32_t *find_link(struct identity_cache *cache, const uint8_t *digest)
{
	uint32_t *link = bucket_of(cache, digest);

	while (*link != 0) {
		struct slot *slot = &cache->slots[*link - 1];

		if (crypt_equal(slot->digest, digest, CRYPT_SHA256_BYTES))
			break;
		link = &slot->next;
	}
	return link;
}

/* Takes the slot behind link out of its bucket and gives it back. */
static void remove_slot(struct identity_cache *cache, uint32_t *link)
{
	uint32_t index = *link - 1;
	struct slot *slot = &cache->slots[index];

	ASSERT(slot->principal != NULL);
	*link = slot->next;
	principal_unref(slot->principal);
	slot->principal = NULL;
	slot->next = cache->free;
	cache->free = index;
	cache->count--;
}

const struct principal *identity_cache_get(struct identity_cache *cache,
					   const uint8_t digest[static CRYPT_SHA256_BYTES],
					   int64_t wall_ns)
{
	uint32_t *link = find_link(cache, digest);
	struct slot *slot;

	if (*link == 0) {
		cache->misses++;
		return NULL;
	}
	slot = &cache->slots[*link - 1];
	if (slot->until_ns <= wall_ns) {
		remove_slot(cache, link);
		cache->misses++;
		return NULL;
	}
	slot->was_used = true;
	cache->hits++;
	return slot->principal;
}

/* Every slot is taken: walks the hand to one that was not used lately; two rounds at most. */
static void evict_one(struct identity_cache *cache)
{
	for (;;) {
		struct slot *slot = &cache->slots[cache->hand];

		cache->hand = (cache->hand + 1) % cache->max;
		ASSERT(slot->principal != NULL);
		if (slot->was_used) {
			slot->was_used = false;
			continue;
		}
		remove_slot(cache, find_link(cache, slot->digest));
		cache->evictions++;
		return;
	}
}

static uint32_t take_slot(struct identity_cache *cache)
{
	uint32_t index;

	if (cache->free == CACHE_NONE && cache->fresh < cache->max)
		return cache->fresh++;
	if (cache->free == CACHE_NONE)
		evict_one(cache);
	index = cache->free;
	cache->free = cache->slots[index].next;
	return index;
}

void identity_cache_put(struct identity_cache *cache,
			const uint8_t digest[static CRYPT_SHA256_BYTES],
			const struct principal *principal, int64_t until_ns)
{
	uint32_t *link = find_link(cache, digest);
	uint32_t index;
	struct slot *slot;

	(void)principal_ref(principal);
	if (*link != 0)
		remove_slot(cache, link);
	index = take_slot(cache);
	slot = &cache->slots[index];
	memcpy(slot->digest, digest, sizeof(slot->digest));
	slot->principal = principal;
	slot->until_ns = until_ns;
	slot->was_used = false;
	/* Looked up again: the eviction may have changed the chain. */
	link = bucket_of(cache, digest);
	slot->next = *link;
	*link = index + 1;
	cache->count++;
	ASSERT(cache->count <= cache->max);
}

void identity_cache_set_generation(struct identity_cache *cache, uint64_t generation)
{
	if (cache->generation == generation)
		return;
	drop_all(cache);
	cache->generation = generation;
}

bool identity_cache_may_ask(struct identity_cache *cache, size_t issuer, int64_t wall_ns)
{
	int64_t *asked = &cache->asked_ns[issuer % CACHE_ISSUERS];

	/* A clock that was set back must not silence it. */
	if (*asked != 0 && wall_ns >= *asked && wall_ns - *asked < 1000000000)
		return false;
	*asked = wall_ns;
	return true;
}

struct identity_cache_stat identity_cache_read_stat(const struct identity_cache *cache)
{
	return (struct identity_cache_stat){cache->count, cache->hits, cache->misses,
					    cache->evictions};
}
