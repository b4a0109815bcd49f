/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal's thread: gathers what stands in the writers' rings into one
 * group, makes it durable, says so. Alone decides whether the journal admits.
 *
 *   idle -bell-> gather -> append (write, fdatasync) -> publish -> reserve, retire -> gather ..
 *                             \-- failed: poisoned; the same group again, on the spare
 *
 * Owns:    the writers, the group buffer, its thread, and from committer_init
 *          on the store.
 * Threads: committer_run is the thread; writers are filled by their workers.
 * Limits:  as in journal.h.
 */
#ifndef METERING_JOURNAL_COMMITTER_H
#define METERING_JOURNAL_COMMITTER_H

#include <pthread.h>

#include "base/log.h"
#include "base/loop.h"
#include "metering/journal/bell.h"
#include "metering/journal/journal.h"
#include "metering/journal/open_set.h"
#include "metering/journal/readers.h"
#include "metering/journal/ring.h"
#include "metering/journal/store.h"

enum writer_state {
	WRITER_FREE,	 /* gone and drained: may be given out again */
	WRITER_STARTING, /* given out, loop not set yet */
	WRITER_ACTIVE,
	WRITER_LEAVING, /* its worker asks that the loop be forgotten */
	WRITER_GONE,	/* the committer has forgotten it */
};

struct journal_writer {
	struct ring ring;
	struct committer *committer;
	struct loop *loop;     /* the committer's while ACTIVE */
	struct loop_post post; /* the worker's: publishes at the end of its turn */
	_Atomic uint32_t state;
	_Atomic uint64_t durable; /* ring position */
	uint64_t taken;		  /* committer: gathered up to here */
};

struct committer {
	struct store store;
	struct open_set open; /* calls open as of the last durable group */
	struct readers readers;
	struct bell bell;
	_Atomic(struct journal_writer *) writers[JOURNAL_WRITERS];
	_Atomic bool admits;
	_Atomic bool is_stopping;
	struct journal_stats stats;
	struct log log;
	pthread_t thread;

	bool is_relaxed;
	int64_t wait_ns;
	int64_t keep_ns;
	uint64_t next;	     /* sequence of the next record */
	unsigned turn;	     /* writer to begin the next group with */
	unsigned failures;   /* in a row */
	int64_t retry_at_ns; /* do not look for room before */
	uint64_t current;    /* number of the segment that was written last */

	uint8_t *group;
	size_t group_cap;
	size_t group_len;
	uint32_t group_count;
};

/* `next` and the store's fields are set by the caller before it starts or appends. */
void committer_init(struct committer *committer, const struct journal_options *options);
/* Also gives everything back when it was never started. */
void committer_fini(struct committer *committer);

/* One record into the group; false when there is no room: commit first. */
MUST_CHECK bool committer_gather(struct committer *committer, enum record_type type,
				 const struct record_key *key, struct str payload);
/* The group becomes durable (OK, and it is empty again) or stays as it is. */
MUST_CHECK enum err committer_commit(struct committer *committer);

MUST_CHECK enum err committer_start(struct committer *committer);
/* Writes what is there, at most one more try when the disk fails. ERR_IO: something is left. */
enum err committer_stop(struct committer *committer);
/* ERR_LIMIT. */
MUST_CHECK enum err committer_add_writer(struct committer *committer, struct loop *loop,
					 struct journal_writer **out);

#endif
