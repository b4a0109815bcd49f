/* SPDX-License-Identifier: Apache-2.0 */
#include "metering/journal/committer.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/loop.h"

#define IDLE_NS		 (60 * CLOCK_NS_PER_S)
#define RETRY_NS	 (50 * CLOCK_NS_PER_MS) /* between looks at a full or failing disk */
#define RELAXED_NS	 (5 * CLOCK_NS_PER_MS)	/* half of what relaxed promises */
#define KEEP_S		 (7 * CLOCK_S_PER_DAY)
#define FILL_BYTES	 (64U << 10)  /* of the spare, after each group: ahead of what is used */
#define FILL_GROUP_BYTES (128U << 10) /* larger ones: the disk is busy, the sync already shared */
#define RETIRE_AT_ONCE	 4	      /* deleting 16 MiB takes about a millisecond */

_Static_assert(JOURNAL_GROUP_BYTES >= RECORD_BYTES, "a group holds any record");

void committer_init(struct committer *committer, const struct journal_options *options)
{
	*committer = (struct committer){
		.is_relaxed = options->durability == JOURNAL_RELAXED,
		.wait_ns = options->group_wait_us * 1000,
		.keep_ns = (options->keep_s == 0 ? KEEP_S : options->keep_s) * CLOCK_NS_PER_S,
		.next = 1,
	};
	if (committer->is_relaxed)
		committer->wait_ns = MAX(committer->wait_ns, RELAXED_NS);
	open_set_init(&committer->open, false);
	log_init(&committer->log, options->log, NULL);
}

static void writer_destroy(struct journal_writer *writer)
{
	if (writer == NULL)
		return;
	ring_fini(&writer->ring);
	free(writer);
}

void committer_fini(struct committer *committer)
{
	for (unsigned i = 0; i < JOURNAL_WRITERS; i++)
		writer_destroy(atomic_load(&committer->writers[i]));
	open_set_fini(&committer->open);
	store_fini(&committer->store);
	free(committer->group);
}

/* --- the group --- */

/* While no spare is there, a group may not ask for more than the current segment still holds. */
static size_t group_limit(const struct committer *committer)
{
	size_t room = store_room(&committer->store);

	if (store_has_spare(&committer->store) || room == 0)
		return committer->group_cap;
	return MIN(committer->group_cap, room);
}

/* Room for a frame, or NULL. The first of a group always has. */
static uint8_t *group_room(struct committer *committer, size_t payload_len)
{
	size_t size = record_size(payload_len);

	if (committer->group == NULL) {
		committer->group_cap = MIN(JOURNAL_GROUP_BYTES,
					   committer->store.segment_bytes - SEGMENT_HEAD_BYTES);
		ASSERT(committer->group_cap >= RECORD_BYTES);
		committer->group = base_alloc(committer->group_cap);
	}
	if (committer->group_count > 0 && committer->group_len + size > group_limit(committer))
		return NULL;
	return committer->group + committer->group_len;
}

static void group_add(struct committer *committer, struct record *record)
{
	record->sequence = committer->next + committer->group_count;
	record->lead = committer->group_count;
	record->epoch = committer->store.epoch;
	record->gateway = committer->store.gateway;
	committer->group_len += record_encode(record, committer->group + committer->group_len);
	committer->group_count++;
	ASSERT(committer->group_len <= committer->group_cap);
}

bool committer_gather(struct committer *committer, enum record_type type,
		      const struct record_key *key, struct str payload)
{
	struct record record = {.type = type, .key = *key, .payload = payload};

	if (group_room(committer, payload.len) == NULL)
		return false;
	group_add(committer, &record);
	return true;
}

/* False when the group is full. The payload is copied once, from the ring to its frame. */
static bool gather_writer(struct committer *committer, struct journal_writer *writer)
{
	struct ring_entry entry;
	bool has_room = true;

	while (ring_peek(&writer->ring, writer->taken, &entry)) {
		uint8_t *frame = group_room(committer, entry.len);
		struct record record = {.type = (enum record_type)entry.type,
					.key.attempt = entry.attempt};

		has_room = frame != NULL;
		if (!has_room)
			break;
		writer->taken =
			ring_copy(&writer->ring, writer->taken, &entry, frame + RECORD_HEAD_BYTES);
		memcpy(record.key.call, entry.call, RECORD_CALL_BYTES);
		record.payload = str_make((const char *)frame + RECORD_HEAD_BYTES, entry.len);
		group_add(committer, &record);
	}
	ring_release(&writer->ring, writer->taken);
	return has_room;
}

static void gather(struct committer *committer)
{
	for (unsigned i = 0; i < JOURNAL_WRITERS; i++) {
		unsigned at = (committer->turn + i) % JOURNAL_WRITERS;
		struct journal_writer *writer = atomic_load(&committer->writers[at]);

		if (writer != NULL && !gather_writer(committer, writer)) {
			committer->turn = at + 1; /* who was cut short is not cut short again */
			return;
		}
	}
}

static void count_group(struct committer *committer, int64_t ns)
{
	stat_add(&committer->stats.records, committer->group_count);
	stat_add(&committer->stats.groups, 1);
	stat_add(&committer->stats.bytes, committer->group_len);
	stat_observe_ns(&committer->stats.sync, ns);
}

enum err committer_commit(struct committer *committer)
{
	struct str group = str_make((const char *)committer->group, committer->group_len);
	uint64_t open_from = committer->next;
	int64_t start_ns = clock_mono_ns();
	enum err err;

	ASSERT(committer->group_count > 0);
	if (group.len > store_room(&committer->store)) /* a walk over all: only when needed */
		open_from = open_set_lowest(&committer->open, committer->next);
	err = store_append(&committer->store, group, committer->next, open_from);
	if (err != OK) {
		stat_add(&committer->stats.failures, 1);
		return err;
	}
	count_group(committer, clock_mono_ns() - start_ns);
	open_set_apply_frames(&committer->open, group);
	committer->next += committer->group_count;
	committer->group_len = 0;
	committer->group_count = 0;
	readers_publish(&committer->readers, committer->next);
	return OK;
}

/* --- the thread --- */

static void publish(struct committer *committer)
{
	for (unsigned i = 0; i < JOURNAL_WRITERS; i++) {
		struct journal_writer *writer = atomic_load(&committer->writers[i]);

		if (writer == NULL ||
		    atomic_load_explicit(&writer->durable, memory_order_relaxed) == writer->taken)
			continue;
		atomic_store_explicit(&writer->durable, writer->taken, memory_order_release);
		if (atomic_load(&writer->state) == WRITER_ACTIVE && writer->loop != NULL)
			loop_wake(writer->loop);
	}
}

static void set_admits(struct committer *committer, enum err err)
{
	bool admits = err == OK;

	if (admits == atomic_load(&committer->admits))
		return;
	atomic_store(&committer->admits, admits);
	if (admits)
		log_info(&committer->log, "journal_admits", "sequence=%llu",
			 (unsigned long long)committer->next);
	else
		log_error(&committer->log, "journal_refuses",
			  "new calls are refused until the disk takes records again: err=%s "
			  "errno=%d",
			  err_label(err), errno);
}

/* The oldest may go when a new one has come. */
static void retire(struct committer *committer)
{
	struct store *store = &committer->store;
	uint64_t keep = MIN(readers_lowest(&committer->readers),
			    open_set_lowest(&committer->open, committer->next));
	int64_t before_ns = clock_wall_ns() - committer->keep_ns;

	stat_add(&committer->stats.segments, 1);
	stat_add(&committer->stats.deleted, store_retire(store, keep, before_ns, RETIRE_AT_ONCE));
}

/* Looks for room for a spare, not more often than every RETRY_NS while there is none. */
static void reserve(struct committer *committer)
{
	enum err err;

	if (clock_mono_ns() < committer->retry_at_ns)
		return;
	err = store_reserve(&committer->store);
	committer->retry_at_ns = err == OK ? 0 : clock_mono_ns() + RETRY_NS;
	set_admits(committer, err);
}

static void tidy(struct committer *committer, size_t group_len)
{
	const struct segment_list *list = &committer->store.list;
	uint64_t current = list->heads[list->count - 1].number;

	reserve(committer);
	if (group_len <= FILL_GROUP_BYTES)
		(void)store_fill(&committer->store, MAX(FILL_BYTES, group_len));
	if (current != committer->current)
		retire(committer);
	committer->current = current;
}

static bool has_leavers(const struct committer *committer)
{
	for (unsigned i = 0; i < JOURNAL_WRITERS; i++) {
		const struct journal_writer *writer = atomic_load(&committer->writers[i]);

		if (writer != NULL && atomic_load(&writer->state) == WRITER_LEAVING)
			return true;
	}
	return false;
}

/* Before another look at a disk that failed; who leaves or stops does not wait for it. */
static void pause_retry(struct committer *committer)
{
	bell_arm(&committer->bell, BELL_DEEP);
	if (atomic_load(&committer->is_stopping) || has_leavers(committer))
		bell_disarm(&committer->bell);
	else
		bell_wait(&committer->bell, BELL_DEEP, RETRY_NS);
}

/* The first failure may be the segment's alone and is tried again at once, on the spare. */
static void commit_or_pause(struct committer *committer)
{
	size_t group_len = committer->group_len;
	enum err err = committer_commit(committer);

	if (err == OK) {
		committer->failures = 0;
		publish(committer);
		tidy(committer, group_len);
		return;
	}
	committer->failures++;
	set_admits(committer, err);
	if (committer->failures > 1)
		pause_retry(committer);
}

/* Writers whose worker leaves: from here on their loop is not touched. */
static void let_go(struct committer *committer)
{
	for (unsigned i = 0; i < JOURNAL_WRITERS; i++) {
		struct journal_writer *writer = atomic_load(&committer->writers[i]);
		uint32_t state = writer == NULL ? WRITER_FREE : atomic_load(&writer->state);

		if (state == WRITER_LEAVING)
			atomic_store(&writer->state, WRITER_GONE);
		else if (state == WRITER_GONE &&
			 atomic_load(&writer->durable) == ring_head(&writer->ring))
			atomic_store(&writer->state, WRITER_FREE);
	}
}

static bool has_records(const struct committer *committer, bool only_urgent)
{
	for (unsigned i = 0; i < JOURNAL_WRITERS; i++) {
		const struct journal_writer *writer = atomic_load(&committer->writers[i]);

		if (writer != NULL &&
		    ring_used(&writer->ring) > (only_urgent ? writer->ring.cap / 2 : 0))
			return true;
	}
	return false;
}

static bool has_work(const struct committer *committer, bool only_urgent)
{
	return atomic_load(&committer->is_stopping) || has_leavers(committer) ||
	       has_records(committer, only_urgent);
}

static void sleep_until_work(struct committer *committer)
{
	while (!has_work(committer, false))
		if (!store_fill(&committer->store, FILL_BYTES))
			break;
	bell_arm(&committer->bell, BELL_LIGHT);
	if (has_work(committer, false))
		bell_disarm(&committer->bell);
	else
		bell_wait(&committer->bell, BELL_LIGHT,
			  atomic_load(&committer->admits) ? IDLE_NS : RETRY_NS);
}

/* Lets a group grow for wait_ns, unless a ring fills up. */
static void linger(struct committer *committer)
{
	int64_t end_ns = clock_mono_ns() + committer->wait_ns;
	int64_t left_ns;

	while ((left_ns = end_ns - clock_mono_ns()) > 0) {
		bell_arm(&committer->bell, BELL_DEEP);
		if (has_work(committer, true)) {
			bell_disarm(&committer->bell);
			return;
		}
		bell_wait(&committer->bell, BELL_DEEP, left_ns);
	}
}

/* Whether a thread that is told to stop has more to do: not when the disk failed twice. */
static bool has_rest(const struct committer *committer)
{
	if (committer->failures > 1)
		return false;
	return committer->group_count > 0 || has_records(committer, false);
}

static void run_once(struct committer *committer)
{
	let_go(committer);
	if (committer->group_count == 0 && committer->wait_ns > 0 && has_records(committer, false))
		linger(committer);
	if (committer->group_count == 0)
		gather(committer);
	if (committer->group_count > 0) {
		commit_or_pause(committer);
		return;
	}
	if (!atomic_load(&committer->admits))
		reserve(committer);
	sleep_until_work(committer);
}

static void *committer_run(void *arg)
{
	struct committer *committer = arg;

	pthread_setname_np(pthread_self(), "journal");
	while (!atomic_load(&committer->is_stopping) || has_rest(committer))
		run_once(committer);
	return NULL;
}

enum err committer_start(struct committer *committer)
{
	readers_publish(&committer->readers, committer->next);
	set_admits(committer, store_reserve(&committer->store));
	if (pthread_create(&committer->thread, NULL, committer_run, committer) != 0)
		return ERR_IO;
	return OK;
}

enum err committer_stop(struct committer *committer)
{
	uint64_t left;

	atomic_store(&committer->is_stopping, true);
	bell_wake(&committer->bell);
	pthread_join(committer->thread, NULL);
	left = committer->group_count;
	for (unsigned i = 0; i < JOURNAL_WRITERS; i++) {
		const struct journal_writer *writer = atomic_load(&committer->writers[i]);

		left += writer == NULL ? 0 : ring_used(&writer->ring);
	}
	return left == 0 ? OK : ERR_IO;
}

static bool reuse_writer(struct journal_writer *writer)
{
	uint32_t state = WRITER_FREE;

	return writer != NULL &&
	       atomic_compare_exchange_strong(&writer->state, &state, WRITER_STARTING);
}

enum err committer_add_writer(struct committer *committer, struct loop *loop,
			      struct journal_writer **out)
{
	struct journal_writer *writer = NULL;

	for (unsigned i = 0; i < JOURNAL_WRITERS && writer == NULL; i++) {
		struct journal_writer *slot = atomic_load(&committer->writers[i]);
		struct journal_writer *fresh;

		if (reuse_writer(slot)) {
			writer = slot;
		} else if (slot == NULL) {
			fresh = aligned_alloc(_Alignof(struct journal_writer), sizeof(*fresh));
			ASSERT(fresh != NULL);
			*fresh = (struct journal_writer){.committer = committer,
							 .state = WRITER_STARTING};
			ring_init(&fresh->ring, JOURNAL_RING_BYTES);
			if (atomic_compare_exchange_strong(&committer->writers[i], &slot, fresh))
				writer = fresh;
			else
				writer_destroy(fresh);
		}
	}
	if (writer == NULL)
		return ERR_LIMIT;
	writer->loop = loop;
	atomic_store(&writer->state, WRITER_ACTIVE);
	*out = writer;
	return OK;
}
