/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker: one thread, one loop, its listeners, clients, upstream pools,
 * caches and journal ring. It never waits on disk, names, Redis or a lock.
 *
 *   main --message: snapshot / drain--> worker <--wake: more is durable-- journal
 *
 * Owns:    all of the above and its requests; holds one snapshot reference.
 * Threads: worker_new and worker_free on main; worker_send_* from main; the rest
 *          its own thread's. Counters are read by anyone.
 * Limits:  worker_options.connections clients; none past descriptor_max.
 */
#ifndef GATEWAY_PROXY_WORKER_H
#define GATEWAY_PROXY_WORKER_H

#include <pthread.h>

#include "base/stat.h"
#include "gateway/net/listener.h"
#include "gateway/net/tls.h"
#include "gateway/proxy/request.h"
#include "metering/journal/journal.h"

#define WORKER_LISTENERS    16
#define WORKER_RANDOM_BYTES 4096

/* One address, as seen by one worker: an own socket each (SO_REUSEPORT). */
struct worker_listener {
	int fd;
	struct tls_context *tls; /* NULL: plain. A reference is taken. */
};

struct worker_options {
	unsigned number;
	const struct log *log;		/* borrowed: the parent of the worker's */
	struct session_options session; /* towards clients */
	uint64_t connections;
	/* Descriptors from here on are kept for upstreams, the journal and the operators; 0: all
	 * are for clients. */
	int descriptor_max;
	size_t token_cache;
	const struct dialects *dialects; /* borrowed: immutable tables made at start */
	const struct peek_paths *peek_paths;
	const struct rows_paths *rows_paths;
	struct worker_listener listeners[WORKER_LISTENERS];
	size_t listener_count;
	/* A token named a key that its issuer's set lacks; any thread's mailbox. */
	void (*on_unknown_key)(void *arg, size_t issuer);
	/* Drained and ended: its thread can be joined. */
	void (*on_done)(void *arg, struct worker *worker);
	void *arg;
};

struct worker_stats {
	struct stat_counter connections;  /* accepted */
	struct stat_counter open;	  /* gauge */
	struct stat_counter refused;	  /* over the cap */
	struct stat_counter bad_requests; /* refused by the codec */
	struct stat_counter requests;
	struct stat_counter answers[6];	 /* by class, 1xx to 5xx; [0] aborted */
	struct stat_counter own_answers; /* made by the gateway */
	struct stat_counter in_flight;	 /* gauge */
	struct stat_counter denied;
	struct stat_counter over_budget;   /* allowed, and refused for a budget */
	struct stat_counter nonconforming; /* of the denied: not put to the policies */
	struct stat_counter unauthentic;
	struct stat_counter attempts;
	struct stat_counter retries;
	struct stat_counter settles;
	struct stat_counter estimated;
	struct stat_counter unpriced;
	struct stat_counter tokens_in, tokens_out;
	struct stat_counter cost_nano; /* rounded up per call: for graphs, not for bills */
	struct stat_counter bytes_in, bytes_out; /* bodies */
	struct stat_histogram duration;		 /* head to last byte */
	struct stat_histogram first_byte;	 /* head to the answer's first byte */
	struct stat_histogram decide;		 /* route to decision */
	struct stat_histogram durable;		 /* INTENT appended to durable */
};

/* The pools of one set of rules: requests hold it, so that those begun before a reload end with the
 * upstreams they were decided for. The last one out drains it. */
struct pool_set {
	unsigned refs; /* this worker's thread only */
	size_t count;
	struct pool *pools[];
};

/* One client connection. */
struct client {
	struct worker *worker;
	struct h1_session *session;
	struct client *prev, *next;
};

struct worker_accept {
	struct worker *worker;
	struct tls_context *tls;
};

struct worker {
	struct worker_options options;
	struct loop *loop;
	struct queue_pool *queue_pool;
	struct conn_env env;
	struct log log;
	pthread_t thread;
	struct snapshot *snap;
	struct pool_set *pools; /* one per upstream of snap->rules */
	unsigned pools_alive;
	struct identity_cache *identities;
	struct journal *journal; /* borrowed */
	struct journal_writer *writer;
	struct buf record; /* text of the record being made */
	struct listener *listeners[WORKER_LISTENERS];
	struct worker_accept accept_args[WORKER_LISTENERS];
	struct client *clients;
	struct request *requests;
	struct request *free_requests;
	size_t free_count;
	struct request *waiting_first, *waiting_last; /* for durable, by position */
	bool is_draining;
	bool is_expired; /* the drain deadline passed */
	bool is_over;	 /* its thread ended: messages are only given back */
	struct loop_timer drain_timer;
	uint8_t random[WORKER_RANDOM_BYTES]; /* a supply: no system call per request */
	size_t random_left;
	struct worker_stats stats;
};

/* Takes a reference of snap and, on success, the listeners' descriptors. */
MUST_CHECK enum err worker_new(const struct worker_options *options, struct snapshot *snap,
			       struct journal *journal, struct worker **out);
/* Starts the thread. */
MUST_CHECK enum err worker_start(struct worker *worker);
/* Main: hand over a new snapshot. */
void worker_send_snapshot(struct worker *worker, struct snapshot *snap);
/* Main: stop accepting, finish what is open, end after deadline_ms at the latest. */
void worker_send_drain(struct worker *worker, int64_t deadline_ms);
/* After its thread ended. */
void worker_free(struct worker *worker);

/* For requests: a zeroed one from the free list, and back. */
struct request *worker_take_request(struct worker *worker);
void worker_give_request(struct worker *worker, struct request *req);
/* req->position was appended: request_run is called once it is durable; is_waiting stays false when
 * it is so already (durability: relaxed). */
void worker_wait_durable(struct worker *worker, struct request *req);
/* Unpredictable bytes. */
void worker_random(struct worker *worker, void *out, size_t len);
void pool_set_unref(struct pool_set *set);

#endif
