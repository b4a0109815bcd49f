/* SPDX-License-Identifier: Apache-2.0 */
/*
 *              conn_run_connect        conn_run_handshake
 *   CONNECTING ---------------> HANDSHAKING -----------> OPEN
 *        |        (plain)                                 |  conn_close
 *        '----------------------------------------------->|
 *                                                         v
 *                DEAD <--- LINGERING <--- conn_finish --- FLUSHING
 *
 * conn_die leads from everywhere to DEAD, where the descriptor is closed and
 * nothing is left but on_close, told by the loop's reap list.
 *
 * One timer serves all deadlines: it is set to the nearest and, when it fires,
 * set anew if bytes have moved the deadline meanwhile, so that no byte costs
 * more than storing the time.
 */
#include "gateway/net/conn.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "gateway/net/address.h"
#include "gateway/net/wire.h"

#define CONN_MAGIC 0x636f6e6eU
#define CONN_READS 16 /* TLS records per readiness event */
#define CONN_NEVER INT64_MAX
/* Larger pieces are worth a system call of their own, and not worth a copy. */
#define CONN_GATHER_BYTES 4096

enum conn_state {
	CONN_CONNECTING,
	CONN_HANDSHAKING,
	CONN_OPEN,
	CONN_FLUSHING,
	CONN_LINGERING,
	CONN_DEAD,
};

struct conn {
	uint32_t magic;
	uint8_t state;
	uint8_t paused;		 /* set of enum conn_why */
	bool is_connected;	 /* already when it came to us */
	bool is_disarmed;	 /* bytes came while paused */
	bool has_eof;		 /* no more bytes will come */
	bool owes_drained;	 /* conn_write left something behind */
	bool reads_on_write;	 /* TLS wants to write before it can read on */
	uint8_t ready;		 /* set of enum loop_ready not yet looked at */
	uint8_t handshake_wants; /* set of enum loop_ready */
	enum err close_why;
	const struct conn_env *env;
	struct wire wire;
	const struct conn_events *events;
	void *arg;
	struct conn_options options;
	struct loop_io io;
	struct loop_timer timer;
	struct loop_post post;
	struct queue out;
	int64_t entered_ns; /* the state */
	int64_t active_ns;  /* last byte in either direction */
	int64_t read_ns;    /* last byte in */
	int64_t stalled_ns; /* queue filled, or last byte of it went */
	int64_t sent_ns;    /* last byte to the kernel */
	uint64_t bytes_in, bytes_out;
	union address remote;
	char remote_text[ADDRESS_TEXT_BYTES];
	struct log log;
};

_Static_assert(sizeof(struct conn) < 512, "thousands of idle conns are normal");

static void conn_run(struct conn *conn);
static void conn_set_timer(struct conn *conn);

static void conn_check(const struct conn *conn)
{
	ASSERT(conn->magic == CONN_MAGIC);
	ASSERT(conn->state <= CONN_DEAD);
	ASSERT(conn->state != CONN_DEAD || conn->out.len == 0);
}

static int64_t conn_now_ns(const struct conn *conn)
{
	return loop_now_ns(conn->env->loop);
}

static void on_posted(void *arg)
{
	struct conn *conn = arg;

	conn_check(conn);
	conn_run(conn);
}

/* As if the descriptor were ready, at the end of this turn. */
static void conn_post(struct conn *conn, enum loop_ready ready)
{
	conn->ready |= (uint8_t)ready;
	loop_post(conn->env->loop, &conn->post, on_posted, conn);
}

static void conn_enter(struct conn *conn, enum conn_state state)
{
	static const char *const doing[] = {
		[CONN_CONNECTING] = "connecting", [CONN_HANDSHAKING] = "shaking hands",
		[CONN_OPEN] = "moving bytes",	  [CONN_FLUSHING] = "flushing",
		[CONN_LINGERING] = "lingering",	  [CONN_DEAD] = "closed",
	};

	ASSERT(state > conn->state);
	conn->state = (uint8_t)state;
	conn->entered_ns = conn_now_ns(conn);
	conn->log.doing = doing[state];
	conn_set_timer(conn);
}

/* ---- the end ---- */

static void on_reap(void *arg)
{
	struct conn *conn = arg;

	conn_check(conn);
	conn->events->on_close(conn->arg, conn->close_why);
	tls_free(conn->wire.tls);
	conn->magic = 0;
	free(conn);
}

static void conn_die(struct conn *conn, enum err why)
{
	if (conn->state == CONN_DEAD)
		return;
	queue_reset(&conn->out);
	loop_io_stop(&conn->io);
	loop_unpost(conn->env->loop, &conn->post);
	if (conn->wire.fd >= 0)
		close(conn->wire.fd);
	conn->wire.fd = -1;
	conn->close_why = why;
	conn_enter(conn, CONN_DEAD);
	loop_reap(conn->env->loop, on_reap, conn);
}

/* ---- what is waited for ---- */

static unsigned conn_wanted(const struct conn *conn)
{
	unsigned wanted = 0;

	switch ((enum conn_state)conn->state) {
	case CONN_CONNECTING: return LOOP_WRITABLE;
	case CONN_HANDSHAKING: return conn->handshake_wants;
	case CONN_OPEN:
		if (!conn->has_eof && !conn->is_disarmed)
			wanted |= LOOP_READABLE;
		if (conn->reads_on_write ||
		    (conn->out.len > 0 && (conn->ready & LOOP_WRITABLE) == 0))
			wanted |= LOOP_WRITABLE;
		return wanted;
	case CONN_FLUSHING: return LOOP_WRITABLE;
	case CONN_LINGERING: return LOOP_READABLE;
	case CONN_DEAD: return 0;
	}
	return 0;
}

static void conn_arm(struct conn *conn)
{
	unsigned wanted = conn_wanted(conn);

	if (conn->io.handle != NULL && conn->io.wanted != wanted)
		loop_io_want(&conn->io, wanted);
}

static int64_t deadline(int64_t from_ns, int64_t ms)
{
	return ms <= 0 ? CONN_NEVER : from_ns + ms * CLOCK_NS_PER_MS;
}

static int64_t conn_deadline(const struct conn *conn)
{
	int64_t stall = conn->out.len == 0
				? CONN_NEVER
				: deadline(conn->stalled_ns, conn->options.write_stall_ms);

	switch ((enum conn_state)conn->state) {
	case CONN_CONNECTING:
	case CONN_HANDSHAKING: return deadline(conn->entered_ns, conn->options.handshake_ms);
	case CONN_OPEN:
	case CONN_FLUSHING:
		return MIN(stall, deadline(conn->active_ns, conn->options.idle_timeout_ms));
	case CONN_LINGERING: return deadline(conn->entered_ns, conn->options.linger_ms);
	case CONN_DEAD: return CONN_NEVER;
	}
	return CONN_NEVER;
}

static void on_timer(void *arg)
{
	struct conn *conn = arg;

	conn_check(conn);
	if (conn_now_ns(conn) < conn_deadline(conn))
		conn_set_timer(conn);
	else
		conn_die(conn, conn->state == CONN_LINGERING ? OK : ERR_TIMEOUT);
}

/* A deadline that moved away is left to on_timer; only a nearer one is set at once. */
static void conn_set_timer(struct conn *conn)
{
	int64_t due_ns = conn_deadline(conn);
	int64_t left_ms;

	if (due_ns == CONN_NEVER) {
		loop_timer_stop(&conn->timer);
		return;
	}
	if (loop_timer_is_armed(&conn->timer) && conn->timer.due_ns <= due_ns)
		return;
	left_ms = (due_ns - conn_now_ns(conn) + CLOCK_NS_PER_MS - 1) / CLOCK_NS_PER_MS;
	loop_timer_start(conn->env->loop, &conn->timer, left_ms, on_timer, conn);
}

/* ---- writing ---- */

static void conn_sent(struct conn *conn, size_t len)
{
	if (len == 0)
		return;
	conn->bytes_out += len;
	conn->active_ns = conn_now_ns(conn);
	conn->stalled_ns = conn->active_ns;
	conn->sent_ns = conn->active_ns;
}

static enum io conn_flush(struct conn *conn)
{
	size_t len;
	enum io io = wire_flush(&conn->wire, &conn->out, &len);

	conn_sent(conn, len);
	return io;
}

/* Closing while bytes are unread makes the kernel send a reset, which may overtake the answer. */
static bool conn_must_linger(const struct conn *conn)
{
	int64_t since_ns = conn_now_ns(conn) - conn->read_ns;

	return !conn->has_eof && since_ns < conn->options.linger_ms * CLOCK_NS_PER_MS;
}

/* Nothing is queued any more and nobody will write: the last step of conn_close. */
static void conn_finish(struct conn *conn)
{
	if (conn->wire.tls != NULL)
		tls_shutdown(conn->wire.tls);
	if (!conn_must_linger(conn) || shutdown(conn->wire.fd, SHUT_WR) != 0) {
		conn_die(conn, OK);
		return;
	}
	conn_enter(conn, CONN_LINGERING);
}

static void conn_run_flush(struct conn *conn)
{
	enum io io;

	if (conn->out.len == 0)
		return;
	io = conn_flush(conn);
	if (io == IO_FAIL || io == IO_EOF) {
		conn_die(conn, ERR_IO);
		return;
	}
	if (io == IO_AGAIN)
		return;
	if (conn->state == CONN_FLUSHING) {
		conn_finish(conn);
	} else if (conn->owes_drained) {
		conn->owes_drained = false;
		conn->events->on_drained(conn->arg);
	}
}

/* Bytes [from, end) of all views go into the queue; the caller has seen to the room. */
static void queue_rest(struct conn *conn, const struct iovec *views, size_t count, size_t from)
{
	if (conn->out.len == 0)
		conn->stalled_ns = conn_now_ns(conn);
	wire_keep(&conn->out, views, count, from);
}

/* Out as far as the kernel takes them, the rest is queued. */
static enum io write_now(struct conn *conn, const struct iovec *views, size_t count, size_t total)
{
	size_t sent = 0;
	enum io io;

	if (conn->wire.tls != NULL) {
		/* Through the queue, so that small views share a record. */
		queue_rest(conn, views, count, 0);
		return conn_flush(conn);
	}
	io = wire_write(&conn->wire, views, count, &sent);
	conn_sent(conn, sent);
	if (io != IO_FAIL && sent < total)
		queue_rest(conn, views, count, sent);
	return io;
}

/* A burst comes in many small pieces, each given on as it is understood. The first leaves at once;
 * what follows it in the same turn leaves together, at the turn's end. */
static bool must_gather(const struct conn *conn, size_t total)
{
	return total <= CONN_GATHER_BYTES && conn->sent_ns == conn_now_ns(conn);
}

enum err conn_write(struct conn *conn, const struct iovec *views, size_t count)
{
	size_t total = 0;

	conn_check(conn);
	if (conn->state > CONN_OPEN)
		return ERR_IO;
	for (size_t i = 0; i < count; i++)
		total += views[i].iov_len;
	if (total > conn->out.max - conn->out.len)
		return ERR_LIMIT;
	if (total == 0)
		return OK;
	if (conn->out.len > 0 || conn->state != CONN_OPEN) {
		queue_rest(conn, views, count, 0);
	} else if (must_gather(conn, total)) {
		queue_rest(conn, views, count, 0);
		conn_post(conn, LOOP_WRITABLE);
	} else if (write_now(conn, views, count, total) == IO_FAIL) {
		conn_die(conn, ERR_IO);
		return ERR_IO;
	}
	if (conn->out.len > 0) {
		conn->owes_drained = true;
		conn_set_timer(conn);
		conn_arm(conn);
	}
	return OK;
}

/* ---- reading ---- */

static void conn_take_eof(struct conn *conn)
{
	conn->has_eof = true;
	conn->events->on_eof(conn->arg);
}

static void conn_take(struct conn *conn, size_t len)
{
	conn->bytes_in += len;
	conn->active_ns = conn_now_ns(conn);
	conn->read_ns = conn->active_ns;
	conn->events->on_read(conn->arg, str_make(conn->env->read_buffer, len));
}

static bool conn_may_read(const struct conn *conn)
{
	return conn->state == CONN_OPEN && conn->paused == 0 && !conn->has_eof;
}

static void conn_fail_read(struct conn *conn)
{
	if (conn->wire.tls != NULL)
		log_debug(&conn->log, "tls_read_failed", "cause=\"%s\"", tls_error(conn->wire.tls));
	conn_die(conn, ERR_IO);
}

/* False when there is nothing more to read now. */
static bool read_one(struct conn *conn, size_t *total)
{
	unsigned wanted = 0;
	size_t len = 0;

	switch (wire_read(&conn->wire, conn->env->read_buffer, CONN_READ_BYTES, &len, &wanted)) {
	case IO_DONE:
		*total += len;
		conn_take(conn, len);
		return conn_may_read(conn) && wire_has_pending(&conn->wire);
	case IO_AGAIN: conn->reads_on_write = (wanted & LOOP_WRITABLE) != 0; return false;
	case IO_EOF: conn_take_eof(conn); return false;
	case IO_FAIL: conn_fail_read(conn); return false;
	}
	return false;
}

/* Plain: once per readiness event, for the buffer is as large as what one event may read. TLS:
 * until OpenSSL holds nothing more; the kernel is not asked for another record. */
static void read_wanted(struct conn *conn)
{
	size_t total = 0;

	conn->reads_on_write = false;
	for (unsigned i = 0; i < CONN_READS && total < CONN_READ_BYTES; i++)
		if (!read_one(conn, &total))
			return;
	conn_post(conn, LOOP_READABLE);
}

/* Unwanted bytes stay in the kernel; but if it is the end that came, say so: nobody should go on
 * working for a client that is gone. */
static void read_paused(struct conn *conn)
{
	switch (wire_peek(&conn->wire, conn->env->read_buffer)) {
	case IO_DONE:
	case IO_AGAIN: conn->is_disarmed = true; break;
	case IO_EOF: conn_take_eof(conn); break;
	case IO_FAIL: conn_die(conn, ERR_IO); break;
	}
}

static void conn_run_read(struct conn *conn)
{
	if (conn->state != CONN_OPEN || conn->has_eof)
		return;
	if (conn->paused == 0)
		read_wanted(conn);
	else
		read_paused(conn);
}

/* Below TLS: close_notify was sent, and what still comes is for nobody. */
static void conn_run_linger(struct conn *conn)
{
	const struct wire plain = {.fd = conn->wire.fd};
	unsigned wanted;
	size_t len;
	enum io io = wire_read(&plain, conn->env->read_buffer, CONN_READ_BYTES, &len, &wanted);

	if (io == IO_EOF || io == IO_FAIL)
		conn_die(conn, OK);
}

/* ---- opening ---- */

static void conn_run_open(struct conn *conn)
{
	conn->active_ns = conn_now_ns(conn);
	conn->stalled_ns = conn->active_ns;
	conn->read_ns = conn->active_ns;
	conn_enter(conn, CONN_OPEN);
	conn->events->on_open(conn->arg);
	if (conn->state == CONN_OPEN)
		conn_run_flush(conn);
	/* The first request may have come with the last flight. */
	if (conn->state == CONN_OPEN && wire_has_pending(&conn->wire))
		conn_run_read(conn);
}

static void conn_run_handshake(struct conn *conn)
{
	unsigned wanted = 0;
	enum io io = wire_handshake(&conn->wire, &wanted);

	switch (io) {
	case IO_DONE: conn_run_open(conn); return;
	case IO_AGAIN: conn->handshake_wants = (uint8_t)wanted; return;
	case IO_EOF:
	case IO_FAIL:
		log_info(&conn->log, "tls_handshake_failed", "cause=\"%s\"",
			 tls_error(conn->wire.tls));
		conn_die(conn, ERR_IO);
		return;
	}
}

static bool conn_learn_remote(struct conn *conn)
{
	struct sockaddr_storage remote = {0};

	if (!wire_remote(&conn->wire, &remote))
		return false;
	conn_set_remote(conn, (const struct sockaddr *)&remote);
	return true;
}

/* 0, or the errno that says why there is no connection. */
static int connect_cause(struct conn *conn)
{
	int cause = conn->is_connected ? 0 : wire_connect_error(&conn->wire);

	/* A connect that failed at once left no error behind, and no remote either. */
	if (cause == 0 && !conn->is_connected && !conn_learn_remote(conn))
		return ECONNREFUSED;
	return cause;
}

static void conn_run_connect(struct conn *conn)
{
	int cause = connect_cause(conn);
	int64_t since_ns = conn->entered_ns;

	if (cause != 0) {
		log_info(&conn->log, "connect_failed", "cause=\"%s\"", strerrordesc_np(cause));
		conn_die(conn, ERR_IO);
		return;
	}
	if (conn->wire.tls == NULL) {
		conn_run_open(conn);
		return;
	}
	conn_enter(conn, CONN_HANDSHAKING);
	/* The time the connect took counts: one deadline for both. */
	conn->entered_ns = since_ns;
	conn_run_handshake(conn);
}

/* ---- the one driver ---- */

static void conn_run(struct conn *conn)
{
	unsigned ready = conn->ready;

	conn->ready = 0;
	switch ((enum conn_state)conn->state) {
	case CONN_CONNECTING: conn_run_connect(conn); break;
	case CONN_HANDSHAKING: conn_run_handshake(conn); break;
	case CONN_OPEN:
		if ((ready & LOOP_WRITABLE) != 0 && conn->reads_on_write)
			ready |= LOOP_READABLE;
		if ((ready & LOOP_WRITABLE) != 0)
			conn_run_flush(conn);
		if ((ready & LOOP_READABLE) != 0)
			conn_run_read(conn);
		break;
	case CONN_FLUSHING: conn_run_flush(conn); break;
	case CONN_LINGERING: conn_run_linger(conn); break;
	case CONN_DEAD: break;
	}
	conn_arm(conn);
}

static void on_ready(void *arg, unsigned ready)
{
	struct conn *conn = arg;

	conn_check(conn);
	conn->ready |= (uint8_t)ready;
	conn_run(conn);
}

/* ---- life ---- */

struct conn *conn_new(const struct conn_env *env, int fd, struct tls *tls,
		      const struct conn_options *options, const struct conn_events *events,
		      void *arg)
{
	struct conn *conn = base_alloc(sizeof(*conn));
	int on = 1;

	*conn = (struct conn){
		.magic = CONN_MAGIC,
		.wire = {.tls = tls, .fd = fd},
		.env = env,
		.events = events,
		.arg = arg,
		.options = *options,
	};
	if (options->linger_ms == 0)
		conn->options.linger_ms = CONN_LINGER_MS;
	queue_init(&conn->out, env->pool, options->max_queued_bytes);
	log_init(&conn->log, env->log, "conn");
	conn->log.doing = "connecting";
	conn->entered_ns = conn_now_ns(conn);
	if (fd >= 0) {
		/* Refused on a Unix socket, where nothing is delayed anyway. */
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		loop_io_start(env->loop, &conn->io, fd, on_ready, conn);
	}
	conn_set_timer(conn);
	conn->is_connected = conn_learn_remote(conn);
	if (fd < 0 || conn->is_connected)
		conn_post(conn, LOOP_READABLE);
	else
		conn_arm(conn);
	return conn;
}

void conn_set_events(struct conn *conn, const struct conn_events *events, void *arg)
{
	conn_check(conn);
	conn->events = events;
	conn->arg = arg;
}

void conn_close(struct conn *conn)
{
	conn_check(conn);
	if (conn->state > CONN_OPEN)
		return;
	if (conn->state < CONN_OPEN) {
		conn_die(conn, OK);
		return;
	}
	conn_enter(conn, CONN_FLUSHING);
	if (conn->out.len == 0)
		conn_finish(conn);
	conn_arm(conn);
}

void conn_abort(struct conn *conn)
{
	conn_check(conn);
	conn_die(conn, ERR_IO);
}

/* ---- pausing ---- */

void conn_pause(struct conn *conn, enum conn_why why)
{
	conn_check(conn);
	conn->paused |= (uint8_t)why;
}

void conn_resume(struct conn *conn, enum conn_why why)
{
	conn_check(conn);
	if (conn->paused == 0)
		return;
	conn->paused &= (uint8_t) ~(unsigned)why;
	if (!conn_may_read(conn))
		return;
	conn->is_disarmed = false;
	conn_arm(conn);
	/* What OpenSSL holds already, the descriptor will not tell. */
	if (wire_has_pending(&conn->wire))
		conn_post(conn, LOOP_READABLE);
}

bool conn_is_paused(const struct conn *conn)
{
	return conn->paused != 0;
}

/* ---- asking ---- */

size_t conn_queued(const struct conn *conn)
{
	return conn->out.len;
}

void conn_set_idle_timeout(struct conn *conn, int64_t ms)
{
	conn_check(conn);
	conn->options.idle_timeout_ms = ms;
	conn->active_ns = conn_now_ns(conn);
	conn_set_timer(conn);
}

const struct sockaddr *conn_remote(const struct conn *conn)
{
	return &conn->remote.any;
}

void conn_set_remote(struct conn *conn, const struct sockaddr *remote)
{
	conn->remote = address_from(remote);
	address_text(&conn->remote, conn->remote_text);
	log_set_id(&conn->log, "%s:%u", conn->remote_text, address_port(&conn->remote));
}

struct str conn_remote_text(const struct conn *conn)
{
	return str_from_c(conn->remote_text);
}

bool conn_is_tls(const struct conn *conn)
{
	return conn->wire.tls != NULL;
}

struct log *conn_log(struct conn *conn)
{
	return &conn->log;
}

uint64_t conn_bytes_in(const struct conn *conn)
{
	return conn->bytes_in;
}

uint64_t conn_bytes_out(const struct conn *conn)
{
	return conn->bytes_out;
}
