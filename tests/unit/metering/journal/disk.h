/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A disk in memory that tells what was written from what is durable: struct
 * file_ops for tests. It can fail a chosen operation, run out of room, die
 * after the n-th operation, and lose power: then unsynced sectors of 512 bytes
 * survive or not by a seeded coin, each on its own. By the same coin a write
 * that fails has put down some of its bytes, and a rename or unlink that fails
 * has happened.
 *
 * A failed fdatasync behaves as Linux does: the dirty sectors count as clean
 * afterwards, so the next fdatasync succeeds without having written them.
 *
 * Owns:    all of its files.
 * Threads: any; one mutex.
 * Limits:  64 names, 64 descriptors.
 */
#ifndef TESTS_UNIT_METERING_JOURNAL_DISK_H
#define TESTS_UNIT_METERING_JOURNAL_DISK_H

#include "metering/journal/file.h"

enum disk_op {
	DISK_OPEN,
	DISK_READ,
	DISK_WRITE,
	DISK_FDATASYNC,
	DISK_FSYNC,
	DISK_FALLOCATE,
	DISK_FTRUNCATE,
	DISK_RENAME,
	DISK_UNLINK,
	DISK_OPS,
};

struct disk;

struct disk *disk_new(uint64_t seed);
void disk_free(struct disk *disk);
struct files disk_files(struct disk *disk);

/* The next `count` operations of this kind fail with `error`, after `skip` good ones. */
void disk_fail(struct disk *disk, enum disk_op op, unsigned skip, unsigned count, int error);
/* All of them have. */
bool disk_has_failed(struct disk *disk, enum disk_op op);
/* Writes take at most this many bytes at a time; 0: all. */
void disk_set_short(struct disk *disk, size_t bytes);
/* Room for so many bytes in all; 0: no bound. */
void disk_set_room(struct disk *disk, uint64_t bytes);
/* After so many more changing operations everything fails with EIO; 0: never. */
void disk_die_after(struct disk *disk, unsigned ops);
bool disk_is_dead(struct disk *disk);

/* The process is gone, the kernel lives on: descriptors and locks are dropped, all failures off. */
void disk_kill(struct disk *disk);
/* And the machine too: only what is durable stays, and of the rest what the coin says. */
void disk_lose_power(struct disk *disk);

/* Direct access to a file's bytes; NULL when it is not there. */
char *disk_bytes(struct disk *disk, const char *path, size_t *out_len);
/* Cuts it, durably. */
void disk_cut(struct disk *disk, const char *path, size_t len);
bool disk_remove(struct disk *disk, const char *path);
/* A copy, with what is durable and what is not, without descriptors and failures. */
struct disk *disk_copy(struct disk *disk);
/* Its coin from here on. */
void disk_seed(struct disk *disk, uint64_t seed);

#endif
