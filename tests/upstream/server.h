/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HTTP/1.1 side of the model server: one epoll loop, keep-alive, pipelining,
 * and the byte faults of a call's script.
 *
 * Owns:    its listener and connections; borrows the bill.
 * Threads: one.
 * Limits:  requests of 64 MiB.
 */
#ifndef TESTS_UPSTREAM_SERVER_H
#define TESTS_UPSTREAM_SERVER_H

#include <stdio.h>

#include "tests/upstream/bill.h"

struct server;

struct server_options {
	const char *address;
	uint16_t port;
	struct bill *bill;
	FILE *calls; /* one line per ended call, or NULL */
	/* SIGUSR1 and every ending of the loop. */
	void (*on_save)(void *arg);
	void *arg;
};

/* NULL when the address cannot be bound; see errno. */
struct server *server_new(const struct server_options *options);
uint16_t server_port(const struct server *server);
/* Until SIGTERM or SIGINT. */
void server_run(struct server *server);
void server_free(struct server *server);

#endif
