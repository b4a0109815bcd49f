/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A segment gets its name only when its head is durable:
 *
 *   spare.new --fallocate, fsync--> spare --head, fdatasync, rename, fsync dir--> <n>.segment
 *
 * so a named segment always has a good head. A poisoned segment that holds
 * nothing durable is replaced under its own number; otherwise a disk that
 * fails every sync would fill up with segments.
 */
#include "metering/journal/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/clock.h"

#define SPARE	   "spare"
#define ZERO_BYTES (64U << 10)

void store_init(struct store *store, struct files files, const char *dir, uint32_t segment_bytes,
		struct segment_list *list)
{
	*store = (struct store){.files = files,
				.segment_bytes = segment_bytes,
				.list = *list,
				.fd = -1,
				.spare_fd = -1};
	snprintf(store->dir, sizeof(store->dir), "%s", dir);
	*list = (struct segment_list){0};
}

static void close_fd(struct store *store, int *fd)
{
	if (*fd >= 0)
		store->files.ops->close(store->files.arg, *fd);
	*fd = -1;
}

/* Gives the zeros behind the last record back; only room is lost when it fails. */
static void finish_current(struct store *store)
{
	if (store->fd >= 0)
		(void)!store->files.ops->ftruncate(store->files.arg, store->fd, store->offset);
	close_fd(store, &store->fd);
}

void store_fini(struct store *store)
{
	if (store->files.ops == NULL)
		return;
	finish_current(store);
	close_fd(store, &store->spare_fd);
	segment_list_fini(&store->list);
}

static void drop_spare(struct store *store)
{
	char path[FILE_PATH_BYTES];

	close_fd(store, &store->spare_fd);
	if (files_path(path, store->dir, SPARE) == OK)
		store->files.ops->unlink(store->files.arg, path);
}

static enum err allocate(struct store *store, int fd)
{
	struct files files = store->files;
	int rc;

	do
		rc = files.ops->fallocate(files.arg, fd, (off_t)store->segment_bytes);
	while (rc != 0 && errno == EINTR);
	if (rc == 0)
		do
			rc = files.ops->fsync(files.arg, fd);
		while (rc != 0 && errno == EINTR);
	return rc == 0 ? OK : files_error();
}

/* O_TRUNC: one left behind by an earlier process may hold a head, or anything. */
enum err store_reserve(struct store *store)
{
	char path[FILE_PATH_BYTES];
	enum err err;
	int error;

	if (store->spare_fd >= 0)
		return OK;
	err = files_path(path, store->dir, SPARE);
	if (err != OK)
		return err;
	store->spare_fd =
		store->files.ops->open(store->files.arg, path, O_RDWR | O_CREAT | O_TRUNC);
	if (store->spare_fd < 0)
		return files_error();
	store->filled = 0;
	err = allocate(store, store->spare_fd);
	if (err == OK)
		err = files_sync_dir(store->files, store->dir);
	if (err != OK) {
		error = errno;
		drop_spare(store);
		errno = error;
	}
	return err;
}

/* Only speed depends on it: what fails here fails again, and counts, when a group is written. */
bool store_fill(struct store *store, size_t bytes)
{
	static const char zeros[ZERO_BYTES];
	struct files files = store->files;
	size_t left = store->segment_bytes - (size_t)store->filled;

	if (store->spare_fd < 0 || left == 0)
		return false;
	for (left = MIN(left, bytes); left > 0;) {
		size_t len = MIN(left, sizeof(zeros));

		if (files_write(files, store->spare_fd, zeros, len, store->filled) != OK) {
			store->filled = store->segment_bytes;
			return false;
		}
		files.ops->writeback(files.arg, store->spare_fd, store->filled, (off_t)len);
		store->filled += (off_t)len;
		left -= len;
	}
	return true;
}

static struct segment_head next_head(const struct store *store, uint64_t first, uint64_t open_from)
{
	const struct segment_list *list = &store->list;
	struct segment_head head = {.number = 1,
				    .first = first,
				    .open_from = open_from,
				    .created_ns = clock_wall_ns(),
				    .gateway = store->gateway,
				    .epoch = store->epoch};

	if (list->count > 0) {
		const struct segment_head *last = &list->heads[list->count - 1];
		bool holds_nothing = last->first == first && last->epoch == store->epoch;

		head.number = holds_nothing ? last->number : last->number + 1;
		/* The clock may step back; the order of segments does not. */
		head.created_ns = MAX(head.created_ns, last->created_ns);
	}
	return head;
}

static enum err write_head(struct store *store, const struct segment_head *head)
{
	uint8_t bytes[SEGMENT_HEAD_BYTES];
	enum err err;

	segment_head_encode(head, bytes);
	err = files_write(store->files, store->spare_fd, bytes, sizeof(bytes), 0);
	return err == OK ? files_sync(store->files, store->spare_fd) : err;
}

static enum err name_spare(struct store *store, uint64_t number)
{
	char from[FILE_PATH_BYTES];
	char to[FILE_PATH_BYTES];
	enum err err = files_path(from, store->dir, SPARE);

	if (err == OK)
		err = segment_path(store->dir, number, to);
	if (err == OK && store->files.ops->rename(store->files.arg, from, to) != 0)
		err = files_error();
	return err;
}

static void list_put(struct segment_list *list, const struct segment_head *head)
{
	if (list->count > 0 && list->heads[list->count - 1].number == head->number)
		list->heads[list->count - 1] = *head;
	else
		segment_list_push(list, head);
}

static enum err begin(struct store *store, uint64_t first, uint64_t open_from)
{
	struct segment_head head = next_head(store, first, open_from);
	enum err err = store_reserve(store);

	if (err != OK)
		return err;
	err = write_head(store, &head);
	if (err == OK)
		err = name_spare(store, head.number);
	if (err != OK) {
		drop_spare(store);
		return err;
	}
	list_put(&store->list, &head);
	finish_current(store);
	store->fd = store->spare_fd;
	store->spare_fd = -1;
	store->offset = SEGMENT_HEAD_BYTES;
	/* Named, but perhaps not for long: what cannot be synced must not be written to. */
	err = files_sync_dir(store->files, store->dir);
	if (err != OK)
		close_fd(store, &store->fd);
	return err;
}

size_t store_room(const struct store *store)
{
	return store->fd < 0 ? 0 : store->segment_bytes - (size_t)store->offset;
}

enum err store_append(struct store *store, struct str group, uint64_t first, uint64_t open_from)
{
	enum err err = OK;

	ASSERT(group.len > 0 && group.len <= store->segment_bytes - SEGMENT_HEAD_BYTES);
	if (group.len > store_room(store))
		err = begin(store, first, open_from);
	if (err != OK)
		return err; /* what is left of the current one stays good */
	err = files_write(store->files, store->fd, group.ptr, group.len, store->offset);
	if (err == OK)
		err = files_sync(store->files, store->fd);
	if (err == OK)
		store->offset += (off_t)group.len;
	else
		close_fd(store, &store->fd); /* poisoned */
	return err;
}

/* The name goes durably before the next: a crash in between must not leave a hole. */
static enum err delete_oldest(struct store *store)
{
	char path[FILE_PATH_BYTES];
	enum err err = segment_path(store->dir, store->list.heads[0].number, path);

	if (err == OK && store->files.ops->unlink(store->files.arg, path) != 0 && errno != ENOENT)
		err = files_error();
	if (err == OK)
		err = files_sync_dir(store->files, store->dir);
	if (err == OK)
		segment_list_shift(&store->list);
	return err;
}

unsigned store_retire(struct store *store, uint64_t sequence, int64_t before_ns, unsigned max)
{
	const struct segment_list *list = &store->list;
	unsigned count = 0;

	while (count < max && list->count > 1 && list->heads[1].first <= sequence &&
	       list->heads[1].created_ns < before_ns) {
		if (delete_oldest(store) != OK)
			break;
		count++;
	}
	return count;
}
