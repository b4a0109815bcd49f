/* SPDX-License-Identifier: Apache-2.0 */
#include "metering/journal/ring.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define CAP	8192U
#define ENTRIES 50000U

static void fill(uint8_t *out, unsigned i, size_t len)
{
	for (size_t k = 0; k < len; k++)
		out[k] = (uint8_t)(i + k);
}

static void *produce(void *arg)
{
	struct ring *ring = arg;
	uint8_t payload[1000];

	for (unsigned i = 0; i < ENTRIES; i++) {
		struct ring_entry entry = {
			.len = 1 + i * 7 % 1000, .attempt = (uint16_t)i, .type = RECORD_INTENT};

		fill(payload, i, entry.len);
		while (ring_put(ring, &entry, (char *)payload, 0) != OK)
			;
		if (i % 3 != 0 || i + 1 == ENTRIES)
			ring_publish(ring);
	}
	return NULL;
}

static void test_ring__carries_every_entry_across_threads(void **state)
{
	struct ring *ring = aligned_alloc(_Alignof(struct ring), sizeof(*ring));
	uint8_t payload[1000];
	uint8_t want[1000];
	uint64_t position = 0;
	pthread_t thread;

	(void)state;
	ring_init(ring, CAP);
	assert_int_equal(pthread_create(&thread, NULL, produce, ring), 0);
	for (unsigned i = 0; i < ENTRIES;) {
		struct ring_entry entry;

		if (!ring_peek(ring, position, &entry))
			continue;
		assert_int_equal(entry.len, 1 + i * 7 % 1000);
		assert_int_equal(entry.attempt, (uint16_t)i);
		position = ring_copy(ring, position, &entry, payload);
		ring_release(ring, position);
		fill(want, i, entry.len);
		assert_memory_equal(payload, want, entry.len);
		i++;
	}
	pthread_join(thread, NULL);
	assert_int_equal(ring_used(ring), 0);
	ring_fini(ring);
	free(ring);
}

static void test_ring__is_full_at_its_capacity(void **state)
{
	struct ring *ring = aligned_alloc(_Alignof(struct ring), sizeof(*ring));
	struct ring_entry entry = {.len = 1000, .type = RECORD_SETTLE};
	char payload[CAP] = {0};

	(void)state;
	ring_init(ring, CAP);
	for (unsigned i = 0; i < 6; i++)
		assert_int_equal(ring_put(ring, &entry, payload, CAP / 4), OK);
	assert_int_equal(ring_put(ring, &entry, payload, CAP / 4), ERR_UNAVAILABLE);
	assert_int_equal(ring_put(ring, &entry, payload, 0), OK);
	assert_int_equal(ring_put(ring, &entry, payload, 0), OK);
	assert_int_equal(ring_used(ring), 0);
	ring_publish(ring);
	assert_int_equal(ring_used(ring), CAP);
	entry.len = 1;
	assert_int_equal(ring_put(ring, &entry, payload, 0), ERR_UNAVAILABLE);
	ring_fini(ring);
	free(ring);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ring__carries_every_entry_across_threads),
		cmocka_unit_test(test_ring__is_full_at_its_capacity),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
