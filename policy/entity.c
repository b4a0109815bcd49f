/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store: entities in the order they came, and an open-addressed table from
 * uid to place. freeze gives each entity the sorted list of all its ancestors,
 * parents before children (Kahn's order), so that `in` is one binary search.
 * A parent that is not in the store is an ancestor all the same.
 */
#include "policy/entity.h"

#include <stdio.h>
#include <stdlib.h>

#include "policy/sort.h"

#define STORE_FILE     "entities"
#define TABLE_CAP_MIN  64
#define NO_PLACE       UINT32_MAX
#define UID_TEXT_BYTES 300

struct entity_store {
	struct arena arena;
	struct entity_limits limits;
	struct entity **entities;
	size_t count;
	size_t cap;
	uint32_t *table; /* places, NO_PLACE is free */
	size_t table_cap;
	bool is_frozen;
};

static const struct value_record record_empty = {.count = 0};

static int order_refs(const void *a, const void *b)
{
	const struct entity_ref *x = a;
	const struct entity_ref *y = b;

	return uid_compare(x->uid, y->uid);
}

static size_t refs_unique(struct entity_ref *refs, size_t count)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++)
		if (kept == 0 || !uid_eq(refs[kept - 1].uid, refs[i].uid))
			refs[kept++] = refs[i];
	return kept;
}

bool entity_refs_sort(struct arena *arena, struct entity_ref *refs, size_t *count)
{
	if (*count > 1 && !sort_stable(arena, refs, *count, sizeof(*refs), order_refs))
		return false;
	*count = refs_unique(refs, *count);
	return true;
}

bool entity_refs_have(const struct entity_ref *refs, size_t count, const struct uid *uid)
{
	size_t low = 0;
	size_t high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (refs[middle].hash < uid->hash)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < count && refs[low].hash == uid->hash; low++)
		if (uid_eq(refs[low].uid, uid))
			return true;
	return false;
}

static const struct value_record *record_or_empty(struct value value)
{
	ASSERT(value.kind == VALUE_NONE || value.kind == VALUE_RECORD);
	return value.kind == VALUE_RECORD ? value.record : &record_empty;
}

static struct entity *entity_make(struct arena *arena, const struct uid *uid, struct value attrs,
				  struct value tags, const struct uid *const *parents,
				  size_t parent_count)
{
	struct entity *entity = arena_zalloc(arena, sizeof(*entity));
	struct entity_ref *refs = arena_array(arena, parent_count, sizeof(*refs));

	if (entity == NULL || refs == NULL)
		return NULL;
	for (size_t i = 0; i < parent_count; i++)
		refs[i] = (struct entity_ref){parents[i]->hash, parents[i]};
	if (!entity_refs_sort(arena, refs, &parent_count))
		return NULL;
	entity->uid = *uid;
	entity->attrs = record_or_empty(attrs);
	entity->tags = record_or_empty(tags);
	entity->parents = refs;
	entity->parent_count = parent_count;
	return entity;
}

const struct entity *entity_new(struct arena *arena, const struct uid *uid, struct value attrs,
				struct value tags, const struct uid *const *parents,
				size_t parent_count)
{
	return entity_make(arena, uid, attrs, tags, parents, parent_count);
}

static void take_default(size_t *limit, size_t value)
{
	if (*limit == 0)
		*limit = value;
}

struct entity_store *entity_store_new(const struct entity_limits *limits)
{
	struct entity_store *store = base_alloc(sizeof(*store));

	if (limits != NULL)
		store->limits = *limits;
	take_default(&store->limits.entities, 1000000);
	take_default(&store->limits.parents, 10000);
	take_default(&store->limits.ancestors, 16000000);
	take_default(&store->limits.elements, 100000);
	take_default(&store->limits.text_bytes, (size_t)256 << 20);
	take_default(&store->limits.arena_bytes, (size_t)2 << 30);
	arena_init(&store->arena, 16384, store->limits.arena_bytes);
	return store;
}

void entity_store_free(struct entity_store *store)
{
	if (store == NULL)
		return;
	arena_fini(&store->arena);
	free(store->entities);
	free(store->table);
	free(store);
}

struct arena *entity_store_arena(struct entity_store *store)
{
	return &store->arena;
}

const struct entity_limits *entity_store_limits(const struct entity_store *store)
{
	return &store->limits;
}

size_t entity_store_count(const struct entity_store *store)
{
	return store->count;
}

const struct entity *entity_store_at(const struct entity_store *store, size_t i)
{
	ASSERT(i < store->count);
	return store->entities[i];
}

static uint32_t find_place(const struct entity_store *store, const struct uid *uid)
{
	size_t mask = store->table_cap - 1;
	uint32_t place;

	if (store->table_cap == 0)
		return NO_PLACE;
	for (size_t i = uid->hash & mask;; i = (i + 1) & mask) {
		place = store->table[i];
		if (place == NO_PLACE || uid_eq(&store->entities[place]->uid, uid))
			return place;
	}
}

const struct entity *entity_store_find(const struct entity_store *store, const struct uid *uid)
{
	uint32_t place = find_place(store, uid);

	return place == NO_PLACE ? NULL : store->entities[place];
}

static void table_put(struct entity_store *store, uint32_t place)
{
	size_t mask = store->table_cap - 1;
	size_t i = store->entities[place]->uid.hash & mask;

	while (store->table[i] != NO_PLACE)
		i = (i + 1) & mask;
	store->table[i] = place;
}

static void table_rebuild(struct entity_store *store, size_t cap)
{
	free(store->table);
	store->table = base_alloc(cap * sizeof(*store->table));
	store->table_cap = cap;
	memset(store->table, 0xff, cap * sizeof(*store->table));
	for (size_t i = 0; i < store->count; i++)
		table_put(store, (uint32_t)i);
}

void entity_store_truncate(struct entity_store *store, size_t count)
{
	ASSERT(count <= store->count && !store->is_frozen);
	store->count = count;
	if (store->table_cap > 0)
		table_rebuild(store, store->table_cap);
}

static void store_push(struct entity_store *store, struct entity *entity)
{
	if (store->count == store->cap) {
		size_t cap = store->cap == 0 ? TABLE_CAP_MIN / 2 : store->cap * 2;
		struct entity **entities = base_alloc(cap * sizeof(struct entity *));

		if (store->count > 0)
			memcpy(entities, store->entities, store->count * sizeof(struct entity *));
		free(store->entities);
		store->entities = entities;
		store->cap = cap;
		table_rebuild(store, cap * 2);
	}
	store->entities[store->count] = entity;
	table_put(store, (uint32_t)store->count);
	store->count++;
}

const char *entity_uid_text(const struct uid *uid, char *buf, size_t cap)
{
	(void)snprintf(buf, cap, STR_FMT "::\"" STR_FMT "\"", (int)MIN(uid->type.len, 100),
		       uid->type.ptr, (int)MIN(uid->id.len, 100), uid->id.ptr);
	return buf;
}

static enum err store_fail(struct diag *diag, enum err err, const struct uid *uid, const char *why)
{
	char text[UID_TEXT_BYTES];

	return diag_set(diag, err, STORE_FILE, 0, 0, "entity %s: %s",
			entity_uid_text(uid, text, sizeof(text)), why);
}

static bool entity_eq(const struct entity *a, const struct entity *b)
{
	bool is_equal = a->parent_count == b->parent_count;

	for (size_t i = 0; is_equal && i < a->parent_count; i++)
		is_equal = uid_eq(a->parents[i].uid, b->parents[i].uid);
	return is_equal &&
	       value_eq((struct value){.kind = VALUE_RECORD, .record = a->attrs},
			(struct value){.kind = VALUE_RECORD, .record = b->attrs}) &&
	       value_eq((struct value){.kind = VALUE_RECORD, .record = a->tags},
			(struct value){.kind = VALUE_RECORD, .record = b->tags});
}

static struct entity *entity_copy(struct arena *arena, const struct uid *uid, struct value attrs,
				  struct value tags, const struct uid *const *parents,
				  size_t parent_count)
{
	const struct uid **copies = arena_array(arena, parent_count, sizeof(*copies));
	const struct uid *own = uid_copy(arena, uid);

	for (size_t i = 0; copies != NULL && i < parent_count; i++) {
		copies[i] = uid_copy(arena, parents[i]);
		if (copies[i] == NULL)
			return NULL;
	}
	if (copies == NULL || own == NULL)
		return NULL;
	return entity_make(arena, own, attrs, tags, copies, parent_count);
}

enum err entity_store_add(struct entity_store *store, const struct uid *uid, struct value attrs,
			  struct value tags, const struct uid *const *parents, size_t parent_count,
			  struct diag *diag)
{
	struct entity *entity;
	uint32_t place;

	ASSERT(!store->is_frozen);
	if (parent_count > store->limits.parents)
		return store_fail(diag, ERR_LIMIT, uid, "too many parents (limit `parents`)");
	entity = entity_copy(&store->arena, uid, attrs, tags, parents, parent_count);
	if (entity == NULL || arena_has_overflowed(&store->arena))
		return store_fail(diag, ERR_LIMIT, uid, "memory limit reached (`arena_bytes`)");
	place = find_place(store, uid);
	if (place != NO_PLACE) {
		if (entity_eq(store->entities[place], entity))
			return OK;
		return store_fail(diag, ERR_CONFLICT, uid, "is there already, with other content");
	}
	if (store->count >= store->limits.entities)
		return store_fail(diag, ERR_LIMIT, uid, "too many entities (limit `entities`)");
	store_push(store, entity);
	return OK;
}

/* Edges from parent to children as one array with offsets, and how many parents each entity still
 * waits for. */
struct closure {
	size_t *first; /* count + 1 */
	uint32_t *children;
	uint32_t *pending;
	uint32_t *queue;
	struct entity_ref *scratch;
	size_t scratch_cap;
	size_t total;
};

static void closure_edges(const struct entity_store *store, struct closure *c)
{
	size_t edges = 0;

	for (size_t i = 0; i < store->count; i++)
		edges += store->entities[i]->parent_count;
	c->first = base_alloc((store->count + 2) * sizeof(*c->first));
	c->children = base_alloc((edges + 1) * sizeof(*c->children));
	c->pending = base_alloc((store->count + 1) * sizeof(*c->pending));
	c->queue = base_alloc((store->count + 1) * sizeof(*c->queue));
	for (unsigned pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < store->count; i++)
			for (size_t k = 0; k < store->entities[i]->parent_count; k++) {
				uint32_t p = find_place(store, store->entities[i]->parents[k].uid);

				if (p == NO_PLACE)
					continue;
				if (pass == 0)
					c->first[p + 2]++;
				else
					c->children[c->first[p + 1]++] = (uint32_t)i;
				c->pending[i] += pass;
			}
		for (size_t i = 2; pass == 0 && i < store->count + 2; i++)
			c->first[i] += c->first[i - 1];
	}
}

static void scratch_reserve(struct closure *c, size_t count)
{
	if (count <= c->scratch_cap)
		return;
	free(c->scratch);
	c->scratch_cap = count * 2;
	c->scratch = base_alloc(c->scratch_cap * sizeof(*c->scratch));
}

static enum err closure_entity(struct entity_store *store, struct closure *c, struct entity *entity,
			       struct diag *diag)
{
	size_t count = entity->parent_count;
	size_t at = 0;
	struct entity_ref *kept;

	for (size_t i = 0; i < entity->parent_count; i++) {
		const struct entity *parent = entity_store_find(store, entity->parents[i].uid);

		count += parent == NULL ? 0 : parent->ancestor_count;
	}
	if (count > store->limits.ancestors)
		return store_fail(diag, ERR_LIMIT, &entity->uid,
				  "too many ancestors (limit `ancestors`)");
	scratch_reserve(c, count);
	for (size_t i = 0; i < entity->parent_count; i++) {
		const struct entity *parent = entity_store_find(store, entity->parents[i].uid);

		c->scratch[at++] = entity->parents[i];
		for (size_t k = 0; parent != NULL && k < parent->ancestor_count; k++)
			c->scratch[at++] = parent->ancestors[k];
	}
	if (count > 1)
		qsort(c->scratch, count, sizeof(*c->scratch), order_refs);
	count = refs_unique(c->scratch, count);
	c->total += count;
	kept = arena_array(&store->arena, count, sizeof(*kept));
	if (kept == NULL || c->total > store->limits.ancestors)
		return store_fail(diag, ERR_LIMIT, &entity->uid,
				  "too many ancestors (limits `ancestors`, `arena_bytes`)");
	if (count > 0)
		memcpy(kept, c->scratch, count * sizeof(*kept));
	entity->ancestors = kept;
	entity->ancestor_count = count;
	return OK;
}

static enum err closure_run(struct entity_store *store, struct closure *c, struct diag *diag)
{
	size_t done = 0;
	size_t ready = 0;

	for (size_t i = 0; i < store->count; i++)
		if (c->pending[i] == 0)
			c->queue[ready++] = (uint32_t)i;
	for (; done < ready; done++) {
		uint32_t place = c->queue[done];
		enum err err = closure_entity(store, c, store->entities[place], diag);

		if (err != OK)
			return err;
		for (size_t k = c->first[place]; k < c->first[place + 1]; k++)
			if (--c->pending[c->children[k]] == 0)
				c->queue[ready++] = c->children[k];
	}
	for (size_t i = 0; done < store->count && i < store->count; i++)
		if (c->pending[i] > 0)
			return store_fail(diag, ERR_MALFORMED, &store->entities[i]->uid,
					  "is in a cycle of parents, or below one");
	return OK;
}

enum err entity_store_freeze(struct entity_store *store, struct diag *diag)
{
	struct closure c = {0};
	enum err err;

	ASSERT(!store->is_frozen);
	closure_edges(store, &c);
	err = closure_run(store, &c, diag);
	free(c.first);
	free(c.children);
	free(c.pending);
	free(c.queue);
	free(c.scratch);
	store->is_frozen = err == OK;
	return err;
}
