/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/admin/metrics.h"

#include <inttypes.h>

enum kind {
	KIND_COUNTER,
	KIND_GAUGE,
};

/* One row per counter of worker_stats: where it stands, and what it is called. */
static const struct {
	size_t offset;
	enum kind kind;
	const char *name;
	const char *labels; /* "" or {…} */
	const char *help;
} worker_rows[] = {
#define ROW(field, kind, name, labels, help)                                                       \
	{                                                                                          \
		offsetof(struct worker_stats, field), kind, name, labels, help                     \
	}
	ROW(connections, KIND_COUNTER, "tollgate_connections_total", "", "Client connections."),
	ROW(open, KIND_GAUGE, "tollgate_connections_open", "", "Client connections open now."),
	ROW(refused, KIND_COUNTER, "tollgate_connections_refused_total", "",
	    "Connections over the cap."),
	ROW(bad_requests, KIND_COUNTER, "tollgate_bad_requests_total", "",
	    "Messages that did not parse."),
	ROW(requests, KIND_COUNTER, "tollgate_requests_total", "", "Requests begun."),
	ROW(in_flight, KIND_GAUGE, "tollgate_requests_in_flight", "", "Requests open now."),
	ROW(answers[0], KIND_COUNTER, "tollgate_answers_total", "{class=\"broken\"}",
	    "Answers by status class."),
	ROW(answers[2], KIND_COUNTER, "tollgate_answers_total", "{class=\"2xx\"}", NULL),
	ROW(answers[3], KIND_COUNTER, "tollgate_answers_total", "{class=\"3xx\"}", NULL),
	ROW(answers[4], KIND_COUNTER, "tollgate_answers_total", "{class=\"4xx\"}", NULL),
	ROW(answers[5], KIND_COUNTER, "tollgate_answers_total", "{class=\"5xx\"}", NULL),
	ROW(own_answers, KIND_COUNTER, "tollgate_own_answers_total", "",
	    "Answers made by the gateway itself."),
	ROW(denied, KIND_COUNTER, "tollgate_denied_total", "", "Calls denied by policy."),
	ROW(over_budget, KIND_COUNTER, "tollgate_over_budget_total", "",
	    "Calls that policy allows and a budget does not."),
	ROW(nonconforming, KIND_COUNTER, "tollgate_nonconforming_total", "",
	    "Calls denied because caller or call do not fit the policy schema."),
	ROW(unauthentic, KIND_COUNTER, "tollgate_unauthentic_total", "",
	    "Requests without a valid credential."),
	ROW(attempts, KIND_COUNTER, "tollgate_upstream_attempts_total", "",
	    "Requests sent to upstreams."),
	ROW(retries, KIND_COUNTER, "tollgate_upstream_retries_total", "", "Attempts repeated."),
	ROW(settles, KIND_COUNTER, "tollgate_settles_total", "", "Calls settled."),
	ROW(estimated, KIND_COUNTER, "tollgate_settles_estimated_total", "",
	    "Calls settled by estimate."),
	ROW(unpriced, KIND_COUNTER, "tollgate_settles_unpriced_total", "",
	    "Calls settled without a price."),
	ROW(tokens_in, KIND_COUNTER, "tollgate_tokens_total", "{direction=\"in\"}",
	    "Tokens consumed."),
	ROW(tokens_out, KIND_COUNTER, "tollgate_tokens_total", "{direction=\"out\"}", NULL),
	ROW(cost_nano, KIND_COUNTER, "tollgate_cost_nano_total", "",
	    "Cost in nano-currency, rounded up per call; reports are exact."),
	ROW(bytes_in, KIND_COUNTER, "tollgate_body_bytes_total", "{direction=\"in\"}",
	    "Body bytes relayed."),
	ROW(bytes_out, KIND_COUNTER, "tollgate_body_bytes_total", "{direction=\"out\"}", NULL),
#undef ROW
};

static const struct {
	size_t offset;
	const char *name;
	const char *help;
} histogram_rows[] = {
#define ROW(field, name, help)                                                                     \
	{                                                                                          \
		offsetof(struct worker_stats, field), name, help                                   \
	}
	ROW(duration, "tollgate_request_duration_seconds", "Head to last byte."),
	ROW(first_byte, "tollgate_time_to_first_byte_seconds", "Head to the answer's head."),
	ROW(decide, "tollgate_decide_duration_seconds", "Route, estimate and policy."),
	ROW(durable, "tollgate_intent_durable_seconds", "Head to durable intent."),
#undef ROW
};

static enum err put_value(struct buf *out, const char *name, const char *labels, enum kind kind,
			  const char *help, uint64_t value)
{
	enum err err = OK;

	if (help != NULL)
		err = buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name,
				 kind == KIND_COUNTER ? "counter" : "gauge");
	return err != OK ? err : buf_printf(out, "%s%s %" PRIu64 "\n", name, labels, value);
}

static const void *field_of(const struct worker *worker, size_t offset)
{
	return (const char *)&worker->stats + offset;
}

static enum err put_workers(struct buf *out, const struct metrics_sources *sources)
{
	enum err err = OK;

	for (size_t i = 0; err == OK && i < ARRAY_LEN(worker_rows); i++) {
		uint64_t sum = 0;

		for (size_t w = 0; w < sources->worker_count; w++)
			sum += stat_read(field_of(sources->workers[w], worker_rows[i].offset));
		err = put_value(out, worker_rows[i].name, worker_rows[i].labels,
				worker_rows[i].kind, worker_rows[i].help, sum);
	}
	return err;
}

/* Seconds from whole microseconds, in integers. */
static enum err put_seconds(struct buf *out, uint64_t us)
{
	return buf_printf(out, "%" PRIu64 ".%06" PRIu64, us / 1000000, us % 1000000);
}

static enum err put_histogram(struct buf *out, const struct stat_histogram *const *parts,
			      size_t count, const char *name, const char *help)
{
	uint64_t total = 0, sum_us = 0, all = 0;
	enum err err = buf_printf(out, "# HELP %s %s\n# TYPE %s histogram\n", name, help, name);

	for (size_t p = 0; p < count; p++) {
		all += stat_read(&parts[p]->count);
		sum_us += stat_read(&parts[p]->sum_us);
	}
	for (unsigned b = 0; err == OK && b < STAT_BUCKETS; b++) {
		for (size_t p = 0; p < count; p++)
			total += stat_read(&parts[p]->buckets[b]);
		err = buf_printf(out, "%s_bucket{le=\"", name);
		if (err == OK)
			err = put_seconds(out, stat_bucket_us(b));
		if (err == OK)
			err = buf_printf(out, "\"} %" PRIu64 "\n", total);
		/* A scrape beside running workers: the last bucket never says more than the count.
		 */
		if (total >= all)
			break;
	}
	all = MAX(all, total);
	if (err == OK)
		err = buf_printf(out, "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n%s_sum ", name, all,
				 name);
	if (err == OK)
		err = put_seconds(out, sum_us);
	return err != OK ? err : buf_printf(out, "\n%s_count %" PRIu64 "\n", name, all);
}

static enum err put_histograms(struct buf *out, const struct metrics_sources *sources)
{
	const struct stat_histogram *parts[JOURNAL_WRITERS];
	size_t count = MIN(sources->worker_count, ARRAY_LEN(parts));
	enum err err = OK;

	for (size_t i = 0; err == OK && i < ARRAY_LEN(histogram_rows); i++) {
		for (size_t w = 0; w < count; w++)
			parts[w] = field_of(sources->workers[w], histogram_rows[i].offset);
		err = put_histogram(out, parts, count, histogram_rows[i].name,
				    histogram_rows[i].help);
	}
	return err;
}

static enum err put_journal(struct buf *out, const struct metrics_sources *sources)
{
	const struct journal_stats *stats = journal_stats(sources->journal);
	const struct stat_histogram *sync = &stats->sync;
	enum err err = put_value(out, "tollgate_journal_records_total", "", KIND_COUNTER,
				 "Records made durable.", stat_read(&stats->records));

	if (err == OK)
		err = put_value(out, "tollgate_journal_groups_total", "", KIND_COUNTER,
				"Groups: one write and one sync each.", stat_read(&stats->groups));
	if (err == OK)
		err = put_value(out, "tollgate_journal_bytes_total", "", KIND_COUNTER,
				"Bytes made durable.", stat_read(&stats->bytes));
	if (err == OK)
		err = put_value(out, "tollgate_journal_failures_total", "", KIND_COUNTER,
				"Writes or syncs that failed.", stat_read(&stats->failures));
	if (err == OK)
		err = put_value(out, "tollgate_journal_admits", "", KIND_GAUGE,
				"1 while new calls can be recorded.",
				journal_admits(sources->journal) ? 1 : 0);
	if (err == OK)
		err = put_value(out, "tollgate_journal_ring_bytes", "", KIND_GAUGE,
				"Bytes on their way to disk.",
				journal_ring_bytes(sources->journal));
	return err != OK ? err
			 : put_histogram(out, &sync, 1, "tollgate_journal_sync_seconds",
					 "One write and one sync.");
}

static enum err put_ledger(struct buf *out, const struct metrics_sources *sources)
{
	const struct ledger_stats *stats = ledger_stats(sources->ledger);
	enum err err = put_value(out, "tollgate_ledger_settled_total", "", KIND_COUNTER,
				 "Settle records booked.", stat_read(&stats->settled));

	if (err == OK)
		err = put_value(out, "tollgate_ledger_rejected_total", "", KIND_COUNTER,
				"Settle records that could not be booked.",
				stat_read(&stats->rejected));
	if (err == OK)
		err = put_value(out, "tollgate_ledger_errors_total", "", KIND_COUNTER,
				"Failed reads, commits and publications.",
				stat_read(&stats->errors));
	if (err == OK)
		err = put_value(out, "tollgate_ledger_rewinds_total", "", KIND_COUNTER,
				"Times the shared store was found behind.",
				stat_read(&stats->rewinds));
	return err != OK
		       ? err
		       : put_value(out, "tollgate_ledger_lag_records", "", KIND_GAUGE,
				   "Booked but not yet published.", stat_read(&stats->lag_records));
}

static enum err put_authzen(struct buf *out, const struct authzen_stats *stats)
{
	static const char name[] = "tollgate_authzen_evaluations_total";
	enum err err = put_value(out, name, "{answer=\"allow\"}", KIND_COUNTER,
				 "Questions of other services.", stats->allowed);

	if (err == OK)
		err = put_value(out, name, "{answer=\"deny\"}", KIND_COUNTER, NULL, stats->denied);
	return err != OK ? err
			 : put_value(out, name, "{answer=\"refused\"}", KIND_COUNTER, NULL,
				     stats->refused);
}

/* A budget's name is the operator's text, whatever stands in it. */
static enum err put_label(struct buf *out, struct str text)
{
	enum err err = OK;

	for (size_t i = 0; err == OK && i < text.len; i++) {
		char c = text.ptr[i];

		if (c == '"' || c == '\\')
			err = buf_append_byte(out, '\\');
		if (err == OK)
			err = buf_append_byte(out, c == '\n' ? ' ' : c);
	}
	return err;
}

enum budget_figure {
	FIGURE_LIMIT,
	FIGURE_SPENT,
	FIGURE_HELD,
	FIGURE_COUNT,
};

static const struct {
	const char *name;
	const char *help;
} budget_rows[FIGURE_COUNT] = {
	[FIGURE_LIMIT] = {"tollgate_budget_limit",
			  "What a budget allows in its period; money in nano-currency."},
	[FIGURE_SPENT] = {"tollgate_budget_spent", "What was spent of it in the running period."},
	[FIGURE_HELD] = {"tollgate_budget_held", "What calls in flight may still spend."},
};

static enum err put_budget(struct buf *out, const struct budget_entry *entry,
			   enum budget_figure figure)
{
	struct budget_standing standing;
	int64_t values[FIGURE_COUNT];
	enum err err = buf_printf(out, "%s{budget=\"", budget_rows[figure].name);

	budget_read(entry->account->budget, &standing);
	values[FIGURE_LIMIT] = entry->options.limit;
	values[FIGURE_SPENT] = standing.spent;
	values[FIGURE_HELD] = standing.held;
	if (err == OK)
		err = put_label(out, entry->options.name);
	return err != OK ? err
			 : buf_printf(out, "\",unit=\"%s\",mode=\"%s\"} %" PRId64 "\n",
				      budget_unit_name(entry->options.unit),
				      entry->options.is_hard ? "hard" : "soft", values[figure]);
}

static enum err put_alerts(struct buf *out, const struct keeper_stats *stats)
{
	static const char name[] = "tollgate_budget_webhooks_total";
	enum err err = put_value(out, "tollgate_budget_alerts_total", "", KIND_COUNTER,
				 "Thresholds that budgets have come to.", stats->alerts);

	if (err == OK)
		err = put_value(out, name, "{result=\"sent\"}", KIND_COUNTER,
				"What became of the messages about them.", stats->webhook.sent);
	if (err == OK)
		err = put_value(out, name, "{result=\"retried\"}", KIND_COUNTER, NULL,
				stats->webhook.retried);
	return err != OK ? err
			 : put_value(out, name, "{result=\"dropped\"}", KIND_COUNTER, NULL,
				     stats->webhook.dropped);
}

static enum err put_budgets(struct buf *out, const struct budget_table *table)
{
	size_t count = budget_count(table), told = MIN(count, (size_t)METRICS_BUDGETS);
	enum err err = OK;

	for (unsigned f = 0; err == OK && count > 0 && f < FIGURE_COUNT; f++) {
		err = buf_printf(out, "# HELP %s %s\n# TYPE %s gauge\n", budget_rows[f].name,
				 budget_rows[f].help, budget_rows[f].name);
		for (size_t i = 0; err == OK && i < told; i++)
			err = put_budget(out, budget_at(table, i), (enum budget_figure)f);
	}
	return err != OK ? err
			 : put_value(out, "tollgate_budgets_untold", "", KIND_GAUGE,
				     "Budgets beyond those that have figures here.", count - told);
}

enum err metrics_write(struct buf *out, const struct metrics_sources *sources)
{
	enum err err = put_workers(out, sources);

	if (err == OK)
		err = put_histograms(out, sources);
	if (err == OK)
		err = put_journal(out, sources);
	if (err == OK)
		err = put_ledger(out, sources);
	if (err == OK)
		err = put_budgets(out, sources->budgets);
	if (err == OK)
		err = put_alerts(out, &sources->keeper);
	if (err == OK)
		err = put_authzen(out, sources->authzen);
	if (err == OK)
		err = put_value(out, "tollgate_reloads_total", "", KIND_COUNTER,
				"Configurations taken over.", sources->reloads);
	return err != OK ? err
			 : put_value(out, "tollgate_reloads_failed_total", "", KIND_COUNTER,
				     "Configurations refused.", sources->failed_reloads);
}
