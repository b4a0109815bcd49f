/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The book: <state>/ledger.db.
 *
 *   cursor   one row: how far the journal is in, when, for which gateway
 *   account  8 names -> id          price  line, meter, unit, currency, rate -> id
 *   totals   (hour, account, price, flags) -> quantity, cost, counts, last record
 *   rejected position -> why a settle record is not in the totals
 *
 * Cost is kept as whole currency and pico of the rest (0 <= pico < 10^12), for
 * pico alone leaves 64 bits at 9.2 million. Totals and cursor change in one
 * transaction with synchronous=FULL, so the book is at one record exactly.
 */
#include "metering/ledger/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <sqlite3.h>

#include "base/clock.h"

#define BOOK_FILE      "ledger.db"
#define BOOK_VERSION   2
#define BUSY_MS	       2000
#define PICO_PER_WHOLE 1000000000000LL
#define ROW_COLUMNS                                                                                \
	"t.hour, t.flags, t.quantity, t.whole, t.pico, t.requests, t.attempts, t.last_epoch, "     \
	"t.last_seq, p.line, p.meter, p.unit, p.currency, p.rate_micro, a.bu, a.team, a.project, " \
	"a.principal, a.model, a.deployment, a.provider, a.dialect "                               \
	"FROM totals t JOIN price p ON p.id = t.price JOIN account a ON a.id = t.account "

#define ACCOUNT_TABLE(name)                                                                        \
	"CREATE TABLE " name "(id INTEGER PRIMARY KEY, bu TEXT NOT NULL, team TEXT NOT NULL,"      \
	" project TEXT NOT NULL, principal TEXT NOT NULL, model TEXT NOT NULL,"                    \
	" deployment TEXT NOT NULL, provider TEXT NOT NULL, dialect TEXT NOT NULL,"                \
	" UNIQUE (principal, model, deployment, bu, team, project, provider, dialect));"

static const char schema[] =
	"CREATE TABLE cursor(id INTEGER PRIMARY KEY CHECK (id = 1), gateway TEXT NOT NULL,"
	" epoch INTEGER NOT NULL, seq INTEGER NOT NULL, committed_s INTEGER NOT "
	"NULL);" ACCOUNT_TABLE(
		"account") "CREATE TABLE price(id INTEGER PRIMARY KEY, line TEXT NOT NULL, meter "
			   "TEXT NOT NULL,"
			   " unit TEXT NOT NULL, currency TEXT NOT NULL, rate_micro INTEGER NOT "
			   "NULL,"
			   " UNIQUE (line, meter, unit, currency, rate_micro));"
			   "CREATE TABLE totals(hour INTEGER NOT NULL, account INTEGER NOT NULL,"
			   " price INTEGER NOT NULL, flags INTEGER NOT NULL, quantity INTEGER NOT "
			   "NULL,"
			   " whole INTEGER NOT NULL, pico INTEGER NOT NULL, requests INTEGER NOT "
			   "NULL,"
			   " attempts INTEGER NOT NULL, last_epoch INTEGER NOT NULL, last_seq "
			   "INTEGER NOT NULL,"
			   " PRIMARY KEY (hour, account, price, flags)) WITHOUT ROWID;"
			   "CREATE INDEX totals_last ON totals(last_epoch, last_seq);"
			   "CREATE TABLE rejected(epoch INTEGER NOT NULL, seq INTEGER NOT NULL, "
			   "reason TEXT NOT NULL,"
			   " PRIMARY KEY (epoch, seq)) WITHOUT ROWID;"
			   "PRAGMA user_version = 2;";

/* Layout 1 knew no dialects. */
static const char from_layout_1[] =
	ACCOUNT_TABLE("account_2") "INSERT INTO account_2 SELECT id, bu, team, project, principal, "
				   "model, deployment,"
				   " provider, '' FROM account;"
				   "DROP TABLE account;"
				   "ALTER TABLE account_2 RENAME TO account;"
				   "PRAGMA user_version = 2;";

enum statement {
	CURSOR_GET,
	CURSOR_PUT,
	ACCOUNT_GET,
	ACCOUNT_PUT,
	PRICE_GET,
	PRICE_PUT,
	TOTAL_GET,
	TOTAL_PUT,
	REJECT_PUT,
	REJECT_COUNT,
	CHANGED,
	SCAN,
	STATEMENT_COUNT
};

static const char *const statements[] = {
	[CURSOR_GET] = "SELECT epoch, seq, committed_s, gateway FROM cursor WHERE id = 1",
	[CURSOR_PUT] = "INSERT INTO cursor VALUES (1, ?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE SET"
		       " epoch = excluded.epoch, seq = excluded.seq,"
		       " committed_s = excluded.committed_s",
	[ACCOUNT_GET] = "SELECT id FROM account WHERE bu = ?1 AND team = ?2 AND project = ?3"
			" AND principal = ?4 AND model = ?5 AND deployment = ?6 AND provider = ?7"
			" AND dialect = ?8",
	[ACCOUNT_PUT] = "INSERT INTO account(bu, team, project, principal, model, deployment,"
			" provider, dialect) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
	[PRICE_GET] = "SELECT id FROM price WHERE line = ?1 AND meter = ?2 AND unit = ?3"
		      " AND currency = ?4 AND rate_micro = ?5",
	[PRICE_PUT] = "INSERT INTO price(line, meter, unit, currency, rate_micro)"
		      " VALUES (?1, ?2, ?3, ?4, ?5)",
	[TOTAL_GET] = "SELECT quantity, whole, pico, requests, attempts FROM totals"
		      " WHERE hour = ?1 AND account = ?2 AND price = ?3 AND flags = ?4",
	[TOTAL_PUT] = "INSERT INTO totals VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"
		      " ON CONFLICT DO UPDATE SET quantity = excluded.quantity,"
		      " whole = excluded.whole, pico = excluded.pico,"
		      " requests = excluded.requests, attempts = excluded.attempts,"
		      " last_epoch = excluded.last_epoch, last_seq = excluded.last_seq",
	[REJECT_PUT] = "INSERT INTO rejected VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
	[REJECT_COUNT] = "SELECT count(*) FROM rejected",
	[CHANGED] = "SELECT " ROW_COLUMNS "WHERE (t.last_epoch, t.last_seq) > (?1, ?2)"
		    " AND (t.last_epoch, t.last_seq) <= (?3, ?4)",
	[SCAN] = "SELECT " ROW_COLUMNS "WHERE t.hour >= ?1 AND t.hour < ?2",
};

struct book {
	sqlite3 *db;
	sqlite3_stmt *prepared[STATEMENT_COUNT];
	char gateway[LEDGER_GATEWAY_BYTES + 1];
	char why[200];
};

static enum err book_err(struct book *book, int code)
{
	snprintf(book->why, sizeof(book->why), "%s", sqlite3_errmsg(book->db));
	switch (code & 0xff) {
	case SQLITE_FULL:
	case SQLITE_BUSY: return ERR_UNAVAILABLE;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB: return ERR_DAMAGED;
	case SQLITE_CANTOPEN: return ERR_NOT_FOUND;
	default: return ERR_IO;
	}
}

static enum err book_exec(struct book *book, const char *sql)
{
	int code = sqlite3_exec(book->db, sql, NULL, NULL, NULL);

	return code == SQLITE_OK ? OK : book_err(book, code);
}

static void bind_str(sqlite3_stmt *stmt, int at, struct str s)
{
	sqlite3_bind_text(stmt, at, s.len == 0 ? "" : s.ptr, (int)s.len, SQLITE_STATIC);
}

static void bind_pos(sqlite3_stmt *stmt, int at, struct ledger_pos pos)
{
	sqlite3_bind_int64(stmt, at, (int64_t)pos.epoch);
	sqlite3_bind_int64(stmt, at + 1, (int64_t)pos.seq);
}

static struct str column_str(sqlite3_stmt *stmt, int at)
{
	const void *text = sqlite3_column_text(stmt, at);

	return str_make(text == NULL ? "" : text, (size_t)sqlite3_column_bytes(stmt, at));
}

static struct ledger_pos column_pos(sqlite3_stmt *stmt, int at)
{
	return (struct ledger_pos){(uint64_t)sqlite3_column_int64(stmt, at),
				   (uint64_t)sqlite3_column_int64(stmt, at + 1)};
}

/* Prepared on first use and kept. */
static enum err book_stmt(struct book *book, enum statement which, sqlite3_stmt **out_stmt)
{
	if (book->prepared[which] == NULL) {
		int code =
			sqlite3_prepare_v3(book->db, statements[which], -1,
					   SQLITE_PREPARE_PERSISTENT, &book->prepared[which], NULL);

		if (code != SQLITE_OK)
			return book_err(book, code);
	}
	*out_stmt = book->prepared[which];
	return OK;
}

/* Runs a statement that has at most one row; ERR_NOT_FOUND: it has none. The row stays readable
 * until the statement's next use. */
static enum err book_step(struct book *book, sqlite3_stmt *stmt)
{
	int code = sqlite3_step(stmt);

	if (code == SQLITE_ROW)
		return OK;
	if (code == SQLITE_DONE) {
		sqlite3_reset(stmt);
		return ERR_NOT_FOUND;
	}
	sqlite3_reset(stmt);
	return book_err(book, code);
}

/* For statements without rows. */
static enum err book_run(struct book *book, sqlite3_stmt *stmt)
{
	enum err err = book_step(book, stmt);

	ASSERT(err != OK);
	return err == ERR_NOT_FOUND ? OK : err;
}

static enum err book_cursor(struct book *book, struct ledger_pos *out_pos, int64_t *out_committed_s,
			    bool *out_is_ours)
{
	sqlite3_stmt *stmt = NULL;
	enum err err = book_stmt(book, CURSOR_GET, &stmt);

	if (err != OK)
		return err;
	err = book_step(book, stmt);
	if (err == OK) {
		struct str gateway = column_str(stmt, 3);

		*out_pos = column_pos(stmt, 0);
		*out_committed_s = sqlite3_column_int64(stmt, 2);
		*out_is_ours =
			book->gateway[0] == '\0' || str_eq(gateway, str_from_c(book->gateway));
		if (book->gateway[0] == '\0')
			snprintf(book->gateway, sizeof(book->gateway), STR_FMT, STR_ARG(gateway));
	}
	sqlite3_reset(stmt);
	return err;
}

static enum err book_watermark(void *store, struct ledger_pos *out_pos)
{
	struct ledger_pos pos = {0, 0};
	int64_t committed_s;
	bool is_ours;
	enum err err = book_cursor(store, &pos, &committed_s, &is_ours);

	if (err != OK && err != ERR_NOT_FOUND)
		return err;
	*out_pos = pos;
	return OK;
}

static void bind_account(sqlite3_stmt *stmt, const struct ledger_account *account)
{
	for (int i = 0; i < LEDGER_DIM_COUNT; i++)
		bind_str(stmt, i + 1, account->dims[i]);
}

static void bind_price(sqlite3_stmt *stmt, const struct ledger_price *price)
{
	bind_str(stmt, 1, price->line);
	bind_str(stmt, 2, price->meter);
	bind_str(stmt, 3, price->unit);
	bind_str(stmt, 4, price->currency);
	sqlite3_bind_int64(stmt, 5, price->rate_micro);
}

/* *id stays 0 when the book does not know it. */
static enum err find_id(struct book *book, sqlite3_stmt *stmt, int64_t *id)
{
	enum err err = book_step(book, stmt);

	if (err == ERR_NOT_FOUND)
		return OK;
	if (err == OK)
		*id = sqlite3_column_int64(stmt, 0);
	sqlite3_reset(stmt);
	return err;
}

static enum err find_ids(struct book *book, struct ledger_row *row)
{
	sqlite3_stmt *stmt = NULL;
	enum err err = OK;

	if (row->account->id == 0) {
		err = book_stmt(book, ACCOUNT_GET, &stmt);
		if (err != OK)
			return err;
		bind_account(stmt, row->account);
		err = find_id(book, stmt, &row->account->id);
	}
	if (err == OK && row->price->id == 0) {
		err = book_stmt(book, PRICE_GET, &stmt);
		if (err != OK)
			return err;
		bind_price(stmt, row->price);
		err = find_id(book, stmt, &row->price->id);
	}
	return err;
}

static struct ledger_amount column_amount(sqlite3_stmt *stmt, int at)
{
	return (struct ledger_amount){
		.quantity = sqlite3_column_int64(stmt, at),
		.pico = (__int128)sqlite3_column_int64(stmt, at + 1) * PICO_PER_WHOLE +
			sqlite3_column_int64(stmt, at + 2),
		.requests = sqlite3_column_int64(stmt, at + 3),
		.attempts = sqlite3_column_int64(stmt, at + 4),
	};
}

static enum err load_row(struct book *book, struct ledger_row *row)
{
	sqlite3_stmt *stmt = NULL;
	enum err err = find_ids(book, row);

	row->total = (struct ledger_amount){.pico = 0};
	if (err != OK || row->account->id == 0 || row->price->id == 0)
		return err;
	err = book_stmt(book, TOTAL_GET, &stmt);
	if (err != OK)
		return err;
	sqlite3_bind_int64(stmt, 1, row->hour);
	sqlite3_bind_int64(stmt, 2, row->account->id);
	sqlite3_bind_int64(stmt, 3, row->price->id);
	sqlite3_bind_int64(stmt, 4, row->flags);
	err = book_step(book, stmt);
	if (err == ERR_NOT_FOUND)
		return OK;
	if (err == OK)
		row->total = column_amount(stmt, 0);
	sqlite3_reset(stmt);
	return err;
}

/* In one read transaction, for each statement alone would lock the file anew. */
static enum err book_load(void *store, struct ledger_batch *batch)
{
	struct book *book = store;
	enum err err = book_exec(book, "BEGIN");

	/* Ids may come from an insert that was rolled back. */
	for (size_t i = 0; i < batch->row_count; i++) {
		batch->rows[i]->account->id = 0;
		batch->rows[i]->price->id = 0;
	}
	for (size_t i = 0; err == OK && i < batch->row_count; i++)
		err = load_row(book, batch->rows[i]);
	if (sqlite3_get_autocommit(book->db) == 0)
		sqlite3_exec(book->db, "COMMIT", NULL, NULL, NULL);
	return err;
}

static enum err put_ids(struct book *book, struct ledger_row *row)
{
	sqlite3_stmt *stmt = NULL;
	enum err err = OK;

	if (row->account->id == 0) {
		err = book_stmt(book, ACCOUNT_PUT, &stmt);
		if (err != OK)
			return err;
		bind_account(stmt, row->account);
		err = book_run(book, stmt);
		if (err != OK)
			return err;
		row->account->id = sqlite3_last_insert_rowid(book->db);
	}
	if (row->price->id == 0) {
		err = book_stmt(book, PRICE_PUT, &stmt);
		if (err != OK)
			return err;
		bind_price(stmt, row->price);
		err = book_run(book, stmt);
		if (err != OK)
			return err;
		row->price->id = sqlite3_last_insert_rowid(book->db);
	}
	return OK;
}

static enum err put_row(struct book *book, struct ledger_row *row)
{
	const struct ledger_amount *total = &row->total;
	__int128 whole = total->pico / PICO_PER_WHOLE;
	int64_t rest = (int64_t)(total->pico % PICO_PER_WHOLE);
	sqlite3_stmt *stmt = NULL;
	enum err err = put_ids(book, row);

	if (err == OK)
		err = book_stmt(book, TOTAL_PUT, &stmt);
	if (err != OK)
		return err;
	if (rest < 0) {
		rest += PICO_PER_WHOLE;
		whole -= 1;
	}
	if (whole > INT64_MAX || whole < INT64_MIN)
		return ERR_LIMIT;
	sqlite3_bind_int64(stmt, 1, row->hour);
	sqlite3_bind_int64(stmt, 2, row->account->id);
	sqlite3_bind_int64(stmt, 3, row->price->id);
	sqlite3_bind_int64(stmt, 4, row->flags);
	sqlite3_bind_int64(stmt, 5, total->quantity);
	sqlite3_bind_int64(stmt, 6, (int64_t)whole);
	sqlite3_bind_int64(stmt, 7, rest);
	sqlite3_bind_int64(stmt, 8, total->requests);
	sqlite3_bind_int64(stmt, 9, total->attempts);
	bind_pos(stmt, 10, row->last);
	return book_run(book, stmt);
}

static enum err put_reject(struct book *book, const struct ledger_item *item)
{
	sqlite3_stmt *stmt = NULL;
	enum err err = book_stmt(book, REJECT_PUT, &stmt);

	if (err != OK)
		return err;
	bind_pos(stmt, 1, item->pos);
	bind_str(stmt, 3, item->text);
	return book_run(book, stmt);
}

static enum err put_cursor(struct book *book, struct ledger_pos to)
{
	sqlite3_stmt *stmt = NULL;
	enum err err = book_stmt(book, CURSOR_PUT, &stmt);

	if (err != OK)
		return err;
	bind_str(stmt, 1, str_from_c(book->gateway));
	bind_pos(stmt, 2, to);
	sqlite3_bind_int64(stmt, 4, clock_wall_ns() / CLOCK_NS_PER_S);
	return book_run(book, stmt);
}

static enum err apply_inside(struct book *book, const struct ledger_batch *batch)
{
	struct ledger_pos at;
	enum err err = book_watermark(book, &at);

	if (err == OK && ledger_pos_cmp(at, batch->from) != 0) {
		snprintf(book->why, sizeof(book->why), "the book stands at %" PRIu64 "-%" PRIu64,
			 at.epoch, at.seq);
		return ERR_CONFLICT;
	}
	for (size_t i = 0; err == OK && i < batch->row_count; i++)
		err = put_row(book, batch->rows[i]);
	for (size_t i = 0; err == OK && i < batch->rejects.count; i++)
		err = put_reject(book, &batch->rejects.list[i]);
	return err == OK ? put_cursor(book, batch->to) : err;
}

static enum err book_apply(void *store, const struct ledger_batch *batch)
{
	struct book *book = store;
	enum err err = book_exec(book, "BEGIN IMMEDIATE");

	if (err != OK)
		return err;
	err = apply_inside(book, batch);
	if (err == OK)
		err = book_exec(book, "COMMIT");
	if (err != OK && sqlite3_get_autocommit(book->db) == 0)
		sqlite3_exec(book->db, "ROLLBACK", NULL, NULL, NULL);
	return err;
}

/* One row of ROW_COLUMNS; the views die with the next step. */
static void column_row(sqlite3_stmt *stmt, struct ledger_row *row)
{
	row->hour = sqlite3_column_int64(stmt, 0);
	row->flags = (uint32_t)sqlite3_column_int64(stmt, 1);
	row->total = column_amount(stmt, 2);
	row->last = column_pos(stmt, 7);
	row->price->line = column_str(stmt, 9);
	row->price->meter = column_str(stmt, 10);
	row->price->unit = column_str(stmt, 11);
	row->price->currency = column_str(stmt, 12);
	row->price->rate_micro = sqlite3_column_int64(stmt, 13);
	for (int i = 0; i < LEDGER_DIM_COUNT; i++)
		row->account->dims[i] = column_str(stmt, 14 + i);
}

static enum err book_rows(struct book *book, sqlite3_stmt *stmt, ledger_row_fn on_row, void *arg)
{
	struct ledger_account account = {.id = 0};
	struct ledger_price price = {.id = 0};
	struct ledger_row row = {.account = &account, .price = &price};
	enum err err;

	while ((err = book_step(book, stmt)) == OK) {
		column_row(stmt, &row);
		err = on_row(arg, str_from_c(book->gateway), &row);
		if (err != OK)
			break;
	}
	sqlite3_reset(stmt);
	return err == ERR_NOT_FOUND ? OK : err;
}

static enum err count_rejects(struct book *book, uint64_t *out_count)
{
	sqlite3_stmt *stmt = NULL;
	enum err err = book_stmt(book, REJECT_COUNT, &stmt);

	if (err == OK)
		err = book_step(book, stmt);
	if (err != OK)
		return err;
	*out_count = (uint64_t)sqlite3_column_int64(stmt, 0);
	sqlite3_reset(stmt);
	return OK;
}

static enum err on_changed(void *arg, struct str gateway, const struct ledger_row *found)
{
	struct ledger_row *row;
	enum err err;

	(void)gateway;
	err = ledger_batch_row(arg, found->hour, found->account, found->price, found->flags, &row);
	if (err != OK)
		return err;
	row->total = found->total;
	row->last = found->last;
	return OK;
}

static enum err book_changed(void *store, struct ledger_pos from, struct ledger_pos to,
			     struct ledger_batch *batch)
{
	struct book *book = store;
	sqlite3_stmt *stmt = NULL;
	enum err err = book_stmt(book, CHANGED, &stmt);

	if (err != OK)
		return err;
	bind_pos(stmt, 1, from);
	bind_pos(stmt, 3, to);
	err = book_rows(book, stmt, on_changed, batch);
	return err == OK ? count_rejects(book, &batch->rejected) : err;
}

static enum err book_standing(struct book *book, struct ledger_standing *out)
{
	struct ledger_standing standing = {.gateways = 0};
	struct ledger_pos pos;
	bool is_ours;
	enum err err = book_cursor(book, &pos, &standing.as_of_s, &is_ours);

	if (err == OK)
		standing.gateways = 1;
	else if (err != ERR_NOT_FOUND)
		return err;
	err = count_rejects(book, &standing.rejected);
	if (err == OK)
		*out = standing;
	return err;
}

/* One read transaction, so that rows and standing are of one moment. */
static enum err book_scan(void *store, int64_t from_hour, int64_t to_hour, ledger_row_fn on_row,
			  void *arg, struct ledger_standing *out_standing)
{
	struct book *book = store;
	sqlite3_stmt *stmt = NULL;
	enum err err = book_exec(book, "BEGIN");

	if (err != OK)
		return err;
	err = book_standing(book, out_standing);
	if (err == OK)
		err = book_stmt(book, SCAN, &stmt);
	if (err == OK) {
		sqlite3_bind_int64(stmt, 1, from_hour);
		sqlite3_bind_int64(stmt, 2, to_hour);
		err = book_rows(book, stmt, on_row, arg);
	}
	sqlite3_exec(book->db, "COMMIT", NULL, NULL, NULL);
	return err;
}

static const char *book_why(void *store)
{
	struct book *book = store;

	return book->why;
}

static void book_close(void *store)
{
	struct book *book = store;

	if (book == NULL)
		return;
	for (unsigned i = 0; i < STATEMENT_COUNT; i++)
		sqlite3_finalize(book->prepared[i]);
	sqlite3_close(book->db);
	free(book);
}

static enum err book_version(struct book *book, int64_t *out_version)
{
	sqlite3_stmt *stmt = NULL;
	int code = sqlite3_prepare_v2(book->db, "PRAGMA user_version", -1, &stmt, NULL);

	if (code == SQLITE_OK)
		code = sqlite3_step(stmt);
	if (code == SQLITE_ROW)
		*out_version = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	return code == SQLITE_ROW ? OK : book_err(book, code);
}

/* Makes the tables, or brings an older book's up to date, whole or not at all. */
static enum err book_lay_out(struct book *book, int64_t version)
{
	enum err err = book_exec(book, "BEGIN IMMEDIATE");

	if (err == OK)
		err = book_exec(book, version == 0 ? schema : from_layout_1);
	if (err == OK)
		err = book_exec(book, "COMMIT");
	return err;
}

static enum err book_prepare(struct book *book, bool read_only)
{
	int64_t version = 0;
	enum err err;

	sqlite3_busy_timeout(book->db, BUSY_MS);
	err = book_version(book, &version);
	if (err == OK && !read_only)
		err = book_exec(book, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;");
	if (err != OK || version == BOOK_VERSION)
		return err;
	if (!read_only && version >= 0 && version < BOOK_VERSION)
		return book_lay_out(book, version);
	snprintf(book->why, sizeof(book->why), "it has layout %" PRId64 ", we know %d%s", version,
		 BOOK_VERSION, version == 1 ? "; a start of the gateway brings it up to date" : "");
	return ERR_UNSUPPORTED;
}

/* A book under another id would be published twice, under both. */
static enum err book_check_owner(struct book *book)
{
	struct ledger_pos pos;
	int64_t committed_s;
	bool is_ours = true;
	enum err err = book_cursor(book, &pos, &committed_s, &is_ours);

	if (err == ERR_NOT_FOUND)
		return OK;
	if (err == OK && !is_ours) {
		snprintf(book->why, sizeof(book->why),
			 "it belongs to another gateway id; give the old id back or use a new "
			 "state folder");
		return ERR_CONFLICT;
	}
	return err;
}

static enum err book_open(const struct ledger_options *options, bool read_only, struct diag *diag,
			  void **out_store)
{
	int mode = read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
	struct book *book = base_alloc(sizeof(*book));
	char path[4096];
	enum err err;
	int code;

	if (options->gateway != NULL && !read_only)
		snprintf(book->gateway, sizeof(book->gateway), "%s", options->gateway);
	snprintf(path, sizeof(path), "%s/" BOOK_FILE, options->state);
	code = sqlite3_open_v2(path, &book->db, mode | SQLITE_OPEN_NOMUTEX, NULL);
	err = code == SQLITE_OK ? book_prepare(book, read_only) : book_err(book, code);
	if (err == OK)
		err = book_check_owner(book);
	if (err != OK) {
		err = diag_set(diag, err, path, 0, 0, "cannot use the ledger: %s%s", book->why,
			       err == ERR_NOT_FOUND && read_only
				       ? "; is this the state folder of a gateway that ran?"
				       : "");
		book_close(book);
		return err;
	}
	*out_store = book;
	return OK;
}

const struct ledger_ops ledger_sqlite_ops = {
	.name = "sqlite",
	.open = book_open,
	.watermark = book_watermark,
	.load = book_load,
	.apply = book_apply,
	.changed = book_changed,
	.scan = book_scan,
	.why = book_why,
	.close = book_close,
};
