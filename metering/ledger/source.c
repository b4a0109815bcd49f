/* SPDX-License-Identifier: Apache-2.0 */
#include "metering/ledger/source.h"

#include "metering/journal/cursor.h"
#include "metering/ledger/ledger.h"

static enum err source_open(void *arg, struct ledger_pos after, void **out_cursor)
{
	struct cursor *cursor;
	enum err err = journal_reader_open(arg, after.seq + 1, NULL, &cursor);

	if (err == ERR_NOT_FOUND)
		err = journal_reader_open(arg, 0, NULL, &cursor);
	if (err == OK)
		*out_cursor = cursor;
	return err;
}

static enum err source_next(void *cursor, struct ledger_record *out_record)
{
	struct record record;

	switch (cursor_next(cursor, &record)) {
	case IO_DONE:
		out_record->pos = (struct ledger_pos){record.epoch, record.sequence};
		out_record->is_settle = record.type == RECORD_SETTLE;
		out_record->payload = record.payload;
		return OK;
	case IO_AGAIN: return ERR_NOT_FOUND;
	case IO_EOF:
	case IO_FAIL: return ERR_IO;
	}
	return ERR_INTERNAL;
}

static void source_release(void *cursor, struct ledger_pos pos)
{
	cursor_release(cursor, pos.seq + 1);
}

static void source_close(void *cursor)
{
	cursor_free(cursor);
}

struct ledger_source ledger_source_journal(struct journal *journal)
{
	return (struct ledger_source){
		.open = source_open,
		.next = source_next,
		.release = source_release,
		.close = source_close,
		.arg = journal,
	};
}

enum err ledger_start(const struct ledger_options *options, struct journal *journal,
		      struct diag *diag, struct ledger **out_ledger)
{
	struct ledger_source source = ledger_source_journal(journal);

	return ledger_start_from(options, &source, diag, out_ledger);
}
