/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The head is stored and read sequentially consistent, as the bell demands:
 * either the consumer sees the entry, or the producer sees it asleep.
 */
#include "metering/journal/ring.h"

#include <stdlib.h>

_Static_assert(sizeof(struct ring_entry) == 24, "no padding goes through the ring");

static uint64_t entry_size(uint32_t payload_len)
{
	return (sizeof(struct ring_entry) + payload_len + 7U) & ~(uint64_t)7;
}

void ring_init(struct ring *ring, uint64_t cap)
{
	ASSERT(cap >= 4096 && (cap & (cap - 1)) == 0);
	ring->bytes = base_alloc(cap);
	ring->cap = cap;
	ring->written = 0;
	atomic_init(&ring->head, 0);
	atomic_init(&ring->tail, 0);
}

void ring_fini(struct ring *ring)
{
	free(ring->bytes);
	ring->bytes = NULL;
}

static void write_at(struct ring *ring, uint64_t position, const void *in, size_t len)
{
	size_t from = (size_t)(position & (ring->cap - 1));
	size_t first = MIN(len, (size_t)ring->cap - from);

	memcpy(ring->bytes + from, in, first);
	memcpy(ring->bytes, (const uint8_t *)in + first, len - first);
}

static void read_at(const struct ring *ring, uint64_t position, void *out, size_t len)
{
	size_t from = (size_t)(position & (ring->cap - 1));
	size_t first = MIN(len, (size_t)ring->cap - from);

	memcpy(out, ring->bytes + from, first);
	memcpy((uint8_t *)out + first, ring->bytes, len - first);
}

enum err ring_put(struct ring *ring, const struct ring_entry *entry, const char *payload,
		  uint64_t spare)
{
	uint64_t head = ring->written;
	uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_acquire);
	uint64_t size = entry_size(entry->len);

	ASSERT(head - tail <= ring->cap);
	if (head - tail + size + spare > ring->cap)
		return ERR_UNAVAILABLE;
	write_at(ring, head, entry, sizeof(*entry));
	write_at(ring, head + sizeof(*entry), payload, entry->len);
	ring->written = head + size;
	return OK;
}

void ring_publish(struct ring *ring)
{
	atomic_store(&ring->head, ring->written);
}

bool ring_peek(const struct ring *ring, uint64_t position, struct ring_entry *out)
{
	if (position == ring_head(ring))
		return false;
	read_at(ring, position, out, sizeof(*out));
	ASSERT(out->len > 0 && out->len <= RECORD_PAYLOAD_BYTES);
	return true;
}

uint64_t ring_copy(const struct ring *ring, uint64_t position, const struct ring_entry *entry,
		   uint8_t *out_payload)
{
	read_at(ring, position + sizeof(*entry), out_payload, entry->len);
	return position + entry_size(entry->len);
}

void ring_release(struct ring *ring, uint64_t position)
{
	ASSERT(position >= atomic_load_explicit(&ring->tail, memory_order_relaxed));
	atomic_store_explicit(&ring->tail, position, memory_order_release);
}
