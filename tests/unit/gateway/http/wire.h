/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A loop with a conn_env for tests, and the raw other end of a connection in
 * the same loop: it sends what it is told and gathers what it gets.
 *
 * Owns:    loop, pool, buffers and descriptors of struct wire.
 * Threads: one.
 * Limits:  wire_until gives up after 5 seconds.
 */
#ifndef TESTS_UNIT_GATEWAY_HTTP_WIRE_H
#define TESTS_UNIT_GATEWAY_HTTP_WIRE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "gateway/net/conn.h"

#define WIRE_PATIENCE_MS 5000

struct wire {
	struct loop *loop;
	struct conn_env env;
	struct log log;
	struct loop_timer tick;
	bool (*is_done)(void *arg);
	void *arg;
	unsigned ticks;
	bool is_over;

	int listen_fd;
	int fd; /* the raw end */
	struct loop_io io;
	struct buf got;
	bool is_deaf; /* does not read */
	bool has_eof;
	bool has_reset;
};

void wire_init(struct wire *wire);
/* Takes fd as the raw end. */
void wire_attach(struct wire *wire, int fd);
void wire_listen(struct wire *wire, struct sockaddr_in *out);
/* A connected pair: the raw end is attached, the other returned. */
int wire_connect(struct wire *wire);
void wire_send(struct wire *wire, struct str s);
/* Runs the loop until is_done; fails the test when it never is. */
void wire_until(struct wire *wire, bool (*is_done)(void *arg), void *arg);
/* Lets some milliseconds of events go by, for what should not happen. */
void wire_idle(struct wire *wire, unsigned ms);
bool wire_got(const struct wire *wire, struct str s);
/* Like a process that dies with unread bytes. */
void wire_reset(struct wire *wire);
void wire_fini(struct wire *wire);
/* Runs the loop until s was got. */
void wire_expect(struct wire *wire, struct str s);

#endif
