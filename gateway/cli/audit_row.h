/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One journal record as people read it: the columns of `tollgate audit`.
 *
 * Owns:    nothing; every column is text inside the struct.
 * Threads: any; pure.
 * Limits:  a column is cut at AUDIT_TEXT_BYTES; bytes that could move a
 *          terminal's cursor are shown as '?'.
 */
#ifndef GATEWAY_CLI_AUDIT_ROW_H
#define GATEWAY_CLI_AUDIT_ROW_H

#include <stdio.h>

#include "metering/journal/record.h"

#define AUDIT_TEXT_BYTES 96

enum audit_column {
	AUDIT_SEQUENCE,
	AUDIT_TIME,
	AUDIT_TYPE,
	AUDIT_SUBJECT,
	AUDIT_MODEL,
	AUDIT_OUTCOME,
	AUDIT_COST,
	AUDIT_REQUEST,
	AUDIT_COLUMNS,
};

struct audit_row {
	char text[AUDIT_COLUMNS][AUDIT_TEXT_BYTES];
};

/* A payload that is not the JSON we write leaves all but sequence and type empty. */
void audit_row_from_record(const struct record *record, struct audit_row *out);
void audit_row_print_table_head(FILE *out);
void audit_row_print_table(const struct audit_row *row, FILE *out);
void audit_row_print_csv_head(FILE *out);
/* RFC 4180 with LF. */
void audit_row_print_csv(const struct audit_row *row, FILE *out);

#endif
