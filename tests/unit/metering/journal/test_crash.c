/* SPDX-License-Identifier: Apache-2.0 */
/* The journal's promise through a crash after the n-th operation of the disk, for every n. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "life.h"

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
		struct record_key key = life_key(call);
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
	for (unsigned call = 0; call < LIFE_CALLS; call++) {
		if (call < promise->intents)
			assert_int_equal(seen->intents[call], 1);
		if (call < promise->settles && call % 3 != 0)
			assert_int_equal(seen->settles[call], 1);
		assert_true(seen->intents[call] <= 1);
		assert_int_equal(seen->settles[call], seen->intents[call]);
	}
}

/* One life that dies after so many operations; false when it came to its end before. */
static bool first_life(struct disk *disk, unsigned ops, struct promise *promise)
{
	struct journal *journal;

	disk_die_after(disk, ops);
	if (life_open(disk, NULL, &journal) == OK) {
		live(journal, disk, 0, 60, promise);
		(void)journal_close(journal);
	}
	return disk_is_dead(disk);
}

/* A second life that dies in or after its recovery, and a third that must find everything that
 * was acknowledged in the first. */
static void check_later_lives(struct disk *disk, unsigned ops, bool is_power,
			      const struct promise *promise, struct seen *seen)
{
	struct journal *journal;

	is_power ? disk_lose_power(disk) : disk_kill(disk);
	disk_die_after(disk, ops);
	if (life_open(disk, NULL, &journal) == OK) {
		live(journal, disk, promise->intents + 10, 3, &(struct promise){0});
		(void)journal_close(journal);
	}
	disk_lose_power(disk);
	assert_int_equal(life_open(disk, NULL, &journal), OK);
	assert_int_equal(journal_close(journal), OK);
	assert_int_equal(life_read_all(disk, seen), IO_AGAIN);
	check_promise(seen, promise);
}

static void test_crash__at_any_operation_keeps_every_acknowledged_record(void **state)
{
	struct seen *seen = malloc(sizeof(*seen));
	unsigned points = 0;
	bool has_died = true;

	(void)state;
	for (unsigned ops = 1; has_died; ops++, points++) {
		struct disk *disk = disk_new(ops);
		struct promise promise = {0};
		struct disk *copy;

		has_died = first_life(disk, ops, &promise);
		copy = disk_copy(disk);
		check_later_lives(disk, 0, true, &promise, seen);
		check_later_lives(copy, 0, false, &promise, seen);
		disk_free(copy);
		disk_free(disk);
	}
	print_message("# %u crash points\n", points);
	assert_true(points > 200);
	free(seen);
}

static void test_crash__in_recovery_keeps_every_acknowledged_record(void **state)
{
	struct seen *seen = malloc(sizeof(*seen));
	unsigned cases = 0;

	(void)state;
	for (unsigned ops = 30; ops < 230; ops += 7) {
		struct disk *disk = disk_new(ops);
		struct promise promise = {0};

		first_life(disk, ops, &promise);
		for (unsigned second = 1; second < 40; second++, cases++) {
			struct disk *copy = disk_copy(disk);

			disk_seed(copy, ops * 100 + second);
			check_later_lives(copy, second, second % 4 != 0, &promise, seen);
			disk_free(copy);
		}
		disk_free(disk);
	}
	print_message("# %u pairs of crash points\n", cases);
	free(seen);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_crash__at_any_operation_keeps_every_acknowledged_record),
		cmocka_unit_test(test_crash__in_recovery_keeps_every_acknowledged_record),
	};

	return cmocka_run_group_tests(tests, life_set_up, life_tear_down);
}
