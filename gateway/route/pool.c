/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/route/pool.h"

#include <stdlib.h>

#include "gateway/net/tls.h"

/* What may wait unsent towards an upstream: one slice of a request body (forward.c sends bodies in
 * slices) and its head. */
#define POOL_QUEUED_BYTES (1U << 20)

enum link_state {
	LINK_DIALLING,
	LINK_IDLE,
	LINK_BUSY,
};

/* A session and its place in the pool's idle list. */
struct link {
	struct pool *pool;
	struct h1_session *session;
	struct link *prev, *next; /* idle list only */
	enum link_state state;
};

struct pool {
	const struct conn_env *env;
	struct upstream *upstream;
	struct session_options options;
	struct link *idle;
	struct pool_ticket *first, *last;
	size_t ticket_count;
	size_t session_count;
	size_t dialling_count;
	unsigned turn;
	unsigned *alive;
	bool is_draining;
};

static void pool_check(const struct pool *pool)
{
	ASSERT(pool->dialling_count <= pool->session_count);
	ASSERT((pool->first == NULL) == (pool->ticket_count == 0));
}

static void idle_push(struct link *link)
{
	struct pool *pool = link->pool;

	ASSERT(link->state == LINK_IDLE);
	link->prev = NULL;
	link->next = pool->idle;
	if (pool->idle != NULL)
		pool->idle->prev = link;
	pool->idle = link;
}

static void idle_remove(struct link *link)
{
	if (link->prev != NULL)
		link->prev->next = link->next;
	else
		link->pool->idle = link->next;
	if (link->next != NULL)
		link->next->prev = link->prev;
	link->prev = link->next = NULL;
}

static void ticket_append(struct pool *pool, struct pool_ticket *ticket)
{
	ticket->is_waiting = true;
	ticket->next = NULL;
	ticket->prev = pool->last;
	if (pool->last != NULL)
		pool->last->next = ticket;
	else
		pool->first = ticket;
	pool->last = ticket;
	pool->ticket_count++;
}

static void ticket_remove(struct pool *pool, struct pool_ticket *ticket)
{
	if (ticket->prev != NULL)
		ticket->prev->next = ticket->next;
	else
		pool->first = ticket->next;
	if (ticket->next != NULL)
		ticket->next->prev = ticket->prev;
	else
		pool->last = ticket->prev;
	ticket->prev = ticket->next = NULL;
	ticket->is_waiting = false;
	pool->ticket_count--;
}

static void pool_free_if_done(struct pool *pool)
{
	if (!pool->is_draining || pool->session_count > 0 || pool->ticket_count > 0)
		return;
	(*pool->alive)--;
	upstream_unref(pool->upstream);
	free(pool);
}

/* Sessions ----------------------------------------------------------------- */

static void on_link_idle(void *arg, struct h1_session *session)
{
	struct link *link = arg;
	struct pool *pool = link->pool;
	struct pool_ticket *ticket = pool->first;

	pool_check(pool);
	if (link->state == LINK_DIALLING)
		pool->dialling_count--;
	link->state = LINK_IDLE;
	if (ticket != NULL) {
		link->state = LINK_BUSY;
		ticket_remove(pool, ticket);
		ticket->on_session(ticket->arg, session);
		return;
	}
	idle_push(link);
	if (pool->is_draining)
		h1_session_drain(session);
}

static void pool_dial(struct pool *pool);

/* Those who wait beyond the dials under way have none of their own: over the cap, they hope for the
 * sessions of others. */
static void dial_for_the_line(struct pool *pool)
{
	const struct upstream_options *options = upstream_options(pool->upstream);

	if (pool->ticket_count > pool->dialling_count && pool->session_count < options->connections)
		pool_dial(pool);
}

/* A failed dial is one waiting request's failure. Its ticket is told last, for it may come back at
 * once. */
static void on_link_close(void *arg, struct h1_session *session, enum err why)
{
	struct link *link = arg;
	struct pool *pool = link->pool;
	struct pool_ticket *ticket = pool->first;
	bool has_failed_to_dial = link->state == LINK_DIALLING;

	(void)session;
	pool_check(pool);
	if (link->state == LINK_IDLE)
		idle_remove(link);
	if (has_failed_to_dial)
		pool->dialling_count--;
	pool->session_count--;
	free(link);
	if (has_failed_to_dial && ticket != NULL)
		ticket_remove(pool, ticket);
	dial_for_the_line(pool);
	pool_free_if_done(pool);
	if (has_failed_to_dial && ticket != NULL)
		ticket->on_fail(ticket->arg, why == ERR_TIMEOUT ? ERR_TIMEOUT : ERR_UPSTREAM);
}

static const struct session_events link_events = {
	.on_idle = on_link_idle,
	.on_close = on_link_close,
};

static void pool_dial(struct pool *pool)
{
	const struct upstream_options *options = upstream_options(pool->upstream);
	struct link *link = base_alloc(sizeof(*link));

	link->pool = pool;
	link->state = LINK_DIALLING;
	pool->session_count++;
	pool->dialling_count++;
	link->session =
		h1_session_new_client(pool->env, upstream_address(pool->upstream, pool->turn++),
				      upstream_new_tls(pool->upstream), &pool->options,
				      options->connect_timeout_ms, &link_events, link);
}

/* Life ----------------------------------------------------------------------- */

struct pool *pool_new(const struct conn_env *env, struct upstream *upstream,
		      const struct h1_limits *limits, unsigned *alive)
{
	const struct upstream_options *options = upstream_options(upstream);
	struct pool *pool = base_alloc(sizeof(*pool));

	pool->env = env;
	pool->alive = alive;
	(*alive)++;
	pool->upstream = upstream_ref(upstream);
	pool->options = (struct session_options){
		.limits = *limits,
		.head_timeout_ms = options->first_byte_timeout_ms,
		.idle_timeout_ms = options->keepalive_timeout_ms,
		.body_timeout_ms = options->idle_timeout_ms,
		.write_stall_ms = options->idle_timeout_ms,
		.max_queued_bytes = POOL_QUEUED_BYTES,
	};
	return pool;
}

void pool_drain(struct pool *pool)
{
	struct link *next;

	pool->is_draining = true;
	for (struct link *link = pool->idle; link != NULL; link = next) {
		next = link->next;
		h1_session_drain(link->session);
	}
	pool_free_if_done(pool);
}

/* A session that has begun to close stays in the list until its on_close comes. */
static struct link *idle_find(const struct pool *pool)
{
	struct link *link = pool->idle;

	while (link != NULL && !h1_session_is_idle(link->session))
		link = link->next;
	return link;
}

enum err pool_acquire(struct pool *pool, struct pool_ticket *ticket, struct h1_session **out)
{
	const struct upstream_options *options = upstream_options(pool->upstream);
	struct link *link = idle_find(pool);

	pool_check(pool);
	ASSERT(!ticket->is_waiting);
	if (link != NULL && pool->ticket_count == 0) {
		idle_remove(link);
		link->state = LINK_BUSY;
		*out = link->session;
		return OK;
	}
	if (pool->session_count < options->connections)
		pool_dial(pool);
	else if (pool->ticket_count >= options->waiting + pool->dialling_count)
		return ERR_UNAVAILABLE;
	ticket_append(pool, ticket);
	*out = NULL;
	return OK;
}

void pool_cancel(struct pool *pool, struct pool_ticket *ticket)
{
	if (!ticket->is_waiting)
		return;
	ticket_remove(pool, ticket);
	pool_free_if_done(pool);
}

const struct upstream *pool_upstream(const struct pool *pool)
{
	return pool->upstream;
}

size_t pool_session_count(const struct pool *pool)
{
	return pool->session_count;
}
