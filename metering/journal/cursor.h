/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A reader's place in the journal: gives record after record in order of
 * sequence, each once, across segments and across copies that a failed write
 * left behind (the later segment wins).
 *
 * A cursor from journal_reader_open() sees only what is durable, and holds
 * back the deletion of what it has not released. One from
 * journal_cursor_open() reads the files of a journal that may belong to
 * another process: at the very end it may see a record which a crash takes
 * back again. Sequence numbers are the place to remember.
 *
 * Owns:    one descriptor and one read buffer.
 * Threads: one user at a time; registration and release are safe against the
 *          journal's own thread.
 * Limits:  buffer 128 KiB.
 */
#ifndef METERING_JOURNAL_CURSOR_H
#define METERING_JOURNAL_CURSOR_H

#include "metering/journal/file.h"
#include "metering/journal/record.h"

struct cursor;
struct journal;
struct readers;

/* Files below `<state>/journal/`, read only. from_sequence 0: the oldest there is. ERR_NOT_FOUND
 * when there is no journal or from_sequence was deleted; diag may be NULL. */
MUST_CHECK enum err journal_cursor_open(const char *state, uint64_t from_sequence,
					struct diag *diag, struct cursor **out);
/* The same through given files. */
MUST_CHECK enum err journal_cursor_open_files(struct files files, const char *state,
					      uint64_t from_sequence, struct diag *diag,
					      struct cursor **out);
/* Inside the process that writes: durable records only. Besides the above ERR_CONFLICT when
 * from_sequence lies beyond the end (the journal was rolled back), ERR_LIMIT when there are
 * READERS_MAX (8) already. Everything from from_sequence on is kept until released. */
MUST_CHECK enum err journal_reader_open(struct journal *journal, uint64_t from_sequence,
					struct diag *diag, struct cursor **out);
/* What journal_reader_open does, for the journal itself. */
MUST_CHECK enum err cursor_open_reader(struct files files, const char *state,
				       uint64_t from_sequence, struct readers *readers,
				       struct diag *diag, struct cursor **out);
/* Also gives the registration back. Before journal_close. */
void cursor_free(struct cursor *cursor);

/* IO_DONE: *out is the next record, its payload valid until the next call. IO_AGAIN: at the end
 * for now; ask again later. IO_FAIL: damaged or unreadable, cursor_diag says where; the cursor
 * stays in front of it. Never IO_EOF. */
enum io cursor_next(struct cursor *cursor, struct record *out);
const struct diag *cursor_diag(const struct cursor *cursor);
/* Sequence of the record that cursor_next gives next (0: the oldest, not looked at yet). */
uint64_t cursor_sequence(const struct cursor *cursor);
/* This reader will never again need a record below `sequence`: it may be deleted by age. */
void cursor_release(struct cursor *cursor, uint64_t sequence);

#endif
