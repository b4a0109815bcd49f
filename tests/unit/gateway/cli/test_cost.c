/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/cli/cost.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateway/cli/exit.h"
#include "metering/ledger/store.h"

#define WORDS 12

/* Runs the command with stdout and stderr in a file, whose start goes to out. */
static int run(const char *const *words, char *out, size_t cap)
{
	char path[] = "/tmp/tollgate-cost-XXXXXX";
	char *argv[WORDS + 2] = {NULL};
	int fd = mkstemp(path);
	int saved[2] = {dup(1), dup(2)};
	ssize_t got;
	int argc = 0;
	int code;

	assert_true(fd >= 0);
	argv[argc++] = strdup("cost");
	while (words[argc - 1] != NULL) {
		argv[argc] = strdup(words[argc - 1]);
		argc++;
	}
	fflush(stdout);
	dup2(fd, 1);
	dup2(fd, 2);
	code = cli_cost(argc, argv);
	fflush(stdout);
	dup2(saved[0], 1);
	dup2(saved[1], 2);
	close(saved[0]);
	close(saved[1]);
	got = pread(fd, out, cap - 1, 0);
	out[MAX(got, 0)] = '\0';
	close(fd);
	unlink(path);
	while (argc > 0)
		free(argv[--argc]);
	return code;
}

static const struct {
	const char *words[WORDS];
	int want;
	const char *text;
} rows[] = {
	{{NULL}, EXIT_CODE_USAGE, "usage: tollgate cost report"},
	{{"--help"}, EXIT_CODE_FINE, "usage: tollgate cost report"},
	{{"report", "--help"}, EXIT_CODE_FINE, "usage: tollgate cost report"},
	{{"invoice"}, EXIT_CODE_USAGE, "usage: tollgate cost report"},
	{{"report", "--by", "cost"}, EXIT_CODE_USAGE, "cannot report by 'cost'"},
	{{"report", "--month", "November"}, EXIT_CODE_USAGE, "write it as 2026-11"},
	{{"report", "--from", "2026-11-01T00:30:00Z"}, EXIT_CODE_USAGE, "not on the hour"},
	{{"report", "--to", "2026-11-01"}, EXIT_CODE_USAGE, "--to needs --from"},
	{{"report", "--from", "2026-11-02", "--to", "2026-11-02"}, EXIT_CODE_USAGE, "empty"},
	{{"report", "--month", "2026-11", "--from", "2026-11-02"}, EXIT_CODE_USAGE, "not both"},
	{{"report", "--state", "x", "--redis", "redis://h"}, EXIT_CODE_USAGE, "one of"},
	{{"report", "--config", "/nowhere/at/all.yaml"}, EXIT_CODE_FAILED, "/nowhere/at/all.yaml"},
	{{"report", "--format", "xml"}, EXIT_CODE_USAGE, "table, csv and json"},
	{{"report", "--colour"}, EXIT_CODE_USAGE, "--colour"},
	{{"report", "--by"}, EXIT_CODE_USAGE, "--by"},
	{{"report", "please"}, EXIT_CODE_USAGE, "unexpected 'please'"},
	{{"report", "--redis", "rediss://h"}, EXIT_CODE_FAILED, "TLS"},
	{{"report", "--redis", "http://h"}, EXIT_CODE_USAGE, "redis://"},
	{{"report", "--redis", "unix:///nowhere/at/all"}, EXIT_CODE_FAILED, "connect"},
	{{"report", "--state", "/nowhere/at/all"}, EXIT_CODE_FAILED, "/nowhere/at/all/ledger.db"},
};

static void test_cost__answers_each_use_with_its_exit_code(void **state)
{
	char out[4096];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int code = run(rows[i].words, out, sizeof(out));

		printf("# %zu: %.60s\n", i, out);
		assert_int_equal(code, rows[i].want);
		assert_non_null(strstr(out, rows[i].text));
	}
}

static void test_cost__reads_a_book(void **state)
{
	char folder[] = "/tmp/tollgate-cost-XXXXXX";
	const char *const words[] = {"report",	 "--month", "2026-11", "--by", "bu",
				     "--format", "csv",	    "--state", folder, NULL};
	struct ledger_options options = {.gateway = "gw-1"};
	char out[4096], path[64];
	void *book;

	(void)state;
	assert_non_null(mkdtemp(folder));
	options.state = folder;
	assert_int_equal(ledger_sqlite_ops.open(&options, false, NULL, &book), OK);
	assert_int_equal(run(words, out, sizeof(out)), EXIT_CODE_FINE);
	assert_string_equal(out, "period_from,period_to,as_of,bu,requests,attempts,quantity,cost,"
				 "currency,estimated_cost,unpriced,time_zone,price_books\r\n");
	ledger_sqlite_ops.close(book);
	snprintf(path, sizeof(path), "%s/ledger.db", folder);
	unlink(path);
	rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cost__answers_each_use_with_its_exit_code),
		cmocka_unit_test(test_cost__reads_a_book),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
