/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the totals and parts that a provider reports to disjoint counts, by the
 * dialect's rules of inclusion (metering rule 2).
 *
 * Owns:    nothing.
 * Threads: any.
 * Limits:  fields 0 .. USAGE_COUNT_MAX, -1 where nothing was reported.
 */
#ifndef METERING_USAGE_LEAVES_H
#define METERING_USAGE_LEAVES_H

#include "metering/usage/usage.h"

/* Sets usage->counts and reported, adds to flags; source becomes USAGE_PROVIDER when any field was
 * reported. */
void leaves_fill(struct usage *usage, const int64_t fields[static FIELD_COUNTS], unsigned rules);

#endif
