/* SPDX-License-Identifier: Apache-2.0 */
#include "base/loop.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"

#define SENDERS	 4
#define MESSAGES 5000

struct fixture {
	struct loop *loop;
	struct loop_io io;
	struct loop_timer timer, other;
	struct loop_post post, second;
	unsigned calls, others;
	unsigned ready;
	int fds[2];
	char trace[64];
};

static void trace(struct fixture *f, const char *what)
{
	strncat(f->trace, what, sizeof(f->trace) - strlen(f->trace) - 1);
}

static int set_up(void **state)
{
	struct fixture *f = base_alloc(sizeof(*f));

	f->loop = loop_new();
	*state = f;
	return socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, f->fds);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	loop_io_stop(&f->io);
	loop_free(f->loop);
	close(f->fds[0]);
	close(f->fds[1]);
	free(f);
	return 0;
}

static void on_ready_stop(void *arg, unsigned ready)
{
	struct fixture *f = arg;

	f->calls++;
	f->ready |= ready;
	loop_stop(f->loop);
}

static void on_stop(void *arg)
{
	struct fixture *f = arg;

	f->calls++;
	loop_stop(f->loop);
}

static void on_count(void *arg)
{
	struct fixture *f = arg;

	f->others++;
}

static void test_loop__reports_readable_until_it_is_read(void **state)
{
	struct fixture *f = *state;

	loop_io_start(f->loop, &f->io, f->fds[0], on_ready_stop, f);
	loop_io_want(&f->io, LOOP_READABLE);
	assert_int_equal(write(f->fds[1], "x", 1), 1);
	loop_run(f->loop);
	loop_run(f->loop);
	assert_int_equal(f->calls, 2);
	assert_int_equal(f->ready, LOOP_READABLE);
}

static void test_loop__reports_writable_only_while_wanted(void **state)
{
	struct fixture *f = *state;

	loop_io_start(f->loop, &f->io, f->fds[0], on_ready_stop, f);
	loop_io_want(&f->io, LOOP_READABLE | LOOP_WRITABLE);
	loop_run(f->loop);
	assert_int_equal(f->ready, LOOP_WRITABLE);
	loop_io_want(&f->io, LOOP_READABLE);
	f->calls = 0;
	loop_timer_start(f->loop, &f->timer, 5, on_stop, f);
	loop_run(f->loop);
	assert_int_equal(f->calls, 1);
}

static void test_loop__reports_a_hang_up_as_readable(void **state)
{
	struct fixture *f = *state;

	loop_io_start(f->loop, &f->io, f->fds[0], on_ready_stop, f);
	loop_io_want(&f->io, LOOP_READABLE);
	shutdown(f->fds[1], SHUT_RDWR);
	loop_run(f->loop);
	assert_int_equal(f->ready, LOOP_READABLE);
}

static void test_loop__says_nothing_of_what_is_not_wanted(void **state)
{
	struct fixture *f = *state;

	loop_io_start(f->loop, &f->io, f->fds[0], on_ready_stop, f);
	loop_io_want(&f->io, LOOP_READABLE);
	loop_io_want(&f->io, 0);
	assert_int_equal(write(f->fds[1], "x", 1), 1);
	loop_timer_start(f->loop, &f->timer, 5, on_stop, f);
	loop_run(f->loop);
	assert_int_equal(f->ready, 0);
}

static void test_loop__fires_timers_not_early_and_soon(void **state)
{
	struct fixture *f = *state;
	int64_t start_ns = clock_mono_ns();
	int64_t took_ns;

	loop_timer_start(f->loop, &f->timer, 30, on_stop, f);
	assert_true(loop_timer_is_armed(&f->timer));
	loop_run(f->loop);
	took_ns = clock_mono_ns() - start_ns;
	assert_true(took_ns >= 30 * CLOCK_NS_PER_MS);
	/* Generous: the machine may be busy. */
	assert_true(took_ns < 2000 * CLOCK_NS_PER_MS);
	assert_false(loop_timer_is_armed(&f->timer));
}

static void test_loop__does_not_fire_a_stopped_timer(void **state)
{
	struct fixture *f = *state;

	loop_timer_start(f->loop, &f->other, 1, on_count, f);
	loop_timer_start(f->loop, &f->timer, 10, on_stop, f);
	loop_timer_stop(&f->other);
	loop_timer_stop(&f->other);
	loop_run(f->loop);
	assert_int_equal(f->others, 0);
}

static void test_loop__restarts_a_timer_at_its_new_time(void **state)
{
	struct fixture *f = *state;

	loop_timer_start(f->loop, &f->other, 1, on_count, f);
	loop_timer_start(f->loop, &f->other, 60000, on_count, f);
	loop_timer_start(f->loop, &f->timer, 10, on_stop, f);
	loop_run(f->loop);
	assert_int_equal(f->others, 0);
	loop_timer_stop(&f->other);
}

static void on_again(void *arg)
{
	struct fixture *f = arg;

	loop_timer_start(f->loop, &f->timer, 0, on_again, f);
	if (++f->calls == 3)
		loop_stop(f->loop);
}

static void test_loop__fires_a_restarted_timer_of_zero_once_per_turn(void **state)
{
	struct fixture *f = *state;

	loop_timer_start(f->loop, &f->timer, 0, on_again, f);
	loop_run(f->loop);
	assert_int_equal(f->calls, 3);
	loop_timer_stop(&f->timer);
}

/* Thousands of armed timers far away: the loop sleeps, and uses no time doing so. */
static void test_loop__sleeps_while_thousands_of_timers_wait(void **state)
{
	struct fixture *f = *state;
	struct loop_timer *timers = base_alloc(5000 * sizeof(*timers));
	struct timespec before, after;

	for (size_t i = 0; i < 5000; i++)
		loop_timer_start(f->loop, &timers[i], 60000 + (int64_t)i * 37, on_count, f);
	loop_timer_start(f->loop, &f->timer, 200, on_stop, f);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
	loop_run(f->loop);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after);
	assert_int_equal(f->others, 0);
	assert_true((after.tv_sec - before.tv_sec) * 1000000000L + after.tv_nsec - before.tv_nsec <
		    50000000L);
	for (size_t i = 0; i < 5000; i++)
		loop_timer_stop(&timers[i]);
	free(timers);
}

static void on_trace_reap(void *arg)
{
	trace(arg, "reap ");
}

static void on_trace_second(void *arg)
{
	trace(arg, "second ");
}

static void on_trace_post(void *arg)
{
	struct fixture *f = arg;

	trace(f, "post ");
	loop_post(f->loop, &f->second, on_trace_second, f);
	loop_stop(f->loop);
}

static void on_trace_io(void *arg, unsigned ready)
{
	struct fixture *f = arg;

	(void)ready;
	trace(f, "io ");
	loop_reap(f->loop, on_trace_reap, f);
	loop_post(f->loop, &f->post, on_trace_post, f);
	loop_post(f->loop, &f->post, on_trace_post, f);
}

static void test_loop__runs_posts_and_then_reaps_in_the_same_turn(void **state)
{
	struct fixture *f = *state;

	loop_io_start(f->loop, &f->io, f->fds[0], on_trace_io, f);
	loop_io_want(&f->io, LOOP_READABLE);
	assert_int_equal(write(f->fds[1], "x", 1), 1);
	loop_run(f->loop);
	assert_string_equal(f->trace, "io post second reap ");
}

static void test_loop__takes_a_post_back(void **state)
{
	struct fixture *f = *state;
	struct loop_post posts[3] = {0};

	loop_post(f->loop, &posts[0], on_count, f);
	loop_post(f->loop, &posts[1], on_count, f);
	loop_post(f->loop, &posts[2], on_count, f);
	loop_unpost(f->loop, &posts[1]);
	loop_unpost(f->loop, &posts[2]);
	loop_unpost(f->loop, &posts[2]);
	loop_post(f->loop, &f->post, on_stop, f);
	loop_run(f->loop);
	assert_int_equal(f->others, 1);
	assert_int_equal(f->calls, 1);
}

static void on_post_again(void *arg)
{
	struct fixture *f = arg;

	f->calls++;
	loop_post(f->loop, &f->post, on_post_again, f);
}

static void test_loop__lets_io_in_between_endless_posts(void **state)
{
	struct fixture *f = *state;

	loop_io_start(f->loop, &f->io, f->fds[0], on_ready_stop, f);
	loop_io_want(&f->io, LOOP_READABLE);
	loop_post(f->loop, &f->post, on_post_again, f);
	assert_int_equal(write(f->fds[1], "x", 1), 1);
	loop_run(f->loop);
	assert_int_equal(f->ready, LOOP_READABLE);
	loop_unpost(f->loop, &f->post);
}

static void on_reap_more(void *arg)
{
	struct fixture *f = arg;

	if (++f->calls < 200)
		loop_reap(f->loop, on_reap_more, f);
	else
		loop_stop(f->loop);
}

static void test_loop__reaps_what_reaping_adds(void **state)
{
	struct fixture *f = *state;

	loop_reap(f->loop, on_reap_more, f);
	loop_run(f->loop);
	assert_int_equal(f->calls, 200);
}

static void test_loop__runs_leftover_work_when_freed(void **state)
{
	struct fixture *f = *state;

	loop_post(f->loop, &f->post, on_trace_post, f);
	loop_reap(f->loop, on_trace_reap, f);
	loop_free(f->loop);
	f->loop = NULL;
	assert_string_equal(f->trace, "post second reap ");
}

struct numbered {
	struct loop_message message;
	unsigned sender, number;
};

struct crowd {
	struct loop *loop;
	unsigned next[SENDERS]; /* loop's thread only */
	unsigned total;
	atomic_uint senders;
};

static void on_numbered(struct loop_message *message, void *arg)
{
	struct numbered *numbered = (struct numbered *)(void *)message;
	struct crowd *crowd = arg;

	/* Of one sender the messages keep their order. */
	assert_int_equal(numbered->number, crowd->next[numbered->sender]++);
	if (++crowd->total == SENDERS * MESSAGES)
		loop_stop(crowd->loop);
	free(numbered);
}

static void *send_many(void *arg)
{
	struct crowd *crowd = arg;
	unsigned sender = atomic_fetch_add(&crowd->senders, 1);

	for (unsigned i = 0; i < MESSAGES; i++) {
		struct numbered *numbered = base_alloc(sizeof(*numbered));

		numbered->message.run = on_numbered;
		numbered->message.arg = crowd;
		numbered->sender = sender;
		numbered->number = i;
		loop_send(crowd->loop, &numbered->message);
	}
	return NULL;
}

static void test_loop__delivers_messages_of_many_threads_in_order(void **state)
{
	struct fixture *f = *state;
	struct crowd crowd = {.loop = f->loop};
	pthread_t threads[SENDERS];

	for (size_t i = 0; i < SENDERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, send_many, &crowd), 0);
	loop_run(f->loop);
	for (size_t i = 0; i < SENDERS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(crowd.total, SENDERS * MESSAGES);
}

struct wakes {
	struct loop *loop;
	atomic_uint published;
	unsigned seen;
};

static void on_woken(void *arg)
{
	struct wakes *wakes = arg;

	wakes->seen = atomic_load(&wakes->published);
	if (wakes->seen == MESSAGES)
		loop_stop(wakes->loop);
}

static void *publish_many(void *arg)
{
	struct wakes *wakes = arg;

	for (unsigned i = 0; i < MESSAGES; i++) {
		atomic_fetch_add(&wakes->published, 1);
		loop_wake(wakes->loop);
	}
	return NULL;
}

/* No wake-up is lost: the last one published is always seen. */
static void test_loop__sees_the_last_wake(void **state)
{
	struct fixture *f = *state;
	struct wakes wakes = {.loop = f->loop};
	pthread_t thread;

	loop_set_wake(f->loop, on_woken, &wakes);
	assert_int_equal(pthread_create(&thread, NULL, publish_many, &wakes), 0);
	loop_run(f->loop);
	pthread_join(thread, NULL);
	assert_int_equal(wakes.seen, MESSAGES);
}

static void *stop_soon(void *arg)
{
	loop_stop(arg);
	return NULL;
}

static void test_loop__stops_from_another_thread(void **state)
{
	struct fixture *f = *state;
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, stop_soon, f->loop), 0);
	loop_run(f->loop);
	pthread_join(thread, NULL);
}

static void test_loop__calls_back_on_a_signal(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(loop_signal(f->loop, SIGUSR1, on_stop, f), OK);
	raise(SIGUSR1);
	loop_run(f->loop);
	assert_int_equal(f->calls, 1);
}

static void test_loop__reads_the_clock_once_per_turn(void **state)
{
	struct fixture *f = *state;
	int64_t before = loop_now_ns(f->loop);

	loop_timer_start(f->loop, &f->timer, 2, on_stop, f);
	loop_run(f->loop);
	assert_true(loop_now_ns(f->loop) >= before + 2 * CLOCK_NS_PER_MS);
	assert_true(llabs(loop_wall_ns(f->loop) - clock_wall_ns()) < 5 * CLOCK_NS_PER_S);
}

#define WITH_LOOP(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_LOOP(test_loop__reports_readable_until_it_is_read),
		WITH_LOOP(test_loop__reports_writable_only_while_wanted),
		WITH_LOOP(test_loop__reports_a_hang_up_as_readable),
		WITH_LOOP(test_loop__says_nothing_of_what_is_not_wanted),
		WITH_LOOP(test_loop__fires_timers_not_early_and_soon),
		WITH_LOOP(test_loop__does_not_fire_a_stopped_timer),
		WITH_LOOP(test_loop__restarts_a_timer_at_its_new_time),
		WITH_LOOP(test_loop__fires_a_restarted_timer_of_zero_once_per_turn),
		WITH_LOOP(test_loop__sleeps_while_thousands_of_timers_wait),
		WITH_LOOP(test_loop__runs_posts_and_then_reaps_in_the_same_turn),
		WITH_LOOP(test_loop__takes_a_post_back),
		WITH_LOOP(test_loop__lets_io_in_between_endless_posts),
		WITH_LOOP(test_loop__reaps_what_reaping_adds),
		WITH_LOOP(test_loop__runs_leftover_work_when_freed),
		WITH_LOOP(test_loop__delivers_messages_of_many_threads_in_order),
		WITH_LOOP(test_loop__sees_the_last_wake),
		WITH_LOOP(test_loop__stops_from_another_thread),
		WITH_LOOP(test_loop__calls_back_on_a_signal),
		WITH_LOOP(test_loop__reads_the_clock_once_per_turn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
