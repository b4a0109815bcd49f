/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The load generator: N keep-alive connections that send one request over and
 * over, for a given time and not longer, and one line of JSON with what they
 * saw.
 *
 *   closed loop   a connection's next request follows its answer: saturation
 *   open loop     --rate R: request k is due at k / R; its time counts from when
 *                 it was due, not from when a connection was free for it, so that
 *                 a slow peer cannot hide the requests it held up
 *   --hold        one request each, then "ready", then silence until stdin ends
 *
 * usage: load --connect ADDRESS:PORT --request FILE [--connections N]
 *             [--milliseconds T] [--warm T] [--rate R] [--hold]
 *
 * FILE holds the whole request as it goes on the wire. Events of a stream that
 * carry `sent-` and sixteen digits of the monotonic clock are timed by them.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"
#include "bench/load/histogram.h"
#include "bench/load/reader.h"

#define EVENTS_PER_WAIT	 256
#define READ_BYTES	 (256U << 10)
#define REQUEST_MAX	 (256U << 10)
#define CONNECTIONS_MAX	 20000
#define TAIL_NS		 (2 * CLOCK_NS_PER_S) /* for what is open when the time is over */
#define STAMP_DIGITS	 16
#define MILLISECONDS_MAX 120000

struct load;

struct caller {
	struct load *load;
	struct caller *next_idle;
	int fd;
	bool is_busy;
	size_t sent;
	int64_t due_ns; /* when its request should have left */
	bool has_first; /* of the answer's body */
	struct reader reader;
};

struct load {
	struct sockaddr_in address;
	char *request;
	size_t request_len;
	uint64_t connections, milliseconds, warm_ms, rate;
	bool is_holding;

	int epoll;
	struct caller *callers, *idle;
	uint64_t busy;
	int64_t start_ns, measure_ns, end_ns, next_due_ns, interval_ns;

	uint64_t requests, measured, errors, reconnects, events;
	struct histogram whole, first, event;
	char buffer[READ_BYTES];
};

static NORETURN void die(const char *what)
{
	fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
	exit(3);
}

/* Connections -------------------------------------------------------------------------- */

static void caller_connect(struct caller *caller)
{
	struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = caller}};
	int one = 1;

	caller->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (caller->fd < 0)
		die("socket");
	if (connect(caller->fd, (const struct sockaddr *)&caller->load->address,
		    sizeof(caller->load->address)) != 0)
		die("connect");
	setsockopt(caller->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (epoll_ctl(caller->load->epoll, EPOLL_CTL_ADD, caller->fd, &event) != 0)
		die("epoll_ctl");
}

static void caller_push_idle(struct caller *caller)
{
	caller->next_idle = caller->load->idle;
	caller->load->idle = caller;
}

static void caller_want_write(struct caller *caller, bool wants)
{
	struct epoll_event event = {.events = EPOLLIN | (wants ? EPOLLOUT : 0U),
				    .data = {.ptr = caller}};

	if (epoll_ctl(caller->load->epoll, EPOLL_CTL_MOD, caller->fd, &event) != 0)
		die("epoll_ctl");
}

static void caller_end(struct caller *caller, bool is_error);

static void caller_send(struct caller *caller)
{
	struct load *load = caller->load;
	size_t before = caller->sent;
	ssize_t sent = send(caller->fd, load->request + caller->sent,
			    load->request_len - caller->sent, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (sent < 0 && errno != EAGAIN) {
		caller_end(caller, true);
		return;
	}
	caller->sent += sent < 0 ? 0 : (size_t)sent;
	if (caller->sent < load->request_len || before > 0)
		caller_want_write(caller, caller->sent < load->request_len);
}

static void caller_start(struct caller *caller, int64_t due_ns)
{
	caller->is_busy = true;
	caller->sent = 0;
	caller->due_ns = due_ns;
	caller->has_first = false;
	caller->load->busy++;
	reader_reset(&caller->reader);
	caller_send(caller);
}

/* An answer is over, well or not; the connection is renewed when it is of no more use. */
static void caller_end(struct caller *caller, bool is_error)
{
	struct load *load = caller->load;
	int64_t now = clock_mono_ns();

	load->busy--;
	load->requests++;
	load->events += caller->reader.events;
	caller->is_busy = false;
	if (is_error || caller->reader.status != 200) {
		load->errors++;
	} else if (caller->due_ns >= load->measure_ns && now <= load->end_ns) {
		load->measured++;
		histogram_add(&load->whole, now - caller->due_ns);
	}
	if (is_error || caller->reader.is_closing) {
		load->reconnects++;
		close(caller->fd);
		caller_connect(caller);
	}
	caller_push_idle(caller);
}

/* Answers -------------------------------------------------------------------------------- */

static void on_piece(void *arg, const char *ptr, size_t len)
{
	struct caller *caller = arg;
	struct load *load = caller->load;
	const char *stamp;
	uint64_t sent_ns;

	if (!caller->has_first) {
		caller->has_first = true;
		if (caller->due_ns >= load->measure_ns)
			histogram_add(&load->first, clock_mono_ns() - caller->due_ns);
	}
	stamp = memmem(ptr, len, "sent-", 5);
	if (stamp == NULL || stamp + 5 + STAMP_DIGITS > ptr + len)
		return;
	if (str_to_u64(str_make(stamp + 5, STAMP_DIGITS), &sent_ns) == OK && sent_ns > 0)
		histogram_add(&load->event, clock_mono_ns() - (int64_t)sent_ns);
}

static void caller_drop(struct caller *caller)
{
	if (caller->is_busy) {
		caller_end(caller, true);
		return;
	}
	caller->load->reconnects++;
	close(caller->fd);
	caller_connect(caller);
}

static void on_readable(struct caller *caller)
{
	struct load *load = caller->load;
	ssize_t len = recv(caller->fd, load->buffer, sizeof(load->buffer), MSG_DONTWAIT);

	if (len < 0 && errno == EAGAIN)
		return;
	if (len <= 0 || !caller->is_busy) {
		caller_drop(caller);
		return;
	}
	(void)reader_feed(&caller->reader, load->buffer, (size_t)len, on_piece, caller);
	if (caller->reader.state == READER_DONE)
		caller_end(caller, false);
	else if (caller->reader.state == READER_BROKEN)
		caller_end(caller, true);
}

/* The loop ---------------------------------------------------------------------------------- */

static void start_due(struct load *load, int64_t now)
{
	while (load->idle != NULL && now < load->end_ns) {
		struct caller *caller = load->idle;

		if (load->rate > 0 && load->next_due_ns > now)
			return;
		load->idle = caller->next_idle;
		caller_start(caller, load->rate > 0 ? load->next_due_ns : now);
		load->next_due_ns += load->interval_ns;
	}
}

static int64_t wait_ns(const struct load *load, int64_t now)
{
	int64_t until = now < load->end_ns ? load->end_ns : load->end_ns + TAIL_NS;

	if (load->rate > 0 && load->idle != NULL && now < load->end_ns && load->next_due_ns < until)
		until = load->next_due_ns;
	return until > now ? until - now : 0;
}

static void load_turn(struct load *load, int64_t now)
{
	struct epoll_event events[EVENTS_PER_WAIT];
	int64_t left = wait_ns(load, now);
	struct timespec timeout = {.tv_sec = left / CLOCK_NS_PER_S,
				   .tv_nsec = left % CLOCK_NS_PER_S};
	int count = epoll_pwait2(load->epoll, events, EVENTS_PER_WAIT, &timeout, NULL);

	if (count < 0 && errno != EINTR)
		die("epoll_pwait2");
	for (int i = 0; i < count; i++) {
		struct caller *caller = events[i].data.ptr;

		if ((events[i].events & EPOLLOUT) != 0 && caller->is_busy)
			caller_send(caller);
		if ((events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0)
			on_readable(caller);
	}
}

static void load_run(struct load *load)
{
	load->start_ns = clock_mono_ns();
	load->next_due_ns = load->start_ns;
	load->interval_ns = load->rate > 0 ? CLOCK_NS_PER_S / (int64_t)load->rate : 0;
	load->measure_ns = load->start_ns + (int64_t)load->warm_ms * CLOCK_NS_PER_MS;
	load->end_ns = load->measure_ns + (int64_t)load->milliseconds * CLOCK_NS_PER_MS;
	for (;;) {
		int64_t now = clock_mono_ns();

		start_due(load, now);
		if (now >= load->end_ns && (load->busy == 0 || now >= load->end_ns + TAIL_NS))
			return;
		load_turn(load, now);
	}
}

/* One request over each connection, a few at a time; then nothing. */
static void load_hold(struct load *load)
{
	uint64_t next = 0;
	char byte;

	load->measure_ns = load->end_ns = INT64_MAX - TAIL_NS;
	while (next < load->connections || load->busy > 0) {
		while (next < load->connections && load->busy < 16)
			caller_start(&load->callers[next++], 0);
		load_turn(load, clock_mono_ns());
	}
	printf("ready %llu\n", (unsigned long long)load->errors);
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
}

/* Options ------------------------------------------------------------------------------------- */

static void read_request(struct load *load, const char *path)
{
	FILE *file = fopen(path, "rb");

	if (file == NULL)
		die(path);
	load->request = base_alloc(REQUEST_MAX);
	load->request_len = fread(load->request, 1, REQUEST_MAX, file);
	fclose(file);
	if (load->request_len == 0 || load->request_len == REQUEST_MAX)
		die(path);
}

static bool take_address(struct load *load, struct str text)
{
	char host[INET_ADDRSTRLEN];
	struct str name;
	uint64_t port;

	if (!str_cut(&text, ':', &name) || name.len >= sizeof(host) ||
	    str_to_u64(text, &port) != OK || port > UINT16_MAX)
		return false;
	memcpy(host, name.ptr, name.len);
	host[name.len] = '\0';
	load->address.sin_family = AF_INET;
	load->address.sin_port = htons((uint16_t)port);
	return inet_pton(AF_INET, host, &load->address.sin_addr) == 1;
}

static bool take_option(struct load *load, struct str name, const char *value)
{
	const struct {
		struct str name;
		uint64_t *place;
		uint64_t max;
	} numbers[] = {
		{STR("--connections"), &load->connections, CONNECTIONS_MAX},
		{STR("--milliseconds"), &load->milliseconds, MILLISECONDS_MAX},
		{STR("--warm"), &load->warm_ms, MILLISECONDS_MAX},
		{STR("--rate"), &load->rate, 1000000},
	};

	if (str_eq(name, STR("--connect")))
		return take_address(load, str_from_c(value));
	if (str_eq(name, STR("--request"))) {
		read_request(load, value);
		return true;
	}
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
		if (str_eq(name, numbers[i].name))
			return str_to_u64(str_from_c(value), numbers[i].place) == OK &&
			       *numbers[i].place <= numbers[i].max;
	return false;
}

static bool take_options(struct load *load, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		struct str name = str_from_c(argv[i]);

		if (str_eq(name, STR("--hold")))
			load->is_holding = true;
		else if (++i == argc || !take_option(load, name, argv[i]))
			return false;
	}
	return load->request != NULL && load->address.sin_port != 0 && load->connections > 0;
}

static void print_histogram(const char *name, const struct histogram *histogram)
{
	printf(", \"%s_p50_us\": %llu, \"%s_p99_us\": %llu", name,
	       (unsigned long long)histogram_us(histogram, 500), name,
	       (unsigned long long)histogram_us(histogram, 990));
}

static void print_report(const struct load *load)
{
	printf("{\"requests\": %llu, \"measured\": %llu, \"milliseconds\": %llu, "
	       "\"errors\": %llu, \"reconnects\": %llu, \"unfinished\": %llu, \"events\": %llu",
	       (unsigned long long)load->requests, (unsigned long long)load->measured,
	       (unsigned long long)load->milliseconds, (unsigned long long)load->errors,
	       (unsigned long long)load->reconnects, (unsigned long long)load->busy,
	       (unsigned long long)load->events);
	print_histogram("latency", &load->whole);
	print_histogram("first", &load->first);
	print_histogram("event", &load->event);
	printf("}\n");
}

int main(int argc, char **argv)
{
	struct load *load = base_alloc(sizeof(*load));

	load->connections = 64;
	load->milliseconds = 1000;
	if (!take_options(load, argc, argv)) {
		fprintf(stderr, "usage: load --connect ADDRESS:PORT --request FILE "
				"[--connections N] [--milliseconds T] [--warm T] [--rate R] "
				"[--hold]\n");
		return 2;
	}
	load->epoll = epoll_create1(EPOLL_CLOEXEC);
	load->callers = base_alloc(load->connections * sizeof(*load->callers));
	for (size_t i = 0; i < load->connections; i++) {
		load->callers[i].load = load;
		caller_connect(&load->callers[i]);
		caller_push_idle(&load->callers[i]);
	}
	if (load->is_holding) {
		load_hold(load);
	} else {
		load_run(load);
		print_report(load);
	}
	return 0;
}
