/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records on their way from one worker to the journal's thread: a byte ring
 * with one producer and one consumer. Positions count bytes since the start
 * and never wrap, so "everything up to here" is one comparison.
 *
 *   bytes: [ ....| entry | entry | entry |..... ]     entry: 24 byte head, payload, padded to 8
 *              tail ->             head ->
 *
 * Owns:    its memory.
 * Threads: ring_put, ring_publish by the producer; ring_peek, ring_copy, ring_release by the
 *          consumer; ring_used by any.
 * Limits:  capacity a power of two, given at init; an entry may fill it whole.
 */
#ifndef METERING_JOURNAL_RING_H
#define METERING_JOURNAL_RING_H

#include <stdatomic.h>

#include "metering/journal/record.h"

struct ring_entry {
	uint32_t len; /* of the payload */
	uint16_t attempt;
	uint16_t type;
	uint8_t call[RECORD_CALL_BYTES];
};

struct ring {
	uint8_t *bytes;
	uint64_t cap;
	uint64_t written;		    /* the producer's own: head once it publishes */
	_Alignas(64) _Atomic uint64_t head; /* written by the producer */
	_Alignas(64) _Atomic uint64_t tail; /* written by the consumer */
};

void ring_init(struct ring *ring, uint64_t cap);
void ring_fini(struct ring *ring);
static inline uint64_t ring_head(const struct ring *ring)
{
	return atomic_load(&ring->head);
}
static inline uint64_t ring_used(const struct ring *ring)
{
	/* tail first: it never passes the head read after it */
	uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_acquire);

	return ring_head(ring) - tail;
}

/* The consumer sees it after ring_publish. ERR_UNAVAILABLE when it would leave less than `spare`
 * bytes free. */
MUST_CHECK enum err ring_put(struct ring *ring, const struct ring_entry *entry, const char *payload,
			     uint64_t spare);
/* Makes all that was put visible. */
void ring_publish(struct ring *ring);
/* False when nothing stands at `position` (at or behind the tail). */
bool ring_peek(const struct ring *ring, uint64_t position, struct ring_entry *out);
/* The payload of the entry at `position`, and the position behind the entry. */
uint64_t ring_copy(const struct ring *ring, uint64_t position, const struct ring_entry *entry,
		   uint8_t *out_payload);
/* All entries before `position` may be overwritten. */
void ring_release(struct ring *ring, uint64_t position);

#endif
