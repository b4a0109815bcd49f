/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The immutable configuration of one moment: who may call, what may be called,
 * by which rules, at which price. Workers and requests hold references; a
 * reload makes a new one and the old one goes when its last request ends.
 *
 * Owns:    everything it points to. snapshot_new borrows its options for the
 *          call and copies what it keeps.
 * Threads: any; immutable save for the reference count.
 * Limits:  those of its parts.
 */
#ifndef GATEWAY_PROXY_SNAPSHOT_H
#define GATEWAY_PROXY_SNAPSHOT_H

#include "gateway/identity/authenticator.h"
#include "gateway/proxy/budget_table.h"
#include "gateway/proxy/catalog.h"
#include "gateway/proxy/rulebook.h"
#include "gateway/route/model.h"
#include "metering/money/price.h"

struct snapshot_options {
	struct str gateway_id;
	uint64_t generation;	   /* larger than that of the snapshot before */
	uint64_t body_bytes;	   /* of a request */
	bool ignore_forbid_errors; /* policy.on_forbid_error: skip */
	bool allow_unpriced;	   /* prices.unpriced: allow */
	int64_t utc_offset_ms;	   /* wall clock of the business, as policies see it */
	const struct upstream_options *upstreams;
	size_t upstream_count;
	const struct model_options *models;
	size_t model_count;
	const struct policy_source *policies;
	size_t policy_count;
	unsigned policy_level;	       /* how far policies may look; 0: as far as they like */
	struct policy_source schema;   /* required */
	struct policy_source entities; /* text unset: none */
	struct diags *warnings;	       /* what the policies' check is not sure of; may be NULL */
	const struct apikey_row *keys;
	size_t key_count;
	const char *keys_file;
	const struct issuer *issuers; /* .keys NULL: fetched later */
	size_t issuer_count;
	const struct price_row *prices;
	size_t price_count;
	const char *prices_file;
	const struct budget_options *budgets;
	size_t budget_count;
	const char *budgets_file;
	bool budget_headers; /* callers are told what a call cost and what is left */
	const struct budget_table *budgets_before; /* whose accounts go on; NULL: none */
	struct str config_hash;			   /* hex; of all files read */
};

struct snapshot {
	_Atomic unsigned refs;
	uint64_t generation; /* of the authenticator's keys; grows with each change */
	struct arena arena;
	struct str gateway_id;
	struct str source; /* "tollgate/<id>", for records */
	struct str source_json;
	struct str hashes; /* "policy_hash":…,"config_hash":… as records say it */
	struct str config_hash;
	uint64_t body_bytes;
	int64_t utc_offset_ms;
	bool allow_unpriced;
	bool budget_headers;
	struct policy_options policy_options;
	struct snapshot_rules *rules; /* refcounted: shared by snapshots that differ in keys only */
	struct authenticator *auth;
};

/* The part that an issuer's new keys do not change. */
struct snapshot_rules {
	_Atomic unsigned refs;
	struct upstream **upstreams;
	size_t upstream_count;
	struct model_table *models;
	struct policy_set *policies;
	struct schema *schema;
	struct catalog *catalog;
	struct price_book *prices;
	struct budget_table *budgets;
};

/* The part of the options that needs nothing else to be checked. */
struct rulebook_options snapshot_rulebook_options(const struct snapshot_options *options);
/* Resolves names and reads certificates: blocks, main thread only. All or nothing; diags has all
 * that was found wrong. */
MUST_CHECK enum err snapshot_new(const struct snapshot_options *options, struct diags *diags,
				 struct snapshot **out);
/* The same with other keys for one issuer (NULL: none any more). */
struct snapshot *snapshot_with_keys(const struct snapshot *snapshot, size_t issuer,
				    struct jwks *keys);
struct snapshot *snapshot_ref(struct snapshot *snapshot);
void snapshot_unref(struct snapshot *snapshot);

#endif
