/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A rate as people write it:
 *
 *   rate = decimal [ " per " ( "1" | "1000" | "1000000" ) ] | "as " meter
 *
 * Owns:    nothing.
 * Threads: any.
 * Limits:  6 fraction digits per million, 9 per 1000, 12 per 1; anything finer
 *          is refused, never rounded.
 */
#ifndef METERING_MONEY_RATE_H
#define METERING_MONEY_RATE_H

#include "base/str.h"

struct rate {
	int64_t micro; /* micro-currency per million units */
	struct str as; /* another meter's rate; empty: micro is it. A view of the text. */
};

MUST_CHECK enum err rate_parse(struct str text, struct rate *out_rate);
/* What rate_parse takes, in words for a message. */
const char *rate_grammar(void);

#endif
