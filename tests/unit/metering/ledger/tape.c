/* SPDX-License-Identifier: Apache-2.0 */
#include "tape.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"

static const char *const bus[] = {"risk", "retail", "ops \\\"q\\\""};
static const char *const models[] = {"gpt-x", "claude-y", "iris"};
static const char *const meters[] = {"in_text_uncached", "in_text_cached", "out_text"};
static const int64_t rates[] = {2500000, 250000, 10000001};

uint64_t tape_random(uint64_t *seed)
{
	uint64_t z = (*seed += 0x9e3779b97f4a7c15ULL);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

static void model_add(struct tape *tape, const char *key, const struct ledger_amount *amount)
{
	struct ledger_amount *sum = map_get(&tape->model, str_from_c(key));
	bool fits;

	if (sum == NULL) {
		enum err err;

		sum = arena_zalloc(&tape->arena, sizeof(*sum));
		err = map_put(&tape->model, arena_str(&tape->arena, str_from_c(key)), sum);
		ASSERT(err == OK);
	}
	fits = ledger_amount_add(sum, amount);
	ASSERT(fits);
}

/* hour|bu|principal|model|meter|line|flags; what the maker below varies. */
static void row_key(char *out, size_t cap, int64_t hour, struct str bu, struct str principal,
		    struct str model, struct str meter, struct str line, uint32_t flags)
{
	snprintf(out, cap,
		 "%" PRId64 "|" STR_FMT "|" STR_FMT "|" STR_FMT "|" STR_FMT "|" STR_FMT "|%" PRIu32,
		 hour, STR_ARG(bu), STR_ARG(principal), STR_ARG(model), STR_ARG(meter),
		 STR_ARG(line), flags);
}

struct call {
	int64_t start_s;
	unsigned bu, principal, model, lines;
	bool is_estimate, is_retry, is_unpriced;
	uint64_t quantities[ARRAY_LEN(meters)];
};

static void draw_call(struct tape *tape, struct call *call)
{
	uint64_t bits = tape_random(&tape->seed);

	call->start_s = 1795425600 + (int64_t)(bits % 7200); /* 2026-11-23T09:20:00Z */
	call->bu = (unsigned)((bits >> 16 & 0xff) % ARRAY_LEN(bus));
	call->principal = (unsigned)((bits >> 24 & 0xff) % 5);
	call->model = (unsigned)((bits >> 32 & 0xff) % ARRAY_LEN(models));
	call->lines = (unsigned)((bits >> 40 & 0xff) % (ARRAY_LEN(meters) + 1));
	call->is_estimate = (bits >> 48 & 15) == 0;
	call->is_retry = (bits >> 52 & 15) == 0;
	call->is_unpriced = (bits >> 56 & 15) == 0 && call->lines > 0;
	for (unsigned i = 0; i < ARRAY_LEN(meters); i++)
		call->quantities[i] = tape_random(&tape->seed) % 200000;
}

static void model_call(struct tape *tape, const struct call *call)
{
	static const char *const plain_bus[] = {"risk", "retail", "ops \"q\""};
	struct ledger_amount counts = {.requests = call->is_retry ? 0 : 1, .attempts = 1};
	uint32_t flags = call->is_estimate ? LEDGER_ESTIMATED : 0;
	uint32_t unpriced = flags | (call->is_unpriced ? (uint32_t)LEDGER_UNPRICED : 0);
	int64_t hour = call->start_s / LEDGER_HOUR_S;
	char who[32], key[256], line[64];

	snprintf(who, sizeof(who), "User::p%u", call->principal);
	row_key(key, sizeof(key), hour, str_from_c(plain_bus[call->bu]), str_from_c(who),
		str_from_c(models[call->model]), STR(""), STR(""), unpriced);
	model_add(tape, key, &counts);
	for (unsigned i = 0; i < call->lines; i++) {
		bool has_price = i > 0 || !call->is_unpriced;
		struct ledger_amount amount = counts;

		amount.quantity = (int64_t)call->quantities[i];
		amount.pico = has_price ? (__int128)amount.quantity * rates[i] : 0;
		snprintf(line, sizeof(line), "%s.%s@3", models[call->model], meters[i]);
		row_key(key, sizeof(key), hour, str_from_c(plain_bus[call->bu]), str_from_c(who),
			str_from_c(models[call->model]), str_from_c(meters[i]),
			has_price ? str_from_c(line) : STR("unpriced"),
			has_price ? flags : unpriced);
		model_add(tape, key, &amount);
	}
}

static struct str write_call(struct tape *tape, const struct call *call, size_t index)
{
	char started[CLOCK_RFC3339_SIZE];
	struct str text = STR("");
	int64_t cost = 0;

	clock_format(call->start_s * CLOCK_NS_PER_S, 6, started);
	for (unsigned i = 0; i < call->lines; i++) {
		bool has_price = i > 0 || !call->is_unpriced;
		int64_t rate = has_price ? rates[i] : 0;
		int64_t pico = (int64_t)call->quantities[i] * rate;

		cost += pico;
		text = has_price ? arena_printf(&tape->arena,
						STR_FMT
						"%s{\"meter\":\"%s\",\"quantity\":%" PRIu64
						",\"price\":\"%s.%s@3\",\"rate_micro\":%" PRId64
						",\"pico\":%" PRId64 "}",
						STR_ARG(text), i == 0 ? "" : ",", meters[i],
						call->quantities[i], models[call->model], meters[i],
						rate, pico)
				 : arena_printf(&tape->arena,
						STR_FMT "%s{\"meter\":\"%s\",\"quantity\":%" PRIu64
							",\"price\":\"unpriced\",\"rate_micro\":0"
							",\"pico\":0}",
						STR_ARG(text), i == 0 ? "" : ",", meters[i],
						call->quantities[i]);
	}
	return arena_printf(
		&tape->arena,
		"{\"specversion\":\"1.0\",\"id\":\"R%zu.%d.settle\",\"source\":\"tollgate/gw-1\","
		"\"type\":\"tollgate.settle\",\"time\":\"2026-11-23T12:00:00.123456Z\",\"subject\":"
		"\"User::p%u\",\"data\":{\"request\":\"R%zu\",\"attempt\":%d,\"principal\":\"User::"
		"p%u\","
		"\"bu\":\"%s\",\"team\":\"t\",\"project\":\"p\",\"model\":\"%s\",\"deployment\":\"%"
		"s@az\","
		"\"provider\":\"azure\",\"model_served\":\"x\",\"dialect\":\"openai.chat\","
		"\"stream\":true,"
		"\"status\":200,\"outcome\":\"complete\",\"usage_source\":\"%s\",\"flags\":[%s],"
		"\"lines\":[" STR_FMT "],\"cost_pico\":%" PRId64
		",\"currency\":\"USD\",\"started\":\"%s\",\"duration_ms\":812}}",
		index, call->is_retry ? 2 : 1, call->principal, index, call->is_retry ? 2 : 1,
		call->principal, bus[call->bu], models[call->model], models[call->model],
		call->is_estimate ? "estimate" : "provider",
		call->is_unpriced ? "\"unpriced\"" : "", STR_ARG(text), cost, started);
}

void tape_init(struct tape *tape, size_t count, uint64_t seed)
{
	*tape = (struct tape){.count = count, .seed = seed};
	arena_init(&tape->arena, 1U << 20, (size_t)4 << 30);
	map_init(&tape->model, 1000000);
	tape->payloads = arena_array(&tape->arena, count, sizeof(*tape->payloads));
	ASSERT(tape->payloads != NULL);
	for (size_t i = 0; i < count; i++) {
		struct call call;

		if (tape_random(&tape->seed) % 2 == 0)
			continue; /* an intent */
		draw_call(tape, &call);
		model_call(tape, &call);
		tape->payloads[i] = write_call(tape, &call, i);
	}
	atomic_store(&tape->durable, count);
}

void tape_fini(struct tape *tape)
{
	map_fini(&tape->model);
	arena_fini(&tape->arena);
}

struct reel {
	struct tape *tape;
	size_t next;
};

static enum err reel_open(void *arg, struct ledger_pos after, void **out_cursor)
{
	struct tape *tape = arg;
	struct reel *reel;

	if (after.seq > tape->count)
		return ERR_CONFLICT;
	reel = base_alloc(sizeof(*reel));
	reel->tape = tape;
	reel->next = after.seq;
	*out_cursor = reel;
	return OK;
}

static enum err reel_next(void *cursor, struct ledger_record *out)
{
	struct reel *reel = cursor;
	struct tape *tape = reel->tape;
	size_t fail_at = reel->next;

	if (reel->next >= atomic_load(&tape->durable))
		return ERR_NOT_FOUND;
	if (fail_at != 0 && atomic_compare_exchange_strong(&tape->fail_at, &fail_at, 0))
		return ERR_IO;
	out->pos = (struct ledger_pos){TAPE_EPOCH, reel->next + 1};
	out->payload = tape->payloads[reel->next];
	out->is_settle = str_is_set(out->payload);
	reel->next++;
	return OK;
}

static void reel_close(void *cursor)
{
	free(cursor);
}

struct ledger_source tape_source(struct tape *tape)
{
	return (struct ledger_source){
		.open = reel_open, .next = reel_next, .close = reel_close, .arg = tape};
}

struct comparison {
	struct tape *tape;
	struct str gateway;
	size_t rows;
	size_t wrong;
};

static enum err on_row(void *arg, struct str gateway, const struct ledger_row *row)
{
	struct comparison *c = arg;
	const struct ledger_amount *want;
	char key[256];

	if (str_is_set(c->gateway) && !str_eq(gateway, c->gateway))
		return OK;
	row_key(key, sizeof(key), row->hour, row->account->dims[LEDGER_BU],
		row->account->dims[LEDGER_PRINCIPAL], row->account->dims[LEDGER_MODEL],
		row->price->meter, row->price->line, row->flags);
	want = map_get(&c->tape->model, str_from_c(key));
	c->rows++;
	if (want != NULL && want->pico == row->total.pico &&
	    want->quantity == row->total.quantity && want->requests == row->total.requests &&
	    want->attempts == row->total.attempts)
		return OK;
	if (c->wrong++ < 10)
		printf("# %s: quantity %" PRId64 ", wanted %" PRId64 "\n", key, row->total.quantity,
		       want == NULL ? -1 : want->quantity);
	return OK;
}

size_t tape_compare(struct tape *tape, const struct ledger_ops *ops, void *store,
		    struct str gateway)
{
	struct comparison c = {.tape = tape, .gateway = gateway};
	struct ledger_standing standing;
	enum err err = ops->scan(store, 0, INT64_MAX, on_row, &c, &standing);

	if (err != OK) {
		printf("# scan failed: %s %s\n", err_label(err), ops->why(store));
		return SIZE_MAX;
	}
	if (c.rows != tape->model.count)
		printf("# %zu rows, wanted %zu\n", c.rows, tape->model.count);
	return c.wrong + (c.rows > tape->model.count ? c.rows - tape->model.count
						     : tape->model.count - c.rows);
}

void tape_folder(char out[static 64])
{
	snprintf(out, 64, "/tmp/tollgate-ledger-XXXXXX");
	ASSERT(mkdtemp(out) != NULL);
}

void tape_remove(const char *folder)
{
	char path[400];
	DIR *dir = opendir(folder);
	struct dirent *entry;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		if (entry->d_name[0] != '.' && unlink(path) != 0)
			tape_remove(path);
	}
	if (dir != NULL)
		closedir(dir);
	rmdir(folder);
}
