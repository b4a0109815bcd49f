/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The price book: dated rates in exact integers. It is made from rows that the
 * caller has read (gateway/config reads prices.yaml; shape: metering/README),
 * checked as a whole, and never changes afterwards.
 *
 * A rate is integer micro-currency per million units, so that rate x quantity
 * is the cost in pico, with nothing to round. A model is found by the name the
 * provider says it served, then by the alias the configuration gave:
 *
 *   exact name  >  longest pattern "prefix*"       of the served name,
 *   exact name  >  longest pattern "prefix*"       of the alias
 *
 * and among equals an entry for that provider or region goes before one for
 * any. Tier and date must fit exactly; nothing found is "unpriced", never 0.
 *
 * Owns:    all its text, copied; freed by price_book_free.
 * Threads: immutable once made; part of the snapshot.
 * Limits:  PRICE_ROWS rows, 64 MiB of text.
 */
#ifndef METERING_MONEY_PRICE_H
#define METERING_MONEY_PRICE_H

#include "base/err.h"
#include "base/str.h"

#define PRICE_ROWS 100000

/* One rate as written, with everything that its entry says. Borrowed for the call. The rows of one
 * entry stand together. */
struct price_row {
	struct str id;		  /* of the entry */
	struct str version;	  /* of the entry, else of the book; stands in every record */
	struct str provider;	  /* empty: any */
	const struct str *models; /* exact names and patterns "prefix*" */
	size_t model_count;
	struct str tier;	/* empty: standard */
	struct str region;	/* empty: any */
	struct str currency;	/* three capital letters */
	struct str above_input; /* of a context band: "200000"; empty: the base rates */
	struct str meter;
	struct str rate;       /* "2.50" per million | "0.10 per 1000" | "3 per 1" | "as METER" */
	struct str valid_from; /* date or date-time, UTC, inclusive; empty: always was */
	struct str valid_to;   /* exclusive; empty: open */
	unsigned line, column; /* of the rate */
	unsigned entry_line, entry_column;
};

struct price_options {
	const char *file;	   /* for messages */
	const char *const *meters; /* NULL-terminated: what a row may name; NULL: anything */
};

struct price_book;
struct price_set; /* the rates of one entry in one context band */

/* A price line: one rate for one meter. Views live as long as the book. */
struct price_line {
	struct str meter;
	struct str ref; /* "id/meter@version", with "/above-N" for a band */
	struct str id;	/* the same without the version */
	struct str version;
	struct str currency;
	int64_t rate_micro; /* per million units */
};

struct price_key {
	struct str provider;
	struct str model; /* as served; may be empty */
	struct str alias; /* the price name of the deployment; may be empty */
	struct str tier;  /* as served; empty, "default" and "auto" are "standard" */
	struct str region;
};

/* Refuses bad numbers, dates and names, double rates, overlapping periods, a band without base
 * rates, two currencies in one entry; diag says where. */
MUST_CHECK enum err price_book_new(const struct price_row *rows, size_t count,
				   const struct price_options *options, struct diag *diag,
				   struct price_book **out_book);
void price_book_free(struct price_book *book);

/* The rates that hold for a request begun at at_ns (wall clock) with so many input tokens in all,
 * cache included: the band is a cliff on the whole request. NULL: unpriced. */
const struct price_set *price_find_set(const struct price_book *book, const struct price_key *key,
				       int64_t at_ns, int64_t input_tokens);
/* NULL: unpriced. A band that does not list a meter uses the base rate. out_reasoning falls back to
 * out_text and in_cache_write_other to in_cache_write_5m unless listed; nothing else falls back
 * unless the book says "as". */
const struct price_line *price_set_line(const struct price_set *set, struct str meter);
/* The next lower context band, at last the base rates, then NULL. */
const struct price_set *price_set_lower(const struct price_set *set);
struct str price_set_currency(const struct price_set *set);
/* Both in one. */
const struct price_line *price_find(const struct price_book *book, const struct price_key *key,
				    struct str meter, int64_t at_ns, int64_t input_tokens);
/* Any entry at all that could ever price this name (exact or pattern): for `check`. */
bool price_book_knows(const struct price_book *book, struct str model);

/* Walk over every line, for listings: *iter starts at 0; NULL at the end. */
const struct price_line *price_book_next(const struct price_book *book, size_t *iter);

#endif
