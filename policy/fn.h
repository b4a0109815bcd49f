/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of Cedar's functions and methods.
 *
 * Owns:    nothing; static tables.
 * Threads: any.
 * Limits:  none.
 */
#ifndef POLICY_FN_H
#define POLICY_FN_H

#include "base/str.h"

/* All functions and methods, core ones first; fn_table has their names. */
enum fn_id {
	FN_CONTAINS,
	FN_CONTAINS_ALL,
	FN_CONTAINS_ANY,
	FN_IS_EMPTY,
	FN_HAS_TAG,
	FN_GET_TAG,
	FN_IS_IPV4,
	FN_IS_IPV6,
	FN_IS_LOOPBACK,
	FN_IS_MULTICAST,
	FN_IS_IN_RANGE,
	FN_LESS_THAN,
	FN_LESS_THAN_OR_EQUAL,
	FN_GREATER_THAN,
	FN_GREATER_THAN_OR_EQUAL,
	FN_OFFSET,
	FN_DURATION_SINCE,
	FN_TO_DATE,
	FN_TO_TIME,
	FN_TO_MILLISECONDS,
	FN_TO_SECONDS,
	FN_TO_MINUTES,
	FN_TO_HOURS,
	FN_TO_DAYS,
	FN_IP,
	FN_DECIMAL,
	FN_DATETIME,
	FN_DURATION,
	FN_COUNT,
};

struct fn {
	const char *name;
	uint8_t arity; /* without the receiver */
	bool is_method;
	bool is_core; /* its arity is checked by the parser */
};

extern const struct fn fn_table[FN_COUNT];
/* FN_COUNT when there is no such name. */
enum fn_id fn_find(struct str name);

#endif
