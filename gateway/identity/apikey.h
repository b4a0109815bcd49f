/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The API keys of keys.yaml in memory. A key is "tg_" and 43 characters
 * base64url of 256 random bits; only its SHA-256 is ever stored, here or on
 * disk. The presented key is hashed, the digest looked up, and the digest found
 * compared without timing, so nothing about a stored key can be measured.
 *
 * Owns:    one principal per key that may still be used. Rows are borrowed for
 *          apikey_store_new only.
 * Threads: immutable and refcounted; any.
 * Limits:  100,000 keys.
 */
#ifndef GATEWAY_IDENTITY_APIKEY_H
#define GATEWAY_IDENTITY_APIKEY_H

#include "gateway/identity/principal.h"

#define APIKEY_PREFIX	"tg_"
#define APIKEY_LEN	46 /* prefix and 43 characters */
#define APIKEY_MAX_ROWS 100000

/* One entry of keys.yaml as read; line and column are where it begins. */
struct apikey_row {
	struct str id;	   /* unique in the file; shown in records and by `key list` */
	struct str name;   /* the principal's id; several keys may share it (rotation) */
	struct str sha256; /* 64 hexadecimal digits */
	enum principal_kind kind;
	struct str bu;
	struct str team;
	struct str project;
	struct str_list roles;
	struct str_list groups;
	struct str_list scopes;
	const struct attribute *attributes;
	size_t attribute_count;
	int64_t expires_ns; /* wall clock; 0: never */
	bool is_revoked;
	unsigned line;
	unsigned column;
};

struct apikey_store;

/* file names the source in diag. ops may be NULL. Refuses a missing or repeated id, a missing
 * name, a bad or repeated digest. The store comes with one reference. */
MUST_CHECK enum err apikey_store_new(const struct apikey_row *rows, size_t count, const char *file,
				     const struct principal_ops *ops, struct diag *diag,
				     struct apikey_store **out);
struct apikey_store *apikey_store_ref(struct apikey_store *store);
void apikey_store_unref(struct apikey_store *store);
size_t apikey_store_count(const struct apikey_store *store);
/* Of the row at that place, revoked or not. */
const struct principal *apikey_store_at(const struct apikey_store *store, size_t index);

enum apikey_state {
	APIKEY_VALID,
	APIKEY_UNKNOWN, /* also for text that is no key at all */
	APIKEY_REVOKED,
	APIKEY_EXPIRED,
};

/* Whether the text has the shape of an API key, right or wrong: it is then never taken for a JWT.
 */
bool apikey_is_shaped(struct str text);
/* On APIKEY_VALID *out is borrowed from the store; otherwise untouched. */
enum apikey_state apikey_store_find(const struct apikey_store *store, struct str key,
				    int64_t wall_ns, const struct principal **out);

/* A new key: text for the user (NUL-terminated; wipe it after showing) and its digest in hex. */
void apikey_generate(char out_key[static APIKEY_LEN + 1], char out_sha256[static 65]);

#endif
