/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/cli/faults.h"

#include <stdio.h>

void faults_print(const struct diags *all)
{
	char text[FAULT_BYTES];

	for (size_t i = 0; i < all->count; i++) {
		(void)diag_print(&all->items[i], text, sizeof(text));
		fprintf(stderr, "%s\n", text);
	}
	if (all->total > 1)
		fprintf(stderr, "%zu errors%s\n", all->total,
			all->total > all->count ? "; the first of them are shown" : "");
}
