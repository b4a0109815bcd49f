/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/cli/audit.h"

#include <getopt.h>
#include <stdio.h>
#include <time.h>

#include "gateway/cli/audit_row.h"
#include "gateway/cli/exit.h"
#include "gateway/config/config.h"
#include "metering/journal/cursor.h"
#include "metering/journal/segment.h"

#define TAIL_RECORDS 20
#define FOLLOW_NS    (200L * 1000 * 1000)

enum format {
	FORMAT_TABLE,
	FORMAT_JSON,
	FORMAT_CSV,
};

struct audit {
	const char *state; /* NULL: ask the configuration */
	const char *config_file;
	enum format format;
	uint64_t lines;	     /* tail: how many */
	uint64_t from;	     /* show: first sequence, 0 the oldest */
	const char *request; /* show: only this one; NULL all */
	bool follows;
};

static const char usage[] =
	"usage: tollgate audit tail [--lines N] [--follow] [OPTION ...]\n"
	"       tollgate audit show [--from SEQUENCE] [OPTION ...] [REQUEST]\n"
	"\n"
	"  --config FILE the gateway whose journal it is (default: tollgate.yaml)\n"
	"  --state DIR   its state folder; needs no configuration\n"
	"  --lines N     how many of the last records (default: 20)\n"
	"  --follow      go on with new records until interrupted\n"
	"  --from N      begin with this sequence (default: the oldest record kept)\n"
	"  --format F    table, json (the stored payload, one per line) or csv\n"
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

/* False when the record was not asked for. */
static bool print_record(const struct audit *audit, const struct record *record)
{
	struct audit_row row;

	audit_row_from_record(record, &row);
	if (audit->request != NULL && strcmp(row.text[AUDIT_REQUEST], audit->request) != 0)
		return false;
	switch (audit->format) {
	case FORMAT_TABLE: audit_row_print_table(&row, stdout); break;
	case FORMAT_CSV: audit_row_print_csv(&row, stdout); break;
	case FORMAT_JSON:
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
	return code;
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

static int run_show(const struct audit *audit)
{
	return print_from(audit, audit->from);
}

static const struct {
	const char *name;
	int (*run)(const struct audit *);
} commands[] = {
	{"show", run_show},
	{"tail", run_tail},
};

static bool take_format(struct audit *audit, const char *name)
{
	static const char *const names[] = {
		[FORMAT_TABLE] = "table", [FORMAT_JSON] = "json", [FORMAT_CSV] = "csv"};

	for (unsigned i = 0; i < ARRAY_LEN(names); i++) {
		if (strcmp(name, names[i]) == 0) {
			audit->format = (enum format)i;
			return true;
		}
	}
	fprintf(stderr, "tollgate audit: --format takes table, json or csv, not \"%s\"\n", name);
	return false;
}

static bool take_number(const char *option, const char *text, uint64_t *out)
{
	if (str_to_u64(str_from_c(text), out) == OK)
		return true;
	fprintf(stderr, "tollgate audit: --%s takes a number, not \"%s\"\n", option, text);
	return false;
}

static bool take_option(struct audit *audit, int option)
{
	switch (option) {
	case 's': audit->state = optarg; return true;
	case 'c': audit->config_file = optarg; return true;
	case 'n': return take_number("lines", optarg, &audit->lines);
	case 'b': return take_number("from", optarg, &audit->from);
	case 'f': audit->follows = true; return true;
	case 'o': return take_format(audit, optarg);
	}
	fputs(usage, stderr);
	return false;
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
		{"state", required_argument, NULL, 's'}, {"config", required_argument, NULL, 'c'},
		{"lines", required_argument, NULL, 'n'}, {"from", required_argument, NULL, 'b'},
		{"follow", no_argument, NULL, 'f'},	 {"format", required_argument, NULL, 'o'},
		{"help", no_argument, NULL, 'h'},	 {0},
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
		if (strcmp(command, commands[i].name) == 0)
			return run_on_state(&audit, commands[i].run);
	fputs(usage, stderr);
	return EXIT_CODE_USAGE;
}
