/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The request: one call of one client, from its head to its settled record.
 * This file holds the noun; each step stands in the file of its name.
 *
 *   READ ──► DECIDE ──► INTENT ──► CONNECT ──► AWAIT ──► RELAY ──► SETTLE ──► FINISH ──► DONE
 *     │         │         │          ▲ │  ▲      │ retry              │                    ▲
 *     │         │         │          └─┘  └──────┘                    ▼                    │
 *     └─────────┴─────────┴──────────── (own answer) ───────────► REPLY ───────────────────┘
 *
 *   READ     identify.c  who calls; the body is peeked at while it comes in
 *   DECIDE   decide.c    route, estimate, authorize (Cedar)
 *   INTENT   decide.c    the decision becomes durable
 *   CONNECT  forward.c   a connection to the deployment's upstream
 *   AWAIT    forward.c   the request is sent, the answer's head is awaited
 *   RELAY    relay.c     bytes to the client, a copy to the usage reader
 *   SETTLE   settle.c    usage, cost; the record becomes durable
 *   FINISH   relay.c     the last bytes leave
 *   REPLY    reply.c     an answer of the gateway's own
 *
 * Owns:    its arena, queues and references; both streams while it has them.
 *          Freed at the end of the turn in which it is DONE.
 * Threads: its worker's.
 * Limits:  arena 256 KiB; body snapshot->body_bytes; held bytes RELAY_HELD_BYTES.
 */
#ifndef GATEWAY_PROXY_REQUEST_H
#define GATEWAY_PROXY_REQUEST_H

#include "base/log.h"
#include "gateway/http/stream.h"
#include "gateway/proxy/hold.h"
#include "gateway/proxy/peek.h"
#include "gateway/proxy/snapshot.h"
#include "gateway/route/pool.h"
#include "metering/journal/record.h"
#include "metering/money/cost.h"
#include "metering/usage/extract.h"
#include "metering/usage/rows.h"
#include "metering/usage/sse_gate.h"

#define REQUEST_ID_LEN	 26
#define RELAY_HELD_BYTES (256U << 10)

struct worker;
struct pool_set;

enum request_state {
	REQ_READ,
	REQ_DECIDE,
	REQ_INTENT,
	REQ_CONNECT,
	REQ_AWAIT,
	REQ_RELAY,
	REQ_SETTLE,
	REQ_FINISH,
	REQ_REPLY,
	REQ_DONE,
	REQ_STATE_COUNT,
};

/* How the exchange with the upstream ended, as records say it. */
enum outcome {
	OUTCOME_COMPLETE,
	OUTCOME_ABORTED,	/* the client left */
	OUTCOME_UPSTREAM_ERROR, /* the upstream failed, or never answered */
	OUTCOME_RECOVERED,	/* the gateway died; settled at the next start */
};

/* The gateway's own answer: kept until it may be sent. */
struct answer {
	enum err err;		/* status and class */
	unsigned status;	/* 0: that of err */
	unsigned retry_after_s; /* 0: the class's own */
	struct str code;	/* machine-readable, as the dialect spells it */
	struct str message;	/* for people */
	struct str policy;	/* id of the policy that decided; unset: none */
};

/* What travels to the upstream. */
struct attempt {
	struct peek_edit edits[PEEK_EDITS];
	size_t edit_count;
	uint64_t body_len; /* after the edits */
	uint64_t sent;	   /* of it */
	unsigned number;   /* from 1 */
	bool is_sent_whole;
};

/* What comes back. */
struct relay {
	struct head_out head; /* for the client; fields live in the arena */
	struct field *fields; /* these; with room for what is known at the settle */
	struct queue held;    /* waits for the settle record */
	struct sse_gate gate;
	char sent_end[2];  /* the last bytes that the client was sent; zero before the first */
	uint64_t received; /* body bytes from the upstream */
	uint64_t drained;  /* of these after the client had left */
	int64_t drain_until_ns;
	bool has_head;
	bool is_head_sent;
	bool is_events;	  /* text/event-stream */
	bool is_gated;	  /* a stream, of events or of lines: the gate says what may leave */
	bool is_searched; /* an error: held whole and searched for our credential */
	bool is_outrun;	  /* stopped: it wrote more than was held for it */
	bool is_ended;	  /* the upstream's message is complete */
};

struct request {
	enum request_state state;
	bool is_running; /* request_run is on the stack */
	struct worker *worker;
	struct snapshot *snap;
	struct pool_set *pools; /* a reference */
	struct stream *down;	/* NULL once the client is gone or answered */
	struct stream *up;	/* NULL without an exchange */
	struct log log;
	struct arena arena;
	struct request *prev, *next; /* worker's list */

	/* know */
	struct record_key key;
	char id[REQUEST_ID_LEN + 1];
	char traceparent[56];
	int64_t started_ns; /* wall */
	int64_t started_mono_ns;
	struct str client_ip; /* the conn's: good until the client is gone */
	struct head *head;    /* arena */
	struct operation_match match;
	enum family family;
	enum dialect dialect;
	const struct principal *principal; /* a reference */
	struct queue body;
	uint64_t body_len;
	bool is_body_ended;

	/* decide */
	const struct model *model; /* snapshot; held by snap */
	struct policy_decision decision;
	struct str misfit;	/* how the question did not fit the schema; unset: it did */
	int64_t input_estimate; /* tokens */
	int64_t output_bound;	/* tokens; 0 unknown */
	int64_t row_count;	/* rows or characters, for dialects that count by them */
	int64_t bound_output;	/* tokens of all answers; 0: no such thing */
	struct str bound_currency, cost_currency; /* empty: no price */
	int64_t bound_tokens, bound_pico;	  /* what it may take and cost at most */
	unsigned hold_count;
	struct hold *holds; /* arena; in budgets, until the settle */

	/* move */
	struct pool_ticket ticket;
	struct attempt attempt;
	struct relay relay;
	struct loop_timer timer; /* first byte, drain */
	struct loop_post flush;	 /* an answer's head must not wait for its body */

	/* remember */
	unsigned upstream_status; /* 0: none came */
	enum outcome outcome;
	bool has_intent; /* durable or on its way: a settle is owed */
	bool is_settled;
	int64_t cost_pico; /* as settled */
	uint64_t position; /* in the journal; waited for */
	bool is_waiting;   /* in the worker's durable line */
	struct request *next_waiting;
	struct answer answer;
	bool has_answer;

	/* Set up by their own init before use, so never zeroed: `large` marks where they begin. */
	char large;
	struct peek peek;
	struct rows rows;
	struct extract extract;
	struct cost floor; /* what it surely costs, should nothing more be heard of it */
};

/* A request came on a session. */
void request_start(struct worker *worker, struct stream *stream, const struct head *head);
/* Takes steps until it must wait. Every event handler ends in this. */
void request_run(struct request *req);
/* The only writer of state. */
void request_enter(struct request *req, enum request_state state);
/* Ends in an answer of our own, or, when bytes of another answer have left, visibly broken. */
void request_fail(struct request *req, const struct answer *answer);
/* The client left: what is owed upstream and in the journal goes on. */
void request_client_gone(struct request *req);
/* The upstream exchange, if any, is broken off. */
void request_drop_upstream(struct request *req);

/* Steps; see the picture. */
enum step identify_head(struct request *req);
enum step decide_run(struct request *req);
enum step decide_run_intent(struct request *req);
enum step forward_run_connect(struct request *req);
enum step forward_run_await(struct request *req);
enum step relay_run(struct request *req);
enum step relay_run_finish(struct request *req);
enum step settle_run(struct request *req);
enum step reply_run(struct request *req);

#endif
