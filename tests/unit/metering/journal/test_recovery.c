/* SPDX-License-Identifier: Apache-2.0 */
#include "metering/journal/recovery.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "disk.h"
#include "metering/journal/store.h"

#define DIR	  "journal"
#define SEGMENT	  4096U
#define GROUPS	  4
#define PER_GROUP 3
#define GATEWAY	  7

static const char first_segment[] = DIR "/0000000001.segment";

static uint8_t scratch[RECORD_BYTES];

/* Frames of `count` records from `first` on: by turns INTENT and SETTLE of the same call. */
static struct str make_group(uint64_t first, unsigned count, struct buf *out)
{
	buf_reset(out);
	for (unsigned i = 0; i < count; i++) {
		uint64_t sequence = first + i;
		struct record record = {.sequence = sequence,
					.epoch = 1,
					.gateway = GATEWAY,
					.lead = i,
					.type = sequence % 2 == 1 ? RECORD_INTENT : RECORD_SETTLE,
					.key.attempt = 1,
					.payload = STR("{\"some\":\"payload\"}")};

		record.key.call[0] = (uint8_t)((sequence + 1) / 2);
		assert_int_equal(
			buf_append(out, str_make((char *)scratch, record_encode(&record, scratch))),
			OK);
	}
	return buf_str(out);
}

static struct store open_store(struct disk *disk, uint32_t epoch)
{
	struct segment_list list = {0};
	struct store store;

	assert_int_equal(segment_list_load(disk_files(disk), DIR, NULL, &list), OK);
	store_init(&store, disk_files(disk), DIR, SEGMENT, &list);
	store.gateway = GATEWAY;
	store.epoch = epoch;
	return store;
}

/* GROUPS groups of PER_GROUP records, preallocated zeros behind them. */
static struct disk *make_disk(size_t *out_last_group, size_t *out_end)
{
	struct disk *disk = disk_new(3);
	struct files files = disk_files(disk);
	struct store store;
	struct buf group;

	buf_init(&group, 1U << 20);
	assert_int_equal(files_make_dir(files, DIR), OK);
	store = open_store(disk, 1);
	for (unsigned i = 0; i < GROUPS; i++) {
		*out_last_group = i == 0 ? SEGMENT_HEAD_BYTES : (size_t)store.offset;
		assert_int_equal(store_append(&store,
					      make_group(1 + i * PER_GROUP, PER_GROUP, &group),
					      1 + i * PER_GROUP, 1),
				 OK);
	}
	*out_end = (size_t)store.offset;
	files.ops->close(files.arg, store.fd);
	store.fd = -1; /* as after a kill: not cut to what it holds */
	store_fini(&store);
	buf_fini(&group);
	return disk;
}

static enum err recover(struct disk *disk, uint64_t *out_end, size_t *out_open, struct diag *diag)
{
	struct recovery recovery;
	enum err err = recovery_run(&recovery, disk_files(disk), DIR, GATEWAY, diag);

	*out_end = recovery.end;
	*out_open = recovery.open.count;
	recovery_fini(&recovery);
	return err;
}

/* Whole records below byte `len` of the first segment. */
static uint64_t whole_records(size_t len)
{
	size_t size = record_size(sizeof("{\"some\":\"payload\"}") - 1);

	return len < SEGMENT_HEAD_BYTES + size ? 0 : (len - SEGMENT_HEAD_BYTES) / size;
}

static void test_recovery__takes_a_whole_record_prefix_at_any_cut(void **state)
{
	size_t last_group;
	size_t end;
	struct disk *disk = make_disk(&last_group, &end);

	(void)state;
	for (size_t cut = SEGMENT_HEAD_BYTES; cut <= end + 10; cut++) {
		struct disk *copy = disk_copy(disk);
		struct diag diag;
		uint64_t next;
		uint64_t again;
		size_t open;
		size_t len;

		disk_cut(copy, first_segment, cut);
		assert_int_equal(recover(copy, &next, &open, &diag), OK);
		assert_int_equal(next, 1 + whole_records(MIN(cut, end)));
		assert_int_equal(open, (next - 1) % 2);
		assert_non_null(disk_bytes(copy, first_segment, &len));
		assert_int_equal(whole_records(len), next - 1);
		assert_int_equal(recover(copy, &again, &open, &diag), OK);
		assert_int_equal(again, next);
		disk_free(copy);
	}
	disk_free(disk);
}

static void test_recovery__takes_zeros_behind_the_tear_for_torn(void **state)
{
	size_t last_group;
	size_t end;
	struct disk *disk = make_disk(&last_group, &end);

	(void)state;
	for (size_t cut = last_group; cut < end; cut++) {
		struct disk *copy = disk_copy(disk);
		struct diag diag;
		uint64_t next;
		size_t open;
		size_t len;
		char *bytes = disk_bytes(copy, first_segment, &len);

		memset(bytes + cut, 0, end - cut);
		assert_int_equal(recover(copy, &next, &open, &diag), OK);
		assert_true(next - 1 == whole_records(cut) || bytes[cut] == 0);
		disk_free(copy);
	}
	disk_free(disk);
}

/* Everything before the last group was durable once: that it is bad now is damage, not a tear. */
static void test_recovery__refuses_any_flipped_byte_in_the_middle(void **state)
{
	size_t last_group;
	size_t end;
	struct disk *disk = make_disk(&last_group, &end);

	(void)state;
	for (size_t at = 0; at < last_group; at++) {
		struct disk *copy = disk_copy(disk);
		struct diag diag = {0};
		uint64_t next;
		size_t open;
		size_t len;
		char *bytes = disk_bytes(copy, first_segment, &len);
		char want[64];

		bytes[at] ^= 0x20;
		assert_int_equal(recover(copy, &next, &open, &diag), ERR_DAMAGED);
		assert_string_equal(diag.file, first_segment);
		if (at >= SEGMENT_HEAD_BYTES) {
			snprintf(want, sizeof(want), "sequence %u",
				 (unsigned)whole_records(at) + 1);
			assert_non_null(strstr(diag.text, want));
			assert_non_null(strstr(diag.text, "offset "));
		}
		assert_true(bytes[at] == (char)(disk_bytes(disk, first_segment, &len)[at] ^ 0x20));
		disk_free(copy);
	}
	disk_free(disk);
}

static void test_recovery__cuts_a_flipped_byte_in_the_last_group(void **state)
{
	size_t last_group;
	size_t end;
	struct disk *disk = make_disk(&last_group, &end);

	(void)state;
	for (size_t at = last_group; at < end + 20; at++) {
		struct disk *copy = disk_copy(disk);
		struct diag diag;
		uint64_t next;
		size_t open;
		size_t len;

		disk_bytes(copy, first_segment, &len)[at] ^= 0x20;
		assert_int_equal(recover(copy, &next, &open, &diag), OK);
		assert_int_equal(next, 1 + whole_records(MIN(at, end)));
		disk_free(copy);
	}
	disk_free(disk);
}

static void test_recovery__names_a_missing_segment_and_a_bad_head(void **state)
{
	size_t last_group;
	size_t end;
	struct disk *disk = make_disk(&last_group, &end);
	struct disk *copy;
	struct store store = open_store(disk, 2);
	struct diag diag;
	struct buf group;
	uint64_t next;
	size_t open;

	(void)state;
	buf_init(&group, 1U << 20);
	for (unsigned i = 0; i < 60; i++)
		assert_int_equal(store_append(&store,
					      make_group(13 + i * PER_GROUP, PER_GROUP, &group),
					      13 + i * PER_GROUP, 1),
				 OK);
	assert_true(store.list.count > 3);
	store_fini(&store);
	copy = disk_copy(disk);
	assert_int_equal(recover(copy, &next, &open, &diag), OK);
	assert_int_equal(next, 13 + 60 * PER_GROUP);
	assert_true(disk_remove(copy, DIR "/0000000003.segment"));
	assert_int_equal(recover(copy, &next, &open, &diag), ERR_DAMAGED);
	assert_string_equal(diag.file, DIR "/0000000003.segment");
	disk_free(copy);
	copy = disk_copy(disk);
	disk_cut(copy, DIR "/0000000002.segment", 500);
	assert_int_equal(recover(copy, &next, &open, &diag), ERR_DAMAGED);
	assert_string_equal(diag.file, DIR "/0000000002.segment");
	disk_free(copy);
	buf_fini(&group);
	disk_free(disk);
}

/* The poisoned segment 1 holds two groups more than are believed; segment 2 begins below them. */
static void test_recovery__takes_the_later_copy(void **state)
{
	size_t last_group;
	size_t end;
	struct disk *disk = make_disk(&last_group, &end);
	struct store store = open_store(disk, 2);
	struct recovery recovery;
	struct diag diag;
	struct buf group;

	(void)state;
	buf_init(&group, 1U << 20);
	assert_int_equal(store_append(&store, make_group(7, PER_GROUP, &group), 7, 1), OK);
	assert_int_equal(store_append(&store, make_group(10, PER_GROUP, &group), 10, 1), OK);
	assert_int_equal(store_append(&store, make_group(13, 2, &group), 13, 1), OK);
	store_fini(&store);
	assert_int_equal(recovery_run(&recovery, disk_files(disk), DIR, GATEWAY, &diag), OK);
	assert_int_equal(recovery.end, 15);
	assert_int_equal(recovery.carry_first, 13);
	assert_int_equal(recovery.carry.len, group.len);
	assert_int_equal(recovery.open.count, 0);
	recovery_fini(&recovery);
	buf_fini(&group);
	disk_free(disk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_recovery__takes_a_whole_record_prefix_at_any_cut),
		cmocka_unit_test(test_recovery__takes_zeros_behind_the_tear_for_torn),
		cmocka_unit_test(test_recovery__refuses_any_flipped_byte_in_the_middle),
		cmocka_unit_test(test_recovery__cuts_a_flipped_byte_in_the_last_group),
		cmocka_unit_test(test_recovery__names_a_missing_segment_and_a_bad_head),
		cmocka_unit_test(test_recovery__takes_the_later_copy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
