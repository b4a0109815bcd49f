/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who owns a state folder and which boot this is: a lock that lives as long as
 * its descriptor, and a counter that is durable before it is used.
 *
 * Owns:    the lock's descriptor.
 * Threads: one user at a time.
 * Limits:  epochs 1 to 2^32 - 1.
 */
#ifndef METERING_JOURNAL_EPOCH_H
#define METERING_JOURNAL_EPOCH_H

#include "metering/journal/file.h"

/* ERR_CONFLICT when another process holds it. */
MUST_CHECK enum err epoch_lock(struct files files, const char *state, struct diag *diag,
			       int *out_fd);
void epoch_unlock(struct files files, int fd);
/* One more than the stored one and than `at_least`; stored durably. ERR_DAMAGED: not a number. */
MUST_CHECK enum err epoch_advance(struct files files, const char *state, uint32_t at_least,
				  struct diag *diag, uint32_t *out);

#endif
