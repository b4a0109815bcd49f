/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libevent waits, the rest is here. Two descriptors of our own stand in the
 * event base: a timerfd, set to the wheel's next tick only when that is sooner
 * than what it is set to (a stopped timer costs at most one wake-up too many,
 * never a system call), and an eventfd for what other threads have to say.
 *
 *   loop_send --> mailbox (a stack, reversed when drained) --.
 *   loop_wake --> is_woken ------------------------------------> eventfd
 *   loop_stop --> is_stopping -------------------------------'
 */
#include "base/loop.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/wheel.h"

#define LOOP_POST_ROUNDS 16
#define LOOP_DELAY_MAX	 (1LL << 40)

/* The write event is made when it is first wanted: most descriptors never do. */
struct loop_events {
	struct event read;
	struct event *write;
};

struct loop_signal {
	struct loop_signal *next;
	struct loop *loop;
	struct event *event;
	loop_fn on_signal;
	void *arg;
};

struct loop_reaped {
	loop_fn fn;
	void *arg;
};

struct loop {
	struct event_base *base;
	int64_t now_ns;
	int64_t wall_ns;
	bool is_fresh; /* the clock was read in this turn */
	bool is_running;

	struct loop_post *post_head, *post_tail;
	size_t post_count;
	struct loop_reaped *reaped;
	size_t reaped_count, reaped_cap;

	int timer_fd;
	struct loop_io timer_io;
	int64_t timer_set; /* tick the timerfd is set to, WHEEL_NEVER: not set */
	bool is_timer_ready;

	int inbox_fd;
	struct loop_io inbox_io;
	_Atomic(struct loop_message *) mailbox;
	atomic_bool is_woken;
	atomic_bool is_stopping;
	loop_fn on_wake;
	void *wake_arg;

	struct loop_signal *signals;
	struct wheel wheel;
};

static void loop_read_clock(struct loop *loop)
{
	if (loop->is_fresh)
		return;
	loop->now_ns = clock_mono_ns();
	loop->wall_ns = clock_wall_ns();
	loop->is_fresh = true;
}

static void loop_refresh_clock(struct loop *loop)
{
	loop->is_fresh = false;
	loop_read_clock(loop);
}

int64_t loop_now_ns(const struct loop *loop)
{
	return loop->now_ns;
}

int64_t loop_wall_ns(const struct loop *loop)
{
	return loop->wall_ns;
}

/* ---- descriptors ---- */

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct loop_io *io = arg;

	(void)fd, (void)what;
	loop_read_clock(io->loop);
	io->on_ready(io->arg, LOOP_READABLE);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct loop_io *io = arg;

	(void)fd, (void)what;
	loop_read_clock(io->loop);
	io->on_ready(io->arg, LOOP_WRITABLE);
}

void loop_io_start(struct loop *loop, struct loop_io *io, int fd, loop_io_fn on_ready, void *arg)
{
	struct loop_events *events = base_alloc(sizeof(*events));
	int failed =
		event_assign(&events->read, loop->base, fd, EV_READ | EV_PERSIST, on_readable, io);

	ASSERT(failed == 0);
	*io = (struct loop_io){
		.loop = loop,
		.on_ready = on_ready,
		.arg = arg,
		.handle = events,
		.fd = fd,
	};
}

static void loop_event_switch(struct event *event, bool is_on)
{
	int failed = is_on ? event_add(event, NULL) : event_del(event);

	ASSERT(failed == 0);
}

void loop_io_want(struct loop_io *io, unsigned wanted)
{
	struct loop_events *events = io->handle;
	unsigned changed = io->wanted ^ wanted;

	ASSERT(events != NULL);
	ASSERT((wanted & ~(unsigned)(LOOP_READABLE | LOOP_WRITABLE)) == 0);
	io->wanted = wanted;
	if ((changed & LOOP_READABLE) != 0)
		loop_event_switch(&events->read, (wanted & LOOP_READABLE) != 0);
	if ((changed & LOOP_WRITABLE) == 0)
		return;
	if (events->write == NULL) {
		events->write =
			event_new(io->loop->base, io->fd, EV_WRITE | EV_PERSIST, on_writable, io);
		ASSERT(events->write != NULL);
	}
	loop_event_switch(events->write, (wanted & LOOP_WRITABLE) != 0);
}

void loop_io_stop(struct loop_io *io)
{
	struct loop_events *events = io->handle;

	if (events == NULL)
		return;
	loop_io_want(io, 0);
	if (events->write != NULL)
		event_free(events->write);
	free(events);
	*io = (struct loop_io){.fd = -1};
}

/* ---- timers ---- */

static int64_t tick_of(int64_t ns)
{
	return ns / CLOCK_NS_PER_MS;
}

void loop_timer_start(struct loop *loop, struct loop_timer *timer, int64_t delay_ms,
		      loop_fn on_fire, void *arg)
{
	int64_t delay = MIN(MAX(delay_ms, 0), LOOP_DELAY_MAX);
	int64_t due;

	/* Before the first turn the cached time may be long past. */
	if (!loop->is_running)
		loop_refresh_clock(loop);
	due = tick_of(loop->now_ns + delay * CLOCK_NS_PER_MS + CLOCK_NS_PER_MS - 1);
	loop_timer_stop(timer);
	timer->loop = loop;
	timer->on_fire = on_fire;
	timer->arg = arg;
	/* Never in the turn that started it: a timer of 0 ms that restarts itself must not spin. */
	wheel_insert(&loop->wheel, timer, MAX(due, tick_of(loop->now_ns) + 1));
}

void loop_timer_stop(struct loop_timer *timer)
{
	if (timer->slot != 0)
		wheel_remove(&timer->loop->wheel, timer);
}

static void on_timer_ready(void *arg, unsigned ready)
{
	struct loop *loop = arg;

	(void)ready;
	loop->is_timer_ready = true;
}

static void loop_run_timers(struct loop *loop)
{
	int64_t now = tick_of(loop->now_ns);
	struct loop_timer *timer;

	while ((timer = wheel_pop(&loop->wheel, now)) != NULL)
		timer->on_fire(timer->arg);
}

/* Before waiting. Setting it anew also takes back its readiness, so it is never read. */
static void loop_set_timerfd(struct loop *loop)
{
	int64_t next = wheel_next(&loop->wheel);
	bool is_past = loop->timer_set <= tick_of(loop->now_ns);
	struct itimerspec when = {0};
	int failed;

	if (!loop->is_timer_ready && !is_past && next >= loop->timer_set)
		return;
	if (next != WHEEL_NEVER) {
		when.it_value.tv_sec = next / 1000;
		when.it_value.tv_nsec = next % 1000 * CLOCK_NS_PER_MS;
	}
	failed = timerfd_settime(loop->timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
	ASSERT(failed == 0);
	loop->timer_set = next;
	loop->is_timer_ready = false;
}

/* ---- the end of the turn ---- */

void loop_post(struct loop *loop, struct loop_post *post, loop_fn run, void *arg)
{
	post->run = run;
	post->arg = arg;
	if (post->is_posted)
		return;
	post->is_posted = true;
	post->next = NULL;
	if (loop->post_tail == NULL)
		loop->post_head = post;
	else
		loop->post_tail->next = post;
	loop->post_tail = post;
	loop->post_count++;
}

void loop_unpost(struct loop *loop, struct loop_post *post)
{
	struct loop_post *before = NULL;

	if (!post->is_posted)
		return;
	for (struct loop_post *at = loop->post_head; at != post; at = at->next) {
		ASSERT(at != NULL);
		before = at;
	}
	if (before == NULL)
		loop->post_head = post->next;
	else
		before->next = post->next;
	if (loop->post_tail == post)
		loop->post_tail = before;
	loop->post_count--;
	post->is_posted = false;
}

static void loop_run_posts(struct loop *loop)
{
	for (unsigned round = 0; round < LOOP_POST_ROUNDS && loop->post_head != NULL; round++) {
		for (size_t left = loop->post_count; left > 0 && loop->post_head != NULL; left--) {
			struct loop_post *post = loop->post_head;

			loop_unpost(loop, post);
			post->run(post->arg);
		}
	}
}

void loop_reap(struct loop *loop, loop_fn fn, void *arg)
{
	if (loop->reaped_count == loop->reaped_cap) {
		loop->reaped_cap = MAX(loop->reaped_cap * 2, 64);
		loop->reaped = realloc(loop->reaped, loop->reaped_cap * sizeof(*loop->reaped));
		ASSERT(loop->reaped != NULL);
	}
	loop->reaped[loop->reaped_count++] = (struct loop_reaped){fn, arg};
}

/* The list may grow, and move, while it is walked. */
static void loop_run_reaped(struct loop *loop)
{
	for (size_t i = 0; i < loop->reaped_count; i++) {
		struct loop_reaped reaped = loop->reaped[i];

		reaped.fn(reaped.arg);
	}
	loop->reaped_count = 0;
}

static bool loop_has_work(const struct loop *loop)
{
	return loop->post_head != NULL || loop->reaped_count > 0;
}

/* ---- other threads ---- */

static void inbox_ring(struct loop *loop)
{
	uint64_t one = 1;
	ssize_t written = write(loop->inbox_fd, &one, sizeof(one));

	/* It fails only when the counter is full, and then the loop wakes anyway. */
	(void)written;
}

void loop_send(struct loop *loop, struct loop_message *message)
{
	struct loop_message *top = atomic_load(&loop->mailbox);

	do {
		message->next = top;
	} while (!atomic_compare_exchange_weak(&loop->mailbox, &top, message));
	/* Whoever found it empty rings; the drain that follows sees all that came after. */
	if (top == NULL)
		inbox_ring(loop);
}

void loop_wake(struct loop *loop)
{
	if (!atomic_exchange(&loop->is_woken, true))
		inbox_ring(loop);
}

void loop_stop(struct loop *loop)
{
	atomic_store(&loop->is_stopping, true);
	inbox_ring(loop);
}

void loop_set_wake(struct loop *loop, loop_fn on_wake, void *arg)
{
	loop->on_wake = on_wake;
	loop->wake_arg = arg;
}

/* Runs what was there at the call, oldest first; what is sent meanwhile rings again. */
static void loop_drain_mailbox(struct loop *loop)
{
	struct loop_message *newest = atomic_exchange(&loop->mailbox, NULL);
	struct loop_message *oldest = NULL;

	while (newest != NULL) {
		struct loop_message *next = newest->next;

		newest->next = oldest;
		oldest = newest;
		newest = next;
	}
	while (oldest != NULL) {
		struct loop_message *message = oldest;

		oldest = message->next;
		message->run(message, message->arg);
	}
}

static void on_inbox_ready(void *arg, unsigned ready)
{
	struct loop *loop = arg;
	uint64_t count;
	ssize_t got = read(loop->inbox_fd, &count, sizeof(count));

	(void)ready, (void)got;
	if (atomic_exchange(&loop->is_woken, false) && loop->on_wake != NULL)
		loop->on_wake(loop->wake_arg);
	loop_drain_mailbox(loop);
}

/* ---- signals ---- */

static void on_signal_event(evutil_socket_t signo, short what, void *arg)
{
	struct loop_signal *signal = arg;

	(void)signo, (void)what;
	loop_read_clock(signal->loop);
	signal->on_signal(signal->arg);
}

enum err loop_signal(struct loop *loop, int signo, loop_fn on_signal, void *arg)
{
	struct loop_signal *signal = base_alloc(sizeof(*signal));

	*signal = (struct loop_signal){loop->signals, loop, NULL, on_signal, arg};
	signal->event = evsignal_new(loop->base, signo, on_signal_event, signal);
	ASSERT(signal->event != NULL);
	if (event_add(signal->event, NULL) != 0) {
		event_free(signal->event);
		free(signal);
		return ERR_IO;
	}
	loop->signals = signal;
	return OK;
}

/* ---- life ---- */

static struct event_base *loop_new_base(void)
{
	struct event_config *config = event_config_new();
	struct event_base *base;

	ASSERT(config != NULL);
	event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_IGNORE_ENV);
	base = event_base_new_with_config(config);
	ASSERT(base != NULL);
	event_config_free(config);
	return base;
}

struct loop *loop_new(void)
{
	struct loop *loop = base_alloc(sizeof(*loop));

	loop->base = loop_new_base();
	loop->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	ASSERT(loop->timer_fd >= 0);
	loop->inbox_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	ASSERT(loop->inbox_fd >= 0);
	loop->timer_set = WHEEL_NEVER;
	loop_refresh_clock(loop);
	wheel_init(&loop->wheel, tick_of(loop->now_ns));
	loop_io_start(loop, &loop->timer_io, loop->timer_fd, on_timer_ready, loop);
	loop_io_want(&loop->timer_io, LOOP_READABLE);
	loop_io_start(loop, &loop->inbox_io, loop->inbox_fd, on_inbox_ready, loop);
	loop_io_want(&loop->inbox_io, LOOP_READABLE);
	return loop;
}

void loop_free(struct loop *loop)
{
	if (loop == NULL)
		return;
	do {
		loop_drain_mailbox(loop);
		loop_run_posts(loop);
		loop_run_reaped(loop);
	} while (loop_has_work(loop) || atomic_load(&loop->mailbox) != NULL);
	while (loop->signals != NULL) {
		struct loop_signal *signal = loop->signals;

		loop->signals = signal->next;
		event_free(signal->event);
		free(signal);
	}
	loop_io_stop(&loop->timer_io);
	loop_io_stop(&loop->inbox_io);
	close(loop->timer_fd);
	close(loop->inbox_fd);
	event_base_free(loop->base);
	free(loop->reaped);
	free(loop);
}

static void loop_turn(struct loop *loop)
{
	int flags = EVLOOP_ONCE | (loop_has_work(loop) ? EVLOOP_NONBLOCK : 0);

	loop_set_timerfd(loop);
	loop->is_fresh = false;
	event_base_loop(loop->base, flags);
	loop_read_clock(loop);
	loop_run_timers(loop);
	loop_run_posts(loop);
	loop_run_reaped(loop);
}

void loop_run(struct loop *loop)
{
	loop->is_running = true;
	loop_refresh_clock(loop);
	while (!atomic_load(&loop->is_stopping))
		loop_turn(loop);
	atomic_store(&loop->is_stopping, false);
	loop->is_running = false;
}
