/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a journal holds when its process is gone: where the log ends, which
 * calls are open, and whether what is missing was ever durable.
 *
 * 1. For each sequence the copy in the latest segment that has it counts.
 * 2. The log ends before the first sequence that has no good copy.
 * 3. If a good record of a later group lies behind that point, the missing one
 *    had been durable: the journal is damaged and nothing is changed.
 * 4. Otherwise the tail was torn by the crash and never acknowledged: it is cut.
 * 5. The last group may be in the page cache only, left by a sync that failed:
 *    it is not believed but carried over, byte for byte, to a new segment.
 *
 * Owns:    struct recovery what it collected.
 * Threads: one user at a time; before the journal's thread starts.
 * Limits:  time and memory do not grow with the age of the journal: it reads
 *          from the oldest call that was open when the last segment began.
 *          Older segments are verified by whoever reads them.
 */
#ifndef METERING_JOURNAL_RECOVERY_H
#define METERING_JOURNAL_RECOVERY_H

#include "base/buf.h"
#include "metering/journal/open_set.h"
#include "metering/journal/segment.h"

struct recovery {
	struct segment_list list;
	struct open_set open;
	uint64_t end;	    /* the next sequence */
	uint64_t open_from; /* no call was open below it before the last group */
	uint64_t carry_first;
	struct buf carry; /* frames of the last group */
	uint32_t epoch;	  /* highest seen, 0 for an empty journal */
	uint64_t cut_bytes;
};

/* Reads, and cuts a torn tail. ERR_DAMAGED with file, offset and sequence in diag; ERR_CONFLICT:
 * the journal belongs to another gateway id. recovery_fini in either case. */
MUST_CHECK enum err recovery_run(struct recovery *recovery, struct files files, const char *dir,
				 uint32_t gateway, struct diag *diag);
void recovery_fini(struct recovery *recovery);

#endif
