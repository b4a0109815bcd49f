/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time in integers: nanoseconds since an arbitrary point (mono) or since
 * 1970-01-01T00:00:00Z (wall). Calendar is proleptic Gregorian, UTC, no leap
 * seconds, years 0000 to 9999.
 *
 * Owns:    nothing.
 * Threads: any.
 * Limits:  formatting buffers as named.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include "base/err.h"
#include "base/str.h"

#define CLOCK_NS_PER_MS	   1000000LL
#define CLOCK_NS_PER_S	   1000000000LL
#define CLOCK_S_PER_DAY	   86400LL
#define CLOCK_RFC3339_SIZE 32 /* 2026-11-23T09:00:00.123456789Z and a NUL */

int64_t clock_mono_ns(void);
int64_t clock_wall_ns(void);

struct clock_civil {
	int year;
	unsigned month, day; /* from 1 */
	unsigned hour, minute, second;
	unsigned weekday; /* 1 Monday .. 7 Sunday */
};

struct clock_civil clock_civil_from_s(int64_t wall_s);
/* False when a field is out of its range. */
bool clock_civil_to_s(const struct clock_civil *civil, int64_t *out_wall_s);
/* "2026-11-23T09:00:00.123Z" with 0, 3, 6 or 9 fraction digits; returns its length. */
size_t clock_format(int64_t wall_ns, unsigned digits, char out[static CLOCK_RFC3339_SIZE]);
/* RFC 3339 date-time (Z or offset) or a bare date (midnight UTC). ERR_MALFORMED otherwise. */
MUST_CHECK enum err clock_parse(struct str text, int64_t *out_wall_ns);
/* "250ms", "10s", "5m", "1h", "7d"; a bare number is refused. */
MUST_CHECK enum err clock_parse_duration_ms(struct str text, int64_t *out_ms);
/* IMF-fixdate for the Date field: "Mon, 23 Nov 2026 09:00:00 GMT", 29 bytes and a NUL. */
void clock_http_date(int64_t wall_s, char out[static 30]);

#endif
