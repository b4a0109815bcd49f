/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The split law of metering/usage/extract over all dialects, and what must
 * hold of every usage. First byte: dialect and framing; second: piece size.
 */
#include "metering/usage/estimate.h"
#include "tests/fuzz/fuzz.h"

static void run(const struct dialects *dialects, enum dialect dialect, bool is_stream,
		struct str in, size_t step, struct usage *out, int64_t *out_estimate)
{
	struct extract x;

	extract_init(&x, dialects, dialect, is_stream);
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

/* Counts are never negative, and their sum is the provider's own total. */
static void check(const struct usage *usage, enum dialect dialect)
{
	unsigned rules = dialect_rules(dialect);
	bool is_consistent = (usage->flags & USAGE_INCONSISTENT) == 0;

	for (unsigned i = 0; i < METER_COUNT; i++)
		ASSERT(usage->counts[i] >= 0);
	if ((rules & DIALECT_IN_HAS_CACHE) != 0 && usage->reported[FIELD_INPUT] >= 0)
		ASSERT(usage_input(usage) == usage->reported[FIELD_INPUT]);
	if (usage->reported[FIELD_OUTPUT] >= 0)
		ASSERT(usage_output(usage) == usage->reported[FIELD_OUTPUT]);
	if ((rules & DIALECT_IN_HAS_CACHE) == 0 && is_consistent &&
	    usage->reported[FIELD_INPUT] >= 0)
		ASSERT(usage->counts[METER_IN_TEXT_UNCACHED] == usage->reported[FIELD_INPUT]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dialects *dialects;
	struct usage whole, split;
	int64_t estimate, again;
	enum dialect dialect;
	bool is_stream;
	struct str in;

	if (size < 3)
		return 0;
	dialects = dialects_new();
	dialect = (enum dialect)(data[0] / 2 % DIALECT_COUNT);
	is_stream = data[0] % 2 == 1;
	in = str_make((const char *)data + 2, size - 2);
	run(dialects, dialect, is_stream, in, in.len, &whole, &estimate);
	check(&whole, dialect);
	run(dialects, dialect, is_stream, in, 1, &split, &again);
	assert_same(&whole, &split);
	ASSERT(estimate == again);
	run(dialects, dialect, is_stream, in, 1U + data[1], &split, &again);
	assert_same(&whole, &split);
	dialects_free(dialects);
	return 0;
}
