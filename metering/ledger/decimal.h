/* SPDX-License-Identifier: Apache-2.0 */
/*
 * 128-bit integers and pico amounts as decimal text, both exact and rounded
 * half to even.
 *
 * Owns:    nothing; text goes to the caller's array.
 * Threads: any; pure.
 * Limits:  DECIMAL_SIZE bytes hold any value.
 */
#ifndef METERING_LEDGER_DECIMAL_H
#define METERING_LEDGER_DECIMAL_H

#include "base/str.h"

#define DECIMAL_SIZE 64

/* NUL-terminated; returns the length. */
size_t decimal_int(__int128 value, char out[static DECIMAL_SIZE]);
/* Whole-input, '-' allowed. ERR_MALFORMED, ERR_LIMIT. */
MUST_CHECK enum err decimal_parse_int(struct str text, __int128 *out);
/* 1063761250000 -> "1.06376125": all digits, no trailing zeros; 0 -> "0". */
size_t decimal_pico(__int128 pico, char out[static DECIMAL_SIZE]);
/* With exactly `digits` (0..12) decimals, half to even. */
size_t decimal_pico_rounded(__int128 pico, unsigned digits, char out[static DECIMAL_SIZE]);

#endif
