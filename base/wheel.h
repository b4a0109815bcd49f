/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Timers in O(1): levels of 64 slots, each slot of a level as wide as the whole
 * level below. A timer waits in the lowest level whose slot it does not share
 * with now and moves down when its slot begins.
 *
 *   level 0: 64 x 1 ms   level 1: 64 x 64 ms   level 2: 64 x 4 s   ... level 6
 *
 * Owns:    nothing; timers are linked in place.
 * Threads: its loop's.
 * Limits:  a due tick at most 2^41 ms (69 years) ahead; later is clamped.
 */
#ifndef BASE_WHEEL_H
#define BASE_WHEEL_H

#include "base/loop.h"

#define WHEEL_LEVELS 7
#define WHEEL_SLOTS  64
#define WHEEL_NEVER  INT64_MAX

/* Ticks are milliseconds on the monotonic clock. */
struct wheel {
	int64_t now;
	uint64_t occupied[WHEEL_LEVELS]; /* bit i: slot i holds a timer */
	struct loop_timer *slots[WHEEL_LEVELS][WHEEL_SLOTS];
};

void wheel_init(struct wheel *wheel, int64_t now);
/* A due tick that is not behind now counts as the next one. */
void wheel_insert(struct wheel *wheel, struct loop_timer *timer, int64_t due);
/* Safe on a timer that is not linked. */
void wheel_remove(struct wheel *wheel, struct loop_timer *timer);
/* When to look again: the next due tick, or the start of a slot that must move down before it.
 * WHEEL_NEVER when there is no timer. */
int64_t wheel_next(const struct wheel *wheel);
/* Unlinks and returns the next timer due at `until` or before, in order of ticks, then of
 * insertion; NULL when there is none, and then `until` is now. */
struct loop_timer *wheel_pop(struct wheel *wheel, int64_t until);

#endif
