/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The operators' listener, on the main thread: GET /healthz /readyz /metrics,
 * POST /admin/reload, and the AuthZEN endpoints (authzen.h). It asks for no
 * credential; bind it where operators and the services that may ask are.
 *
 * Owns:    its listener and sessions.
 * Threads: main.
 * Limits:  64 connections; request bodies are refused past 256 KiB.
 */
#ifndef GATEWAY_ADMIN_ADMIN_H
#define GATEWAY_ADMIN_ADMIN_H

#include "base/buf.h"
#include "base/diags.h"
#include "gateway/net/conn.h"

struct admin;
struct authzen_stats;
struct snapshot;

/* What the program answers; filled by main. */
struct admin_ops {
	/* True: new calls can be served. */
	bool (*is_ready)(void *arg);
	MUST_CHECK enum err (*write_metrics)(void *arg, struct buf *out);
	/* The one in force; borrowed until the call's end. */
	const struct snapshot *(*snapshot)(void *arg);
	/* Takes the configuration anew; on refusal `all` says why and the old one stays. */
	MUST_CHECK enum err (*reload)(void *arg, struct diags *all);
};

/* Questions put to it. */
const struct authzen_stats *admin_authzen_stats(const struct admin *admin);
/* fd is a bound listener and is taken. */
struct admin *admin_new(const struct conn_env *env, int fd, const struct admin_ops *ops, void *arg);
/* Closes; the memory goes in the turn in which its last session is closed. */
void admin_free(struct admin *admin);

#endif
