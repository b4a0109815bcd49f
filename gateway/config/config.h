/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files to options: reads tollgate.yaml and every file it names, checks them as
 * a whole, and hands out one set of option structs, those that the modules
 * themselves declare. All or nothing: each fault says file, line, column, what
 * is wrong and what to do.
 *
 * Owns:    everything it hands out, until config_free. Secrets from ${env:} and
 *          ${file:} are wiped then.
 * Threads: main only; it reads files.
 * Limits:  16 listeners, 64 patterns of policy files with 256 files each, 256 MiB a
 *          text file, 1 GiB in all, 100 faults, 32 warnings; YAML as in yaml.h, the rest by the
 *          modules that read it.
 */
#ifndef GATEWAY_CONFIG_CONFIG_H
#define GATEWAY_CONFIG_CONFIG_H

#include "gateway/http/h1_session.h"
#include "gateway/identity/jwks_source.h"
#include "gateway/net/tls.h"
#include "gateway/proxy/snapshot.h"
#include "gateway/proxy/webhook.h"
#include "metering/journal/journal.h"
#include "metering/ledger/ledger.h"

#define CONFIG_LISTENERS     16
#define CONFIG_WARNINGS	     32
#define CONFIG_WARNING_BYTES 480
#define CONFIG_FAULTS	     100 /* told; all are counted */

struct config_listener {
	struct str address;
	bool has_tls;
	struct tls_server_options tls;
};

struct config {
	const char *file;
	struct str gateway_id;
	const char *state; /* folder */
	unsigned workers;  /* 0: one per core */
	int64_t drain_timeout_ms;
	enum level log_level;
	struct config_listener listeners[CONFIG_LISTENERS];
	size_t listener_count;
	struct str admin_address; /* unset: no admin listener */
	uint64_t connections;	  /* of clients, per worker */
	size_t token_cache;
	struct session_options session;
	struct snapshot_options snapshot; /* generation is the caller's to set */
	/* One per issuer that has a key source, in the order of snapshot.issuers. */
	const struct jwks_source_options *key_sources;
	size_t key_source_count;
	struct journal_options journal; /* on_open is the caller's to set */
	struct ledger_options ledger;
	struct webhook_options webhook; /* of budget alerts */
	struct str hash;		/* SHA-256 over all files read, hex */
	/* What loads and is hardly meant; one line each. */
	char warnings[CONFIG_WARNINGS][CONFIG_WARNING_BYTES];
	size_t warning_count;
};

/* Relative paths are taken from the folder of the file that names them. All faults of all files
 * go to `all`. */
MUST_CHECK enum err config_load_all(const char *file, struct diags *all, struct config **out);
/* The same with the first fault alone. */
MUST_CHECK enum err config_load(const char *file, struct diag *diag, struct config **out);
void config_free(struct config *config);
/* The snapshot of it, as serve takes it; what is wrong is said with its place in the file. What
 * the check of the policies warns of is added to the warnings. */
MUST_CHECK enum err config_snapshot_all(struct config *config, uint64_t generation,
					struct diags *all, struct snapshot **out);
MUST_CHECK enum err config_snapshot(struct config *config, uint64_t generation, struct diag *diag,
				    struct snapshot **out);
/* What serve opens beside the snapshot and check can try without serving: certificates and keys
 * of the listeners. */
MUST_CHECK enum err config_check_listeners(const struct config *config, struct diags *all);
/* The options that a reload from `old` to `new` leaves as they were until the next start, as
 * "gateway.workers, limits.head"; empty when there are none. */
MUST_CHECK enum err config_restart_options(const struct config *old, const struct config *new,
					   struct buf *out);

#endif
