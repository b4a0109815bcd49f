/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An upstream: where a model is served, with what credential, and within which
 * bounds. Immutable once made; names are resolved when it is made.
 *
 * Owns:    copies of its options, its addresses and its TLS context; refcounted.
 * Threads: any (immutable).
 * Limits:  8 addresses; base path 512 bytes; credential 8 KiB.
 */
#ifndef GATEWAY_ROUTE_UPSTREAM_H
#define GATEWAY_ROUTE_UPSTREAM_H

#include "gateway/http/message.h"
#include "gateway/net/dial.h"

struct upstream;
struct tls;

struct upstream_options {
	struct str name;
	struct str url; /* http[s]://host[:port][/base] */
	struct str provider;
	struct str credential_header; /* lower case; unset: none is sent */
	struct str credential_value;  /* secret */
	struct str ca_file;	      /* https only; unset: the system's store */
	uint64_t connections;	      /* per worker */
	uint64_t waiting;	      /* requests in line per worker when all are busy */
	uint64_t retries;	      /* further attempts while no byte was answered */
	int64_t connect_timeout_ms;
	int64_t first_byte_timeout_ms;
	int64_t idle_timeout_ms;      /* between two body reads of one answer */
	int64_t keepalive_timeout_ms; /* an unused connection */
	unsigned line, column;	      /* where it stands in its file; 0: nowhere */
};

/* Resolves the name: blocks, main thread only. */
MUST_CHECK enum err upstream_new(const struct upstream_options *options, struct diag *diag,
				 struct upstream **out);
struct upstream *upstream_ref(struct upstream *upstream);
void upstream_unref(struct upstream *upstream);

const struct upstream_options *upstream_options(const struct upstream *upstream);
/* The value of the Host field: host, with the port when it is not the scheme's own. */
struct str upstream_host(const struct upstream *upstream);
/* Path in front of every target, without a slash at its end; may be empty. */
struct str upstream_base(const struct upstream *upstream);
/* The credential as a field, or NULL. */
const struct field *upstream_credential(const struct upstream *upstream);
/* Address number `turn` modulo their count. */
const struct dial_address *upstream_address(const struct upstream *upstream, unsigned turn);
/* NULL for plain http. */
struct tls *upstream_new_tls(const struct upstream *upstream);

#endif
