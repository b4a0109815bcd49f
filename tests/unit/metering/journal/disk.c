/* SPDX-License-Identifier: Apache-2.0 */
#include "disk.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECTOR	512
#define NAMES	64
#define HANDLES 64

/* A file lives while a name, now or durably, or a handle points to it; never freed before. */
struct inode {
	char *cached;
	char *durable;
	bool *dirty; /* per sector */
	size_t len;
	size_t durable_len;
	size_t cap;
	struct inode *next;
	bool is_dir;
};

struct name {
	char path[200];
	struct inode *inode; /* NULL: free */
};

struct handle {
	struct inode *inode;
	char path[200];
	bool is_locked;
};

struct failure {
	unsigned skip;
	unsigned count;
	int error;
};

struct disk {
	pthread_mutex_t mutex;
	struct inode *inodes;
	struct name names[NAMES];
	struct name durable_names[NAMES];
	struct handle handles[HANDLES];
	struct failure failures[DISK_OPS];
	uint64_t random;
	uint64_t room;
	size_t short_bytes;
	unsigned ops;
	unsigned die_at;
};

static uint64_t toss(struct disk *disk)
{
	disk->random ^= disk->random << 13;
	disk->random ^= disk->random >> 7;
	disk->random ^= disk->random << 17;
	return disk->random;
}

struct disk *disk_new(uint64_t seed)
{
	struct disk *disk = base_alloc(sizeof(*disk));

	pthread_mutex_init(&disk->mutex, NULL);
	disk_seed(disk, seed);
	return disk;
}

/* Spread over all bits: the first tosses of small seeds would else be alike. Never zero. */
void disk_seed(struct disk *disk, uint64_t seed)
{
	disk->random = (seed + 1) * 0x9e3779b97f4a7c15U | 1;
}

void disk_free(struct disk *disk)
{
	struct inode *inode = disk->inodes;

	while (inode != NULL) {
		struct inode *next = inode->next;

		free(inode->cached);
		free(inode->durable);
		free(inode->dirty);
		free(inode);
		inode = next;
	}
	pthread_mutex_destroy(&disk->mutex);
	free(disk);
}

/* --- inodes and names --- */

static struct inode *inode_new(struct disk *disk)
{
	struct inode *inode = base_alloc(sizeof(*inode));

	inode->next = disk->inodes;
	disk->inodes = inode;
	return inode;
}

static void inode_grow(struct inode *inode, size_t cap)
{
	struct inode old = *inode;

	if (cap <= inode->cap)
		return;
	cap = (MAX(cap, inode->cap * 2) + SECTOR - 1) / SECTOR * SECTOR;
	inode->cached = base_alloc(cap);
	inode->durable = base_alloc(cap);
	inode->dirty = base_alloc(cap / SECTOR);
	if (old.cap > 0) {
		memcpy(inode->cached, old.cached, old.cap);
		memcpy(inode->durable, old.durable, old.cap);
		memcpy(inode->dirty, old.dirty, old.cap / SECTOR);
	}
	free(old.cached);
	free(old.durable);
	free(old.dirty);
	inode->cap = cap;
}

static void inode_mark(struct inode *inode, size_t from, size_t to)
{
	for (size_t i = from / SECTOR; i < (to + SECTOR - 1) / SECTOR; i++)
		inode->dirty[i] = true;
}

static void inode_resize(struct inode *inode, size_t len)
{
	inode_grow(inode, len);
	if (len < inode->len) {
		memset(inode->cached + len, 0, inode->len - len);
		inode_mark(inode, len, inode->len);
	}
	inode->len = len;
}

static struct name *find(struct name *names, const char *path)
{
	for (unsigned i = 0; i < NAMES; i++)
		if (names[i].inode != NULL && strcmp(names[i].path, path) == 0)
			return &names[i];
	return NULL;
}

static struct name *put(struct name *names, const char *path, struct inode *inode)
{
	struct name *name = find(names, path);

	for (unsigned i = 0; i < NAMES && name == NULL; i++)
		if (names[i].inode == NULL)
			name = &names[i];
	ASSERT(name != NULL);
	snprintf(name->path, sizeof(name->path), "%s", path);
	name->inode = inode;
	return name;
}

static bool is_in(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	return strncmp(path, dir, len) == 0 && path[len] == '/' &&
	       strchr(path + len + 1, '/') == NULL;
}

static uint64_t used(const struct disk *disk)
{
	uint64_t bytes = 0;

	for (unsigned i = 0; i < NAMES; i++)
		if (disk->names[i].inode != NULL)
			bytes += disk->names[i].inode->len;
	return bytes;
}

static bool has_room(const struct disk *disk, const struct inode *inode, size_t len)
{
	return disk->room == 0 || len <= inode->len || used(disk) + len - inode->len <= disk->room;
}

/* --- faults --- */

static bool fails(struct disk *disk, enum disk_op op)
{
	struct failure *failure = &disk->failures[op];

	if (op != DISK_READ)
		disk->ops++;
	if (disk->die_at != 0 && disk->ops >= disk->die_at) {
		errno = EIO;
		return true;
	}
	if (failure->count == 0)
		return false;
	if (failure->skip > 0) {
		failure->skip--;
		return false;
	}
	failure->count--;
	errno = failure->error;
	return true;
}

/* An operation that failed may have been done all the same, in whole or in part: the coin says.
 * Not when it was interrupted before it began, and not of a process that is dead already. */
static bool is_done_all_the_same(struct disk *disk)
{
	if (errno == EINTR || (disk->die_at != 0 && disk->ops > disk->die_at))
		return false;
	return (toss(disk) & 1) != 0;
}

void disk_fail(struct disk *disk, enum disk_op op, unsigned skip, unsigned count, int error)
{
	pthread_mutex_lock(&disk->mutex);
	disk->failures[op] = (struct failure){skip, count, error};
	pthread_mutex_unlock(&disk->mutex);
}

bool disk_has_failed(struct disk *disk, enum disk_op op)
{
	bool has_failed;

	pthread_mutex_lock(&disk->mutex);
	has_failed = disk->failures[op].count == 0;
	pthread_mutex_unlock(&disk->mutex);
	return has_failed;
}

void disk_set_short(struct disk *disk, size_t bytes)
{
	pthread_mutex_lock(&disk->mutex);
	disk->short_bytes = bytes;
	pthread_mutex_unlock(&disk->mutex);
}

void disk_set_room(struct disk *disk, uint64_t bytes)
{
	pthread_mutex_lock(&disk->mutex);
	disk->room = bytes;
	pthread_mutex_unlock(&disk->mutex);
}

void disk_die_after(struct disk *disk, unsigned ops)
{
	pthread_mutex_lock(&disk->mutex);
	disk->die_at = ops == 0 ? 0 : disk->ops + ops;
	pthread_mutex_unlock(&disk->mutex);
}

bool disk_is_dead(struct disk *disk)
{
	bool is_dead;

	pthread_mutex_lock(&disk->mutex);
	is_dead = disk->die_at != 0 && disk->ops >= disk->die_at;
	pthread_mutex_unlock(&disk->mutex);
	return is_dead;
}

void disk_kill(struct disk *disk)
{
	memset(disk->handles, 0, sizeof(disk->handles));
	memset(disk->failures, 0, sizeof(disk->failures));
	disk->die_at = 0;
	disk->room = 0;
	disk->short_bytes = 0;
}

void disk_lose_power(struct disk *disk)
{
	disk_kill(disk);
	if (toss(disk) & 1)
		memcpy(disk->names, disk->durable_names, sizeof(disk->names));
	else
		memcpy(disk->durable_names, disk->names, sizeof(disk->names));
	for (struct inode *inode = disk->inodes; inode != NULL; inode = inode->next) {
		for (size_t i = 0; i < inode->cap / SECTOR; i++)
			if (inode->dirty[i] && (toss(disk) & 1))
				memcpy(inode->durable + i * SECTOR, inode->cached + i * SECTOR,
				       SECTOR);
		if (inode->cap == 0)
			continue;
		memcpy(inode->cached, inode->durable, inode->cap);
		memset(inode->dirty, 0, inode->cap / SECTOR);
		if (toss(disk) & 1)
			inode->durable_len = inode->len;
		inode->len = inode->durable_len;
		memset(inode->cached + inode->len, 0, inode->cap - inode->len);
		memset(inode->durable + inode->len, 0, inode->cap - inode->len);
	}
}

char *disk_bytes(struct disk *disk, const char *path, size_t *out_len)
{
	char *bytes = NULL;
	struct name *name;

	pthread_mutex_lock(&disk->mutex);
	name = find(disk->names, path);
	if (name != NULL) {
		*out_len = name->inode->len;
		bytes = name->inode->cached;
	}
	pthread_mutex_unlock(&disk->mutex);
	return bytes;
}

void disk_cut(struct disk *disk, const char *path, size_t len)
{
	struct name *name = find(disk->names, path);

	ASSERT(name != NULL);
	inode_resize(name->inode, len);
}

bool disk_remove(struct disk *disk, const char *path)
{
	struct name *name = find(disk->names, path);

	if (name == NULL)
		return false;
	name->inode = NULL;
	return true;
}

static struct inode *inode_copy(struct disk *disk, const struct inode *from)
{
	struct inode *to = inode_new(disk);

	inode_grow(to, from->cap);
	if (from->cap > 0) {
		memcpy(to->cached, from->cached, from->cap);
		memcpy(to->durable, from->durable, from->cap);
		memcpy(to->dirty, from->dirty, from->cap / SECTOR);
	}
	to->len = from->len;
	to->durable_len = from->durable_len;
	to->is_dir = from->is_dir;
	return to;
}

static void names_move(struct name *names, const struct inode *from, struct inode *to,
		       const struct name *old)
{
	for (unsigned i = 0; i < NAMES; i++) {
		if (old[i].inode != from)
			continue;
		names[i] = old[i];
		names[i].inode = to;
	}
}

struct disk *disk_copy(struct disk *disk)
{
	struct disk *copy = disk_new(disk->random);

	for (const struct inode *from = disk->inodes; from != NULL; from = from->next) {
		struct inode *to = inode_copy(copy, from);

		names_move(copy->names, from, to, disk->names);
		names_move(copy->durable_names, from, to, disk->durable_names);
	}
	return copy;
}

/* --- the operations --- */

static int do_open(struct disk *disk, const char *path, int flags)
{
	struct name *name = find(disk->names, path);

	if ((flags & O_DIRECTORY) == 0 && (flags & O_CREAT) != 0 && fails(disk, DISK_OPEN))
		return -1;
	if (name == NULL && (flags & O_CREAT) == 0) {
		errno = ENOENT;
		return -1;
	}
	if (name == NULL)
		name = put(disk->names, path, inode_new(disk));
	if (flags & O_TRUNC)
		inode_resize(name->inode, 0);
	for (int fd = 0; fd < HANDLES; fd++) {
		if (disk->handles[fd].inode != NULL)
			continue;
		disk->handles[fd].inode = name->inode;
		snprintf(disk->handles[fd].path, sizeof(disk->handles[fd].path), "%s", path);
		return fd;
	}
	errno = EMFILE;
	return -1;
}

static int on_open(void *arg, const char *path, int flags)
{
	struct disk *disk = arg;
	int fd;

	pthread_mutex_lock(&disk->mutex);
	fd = do_open(disk, path, flags);
	pthread_mutex_unlock(&disk->mutex);
	return fd;
}

static int on_close(void *arg, int fd)
{
	struct disk *disk = arg;

	pthread_mutex_lock(&disk->mutex);
	disk->handles[fd] = (struct handle){0};
	pthread_mutex_unlock(&disk->mutex);
	return 0;
}

static ssize_t on_pread(void *arg, int fd, void *out, size_t len, off_t offset)
{
	struct disk *disk = arg;
	ssize_t n = -1;

	pthread_mutex_lock(&disk->mutex);
	if (!fails(disk, DISK_READ)) {
		const struct inode *inode = disk->handles[fd].inode;
		size_t from = MIN((size_t)offset, inode->len);

		len = MIN(len, inode->len - from);
		if (len > 0)
			memcpy(out, inode->cached + from, len);
		n = (ssize_t)len;
	}
	pthread_mutex_unlock(&disk->mutex);
	return n;
}

static ssize_t do_pwrite(struct disk *disk, int fd, const void *in, size_t len, off_t offset)
{
	struct inode *inode = disk->handles[fd].inode;
	size_t from = (size_t)offset;
	int error = 0;

	if (fails(disk, DISK_WRITE)) {
		error = errno;
		len = is_done_all_the_same(disk) ? toss(disk) % (len + 1) : 0;
	}
	if (disk->short_bytes > 0)
		len = MIN(len, disk->short_bytes);
	if (!has_room(disk, inode, from + len)) {
		errno = ENOSPC;
		return -1;
	}
	if (from + len > inode->len)
		inode_resize(inode, from + len);
	if (len > 0) {
		memcpy(inode->cached + from, in, len);
		inode_mark(inode, from, from + len);
	}
	errno = error;
	return error != 0 ? -1 : (ssize_t)len;
}

static ssize_t on_pwrite(void *arg, int fd, const void *in, size_t len, off_t offset)
{
	struct disk *disk = arg;
	ssize_t n;

	pthread_mutex_lock(&disk->mutex);
	n = do_pwrite(disk, fd, in, len, offset);
	pthread_mutex_unlock(&disk->mutex);
	return n;
}

static int do_sync(struct disk *disk, int fd, enum disk_op op)
{
	struct inode *inode = disk->handles[fd].inode;
	bool has_failed = fails(disk, op);

	for (size_t i = 0; i < inode->cap / SECTOR; i++) {
		if (inode->dirty[i] && !has_failed)
			memcpy(inode->durable + i * SECTOR, inode->cached + i * SECTOR, SECTOR);
		if (!has_failed || errno != EINTR)
			inode->dirty[i] = false;
	}
	if (has_failed)
		return -1;
	inode->durable_len = inode->len;
	return 0;
}

static int on_fdatasync(void *arg, int fd)
{
	struct disk *disk = arg;
	int rc;

	pthread_mutex_lock(&disk->mutex);
	rc = do_sync(disk, fd, DISK_FDATASYNC);
	pthread_mutex_unlock(&disk->mutex);
	return rc;
}

static void sync_names(struct disk *disk, const char *dir)
{
	for (unsigned i = 0; i < NAMES; i++)
		if (disk->durable_names[i].inode != NULL && is_in(disk->durable_names[i].path, dir))
			disk->durable_names[i].inode = NULL;
	for (unsigned i = 0; i < NAMES; i++)
		if (disk->names[i].inode != NULL && is_in(disk->names[i].path, dir))
			put(disk->durable_names, disk->names[i].path, disk->names[i].inode);
}

static int on_fsync(void *arg, int fd)
{
	struct disk *disk = arg;
	int rc = 0;

	pthread_mutex_lock(&disk->mutex);
	if (!disk->handles[fd].inode->is_dir)
		rc = do_sync(disk, fd, DISK_FSYNC);
	else if (fails(disk, DISK_FSYNC))
		rc = -1;
	else
		sync_names(disk, disk->handles[fd].path);
	pthread_mutex_unlock(&disk->mutex);
	return rc;
}

static int on_fallocate(void *arg, int fd, off_t len)
{
	struct disk *disk = arg;
	int rc = -1;

	pthread_mutex_lock(&disk->mutex);
	if (!fails(disk, DISK_FALLOCATE)) {
		struct inode *inode = disk->handles[fd].inode;

		if (!has_room(disk, inode, (size_t)len)) {
			errno = ENOSPC;
		} else {
			if ((size_t)len > inode->len)
				inode_resize(inode, (size_t)len);
			rc = 0;
		}
	}
	pthread_mutex_unlock(&disk->mutex);
	return rc;
}

static void on_writeback(void *arg, int fd, off_t offset, off_t len)
{
	(void)arg;
	(void)fd;
	(void)offset;
	(void)len;
}

static int on_ftruncate(void *arg, int fd, off_t len)
{
	struct disk *disk = arg;
	int rc = -1;

	pthread_mutex_lock(&disk->mutex);
	if (!fails(disk, DISK_FTRUNCATE)) {
		inode_resize(disk->handles[fd].inode, (size_t)len);
		rc = 0;
	}
	pthread_mutex_unlock(&disk->mutex);
	return rc;
}

static off_t on_size(void *arg, int fd)
{
	struct disk *disk = arg;
	off_t size;

	pthread_mutex_lock(&disk->mutex);
	size = (off_t)disk->handles[fd].inode->len;
	pthread_mutex_unlock(&disk->mutex);
	return size;
}

static int on_rename(void *arg, const char *from, const char *to)
{
	struct disk *disk = arg;
	struct name *name;
	bool has_failed;
	int error = ENOENT;

	pthread_mutex_lock(&disk->mutex);
	name = find(disk->names, from);
	has_failed = fails(disk, DISK_RENAME);
	if (has_failed)
		error = errno;
	if (name != NULL && (!has_failed || is_done_all_the_same(disk))) {
		put(disk->names, to, name->inode);
		name->inode = NULL;
	}
	errno = error;
	pthread_mutex_unlock(&disk->mutex);
	return has_failed || name == NULL ? -1 : 0;
}

static int on_unlink(void *arg, const char *path)
{
	struct disk *disk = arg;
	int rc = -1;

	pthread_mutex_lock(&disk->mutex);
	if (!fails(disk, DISK_UNLINK)) {
		errno = ENOENT;
		rc = disk_remove(disk, path) ? 0 : -1;
	} else if (is_done_all_the_same(disk)) {
		(void)disk_remove(disk, path);
	}
	pthread_mutex_unlock(&disk->mutex);
	return rc;
}

static int on_mkdir(void *arg, const char *path)
{
	struct disk *disk = arg;
	int rc = -1;

	pthread_mutex_lock(&disk->mutex);
	errno = EEXIST;
	if (find(disk->names, path) == NULL) {
		struct inode *inode = inode_new(disk);

		inode->is_dir = true;
		put(disk->names, path, inode);
		put(disk->durable_names, path, inode);
		rc = 0;
	}
	pthread_mutex_unlock(&disk->mutex);
	return rc;
}

static int on_lock(void *arg, int fd)
{
	struct disk *disk = arg;
	int rc = 0;

	pthread_mutex_lock(&disk->mutex);
	for (unsigned i = 0; i < HANDLES; i++)
		if (disk->handles[i].is_locked && disk->handles[i].inode == disk->handles[fd].inode)
			rc = -1;
	disk->handles[fd].is_locked = rc == 0;
	errno = EWOULDBLOCK;
	pthread_mutex_unlock(&disk->mutex);
	return rc;
}

static int on_list(void *arg, const char *dir, file_name_fn each, void *each_arg)
{
	struct disk *disk = arg;
	int rc = 0;

	pthread_mutex_lock(&disk->mutex);
	if (find(disk->names, dir) == NULL) {
		errno = ENOENT;
		rc = -1;
	}
	for (unsigned i = 0; i < NAMES && rc == 0; i++)
		if (disk->names[i].inode != NULL && is_in(disk->names[i].path, dir))
			each(each_arg, strrchr(disk->names[i].path, '/') + 1);
	pthread_mutex_unlock(&disk->mutex);
	return rc;
}

static const struct file_ops disk_ops = {
	.open = on_open,
	.close = on_close,
	.pread = on_pread,
	.pwrite = on_pwrite,
	.fdatasync = on_fdatasync,
	.fsync = on_fsync,
	.fallocate = on_fallocate,
	.writeback = on_writeback,
	.ftruncate = on_ftruncate,
	.size = on_size,
	.rename = on_rename,
	.unlink = on_unlink,
	.mkdir = on_mkdir,
	.lock = on_lock,
	.list = on_list,
};

struct files disk_files(struct disk *disk)
{
	return (struct files){&disk_ops, disk};
}
