/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cost report: the ledger's rows of a period, added up by the columns that
 * were asked for. Sums are exact; two currencies are never added.
 *
 * Owns:    its groups and their text.
 * Threads: one user at a time; stores may be written meanwhile.
 * Limits:  1,000,000 groups, 32 currencies, every column at most once.
 */
#ifndef METERING_LEDGER_REPORT_H
#define METERING_LEDGER_REPORT_H

#include "base/arena.h"
#include "base/map.h"
#include "metering/ledger/store.h"

#define REPORT_CURRENCIES 32

/* The first ones are the dimensions of an account, in their order. */
enum report_column {
	REPORT_BU = LEDGER_BU,
	REPORT_TEAM,
	REPORT_PROJECT,
	REPORT_PRINCIPAL,
	REPORT_MODEL,
	REPORT_DEPLOYMENT,
	REPORT_PROVIDER,
	REPORT_METER,
	REPORT_PRICE,
	REPORT_RATE,
	REPORT_DAY,
	REPORT_MONTH,
	REPORT_COLUMNS
};

struct report_query {
	enum report_column by[REPORT_COLUMNS];
	unsigned by_count;
	int64_t from_s; /* UTC, on the hour */
	int64_t to_s;	/* exclusive */
};

struct report_sum {
	__int128 pico;
	__int128 estimated_pico;
	__int128 quantity; /* only where a meter, price or rate is a column */
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
	struct report_sum calls; /* over everything; pico unused */
	struct ledger_standing standing;
	/* Only for report.c: */
	struct arena arena;
	struct map index;
	size_t group_cap;
};

/* "bu,model" into by[]; ERR_MALFORMED with what is wrong and what there is. */
MUST_CHECK enum err report_parse_by(struct str text, struct diag *diag, struct report_query *query);
/* "2026-11" */
MUST_CHECK enum err report_parse_month(struct str text, struct diag *diag,
				       struct report_query *query);
/* A date or date-time on the hour. */
MUST_CHECK enum err report_parse_time(struct str text, struct diag *diag, int64_t *out_s);
/* The calendar month around this moment. */
void report_set_month_of(int64_t wall_s, struct report_query *query);
const char *report_column_name(enum report_column column);
/* Quantities of different meters are not added, so only then do they show. */
bool report_has_quantity(const struct report_query *query);

/* Opens the store read-only, reads, closes. */
MUST_CHECK enum err report_new(const struct report_query *query,
			       const struct ledger_options *options, struct diag *diag,
			       struct report **out_report);
void report_free(struct report *report);

#endif
