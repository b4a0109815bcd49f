/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The options of tollgate.yaml as a table (options.def), and the one reader
 * that turns a map of the file into a struct by it: types, units, ranges,
 * defaults, unknown keys with a suggestion.
 *
 * Owns:    nothing; texts live in the reader's arena, secrets too.
 * Threads: main: `${file:}` reads files.
 * Limits:  those of each row; secrets as in secret.h.
 */
#ifndef GATEWAY_CONFIG_OPTIONS_H
#define GATEWAY_CONFIG_OPTIONS_H

#include "base/arena.h"
#include "base/diags.h"
#include "gateway/config/yaml.h"
#include "gateway/identity/bearer.h"
#include "gateway/route/model.h"

#define OPTION_RANGE_BYTES 64

enum option_section {
	OPTION_GATEWAY,
	OPTION_LISTENER,
	OPTION_ADMIN,
	OPTION_LIMITS,
	OPTION_IDENTITY,
	OPTION_ISSUER,
	OPTION_POLICY,
	OPTION_PRICES,
	OPTION_BUDGETS,
	OPTION_LEDGER,
	OPTION_JOURNAL,
	OPTION_UPSTREAM,
	OPTION_MODEL,
	OPTION_SECTIONS,
};

enum option_type {
	OPTION_STRING,
	OPTION_NAME, /* letters, digits, '-', '_', '.' */
	OPTION_PATH,
	OPTION_FILE, /* a path at which a file can be read now */
	OPTION_SECRET,
	OPTION_BOOL,
	OPTION_INTEGER,
	OPTION_BYTES,
	OPTION_DURATION,
	OPTION_ENUM,
	OPTION_WORD, /* an enum that is kept as text */
	OPTION_DATE,
	OPTION_STRINGS,
	OPTION_NODE, /* a map that somebody else reads */
	OPTION_NODES,
};

/* The sections that stand once. */
struct config_raw {
	struct str gateway_id, state, utc_offset, admin_address;
	uint64_t workers, connections, token_cache, body_bytes, head_bytes, journal_segment;
	uint64_t policy_level; /* 0: not checked */
	int64_t drain_timeout_ms, head_timeout_ms, body_timeout_ms, idle_timeout_ms, write_stall_ms;
	int64_t ledger_interval_ms, redis_timeout_ms, journal_keep_ms;
	unsigned log_level, on_forbid_error, unpriced, store, durability;
	struct str keys_file, schema_file, entities_file, prices_file, budgets_file;
	struct str webhook_url, webhook_secret, webhook_ca;
	bool webhook_allow_plain, budget_headers;
	struct str_list policy_files;
	const struct config_yaml *issuers;
	struct str redis_url, redis_user, redis_password, redis_socket;
};

struct config_raw_listener {
	struct str address, certificate, key, client_ca;
	bool is_client_required;
};

struct config_raw_issuer {
	struct str name, issuer, file, url, ca;
	struct str_list audience, algorithms;
	int64_t leeway_ms, refresh_ms;
	bool allow_plain;
	unsigned kind;
	struct claim_map claims;
	const struct config_yaml *attributes;
};

struct option_reader {
	struct arena *arena;
	const char *file;
	struct str text;
	struct str folder;  /* relative paths are taken from it */
	struct diag *diag;  /* the first fault; may be NULL */
	struct diags *all;  /* every fault; may be NULL */
	size_t fault_count; /* readers go on behind a fault */
};

/* Fills *target (the section's struct) from map; NULL or nothing: the defaults alone. */
MUST_CHECK enum err option_read(struct option_reader *reader, enum option_section section,
				const struct config_yaml *map, void *target);
/* Fails at a node of the reader's file. */
PRINTF_LIKE(4, 5)
enum err option_fail(struct option_reader *reader, enum err err, const struct config_yaml *node,
		     const char *fmt, ...);
/* The same without the line, which holds a secret. */
PRINTF_LIKE(4, 5)
enum err option_fail_secret(struct option_reader *reader, enum err err,
			    const struct config_yaml *node, const char *fmt, ...);
/* What another module found; returns err. */
enum err option_note(struct option_reader *reader, enum err err, const struct diag *diag);

/* The answer of two steps of which both are taken: the first fault. */
static inline enum err option_both(enum err first, enum err second)
{
	return first != OK ? first : second;
}

/* The folder that the relative paths of a file are taken from. */
struct str option_folder(struct arena *arena, struct str path);
/* A path as the file means it, NUL-terminated. */
struct str option_path(struct option_reader *reader, struct str path);

/* The table, row by row; NULL at the end. */
struct option_row {
	enum option_section section;
	const char *name;
	enum option_type type;
	size_t offset;
	size_t size; /* of the member */
	const char *fallback;
	int64_t min, max;
	bool is_reloadable;
	const char *sentence;
};

const struct option_row *option_at(size_t index);
const char *option_section_name(enum option_section section);
const char *option_type_name(enum option_type type);
/* The member that the row fills in its section's struct. */
void *option_member(const struct option_row *row, void *target);
/* "a|b|c" of an enum; empty for others. */
struct str option_words(const struct option_row *row);
/* What a value must lie in, with units: "1KiB .. 1GiB", "1 .. 64 entries"; "" when nothing. */
void option_range(const struct option_row *row, char out[static OPTION_RANGE_BYTES]);

#endif
