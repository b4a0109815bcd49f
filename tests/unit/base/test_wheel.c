/* SPDX-License-Identifier: Apache-2.0 */
#include "base/wheel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define TIMERS 3000

/* A small generator of our own, so that a failure can be repeated. */
static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void test_wheel__gives_timers_in_order_of_ticks(void **state)
{
	static const int64_t dues[] = {5, 1, 64, 63, 65, 4096, 4095, 4097, 300000, 2, 262144};
	struct loop_timer timers[ARRAY_LEN(dues)] = {0};
	struct wheel wheel;
	int64_t last = 0;
	size_t count = 0;
	struct loop_timer *timer;

	(void)state;
	wheel_init(&wheel, 0);
	for (size_t i = 0; i < ARRAY_LEN(dues); i++)
		wheel_insert(&wheel, &timers[i], dues[i]);
	while ((timer = wheel_pop(&wheel, 1000000)) != NULL) {
		assert_true(timer->due_ns / 1000000 > last);
		last = timer->due_ns / 1000000;
		assert_int_equal(wheel.now, last);
		count++;
	}
	assert_int_equal(count, ARRAY_LEN(dues));
	assert_int_equal(wheel.now, 1000000);
	assert_true(wheel_next(&wheel) == WHEEL_NEVER);
}

static void test_wheel__keeps_the_order_of_insertion_in_one_tick(void **state)
{
	struct loop_timer timers[10] = {0};
	struct wheel wheel;

	(void)state;
	wheel_init(&wheel, 77);
	for (size_t i = 0; i < 10; i++)
		wheel_insert(&wheel, &timers[i], 5000);
	for (size_t i = 0; i < 10; i++)
		assert_ptr_equal(wheel_pop(&wheel, 5000), &timers[i]);
	assert_null(wheel_pop(&wheel, 5000));
}

static void test_wheel__never_fires_early(void **state)
{
	struct loop_timer timer = {0};
	struct wheel wheel;

	(void)state;
	wheel_init(&wheel, 123456789);
	wheel_insert(&wheel, &timer, 123456789 + 60000);
	for (int64_t now = 123456789; now < 123456789 + 60000; now += 7)
		assert_null(wheel_pop(&wheel, now));
	assert_ptr_equal(wheel_pop(&wheel, 123456789 + 60000), &timer);
	assert_int_equal(timer.slot, 0);
}

static void test_wheel__counts_a_past_tick_as_the_next(void **state)
{
	struct loop_timer timer = {0};
	struct wheel wheel;

	(void)state;
	wheel_init(&wheel, 100);
	wheel_insert(&wheel, &timer, 3);
	assert_null(wheel_pop(&wheel, 100));
	assert_ptr_equal(wheel_pop(&wheel, 101), &timer);
}

static void test_wheel__clamps_the_far_future(void **state)
{
	struct loop_timer timer = {0};
	struct wheel wheel;

	(void)state;
	wheel_init(&wheel, (1LL << 41) - 5);
	wheel_insert(&wheel, &timer, INT64_MAX);
	assert_true(wheel_next(&wheel) != WHEEL_NEVER);
	wheel_remove(&wheel, &timer);
	assert_true(wheel_next(&wheel) == WHEEL_NEVER);
	wheel_remove(&wheel, &timer);
}

/* An idle loop wakes only when next says so: at most once per level for one timer. */
static void test_wheel__looks_again_at_most_once_per_level(void **state)
{
	struct loop_timer timer = {0};
	struct wheel wheel;
	unsigned looks = 0;

	(void)state;
	wheel_init(&wheel, 987654321);
	wheel_insert(&wheel, &timer, 987654321 + 3600000);
	while (wheel_pop(&wheel, wheel_next(&wheel)) == NULL)
		looks++;
	assert_true(looks <= WHEEL_LEVELS);
	assert_int_equal(wheel.now, 987654321 + 3600000);
}

/* Against the plain model: a due tick per timer, fired when due <= now. */
static void test_wheel__agrees_with_a_model_under_random_use(void **state)
{
	static struct loop_timer timers[TIMERS];
	static int64_t due[TIMERS];
	uint64_t seed = 88172645463325252U;
	struct wheel wheel;
	int64_t now = 1000;

	(void)state;
	wheel_init(&wheel, now);
	for (unsigned step = 0; step < 20000; step++) {
		size_t i = next_random(&seed) % TIMERS;
		unsigned bits = (unsigned)(next_random(&seed) % 24);
		struct loop_timer *timer;

		wheel_remove(&wheel, &timers[i]);
		due[i] = 0;
		if (next_random(&seed) % 4 != 0) {
			due[i] = now + 1 + (int64_t)(next_random(&seed) & ((1U << bits) - 1));
			wheel_insert(&wheel, &timers[i], due[i]);
		}
		if (step % 16 != 0)
			continue;
		now += (int64_t)(next_random(&seed) % (1U << next_random(&seed) % 14));
		while ((timer = wheel_pop(&wheel, now)) != NULL) {
			size_t fired = (size_t)(timer - timers);

			assert_true(due[fired] != 0 && due[fired] <= now);
			due[fired] = 0;
		}
		for (size_t k = 0; k < TIMERS; k++)
			assert_true(due[k] == 0 || due[k] > now);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wheel__gives_timers_in_order_of_ticks),
		cmocka_unit_test(test_wheel__keeps_the_order_of_insertion_in_one_tick),
		cmocka_unit_test(test_wheel__never_fires_early),
		cmocka_unit_test(test_wheel__counts_a_past_tick_as_the_next),
		cmocka_unit_test(test_wheel__clamps_the_far_future),
		cmocka_unit_test(test_wheel__looks_again_at_most_once_per_level),
		cmocka_unit_test(test_wheel__agrees_with_a_model_under_random_use),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
