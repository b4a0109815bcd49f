/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The operators' listener, on the main thread: GET /healthz /readyz /metrics,
 * POST /admin/reload. It knows no caller and no model; bind it where operators
 * are.
 *
 * Owns:    its listener and sessions.
 * Threads: main.
 * Limits:  64 connections; request bodies are refused past 64 KiB.
 */
#ifndef GATEWAY_ADMIN_ADMIN_H
#define GATEWAY_ADMIN_ADMIN_H

#include "base/buf.h"
#include "base/diags.h"
#include "gateway/net/conn.h"

struct admin;

/* What the program answers; filled by main. */
struct admin_ops {
	/* True: new calls can be served. */
	bool (*is_ready)(void *arg);
	MUST_CHECK enum err (*write_metrics)(void *arg, struct buf *out);
	/* Takes the configuration anew; on refusal `all` says why and the old one stays. */
	MUST_CHECK enum err (*reload)(void *arg, struct diags *all);
};

/* fd is a bound listener and is taken. */
struct admin *admin_new(const struct conn_env *env, int fd, const struct admin_ops *ops, void *arg);
/* Closes; the memory goes in the turn in which its last session is closed. */
void admin_free(struct admin *admin);

#endif
