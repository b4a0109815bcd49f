/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cedar values: sixteen bytes passed by value, immutable once made. Sets and
 * records are kept in one canonical order, so that deep equality, contains and
 * attribute access are comparisons and binary searches, never a walk of pairs.
 *
 * Owns:    nothing. What a value points to lives in the arena it was made in;
 *          bytes of strings, names and uids are borrowed from the caller and
 *          must live as long (arena_str copies them where they would not).
 * Threads: any, once made.
 * Limits:  the arena's cap. Past it a maker returns VALUE_NONE and the arena's
 *          overflow stays set, which policy_decide answers with ERR_LIMIT.
 */
#ifndef POLICY_VALUE_H
#define POLICY_VALUE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

enum value_kind {
	VALUE_NONE, /* no value: an absent field of a shape, or memory ran out */
	VALUE_BOOL,
	VALUE_LONG,
	VALUE_STRING,
	VALUE_ENTITY,
	VALUE_SET,
	VALUE_RECORD,
	VALUE_DECIMAL,
	VALUE_IP,
	VALUE_DATETIME,
	VALUE_DURATION,
};

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

struct ip {
	uint8_t bytes[16]; /* IPv4: the first four, the rest zero */
	uint8_t prefix;
	bool is_v6;
};

struct value_set;
struct value_record;

struct value {
	enum value_kind kind;
	union {
		bool boolean;
		int64_t number; /* long; decimal x 10000; datetime and duration in ms */
		const struct text *text;
		const struct uid *uid;
		const struct value_set *set;
		const struct value_record *record;
		const struct ip *ip;
	};
};

/* Elements ascend by value_compare, without duplicates. */
struct value_set {
	size_t count;
	struct value items[];
};

struct value_field {
	uint64_t hash; /* == key->hash, here to spare a cache line */
	const struct text *key;
	struct value value;
};

/* Fields ascend by (hash, key). */
struct value_record {
	size_t count;
	struct value_field fields[];
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

static inline struct value value_none(void)
{
	return (struct value){.kind = VALUE_NONE};
}

static inline struct value value_bool(bool b)
{
	return (struct value){.kind = VALUE_BOOL, .boolean = b};
}

static inline struct value value_long(int64_t n)
{
	return (struct value){.kind = VALUE_LONG, .number = n};
}

/* Milliseconds since 1970-01-01T00:00:00Z. */
static inline struct value value_datetime_ms(int64_t ms)
{
	return (struct value){.kind = VALUE_DATETIME, .number = ms};
}

static inline struct value value_duration_ms(int64_t ms)
{
	return (struct value){.kind = VALUE_DURATION, .number = ms};
}

/* uid is borrowed. */
static inline struct value value_entity(const struct uid *uid)
{
	return (struct value){.kind = VALUE_ENTITY, .uid = uid};
}

/* text is borrowed: for constant strings hashed once. */
static inline struct value value_text(const struct text *text)
{
	return (struct value){.kind = VALUE_STRING, .text = text};
}

struct value value_string(struct arena *arena, struct str s);
/* Cedar's spelling: an address with an optional /prefix; VALUE_NONE for anything else. */
struct value value_ip(struct arena *arena, struct str address);
/* 4 or 16 address bytes in network order. */
struct value value_ip_bytes(struct arena *arena, const uint8_t *bytes, size_t len);
/* Copies, sorts and drops duplicates; items may be in any order. */
struct value value_set(struct arena *arena, const struct value *items, size_t count);
/* names[i] carries values[i]; a VALUE_NONE is left out; of equal names the last one stays. */
struct value value_record(struct arena *arena, const struct text *names, const struct value *values,
			  size_t count);

/*
 * The fields of a record that is built again and again, sorted once: a request's
 * context is then one allocation and a copy.
 */
struct value_shape;
/* names must differ; NULL past the arena's cap. */
const struct value_shape *value_shape_new(struct arena *arena, const struct str *names,
					  size_t count);
/* values in the order of the names; a VALUE_NONE is an absent field. */
struct value value_shape_record(const struct value_shape *shape, struct arena *arena,
				const struct value *values);

/* Deep; never fails; different kinds are different values. */
bool value_eq(struct value a, struct value b);
/* The canonical total order behind sets; no meaning to users. */
int value_compare(struct value a, struct value b);
bool value_set_has(const struct value_set *set, struct value item);
/* VALUE_NONE when there is no such field. */
struct value value_record_get(const struct value_record *record, const struct text *key);

/* "Long", "String", … as errors name it. */
const char *value_kind_name(enum value_kind kind);

#endif
