/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A wall clock that a test can step under a running program: preloaded, it adds
 * the nanoseconds that stand in the file $CHAOS_CLOCK (8 bytes, host order) to
 * every reading of CLOCK_REALTIME. The monotonic clock and timers are left as
 * they are; libfaketime shifts absolute timers of the monotonic clock as well,
 * so that a step would look like a hang.
 *
 * Owns:    one mapping, until the program ends.
 * Threads: any; a step is one aligned store by the other side.
 * Limits:  none.
 */
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S 1000000000LL

/* At file scope because the C library's signatures have no place for it. */
static const _Atomic int64_t *offset_ns;

__attribute__((constructor)) static void map_offset(void)
{
	const char *path = getenv("CHAOS_CLOCK");
	int fd = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
	void *at;

	if (fd < 0)
		return;
	at = mmap(NULL, sizeof(*offset_ns), PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	if (at != MAP_FAILED)
		offset_ns = at;
}

static int read_clock(clockid_t clock, struct timespec *now)
{
	int failed = (int)syscall(SYS_clock_gettime, clock, now);
	int64_t ns;

	if (failed != 0 || offset_ns == NULL ||
	    (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE))
		return failed;
	ns = now->tv_sec * NS_PER_S + now->tv_nsec + atomic_load(offset_ns);
	now->tv_sec = ns / NS_PER_S;
	now->tv_nsec = ns % NS_PER_S;
	return 0;
}

/* The C library's names, without its declarations' names of parameters. */
int wall_clock_gettime(clockid_t clock, struct timespec *now) __asm__("clock_gettime");
int wall_clock_gettimeofday(struct timeval *now, void *zone) __asm__("gettimeofday");
time_t wall_clock_time(time_t *out) __asm__("time");

int wall_clock_gettime(clockid_t clock, struct timespec *now)
{
	return read_clock(clock, now);
}

int wall_clock_gettimeofday(struct timeval *now, void *zone)
{
	struct timespec exact;

	(void)zone;
	if (read_clock(CLOCK_REALTIME, &exact) != 0)
		return -1;
	now->tv_sec = exact.tv_sec;
	now->tv_usec = exact.tv_nsec / 1000;
	return 0;
}

time_t wall_clock_time(time_t *out)
{
	struct timespec exact = {0};

	(void)read_clock(CLOCK_REALTIME, &exact);
	if (out != NULL)
		*out = exact.tv_sec;
	return exact.tv_sec;
}
