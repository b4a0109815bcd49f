/* SPDX-License-Identifier: Apache-2.0 */
#include "metering/journal/bell.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

_Static_assert(sizeof(((struct bell *)0)->state) == 4, "a futex is 32 bits");

void bell_arm(struct bell *bell, enum bell_state state)
{
	ASSERT(state != BELL_AWAKE);
	atomic_store(&bell->state, state);
}

void bell_disarm(struct bell *bell)
{
	atomic_store(&bell->state, BELL_AWAKE);
}

void bell_wait(struct bell *bell, enum bell_state state, int64_t timeout_ns)
{
	struct timespec timeout = {.tv_sec = timeout_ns / CLOCK_NS_PER_S,
				   .tv_nsec = timeout_ns % CLOCK_NS_PER_S};

	if (timeout_ns > 0)
		syscall(SYS_futex, &bell->state, FUTEX_WAIT_PRIVATE, (uint32_t)state, &timeout,
			NULL, 0);
	bell_disarm(bell);
}

/* Only the ringer that changed the state makes the system call. */
void bell_wake(struct bell *bell)
{
	if (atomic_exchange(&bell->state, BELL_AWAKE) != BELL_AWAKE)
		syscall(SYS_futex, &bell->state, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}
