/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Extension values as the text that their constructor reads back: what stands
 * between the quotes of ip("10.0.0.0/8").
 *
 * Owns:    nothing.
 * Threads: any.
 * Limits:  EXT_TEXT_MAX bytes with the NUL.
 */
#ifndef POLICY_EXT_TEXT_H
#define POLICY_EXT_TEXT_H

#include "policy/fn.h"
#include "policy/value.h"

#define EXT_TEXT_MAX 64

/* The constructor of a decimal, ip, datetime or duration; FN_COUNT for other kinds. */
enum fn_id ext_constructor(enum value_kind kind);
/* False, and buf empty, for a kind without a constructor and for a datetime outside of the years
 * 0000 to 9999, which arithmetic reaches but no text. */
bool ext_text(struct value value, char buf[static EXT_TEXT_MAX]);

#endif
