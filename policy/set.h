/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of a loaded policy set, for policy.c that fills it and decide.c
 * that reads it.
 *
 * Owns:    arena, id map, the array of policies.
 * Threads: immutable after load.
 * Limits:  options.limits.
 */
#ifndef POLICY_SET_H
#define POLICY_SET_H

#include "base/map.h"
#include "policy/index.h"
#include "policy/policy.h"

struct policy_set {
	struct arena arena;
	struct policy_set_options options;
	struct map ids; /* id -> struct policy */
	const struct policy **policies;
	size_t count;
	size_t cap;
	const struct policy_index *index; /* NULL: is_unindexed */
	char hash[POLICY_HASH_HEX + 1];
};

#endif
