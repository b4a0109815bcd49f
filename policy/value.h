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

#include "base/err.h"
#include "policy/uid.h"

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
