/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Alerts: a budget has come to a part of its limit that somebody wants to hear
 * of. Once per threshold and period; a limit that was raised arms those again
 * that are not reached any more. A hard budget that had to refuse a call for what
 * is spent has come to 100 percent, whatever is left of it.
 *
 * Owns:    nothing; what was told stands in the account.
 * Threads: the keeper's (main).
 * Limits:  ALERT_TEXT_MAX bytes of text.
 */
#ifndef GATEWAY_PROXY_ALERT_H
#define GATEWAY_PROXY_ALERT_H

#include "base/buf.h"
#include "gateway/proxy/budget_table.h"

#define ALERT_TEXT_MAX 4096
#define ALERT_ID_SIZE  40

struct alert {
	const struct budget_entry *entry;
	uint64_t percent;
	struct budget_standing standing;
};

/* The next threshold that is reached and was not told; it counts as told from now on. */
bool alert_next(const struct budget_entry *entry, struct alert *out);
/* The same for the same threshold, limit and period of the same gateway. */
void alert_id(const struct alert *alert, struct str gateway, char out[static ALERT_ID_SIZE]);
/* A JSON document; ERR_LIMIT when the names are too long for it. */
MUST_CHECK enum err alert_text(const struct alert *alert, struct str gateway, int64_t wall_ns,
			       struct buf *out);

#endif
