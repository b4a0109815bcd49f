/* SPDX-License-Identifier: Apache-2.0 */
#include "metering/journal/epoch.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "disk.h"

static struct disk *make_disk(void)
{
	struct disk *disk = disk_new(2);

	assert_int_equal(files_make_dir(disk_files(disk), "state"), OK);
	return disk;
}

static void test_epoch__grows_through_every_crash(void **state)
{
	(void)state;
	for (unsigned ops = 1; ops < 12; ops++) {
		struct disk *disk = make_disk();
		struct diag diag;
		uint32_t epoch = 0;
		uint32_t given = 0;

		assert_int_equal(epoch_advance(disk_files(disk), "state", 0, &diag, &given), OK);
		assert_int_equal(given, 1);
		disk_die_after(disk, ops);
		if (epoch_advance(disk_files(disk), "state", 0, &diag, &epoch) == OK)
			given = epoch;
		disk_lose_power(disk);
		assert_int_equal(epoch_advance(disk_files(disk), "state", 0, &diag, &epoch), OK);
		assert_true(epoch > given);
		disk_free(disk);
	}
}

static void test_epoch__is_above_what_the_journal_has_seen(void **state)
{
	struct disk *disk = make_disk();
	struct diag diag;
	uint32_t epoch;

	(void)state;
	assert_int_equal(epoch_advance(disk_files(disk), "state", 41, &diag, &epoch), OK);
	assert_int_equal(epoch, 42);
	assert_int_equal(epoch_advance(disk_files(disk), "state", 7, &diag, &epoch), OK);
	assert_int_equal(epoch, 43);
	disk_free(disk);
}

static void test_epoch__refuses_what_is_not_a_number(void **state)
{
	static const char *const texts[] = {
		"", "x\n", "-1\n", "12 \n", "4294967295\n", "1\n2\n", "99999999999999999999999\n"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct disk *disk = make_disk();
		struct files files = disk_files(disk);
		struct diag diag = {0};
		uint32_t epoch;
		size_t len;
		char *bytes;

		assert_int_equal(epoch_advance(files, "state", 0, &diag, &epoch), OK);
		disk_cut(disk, "state/epoch", 512);
		bytes = disk_bytes(disk, "state/epoch", &len);
		memcpy(bytes, texts[i], strlen(texts[i]));
		disk_cut(disk, "state/epoch", strlen(texts[i]));
		assert_int_equal(epoch_advance(files, "state", 0, &diag, &epoch), ERR_DAMAGED);
		assert_string_equal(diag.file, "state/epoch");
		disk_free(disk);
	}
}

static void test_epoch__lock_names_the_owner(void **state)
{
	struct disk *disk = make_disk();
	struct diag diag = {0};
	int fd = -1;
	int second = -1;

	(void)state;
	assert_int_equal(epoch_lock(disk_files(disk), "state", &diag, &fd), OK);
	assert_int_equal(epoch_lock(disk_files(disk), "state", &diag, &second), ERR_CONFLICT);
	assert_non_null(strstr(diag.text, "another tollgate (process "));
	assert_int_equal(second, -1);
	epoch_unlock(disk_files(disk), fd);
	assert_int_equal(epoch_lock(disk_files(disk), "state", &diag, &fd), OK);
	epoch_unlock(disk_files(disk), fd);
	disk_fail(disk, DISK_OPEN, 0, 1, EACCES);
	assert_int_equal(epoch_lock(disk_files(disk), "state", &diag, &fd), ERR_IO);
	disk_free(disk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_epoch__grows_through_every_crash),
		cmocka_unit_test(test_epoch__is_above_what_the_journal_has_seen),
		cmocka_unit_test(test_epoch__refuses_what_is_not_a_number),
		cmocka_unit_test(test_epoch__lock_names_the_owner),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
