/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "Did you mean": the nearest of the words that would have been right.
 *
 * Owns:    nothing; best is one of the words it was shown.
 * Threads: any; pure.
 * Limits:  words within two edits, and nearer than their own length.
 */
#ifndef BASE_SUGGEST_H
#define BASE_SUGGEST_H

#include "base/str.h"

#define SUGGEST_DISTANCE 2

struct suggest {
	struct str word; /* as it was written */
	struct str best; /* unset: nothing is near */
	unsigned distance;
};

void suggest_try(struct suggest *suggest, struct str candidate);

#endif
