/* SPDX-License-Identifier: Apache-2.0 */
#include "metering/usage/leaves.h"

static int64_t or_zero(int64_t field)
{
	return field < 0 ? 0 : field;
}

/* Cache writes as one number: the total where there is one, else the sum of the split. */
static int64_t written(const int64_t *fields)
{
	if (fields[FIELD_WRITE] >= 0)
		return fields[FIELD_WRITE];
	return or_zero(fields[FIELD_WRITE_5M]) + or_zero(fields[FIELD_WRITE_1H]);
}

/* The input total as the provider counts it, or -1. */
static int64_t input_total(const int64_t *fields, unsigned rules)
{
	if (fields[FIELD_INPUT] >= 0)
		return fields[FIELD_INPUT];
	if (fields[FIELD_TOTAL] < 0)
		return -1;
	if ((rules & DIALECT_TOTAL_IS_INPUT) != 0)
		return fields[FIELD_TOTAL];
	if (fields[FIELD_OUTPUT] >= 0 && fields[FIELD_TOTAL] >= fields[FIELD_OUTPUT])
		return fields[FIELD_TOTAL] - fields[FIELD_OUTPUT];
	return -1;
}

static int64_t output_total(const int64_t *fields)
{
	if (fields[FIELD_OUTPUT] >= 0)
		return fields[FIELD_OUTPUT];
	if (fields[FIELD_INPUT] >= 0 && fields[FIELD_TOTAL] >= fields[FIELD_INPUT])
		return fields[FIELD_TOTAL] - fields[FIELD_INPUT];
	return -1;
}

static void fill_input(struct usage *usage, const int64_t *fields, unsigned rules)
{
	int64_t *counts = usage->counts;
	int64_t total = input_total(fields, rules);
	int64_t read = or_zero(fields[FIELD_CACHE_READ]);
	int64_t write = written(fields);
	int64_t audio = or_zero(fields[FIELD_IN_AUDIO]);
	int64_t image = or_zero(fields[FIELD_IN_IMAGE]);
	int64_t other = write - or_zero(fields[FIELD_WRITE_5M]) - or_zero(fields[FIELD_WRITE_1H]);
	/* What the provider's total does not contain is added first, so one rule fits both. */
	int64_t whole = (rules & DIALECT_IN_HAS_CACHE) != 0 ? total : or_zero(total) + read + write;
	int64_t fresh = whole - read - write - audio - image;

	if (fresh < 0 || other < 0) {
		usage->flags |= USAGE_INCONSISTENT;
		if (whole >= 0) {
			counts[METER_IN_TEXT_UNCACHED] = whole;
			return;
		}
	}
	if (whole < 0 && read + write + audio + image == 0) {
		/* Nothing is known of this direction: the parts did not contradict anything. */
		usage->flags &= ~(unsigned)USAGE_INCONSISTENT;
		return;
	}
	counts[METER_IN_TEXT_UNCACHED] = fresh < 0 ? 0 : fresh;
	counts[METER_IN_CACHE_READ] = read;
	counts[METER_IN_CACHE_WRITE_5M] = or_zero(fields[FIELD_WRITE_5M]);
	counts[METER_IN_CACHE_WRITE_1H] = or_zero(fields[FIELD_WRITE_1H]);
	counts[METER_IN_CACHE_WRITE_OTHER] = or_zero(other);
	counts[METER_IN_AUDIO] = audio;
	counts[METER_IN_IMAGE] = image;
}

static void fill_output(struct usage *usage, const int64_t *fields)
{
	int64_t *counts = usage->counts;
	int64_t total = output_total(fields);
	int64_t reasoning = or_zero(fields[FIELD_REASONING]);
	int64_t audio = or_zero(fields[FIELD_OUT_AUDIO]);
	int64_t image = or_zero(fields[FIELD_OUT_IMAGE]);
	int64_t parts = reasoning + audio + image;

	if (total < parts && parts > 0) {
		usage->flags |= USAGE_INCONSISTENT;
		if (total >= 0) {
			counts[METER_OUT_TEXT] = total;
			return;
		}
	}
	counts[METER_OUT_TEXT] = total < parts ? 0 : total - parts;
	counts[METER_OUT_REASONING] = reasoning;
	counts[METER_OUT_AUDIO] = audio;
	counts[METER_OUT_IMAGE] = image;
}

void leaves_fill(struct usage *usage, const int64_t fields[static FIELD_COUNTS], unsigned rules)
{
	int64_t total = fields[FIELD_TOTAL];

	for (unsigned i = 0; i < FIELD_COUNTS; i++) {
		ASSERT(fields[i] >= -1 && fields[i] <= USAGE_COUNT_MAX);
		usage->reported[i] = fields[i];
		if (fields[i] >= 0)
			usage->source = USAGE_PROVIDER;
	}
	fill_input(usage, fields, rules);
	fill_output(usage, fields);
	usage->counts[METER_SEARCHES] = or_zero(fields[FIELD_SEARCHES]);
	if (total >= 0 && fields[FIELD_INPUT] >= 0 &&
	    total != fields[FIELD_INPUT] + or_zero(fields[FIELD_OUTPUT]) &&
	    (fields[FIELD_OUTPUT] >= 0 || (rules & DIALECT_TOTAL_IS_INPUT) != 0))
		usage->flags |= USAGE_TOTAL_MISMATCH;
}
