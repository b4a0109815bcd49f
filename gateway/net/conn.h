/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A byte stream: TCP or TLS, read with pause reasons, written at once and
 * queued only when the kernel is full. Knows nothing of HTTP.
 *
 *   readable -> read into the env's shared buffer -> on_read(view)
 *   conn_write -> writev now -> rest into the queue -> LOOP_WRITABLE -> on_drained
 *
 * A second small write of the same turn waits for the turn's end, and leaves
 * with all that came behind it.
 *
 * A conn stays armed for reading while paused; only when bytes come that are
 * not wanted is it disarmed (so a short pause costs no system call).
 *
 * Owns:    its descriptor, TLS state and output queue. Frees itself at the end
 *          of the turn after conn_close/conn_abort finished; on_close is the
 *          last event and the pointer is dead after it.
 * Threads: its loop's.
 * Limits:  64 KiB read per readiness event; output queue max_queued_bytes; 2 s of
 *          lingering after conn_close.
 */
#ifndef GATEWAY_NET_CONN_H
#define GATEWAY_NET_CONN_H

#include <sys/socket.h>
#include <sys/uio.h>

#include "base/log.h"
#include "base/loop.h"
#include "base/queue.h"

#define CONN_READ_BYTES 65536
#define CONN_LINGER_MS	2000

struct conn;
struct tls;

/* What conns of one worker share. Outlives them. */
struct conn_env {
	struct loop *loop;
	struct queue_pool *pool;
	char *read_buffer; /* CONN_READ_BYTES, content valid only during on_read */
	const struct log *log;
};

enum conn_why {
	CONN_READER_SLOW = 1,
	CONN_QUEUE_FULL = 2,
	CONN_DECIDING = 4,
	CONN_DRAINING = 8,
};

struct conn_events {
	/* Dialled or handshaken: bytes may flow (accepted plain conns: called in the next turn). */
	void (*on_open)(void *arg);
	/* All of view must be taken; it dies on return. */
	void (*on_read)(void *arg, struct str view);
	/* The other side will send no more (TLS: close_notify seen). Writing may go on. May come
	 * while paused, when nothing is left unread. */
	void (*on_eof)(void *arg);
	/* The output queue is empty again after conn_write left something in it. */
	void (*on_drained)(void *arg);
	/* Dead: reset, time-out, TLS failure, or our own close is complete (OK). Last event. */
	void (*on_close)(void *arg, enum err why);
};

struct conn_options {
	size_t max_queued_bytes; /* past it conn_write returns ERR_LIMIT */
	int64_t idle_timeout_ms; /* no byte read or written: on_close(ERR_TIMEOUT); 0 = none */
	int64_t write_stall_ms;	 /* queue not empty and no progress */
	int64_t handshake_ms;	 /* connect + TLS handshake */
	/* After conn_close: where bytes came in the last so many ms, what still comes is dropped
	 * for as long, until the other side closes too, so that a reset does not eat the answer. 0
	 * = CONN_LINGER_MS, negative = never (always so for conns that were dialled). */
	int64_t linger_ms;
};

/* Takes fd (non-blocking, TCP_NODELAY set here) and tls (NULL = plain). An fd that is still
 * connecting is fine: on_open follows. */
struct conn *conn_new(const struct conn_env *env, int fd, struct tls *tls,
		      const struct conn_options *options, const struct conn_events *events,
		      void *arg);
/* Changes who listens (a pooled conn gets a new owner). */
void conn_set_events(struct conn *conn, const struct conn_events *events, void *arg);

/* All or nothing into kernel + queue, in order. ERR_LIMIT when what is queued and this together
 * would pass the queue's max, ERR_IO when the conn is dead (on_close follows) or closing. */
MUST_CHECK enum err conn_write(struct conn *conn, const struct iovec *views, size_t count);
size_t conn_queued(const struct conn *conn);
/* A set of reasons; reading resumes when it is empty. */
void conn_pause(struct conn *conn, enum conn_why why);
void conn_resume(struct conn *conn, enum conn_why why);
bool conn_is_paused(const struct conn *conn);
/* 0 = none; restarts the idle clock. */
void conn_set_idle_timeout(struct conn *conn, int64_t ms);
/* Writes out what is queued, then closes; reads no more. */
void conn_close(struct conn *conn);
/* Closes now (RST when bytes are unread). on_close(ERR_IO) comes at the end of the turn. */
void conn_abort(struct conn *conn);

/* IPv4 or IPv6; AF_UNSPEC while it is unknown. */
const struct sockaddr *conn_remote(const struct conn *conn);
/* Known before the connection stands: for the log. */
void conn_set_remote(struct conn *conn, const struct sockaddr *remote);
/* "10.1.2.3" without port; lives as long as the conn. */
struct str conn_remote_text(const struct conn *conn);
bool conn_is_tls(const struct conn *conn);
struct log *conn_log(struct conn *conn);
/* Bytes read and written since birth. */
uint64_t conn_bytes_in(const struct conn *conn);
uint64_t conn_bytes_out(const struct conn *conn);

#endif
