/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Brings a second store to where the book is. It keeps nothing of its own but
 * the watermark it last read: whatever is behind it is taken again from the
 * book (totals) and the journal (settle records), so any loss or doubt on the
 * other side ends in reading the watermark and sending again.
 *
 *        publish_fail (any error)
 *      .------------------------.
 *      v                        |
 *   WAITING --due--> ASKING --watermark--> SENDING --applied--> SENDING ...
 *
 * Owns:    its cursor and batch. Borrows book, store and source.
 * Threads: one; no clock inside, now_ns is given.
 * Limits:  512 records or 1 MiB of settle text a batch; waits 100 ms doubling
 *          to 10 s, half of it by chance; looks every second while idle.
 */
#ifndef METERING_LEDGER_PUBLISH_H
#define METERING_LEDGER_PUBLISH_H

#include "base/log.h"
#include "metering/ledger/source.h"
#include "metering/ledger/store.h"

#define LEDGER_PUBLISH_RECORDS 512
#define LEDGER_PUBLISH_BYTES   (1U << 20)

struct ledger_publish;

struct ledger_publish_ends {
	const struct ledger_ops *book_ops;
	void *book;
	const struct ledger_ops *ops;
	void *store;
	const struct ledger_source *source;
	struct ledger_stats *stats;
	const struct log *log;
};

struct ledger_publish *ledger_publish_new(const struct ledger_publish_ends *ends);
void ledger_publish_free(struct ledger_publish *publish);
/* At most one batch towards book_pos. True if there is more to do at once. */
bool ledger_publish_step(struct ledger_publish *publish, struct ledger_pos book_pos,
			 int64_t now_ns);
/* Everything up to book_pos is known to be there. */
bool ledger_publish_is_done(const struct ledger_publish *publish, struct ledger_pos book_pos);
/* Mono time before which a step does nothing; 0 when it may go on. */
int64_t ledger_publish_due_ns(const struct ledger_publish *publish);

#endif
