/* SPDX-License-Identifier: Apache-2.0 */
#include "metering/usage/rows.h"

#include <stdlib.h>

#include "metering/usage/usage.h"

enum {
	PATH_SPLIT,
	PATH_RECORDS,
	PATH_INSTANCES,
	PATH_INPUTS,
	PATH_COLUMN,
};

struct rows_paths {
	struct jscan_paths *kserve;
	struct jscan_paths *mlflow;
};

struct rows_paths *rows_paths_new(void)
{
	static const char *const kserve[] = {"inputs.0.shape.0", NULL};
	static const char *const mlflow[] = {
		[PATH_SPLIT] = "dataframe_split.data",
		[PATH_RECORDS] = "dataframe_records",
		[PATH_INSTANCES] = "instances",
		[PATH_INPUTS] = "inputs",
		[PATH_COLUMN] = "inputs.*",
		NULL,
	};
	struct rows_paths *paths = base_alloc(sizeof(*paths));

	paths->kserve = jscan_paths_new(kserve);
	paths->mlflow = jscan_paths_new(mlflow);
	return paths;
}

void rows_paths_free(struct rows_paths *paths)
{
	if (paths == NULL)
		return;
	jscan_paths_free(paths->kserve);
	jscan_paths_free(paths->mlflow);
	free(paths);
}

/* The first place that names a number of rows wins, as the server reads but one. */
static void set_count(struct rows *rows, uint64_t count)
{
	if (rows->count < 0 && count <= (uint64_t)USAGE_COUNT_MAX)
		rows->count = (int64_t)count;
}

static enum err on_kserve(void *arg, const struct jscan_value *value)
{
	struct rows *rows = arg;
	uint64_t count;

	if (value->type != JSCAN_NUMBER || value->is_truncated || value->is_duplicate ||
	    str_to_u64(value->text, &count) != OK)
		return ERR_MALFORMED;
	set_count(rows, count);
	return OK;
}

static enum err on_mlflow(void *arg, const struct jscan_value *value)
{
	struct rows *rows = arg;

	switch (value->path) {
	case PATH_COLUMN:
		/* inputs: {"x": [..], "y": [..]} is told by columns; each is as long as the rows.
		 */
		if (value->index == 0)
			rows->columns = value->type == JSCAN_ARRAY ? (int64_t)value->count : 1;
		break;
	case PATH_INPUTS:
		if (value->type == JSCAN_OBJECT && value->count > 0)
			set_count(rows, (uint64_t)rows->columns);
		else
			set_count(rows, value->type == JSCAN_ARRAY ? value->count : 1);
		break;
	default:
		if (value->type != JSCAN_ARRAY || value->is_duplicate)
			return ERR_MALFORMED;
		set_count(rows, value->count);
		break;
	}
	return OK;
}

void rows_init(struct rows *rows, const struct rows_paths *paths, enum rows_kind kind)
{
	rows->kind = kind;
	rows->count = kind == ROWS_CSV ? 0 : -1;
	rows->columns = 0;
	rows->is_mid_line = false;
	rows->is_quoted = false;
	if (kind == ROWS_KSERVE)
		jscan_init(&rows->scan, paths->kserve, on_kserve, rows);
	else
		jscan_init(&rows->scan, paths->mlflow, on_mlflow, rows);
}

/* Lines that are not empty; a line end inside quotes belongs to a field (RFC 4180). */
static void feed_csv(struct rows *rows, struct str in)
{
	for (size_t i = 0; i < in.len; i++) {
		char c = in.ptr[i];

		if (c == '"')
			rows->is_quoted = !rows->is_quoted;
		if (c == '\n' && !rows->is_quoted) {
			rows->count += rows->is_mid_line;
			rows->is_mid_line = false;
		} else if (c != '\r') {
			rows->is_mid_line = true;
		}
	}
}

enum err rows_feed(struct rows *rows, struct str in)
{
	if (rows->kind != ROWS_CSV)
		return jscan_feed(&rows->scan, in);
	feed_csv(rows, in);
	return OK;
}

enum err rows_finish(struct rows *rows, int64_t *out_rows)
{
	enum err err = rows->kind == ROWS_CSV ? OK : jscan_end(&rows->scan);
	int64_t count = rows->count;

	if (err != OK)
		return err;
	if (rows->kind == ROWS_CSV)
		count += rows->is_mid_line - 1; /* the header is no row */
	if (count < 0)
		return ERR_MALFORMED;
	*out_rows = count;
	return OK;
}
