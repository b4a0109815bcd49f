/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/gateway/http/wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>

void wire_init(struct wire *wire)
{
	memset(wire, 0, sizeof(*wire));
	wire->loop = loop_new();
	log_init(&wire->log, NULL, NULL);
	wire->env = (struct conn_env){
		.loop = wire->loop,
		.pool = queue_pool_new(16),
		.read_buffer = malloc(CONN_READ_BYTES),
		.log = &wire->log,
	};
	wire->fd = -1;
	wire->listen_fd = -1;
	buf_init(&wire->got, (size_t)64 << 20);
}

static void wire_on_ready(void *arg, unsigned ready)
{
	struct wire *wire = arg;
	char bytes[8192];
	ssize_t got;

	(void)ready;
	if (wire->is_deaf) {
		loop_io_want(&wire->io, 0);
		return;
	}
	got = recv(wire->fd, bytes, sizeof(bytes), 0);
	if (got > 0) {
		assert_int_equal(buf_append(&wire->got, str_make(bytes, (size_t)got)), OK);
		return;
	}
	if (got < 0 && errno == EAGAIN)
		return;
	wire->has_eof = got == 0;
	wire->has_reset = got < 0;
	loop_io_want(&wire->io, 0);
}

void wire_attach(struct wire *wire, int fd)
{
	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK), 0);
	wire->fd = fd;
	wire->has_eof = wire->has_reset = false;
	loop_io_start(wire->loop, &wire->io, fd, wire_on_ready, wire);
	loop_io_want(&wire->io, LOOP_READABLE);
}

void wire_listen(struct wire *wire, struct sockaddr_in *out)
{
	socklen_t len = sizeof(*out);

	memset(out, 0, sizeof(*out));
	out->sin_family = AF_INET;
	out->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	wire->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(wire->listen_fd, (struct sockaddr *)out, sizeof(*out)), 0);
	assert_int_equal(listen(wire->listen_fd, 16), 0);
	assert_int_equal(getsockname(wire->listen_fd, (struct sockaddr *)out, &len), 0);
}

int wire_connect(struct wire *wire)
{
	struct sockaddr_in addr;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int other;

	wire_listen(wire, &addr);
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	wire_attach(wire, fd);
	other = accept4(wire->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	assert_true(other >= 0);
	return other;
}

void wire_send(struct wire *wire, struct str s)
{
	assert_int_equal(send(wire->fd, s.ptr, s.len, MSG_NOSIGNAL), s.len);
}

static void wire_on_tick(void *arg)
{
	struct wire *wire = arg;

	if (wire->is_done(wire->arg) || ++wire->ticks > WIRE_PATIENCE_MS) {
		wire->is_over = wire->ticks > WIRE_PATIENCE_MS;
		loop_stop(wire->loop);
		return;
	}
	loop_timer_start(wire->loop, &wire->tick, 1, wire_on_tick, wire);
}

void wire_until(struct wire *wire, bool (*is_done)(void *arg), void *arg)
{
	wire->is_done = is_done;
	wire->arg = arg;
	wire->ticks = 0;
	wire->is_over = false;
	loop_timer_start(wire->loop, &wire->tick, 1, wire_on_tick, wire);
	loop_run(wire->loop);
	loop_timer_stop(&wire->tick);
	if (wire->is_over)
		fprintf(stderr, "# gave up; got: " STR_FMT "\n", STR_ARG(buf_str(&wire->got)));
	assert_false(wire->is_over);
}

static bool wire_has_ticked(void *arg)
{
	unsigned *left = arg;

	return (*left)-- == 0;
}

void wire_idle(struct wire *wire, unsigned ms)
{
	wire_until(wire, wire_has_ticked, &ms);
}

bool wire_got(const struct wire *wire, struct str s)
{
	struct str got = buf_str(&wire->got);

	return memmem(got.ptr, got.len, s.ptr, s.len) != NULL;
}

void wire_reset(struct wire *wire)
{
	struct linger linger = {1, 0};

	assert_int_equal(setsockopt(wire->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)), 0);
	loop_io_stop(&wire->io);
	close(wire->fd);
	wire->fd = -1;
}

void wire_fini(struct wire *wire)
{
	loop_io_stop(&wire->io);
	if (wire->fd >= 0)
		close(wire->fd);
	if (wire->listen_fd >= 0)
		close(wire->listen_fd);
	buf_fini(&wire->got);
	loop_free(wire->loop);
	queue_pool_free(wire->env.pool);
	free(wire->env.read_buffer);
}

struct expectation {
	struct wire *wire;
	struct str want;
};

static bool wire_is_met(void *arg)
{
	struct expectation *e = arg;

	return wire_got(e->wire, e->want);
}

void wire_expect(struct wire *wire, struct str s)
{
	struct expectation e = {wire, s};

	wire_until(wire, wire_is_met, &e);
}
