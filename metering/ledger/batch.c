/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows are found by a key of numbers (hour, account, price, flags), accounts
 * and prices by their texts, each joined with its length so that no two
 * different ones give the same key.
 */
#include "metering/ledger/batch.h"

#include <stdlib.h>

#include "base/buf.h"

#define BLOCK_BYTES   65536
#define ROOM_BYTES    (512U * 1024) /* one record of any size fits */
#define MAX_ROWS      (LEDGER_BATCH_RECORDS * (LEDGER_ENTRY_LINES + 1))
#define MAX_KEY_BYTES ((LEDGER_DIM_BYTES + 8) * (LEDGER_DIM_COUNT + 1))

struct row_key {
	int64_t hour;
	const void *account;
	const void *price;
	uint64_t flags;
};

struct key_text {
	char text[MAX_KEY_BYTES];
	size_t len;
};

struct ledger_batch *ledger_batch_new(void)
{
	struct ledger_batch *batch = base_alloc(sizeof(*batch));

	arena_init(&batch->arena, BLOCK_BYTES, LEDGER_BATCH_BYTES);
	map_init(&batch->accounts, MAX_ROWS);
	map_init(&batch->prices, MAX_ROWS);
	map_init(&batch->index, MAX_ROWS);
	return batch;
}

static void maps_fini(struct ledger_batch *batch)
{
	map_fini(&batch->accounts);
	map_fini(&batch->prices);
	map_fini(&batch->index);
}

void ledger_batch_free(struct ledger_batch *batch)
{
	if (batch == NULL)
		return;
	maps_fini(batch);
	arena_fini(&batch->arena);
	free(batch->rows);
	free(batch->items.list);
	free(batch->rejects.list);
	free(batch);
}

void ledger_batch_reset(struct ledger_batch *batch, struct ledger_pos pos)
{
	maps_fini(batch);
	map_init(&batch->accounts, MAX_ROWS);
	map_init(&batch->prices, MAX_ROWS);
	map_init(&batch->index, MAX_ROWS);
	arena_reset(&batch->arena);
	memset(batch->recent, 0, sizeof(batch->recent));
	batch->row_count = 0;
	batch->items.count = 0;
	batch->rejects.count = 0;
	batch->from = pos;
	batch->to = pos;
}

bool ledger_batch_is_full(const struct ledger_batch *batch)
{
	return batch->arena.total + ROOM_BYTES > LEDGER_BATCH_BYTES ||
	       batch->row_count + LEDGER_ENTRY_LINES + 1 > MAX_ROWS;
}

static void key_add(struct key_text *key, struct str s)
{
	uint32_t len = (uint32_t)s.len;

	ASSERT(s.len <= LEDGER_DIM_BYTES);
	memcpy(key->text + key->len, &len, sizeof(len));
	key->len += sizeof(len);
	if (s.len > 0)
		memcpy(key->text + key->len, s.ptr, s.len);
	key->len += s.len;
}

static struct str key_str(const struct key_text *key)
{
	return str_make(key->text, key->len);
}

static struct ledger_account *account_intern(struct ledger_batch *batch,
					     const struct ledger_account *account)
{
	struct key_text key = {.len = 0};
	struct ledger_account *own;
	struct str name;

	for (unsigned i = 0; i < LEDGER_DIM_COUNT; i++)
		key_add(&key, account->dims[i]);
	own = map_get(&batch->accounts, key_str(&key));
	if (own != NULL)
		return own;
	name = arena_str(&batch->arena, key_str(&key));
	own = arena_zalloc(&batch->arena, sizeof(*own));
	if (own == NULL || !str_is_set(name))
		return NULL;
	own->id = account->id;
	for (unsigned i = 0; i < LEDGER_DIM_COUNT; i++)
		own->dims[i] = arena_str(&batch->arena, account->dims[i]);
	return map_put(&batch->accounts, name, own) == OK ? own : NULL;
}

static bool price_eq(const struct ledger_price *a, const struct ledger_price *b)
{
	return a->rate_micro == b->rate_micro && str_eq(a->line, b->line) &&
	       str_eq(a->meter, b->meter) && str_eq(a->unit, b->unit) &&
	       str_eq(a->currency, b->currency);
}

/* Few prices are in use at a time: most are found again by their ends, without a hash of the whole.
 */
static struct ledger_price **recent_slot(struct ledger_batch *batch,
					 const struct ledger_price *price)
{
	uint64_t ends[2] = {0};
	size_t line = MIN(price->line.len, sizeof(ends[0]));
	size_t meter = MIN(price->meter.len, sizeof(ends[1]));

	if (line > 0)
		memcpy(&ends[0], price->line.ptr, line);
	if (meter > 0)
		memcpy(&ends[1], price->meter.ptr + price->meter.len - meter, meter);
	ends[0] = (ends[0] ^ ends[1] * 0x9E3779B97F4A7C15U) * 0x9E3779B97F4A7C15U;
	return &batch->recent[ends[0] >> 58];
}

static struct ledger_price *price_find_or_add(struct ledger_batch *batch,
					      const struct ledger_price *price)
{
	struct str rate = str_make((const char *)&price->rate_micro, sizeof(price->rate_micro));
	struct key_text key = {.len = 0};
	struct ledger_price *own;
	struct str name;

	key_add(&key, price->line);
	key_add(&key, price->meter);
	key_add(&key, price->unit);
	key_add(&key, price->currency);
	key_add(&key, rate);
	own = map_get(&batch->prices, key_str(&key));
	if (own != NULL)
		return own;
	name = arena_str(&batch->arena, key_str(&key));
	own = arena_zalloc(&batch->arena, sizeof(*own));
	if (own == NULL || !str_is_set(name))
		return NULL;
	own->line = arena_str(&batch->arena, price->line);
	own->meter = arena_str(&batch->arena, price->meter);
	own->unit = arena_str(&batch->arena, price->unit);
	own->currency = arena_str(&batch->arena, price->currency);
	own->rate_micro = price->rate_micro;
	own->id = price->id;
	return map_put(&batch->prices, name, own) == OK ? own : NULL;
}

static struct ledger_price *price_intern(struct ledger_batch *batch,
					 const struct ledger_price *price)
{
	struct ledger_price **slot = recent_slot(batch, price);

	if (*slot == NULL || !price_eq(*slot, price))
		*slot = price_find_or_add(batch, price);
	return *slot;
}

static void *grow(void *list, size_t *cap, size_t size)
{
	void *bigger;

	*cap = *cap == 0 ? 64 : *cap * 2;
	bigger = reallocarray(list, *cap, size);
	ASSERT(bigger != NULL);
	return bigger;
}

/* account and price are the batch's own. */
static enum err row_find(struct ledger_batch *batch, int64_t hour, struct ledger_account *account,
			 struct ledger_price *price, uint32_t flags, struct ledger_row **out_row)
{
	struct row_key key = {hour, account, price, flags};
	struct ledger_row *row;
	struct str name = str_make((const char *)&key, sizeof(key));

	row = map_get(&batch->index, name);
	if (row == NULL) {
		row = arena_zalloc(&batch->arena, sizeof(*row));
		name = arena_str(&batch->arena, name);
		if (row == NULL || !str_is_set(name) || map_put(&batch->index, name, row) != OK)
			return ERR_LIMIT;
		row->hour = hour;
		row->account = account;
		row->price = price;
		row->flags = flags;
		if (batch->row_count == batch->row_cap)
			batch->rows = grow(batch->rows, &batch->row_cap, sizeof(void *));
		batch->rows[batch->row_count++] = row;
	}
	*out_row = row;
	return OK;
}

enum err ledger_batch_row(struct ledger_batch *batch, int64_t hour,
			  const struct ledger_account *account, const struct ledger_price *price,
			  uint32_t flags, struct ledger_row **out_row)
{
	struct ledger_account *own_account = account_intern(batch, account);
	struct ledger_price *own_price = price_intern(batch, price);

	if (own_account == NULL || own_price == NULL)
		return ERR_LIMIT;
	return row_find(batch, hour, own_account, own_price, flags, out_row);
}

static enum err add_one(struct ledger_batch *batch, const struct ledger_entry *entry,
			struct ledger_account *account, const struct ledger_price *price,
			const struct ledger_amount *amount, uint32_t flags, struct ledger_pos pos)
{
	struct ledger_price *own_price = price_intern(batch, price);
	struct ledger_row *row;
	enum err err;

	if (own_price == NULL)
		return ERR_LIMIT;
	err = row_find(batch, entry->start_s / LEDGER_HOUR_S, account, own_price, flags, &row);
	if (err != OK)
		return err;
	if (!ledger_amount_add(&row->delta, amount))
		return ERR_LIMIT;
	row->last = pos;
	return OK;
}

/* A line that repeats a meter within one entry counts its call once more; meters are disjoint,
 * so a record that does this is unusual and only its call count per meter shows it. */
enum err ledger_batch_add(struct ledger_batch *batch, const struct ledger_entry *entry,
			  struct ledger_pos pos)
{
	struct ledger_amount call = {.requests = entry->attempt == 1 ? 1 : 0, .attempts = 1};
	struct ledger_price none = {.line = STR(""), .meter = STR(""), .unit = STR("")};
	struct ledger_account key = {.id = 0};
	struct ledger_account *account;
	uint32_t shared = entry->flags & ~(uint32_t)LEDGER_UNPRICED;
	enum err err;

	ASSERT(ledger_pos_cmp(batch->to, pos) < 0);
	memcpy(key.dims, entry->dims, sizeof(key.dims));
	account = account_intern(batch, &key);
	if (account == NULL)
		return ERR_LIMIT;
	none.currency = entry->currency;
	err = add_one(batch, entry, account, &none, &call, entry->flags, pos);
	for (unsigned i = 0; err == OK && i < entry->line_count; i++) {
		const struct ledger_line *line = &entry->lines[i];
		struct ledger_price price = {line->price,     line->meter,	line->unit,
					     entry->currency, line->rate_micro, 0};
		struct ledger_amount amount = call;
		bool is_unpriced = str_eq(line->price, STR("unpriced"));

		amount.pico = line->pico;
		amount.quantity = line->quantity;
		err = add_one(batch, entry, account, &price, &amount,
			      shared | (is_unpriced ? (uint32_t)LEDGER_UNPRICED : 0), pos);
	}
	if (err == OK)
		batch->to = pos;
	return err;
}

static enum err items_add(struct ledger_batch *batch, struct ledger_items *items,
			  struct ledger_pos pos, struct str text)
{
	struct str own = arena_str(&batch->arena, text);

	if (!str_is_set(own))
		return ERR_LIMIT;
	if (items->count == items->cap)
		items->list = grow(items->list, &items->cap, sizeof(*items->list));
	items->list[items->count++] = (struct ledger_item){pos, own};
	return OK;
}

enum err ledger_batch_add_item(struct ledger_batch *batch, struct ledger_pos pos, struct str text)
{
	return items_add(batch, &batch->items, pos, text);
}

enum err ledger_batch_add_reject(struct ledger_batch *batch, struct ledger_pos pos, struct str why)
{
	return items_add(batch, &batch->rejects, pos, why);
}

enum err ledger_batch_total(struct ledger_batch *batch)
{
	for (size_t i = 0; i < batch->row_count; i++) {
		struct ledger_amount sum = batch->rows[i]->total;

		if (!ledger_amount_add(&sum, &batch->rows[i]->delta))
			return ERR_LIMIT;
	}
	for (size_t i = 0; i < batch->row_count; i++) {
		bool fits = ledger_amount_add(&batch->rows[i]->total, &batch->rows[i]->delta);

		ASSERT(fits);
	}
	return OK;
}
