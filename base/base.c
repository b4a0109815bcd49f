/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base.h"

#include <stdio.h>
#include <stdlib.h>

void base_assert_failed(const char *cond, const char *file, int line)
{
	/* The log may be what is broken: write to stderr by the shortest way. */
	fprintf(stderr, "error assert_failed file=%s line=%d cond=\"%s\"\n", file, line, cond);
	abort();
}

void *base_alloc(size_t size)
{
	void *ptr = calloc(1, MAX(size, 1));

	ASSERT(ptr != NULL);
	return ptr;
}
