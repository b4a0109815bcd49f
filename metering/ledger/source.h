/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the ledger's records come from: anything that can be read in order
 * from a position. In the program that is the journal, in tests an array.
 *
 * Owns:    nothing; a cursor belongs to its source until close.
 * Threads: the ledger thread only.
 * Limits:  payloads of at most 65,535 bytes.
 */
#ifndef METERING_LEDGER_SOURCE_H
#define METERING_LEDGER_SOURCE_H

#include "metering/ledger/row.h"

struct ledger_record {
	struct ledger_pos pos;
	bool is_settle;	    /* the only type that is booked */
	struct str payload; /* until the next call on the cursor */
};

struct ledger_source {
	/* A cursor that gives the records behind `after`, or the oldest that are left when those
	 * were deleted. ERR_CONFLICT: there is no such place, the records are others'. */
	enum err (*open)(void *arg, struct ledger_pos after, void **out_cursor);
	/* ERR_NOT_FOUND: none durable now, ask again later. */
	enum err (*next)(void *cursor, struct ledger_record *out_record);
	/* Records up to pos are not needed again by this cursor; may be NULL. */
	void (*release)(void *cursor, struct ledger_pos pos);
	void (*close)(void *cursor);
	void *arg;
};

struct journal;

/* Durable records of the journal of this process, which is borrowed. */
struct ledger_source ledger_source_journal(struct journal *journal);

#endif
