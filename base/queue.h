/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The only place where bytes wait: a bounded chain of 16 KiB chunks taken from
 * a pool. A worker has one pool; an empty queue holds no chunk.
 *
 *   head chunk [done....start=====end] -> [=====] -> tail [====end....room]
 *
 * Owns:    its chunks, given back to the pool by consume and reset.
 * Threads: queue and pool belong to one thread.
 * Limits:  max bytes per queue at init (append past it: ERR_LIMIT, nothing
 *          added); the pool keeps at most `keep` free chunks.
 */
#ifndef BASE_QUEUE_H
#define BASE_QUEUE_H

#include <sys/uio.h>

#include "base/str.h"

#define QUEUE_CHUNK_BYTES 16384

struct queue_chunk;
struct queue_pool;

struct queue {
	struct queue_pool *pool; /* borrowed */
	struct queue_chunk *head;
	struct queue_chunk *tail;
	size_t len;
	size_t max;
};

struct queue_pool *queue_pool_new(size_t keep);
void queue_pool_free(struct queue_pool *pool);

void queue_init(struct queue *queue, struct queue_pool *pool, size_t max);
/* Gives every chunk back; the queue can be used again. */
void queue_reset(struct queue *queue);
MUST_CHECK enum err queue_append(struct queue *queue, struct str s);
/* Up to `cap` views of the content from byte `from` on, in order; returns how many were filled. */
size_t queue_views(const struct queue *queue, size_t from, struct iovec *out, size_t cap);
/* Drops `len` bytes (at most queue->len) from the front. */
void queue_consume(struct queue *queue, size_t len);
/* Copies bytes [from, from+len) to out; len must lie inside. */
void queue_copy(const struct queue *queue, size_t from, size_t len, char *out);

#endif
