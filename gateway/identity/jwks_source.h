/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeps one issuer's key set fresh from a file or an https URL: reads it at
 * start, again every `refresh`, and once more (with back-off, one at a time) when
 * a token names a kid that is not there. A failing refresh keeps the old set,
 * for max_stale at most; then the set is withdrawn.
 *
 *   idle --due / unknown kid--> fetching --ok--> idle(refresh)
 *                                  `--failed--> idle(back-off 1 s, doubling to 5 min)
 *
 * Owns:    its timer and fetch, and one reference to the current set. Option
 *          texts are copied.
 * Threads: the main thread's loop; nothing else may call it.
 * Limits:  document JWKS_BYTES, 10 s per fetch; an unknown kid causes at most one
 *          fetch per min_interval.
 */
#ifndef GATEWAY_IDENTITY_JWKS_SOURCE_H
#define GATEWAY_IDENTITY_JWKS_SOURCE_H

#include "base/log.h"
#include "gateway/identity/jwks.h"
#include "gateway/net/conn.h"

struct jwks_source;

struct jwks_source_options {
	size_t issuer;	 /* index handed to on_keys */
	struct str file; /* exactly one of file and url is set */
	struct str url;
	struct str ca_file;	 /* unset: system store */
	bool allow_plain;	 /* http:// too, for tests on the loopback */
	uint32_t algorithms;	 /* JWS_ALG_BIT set */
	int64_t refresh_ms;	 /* 0: 1 h */
	int64_t min_interval_ms; /* 0: 30 s */
	int64_t max_stale_ms;	 /* 0: 24 h */
	/* Of the initial set, by the loop's monotonic clock: when it was read. 0: just now. */
	int64_t succeeded_ns;
};

/* keys is borrowed for the call, NULL when the old set became too old; only called when the set
 * is another than before. */
typedef void (*jwks_keys_fn)(void *arg, size_t issuer, struct jwks *keys);

/* initial (may be NULL) is the set that config has loaded already; without one the first read
 * begins at once, and on_keys may be called before this returns (file). env and log are borrowed.
 */
MUST_CHECK enum err jwks_source_new(const struct conn_env *env, const struct log *log,
				    const struct jwks_source_options *options, struct jwks *initial,
				    jwks_keys_fn on_keys, void *arg, struct jwks_source **out);
void jwks_source_free(struct jwks_source *source);
/* Reads anew now, unless it does so already. */
void jwks_source_refresh(struct jwks_source *source);
/* A token named a kid that is not in the set. */
void jwks_source_want(struct jwks_source *source);

struct jwks_source_stat {
	uint64_t fetches;
	uint64_t failures;
	int64_t last_success_ns; /* wall clock; 0: never */
	int64_t succeeded_ns;	 /* the same by the loop's monotonic clock */
};

struct jwks_source_stat jwks_source_read_stat(const struct jwks_source *source);

#endif
