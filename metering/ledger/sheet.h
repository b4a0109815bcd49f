/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A report as text: a table for people, CSV (RFC 4180) and JSON for programs.
 * CSV and JSON give every amount exactly, as decimal text; the table rounds
 * each line once, such that its lines add up to the rounded total, and gives
 * the exact totals below.
 *
 * CSV columns: period_from, period_to, as_of, the report's own in its order,
 * requests, attempts, quantity, cost, currency, estimated_cost, unpriced,
 * time_zone, price_books (versions, with spaces between).
 * A text that a spreadsheet would take for a formula gets a ' in front.
 *
 * Owns:    nothing.
 * Threads: any; pure.
 * Limits:  the buffer's maximum (ERR_LIMIT).
 */
#ifndef METERING_LEDGER_SHEET_H
#define METERING_LEDGER_SHEET_H

#include "base/buf.h"
#include "metering/ledger/report.h"

enum sheet_format {
	SHEET_TABLE,
	SHEET_CSV,
	SHEET_JSON,
};

#define SHEET_DECIMALS 6 /* of a table's costs */

/* ERR_NOT_FOUND: no such format. */
MUST_CHECK enum err sheet_parse_format(struct str text, enum sheet_format *out_format);
MUST_CHECK enum err sheet_print(const struct report *report, enum sheet_format format,
				unsigned decimals, struct buf *out);
/* What stands above a table: period, as-of, currencies, price books, what is in doubt. */
MUST_CHECK enum err sheet_print_head(const struct report *report, struct buf *out);
/* One cell of CSV: quoted where needed, no formula. */
MUST_CHECK enum err sheet_put_csv(struct buf *out, struct str s);
/* For a terminal: control characters could move its cursor. */
MUST_CHECK enum err sheet_put_printable(struct buf *out, struct str s);

#endif
