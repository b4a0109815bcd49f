/* SPDX-License-Identifier: Apache-2.0 */
#include "metering/journal/journal.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/loop.h"
#include "life.h"

static void test_journal__gives_back_what_was_appended(void **state)
{
	struct disk *disk = disk_new(1);
	struct journal *journal;
	struct journal_writer *writer;
	struct cursor *reader;
	struct record record;
	struct diag diag;

	(void)state;
	assert_int_equal(life_open(disk, NULL, &journal), OK);
	assert_true(journal_admits(journal));
	assert_int_equal(journal_epoch(journal), 1);
	assert_int_equal(journal_writer_new(journal, NULL, &writer), OK);
	assert_int_equal(journal_reader_open(journal, 0, &diag, &reader), OK);
	assert_int_equal(cursor_next(reader, &record), IO_AGAIN);
	for (unsigned call = 0; call < 500; call++) {
		life_append(writer, RECORD_INTENT, call, 700 + call);
		life_append_durably(writer, RECORD_SETTLE, call, 3000);
		assert_int_equal(cursor_next(reader, &record), IO_DONE);
		assert_int_equal(record.type, RECORD_INTENT);
		assert_int_equal(record.sequence, call * 2 + 1);
		assert_int_equal(record.payload.len, 700 + call);
		assert_int_equal(life_call(&record), call);
		assert_int_equal(cursor_next(reader, &record), IO_DONE);
		assert_int_equal(record.type, RECORD_SETTLE);
		assert_int_equal(cursor_next(reader, &record), IO_AGAIN);
	}
	assert_int_equal(journal_durable_sequence(journal), 1001);
	assert_int_equal(stat_read(&journal_stats(journal)->records), 1000);
	assert_true(stat_read(&journal_stats(journal)->segments) > 6);
	assert_int_equal(journal_ring_bytes(journal), 0);
	cursor_free(reader);
	journal_writer_free(writer);
	assert_int_equal(journal_close(journal), OK);
	disk_free(disk);
}

static void test_journal__refuses_a_second_process(void **state)
{
	struct disk *disk = disk_new(1);
	struct journal *journal;
	struct journal *second;

	(void)state;
	assert_int_equal(life_open(disk, NULL, &journal), OK);
	assert_int_equal(life_open(disk, NULL, &second), ERR_CONFLICT);
	assert_int_equal(journal_close(journal), OK);
	assert_int_equal(life_open(disk, NULL, &journal), OK);
	assert_int_equal(journal_epoch(journal), 2);
	assert_int_equal(journal_close(journal), OK);
	disk_free(disk);
}

static void test_journal__settles_each_open_call_once(void **state)
{
	struct disk *disk = disk_new(1);
	struct journal *journal;
	struct journal_writer *writer;
	struct seen *seen = malloc(sizeof(*seen));
	uint64_t digest;
	unsigned recovered = 0;

	(void)state;
	assert_int_equal(life_open(disk, NULL, &journal), OK);
	assert_int_equal(journal_writer_new(journal, NULL, &writer), OK);
	for (unsigned call = 0; call < 40; call++) {
		life_append(writer, RECORD_INTENT, call, 20000);
		life_append(writer, RECORD_PROGRESS, call, 1);
		if (call % 4 != 0)
			life_append_durably(writer, RECORD_SETTLE, call, 100);
	}
	assert_int_equal(journal_close(journal), OK);
	disk_lose_power(disk);
	assert_int_equal(life_open(disk, &recovered, &journal), OK);
	assert_int_equal(recovered, 10);
	assert_int_equal(journal_close(journal), OK);
	assert_int_equal(life_read_all(disk, seen), IO_AGAIN);
	for (unsigned call = 0; call < 40; call++)
		assert_int_equal(seen->settles[call], 1);
	digest = seen->digest;
	for (unsigned again = 0; again < 3; again++) {
		recovered = 0;
		assert_int_equal(life_open(disk, &recovered, &journal), OK);
		assert_int_equal(recovered, 0);
		assert_int_equal(journal_close(journal), OK);
	}
	assert_int_equal(life_read_all(disk, seen), IO_AGAIN);
	assert_int_equal(seen->digest, digest);
	free(seen);
	disk_free(disk);
}

/* --- a disk that fails or is full --- */

static void test_journal__appends_again_after_a_failed_sync(void **state)
{
	static const struct {
		const char *name;
		enum disk_op op;
		unsigned count;
		int error;
	} rows[] = {
		{"one EIO on fdatasync", DISK_FDATASYNC, 1, EIO},
		{"three EIO on fdatasync", DISK_FDATASYNC, 3, EIO},
		{"EINTR on fdatasync", DISK_FDATASYNC, 2, EINTR},
		{"one EIO on write", DISK_WRITE, 1, EIO},
		{"ENOSPC on write", DISK_WRITE, 2, ENOSPC},
		{"EINTR on write", DISK_WRITE, 2, EINTR},
		{"EIO on fsync", DISK_FSYNC, 2, EIO},
		{"ENOSPC on fallocate", DISK_FALLOCATE, 2, ENOSPC},
		{"EIO on rename", DISK_RENAME, 2, EIO},
		{"EIO on open", DISK_OPEN, 2, EIO},
		{"EIO on ftruncate", DISK_FTRUNCATE, 2, EIO},
	};
	struct seen *seen = malloc(sizeof(*seen));

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct disk *disk = disk_new(i);
		struct journal *journal;
		struct journal_writer *writer;

		print_message("# %s\n", rows[i].name);
		assert_int_equal(life_open(disk, NULL, &journal), OK);
		assert_int_equal(journal_writer_new(journal, NULL, &writer), OK);
		life_append_durably(writer, RECORD_INTENT, 0, 1000);
		disk_fail(disk, rows[i].op, 0, rows[i].count, rows[i].error);
		for (unsigned call = 0; call < 20; call++)
			life_append_durably(writer, RECORD_SETTLE, call, 50000);
		while (!journal_admits(journal))
			;
		life_append_durably(writer, RECORD_INTENT, 30, 100);
		life_append_durably(writer, RECORD_SETTLE, 30, 100);
		assert_int_equal(life_read_all(disk, seen), IO_AGAIN);
		assert_int_equal(seen->records, 23);
		journal_writer_free(writer);
		assert_int_equal(journal_close(journal), OK);
		disk_lose_power(disk);
		assert_int_equal(life_open(disk, NULL, &journal), OK);
		assert_int_equal(journal_close(journal), OK);
		assert_int_equal(life_read_all(disk, seen), IO_AGAIN);
		assert_int_equal(seen->records, 23);
		disk_free(disk);
	}
	free(seen);
}

static void test_journal__takes_short_writes(void **state)
{
	struct disk *disk = disk_new(5);
	struct seen *seen = malloc(sizeof(*seen));
	struct journal *journal;
	struct journal_writer *writer;

	(void)state;
	disk_set_short(disk, 13);
	assert_int_equal(life_open(disk, NULL, &journal), OK);
	assert_int_equal(journal_writer_new(journal, NULL, &writer), OK);
	for (unsigned call = 0; call < 50; call++)
		life_append_durably(writer, RECORD_SETTLE, call, 333);
	assert_int_equal(journal_close(journal), OK);
	assert_int_equal(life_read_all(disk, seen), IO_AGAIN);
	assert_int_equal(seen->records, 50);
	free(seen);
	disk_free(disk);
}

static void test_journal__settles_but_does_not_admit_when_full(void **state)
{
	struct disk *disk = disk_new(6);
	struct seen *seen = malloc(sizeof(*seen));
	struct record_key key = life_key(999);
	struct journal *journal;
	struct journal_writer *writer;
	uint64_t position;
	unsigned call = 0;

	(void)state;
	assert_int_equal(life_open(disk, NULL, &journal), OK);
	assert_int_equal(journal_writer_new(journal, NULL, &writer), OK);
	for (; call < 8; call++)
		life_append_durably(writer, RECORD_INTENT, call, 1000);
	disk_set_room(disk, 3 * LIFE_SEGMENT + 1000);
	while (journal_admits(journal))
		life_append_durably(writer, RECORD_PROGRESS, 0, 30000);
	assert_int_equal(journal_append(writer, RECORD_INTENT, &key, STR("{}"), &position),
			 ERR_UNAVAILABLE);
	assert_int_equal(journal_append(writer, RECORD_DECISION, &key, STR("{}"), &position),
			 ERR_UNAVAILABLE);
	for (unsigned i = 0; i < call; i++)
		life_append_durably(writer, RECORD_SETTLE, i, 1000);
	disk_set_room(disk, 0);
	while (!journal_admits(journal))
		;
	life_append_durably(writer, RECORD_INTENT, 50, 1000);
	life_append_durably(writer, RECORD_SETTLE, 50, 1000);
	journal_writer_free(writer);
	assert_int_equal(journal_close(journal), OK);
	assert_int_equal(life_read_all(disk, seen), IO_AGAIN);
	for (unsigned i = 0; i < call; i++)
		assert_int_equal(seen->settles[i], 1);
	free(seen);
	disk_free(disk);
}

static void test_journal__says_when_it_lost_its_tail(void **state)
{
	struct disk *disk = disk_new(7);
	struct journal *journal;
	struct journal_writer *writer;

	(void)state;
	assert_int_equal(life_open(disk, NULL, &journal), OK);
	assert_int_equal(journal_writer_new(journal, NULL, &writer), OK);
	life_append_durably(writer, RECORD_INTENT, 1, 1000);
	disk_die_after(disk, 1);
	life_append(writer, RECORD_SETTLE, 1, 1000);
	assert_int_equal(journal_close(journal), ERR_IO);
	disk_free(disk);
}

static void test_journal__bounds_its_ring(void **state)
{
	struct disk *disk = disk_new(8);
	struct record_key key = life_key(1);
	struct journal *journal;
	struct journal_writer *writer;
	uint64_t position;
	char *text = calloc(1, RECORD_PAYLOAD_BYTES + 1);
	enum err err;

	(void)state;
	memset(text, 'x', RECORD_PAYLOAD_BYTES + 1);
	assert_int_equal(life_open(disk, NULL, &journal), OK);
	assert_int_equal(journal_writer_new(journal, NULL, &writer), OK);
	assert_int_equal(journal_append(writer, RECORD_SETTLE, &key, STR(""), &position),
			 ERR_LIMIT);
	assert_int_equal(journal_append(writer, RECORD_SETTLE, &key,
					str_make(text, RECORD_PAYLOAD_BYTES + 1), &position),
			 ERR_LIMIT);
	disk_fail(disk, DISK_WRITE, 0, 100000, EIO);
	do
		err = journal_append(writer, RECORD_SETTLE, &key,
				     str_make(text, RECORD_PAYLOAD_BYTES), &position);
	while (err == OK);
	assert_int_equal(err, ERR_UNAVAILABLE);
	disk_fail(disk, DISK_WRITE, 0, 0, 0);
	assert_true(journal_wait(writer, position, LIFE_WAIT_MS));
	life_append_durably(writer, RECORD_SETTLE, 1, 1);
	assert_int_equal(journal_close(journal), OK);
	free(text);
	disk_free(disk);
}

static void test_journal__announces_at_once_when_relaxed(void **state)
{
	struct disk *disk = disk_new(9);
	struct diag diag;
	struct journal_options options = life_options(disk, NULL);
	struct journal *journal;
	struct journal_writer *writer;
	uint64_t position;

	(void)state;
	options.durability = JOURNAL_RELAXED;
	assert_int_equal(journal_open(&options, &diag, &journal), OK);
	assert_int_equal(journal_writer_new(journal, NULL, &writer), OK);
	position = life_append(writer, RECORD_SETTLE, 1, 100);
	assert_int_equal(journal_durable(writer), position);
	assert_true(journal_wait(writer, position, LIFE_WAIT_MS));
	journal_writer_free(writer);
	assert_int_equal(journal_close(journal), OK);
	disk_free(disk);
}

static void test_journal__reuses_the_place_of_a_writer_that_left(void **state)
{
	struct disk *disk = disk_new(10);
	struct journal *journal;
	struct journal_writer *writer;

	(void)state;
	assert_int_equal(life_open(disk, NULL, &journal), OK);
	for (unsigned i = 0; i < JOURNAL_WRITERS * 3; i++) {
		assert_int_equal(journal_writer_new(journal, NULL, &writer), OK);
		life_append_durably(writer, RECORD_SETTLE, i, 10);
		journal_writer_free(writer);
	}
	assert_int_equal(journal_close(journal), OK);
	disk_free(disk);
}

static void test_journal__refuses_another_gateway_and_a_rolled_back_reader(void **state)
{
	struct disk *disk = disk_new(11);
	struct diag diag;
	struct journal_options options = life_options(disk, NULL);
	struct journal *journal;
	struct journal_writer *writer;
	struct cursor *cursors[9];

	(void)state;
	assert_int_equal(life_open(disk, NULL, &journal), OK);
	assert_int_equal(journal_writer_new(journal, NULL, &writer), OK);
	life_append_durably(writer, RECORD_SETTLE, 1, 100);
	assert_int_equal(journal_reader_open(journal, 3, &diag, &cursors[0]), ERR_CONFLICT);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(journal_reader_open(journal, 2, &diag, &cursors[i]), OK);
	assert_int_equal(journal_reader_open(journal, 2, &diag, &cursors[8]), ERR_LIMIT);
	for (unsigned i = 0; i < 8; i++)
		cursor_free(cursors[i]);
	journal_writer_free(writer);
	assert_int_equal(journal_close(journal), OK);
	options.gateway = STR("gw-2");
	assert_int_equal(journal_open(&options, &diag, &journal), ERR_CONFLICT);
	disk_free(disk);
}

/* --- real threads --- */

#define THREAD_CALLS 1500U

struct worker {
	struct journal *journal;
	struct loop *loop;
	struct journal_writer *writer;
	pthread_t thread;
	unsigned first;	  /* call */
	unsigned started; /* calls with an INTENT appended */
	unsigned settled;
	uint64_t positions[THREAD_CALLS * 2];
	unsigned appended;
	unsigned woken;
};

static void worker_append(struct worker *worker, enum record_type type, unsigned call)
{
	struct record_key key = life_key(worker->first + call);
	char text[400];
	enum err err;

	memset(text, 'w', sizeof(text));
	err = journal_append(worker->writer, type, &key, str_make(text, sizeof(text)),
			     &worker->positions[worker->appended]);
	assert_int_equal(err, OK);
	worker->appended++;
}

/* Ends when every call has a durable SETTLE; an INTENT that became durable is settled. */
static void on_wake(void *arg)
{
	struct worker *worker = arg;
	uint64_t durable = journal_durable(worker->writer);

	worker->woken++;
	while (worker->settled < worker->started && worker->positions[worker->settled] <= durable) {
		worker_append(worker, RECORD_SETTLE, worker->settled);
		worker->settled++;
	}
	if (worker->settled == THREAD_CALLS && worker->positions[worker->appended - 1] <= durable)
		loop_stop(worker->loop);
}

static void *work(void *arg)
{
	struct worker *worker = arg;

	worker->loop = loop_new();
	loop_set_wake(worker->loop, on_wake, worker);
	assert_int_equal(journal_writer_new(worker->journal, worker->loop, &worker->writer), OK);
	while (worker->started < THREAD_CALLS)
		worker_append(worker, RECORD_INTENT, worker->started++);
	loop_run(worker->loop);
	journal_writer_free(worker->writer);
	loop_free(worker->loop);
	return NULL;
}

static void test_journal__serves_two_workers_and_a_reader_at_once(void **state)
{
	struct disk *disk = disk_new(12);
	struct seen *seen = calloc(1, sizeof(*seen));
	struct worker *workers = calloc(2, sizeof(*workers));
	struct journal *journal;
	struct cursor *cursor;
	struct record record;
	struct diag diag;
	enum io io;

	(void)state;
	assert_int_equal(life_open(disk, NULL, &journal), OK);
	assert_int_equal(journal_reader_open(journal, 0, &diag, &cursor), OK);
	for (unsigned i = 0; i < 2; i++) {
		workers[i].journal = journal;
		workers[i].first = i * THREAD_CALLS;
		assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
	}
	while (seen->records < 4 * THREAD_CALLS) {
		io = cursor_next(cursor, &record);
		assert_int_not_equal(io, IO_FAIL);
		if (io == IO_DONE)
			life_see(seen, &record);
		if (io == IO_DONE && record.sequence % 100 == 0)
			cursor_release(cursor, record.sequence);
	}
	for (unsigned i = 0; i < 2; i++)
		pthread_join(workers[i].thread, NULL);
	for (unsigned call = 0; call < 2 * THREAD_CALLS; call++) {
		assert_int_equal(seen->intents[call], 1);
		assert_int_equal(seen->settles[call], 1);
	}
	cursor_free(cursor);
	assert_int_equal(journal_close(journal), OK);
	free(workers);
	free(seen);
	disk_free(disk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_journal__gives_back_what_was_appended),
		cmocka_unit_test(test_journal__refuses_a_second_process),
		cmocka_unit_test(test_journal__settles_each_open_call_once),
		cmocka_unit_test(test_journal__appends_again_after_a_failed_sync),
		cmocka_unit_test(test_journal__takes_short_writes),
		cmocka_unit_test(test_journal__settles_but_does_not_admit_when_full),
		cmocka_unit_test(test_journal__says_when_it_lost_its_tail),
		cmocka_unit_test(test_journal__bounds_its_ring),
		cmocka_unit_test(test_journal__announces_at_once_when_relaxed),
		cmocka_unit_test(test_journal__reuses_the_place_of_a_writer_that_left),
		cmocka_unit_test(test_journal__refuses_another_gateway_and_a_rolled_back_reader),
		cmocka_unit_test(test_journal__serves_two_workers_and_a_reader_at_once),
	};

	return cmocka_run_group_tests(tests, life_set_up, life_tear_down);
}
