/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/cli/cost_args.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "gateway/cli/exit.h"
#include "gateway/config/config.h"
#include "gateway/config/file.h"

#define DEFAULT_CONFIG "tollgate.yaml"
#define ZONES	       "/usr/share/zoneinfo"
#define ZONE_NAME_MAX  64

#define ALWAYS 0U

static const struct cost_option_row {
	const char *name;
	int letter;
	unsigned needs; /* the cost_option it belongs to, or ALWAYS */
} rows[] = {
	{"month", 'm', ALWAYS},	      {"from", 'f', ALWAYS},	  {"to", 't', ALWAYS},
	{"tz", 'z', COST_ZONE},	      {"config", 'c', ALWAYS},	  {"state", 's', ALWAYS},
	{"redis", 'r', ALWAYS},	      {"help", 'h', ALWAYS},	  {"by", 'b', COST_BY},
	{"format", 'o', COST_FORMAT}, {"focus", 'F', COST_FOCUS}, {"account", 'A', COST_FOCUS},
	{"bu", 'u', COST_BU},
};

int cost_fail(const struct diag *diag, int code)
{
	char text[1024];

	diag_print(diag, text, sizeof(text));
	fprintf(stderr, "tollgate cost: %s\n", text);
	return code;
}

int cost_exit_code(enum err err)
{
	switch (err) {
	case ERR_MALFORMED: return EXIT_CODE_USAGE;
	case ERR_DAMAGED:
	case ERR_LIMIT: return EXIT_CODE_NO;
	default: return EXIT_CODE_FAILED;
	}
}

int cost_put(const struct buf *out, enum err err)
{
	size_t written = 0;

	if (err == OK && out->len > 0)
		written = fwrite(out->ptr, 1, out->len, stdout);
	if (err == OK && written == out->len && fflush(stdout) == 0)
		return EXIT_CODE_FINE;
	fprintf(stderr, "tollgate cost: cannot print the report: %s\n",
		err == OK ? "output failed" : err_label(err));
	return EXIT_CODE_FAILED;
}

/* Names as in Europe/Berlin: nothing that leaves the folder of zones. */
static bool is_zone_name(struct str name)
{
	bool at_start = true;

	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i];
		bool is_letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
		bool is_inner = (c >= '0' && c <= '9') || memchr("_+-", c, 3) != NULL;

		if (at_start ? !is_letter : !is_letter && !is_inner && c != '/')
			return false;
		at_start = c == '/';
	}
	return name.len > 0 && name.len <= ZONE_NAME_MAX && !at_start;
}

static enum err load_zone(struct cost_args *args, struct diag *diag)
{
	char path[sizeof(ZONES) + ZONE_NAME_MAX + 1];
	struct str tzif;
	enum err err;

	if (!is_zone_name(str_from_c(args->zone_name)))
		return diag_set(diag, ERR_MALFORMED, "", 0, 0,
				"'%s' is no time zone; write it as Europe/Berlin", args->zone_name);
	snprintf(path, sizeof(path), ZONES "/%s", args->zone_name);
	err = config_file_read(&args->arena, path, ZONE_BYTES, diag, &tzif);
	if (err == OK)
		err = zone_new(path, tzif, diag, &args->zone);
	if (err != OK)
		return diag_set(diag, ERR_MALFORMED, "", 0, 0,
				"no time zone '%s': " ZONES " has no such zone file",
				args->zone_name);
	args->query.zone = args->zone;
	args->query.zone_name = args->zone_name;
	return OK;
}

static enum err take_option(struct cost_args *args, int letter, struct diag *diag)
{
	switch (letter) {
	case 'b': args->by = optarg; return OK;
	case 'm': args->month = optarg; return OK;
	case 'f': args->from = optarg; return OK;
	case 't': args->to = optarg; return OK;
	case 'z': args->zone_name = optarg; return OK;
	case 'c': args->config_file = optarg; return OK;
	case 's': args->state = optarg; return OK;
	case 'r': args->redis_url = optarg; return OK;
	case 'F': args->focus = optarg; return OK;
	case 'A': args->account = optarg; return OK;
	case 'u': args->bu = optarg; return OK;
	case 'h': args->wants_help = true; return OK;
	default: break;
	}
	if (sheet_parse_format(str_from_c(optarg), &args->format) != OK)
		return diag_set(diag, ERR_MALFORMED, "", 0, 0,
				"no format '%s': there are table, csv and json", optarg);
	return OK;
}

static enum err settle_ends(struct cost_args *args, int64_t now_s, struct diag *diag)
{
	struct report_query *query = &args->query;
	enum err err;

	if (args->month != NULL)
		return report_parse_month(str_from_c(args->month), diag, query);
	if (args->from == NULL) {
		report_set_month_of(now_s, query);
		return OK;
	}
	err = report_parse_time(str_from_c(args->from), args->zone, diag, &query->from_s);
	/* Totals are kept by the hour, so "until now" is until the end of this hour. */
	query->to_s = (now_s / LEDGER_HOUR_S + 1) * LEDGER_HOUR_S;
	if (err == OK && args->to != NULL)
		err = report_parse_time(str_from_c(args->to), args->zone, diag, &query->to_s);
	if (err == OK && query->from_s >= query->to_s)
		return diag_set(diag, ERR_MALFORMED, "", 0, 0,
				"the period is empty: --from has to be before --to");
	return err;
}

static enum err settle(struct cost_args *args, struct diag *diag)
{
	enum err err = OK;

	if (args->month != NULL && (args->from != NULL || args->to != NULL))
		return diag_set(diag, ERR_MALFORMED, "", 0, 0,
				"give --month or --from and --to, not both");
	if (args->to != NULL && args->from == NULL)
		return diag_set(diag, ERR_MALFORMED, "", 0, 0, "--to needs --from");
	if ((args->config_file != NULL) + (args->state != NULL) + (args->redis_url != NULL) > 1)
		return diag_set(diag, ERR_MALFORMED, "", 0, 0,
				"give one of --config, --state and --redis");
	if (args->zone_name != NULL && !str_eq(str_from_c(args->zone_name), STR("UTC")))
		err = load_zone(args, diag);
	if (err == OK && args->by != NULL)
		err = report_parse_by(str_from_c(args->by), diag, &args->query);
	return err == OK ? settle_ends(args, clock_wall_ns() / CLOCK_NS_PER_S, diag) : err;
}

enum err cost_args_parse(struct cost_args *args, unsigned options, int argc, char **argv,
			 struct diag *diag)
{
	struct option list[ARRAY_LEN(rows) + 1] = {{NULL, 0, NULL, 0}};
	size_t count = 0;
	enum err err = OK;
	int letter;

	arena_init(&args->arena, ZONE_BYTES, 4 * ZONE_BYTES);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int has_arg = rows[i].letter == 'h' ? no_argument : required_argument;

		if (rows[i].needs == ALWAYS || (options & rows[i].needs) != 0)
			list[count++] =
				(struct option){rows[i].name, has_arg, NULL, rows[i].letter};
	}
	optind = 1;
	opterr = 0;
	while (err == OK && (letter = getopt_long(argc, argv, "c:h", list, NULL)) != -1) {
		if (letter == '?')
			return diag_set(diag, ERR_MALFORMED, "", 0, 0,
					"unknown option or no value: %s; try tollgate cost %s "
					"--help",
					argv[optind - 1], argv[0]);
		err = take_option(args, letter, diag);
	}
	if (err != OK || args->wants_help)
		return err;
	if (optind < argc)
		return diag_set(diag, ERR_MALFORMED, "", 0, 0,
				"unexpected '%s'; try tollgate cost %s --help", argv[optind],
				argv[0]);
	return settle(args, diag);
}

void cost_args_fini(struct cost_args *args)
{
	zone_free(args->zone);
	arena_fini(&args->arena);
}

static int with_config(const struct cost_args *args,
		       int (*run)(const struct cost_args *args,
				  const struct ledger_options *options))
{
	const char *file = args->config_file != NULL ? args->config_file : DEFAULT_CONFIG;
	struct config *config = NULL;
	struct diag diag = {.line = 0};
	enum err err = config_load(file, &diag, &config);
	int code;

	if (err != OK) {
		cost_fail(&diag, EXIT_CODE_NO);
		fputs("--state DIR reads a ledger without any configuration\n", stderr);
		return err == ERR_NOT_FOUND || err == ERR_IO ? EXIT_CODE_FAILED : EXIT_CODE_NO;
	}
	code = run(args, &config->ledger);
	config_free(config);
	return code;
}

int cost_args_with_ledger(const struct cost_args *args,
			  int (*run)(const struct cost_args *args,
				     const struct ledger_options *options))
{
	const char *password = getenv("TOLLGATE_REDIS_PASSWORD");
	struct ledger_options options = {
		.store = args->redis_url != NULL ? LEDGER_REDIS : LEDGER_SQLITE,
		.state = args->state,
		.redis = {.url = args->redis_url, .password = password},
	};

	if (args->state == NULL && args->redis_url == NULL)
		return with_config(args, run);
	return run(args, &options);
}
