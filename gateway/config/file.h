/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole small files into memory, and lists of files by pattern.
 *
 * Owns:    nothing; contents live in the caller's arena, NUL behind.
 * Threads: main: it blocks on the disk.
 * Limits:  max bytes by the caller; 256 files per pattern.
 */
#ifndef GATEWAY_CONFIG_FILE_H
#define GATEWAY_CONFIG_FILE_H

#include "base/arena.h"

#define CONFIG_FILE_MATCHES 256

/* ERR_NOT_FOUND or ERR_IO with a diag that names the file, when there is none that can be read. */
MUST_CHECK enum err config_file_check(const char *path, struct diag *diag);
/* ERR_NOT_FOUND, ERR_LIMIT or ERR_IO with a diag that names the file. */
MUST_CHECK enum err config_file_read(struct arena *arena, const char *path, size_t max,
				     struct diag *diag, struct str *out);
/* Paths of the files that match a shell pattern, sorted; ERR_NOT_FOUND when there is none. The
 * folder, which may be empty, is put in front as it is: no pattern. */
MUST_CHECK enum err config_file_match(struct arena *arena, struct str folder, struct str pattern,
				      struct diag *diag,
				      const char *out[static CONFIG_FILE_MATCHES],
				      size_t *out_count);

#endif
