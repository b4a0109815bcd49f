/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a store of totals can do. SQLite is the book, Redis the publication;
 * tests bring their own.
 *
 * Owns:    a store frees itself in close; batches are borrowed for the call.
 * Threads: one user at a time.
 * Limits:  per store, see there.
 */
#ifndef METERING_LEDGER_STORE_H
#define METERING_LEDGER_STORE_H

#include "metering/ledger/batch.h"
#include "metering/ledger/ledger.h"

/* A view of one stored row; dies on return. An error other than OK ends the scan with it. */
typedef enum err (*ledger_row_fn)(void *arg, struct str gateway, const struct ledger_row *row);

/* What a store says of itself, for report headers. */
struct ledger_standing {
	uint64_t gateways;
	uint64_t rejected; /* settle records that could not be booked */
	int64_t as_of_s;   /* newest commit known, 0 when none */
};

struct ledger_ops {
	const char *name;
	/* Read-only opens never create or change anything. May connect later (Redis). */
	enum err (*open)(const struct ledger_options *options, bool read_only, struct diag *diag,
			 void **out_store);
	/* The last position applied; {0, 0} when none. Connects again where needed. */
	enum err (*watermark)(void *store, struct ledger_pos *out_pos);
	/* Fills each row's total with what the store holds. The book only. */
	enum err (*load)(void *store, struct ledger_batch *batch);
	/* Writes the rows' totals, the items and the rejects, moves the watermark from batch->from
	 * to batch->to: all or nothing visible. ERR_CONFLICT: the watermark is not batch->from. Any
	 * error means not applied, and that the watermark has to be read again. */
	enum err (*apply)(void *store, const struct ledger_batch *batch);
	/* Adds the rows whose last change is in (from, to], with totals. The book only. */
	enum err (*changed)(void *store, struct ledger_pos from, struct ledger_pos to,
			    struct ledger_batch *batch);
	/* Every row with from_hour <= hour < to_hour, of every gateway. */
	enum err (*scan)(void *store, int64_t from_hour, int64_t to_hour, ledger_row_fn on_row,
			 void *arg, struct ledger_standing *out_standing);
	/* What the last error was, for a log line. */
	const char *(*why)(void *store);
	void (*close)(void *store);
};

extern const struct ledger_ops ledger_sqlite_ops;
extern const struct ledger_ops ledger_redis_ops;

#endif
