/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keys.yaml as text that is changed in place: an entry is appended, or one is
 * marked revoked; every other byte, comments included, stays. Understands only
 * the plain form that `tollgate key` itself writes (one list "keys", one line per
 * field) and refuses to touch anything else. What the gateway reads is
 * gateway/config's affair.
 *
 *   keys:
 *     - id: k_3f9a2c71d0e4
 *       name: ci
 *       roles: [analyst]
 *
 * Owns:    its text; entries are views into it, dead after a change.
 * Threads: one.
 * Limits:  4 MiB, 100,000 entries.
 */
#ifndef GATEWAY_CLI_KEYFILE_H
#define GATEWAY_CLI_KEYFILE_H

#include "base/buf.h"
#include "base/err.h"

#define KEYFILE_BYTES	(4U * 1024U * 1024U)
#define KEYFILE_ENTRIES 100000

/* Values as written, without quotes; unset when the field is not there. */
struct keyfile_entry {
	struct str id;
	struct str revoked;
	size_t end;    /* offset behind its last field's line */
	size_t indent; /* of its fields */
	unsigned line;
};

struct keyfile;

/* A file that is not there is an empty one. */
MUST_CHECK enum err keyfile_load(const char *path, struct diag *diag, struct keyfile **out);
void keyfile_free(struct keyfile *file);

/* All of it, as it would be saved; dead after a change. */
struct str keyfile_text(const struct keyfile *file);
/* NULL: no such id. */
const struct keyfile_entry *keyfile_find(const struct keyfile *file, struct str id);

/* fields: complete lines "name: value\n", the id first, without indentation. */
MUST_CHECK enum err keyfile_append(struct keyfile *file, struct str fields, struct diag *diag);
/* ERR_NOT_FOUND: no such id; ERR_CONFLICT: it is revoked already. */
MUST_CHECK enum err keyfile_revoke(struct keyfile *file, struct str id, struct diag *diag);
/* Beside it, fsync, rename, so that a reader sees the old file or the new one. A new file gets mode
 * 0600, an old one keeps its mode. */
MUST_CHECK enum err keyfile_save(const struct keyfile *file, struct diag *diag);

#endif
