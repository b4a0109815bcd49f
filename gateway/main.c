/* SPDX-License-Identifier: Apache-2.0 */
/* One binary, subcommands; each has its file in cli/. */
#include <stdio.h>
#include <string.h>

#include "gateway/cli/audit.h"
#include "gateway/cli/check.h"
#include "gateway/cli/cost.h"
#include "gateway/cli/exit.h"
#include "gateway/cli/key.h"
#include "gateway/cli/policy.h"
#include "gateway/cli/serve.h"
#include "gateway/cli/token.h"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
} commands[] = {
	{"audit", cli_audit, "read the journal: tail, show, export"},
	{"check", cli_check, "load every file as serve would and say what is wrong"},
	{"cost", cli_cost, "report what was consumed and what it cost"},
	{"key", cli_key, "create, list and revoke API keys"},
	{"policy", cli_policy, "write access rules: check, test, authorize, explain and more"},
	{"serve", cli_serve, "run the gateway"},
	{"token", cli_token, "issue tokens and keys for development"},
};

static int usage(FILE *out, int code)
{
	fputs("usage: tollgate COMMAND [OPTION ...]\n\n", out);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		fprintf(out, "  %-6s  %s\n", commands[i].name, commands[i].help);
	fputs("\ntollgate COMMAND --help says more. Exit codes: 0 fine, 1 the answer is no,\n"
	      "2 wrong use, 3 the environment failed.\n",
	      out);
	return code;
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return usage(stderr, EXIT_CODE_USAGE);
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0)
		return usage(stdout, EXIT_CODE_FINE);
	if (strcmp(argv[1], "--version") == 0) {
		puts("tollgate 0.1.0");
		return EXIT_CODE_FINE;
	}
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].run(argc - 1, argv + 1);
	fprintf(stderr, "tollgate: there is no command \"%s\"\n\n", argv[1]);
	return usage(stderr, EXIT_CODE_USAGE);
}
