/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/proxy/worker.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/crypt.h"

#define WORKER_FREE_REQUESTS 1024
#define WORKER_POOL_CHUNKS   1024
#define REQUEST_BLOCK_BYTES  8192
#define REQUEST_ARENA_MAX    (256U << 10)
#define RECORD_TEXT_MAX	     65535

/* Pools -------------------------------------------------------------------------- */

static struct pool_set *pool_set_new(struct worker *worker, struct snapshot *snap)
{
	size_t count = snap->rules->upstream_count;
	struct pool_set *set = base_alloc(sizeof(*set) + count * sizeof(set->pools[0]));
	struct h1_limits limits = h1_default_limits;

	/* The length of an answer is the upstream's business; it is relayed, never kept. */
	limits.body_bytes = UINT64_MAX;
	limits.chunk_overhead_bytes = SIZE_MAX;
	set->refs = 1;
	set->count = count;
	for (size_t i = 0; i < count; i++)
		set->pools[i] = pool_new(&worker->env, snap->rules->upstreams[i], &limits,
					 &worker->pools_alive);
	return set;
}

void pool_set_unref(struct pool_set *set)
{
	if (set == NULL || --set->refs > 0)
		return;
	for (size_t i = 0; i < set->count; i++)
		pool_drain(set->pools[i]);
	free(set);
}

/* Requests ----------------------------------------------------------------------- */

void worker_random(struct worker *worker, void *out, size_t len)
{
	ASSERT(len <= sizeof(worker->random));
	if (worker->random_left < len) {
		crypt_random(worker->random, sizeof(worker->random));
		worker->random_left = sizeof(worker->random);
	}
	worker->random_left -= len;
	memcpy(out, worker->random + worker->random_left, len);
}

/* All of a request is zeroed but its arena, which keeps its first block from use to use. */
struct request *worker_take_request(struct worker *worker)
{
	struct request *req = worker->free_requests;
	struct arena arena;

	if (req != NULL) {
		worker->free_requests = req->next;
		worker->free_count--;
		arena = req->arena;
	} else {
		req = malloc(sizeof(*req));
		ASSERT(req != NULL);
		arena_init(&arena, REQUEST_BLOCK_BYTES, REQUEST_ARENA_MAX);
	}
	memset(req, 0, offsetof(struct request, large));
	req->arena = arena;
	req->worker = worker;
	req->snap = snapshot_ref(worker->snap);
	req->pools = worker->pools;
	req->pools->refs++;
	log_init(&req->log, &worker->log, "req");
	queue_init(&req->body, worker->queue_pool, 0);
	queue_init(&req->relay.held, worker->queue_pool, RELAY_HELD_BYTES);
	req->next = worker->requests;
	if (worker->requests != NULL)
		worker->requests->prev = req;
	worker->requests = req;
	stat_add(&worker->stats.in_flight, 1);
	return req;
}

static void worker_end_if_drained(struct worker *worker);

void worker_give_request(struct worker *worker, struct request *req)
{
	ASSERT(req->state == REQ_DONE && !req->is_waiting && !req->ticket.is_waiting);
	ASSERT(req->down == NULL && req->up == NULL);
	ASSERT(!req->has_intent || req->is_settled);
	ASSERT(req->hold_count == 0);
	if (req->prev != NULL)
		req->prev->next = req->next;
	else
		worker->requests = req->next;
	if (req->next != NULL)
		req->next->prev = req->prev;
	queue_reset(&req->body);
	queue_reset(&req->relay.held);
	principal_unref(req->principal);
	pool_set_unref(req->pools);
	snapshot_unref(req->snap);
	arena_reset(&req->arena);
	stat_add(&worker->stats.in_flight, UINT64_MAX);
	if (worker->free_count < WORKER_FREE_REQUESTS) {
		req->next = worker->free_requests;
		worker->free_requests = req;
		worker->free_count++;
	} else {
		arena_fini(&req->arena);
		free(req);
	}
	worker_end_if_drained(worker);
}

/* Durable line --------------------------------------------------------------------- */

void worker_wait_durable(struct worker *worker, struct request *req)
{
	ASSERT(!req->is_waiting);
	if (req->position <= journal_durable(worker->writer))
		return;
	ASSERT(worker->waiting_last == NULL || worker->waiting_last->position < req->position);
	req->is_waiting = true;
	req->next_waiting = NULL;
	if (worker->waiting_last != NULL)
		worker->waiting_last->next_waiting = req;
	else
		worker->waiting_first = req;
	worker->waiting_last = req;
}

static void on_durable(void *arg)
{
	struct worker *worker = arg;
	uint64_t durable = journal_durable(worker->writer);

	while (worker->waiting_first != NULL && worker->waiting_first->position <= durable) {
		struct request *req = worker->waiting_first;

		worker->waiting_first = req->next_waiting;
		if (worker->waiting_first == NULL)
			worker->waiting_last = NULL;
		req->is_waiting = false;
		request_run(req);
	}
}

/* Clients ------------------------------------------------------------------------------ */

static void on_client_stream(void *arg, struct h1_session *session, struct stream *stream,
			     const struct head *head)
{
	struct client *client = arg;

	(void)session;
	request_start(client->worker, stream, head);
}

static void on_client_refuse(void *arg, struct h1_session *session, enum err err)
{
	struct client *client = arg;

	stat_add(&client->worker->stats.bad_requests, 1);
	log_info(conn_log(h1_session_conn(session)), "bad_request", "err=%s", err_label(err));
}

static void on_client_close(void *arg, struct h1_session *session, enum err why)
{
	struct client *client = arg;
	struct worker *worker = client->worker;

	(void)session;
	(void)why;
	if (client->prev != NULL)
		client->prev->next = client->next;
	else
		worker->clients = client->next;
	if (client->next != NULL)
		client->next->prev = client->prev;
	stat_add(&worker->stats.open, UINT64_MAX);
	free(client);
	worker_end_if_drained(worker);
}

static const struct session_events client_events = {
	.on_stream = on_client_stream,
	.on_refuse = on_client_refuse,
	.on_close = on_client_close,
};

static void accept_client(struct worker *worker, int fd, struct tls_context *tls)
{
	struct client *client = base_alloc(sizeof(*client));

	client->worker = worker;
	client->next = worker->clients;
	if (worker->clients != NULL)
		worker->clients->prev = client;
	worker->clients = client;
	stat_add(&worker->stats.connections, 1);
	stat_add(&worker->stats.open, 1);
	client->session = h1_session_new_server(&worker->env, fd, tls == NULL ? NULL : tls_new(tls),
						&worker->options.session, &client_events, client);
}

static void on_accept(void *arg, int fd, const struct sockaddr_storage *remote)
{
	struct worker_accept *own = arg;
	struct worker *worker = own->worker;

	(void)remote;
	/* The kernel gives out the lowest free number, so the number tells how many are in use. */
	if (stat_read(&worker->stats.open) >= worker->options.connections ||
	    (worker->options.descriptor_max > 0 && fd >= worker->options.descriptor_max)) {
		stat_add(&worker->stats.refused, 1);
		close(fd);
		return;
	}
	accept_client(worker, fd, own->tls);
}

/* Life ------------------------------------------------------------------------------------ */

enum err worker_new(const struct worker_options *options, struct snapshot *snap,
		    struct journal *journal, struct worker **out)
{
	struct worker *worker = base_alloc(sizeof(*worker));
	enum err err;

	ASSERT(options->listener_count <= WORKER_LISTENERS);
	worker->options = *options;
	worker->loop = loop_new();
	worker->journal = journal;
	err = journal_writer_new(journal, worker->loop, &worker->writer);
	if (err != OK) {
		loop_free(worker->loop);
		free(worker);
		return err;
	}
	log_init(&worker->log, options->log, "worker");
	log_set_id(&worker->log, "%u", options->number);
	worker->queue_pool = queue_pool_new(WORKER_POOL_CHUNKS);
	worker->env = (struct conn_env){
		.loop = worker->loop,
		.pool = worker->queue_pool,
		.read_buffer = base_alloc(CONN_READ_BYTES),
		.log = &worker->log,
	};
	worker->snap = snapshot_ref(snap);
	worker->pools = pool_set_new(worker, snap);
	worker->identities = identity_cache_new(options->token_cache);
	buf_init(&worker->record, RECORD_TEXT_MAX);
	for (size_t i = 0; i < options->listener_count; i++)
		if (options->listeners[i].tls != NULL)
			tls_context_ref(options->listeners[i].tls);
	*out = worker;
	return OK;
}

static void start_listeners(struct worker *worker)
{
	for (size_t i = 0; i < worker->options.listener_count; i++) {
		struct worker_accept *arg = &worker->accept_args[i];

		arg->worker = worker;
		arg->tls = worker->options.listeners[i].tls;
		worker->listeners[i] =
			listener_new(worker->loop, worker->options.listeners[i].fd, on_accept, arg);
	}
}

static void *worker_main(void *arg)
{
	struct worker *worker = arg;

	pthread_setname_np(pthread_self(), "worker");
	loop_set_wake(worker->loop, on_durable, worker);
	start_listeners(worker);
	loop_run(worker->loop);
	worker->options.on_done(worker->options.arg, worker);
	return NULL;
}

enum err worker_start(struct worker *worker)
{
	return pthread_create(&worker->thread, NULL, worker_main, worker) == 0 ? OK : ERR_IO;
}

/* Messages from main -------------------------------------------------------------------- */

struct snapshot_message {
	struct loop_message message;
	struct snapshot *snap;
};

static void take_snapshot(struct loop_message *message, void *arg)
{
	struct worker *worker = arg;
	struct snapshot_message *own = (struct snapshot_message *)message;
	struct snapshot *before = worker->snap;

	/* Came when the thread had ended: the mailbox is emptied by worker_free. */
	if (worker->is_over) {
		snapshot_unref(own->snap);
		free(own);
		return;
	}
	worker->snap = own->snap;
	if (worker->snap->rules != before->rules) {
		pool_set_unref(worker->pools);
		worker->pools = pool_set_new(worker, worker->snap);
	}
	identity_cache_set_generation(worker->identities, worker->snap->generation);
	snapshot_unref(before);
	free(own);
}

void worker_send_snapshot(struct worker *worker, struct snapshot *snap)
{
	struct snapshot_message *own = base_alloc(sizeof(*own));

	own->message.run = take_snapshot;
	own->message.arg = worker;
	own->snap = snapshot_ref(snap);
	loop_send(worker->loop, &own->message);
}

static void on_pools_closing(void *arg)
{
	worker_end_if_drained(arg);
}

/* A drained worker has no client and no request; open calls whose client left still settle. */
static void worker_end_if_drained(struct worker *worker)
{
	if (!worker->is_draining || worker->requests != NULL || worker->clients != NULL)
		return;
	loop_timer_stop(&worker->drain_timer);
	pool_set_unref(worker->pools);
	worker->pools = NULL;
	if (worker->pools_alive == 0)
		loop_stop(worker->loop);
	else
		loop_timer_start(worker->loop, &worker->drain_timer, 1, on_pools_closing, worker);
}

static void on_drain_deadline(void *arg)
{
	struct worker *worker = arg;
	struct request *next_req;
	struct client *next;

	worker->is_expired = true;
	log_warn(&worker->log, "drain_expired", "clients=%llu",
		 (unsigned long long)stat_read(&worker->stats.open));
	for (struct client *client = worker->clients; client != NULL; client = next) {
		next = client->next;
		h1_session_abort(client->session);
	}
	/* What is left has no client: it settles with what was seen. */
	for (struct request *req = worker->requests; req != NULL; req = next_req) {
		next_req = req->next;
		request_run(req);
	}
}

struct drain_message {
	struct loop_message message;
	int64_t deadline_ms;
};

static void take_drain(struct loop_message *message, void *arg)
{
	struct worker *worker = arg;
	struct drain_message *own = (struct drain_message *)message;
	struct client *next;

	worker->is_draining = true;
	for (size_t i = 0; i < worker->options.listener_count; i++) {
		listener_free(worker->listeners[i]);
		worker->listeners[i] = NULL;
	}
	loop_timer_start(worker->loop, &worker->drain_timer, own->deadline_ms, on_drain_deadline,
			 worker);
	free(own);
	for (struct client *client = worker->clients; client != NULL; client = next) {
		next = client->next;
		h1_session_drain(client->session);
	}
	worker_end_if_drained(worker);
}

void worker_send_drain(struct worker *worker, int64_t deadline_ms)
{
	struct drain_message *own = base_alloc(sizeof(*own));

	own->message.run = take_drain;
	own->message.arg = worker;
	own->deadline_ms = deadline_ms;
	loop_send(worker->loop, &own->message);
}

void worker_free(struct worker *worker)
{
	struct request *next;

	if (worker == NULL)
		return;
	ASSERT(worker->requests == NULL);
	worker->is_over = true;
	for (struct request *req = worker->free_requests; req != NULL; req = next) {
		next = req->next;
		arena_fini(&req->arena);
		free(req);
	}
	snapshot_unref(worker->snap);
	identity_cache_free(worker->identities);
	journal_writer_free(worker->writer);
	for (size_t i = 0; i < worker->options.listener_count; i++)
		tls_context_unref(worker->options.listeners[i].tls);
	buf_fini(&worker->record);
	free(worker->env.read_buffer);
	queue_pool_free(worker->queue_pool);
	loop_free(worker->loop);
	free(worker);
}
