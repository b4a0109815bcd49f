/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ledger's words in Redis, without a connection: keys, the arguments of the
 * one script, and the texts of accounts, prices and amounts.
 *
 *   w:{gw}               hash pos, as_of, rejected      the watermark, written last
 *   t:{gw}:<hour>:<acc>  hash <price>.<flags> -> "quantity pico requests attempts"
 *   a:{gw}               hash <acc> -> ["bu","team",...]; an unknown dialect is left out
 *   p:{gw}               hash <price> -> ["line","meter","unit","currency","rate"]
 *   h:{gw}               sorted set of hours
 *   i:{gw}:<hour>        set of <acc>
 *   e:{gw}               stream of settle records, ids epoch-seq
 *   tollgate:gateways    set of gateway ids
 *
 * <acc> and <price> are short hashes of their texts, so a book that is built
 * again gives the same names. All keys of a gateway share one slot.
 *
 * Owns:    the argument list owns one buffer.
 * Threads: one user at a time.
 * Limits:  32 MiB of arguments.
 */
#ifndef METERING_LEDGER_REDIS_TEXT_H
#define METERING_LEDGER_REDIS_TEXT_H

#include "base/buf.h"
#include "base/jscan.h"
#include "metering/ledger/store.h"

#define LEDGER_REDIS_GATEWAYS "tollgate:gateways"
#define LEDGER_REDIS_NAME     17 /* 12 bytes of hash in base64url and a NUL */
#define LEDGER_REDIS_POS      48

/* A command as a client library wants it; argv and lens are valid after ledger_redis_args_batch. */
struct ledger_redis_args {
	struct buf text;
	struct buf names; /* of accounts, then of prices, LEDGER_REDIS_NAME bytes each */
	const char **argv;
	size_t *lens;
	int count;
	int cap;
};

void ledger_redis_args_init(struct ledger_redis_args *args);
void ledger_redis_args_fini(struct ledger_redis_args *args);
/* EVAL of the script with this batch. ERR_LIMIT past the buffer. */
MUST_CHECK enum err ledger_redis_args_batch(struct ledger_redis_args *args, struct str gateway,
					    int64_t as_of_s, const struct ledger_batch *batch);

/* "12-3456"; "" is {0, 0}. */
size_t ledger_redis_pos_print(struct ledger_pos pos, char out[static LEDGER_REDIS_POS]);
MUST_CHECK enum err ledger_redis_pos_parse(struct str text, struct ledger_pos *out_pos);

/* What reports read back; the views of an account or price point into it until the next parse. */
struct ledger_redis_texts {
	struct jscan_paths *paths;
	char scratch[LEDGER_DIM_COUNT][LEDGER_DIM_BYTES];
	struct str parts[LEDGER_DIM_COUNT];
	unsigned seen;
};

void ledger_redis_texts_init(struct ledger_redis_texts *texts);
void ledger_redis_texts_fini(struct ledger_redis_texts *texts);
MUST_CHECK enum err ledger_redis_parse_account(struct ledger_redis_texts *texts, struct str json,
					       struct ledger_account *out);
MUST_CHECK enum err ledger_redis_parse_price(struct ledger_redis_texts *texts, struct str json,
					     struct ledger_price *out);
/* "<price>.<flags>" */
MUST_CHECK enum err ledger_redis_parse_field(struct str field, struct str *out_price,
					     uint32_t *out_flags);
MUST_CHECK enum err ledger_redis_parse_amount(struct str value, struct ledger_amount *out);

#endif
