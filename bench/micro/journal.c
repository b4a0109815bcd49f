/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the journal costs: one worker keeps n records in flight (append, wait
 * for the wake-up, append again) for a while, on the disk of the folder given
 * and on one that takes no time.
 *
 * usage: journal_micro [FOLDER [SECONDS]]
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/loop.h"
#include "metering/journal/journal.h"

#define PAYLOAD_BYTES 700
#define IN_FLIGHT_MAX 1024

struct run {
	struct journal_writer *writer;
	struct loop *loop;
	struct loop_timer timer;
	uint64_t positions[IN_FLIGHT_MAX]; /* of those in flight, oldest at `done` */
	uint64_t started;
	uint64_t done;
	unsigned in_flight;
	bool is_over;
};

static const char payload[PAYLOAD_BYTES] = "{\"specversion\":\"1.0\"}";

static enum err no_open_calls(void *arg, const struct record *intent, const struct record *progress,
			      struct buf *out)
{
	(void)arg;
	(void)intent;
	(void)progress;
	return buf_append(out, STR("{}"));
}

/* A disk that takes everything at once: what is left is our own cost. */
static ssize_t free_pwrite(void *arg, int fd, const void *in, size_t len, off_t offset)
{
	(void)arg;
	(void)fd;
	(void)in;
	(void)offset;
	return (ssize_t)len;
}

static int free_fdatasync(void *arg, int fd)
{
	(void)arg;
	(void)fd;
	return 0;
}

static void fill(struct run *run)
{
	struct record_key key = {.attempt = 1};

	while (run->started - run->done < run->in_flight && !run->is_over) {
		uint64_t *position = &run->positions[run->started % IN_FLIGHT_MAX];
		enum record_type type = run->started % 2 == 0 ? RECORD_INTENT : RECORD_SETTLE;
		uint64_t call = run->started / 2;

		memcpy(key.call + 8, &call, sizeof(call));
		if (journal_append(run->writer, type, &key, str_make(payload, sizeof(payload)),
				   position) != OK)
			return;
		run->started++;
	}
}

static void on_wake(void *arg)
{
	struct run *run = arg;
	uint64_t durable = journal_durable(run->writer);

	while (run->done < run->started && run->positions[run->done % IN_FLIGHT_MAX] <= durable)
		run->done++;
	fill(run);
	if (run->is_over && run->done == run->started)
		loop_stop(run->loop);
}

static void on_time(void *arg)
{
	struct run *run = arg;

	run->is_over = true;
	on_wake(run);
}

static int64_t cpu_ns(int who)
{
	struct rusage usage;

	getrusage(who, &usage);
	return ((int64_t)usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * CLOCK_NS_PER_S +
	       ((int64_t)usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000;
}

static int fail(const struct diag *diag)
{
	char text[1024];

	(void)diag_print(diag, text, sizeof(text));
	fprintf(stderr, "%s\n", text);
	return 3;
}

static int measure(const char *name, struct journal_options *options, unsigned in_flight,
		   int64_t seconds)
{
	struct run run = {.in_flight = in_flight};
	const struct journal_stats *stats;
	struct journal *journal;
	struct diag diag = {0};
	int64_t wall_ns, all_ns, worker_ns;
	uint64_t records, groups;

	if (journal_open(options, &diag, &journal) != OK)
		return fail(&diag);
	run.loop = loop_new();
	loop_set_wake(run.loop, on_wake, &run);
	if (journal_writer_new(journal, run.loop, &run.writer) != OK)
		return 3;
	loop_timer_start(run.loop, &run.timer, seconds * 1000, on_time, &run);
	wall_ns = clock_mono_ns();
	all_ns = cpu_ns(RUSAGE_SELF);
	worker_ns = cpu_ns(RUSAGE_THREAD);
	fill(&run);
	loop_run(run.loop);
	wall_ns = clock_mono_ns() - wall_ns;
	all_ns = cpu_ns(RUSAGE_SELF) - all_ns;
	worker_ns = cpu_ns(RUSAGE_THREAD) - worker_ns;
	stats = journal_stats(journal);
	records = MAX(stat_read(&stats->records), 1U);
	groups = MAX(stat_read(&stats->groups), 1U);
	printf("%-6s %9u %12lld %10lld %10lld %10lld %10lld\n", name, in_flight,
	       (long long)records * CLOCK_NS_PER_S / wall_ns, (long long)(records / groups),
	       (long long)worker_ns / (long long)records,
	       (long long)(all_ns - worker_ns) / (long long)records,
	       (long long)wall_ns / (long long)groups / 1000);
	journal_writer_free(run.writer);
	loop_free(run.loop);
	return journal_close(journal) == OK ? 0 : 3;
}

/* A folder of its own for each row: what a free disk "took" cannot be recovered. */
static int measure_row(const char *folder, const struct file_ops *ops, unsigned in_flight,
		       int64_t seconds)
{
	const char *name = ops == NULL ? "real" : "free";
	char state[FILE_PATH_BYTES];
	struct journal_options options = {.state = state,
					  .gateway = STR("bench"),
					  .keep_s = 1,
					  .files = {ops, NULL},
					  .on_open = no_open_calls};

	snprintf(state, sizeof(state), "%s/%s-%u", folder, name, in_flight);
	return measure(name, &options, in_flight, seconds);
}

int main(int argc, char **argv)
{
	static const unsigned rows[] = {1, 8, 64, 256};
	struct file_ops free_ops = *files_system().ops;
	const char *folder = argc > 1 ? argv[1] : ".";
	uint64_t seconds = 2;
	int code = 0;

	if (argc > 2 && str_to_u64(str_from_c(argv[2]), &seconds) != OK)
		return 2;
	free_ops.pwrite = free_pwrite;
	free_ops.fdatasync = free_fdatasync;
	printf("%-6s %9s %12s %10s %10s %10s %10s\n", "disk", "in_flight", "records/s", "per_group",
	       "worker_ns", "thread_ns", "group_us");
	for (size_t i = 0; i < ARRAY_LEN(rows) && code == 0; i++)
		code = measure_row(folder, NULL, rows[i], (int64_t)seconds);
	for (size_t i = 0; i < ARRAY_LEN(rows) && code == 0; i++)
		code = measure_row(folder, &free_ops, rows[i], (int64_t)seconds);
	return code;
}
