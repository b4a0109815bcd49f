/* SPDX-License-Identifier: Apache-2.0 */
#include "base/suggest.h"

void suggest_try(struct suggest *suggest, struct str candidate)
{
	unsigned distance = str_distance(suggest->word, candidate);

	if (distance > SUGGEST_DISTANCE || distance >= candidate.len)
		return;
	if (str_is_set(suggest->best) && distance >= suggest->distance)
		return;
	suggest->best = candidate;
	suggest->distance = distance;
}
