/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writing end of the segments: appends a group durably or not at all, and
 * keeps the next segment preallocated, so that what is in flight can settle
 * when the disk is full.
 *
 *   [current: head | group | group |.......]   [spare: preallocated zeros]
 *
 * A write or sync that fails poisons the current segment: its descriptor is
 * closed and never believed again; the caller gives the same group once more
 * and it goes to the front of the spare.
 *
 * Owns:    both descriptors, the list of segments.
 * Threads: one user at a time.
 * Limits:  a group fits a segment: at most segment_bytes - SEGMENT_HEAD_BYTES.
 */
#ifndef METERING_JOURNAL_STORE_H
#define METERING_JOURNAL_STORE_H

#include "metering/journal/segment.h"

struct store {
	struct files files;
	char dir[FILE_PATH_BYTES];
	uint32_t gateway;
	uint32_t epoch;
	uint32_t segment_bytes;
	struct segment_list list; /* the current segment is its last */
	int fd;			  /* -1: none, the next group begins a segment */
	int spare_fd;		  /* -1: none */
	off_t filled;		  /* zeros written to the spare so far */
	off_t offset;
};

/* Opens nothing yet. Takes the list of what is there over. */
void store_init(struct store *store, struct files files, const char *dir, uint32_t segment_bytes,
		struct segment_list *list);
/* Closes; a good current segment is cut to what it holds. */
void store_fini(struct store *store);
/* Makes sure of a spare: ERR_UNAVAILABLE when there is no room for one, ERR_IO. */
MUST_CHECK enum err store_reserve(struct store *store);
static inline bool store_has_spare(const struct store *store)
{
	return store->spare_fd >= 0;
}

/* Writes some zeros to the spare: a sync of blocks that were written once costs half of one that
 * must turn preallocated into written ones. False when there is nothing left to fill. */
bool store_fill(struct store *store, size_t bytes);

/* Durable when OK. `first` is the sequence of the group's first record; `open_from` is needed
 * when a segment begins. Any other return: nothing of it may be believed, give it again. */
MUST_CHECK enum err store_append(struct store *store, struct str group, uint64_t first,
				 uint64_t open_from);
/* What the current segment still holds; a larger group begins the next. */
size_t store_room(const struct store *store);
/* Deletes the oldest segments while all their records are below `sequence` and the next one was
 * begun before wall time `before_ns`; at most `max`. Returns how many. */
unsigned store_retire(struct store *store, uint64_t sequence, int64_t before_ns, unsigned max);

#endif
