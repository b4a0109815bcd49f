/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a request holds in the budgets it touches: the most it can cost, from
 * before its intent until its settle, when what it did cost is counted instead.
 *
 * Owns:    nothing; holds live in the request's arena.
 * Threads: the request's worker.
 * Limits:  a call touches at most HOLD_ENTRIES limits.
 */
#ifndef GATEWAY_PROXY_HOLD_H
#define GATEWAY_PROXY_HOLD_H

#include "gateway/proxy/budget_table.h"
#include "metering/money/cost.h"
#include "metering/usage/usage.h"

#define HOLD_ENTRIES	   64
#define HOLD_RETRY_AFTER_S 86400 /* a period may end in a month: nobody waits so long */

struct request;

struct hold {
	const struct budget_entry *entry; /* snapshot; held by req->snap */
	struct budget_hold hold;
};

/* The most binding money budget of the call, for policy; false: it touches none. */
bool hold_standing(const struct request *req, int64_t *out_remaining_micro, bool *out_is_hard);
/* The same as a text for the caller, "4999.98 USD"; unset: it touches none, or no room in the
 * arena.
 */
struct str hold_remaining_text(struct request *req);
/* All or nothing: an error has set the request's answer. */
MUST_CHECK enum err hold_take(struct request *req);
/* Does a hard budget hold the call to its output bound? */
bool hold_is_bounded(const struct request *req);
/* Did the call take more than is held for it? */
bool hold_is_outrun(const struct request *req, const struct usage *usage, const struct cost *cost);
/* Gives everything back and counts what was consumed. */
void hold_settle(struct request *req, const struct usage *usage, const struct cost *cost);
/* Gives everything back: the call was not sent. */
void hold_release(struct request *req);

#endif
