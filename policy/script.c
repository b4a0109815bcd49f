/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/script.h"

uint32_t script_next(struct str *rest)
{
	const unsigned char *s = (const unsigned char *)rest->ptr;
	size_t len = s[0] < 0x80 ? 1 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	uint32_t c = len == 1 ? s[0] : s[0] & (0x7fU >> len);

	ASSERT(len <= rest->len);
	for (size_t i = 1; i < len; i++)
		c = c << 6 | (s[i] & 0x3fU);
	*rest = str_sub(*rest, len, rest->len);
	return c;
}

bool script_is_direction(uint32_t c)
{
	return (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

static uint32_t find_range(uint32_t c)
{
	size_t low = 0;
	size_t high = script_range_count;

	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (script_ranges[middle] >> 9 <= c)
			low = middle;
		else
			high = middle;
	}
	return script_ranges[low];
}

bool script_is_odd(uint32_t c)
{
	if (c >= 0x20 && c < 0x7f)
		return false;
	/* The joiners, which nobody sees: no part of names since Unicode 15.1. */
	if (c == 0x200c || c == 0x200d)
		return true;
	return (find_range(c) & 0x100) == 0;
}

void script_mix_init(struct script_mix *mix)
{
	memset(mix, 0xff, sizeof(*mix));
}

bool script_mix_add(struct script_mix *mix, struct str text, uint32_t *out_odd)
{
	while (text.len > 0) {
		uint32_t c = script_next(&text);
		const uint64_t *set = script_sets[find_range(c) & 0xff];

		for (size_t i = 0; i < ARRAY_LEN(mix->common); i++)
			mix->common[i] &= set[i];
		if ((mix->common[0] | mix->common[1] | mix->common[2]) == 0) {
			*out_odd = c;
			return false;
		}
	}
	return true;
}
