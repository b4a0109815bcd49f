/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Redis as a publication. One connection, used in turn; after any error or
 * timeout it is freed and made anew, for a late reply would be taken for the
 * next command's. Nothing that is asked here decides about money: batches are
 * absolute and the script refuses one that does not start at the watermark.
 */
#include "metering/ledger/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>

#include <hiredis/hiredis.h>

#include "base/clock.h"
#include "base/crypt.h"
#include "metering/ledger/redis_text.h"
#include "metering/ledger/redis_url.h"

#define TIMEOUT_MS  1000
#define HOPS_MAX    4 /* of a command through a cluster */
#define PIPELINE    256
#define TEXTS_MAX   4000000 /* accounts or prices of one gateway */
#define TEXTS_BYTES (1U << 30)

struct redis {
	redisContext *conn; /* NULL until needed and after every error */
	struct ledger_redis_url url;
	struct ledger_redis_node node; /* where a cluster sent us, host "" when nowhere */
	int64_t timeout_ms;
	bool read_only;
	char gateway[LEDGER_GATEWAY_BYTES + 1];
	struct ledger_redis_args args;
	char why[200];
};

PRINTF_LIKE(2, 3) static void set_why(struct redis *redis, const char *fmt, ...)
{
	va_list list;

	va_start(list, fmt);
	vsnprintf(redis->why, sizeof(redis->why), fmt, list);
	va_end(list);
	for (char *c = redis->why; *c != '\0'; c++) {
		if (*c == '"' || (unsigned char)*c < ' ')
			*c = ' ';
	}
}

static void disconnect(struct redis *redis)
{
	if (redis->conn != NULL)
		redisFree(redis->conn);
	redis->conn = NULL;
}

/* A reply of this type, or NULL: then the connection is gone and `why` says what came. */
static redisReply *expect(struct redis *redis, redisReply *reply, int type, const char *command)
{
	if (reply == NULL) {
		set_why(redis, "%s: %s", command,
			redis->conn != NULL && redis->conn->err != 0 ? redis->conn->errstr
								     : "no reply");
	} else if (reply->type == type) {
		return reply;
	} else if (reply->type == REDIS_REPLY_ERROR) {
		set_why(redis, "%s: %s", command, reply->str);
	} else {
		set_why(redis, "%s: a reply of type %d", command, reply->type);
	}
	freeReplyObject(reply);
	disconnect(redis);
	return NULL;
}

static enum err run_plain(struct redis *redis, int type, const char **argv, int argc)
{
	redisReply *reply =
		expect(redis, redisCommandArgv(redis->conn, argc, argv, NULL), type, argv[0]);

	if (reply == NULL)
		return ERR_UNAVAILABLE;
	freeReplyObject(reply);
	return OK;
}

static enum err login(struct redis *redis)
{
	const struct ledger_redis_url *url = &redis->url;
	char db[8];

	if (url->password[0] != '\0') {
		const char *both[] = {"AUTH", url->user, url->password};
		const char *plain[] = {"AUTH", url->password};
		bool has_user = url->user[0] != '\0';

		if (run_plain(redis, REDIS_REPLY_STATUS, has_user ? both : plain,
			      has_user ? 3 : 2) != OK)
			return ERR_UNAVAILABLE;
	}
	if (url->db != 0) {
		snprintf(db, sizeof(db), "%" PRIu16, url->db);
		return run_plain(redis, REDIS_REPLY_STATUS, (const char *[]){"SELECT", db}, 2);
	}
	return OK;
}

static redisContext *connect_to(const struct redis *redis, struct timeval limit)
{
	if (redis->node.port != 0)
		return redisConnectWithTimeout(redis->node.host, redis->node.port, limit);
	if (redis->url.socket[0] != '\0')
		return redisConnectUnixWithTimeout(redis->url.socket, limit);
	return redisConnectWithTimeout(redis->url.host, redis->url.port, limit);
}

static enum err dial(struct redis *redis)
{
	struct timeval limit = {.tv_sec = redis->timeout_ms / 1000,
				.tv_usec = redis->timeout_ms % 1000 * 1000};

	redis->conn = connect_to(redis, limit);
	if (redis->conn == NULL || redis->conn->err != 0 ||
	    redisSetTimeout(redis->conn, limit) != REDIS_OK) {
		set_why(redis, "connect: %s", redis->conn == NULL ? "" : redis->conn->errstr);
		disconnect(redis);
		/* A node that is gone has a successor, whom the configured one knows. */
		redis->node.port = 0;
		return ERR_UNAVAILABLE;
	}
	return login(redis);
}

/* True if the reply sends us to another node of a cluster and we are connected there. ASK is not
 * followed: it comes while a slot is on its way, and then nothing was applied. */
static bool follow(struct redis *redis, const redisReply *reply)
{
	struct ledger_redis_node node;

	if (reply == NULL || reply->type != REDIS_REPLY_ERROR ||
	    ledger_redis_moved_parse(str_make(reply->str, (size_t)reply->len), &node) != OK)
		return false;
	if (node.host[0] == '\0') /* "the host you are talking to" */
		snprintf(node.host, sizeof(node.host), "%s",
			 redis->node.port != 0 ? redis->node.host : redis->url.host);
	redis->node = node;
	disconnect(redis);
	return dial(redis) == OK;
}

/* One command, wherever a cluster keeps its keys. Each of ours may be sent twice. */
static redisReply *run_lens(struct redis *redis, int type, const char **argv, const size_t *lens,
			    int argc)
{
	redisReply *reply = redisCommandArgv(redis->conn, argc, argv, lens);

	for (unsigned hop = 0; hop < HOPS_MAX && follow(redis, reply); hop++) {
		freeReplyObject(reply);
		reply = redisCommandArgv(redis->conn, argc, argv, lens);
	}
	return expect(redis, reply, type, argv[0]);
}

static redisReply *run(struct redis *redis, int type, const char **argv, int argc)
{
	return run_lens(redis, type, argv, NULL, argc);
}

/* Our name among the gateways, for reports; a store that was emptied has forgotten it. */
static enum err announce(struct redis *redis)
{
	redisReply *reply = run(redis, REDIS_REPLY_INTEGER,
				(const char *[]){"SADD", LEDGER_REDIS_GATEWAYS, redis->gateway}, 3);

	if (reply == NULL)
		return ERR_UNAVAILABLE;
	freeReplyObject(reply);
	return OK;
}

static enum err ensure_conn(struct redis *redis)
{
	enum err err;

	if (redis->conn != NULL)
		return OK;
	err = dial(redis);
	return err == OK && !redis->read_only ? announce(redis) : err;
}

static struct str reply_str(const redisReply *reply)
{
	return str_make(reply->str, (size_t)reply->len);
}

static enum err redis_watermark(void *store, struct ledger_pos *out_pos)
{
	struct redis *redis = store;
	char key[LEDGER_GATEWAY_BYTES + 8];
	struct ledger_pos pos = {0, 0};
	redisReply *reply;
	enum err err = ensure_conn(redis);

	if (err != OK)
		return err;
	snprintf(key, sizeof(key), "w:{%s}", redis->gateway);
	reply = run(redis, REDIS_REPLY_ARRAY, (const char *[]){"HMGET", key, "pos"}, 3);
	if (reply == NULL)
		return ERR_UNAVAILABLE;
	err = reply->elements == 1 ? ledger_redis_pos_parse(reply_str(reply->element[0]), &pos)
				   : ERR_DAMAGED;
	if (err != OK)
		set_why(redis, "%s holds no position", key);
	freeReplyObject(reply);
	/* A store without a watermark was emptied and has forgotten our name, too. */
	if (err == OK && !redis->read_only && pos.epoch == 0 && pos.seq == 0)
		err = announce(redis);
	if (err == OK)
		*out_pos = pos;
	return err;
}

static enum err redis_apply(void *store, const struct ledger_batch *batch)
{
	struct redis *redis = store;
	char to[LEDGER_REDIS_POS];
	redisReply *reply;
	bool is_applied;
	enum err err = ensure_conn(redis);

	if (err == OK)
		err = ledger_redis_args_batch(&redis->args, str_from_c(redis->gateway),
					      clock_wall_ns() / CLOCK_NS_PER_S, batch);
	if (err != OK)
		return err;
	reply = run_lens(redis, REDIS_REPLY_STRING, redis->args.argv, redis->args.lens,
			 redis->args.count);
	if (reply == NULL)
		return ERR_UNAVAILABLE;
	ledger_redis_pos_print(batch->to, to);
	is_applied = str_eq(reply_str(reply), str_from_c(to));
	if (!is_applied) {
		set_why(redis, "the watermark is at '%s'", reply->str);
		disconnect(redis);
	}
	freeReplyObject(reply);
	return is_applied ? OK : ERR_CONFLICT;
}

/* A scan of one gateway: the texts behind the short names, and who wants the rows. */
struct scan {
	struct redis *redis;
	struct str gateway;
	struct arena arena;
	struct map accounts; /* name -> text, both in the arena */
	struct map prices;
	struct ledger_redis_texts account_texts;
	struct ledger_redis_texts price_texts;
	struct ledger_account account;
	struct ledger_price price;
	ledger_row_fn on_row;
	void *arg;
};

static enum err damaged(struct redis *redis, const char *what)
{
	set_why(redis, "%s is not as it was written", what);
	return ERR_DAMAGED;
}

static redisReply *key_command(struct redis *redis, const char *command, const char *key)
{
	return run(redis, REDIS_REPLY_ARRAY, (const char *[]){command, key}, 2);
}

/* HGETALL into a map of name -> text. */
static enum err load_texts(struct scan *scan, char kind, struct map *map)
{
	char key[LEDGER_GATEWAY_BYTES + 8];
	redisReply *reply;
	enum err err = OK;

	snprintf(key, sizeof(key), "%c:{" STR_FMT "}", kind, STR_ARG(scan->gateway));
	reply = key_command(scan->redis, "HGETALL", key);
	if (reply == NULL)
		return ERR_UNAVAILABLE;
	for (size_t i = 0; err == OK && i + 1 < reply->elements; i += 2) {
		struct str name = arena_str(&scan->arena, reply_str(reply->element[i]));
		struct str *text = arena_alloc(&scan->arena, sizeof(*text));

		if (!str_is_set(name) || text == NULL)
			err = ERR_LIMIT;
		if (err == OK)
			*text = arena_str(&scan->arena, reply_str(reply->element[i + 1]));
		if (err == OK)
			err = map_put(map, name, text);
	}
	freeReplyObject(reply);
	return err;
}

static enum err scan_field(struct scan *scan, struct ledger_row *row, struct str field,
			   struct str value)
{
	const struct str *text;
	struct str name;

	if (ledger_redis_parse_field(field, &name, &row->flags) != OK ||
	    ledger_redis_parse_amount(value, &row->total) != OK)
		return damaged(scan->redis, "a total");
	text = map_get(&scan->prices, name);
	if (text == NULL || ledger_redis_parse_price(&scan->price_texts, *text, &scan->price) != OK)
		return damaged(scan->redis, "a price line");
	return scan->on_row(scan->arg, scan->gateway, row);
}

static enum err scan_series(struct scan *scan, int64_t hour, struct str name,
			    const redisReply *fields)
{
	const struct str *text = map_get(&scan->accounts, name);
	struct ledger_row row = {.hour = hour, .account = &scan->account, .price = &scan->price};
	enum err err = OK;

	if (text == NULL ||
	    ledger_redis_parse_account(&scan->account_texts, *text, &scan->account) != OK)
		return damaged(scan->redis, "an account");
	for (size_t i = 0; err == OK && i + 1 < fields->elements; i += 2)
		err = scan_field(scan, &row, reply_str(fields->element[i]),
				 reply_str(fields->element[i + 1]));
	return err;
}

/* One pipeline of HGETALL over part of an hour's accounts. Every reply is read, whatever comes, so
 * that the connection stays in step. */
static enum err scan_part(struct scan *scan, int64_t hour, redisReply *const *names, size_t count)
{
	struct redis *redis = scan->redis;
	enum err err = OK;

	for (size_t i = 0; i < count; i++)
		redisAppendCommand(redis->conn, "HGETALL t:{%b}:%lld:%b", scan->gateway.ptr,
				   scan->gateway.len, (long long)hour, names[i]->str,
				   (size_t)names[i]->len);
	for (size_t i = 0; i < count; i++) {
		void *reply = NULL;
		redisReply *fields;

		if (redisGetReply(redis->conn, &reply) != REDIS_OK)
			reply = NULL;
		fields = expect(redis, reply, REDIS_REPLY_ARRAY, "HGETALL");
		if (fields == NULL)
			return ERR_UNAVAILABLE;
		if (err == OK)
			err = scan_series(scan, hour, reply_str(names[i]), fields);
		freeReplyObject(fields);
	}
	return err;
}

static enum err scan_hour(struct scan *scan, int64_t hour)
{
	char key[LEDGER_GATEWAY_BYTES + 48];
	redisReply *reply;
	enum err err = OK;

	snprintf(key, sizeof(key), "i:{" STR_FMT "}:%" PRId64, STR_ARG(scan->gateway), hour);
	reply = key_command(scan->redis, "SMEMBERS", key);
	if (reply == NULL)
		return ERR_UNAVAILABLE;
	for (size_t i = 0; err == OK && i < reply->elements; i += PIPELINE)
		err = scan_part(scan, hour, reply->element + i, MIN(PIPELINE, reply->elements - i));
	freeReplyObject(reply);
	return err;
}

static enum err scan_hours(struct scan *scan, int64_t from_hour, int64_t to_hour)
{
	char key[LEDGER_GATEWAY_BYTES + 8], low[24], high[24];
	redisReply *reply;
	enum err err = OK;

	snprintf(key, sizeof(key), "h:{" STR_FMT "}", STR_ARG(scan->gateway));
	snprintf(low, sizeof(low), "%" PRId64, from_hour);
	snprintf(high, sizeof(high), "(%" PRId64, to_hour);
	reply = run(scan->redis, REDIS_REPLY_ARRAY,
		    (const char *[]){"ZRANGEBYSCORE", key, low, high}, 4);
	if (reply == NULL)
		return ERR_UNAVAILABLE;
	for (size_t i = 0; err == OK && i < reply->elements; i++) {
		int64_t hour;

		if (str_to_i64(reply_str(reply->element[i]), &hour) != OK)
			err = damaged(scan->redis, "an hour");
		else
			err = scan_hour(scan, hour);
	}
	freeReplyObject(reply);
	return err;
}

static enum err add_standing(struct scan *scan, struct ledger_standing *standing)
{
	char key[LEDGER_GATEWAY_BYTES + 8];
	int64_t as_of_s = 0;
	uint64_t rejected = 0;
	redisReply *reply;

	snprintf(key, sizeof(key), "w:{" STR_FMT "}", STR_ARG(scan->gateway));
	reply = run(scan->redis, REDIS_REPLY_ARRAY,
		    (const char *[]){"HMGET", key, "as_of", "rejected"}, 4);
	if (reply == NULL)
		return ERR_UNAVAILABLE;
	if (reply->elements == 2 && reply->element[0]->type == REDIS_REPLY_STRING &&
	    (str_to_i64(reply_str(reply->element[0]), &as_of_s) != OK ||
	     str_to_u64(reply_str(reply->element[1]), &rejected) != OK)) {
		freeReplyObject(reply);
		return damaged(scan->redis, "a watermark");
	}
	freeReplyObject(reply);
	standing->gateways++;
	standing->rejected += rejected;
	standing->as_of_s = MAX(standing->as_of_s, as_of_s);
	return OK;
}

static enum err scan_gateway(struct scan *scan, int64_t from_hour, int64_t to_hour,
			     struct ledger_standing *standing)
{
	enum err err;

	arena_init(&scan->arena, 1U << 20, TEXTS_BYTES);
	map_init(&scan->accounts, TEXTS_MAX);
	map_init(&scan->prices, TEXTS_MAX);
	ledger_redis_texts_init(&scan->account_texts);
	ledger_redis_texts_init(&scan->price_texts);
	err = add_standing(scan, standing);
	if (err == OK)
		err = load_texts(scan, 'a', &scan->accounts);
	if (err == OK)
		err = load_texts(scan, 'p', &scan->prices);
	if (err == OK)
		err = scan_hours(scan, from_hour, to_hour);
	ledger_redis_texts_fini(&scan->price_texts);
	ledger_redis_texts_fini(&scan->account_texts);
	map_fini(&scan->prices);
	map_fini(&scan->accounts);
	arena_fini(&scan->arena);
	return err;
}

static enum err redis_scan(void *store, int64_t from_hour, int64_t to_hour, ledger_row_fn on_row,
			   void *arg, struct ledger_standing *out_standing)
{
	struct redis *redis = store;
	struct ledger_standing standing = {.gateways = 0};
	struct scan *scan;
	redisReply *reply;
	enum err err = ensure_conn(redis);

	if (err != OK)
		return err;
	reply = key_command(redis, "SMEMBERS", LEDGER_REDIS_GATEWAYS);
	if (reply == NULL)
		return ERR_UNAVAILABLE;
	scan = base_alloc(sizeof(*scan));
	for (size_t i = 0; err == OK && i < reply->elements; i++) {
		*scan = (struct scan){.redis = redis, .on_row = on_row, .arg = arg};
		scan->gateway = reply_str(reply->element[i]);
		err = scan->gateway.len > LEDGER_GATEWAY_BYTES
			      ? damaged(redis, "a gateway id")
			      : scan_gateway(scan, from_hour, to_hour, &standing);
	}
	free(scan);
	freeReplyObject(reply);
	if (err == OK)
		*out_standing = standing;
	return err;
}

static const char *redis_why(void *store)
{
	struct redis *redis = store;

	return redis->why;
}

static void redis_close(void *store)
{
	struct redis *redis = store;

	if (redis == NULL)
		return;
	disconnect(redis);
	ledger_redis_args_fini(&redis->args);
	crypt_wipe(redis->url.password, sizeof(redis->url.password));
	free(redis);
}

static enum err redis_open(const struct ledger_options *options, bool read_only, struct diag *diag,
			   void **out_store)
{
	struct redis *redis = base_alloc(sizeof(*redis));
	enum err err = ledger_redis_url_parse(&options->redis, diag, &redis->url);

	ledger_redis_args_init(&redis->args);
	if (err != OK) {
		redis_close(redis);
		return err;
	}
	redis->read_only = read_only;
	redis->timeout_ms = options->redis.timeout_ms > 0 ? options->redis.timeout_ms : TIMEOUT_MS;
	if (options->gateway != NULL)
		snprintf(redis->gateway, sizeof(redis->gateway), "%s", options->gateway);
	*out_store = redis;
	return OK;
}

const struct ledger_ops ledger_redis_ops = {
	.name = "redis",
	.open = redis_open,
	.watermark = redis_watermark,
	.apply = redis_apply,
	.scan = redis_scan,
	.why = redis_why,
	.close = redis_close,
};
