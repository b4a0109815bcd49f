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

/* One kind of token less what of it came from the cache: that part has the cache's rate. */
static int64_t without_cached(const int64_t *fields, enum dialect_field all,
			      enum dialect_field cached)
{
	return or_zero(fields[all]) - or_zero(fields[cached]);
}

static void fill_input(struct usage *usage, const int64_t *fields, unsigned rules)
{
	int64_t *counts = usage->counts;
	int64_t total = input_total(fields, rules);
	int64_t read = or_zero(fields[FIELD_CACHE_READ]);
	int64_t write = written(fields);
	int64_t audio = without_cached(fields, FIELD_IN_AUDIO, FIELD_READ_AUDIO);
	int64_t image = without_cached(fields, FIELD_IN_IMAGE, FIELD_READ_IMAGE);
	int64_t video = without_cached(fields, FIELD_IN_VIDEO, FIELD_READ_VIDEO);
	int64_t other = write - or_zero(fields[FIELD_WRITE_5M]) - or_zero(fields[FIELD_WRITE_1H]);
	int64_t parts = read + write + audio + image + video;
	int64_t whole = total;
	int64_t fresh;

	/* What the provider's total does not contain is added first, so one rule fits all. */
	if ((rules & DIALECT_IN_HAS_CACHE) == 0)
		whole = or_zero(whole) + read + write;
	if ((rules & DIALECT_IMAGE_BESIDE) != 0 && image > 0)
		whole = or_zero(whole) + image;
	fresh = whole - parts;
	counts[METER_IN_TOOL] = or_zero(fields[FIELD_IN_TOOL]);
	if (fresh < 0 || other < 0 || audio < 0 || image < 0 || video < 0) {
		usage->flags |= USAGE_INCONSISTENT;
		if (whole >= 0) {
			counts[METER_IN_TEXT_UNCACHED] = whole;
			return;
		}
	}
	if (whole < 0 && parts == 0) {
		/* Nothing is known of this direction: the parts did not contradict anything. */
		usage->flags &= ~(unsigned)USAGE_INCONSISTENT;
		return;
	}
	counts[METER_IN_TEXT_UNCACHED] = fresh < 0 ? 0 : fresh;
	counts[METER_IN_CACHE_READ] = read;
	counts[METER_IN_CACHE_WRITE_5M] = or_zero(fields[FIELD_WRITE_5M]);
	counts[METER_IN_CACHE_WRITE_1H] = or_zero(fields[FIELD_WRITE_1H]);
	counts[METER_IN_CACHE_WRITE_OTHER] = or_zero(other);
	counts[METER_IN_AUDIO] = or_zero(audio);
	counts[METER_IN_IMAGE] = or_zero(image);
	counts[METER_IN_VIDEO] = or_zero(video);
}

/* Does the output total leave the reasoning out? The grand total tells, where it says anything;
 * else the dialect's rule. */
static bool is_thought_beside(const int64_t *fields, unsigned rules)
{
	int64_t inside = or_zero(fields[FIELD_INPUT]) + or_zero(fields[FIELD_OUTPUT]) +
			 or_zero(fields[FIELD_IN_TOOL]);
	int64_t total = fields[FIELD_TOTAL];
	int64_t reasoning = or_zero(fields[FIELD_REASONING]);

	if (reasoning > 0 && fields[FIELD_INPUT] >= 0 && fields[FIELD_OUTPUT] >= 0) {
		if (total == inside + reasoning)
			return true;
		if (total == inside)
			return false;
	}
	return (rules & DIALECT_THOUGHTS_BESIDE) != 0;
}

/* What the output is where no part of it has another name. */
static enum meter base_output(unsigned rules)
{
	return (rules & DIALECT_OUT_IS_IMAGE) != 0   ? METER_OUT_IMAGE
	       : (rules & DIALECT_OUT_IS_AUDIO) != 0 ? METER_OUT_AUDIO
						     : METER_OUT_TEXT;
}

static void fill_output(struct usage *usage, const int64_t *fields, unsigned rules)
{
	int64_t *counts = usage->counts;
	enum meter base = base_output(rules);
	int64_t total = output_total(fields);
	int64_t reasoning = or_zero(fields[FIELD_REASONING]);
	int64_t audio = or_zero(fields[FIELD_OUT_AUDIO]);
	int64_t image = or_zero(fields[FIELD_OUT_IMAGE]);
	int64_t text = or_zero(fields[FIELD_OUT_TEXT]);
	int64_t parts = reasoning + audio + image + text;

	if (is_thought_beside(fields, rules) && fields[FIELD_OUTPUT] >= 0)
		total += reasoning;
	else if (is_thought_beside(fields, rules) && reasoning > 0 && fields[FIELD_TOTAL] < 0)
		total = parts;
	if (total < parts && parts > 0) {
		usage->flags |= USAGE_INCONSISTENT;
		if (total >= 0) {
			counts[base] = total;
			return;
		}
	}
	counts[METER_OUT_REASONING] = reasoning;
	counts[METER_OUT_AUDIO] = audio;
	counts[METER_OUT_IMAGE] = image;
	counts[METER_OUT_TEXT] = text;
	counts[base] += total < parts ? 0 : total - parts;
}

/* Images and sound are counted where they were not told as tokens. */
static void fill_units(struct usage *usage, const int64_t *fields)
{
	usage->counts[METER_SEARCHES] = or_zero(fields[FIELD_SEARCHES]);
	if (usage_input(usage) + usage_output(usage) > 0)
		return;
	usage->counts[METER_IMAGES] = or_zero(fields[FIELD_IMAGES]);
	usage->counts[METER_AUDIO_MS] = fields[FIELD_AUDIO_MS] >= 0
						? fields[FIELD_AUDIO_MS]
						: or_zero(fields[FIELD_DURATION]);
}

/* Is the grand total anything but what its parts make? */
static bool is_mismatch(const int64_t *fields, unsigned rules)
{
	int64_t sum = or_zero(fields[FIELD_INPUT]) + or_zero(fields[FIELD_OUTPUT]) +
		      or_zero(fields[FIELD_IN_TOOL]);

	if (is_thought_beside(fields, rules))
		sum += or_zero(fields[FIELD_REASONING]);
	return fields[FIELD_TOTAL] >= 0 && fields[FIELD_INPUT] >= 0 && fields[FIELD_TOTAL] != sum &&
	       (fields[FIELD_OUTPUT] >= 0 || (rules & DIALECT_TOTAL_IS_INPUT) != 0);
}

void leaves_fill(struct usage *usage, const int64_t fields[static FIELD_COUNTS], unsigned rules)
{
	for (unsigned i = 0; i < FIELD_COUNTS; i++) {
		ASSERT(fields[i] >= -1 && fields[i] <= USAGE_COUNT_MAX);
		usage->reported[i] = fields[i];
		if (fields[i] >= 0)
			usage->source = USAGE_PROVIDER;
	}
	fill_input(usage, fields, rules);
	fill_output(usage, fields, rules);
	fill_units(usage, fields);
	if (is_mismatch(fields, rules))
		usage->flags |= USAGE_TOTAL_MISMATCH;
}
