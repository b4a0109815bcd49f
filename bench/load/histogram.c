/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/load/histogram.h"

/*
 * Below HISTOGRAM_STEPS each value has its own bucket; above, every octave is
 * cut into HISTOGRAM_STEPS equal ones.
 */
static size_t bucket_of(uint64_t ns)
{
	unsigned octave = 0;
	size_t index;

	while (ns >= 2 * HISTOGRAM_STEPS) {
		ns >>= 1;
		octave++;
	}
	index = octave * HISTOGRAM_STEPS + ns;
	return index < HISTOGRAM_OCTAVES * HISTOGRAM_STEPS
		       ? index
		       : HISTOGRAM_OCTAVES * HISTOGRAM_STEPS - 1;
}

/* Lower edge of a bucket. */
static uint64_t bucket_ns(size_t index)
{
	size_t octave;

	if (index < 2 * HISTOGRAM_STEPS)
		return index;
	octave = index / HISTOGRAM_STEPS - 1;
	return (index - octave * HISTOGRAM_STEPS) << octave;
}

void histogram_add(struct histogram *histogram, int64_t ns)
{
	histogram->counts[bucket_of(ns < 0 ? 0 : (uint64_t)ns)]++;
	histogram->total++;
}

uint64_t histogram_us(const struct histogram *histogram, unsigned per_mille)
{
	uint64_t wanted = (histogram->total * per_mille + 999) / 1000;
	uint64_t seen = 0;

	for (size_t i = 0; i < HISTOGRAM_OCTAVES * HISTOGRAM_STEPS && histogram->total > 0; i++) {
		seen += histogram->counts[i];
		if (seen >= wanted && seen > 0)
			return bucket_ns(i) / 1000;
	}
	return 0;
}
