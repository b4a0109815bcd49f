/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Another content for a file, all or nothing: written beside it, synced, and
 * renamed over it. Mode and owner stay; a link goes on naming the file.
 *
 * Owns:    nothing; FILE.new while it works.
 * Threads: main: it waits for the disk.
 * Limits:  none.
 */
#ifndef GATEWAY_CLI_REPLACE_H
#define GATEWAY_CLI_REPLACE_H

#include "base/str.h"

/* ERR_IO with a diag; the old content is then still there. A file that was not there gets 0600. */
MUST_CHECK enum err replace_file(const char *path, struct str text, struct diag *diag);

#endif
