/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/proxy/hold.h"

#include <stdatomic.h>

#include "base/clock.h"
#include "gateway/proxy/request.h"
#include "gateway/proxy/worker.h"

#define NANO_PER_MICRO 1000

/* A call without a price, or in another currency, cannot be counted in money. */
static bool is_countable(const struct request *req, const struct budget_entry *entry)
{
	return entry->options.unit != BUDGET_MONEY ||
	       (req->match.operation->flags & OP_METERED) == 0 ||
	       str_eq(req->bound_currency, entry->options.currency);
}

static int64_t bound_of(const struct request *req, enum budget_unit unit)
{
	switch (unit) {
	case BUDGET_MONEY: return cost_nano_up(req->bound_pico);
	case BUDGET_REQUESTS: return 1;
	case BUDGET_TOKENS: return MIN(req->bound_tokens, BUDGET_MAX);
	case BUDGET_UNITS: break;
	}
	return 0;
}

/* Policy ---------------------------------------------------------------------------- */

static int64_t micro_of(int64_t nano)
{
	return nano / NANO_PER_MICRO - (nano % NANO_PER_MICRO < 0);
}

/* The money budget of the call that has the least left; NULL: it touches none. */
static const struct budget_entry *find_binding(const struct request *req, int64_t *out_remaining)
{
	struct budget_subject subject = budget_subject_of(req->principal, req->model);
	struct budget_walk walk = {.table = req->snap->rules->budgets, .subject = &subject};
	const struct budget_entry *entry, *binding = NULL;

	while ((entry = budget_walk_next(&walk)) != NULL) {
		int64_t remaining;

		if (entry->options.unit != BUDGET_MONEY)
			continue;
		remaining = budget_entry_remaining(entry);
		if (binding != NULL && remaining >= *out_remaining)
			continue;
		binding = entry;
		*out_remaining = remaining;
	}
	return binding;
}

bool hold_standing(const struct request *req, int64_t *out_remaining_micro, bool *out_is_hard)
{
	int64_t remaining = 0;
	const struct budget_entry *entry = find_binding(req, &remaining);

	if (entry == NULL)
		return false;
	*out_remaining_micro = micro_of(remaining);
	*out_is_hard = entry->options.is_hard;
	return true;
}

struct str hold_remaining_text(struct request *req)
{
	int64_t remaining = 0;
	const struct budget_entry *entry = find_binding(req, &remaining);
	char text[COST_TEXT];

	if (entry == NULL)
		return (struct str){0};
	(void)cost_print((struct cost_sum){(__int128)remaining * COST_PICO_PER_NANO}, text);
	return arena_printf(&req->arena, "%s " STR_FMT, text, STR_ARG(entry->options.currency));
}

/* Refusals ---------------------------------------------------------------------------- */

static enum err refuse(struct request *req, const struct budget_entry *entry, struct answer answer,
		       const char *why)
{
	char quoted[300];

	answer.message = arena_printf(&req->arena, "budget \"" STR_FMT "\": %s",
				      STR_ARG(entry->options.name), why);
	request_fail(req, &answer);
	stat_add(&req->worker->stats.over_budget, 1);
	log_info(&req->log, "over_budget", "budget=%s code=" STR_FMT,
		 log_quote(entry->options.name, quoted, sizeof(quoted)), STR_ARG(answer.code));
	return answer.err;
}

/* When the call would fit: at once, if only calls in flight are in the way; else, at the latest,
 * when the period ends. */
static unsigned retry_after_s(const struct request *req, const struct budget_entry *entry,
			      int64_t amount)
{
	struct budget_standing standing;
	int64_t left_s;

	budget_read(entry->account->budget, &standing);
	if (standing.spent <= entry->options.limit - amount)
		return 1;
	/* One call that is larger than the whole says nothing of what is spent. */
	if (amount <= entry->options.limit)
		atomic_store(&entry->account->is_short, true);
	left_s = standing.period.to_s - loop_wall_ns(req->worker->loop) / CLOCK_NS_PER_S;
	return (unsigned)MAX(MIN(left_s, HOLD_RETRY_AFTER_S), 1);
}

static enum err refuse_full(struct request *req, const struct budget_entry *entry, int64_t amount)
{
	static const char *const spent[] = {
		[BUDGET_MONEY] = "what is left of it is less than this call may cost",
		[BUDGET_REQUESTS] = "all its requests are used",
		[BUDGET_TOKENS] = "what is left of it is less than the tokens this call may take",
	};
	bool is_rate =
		entry->options.unit != BUDGET_MONEY && entry->options.window.kind == WINDOW_MINUTE;
	struct answer answer = {
		.err = ERR_QUOTA,
		.code = is_rate ? STR("rate_limited") : STR("budget_exceeded"),
		.retry_after_s = retry_after_s(req, entry, amount),
	};

	if (amount > entry->options.limit)
		return refuse(req, entry, answer,
			      "this call may take more than all of it; give it a smaller output "
			      "bound");
	return refuse(req, entry, answer, spent[entry->options.unit]);
}

static enum err refuse_uncounted(struct request *req, const struct budget_entry *entry)
{
	struct answer answer = {.err = ERR_DENIED, .code = STR("model_unpriced")};

	if (!str_is_set(req->bound_currency) || req->bound_currency.len == 0)
		return refuse(req, entry, answer,
			      "the model has no price, so its calls cannot be counted");
	answer.code = STR("budget_currency");
	return refuse(req, entry, answer, "the model's price is in another currency");
}

static enum err refuse_unknown(struct request *req, const struct budget_entry *entry)
{
	return refuse(req, entry,
		      (struct answer){.err = ERR_UNAVAILABLE, .code = STR("budget_unavailable")},
		      "what was spent of it is not known yet");
}

/* Holds --------------------------------------------------------------------------------- */

static enum err take_one(struct request *req, const struct budget_entry *entry)
{
	int64_t amount = bound_of(req, entry->options.unit);
	int64_t begun_s = req->started_ns / CLOCK_NS_PER_S;
	struct hold *hold = &req->holds[req->hold_count];

	if (req->hold_count == HOLD_ENTRIES)
		return refuse(req, entry,
			      (struct answer){.err = ERR_DENIED, .code = STR("too_many_budgets")},
			      "the call touches too many budgets to be counted");
	if (entry->options.is_hard && !is_countable(req, entry))
		return refuse_uncounted(req, entry);
	/* A soft one begins to count when its past is known, so that nothing counts twice. */
	if (!budget_entry_is_known(entry))
		return entry->options.is_hard ? refuse_unknown(req, entry) : OK;
	if (budget_reserve(entry->account->budget, amount, begun_s, &hold->hold) != OK)
		return refuse_full(req, entry, amount);
	hold->entry = entry;
	req->hold_count++;
	return OK;
}

enum err hold_take(struct request *req)
{
	struct budget_subject subject = budget_subject_of(req->principal, req->model);
	struct budget_walk walk = {.table = req->snap->rules->budgets, .subject = &subject};
	const struct budget_entry *entry = budget_walk_next(&walk);
	enum err err = OK;

	if (entry == NULL)
		return OK;
	req->holds = arena_array(&req->arena, HOLD_ENTRIES, sizeof(*req->holds));
	if (req->holds == NULL)
		return refuse(
			req, entry,
			(struct answer){.err = ERR_UNAVAILABLE, .code = STR("budget_unavailable")},
			"there is no room to count the call");
	for (; err == OK && entry != NULL; entry = budget_walk_next(&walk))
		err = take_one(req, entry);
	if (err != OK)
		hold_release(req);
	return err;
}

/* What has no price, or a price in another currency, was at least what was held for it. */
static int64_t money_spent(const struct hold *hold, const struct cost *cost)
{
	int64_t nano = cost_nano_up(cost->pico);
	bool is_counted =
		!cost->has_unpriced &&
		(cost->pico == 0 || str_eq(cost->currency, hold->entry->options.currency));

	return is_counted ? nano : MAX(nano, hold->hold.amount);
}

static int64_t spent_of(const struct hold *hold, const struct usage *usage, const struct cost *cost)
{
	switch (hold->entry->options.unit) {
	case BUDGET_MONEY: return money_spent(hold, cost);
	case BUDGET_REQUESTS: return 1;
	case BUDGET_TOKENS: return MIN(usage_input(usage) + usage_output(usage), BUDGET_MAX);
	case BUDGET_UNITS: break;
	}
	return 0;
}

bool hold_is_bounded(const struct request *req)
{
	for (unsigned i = 0; i < req->hold_count; i++) {
		const struct budget_options *options = &req->holds[i].entry->options;

		if (options->is_hard && options->unit != BUDGET_REQUESTS)
			return true;
	}
	return false;
}

bool hold_is_outrun(const struct request *req, const struct usage *usage, const struct cost *cost)
{
	for (unsigned i = 0; i < req->hold_count; i++)
		if (spent_of(&req->holds[i], usage, cost) > req->holds[i].hold.amount)
			return true;
	return false;
}

void hold_settle(struct request *req, const struct usage *usage, const struct cost *cost)
{
	for (unsigned i = 0; i < req->hold_count; i++) {
		const struct hold *hold = &req->holds[i];

		budget_settle(hold->entry->account->budget, &hold->hold,
			      spent_of(hold, usage, cost));
	}
	req->hold_count = 0;
}

void hold_release(struct request *req)
{
	for (unsigned i = 0; i < req->hold_count; i++)
		budget_settle(req->holds[i].entry->account->budget, &req->holds[i].hold, 0);
	req->hold_count = 0;
}
