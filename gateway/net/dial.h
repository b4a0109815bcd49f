/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starts connections to addresses that are known: names are resolved on the
 * main thread when the configuration is loaded, never on a worker.
 *
 * Owns:    nothing; the conn belongs to the caller.
 * Threads: dial_conn on a loop's thread; dial_resolve blocks: main only.
 * Limits:  8 addresses per name.
 */
#ifndef GATEWAY_NET_DIAL_H
#define GATEWAY_NET_DIAL_H

#include <sys/socket.h>

#include "gateway/net/conn.h"

#define DIAL_ADDRESSES 8

struct dial_address {
	struct sockaddr_storage addr;
	socklen_t len;
};

/* Blocking look-up of host (name or literal) and port. */
MUST_CHECK enum err dial_resolve(struct str host, uint16_t port, struct diag *diag,
				 struct dial_address out[static DIAL_ADDRESSES], size_t *out_count);
/* Non-blocking connect; on_open or on_close(why) follows, never from inside this call. Takes tls.
 */
struct conn *dial_conn(const struct conn_env *env, const struct dial_address *address,
		       struct tls *tls, const struct conn_options *options,
		       const struct conn_events *events, void *arg);

#endif
