/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The generator's side of HTTP/1.1: just enough to know where an answer ends,
 * what its status was and how many events it had. It trusts its peer.
 *
 * Owns:    itself; reader_reset() before each answer.
 * Threads: one.
 * Limits:  head 4 KiB, chunk line 32 bytes.
 */
#ifndef BENCH_LOAD_READER_H
#define BENCH_LOAD_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define READER_HEAD_BYTES 4096

enum reader_state {
	READER_HEAD,
	READER_SIZED,
	READER_CHUNK_LINE,
	READER_CHUNK_DATA,
	READER_CHUNK_END,
	READER_TRAILER,
	READER_DONE,
	READER_BROKEN,
};

struct reader {
	enum reader_state state;
	unsigned status;
	size_t head_len;
	uint64_t left;	     /* of the body or the chunk */
	uint64_t chunk_size; /* while its line is read */
	uint64_t events;
	bool is_at_line_start;
	bool is_closing;
	char head[READER_HEAD_BYTES];
};

/* Told of every piece of a body; may be NULL. */
typedef void (*reader_piece_fn)(void *arg, const char *ptr, size_t len);

void reader_reset(struct reader *reader);
/* Takes bytes up to the answer's end; returns how many. */
size_t reader_feed(struct reader *reader, const char *in, size_t len, reader_piece_fn on_piece,
		   void *arg);

#endif
