/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cost: (meter, quantity) pairs times the rates of a price set, exact in pico
 * of the currency; the upper bound that is reserved before a call; and how
 * amounts become text. Nothing here rounds but the two functions that say so.
 *
 * Owns:    nothing; lines point into the price book.
 * Threads: any.
 * Limits:  COST_LINES lines; a product or sum beyond int64 pico (9.2 million
 *          units of currency for one call) is ERR_LIMIT. Sums of many are 128
 *          bits wide.
 */
#ifndef METERING_MONEY_COST_H
#define METERING_MONEY_COST_H

#include "metering/money/price.h"

#define COST_LINES	   24
#define COST_TEXT	   48 /* of one printed amount, NUL included */
#define COST_PICO_PER_NANO 1000

struct cost_item {
	struct str meter;
	int64_t quantity;
};

struct cost_line {
	struct str meter;
	int64_t quantity;
	const struct price_line *price; /* NULL: unpriced, pico is 0 */
	int64_t pico;
};

struct cost {
	struct cost_line lines[COST_LINES];
	size_t count;
	int64_t pico;
	bool has_unpriced;
	struct str currency; /* empty when there is no set */
};

/* Lines for the items whose quantity is not 0. set may be NULL: all is unpriced. */
MUST_CHECK enum err cost_compute(const struct price_set *set, const struct cost_item *items,
				 size_t count, struct cost *out_cost);

/* What a call can consume at most. */
struct cost_bound {
	int64_t input_tokens;
	int64_t output_tokens; /* all choices together */
	int64_t requests;
	int64_t rows;
	struct str
		unit; /* where it has a rate, unit_count of it may be the cost instead of tokens */
	int64_t unit_count;
	bool may_write_cache; /* cache writes cost more than fresh input */
	bool has_media;	      /* audio and image rates count too */
};

/* The worst price of it: the dearest meter of each direction in the dearest band that could apply.
 * ERR_NOT_FOUND when something in it has no rate, ERR_LIMIT when it overflows. */
MUST_CHECK enum err cost_bound(const struct price_book *book, const struct price_key *key,
			       int64_t at_ns, const struct cost_bound *bound, int64_t *out_pico,
			       struct str *out_currency);

/* Rounds up: a budget errs on the safe side by less than one nano per line. */
int64_t cost_nano_up(int64_t pico);

/* A sum of many costs of one currency. */
struct cost_sum {
	__int128 pico;
};

MUST_CHECK enum err cost_sum_add(struct cost_sum *sum, int64_t pico);
/* The exact decimal: at least 2 fraction digits, no trailing zeros beyond them; returns its length.
 */
size_t cost_print(struct cost_sum sum, char out[static COST_TEXT]);
/* With exactly `digits` (0 .. 12) fraction digits, half to even: for people, at a report's line. */
size_t cost_print_rounded(struct cost_sum sum, unsigned digits, char out[static COST_TEXT]);
/* The exact sum of an amount printed by cost_print. */
MUST_CHECK enum err cost_parse(struct str text, struct cost_sum *out_sum);

#endif
