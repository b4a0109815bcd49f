/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/cli/cost.h"

#include <stdio.h>

#include "gateway/cli/cost_args.h"
#include "gateway/cli/exit.h"
#include "metering/ledger/decimal.h"
#include "metering/ledger/focus.h"
#include "metering/ledger/unallocated.h"

#define PERIOD_AND_LEDGER                                                                          \
	"  --month YYYY-MM  one calendar month (default: the present one)\n"                       \
	"  --from, --to     a date or date-time on the hour; --to is exclusive, default now\n"     \
	"  --tz ZONE        of dates, days and months, as Europe/Berlin (default UTC); totals "    \
	"are\n"                                                                                    \
	"                   of whole UTC hours, each in the day in which it begins\n"              \
	"  --config FILE    the ledger that this gateway writes to (default tollgate.yaml)\n"      \
	"  --state DIR      a gateway's state folder; needs no configuration\n"                    \
	"  --redis URL      all gateways of a shared ledger; needs no configuration:\n"            \
	"                   redis://[user[:password]@]host[:port][/db] or unix:///path, "          \
	"password\n"                                                                               \
	"                   from TOLLGATE_REDIS_PASSWORD when the URL has none\n"

#define ZONE                                                                                       \
	"  --tz ZONE        of dates, days and months, as Europe/Berlin (default UTC); totals "    \
	"are\n"                                                                                    \
	"                   of whole UTC hours, each in the day in which it begins\n"

#define EXIT_CODES                                                                                 \
	"\n"                                                                                       \
	"Exit codes: 0 printed, 1 the ledger is damaged, the report too large or the\n"            \
	"configuration invalid, 2 wrong use, 3 the ledger cannot be reached or read.\n"

static int print_sheet(const struct report *report, enum sheet_format format)
{
	struct buf out;
	enum err err;
	int code;

	buf_init(&out, COST_SHEET_BYTES);
	err = sheet_print(report, format, SHEET_DECIMALS, &out);
	code = cost_put(&out, err);
	buf_fini(&out);
	return code;
}

static int run_report(const struct cost_args *args, const struct ledger_options *options)
{
	struct report *report = NULL;
	struct diag diag = {.line = 0};
	enum err err = report_new(&args->query, options, &diag, &report);
	int code;

	if (err != OK)
		return cost_fail(&diag, cost_exit_code(err));
	code = print_sheet(report, args->format);
	report_free(report);
	return code;
}

/* For one business unit: a bill to be handed on, so an unknown name is no empty bill. */
static int run_statement(const struct cost_args *args, const struct ledger_options *options)
{
	struct cost_args own = *args;
	struct report *report = NULL;
	struct diag diag = {.line = 0};
	enum err err;
	int code = EXIT_CODE_NO;

	if (args->bu == NULL) {
		fputs("tollgate cost: give --bu NAME, the business unit\n", stderr);
		return EXIT_CODE_USAGE;
	}
	own.query.bu = str_from_c(args->bu);
	err = report_new(&own.query, options, &diag, &report);
	if (err != OK)
		return cost_fail(&diag, cost_exit_code(err));
	if (report->group_count == 0)
		fprintf(stderr,
			"tollgate cost: no calls of business unit '%s' in this period; tollgate "
			"cost report --by bu lists those there are\n",
			args->bu);
	else
		code = print_sheet(report, args->format);
	report_free(report);
	return code;
}

static int run_unallocated(const struct cost_args *args, const struct ledger_options *options)
{
	struct report_query query = args->query;
	struct report *report = NULL;
	struct diag diag = {.line = 0};
	struct buf out;
	enum err err;
	int code;

	unallocated_query(&query);
	err = report_new(&query, options, &diag, &report);
	if (err != OK)
		return cost_fail(&diag, cost_exit_code(err));
	buf_init(&out, COST_SHEET_BYTES);
	err = unallocated_print(report, args->format, &out);
	code = cost_put(&out, err);
	buf_fini(&out);
	report_free(report);
	return code;
}

static int print_focus(const struct report *report, const char *account)
{
	struct focus_left_out left = {0};
	char calls[DECIMAL_SIZE];
	struct buf out;
	enum err err;
	int code;

	buf_init(&out, COST_SHEET_BYTES);
	err = focus_print(report, str_from_c(account), &out, &left);
	code = cost_put(&out, err);
	buf_fini(&out);
	decimal_int(left.calls, calls);
	if (code == EXIT_CODE_FINE && left.lines > 0)
		fprintf(stderr,
			"tollgate cost: %zu lines without a price (in %s calls) have no row; see "
			"tollgate cost unallocated\n",
			left.lines, calls);
	return code;
}

static int run_export(const struct cost_args *args, const struct ledger_options *options)
{
	struct report_query query = args->query;
	struct report *report = NULL;
	struct diag diag = {.line = 0};
	enum err err;
	int code;

	if (args->focus == NULL || !str_eq(str_from_c(args->focus), STR("1.2"))) {
		fputs("tollgate cost: give --focus 1.2; no other version is known\n", stderr);
		return EXIT_CODE_USAGE;
	}
	focus_query(&query);
	err = report_new(&query, options, &diag, &report);
	if (err != OK)
		return cost_fail(&diag, cost_exit_code(err));
	code = print_focus(report, args->account == NULL ? "tollgate" : args->account);
	report_free(report);
	return code;
}

static const struct command {
	const char *name;
	const char *by; /* default */
	unsigned options;
	int (*run)(const struct cost_args *args, const struct ledger_options *options);
	const char *usage;
} commands[] = {
	{"report", "bu,model", COST_BY | COST_FORMAT | COST_ZONE, run_report,
	 "usage: tollgate cost report [--by COLUMNS] [--month YYYY-MM | --from TIME [--to TIME]]\n"
	 "                            [--tz ZONE] [--format table|csv|json]\n"
	 "                            [--config FILE | --state DIR | --redis URL]\n"
	 "\n"
	 "What was spent in a period, exactly, from the ledger.\n"
	 "\n"
	 "  --by COLUMNS     of bu, team, project, principal, model, deployment, provider, "
	 "dialect,\n"
	 "                   meter, price, rate, unit, hour, day, month; in this order (default\n"
	 "                   bu,model); hour is UTC in any zone\n"
	 "  --format NAME    table (rounded for people), csv, json (exact) (default table)\n" ZONE},
	{"statement", "bu,team,project,principal,model",
	 COST_BU | COST_BY | COST_FORMAT | COST_ZONE, run_statement,
	 "usage: tollgate cost statement --bu NAME [--by COLUMNS] [--format table|csv|json]\n"
	 "                               [--month YYYY-MM | --from TIME [--to TIME]] [--tz ZONE]\n"
	 "                               [--config FILE | --state DIR | --redis URL]\n"
	 "\n"
	 "What one business unit spent, to be handed to it: as report, of this unit alone.\n"
	 "\n"
	 "  --bu NAME        the business unit, as records name it\n"
	 "  --by COLUMNS     as for report (default bu,team,project,principal,model)\n"
	 "  --format NAME    table (rounded for people), csv, json (exact) (default table)\n" ZONE},
	{"unallocated", NULL, COST_FORMAT | COST_ZONE, run_unallocated,
	 "usage: tollgate cost unallocated [--format table|csv|json]\n"
	 "                                 [--month YYYY-MM | --from TIME [--to TIME]] [--tz "
	 "ZONE]\n"
	 "                                 [--config FILE | --state DIR | --redis URL]\n"
	 "\n"
	 "What cannot be charged to somebody or is not known for sure, by reason: no business\n"
	 "unit, team, project or caller; unpriced; estimated; no usage. A call can have several.\n"
	 "\n"
	 "  --format NAME    table (rounded for people), csv, json (exact) (default table)\n" ZONE},
	{"export", NULL, COST_FOCUS, run_export,
	 "usage: tollgate cost export --focus 1.2 [--account NAME]\n"
	 "                            [--month YYYY-MM | --from TIME [--to TIME]]\n"
	 "                            [--config FILE | --state DIR | --redis URL]\n"
	 "\n"
	 "A period as FOCUS 1.2 CSV: a row per UTC day, account, model and price line, exact.\n"
	 "Lines without a price have no row; standard error says how many.\n"
	 "\n"
	 "  --focus 1.2      the version of the specification\n"
	 "  --account NAME   the billing account (default tollgate)\n"},
};

static int run_command(const struct command *command, int argc, char **argv)
{
	struct cost_args args = {.format = SHEET_TABLE, .by = command->by};
	struct diag diag = {.line = 0};
	int code = EXIT_CODE_FINE;

	if (cost_args_parse(&args, command->options, argc, argv, &diag) != OK)
		code = cost_fail(&diag, EXIT_CODE_USAGE);
	else if (args.wants_help)
		printf("%s" PERIOD_AND_LEDGER EXIT_CODES, command->usage);
	else
		code = cost_args_with_ledger(&args, command->run);
	cost_args_fini(&args);
	return code;
}

static void print_usage(FILE *to)
{
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		fprintf(to, "%s%s", i == 0 ? "" : "\n", commands[i].usage);
	fputs(PERIOD_AND_LEDGER EXIT_CODES, to);
}

int cli_cost(int argc, char **argv)
{
	struct str name = argc >= 2 ? str_from_c(argv[1]) : STR("");

	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		if (str_eq(name, str_from_c(commands[i].name)))
			return run_command(&commands[i], argc - 1, argv + 1);
	}
	if (str_eq(name, STR("--help")) || str_eq(name, STR("-h"))) {
		print_usage(stdout);
		return EXIT_CODE_FINE;
	}
	print_usage(stderr);
	return EXIT_CODE_USAGE;
}
