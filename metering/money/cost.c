/* SPDX-License-Identifier: Apache-2.0 */
#include "metering/money/cost.h"

#define PICO_DIGITS 12
#define PICO_UNIT   1000000000000LL

enum err cost_compute(const struct price_set *set, const struct cost_item *items, size_t count,
		      struct cost *out_cost)
{
	struct cost cost = {.currency = set == NULL ? STR("") : price_set_currency(set)};

	for (size_t i = 0; i < count; i++) {
		struct cost_line *line = &cost.lines[cost.count];

		ASSERT(items[i].quantity >= 0);
		if (items[i].quantity == 0)
			continue;
		if (cost.count == COST_LINES)
			return ERR_LIMIT;
		line->meter = items[i].meter;
		line->quantity = items[i].quantity;
		line->price = set == NULL ? NULL : price_set_line(set, items[i].meter);
		cost.count++;
		if (line->price == NULL) {
			cost.has_unpriced = true;
			continue;
		}
		/* One unit at one micro per million is one pico: a product, nothing to round. */
		if (__builtin_mul_overflow(line->quantity, line->price->rate_micro, &line->pico) ||
		    __builtin_add_overflow(cost.pico, line->pico, &cost.pico))
			return ERR_LIMIT;
	}
	*out_cost = cost;
	return OK;
}

/* ---- the bound ---- */

/* Which meters could be the dearest of a direction. */
enum use {
	USE_ALWAYS,
	USE_WRITES,
	USE_MEDIA,
};

struct candidate {
	struct str meter;
	enum use use;
};

static const struct candidate inputs[] = {
	{{"in_text_uncached", 16}, USE_ALWAYS},
	{{"in_cache_read", 13}, USE_ALWAYS},
	{{"in_cache_write_5m", 17}, USE_WRITES},
	{{"in_cache_write_1h", 17}, USE_WRITES},
	{{"in_cache_write_other", 20}, USE_WRITES},
	{{"in_audio", 8}, USE_MEDIA},
	{{"in_image", 8}, USE_MEDIA},
	{{"in_video", 8}, USE_MEDIA},
};

static const struct candidate outputs[] = {
	{{"out_text", 8}, USE_ALWAYS},
	{{"out_reasoning", 13}, USE_ALWAYS},
	{{"out_audio", 9}, USE_MEDIA},
	{{"out_image", 9}, USE_MEDIA},
};

static bool is_used(enum use use, const struct cost_bound *bound)
{
	return use == USE_ALWAYS || (use == USE_WRITES && bound->may_write_cache) ||
	       (use == USE_MEDIA && bound->has_media);
}

/* The dearest rate, or -1 when the first candidate has none. */
static int64_t dearest(const struct price_set *set, const struct candidate *candidates,
		       size_t count, const struct cost_bound *bound)
{
	int64_t best = -1;

	for (; set != NULL; set = price_set_lower(set)) {
		for (size_t i = 0; i < count; i++) {
			const struct price_line *line;

			if (!is_used(candidates[i].use, bound))
				continue;
			line = price_set_line(set, candidates[i].meter);
			if (line == NULL && i == 0)
				return -1;
			if (line != NULL)
				best = MAX(best, line->rate_micro);
		}
	}
	return best;
}

static enum err add_product(int64_t *sum, int64_t quantity, int64_t rate)
{
	int64_t pico;

	if (quantity == 0)
		return OK;
	if (rate < 0)
		return ERR_NOT_FOUND;
	if (quantity < 0 || __builtin_mul_overflow(quantity, rate, &pico) ||
	    __builtin_add_overflow(*sum, pico, sum))
		return ERR_LIMIT;
	return OK;
}

static int64_t rate_of(const struct price_set *set, struct str meter)
{
	const struct price_line *line = price_set_line(set, meter);

	return line == NULL ? -1 : line->rate_micro;
}

/* The dearer of units and tokens, where the book prices both; what it does not price cannot be
 * charged. */
static enum err bound_units(const struct price_set *set, const struct cost_bound *bound,
			    enum err tokens_err, int64_t *inout_pico)
{
	int64_t rate = str_is_set(bound->unit) ? rate_of(set, bound->unit) : -1;
	int64_t pico = 0;
	enum err err;

	if (rate < 0)
		return tokens_err;
	err = add_product(&pico, bound->unit_count, rate);
	if (err == OK && tokens_err == OK)
		pico = MAX(pico, *inout_pico);
	if (err == OK && tokens_err != ERR_LIMIT)
		*inout_pico = pico;
	return tokens_err == ERR_LIMIT ? tokens_err : err;
}

enum err cost_bound(const struct price_book *book, const struct price_key *key, int64_t at_ns,
		    const struct cost_bound *bound, int64_t *out_pico, struct str *out_currency)
{
	const struct price_set *set = price_find_set(book, key, at_ns, bound->input_tokens);
	int64_t in, out, pico = 0;
	enum err err;

	if (set == NULL)
		return ERR_NOT_FOUND;
	in = dearest(set, inputs, ARRAY_LEN(inputs), bound);
	out = dearest(set, outputs, ARRAY_LEN(outputs), bound);
	err = add_product(&pico, bound->input_tokens, in);
	if (err == OK)
		err = add_product(&pico, bound->output_tokens, out);
	err = bound_units(set, bound, err, &pico);
	if (err == OK)
		err = add_product(&pico, bound->requests, rate_of(set, STR("requests")));
	if (err == OK)
		err = add_product(&pico, bound->rows, rate_of(set, STR("rows")));
	if (err != OK)
		return err;
	*out_pico = pico;
	*out_currency = price_set_currency(set);
	return OK;
}

/* ---- amounts ---- */

int64_t cost_nano_up(int64_t pico)
{
	ASSERT(pico >= 0);
	return pico / COST_PICO_PER_NANO + (pico % COST_PICO_PER_NANO != 0);
}

enum err cost_sum_add(struct cost_sum *sum, int64_t pico)
{
	__int128 total;

	if (__builtin_add_overflow(sum->pico, (__int128)pico, &total))
		return ERR_LIMIT;
	sum->pico = total;
	return OK;
}

/* value as digits with a point before the last `fraction` of them. */
static size_t print_decimal(unsigned __int128 value, bool is_negative, unsigned fraction, char *out)
{
	char digits[COST_TEXT];
	size_t count = 0, len = 0;

	while (value > 0 || count <= fraction) {
		digits[count++] = (char)('0' + (int)(value % 10));
		value /= 10;
	}
	ASSERT(count + 3 <= COST_TEXT);
	if (is_negative)
		out[len++] = '-';
	while (count > 0) {
		if (count == fraction)
			out[len++] = '.';
		out[len++] = digits[--count];
	}
	out[len] = '\0';
	return len;
}

static unsigned __int128 magnitude(__int128 value)
{
	return value < 0 ? -(unsigned __int128)value : (unsigned __int128)value;
}

size_t cost_print(struct cost_sum sum, char out[static COST_TEXT])
{
	unsigned __int128 value = magnitude(sum.pico);
	unsigned fraction = PICO_DIGITS;

	for (; fraction > 2 && value % 10 == 0; fraction--)
		value /= 10;
	return print_decimal(value, sum.pico < 0, fraction, out);
}

size_t cost_print_rounded(struct cost_sum sum, unsigned digits, char out[static COST_TEXT])
{
	unsigned __int128 value = magnitude(sum.pico), unit = 1, rest;

	ASSERT(digits <= PICO_DIGITS);
	for (unsigned i = digits; i < PICO_DIGITS; i++)
		unit *= 10;
	rest = value % unit;
	value /= unit;
	if (rest * 2 > unit || (rest * 2 == unit && value % 2 == 1))
		value++;
	return print_decimal(value, sum.pico < 0 && value > 0, digits, out);
}

enum err cost_parse(struct str text, struct cost_sum *out_sum)
{
	bool is_negative = text.len > 0 && text.ptr[0] == '-';
	int64_t whole = 0, part = 0;
	struct str fraction = str_sub(text, is_negative, text.len), head;
	struct cost_sum sum;

	if (str_cut(&fraction, '.', &head)) {
		uint64_t check;

		if (str_to_u64(fraction, &check) != OK || fraction.len > PICO_DIGITS)
			return ERR_MALFORMED;
		part = (int64_t)check;
		for (size_t i = fraction.len; i < PICO_DIGITS; i++)
			part *= 10;
	}
	if (str_to_i64(head, &whole) != OK || whole < 0 || head.ptr[0] == '-')
		return ERR_MALFORMED;
	sum.pico = (__int128)whole * PICO_UNIT + part;
	if (is_negative)
		sum.pico = -sum.pico;
	*out_sum = sum;
	return OK;
}
