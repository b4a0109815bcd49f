/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was spent before: the ledger's totals of the running periods, put into
 * the accounts that do not know it yet.
 *
 *     journal ─► ledger thread ─► book ──(has it come so far?)──► account, hour by hour
 *
 * The book counts by hours of UTC: of a period that begins within one, the whole
 * hour counts.
 *
 * Owns:    nothing.
 * Threads: the keeper's (main): it reads SQLite.
 * Limits:  the book of this gateway alone.
 */
#ifndef GATEWAY_PROXY_BUDGET_HISTORY_H
#define GATEWAY_PROXY_BUDGET_HISTORY_H

#include "gateway/proxy/budget_table.h"
#include "metering/ledger/store.h"

/* Is there an account that does not know what was spent? */
bool budget_history_is_wanted(const struct budget_table *table);
/* ERR_UNAVAILABLE: the book has not come to `sequence` of the journal yet; nothing was changed.
 * Other errors are the book's. */
MUST_CHECK enum err budget_history_read(const struct budget_table *table,
					const struct model_table *models,
					const struct ledger_options *ledger, uint64_t sequence,
					int64_t wall_s, struct diag *diag);

#endif
