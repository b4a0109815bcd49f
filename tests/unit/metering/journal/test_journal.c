/* SPDX-License-Identifier: Apache-2.0 */
#include "metering/journal/journal.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "disk.h"
#include "metering/journal/cursor.h"

#define SEGMENT (256U << 10)
#define WAIT_MS 20000
#define CALLS	4096

/* What a reader of the whole journal must find. */
struct seen {
	unsigned intents[CALLS];
	unsigned settles[CALLS];
	uint64_t records;
	uint64_t digest;
};

static struct record_key key_of(unsigned call)
{
	struct record_key key = {.attempt = 1};

	memcpy(key.call + 12, &call, sizeof(call));
	return key;
}

static unsigned call_of(const struct record *record)
{
	unsigned call;

	memcpy(&call, record->key.call + 12, sizeof(call));
	return call;
}

static enum err settle_recovered(void *arg, const struct record *intent,
				 const struct record *progress, struct buf *out)
{
	unsigned *count = arg;

	assert_int_equal(intent->type, RECORD_INTENT);
	if (count != NULL)
		(*count)++;
	return buf_printf(out, "{\"recovered\":%u,\"progress\":" STR_FMT "}", call_of(intent),
			  STR_ARG(progress == NULL ? STR("null") : progress->payload));
}

static enum err open_on(struct disk *disk, unsigned *recovered, struct journal **out)
{
	struct diag diag = {0};
	struct journal_options options = {.state = "state",
					  .gateway = STR("gw-1"),
					  .segment_bytes = SEGMENT,
					  .files = disk_files(disk),
					  .on_open = settle_recovered,
					  .arg = recovered};
	enum err err = journal_open(&options, &diag, out);

	if (err != OK && !disk_is_dead(disk))
		print_message("# %s: %s\n", diag.file, diag.text);
	return err;
}

static uint64_t append(struct journal_writer *writer, enum record_type type, unsigned call,
		       size_t len)
{
	struct record_key key = key_of(call);
	uint64_t position = 0;
	char *text = malloc(len);

	memset(text, 'a' + (int)(call % 26), len);
	assert_int_equal(journal_append(writer, type, &key, str_make(text, len), &position), OK);
	free(text);
	return position;
}

static void append_durably(struct journal_writer *writer, enum record_type type, unsigned call,
			   size_t len)
{
	assert_true(journal_wait(writer, append(writer, type, call, len), WAIT_MS));
}

static void see(struct seen *seen, const struct record *record)
{
	unsigned call = call_of(record);

	assert_true(call < CALLS);
	if (record->type == RECORD_INTENT)
		seen->intents[call]++;
	if (record->type == RECORD_SETTLE)
		seen->settles[call]++;
	seen->records++;
	for (size_t i = 0; i < record->payload.len; i++)
		seen->digest =
			seen->digest * 1099511628211U + (unsigned char)record->payload.ptr[i];
}

/* Reads it all as another process would, and checks that the sequence has no gap. */
static enum io read_all(struct disk *disk, struct seen *seen)
{
	struct cursor *cursor = NULL;
	struct record record;
	struct diag diag;
	uint64_t next = 0;
	enum io io;

	memset(seen, 0, sizeof(*seen));
	assert_int_equal(journal_cursor_open_files(disk_files(disk), "state", 0, &diag, &cursor),
			 OK);
	while ((io = cursor_next(cursor, &record)) == IO_DONE) {
		assert_true(next == 0 || record.sequence == next);
		next = record.sequence + 1;
		see(seen, &record);
	}
	cursor_free(cursor);
	return io;
}

static void test_journal__gives_back_what_was_appended(void **state)
{
	struct disk *disk = disk_new(1);
	struct journal *journal;
	struct journal_writer *writer;
	struct cursor *reader;
	struct record record;
	struct diag diag;

	(void)state;
	assert_int_equal(open_on(disk, NULL, &journal), OK);
	assert_true(journal_admits(journal));
	assert_int_equal(journal_epoch(journal), 1);
	assert_int_equal(journal_writer_new(journal, NULL, &writer), OK);
	assert_int_equal(journal_reader_open(journal, 0, &diag, &reader), OK);
	assert_int_equal(cursor_next(reader, &record), IO_AGAIN);
	for (unsigned call = 0; call < 500; call++) {
		append(writer, RECORD_INTENT, call, 700 + call);
		append_durably(writer, RECORD_SETTLE, call, 3000);
		assert_int_equal(cursor_next(reader, &record), IO_DONE);
		assert_int_equal(record.type, RECORD_INTENT);
		assert_int_equal(record.sequence, call * 2 + 1);
		assert_int_equal(record.payload.len, 700 + call);
		assert_int_equal(call_of(&record), call);
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
	assert_int_equal(open_on(disk, NULL, &journal), OK);
	assert_int_equal(open_on(disk, NULL, &second), ERR_CONFLICT);
	assert_int_equal(journal_close(journal), OK);
	assert_int_equal(open_on(disk, NULL, &journal), OK);
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
	assert_int_equal(open_on(disk, NULL, &journal), OK);
	assert_int_equal(journal_writer_new(journal, NULL, &writer), OK);
	for (unsigned call = 0; call < 40; call++) {
		append(writer, RECORD_INTENT, call, 20000);
		append(writer, RECORD_PROGRESS, call, 1);
		if (call % 4 != 0)
			append_durably(writer, RECORD_SETTLE, call, 100);
	}
	assert_int_equal(journal_close(journal), OK);
	disk_lose_power(disk);
	assert_int_equal(open_on(disk, &recovered, &journal), OK);
	assert_int_equal(recovered, 10);
	assert_int_equal(journal_close(journal), OK);
	assert_int_equal(read_all(disk, seen), IO_AGAIN);
	for (unsigned call = 0; call < 40; call++)
		assert_int_equal(seen->settles[call], 1);
	digest = seen->digest;
	for (unsigned again = 0; again < 3; again++) {
		recovered = 0;
		assert_int_equal(open_on(disk, &recovered, &journal), OK);
		assert_int_equal(recovered, 0);
		assert_int_equal(journal_close(journal), OK);
	}
	assert_int_equal(read_all(disk, seen), IO_AGAIN);
	assert_int_equal(seen->digest, digest);
	free(seen);
	disk_free(disk);
}

/* --- crash after the n-th operation, for every n --- */

struct promise {
	unsigned intents; /* calls below it have a durable INTENT */
	unsigned settles;
};

static void live(struct journal *journal, struct disk *disk, unsigned from, unsigned calls,
		 struct promise *promise)
{
	struct journal_writer *writer;

	assert_int_equal(journal_writer_new(journal, NULL, &writer), OK);
	for (unsigned call = from; call < from + calls; call++) {
		struct record_key key = key_of(call);
		uint64_t position = 0;
		char text[3000];

		memset(text, 'p', sizeof(text));
		if (journal_append(writer, RECORD_INTENT, &key, str_make(text, sizeof(text)),
				   &position) != OK)
			break;
		while (!journal_wait(writer, position, 0) && !disk_is_dead(disk))
			;
		if (journal_durable(writer) < position)
			break;
		promise->intents = call + 1;
		if (call % 3 == 0)
			continue;
		if (journal_append(writer, RECORD_SETTLE, &key, str_make(text, 2000), &position) !=
		    OK)
			break;
		while (!journal_wait(writer, position, 0) && !disk_is_dead(disk))
			;
		if (journal_durable(writer) < position)
			break;
		promise->settles = call + 1;
	}
	journal_writer_free(writer);
}

static void check_promise(const struct seen *seen, const struct promise *promise)
{
	for (unsigned call = 0; call < CALLS; call++) {
		if (call < promise->intents)
			assert_int_equal(seen->intents[call], 1);
		if (call < promise->settles && call % 3 != 0)
			assert_int_equal(seen->settles[call], 1);
		assert_true(seen->intents[call] <= 1);
		assert_int_equal(seen->settles[call], seen->intents[call]);
	}
}

/* One life that dies after `ops`, a second one that dies in or after its recovery, a third that
 * must find everything that was acknowledged. Returns whether the first life died. */
static bool die_and_check(unsigned ops, unsigned ops_second, bool is_power, struct seen *seen)
{
	struct disk *disk = disk_new(ops * 1000 + ops_second);
	struct journal *journal;
	struct promise promise = {0};
	bool has_died;

	disk_die_after(disk, ops);
	if (open_on(disk, NULL, &journal) == OK) {
		live(journal, disk, 0, 90, &promise);
		(void)journal_close(journal);
	}
	has_died = disk_is_dead(disk);
	is_power ? disk_lose_power(disk) : disk_kill(disk);
	disk_die_after(disk, ops_second);
	if (open_on(disk, NULL, &journal) == OK) {
		live(journal, disk, promise.intents + 10, 3, &(struct promise){0});
		(void)journal_close(journal);
	}
	disk_lose_power(disk);
	assert_int_equal(open_on(disk, NULL, &journal), OK);
	assert_int_equal(journal_close(journal), OK);
	assert_int_equal(read_all(disk, seen), IO_AGAIN);
	check_promise(seen, &promise);
	disk_free(disk);
	return has_died;
}

static void test_journal__keeps_its_word_through_a_crash_at_any_operation(void **state)
{
	struct seen *seen = malloc(sizeof(*seen));
	unsigned ops = 1;

	(void)state;
	while (die_and_check(ops, 0, true, seen) && die_and_check(ops, 0, false, seen))
		ops++;
	print_message("# %u crash points\n", ops);
	assert_true(ops > 300);
	free(seen);
}

static void test_journal__keeps_its_word_through_a_crash_in_recovery(void **state)
{
	struct seen *seen = malloc(sizeof(*seen));
	unsigned cases = 0;

	(void)state;
	for (unsigned ops = 30; ops < 330; ops += 7)
		for (unsigned second = 1; second < 40; second += 1 + ops % 3, cases++)
			die_and_check(ops, second, second % 4 != 0, seen);
	print_message("# %u pairs of crash points\n", cases);
	free(seen);
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
		assert_int_equal(open_on(disk, NULL, &journal), OK);
		assert_int_equal(journal_writer_new(journal, NULL, &writer), OK);
		append_durably(writer, RECORD_INTENT, 0, 1000);
		disk_fail(disk, rows[i].op, 0, rows[i].count, rows[i].error);
		for (unsigned call = 0; call < 20; call++)
			append_durably(writer, RECORD_SETTLE, call, 50000);
		while (!journal_admits(journal))
			;
		append_durably(writer, RECORD_INTENT, 30, 100);
		append_durably(writer, RECORD_SETTLE, 30, 100);
		assert_int_equal(read_all(disk, seen), IO_AGAIN);
		assert_int_equal(seen->records, 23);
		journal_writer_free(writer);
		assert_int_equal(journal_close(journal), OK);
		disk_lose_power(disk);
		assert_int_equal(open_on(disk, NULL, &journal), OK);
		assert_int_equal(journal_close(journal), OK);
		assert_int_equal(read_all(disk, seen), IO_AGAIN);
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
	assert_int_equal(open_on(disk, NULL, &journal), OK);
	assert_int_equal(journal_writer_new(journal, NULL, &writer), OK);
	for (unsigned call = 0; call < 50; call++)
		append_durably(writer, RECORD_SETTLE, call, 333);
	assert_int_equal(journal_close(journal), OK);
	assert_int_equal(read_all(disk, seen), IO_AGAIN);
	assert_int_equal(seen->records, 50);
	free(seen);
	disk_free(disk);
}

static void test_journal__settles_but_does_not_admit_when_full(void **state)
{
	struct disk *disk = disk_new(6);
	struct seen *seen = malloc(sizeof(*seen));
	struct record_key key = key_of(999);
	struct journal *journal;
	struct journal_writer *writer;
	uint64_t position;
	unsigned call = 0;

	(void)state;
	assert_int_equal(open_on(disk, NULL, &journal), OK);
	assert_int_equal(journal_writer_new(journal, NULL, &writer), OK);
	for (; call < 8; call++)
		append_durably(writer, RECORD_INTENT, call, 1000);
	disk_set_room(disk, 3 * SEGMENT + 1000);
	while (journal_admits(journal))
		append_durably(writer, RECORD_PROGRESS, 0, 30000);
	assert_int_equal(journal_append(writer, RECORD_INTENT, &key, STR("{}"), &position),
			 ERR_UNAVAILABLE);
	assert_int_equal(journal_append(writer, RECORD_DECISION, &key, STR("{}"), &position),
			 ERR_UNAVAILABLE);
	for (unsigned i = 0; i < call; i++)
		append_durably(writer, RECORD_SETTLE, i, 1000);
	disk_set_room(disk, 0);
	while (!journal_admits(journal))
		;
	append_durably(writer, RECORD_INTENT, 50, 1000);
	append_durably(writer, RECORD_SETTLE, 50, 1000);
	journal_writer_free(writer);
	assert_int_equal(journal_close(journal), OK);
	assert_int_equal(read_all(disk, seen), IO_AGAIN);
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
	assert_int_equal(open_on(disk, NULL, &journal), OK);
	assert_int_equal(journal_writer_new(journal, NULL, &writer), OK);
	append_durably(writer, RECORD_INTENT, 1, 1000);
	disk_die_after(disk, 1);
	append(writer, RECORD_SETTLE, 1, 1000);
	assert_int_equal(journal_close(journal), ERR_IO);
	disk_free(disk);
}

static void test_journal__bounds_its_ring(void **state)
{
	struct disk *disk = disk_new(8);
	struct record_key key = key_of(1);
	struct journal *journal;
	struct journal_writer *writer;
	uint64_t position;
	char *text = calloc(1, RECORD_PAYLOAD_BYTES + 1);
	enum err err;

	(void)state;
	memset(text, 'x', RECORD_PAYLOAD_BYTES + 1);
	assert_int_equal(open_on(disk, NULL, &journal), OK);
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
	assert_true(journal_wait(writer, position, WAIT_MS));
	append_durably(writer, RECORD_SETTLE, 1, 1);
	assert_int_equal(journal_close(journal), OK);
	free(text);
	disk_free(disk);
}

static void test_journal__announces_at_once_when_relaxed(void **state)
{
	struct disk *disk = disk_new(9);
	struct diag diag;
	struct journal_options options = {.state = "state",
					  .gateway = STR("gw-1"),
					  .durability = JOURNAL_RELAXED,
					  .segment_bytes = SEGMENT,
					  .files = disk_files(disk),
					  .on_open = settle_recovered};
	struct journal *journal;
	struct journal_writer *writer;
	uint64_t position;

	(void)state;
	assert_int_equal(journal_open(&options, &diag, &journal), OK);
	assert_int_equal(journal_writer_new(journal, NULL, &writer), OK);
	position = append(writer, RECORD_SETTLE, 1, 100);
	assert_int_equal(journal_durable(writer), position);
	assert_true(journal_wait(writer, position, WAIT_MS));
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
	assert_int_equal(open_on(disk, NULL, &journal), OK);
	for (unsigned i = 0; i < JOURNAL_WRITERS * 3; i++) {
		assert_int_equal(journal_writer_new(journal, NULL, &writer), OK);
		append_durably(writer, RECORD_SETTLE, i, 10);
		journal_writer_free(writer);
	}
	assert_int_equal(journal_close(journal), OK);
	disk_free(disk);
}

static void test_journal__refuses_another_gateway_and_a_rolled_back_reader(void **state)
{
	struct disk *disk = disk_new(11);
	struct diag diag;
	struct journal_options options = {.state = "state",
					  .gateway = STR("gw-2"),
					  .segment_bytes = SEGMENT,
					  .files = disk_files(disk),
					  .on_open = settle_recovered};
	struct journal *journal;
	struct journal_writer *writer;
	struct cursor *cursors[9];

	(void)state;
	assert_int_equal(open_on(disk, NULL, &journal), OK);
	assert_int_equal(journal_writer_new(journal, NULL, &writer), OK);
	append_durably(writer, RECORD_SETTLE, 1, 100);
	assert_int_equal(journal_reader_open(journal, 3, &diag, &cursors[0]), ERR_CONFLICT);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(journal_reader_open(journal, 2, &diag, &cursors[i]), OK);
	assert_int_equal(journal_reader_open(journal, 2, &diag, &cursors[8]), ERR_LIMIT);
	for (unsigned i = 0; i < 8; i++)
		cursor_free(cursors[i]);
	journal_writer_free(writer);
	assert_int_equal(journal_close(journal), OK);
	assert_int_equal(journal_open(&options, &diag, &journal), ERR_CONFLICT);
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
		cmocka_unit_test(test_journal__keeps_its_word_through_a_crash_at_any_operation),
		cmocka_unit_test(test_journal__keeps_its_word_through_a_crash_in_recovery),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
