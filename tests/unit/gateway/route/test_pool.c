/* SPDX-License-Identifier: Apache-2.0 */
/* Pools over real loopback sockets: the upstream's end is played by plain blocking calls. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/route/pool.h"
#include "tests/unit/gateway/net/side.h"

#define CALLS 4

/* One request at the pool: gets a session, sends a head, notes what becomes of it. */
struct call {
	struct pool_ticket ticket;
	struct h1_session *session;
	struct stream *stream;
	unsigned sessions, fails, ends, resets;
	enum err why;
	bool drops_at_once; /* aborts the stream inside on_session */
};

struct fixture {
	struct rig rig;
	struct upstream *upstream;
	struct pool *pool;
	unsigned alive;
	int listening;
	uint16_t port;
	struct call calls[CALLS];
};

static const char answer[] = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

static void on_stream_head(void *arg, const struct head *head)
{
	(void)arg;
	assert_int_equal(head->status, 200);
}

static void on_stream_body(void *arg, struct str view)
{
	(void)arg;
	(void)view;
}

static void on_stream_end(void *arg)
{
	struct call *call = arg;

	call->ends++;
	stream_release(call->stream);
	call->stream = NULL;
}

static void on_stream_drained(void *arg)
{
	(void)arg;
}

static void on_stream_reset(void *arg, enum err why)
{
	struct call *call = arg;

	(void)why;
	call->resets++;
	call->stream = NULL;
}

static const struct stream_events stream_events = {
	.on_head = on_stream_head,
	.on_body = on_stream_body,
	.on_end = on_stream_end,
	.on_drained = on_stream_drained,
	.on_reset = on_stream_reset,
};

static void call_send(struct call *call, struct h1_session *session)
{
	struct head_out head = {
		.method = METHOD_GET,
		.target = STR("/"),
		.host = STR("upstream"),
		.framing = FRAMING_NONE,
	};

	call->session = session;
	call->stream = h1_session_open_stream(session, &stream_events, call);
	if (call->drops_at_once) {
		stream_abort(call->stream);
		call->stream = NULL;
		return;
	}
	assert_int_equal(stream_send(call->stream, &head, NULL, 0, true), OK);
}

static void on_session(void *arg, struct h1_session *session)
{
	struct call *call = arg;

	call->sessions++;
	call_send(call, session);
}

static void on_fail(void *arg, enum err why)
{
	struct call *call = arg;

	call->fails++;
	call->why = why;
}

static enum err call_start(struct fixture *f, size_t number)
{
	struct call *call = &f->calls[number];
	struct h1_session *session = NULL;
	enum err err;

	call->ticket.on_session = on_session;
	call->ticket.on_fail = on_fail;
	call->ticket.arg = call;
	err = pool_acquire(f->pool, &call->ticket, &session);
	if (err == OK && session != NULL)
		call_send(call, session);
	return err;
}

static void until(struct fixture *f, bool (*is_over)(void *arg), void *arg)
{
	assert_true(rig_run(&f->rig, is_over, arg));
}

static bool is_sent(void *arg)
{
	return ((struct call *)arg)->stream != NULL;
}

static bool has_ended(void *arg)
{
	return ((struct call *)arg)->ends > 0;
}

static bool has_failed(void *arg)
{
	return ((struct call *)arg)->fails > 0;
}

static bool is_empty(void *arg)
{
	return pool_session_count(((struct fixture *)arg)->pool) == 0;
}

static bool is_gone(void *arg)
{
	return ((struct fixture *)arg)->alive == 0;
}

/* The next connection's other end, with its request read. */
static int take_connection(struct fixture *f)
{
	int fd = accept(f->listening, NULL, NULL);
	char scratch[4096];

	assert_true(fd >= 0);
	assert_true(read(fd, scratch, sizeof(scratch)) > 0);
	return fd;
}

static bool has_connection(struct fixture *f)
{
	struct pollfd waits = {.fd = f->listening, .events = POLLIN};

	return poll(&waits, 1, 0) == 1;
}

static void reply(struct fixture *f, int fd, size_t number)
{
	assert_int_equal(write(fd, answer, sizeof(answer) - 1), sizeof(answer) - 1);
	until(f, has_ended, &f->calls[number]);
	f->calls[number].ends = 0;
	/* The session rests one turn later. */
	rig_idle(&f->rig, 3);
}

static void listen_here(struct fixture *f)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t len = sizeof(address);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	f->listening = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(f->listening, (struct sockaddr *)&address, len), 0);
	assert_int_equal(getsockname(f->listening, (struct sockaddr *)&address, &len), 0);
	f->port = ntohs(address.sin_port);
}

static void start(struct fixture *f, uint64_t connections, uint64_t waiting, bool is_listening)
{
	char url[64];
	struct upstream_options options = {
		.name = STR("up"),
		.provider = STR("test"),
		.connections = connections,
		.waiting = waiting,
		.connect_timeout_ms = 2000,
		.first_byte_timeout_ms = 2000,
		.idle_timeout_ms = 2000,
		.keepalive_timeout_ms = 2000,
	};
	struct diag diag;

	*f = (struct fixture){.alive = 0};
	rig_init(&f->rig);
	listen_here(f);
	if (is_listening)
		assert_int_equal(listen(f->listening, 16), 0);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u", (unsigned)f->port);
	options.url = str_from_c(url);
	assert_int_equal(upstream_new(&options, &diag, &f->upstream), OK);
	f->pool = pool_new(&f->rig.env, f->upstream, &h1_default_upstream_limits, &f->alive);
	assert_int_equal(f->alive, 1);
}

/* Drains, and sees that nothing is left. */
static void end(struct fixture *f)
{
	pool_drain(f->pool);
	until(f, is_gone, f);
	upstream_unref(f->upstream);
	close(f->listening);
	rig_fini(&f->rig);
}

static void test_pool__uses_the_last_idle_session_first(void **state)
{
	struct fixture f;
	struct h1_session *second;
	int fds[2];

	(void)state;
	start(&f, 8, 8, true);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(call_start(&f, i), OK);
		until(&f, is_sent, &f.calls[i]);
		fds[i] = take_connection(&f);
	}
	assert_int_equal(pool_session_count(f.pool), 2);
	reply(&f, fds[0], 0);
	reply(&f, fds[1], 1);
	second = f.calls[1].session;
	assert_int_equal(call_start(&f, 2), OK);
	assert_ptr_equal(f.calls[2].session, second);
	assert_int_equal(f.calls[2].sessions, 0); /* at once, not by callback */
	assert_int_equal(call_start(&f, 3), OK);
	assert_ptr_equal(f.calls[3].session, f.calls[0].session);
	assert_int_equal(pool_session_count(f.pool), 2);
	assert_false(has_connection(&f));
	reply(&f, fds[1], 2);
	reply(&f, fds[0], 3);
	close(fds[0]);
	close(fds[1]);
	end(&f);
}

static void test_pool__lines_up_over_the_cap(void **state)
{
	struct fixture f;
	int fd;

	(void)state;
	start(&f, 1, 2, true);
	assert_int_equal(call_start(&f, 0), OK);
	until(&f, is_sent, &f.calls[0]);
	fd = take_connection(&f);
	assert_int_equal(call_start(&f, 1), OK);
	assert_int_equal(call_start(&f, 2), OK);
	assert_int_equal(call_start(&f, 3), ERR_UNAVAILABLE);
	assert_false(f.calls[3].ticket.is_waiting);
	pool_cancel(f.pool, &f.calls[3].ticket);
	assert_int_equal(pool_session_count(f.pool), 1);
	reply(&f, fd, 0);
	assert_int_equal(f.calls[1].sessions, 1);
	assert_int_equal(f.calls[2].sessions, 0);
	reply(&f, fd, 1);
	assert_int_equal(f.calls[2].sessions, 1);
	reply(&f, fd, 2);
	assert_false(has_connection(&f));
	close(fd);
	end(&f);
}

static void test_pool__forgets_a_ticket_that_left(void **state)
{
	struct fixture f;
	int fd;

	(void)state;
	start(&f, 1, 4, true);
	assert_int_equal(call_start(&f, 0), OK);
	until(&f, is_sent, &f.calls[0]);
	fd = take_connection(&f);
	for (size_t i = 1; i < 4; i++)
		assert_int_equal(call_start(&f, i), OK);
	pool_cancel(f.pool, &f.calls[2].ticket); /* middle */
	pool_cancel(f.pool, &f.calls[1].ticket); /* first */
	reply(&f, fd, 0);
	assert_int_equal(f.calls[1].sessions + f.calls[2].sessions, 0);
	assert_int_equal(f.calls[3].sessions, 1);
	reply(&f, fd, 3);
	close(fd);
	end(&f);
}

static void test_pool__gives_a_cancelled_dial_to_the_idle_list(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, 2, 4, true);
	assert_int_equal(call_start(&f, 0), OK);
	pool_cancel(f.pool, &f.calls[0].ticket);
	rig_idle(&f.rig, 10);
	assert_int_equal(f.calls[0].sessions + f.calls[0].fails, 0);
	assert_int_equal(pool_session_count(f.pool), 1);
	assert_int_equal(call_start(&f, 1), OK);
	assert_non_null(f.calls[1].stream);
	end(&f);
}

static void test_pool__fails_one_ticket_per_dial(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, 2, 4, false);
	assert_int_equal(call_start(&f, 0), OK);
	assert_int_equal(f.calls[0].fails, 0); /* never from inside */
	until(&f, has_failed, &f.calls[0]);
	assert_int_equal(f.calls[0].why, ERR_UPSTREAM);
	assert_int_equal(pool_session_count(f.pool), 0);
	end(&f);
}

/* Those over the cap have no dial of their own: when the one they hope for fails, the next is made
 * for them. */
static void test_pool__dials_for_the_line_when_a_dial_failed(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, 1, 4, false);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(call_start(&f, i), OK);
	assert_int_equal(pool_session_count(f.pool), 1);
	for (size_t i = 0; i < 3; i++)
		until(&f, has_failed, &f.calls[i]);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(f.calls[i].fails, 1);
	end(&f);
}

static void test_pool__dials_anew_when_a_busy_session_breaks(void **state)
{
	struct fixture f;
	int fd;

	(void)state;
	start(&f, 1, 4, true);
	assert_int_equal(call_start(&f, 0), OK);
	until(&f, is_sent, &f.calls[0]);
	fd = take_connection(&f);
	assert_int_equal(call_start(&f, 1), OK);
	close(fd);
	until(&f, is_sent, &f.calls[1]);
	assert_int_equal(f.calls[0].resets, 1);
	fd = take_connection(&f);
	reply(&f, fd, 1);
	close(fd);
	end(&f);
}

static void test_pool__serves_the_next_when_the_first_drops_its_session(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, 1, 4, true);
	f.calls[0].drops_at_once = true;
	assert_int_equal(call_start(&f, 0), OK);
	assert_int_equal(call_start(&f, 1), OK);
	until(&f, is_sent, &f.calls[1]);
	assert_int_equal(f.calls[0].sessions, 1);
	end(&f);
}

/* Between the end of a session and the word of it lies a part of a turn, in which a request that
 * has just become durable may come and ask. */
static void test_pool__never_hands_out_a_session_that_is_closing(void **state)
{
	struct fixture f;
	int fd;

	(void)state;
	start(&f, 4, 4, true);
	assert_int_equal(call_start(&f, 0), OK);
	until(&f, is_sent, &f.calls[0]);
	fd = take_connection(&f);
	reply(&f, fd, 0);
	h1_session_drain(f.calls[0].session);
	assert_int_equal(call_start(&f, 1), OK);
	assert_null(f.calls[1].stream);
	close(fd);
	until(&f, is_sent, &f.calls[1]);
	fd = take_connection(&f);
	reply(&f, fd, 1);
	h1_session_abort(f.calls[1].session);
	assert_int_equal(call_start(&f, 2), OK);
	assert_null(f.calls[2].stream);
	close(fd);
	until(&f, is_sent, &f.calls[2]);
	end(&f);
}

static void test_pool__drops_a_session_that_the_upstream_closed(void **state)
{
	struct fixture f;
	int fd;

	(void)state;
	start(&f, 4, 4, true);
	assert_int_equal(call_start(&f, 0), OK);
	until(&f, is_sent, &f.calls[0]);
	fd = take_connection(&f);
	reply(&f, fd, 0);
	close(fd);
	until(&f, is_empty, &f);
	assert_int_equal(call_start(&f, 1), OK);
	assert_null(f.calls[1].stream);
	until(&f, is_sent, &f.calls[1]);
	end(&f);
}

static void test_pool__drains_busy_sessions_last(void **state)
{
	struct fixture f;
	int fds[2];

	(void)state;
	start(&f, 4, 4, true);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(call_start(&f, i), OK);
		until(&f, is_sent, &f.calls[i]);
		fds[i] = take_connection(&f);
	}
	reply(&f, fds[0], 0);
	assert_string_equal(upstream_options(pool_upstream(f.pool))->name.ptr, "up");
	pool_drain(f.pool);
	rig_idle(&f.rig, 10);
	assert_int_equal(f.alive, 1);
	assert_int_equal(pool_session_count(f.pool), 1);
	reply(&f, fds[1], 1);
	until(&f, is_gone, &f);
	assert_int_equal(f.calls[1].resets, 0);
	close(fds[0]);
	close(fds[1]);
	upstream_unref(f.upstream);
	close(f.listening);
	rig_fini(&f.rig);
}

static void test_pool__drains_a_dial_that_stands_late(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, 4, 4, true);
	assert_int_equal(call_start(&f, 0), OK);
	pool_cancel(f.pool, &f.calls[0].ticket);
	end(&f);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pool__uses_the_last_idle_session_first),
		cmocka_unit_test(test_pool__lines_up_over_the_cap),
		cmocka_unit_test(test_pool__forgets_a_ticket_that_left),
		cmocka_unit_test(test_pool__gives_a_cancelled_dial_to_the_idle_list),
		cmocka_unit_test(test_pool__fails_one_ticket_per_dial),
		cmocka_unit_test(test_pool__dials_for_the_line_when_a_dial_failed),
		cmocka_unit_test(test_pool__dials_anew_when_a_busy_session_breaks),
		cmocka_unit_test(test_pool__serves_the_next_when_the_first_drops_its_session),
		cmocka_unit_test(test_pool__never_hands_out_a_session_that_is_closing),
		cmocka_unit_test(test_pool__drops_a_session_that_the_upstream_closed),
		cmocka_unit_test(test_pool__drains_busy_sessions_last),
		cmocka_unit_test(test_pool__drains_a_dial_that_stands_late),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
