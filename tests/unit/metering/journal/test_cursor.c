/* SPDX-License-Identifier: Apache-2.0 */
#include "metering/journal/cursor.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "life.h"

#define FIRST_SEGMENT  "state/journal/0000000001.segment"
#define SECOND_SEGMENT "state/journal/0000000002.segment"

struct set {
	struct disk *disk;
	struct journal *journal;
	struct journal_writer *writer;
};

static struct set start(int64_t keep_s)
{
	struct set set = {.disk = disk_new(4)};
	struct journal_options options = life_options(set.disk, NULL);
	struct diag diag;

	options.keep_s = keep_s;
	assert_int_equal(journal_open(&options, &diag, &set.journal), OK);
	assert_int_equal(journal_writer_new(set.journal, NULL, &set.writer), OK);
	return set;
}

static void stop(struct set *set)
{
	journal_writer_free(set->writer);
	assert_int_equal(journal_close(set->journal), OK);
	disk_free(set->disk);
}

/* About eight to a segment; SETTLE, for after a failed sync new calls are refused a moment. */
static void append_many(struct set *set, unsigned first, unsigned count)
{
	for (unsigned i = first; i < first + count; i++)
		life_append_durably(set->writer, RECORD_SETTLE, i, 30000);
}

static struct cursor *open_cursor(struct set *set, uint64_t from)
{
	struct cursor *cursor = NULL;
	struct diag diag;

	assert_int_equal(
		journal_cursor_open_files(disk_files(set->disk), "state", from, &diag, &cursor),
		OK);
	return cursor;
}

/* Reads `count` records and checks that they are the calls from `first` on. */
static void expect(struct cursor *cursor, unsigned first, unsigned count)
{
	struct record record;

	for (unsigned i = first; i < first + count; i++) {
		assert_int_equal(cursor_next(cursor, &record), IO_DONE);
		assert_int_equal(life_call(&record), i);
		assert_int_equal(record.sequence, i + 1);
		assert_int_equal(cursor_sequence(cursor), i + 2);
	}
}

static void test_cursor__begins_where_it_is_told(void **state)
{
	struct set set = start(0);
	struct record record;

	(void)state;
	append_many(&set, 0, 50);
	for (uint64_t from = 0; from <= 52; from++) {
		struct cursor *cursor = open_cursor(&set, from);
		unsigned first = (unsigned)MAX(from, 1U) - 1;

		if (first < 50)
			expect(cursor, first, 50 - first);
		assert_int_equal(cursor_next(cursor, &record), IO_AGAIN);
		cursor_free(cursor);
	}
	stop(&set);
}

static void test_cursor__goes_on_when_more_is_written(void **state)
{
	struct set set = start(0);
	struct cursor *outside = open_cursor(&set, 0);
	struct cursor *inside = NULL;
	struct record record;
	struct diag diag;

	(void)state;
	assert_int_equal(journal_reader_open(set.journal, 0, &diag, &inside), OK);
	assert_int_equal(cursor_next(outside, &record), IO_AGAIN);
	assert_int_equal(cursor_next(inside, &record), IO_AGAIN);
	for (unsigned i = 0; i < 60; i++) {
		append_many(&set, i, 1);
		expect(outside, i, 1);
		expect(inside, i, 1);
		assert_int_equal(cursor_next(outside, &record), IO_AGAIN);
		assert_int_equal(cursor_next(inside, &record), IO_AGAIN);
		if (i % 7 == 3)
			disk_fail(set.disk, DISK_FDATASYNC, i % 2, 1, EIO);
	}
	cursor_free(inside);
	cursor_free(outside);
	stop(&set);
}

static void test_cursor__holds_back_deletion_until_released(void **state)
{
	struct set set = start(-3600); /* everything is old enough */
	struct cursor *reader = NULL;
	struct cursor *none = NULL;
	struct cursor *oldest;
	struct record record;
	struct diag diag;
	size_t len;

	(void)state;
	assert_int_equal(journal_reader_open(set.journal, 1, &diag, &reader), OK);
	append_many(&set, 0, 60);
	assert_non_null(disk_bytes(set.disk, FIRST_SEGMENT, &len));
	expect(reader, 0, 60);
	cursor_release(reader, 40);
	cursor_release(reader, 20); /* does not take the first one back */
	append_many(&set, 60, 20);
	assert_null(disk_bytes(set.disk, FIRST_SEGMENT, &len));
	assert_true(stat_read(&journal_stats(set.journal)->deleted) >= 3);
	expect(reader, 60, 20);
	assert_int_equal(journal_cursor_open_files(disk_files(set.disk), "state", 1, &diag, &none),
			 ERR_NOT_FOUND);
	oldest = open_cursor(&set, 0);
	assert_int_equal(cursor_next(oldest, &record), IO_DONE);
	assert_in_range(record.sequence, 20, 40);
	cursor_free(oldest);
	cursor_free(reader);
	stop(&set);
}

static void test_cursor__says_that_its_place_was_deleted(void **state)
{
	struct set set = start(-3600);
	struct cursor *slow = open_cursor(&set, 0);
	struct record record;

	(void)state;
	append_many(&set, 0, 8);
	expect(slow, 0, 1);
	append_many(&set, 8, 60);
	assert_int_equal(cursor_next(slow, &record), IO_DONE); /* its file is still open */
	while (cursor_next(slow, &record) == IO_DONE)
		assert_true(record.sequence < 60);
	assert_int_equal(cursor_next(slow, &record), IO_FAIL);
	assert_non_null(strstr(cursor_diag(slow)->text, "gone"));
	cursor_free(slow);
	stop(&set);
}

static void test_cursor__stops_in_front_of_damage(void **state)
{
	struct set set = start(0);
	struct cursor *cursor;
	struct record record;
	size_t len;

	(void)state;
	append_many(&set, 0, 20);
	disk_bytes(set.disk, SECOND_SEGMENT, &len)[70000] ^= 1;
	cursor = open_cursor(&set, 0);
	while (cursor_next(cursor, &record) == IO_DONE)
		;
	assert_int_equal(cursor_next(cursor, &record), IO_FAIL);
	assert_string_equal(cursor_diag(cursor)->file, SECOND_SEGMENT);
	assert_non_null(strstr(cursor_diag(cursor)->text, "does not verify at offset 60160, "));
	disk_bytes(set.disk, SECOND_SEGMENT, &len)[70000] ^= 1;
	expect(cursor, (unsigned)cursor_sequence(cursor) - 1, 1);
	cursor_free(cursor);
	stop(&set);
}

static void test_cursor__needs_a_journal(void **state)
{
	struct disk *disk = disk_new(1);
	struct cursor *cursor = NULL;
	struct diag diag = {0};

	(void)state;
	assert_int_equal(journal_cursor_open_files(disk_files(disk), "state", 0, &diag, &cursor),
			 ERR_NOT_FOUND);
	assert_string_equal(diag.file, "state/journal");
	assert_null(cursor);
	disk_free(disk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cursor__begins_where_it_is_told),
		cmocka_unit_test(test_cursor__goes_on_when_more_is_written),
		cmocka_unit_test(test_cursor__holds_back_deletion_until_released),
		cmocka_unit_test(test_cursor__says_that_its_place_was_deleted),
		cmocka_unit_test(test_cursor__stops_in_front_of_damage),
		cmocka_unit_test(test_cursor__needs_a_journal),
	};

	return cmocka_run_group_tests(tests, life_set_up, life_tear_down);
}
