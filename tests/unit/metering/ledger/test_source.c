/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger over a real journal, through restarts of both. */
#include "metering/ledger/source.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "metering/journal/journal.h"
#include "metering/ledger/ledger.h"
#include "tape.h"

#define DRAIN_MS 60000
#define WAIT_MS	 10000

static enum err on_open(void *arg, const struct record *intent, const struct record *progress,
			struct buf *out_settle)
{
	(void)arg;
	(void)intent;
	(void)progress;
	(void)out_settle;
	return ERR_INTERNAL; /* this test leaves no call open */
}

/* One boot: some records of the tape go through the journal into the book. */
static void boot(struct tape *tape, const char *folder, size_t from, size_t to)
{
	struct journal_options journal_options = {
		.state = folder, .gateway = STR("gw-1"), .on_open = on_open};
	struct ledger_options options = {
		.store = LEDGER_SQLITE, .state = folder, .gateway = "gw-1", .interval_ms = 5};
	struct journal_writer *writer = NULL;
	struct journal *journal = NULL;
	struct ledger *ledger = NULL;
	struct diag diag = {.line = 0};
	uint64_t position = 0;

	assert_int_equal(journal_open(&journal_options, &diag, &journal), OK);
	assert_int_equal(ledger_start(&options, journal, &diag, &ledger), OK);
	assert_int_equal(journal_writer_new(journal, NULL, &writer), OK);
	for (size_t i = from; i < to; i++) {
		bool is_settle = str_is_set(tape->payloads[i]);
		struct record_key key = {.attempt = 1};
		enum err err;

		memcpy(key.call, &i, sizeof(i));
		do {
			err = journal_append(writer, is_settle ? RECORD_SETTLE : RECORD_DECISION,
					     &key, is_settle ? tape->payloads[i] : STR("{}"),
					     &position);
			if (err == ERR_UNAVAILABLE)
				usleep(200);
		} while (err == ERR_UNAVAILABLE);
		assert_int_equal(err, OK);
	}
	assert_true(journal_wait(writer, position, WAIT_MS));
	assert_true(ledger_stop(ledger, DRAIN_MS));
	assert_int_equal(journal_close(journal), OK);
}

static void test_source__books_a_journal_over_several_boots(void **state)
{
	struct ledger_options options;
	struct tape tape;
	char folder[64];
	void *book = NULL;

	(void)state;
	tape_folder(folder);
	tape_init(&tape, 3000, 31);
	boot(&tape, folder, 0, 1000);
	boot(&tape, folder, 1000, 1700);
	boot(&tape, folder, 1700, 3000);
	options = (struct ledger_options){.state = folder};
	assert_int_equal(ledger_sqlite_ops.open(&options, true, NULL, &book), OK);
	assert_int_equal(tape_compare(&tape, &ledger_sqlite_ops, book, STR("gw-1")), 0);
	ledger_sqlite_ops.close(book);
	tape_fini(&tape);
	tape_remove(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_source__books_a_journal_over_several_boots),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
