/* SPDX-License-Identifier: Apache-2.0 */
#include "metering/journal/journal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "metering/journal/committer.h"
#include "metering/journal/cursor.h"
#include "metering/journal/epoch.h"
#include "metering/journal/recovery.h"

#define SEGMENT_BYTES_MIN (256U << 10)
#define POLL_NS		  (100 * 1000)

struct journal {
	struct committer committer;
	struct files files;
	char state[FILE_PATH_BYTES];
	int lock_fd;
};

/* --- start-up --- */

static enum err make_folders(struct journal *journal, const char *dir, struct diag *diag)
{
	enum err err = files_make_dir(journal->files, journal->state);

	if (err == OK)
		err = files_make_dir(journal->files, dir);
	if (err == OK)
		err = files_sync_dir(journal->files, journal->state);
	if (err != OK)
		return diag_set(diag, err, dir, 0, 0, "cannot make the folder: %s",
				strerror(errno));
	return OK;
}

static enum err commit_carry(struct journal *journal, const struct recovery *recovery)
{
	struct committer *committer = &journal->committer;
	struct str carry = buf_str(&recovery->carry);
	enum err err;

	if (carry.len == 0)
		return OK;
	err = store_append(&committer->store, carry, recovery->carry_first, recovery->open_from);
	if (err != OK) /* once more: the first failure is the segment's */
		err = store_append(&committer->store, carry, recovery->carry_first,
				   recovery->open_from);
	return err;
}

static enum err commit_twice(struct committer *committer)
{
	enum err err = committer_commit(committer);

	return err == OK ? OK : committer_commit(committer);
}

static enum err settle_one(struct journal *journal, const struct journal_options *options,
			   const struct open_call *call, struct buf *payload)
{
	const struct record *progress = call->progress.sequence == 0 ? NULL : &call->progress;
	enum err err;

	buf_reset(payload);
	err = options->on_open(options->arg, &call->intent, progress, payload);
	if (err != OK)
		return err;
	ASSERT(payload->len > 0);
	if (committer_gather(&journal->committer, RECORD_SETTLE, &call->intent.key,
			     buf_str(payload)))
		return OK;
	err = commit_twice(&journal->committer);
	if (err == OK && !committer_gather(&journal->committer, RECORD_SETTLE, &call->intent.key,
					   buf_str(payload)))
		err = ERR_INTERNAL;
	return err;
}

static enum err settle_open(struct journal *journal, const struct journal_options *options,
			    const struct recovery *recovery)
{
	struct open_entry *open = open_set_sorted(&recovery->open);
	struct buf payload;
	enum err err = OK;

	buf_init(&payload, RECORD_PAYLOAD_BYTES);
	for (size_t i = 0; i < recovery->open.count && err == OK; i++)
		err = settle_one(journal, options, open[i].call, &payload);
	if (err == OK && journal->committer.group_count > 0)
		err = commit_twice(&journal->committer);
	buf_fini(&payload);
	free(open);
	return err;
}

/* Until the calls that are open here are settled durably, a segment that begins must point back to
 * them: the committer's set is fed from the carried group on, so it is given the old ones too. */
static void take_open(struct committer *committer, const struct recovery *recovery)
{
	struct open_entry *open = open_set_sorted(&recovery->open);

	for (size_t i = 0; i < recovery->open.count; i++)
		open_set_apply(&committer->open, &open[i].call->intent);
	free(open);
}

static enum err recover(struct journal *journal, const struct journal_options *options,
			const char *dir, struct diag *diag)
{
	struct committer *committer = &journal->committer;
	uint32_t segment_bytes =
		options->segment_bytes == 0 ? JOURNAL_SEGMENT_BYTES : options->segment_bytes;
	struct recovery recovery;
	enum err err = recovery_run(&recovery, journal->files, dir,
				    record_gateway(options->gateway), diag);

	if (err != OK)
		goto out;
	segment_bytes = MAX(segment_bytes, (uint32_t)recovery.carry.len + SEGMENT_HEAD_BYTES);
	store_init(&committer->store, journal->files, dir, segment_bytes, &recovery.list);
	committer->store.gateway = record_gateway(options->gateway);
	err = epoch_advance(journal->files, journal->state, recovery.epoch, diag,
			    &committer->store.epoch);
	if (err != OK)
		goto out;
	committer->next = recovery.end;
	take_open(committer, &recovery);
	err = commit_carry(journal, &recovery);
	if (err == OK)
		err = settle_open(journal, options, &recovery);
	if (err != OK)
		err = diag_set(diag, err, dir, 0, 0,
			       "cannot settle the calls that were open at the last stop: %s (%s)",
			       err_label(err), strerror(errno));
	else
		log_info(&committer->log, "journal_open",
			 "epoch=%u sequence=%" PRIu64 " settled=%zu cut_bytes=%" PRIu64,
			 committer->store.epoch, committer->next, recovery.open.count,
			 recovery.cut_bytes);
out:
	recovery_fini(&recovery);
	return err;
}

static enum err journal_start(struct journal *journal, const struct journal_options *options,
			      struct diag *diag)
{
	char dir[FILE_PATH_BYTES];
	enum err err = files_path(dir, options->state, "journal");

	if (err != OK)
		return diag_set(diag, err, options->state, 0, 0, "the path is too long");
	snprintf(journal->state, sizeof(journal->state), "%s", options->state);
	err = make_folders(journal, dir, diag);
	if (err == OK)
		err = epoch_lock(journal->files, journal->state, diag, &journal->lock_fd);
	if (err == OK)
		err = recover(journal, options, dir, diag);
	if (err == OK && committer_start(&journal->committer) != OK)
		err = diag_set(diag, ERR_IO, dir, 0, 0, "cannot start the journal's thread");
	return err;
}

static void journal_free(struct journal *journal)
{
	committer_fini(&journal->committer);
	epoch_unlock(journal->files, journal->lock_fd);
	free(journal);
}

enum err journal_open(const struct journal_options *options, struct diag *diag,
		      struct journal **out)
{
	struct journal *journal;
	enum err err;

	ASSERT(options->state != NULL && options->on_open != NULL);
	ASSERT(options->segment_bytes == 0 || options->segment_bytes >= SEGMENT_BYTES_MIN);
	journal = aligned_alloc(_Alignof(struct journal), sizeof(*journal));
	ASSERT(journal != NULL);
	*journal = (struct journal){.files = options->files, .lock_fd = -1};
	if (journal->files.ops == NULL)
		journal->files = files_system();
	committer_init(&journal->committer, options);
	err = journal_start(journal, options, diag);
	if (err != OK) {
		journal_free(journal);
		return err;
	}
	*out = journal;
	return OK;
}

enum err journal_close(struct journal *journal)
{
	enum err err;

	if (journal == NULL)
		return OK;
	err = committer_stop(&journal->committer);
	if (err != OK)
		log_error(&journal->committer.log, "journal_lost_tail",
			  "the disk did not take the last records: err=%s", err_label(err));
	journal_free(journal);
	return err;
}

/* --- writers --- */

enum err journal_writer_new(struct journal *journal, struct loop *loop, struct journal_writer **out)
{
	return committer_add_writer(&journal->committer, loop, out);
}

static void poll_pause(void)
{
	struct timespec time = {.tv_nsec = POLL_NS};

	nanosleep(&time, NULL);
}

void journal_writer_free(struct journal_writer *writer)
{
	if (writer == NULL)
		return;
	ASSERT(atomic_load(&writer->state) == WRITER_ACTIVE);
	if (writer->loop != NULL)
		loop_unpost(writer->loop, &writer->post);
	ring_publish(&writer->ring);
	atomic_store(&writer->state, WRITER_LEAVING);
	bell_wake(&writer->committer->bell);
	while (atomic_load(&writer->state) == WRITER_LEAVING)
		poll_pause();
}

static void hand_over(void *arg)
{
	struct journal_writer *writer = arg;

	ring_publish(&writer->ring);
	bell_ring(&writer->committer->bell, ring_used(&writer->ring) > JOURNAL_RING_BYTES / 2);
}

static bool is_new_call(enum record_type type)
{
	return type == RECORD_INTENT || type == RECORD_DECISION;
}

enum err journal_append(struct journal_writer *writer, enum record_type type,
			const struct record_key *key, struct str payload, uint64_t *out_position)
{
	struct committer *committer = writer->committer;
	struct ring_entry entry = {
		.len = (uint32_t)payload.len, .attempt = key->attempt, .type = (uint16_t)type};
	/* The last quarter is for calls that are open: they must be able to settle. */
	uint64_t spare = is_new_call(type) ? JOURNAL_RING_BYTES / 4 : 0;
	enum err err;

	ASSERT(type >= RECORD_INTENT && type <= RECORD_TYPE_MAX);
	if (payload.len == 0 || payload.len > RECORD_PAYLOAD_BYTES)
		return ERR_LIMIT;
	if (is_new_call(type) && !atomic_load_explicit(&committer->admits, memory_order_relaxed))
		return ERR_UNAVAILABLE;
	memcpy(entry.call, key->call, RECORD_CALL_BYTES);
	err = ring_put(&writer->ring, &entry, payload.ptr, spare);
	if (err != OK)
		return err;
	*out_position = writer->ring.written;
	/* All records of one turn go over together: larger groups, fewer syncs, and a thread that
	 * shares the worker's core is not woken in the middle of its turn. */
	if (writer->loop == NULL ||
	    writer->ring.written - ring_head(&writer->ring) > JOURNAL_RING_BYTES / 4)
		hand_over(writer);
	else
		loop_post(writer->loop, &writer->post, hand_over, writer);
	return OK;
}

uint64_t journal_durable(const struct journal_writer *writer)
{
	if (writer->committer->is_relaxed)
		return writer->ring.written;
	return atomic_load_explicit(&writer->durable, memory_order_acquire);
}

bool journal_wait(const struct journal_writer *writer, uint64_t position, int64_t timeout_ms)
{
	int64_t end_ns = clock_mono_ns() + timeout_ms * CLOCK_NS_PER_MS;

	while (atomic_load_explicit(&writer->durable, memory_order_acquire) < position) {
		if (clock_mono_ns() >= end_ns)
			return false;
		poll_pause();
	}
	return true;
}

/* --- questions and readers --- */

bool journal_admits(const struct journal *journal)
{
	return atomic_load_explicit(&journal->committer.admits, memory_order_relaxed);
}

uint64_t journal_durable_sequence(const struct journal *journal)
{
	return readers_durable(&journal->committer.readers);
}

uint32_t journal_epoch(const struct journal *journal)
{
	return journal->committer.store.epoch;
}

const struct journal_stats *journal_stats(const struct journal *journal)
{
	return &journal->committer.stats;
}

uint64_t journal_ring_bytes(const struct journal *journal)
{
	uint64_t bytes = 0;

	for (unsigned i = 0; i < JOURNAL_WRITERS; i++) {
		const struct journal_writer *writer = atomic_load(&journal->committer.writers[i]);

		bytes += writer == NULL ? 0 : ring_used(&writer->ring);
	}
	return bytes;
}

enum err journal_reader_open(struct journal *journal, uint64_t from_sequence, struct diag *diag,
			     struct cursor **out)
{
	return cursor_open_reader(journal->files, journal->state, from_sequence,
				  &journal->committer.readers, diag, out);
}
