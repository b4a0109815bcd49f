/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Wakes one thread that may be asleep; ringing costs one load when it is not.
 * Built on a futex, because the many ringers must not make a system call while
 * the sleeper is busy anyway.
 *
 *   sleeper: bell_arm -> look for work -> bell_wait (or bell_disarm)
 *   ringer:  make work visible (seq_cst) -> bell_ring
 *
 * Owns:    nothing; embed it.
 * Threads: one sleeper, any ringers.
 * Limits:  none.
 */
#ifndef METERING_JOURNAL_BELL_H
#define METERING_JOURNAL_BELL_H

#include <stdatomic.h>

#include "base/base.h"

enum bell_state {
	BELL_AWAKE,
	BELL_LIGHT, /* sleeps; any ring wakes */
	BELL_DEEP,  /* gathers work; only an urgent ring wakes */
};

struct bell {
	_Atomic uint32_t state;
};

void bell_arm(struct bell *bell, enum bell_state state);
void bell_disarm(struct bell *bell);
/* Returns after a ring, a signal or the time, disarmed. */
void bell_wait(struct bell *bell, enum bell_state state, int64_t timeout_ns);
void bell_wake(struct bell *bell);

static inline void bell_ring(struct bell *bell, bool is_urgent)
{
	uint32_t state = atomic_load(&bell->state);

	if (state == BELL_LIGHT || (state == BELL_DEEP && is_urgent))
		bell_wake(bell);
}

#endif
