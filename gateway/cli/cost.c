/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/cli/cost.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "gateway/cli/exit.h"
#include "metering/ledger/report.h"
#include "metering/ledger/sheet.h"

#define SHEET_BYTES   (512U << 20)
#define DEFAULT_STATE "./state"
#define DEFAULT_BY    "bu,model"

static const char usage[] =
	"usage: tollgate cost report [--by COLUMNS] [--month YYYY-MM | --from TIME --to TIME]\n"
	"                            [--format table|csv|json] [--state DIR | --redis URL]\n"
	"\n"
	"What was spent in a period, exactly, from the ledger.\n"
	"\n"
	"  --by COLUMNS     of bu, team, project, principal, model, deployment, provider, meter,\n"
	"                   price, rate, day, month; in this order (default bu,model)\n"
	"  --month YYYY-MM  one calendar month, UTC (default: the present one)\n"
	"  --from, --to     a date or date-time on the hour; --to is exclusive and defaults to "
	"now\n"
	"  --format NAME    table (rounded for people), csv, json (exact) (default table)\n"
	"  --state DIR      a gateway's state folder (default ./state)\n"
	"  --redis URL      all gateways of a shared ledger: "
	"redis://[user[:password]@]host[:port][/db];\n"
	"                   a password can be kept out of the command line in "
	"TOLLGATE_REDIS_PASSWORD\n"
	"\n"
	"Exit codes: 0 printed, 1 the ledger is damaged or the report too large, 2 wrong use,\n"
	"3 the ledger cannot be reached or read.\n";

struct cost_args {
	struct report_query query;
	struct ledger_options ledger;
	enum sheet_format format;
	bool has_month;
	bool has_from;
	bool has_to;
	bool has_state;
	bool wants_help;
};

static const struct option long_options[] = {
	{"by", required_argument, NULL, 'b'},
	{"month", required_argument, NULL, 'm'},
	{"from", required_argument, NULL, 'f'},
	{"to", required_argument, NULL, 't'},
	{"format", required_argument, NULL, 'o'},
	{"state", required_argument, NULL, 's'},
	{"redis", required_argument, NULL, 'r'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
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
	case 's':
		args->has_state = true;
		args->ledger.state = optarg;
		return OK;
	case 'r':
		args->ledger.store = LEDGER_REDIS;
		args->ledger.redis.url = optarg;
		return OK;
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
	if (args->has_state && args->ledger.store == LEDGER_REDIS)
		return diag_set(diag, ERR_MALFORMED, "", 0, 0, "give --state or --redis, not both");
	return OK;
}

static enum err parse_args(int argc, char **argv, struct cost_args *args, struct diag *diag)
{
	enum err err;
	int option;

	args->ledger.state = DEFAULT_STATE;
	args->ledger.redis.password = getenv("TOLLGATE_REDIS_PASSWORD");
	err = report_parse_by(STR(DEFAULT_BY), diag, &args->query);
	optind = 1;
	opterr = 0;
	while (err == OK && (option = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
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

static int cost_report(int argc, char **argv)
{
	struct cost_args args = {.format = SHEET_TABLE};
	struct report *report = NULL;
	struct diag diag = {.line = 0};
	enum err err;
	int code;

	if (parse_args(argc, argv, &args, &diag) != OK)
		return fail(&diag, EXIT_CODE_USAGE);
	if (args.wants_help) {
		fputs(usage, stdout);
		return EXIT_CODE_FINE;
	}
	err = report_new(&args.query, &args.ledger, &diag, &report);
	if (err != OK)
		return fail(&diag, exit_code(err));
	code = print_report(report, args.format);
	report_free(report);
	return code;
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
