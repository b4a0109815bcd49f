/* SPDX-License-Identifier: Apache-2.0 */
#include "metering/ledger/publish.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/crypt.h"

#define WAIT_FIRST_MS 100
#define WAIT_MAX_MS   10000
#define LOOK_MS	      1000 /* between two looks at a watermark while there is nothing to send */

struct ledger_publish {
	struct ledger_publish_ends ends;
	struct ledger_batch *batch;
	void *cursor;  /* stands behind `at`; NULL until there is something to send */
	bool is_asked; /* `at` is what the store said and has not failed since */
	struct ledger_pos at;
	int64_t wait_ms; /* of the last failure, 0 when healthy */
	int64_t due_ns;
	int64_t look_ns;
};

struct ledger_publish *ledger_publish_new(const struct ledger_publish_ends *ends)
{
	struct ledger_publish *publish = base_alloc(sizeof(*publish));

	publish->ends = *ends;
	publish->batch = ledger_batch_new();
	return publish;
}

static void drop_cursor(struct ledger_publish *publish)
{
	if (publish->cursor != NULL)
		publish->ends.source->close(publish->cursor);
	publish->cursor = NULL;
}

void ledger_publish_free(struct ledger_publish *publish)
{
	if (publish == NULL)
		return;
	drop_cursor(publish);
	ledger_batch_free(publish->batch);
	free(publish);
}

static void gauge(struct stat_counter *counter, uint64_t value)
{
	atomic_store_explicit(&counter->value, value, memory_order_relaxed);
}

/* Doubles the wait and takes a random half off it, so that gateways do not come back as one. */
static void publish_fail(struct ledger_publish *publish, enum err err, const char *doing,
			 int64_t now_ns)
{
	struct ledger_stats *stats = publish->ends.stats;
	uint32_t chance;
	int64_t half_ms;

	crypt_random(&chance, sizeof(chance));
	publish->wait_ms = MIN(MAX(publish->wait_ms * 2, WAIT_FIRST_MS), WAIT_MAX_MS);
	half_ms = publish->wait_ms / 2;
	publish->due_ns =
		now_ns + (half_ms + (int64_t)(chance % (uint32_t)half_ms)) * CLOCK_NS_PER_MS;
	publish->is_asked = false;
	drop_cursor(publish);
	stat_add(&stats->errors, 1);
	stat_add(&stats->publish_failed, 1);
	log_warn(publish->ends.log, "ledger_publish_failed",
		 "store=%s doing=\"%s\" err=%s why=\"%s\" wait_ms=%" PRId64,
		 publish->ends.ops->name, doing, err_label(err),
		 publish->ends.ops->why(publish->ends.store), publish->wait_ms);
}

static enum err publish_ask(struct ledger_publish *publish, struct ledger_pos book_pos,
			    int64_t now_ns)
{
	struct ledger_stats *stats = publish->ends.stats;
	struct ledger_pos at;
	enum err err = publish->ends.ops->watermark(publish->ends.store, &at);

	if (err != OK)
		return err;
	/* Someone with our id is further than our own book: sending could only lower totals. */
	if (ledger_pos_cmp(at, book_pos) > 0) {
		log_error(publish->ends.log, "ledger_fenced",
			  "store=%s its=%" PRIu64 "-%" PRIu64 " ours=%" PRIu64 "-%" PRIu64
			  " do=\"give each gateway and state folder its own id\"",
			  publish->ends.ops->name, at.epoch, at.seq, book_pos.epoch, book_pos.seq);
		return ERR_CONFLICT;
	}
	if (ledger_pos_cmp(at, publish->at) < 0) {
		stat_add(&stats->rewinds, 1);
		log_warn(publish->ends.log, "ledger_rewind",
			 "store=%s from=%" PRIu64 "-%" PRIu64 " to=%" PRIu64 "-%" PRIu64,
			 publish->ends.ops->name, publish->at.epoch, publish->at.seq, at.epoch,
			 at.seq);
	}
	if (ledger_pos_cmp(at, publish->at) != 0)
		drop_cursor(publish);
	publish->at = at;
	publish->is_asked = true;
	publish->look_ns = now_ns + LOOK_MS * CLOCK_NS_PER_MS;
	gauge(&stats->published_seq, at.seq);
	return OK;
}

/* Settle records behind `at`, up to the book's place. The journal has them all, unless they were
 * deleted by age while the store was away: then the totals alone go on. */
static enum err publish_gather(struct ledger_publish *publish, struct ledger_pos book_pos)
{
	const struct ledger_source *source = publish->ends.source;
	struct ledger_batch *batch = publish->batch;
	struct ledger_record record;
	size_t bytes = 0;
	enum err err = OK;

	if (publish->cursor == NULL)
		err = source->open(source->arg, publish->at, &publish->cursor);
	for (unsigned n = 0; err == OK && n < LEDGER_PUBLISH_RECORDS; n++) {
		if (bytes > LEDGER_PUBLISH_BYTES || ledger_pos_cmp(batch->to, book_pos) >= 0)
			return OK;
		err = source->next(publish->cursor, &record);
		if (err == OK && ledger_pos_cmp(record.pos, book_pos) > 0) {
			drop_cursor(publish);
			err = ERR_NOT_FOUND;
		}
		if (err == OK && record.is_settle)
			err = ledger_batch_add_item(batch, record.pos, record.payload);
		if (err == OK) {
			bytes += record.payload.len;
			batch->to = record.pos;
		}
	}
	if (err == ERR_NOT_FOUND) {
		batch->to = book_pos;
		return OK;
	}
	return err;
}

static enum err publish_send(struct ledger_publish *publish, struct ledger_pos book_pos,
			     const char **doing)
{
	const struct ledger_publish_ends *ends = &publish->ends;
	struct ledger_batch *batch = publish->batch;
	enum err err;

	ledger_batch_reset(batch, publish->at);
	*doing = "reading the journal";
	err = publish_gather(publish, book_pos);
	if (err != OK)
		return err;
	*doing = "reading the book";
	err = ends->book_ops->changed(ends->book, batch->from, batch->to, batch);
	if (err != OK)
		return err;
	*doing = "sending";
	return ends->ops->apply(ends->store, batch);
}

static void publish_done(struct ledger_publish *publish)
{
	struct ledger_stats *stats = publish->ends.stats;

	if (publish->wait_ms > 0)
		log_info(publish->ends.log, "ledger_publish_back", "store=%s",
			 publish->ends.ops->name);
	publish->at = publish->batch->to;
	publish->wait_ms = 0;
	stat_add(&stats->published, publish->batch->items.count);
	gauge(&stats->published_seq, publish->at.seq);
	gauge(&stats->publish_failed, 0);
	if (publish->ends.source->release != NULL && publish->cursor != NULL)
		publish->ends.source->release(publish->cursor, publish->at);
}

bool ledger_publish_step(struct ledger_publish *publish, struct ledger_pos book_pos, int64_t now_ns)
{
	const char *doing = "asking for the watermark";
	enum err err = OK;

	if (now_ns < publish->due_ns)
		return false;
	publish->due_ns = 0;
	/* A store can lose its tail while there is nothing to send, and nobody says so. */
	if (now_ns >= publish->look_ns && ledger_pos_cmp(publish->at, book_pos) >= 0)
		publish->is_asked = false;
	if (!publish->is_asked)
		err = publish_ask(publish, book_pos, now_ns);
	if (err == OK && ledger_pos_cmp(publish->at, book_pos) >= 0)
		return false;
	if (err == OK)
		err = publish_send(publish, book_pos, &doing);
	if (err != OK) {
		publish_fail(publish, err, doing, now_ns);
		return false;
	}
	publish_done(publish);
	return ledger_pos_cmp(publish->at, book_pos) < 0;
}

bool ledger_publish_is_done(const struct ledger_publish *publish, struct ledger_pos book_pos)
{
	return publish->is_asked && ledger_pos_cmp(publish->at, book_pos) >= 0;
}

int64_t ledger_publish_due_ns(const struct ledger_publish *publish)
{
	return publish->due_ns;
}
