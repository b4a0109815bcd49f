/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The calls that are open: an INTENT stands in the journal and no SETTLE yet.
 * Fed with frames in their order; answers how far back recovery must look.
 *
 * Owns:    its table and, when asked to keep them, copies of INTENT and last
 *          PROGRESS.
 * Threads: one user at a time.
 * Limits:  as many as there are calls in flight; 32 bytes each, 16 at least.
 */
#ifndef METERING_JOURNAL_OPEN_SET_H
#define METERING_JOURNAL_OPEN_SET_H

#include "metering/journal/record.h"

/* Copies made when the set keeps them; payloads are owned. */
struct open_call {
	struct record intent;
	struct record progress; /* type 0 when there was none */
};

struct open_entry {
	struct record_key key;
	uint64_t sequence; /* 0: free slot */
	struct open_call *call;
};

struct open_set {
	struct open_entry *entries;
	size_t cap; /* power of two, or 0 */
	size_t count;
	bool keeps_calls;
};

void open_set_init(struct open_set *set, bool keeps_calls);
void open_set_fini(struct open_set *set);
/* INTENT opens, SETTLE closes, PROGRESS is kept with its INTENT, others pass. */
void open_set_apply(struct open_set *set, const struct record *record);
/* The same for whole good frames one behind the other. */
void open_set_apply_frames(struct open_set *set, struct str frames);
/* The lowest sequence of an open INTENT, `otherwise` when none is open. */
uint64_t open_set_lowest(const struct open_set *set, uint64_t otherwise);
/* Entries by sequence; the array (count long) is the caller's to free, its calls are the set's. */
struct open_entry *open_set_sorted(const struct open_set *set);

#endif
