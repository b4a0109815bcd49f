/* SPDX-License-Identifier: Apache-2.0 */
#include "metering/money/rate.h"

static const struct {
	struct str units;
	unsigned digits; /* one micro per million units is one unit of the last digit */
} scales[] = {
	{{"1000000", 7}, 6},
	{{"1000", 4}, 9},
	{{"1", 1}, 12},
};

const char *rate_grammar(void)
{
	return "write \"2.50\" (per million, at most 6 decimals), \"0.10 per 1000\" (9), "
	       "\"0.001 per 1\" (12) or \"as METER\"";
}

/* Cuts " per UNITS" off the end; false when there is something else. */
static bool cut_scale(struct str *text, unsigned *out_digits)
{
	struct str number, rest = *text;

	*out_digits = scales[0].digits;
	if (!str_cut(&rest, ' ', &number))
		return true;
	rest = str_trim(rest);
	if (!str_has_prefix(rest, STR("per ")))
		return false;
	rest = str_trim(str_sub(rest, 4, rest.len));
	for (size_t i = 0; i < ARRAY_LEN(scales); i++) {
		if (str_eq(rest, scales[i].units)) {
			*text = number;
			*out_digits = scales[i].digits;
			return true;
		}
	}
	return false;
}

enum err rate_parse(struct str text, struct rate *out_rate)
{
	struct rate rate = {0, STR("")};
	unsigned digits;

	text = str_trim(text);
	if (str_has_prefix(text, STR("as "))) {
		rate.as = str_trim(str_sub(text, 3, text.len));
		if (rate.as.len == 0)
			return ERR_MALFORMED;
		*out_rate = rate;
		return OK;
	}
	if (!cut_scale(&text, &digits) || str_to_scaled(text, digits, &rate.micro) != OK ||
	    rate.micro < 0 || text.ptr[0] == '-')
		return ERR_MALFORMED;
	*out_rate = rate;
	return OK;
}
