/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How deep a policy looks into entities (RFC 76): principal.a looks one deep,
 * principal.a.b two when a is an entity. Entities that a policy names cannot be
 * looked into at any level.
 *
 * Owns:    nothing; what a record literal holds lives in the arena.
 * Threads: any.
 * Limits:  none.
 */
#ifndef POLICY_CHECK_DEPTH_H
#define POLICY_CHECK_DEPTH_H

#include "policy/uid.h"

struct check_depth_field;

/* Of the value of an expression: an entity, or a record with entities. */
struct check_depth {
	unsigned count;	    /* entities that were looked into to get it */
	bool is_named;	    /* in the policy itself */
	uint32_t named_at;  /* where */
	size_t field_count; /* of a record literal: each has its own */
	const struct check_depth_field *fields;
};

struct check_depth_field {
	const struct text *key;
	struct check_depth depth;
};

/* Of one field of a record. */
struct check_depth check_depth_field(const struct check_depth *record, const struct text *key);
/* Of a value that may be either. */
struct check_depth check_depth_either(struct arena *arena, const struct check_depth *a,
				      const struct check_depth *b);

#endif
