/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A journal on a disk in memory, and what a test appends to it and reads back:
 * calls are numbered, and the number stands in the record's key.
 *
 * Owns:    nothing.
 * Threads: the test's.
 * Limits:  LIFE_CALLS calls.
 */
#ifndef TESTS_UNIT_METERING_JOURNAL_LIFE_H
#define TESTS_UNIT_METERING_JOURNAL_LIFE_H

#include "disk.h"
#include "metering/journal/cursor.h"
#include "metering/journal/journal.h"

#define LIFE_SEGMENT (256U << 10)
#define LIFE_WAIT_MS 20000
#define LIFE_CALLS   4096

/* What a reader of the whole journal finds. */
struct seen {
	unsigned intents[LIFE_CALLS];
	unsigned settles[LIFE_CALLS];
	uint64_t records;
	uint64_t digest;
};

/* Group set-up: the journal's own log goes nowhere. */
int life_set_up(void **state);
int life_tear_down(void **state);

struct record_key life_key(unsigned call);
unsigned life_call(const struct record *record);
/* recovered (may be NULL) counts the calls that were found open. */
struct journal_options life_options(struct disk *disk, unsigned *recovered);
enum err life_open(struct disk *disk, unsigned *recovered, struct journal **out);
uint64_t life_append(struct journal_writer *writer, enum record_type type, unsigned call,
		     size_t len);
void life_append_durably(struct journal_writer *writer, enum record_type type, unsigned call,
			 size_t len);
void life_see(struct seen *seen, const struct record *record);
/* As another process would, checking that the sequence has no gap; how it ended. */
enum io life_read_all(struct disk *disk, struct seen *seen);

#endif
