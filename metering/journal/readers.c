/* SPDX-License-Identifier: Apache-2.0 */
#include "metering/journal/readers.h"

enum err readers_add(struct readers *readers, uint64_t keep, unsigned *out_place)
{
	for (unsigned i = 0; i < READERS_MAX; i++) {
		uint64_t unused = 0;

		if (atomic_compare_exchange_strong(&readers->keep[i], &unused, MAX(keep, 1U))) {
			*out_place = i;
			return OK;
		}
	}
	return ERR_LIMIT;
}

/* A release never takes back what an earlier one gave up. */
void readers_set(struct readers *readers, unsigned place, uint64_t keep)
{
	ASSERT(place < READERS_MAX && atomic_load(&readers->keep[place]) != 0);
	if (keep > atomic_load(&readers->keep[place]))
		atomic_store(&readers->keep[place], keep);
}

void readers_remove(struct readers *readers, unsigned place)
{
	ASSERT(place < READERS_MAX);
	atomic_store(&readers->keep[place], 0);
}

uint64_t readers_lowest(const struct readers *readers)
{
	uint64_t lowest = UINT64_MAX;

	for (unsigned i = 0; i < READERS_MAX; i++) {
		uint64_t keep = atomic_load(&readers->keep[i]);

		if (keep != 0 && keep < lowest)
			lowest = keep;
	}
	return lowest;
}
