/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strings and entity names with their hashes, which settle nearly every
 * comparison; bytes settle the rest.
 *
 * Owns:    nothing; the bytes are borrowed (uid_copy copies them).
 * Threads: any.
 * Limits:  none.
 */
#ifndef POLICY_UID_H
#define POLICY_UID_H

#include "base/arena.h"
#include "base/str.h"

/* A string with its hash: unequal hashes settle most comparisons. */
struct text {
	uint64_t hash;
	struct str str;
};

/* An entity's name: Type::"id". type is normalised ("A::B", no spaces). */
struct uid {
	uint64_t hash;	    /* of both */
	uint64_t type_hash; /* of type alone */
	struct str type;
	struct str id;
};

uint64_t value_hash(struct str s);
/* By value; the bytes are borrowed. */
struct text text_make(struct str s);
struct uid uid_make(struct str type, struct str id);
/* In the arena, bytes copied; NULL past its cap. */
const struct uid *uid_copy(struct arena *arena, const struct uid *uid);

/* For bytes whose hashes are the same, so nearly always true: no call, eight at a time, the last
 * eight overlapping. */
static inline bool bytes_same(struct str a, struct str b)
{
	uint64_t x, y;

	if (a.len != b.len)
		return false;
	if (a.ptr == b.ptr)
		return true;
	if (a.len < 8) {
		for (size_t i = 0; i < a.len; i++)
			if (a.ptr[i] != b.ptr[i])
				return false;
		return true;
	}
	for (size_t at = 0;; at = MIN(at + 8, a.len - 8)) {
		memcpy(&x, a.ptr + at, 8);
		memcpy(&y, b.ptr + at, 8);
		if (x != y)
			return false;
		if (at == a.len - 8)
			return true;
	}
}

static inline bool text_eq(const struct text *a, const struct text *b)
{
	return a == b || (a->hash == b->hash && bytes_same(a->str, b->str));
}

static inline bool uid_eq(const struct uid *a, const struct uid *b)
{
	return a == b ||
	       (a->hash == b->hash && bytes_same(a->id, b->id) && bytes_same(a->type, b->type));
}

/* A total order, by hash first. */
int text_compare(const struct text *a, const struct text *b);
int uid_compare(const struct uid *a, const struct uid *b);

#endif
