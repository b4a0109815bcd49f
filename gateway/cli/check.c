/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/cli/check.h"

#include <getopt.h>
#include <stdio.h>

#include "gateway/cli/exit.h"
#include "gateway/config/config.h"
#include "gateway/config/options.h"

static const char usage[] = "usage: tollgate check [--config FILE] [--options]\n"
			    "\n"
			    "Loads every file as serve would and says what is wrong and where.\n"
			    "  --config FILE  the main file (default tollgate.yaml)\n"
			    "  --options      print every option of tollgate.yaml and end\n";

static void print_options(void)
{
	const struct option_row *row;

	printf("%-38s %-14s %-14s %s\n", "option", "type", "default", "what it is");
	for (size_t i = 0; (row = option_at(i)) != NULL; i++) {
		char name[80];

		(void)snprintf(name, sizeof(name), "%s.%s", option_section_name(row->section),
			       row->name);
		printf("%-38s %-14s %-14s %s%s\n", name, option_type_name(row->type),
		       row->fallback == NULL	  ? "-"
		       : row->fallback[0] == '!'  ? "(required)"
		       : row->fallback[0] == '\0' ? "\"\""
						  : row->fallback,
		       row->sentence, row->is_reloadable ? "" : " [restart]");
	}
}

static int check(const char *file)
{
	struct config *config = NULL;
	struct snapshot *snap = NULL;
	struct diag diag = {0};
	char text[1024];
	enum err err = config_load(file, &diag, &config);

	if (err == OK) {
		config->snapshot.generation = 1;
		err = snapshot_new(&config->snapshot, &diag, &snap);
	}
	if (err == OK) {
		printf("%s: ok, %zu models, %zu upstreams, %zu policies, %zu keys, %zu issuers\n",
		       file, config->snapshot.model_count, config->snapshot.upstream_count,
		       policy_set_count(snap->rules->policies), config->snapshot.key_count,
		       config->snapshot.issuer_count);
	} else {
		(void)diag_print(&diag, text, sizeof(text));
		fprintf(stderr, "%s\n", text);
	}
	snapshot_unref(snap);
	config_free(config);
	if (err == OK)
		return EXIT_CODE_FINE;
	return err == ERR_IO || err == ERR_INTERNAL ? EXIT_CODE_FAILED : EXIT_CODE_NO;
}

int cli_check(int argc, char **argv)
{
	static const struct option longopts[] = {
		{"config", required_argument, NULL, 'c'},
		{"options", no_argument, NULL, 'o'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	const char *file = "tollgate.yaml";
	int c;

	while ((c = getopt_long(argc, argv, "c:oh", longopts, NULL)) != -1) {
		switch (c) {
		case 'c': file = optarg; break;
		case 'o': print_options(); return EXIT_CODE_FINE;
		case 'h': fputs(usage, stdout); return EXIT_CODE_FINE;
		default: fputs(usage, stderr); return EXIT_CODE_USAGE;
		}
	}
	if (optind < argc) {
		fputs(usage, stderr);
		return EXIT_CODE_USAGE;
	}
	return check(file);
}
