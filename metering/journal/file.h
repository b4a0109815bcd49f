/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The system calls of the journal behind a table, so that tests can make each
 * of them fail, write short, or be the last one before a crash.
 *
 * Owns:    nothing.
 * Threads: any.
 * Limits:  paths of FILE_PATH_BYTES.
 */
#ifndef METERING_JOURNAL_FILE_H
#define METERING_JOURNAL_FILE_H

#include <sys/types.h>

#include "base/err.h"

#define FILE_PATH_BYTES 1024

typedef void (*file_name_fn)(void *arg, const char *name);

/* Return values and errno as the system call of the same name; arg is struct files' own. */
struct file_ops {
	int (*open)(void *arg, const char *path, int flags); /* mode 0640 */
	int (*close)(void *arg, int fd);
	ssize_t (*pread)(void *arg, int fd, void *out, size_t len, off_t offset);
	ssize_t (*pwrite)(void *arg, int fd, const void *in, size_t len, off_t offset);
	int (*fdatasync)(void *arg, int fd);
	int (*fsync)(void *arg, int fd);
	int (*fallocate)(void *arg, int fd, off_t len); /* [0, len) */
	/* Starts writing back [offset, offset + len), waits for nothing, promises nothing. */
	void (*writeback)(void *arg, int fd, off_t offset, off_t len);
	int (*ftruncate)(void *arg, int fd, off_t len);
	off_t (*size)(void *arg, int fd);
	int (*rename)(void *arg, const char *from, const char *to);
	int (*unlink)(void *arg, const char *path);
	int (*mkdir)(void *arg, const char *path); /* mode 0750 */
	int (*lock)(void *arg, int fd);		   /* exclusive, no waiting */
	int (*list)(void *arg, const char *dir, file_name_fn each, void *each_arg);
};

struct files {
	const struct file_ops *ops;
	void *arg;
};

/* The real ones. */
struct files files_system(void);

/* What errno stands for: ERR_UNAVAILABLE when the disk or a quota is full, else ERR_IO. */
enum err files_error(void);
/* dir/name; ERR_LIMIT when it does not fit. */
MUST_CHECK enum err files_path(char out[static FILE_PATH_BYTES], const char *dir, const char *name);
/* OK also when it is there already. */
MUST_CHECK enum err files_make_dir(struct files files, const char *dir);
/* All of it, through short writes and EINTR; files_error() else. */
MUST_CHECK enum err files_write(struct files files, int fd, const void *in, size_t len,
				off_t offset);
/* Up to len bytes, fewer only at the end of the file. */
MUST_CHECK enum err files_read(struct files files, int fd, void *out, size_t len, off_t offset,
			       size_t *out_len);
MUST_CHECK enum err files_sync(struct files files, int fd);
/* Makes names in the folder durable. */
MUST_CHECK enum err files_sync_dir(struct files files, const char *dir);

#endif
