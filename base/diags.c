/* SPDX-License-Identifier: Apache-2.0 */
#include "base/diags.h"

#include <stdlib.h>
#include <string.h>

void diags_init(struct diags *diags, size_t max)
{
	*diags = (struct diags){.max = max, .err = OK};
}

void diags_fini(struct diags *diags)
{
	free(diags->items);
	diags->items = NULL;
	diags->count = 0;
}

/* Doubles while it must: most loads find nothing and take no memory. */
static void diags_reserve(struct diags *diags)
{
	struct diag *items;
	size_t cap = diags->count == 0 ? 4 : diags->count * 2;

	if (diags->count != 0 && (diags->count < 4 || (diags->count & (diags->count - 1)) != 0))
		return;
	items = base_alloc(cap * sizeof(*items));
	if (diags->count > 0)
		memcpy(items, diags->items, diags->count * sizeof(*items));
	free(diags->items);
	diags->items = items;
}

enum err diags_add(struct diags *diags, enum err err, const struct diag *diag)
{
	ASSERT(err != OK);
	if (diags == NULL)
		return err;
	if (diags->total++ == 0)
		diags->err = err;
	if (diags->count == diags->max)
		return err;
	diags_reserve(diags);
	diags->items[diags->count++] = *diag;
	return err;
}

enum err diags_first(const struct diags *diags, struct diag *out)
{
	if (diags->count > 0 && out != NULL)
		*out = diags->items[0];
	return diags->err;
}
