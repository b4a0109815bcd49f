/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/proxy/budget_history.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "metering/money/cost.h"

#define PICO_PER_NANO ((__int128)COST_PICO_PER_NANO)

/* What one account gets: a sum per hour of a rolling window, one sum of any other. */
struct past {
	struct period period;
	int64_t *hours;
	size_t count;
};

struct history {
	const struct budget_table *table;
	const struct model_table *models;
	struct past *pasts; /* by entry */
	int64_t from_s, to_s;
};

static bool is_wanted(const struct budget_entry *entry)
{
	return !atomic_load(&entry->account->is_seeded);
}

bool budget_history_is_wanted(const struct budget_table *table)
{
	for (size_t i = 0; i < budget_count(table); i++)
		if (is_wanted(budget_at(table, i)))
			return true;
	return false;
}

/* Rows --------------------------------------------------------------------------------- */

static int64_t clamp(__int128 amount)
{
	return (int64_t)(amount < 0 ? 0 : MIN(amount, (__int128)BUDGET_MAX));
}

/* in_… and out_… are tokens. */
static bool is_tokens(struct str meter)
{
	return str_has_prefix(meter, STR("in_")) || str_has_prefix(meter, STR("out_"));
}

static int64_t amount_of(const struct budget_entry *entry, const struct ledger_row *row)
{
	switch (entry->options.unit) {
	case BUDGET_MONEY:
		if (!str_eq(row->price->currency, entry->options.currency))
			return 0;
		return clamp((row->total.pico + PICO_PER_NANO - 1) / PICO_PER_NANO);
	case BUDGET_REQUESTS:
		/* The call row; those of its lines say it again. */
		return row->price->meter.len == 0 ? MAX(row->total.requests, 0) : 0;
	case BUDGET_TOKENS: return is_tokens(row->price->meter) ? clamp(row->total.quantity) : 0;
	case BUDGET_UNITS: break;
	}
	return 0;
}

static void add_row(struct history *history, const struct budget_entry *entry, size_t index,
		    const struct ledger_row *row)
{
	struct past *past = &history->pasts[index];
	int64_t begin_s = row->hour * LEDGER_HOUR_S;
	size_t at = 0;

	if (begin_s + LEDGER_HOUR_S <= past->period.from_s || begin_s >= past->period.to_s)
		return;
	if (entry->account->window.kind == WINDOW_ROLLING)
		at = (size_t)((begin_s - past->period.from_s) / LEDGER_HOUR_S);
	if (past->hours == NULL) {
		past->count = entry->account->window.kind == WINDOW_ROLLING
				      ? entry->account->window.hours
				      : 1;
		past->hours = base_alloc(past->count * sizeof(*past->hours));
	}
	ASSERT(at < past->count);
	past->hours[at] = clamp((__int128)past->hours[at] + amount_of(entry, row));
}

/* "User::ana" */
static void cut_principal(struct str text, struct budget_subject *subject)
{
	struct str rest = text;

	subject->principal = text;
	subject->kind = STR("");
	if (!str_cut(&rest, ':', &subject->kind) || rest.len == 0 || rest.ptr[0] != ':')
		return;
	subject->principal = str_sub(rest, 1, rest.len);
}

static enum err on_row(void *arg, struct str gateway, const struct ledger_row *row)
{
	struct history *history = arg;
	const struct str *dims = row->account->dims;
	const struct model *model = model_find(history->models, dims[LEDGER_MODEL]);
	struct budget_subject subject = {
		.bu = dims[LEDGER_BU],
		.team = dims[LEDGER_TEAM],
		.project = dims[LEDGER_PROJECT],
		.model = dims[LEDGER_MODEL],
		.groups = model == NULL ? NULL : model->options.groups,
		.group_count = model == NULL ? 0 : model->options.group_count,
	};
	struct budget_walk walk = {.table = history->table, .subject = &subject};
	const struct budget_entry *entry;

	(void)gateway;
	cut_principal(dims[LEDGER_PRINCIPAL], &subject);
	while ((entry = budget_walk_next(&walk)) != NULL)
		if (is_wanted(entry))
			add_row(history, entry, budget_index(history->table, entry), row);
	return OK;
}

/* Reading -------------------------------------------------------------------------------- */

static void find_periods(struct history *history)
{
	history->from_s = INT64_MAX;
	for (size_t i = 0; i < budget_count(history->table); i++) {
		const struct budget_entry *entry = budget_at(history->table, i);
		struct past *past = &history->pasts[budget_index(history->table, entry)];
		struct budget_standing standing;

		if (!is_wanted(entry))
			continue;
		budget_read(entry->account->budget, &standing);
		past->period = standing.period;
		history->from_s = MIN(history->from_s, standing.period.from_s);
		history->to_s = MAX(history->to_s, standing.period.to_s);
	}
}

static enum err scan(struct history *history, void *store, uint64_t sequence, struct diag *diag)
{
	const struct ledger_ops *ops = &ledger_sqlite_ops;
	struct ledger_standing standing;
	struct ledger_pos booked = {0};
	enum err err = ops->watermark(store, &booked);

	/* Everything below it is durable; what is booked is in the book with its number. */
	if (err == OK && booked.seq + 1 < sequence)
		return diag_set(diag, ERR_UNAVAILABLE, "", 0, 0, "the book is behind the journal");
	if (err == OK)
		err = ops->scan(store, history->from_s / LEDGER_HOUR_S,
				history->to_s / LEDGER_HOUR_S + 1, on_row, history, &standing);
	return err == OK ? OK : diag_set(diag, err, "", 0, 0, "%s", ops->why(store));
}

static void give(const struct history *history)
{
	for (size_t i = 0; i < budget_count(history->table); i++) {
		const struct budget_entry *entry = budget_at(history->table, i);
		const struct past *past = &history->pasts[budget_index(history->table, entry)];

		if (!is_wanted(entry))
			continue;
		for (size_t h = 0; h < past->count; h++)
			budget_seed(entry->account->budget,
				    past->period.from_s + (int64_t)h * LEDGER_HOUR_S,
				    past->hours[h]);
		atomic_store(&entry->account->is_seeded, true);
	}
}

enum err budget_history_read(const struct budget_table *table, const struct model_table *models,
			     const struct ledger_options *ledger, uint64_t sequence, int64_t wall_s,
			     struct diag *diag)
{
	struct history history = {.table = table, .models = models};
	void *store = NULL;
	enum err err = ledger_sqlite_ops.open(ledger, true, diag, &store);

	if (err != OK)
		return err;
	budget_table_turn(table, wall_s);
	history.pasts = base_alloc((budget_count(table) + 1) * sizeof(*history.pasts));
	find_periods(&history);
	err = scan(&history, store, sequence, diag);
	if (err == OK)
		give(&history);
	for (size_t i = 0; i < budget_count(table); i++)
		free(history.pasts[i].hours);
	free(history.pasts);
	ledger_sqlite_ops.close(store);
	return err;
}
