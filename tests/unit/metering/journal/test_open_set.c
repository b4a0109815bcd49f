/* SPDX-License-Identifier: Apache-2.0 */
#include "metering/journal/open_set.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define CALLS 300

static struct record make(enum record_type type, unsigned call, uint64_t sequence)
{
	struct record record = {.type = type,
				.sequence = sequence,
				.gateway = 1,
				.key.attempt = (uint16_t)(1 + call % 2),
				.payload = STR("{}")};
	uint32_t half = call / 2;

	/* Few bits of the hash differ, so that entries crowd. */
	memcpy(record.key.call + 8, &half, sizeof(half));
	return record;
}

/* Against the plainest model: an array of which call is open since which sequence. */
static void test_open_set__agrees_with_a_plain_array(void **state)
{
	uint64_t model[CALLS] = {0};
	struct open_set set;
	uint64_t random = 88172645463325252U;
	uint64_t lowest;
	size_t count;

	(void)state;
	open_set_init(&set, true);
	for (uint64_t sequence = 1; sequence < 40000; sequence++) {
		unsigned call;
		bool opens;
		struct record record;

		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		call = (unsigned)(random % CALLS);
		opens = (random >> 32) % 5 < 2;
		record = make(opens ? RECORD_INTENT : RECORD_SETTLE, call, sequence);
		open_set_apply(&set, &record);
		model[call] = opens ? sequence : 0;
		if (sequence % 97 != 0)
			continue;
		lowest = UINT64_MAX;
		count = 0;
		for (unsigned i = 0; i < CALLS; i++) {
			count += model[i] != 0;
			if (model[i] != 0 && model[i] < lowest)
				lowest = model[i];
		}
		assert_int_equal(set.count, count);
		assert_int_equal(open_set_lowest(&set, UINT64_MAX), lowest);
	}
	open_set_fini(&set);
}

static void test_open_set__keeps_intent_and_last_progress(void **state)
{
	struct record record = make(RECORD_INTENT, 1, 5);
	struct open_entry *sorted;
	struct open_set set;

	(void)state;
	open_set_init(&set, true);
	open_set_apply(&set, &record);
	record = make(RECORD_INTENT, 2, 4);
	open_set_apply(&set, &record);
	record = make(RECORD_PROGRESS, 1, 6);
	open_set_apply(&set, &record);
	record = make(RECORD_PROGRESS, 1, 7);
	record.payload = STR("{\"n\":2}");
	open_set_apply(&set, &record);
	record = make(RECORD_PROGRESS, 9, 8); /* of a call that is not open */
	open_set_apply(&set, &record);
	record = make(RECORD_DECISION, 2, 9);
	open_set_apply(&set, &record);
	assert_int_equal(set.count, 2);
	sorted = open_set_sorted(&set);
	assert_int_equal(sorted[0].sequence, 4);
	assert_int_equal(sorted[0].call->progress.sequence, 0);
	assert_int_equal(sorted[1].sequence, 5);
	assert_int_equal(sorted[1].call->progress.sequence, 7);
	assert_true(str_eq(sorted[1].call->progress.payload, STR("{\"n\":2}")));
	free(sorted);
	open_set_fini(&set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_open_set__agrees_with_a_plain_array),
		cmocka_unit_test(test_open_set__keeps_intent_and_last_progress),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
