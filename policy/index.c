/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/index.h"

#include <stdlib.h>

/* One way to reach a policy in a dimension. An unbound scope has none and goes to `any`. */
struct index_entry {
	uint64_t key;
	size_t order;
	const struct policy *policy;
};

struct index_slot {
	uint64_t key;
	const struct policy_index *child; /* NULL: free */
};

struct policy_index {
	unsigned dimension; /* INDEX_DIMENSIONS: a leaf */
	size_t count;	    /* leaf: policies; node: slots, a power of two */
	union {
		const struct policy *const *policies;
		struct index_slot *slots;
	};
	const struct policy_index *any;
};

struct index_split {
	size_t any;
	size_t count; /* entries */
	size_t largest;
	struct index_entry *entries; /* heap, ascending by key */
};

uint64_t index_uid_key(uint64_t uid_hash)
{
	return uid_hash;
}

/* Types and uids share a table: keep them apart. */
uint64_t index_type_key(uint64_t type_hash)
{
	return type_hash ^ 0xa5a5a5a55a5a5a5aULL;
}

static const struct scope *scope_of(const struct policy *policy, unsigned dimension)
{
	if (dimension == 0)
		return &policy->principal;
	return dimension == 1 ? &policy->action : &policy->resource;
}

static size_t key_count(const struct scope *scope)
{
	return scope->kind == SCOPE_IN_SET ? scope->uid_count : 1;
}

static uint64_t key_at(const struct scope *scope, size_t i)
{
	if (scope->kind == SCOPE_IN_SET)
		return index_uid_key(scope->uids[i]->hash);
	if (scope->kind == SCOPE_IS)
		return index_type_key(scope->type.hash);
	return index_uid_key(scope->uid->hash);
}

static int order_entries(const void *a, const void *b)
{
	const struct index_entry *x = a;
	const struct index_entry *y = b;

	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return (x->order > y->order) - (x->order < y->order);
}

static struct index_split split_by(const struct policy *const *policies, size_t count,
				   unsigned dimension)
{
	struct index_split split = {0};
	size_t room = 0;
	size_t run = 0;

	for (size_t i = 0; i < count; i++)
		room += key_count(scope_of(policies[i], dimension));
	split.entries = base_alloc((room + 1) * sizeof(*split.entries));
	for (size_t i = 0; i < count; i++) {
		const struct scope *scope = scope_of(policies[i], dimension);

		if (scope->kind == SCOPE_ANY) {
			split.any++;
			continue;
		}
		for (size_t k = 0; k < key_count(scope); k++)
			split.entries[split.count++] =
				(struct index_entry){key_at(scope, k), i, policies[i]};
	}
	qsort(split.entries, split.count, sizeof(*split.entries), order_entries);
	for (size_t i = 0; i < split.count; i++) {
		run = i > 0 && split.entries[i].key == split.entries[i - 1].key ? run + 1 : 1;
		split.largest = MAX(split.largest, run);
	}
	return split;
}

static const struct policy_index *
node_new(struct arena *arena, const struct policy *const *policies, size_t count, unsigned used);

static const struct policy_index *leaf_new(struct arena *arena,
					   const struct policy *const *policies, size_t count)
{
	struct policy_index *leaf = arena_zalloc(arena, sizeof(*leaf));
	const struct policy **copy = arena_array(arena, count, sizeof(*copy));

	if (leaf == NULL || copy == NULL)
		return NULL;
	if (count > 0)
		memcpy(copy, policies, count * sizeof(*copy));
	leaf->dimension = INDEX_DIMENSIONS;
	leaf->count = count;
	leaf->policies = copy;
	return leaf;
}

static bool node_put(struct policy_index *node, uint64_t key, const struct policy_index *child)
{
	size_t i = key & (node->count - 1);

	while (node->slots[i].child != NULL)
		i = (i + 1) & (node->count - 1);
	node->slots[i] = (struct index_slot){key, child};
	return child != NULL;
}

/* Children for each key, then the one for policies without a key here. */
static bool node_fill(struct arena *arena, struct policy_index *node,
		      const struct index_split *split, const struct policy *const *policies,
		      size_t count, unsigned used)
{
	size_t room = MAX(split->count, count) + 1;
	const struct policy **group = base_alloc(room * sizeof(*group));
	size_t len = 0;
	bool is_fine = true;

	for (size_t i = 0; is_fine && i < split->count; i++) {
		uint64_t key = split->entries[i].key;

		if (len == 0 || group[len - 1] != split->entries[i].policy)
			group[len++] = split->entries[i].policy;
		if (i + 1 < split->count && split->entries[i + 1].key == key)
			continue;
		is_fine = node_put(node, key, node_new(arena, group, len, used));
		len = 0;
	}
	for (size_t i = 0; i < count; i++)
		if (scope_of(policies[i], node->dimension)->kind == SCOPE_ANY)
			group[len++] = policies[i];
	if (is_fine)
		node->any = node_new(arena, group, len, used);
	free(group);
	return is_fine && node->any != NULL;
}

static const struct policy_index *inner_new(struct arena *arena, const struct index_split *split,
					    unsigned dimension,
					    const struct policy *const *policies, size_t count,
					    unsigned used)
{
	struct policy_index *node = arena_zalloc(arena, sizeof(*node));
	size_t slots = 4;

	while (slots < split->count * 2)
		slots *= 2;
	if (node == NULL)
		return NULL;
	node->dimension = dimension;
	node->count = slots;
	node->slots = arena_array(arena, slots, sizeof(*node->slots));
	if (node->slots == NULL ||
	    !node_fill(arena, node, split, policies, count, used | 1U << dimension))
		return NULL;
	return node;
}

/* Splits by the dimension whose worst request meets the fewest policies. */
static const struct policy_index *
node_new(struct arena *arena, const struct policy *const *policies, size_t count, unsigned used)
{
	const struct policy_index *node;
	struct index_split best = {0};
	unsigned dimension = INDEX_DIMENSIONS;

	for (unsigned d = 0; count > INDEX_LEAF && d < INDEX_DIMENSIONS; d++) {
		struct index_split split;

		if ((used & 1U << d) != 0)
			continue;
		split = split_by(policies, count, d);
		if (split.any < count && (dimension == INDEX_DIMENSIONS ||
					  split.any + split.largest < best.any + best.largest)) {
			free(best.entries);
			best = split;
			dimension = d;
		} else {
			free(split.entries);
		}
	}
	if (dimension == INDEX_DIMENSIONS)
		return leaf_new(arena, policies, count);
	node = inner_new(arena, &best, dimension, policies, count, used);
	free(best.entries);
	return node;
}

const struct policy_index *policy_index_new(struct arena *arena,
					    const struct policy *const *policies, size_t count)
{
	return node_new(arena, policies, count, 0);
}

static const struct policy_index *node_child(const struct policy_index *node, uint64_t key)
{
	size_t i = key & (node->count - 1);

	while (node->slots[i].child != NULL && node->slots[i].key != key)
		i = (i + 1) & (node->count - 1);
	return node->slots[i].child;
}

void policy_index_visit(const struct policy_index *index, const struct index_keys *keys,
			index_visit_fn visit, void *arg)
{
	/* `any` goes on in this frame, so recursion is as deep as there are dimensions. */
	while (index->dimension < INDEX_DIMENSIONS) {
		const struct index_keys *own = &keys[index->dimension];

		for (size_t i = 0; i < own->count; i++) {
			const struct policy_index *child = node_child(index, own->keys[i]);

			if (child != NULL)
				policy_index_visit(child, keys, visit, arg);
		}
		index = index->any;
	}
	for (size_t i = 0; i < index->count; i++)
		visit(arg, index->policies[i]);
}
