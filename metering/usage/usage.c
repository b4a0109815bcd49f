/* SPDX-License-Identifier: Apache-2.0 */
#include "metering/usage/usage.h"

static const struct {
	const char *name;
	enum meter_direction direction;
	const char *unit;
} meters[] = {
#define METER_ROW(id, name, direction, unit) [id] = {name, METER_DIRECTION_##direction, unit},
#include "metering/usage/meters.def"
};

static const char *const names[] = {
#define METER_ROW(id, name, direction, unit) [id] = name,
#include "metering/usage/meters.def"
	[METER_COUNT] = NULL,
};

_Static_assert(ARRAY_LEN(meters) == METER_COUNT, "a row for each meter");

void usage_init(struct usage *usage)
{
	memset(usage, 0, sizeof(*usage));
	for (unsigned i = 0; i < FIELD_COUNTS; i++)
		usage->reported[i] = -1;
}

const char *meter_name(enum meter meter)
{
	ASSERT(meter < METER_COUNT);
	return meters[meter].name;
}

const char *meter_unit(enum meter meter)
{
	ASSERT(meter < METER_COUNT);
	return meters[meter].unit;
}

enum meter_direction meter_direction(enum meter meter)
{
	ASSERT(meter < METER_COUNT);
	return meters[meter].direction;
}

const char *const *meter_names(void)
{
	return names;
}

const char *usage_source_name(enum usage_source source)
{
	switch (source) {
	case USAGE_NONE: return "none";
	case USAGE_PROVIDER: return "provider";
	case USAGE_ESTIMATE: return "estimate";
	case USAGE_HEADER: return "header";
	}
	return "none";
}

const char *usage_flag_name(enum usage_flag flag)
{
	switch (flag) {
	case USAGE_INCONSISTENT: return "usage_inconsistent";
	case USAGE_TOTAL_MISMATCH: return "usage_total_mismatch";
	case USAGE_DUPLICATE: return "usage_duplicate";
	case USAGE_UNREADABLE: return "usage_unreadable";
	case USAGE_FLAGS_END: break;
	}
	return "";
}

static int64_t usage_sum(const struct usage *usage, enum meter_direction direction)
{
	int64_t sum = 0;

	for (unsigned i = 0; i < METER_COUNT; i++) {
		if (meters[i].direction == direction)
			sum += usage->counts[i];
	}
	return sum;
}

int64_t usage_input(const struct usage *usage)
{
	return usage_sum(usage, METER_DIRECTION_IN);
}

int64_t usage_output(const struct usage *usage)
{
	return usage_sum(usage, METER_DIRECTION_OUT);
}
