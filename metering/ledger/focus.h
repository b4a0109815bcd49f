/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A period as FOCUS 1.2 CSV (FinOps Open Cost and Usage Specification): a row
 * per UTC day, account, model and price line, all amounts exact.
 *
 * Ids and names have to be ASCII there: other bytes, controls, % and a first
 * character that a spreadsheet takes for a formula are written as %XX; Tags
 * keeps the originals. ListCost and ContractedCost are price times quantity,
 * EffectiveCost and BilledCost what was booked. A line without a price has no
 * row, for a cost of 0 would be untrue; the caller is told how many.
 *
 * Owns:    nothing.
 * Threads: any; pure.
 * Limits:  the buffer's maximum (ERR_LIMIT).
 */
#ifndef METERING_LEDGER_FOCUS_H
#define METERING_LEDGER_FOCUS_H

#include "base/buf.h"
#include "metering/ledger/report.h"

/* What has no row. */
struct focus_left_out {
	size_t lines;	/* of the report */
	__int128 calls; /* attempts, one for each of their unpriced lines */
};

/* The columns and days the export needs; the period stays as it is. */
void focus_query(struct report_query *query);
/* Of a report made by such a query. account: BillingAccountId and -Name. */
MUST_CHECK enum err focus_print(const struct report *report, struct str account, struct buf *out,
				struct focus_left_out *out_left);

#endif
