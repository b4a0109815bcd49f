/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stable merge sort in arena memory: qsort may take heap memory, which a
 * decision must not, and does not keep the order of equals.
 *
 * Owns:    nothing; scratch of the array's size is taken from the arena and
 *          given back before it returns.
 * Threads: any.
 * Limits:  the arena's cap.
 */
#ifndef POLICY_SORT_H
#define POLICY_SORT_H

#include "base/arena.h"

/* <0, 0, >0 as for qsort. */
typedef int (*sort_order_fn)(const void *a, const void *b);

/* False when the arena's cap is reached; the array is then in some order. */
bool sort_stable(struct arena *arena, void *base, size_t count, size_t size, sort_order_fn order);

#endif
