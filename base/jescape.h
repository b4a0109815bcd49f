/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One JSON escape (RFC 8259 §7), byte by byte: what stands behind a backslash
 * becomes UTF-8. Surrogates must come as a pair; half of one is refused.
 *
 *   \ ( " \ / b f n r t )      \ u XXXX      \ u D8xx \ u DCxx
 *
 * Owns:    nothing.
 * Threads: one user at a time.
 * Limits:  none; the state is one small struct.
 */
#ifndef BASE_JESCAPE_H
#define BASE_JESCAPE_H

#include "base/base.h"

#define JESCAPE_OUT 4

struct jescape {
	uint8_t state;
	uint16_t code; /* the hex digits so far */
	uint16_t high; /* a high surrogate that waits for its low one */
};

/* The backslash was read. */
void jescape_begin(struct jescape *escape);
static inline bool jescape_is_open(const struct jescape *escape)
{
	return escape->state != 0;
}
/* The next byte; false when it cannot stand there. At the end of the escape *out_len bytes are
 * written, before it none. */
MUST_CHECK bool jescape_feed(struct jescape *escape, char c, char out[static JESCAPE_OUT],
			     size_t *out_len);

#endif
