/* SPDX-License-Identifier: Apache-2.0 */
#include "metering/journal/recovery.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>

#define CARRY_BYTES (4U << 20) /* above any group */

static enum err damaged(struct diag *diag, const char *path, off_t offset, uint64_t sequence,
			const char *what)
{
	return diag_set(diag, ERR_DAMAGED, path, 0, 0,
			"%s at offset %lld, sequence %" PRIu64
			"; it was durable once: restore the file from a copy",
			what, (long long)offset, sequence);
}

/* The first segment to read: one that holds the oldest open call, and in any case one that begins
 * before the last does, for the last may hold only part of what it took over (rule 5). */
static size_t first_to_read(const struct segment_list *list)
{
	const struct segment_head *last = &list->heads[list->count - 1];
	size_t i = segment_list_find(list, last->open_from);

	if (i == list->count)
		i = 0;
	while (i > 0 && list->heads[i].first >= last->first)
		i--;
	return i;
}

/* The group before is known good once this record of a later group is. */
static enum err take(struct recovery *recovery, const struct record *record, uint8_t *scratch)
{
	size_t size = record_encode(record, scratch);

	if (record->sequence - record->lead != recovery->carry_first) {
		open_set_apply_frames(&recovery->open, buf_str(&recovery->carry));
		buf_reset(&recovery->carry);
		recovery->carry_first = record->sequence - record->lead;
		if (recovery->carry_first < recovery->end && record->lead > 0)
			recovery->carry_first = record->sequence; /* its front is elsewhere */
	}
	recovery->end = record->sequence + 1;
	recovery->epoch = MAX(recovery->epoch, record->epoch);
	return buf_append(&recovery->carry, str_make((const char *)scratch, size));
}

/* Up to the first frame that is not the expected one. */
static enum err read_segment(struct recovery *recovery, struct segment *segment, uint8_t *scratch,
			     uint64_t *out_sequence)
{
	uint64_t expected = segment->head.first;
	struct record record;

	for (;;) {
		off_t offset = segment->offset;
		enum err err = segment_next(segment, &record);

		if (err == ERR_IO)
			return err;
		if (err == OK &&
		    (record.sequence != expected || record.gateway != segment->head.gateway)) {
			segment->offset = offset;
			err = ERR_DAMAGED;
		}
		if (err != OK)
			break;
		if (record.sequence == recovery->end) {
			err = take(recovery, &record, scratch);
			if (err != OK)
				return err;
		}
		expected++;
	}
	*out_sequence = expected;
	return OK;
}

/* The last segment ends at segment->offset: torn or damaged? */
static enum err cut_tail(struct recovery *recovery, struct segment *segment, uint64_t sequence,
			 struct diag *diag)
{
	struct files files = segment->files;
	bool is_proved;
	off_t end;
	enum err err = segment_search(segment, sequence, &is_proved, &end);

	if (err != OK)
		return err;
	if (is_proved)
		return damaged(diag, segment->path, segment->offset, sequence,
			       "a record in the middle does not verify");
	recovery->cut_bytes = (uint64_t)(end - segment->offset);
	if (files.ops->size(files.arg, segment->fd) <= segment->offset)
		return OK;
	if (files.ops->ftruncate(files.arg, segment->fd, segment->offset) != 0)
		return ERR_IO;
	return files_sync(files, segment->fd);
}

static enum err read_one(struct recovery *recovery, struct files files, const char *dir, size_t i,
			 uint8_t *scratch, struct diag *diag)
{
	const struct segment_list *list = &recovery->list;
	struct segment segment = {0};
	char path[FILE_PATH_BYTES];
	bool is_last = i + 1 == list->count;
	uint64_t stop = 0;
	enum err err = segment_path(dir, list->heads[i].number, path);

	if (err == OK)
		err = segment_open(&segment, files, path, is_last ? O_RDWR : O_RDONLY);
	if (err == OK)
		err = read_segment(recovery, &segment, scratch, &stop);
	if (err == OK && is_last)
		err = cut_tail(recovery, &segment, stop, diag);
	else if (err == OK && list->heads[i + 1].first > recovery->end)
		err = damaged(diag, path, segment.offset, stop,
			      "a record in the middle does not verify");
	if (err != OK && err != ERR_DAMAGED)
		err = diag_set(diag, err, path, 0, 0, "cannot read: %s", strerror(errno));
	segment_close(&segment);
	return err;
}

static enum err read_all(struct recovery *recovery, struct files files, const char *dir,
			 struct diag *diag)
{
	size_t first = first_to_read(&recovery->list);
	uint8_t *scratch = base_alloc(RECORD_BYTES);
	enum err err = OK;

	recovery->end = recovery->list.heads[first].first;
	for (size_t i = first; i < recovery->list.count && err == OK; i++) {
		recovery->epoch = MAX(recovery->epoch, recovery->list.heads[i].epoch);
		err = read_one(recovery, files, dir, i, scratch, diag);
	}
	free(scratch);
	return err;
}

enum err recovery_run(struct recovery *recovery, struct files files, const char *dir,
		      uint32_t gateway, struct diag *diag)
{
	enum err err;

	*recovery = (struct recovery){.end = 1, .open_from = 1};
	open_set_init(&recovery->open, true);
	buf_init(&recovery->carry, CARRY_BYTES);
	err = segment_list_load(files, dir, diag, &recovery->list);
	if (err != OK || recovery->list.count == 0)
		return err;
	if (recovery->list.heads[0].gateway != gateway)
		return diag_set(diag, ERR_CONFLICT, dir, 0, 0,
				"this journal was written under another gateway.id; use that id or "
				"another gateway.state");
	err = read_all(recovery, files, dir, diag);
	if (err != OK)
		return err;
	recovery->open_from = open_set_lowest(&recovery->open, recovery->end);
	if (recovery->carry.len > 0)
		recovery->open_from = MIN(recovery->open_from, recovery->carry_first);
	open_set_apply_frames(&recovery->open, buf_str(&recovery->carry));
	return OK;
}

void recovery_fini(struct recovery *recovery)
{
	segment_list_fini(&recovery->list);
	open_set_fini(&recovery->open);
	buf_fini(&recovery->carry);
}
