/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/upstream/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tests/upstream/exchange.h"

#define EVENTS_PER_WAIT 256
#define READ_BYTES	(64U << 10)

struct conn {
	struct conn *next, *prev;
	struct conn *next_dead;
	struct server *server;
	struct exchange exchange;
	int fd;
	bool wants_write, is_waiting;
	int64_t due_ms;
};

struct server {
	struct server_options options;
	struct conn *conns, *dead;
	int epoll, listener, signals;
	uint64_t waiting;
	bool is_stopping;
};

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void watch(struct server *server, int operation, int fd, uint32_t events, void *ptr)
{
	struct epoll_event event = {.events = events, .data = {.ptr = ptr}};

	if (epoll_ctl(server->epoll, operation, fd, &event))
		abort();
}

static void conn_wait(struct conn *conn, uint64_t ms)
{
	conn->is_waiting = ms != 0;
	conn->server->waiting += ms != 0;
	conn->due_ms = now_ms() + (int64_t)ms;
}

static void conn_close(struct conn *conn, bool is_reset)
{
	struct linger linger = {.l_onoff = 1};
	struct server *server = conn->server;

	exchange_end(&conn->exchange, false, server->options.calls);
	exchange_fini(&conn->exchange);
	server->waiting -= conn->is_waiting;
	if (conn->prev)
		conn->prev->next = conn->next;
	else
		server->conns = conn->next;
	if (conn->next)
		conn->next->prev = conn->prev;
	conn->next_dead = server->dead;
	server->dead = conn;
	if (is_reset)
		setsockopt(conn->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close(conn->fd);
}

/* Nothing frees itself inside its own callback. */
static void reap(struct server *server)
{
	while (server->dead) {
		struct conn *conn = server->dead;

		server->dead = conn->next_dead;
		free(conn);
	}
}

static void conn_want_write(struct conn *conn, bool wants)
{
	if (conn->wants_write == wants)
		return;
	conn->wants_write = wants;
	watch(conn->server, EPOLL_CTL_MOD, conn->fd, EPOLLIN | (wants ? EPOLLOUT : 0U), conn);
}

enum progress {
	ANSWERED, /* the whole answer has left */
	WAITING,  /* for the socket, a timer or for ever */
	CLOSED,	  /* the conn is gone */
};

/* Sends what is released, then does what the script says comes next. */
static enum progress conn_send(struct conn *conn)
{
	struct exchange *exchange = &conn->exchange;
	size_t limit = exchange_limit(exchange);

	while (exchange->sent < limit) {
		ssize_t sent = send(conn->fd, exchange->answer.out.ptr + exchange->sent,
				    limit - exchange->sent, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0 && errno == EAGAIN) {
			conn_want_write(conn, true);
			return WAITING;
		}
		if (sent < 0) {
			conn_close(conn, false);
			return CLOSED;
		}
		exchange->sent += (size_t)sent;
	}
	conn_want_write(conn, false);
	if (exchange->sent == exchange->fault_at && exchange->released >= exchange->fault_at &&
	    !(exchange->fault_at == 0 && exchange->wait_ms)) {
		if (exchange->ending == END_STALL)
			return WAITING;
		conn_close(conn, exchange->ending == END_RESET);
		return CLOSED;
	}
	if (exchange->sent == exchange->answer.out.len)
		return ANSWERED;
	if (!conn->is_waiting)
		conn_wait(conn, exchange->wait_ms);
	return WAITING;
}

static void conn_run(struct conn *conn)
{
	struct exchange *exchange = &conn->exchange;

	for (;;) {
		if (exchange->is_busy) {
			enum progress progress = conn_send(conn);

			if (progress != ANSWERED)
				return;
			exchange_end(exchange, true, conn->server->options.calls);
			if (exchange->closes) {
				conn_close(conn, false);
				return;
			}
		}
		if (!exchange_next(exchange, conn->server->options.bill))
			break;
	}
	if (exchange->is_bad || exchange->in.len > REQUEST_MAX_BYTES)
		conn_close(conn, false);
	else if (exchange_wants_continue(exchange))
		(void)!write(conn->fd, "HTTP/1.1 100 Continue\r\n\r\n", 25);
}

/* False when the other side is gone. */
static bool conn_read(struct conn *conn)
{
	struct text *in = &conn->exchange.in;
	ssize_t got;

	for (;;) {
		text_reserve(in, READ_BYTES);
		got = recv(conn->fd, in->ptr + in->len, READ_BYTES, 0);
		if (got > 0)
			in->len += (size_t)got;
		if (got == READ_BYTES || (got < 0 && errno == EINTR))
			continue;
		return got > 0 || (got < 0 && errno == EAGAIN);
	}
}

static void on_conn(struct conn *conn, uint32_t events)
{
	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
		if (!conn_read(conn)) {
			conn_close(conn, false);
			return;
		}
	}
	conn_run(conn);
}

static void on_accept(struct server *server)
{
	for (;;) {
		int one = 1,
		    fd = accept4(server->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		struct conn *conn;

		if (fd < 0)
			return;
		conn = calloc(1, sizeof(*conn));
		if (!conn)
			abort();
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		*conn = (struct conn){.server = server, .fd = fd, .next = server->conns};
		if (server->conns)
			server->conns->prev = conn;
		server->conns = conn;
		watch(server, EPOLL_CTL_ADD, fd, EPOLLIN, conn);
	}
}

static void on_signal(struct server *server)
{
	struct signalfd_siginfo info;

	if (read(server->signals, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return;
	if (info.ssi_signo != SIGUSR1)
		server->is_stopping = true;
	server->options.on_save(server->options.arg);
}

static void run_timers(struct server *server)
{
	int64_t now = now_ms();
	struct conn *next;

	for (struct conn *conn = server->conns; conn && server->waiting; conn = next) {
		next = conn->next;
		if (!conn->is_waiting || conn->due_ms > now)
			continue;
		conn->is_waiting = false;
		server->waiting--;
		exchange_release(&conn->exchange);
		conn_run(conn);
	}
}

static bool server_listen(struct server *server)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_port = htons(server->options.port)};
	int one = 1;

	if (inet_pton(AF_INET, server->options.address, &address.sin_addr) != 1) {
		errno = EINVAL;
		return false;
	}
	server->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	setsockopt(server->listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	return server->listener >= 0 &&
	       !bind(server->listener, (const struct sockaddr *)&address, sizeof(address)) &&
	       !listen(server->listener, 4096);
}

struct server *server_new(const struct server_options *options)
{
	struct server *server = calloc(1, sizeof(*server));
	sigset_t signals;

	if (!server)
		abort();
	server->options = *options;
	server->epoll = epoll_create1(EPOLL_CLOEXEC);
	sigemptyset(&signals);
	sigaddset(&signals, SIGUSR1);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	server->signals = signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
	if (!server_listen(server)) {
		free(server);
		return NULL;
	}
	watch(server, EPOLL_CTL_ADD, server->listener, EPOLLIN, &server->listener);
	watch(server, EPOLL_CTL_ADD, server->signals, EPOLLIN, &server->signals);
	return server;
}

uint16_t server_port(const struct server *server)
{
	struct sockaddr_in address = {0};
	socklen_t len = sizeof(address);

	getsockname(server->listener, (struct sockaddr *)&address, &len);
	return ntohs(address.sin_port);
}

void server_run(struct server *server)
{
	struct epoll_event events[EVENTS_PER_WAIT];

	while (!server->is_stopping) {
		int count = epoll_wait(server->epoll, events, EVENTS_PER_WAIT,
				       server->waiting ? 1 : -1);

		for (int i = 0; i < count; i++) {
			void *ptr = events[i].data.ptr;

			if (ptr == &server->listener)
				on_accept(server);
			else if (ptr == &server->signals)
				on_signal(server);
			else
				on_conn(ptr, events[i].events);
		}
		if (server->waiting)
			run_timers(server);
		reap(server);
	}
}

void server_free(struct server *server)
{
	struct conn *next;

	for (struct conn *conn = server->conns; conn; conn = next) {
		next = conn->next;
		conn_close(conn, false);
	}
	reap(server);
	close(server->listener);
	close(server->signals);
	close(server->epoll);
	free(server);
}
