/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens that were verified, by the SHA-256 of the whole token, so that each is
 * verified once per worker. Bounded; when full, the clock hand takes the first
 * entry that was not used since it last came by.
 *
 *   digest -> bucket -> slot -> slot -> none      slots[max], hand ->
 *
 * Owns:    one reference to each principal in it.
 * Threads: its worker's.
 * Limits:  max entries at birth; both tables are reserved then, and cost
 *          memory only once used (about 64 bytes an entry beside the principal).
 */
#ifndef GATEWAY_IDENTITY_CACHE_H
#define GATEWAY_IDENTITY_CACHE_H

#include "base/crypt.h"
#include "gateway/identity/principal.h"

#define IDENTITY_CACHE_ENTRIES 100000

struct identity_cache;

/* 0 < max <= 16,777,216. */
struct identity_cache *identity_cache_new(size_t max);
void identity_cache_free(struct identity_cache *cache);

/* Borrowed until the next put, clear or free; NULL: not there, or over. */
const struct principal *identity_cache_get(struct identity_cache *cache,
					   const uint8_t digest[static CRYPT_SHA256_BYTES],
					   int64_t wall_ns);
/* Takes a reference of its own; the entry is over at until_ns. */
void identity_cache_put(struct identity_cache *cache,
			const uint8_t digest[static CRYPT_SHA256_BYTES],
			const struct principal *principal, int64_t until_ns);
/* Drops everything when generation is another than at the last call. */
void identity_cache_set_generation(struct identity_cache *cache, uint64_t generation);

/* True at most once a second per index below 64: whoever sees true reports the unknown kid. */
bool identity_cache_may_ask(struct identity_cache *cache, size_t issuer, int64_t wall_ns);

struct identity_cache_stat {
	size_t count;
	uint64_t hits;
	uint64_t misses;
	uint64_t evictions;
};

struct identity_cache_stat identity_cache_read_stat(const struct identity_cache *cache);

#endif
