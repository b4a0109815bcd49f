/* SPDX-License-Identifier: Apache-2.0 */
/* `tollgate check` by its words and exit codes; what it says is config's and tested there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/base.h"
#include "gateway/cli/check.h"
#include "gateway/cli/exit.h"
#include "tests/unit/policy/gateway_case.h"

#define WORD(text) ((char *)(uintptr_t)(text))

static char folder[] = "/tmp/tollgate-test-check-XXXXXX";
static char config_path[sizeof(folder) + 16], policy_path[sizeof(folder) + 16];
static char schema_path[sizeof(folder) + 16];

static const struct {
	const char *name;
	char *words[5];
	const char *config; /* NULL: the good one */
	int code;
} rows[] = {
	{"good", {WORD("check"), WORD("--config"), config_path}, NULL, EXIT_CODE_FINE},
	{"options", {WORD("check"), WORD("--options")}, NULL, EXIT_CODE_FINE},
	{"help", {WORD("check"), WORD("--help")}, NULL, EXIT_CODE_FINE},
	{"bad file", {WORD("check"), WORD("--config"), config_path}, "a: b\n", EXIT_CODE_NO},
	{"no file", {WORD("check"), WORD("-c"), WORD("/nowhere/x.yaml")}, NULL, EXIT_CODE_NO},
	{"a folder", {WORD("check"), WORD("-c"), folder}, NULL, EXIT_CODE_FAILED},
	{"unknown word",
	 {WORD("check"), WORD("--conf"), config_path, WORD("x")},
	 NULL,
	 EXIT_CODE_USAGE},
	{"unknown option", {WORD("check"), WORD("--verbose")}, NULL, EXIT_CODE_USAGE},
};

static const char good[] = "listeners: [{address: \"127.0.0.1:0\"}]\n"
			   "policy: {schema: g.cedarschema, files: p.cedar}\n"
			   "prices: {unpriced: allow}\n"
			   "upstreams: [{name: u, url: \"http://127.0.0.1:1\", provider: p}]\n"
			   "models: [{name: m, upstream: u, dialects: openai.chat}]\n";

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void test_check__answers_by_its_exit_code(void **state)
{
	int out = dup(STDOUT_FILENO);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char *words[ARRAY_LEN(rows[0].words)];
		int count = 0, code;

		print_message("# %s\n", rows[i].name);
		write_file(config_path, rows[i].config == NULL ? good : rows[i].config);
		for (; rows[i].words[count] != NULL; count++)
			words[count] = rows[i].words[count];
		words[count] = NULL;
		/* What it prints is no TAP. */
		(void)fflush(stdout);
		assert_non_null(freopen("/dev/null", "we", stdout));
		optind = 0;
		code = cli_check(count, words);
		(void)fflush(stdout);
		assert_true(dup2(out, STDOUT_FILENO) >= 0);
		assert_int_equal(code, rows[i].code);
	}
	close(out);
}

static int make(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	(void)snprintf(config_path, sizeof(config_path), "%s/tollgate.yaml", folder);
	(void)snprintf(policy_path, sizeof(policy_path), "%s/p.cedar", folder);
	(void)snprintf(schema_path, sizeof(schema_path), "%s/g.cedarschema", folder);
	write_file(policy_path, "permit (principal, action, resource);\n");
	write_file(schema_path, gateway_case_schema);
	return 0;
}

static int drop(void **state)
{
	(void)state;
	(void)unlink(config_path);
	(void)unlink(policy_path);
	(void)unlink(schema_path);
	return rmdir(folder);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_check__answers_by_its_exit_code),
	};

	return cmocka_run_group_tests(tests, make, drop);
}
