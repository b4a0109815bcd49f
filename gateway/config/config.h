/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files to options: reads tollgate.yaml and every file it names, checks them as
 * a whole, and hands out one set of option structs, those that the modules
 * themselves declare. All or nothing: the first error says file, line, column,
 * what is wrong and what to do.
 *
 * Owns:    everything it hands out, until config_free. Secrets from ${env:} and
 *          ${file:} are wiped then.
 * Threads: main only; it reads files.
 * Limits:  64 includes per list, 4 MiB per YAML file, 64 levels; text files by
 *          the limits of the modules that read them.
 */
#ifndef GATEWAY_CONFIG_CONFIG_H
#define GATEWAY_CONFIG_CONFIG_H

#include "gateway/http/h1_session.h"
#include "gateway/identity/jwks_source.h"
#include "gateway/net/tls.h"
#include "gateway/proxy/snapshot.h"
#include "metering/journal/journal.h"
#include "metering/ledger/ledger.h"

#define CONFIG_LISTENERS 16

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
	struct str hash; /* SHA-256 over all files read, hex */
};

/* Relative paths are taken from the folder of the file that names them. */
MUST_CHECK enum err config_load(const char *file, struct diag *diag, struct config **out);
void config_free(struct config *config);

#endif
