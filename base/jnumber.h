/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The grammar of a JSON number (RFC 8259 §6), byte by byte; its value is
 * read elsewhere, from its text.
 *
 *   number = [ "-" ] int [ "." digits ] [ ( "e" / "E" ) [ "+" / "-" ] digits ]
 *
 * Owns:    nothing; the state is one byte.
 * Threads: any.
 * Limits:  none.
 */
#ifndef BASE_JNUMBER_H
#define BASE_JNUMBER_H

#include "base/base.h"

#define JNUMBER_START 0

/* The first byte that does not continue the number, or end. *state starts as JNUMBER_START, the
 * first byte is "-" or a digit. */
const char *jnumber_feed(uint8_t *state, const char *p, const char *end);
/* May it end here? */
bool jnumber_is_whole(uint8_t state);

#endif
