/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/cli/check.h"

#include <getopt.h>
#include <stdio.h>

#include "gateway/cli/exit.h"
#include "gateway/cli/faults.h"
#include "gateway/config/config.h"
#include "gateway/config/options.h"
#include "gateway/config/reference.h"

#define CHECK_REFERENCE_BYTES (256U << 10)

static const char usage[] =
	"usage: tollgate check [--config FILE] [--options]\n"
	"\n"
	"Loads every file as serve would and says all that is wrong and where.\n"
	"  --config FILE  the main file (default tollgate.yaml)\n"
	"  --options      print every option of tollgate.yaml and end\n";

static int print_options(void)
{
	struct buf text;
	enum err err;

	buf_init(&text, CHECK_REFERENCE_BYTES);
	err = config_reference(&text);
	if (err == OK)
		fwrite(text.ptr, 1, text.len, stdout);
	buf_fini(&text);
	return err == OK ? EXIT_CODE_FINE : EXIT_CODE_FAILED;
}

static void print_good(const struct config *config, const struct snapshot *snap)
{
	for (size_t i = 0; i < config->warning_count; i++)
		fprintf(stderr, "%s: warning: %s\n", config->file, config->warnings[i]);
	printf("%s: ok, %zu models, %zu upstreams, %zu policies, %zu keys, %zu issuers\n",
	       config->file, config->snapshot.model_count, config->snapshot.upstream_count,
	       policy_set_count(snap->rules->policies), config->snapshot.key_count,
	       config->snapshot.issuer_count);
}

static int check(const char *file)
{
	struct config *config = NULL;
	struct snapshot *snap = NULL;
	struct diags all;
	enum err err;

	diags_init(&all, CONFIG_FAULTS);
	err = config_load_all(file, &all, &config);
	if (err == OK) {
		err = config_check_listeners(config, &all);
		err = option_both(err, config_snapshot_all(config, 1, &all, &snap));
	}
	if (err == OK)
		print_good(config, snap);
	else
		faults_print(&all);
	snapshot_unref(snap);
	config_free(config);
	diags_fini(&all);
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
		case 'o': return print_options();
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
