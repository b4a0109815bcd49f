/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a guard has shown: that the entity or record of an expression has an
 * optional attribute, or an entity a tag. Expressions are compared as in same.h.
 *
 * Owns:    nothing; sets are immutable lists in an arena and share their tails.
 * Threads: any.
 * Limits:  CAPABILITY_MAX in one set; what is beyond is forgotten, which can
 *          only make the checker refuse.
 */
#ifndef POLICY_CAPABILITY_H
#define POLICY_CAPABILITY_H

#include "base/arena.h"
#include "policy/same.h"

#define CAPABILITY_MAX 4096

struct capability {
	const struct expr *of;
	struct text attr;	/* of an attribute; of a tag: unset */
	const struct expr *tag; /* NULL: an attribute */
};

/* NULL is the empty set. */
struct capability_set {
	const struct capability_set *next;
	size_t count;
	struct capability item;
};

bool capability_has(const struct capability_set *set, const struct capability *item);
const struct capability_set *capability_add(struct arena *arena, const struct capability_set *set,
					    const struct capability *item);
const struct capability_set *capability_union(struct arena *arena, const struct capability_set *a,
					      const struct capability_set *b);
const struct capability_set *capability_common(struct arena *arena, const struct capability_set *a,
					       const struct capability_set *b);

#endif
