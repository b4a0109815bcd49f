/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Invariant: a timer on level L differs from now first in the L-th group of six
 * bits, and its group is greater. So slots never wrap, the lowest occupied slot
 * of the lowest occupied level comes first, and now must not pass the start of
 * an occupied slot without emptying it.
 */
#include "base/wheel.h"

#define SLOT_BITS 6
#define AHEAD_MAX (1LL << 41)

_Static_assert(WHEEL_SLOTS == 1 << SLOT_BITS, "a slot index is one group of bits");
_Static_assert(WHEEL_SLOTS <= 64, "one word says which slots are occupied");

void wheel_init(struct wheel *wheel, int64_t now)
{
	ASSERT(now >= 0);
	*wheel = (struct wheel){.now = now};
}

static unsigned level_of(int64_t now, int64_t due)
{
	uint64_t differing = (uint64_t)now ^ (uint64_t)due;

	if (differing == 0)
		return 0;
	return (63U - (unsigned)__builtin_clzll(differing)) / SLOT_BITS;
}

static void wheel_link(struct wheel *wheel, struct loop_timer *timer, int64_t due)
{
	unsigned level = level_of(wheel->now, due);
	unsigned index = (unsigned)(due >> (SLOT_BITS * level)) & (WHEEL_SLOTS - 1);
	struct loop_timer **head;

	ASSERT(level < WHEEL_LEVELS);
	ASSERT(timer->slot == 0);
	head = &wheel->slots[level][index];
	if (*head == NULL) {
		*head = timer;
		timer->next = timer;
		timer->prev = timer;
	} else {
		timer->next = *head;
		timer->prev = (*head)->prev;
		timer->prev->next = timer;
		(*head)->prev = timer;
	}
	wheel->occupied[level] |= 1ULL << index;
	timer->slot = 1 + level * WHEEL_SLOTS + index;
}

void wheel_insert(struct wheel *wheel, struct loop_timer *timer, int64_t due)
{
	due = MIN(MAX(due, wheel->now + 1), wheel->now + AHEAD_MAX);
	timer->due_ns = due * 1000000;
	wheel_link(wheel, timer, due);
}

void wheel_remove(struct wheel *wheel, struct loop_timer *timer)
{
	unsigned level, index;

	if (timer->slot == 0)
		return;
	level = (timer->slot - 1) / WHEEL_SLOTS;
	index = (timer->slot - 1) % WHEEL_SLOTS;
	ASSERT((wheel->occupied[level] >> index & 1) != 0);
	if (timer->next == timer) {
		wheel->slots[level][index] = NULL;
		wheel->occupied[level] &= ~(1ULL << index);
	} else {
		timer->prev->next = timer->next;
		timer->next->prev = timer->prev;
		if (wheel->slots[level][index] == timer)
			wheel->slots[level][index] = timer->next;
	}
	timer->next = NULL;
	timer->prev = NULL;
	timer->slot = 0;
}

/* The level of the first occupied slot; WHEEL_LEVELS when there is none. */
static unsigned first_level(const struct wheel *wheel)
{
	unsigned level = 0;

	while (level < WHEEL_LEVELS && wheel->occupied[level] == 0)
		level++;
	return level;
}

int64_t wheel_next(const struct wheel *wheel)
{
	unsigned level = first_level(wheel);
	unsigned shift = SLOT_BITS * level;
	int64_t first;

	if (level == WHEEL_LEVELS)
		return WHEEL_NEVER;
	first = wheel->now >> (shift + SLOT_BITS) << (shift + SLOT_BITS);
	return first | (int64_t)__builtin_ctzll(wheel->occupied[level]) << shift;
}

/* Sends the timers of a slot that begins now to the levels below. */
static void wheel_move_down(struct wheel *wheel, unsigned level)
{
	unsigned index = (unsigned)__builtin_ctzll(wheel->occupied[level]);

	while (wheel->slots[level][index] != NULL) {
		struct loop_timer *timer = wheel->slots[level][index];

		wheel_remove(wheel, timer);
		wheel_link(wheel, timer, timer->due_ns / 1000000);
		ASSERT(timer->slot <= level * WHEEL_SLOTS);
	}
}

struct loop_timer *wheel_pop(struct wheel *wheel, int64_t until)
{
	for (;;) {
		int64_t next = wheel_next(wheel);
		unsigned level = first_level(wheel);

		if (next > until) {
			wheel->now = MAX(wheel->now, until);
			return NULL;
		}
		ASSERT(next >= wheel->now);
		wheel->now = next;
		if (level == 0) {
			unsigned index = (unsigned)__builtin_ctzll(wheel->occupied[0]);
			struct loop_timer *timer = wheel->slots[0][index];

			wheel_remove(wheel, timer);
			return timer;
		}
		wheel_move_down(wheel, level);
	}
}
