/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One end of a conn under test: writes down every event, and a loop that runs
 * until what the test waits for has happened.
 *
 * Owns:    what it received. The conn frees itself.
 * Threads: one.
 * Limits:  a wait that lasts 10 s fails the test.
 */
#ifndef TESTS_UNIT_GATEWAY_NET_SIDE_H
#define TESTS_UNIT_GATEWAY_NET_SIDE_H

#include "base/buf.h"
#include "gateway/net/conn.h"

struct rig {
	struct loop *loop;
	struct conn_env env;
	struct log log;
	struct loop_timer poll;
	unsigned polls;
	bool (*is_over)(void *arg);
	void *arg;
};

struct side {
	struct rig *rig;
	struct conn *conn; /* NULL once closed */
	struct buf received;
	unsigned opens, reads, eofs, drains, closes;
	enum err why;
	bool closes_on_read; /* answers "bye" and closes */
	bool pauses_on_read;
	bool echoes;
	bool in_call; /* an event now would come from inside a conn_ function */
};

extern const struct conn_events side_events;
extern const struct conn_options side_options;

void rig_init(struct rig *rig);
void rig_fini(struct rig *rig);
/* False when time ran out. */
bool rig_run(struct rig *rig, bool (*is_over)(void *arg), void *arg);
/* A fixed number of polls of 1 ms: to see that nothing happens. */
void rig_idle(struct rig *rig, unsigned ms);

void side_init(struct side *side, struct rig *rig);
void side_fini(struct side *side);
enum err side_write(struct side *side, struct str s);

/* Connected TCP over loopback: out[0] non-blocking, for a conn, out[1] blocking. */
void tcp_pair(int out[2]);

bool side_is_open(void *arg);
bool side_is_closed(void *arg);
bool side_has_eof(void *arg);
bool side_has_read(void *arg);
bool side_has_drained(void *arg);

#endif
