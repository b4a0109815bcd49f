/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records on their way into a store: rows added up in memory, the settle texts
 * themselves and the positions that could not be booked.
 *
 * Owns:    all text, in an arena that is emptied by ledger_batch_reset. Row
 *          pointers are stable until then.
 * Threads: one user at a time.
 * Limits:  LEDGER_BATCH_RECORDS records, LEDGER_BATCH_BYTES of text.
 */
#ifndef METERING_LEDGER_BATCH_H
#define METERING_LEDGER_BATCH_H

#include "base/arena.h"
#include "base/map.h"
#include "metering/ledger/entry.h"
#include "metering/ledger/row.h"

#define LEDGER_BATCH_RECORDS 4096
#define LEDGER_BATCH_BYTES   (64U * 1024 * 1024)
#define LEDGER_BATCH_RECENT  64

/* An itemised settle record, or one that could not be booked (text is the reason). */
struct ledger_item {
	struct ledger_pos pos;
	struct str text;
};

struct ledger_items {
	struct ledger_item *list;
	size_t count;
	size_t cap;
};

struct ledger_batch {
	struct ledger_pos from; /* watermark before ... */
	struct ledger_pos to;	/* ... and behind it */
	struct ledger_row **rows;
	size_t row_count;
	size_t row_cap;
	struct ledger_items items;
	struct ledger_items rejects;
	uint64_t rejected; /* in the book so far; filled with the rows that changed */
	/* Only for batch.c: */
	struct arena arena;
	struct map accounts;
	struct map prices;
	struct ledger_price *recent[LEDGER_BATCH_RECENT]; /* of prices, by a cheap hash */
	struct map index;
};

struct ledger_batch *ledger_batch_new(void);
void ledger_batch_free(struct ledger_batch *batch);
/* Empty, with from = to = pos. */
void ledger_batch_reset(struct ledger_batch *batch, struct ledger_pos pos);
/* No room for one more record of any size. */
bool ledger_batch_is_full(const struct ledger_batch *batch);

/* The row of this key, made when it is not there. ERR_LIMIT when the batch has no room. */
MUST_CHECK enum err ledger_batch_row(struct ledger_batch *batch, int64_t hour,
				     const struct ledger_account *account,
				     const struct ledger_price *price, uint32_t flags,
				     struct ledger_row **out_row);
/* Adds the entry's lines to the rows' deltas; batch->to becomes pos. */
MUST_CHECK enum err ledger_batch_add(struct ledger_batch *batch, const struct ledger_entry *entry,
				     struct ledger_pos pos);
MUST_CHECK enum err ledger_batch_add_item(struct ledger_batch *batch, struct ledger_pos pos,
					  struct str text);
MUST_CHECK enum err ledger_batch_add_reject(struct ledger_batch *batch, struct ledger_pos pos,
					    struct str why);
/* total += delta in every row; ERR_LIMIT when one does not fit, nothing is changed then. */
MUST_CHECK enum err ledger_batch_total(struct ledger_batch *batch);

#endif
