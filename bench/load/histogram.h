/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Times in nanoseconds, counted in buckets of about 1.5 % width, so that a
 * percentile costs no list of samples.
 *
 * Owns:    itself; start from zero bytes.
 * Threads: one.
 * Limits:  18 minutes; longer times count as that.
 */
#ifndef BENCH_LOAD_HISTOGRAM_H
#define BENCH_LOAD_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

#define HISTOGRAM_STEPS	  64U
#define HISTOGRAM_OCTAVES 34U

struct histogram {
	uint64_t counts[HISTOGRAM_OCTAVES * HISTOGRAM_STEPS];
	uint64_t total;
};

void histogram_add(struct histogram *histogram, int64_t ns);
/* The time that `per_mille` of all do not exceed, in microseconds; 0 when empty. */
uint64_t histogram_us(const struct histogram *histogram, unsigned per_mille);

#endif
