/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/cli/policy.h"

#include <stdio.h>

#include "base/suggest.h"
#include "gateway/cli/exit.h"
#include "gateway/cli/policy_authorize.h"
#include "gateway/cli/policy_check.h"
#include "gateway/cli/policy_convert.h"
#include "gateway/cli/policy_diff.h"
#include "gateway/cli/policy_explain.h"
#include "gateway/cli/policy_format.h"
#include "gateway/cli/policy_schema.h"
#include "gateway/cli/policy_test.h"
#include "gateway/cli/policy_who_can.h"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
} commands[] = {
	{"authorize", cli_policy_authorize, "answer one request, or a stream of them"},
	{"check", cli_policy_check, "parse and validate everything, list all that is wrong"},
	{"convert", cli_policy_convert, "write policies as JSON, or JSON as policies"},
	{"diff", cli_policy_diff, "say who gains and who loses what by a change"},
	{"explain", cli_policy_explain, "answer one request and show why, clause by clause"},
	{"format", cli_policy_format, "lay policy text out, comments and all"},
	{"schema", cli_policy_schema, "check a schema, write it as Cedar text or as JSON"},
	{"test", cli_policy_test, "run files of cases: requests and the answers they must get"},
	{"who-can", cli_policy_who_can, "list who may do something, under which conditions"},
};

static int usage(FILE *out, int code)
{
	fputs("usage: tollgate policy COMMAND [OPTION ...]\n\n", out);
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		fprintf(out, "  %-9s  %s\n", commands[i].name, commands[i].help);
	fputs("\ntollgate policy COMMAND --help says more. Exit codes: 0 fine, 1 the answer is no\n"
	      "(denied, invalid, different), 2 wrong use, 3 the environment failed.\n",
	      out);
	return code;
}

static int fail_unknown(const char *name)
{
	struct suggest suggest = {.word = str_from_c(name)};

	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		suggest_try(&suggest, str_from_c(commands[i].name));
	fprintf(stderr, "tollgate policy: there is no command \"%s\"", name);
	if (str_is_set(suggest.best))
		fprintf(stderr, "; did you mean \"" STR_FMT "\"?", STR_ARG(suggest.best));
	fputs("\n\n", stderr);
	return usage(stderr, EXIT_CODE_USAGE);
}

int cli_policy(int argc, char **argv)
{
	if (argc < 2)
		return usage(stderr, EXIT_CODE_USAGE);
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0)
		return usage(stdout, EXIT_CODE_FINE);
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].run(argc - 1, argv + 1);
	return fail_unknown(argv[1]);
}
