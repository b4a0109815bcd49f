/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many rows a request to a model server asks to score, counted while its
 * body passes: kserve.infer inputs[0].shape[0]; mlflow.invocations the length
 * of dataframe_split.data, dataframe_records, instances or inputs (or of the
 * columns in it), or CSV lines without the header. It also checks that the
 * body is JSON, so no second scan is needed.
 *
 * Owns:    nothing; rows_paths are made once at start.
 * Threads: one user at a time; the paths are shared.
 * Limits:  no allocation; 0 .. 10^12 rows (metering/usage/usage.h).
 */
#ifndef METERING_USAGE_ROWS_H
#define METERING_USAGE_ROWS_H

#include "base/jscan.h"
#include "metering/usage/dialect.h"

struct rows_paths;

enum rows_kind {
	ROWS_KSERVE,
	ROWS_MLFLOW,
	ROWS_CSV,
};

struct rows {
	enum rows_kind kind;
	int64_t count; /* -1: not found yet */
	int64_t columns;
	bool is_mid_line;
	bool is_quoted;
	struct jscan scan;
};

struct rows_paths *rows_paths_new(void);
void rows_paths_free(struct rows_paths *paths);

void rows_init(struct rows *rows, const struct rows_paths *paths, enum rows_kind kind);
/* ERR_MALFORMED or ERR_LIMIT when the body is no JSON that we take. */
MUST_CHECK enum err rows_feed(struct rows *rows, struct str in);
/* ERR_MALFORMED also when the body does not say how many rows it has. */
MUST_CHECK enum err rows_finish(struct rows *rows, int64_t *out_rows);

#endif
