/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Accepts on one address for one worker (SO_REUSEPORT) and hands out raw
 * descriptors. When descriptors run out it stops accepting and tries again
 * after a pause: the accept loop never spins.
 *
 * Owns:    its socket.
 * Threads: its loop's. listener_bind may run in main before the workers start.
 * Limits:  16 accepts per readiness event; backlog 4096.
 */
#ifndef GATEWAY_NET_LISTENER_H
#define GATEWAY_NET_LISTENER_H

#include <sys/socket.h>

#include "base/loop.h"
#include "base/str.h"

struct listener;

/* fd is non-blocking and close-on-exec; the callee takes it. */
typedef void (*listener_accept_fn)(void *arg, int fd, const struct sockaddr_storage *remote);

/* "127.0.0.1:8080", "[::1]:8080", "0.0.0.0:0". */
MUST_CHECK enum err listener_bind(struct str address, struct diag *diag, int *out_fd);
/* The port that was bound (for address ":0"); one more socket may then be bound to the same. */
uint16_t listener_port(int fd);
/* Takes fd. */
struct listener *listener_new(struct loop *loop, int fd, listener_accept_fn on_accept, void *arg);
/* Stops accepting; nothing else. Safe on NULL. */
void listener_free(struct listener *listener);

#endif
