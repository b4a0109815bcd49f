/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/config/prices.h"

struct prices {
	struct option_reader *reader;
	struct price_row *rows;
	size_t count, cap;
	struct str version, currency; /* the book's */
};

static enum err unknown_member(struct prices *prices, const struct config_yaml *node,
			       const char *of)
{
	struct config_yaml at_key = {.line = node->key_line, .column = node->key_column};

	return option_fail(prices->reader, ERR_MALFORMED, &at_key,
			   "%s has no member \"" STR_FMT "\"", of, STR_ARG(node->key));
}

static enum err want(struct prices *prices, const struct config_yaml *node,
		     enum config_yaml_kind kind)
{
	if (node->kind == kind)
		return OK;
	return option_fail(prices->reader, ERR_MALFORMED, node, STR_FMT " must be %s, not %s",
			   STR_ARG(node->key), config_yaml_kind_name(kind),
			   config_yaml_kind_name(node->kind));
}

/* Rates ------------------------------------------------------------------------------- */

static enum err add_rates(struct prices *prices, const struct price_row *entry,
			  const struct config_yaml *rates)
{
	enum err err = want(prices, rates, CONFIG_YAML_MAP);

	for (const struct config_yaml *node = rates->first; err == OK && node != NULL;
	     node = node->next) {
		struct price_row *row = &prices->rows[prices->count];

		err = want(prices, node, CONFIG_YAML_SCALAR);
		if (err == OK && prices->count == prices->cap)
			err = option_fail(prices->reader, ERR_LIMIT, node, "more than %zu rates",
					  prices->cap);
		if (err != OK)
			break;
		*row = *entry;
		row->meter = node->key;
		row->rate = node->text;
		row->line = node->line;
		row->column = node->column;
		prices->count++;
	}
	return err;
}

static enum err add_band(struct prices *prices, struct price_row entry,
			 const struct config_yaml *band)
{
	const struct config_yaml *above, *rates;
	enum err err = want(prices, band, CONFIG_YAML_MAP);

	if (err != OK)
		return err;
	above = config_yaml_get(band, STR("above_input"));
	rates = config_yaml_get(band, STR("rates"));
	if (above == NULL || rates == NULL || band->count != 2)
		return option_fail(prices->reader, ERR_MALFORMED, band,
				   "a band must have above_input and rates, and nothing else");
	err = want(prices, above, CONFIG_YAML_SCALAR);
	entry.above_input = above->text;
	return err != OK ? err : add_rates(prices, &entry, rates);
}

/* Entries ------------------------------------------------------------------------------- */

static const struct {
	struct str name;
	size_t offset;
} texts[] = {
	{STR("id"), offsetof(struct price_row, id)},
	{STR("provider"), offsetof(struct price_row, provider)},
	{STR("tier"), offsetof(struct price_row, tier)},
	{STR("region"), offsetof(struct price_row, region)},
	{STR("currency"), offsetof(struct price_row, currency)},
	{STR("version"), offsetof(struct price_row, version)},
	{STR("valid_from"), offsetof(struct price_row, valid_from)},
	{STR("valid_to"), offsetof(struct price_row, valid_to)},
};

static enum err read_text(struct prices *prices, const struct config_yaml *node, struct str *out)
{
	enum err err = want(prices, node, CONFIG_YAML_SCALAR);

	if (err == OK)
		*out = node->text;
	return err;
}

static bool read_text_member(struct price_row *row, const struct config_yaml *node)
{
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		if (!str_eq(texts[i].name, node->key))
			continue;
		*(struct str *)(void *)((char *)row + texts[i].offset) = node->text;
		return true;
	}
	/* For people alone. */
	return str_eq(node->key, STR("source")) || str_eq(node->key, STR("approved_by"));
}

static enum err read_models(struct prices *prices, struct price_row *row,
			    const struct config_yaml *node)
{
	struct str *models;
	enum err err = want(prices, node, CONFIG_YAML_LIST);

	if (err != OK)
		return err;
	models = arena_array(prices->reader->arena, node->count, sizeof(*models));
	if (models == NULL)
		return option_fail(prices->reader, ERR_LIMIT, node, "the file is too large");
	row->models = models;
	for (const struct config_yaml *item = node->first; err == OK && item != NULL;
	     item = item->next) {
		err = want(prices, item, CONFIG_YAML_SCALAR);
		models[row->model_count++] = item->text;
	}
	return err;
}

static enum err read_entry(struct prices *prices, const struct config_yaml *entry)
{
	const struct config_yaml *rates = NULL, *bands = NULL;
	struct price_row row = {
		.id = STR(""),
		.provider = STR(""),
		.tier = STR(""),
		.region = STR(""),
		.currency = prices->currency,
		.version = prices->version,
		.above_input = STR(""),
		.valid_from = STR(""),
		.valid_to = STR(""),
		.entry_line = entry->line,
		.entry_column = entry->column,
	};
	enum err err = want(prices, entry, CONFIG_YAML_MAP);

	for (const struct config_yaml *node = entry->kind == CONFIG_YAML_MAP ? entry->first : NULL;
	     node != NULL; node = node->next) {
		enum err one = OK;

		if (str_eq(node->key, STR("models")))
			one = read_models(prices, &row, node);
		else if (str_eq(node->key, STR("rates")))
			rates = node;
		else if (str_eq(node->key, STR("bands")))
			bands = node;
		else if (!read_text_member(&row, node))
			one = unknown_member(prices, node, "an entry");
		else
			one = want(prices, node, CONFIG_YAML_SCALAR);
		err = option_both(err, one);
	}
	if (err == OK && rates == NULL)
		err = option_fail(prices->reader, ERR_MALFORMED, entry, "an entry must have rates");
	if (err == OK)
		err = add_rates(prices, &row, rates);
	if (err == OK && bands != NULL)
		err = want(prices, bands, CONFIG_YAML_LIST);
	for (const struct config_yaml *band = bands == NULL ? NULL : bands->first;
	     err == OK && band != NULL; band = band->next)
		err = add_band(prices, row, band);
	return err;
}

/* An upper bound: every scalar in the document could be a rate. */
static size_t count_rates(const struct config_yaml *list)
{
	size_t count = 0;

	for (const struct config_yaml *entry = list->first; entry != NULL; entry = entry->next) {
		for (const struct config_yaml *node = entry->first; node != NULL;
		     node = node->next) {
			count += node->count;
			for (const struct config_yaml *band = node->first; band != NULL;
			     band = band->next) {
				const struct config_yaml *rates =
					config_yaml_get(band, STR("rates"));

				count += rates == NULL ? 0 : rates->count;
			}
		}
	}
	return MIN(count, (size_t)PRICE_ROWS);
}

enum err config_prices_read(struct option_reader *reader, const struct config_yaml *root,
			    const struct price_row **out, size_t *out_count)
{
	struct prices prices = {.reader = reader, .version = STR(""), .currency = STR("")};
	const struct config_yaml *list = NULL;
	enum err err = want(&prices, root, CONFIG_YAML_MAP);

	for (const struct config_yaml *node = root->kind == CONFIG_YAML_MAP ? root->first : NULL;
	     node != NULL; node = node->next) {
		if (str_eq(node->key, STR("prices")))
			list = node;
		else if (str_eq(node->key, STR("version")))
			err = option_both(err, read_text(&prices, node, &prices.version));
		else if (str_eq(node->key, STR("currency")))
			err = option_both(err, read_text(&prices, node, &prices.currency));
		else
			err = option_both(err, unknown_member(&prices, node, "the price book"));
	}
	if (err == OK && list == NULL)
		err = option_fail(reader, ERR_MALFORMED, root,
				  "the file must have a list \"prices\"");
	if (list == NULL || list->kind != CONFIG_YAML_LIST)
		return option_both(err, list == NULL ? err : want(&prices, list, CONFIG_YAML_LIST));
	prices.cap = count_rates(list);
	prices.rows = arena_array(reader->arena, prices.cap + 1, sizeof(*prices.rows));
	if (prices.rows == NULL)
		return option_fail(reader, ERR_LIMIT, list, "the file is too large");
	for (const struct config_yaml *entry = list->first; entry != NULL; entry = entry->next)
		err = option_both(err, read_entry(&prices, entry));
	if (err != OK)
		return err;
	*out = prices.rows;
	*out_count = prices.count;
	return OK;
}
