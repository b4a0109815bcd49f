/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who reads a live journal and what each still needs: the meeting point of the
 * journal's thread (says what is durable, deletes what nobody needs) and the
 * cursors of the same process.
 *
 * Owns:    nothing; embedded in the journal, borrowed by cursors.
 * Threads: any; all fields are atomic.
 * Limits:  READERS_MAX at a time.
 */
#ifndef METERING_JOURNAL_READERS_H
#define METERING_JOURNAL_READERS_H

#include <stdatomic.h>

#include "base/err.h"

#define READERS_MAX 8

struct readers {
	_Atomic uint64_t durable;	    /* all sequences below it are on the disk */
	_Atomic uint64_t keep[READERS_MAX]; /* lowest sequence needed; 0: free place */
};

/* ERR_LIMIT when all places are taken. */
MUST_CHECK enum err readers_add(struct readers *readers, uint64_t keep, unsigned *out_place);
void readers_set(struct readers *readers, unsigned place, uint64_t keep);
void readers_remove(struct readers *readers, unsigned place);
/* The lowest sequence anybody needs; UINT64_MAX without readers. */
uint64_t readers_lowest(const struct readers *readers);

static inline uint64_t readers_durable(const struct readers *readers)
{
	return atomic_load_explicit(&readers->durable, memory_order_acquire);
}

static inline void readers_publish(struct readers *readers, uint64_t durable)
{
	atomic_store_explicit(&readers->durable, durable, memory_order_release);
}

#endif
