/* SPDX-License-Identifier: Apache-2.0 */
#include "metering/journal/store.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "disk.h"

#define SEGMENT 4096U

static uint8_t frame[RECORD_BYTES];

static struct str one(uint64_t sequence, size_t len)
{
	static char text[SEGMENT];
	struct record record = {.sequence = sequence,
				.epoch = 1,
				.gateway = 1,
				.type = RECORD_DECISION,
				.payload = str_make(text, len)};

	memset(text, 'x', sizeof(text));
	return str_make((char *)frame, record_encode(&record, frame));
}

static struct store open_store(struct disk *disk)
{
	struct segment_list list = {0};
	struct store store;

	assert_int_equal(files_make_dir(disk_files(disk), "journal"), OK);
	store_init(&store, disk_files(disk), "journal", SEGMENT, &list);
	store.gateway = 1;
	store.epoch = 1;
	return store;
}

static void test_store__begins_a_segment_when_a_group_does_not_fit(void **state)
{
	struct disk *disk = disk_new(1);
	struct store store = open_store(disk);
	size_t len;

	(void)state;
	assert_int_equal(store_room(&store), 0);
	for (uint64_t i = 1; i <= 9; i++)
		assert_int_equal(store_append(&store, one(i, 1000), i, i), OK);
	assert_int_equal(store.list.count, 3);
	assert_int_equal(store.list.heads[2].first, 7);
	assert_int_equal(store.list.heads[2].open_from, 7);
	assert_non_null(disk_bytes(disk, "journal/0000000002.segment", &len));
	assert_int_equal(len, SEGMENT_HEAD_BYTES + 3 * record_size(1000));
	assert_non_null(disk_bytes(disk, "journal/0000000003.segment", &len));
	assert_int_equal(len, SEGMENT);
	store_fini(&store);
	assert_non_null(disk_bytes(disk, "journal/0000000003.segment", &len));
	assert_int_equal(len, SEGMENT_HEAD_BYTES + 3 * record_size(1000));
	disk_free(disk);
}

static void test_store__never_believes_a_descriptor_that_failed(void **state)
{
	struct disk *disk = disk_new(1);
	struct store store = open_store(disk);

	(void)state;
	assert_int_equal(store_append(&store, one(1, 100), 1, 1), OK);
	assert_int_equal(store_reserve(&store), OK);
	disk_fail(disk, DISK_FDATASYNC, 0, 1, EIO);
	assert_int_equal(store_append(&store, one(2, 100), 2, 1), ERR_IO);
	assert_int_equal(store_room(&store), 0);
	assert_int_equal(store_append(&store, one(2, 100), 2, 1), OK);
	assert_int_equal(store.list.count, 2);
	assert_int_equal(store.list.heads[1].first, 2);
	store_fini(&store);
	disk_free(disk);
}

static void test_store__does_not_pile_up_segments_that_failed_empty(void **state)
{
	struct disk *disk = disk_new(1);
	struct store store = open_store(disk);

	(void)state;
	assert_int_equal(store_append(&store, one(1, 100), 1, 1), OK);
	for (unsigned i = 0; i < 20; i++) {
		disk_fail(disk, DISK_FDATASYNC, 1, 1, EIO); /* its head is taken */
		assert_int_equal(store_append(&store, one(2, 3900), 2, 1), ERR_IO);
	}
	assert_int_equal(store_append(&store, one(2, 3900), 2, 1), OK);
	assert_int_equal(store.list.count, 2);
	store_fini(&store);
	disk_free(disk);
}

static void test_store__keeps_what_is_left_when_there_is_no_room(void **state)
{
	struct disk *disk = disk_new(1);
	struct store store = open_store(disk);

	(void)state;
	assert_int_equal(store_append(&store, one(1, 100), 1, 1), OK);
	disk_set_room(disk, SEGMENT + 100);
	assert_int_equal(store_reserve(&store), ERR_UNAVAILABLE);
	assert_false(store_has_spare(&store));
	assert_int_equal(store_append(&store, one(2, 3900), 2, 1), ERR_UNAVAILABLE);
	assert_int_equal(store_append(&store, one(2, 2000), 2, 1), OK);
	disk_set_room(disk, 0);
	assert_int_equal(store_append(&store, one(3, 3900), 3, 1), OK);
	assert_int_equal(store.list.count, 2);
	store_fini(&store);
	disk_free(disk);
}

static void test_store__retires_only_what_is_old_and_read(void **state)
{
	struct disk *disk = disk_new(1);
	struct store store = open_store(disk);
	size_t len;

	(void)state;
	for (uint64_t i = 1; i <= 12; i++)
		assert_int_equal(store_append(&store, one(i, 1000), i, i), OK);
	assert_int_equal(store.list.count, 4);
	for (unsigned i = 0; i < 4; i++)
		store.list.heads[i].created_ns = 100 * (i + 1);
	assert_int_equal(store_retire(&store, 3, 1000, 9), 0);	/* 3 is in the first */
	assert_int_equal(store_retire(&store, 100, 150, 9), 0); /* its last record may be young */
	assert_int_equal(store_retire(&store, 4, 1000, 9), 1);
	assert_null(disk_bytes(disk, "journal/0000000001.segment", &len));
	disk_fail(disk, DISK_UNLINK, 0, 1, EIO);
	assert_int_equal(store_retire(&store, 100, 1000, 9), 0);
	assert_int_equal(store_retire(&store, 100, 1000, 1), 1);
	assert_int_equal(store_retire(&store, 100, 1000, 9), 1);
	assert_int_equal(store_retire(&store, 100, 1000, 9), 0); /* never the last */
	store_fini(&store);
	disk_free(disk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_store__begins_a_segment_when_a_group_does_not_fit),
		cmocka_unit_test(test_store__never_believes_a_descriptor_that_failed),
		cmocka_unit_test(test_store__does_not_pile_up_segments_that_failed_empty),
		cmocka_unit_test(test_store__keeps_what_is_left_when_there_is_no_room),
		cmocka_unit_test(test_store__retires_only_what_is_old_and_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
