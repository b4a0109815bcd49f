/* SPDX-License-Identifier: Apache-2.0 */
#include "metering/usage/rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct {
	const char *name;
	enum rows_kind kind;
	struct str in;
	int64_t want; /* -1: refused */
} cases[] = {
	{"shape", ROWS_KSERVE,
	 STR("{\"inputs\":[{\"name\":\"x\",\"shape\":[3,4],\"datatype\":\"FP32\",\"data\":[1,2]}]"
	     "}"),
	 3},
	{"the first input counts", ROWS_KSERVE,
	 STR("{\"inputs\":[{\"shape\":[2]},{\"shape\":[9]}],\"outputs\":[{\"shape\":[8]}]}"), 2},
	{"no rows", ROWS_KSERVE, STR("{\"inputs\":[{\"shape\":[0]}]}"), 0},
	{"no shape", ROWS_KSERVE, STR("{\"inputs\":[{\"data\":[1]}]}"), -1},
	{"no inputs", ROWS_KSERVE, STR("{\"inputs\":[]}"), -1},
	{"negative", ROWS_KSERVE, STR("{\"inputs\":[{\"shape\":[-1,4]}]}"), -1},
	{"fraction", ROWS_KSERVE, STR("{\"inputs\":[{\"shape\":[1.5]}]}"), -1},
	{"text", ROWS_KSERVE, STR("{\"inputs\":[{\"shape\":[\"3\"]}]}"), -1},
	{"two shapes", ROWS_KSERVE, STR("{\"inputs\":[{\"shape\":[1],\"shape\":[9]}]}"), -1},
	{"too many", ROWS_KSERVE, STR("{\"inputs\":[{\"shape\":[1000000000001]}]}"), -1},
	{"no JSON", ROWS_KSERVE, STR("{\"inputs\":[{\"shape\":[3]}]"), -1},
	{"split frame", ROWS_MLFLOW,
	 STR("{\"dataframe_split\":{\"columns\":[\"a\"],\"data\":[[1],[2],[3]]}}"), 3},
	{"records", ROWS_MLFLOW, STR("{\"dataframe_records\":[{\"a\":1},{\"a\":2}]}"), 2},
	{"instances", ROWS_MLFLOW, STR("{\"instances\":[[1,2],[3,4],[5,6],[7,8]]}"), 4},
	{"inputs by rows", ROWS_MLFLOW, STR("{\"inputs\":[[1],[2]],\"params\":{}}"), 2},
	{"inputs by columns", ROWS_MLFLOW, STR("{\"inputs\":{\"a\":[1,2,3],\"b\":[4,5,6]}}"), 3},
	{"one input", ROWS_MLFLOW, STR("{\"inputs\":\"what\"}"), 1},
	{"nothing we know", ROWS_MLFLOW, STR("{\"rows\":[1]}"), -1},
	{"two frames", ROWS_MLFLOW,
	 STR("{\"dataframe_records\":[{\"a\":1}],\"dataframe_records\":[{},{}]}"), -1},
	{"csv", ROWS_CSV, STR("a,b\n1,2\n3,4\n"), 2},
	{"csv without the last line end", ROWS_CSV, STR("a,b\r\n1,2\r\n3,4"), 2},
	{"csv, a line end in quotes", ROWS_CSV, STR("a,b\n\"x\ny\",2\n\n"), 1},
	{"csv, header only", ROWS_CSV, STR("a,b\n"), 0},
	{"csv, nothing", ROWS_CSV, STR(""), -1},
};

static int64_t count(const struct rows_paths *paths, enum rows_kind kind, struct str in,
		     size_t step)
{
	struct rows rows;
	int64_t found = -1;
	enum err err = OK;

	rows_init(&rows, paths, kind);
	for (size_t at = 0; at < in.len && err == OK; at += step)
		err = rows_feed(&rows, str_sub(in, at, step));
	if (err == OK)
		err = rows_finish(&rows, &found);
	return err == OK ? found : -1;
}

static void test_rows__counts_at_every_split(void **state)
{
	struct rows_paths *paths = rows_paths_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		print_message("# %s\n", cases[i].name);
		for (size_t step = 1; step <= cases[i].in.len + 1; step++)
			assert_int_equal(count(paths, cases[i].kind, cases[i].in, step),
					 cases[i].want);
	}
	rows_paths_free(paths);
	rows_paths_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows__counts_at_every_split),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
