/* SPDX-License-Identifier: Apache-2.0 */
#include "metering/journal/cursor.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "metering/journal/readers.h"
#include "metering/journal/segment.h"

struct cursor {
	struct files files;
	char dir[FILE_PATH_BYTES];
	struct segment segment;	 /* ops NULL: none open */
	uint64_t next;		 /* 0: the oldest there is */
	uint64_t until;		 /* the next segment's first, UINT64_MAX at the last */
	struct readers *readers; /* NULL outside the process that writes */
	unsigned place;
	struct diag diag;
};

static enum io fail(struct cursor *cursor, enum err err, const char *what)
{
	const char *path = cursor->segment.files.ops == NULL ? cursor->dir : cursor->segment.path;

	if (err == ERR_DAMAGED || err == ERR_NOT_FOUND)
		diag_set(&cursor->diag, err, path, 0, 0, "%s at offset %lld, sequence %" PRIu64,
			 what, (long long)cursor->segment.offset, cursor->next);
	else
		diag_set(&cursor->diag, err, path, 0, 0, "%s: %s", what, strerror(errno));
	return IO_FAIL;
}

static enum err open_number(const struct cursor *cursor, uint64_t number, struct segment *out)
{
	char path[FILE_PATH_BYTES];
	enum err err = segment_path(cursor->dir, number, path);

	return err == OK ? segment_open(out, cursor->files, path, O_RDONLY) : err;
}

/* From nothing: looks at the heads of all segments. IO_AGAIN while there is none. */
static enum io find_first(struct cursor *cursor)
{
	struct segment_list list = {0};
	enum io io = IO_DONE;
	size_t i;

	if (segment_list_load(cursor->files, cursor->dir, &cursor->diag, &list) != OK)
		return IO_FAIL;
	if (cursor->next == 0 && list.count > 0)
		cursor->next = list.heads[0].first;
	i = segment_list_find(&list, cursor->next);
	if (list.count == 0)
		io = IO_AGAIN;
	else if (i == list.count)
		io = fail(cursor, ERR_NOT_FOUND, "the record was deleted by age");
	else if (open_number(cursor, list.heads[i].number, &cursor->segment) != OK)
		io = fail(cursor, ERR_IO, "cannot open the journal segment");
	else
		cursor->until = i + 1 < list.count ? list.heads[i + 1].first : UINT64_MAX;
	segment_list_fini(&list);
	return io;
}

static void move_to(struct cursor *cursor, struct segment *segment)
{
	segment_close(&cursor->segment);
	cursor->segment = *segment;
}

/* The same name may be a new file by now: the writer replaces a segment that failed before it
 * held anything. What this cursor has read of it stands in the new one at the same offset. */
static enum io reopen(struct cursor *cursor)
{
	struct segment segment;
	enum err err = open_number(cursor, cursor->segment.head.number, &segment);

	if (err != OK)
		return fail(cursor, err, "the journal segment is gone");
	segment.offset = cursor->segment.offset;
	move_to(cursor, &segment);
	return IO_DONE;
}

/* To the latest segment that begins at or below `next`, looking forward from the current one. */
static enum io step_forward(struct cursor *cursor)
{
	uint64_t number = cursor->segment.head.number;
	bool has_moved = false;

	cursor->until = UINT64_MAX;
	for (;;) {
		struct segment segment;
		enum err err = open_number(cursor, ++number, &segment);

		if (err == ERR_NOT_FOUND)
			break;
		if (err != OK)
			return fail(cursor, err, "cannot read the next journal segment");
		if (segment.head.first > cursor->next) {
			cursor->until = segment.head.first;
			segment_close(&segment);
			break;
		}
		move_to(cursor, &segment);
		has_moved = true;
	}
	return has_moved ? IO_DONE : reopen(cursor);
}

static enum io find(struct cursor *cursor)
{
	return cursor->segment.files.ops == NULL ? find_first(cursor) : step_forward(cursor);
}

/* IO_AGAIN: what stands here is not the record. */
static enum io read_here(struct cursor *cursor, struct record *out)
{
	struct record record;

	for (;;) {
		off_t offset = cursor->segment.offset;
		enum err err = segment_next(&cursor->segment, &record);

		if (err == ERR_IO)
			return fail(cursor, err, "cannot read");
		if (err != OK)
			return IO_AGAIN;
		if (record.sequence == cursor->next)
			break;
		if (record.sequence > cursor->next) {
			cursor->segment.offset = offset;
			return IO_AGAIN;
		}
	}
	cursor->next++;
	*out = record;
	return IO_DONE;
}

static bool is_at_durable_end(const struct cursor *cursor)
{
	return cursor->readers != NULL && cursor->next >= readers_durable(cursor->readers);
}

enum io cursor_next(struct cursor *cursor, struct record *out)
{
	bool is_fresh = cursor->segment.files.ops == NULL || cursor->next >= cursor->until;
	enum io io;

	if (is_at_durable_end(cursor))
		return IO_AGAIN;
	if (is_fresh) {
		io = find(cursor);
		if (io != IO_DONE || is_at_durable_end(cursor))
			return io == IO_DONE ? IO_AGAIN : io;
	}
	io = read_here(cursor, out);
	if (io == IO_AGAIN && !is_fresh) {
		io = find(cursor);
		if (io == IO_DONE)
			io = read_here(cursor, out);
	}
	if (io == IO_AGAIN && (cursor->readers != NULL || cursor->until != UINT64_MAX))
		return fail(cursor, ERR_DAMAGED, "a record in the middle does not verify");
	return io;
}

static enum err check_from(struct cursor *cursor, uint64_t from, struct diag *diag)
{
	struct segment_list list = {0};
	bool is_gone;
	enum err err = segment_list_load(cursor->files, cursor->dir, diag, &list);

	if (err != OK)
		return err;
	is_gone = from > 0 && list.count > 0 && list.heads[0].first > from;
	segment_list_fini(&list);
	if (is_gone)
		return diag_set(diag, ERR_NOT_FOUND, cursor->dir, 0, 0,
				"the journal no longer holds sequence %" PRIu64
				": it was deleted by age",
				from);
	if (cursor->readers != NULL && from > readers_durable(cursor->readers))
		return diag_set(diag, ERR_CONFLICT, cursor->dir, 0, 0,
				"the journal ends before sequence %" PRIu64
				": was it restored from an older copy?",
				from);
	return OK;
}

static enum err cursor_open(struct files files, const char *state, uint64_t from_sequence,
			    struct readers *readers, struct diag *diag, struct cursor **out)
{
	struct cursor *cursor = base_alloc(sizeof(*cursor));
	enum err err;

	cursor->files = files;
	cursor->next = from_sequence;
	cursor->until = UINT64_MAX;
	cursor->readers = readers;
	err = files_path(cursor->dir, state, "journal");
	if (err == OK)
		err = check_from(cursor, from_sequence, diag);
	if (err != OK) {
		free(cursor);
		return err;
	}
	*out = cursor;
	return OK;
}

enum err journal_cursor_open_files(struct files files, const char *state, uint64_t from_sequence,
				   struct diag *diag, struct cursor **out)
{
	return cursor_open(files, state, from_sequence, NULL, diag, out);
}

enum err journal_cursor_open(const char *state, uint64_t from_sequence, struct diag *diag,
			     struct cursor **out)
{
	return journal_cursor_open_files(files_system(), state, from_sequence, diag, out);
}

/* Registered before it looks: what it finds cannot be deleted any more. */
enum err cursor_open_reader(struct files files, const char *state, uint64_t from_sequence,
			    struct readers *readers, struct diag *diag, struct cursor **out)
{
	unsigned place = 0;
	enum err err = readers_add(readers, from_sequence, &place);

	if (err != OK)
		return diag_set(diag, err, state, 0, 0, "the journal has %d readers already",
				READERS_MAX);
	err = cursor_open(files, state, from_sequence, readers, diag, out);
	if (err == OK)
		(*out)->place = place;
	else
		readers_remove(readers, place);
	return err;
}

void cursor_free(struct cursor *cursor)
{
	if (cursor == NULL)
		return;
	if (cursor->readers != NULL)
		readers_remove(cursor->readers, cursor->place);
	segment_close(&cursor->segment);
	free(cursor);
}

const struct diag *cursor_diag(const struct cursor *cursor)
{
	return &cursor->diag;
}

uint64_t cursor_sequence(const struct cursor *cursor)
{
	return cursor->next;
}

void cursor_release(struct cursor *cursor, uint64_t sequence)
{
	if (cursor->readers != NULL)
		readers_set(cursor->readers, cursor->place, sequence);
}
