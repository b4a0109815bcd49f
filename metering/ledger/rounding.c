/* SPDX-License-Identifier: Apache-2.0 */
#include "metering/ledger/rounding.h"

#include <stdlib.h>

static __int128 round_down(__int128 value, __int128 unit)
{
	__int128 rest = value % unit;

	return value - (rest < 0 ? rest + unit : rest);
}

__int128 rounding_half_even(__int128 value, __int128 unit)
{
	__int128 down = round_down(value, unit);
	__int128 rest = value - down;

	ASSERT(unit > 0);
	if (rest * 2 > unit || (rest * 2 == unit && down / unit % 2 != 0))
		return down + unit;
	return down;
}

/* What rounding down took, most first; of equal ones the first line. */
static int by_loss(const void *a, const void *b)
{
	const struct rounding_line *left = a;
	const struct rounding_line *right = b;
	__int128 left_loss = left->exact - left->printed;
	__int128 right_loss = right->exact - right->printed;

	if (left_loss != right_loss)
		return left_loss > right_loss ? -1 : 1;
	return left->order < right->order ? -1 : left->order > right->order;
}

static int by_order(const void *a, const void *b)
{
	const struct rounding_line *left = a;
	const struct rounding_line *right = b;

	return left->order < right->order ? -1 : left->order > right->order;
}

void rounding_lines(struct rounding_line *lines, size_t count, __int128 unit)
{
	__int128 exact = 0;
	__int128 lacking;

	if (count == 0)
		return;
	for (size_t i = 0; i < count; i++) {
		exact += lines[i].exact;
		lines[i].printed = round_down(lines[i].exact, unit);
		lines[i].order = i;
	}
	lacking = rounding_half_even(exact, unit);
	for (size_t i = 0; i < count; i++)
		lacking -= lines[i].printed;
	/* Less is lacking than lines lost something, for each lost less than a unit. */
	ASSERT(lacking >= 0 && lacking / unit <= (__int128)count);
	qsort(lines, count, sizeof(*lines), by_loss);
	for (size_t i = 0; lacking > 0; i++, lacking -= unit)
		lines[i].printed += unit;
	qsort(lines, count, sizeof(*lines), by_order);
}
