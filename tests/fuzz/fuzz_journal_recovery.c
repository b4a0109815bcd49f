/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A journal folder made of whatever: recovery must not crash, must change
 * nothing when it refuses, and must come to the same end when it runs again;
 * a cursor then finds the same records, and every one it gives verifies.
 *
 *   byte 0         how many frames
 *   one per frame  payload length (low 4 bits), 0x10 begins a group, 0x20 a
 *                  segment, 0x40 a segment that repeats the last group
 *   the rest       patches: segment (1), offset (2), value to xor (1)
 */
#include "metering/journal/recovery.h"

#include <fcntl.h>
#include <stdlib.h>

#include "metering/journal/cursor.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/metering/journal/disk.h"

#define DIR	 "s/journal"
#define SEGMENTS 8
#define FILE_CAP 8192

struct image {
	uint8_t bytes[SEGMENTS][FILE_CAP];
	size_t len[SEGMENTS];
	unsigned count;
	uint64_t sequence;    /* of the next frame */
	uint64_t group_first; /* of the open group */
	size_t group_at;      /* its place in the last segment */
};

static void begin_segment(struct image *image, uint64_t first)
{
	struct segment_head head = {.number = image->count + 1,
				    .first = first,
				    .open_from = 1,
				    .gateway = 1,
				    .epoch = 1};

	if (image->count == SEGMENTS)
		return;
	segment_head_encode(&head, image->bytes[image->count]);
	image->len[image->count++] = SEGMENT_HEAD_BYTES;
	image->group_at = SEGMENT_HEAD_BYTES;
}

static void repeat_group(struct image *image)
{
	unsigned from = image->count - 1;
	size_t at = image->group_at;
	size_t len = image->len[from] - at;

	if (image->count == SEGMENTS)
		return;
	begin_segment(image, image->group_first);
	memcpy(image->bytes[from + 1] + SEGMENT_HEAD_BYTES, image->bytes[from] + at, len);
	image->len[from + 1] += len;
}

static void add_frame(struct image *image, uint8_t order)
{
	unsigned last;
	size_t payload = 1 + (order & 15U);
	struct record record = {.epoch = 1, .gateway = 1};

	if (order & 0x20)
		begin_segment(image, image->sequence);
	else if (order & 0x40)
		repeat_group(image);
	last = image->count - 1;
	if (image->len[last] + record_size(payload) > FILE_CAP - 64)
		return;
	if (order & 0x30) {
		image->group_first = image->sequence;
		image->group_at = image->len[last];
	}
	record.sequence = image->sequence++;
	record.lead = (uint32_t)(record.sequence - image->group_first);
	record.type = (enum record_type)(1 + record.sequence % RECORD_TYPE_MAX);
	record.key.call[0] = (uint8_t)(record.sequence / 4);
	record.payload = str_make("{\"payload\":12345}", payload);
	image->len[last] += record_encode(&record, image->bytes[last] + image->len[last]);
}

static void patch(struct image *image, const uint8_t *order)
{
	unsigned at = (unsigned)order[1] << 8 | order[2];

	image->bytes[order[0] % image->count][at % FILE_CAP] ^= order[3];
}

static void store(struct image *image, struct disk *disk)
{
	struct files files = disk_files(disk);
	char path[FILE_PATH_BYTES];

	ASSERT(files_make_dir(files, "s") == OK && files_make_dir(files, DIR) == OK);
	for (unsigned i = 0; i < image->count; i++) {
		int fd;

		ASSERT(segment_path(DIR, i + 1, path) == OK);
		fd = files.ops->open(files.arg, path, O_CREAT | O_RDWR);
		ASSERT(fd >= 0);
		ASSERT(files_write(files, fd, image->bytes[i], FILE_CAP, 0) == OK);
		files.ops->close(files.arg, fd);
	}
}

/* The records recovery counted are there; behind them nothing is. */
static void read_back(struct disk *disk, uint64_t end)
{
	struct cursor *cursor;
	struct record record;
	uint64_t next = 1;
	struct diag diag;
	enum io io;

	ASSERT(journal_cursor_open_files(disk_files(disk), "s", 1, &diag, &cursor) == OK);
	while ((io = cursor_next(cursor, &record)) == IO_DONE)
		ASSERT(record.sequence == next++);
	ASSERT(next <= end);
	cursor_free(cursor);
}

static void check_untouched(const struct image *image, struct disk *disk)
{
	char path[FILE_PATH_BYTES];
	size_t len = 0;

	for (unsigned i = 0; i < image->count; i++) {
		const char *bytes;

		ASSERT(segment_path(DIR, i + 1, path) == OK);
		bytes = disk_bytes(disk, path, &len);
		ASSERT(bytes != NULL && len == FILE_CAP);
		ASSERT(memcmp(bytes, image->bytes[i], FILE_CAP) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct image *image;
	struct recovery first;
	struct recovery again;
	struct disk *disk;
	struct diag diag;
	size_t frames = size == 0 ? 0 : MIN(data[0], size - 1);
	enum err err;

	if (size < 2)
		return 0;
	image = base_alloc(sizeof(*image));
	disk = disk_new(1);
	image->sequence = 1;
	image->group_first = 1;
	begin_segment(image, 1);
	for (size_t i = 0; i < frames; i++)
		add_frame(image, data[1 + i]);
	for (size_t i = 1 + frames; i + 4 <= size; i += 4)
		patch(image, data + i);
	store(image, disk);
	err = recovery_run(&first, disk_files(disk), DIR, 1, &diag);
	ASSERT(recovery_run(&again, disk_files(disk), DIR, 1, &diag) == err);
	if (err == OK) {
		ASSERT(first.end == again.end && again.cut_bytes == 0);
		ASSERT(first.open.count == again.open.count);
		ASSERT(str_eq(buf_str(&first.carry), buf_str(&again.carry)));
		read_back(disk, first.end);
	} else {
		check_untouched(image, disk);
	}
	recovery_fini(&first);
	recovery_fini(&again);
	disk_free(disk);
	free(image);
	return 0;
}
