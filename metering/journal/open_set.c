/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Open addressing, linear probing, no tombstones: a removal moves the entries
 * behind it forward, so a table that lives for months does not silt up. Call
 * ids hold 80 random bits that clients do not choose, hence the plain hash.
 */
#include "metering/journal/open_set.h"

#include <stdlib.h>

#define CAP_FIRST 16

static size_t slot_of(const struct open_set *set, const struct record_key *key)
{
	uint64_t hash;

	memcpy(&hash, key->call + RECORD_CALL_BYTES - sizeof(hash), sizeof(hash));
	hash = (hash ^ key->attempt) * 0x9e3779b97f4a7c15U;
	return (size_t)(hash >> 20) & (set->cap - 1);
}

static void call_free(struct open_call *call)
{
	if (call == NULL)
		return;
	free((void *)(uintptr_t)call->intent.payload.ptr);
	free((void *)(uintptr_t)call->progress.payload.ptr);
	free(call);
}

void open_set_init(struct open_set *set, bool keeps_calls)
{
	*set = (struct open_set){.keeps_calls = keeps_calls};
}

void open_set_fini(struct open_set *set)
{
	for (size_t i = 0; i < set->cap; i++)
		call_free(set->entries[i].call);
	free(set->entries);
	*set = (struct open_set){0};
}

/* The key's entry, or the free slot where it would stand. */
static struct open_entry *set_slot(const struct open_set *set, const struct record_key *key)
{
	size_t i = slot_of(set, key);

	while (set->entries[i].sequence != 0 && !record_key_eq(&set->entries[i].key, key))
		i = (i + 1) & (set->cap - 1);
	return &set->entries[i];
}

static void set_grow(struct open_set *set)
{
	struct open_set bigger = *set;

	bigger.cap = set->cap == 0 ? CAP_FIRST : set->cap * 2;
	bigger.entries = base_alloc(bigger.cap * sizeof(*bigger.entries));
	for (size_t i = 0; i < set->cap; i++)
		if (set->entries[i].sequence != 0)
			*set_slot(&bigger, &set->entries[i].key) = set->entries[i];
	free(set->entries);
	*set = bigger;
}

static void record_copy(struct record *out, const struct record *record)
{
	char *payload = base_alloc(record->payload.len);

	memcpy(payload, record->payload.ptr, record->payload.len);
	free((void *)(uintptr_t)out->payload.ptr);
	*out = *record;
	out->payload.ptr = payload;
}

static void set_open(struct open_set *set, const struct record *record)
{
	struct open_entry *entry;

	if (set->count * 2 >= set->cap)
		set_grow(set);
	entry = set_slot(set, &record->key);
	if (entry->sequence == 0) {
		entry->key = record->key;
		set->count++;
	}
	entry->sequence = record->sequence;
	if (!set->keeps_calls)
		return;
	if (entry->call == NULL)
		entry->call = base_alloc(sizeof(*entry->call));
	record_copy(&entry->call->intent, record);
}

/* Closes the gap at `i`: each entry behind it moves up unless its own home lies after the gap. */
static void set_close_gap(struct open_set *set, size_t i)
{
	size_t mask = set->cap - 1;
	size_t next = i;

	for (;;) {
		next = (next + 1) & mask;
		if (set->entries[next].sequence == 0)
			break;
		if (((next - slot_of(set, &set->entries[next].key)) & mask) < ((next - i) & mask))
			continue;
		set->entries[i] = set->entries[next];
		i = next;
	}
	set->entries[i] = (struct open_entry){0};
}

static void set_settle(struct open_set *set, const struct record_key *key)
{
	struct open_entry *entry;

	if (set->count == 0)
		return;
	entry = set_slot(set, key);
	if (entry->sequence == 0)
		return;
	call_free(entry->call);
	set->count--;
	set_close_gap(set, (size_t)(entry - set->entries));
}

static void set_progress(struct open_set *set, const struct record *record)
{
	struct open_entry *entry;

	if (!set->keeps_calls || set->count == 0)
		return;
	entry = set_slot(set, &record->key);
	if (entry->sequence != 0)
		record_copy(&entry->call->progress, record);
}

void open_set_apply(struct open_set *set, const struct record *record)
{
	switch (record->type) {
	case RECORD_INTENT: set_open(set, record); break;
	case RECORD_SETTLE: set_settle(set, &record->key); break;
	case RECORD_PROGRESS: set_progress(set, record); break;
	case RECORD_DECISION:
	case RECORD_LIFECYCLE: break;
	}
}

void open_set_apply_frames(struct open_set *set, struct str frames)
{
	struct record record;
	size_t size;

	while (frames.len > 0) {
		enum err err = record_decode(frames, &record, &size);

		ASSERT(err == OK);
		open_set_apply(set, &record);
		frames = str_sub(frames, size, frames.len);
	}
}

uint64_t open_set_lowest(const struct open_set *set, uint64_t otherwise)
{
	uint64_t lowest = otherwise;

	for (size_t i = 0; i < set->cap; i++)
		if (set->entries[i].sequence != 0 && set->entries[i].sequence < lowest)
			lowest = set->entries[i].sequence;
	return lowest;
}

static int by_sequence(const void *a, const void *b)
{
	uint64_t x = ((const struct open_entry *)a)->sequence;
	uint64_t y = ((const struct open_entry *)b)->sequence;

	return (x > y) - (x < y);
}

struct open_entry *open_set_sorted(const struct open_set *set)
{
	struct open_entry *sorted = base_alloc((set->count + 1) * sizeof(*sorted));
	size_t count = 0;

	for (size_t i = 0; i < set->cap; i++)
		if (set->entries[i].sequence != 0)
			sorted[count++] = set->entries[i];
	ASSERT(count == set->count);
	qsort(sorted, count, sizeof(*sorted), by_sequence);
	return sorted;
}
