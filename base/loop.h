/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One thread's event loop: readiness, timers, work to do at the end of a turn,
 * messages from other threads, and the reap list. A thin face on libevent;
 * nobody else sees it.
 *
 * A turn: wait -> I/O and timer callbacks -> posted work (until none is left,
 * bounded) -> reap. Time is read once after the wait and cached.
 *
 * Owns:    the event base and every struct loop_io / loop_timer while armed
 *          (memory is the embedder's; stop or close it before it goes away).
 * Threads: all calls belong to the loop's thread, save loop_send and loop_stop.
 * Limits:  16 rounds of posted work per turn, then I/O is looked at again.
 */
#ifndef BASE_LOOP_H
#define BASE_LOOP_H

#include "base/err.h"

struct loop;

enum loop_ready {
	LOOP_READABLE = 1,
	LOOP_WRITABLE = 2,
};

typedef void (*loop_io_fn)(void *arg, unsigned ready);
typedef void (*loop_fn)(void *arg);

/* A watched descriptor, level-triggered. What is wanted changes only by loop_io_want, which costs
 * a system call when it changes: so stay armed for reading and disarm only when bytes come that
 * are not wanted, and ask for LOOP_WRITABLE only after a write said EAGAIN. */
struct loop_io {
	struct loop *loop;
	loop_io_fn on_ready;
	void *arg;
	void *handle; /* libevent's, allocated by start, freed by stop */
	int fd;
	unsigned wanted;
};

/* A one-shot timer. Embedded; zero-filled is a valid stopped timer. Coarse wheel of 1 ms. */
struct loop_timer {
	struct loop *loop;
	loop_fn on_fire;
	void *arg;
	int64_t due_ns;
	struct loop_timer *prev, *next;
	uint32_t slot;
};

/* Work for the end of this turn. Embedded; posting twice before it runs is one run. */
struct loop_post {
	loop_fn run;
	void *arg;
	struct loop_post *next;
	bool is_posted;
};

/* A message from another thread: allocated by the sender, run then freed by nobody: `run` owns it.
 */
struct loop_message {
	struct loop_message *next;
	void (*run)(struct loop_message *message, void *arg);
	void *arg;
};

struct loop *loop_new(void);
/* What is still sent, posted or to be reaped is run first, so that nothing leaks. Safe on NULL. */
void loop_free(struct loop *loop);
/* Until loop_stop. */
void loop_run(struct loop *loop);
/* Any thread; also from a signal callback. The loop ends after its current turn. */
void loop_stop(struct loop *loop);

/* Cached at the start of the turn. */
int64_t loop_now_ns(const struct loop *loop);
int64_t loop_wall_ns(const struct loop *loop);

/* Wants nothing yet. Does not take fd over. */
void loop_io_start(struct loop *loop, struct loop_io *io, int fd, loop_io_fn on_ready, void *arg);
/* A set of LOOP_READABLE and LOOP_WRITABLE; a hang-up is reported as LOOP_READABLE. */
void loop_io_want(struct loop_io *io, unsigned wanted);
/* Does not close fd. Safe when never started (zero-filled). */
void loop_io_stop(struct loop_io *io);

/* (Re)arms; cheap: no system call. */
void loop_timer_start(struct loop *loop, struct loop_timer *timer, int64_t delay_ms,
		      loop_fn on_fire, void *arg);
void loop_timer_stop(struct loop_timer *timer);
static inline bool loop_timer_is_armed(const struct loop_timer *timer)
{
	return timer->slot != 0;
}

void loop_post(struct loop *loop, struct loop_post *post, loop_fn run, void *arg);
void loop_unpost(struct loop *loop, struct loop_post *post);
/* Calls fn(arg) once at the end of the turn, after all posted work: where things free themselves.
 */
void loop_reap(struct loop *loop, loop_fn fn, void *arg);

/* Any thread: message->run(message, message->arg) happens on the loop's thread. */
void loop_send(struct loop *loop, struct loop_message *message);
/* A callback on every wake-up by loop_wake, which is async-signal-safe and any-thread; used by the
 * journal to say "more is durable". At most one per loop. */
void loop_set_wake(struct loop *loop, loop_fn on_wake, void *arg);
void loop_wake(struct loop *loop);

/* Main thread only. */
MUST_CHECK enum err loop_signal(struct loop *loop, int signo, loop_fn on_signal, void *arg);

#endif
