/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each system call of the journal fails in turn, in a process that lives on:
 * for every kind of call, every k, and every error, the k-th one fails. The
 * process goes on serving and then stops, is killed or loses power. Whatever
 * it was, on the disk that came back:
 *
 *   I1, I5  what was announced as durable is there
 *   I2      every INTENT has exactly one SETTLE
 *   I7      under the same epoch and sequence stands what stood there before
 *
 * and the sequence has no gap.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "life.h"

#define BASE_CALLS 9  /* of the life before; every third is left open */
#define CALLS	   12 /* of the life with the fault */
#define CALL_BYTES 30000
#define KNOWN	   1024

enum end {
	END_CLOSE,
	END_KILL,
	END_POWER,
	ENDS,
};

struct fault {
	enum disk_op op;
	int error;
	unsigned skip;
	unsigned count;
};

/* What a reader inside the process was shown: durable by its word. */
struct known {
	uint64_t first;
	uint64_t end;
	uint64_t digests[KNOWN]; /* by sequence */
};

static uint64_t digest(const struct record *record)
{
	uint64_t digest = record->epoch * 31U + record->type;

	for (size_t i = 0; i < RECORD_CALL_BYTES; i++)
		digest = digest * 1099511628211U + record->key.call[i];
	for (size_t i = 0; i < record->payload.len; i++)
		digest = digest * 1099511628211U + (unsigned char)record->payload.ptr[i];
	return digest;
}

static void know(struct known *known, const struct record *record)
{
	assert_true(record->sequence < KNOWN);
	if (known->first == 0)
		known->first = record->sequence;
	known->digests[record->sequence] = digest(record);
	known->end = record->sequence + 1;
}

static void read_durable(struct journal *journal, struct known *known)
{
	struct cursor *cursor = NULL;
	struct record record;
	struct diag diag = {0};

	memset(known, 0, sizeof(*known));
	assert_int_equal(journal_reader_open(journal, 0, &diag, &cursor), OK);
	while (cursor_next(cursor, &record) == IO_DONE)
		know(known, &record);
	assert_int_equal(known->end, journal_durable_sequence(journal));
	cursor_free(cursor);
}

static void check_known(struct disk *disk, const struct known *known)
{
	struct cursor *cursor = NULL;
	struct record record;
	struct diag diag = {0};
	uint64_t next = 0;

	assert_int_equal(journal_cursor_open_files(disk_files(disk), "state", 0, &diag, &cursor),
			 OK);
	while (cursor_next(cursor, &record) == IO_DONE) {
		bool was_known = record.sequence >= known->first && record.sequence < known->end;

		assert_true(next == 0 || record.sequence == next);
		if (was_known)
			assert_true(known->digests[record.sequence] == digest(&record));
		next = record.sequence + 1;
	}
	assert_true(next >= known->end);
	cursor_free(cursor);
}

/* Several segments, calls that are open, a tail that was not synced. */
static struct disk *make_base(void)
{
	struct disk *disk = disk_new(77);
	struct journal *journal;
	struct journal_writer *writer;

	assert_int_equal(life_open(disk, NULL, &journal), OK);
	assert_int_equal(journal_writer_new(journal, NULL, &writer), OK);
	for (unsigned call = 0; call < BASE_CALLS; call++) {
		life_append_durably(writer, RECORD_INTENT, call, CALL_BYTES);
		if (call % 3 != 0)
			life_append_durably(writer, RECORD_SETTLE, call, CALL_BYTES);
	}
	disk_die_after(disk, 1);
	journal_writer_free(writer);
	(void)journal_close(journal);
	disk_kill(disk);
	return disk;
}

/* As a worker does: what is refused while the disk is looked at is tried again. */
static void append(struct journal_writer *writer, enum record_type type, unsigned call)
{
	static char text[CALL_BYTES];
	struct record_key key = life_key(call);
	struct timespec pause = {.tv_nsec = 1000000};
	uint64_t position = 0;

	memset(text, 'a' + (int)(call % 26), sizeof(text));
	for (unsigned i = 0; i < LIFE_WAIT_MS; i++) {
		if (journal_append(writer, type, &key, str_make(text, sizeof(text)), &position) ==
		    OK) {
			assert_true(journal_wait(writer, position, LIFE_WAIT_MS));
			return;
		}
		nanosleep(&pause, NULL);
	}
	fail_msg("call %u is still refused", call);
}

/* The start may fail for the fault; it does not a second time. */
static struct journal *open_in_the_end(struct disk *disk, unsigned count)
{
	struct journal_options options = life_options(disk, NULL);
	struct journal *journal = NULL;
	struct diag diag = {0};

	for (unsigned i = 0; i <= count; i++)
		if (journal_open(&options, &diag, &journal) == OK)
			return journal;
	fail_msg("the start fails without a fault: %s: %s", diag.file, diag.text);
	return NULL;
}

static void live(struct journal *journal)
{
	struct journal_writer *writer;

	assert_int_equal(journal_writer_new(journal, NULL, &writer), OK);
	for (unsigned call = BASE_CALLS; call < BASE_CALLS + CALLS; call++) {
		append(writer, RECORD_INTENT, call);
		if (call % 3 != 0)
			append(writer, RECORD_SETTLE, call);
	}
	journal_writer_free(writer);
}

static void end_life(struct disk *disk, struct journal *journal, enum end end)
{
	if (end != END_CLOSE)
		disk_die_after(disk, 1);
	if (end == END_CLOSE)
		assert_int_equal(journal_close(journal), OK);
	else
		(void)journal_close(journal);
	end == END_POWER ? disk_lose_power(disk) : disk_kill(disk);
}

/* A healthy start, after which nothing may be missing, doubled or open. */
static void check_next_life(struct disk *disk, const struct known *known, struct seen *seen)
{
	assert_int_equal(journal_close(open_in_the_end(disk, 0)), OK);
	check_known(disk, known);
	assert_int_equal(life_read_all(disk, seen), IO_AGAIN);
	for (unsigned call = 0; call < BASE_CALLS + CALLS; call++) {
		assert_int_equal(seen->intents[call], 1);
		assert_int_equal(seen->settles[call], 1);
	}
}

/* False when the fault was not reached: the life has fewer such calls. */
static bool survives(const struct disk *base, const struct fault *fault, enum end end,
		     struct seen *seen)
{
	struct disk *disk = disk_copy((struct disk *)(uintptr_t)base);
	struct known known;
	struct journal *journal;
	bool was_reached;

	disk_seed(disk, (uint64_t)fault->skip * ENDS + end);
	disk_fail(disk, fault->op, fault->skip, fault->count, fault->error);
	journal = open_in_the_end(disk, fault->count);
	live(journal);
	was_reached = disk_has_failed(disk, fault->op);
	if (fault->op == DISK_READ)
		disk_fail(disk, DISK_READ, 0, 0, 0);
	read_durable(journal, &known);
	end_life(disk, journal, end);
	check_next_life(disk, &known, seen);
	disk_free(disk);
	return was_reached;
}

static const struct {
	enum disk_op op;
	const char *name;
	unsigned least; /* calls of this kind that a life surely has */
} kinds[] = {
	{DISK_OPEN, "open", 5},		  {DISK_READ, "pread", 5},
	{DISK_WRITE, "pwrite", 30},	  {DISK_FDATASYNC, "fdatasync", 20},
	{DISK_FSYNC, "fsync", 8},	  {DISK_FALLOCATE, "fallocate", 3},
	{DISK_FTRUNCATE, "ftruncate", 3}, {DISK_RENAME, "rename", 3},
};

/* With each end, or with another one each time: two of three cost more than they tell. */
static void torture(int error, unsigned count, bool has_all_ends)
{
	struct seen *seen = malloc(sizeof(*seen));
	struct disk *base = make_base();

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		struct fault fault = {.op = kinds[i].op, .error = error, .count = count};
		bool was_reached = true;

		for (; was_reached; fault.skip++) {
			enum end first = has_all_ends ? END_CLOSE : fault.skip % ENDS;
			enum end last = has_all_ends ? END_POWER : first;

			was_reached = false;
			for (enum end end = first; end <= last; end++)
				was_reached |= survives(base, &fault, end, seen);
		}
		print_message("# %s: %u points\n", kinds[i].name, fault.skip - 1);
		assert_true(fault.skip > kinds[i].least);
	}
	disk_free(base);
	free(seen);
}

static void test_torture__survives_an_error_of_each_call(void **state)
{
	(void)state;
	torture(EIO, 1, true);
}

static void test_torture__survives_a_full_disk_at_each_call(void **state)
{
	(void)state;
	torture(ENOSPC, 1, false);
}

/* The second try, on the spare, fails as well. */
static void test_torture__survives_two_errors_in_a_row(void **state)
{
	(void)state;
	torture(EIO, 2, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_torture__survives_an_error_of_each_call),
		cmocka_unit_test(test_torture__survives_a_full_disk_at_each_call),
		cmocka_unit_test(test_torture__survives_two_errors_in_a_row),
	};

	return cmocka_run_group_tests(tests, life_set_up, life_tear_down);
}
