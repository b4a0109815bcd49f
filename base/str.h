/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A view of bytes by value: wire and configuration text everywhere. Not
 * terminated; ptr == NULL is unset, len == 0 is empty.
 *
 * Owns:    nothing; whoever made the view says how long the bytes live.
 * Threads: any.
 * Limits:  none.
 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <string.h>

#include "base/base.h"
#include "base/err.h"

struct str {
	const char *ptr;
	size_t len;
};

#define STR(lit)   ((struct str){(lit), sizeof(lit) - 1})
#define STR_FMT	   "%.*s"
#define STR_ARG(s) (int)(s).len, (s).ptr

static inline struct str str_make(const char *ptr, size_t len)
{
	return (struct str){ptr, len};
}

/* From a C string; NULL gives the unset view. */
static inline struct str str_from_c(const char *c)
{
	return (struct str){c, c == NULL ? 0 : strlen(c)};
}

static inline bool str_is_set(struct str s)
{
	return s.ptr != NULL;
}

static inline bool str_eq(struct str a, struct str b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* ASCII only. */
bool str_eq_nocase(struct str a, struct str b);
bool str_has_prefix(struct str s, struct str prefix);
bool str_has_suffix(struct str s, struct str suffix);
/* Bytewise order, shorter first on a tie; <0, 0, >0. */
int str_cmp(struct str a, struct str b);

/* Part from `from`, at most `len` bytes; clamped to s. */
struct str str_sub(struct str s, size_t from, size_t len);
/* Without leading and trailing SP and HTAB. */
struct str str_trim(struct str s);
/* Index of the first `c`, or s.len. */
size_t str_index(struct str s, char c);
/* Cuts s at the first `sep`: the part before goes to *out_head, s becomes the rest behind it;
 * without a separator *out_head is all of s, s becomes unset, and false is returned. */
bool str_cut(struct str *s, char sep, struct str *out_head);

/* Whole-input decimal numbers: no sign but '-' for i64, no spaces, no empty text.
 * ERR_MALFORMED for other text, ERR_LIMIT for a value out of range. */
MUST_CHECK enum err str_to_u64(struct str s, uint64_t *out);
MUST_CHECK enum err str_to_i64(struct str s, int64_t *out);
/* Whole-input hexadecimal, 1 to 16 digits, any case. */
MUST_CHECK enum err str_to_hex64(struct str s, uint64_t *out);
/* A decimal such as "2.50" scaled by 10^digits: ("2.50", 6) = 2500000. More fraction digits than
 * `digits` (even zeros are fine when they are zero) give ERR_MALFORMED; overflow ERR_LIMIT. */
MUST_CHECK enum err str_to_scaled(struct str s, unsigned digits, int64_t *out);

/* True if all bytes form strict UTF-8 (no surrogates, no overlongs, at most U+10FFFF). */
bool str_is_utf8(struct str s);

/* Edit distance, for "did you mean"; bounded to 32 bytes each, larger gives 99. */
unsigned str_distance(struct str a, struct str b);

#endif
