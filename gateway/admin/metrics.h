/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program's counters as Prometheus text, summed over the workers on read.
 * Labels are bounded: nothing a caller sends becomes one.
 *
 * Owns:    nothing; the sources are borrowed.
 * Threads: main.
 * Limits:  the buffer's; METRICS_BUDGETS budgets, the others are only counted.
 */
#ifndef GATEWAY_ADMIN_METRICS_H
#define GATEWAY_ADMIN_METRICS_H

#include "base/buf.h"
#include "gateway/admin/authzen.h"
#include "gateway/proxy/keeper.h"
#include "gateway/proxy/worker.h"
#include "metering/ledger/ledger.h"

#define METRICS_BUDGETS 256

struct metrics_sources {
	struct worker *const *workers;
	size_t worker_count;
	const struct journal *journal;
	const struct ledger *ledger;
	const struct budget_table *budgets;
	struct keeper_stats keeper;
	uint64_t reloads, failed_reloads;
	const struct authzen_stats *authzen;
};

MUST_CHECK enum err metrics_write(struct buf *out, const struct metrics_sources *sources);

#endif
