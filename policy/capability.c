/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/capability.h"

static bool same_items(const struct capability *a, const struct capability *b)
{
	if ((a->tag == NULL) != (b->tag == NULL))
		return false;
	if (a->tag == NULL ? !text_eq(&a->attr, &b->attr) : !expr_same(a->tag, b->tag))
		return false;
	return expr_same(a->of, b->of);
}

bool capability_has(const struct capability_set *set, const struct capability *item)
{
	for (; set != NULL; set = set->next)
		if (same_items(&set->item, item))
			return true;
	return false;
}

const struct capability_set *capability_add(struct arena *arena, const struct capability_set *set,
					    const struct capability *item)
{
	size_t count = set == NULL ? 0 : set->count;
	struct capability_set *added;

	if (count >= CAPABILITY_MAX)
		return set;
	added = arena_alloc(arena, sizeof(*added));
	if (added == NULL)
		return set;
	*added = (struct capability_set){.next = set, .count = count + 1, .item = *item};
	return added;
}

const struct capability_set *capability_union(struct arena *arena, const struct capability_set *a,
					      const struct capability_set *b)
{
	if (a == NULL)
		return b;
	for (; b != NULL; b = b->next)
		a = capability_add(arena, a, &b->item);
	return a;
}

const struct capability_set *capability_common(struct arena *arena, const struct capability_set *a,
					       const struct capability_set *b)
{
	const struct capability_set *common = NULL;

	for (; a != NULL; a = a->next)
		if (capability_has(b, &a->item))
			common = capability_add(arena, common, &a->item);
	return common;
}
