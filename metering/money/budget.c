/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two slots, one for the running period and one for the period before it, whose
 * calls still settle. A slot's turn says whose it is: reservations of a period
 * that has left both slots find another turn and change nothing. Who changes a
 * slot is inside it meanwhile; the keeper empties it only when nobody is.
 *
 * A rolling window has one slot for ever. What was spent stands per hour in a
 * ring as long as the window, and the keeper takes out the hours that fell out.
 */
#include "metering/money/budget.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#define HOUR_S 3600

#define TURN_NONE UINT64_MAX

struct budget_slot {
	_Atomic uint64_t turn;
	_Atomic unsigned inside;
	_Atomic int64_t committed; /* spent and held */
	_Atomic int64_t spent;
};

struct budget {
	struct window window;
	_Atomic int64_t from_s, to_s;
	_Atomic int64_t granted;
	_Atomic uint64_t turn; /* the running period; its slot is turn % 2 */
	struct budget_slot slots[2];
	_Atomic int64_t *hours; /* rolling only: window.hours of them, by hour % window.hours */
};

static bool is_rolling(const struct budget *budget)
{
	return budget->window.kind == WINDOW_ROLLING;
}

struct budget *budget_new(const struct window *window, int64_t wall_s)
{
	struct budget *budget = base_alloc(sizeof(*budget));
	struct period period = window_period(window, wall_s);

	budget->window = *window;
	atomic_init(&budget->from_s, period.from_s);
	atomic_init(&budget->to_s, period.to_s);
	atomic_init(&budget->slots[1].turn, TURN_NONE);
	if (is_rolling(budget))
		budget->hours = base_alloc(window->hours * sizeof(*budget->hours));
	return budget;
}

void budget_free(struct budget *budget)
{
	if (budget == NULL)
		return;
	free(budget->hours);
	free(budget);
}

/* NULL: the slot is another turn's by now. */
static struct budget_slot *slot_enter(struct budget *budget, uint64_t turn)
{
	struct budget_slot *slot = &budget->slots[turn % 2];

	atomic_fetch_add(&slot->inside, 1);
	if (atomic_load(&slot->turn) == turn)
		return slot;
	atomic_fetch_sub(&slot->inside, 1);
	return NULL;
}

static void slot_leave(struct budget_slot *slot)
{
	atomic_fetch_sub(&slot->inside, 1);
}

static bool slot_commit(const struct budget *budget, struct budget_slot *slot, int64_t amount)
{
	int64_t committed = atomic_load(&slot->committed);

	do {
		if (committed > atomic_load(&budget->granted) - amount)
			return false;
	} while (!atomic_compare_exchange_weak(&slot->committed, &committed, committed + amount));
	return true;
}

enum err budget_reserve(struct budget *budget, int64_t amount, int64_t wall_s,
			struct budget_hold *out_hold)
{
	struct budget_slot *slot;
	uint64_t turn;
	bool is_held;

	ASSERT(amount >= 0 && amount <= BUDGET_MAX);
	do {
		turn = atomic_load(&budget->turn);
		slot = slot_enter(budget, turn);
	} while (slot == NULL);
	is_held = slot_commit(budget, slot, amount);
	slot_leave(slot);
	if (!is_held)
		return ERR_QUOTA;
	*out_hold = (struct budget_hold){.amount = amount, .begun_s = wall_s, .turn = turn};
	return OK;
}

/* NULL when the hour is not in the window. */
static _Atomic int64_t *hour_of(const struct budget *budget, int64_t wall_s)
{
	int64_t from = atomic_load(&budget->from_s);

	if (wall_s < from || wall_s >= atomic_load(&budget->to_s))
		return NULL;
	return &budget->hours[(uint64_t)(wall_s / HOUR_S) % budget->window.hours];
}

static void settle_rolling(struct budget *budget, const struct budget_hold *hold, int64_t spent)
{
	struct budget_slot *slot = &budget->slots[0];
	_Atomic int64_t *hour = hour_of(budget, hold->begun_s);

	/* An hour that has gone takes what was spent in it along. */
	if (hour == NULL)
		spent = 0;
	else
		atomic_fetch_add(hour, spent);
	atomic_fetch_add(&slot->spent, spent);
	atomic_fetch_add(&slot->committed, spent - hold->amount);
}

void budget_settle(struct budget *budget, const struct budget_hold *hold, int64_t spent)
{
	struct budget_slot *slot;

	ASSERT(spent >= 0 && spent <= BUDGET_MAX);
	if (is_rolling(budget)) {
		settle_rolling(budget, hold, spent);
		return;
	}
	slot = slot_enter(budget, hold->turn);
	if (slot == NULL)
		return;
	atomic_fetch_add(&slot->spent, spent);
	atomic_fetch_add(&slot->committed, spent - hold->amount);
	slot_leave(slot);
}

static const struct budget_slot *running(const struct budget *budget)
{
	return &budget->slots[atomic_load(&budget->turn) % 2];
}

int64_t budget_remaining(const struct budget *budget)
{
	return atomic_load(&budget->granted) - atomic_load(&running(budget)->committed);
}

void budget_read(const struct budget *budget, struct budget_standing *out)
{
	const struct budget_slot *slot = running(budget);
	int64_t spent = atomic_load(&slot->spent);

	*out = (struct budget_standing){
		.period = {atomic_load(&budget->from_s), atomic_load(&budget->to_s)},
		.granted = atomic_load(&budget->granted),
		.spent = spent,
		.held = MAX(atomic_load(&slot->committed) - spent, 0),
	};
}

void budget_grant(struct budget *budget, int64_t granted)
{
	ASSERT(granted >= 0 && granted <= BUDGET_MAX);
	atomic_store(&budget->granted, granted);
}

void budget_seed(struct budget *budget, int64_t wall_s, int64_t spent)
{
	struct budget_hold none = {.begun_s = wall_s, .turn = atomic_load(&budget->turn)};

	if (wall_s >= atomic_load(&budget->from_s) && wall_s < atomic_load(&budget->to_s))
		budget_settle(budget, &none, spent);
}

/* Hours leave one by one, each before its place in the ring is taken by a new one. */
static bool turn_rolling(struct budget *budget, struct period period)
{
	struct budget_slot *slot = &budget->slots[0];
	int64_t from = atomic_load(&budget->from_s);

	for (unsigned i = 0; from < period.from_s && i < budget->window.hours; i++) {
		int64_t gone;

		atomic_store(&budget->from_s, from + HOUR_S);
		gone = atomic_exchange(
			&budget->hours[(uint64_t)(from / HOUR_S) % budget->window.hours], 0);
		atomic_fetch_sub(&slot->spent, gone);
		atomic_fetch_sub(&slot->committed, gone);
		from += HOUR_S;
	}
	atomic_store(&budget->from_s, period.from_s);
	atomic_store(&budget->to_s, period.to_s);
	return true;
}

bool budget_turn(struct budget *budget, int64_t wall_s)
{
	struct period period = window_period(&budget->window, wall_s);
	uint64_t turn = atomic_load(&budget->turn) + 1;
	struct budget_slot *next = &budget->slots[turn % 2];

	if (period.to_s <= atomic_load(&budget->to_s))
		return false;
	if (is_rolling(budget))
		return turn_rolling(budget, period);
	atomic_store(&next->turn, TURN_NONE);
	while (atomic_load(&next->inside) != 0)
		sched_yield(); /* a few instructions of another thread */
	atomic_store(&next->committed, 0);
	atomic_store(&next->spent, 0);
	atomic_store(&next->turn, turn);
	atomic_store(&budget->from_s, period.from_s);
	atomic_store(&budget->to_s, period.to_s);
	atomic_store(&budget->turn, turn);
	return true;
}
