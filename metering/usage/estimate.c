/* SPDX-License-Identifier: Apache-2.0 */
#include "metering/usage/estimate.h"

#define BYTES_PER_TOKEN_BOUND  2
#define BYTES_PER_TOKEN_LIKELY 3
#define BYTES_PER_TOKEN_OUTPUT 4
#define BYTES_PER_TOKEN_MOST   16

int64_t estimate_input_tokens(uint64_t body_bytes, bool must_hold)
{
	uint64_t per_token = must_hold ? BYTES_PER_TOKEN_BOUND : BYTES_PER_TOKEN_LIKELY;
	uint64_t tokens = body_bytes / per_token + (body_bytes % per_token != 0);

	return (int64_t)MIN(tokens, (uint64_t)USAGE_COUNT_MAX);
}

int64_t estimate_output_tokens(const struct extract *x)
{
	int64_t by_bytes =
		(x->tally.text_bytes + BYTES_PER_TOKEN_OUTPUT - 1) / BYTES_PER_TOKEN_OUTPUT;
	/* A unary answer is one piece of text, whatever its length. */
	int64_t by_deltas = extract_is_stream(x) ? x->tally.deltas : 0;

	return MIN(MAX(by_bytes, by_deltas), USAGE_COUNT_MAX);
}

int64_t estimate_output_least(const struct extract *x)
{
	int64_t by_deltas = extract_is_stream(x) ? x->tally.deltas : 0;

	return MIN(MAX(x->tally.text_bytes / BYTES_PER_TOKEN_MOST, by_deltas), USAGE_COUNT_MAX);
}

static bool has_output(const struct extract *x)
{
	return (x->rules & DIALECT_TOTAL_IS_INPUT) == 0;
}

/* Sound and images are told by the piece where they are not told in tokens. */
static bool has_units(const struct usage *usage, const struct extract *x)
{
	return (x->rules & DIALECT_BY_UNIT) != 0 && usage->source != USAGE_NONE;
}

/* What an input of unknown size is counted in. */
static enum meter input_meter(const struct extract *x)
{
	return (x->rules & DIALECT_HEARS_SOUND) != 0 ? METER_AUDIO_MS : METER_IN_TEXT_UNCACHED;
}

void estimate_complete(struct usage *usage, const struct extract *x, int64_t input, bool is_cut)
{
	int64_t seen = estimate_output_tokens(x);
	int64_t known = usage_output(usage);
	bool has_input_report = usage_input(usage) > 0 || x->tally.fields[FIELD_INPUT] >= 0;
	bool has_output_report = x->tally.fields[FIELD_OUTPUT] >= 0 || known > 0;

	if ((x->rules & (DIALECT_IS_FREE | DIALECT_BY_CALL)) != 0 || has_units(usage, x))
		return;
	if (!has_input_report) {
		usage->counts[input_meter(x)] = input;
		usage->source = USAGE_ESTIMATE;
	}
	if (!has_output(x))
		return;
	if (!has_output_report || (is_cut && seen > known)) {
		usage->counts[METER_OUT_TEXT] += seen - known;
		usage->source = USAGE_ESTIMATE;
	}
}
