/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections of one worker to one upstream: idle ones are used again, new
 * ones are dialled up to a cap, further requests stand in a bounded line.
 *
 *   acquire: idle session? -> at once : below the cap? -> dial, wait : line
 *   session idle again -> first in line, else the idle list (last in, first out)
 *
 * Owns:    its sessions. Frees itself after pool_drain once the last one is
 *          closed. Tickets are the caller's.
 * Threads: its worker's.
 * Limits:  options.connections sessions, options.waiting tickets.
 */
#ifndef GATEWAY_ROUTE_POOL_H
#define GATEWAY_ROUTE_POOL_H

#include "gateway/http/h1_session.h"
#include "gateway/route/upstream.h"

struct pool;

/* One request's place in line. Embedded and zero-filled at first. */
struct pool_ticket {
	/* A session that is idle: open a stream on it before returning. */
	void (*on_session)(void *arg, struct h1_session *session);
	/* The dial on behalf of this ticket failed. */
	void (*on_fail)(void *arg, enum err why);
	void *arg;
	struct pool_ticket *prev, *next;
	bool is_waiting;
};

/* Takes its own reference of upstream. limits are those of responses. *alive counts the pools that
 * were made with it and are not gone yet. */
struct pool *pool_new(const struct conn_env *env, struct upstream *upstream,
		      const struct h1_limits *limits, unsigned *alive);
/* No new acquire. Idle sessions close now, busy ones after their exchange. */
void pool_drain(struct pool *pool);

/* *out is an idle session (open a stream on it now), or NULL and the ticket waits for one of its
 * callbacks, which never come from inside this call. ERR_UNAVAILABLE: the line is full. */
MUST_CHECK enum err pool_acquire(struct pool *pool, struct pool_ticket *ticket,
				 struct h1_session **out);
/* Leaves the line; safe when not waiting. */
void pool_cancel(struct pool *pool, struct pool_ticket *ticket);
const struct upstream *pool_upstream(const struct pool *pool);
size_t pool_session_count(const struct pool *pool);

#endif
