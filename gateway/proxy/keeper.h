/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keeper of the budgets: puts the limits of the newest snapshot in force,
 * tells its accounts what was spent before, and moves them into their next
 * period as the clock goes. What has come to a threshold is logged and sent on.
 *
 * Owns:    a snapshot reference, its timer, the webhook. Borrows the journal.
 * Threads: main.
 * Limits:  looks once a second, at its beginning; keeper_learn blocks for at most
 *          wait_ms.
 */
#ifndef GATEWAY_PROXY_KEEPER_H
#define GATEWAY_PROXY_KEEPER_H

#include "base/log.h"
#include "gateway/proxy/snapshot.h"
#include "gateway/proxy/webhook.h"
#include "metering/journal/journal.h"
#include "metering/ledger/ledger.h"

struct keeper;

struct keeper_options {
	const struct conn_env *env;
	const struct log *log; /* borrowed: the parent of the keeper's */
	const struct journal *journal;
	const struct ledger_options *ledger; /* borrowed */
};

struct keeper_stats {
	uint64_t alerts;
	struct webhook_stats webhook;
};

struct keeper *keeper_new(const struct keeper_options *options);
void keeper_free(struct keeper *keeper);
/* Before workers see snap: what its new accounts spent so far. Hard budgets that it is not known of
 * in time refuse until it is. */
void keeper_learn(struct keeper *keeper, const struct snapshot *snap, int64_t wait_ms);
/* The snapshot that workers see from now on. */
void keeper_take(struct keeper *keeper, struct snapshot *snap);
/* Where alerts go from now on; options must stay until the next call. */
void keeper_tell(struct keeper *keeper, const struct webhook_options *options);
struct keeper_stats keeper_stats(const struct keeper *keeper);

#endif
