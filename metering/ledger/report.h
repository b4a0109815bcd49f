/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cost report: the ledger's rows of a period, added up by the columns that
 * were asked for. Sums are exact; two currencies are never added.
 *
 * Totals are kept by whole UTC hours. In a time zone, an hour belongs to the
 * day, month and period in which it begins; where clocks are half an hour off,
 * a day so ends with the hour that crosses midnight. The column hour is UTC.
 *
 * Owns:    its groups and their text.
 * Threads: one user at a time; stores may be written meanwhile.
 * Limits:  1,000,000 groups, 32 currencies, 16 price books by name, every column
 *          at most once.
 */
#ifndef METERING_LEDGER_REPORT_H
#define METERING_LEDGER_REPORT_H

#include "base/arena.h"
#include "base/map.h"
#include "metering/ledger/store.h"
#include "metering/money/zone.h"

#define REPORT_CURRENCIES 32
#define REPORT_BOOKS	  16

/* The first ones are the dimensions of an account, in their order. */
enum report_column {
	REPORT_BU = LEDGER_BU,
	REPORT_TEAM,
	REPORT_PROJECT,
	REPORT_PRINCIPAL,
	REPORT_MODEL,
	REPORT_DEPLOYMENT,
	REPORT_PROVIDER,
	REPORT_DIALECT,
	REPORT_METER,
	REPORT_PRICE,
	REPORT_RATE,
	REPORT_UNIT,
	REPORT_HOUR,
	REPORT_DAY,
	REPORT_MONTH,
	REPORT_COLUMNS
};

struct report_query {
	enum report_column by[REPORT_COLUMNS];
	unsigned by_count;
	struct str bu;		 /* of this business unit alone; unset: of all */
	int64_t from_s;		 /* UTC, on the hour */
	int64_t to_s;		 /* exclusive */
	const struct zone *zone; /* of days and months; borrowed; NULL: UTC */
	const char *zone_name;	 /* NULL: UTC */
};

struct report_sum {
	__int128 pico;
	__int128 estimated_pico;
	__int128 quantity;	     /* only where a meter, price, rate or unit is a column */
	__int128 estimated_quantity; /* as quantity */
	__int128 requests;
	__int128 attempts;
	__int128 estimated; /* attempts, as the next three */
	__int128 unpriced;
	__int128 no_usage;
	__int128 inconsistent;
};

struct report_group {
	struct str keys[REPORT_COLUMNS]; /* in the query's order */
	struct str currency;		 /* empty: calls without any line */
	struct report_sum sum;
};

struct report {
	struct report_query query;
	struct report_group **groups; /* by keys, then currency */
	size_t group_count;
	struct report_group totals[REPORT_CURRENCIES]; /* keys unset; by currency */
	size_t total_count;
	struct report_sum calls;	/* over everything; pico unused */
	struct str books[REPORT_BOOKS]; /* versions of price books, ascending */
	size_t book_count;
	bool has_more_books; /* than fit */
	struct ledger_standing standing;
	/* Only for report.c: */
	struct arena arena;
	struct map index;
	size_t group_cap;
};

/* "bu,model" into by[]; ERR_MALFORMED with what is wrong and what there is. */
MUST_CHECK enum err report_parse_by(struct str text, struct diag *diag, struct report_query *query);
/* "2026-11", of the query's zone */
MUST_CHECK enum err report_parse_month(struct str text, struct diag *diag,
				       struct report_query *query);
/* A date (midnight in the zone) or a date-time on the hour. */
MUST_CHECK enum err report_parse_time(struct str text, const struct zone *zone, struct diag *diag,
				      int64_t *out_s);
/* The zone's calendar month around this moment. */
void report_set_month_of(int64_t wall_s, struct report_query *query);
const char *report_column_name(enum report_column column);
/* The zone's clocks are not a whole number of hours from UTC somewhere in the period. */
bool report_splits_hours(const struct report_query *query);
/* Quantities of different meters are not added, so only then do they show. */
bool report_has_quantity(const struct report_query *query);

/* Opens the store read-only, reads, closes. */
MUST_CHECK enum err report_new(const struct report_query *query,
			       const struct ledger_options *options, struct diag *diag,
			       struct report **out_report);
void report_free(struct report *report);

#endif
