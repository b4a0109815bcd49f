/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/proxy/keeper.h"

#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "gateway/proxy/alert.h"
#include "gateway/proxy/budget_history.h"

#define KEEPER_PERIOD_MS 1000
#define KEEPER_POLL_MS	 5

struct keeper {
	struct keeper_options options;
	struct log log;
	struct snapshot *snap;
	struct loop_timer timer;
	struct webhook *webhook;
	uint64_t alerts;
};

static int64_t wall_s(void)
{
	return clock_wall_ns() / CLOCK_NS_PER_S;
}

static enum err learn(struct keeper *keeper, const struct snapshot *snap, uint64_t sequence)
{
	struct diag diag = {0};
	char quoted[500];
	enum err err = budget_history_read(snap->rules->budgets, snap->rules->models,
					   keeper->options.ledger, sequence, wall_s(), &diag);

	if (err != OK && err != ERR_UNAVAILABLE)
		log_error(&keeper->log, "budget_history", "err=%s why=%s", err_label(err),
			  log_quote(str_from_c(diag.text), quoted, sizeof(quoted)));
	return err;
}

void keeper_learn(struct keeper *keeper, const struct snapshot *snap, int64_t wait_ms)
{
	const struct timespec pause = {.tv_nsec = KEEPER_POLL_MS * CLOCK_NS_PER_MS};
	int64_t until_ns = clock_mono_ns() + wait_ms * CLOCK_NS_PER_MS;
	uint64_t sequence = journal_durable_sequence(keeper->options.journal);
	enum err err = ERR_UNAVAILABLE;

	if (!budget_history_is_wanted(snap->rules->budgets))
		return;
	while ((err = learn(keeper, snap, sequence)) == ERR_UNAVAILABLE &&
	       clock_mono_ns() < until_ns)
		(void)nanosleep(&pause, NULL);
	if (err != OK)
		log_warn(&keeper->log, "budgets_unknown", "what=%s",
			 "hard budgets refuse until the ledger has caught up");
}

static void on_second(void *arg);

static void wait_for_second(struct keeper *keeper)
{
	int64_t past_ms = clock_wall_ns() / CLOCK_NS_PER_MS % KEEPER_PERIOD_MS;

	loop_timer_start(keeper->options.env->loop, &keeper->timer, KEEPER_PERIOD_MS - past_ms,
			 on_second, keeper);
}

/* Alerts ---------------------------------------------------------------------------- */

static void tell(struct keeper *keeper, const struct alert *alert)
{
	const struct budget_options *options = &alert->entry->options;
	struct str gateway = keeper->snap->gateway_id;
	char id[ALERT_ID_SIZE], quoted[500];
	struct buf text;

	keeper->alerts++;
	log_warn(&keeper->log, "budget_alert",
		 "budget=%s unit=%s percent=%llu spent=%lld limit=%lld",
		 log_quote(options->name, quoted, sizeof(quoted)), budget_unit_name(options->unit),
		 (unsigned long long)alert->percent, (long long)alert->standing.spent,
		 (long long)options->limit);
	alert_id(alert, gateway, id);
	buf_init(&text, ALERT_TEXT_MAX);
	if (alert_text(alert, gateway, clock_wall_ns(), &text) == OK)
		webhook_send(keeper->webhook, str_from_c(id), buf_str(&text));
	else
		log_error(&keeper->log, "alert_too_long", "id=%s", id);
	buf_fini(&text);
}

static void tell_all(struct keeper *keeper, const struct budget_table *table)
{
	struct alert alert;

	for (size_t i = 0; i < budget_count(table); i++)
		while (alert_next(budget_at(table, i), &alert))
			tell(keeper, &alert);
}

static void on_second(void *arg)
{
	struct keeper *keeper = arg;
	const struct budget_table *table = keeper->snap->rules->budgets;

	/* Before the period that they belong to is over. */
	tell_all(keeper, table);
	budget_table_turn(table, wall_s());
	if (budget_history_is_wanted(table) &&
	    learn(keeper, keeper->snap, journal_durable_sequence(keeper->options.journal)) == OK)
		log_info(&keeper->log, "budgets_known", "budgets=%zu", budget_count(table));
	wait_for_second(keeper);
}

void keeper_take(struct keeper *keeper, struct snapshot *snap)
{
	struct snapshot *before = keeper->snap;

	keeper->snap = snapshot_ref(snap);
	snapshot_unref(before);
	budget_table_enforce(snap->rules->budgets);
	if (budget_count(snap->rules->budgets) == 0)
		loop_timer_stop(&keeper->timer);
	else if (!loop_timer_is_armed(&keeper->timer))
		wait_for_second(keeper);
}

void keeper_tell(struct keeper *keeper, const struct webhook_options *options)
{
	webhook_set(keeper->webhook, options);
}

struct keeper_stats keeper_stats(const struct keeper *keeper)
{
	return (struct keeper_stats){keeper->alerts, *webhook_stats(keeper->webhook)};
}

struct keeper *keeper_new(const struct keeper_options *options)
{
	struct keeper *keeper = base_alloc(sizeof(*keeper));

	keeper->options = *options;
	log_init(&keeper->log, options->log, "keeper");
	keeper->webhook = webhook_new(options->env, &keeper->log);
	return keeper;
}

void keeper_free(struct keeper *keeper)
{
	if (keeper == NULL)
		return;
	loop_timer_stop(&keeper->timer);
	webhook_free(keeper->webhook);
	snapshot_unref(keeper->snap);
	free(keeper);
}
