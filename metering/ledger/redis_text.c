/* SPDX-License-Identifier: Apache-2.0 */
#include "metering/ledger/redis_text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/crypt.h"
#include "metering/ledger/decimal.h"

#define ARGS_BYTES  (32U * 1024 * 1024)
#define NAMES_BYTES (16U * 1024 * 1024)
#define KEYS_AT	    3 /* behind EVAL, the script, their number */
#define KEYS_FIXED  5
#define HASH_BYTES  12						    /* of SHA-256 */
#define JSON_BYTES  (LEDGER_DIM_COUNT * (LEDGER_DIM_BYTES * 6 + 4)) /* every byte escaped */

/*
 * KEYS w a p h e, then the t and i of each row: a cluster refuses the whole when one of them is on
 * its way to another node, but only those that are named here. ARGV from, to, {gw}, as_of,
 * rejected, then lists that each end in "": accounts (name, text), prices (name, text), rows (hour,
 * account, field, value), items (id, text). A batch that does not start at the watermark changes
 * nothing and is answered with the watermark. Nothing is computed here: every effect is absolute,
 * so a half of it that runs twice is harmless.
 */
static const char script[] =
	"local at = redis.call('HGET', KEYS[1], 'pos') or ''\n"
	"if at ~= ARGV[1] then return at end\n"
	"local tag, i = ARGV[3], 6\n"
	"for k = 2, 3 do\n"
	"  while ARGV[i] ~= '' do\n"
	"    redis.call('HSET', KEYS[k], ARGV[i], ARGV[i + 1])\n"
	"    i = i + 2\n"
	"  end\n"
	"  i = i + 1\n"
	"end\n"
	"while ARGV[i] ~= '' do\n"
	"  local hour, account = ARGV[i], ARGV[i + 1]\n"
	"  redis.call('HSET', 't:' .. tag .. ':' .. hour .. ':' .. account, ARGV[i + 2], ARGV[i + "
	"3])\n"
	"  redis.call('SADD', 'i:' .. tag .. ':' .. hour, account)\n"
	"  redis.call('ZADD', KEYS[4], hour, hour)\n"
	"  i = i + 4\n"
	"end\n"
	"i = i + 1\n"
	"while ARGV[i] ~= '' do\n"
	"  local r = redis.pcall('XADD', KEYS[5], ARGV[i], 'settle', ARGV[i + 1])\n"
	"  if type(r) == 'table' and r.err and not string.find(r.err, 'equal or smaller', 1, true) "
	"then\n"
	"    return r\n"
	"  end\n"
	"  i = i + 2\n"
	"end\n"
	"redis.call('HSET', KEYS[1], 'pos', ARGV[2], 'as_of', ARGV[4], 'rejected', ARGV[5])\n"
	"return ARGV[2]\n";

void ledger_redis_args_init(struct ledger_redis_args *args)
{
	*args = (struct ledger_redis_args){.count = 0};
	buf_init(&args->text, ARGS_BYTES);
	buf_init(&args->names, NAMES_BYTES);
}

void ledger_redis_args_fini(struct ledger_redis_args *args)
{
	buf_fini(&args->text);
	buf_fini(&args->names);
	free(args->argv);
	free(args->lens);
}

/* The argument is what was appended to text since the last one; pointers are made at the end, for
 * the buffer moves while it grows. */
static void close_arg(struct ledger_redis_args *args, size_t start)
{
	if (args->count == args->cap) {
		args->cap = args->cap == 0 ? 256 : args->cap * 2;
		args->lens = reallocarray(args->lens, (size_t)args->cap, sizeof(*args->lens));
		args->argv = reallocarray(args->argv, (size_t)args->cap, sizeof(*args->argv));
		ASSERT(args->lens != NULL && args->argv != NULL);
	}
	args->lens[args->count++] = args->text.len - start;
}

static enum err add_str(struct ledger_redis_args *args, struct str s)
{
	size_t start = args->text.len;
	enum err err = buf_append(&args->text, s);

	close_arg(args, start);
	return err;
}

PRINTF_LIKE(2, 3)
static enum err add_printf(struct ledger_redis_args *args, const char *fmt, ...)
{
	char text[256];
	va_list list;
	int len;

	va_start(list, fmt);
	len = vsnprintf(text, sizeof(text), fmt, list);
	va_end(list);
	ASSERT(len >= 0 && (size_t)len < sizeof(text));
	return add_str(args, str_make(text, (size_t)len));
}

size_t ledger_redis_pos_print(struct ledger_pos pos, char out[static LEDGER_REDIS_POS])
{
	int len = 0;

	out[0] = '\0';
	if (pos.epoch != 0 || pos.seq != 0)
		len = snprintf(out, LEDGER_REDIS_POS, "%" PRIu64 "-%" PRIu64, pos.epoch, pos.seq);
	return (size_t)len;
}

static enum err add_pos(struct ledger_redis_args *args, struct ledger_pos pos)
{
	char text[LEDGER_REDIS_POS];
	size_t len = ledger_redis_pos_print(pos, text);

	return add_str(args, str_make(text, len));
}

enum err ledger_redis_pos_parse(struct str text, struct ledger_pos *out_pos)
{
	struct ledger_pos pos = {0, 0};
	struct str epoch;

	if (text.len > 0) {
		if (!str_cut(&text, '-', &epoch) || str_to_u64(epoch, &pos.epoch) != OK ||
		    str_to_u64(text, &pos.seq) != OK)
			return ERR_DAMAGED;
	}
	*out_pos = pos;
	return OK;
}

/* Appends the short hash of the text that stands behind start. */
static enum err add_name(struct ledger_redis_args *args, struct str text)
{
	uint8_t hash[CRYPT_SHA256_BYTES];
	char name[LEDGER_REDIS_NAME];

	crypt_sha256(text, hash);
	crypt_base64url_encode(hash, HASH_BYTES, name);
	return buf_append(&args->names, str_make(name, sizeof(name)));
}

static struct str name_of(const struct ledger_redis_args *args, int64_t id)
{
	ASSERT(id > 0 && (size_t)id * LEDGER_REDIS_NAME <= args->names.len);
	return str_make(args->names.ptr + (size_t)(id - 1) * LEDGER_REDIS_NAME,
			LEDGER_REDIS_NAME - 1);
}

/* name, then ["a","b",...] */
static enum err add_texts(struct ledger_redis_args *args, const struct str *parts, unsigned count,
			  struct buf *json)
{
	enum err err = OK;

	buf_reset(json);
	for (unsigned i = 0; err == OK && i < count; i++) {
		err = buf_append_byte(json, i == 0 ? '[' : ',');
		if (err == OK)
			err = buf_append_json(json, parts[i]);
	}
	if (err == OK)
		err = buf_append_byte(json, ']');
	if (err == OK)
		err = add_name(args, buf_str(json));
	if (err == OK)
		err = add_str(args, name_of(args, (int64_t)(args->names.len / LEDGER_REDIS_NAME)));
	return err == OK ? add_str(args, buf_str(json)) : err;
}

static enum err add_account(struct ledger_redis_args *args, struct ledger_account *account,
			    struct buf *json)
{
	unsigned count = LEDGER_DIM_COUNT;
	enum err err = OK;

	/* Records from before dialects were booked keep their account's text, and so its name. */
	if (account->dims[LEDGER_DIALECT].len == 0)
		count = LEDGER_DIALECT;
	if (account->id == 0) {
		err = add_texts(args, account->dims, count, json);
		account->id = (int64_t)(args->names.len / LEDGER_REDIS_NAME);
	}
	return err;
}

static enum err add_price(struct ledger_redis_args *args, struct ledger_price *price,
			  struct buf *json)
{
	char rate[DECIMAL_SIZE];
	size_t rate_len = decimal_int(price->rate_micro, rate);
	struct str parts[] = {price->line, price->meter, price->unit, price->currency,
			      str_make(rate, rate_len)};
	enum err err = OK;

	if (price->id == 0) {
		err = add_texts(args, parts, ARRAY_LEN(parts), json);
		price->id = (int64_t)(args->names.len / LEDGER_REDIS_NAME);
	}
	return err;
}

/* Each account and price once; their ids become their places among the names. */
static enum err add_names(struct ledger_redis_args *args, const struct ledger_batch *batch)
{
	struct buf json;
	enum err err = OK;

	buf_init(&json, JSON_BYTES);
	for (size_t i = 0; i < batch->row_count; i++) {
		batch->rows[i]->account->id = 0;
		batch->rows[i]->price->id = 0;
	}
	for (size_t i = 0; err == OK && i < batch->row_count; i++)
		err = add_account(args, batch->rows[i]->account, &json);
	if (err == OK)
		err = add_str(args, STR(""));
	for (size_t i = 0; err == OK && i < batch->row_count; i++)
		err = add_price(args, batch->rows[i]->price, &json);
	if (err == OK)
		err = add_str(args, STR(""));
	buf_fini(&json);
	return err;
}

static enum err add_row(struct ledger_redis_args *args, const struct ledger_row *row)
{
	const struct ledger_amount *total = &row->total;
	char pico[DECIMAL_SIZE];
	enum err err;

	decimal_int(total->pico, pico);
	err = add_printf(args, "%" PRId64, row->hour);
	if (err == OK)
		err = add_str(args, name_of(args, row->account->id));
	if (err == OK)
		err = add_printf(args, STR_FMT ".%" PRIu32, STR_ARG(name_of(args, row->price->id)),
				 row->flags);
	if (err == OK)
		err = add_printf(args, "%" PRId64 " %s %" PRId64 " %" PRId64, total->quantity, pico,
				 total->requests, total->attempts);
	return err;
}

static enum err add_head(struct ledger_redis_args *args, struct str gateway, int64_t as_of_s,
			 const struct ledger_batch *batch)
{
	static const char keys[] = "waphe";
	enum err err = add_str(args, STR("EVAL"));

	if (err == OK)
		err = add_str(args, str_make(script, sizeof(script) - 1));
	if (err == OK)
		err = add_printf(args, "%zu", KEYS_FIXED + 2 * batch->row_count);
	for (unsigned i = 0; err == OK && i < KEYS_FIXED; i++)
		err = add_printf(args, "%c:{" STR_FMT "}", keys[i], STR_ARG(gateway));
	if (err == OK)
		err = add_pos(args, batch->from);
	if (err == OK)
		err = add_pos(args, batch->to);
	if (err == OK)
		err = add_printf(args, "{" STR_FMT "}", STR_ARG(gateway));
	if (err == OK)
		err = add_printf(args, "%" PRId64, as_of_s);
	return err == OK ? add_printf(args, "%" PRIu64, batch->rejected) : err;
}

static enum err add_row_keys(struct ledger_redis_args *args, struct str gateway,
			     const struct ledger_row *row)
{
	enum err err = add_printf(args, "t:{" STR_FMT "}:%" PRId64 ":" STR_FMT, STR_ARG(gateway),
				  row->hour, STR_ARG(name_of(args, row->account->id)));

	return err == OK ? add_printf(args, "i:{" STR_FMT "}:%" PRId64, STR_ARG(gateway), row->hour)
			 : err;
}

static enum err add_items(struct ledger_redis_args *args, const struct ledger_items *items)
{
	enum err err = OK;

	for (size_t i = 0; err == OK && i < items->count; i++) {
		err = add_pos(args, items->list[i].pos);
		if (err == OK)
			err = add_str(args, items->list[i].text);
	}
	return err == OK ? add_str(args, STR("")) : err;
}

static void reverse(struct ledger_redis_args *args, int from, int to)
{
	for (; from < --to; from++) {
		const char *arg = args->argv[from];
		size_t len = args->lens[from];

		args->argv[from] = args->argv[to];
		args->lens[from] = args->lens[to];
		args->argv[to] = arg;
		args->lens[to] = len;
	}
}

/* Points argv into the text. The rows' keys were written last, for they contain names that are
 * given while the rest is written; three turns bring them behind the fixed keys. */
static void place(struct ledger_redis_args *args, int row_keys)
{
	const int place = KEYS_AT + KEYS_FIXED;
	const char *at = args->text.ptr;

	for (int i = 0; i < args->count; i++) {
		args->argv[i] = at;
		at += args->lens[i];
	}
	reverse(args, place, row_keys);
	reverse(args, row_keys, args->count);
	reverse(args, place, args->count);
}

enum err ledger_redis_args_batch(struct ledger_redis_args *args, struct str gateway,
				 int64_t as_of_s, const struct ledger_batch *batch)
{
	int row_keys;
	enum err err;

	args->count = 0;
	buf_reset(&args->text);
	buf_reset(&args->names);
	err = add_head(args, gateway, as_of_s, batch);
	if (err == OK)
		err = add_names(args, batch);
	for (size_t i = 0; err == OK && i < batch->row_count; i++)
		err = add_row(args, batch->rows[i]);
	if (err == OK)
		err = add_str(args, STR(""));
	if (err == OK)
		err = add_items(args, &batch->items);
	row_keys = args->count;
	for (size_t i = 0; err == OK && i < batch->row_count; i++)
		err = add_row_keys(args, gateway, batch->rows[i]);
	if (err == OK)
		place(args, row_keys);
	return err;
}

void ledger_redis_texts_init(struct ledger_redis_texts *texts)
{
	static const char *const paths[] = {"0", "1", "2", "3", "4", "5", "6", "7", NULL};

	_Static_assert(ARRAY_LEN(paths) == LEDGER_DIM_COUNT + 1, "one path per dimension");
	texts->paths = jscan_paths_new(paths);
}

void ledger_redis_texts_fini(struct ledger_redis_texts *texts)
{
	jscan_paths_free(texts->paths);
}

static enum err on_part(void *arg, const struct jscan_value *value)
{
	struct ledger_redis_texts *texts = arg;

	if (value->type != JSCAN_STRING || value->is_truncated ||
	    value->text.len > LEDGER_DIM_BYTES)
		return ERR_DAMAGED;
	if (value->text.len > 0)
		memcpy(texts->scratch[value->path], value->text.ptr, value->text.len);
	texts->parts[value->path] = str_make(texts->scratch[value->path], value->text.len);
	texts->seen |= 1U << value->path;
	return OK;
}

static enum err parse_parts(struct ledger_redis_texts *texts, struct str json, unsigned count)
{
	struct jscan scan;

	texts->seen = 0;
	jscan_init(&scan, texts->paths, on_part, texts);
	if (jscan_feed(&scan, json) != OK || jscan_end(&scan) != OK ||
	    texts->seen != (1U << count) - 1)
		return ERR_DAMAGED;
	return OK;
}

enum err ledger_redis_parse_account(struct ledger_redis_texts *texts, struct str json,
				    struct ledger_account *out)
{
	enum err err = parse_parts(texts, json, LEDGER_DIM_COUNT);

	if (err != OK) {
		err = parse_parts(texts, json, LEDGER_DIALECT);
		texts->parts[LEDGER_DIALECT] = STR("");
	}
	if (err == OK)
		memcpy(out->dims, texts->parts, sizeof(out->dims));
	return err;
}

enum err ledger_redis_parse_price(struct ledger_redis_texts *texts, struct str json,
				  struct ledger_price *out)
{
	enum err err = parse_parts(texts, json, 5);
	int64_t rate;

	if (err != OK || str_to_i64(texts->parts[4], &rate) != OK)
		return ERR_DAMAGED;
	*out = (struct ledger_price){
		texts->parts[0], texts->parts[1], texts->parts[2], texts->parts[3], rate, 0};
	return OK;
}

enum err ledger_redis_parse_field(struct str field, struct str *out_price, uint32_t *out_flags)
{
	struct str price;
	uint64_t flags;

	if (!str_cut(&field, '.', &price) || str_to_u64(field, &flags) != OK || flags > UINT32_MAX)
		return ERR_DAMAGED;
	*out_price = price;
	*out_flags = (uint32_t)flags;
	return OK;
}

enum err ledger_redis_parse_amount(struct str value, struct ledger_amount *out)
{
	struct str quantity, pico, requests;
	struct ledger_amount amount;

	if (!str_cut(&value, ' ', &quantity) || !str_cut(&value, ' ', &pico) ||
	    !str_cut(&value, ' ', &requests) || str_to_i64(quantity, &amount.quantity) != OK ||
	    decimal_parse_int(pico, &amount.pico) != OK ||
	    str_to_i64(requests, &amount.requests) != OK ||
	    str_to_i64(value, &amount.attempts) != OK)
		return ERR_DAMAGED;
	*out = amount;
	return OK;
}
