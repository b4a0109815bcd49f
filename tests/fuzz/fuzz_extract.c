/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The split law of metering/usage/extract over all dialects, and what must
 * hold of every usage. First byte: dialect and stream or not; second: piece size,
 * and with a high bit a stream of lines.
 */
#include "metering/usage/estimate.h"
#include "tests/fuzz/fuzz.h"

static void run(const struct dialects *dialects, enum dialect dialect, enum extract_format format,
		struct str in, size_t step, struct usage *out, int64_t *out_estimate)
{
	struct extract x;

	extract_init(&x, dialects, dialect, format);
	for (size_t at = 0; at < in.len; at += step)
		extract_feed(&x, str_sub(in, at, step));
	extract_finish(&x, 3, out);
	*out_estimate = estimate_output_tokens(&x);
}

static void assert_same(const struct usage *a, const struct usage *b)
{
	for (unsigned i = 0; i < METER_COUNT; i++)
		ASSERT(a->counts[i] == b->counts[i]);
	for (unsigned i = 0; i < FIELD_COUNTS; i++)
		ASSERT(a->reported[i] == b->reported[i]);
	ASSERT(a->source == b->source);
	ASSERT(a->flags == b->flags);
	ASSERT(str_eq(usage_model(a), usage_model(b)));
	ASSERT(str_eq(usage_tier(a), usage_tier(b)));
}

static int64_t reported(const struct usage *usage, enum dialect_field field)
{
	return MAX(usage->reported[field], 0);
}

/* Counts are never negative, and their sum is the provider's own total with what stands beside. */
static void check(const struct usage *usage, enum dialect dialect)
{
	bool has_cache = (dialect_rules(dialect) & DIALECT_IN_HAS_CACHE) != 0;
	bool is_consistent = (usage->flags & USAGE_INCONSISTENT) == 0;
	int64_t input = reported(usage, FIELD_INPUT) + reported(usage, FIELD_IN_TOOL);
	int64_t output = usage_output(usage);

	for (unsigned i = 0; i < METER_COUNT; i++)
		ASSERT(usage->counts[i] >= 0);
	if (usage->reported[FIELD_INPUT] >= 0)
		ASSERT(has_cache ? usage_input(usage) == input : usage_input(usage) >= input);
	if (usage->reported[FIELD_OUTPUT] >= 0 && is_consistent)
		ASSERT(output == usage->reported[FIELD_OUTPUT] ||
		       output == usage->reported[FIELD_OUTPUT] + reported(usage, FIELD_REASONING));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dialects *dialects;
	struct usage whole, split;
	int64_t estimate, again;
	enum dialect dialect;
	enum extract_format format = EXTRACT_JSON;
	struct str in;

	if (size < 3)
		return 0;
	dialects = dialects_new();
	dialect = (enum dialect)(data[0] / 2 % DIALECT_COUNT);
	if (data[0] % 2 == 1)
		format = data[1] >= 128 ? EXTRACT_LINES : EXTRACT_SSE;
	in = str_make((const char *)data + 2, size - 2);
	run(dialects, dialect, format, in, in.len, &whole, &estimate);
	check(&whole, dialect);
	run(dialects, dialect, format, in, 1, &split, &again);
	assert_same(&whole, &split);
	ASSERT(estimate == again);
	run(dialects, dialect, format, in, 1U + data[1], &split, &again);
	assert_same(&whole, &split);
	dialects_free(dialects);
	return 0;
}
