/* SPDX-License-Identifier: Apache-2.0 */
#include "base/stat.h"

void stat_observe_ns(struct stat_histogram *h, int64_t ns)
{
	/* Rounded up, so that a value never stands in a bucket below it. */
	uint64_t us = ns <= 0 ? 0 : ((uint64_t)ns + 999) / 1000;
	unsigned bucket = us <= 1 ? 0 : 64U - (unsigned)__builtin_clzll(us - 1);

	stat_add(&h->buckets[MIN(bucket, STAT_BUCKETS - 1U)], 1);
	stat_add(&h->count, 1);
	stat_add(&h->sum_us, us);
}

uint64_t stat_bucket_us(unsigned i)
{
	ASSERT(i < STAT_BUCKETS);
	return (uint64_t)1 << i;
}
