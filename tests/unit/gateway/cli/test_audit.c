/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/cli/audit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "gateway/cli/exit.h"
#include "metering/journal/journal.h"

#define OUT_BYTES 8192

static const char intent[] =
	"{\"specversion\":\"1.0\",\"id\":\"R1.1.intent\",\"type\":\"tollgate.intent\","
	"\"time\":\"2026-11-23T09:00:00.123456Z\",\"subject\":\"User::ana\",\"data\":{"
	"\"request\":\"R1\",\"attempt\":1,\"model\":\"gpt-x\",\"decision\":\"allow\","
	"\"reasons\":[\"abac-clearance\"]}}";
static const char settle[] =
	"{\"specversion\":\"1.0\",\"id\":\"R1.1.settle\",\"type\":\"tollgate.settle\","
	"\"time\":\"2026-11-23T09:00:01.000Z\",\"subject\":\"User::ana\",\"data\":{"
	"\"request\":\"R1\",\"attempt\":1,\"model\":\"gpt-x\",\"status\":200,"
	"\"outcome\":\"complete\",\"cost_pico\":440000000,\"currency\":\"USD\"}}";
static const char decision[] =
	"{\"specversion\":\"1.0\",\"id\":\"R2.1.decision\",\"type\":\"tollgate.decision\","
	"\"time\":\"2026-11-23T09:00:02Z\",\"subject\":\"User::b\\u001b[2J, \\\"c\\\"\","
	"\"data\":{\"request\":\"R2\",\"model\":\"scorer\",\"decision\":\"deny\","
	"\"status\":403,\"reasons\":[\"no-high-risk\"]}}";
static const char odd[] = "not json";

struct folder {
	char path[64];
	char out[96];
};

static enum err no_open_calls(void *arg, const struct record *record, const struct record *progress,
			      struct buf *out)
{
	(void)arg;
	(void)record;
	(void)progress;
	(void)out;
	return ERR_INTERNAL;
}

static void append(struct journal_writer *writer, enum record_type type, const char *text)
{
	struct record_key key = {.attempt = 1};
	uint64_t position;

	assert_int_equal(journal_append(writer, type, &key, str_from_c(text), &position), OK);
	assert_true(journal_wait(writer, position, 10000));
}

static int make_journal(void **state)
{
	struct folder *folder = calloc(1, sizeof(*folder));
	struct journal_options options = {.gateway = STR("gw-1"), .on_open = no_open_calls};
	struct journal *journal;
	struct journal_writer *writer;
	struct diag diag;
	struct log_sink *sink = log_sink_new(2);
	struct log log;

	log_init(&log, NULL, NULL);
	log_set_sink(&log, sink);
	log_sink_set_level(sink, LEVEL_ERROR);
	options.log = &log;
	snprintf(folder->path, sizeof(folder->path), "/tmp/tollgate-audit-XXXXXX");
	assert_non_null(mkdtemp(folder->path));
	snprintf(folder->out, sizeof(folder->out), "%s/out", folder->path);
	options.state = folder->path;
	assert_int_equal(journal_open(&options, &diag, &journal), OK);
	assert_int_equal(journal_writer_new(journal, NULL, &writer), OK);
	append(writer, RECORD_INTENT, intent);
	append(writer, RECORD_SETTLE, settle);
	append(writer, RECORD_DECISION, decision);
	append(writer, RECORD_LIFECYCLE, odd);
	assert_int_equal(journal_close(journal), OK);
	log_sink_free(sink);
	*state = folder;
	return 0;
}

static int remove_journal(void **state)
{
	static const char *const names[] = {"journal/0000000001.segment",
					    "journal/spare",
					    "journal",
					    "epoch",
					    "lock",
					    "out",
					    "."};
	struct folder *folder = *state;
	char path[128];

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder->path, names[i]);
		if (remove(path) != 0)
			rmdir(folder->path);
	}
	free(folder);
	return 0;
}

/* Runs it with standard output in a file and gives that back. */
static int run(const struct folder *folder, char *const *args, char out[static OUT_BYTES])
{
	char *argv[12] = {(char[]){"audit"}};
	int argc = 1;
	int saved = dup(1);
	FILE *file;
	size_t len;
	int code;

	while (args[argc - 1] != NULL) {
		argv[argc] = args[argc - 1];
		argc++;
	}
	fflush(stdout);
	file = fopen(folder->out, "w+");
	assert_non_null(file);
	dup2(fileno(file), 1);
	code = cli_audit(argc, argv);
	fflush(stdout);
	dup2(saved, 1);
	close(saved);
	rewind(file);
	len = fread(out, 1, OUT_BYTES - 1, file);
	out[len] = '\0';
	fclose(file);
	return code;
}

#define RUN(folder, out, ...)                                                                      \
	run(folder,                                                                                \
	    (char *[]){(char[]){"--state"}, (char *)(uintptr_t)(folder)->path, __VA_ARGS__, NULL}, \
	    out)
#define ARG(text)                                                                                  \
	(char[])                                                                                   \
	{                                                                                          \
		text                                                                               \
	}

static void test_audit__shows_every_record_as_a_table(void **state)
{
	static const char want[] =
		" sequence  time                     type       subject                 model      "
		"         outcome                                   cost  request\n"
		"        1  2026-11-23T09:00:00.123  intent     User::ana               gpt-x      "
		"         allow abac-clearance                            R1\n"
		"        2  2026-11-23T09:00:01.000  settle     User::ana               gpt-x      "
		"         complete 200                       0.00044 USD  R1\n"
		"        3  2026-11-23T09:00:02      decision   User::b?[2J, \"c\"        scorer   "
		"           deny 403 no-high-risk                           R2\n"
		"        4                           lifecycle\n";
	char out[OUT_BYTES];

	assert_int_equal(RUN((struct folder *)*state, out, ARG("show")), EXIT_CODE_FINE);
	assert_string_equal(out, want);
}

static void test_audit__prints_payloads_as_they_are_stored(void **state)
{
	char out[OUT_BYTES];
	char want[2048];

	snprintf(want, sizeof(want), "%s\n%s\n", intent, settle);
	assert_int_equal(
		RUN((struct folder *)*state, out, ARG("show"), ARG("R1"), ARG("--format=json")),
		EXIT_CODE_FINE);
	assert_string_equal(out, want);
}

static void test_audit__tails_the_last_records(void **state)
{
	char out[OUT_BYTES];
	char want[2048];

	snprintf(want, sizeof(want), "%s\n%s\n", decision, odd);
	assert_int_equal(RUN((struct folder *)*state, out, ARG("tail"), ARG("-n"), ARG("2"),
			     ARG("--format"), ARG("json")),
			 EXIT_CODE_FINE);
	assert_string_equal(out, want);
}

static void test_audit__quotes_csv(void **state)
{
	static const char want[] =
		"sequence,time,type,subject,model,outcome,cost,request\n"
		"3,2026-11-23T09:00:02,decision,\"User::b?[2J, \"\"c\"\"\",scorer,"
		"deny 403 no-high-risk,,R2\n"
		"4,,lifecycle,,,,,\n";
	char out[OUT_BYTES];

	assert_int_equal(RUN((struct folder *)*state, out, ARG("show"), ARG("--format=csv"),
			     ARG("--from"), ARG("3")),
			 EXIT_CODE_FINE);
	assert_string_equal(out, want);
}

static void test_audit__exports_a_half_open_period(void **state)
{
	char out[OUT_BYTES];
	char want[2048];

	/* What has no time is in every period. */
	snprintf(want, sizeof(want), "%s\n%s\n", settle, odd);
	assert_int_equal(RUN((struct folder *)*state, out, ARG("export"), ARG("--from"),
			     ARG("2026-11-23T09:00:01Z"), ARG("--to"), ARG("2026-11-23T09:00:02Z"),
			     ARG("--format=ndjson")),
			 EXIT_CODE_FINE);
	assert_string_equal(out, want);
	snprintf(want, sizeof(want), "%s\n%s\n%s\n%s\n", intent, settle, decision, odd);
	assert_int_equal(RUN((struct folder *)*state, out, ARG("export")), EXIT_CODE_FINE);
	assert_string_equal(out, want);
	assert_int_equal(RUN((struct folder *)*state, out, ARG("export"), ARG("--to=2026-11-23"),
			     ARG("--format=csv")),
			 EXIT_CODE_FINE);
	assert_string_equal(out, "sequence,time,type,subject,model,outcome,cost,request\n"
				 "4,,lifecycle,,,,,\n");
}

static void test_audit__fails_when_its_output_was_not_written(void **state)
{
	struct folder full = *(struct folder *)*state;
	char out[OUT_BYTES];

	snprintf(full.out, sizeof(full.out), "/dev/full");
	assert_int_equal(RUN(&full, out, ARG("export")), EXIT_CODE_FAILED);
	clearerr(stdout);
}

static void test_audit__refuses_times_that_are_none(void **state)
{
	char out[OUT_BYTES];

	assert_int_equal(RUN((struct folder *)*state, out, ARG("export"), ARG("--from=1")),
			 EXIT_CODE_USAGE);
	assert_int_equal(RUN((struct folder *)*state, out, ARG("export"), ARG("--to=today")),
			 EXIT_CODE_USAGE);
	assert_int_equal(RUN((struct folder *)*state, out, ARG("show"), ARG("--from=2026-11-23")),
			 EXIT_CODE_USAGE);
	assert_int_equal(RUN((struct folder *)*state, out, ARG("export"), ARG("--format=table")),
			 EXIT_CODE_USAGE);
	assert_int_equal(RUN((struct folder *)*state, out, ARG("export"), ARG("--follow")),
			 EXIT_CODE_USAGE);
	assert_int_equal(RUN((struct folder *)*state, out, ARG("show"), ARG("--to=2026-11-23")),
			 EXIT_CODE_USAGE);
}

static void test_audit__says_no_for_a_request_that_is_not_there(void **state)
{
	char out[OUT_BYTES];

	assert_int_equal(RUN((struct folder *)*state, out, ARG("show"), ARG("R9")), EXIT_CODE_NO);
}

static void test_audit__refuses_wrong_use_and_a_missing_folder(void **state)
{
	struct folder *folder = *state;
	struct folder elsewhere = {.path = "/tmp/tollgate-audit-none"};
	char out[OUT_BYTES];

	memcpy(elsewhere.out, folder->out, sizeof(elsewhere.out));
	assert_int_equal(RUN(folder, out, ARG("list")), EXIT_CODE_USAGE);
	assert_int_equal(RUN(folder, out, ARG("tail"), ARG("R1")), EXIT_CODE_USAGE);
	assert_int_equal(RUN(folder, out, ARG("tail"), ARG("--lines=x")), EXIT_CODE_USAGE);
	assert_int_equal(RUN(folder, out, ARG("tail"), ARG("--format=xml")), EXIT_CODE_USAGE);
	assert_int_equal(RUN(folder, out, ARG("--help")), EXIT_CODE_FINE);
	assert_int_equal(RUN(&elsewhere, out, ARG("tail")), EXIT_CODE_FAILED);
	assert_int_equal(
		run(folder, (char *[]){ARG("tail"), ARG("--config"), ARG("/none.yaml"), NULL}, out),
		EXIT_CODE_FAILED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_audit__shows_every_record_as_a_table),
		cmocka_unit_test(test_audit__prints_payloads_as_they_are_stored),
		cmocka_unit_test(test_audit__tails_the_last_records),
		cmocka_unit_test(test_audit__quotes_csv),
		cmocka_unit_test(test_audit__exports_a_half_open_period),
		cmocka_unit_test(test_audit__fails_when_its_output_was_not_written),
		cmocka_unit_test(test_audit__refuses_times_that_are_none),
		cmocka_unit_test(test_audit__says_no_for_a_request_that_is_not_there),
		cmocka_unit_test(test_audit__refuses_wrong_use_and_a_missing_folder),
	};

	return cmocka_run_group_tests(tests, make_journal, remove_journal);
}
