/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The durable log of one gateway: workers hand records over by ring, one
 * thread writes whatever is there as one group with one fdatasync, and tells
 * each worker how far its records are durable.
 *
 *   worker  journal_append() -> ring --\                      /-> ledger cursor
 *   worker  journal_append() -> ring ----> group -> segment ----> audit cursor
 *             ^-- journal_durable() <- loop_wake --/
 *
 * Owns:    `<state>/journal/`, `<state>/epoch`, `<state>/lock`; its thread,
 *          its writers and their rings. The worker's loop is borrowed.
 * Threads: a writer belongs to the thread that made it; journal_admits,
 *          journal_durable_sequence and the counters may be asked from any.
 * Limits:  ring 4 MiB per writer, 64 writers, 8 readers, group 1 MiB,
 *          segment 16 MiB; payload RECORD_PAYLOAD_BYTES.
 */
#ifndef METERING_JOURNAL_JOURNAL_H
#define METERING_JOURNAL_JOURNAL_H

#include "base/buf.h"
#include "base/stat.h"
#include "metering/journal/file.h"
#include "metering/journal/record.h"

#define JOURNAL_WRITERS	      64
#define JOURNAL_READERS	      8
#define JOURNAL_RING_BYTES    (4U << 20)
#define JOURNAL_GROUP_BYTES   (1U << 20)
#define JOURNAL_SEGMENT_BYTES (16U << 20)

struct journal;
struct journal_writer;
struct log;
struct loop;

enum journal_durability {
	JOURNAL_STRICT,	 /* a position is durable when the disk says so */
	JOURNAL_RELAXED, /* announced at once, durable within 10 ms */
};

/* A call that was open when the last process died: `progress` is its last PROGRESS or NULL. Writes
 * the payload of the one SETTLE that ends it. A return other than OK stops the start-up. */
typedef enum err (*journal_on_open_fn)(void *arg, const struct record *intent,
				       const struct record *progress, struct buf *out_settle);

/* Zero-filled plus state, gateway and on_open is a valid set. */
struct journal_options {
	const char *state;  /* folder, made when absent (its parent must be there) */
	struct str gateway; /* the configured gateway id */
	enum journal_durability durability;
	int64_t group_wait_us;	/* linger for more records before a write; 0: never */
	int64_t keep_s;		/* age below which no segment is deleted; 0: 7 days */
	uint32_t segment_bytes; /* 0: JOURNAL_SEGMENT_BYTES; at least 256 KiB */
	struct files files;	/* ops NULL: files_system() */
	const struct log *log;	/* parent, may be NULL; outlives the journal */
	journal_on_open_fn on_open;
	void *arg;
};

struct journal_stats {
	struct stat_counter records;  /* durable */
	struct stat_counter groups;   /* durable */
	struct stat_counter bytes;    /* of frames, durable */
	struct stat_counter failures; /* writes or syncs that failed */
	struct stat_counter segments; /* begun by this process */
	struct stat_counter deleted;  /* segments removed by age */
	struct stat_histogram sync;   /* one write and one fdatasync */
};

/* Locks the state folder, counts the boot, recovers, settles every open call durably, starts the
 * thread. ERR_CONFLICT: another process has the folder; ERR_DAMAGED: a record in the middle does
 * not verify (file, offset and sequence in diag); ERR_UNAVAILABLE: disk full; ERR_IO. */
MUST_CHECK enum err journal_open(const struct journal_options *options, struct diag *diag,
				 struct journal **out);
/* Writes what is in the rings, ends the thread, frees all writers. ERR_IO or ERR_UNAVAILABLE:
 * some records could not be made durable. */
enum err journal_close(struct journal *journal);

/* One per worker; loop (may be NULL) is woken by loop_wake when more is durable. ERR_LIMIT past
 * JOURNAL_WRITERS. */
MUST_CHECK enum err journal_writer_new(struct journal *journal, struct loop *loop,
				       struct journal_writer **out);
/* From then on the loop is not touched; what was appended is still written. Waits for at most the
 * write that is under way. */
void journal_writer_free(struct journal_writer *writer);

/* Copies the payload; *out_position is to be compared with journal_durable(). ERR_UNAVAILABLE:
 * INTENT and DECISION while the journal does not admit, or the ring is three quarters full; any
 * type when it is full (keep it and try again on the next wake); ERR_LIMIT: payload size. */
MUST_CHECK enum err journal_append(struct journal_writer *writer, enum record_type type,
				   const struct record_key *key, struct str payload,
				   uint64_t *out_position);
/* Everything appended at or below this position is durable. */
uint64_t journal_durable(const struct journal_writer *writer);
/* Blocks (main thread and tests): false when position is not durable within the time. */
bool journal_wait(const struct journal_writer *writer, uint64_t position, int64_t timeout_ms);

/* False: new calls are to be refused with 503 before forwarding; open ones can still settle. */
bool journal_admits(const struct journal *journal);
/* All records below it are durable. */
uint64_t journal_durable_sequence(const struct journal *journal);
uint32_t journal_epoch(const struct journal *journal);
const struct journal_stats *journal_stats(const struct journal *journal);
/* Bytes that wait in all rings. */
uint64_t journal_ring_bytes(const struct journal *journal);

#endif
