/* SPDX-License-Identifier: Apache-2.0 */
/*
 * 128-bit integers as decimal text, both ways.
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

#endif
