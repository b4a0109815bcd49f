/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of a period cannot be charged to somebody or is not known for sure, by
 * reason: calls without business unit, team, project or caller, without a
 * price, estimated, without usage. A call can stand under several reasons, so
 * the lines do not add up and have no total.
 *
 * Owns:    nothing.
 * Threads: any; pure.
 * Limits:  the buffer's maximum (ERR_LIMIT).
 */
#ifndef METERING_LEDGER_UNALLOCATED_H
#define METERING_LEDGER_UNALLOCATED_H

#include "base/buf.h"
#include "metering/ledger/sheet.h"

/* The columns it needs; the period stays as it is. */
void unallocated_query(struct report_query *query);
/* Of a report made by such a query. */
MUST_CHECK enum err unallocated_print(const struct report *report, enum sheet_format format,
				      struct buf *out);

#endif
