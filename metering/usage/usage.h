/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one attempt consumed: disjoint counts that can be multiplied by a rate
 * and added up without counting anything twice (metering rule 2), and where
 * they came from.
 *
 * Owns:    nothing; a plain value with its texts inside.
 * Threads: any.
 * Limits:  counts 0 .. 10^12 as read from a provider; texts are cut.
 */
#ifndef METERING_USAGE_USAGE_H
#define METERING_USAGE_USAGE_H

#include "base/str.h"
#include "metering/usage/dialect.h"

#define USAGE_COUNT_MAX	  1000000000000LL
#define USAGE_MODEL_BYTES 128
#define USAGE_TIER_BYTES  32
#define USAGE_GEO_BYTES	  32

enum meter {
#define METER_ROW(id, name, direction, unit) id,
#include "metering/usage/meters.def"
	METER_COUNT
};

enum meter_direction {
	METER_DIRECTION_IN,
	METER_DIRECTION_OUT,
	METER_DIRECTION_OTHER,
};

enum usage_source {
	USAGE_NONE,	/* nothing is known */
	USAGE_PROVIDER, /* read from the exchange itself */
	USAGE_ESTIMATE, /* ours; some of it may be the provider's */
	USAGE_HEADER,	/* the provider's, from the head of the response alone */
};

/* A set. usage_flag_name gives each its word in records. */
enum usage_flag {
	USAGE_INCONSISTENT = 1, /* parts larger than their whole: the total is at the base meter */
	USAGE_TOTAL_MISMATCH = 2, /* the provider's grand total is not input + output */
	USAGE_DUPLICATE = 4,	  /* a count stood twice in one block; the last was taken */
	USAGE_UNREADABLE = 8,	  /* a body, an event or a count that is not what it should be */
	USAGE_FLAGS_END = 16,
};

struct usage {
	int64_t counts[METER_COUNT];
	int64_t reported[FIELD_COUNTS]; /* the provider's own numbers, -1 where it gave none */
	enum usage_source source;
	unsigned flags;
	uint8_t model_len;
	uint8_t tier_len;
	uint8_t geo_len;
	char model[USAGE_MODEL_BYTES]; /* served, as the provider says; may be empty */
	char tier[USAGE_TIER_BYTES];
	char geo[USAGE_GEO_BYTES]; /* the region that served */
};

/* Nothing consumed, nothing known. */
void usage_init(struct usage *usage);

const char *meter_name(enum meter meter);
const char *meter_unit(enum meter meter);
enum meter_direction meter_direction(enum meter meter);
/* NULL-terminated, in the order of the enum: what a price book may name. */
const char *const *meter_names(void);

const char *usage_source_name(enum usage_source source);
/* flag is one bit. */
const char *usage_flag_name(enum usage_flag flag);

/* All input tokens, cache included: what a context band is decided on. */
int64_t usage_input(const struct usage *usage);
int64_t usage_output(const struct usage *usage);

static inline struct str usage_model(const struct usage *usage)
{
	return str_make(usage->model, usage->model_len);
}

static inline struct str usage_tier(const struct usage *usage)
{
	return str_make(usage->tier, usage->tier_len);
}

static inline struct str usage_geo(const struct usage *usage)
{
	return str_make(usage->geo, usage->geo_len);
}

#endif
