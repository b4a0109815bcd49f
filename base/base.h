/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attributes, magics and the assert that stays on in production.
 *
 * Owns:    nothing.
 * Threads: any.
 * Limits:  none.
 */
#ifndef BASE_BASE_H
#define BASE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MUST_CHECK	  __attribute__((warn_unused_result))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))
#define NORETURN	  __attribute__((noreturn))
#define COLD		  __attribute__((cold))
#define NOINLINE	  __attribute__((noinline))
#define UNUSED		  __attribute__((unused))

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b)    ((a) < (b) ? (a) : (b))
#define MAX(a, b)    ((a) > (b) ? (a) : (b))

/* For our own mistakes only, never for bytes that came from outside. Not removed by NDEBUG. */
#define ASSERT(cond) ((cond) ? (void)0 : base_assert_failed(#cond, __FILE__, __LINE__))

NORETURN COLD void base_assert_failed(const char *cond, const char *file, int line);

/* malloc that aborts with a log line beneath every bound (STYLE 3.6); zeroed. */
void *base_alloc(size_t size);

#endif
