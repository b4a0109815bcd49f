/* SPDX-License-Identifier: Apache-2.0 */
#include "side.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <unistd.h>

#define POLLS_MAX 10000

const struct conn_options side_options = {.max_queued_bytes = 1 << 20};

static void on_open(void *arg)
{
	struct side *side = arg;

	ASSERT(!side->in_call);
	side->opens++;
}

static void on_read(void *arg, struct str view)
{
	struct side *side = arg;
	enum err err = buf_append(&side->received, view);

	ASSERT(!side->in_call && err == OK && side->closes == 0);
	side->reads++;
	if (side->pauses_on_read)
		conn_pause(side->conn, CONN_READER_SLOW);
	if (side->echoes)
		err = side_write(side, view);
	if (side->closes_on_read) {
		err = side_write(side, STR("bye"));
		conn_close(side->conn);
	}
	ASSERT(err == OK);
}

static void on_eof(void *arg)
{
	struct side *side = arg;

	ASSERT(!side->in_call && side->closes == 0);
	side->eofs++;
}

static void on_drained(void *arg)
{
	struct side *side = arg;

	ASSERT(!side->in_call && conn_queued(side->conn) == 0);
	side->drains++;
}

static void on_close(void *arg, enum err why)
{
	struct side *side = arg;

	ASSERT(!side->in_call && side->closes == 0);
	side->closes++;
	side->why = why;
	side->conn = NULL;
}

const struct conn_events side_events = {on_open, on_read, on_eof, on_drained, on_close};

void rig_init(struct rig *rig)
{
	*rig = (struct rig){.loop = loop_new()};
	log_init(&rig->log, NULL, "test");
	rig->env = (struct conn_env){
		.loop = rig->loop,
		.pool = queue_pool_new(4),
		.read_buffer = base_alloc(CONN_READ_BYTES),
		.log = &rig->log,
	};
}

void rig_fini(struct rig *rig)
{
	loop_free(rig->loop);
	queue_pool_free(rig->env.pool);
	free(rig->env.read_buffer);
}

static void on_poll(void *arg)
{
	struct rig *rig = arg;

	if (++rig->polls >= POLLS_MAX || rig->is_over(rig->arg))
		loop_stop(rig->loop);
	else
		loop_timer_start(rig->loop, &rig->poll, 1, on_poll, rig);
}

bool rig_run(struct rig *rig, bool (*is_over)(void *arg), void *arg)
{
	rig->polls = 0;
	rig->is_over = is_over;
	rig->arg = arg;
	loop_timer_start(rig->loop, &rig->poll, 0, on_poll, rig);
	loop_run(rig->loop);
	return is_over(arg);
}

static bool is_countdown_over(void *arg)
{
	unsigned *left = arg;

	return (*left)-- <= 1;
}

void rig_idle(struct rig *rig, unsigned ms)
{
	unsigned left = ms;

	rig->polls = 0;
	rig->is_over = is_countdown_over;
	rig->arg = &left;
	loop_timer_start(rig->loop, &rig->poll, 0, on_poll, rig);
	loop_run(rig->loop);
}

void side_init(struct side *side, struct rig *rig)
{
	*side = (struct side){.rig = rig};
	buf_init(&side->received, 64 << 20);
}

void side_fini(struct side *side)
{
	if (side->conn != NULL) {
		conn_abort(side->conn);
		rig_run(side->rig, side_is_closed, side);
	}
	buf_fini(&side->received);
}

enum err side_write(struct side *side, struct str s)
{
	struct iovec view = {(void *)(uintptr_t)s.ptr, s.len};
	enum err err;

	side->in_call = true;
	err = conn_write(side->conn, &view, 1);
	side->in_call = false;
	return err;
}

void tcp_pair(int out[2])
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t len = sizeof(address);
	int listening = socket(AF_INET, SOCK_STREAM, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(listening, (struct sockaddr *)&address, len) != 0 || listen(listening, 1) != 0 ||
	    getsockname(listening, (struct sockaddr *)&address, &len) != 0)
		abort();
	out[1] = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(out[1], (struct sockaddr *)&address, len) != 0)
		abort();
	out[0] = accept4(listening, NULL, NULL, SOCK_NONBLOCK);
	close(listening);
	if (out[0] < 0)
		abort();
}

bool side_is_open(void *arg)
{
	return ((struct side *)arg)->opens > 0;
}

bool side_is_closed(void *arg)
{
	return ((struct side *)arg)->closes > 0;
}

bool side_has_eof(void *arg)
{
	return ((struct side *)arg)->eofs > 0;
}

bool side_has_read(void *arg)
{
	return ((struct side *)arg)->reads > 0;
}

bool side_has_drained(void *arg)
{
	return ((struct side *)arg)->drains > 0;
}
