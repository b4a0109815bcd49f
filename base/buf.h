/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Growable contiguous bytes with a maximum fixed at birth.
 *
 * Owns:    its heap block, freed by buf_fini.
 * Threads: one user at a time.
 * Limits:  buf_init's max; past it an append returns ERR_LIMIT, adds nothing
 *          and leaves the content valid.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/str.h"

struct buf {
	char *ptr;
	size_t len;
	size_t cap;
	size_t max;
};

void buf_init(struct buf *buf, size_t max);
void buf_fini(struct buf *buf);
/* len = 0, the block stays. */
static inline void buf_reset(struct buf *buf)
{
	buf->len = 0;
}
/* len = 0 and the block is given back. */
void buf_release(struct buf *buf);

MUST_CHECK enum err buf_append(struct buf *buf, struct str s);
MUST_CHECK enum err buf_append_byte(struct buf *buf, char c);
PRINTF_LIKE(2, 3) MUST_CHECK enum err buf_printf(struct buf *buf, const char *fmt, ...);
MUST_CHECK enum err buf_append_u64(struct buf *buf, uint64_t value);
MUST_CHECK enum err buf_append_i64(struct buf *buf, int64_t value);
/* s as a JSON string with its quotes: escapes controls, quote, backslash, DEL and U+2028/2029;
 * bytes that are not UTF-8 become U+FFFD. */
MUST_CHECK enum err buf_append_json(struct buf *buf, struct str s);
/* How many of the first bytes of s stand in a JSON string as they are. */
size_t buf_json_plain(struct str s);
/* Room for `len` more bytes, *out_ptr to write them; buf_commit says how many came. */
MUST_CHECK enum err buf_reserve(struct buf *buf, size_t len, char **out_ptr);
void buf_commit(struct buf *buf, size_t len);
/* Drops `len` bytes from the front. */
void buf_consume(struct buf *buf, size_t len);

static inline struct str buf_str(const struct buf *buf)
{
	return (struct str){buf->ptr == NULL ? "" : buf->ptr, buf->len};
}

#endif
