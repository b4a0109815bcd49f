/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the ledger counts: one row is the cumulative total of one gateway for
 * (hour, account, price line, flags). Amounts in stores are absolute; nothing
 * is ever incremented there, so writing a row twice is writing it once.
 *
 * Every settled attempt adds to one row per line and, with an empty meter, to
 * one call row, so that calls can be counted without counting a call per meter.
 *
 * Owns:    nothing; all views are borrowed from the batch or the store's reply.
 * Threads: any.
 * Limits:  LEDGER_DIM_BYTES per dimension, meter, price line or unit.
 */
#ifndef METERING_LEDGER_ROW_H
#define METERING_LEDGER_ROW_H

#include "base/str.h"

#define LEDGER_DIM_BYTES     512
#define LEDGER_GATEWAY_BYTES 64
#define LEDGER_HOUR_S	     3600

/* Who owes: the columns of an account, in storage and print order. */
enum ledger_dim {
	LEDGER_BU,
	LEDGER_TEAM,
	LEDGER_PROJECT,
	LEDGER_PRINCIPAL,
	LEDGER_MODEL,
	LEDGER_DEPLOYMENT,
	LEDGER_PROVIDER,
	LEDGER_DIALECT,
	LEDGER_DIM_COUNT
};

/* Where a row's numbers come from; part of the row's key. */
enum ledger_flag {
	LEDGER_ESTIMATED = 1U << 0,    /* usage was estimated, not reported */
	LEDGER_NO_USAGE = 1U << 1,     /* nothing is known about usage */
	LEDGER_UNPRICED = 1U << 2,     /* a line had no rate */
	LEDGER_INCONSISTENT = 1U << 3, /* cost is not the sum of quantity times rate */
};

/* A place in the journal: boot counter and sequence, ordered by both. */
struct ledger_pos {
	uint64_t epoch;
	uint64_t seq;
};

static inline int ledger_pos_cmp(struct ledger_pos a, struct ledger_pos b)
{
	if (a.epoch != b.epoch)
		return a.epoch < b.epoch ? -1 : 1;
	return a.seq == b.seq ? 0 : a.seq < b.seq ? -1 : 1;
}

struct ledger_account {
	struct str dims[LEDGER_DIM_COUNT];
	int64_t id; /* the store's own number, 0 while unknown */
};

/* A rate, kept so that a report can show it and derive the cost again. A call row has the
 * currency alone. */
struct ledger_price {
	struct str line; /* id@version, or "unpriced" */
	struct str meter;
	struct str unit; /* empty when the record does not say */
	struct str currency;
	int64_t rate_micro; /* per million units */
	int64_t id;	    /* the store's own number, 0 while unknown */
};

struct ledger_amount {
	__int128 pico;
	int64_t quantity;
	int64_t requests; /* first attempts */
	int64_t attempts;
};

struct ledger_row {
	int64_t hour; /* hours since 1970, UTC, of the call's start */
	struct ledger_account *account;
	struct ledger_price *price;
	uint32_t flags;
	struct ledger_pos last;	    /* newest record in it */
	struct ledger_amount delta; /* what this batch adds */
	struct ledger_amount total; /* what a store holds */
};

/* False on overflow; *sum is untouched then. */
static inline bool ledger_amount_add(struct ledger_amount *sum, const struct ledger_amount *more)
{
	struct ledger_amount out;

	if (__builtin_add_overflow(sum->pico, more->pico, &out.pico) ||
	    __builtin_add_overflow(sum->quantity, more->quantity, &out.quantity) ||
	    __builtin_add_overflow(sum->requests, more->requests, &out.requests) ||
	    __builtin_add_overflow(sum->attempts, more->attempts, &out.attempts))
		return false;
	*sum = out;
	return true;
}

#endif
