/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ledger: who owes what. One thread reads the journal's durable records
 * through a cursor, adds up what was settled and keeps absolute totals per
 * hour in <state>/ledger.db, the book. With store "redis" the book is published
 * there as well, behind a watermark. The journal is the truth: the book and
 * Redis may lose or repeat a suffix of it and end at the same totals.
 *
 *   journal --cursor--> batch --> book (SQLite, totals + cursor in one commit)
 *      |                            | rows changed since the watermark
 *      '--cursor at the watermark --+--> publish --> Redis
 *
 * Owns:    its thread, the book, the connection. Borrows the journal until
 *          ledger_stop returns. Options are copied.
 * Threads: start and stop from one thread; counters may be read by any.
 * Limits:  4096 records or 250 ms a batch; 512 records a publication; Redis
 *          answers within timeout_ms, else it counts as gone.
 */
#ifndef METERING_LEDGER_LEDGER_H
#define METERING_LEDGER_LEDGER_H

#include "base/err.h"
#include "base/stat.h"
#include "base/str.h"

struct journal;
struct ledger;
struct ledger_source;

enum ledger_store {
	LEDGER_SQLITE, /* the book alone */
	LEDGER_REDIS,  /* the book, published */
};

struct ledger_redis_options {
	const char *url;      /* redis://[user[:password]@]host[:port][/db] or unix:///path */
	const char *user;     /* NULL or "": the URL's, else none */
	const char *password; /* secret; NULL or "": the URL's, else none */
	const char *socket;   /* unix socket instead of the URL's host; NULL or "": none */
	int64_t timeout_ms;   /* connect and answer; 0 is 1000 */
};

struct ledger_options {
	enum ledger_store store;
	const char *state;   /* folder of ledger.db */
	const char *gateway; /* id, 1..64 of A-Z a-z 0-9 . _ - */
	int64_t interval_ms; /* between batches; 0 is 100 */
	struct ledger_redis_options redis;
};

/* Written by the ledger thread, read by anyone. */
struct ledger_stats {
	struct stat_counter records; /* read from the journal */
	struct stat_counter settled; /* of these booked */
	struct stat_counter
		rejected; /* settle records that could not be booked; kept by position */
	struct stat_counter batches;
	struct stat_counter errors;	    /* failed reads, commits and publications */
	struct stat_counter published;	    /* records made visible in Redis */
	struct stat_counter rewinds;	    /* Redis was found behind what it had */
	struct stat_counter booked_seq;	    /* gauge: last sequence in the book */
	struct stat_counter published_seq;  /* gauge: last sequence in Redis */
	struct stat_counter lag_records;    /* gauge: booked but not published */
	struct stat_counter publish_failed; /* gauge: failures in a row, 0 when healthy */
};

/* Opens the book and starts the thread; Redis may be away. ERR_UNSUPPORTED for rediss://,
 * ERR_MALFORMED for other bad options, ERR_IO and ERR_DAMAGED for the book; diag says why. */
MUST_CHECK enum err ledger_start(const struct ledger_options *options, struct journal *journal,
				 struct diag *diag, struct ledger **out_ledger);
/* The same over any source of records; what source->arg points to must outlive the ledger. */
MUST_CHECK enum err ledger_start_from(const struct ledger_options *options,
				      const struct ledger_source *source, struct diag *diag,
				      struct ledger **out_ledger);
/* Books (and publishes) up to the journal's durable end, for at most deadline_ms, then frees.
 * True if nothing is left to do. What is left is read again at the next start. */
bool ledger_stop(struct ledger *ledger, int64_t deadline_ms);

/* New records are durable: do not wait for the interval. Any thread, never blocks. */
void ledger_wake(struct ledger *ledger);
const struct ledger_stats *ledger_stats(const struct ledger *ledger);

#endif
