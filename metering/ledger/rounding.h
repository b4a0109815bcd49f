/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Amounts for people: each line rounded once, such that the printed lines add
 * up to the printed total. Largest remainder: all are rounded down, and what
 * the rounded total lacks goes, a unit each, to the lines that lost most.
 *
 * Owns:    nothing.
 * Threads: any; pure.
 * Limits:  sums within 128 bits, as amounts of pico always are.
 */
#ifndef METERING_LEDGER_ROUNDING_H
#define METERING_LEDGER_ROUNDING_H

#include "base/base.h"

struct rounding_line {
	__int128 exact;
	__int128 printed; /* a whole number of units, less than one unit from exact */
	size_t order;	  /* only for rounding.c */
};

/* To the nearest multiple of unit, of two the even one. */
__int128 rounding_half_even(__int128 value, __int128 unit);
/* Fills in printed; their sum is the rounded sum of the exact amounts. The order is kept. */
void rounding_lines(struct rounding_line *lines, size_t count, __int128 unit);

#endif
