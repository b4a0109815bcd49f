/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the commands of `tollgate cost` are asked: the period, the columns, the
 * format and which ledger. A command names the options it takes.
 *
 * Owns:    the time zone, until cost_args_fini; texts are argv's.
 * Threads: main.
 * Limits:  zone files of ZONE_BYTES.
 */
#ifndef GATEWAY_CLI_COST_ARGS_H
#define GATEWAY_CLI_COST_ARGS_H

#include "base/arena.h"
#include "metering/ledger/report.h"
#include "metering/ledger/sheet.h"

enum cost_option {
	COST_BY = 1U << 0,
	COST_FORMAT = 1U << 1,
	COST_FOCUS = 1U << 2,
	COST_BU = 1U << 3,
	COST_ZONE = 1U << 4,
};

struct cost_args {
	struct report_query query;
	enum sheet_format format;
	const char *by;
	const char *month, *from, *to, *zone_name;
	const char *config_file, *state, *redis_url;
	const char *focus, *account; /* export: version, billing account */
	const char *bu;		     /* statement */
	bool wants_help;
	struct zone *zone;
	struct arena arena; /* the zone file */
};

/* `options` are the cost_option bits taken beside the period and the ledger; args->by may hold a
 * default. ERR_MALFORMED with what is wrong. To be ended with cost_args_fini in any case. */
MUST_CHECK enum err cost_args_parse(struct cost_args *args, unsigned options, int argc, char **argv,
				    struct diag *diag);
void cost_args_fini(struct cost_args *args);

/* Calls run with the options of the ledger that was named; returns its exit code or that of the
 * failure, which was said then. */
int cost_args_with_ledger(const struct cost_args *args,
			  int (*run)(const struct cost_args *args,
				     const struct ledger_options *options));

/* Says the fault; returns code. */
int cost_fail(const struct diag *diag, int code);
int cost_exit_code(enum err err);
/* Puts out what was made, or what went wrong while it was made. */
int cost_put(const struct buf *out, enum err err);

#define COST_SHEET_BYTES (512U << 20)

#endif
