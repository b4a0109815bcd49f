/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/cli/cost.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "gateway/cli/exit.h"
#include "gateway/config/config.h"
#include "metering/ledger/report.h"
#include "metering/ledger/sheet.h"

#define SHEET_BYTES    (512U << 20)
#define DEFAULT_CONFIG "tollgate.yaml"
#define DEFAULT_BY     "bu,model"

static const char usage[] =
	"usage: tollgate cost report [--by COLUMNS] [--month YYYY-MM | --from TIME --to TIME]\n"
	"                            [--format table|csv|json]\n"
	"                            [--config FILE | --state DIR | --redis URL]\n"
	"\n"
	"What was spent in a period, exactly, from the ledger.\n"
	"\n"
	"  --by COLUMNS     of bu, team, project, principal, model, deployment, provider, meter,\n"
	"                   price, rate, day, month; in this order (default bu,model)\n"
	"  --month YYYY-MM  one calendar month, UTC (default: the present one)\n"
	"  --from, --to     a date or date-time on the hour; --to is exclusive, default now\n"
	"  --format NAME    table (rounded for people), csv, json (exact) (default table)\n"
	"  --config FILE    the ledger that this gateway writes to (default tollgate.yaml)\n"
	"  --state DIR      a gateway's state folder; needs no configuration\n"
	"  --redis URL      all gateways of a shared ledger; needs no configuration:\n"
	"                   redis://[user[:password]@]host[:port][/db] or unix:///path, password\n"
	"                   from TOLLGATE_REDIS_PASSWORD when the URL has none\n"
	"\n"
	"Exit codes: 0 printed, 1 the ledger is damaged, the report too large or the\n"
	"configuration invalid, 2 wrong use, 3 the ledger cannot be reached or read.\n";

struct cost_args {
	struct report_query query;
	enum sheet_format format;
	bool has_month;
	bool has_from;
	bool has_to;
	const char *config_file;
	const char *state;
	const char *redis_url;
	bool wants_help;
};

static const struct option long_options[] = {
	{"by", required_argument, NULL, 'b'},	  {"month", required_argument, NULL, 'm'},
	{"from", required_argument, NULL, 'f'},	  {"to", required_argument, NULL, 't'},
	{"format", required_argument, NULL, 'o'}, {"state", required_argument, NULL, 's'},
	{"redis", required_argument, NULL, 'r'},  {"config", required_argument, NULL, 'c'},
	{"help", no_argument, NULL, 'h'},	  {NULL, 0, NULL, 0},
};

static int fail(const struct diag *diag, int code)
{
	char text[1024];

	diag_print(diag, text, sizeof(text));
	fprintf(stderr, "tollgate cost: %s\n", text);
	return code;
}

static enum err take_option(struct cost_args *args, int option, struct diag *diag)
{
	struct str value = str_from_c(optarg);

	switch (option) {
	case 'b': return report_parse_by(value, diag, &args->query);
	case 'm': args->has_month = true; return report_parse_month(value, diag, &args->query);
	case 'f': args->has_from = true; return report_parse_time(value, diag, &args->query.from_s);
	case 't': args->has_to = true; return report_parse_time(value, diag, &args->query.to_s);
	case 'o':
		if (sheet_parse_format(value, &args->format) != OK)
			return diag_set(diag, ERR_MALFORMED, "", 0, 0,
					"no format '%s': there are table, csv and json", optarg);
		return OK;
	case 'c': args->config_file = optarg; return OK;
	case 's': args->state = optarg; return OK;
	case 'r': args->redis_url = optarg; return OK;
	case 'h': args->wants_help = true; return OK;
	default: return diag_set(diag, ERR_MALFORMED, "", 0, 0, "try tollgate cost report --help");
	}
}

/* Totals are kept by the hour, so "until now" is until the end of this hour. */
static enum err settle_period(struct cost_args *args, int64_t now_s, struct diag *diag)
{
	if (args->has_month && (args->has_from || args->has_to))
		return diag_set(diag, ERR_MALFORMED, "", 0, 0,
				"give --month or --from and --to, not both");
	if (args->has_to && !args->has_from)
		return diag_set(diag, ERR_MALFORMED, "", 0, 0, "--to needs --from");
	if (!args->has_month && !args->has_from)
		report_set_month_of(now_s, &args->query);
	if (args->has_from && !args->has_to)
		args->query.to_s = (now_s / LEDGER_HOUR_S + 1) * LEDGER_HOUR_S;
	if (args->query.from_s >= args->query.to_s)
		return diag_set(diag, ERR_MALFORMED, "", 0, 0,
				"the period is empty: --from has to be before --to");
	if ((args->config_file != NULL) + (args->state != NULL) + (args->redis_url != NULL) > 1)
		return diag_set(diag, ERR_MALFORMED, "", 0, 0,
				"give one of --config, --state and --redis");
	return OK;
}

static enum err parse_args(int argc, char **argv, struct cost_args *args, struct diag *diag)
{
	enum err err;
	int option;

	err = report_parse_by(STR(DEFAULT_BY), diag, &args->query);
	optind = 1;
	opterr = 0;
	while (err == OK && (option = getopt_long(argc, argv, "c:h", long_options, NULL)) != -1) {
		if (option == '?')
			return diag_set(
				diag, ERR_MALFORMED, "", 0, 0,
				"unknown option or no value: %s; try tollgate cost report --help",
				argv[optind - 1]);
		err = take_option(args, option, diag);
	}
	if (err == OK && optind < argc)
		return diag_set(diag, ERR_MALFORMED, "", 0, 0,
				"unexpected '%s'; try tollgate cost report --help", argv[optind]);
	return err == OK ? settle_period(args, clock_wall_ns() / CLOCK_NS_PER_S, diag) : err;
}

static int print_report(const struct report *report, enum sheet_format format)
{
	struct buf out;
	size_t written = 0;
	enum err err;

	buf_init(&out, SHEET_BYTES);
	err = sheet_print(report, format, SHEET_DECIMALS, &out);
	if (err == OK && out.len > 0)
		written = fwrite(out.ptr, 1, out.len, stdout);
	if (err != OK || written != out.len || fflush(stdout) != 0) {
		fprintf(stderr, "tollgate cost: cannot print the report: %s\n",
			err == OK ? "output failed" : err_label(err));
		buf_fini(&out);
		return EXIT_CODE_FAILED;
	}
	buf_fini(&out);
	return EXIT_CODE_FINE;
}

static int exit_code(enum err err)
{
	switch (err) {
	case ERR_MALFORMED: return EXIT_CODE_USAGE;
	case ERR_DAMAGED:
	case ERR_LIMIT: return EXIT_CODE_NO;
	default: return EXIT_CODE_FAILED;
	}
}

static int report_from(const struct cost_args *args, const struct ledger_options *options)
{
	struct report *report = NULL;
	struct diag diag = {.line = 0};
	enum err err = report_new(&args->query, options, &diag, &report);
	int code;

	if (err != OK)
		return fail(&diag, exit_code(err));
	code = print_report(report, args->format);
	report_free(report);
	return code;
}

static int report_direct(const struct cost_args *args)
{
	const char *password = getenv("TOLLGATE_REDIS_PASSWORD");
	struct ledger_options options = {
		.store = args->redis_url != NULL ? LEDGER_REDIS : LEDGER_SQLITE,
		.state = args->state,
		.redis = {.url = args->redis_url, .password = password},
	};

	return report_from(args, &options);
}

static int report_configured(const struct cost_args *args)
{
	const char *file = args->config_file != NULL ? args->config_file : DEFAULT_CONFIG;
	struct config *config = NULL;
	struct diag diag = {.line = 0};
	enum err err = config_load(file, &diag, &config);
	int code;

	if (err != OK) {
		fail(&diag, EXIT_CODE_NO);
		fputs("--state DIR reads a ledger without any configuration\n", stderr);
		return err == ERR_NOT_FOUND || err == ERR_IO ? EXIT_CODE_FAILED : EXIT_CODE_NO;
	}
	code = report_from(args, &config->ledger);
	config_free(config);
	return code;
}

static int cost_report(int argc, char **argv)
{
	struct cost_args args = {.format = SHEET_TABLE};
	struct diag diag = {.line = 0};

	if (parse_args(argc, argv, &args, &diag) != OK)
		return fail(&diag, EXIT_CODE_USAGE);
	if (args.wants_help) {
		fputs(usage, stdout);
		return EXIT_CODE_FINE;
	}
	if (args.state != NULL || args.redis_url != NULL)
		return report_direct(&args);
	return report_configured(&args);
}

int cli_cost(int argc, char **argv)
{
	if (argc >= 2 && str_eq(str_from_c(argv[1]), STR("report")))
		return cost_report(argc - 1, argv + 1);
	if (argc >= 2 && (str_eq(str_from_c(argv[1]), STR("--help")) ||
			  str_eq(str_from_c(argv[1]), STR("-h")))) {
		fputs(usage, stdout);
		return EXIT_CODE_FINE;
	}
	fputs(usage, stderr);
	return EXIT_CODE_USAGE;
}
