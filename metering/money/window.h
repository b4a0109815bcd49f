/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stretch of time that a budget limits: calendar periods in a time zone,
 * fiscal months, and windows that roll by the hour.
 *
 * Owns:    nothing; the zone is borrowed.
 * Threads: any.
 * Limits:  wall clock of the years 1 to 9998; rolling windows up to
 *          WINDOW_HOURS hours.
 */
#ifndef METERING_MONEY_WINDOW_H
#define METERING_MONEY_WINDOW_H

#include "metering/money/zone.h"

#define WINDOW_HOURS	  (24 * 92)
#define WINDOW_LABEL_SIZE 40

enum window_kind {
	WINDOW_MINUTE,
	WINDOW_HOUR,
	WINDOW_DAY,
	WINDOW_WEEK,  /* from Monday */
	WINDOW_MONTH, /* from month_day */
	WINDOW_ROLLING,
};

struct window {
	enum window_kind kind;
	unsigned month_day;	 /* MONTH: first day, 1 .. 28 */
	unsigned hours;		 /* ROLLING */
	const struct zone *zone; /* NULL: UTC */
};

/* Half-open, UTC. */
struct period {
	int64_t from_s, to_s;
};

/* "minute" "hour" "day" "week" "month" "month from 26" "rolling 24h" "rolling 7d". */
MUST_CHECK enum err window_parse(struct str text, const struct zone *zone,
				 struct window *out_window);
/* The period around a moment; of a rolling window the whole hours that count at that moment, the
 * running one included. */
struct period window_period(const struct window *window, int64_t wall_s);
/* "2026-11", "2026-11-23", "2026-11-23T09"... as the clocks of the zone show its beginning; returns
 * its length. */
size_t window_label(const struct window *window, struct period period,
		    char out[static WINDOW_LABEL_SIZE]);

#endif
