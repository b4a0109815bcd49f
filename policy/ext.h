/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cedar's extension types as plain integers and addresses: reading their text,
 * and what their methods compute. Strict: what is accepted is all in ext.c.
 *
 * Owns:    nothing.
 * Threads: any.
 * Limits:  ip text 43 bytes; decimal -922337203685477.5808 .. 922337203685477.5807;
 *          datetime years 0000 .. 9999; duration 64-bit milliseconds.
 */
#ifndef POLICY_EXT_H
#define POLICY_EXT_H

#include "policy/value.h"

#define EXT_MS_PER_DAY 86400000LL

/* False when the text is not one; out is then untouched. */
bool ext_decimal_parse(struct str s, int64_t *out_scaled);
bool ext_datetime_parse(struct str s, int64_t *out_ms);
bool ext_duration_parse(struct str s, int64_t *out_ms);
bool ext_ip_parse(struct str s, struct ip *out_ip);

bool ext_ip_is_loopback(const struct ip *ip);
bool ext_ip_is_multicast(const struct ip *ip);
/* All of inner lies in outer. */
bool ext_ip_is_in_range(const struct ip *inner, const struct ip *outer);

/* Midnight at or before; false on overflow near the smallest datetime. */
bool ext_datetime_to_date(int64_t ms, int64_t *out_ms);
/* 0 .. one day less a millisecond. */
int64_t ext_datetime_to_time(int64_t ms);

#endif
