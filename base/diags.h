/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything that is wrong with what was loaded, not only the first of it: a
 * list of diags that a loader fills while it goes on, and its caller prints.
 *
 * Owns:    its copies of the diags.
 * Threads: one user at a time.
 * Limits:  `max` at init are kept; all are counted.
 */
#ifndef BASE_DIAGS_H
#define BASE_DIAGS_H

#include "base/err.h"

struct diags {
	size_t count; /* kept, in the order of their coming */
	size_t max;
	size_t total; /* also of those not kept */
	enum err err; /* of the first; OK while there is none */
	struct diag *items;
};

void diags_init(struct diags *diags, size_t max);
void diags_fini(struct diags *diags);
/* A copy, with `err` as its kind; returns err. diags may be NULL. */
enum err diags_add(struct diags *diags, enum err err, const struct diag *diag);
/* The first into *out (untouched when there is none); returns diags->err. */
enum err diags_first(const struct diags *diags, struct diag *out);

#endif
