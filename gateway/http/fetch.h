/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small GET for control-plane documents (JWKS), or a POST of one: one request, no
 * redirects, no cookies, hard caps. For the main thread's loop.
 *
 * Owns:    itself, until on_done was called or fetch_cancel.
 * Threads: its loop's; the name is resolved by a blocking look-up at start, so
 *          only the main thread may call it.
 * Limits:  max_bytes of body, timeout_ms for everything; FETCH_FIELDS fields of
 *          FETCH_FIELD_BYTES in all.
 */
#ifndef GATEWAY_HTTP_FETCH_H
#define GATEWAY_HTTP_FETCH_H

#include "base/loop.h"
#include "base/str.h"
#include "gateway/http/message.h"
#include "gateway/net/conn.h"

struct fetch;

#define FETCH_FIELDS	  4
#define FETCH_FIELD_BYTES 512 /* of all values */

struct fetch_options {
	struct str url;	    /* https://host[:port]/path; http:// only when allow_plain */
	struct str ca_file; /* unset: system store */
	bool allow_plain;
	size_t max_bytes;
	int64_t timeout_ms;
	/* POST; unset: GET. Kept by the caller until on_done. */
	struct str body; /* JSON */
	/* Copied; at most FETCH_FIELDS. */
	const struct field *fields;
	size_t field_count;
};

/* status is 0 when err is not OK; body dies on return. */
typedef void (*fetch_done_fn)(void *arg, enum err err, unsigned status, struct str body);

MUST_CHECK enum err fetch_start(const struct conn_env *env, const struct fetch_options *options,
				struct diag *diag, fetch_done_fn on_done, void *arg,
				struct fetch **out);
void fetch_cancel(struct fetch *fetch);

#endif
