/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/uid.h"

#define HASH_A 0x9e3779b97f4a7c15ULL
#define HASH_B 0xd6e8feb86659fd93ULL

static uint64_t hash_mix(uint64_t a, uint64_t b)
{
	__uint128_t product = (__uint128_t)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint64_t value_hash(struct str s)
{
	uint64_t hash = HASH_A ^ s.len;
	uint64_t word;
	size_t at = 0;

	for (; s.len - at >= 8; at += 8) {
		memcpy(&word, s.ptr + at, 8);
		hash = hash_mix(hash ^ word, HASH_B);
	}
	if (at < s.len) {
		word = 0;
		memcpy(&word, s.ptr + at, s.len - at);
		hash = hash_mix(hash ^ word, HASH_B);
	}
	return hash_mix(hash, HASH_A);
}

struct text text_make(struct str s)
{
	return (struct text){.hash = value_hash(s), .str = s};
}

struct uid uid_make(struct str type, struct str id)
{
	uint64_t type_hash = value_hash(type);

	return (struct uid){
		.hash = hash_mix(type_hash ^ HASH_B, value_hash(id) | 1),
		.type_hash = type_hash,
		.type = type,
		.id = id,
	};
}

const struct uid *uid_copy(struct arena *arena, const struct uid *uid)
{
	struct uid *copy = arena_alloc(arena, sizeof(*copy));

	if (copy == NULL)
		return NULL;
	*copy = *uid;
	copy->type = arena_str(arena, uid->type);
	copy->id = arena_str(arena, uid->id);
	return arena_has_overflowed(arena) ? NULL : copy;
}

static int hash_compare(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int bytes_compare(struct str a, struct str b)
{
	size_t len = MIN(a.len, b.len);
	int order = len == 0 ? 0 : memcmp(a.ptr, b.ptr, len);

	return order != 0 ? order : hash_compare(a.len, b.len);
}

int text_compare(const struct text *a, const struct text *b)
{
	if (a == b)
		return 0;
	return a->hash != b->hash ? hash_compare(a->hash, b->hash) : bytes_compare(a->str, b->str);
}

int uid_compare(const struct uid *a, const struct uid *b)
{
	int order;

	if (a == b)
		return 0;
	if (a->hash != b->hash)
		return hash_compare(a->hash, b->hash);
	order = bytes_compare(a->type, b->type);
	return order != 0 ? order : bytes_compare(a->id, b->id);
}
