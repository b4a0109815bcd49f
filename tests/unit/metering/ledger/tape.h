/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tape of made-up journal records and a plain model of what the ledger has to
 * make of them: the oracle of the ledger's tests. The same seed gives the same
 * tape.
 *
 * Owns:    its payloads and the model's sums.
 * Threads: `durable` may be moved by any; the rest is fixed once the tape plays.
 * Limits:  what fits in memory.
 */
#ifndef TESTS_UNIT_METERING_LEDGER_TAPE_H
#define TESTS_UNIT_METERING_LEDGER_TAPE_H

#include <stdatomic.h>

#include "base/arena.h"
#include "base/map.h"
#include "metering/ledger/source.h"
#include "metering/ledger/store.h"

#define TAPE_EPOCH 7

struct tape {
	struct str *payloads; /* unset text: not a settle record */
	size_t count;
	_Atomic size_t durable; /* records a cursor may see */
	_Atomic size_t fail_at; /* reading this index fails once; 0 never */
	struct arena arena;
	struct map model; /* row key -> struct ledger_amount */
	uint64_t seed;
};

void tape_init(struct tape *tape, size_t count, uint64_t seed);
void tape_fini(struct tape *tape);
struct ledger_source tape_source(struct tape *tape);

/* How many stored rows differ from the model, or are missing; 0 is what tests want. One line is
 * printed for each of the first ten. gateway unset: any. */
size_t tape_compare(struct tape *tape, const struct ledger_ops *ops, void *store,
		    struct str gateway);

uint64_t tape_random(uint64_t *seed);

/* A fresh folder below /tmp, and its removal with the files in it. */
void tape_folder(char out[static 64]);
void tape_remove(const char *folder);

#endif
