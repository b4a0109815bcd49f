/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A time zone: how far the wall clock of a place is from UTC at any moment.
 * Read from the bytes of a TZif file (RFC 9636, version 2 or later), whose
 * closing rule holds behind its last transition.
 *
 * Owns:    its transitions.
 * Threads: immutable once made.
 * Limits:  ZONE_BYTES of file; closing rules of the form M (month, week, day),
 *          which all files in use have. Leap seconds are not counted.
 */
#ifndef METERING_MONEY_ZONE_H
#define METERING_MONEY_ZONE_H

#include "base/err.h"
#include "base/str.h"

#define ZONE_BYTES ((size_t)64 << 10)

struct zone;

/* name is for messages: the file's. */
MUST_CHECK enum err zone_new(const char *name, struct str tzif, struct diag *diag,
			     struct zone **out_zone);
void zone_free(struct zone *zone);

/* Seconds east of UTC at that moment; zone may be NULL: UTC. */
int64_t zone_offset_s(const struct zone *zone, int64_t wall_s);
/* The moment at which the zone's clocks show local_s (seconds as if UTC): of two the first, of none
 * (clocks were put forward over it) the moment of the change. */
int64_t zone_to_utc_s(const struct zone *zone, int64_t local_s);

#endif
