/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counters and histograms of one thread, summed over threads on read. A
 * counter is written by its owner alone with relaxed stores, read by anyone.
 *
 * Owns:    nothing; embed it.
 * Threads: one writer, any readers.
 * Limits:  histogram: 40 buckets, powers of two of microseconds (1 us .. 12 days).
 */
#ifndef BASE_STAT_H
#define BASE_STAT_H

#include <stdatomic.h>

#include "base/base.h"

#define STAT_BUCKETS 40

struct stat_counter {
	_Atomic uint64_t value;
};

struct stat_histogram {
	struct stat_counter buckets[STAT_BUCKETS];
	struct stat_counter count;
	struct stat_counter sum_us;
};

static inline void stat_add(struct stat_counter *c, uint64_t n)
{
	uint64_t v = atomic_load_explicit(&c->value, memory_order_relaxed);

	atomic_store_explicit(&c->value, v + n, memory_order_relaxed);
}

static inline uint64_t stat_read(const struct stat_counter *c)
{
	return atomic_load_explicit(&c->value, memory_order_relaxed);
}

void stat_observe_ns(struct stat_histogram *h, int64_t ns);
/* Upper bound of bucket i in microseconds. */
uint64_t stat_bucket_us(unsigned i);

#endif
