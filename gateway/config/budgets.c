/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/config/budgets.h"

#include "base/map.h"
#include "base/suggest.h"
#include "gateway/config/file.h"

#define BUDGETS_DECIMALS   9 /* nano */
#define BUDGETS_ZONE_BYTES 64
#define BUDGETS_PERCENT	   1000

struct budgets {
	struct option_reader *reader;
	struct budget_options *items;
	size_t count;
	struct map names;
	struct str zone, currency; /* the file's */
};

static enum err want(struct budgets *budgets, const struct config_yaml *node,
		     enum config_yaml_kind kind)
{
	if (node->kind == kind)
		return OK;
	return option_fail(budgets->reader, ERR_MALFORMED, node, STR_FMT " must be %s, not %s",
			   STR_ARG(node->key), config_yaml_kind_name(kind),
			   config_yaml_kind_name(node->kind));
}

static enum err read_text(struct budgets *budgets, const struct config_yaml *node, struct str *out)
{
	enum err err = want(budgets, node, CONFIG_YAML_SCALAR);

	if (err != OK)
		return err;
	*out = node->text;
	if (node->text.len > 0)
		return OK;
	return option_fail(budgets->reader, ERR_MALFORMED, node, STR_FMT " must not be empty",
			   STR_ARG(node->key));
}

static enum err unknown_member(struct budgets *budgets, const struct config_yaml *node,
			       const char *of, const struct str *names, size_t count)
{
	struct config_yaml at_key = {.line = node->key_line, .column = node->key_column};
	struct suggest suggest = {.word = node->key};

	for (size_t i = 0; i < count; i++)
		suggest_try(&suggest, names[i]);
	if (str_is_set(suggest.best))
		return option_fail(budgets->reader, ERR_MALFORMED, &at_key,
				   "%s has no member \"" STR_FMT "\"; did you mean \"" STR_FMT
				   "\"?",
				   of, STR_ARG(node->key), STR_ARG(suggest.best));
	return option_fail(budgets->reader, ERR_MALFORMED, &at_key,
			   "%s has no member \"" STR_FMT "\"", of, STR_ARG(node->key));
}

/* The index of a member's name; count when there is none of that name, which is a fault. */
static size_t member_of(struct budgets *budgets, const struct config_yaml *node, const char *of,
			const struct str *names, size_t count, enum err *err)
{
	for (size_t i = 0; i < count; i++)
		if (str_eq(names[i], node->key))
			return i;
	*err = option_both(*err, unknown_member(budgets, node, of, names, count));
	return count;
}

/* Zones ---------------------------------------------------------------------------- */

/* "Europe/Berlin": no part of it is empty or begins with a dot. */
static bool is_zone_name(struct str name)
{
	bool is_begin = true;

	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i];
		bool is_word =
			(c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

		if (is_begin && !is_word)
			return false;
		if (!is_word && c != '/' && c != '_' && c != '-' && c != '+')
			return false;
		is_begin = c == '/';
	}
	return name.len > 0 && name.len <= BUDGETS_ZONE_BYTES && !is_begin;
}

static enum err check_zone(struct budgets *budgets, const struct config_yaml *node,
			   const char *path, struct str bytes)
{
	struct zone *zone = NULL;
	struct diag diag = {0};
	enum err err = zone_new(path, bytes, &diag, &zone);

	zone_free(zone);
	return err == OK ? OK : option_fail(budgets->reader, err, node, "%s: %s", path, diag.text);
}

static enum err read_zone(struct budgets *budgets, const struct config_yaml *node,
			  struct budget_options *options)
{
	struct str path, name = options->zone;
	struct diag diag = {0};
	enum err err;

	if (!str_is_set(name) || str_eq(name, STR("UTC"))) {
		options->zone = (struct str){0};
		return OK;
	}
	if (!is_zone_name(name))
		return option_fail(budgets->reader, ERR_MALFORMED, node,
				   "zone: \"" STR_FMT
				   "\" is not the name of a time zone such as Europe/Berlin",
				   STR_ARG(name));
	path = arena_printf(budgets->reader->arena, CONFIG_BUDGETS_ZONES "/" STR_FMT,
			    STR_ARG(name));
	if (!str_is_set(path))
		return option_fail(budgets->reader, ERR_LIMIT, node, "the file is too large");
	err = config_file_read(budgets->reader->arena, path.ptr, ZONE_BYTES, &diag,
			       &options->zone_file);
	if (err != OK)
		return option_fail(budgets->reader, err, node,
				   "zone: there is no time zone \"" STR_FMT "\" (%s %s)",
				   STR_ARG(name), path.ptr, diag.text);
	return check_zone(budgets, node, path.ptr, options->zone_file);
}

/* Parts of a budget ------------------------------------------------------------------ */

static enum err read_scope(struct budgets *budgets, const struct config_yaml *map,
			   struct budget_options *options)
{
	struct str names[BUDGET_DIMS], *principal = &options->scope[BUDGET_PRINCIPAL];
	enum err err = want(budgets, map, CONFIG_YAML_MAP);

	if (err != OK)
		return err;
	for (unsigned i = 0; i < BUDGET_DIMS; i++)
		names[i] = str_from_c(budget_dim_name((enum budget_dim)i));
	for (const struct config_yaml *node = map->first; node != NULL; node = node->next) {
		size_t dim = member_of(budgets, node, "scope", names, BUDGET_DIMS, &err);

		if (dim < BUDGET_DIMS)
			err = option_both(err, read_text(budgets, node, &options->scope[dim]));
	}
	if (err == OK && str_is_set(*principal) && !str_has_prefix(*principal, STR("User::")) &&
	    !str_has_prefix(*principal, STR("Service::")))
		err = option_fail(budgets->reader, ERR_MALFORMED,
				  config_yaml_get(map, STR("principal")),
				  "principal: \"" STR_FMT "\" must be User::NAME or Service::NAME",
				  STR_ARG(*principal));
	return err;
}

static enum err read_amount(struct budgets *budgets, const struct config_yaml *node,
			    enum budget_unit unit, int64_t *out)
{
	int64_t amount = 0;
	enum err err = want(budgets, node, CONFIG_YAML_SCALAR);

	if (err != OK)
		return err;
	err = unit == BUDGET_MONEY ? str_to_scaled(node->text, BUDGETS_DECIMALS, &amount)
				   : str_to_i64(node->text, &amount);
	if (err == ERR_MALFORMED || (err == OK && amount < 0))
		return option_fail(budgets->reader, ERR_MALFORMED, node,
				   STR_FMT ": \"" STR_FMT "\" is not %s", STR_ARG(node->key),
				   STR_ARG(node->text),
				   unit == BUDGET_MONEY
					   ? "an amount with at most 9 decimals such as \"5000.00\""
					   : "a whole number");
	if (err != OK || amount > BUDGET_MAX)
		return option_fail(budgets->reader, ERR_LIMIT, node, STR_FMT " is too large",
				   STR_ARG(node->key));
	*out = amount;
	return OK;
}

static enum err read_alerts(struct budgets *budgets, const struct config_yaml *list,
			    struct budget_options *options)
{
	enum err err = want(budgets, list, CONFIG_YAML_LIST);

	if (err == OK && list->count > BUDGET_ALERTS)
		err = option_fail(budgets->reader, ERR_LIMIT, list, "alerts: more than %d",
				  BUDGET_ALERTS);
	for (const struct config_yaml *node = err == OK ? list->first : NULL;
	     err == OK && node != NULL; node = node->next) {
		size_t count = options->alert_count;
		uint64_t percent = 0;

		if (node->kind != CONFIG_YAML_SCALAR || str_to_u64(node->text, &percent) != OK ||
		    percent == 0 || percent > BUDGETS_PERCENT ||
		    (count > 0 && percent <= options->alerts[count - 1]))
			err = option_fail(budgets->reader, ERR_MALFORMED, node,
					  "alerts must be percentages from 1 to %d, rising",
					  BUDGETS_PERCENT);
		options->alerts[options->alert_count++] = percent;
	}
	return err;
}

static enum err read_mode(struct budgets *budgets, const struct config_yaml *node,
			  struct budget_options *options)
{
	enum err err = want(budgets, node, CONFIG_YAML_SCALAR);

	if (err != OK)
		return err;
	options->is_hard = str_eq(node->text, STR("hard"));
	if (options->is_hard || str_eq(node->text, STR("soft")))
		return OK;
	return option_fail(budgets->reader, ERR_MALFORMED, node,
			   "mode: \"" STR_FMT "\" is neither hard nor soft", STR_ARG(node->text));
}

static enum err read_window(struct budgets *budgets, const struct config_yaml *node,
			    struct budget_options *options)
{
	enum err err = read_text(budgets, node, &options->window_text);

	if (err != OK)
		return err;
	if (window_parse(options->window_text, NULL, &options->window) == OK)
		return OK;
	return option_fail(budgets->reader, ERR_MALFORMED, node,
			   "window: \"" STR_FMT
			   "\" is none of minute, hour, day, week, month, \"month from 26\", "
			   "\"rolling 24h\", \"rolling 7d\"",
			   STR_ARG(options->window_text));
}

/* Budgets ---------------------------------------------------------------------------- */

/* One entry of the file becomes a limit per unit. */
static enum err add_limits(struct budgets *budgets, const struct config_yaml *limit,
			   const struct budget_options *entry)
{
	struct str names[BUDGET_UNITS];
	enum err err = want(budgets, limit, CONFIG_YAML_MAP);

	if (err == OK && limit->first == NULL)
		err = option_fail(budgets->reader, ERR_MALFORMED, limit,
				  "limit must have money, requests or tokens");
	if (err != OK)
		return err;
	for (unsigned i = 0; i < BUDGET_UNITS; i++)
		names[i] = str_from_c(budget_unit_name((enum budget_unit)i));
	for (const struct config_yaml *node = limit->first; node != NULL; node = node->next) {
		size_t unit = member_of(budgets, node, "limit", names, BUDGET_UNITS, &err);
		struct budget_options *own = &budgets->items[budgets->count];

		if (unit == BUDGET_UNITS)
			continue;
		if (budgets->count == BUDGET_ENTRIES)
			return option_fail(budgets->reader, ERR_LIMIT, node, "more than %d limits",
					   BUDGET_ENTRIES);
		*own = *entry;
		own->unit = (enum budget_unit)unit;
		if (unit != BUDGET_MONEY)
			own->currency = STR("");
		err = option_both(err, read_amount(budgets, node, own->unit, &own->limit));
		budgets->count++;
	}
	return err;
}

static enum err check_name(struct budgets *budgets, const struct config_yaml *entry,
			   struct str name)
{
	if (map_get(&budgets->names, name) != NULL)
		return option_fail(budgets->reader, ERR_CONFLICT, entry,
				   "another budget has the name \"" STR_FMT "\"", STR_ARG(name));
	return map_put(&budgets->names, name, budgets);
}

enum member {
	MEMBER_NAME,
	MEMBER_SCOPE,
	MEMBER_WINDOW,
	MEMBER_ZONE,
	MEMBER_LIMIT,
	MEMBER_MODE,
	MEMBER_ALERTS,
	MEMBER_COUNT,
};

static const struct str members[MEMBER_COUNT] = {
	[MEMBER_NAME] = STR("name"),	 [MEMBER_SCOPE] = STR("scope"),
	[MEMBER_WINDOW] = STR("window"), [MEMBER_ZONE] = STR("zone"),
	[MEMBER_LIMIT] = STR("limit"),	 [MEMBER_MODE] = STR("mode"),
	[MEMBER_ALERTS] = STR("alerts"),
};

static enum err read_member(struct budgets *budgets, enum member member,
			    const struct config_yaml *node, struct budget_options *options)
{
	switch (member) {
	case MEMBER_NAME: return read_text(budgets, node, &options->name);
	case MEMBER_SCOPE: return read_scope(budgets, node, options);
	case MEMBER_WINDOW: return read_window(budgets, node, options);
	case MEMBER_ZONE: return read_text(budgets, node, &options->zone);
	case MEMBER_MODE: return read_mode(budgets, node, options);
	case MEMBER_ALERTS: return read_alerts(budgets, node, options);
	case MEMBER_LIMIT: /* when the rest is known */
	case MEMBER_COUNT: break;
	}
	return OK;
}

static enum err read_entry(struct budgets *budgets, const struct config_yaml *entry)
{
	struct budget_options options = {
		.zone = budgets->zone,
		.currency = budgets->currency,
		.is_hard = true,
		.line = entry->line,
		.column = entry->column,
	};
	const struct config_yaml *limit, *zone;
	enum err err = OK;

	if (entry->kind != CONFIG_YAML_MAP)
		return option_fail(budgets->reader, ERR_MALFORMED, entry,
				   "a budget must be a map, not %s",
				   config_yaml_kind_name(entry->kind));
	for (const struct config_yaml *node = entry->first; node != NULL; node = node->next) {
		size_t member = member_of(budgets, node, "a budget", members, MEMBER_COUNT, &err);

		err = option_both(err, read_member(budgets, (enum member)member, node, &options));
	}
	limit = config_yaml_get(entry, STR("limit"));
	zone = config_yaml_get(entry, STR("zone"));
	if (err == OK &&
	    (!str_is_set(options.name) || !str_is_set(options.window_text) || limit == NULL))
		err = option_fail(budgets->reader, ERR_MALFORMED, entry,
				  "a budget must have name, window and limit");
	if (err == OK)
		err = check_name(budgets, entry, options.name);
	if (err == OK)
		err = read_zone(budgets, zone != NULL ? zone : entry, &options);
	return err != OK ? err : add_limits(budgets, limit, &options);
}

static enum err read_head(struct budgets *budgets, const struct config_yaml *root,
			  const struct config_yaml **out_list)
{
	static const struct str names[] = {STR("zone"), STR("currency"), STR("budgets")};
	enum err err = OK;

	if (root->kind != CONFIG_YAML_MAP)
		return option_fail(budgets->reader, ERR_MALFORMED, root,
				   "the file must be a map, not %s",
				   config_yaml_kind_name(root->kind));
	for (const struct config_yaml *node = root->first; node != NULL; node = node->next) {
		size_t member = member_of(budgets, node, "the file", names, ARRAY_LEN(names), &err);

		if (member == 0)
			err = option_both(err, read_text(budgets, node, &budgets->zone));
		else if (member == 1)
			err = option_both(err, read_text(budgets, node, &budgets->currency));
		else if (member == 2)
			*out_list = node;
	}
	if (err == OK && *out_list == NULL)
		return option_fail(budgets->reader, ERR_MALFORMED, root,
				   "the file must have a list \"budgets\"");
	return *out_list == NULL ? err
				 : option_both(err, want(budgets, *out_list, CONFIG_YAML_LIST));
}

enum err config_budgets_read(struct option_reader *reader, const struct config_yaml *root,
			     const struct budget_options **out, size_t *out_count)
{
	struct budgets budgets = {.reader = reader, .currency = STR("USD")};
	const struct config_yaml *list = NULL;
	enum err err = read_head(&budgets, root, &list);
	size_t cap;

	if (err != OK)
		return err;
	cap = MIN(list->count * BUDGET_UNITS, (size_t)BUDGET_ENTRIES);
	budgets.items = arena_array(reader->arena, cap + 1, sizeof(*budgets.items));
	if (budgets.items == NULL)
		return option_fail(reader, ERR_LIMIT, list, "the file is too large");
	map_init(&budgets.names, list->count + 1);
	for (const struct config_yaml *entry = list->first; entry != NULL; entry = entry->next)
		err = option_both(err, read_entry(&budgets, entry));
	map_fini(&budgets.names);
	if (err != OK)
		return err;
	*out = budgets.items;
	*out_count = budgets.count;
	return OK;
}
