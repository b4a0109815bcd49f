/* SPDX-License-Identifier: Apache-2.0 */
/* Formatting and printing of any text: the laws of format_law.h. The first byte chooses the width
 * and the seed of the comments that are scattered over what parses. */
#include "fuzz.h"

#include <stdio.h>

#include "tests/unit/policy/format_law.h"

static void hold(const char *broken)
{
	if (broken != NULL)
		fprintf(stderr, "broken law: %s\n", broken);
	ASSERT(broken == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const unsigned widths[] = {20, 40, 80, 1000};
	struct str text;
	unsigned width;
	size_t count;

	if (size == 0)
		return 0;
	text = str_make((const char *)data + 1, size - 1);
	width = widths[data[0] % ARRAY_LEN(widths)];
	hold(format_law(text, width, &count));
	if (count > 0)
		hold(format_law_comments(text, data[0], width, &count));
	return 0;
}
