/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ledger's thread. One turn reads what is durable into a batch, adds the
 * totals that the book holds, commits them with the cursor, and then gives the
 * publication one step. Any error leaves the book where it was: the cursor is
 * opened again behind the book's last commit.
 */
#include "metering/ledger/ledger.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "metering/ledger/publish.h"

#define INTERVAL_MS    100
#define RETRY_MS       1000
#define GAP_TEXT_BYTES 96

struct ledger {
	struct ledger_source source;
	const struct ledger_ops *book_ops;
	void *book;
	const struct ledger_ops *remote_ops; /* NULL: the book alone */
	void *remote;
	struct ledger_publish *publish;
	struct ledger_batch *batch;
	struct ledger_entry entry;
	struct jscan_paths *paths;
	void *cursor; /* stands behind book_pos; NULL after an error */
	struct ledger_pos book_pos;
	int64_t interval_ms;
	int64_t retry_ns; /* mono; the book is left alone until then */
	bool is_drained;
	struct log log;
	struct ledger_stats stats;
	pthread_t thread;
	int wake_fd;
	_Atomic bool is_stopping;
	_Atomic int64_t deadline_ns;
};

static void gauge(struct stat_counter *counter, uint64_t value)
{
	atomic_store_explicit(&counter->value, value, memory_order_relaxed);
}

static enum err reject(struct ledger *ledger, struct ledger_pos pos, struct str why)
{
	stat_add(&ledger->stats.rejected, 1);
	log_error(&ledger->log, "ledger_reject", "pos=%" PRIu64 "-%" PRIu64 " why=\"" STR_FMT "\"",
		  pos.epoch, pos.seq, STR_ARG(why));
	return ledger_batch_add_reject(ledger->batch, pos, why);
}

/* Records that were deleted before they were booked are said so where every report sees it. */
static enum err note_gap(struct ledger *ledger, struct ledger_pos pos)
{
	uint64_t expected = ledger->batch->to.seq + 1;
	struct ledger_pos first = {pos.epoch, expected};
	char text[GAP_TEXT_BYTES];

	if (pos.seq <= expected)
		return OK;
	snprintf(text, sizeof(text), "records %" PRIu64 " to %" PRIu64 " are gone", expected,
		 pos.seq - 1);
	return reject(ledger, first, str_from_c(text));
}

static enum err take_record(struct ledger *ledger, const struct ledger_record *record)
{
	const char *why = "";
	enum err err = note_gap(ledger, record->pos);

	stat_add(&ledger->stats.records, 1);
	if (err != OK || !record->is_settle) {
		if (err == OK)
			ledger->batch->to = record->pos;
		return err;
	}
	err = ledger_entry_parse(&ledger->entry, ledger->paths, record->payload, &why);
	if (err == OK) {
		stat_add(&ledger->stats.settled, 1);
		return ledger_batch_add(ledger->batch, &ledger->entry, record->pos);
	}
	err = reject(ledger, record->pos, str_from_c(why));
	if (err == OK)
		ledger->batch->to = record->pos;
	return err;
}

/* Fills the batch; *out_is_full: there may be more at once. */
static enum err read_batch(struct ledger *ledger, bool *out_is_full)
{
	struct ledger_record record;
	enum err err = OK;

	ledger_batch_reset(ledger->batch, ledger->book_pos);
	if (ledger->cursor == NULL)
		err = ledger->source.open(ledger->source.arg, ledger->book_pos, &ledger->cursor);
	if (err != OK)
		return err;
	*out_is_full = true;
	for (unsigned n = 0; n < LEDGER_BATCH_RECORDS; n++) {
		if (ledger_batch_is_full(ledger->batch))
			return OK;
		err = ledger->source.next(ledger->cursor, &record);
		if (err == ERR_NOT_FOUND) {
			*out_is_full = false;
			return OK;
		}
		if (err == OK)
			err = take_record(ledger, &record);
		if (err != OK)
			return err;
	}
	return OK;
}

static enum err commit_batch(struct ledger *ledger)
{
	enum err err = ledger->book_ops->load(ledger->book, ledger->batch);

	if (err == OK)
		err = ledger_batch_total(ledger->batch);
	if (err == OK)
		err = ledger->book_ops->apply(ledger->book, ledger->batch);
	if (err != OK)
		return err;
	ledger->book_pos = ledger->batch->to;
	stat_add(&ledger->stats.batches, 1);
	gauge(&ledger->stats.booked_seq, ledger->book_pos.seq);
	if (ledger->source.release != NULL)
		ledger->source.release(ledger->cursor, ledger->book_pos);
	return OK;
}

static void drop_cursor(struct ledger *ledger)
{
	if (ledger->cursor != NULL)
		ledger->source.close(ledger->cursor);
	ledger->cursor = NULL;
}

static void book_fail(struct ledger *ledger, enum err err)
{
	stat_add(&ledger->stats.errors, 1);
	log_error(&ledger->log, "ledger_book_failed", "err=%s why=\"%s\" seq=%" PRIu64,
		  err_label(err), ledger->book_ops->why(ledger->book), ledger->book_pos.seq);
	drop_cursor(ledger);
	ledger->retry_ns = clock_mono_ns() + RETRY_MS * CLOCK_NS_PER_MS;
}

/* True if there is more to book at once; *out_is_end: the book is at the durable end. */
static bool book_turn(struct ledger *ledger, bool *out_is_end)
{
	bool is_full = false;
	enum err err;

	*out_is_end = false;
	if (clock_mono_ns() < ledger->retry_ns)
		return false;
	err = read_batch(ledger, &is_full);
	if (err == OK && ledger_pos_cmp(ledger->batch->to, ledger->book_pos) > 0)
		err = commit_batch(ledger);
	if (err != OK) {
		book_fail(ledger, err);
		return false;
	}
	*out_is_end = !is_full;
	return is_full;
}

static void update_lag(struct ledger *ledger)
{
	uint64_t booked = stat_read(&ledger->stats.booked_seq);
	uint64_t published = stat_read(&ledger->stats.published_seq);

	if (ledger->publish != NULL)
		gauge(&ledger->stats.lag_records, booked > published ? booked - published : 0);
}

static void wait_for_work(const struct ledger *ledger, bool is_stopping)
{
	struct pollfd wake = {.fd = ledger->wake_fd, .events = POLLIN};
	int timeout_ms = is_stopping ? 10 : (int)ledger->interval_ms;
	uint64_t count;

	if (poll(&wake, 1, timeout_ms) > 0 && read(ledger->wake_fd, &count, sizeof(count)) < 0)
		ASSERT(errno == EAGAIN || errno == EINTR);
}

static bool is_all_done(const struct ledger *ledger, bool is_end)
{
	return is_end && (ledger->publish == NULL ||
			  ledger_publish_is_done(ledger->publish, ledger->book_pos));
}

static void *ledger_run(void *arg)
{
	struct ledger *ledger = arg;

	pthread_setname_np(pthread_self(), "ledger");
	for (;;) {
		bool is_stopping = atomic_load(&ledger->is_stopping);
		bool is_end;
		bool more = book_turn(ledger, &is_end);

		/* A book that is far behind catches up first: its place decides what is sent. */
		if (!more && ledger->publish != NULL)
			more = ledger_publish_step(ledger->publish, ledger->book_pos,
						   clock_mono_ns());
		update_lag(ledger);
		ledger->is_drained = is_all_done(ledger, is_end);
		if (is_stopping &&
		    (ledger->is_drained || clock_mono_ns() >= atomic_load(&ledger->deadline_ns)))
			return NULL;
		if (!more)
			wait_for_work(ledger, is_stopping);
	}
}

static bool is_gateway_id(const char *id)
{
	size_t len = id == NULL ? 0 : strlen(id);

	if (len == 0 || len > LEDGER_GATEWAY_BYTES)
		return false;
	return strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
	       len;
}

static enum err check_options(const struct ledger_options *options, struct diag *diag)
{
	if (!is_gateway_id(options->gateway))
		return diag_set(diag, ERR_MALFORMED, "", 0, 0,
				"gateway id must be 1 to 64 of A-Z a-z 0-9 . _ -");
	if (options->state == NULL || options->state[0] == '\0')
		return diag_set(diag, ERR_MALFORMED, "", 0, 0, "the ledger needs a state folder");
	return OK;
}

static enum err open_stores(struct ledger *ledger, const struct ledger_options *options,
			    struct diag *diag)
{
	struct ledger_publish_ends ends;
	enum err err = ledger->book_ops->open(options, false, diag, &ledger->book);

	if (err == OK)
		err = ledger->book_ops->watermark(ledger->book, &ledger->book_pos);
	if (err != OK || options->store == LEDGER_SQLITE)
		return err;
	err = ledger_redis_ops.open(options, false, diag, &ledger->remote);
	if (err != OK)
		return err;
	ledger->remote_ops = &ledger_redis_ops;
	ends = (struct ledger_publish_ends){
		.book_ops = ledger->book_ops,
		.book = ledger->book,
		.ops = ledger->remote_ops,
		.store = ledger->remote,
		.source = &ledger->source,
		.stats = &ledger->stats,
		.log = &ledger->log,
	};
	ledger->publish = ledger_publish_new(&ends);
	return OK;
}

static void ledger_free(struct ledger *ledger)
{
	drop_cursor(ledger);
	ledger_publish_free(ledger->publish);
	if (ledger->remote != NULL)
		ledger->remote_ops->close(ledger->remote);
	if (ledger->book != NULL)
		ledger->book_ops->close(ledger->book);
	ledger_batch_free(ledger->batch);
	jscan_paths_free(ledger->paths);
	if (ledger->wake_fd >= 0)
		close(ledger->wake_fd);
	free(ledger);
}

/* Signals are the main thread's business. */
static bool start_thread(struct ledger *ledger)
{
	sigset_t all, before;
	int failed;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	failed = pthread_create(&ledger->thread, NULL, ledger_run, ledger);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return failed == 0;
}

enum err ledger_start_from(const struct ledger_options *options, const struct ledger_source *source,
			   struct diag *diag, struct ledger **out_ledger)
{
	struct ledger *ledger;
	enum err err = check_options(options, diag);

	if (err != OK)
		return err;
	ledger = base_alloc(sizeof(*ledger));
	ledger->source = *source;
	ledger->book_ops = &ledger_sqlite_ops;
	ledger->interval_ms = options->interval_ms > 0 ? options->interval_ms : INTERVAL_MS;
	ledger->batch = ledger_batch_new();
	ledger->paths = ledger_entry_paths_new();
	log_init(&ledger->log, NULL, "ledger");
	log_set_id(&ledger->log, "%s", options->gateway);
	ledger->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	err = open_stores(ledger, options, diag);
	if (err == OK && (ledger->wake_fd < 0 || !start_thread(ledger)))
		err = diag_set(diag, ERR_IO, "", 0, 0, "cannot start the ledger thread");
	if (err != OK) {
		ledger_free(ledger);
		return err;
	}
	*out_ledger = ledger;
	return OK;
}

bool ledger_stop(struct ledger *ledger, int64_t deadline_ms)
{
	bool is_drained;

	if (ledger == NULL)
		return true;
	atomic_store(&ledger->deadline_ns, clock_mono_ns() + deadline_ms * CLOCK_NS_PER_MS);
	atomic_store(&ledger->is_stopping, true);
	ledger_wake(ledger);
	pthread_join(ledger->thread, NULL);
	is_drained = ledger->is_drained;
	ledger_free(ledger);
	return is_drained;
}

void ledger_wake(struct ledger *ledger)
{
	uint64_t one = 1;
	ssize_t written = write(ledger->wake_fd, &one, sizeof(one));

	ASSERT(written == (ssize_t)sizeof(one) || errno == EAGAIN || errno == EINTR);
}

const struct ledger_stats *ledger_stats(const struct ledger *ledger)
{
	return &ledger->stats;
}
