/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What may still be spent: a limit over a window, what was spent in it, and
 * what calls in flight hold. A call reserves the most it can cost before it is
 * sent and settles what it did cost; the difference is free again.
 *
 *     |<------------------- granted ------------------->|
 *     |<--- spent --->|<-- held -->|<---- remaining --->|
 *     |<------- committed -------->|
 *
 * Admission is one compare-and-swap of `committed`: any number of threads, no
 * lock, no overspend. Periods change under calls: a reservation settles in the
 * period it was made in, and one that outlived that is dropped by its number.
 * A rolling window never changes its period; hours fall out of it.
 *
 * Owns:    its counters.
 * Threads: reserve, settle, read: any. budget_turn, budget_grant and budget_seed:
 *          one thread, the keeper's.
 * Limits:  amounts in nano of one currency (or a plain count), below 2^62.
 */
#ifndef METERING_MONEY_BUDGET_H
#define METERING_MONEY_BUDGET_H

#include "metering/money/window.h"

#define BUDGET_MAX (INT64_MAX / 2)

struct budget;

/* What a call holds; a plain value, settled once. */
struct budget_hold {
	int64_t amount;
	int64_t begun_s; /* the call's start: the hour it is counted in */
	uint64_t turn;	 /* of the period */
};

struct budget_standing {
	struct period period;
	int64_t granted;
	int64_t spent;
	int64_t held;
};

/* Nothing spent, nothing granted; the period is that of wall_s. */
struct budget *budget_new(const struct window *window, int64_t wall_s);
void budget_free(struct budget *budget);

/* ERR_QUOTA, and nothing held, when amount does not fit into what is left. */
MUST_CHECK enum err budget_reserve(struct budget *budget, int64_t amount, int64_t wall_s,
				   struct budget_hold *out_hold);
/* Gives the hold back and counts what was spent, which may be more than was held. */
void budget_settle(struct budget *budget, const struct budget_hold *hold, int64_t spent);
/* granted - committed; below zero after an overrun. */
int64_t budget_remaining(const struct budget *budget);
void budget_read(const struct budget *budget, struct budget_standing *out);

/* The keeper's: */
/* How much may be committed in this period. */
void budget_grant(struct budget *budget, int64_t granted);
/* What was spent earlier in the hour of wall_s, from the ledger. */
void budget_seed(struct budget *budget, int64_t wall_s, int64_t spent);
/* Moves on to the period of wall_s; true when it is another one. A clock that steps back leaves the
 * period as it is. The grant stays. */
bool budget_turn(struct budget *budget, int64_t wall_s);

#endif
