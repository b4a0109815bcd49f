/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/cli/audit.h"

#include <getopt.h>
#include <stdio.h>
#include <time.h>

#include <jansson.h>

#include "base/clock.h"
#include "gateway/cli/audit_row.h"
#include "gateway/cli/exit.h"
#include "gateway/config/config.h"
#include "metering/journal/cursor.h"
#include "metering/journal/segment.h"

#define TAIL_RECORDS 20
#define FOLLOW_NS    (200L * 1000 * 1000)

enum format {
	FORMAT_NONE, /* not said: the command's own */
	FORMAT_TABLE,
	FORMAT_JSON,
	FORMAT_CSV,
	FORMAT_NDJSON, /* json by the name that export gives it */
};

struct audit {
	const char *state; /* NULL: ask the configuration */
	const char *config_file;
	enum format format;
	uint64_t lines;	   /* tail: how many */
	const char *begin; /* --from as given: a sequence, or a time for export */
	const char *until; /* export: --to as given */
	uint64_t from;	   /* show: first sequence, 0 the oldest */
	bool has_period;
	int64_t from_ns; /* export: [from, to) by each record's own time */
	int64_t to_ns;
	const char *request; /* show: only this one; NULL all */
	bool follows;
};

static const char usage[] =
	"usage: tollgate audit tail [--lines N] [--follow] [OPTION ...]\n"
	"       tollgate audit show [--from SEQUENCE] [OPTION ...] [REQUEST]\n"
	"       tollgate audit export [--from TIME] [--to TIME] [OPTION ...]\n"
	"\n"
	"  --config FILE the gateway whose journal it is (default: tollgate.yaml)\n"
	"  --state DIR   its state folder; needs no configuration\n"
	"  --lines N     how many of the last records (default: 20)\n"
	"  --follow      go on with new records until interrupted\n"
	"  --from N      begin with this sequence (default: the oldest record kept)\n"
	"  --from T, --to T  export: records from T on and before T, by their own time;\n"
	"                a date or a date-time (2026-11-23, 2026-11-23T09:00:00Z)\n"
	"  --format F    table, csv, or json or ndjson (both: the stored payload, one\n"
	"                per line); export begins with ndjson and has no table\n"
	"\n"
	"REQUEST is the id in the answer's x-tollgate-request-id field.\n";

static int fail(const struct diag *diag)
{
	char text[1024];

	(void)diag_print(diag, text, sizeof(text));
	fprintf(stderr, "tollgate audit: %s\n", text);
	return EXIT_CODE_FAILED;
}

static void print_head(const struct audit *audit)
{
	if (audit->format == FORMAT_TABLE)
		audit_row_print_table_head(stdout);
	if (audit->format == FORMAT_CSV)
		audit_row_print_csv_head(stdout);
}

/* A record without a time that can be read is left out by no period: nothing is lost unsaid. */
static bool is_in_period(const struct audit *audit, const struct record *record)
{
	json_t *root = json_loadb(record->payload.ptr, record->payload.len, 0, NULL);
	const char *time = json_string_value(json_object_get(root, "time"));
	int64_t ns;
	bool is_in = time == NULL || clock_parse(str_from_c(time), &ns) != OK ||
		     (ns >= audit->from_ns && ns < audit->to_ns);

	json_decref(root);
	return is_in;
}

/* False when the record was not asked for. */
static bool print_record(const struct audit *audit, const struct record *record)
{
	struct audit_row row;

	if (audit->has_period && !is_in_period(audit, record))
		return false;
	audit_row_from_record(record, &row);
	if (audit->request != NULL && strcmp(row.text[AUDIT_REQUEST], audit->request) != 0)
		return false;
	switch (audit->format) {
	case FORMAT_TABLE: audit_row_print_table(&row, stdout); break;
	case FORMAT_CSV: audit_row_print_csv(&row, stdout); break;
	case FORMAT_JSON:
	case FORMAT_NDJSON:
	case FORMAT_NONE:
		fwrite(record->payload.ptr, 1, record->payload.len, stdout);
		putchar('\n');
		break;
	}
	return true;
}

static void wait_for_more(void)
{
	struct timespec time = {.tv_nsec = FOLLOW_NS};

	fflush(stdout);
	nanosleep(&time, NULL);
}

/* What was not written whole must not look like it. */
static int flush_output(int code)
{
	if (fflush(stdout) == 0 && ferror(stdout) == 0)
		return code;
	fputs("tollgate audit: cannot write the output\n", stderr);
	return EXIT_CODE_FAILED;
}

/* From `from` to the end; the end never comes when it follows. */
static int print_from(const struct audit *audit, uint64_t from)
{
	struct cursor *cursor = NULL;
	struct record record;
	struct diag diag = {0};
	uint64_t count = 0;
	int code = EXIT_CODE_FINE;
	enum io io;

	if (journal_cursor_open(audit->state, from, &diag, &cursor) != OK)
		return fail(&diag);
	print_head(audit);
	while ((io = cursor_next(cursor, &record)) == IO_DONE || (io == IO_AGAIN && audit->follows))
		if (io == IO_DONE)
			count += print_record(audit, &record);
		else
			wait_for_more();
	if (io == IO_FAIL)
		code = fail(cursor_diag(cursor));
	else if (audit->request != NULL && count == 0)
		code = EXIT_CODE_NO;
	cursor_free(cursor);
	return flush_output(code);
}

/* The sequence behind the last record: only the last segment needs to be read for it. */
static enum err find_end(const char *state, uint64_t first, uint64_t *out, struct diag *diag)
{
	struct cursor *cursor = NULL;
	struct record record;
	enum io io;
	enum err err = journal_cursor_open(state, first, diag, &cursor);

	if (err != OK)
		return err;
	while ((io = cursor_next(cursor, &record)) == IO_DONE)
		;
	if (io == IO_FAIL) {
		*diag = *cursor_diag(cursor);
		err = ERR_DAMAGED;
	} else {
		*out = cursor_sequence(cursor);
	}
	cursor_free(cursor);
	return err;
}

static int run_tail(const struct audit *audit)
{
	struct segment_list list = {0};
	struct diag diag = {0};
	char dir[FILE_PATH_BYTES];
	uint64_t oldest = 0;
	uint64_t end = 0;
	enum err err = files_path(dir, audit->state, "journal");

	if (err == OK)
		err = segment_list_load(files_system(), dir, &diag, &list);
	if (err == OK && list.count > 0) {
		oldest = list.heads[0].first;
		err = find_end(audit->state, list.heads[list.count - 1].first, &end, &diag);
	}
	segment_list_fini(&list);
	if (err != OK)
		return fail(&diag);
	return print_from(audit, end > audit->lines ? MAX(end - audit->lines, oldest) : oldest);
}

static bool take_number(const char *option, const char *text, uint64_t *out)
{
	if (str_to_u64(str_from_c(text), out) == OK)
		return true;
	fprintf(stderr, "tollgate audit: --%s takes a number, not \"%s\"\n", option, text);
	return false;
}

static int run_show(const struct audit *audit)
{
	struct audit show = *audit;

	if (audit->begin != NULL && !take_number("from", audit->begin, &show.from))
		return EXIT_CODE_USAGE;
	return print_from(&show, show.from);
}

/* Export -------------------------------------------------------------------------------- */

static bool take_time(const char *option, const char *text, int64_t *out_ns)
{
	if (text == NULL || clock_parse(str_from_c(text), out_ns) == OK)
		return true;
	fprintf(stderr,
		"tollgate audit: --%s takes a date or a date-time with its zone "
		"(2026-11-23, 2026-11-23T09:00:00Z), not \"%s\"\n",
		option, text);
	return false;
}

static int run_export(const struct audit *audit)
{
	struct audit export = *audit;

	export.from_ns = INT64_MIN;
	export.to_ns = INT64_MAX;
	if (!take_time("from", audit->begin, &export.from_ns) ||
	    !take_time("to", audit->until, &export.to_ns))
		return EXIT_CODE_USAGE;
	export.has_period = true;
	return print_from(&export, 0);
}

static const struct {
	const char *name;
	int (*run)(const struct audit *);
} commands[] = {
	{"export", run_export},
	{"show", run_show},
	{"tail", run_tail},
};

static bool take_format(struct audit *audit, const char *name)
{
	static const char *const names[] = {[FORMAT_TABLE] = "table",
					    [FORMAT_JSON] = "json",
					    [FORMAT_CSV] = "csv",
					    [FORMAT_NDJSON] = "ndjson"};

	for (unsigned i = 0; i < ARRAY_LEN(names); i++) {
		if (names[i] != NULL && strcmp(name, names[i]) == 0) {
			audit->format = (enum format)i;
			return true;
		}
	}
	fprintf(stderr, "tollgate audit: --format takes table, json, ndjson or csv, not \"%s\"\n",
		name);
	return false;
}

static bool take_option(struct audit *audit, int option)
{
	switch (option) {
	case 's': audit->state = optarg; return true;
	case 'c': audit->config_file = optarg; return true;
	case 'n': return take_number("lines", optarg, &audit->lines);
	case 'b': audit->begin = optarg; return true;
	case 'e': audit->until = optarg; return true;
	case 'f': audit->follows = true; return true;
	case 'o': return take_format(audit, optarg);
	}
	fputs(usage, stderr);
	return false;
}

/* Only an export has an end by time, and it has one always; it is for programs to read. */
static bool suits(struct audit *audit, const char *command)
{
	bool is_export = strcmp(command, "export") == 0;

	if (audit->format == FORMAT_NONE)
		audit->format = is_export ? FORMAT_NDJSON : FORMAT_TABLE;
	if (is_export)
		return !audit->follows && audit->format != FORMAT_TABLE;
	return audit->until == NULL;
}

/* The folder is the configuration's business unless it was given. */
static int run_on_state(struct audit *audit, int (*run)(const struct audit *))
{
	struct config *config = NULL;
	struct diag diag = {0};
	enum err err;
	int code;

	if (audit->state != NULL)
		return run(audit);
	err = config_load(audit->config_file, &diag, &config);
	if (err != OK) {
		(void)fail(&diag);
		fputs("--state DIR reads a journal without any configuration\n", stderr);
		return err == ERR_NOT_FOUND || err == ERR_IO ? EXIT_CODE_FAILED : EXIT_CODE_NO;
	}
	audit->state = config->state;
	code = run(audit);
	config_free(config);
	return code;
}

int cli_audit(int argc, char **argv)
{
	static const struct option options[] = {
		{"state", required_argument, NULL, 's'},
		{"config", required_argument, NULL, 'c'},
		{"lines", required_argument, NULL, 'n'},
		{"from", required_argument, NULL, 'b'},
		{"follow", no_argument, NULL, 'f'},
		{"format", required_argument, NULL, 'o'},
		{"to", required_argument, NULL, 'e'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	struct audit audit = {.config_file = "tollgate.yaml", .lines = TAIL_RECORDS};
	const char *command;
	int option;

	optind = 0;
	while ((option = getopt_long(argc, argv, "c:n:fh", options, NULL)) != -1) {
		if (option == 'h') {
			fputs(usage, stdout);
			return EXIT_CODE_FINE;
		}
		if (!take_option(&audit, option))
			return EXIT_CODE_USAGE;
	}
	command = optind < argc ? argv[optind++] : "";
	if (optind < argc && strcmp(command, "show") == 0)
		audit.request = argv[optind++];
	for (size_t i = 0; i < ARRAY_LEN(commands) && optind == argc; i++)
		if (strcmp(command, commands[i].name) == 0 && suits(&audit, command))
			return run_on_state(&audit, commands[i].run);
	fputs(usage, stderr);
	return EXIT_CODE_USAGE;
}
