/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One file of the journal: `<number>.segment`, a head of 64 bytes, then frames,
 * then zeros up to its preallocated size. The head names the first sequence in
 * it: where an earlier segment holds that sequence and more, the later segment
 * has the copies that count.
 *
 * Owns:    struct segment its descriptor and buffer; a list its array.
 * Threads: one user at a time.
 * Limits:  buffer 128 KiB; numbers of ten digits.
 */
#ifndef METERING_JOURNAL_SEGMENT_H
#define METERING_JOURNAL_SEGMENT_H

#include "metering/journal/file.h"
#include "metering/journal/record.h"

#define SEGMENT_HEAD_BYTES   64
#define SEGMENT_BUFFER_BYTES (128U << 10)

struct segment_head {
	uint64_t number;    /* from 1, without gaps */
	uint64_t first;	    /* sequence of its first record */
	uint64_t open_from; /* no call was open whose INTENT is below this sequence */
	int64_t created_ns; /* wall clock */
	uint32_t gateway;
	uint32_t epoch;
};

void segment_head_encode(const struct segment_head *head, uint8_t out[static SEGMENT_HEAD_BYTES]);
MUST_CHECK enum err segment_head_decode(const uint8_t in[static SEGMENT_HEAD_BYTES],
					struct segment_head *out);
/* "<dir>/0000000001.segment" */
MUST_CHECK enum err segment_path(const char *dir, uint64_t number,
				 char out[static FILE_PATH_BYTES]);

/* The heads of all segments in a folder, by number. */
struct segment_list {
	struct segment_head *heads;
	size_t count;
	size_t cap;
};

/* ERR_DAMAGED for a missing number, a bad head or two gateways; ERR_NOT_FOUND without the folder.
 */
MUST_CHECK enum err segment_list_load(struct files files, const char *dir, struct diag *diag,
				      struct segment_list *out);
void segment_list_push(struct segment_list *list, const struct segment_head *head);
/* Forgets the oldest. */
void segment_list_shift(struct segment_list *list);
void segment_list_fini(struct segment_list *list);
/* Index of the segment that counts for `sequence`: the latest that begins at or below it; count
 * when there is none. */
size_t segment_list_find(const struct segment_list *list, uint64_t sequence);

struct segment {
	struct files files;
	struct segment_head head;
	char path[FILE_PATH_BYTES];
	int fd;
	off_t offset; /* of the next frame */
	uint8_t *buffer;
	off_t buffer_offset;
	size_t buffer_len;
	size_t want; /* how much to read ahead: grows with use */
};

/* Zero-filled is valid for segment_close. flags: O_RDONLY or O_RDWR. */
MUST_CHECK enum err segment_open(struct segment *segment, struct files files, const char *path,
				 int flags);
void segment_close(struct segment *segment);
/* The frame at `offset`, and offset moves behind it; the payload is valid until the next call.
 * ERR_NOT_FOUND: nothing written here yet; ERR_LIMIT: cut off by the end of the file;
 * ERR_DAMAGED: does not verify; ERR_IO. None of these moves offset. */
MUST_CHECK enum err segment_next(struct segment *segment, struct record *out);
/* Whether a good record behind offset began its group after `sequence`: the proof that `sequence`
 * had been durable. *out_end: offset behind the last byte that is not zero (or `offset`). */
MUST_CHECK enum err segment_search(struct segment *segment, uint64_t sequence, bool *out_is_proved,
				   off_t *out_end);

#endif
