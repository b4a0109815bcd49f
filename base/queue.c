/* SPDX-License-Identifier: Apache-2.0 */
#include "base/queue.h"

#include <stdlib.h>

struct queue_chunk {
	struct queue_chunk *next;
	uint32_t start; /* first byte not yet consumed */
	uint32_t end;	/* behind the last byte */
	char bytes[QUEUE_CHUNK_BYTES];
};

struct queue_pool {
	struct queue_chunk *free;
	size_t count; /* chunks on the free list */
	size_t keep;
};

struct queue_pool *queue_pool_new(size_t keep)
{
	struct queue_pool *pool = base_alloc(sizeof(*pool));

	pool->keep = keep;
	return pool;
}

void queue_pool_free(struct queue_pool *pool)
{
	if (pool == NULL)
		return;
	while (pool->free != NULL) {
		struct queue_chunk *chunk = pool->free;

		pool->free = chunk->next;
		free(chunk);
	}
	free(pool);
}

static struct queue_chunk *pool_take(struct queue_pool *pool)
{
	struct queue_chunk *chunk = pool->free;

	if (chunk != NULL) {
		pool->free = chunk->next;
		pool->count--;
	} else {
		chunk = malloc(sizeof(*chunk));
		ASSERT(chunk != NULL);
	}
	chunk->next = NULL;
	chunk->start = 0;
	chunk->end = 0;
	return chunk;
}

static void pool_give(struct queue_pool *pool, struct queue_chunk *chunk)
{
	if (pool->count >= pool->keep) {
		free(chunk);
		return;
	}
	chunk->next = pool->free;
	pool->free = chunk;
	pool->count++;
}

static void queue_check(const struct queue *queue)
{
	ASSERT(queue->len <= queue->max);
	ASSERT((queue->head == NULL) == (queue->len == 0));
	ASSERT((queue->head == NULL) == (queue->tail == NULL));
}

void queue_init(struct queue *queue, struct queue_pool *pool, size_t max)
{
	ASSERT(pool != NULL);
	*queue = (struct queue){.pool = pool, .max = max};
}

void queue_reset(struct queue *queue)
{
	queue_check(queue);
	queue_consume(queue, queue->len);
}

static struct queue_chunk *queue_tail_with_room(struct queue *queue)
{
	struct queue_chunk *chunk;

	if (queue->tail != NULL && queue->tail->end < QUEUE_CHUNK_BYTES)
		return queue->tail;
	chunk = pool_take(queue->pool);
	if (queue->tail == NULL)
		queue->head = chunk;
	else
		queue->tail->next = chunk;
	queue->tail = chunk;
	return chunk;
}

enum err queue_append(struct queue *queue, struct str s)
{
	queue_check(queue);
	if (s.len > queue->max - queue->len)
		return ERR_LIMIT;
	while (s.len > 0) {
		struct queue_chunk *chunk = queue_tail_with_room(queue);
		size_t part = MIN(s.len, (size_t)(QUEUE_CHUNK_BYTES - chunk->end));

		memcpy(chunk->bytes + chunk->end, s.ptr, part);
		chunk->end += (uint32_t)part;
		queue->len += part;
		s = str_make(s.ptr + part, s.len - part);
	}
	return OK;
}

size_t queue_views(const struct queue *queue, size_t from, struct iovec *out, size_t cap)
{
	size_t count = 0;

	queue_check(queue);
	for (struct queue_chunk *chunk = queue->head; chunk != NULL && count < cap;
	     chunk = chunk->next) {
		size_t len = chunk->end - chunk->start;

		if (from >= len) {
			from -= len;
			continue;
		}
		out[count++] = (struct iovec){chunk->bytes + chunk->start + from, len - from};
		from = 0;
	}
	return count;
}

void queue_consume(struct queue *queue, size_t len)
{
	ASSERT(len <= queue->len);
	queue->len -= len;
	while (queue->head != NULL) {
		struct queue_chunk *chunk = queue->head;
		size_t part = MIN(len, (size_t)(chunk->end - chunk->start));

		chunk->start += (uint32_t)part;
		len -= part;
		if (chunk->start < chunk->end)
			break;
		queue->head = chunk->next;
		pool_give(queue->pool, chunk);
	}
	if (queue->head == NULL)
		queue->tail = NULL;
	queue_check(queue);
}

void queue_copy(const struct queue *queue, size_t from, size_t len, char *out)
{
	ASSERT(from <= queue->len && len <= queue->len - from);
	for (struct queue_chunk *chunk = queue->head; len > 0; chunk = chunk->next) {
		size_t held = chunk->end - chunk->start;
		size_t part;

		if (from >= held) {
			from -= held;
			continue;
		}
		part = MIN(len, held - from);
		memcpy(out, chunk->bytes + chunk->start + from, part);
		out += part;
		len -= part;
		from = 0;
	}
}
