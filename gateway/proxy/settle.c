/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end of a call: what was consumed, what it costs, and the record of both,
 * durable before the client sees the last byte. Exactly one for each intent.
 */
#include "base/clock.h"
#include "gateway/proxy/event.h"
#include "gateway/proxy/request.h"
#include "gateway/proxy/reserve.h"
#include "gateway/proxy/worker.h"
#include "metering/usage/estimate.h"

#define SETTLE_FLAGS	9
#define SETTLE_RETRY_MS 1

static bool is_success(const struct request *req)
{
	return req->upstream_status >= 200 && req->upstream_status < 300;
}

/* A failed call without a report cost nothing; a successful one is never free: what the provider
 * did not say is estimated. Operations that are free stay so. */
static void settle_usage(struct request *req, struct usage *usage)
{
	usage_init(usage);
	if ((req->match.operation->flags & OP_METERED) == 0 || !req->relay.has_head)
		return;
	if (!is_success(req) && (dialect_rules(req->dialect) & DIALECT_BY_CALL) != 0)
		return;
	extract_finish(&req->extract, req->row_count, usage);
	if (is_success(req))
		estimate_complete(usage, &req->extract, req->input_estimate,
				  !extract_has_ended(&req->extract));
}

/* Sent whole, never answered: the client left or the time ran out while the upstream may be at
 * work. What was sent is billed as an estimate. */
static void settle_unanswered(struct request *req, struct cost *cost, struct usage *usage)
{
	*cost = req->floor;
	if ((dialect_rules(req->dialect) & DIALECT_BY_CALL) == 0)
		usage->counts[METER_IN_TEXT_UNCACHED] = req->input_estimate;
	usage->source = USAGE_ESTIMATE;
}

static enum err settle_cost(struct request *req, struct usage *usage, struct cost *cost)
{
	struct price_key key = reserve_price_key(req, usage_model(usage), usage_tier(usage));
	struct cost_item items[METER_COUNT];
	const struct price_set *set;

	if (!req->relay.has_head && req->attempt.is_sent_whole &&
	    (req->match.operation->flags & OP_METERED) != 0) {
		settle_unanswered(req, cost, usage);
		return OK;
	}
	if (usage->geo_len > 0)
		key.region = usage_geo(usage);
	for (unsigned i = 0; i < METER_COUNT; i++)
		items[i] =
			(struct cost_item){str_from_c(meter_name((enum meter)i)), usage->counts[i]};
	set = price_find_set(req->snap->rules->prices, &key, req->started_ns, usage_input(usage));
	return cost_compute(set, items, METER_COUNT, cost);
}

static void count_settle(struct request *req, const struct usage *usage, const struct cost *cost)
{
	struct worker_stats *stats = &req->worker->stats;

	stat_add(&stats->settles, 1);
	stat_add(&stats->estimated, usage->source == USAGE_ESTIMATE ? 1 : 0);
	stat_add(&stats->unpriced, cost->has_unpriced ? 1 : 0);
	stat_add(&stats->tokens_in, (uint64_t)usage_input(usage));
	stat_add(&stats->tokens_out, (uint64_t)usage_output(usage));
	stat_add(&stats->cost_nano, (uint64_t)cost_nano_up(cost->pico));
}

static size_t settle_flags(const struct usage *usage, const struct cost *cost,
			   struct str out[static SETTLE_FLAGS])
{
	size_t count = 0;

	for (unsigned flag = 1; flag < USAGE_FLAGS_END; flag <<= 1)
		if ((usage->flags & flag) != 0)
			out[count++] = str_from_c(usage_flag_name((enum usage_flag)flag));
	if (cost->has_unpriced)
		out[count++] = STR("unpriced");
	return count;
}

static enum err append_settle(struct request *req)
{
	struct worker *worker = req->worker;
	struct str flags[SETTLE_FLAGS];
	struct usage usage;
	struct cost cost = {0};
	struct event_settle settle = {.cost = &cost, .flags = flags, .outcome = req->outcome};
	enum err err;

	settle_usage(req, &usage);
	err = settle_cost(req, &usage, &cost);
	if (err != OK) {
		/* Counts beyond every bound: they came from outside. Recorded without a price. */
		cost = (struct cost){.has_unpriced = true, .currency = STR("")};
		usage.flags |= USAGE_INCONSISTENT;
	}
	settle.flag_count = settle_flags(&usage, &cost, flags);
	if (req->relay.is_outrun || hold_is_outrun(req, &usage, &cost))
		flags[settle.flag_count++] = STR("estimate_overrun");
	settle.model_served = usage_model(&usage);
	settle.usage_source = str_from_c(usage_source_name(usage.source));
	settle.status = req->upstream_status;
	settle.duration_ms = (loop_now_ns(worker->loop) - req->started_mono_ns) / CLOCK_NS_PER_MS;
	buf_reset(&worker->record);
	err = event_settle(&worker->record, req, loop_wall_ns(worker->loop), &settle);
	ASSERT(err == OK);
	err = journal_append(worker->writer, RECORD_SETTLE, &req->key, buf_str(&worker->record),
			     &req->position);
	if (err == OK) {
		count_settle(req, &usage, &cost);
		hold_settle(req, &usage, &cost);
		req->cost_pico = cost.pico;
		req->cost_currency = cost.has_unpriced ? STR("") : cost.currency;
	}
	return err;
}

static void on_retry(void *arg)
{
	request_run(arg);
}

enum step settle_run(struct request *req)
{
	if (!req->is_settled) {
		/* The ring is full only while the disk stands still: nothing is dropped for that.
		 */
		if (append_settle(req) != OK) {
			loop_timer_start(req->worker->loop, &req->timer, SETTLE_RETRY_MS, on_retry,
					 req);
			return STEP_WAIT;
		}
		req->is_settled = true;
		worker_wait_durable(req->worker, req);
	}
	if (req->is_waiting)
		return STEP_WAIT;
	loop_timer_stop(&req->timer);
	if (req->down == NULL)
		request_enter(req, REQ_DONE);
	else if (req->has_answer)
		request_enter(req, REQ_REPLY);
	else
		request_enter(req, REQ_FINISH);
	return STEP_NEXT;
}
