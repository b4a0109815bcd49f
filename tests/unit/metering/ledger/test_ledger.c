/* SPDX-License-Identifier: Apache-2.0 */
/* The book: the thread over a tape of records, with every kind of interruption. */
#include "metering/ledger/ledger.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "tape.h"

#define DRAIN_MS 60000

static struct ledger *start(struct tape *tape, const char *folder)
{
	struct ledger_options options = {
		.store = LEDGER_SQLITE, .state = folder, .gateway = "gw-1", .interval_ms = 5};
	struct ledger_source source = tape_source(tape);
	struct ledger *ledger = NULL;
	struct diag diag = {.line = 0};
	enum err err = ledger_start_from(&options, &source, &diag, &ledger);

	if (err != OK)
		printf("# %s\n", diag.text);
	assert_int_equal(err, OK);
	return ledger;
}

static void run_to_end(struct tape *tape, const char *folder)
{
	assert_true(ledger_stop(start(tape, folder), DRAIN_MS));
}

static void assert_book(struct tape *tape, const char *folder)
{
	struct ledger_options options = {.state = folder};
	void *book = NULL;

	assert_int_equal(ledger_sqlite_ops.open(&options, true, NULL, &book), OK);
	assert_int_equal(tape_compare(tape, &ledger_sqlite_ops, book, STR("gw-1")), 0);
	ledger_sqlite_ops.close(book);
}

static void test_ledger__books_a_tape(void **state)
{
	struct tape tape;
	char folder[64];

	(void)state;
	tape_folder(folder);
	tape_init(&tape, 5000, 1);
	run_to_end(&tape, folder);
	assert_book(&tape, folder);
	tape_fini(&tape);
	tape_remove(folder);
}

static void test_ledger__a_second_run_changes_nothing(void **state)
{
	struct tape tape;
	char folder[64];

	(void)state;
	tape_folder(folder);
	tape_init(&tape, 3000, 2);
	run_to_end(&tape, folder);
	run_to_end(&tape, folder);
	assert_book(&tape, folder);
	tape_fini(&tape);
	tape_remove(folder);
}

/* Records become durable in pieces, some reads fail, the thread is stopped and started. */
static void test_ledger__pieces_and_failures_end_at_the_same_totals(void **state)
{
	struct tape tape;
	uint64_t seed = 3;
	char folder[64];

	(void)state;
	tape_folder(folder);
	tape_init(&tape, 4000, 3);
	atomic_store(&tape.durable, 0);
	while (atomic_load(&tape.durable) < tape.count) {
		struct ledger *ledger = start(&tape, folder);
		size_t more = 1 + tape_random(&seed) % 700;

		for (size_t i = 0; i < more && atomic_load(&tape.durable) < tape.count; i += 90) {
			atomic_store(&tape.durable,
				     MIN(tape.count, atomic_load(&tape.durable) + 90));
			ledger_wake(ledger);
		}
		ledger_stop(ledger, (int64_t)(tape_random(&seed) % 20));
		atomic_store(&tape.fail_at,
			     tape_random(&seed) % 4 == 0 ? atomic_load(&tape.durable) : 0);
	}
	run_to_end(&tape, folder);
	assert_book(&tape, folder);
	tape_fini(&tape);
	tape_remove(folder);
}

/* A child books with tiny batches and is killed at a random moment, again and again. */
static void test_ledger__a_kill_anywhere_loses_and_repeats_nothing(void **state)
{
	struct tape tape;
	uint64_t seed = 4;
	char folder[64];
	unsigned kills = 0;

	(void)state;
	tape_folder(folder);
	tape_init(&tape, 6000, 4);
	for (unsigned round = 0; round < 40; round++) {
		pid_t child = fork();
		int status = 0;

		assert_true(child >= 0);
		if (child == 0) {
			struct ledger *ledger;

			atomic_store(&tape.durable, round * 150);
			ledger = start(&tape, folder);
			for (unsigned i = 0; i < 150; i++) {
				atomic_fetch_add(&tape.durable, 1);
				ledger_wake(ledger);
				usleep(50);
			}
			ledger_stop(ledger, DRAIN_MS);
			_exit(0);
		}
		usleep((useconds_t)(tape_random(&seed) % 25000));
		kill(child, SIGKILL);
		assert_int_equal(waitpid(child, &status, 0), child);
		kills += WIFSIGNALED(status) ? 1 : 0;
	}
	printf("# killed %u of 40\n", kills);
	run_to_end(&tape, folder);
	assert_book(&tape, folder);
	tape_fini(&tape);
	tape_remove(folder);
}

static void test_ledger__keeps_the_place_of_a_bad_record(void **state)
{
	struct ledger_options options;
	struct ledger_standing standing;
	struct tape tape;
	struct ledger *ledger;
	char folder[64];
	void *book;

	(void)state;
	tape_folder(folder);
	tape_init(&tape, 100, 5);
	for (size_t i = 0; i < tape.count; i++) {
		if (!str_is_set(tape.payloads[i])) {
			tape.payloads[i] = STR("{\"data\":{}}");
			break;
		}
	}
	ledger = start(&tape, folder);
	while (stat_read(&ledger_stats(ledger)->booked_seq) < tape.count)
		usleep(1000);
	assert_int_equal(stat_read(&ledger_stats(ledger)->rejected), 1);
	assert_true(ledger_stop(ledger, DRAIN_MS));
	assert_book(&tape, folder);
	options = (struct ledger_options){.state = folder};
	assert_int_equal(ledger_sqlite_ops.open(&options, true, NULL, &book), OK);
	assert_int_equal(ledger_sqlite_ops.scan(book, 0, 0, NULL, NULL, &standing), OK);
	assert_int_equal(standing.rejected, 1);
	assert_true(standing.as_of_s > 1700000000);
	ledger_sqlite_ops.close(book);
	tape_fini(&tape);
	tape_remove(folder);
}

static void test_ledger__refuses_bad_options(void **state)
{
	static const struct {
		struct ledger_options options;
		enum err want;
	} rows[] = {
		{{.state = "/tmp", .gateway = NULL}, ERR_MALFORMED},
		{{.state = "/tmp", .gateway = "a b"}, ERR_MALFORMED},
		{{.state = "/tmp", .gateway = "{x}"}, ERR_MALFORMED},
		{{.state = NULL, .gateway = "a"}, ERR_MALFORMED},
		{{.state = "/nowhere/at/all", .gateway = "a"}, ERR_NOT_FOUND},
	};
	struct tape tape;
	struct ledger_source source;

	(void)state;
	tape_init(&tape, 1, 6);
	source = tape_source(&tape);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct ledger *ledger = NULL;
		struct diag diag = {.line = 0};

		assert_int_equal(ledger_start_from(&rows[i].options, &source, &diag, &ledger),
				 rows[i].want);
		assert_null(ledger);
		assert_true(diag.text[0] != '\0');
	}
	tape_fini(&tape);
}

static void test_ledger__refuses_a_book_of_another_gateway(void **state)
{
	struct ledger_options options = {.gateway = "gw-2", .interval_ms = 5};
	struct ledger_source source;
	struct ledger *ledger = NULL;
	struct diag diag = {.line = 0};
	struct tape tape;
	char folder[64];

	(void)state;
	tape_folder(folder);
	tape_init(&tape, 10, 7);
	run_to_end(&tape, folder);
	source = tape_source(&tape);
	options.state = folder;
	assert_int_equal(ledger_start_from(&options, &source, &diag, &ledger), ERR_CONFLICT);
	tape_fini(&tape);
	tape_remove(folder);
}

/* How long a rebuild takes; the figure is printed, not judged. */
static void test_ledger__rebuilds_from_a_long_tape(void **state)
{
	const char *wanted = getenv("TOLLGATE_LEDGER_RECORDS");
	uint64_t count = 40000;
	struct tape tape;
	char folder[64];
	int64_t begun;

	(void)state;
	if (wanted != NULL)
		assert_int_equal(str_to_u64(str_from_c(wanted), &count), OK);
	tape_folder(folder);
	tape_init(&tape, count, 8);
	begun = clock_mono_ns();
	run_to_end(&tape, folder);
	printf("# %zu records in %lld ms\n", tape.count,
	       (long long)((clock_mono_ns() - begun) / CLOCK_NS_PER_MS));
	assert_book(&tape, folder);
	tape_fini(&tape);
	tape_remove(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ledger__books_a_tape),
		cmocka_unit_test(test_ledger__a_second_run_changes_nothing),
		cmocka_unit_test(test_ledger__pieces_and_failures_end_at_the_same_totals),
		cmocka_unit_test(test_ledger__a_kill_anywhere_loses_and_repeats_nothing),
		cmocka_unit_test(test_ledger__keeps_the_place_of_a_bad_record),
		cmocka_unit_test(test_ledger__refuses_bad_options),
		cmocka_unit_test(test_ledger__refuses_a_book_of_another_gateway),
		cmocka_unit_test(test_ledger__rebuilds_from_a_long_tape),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
