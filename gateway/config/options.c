/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/config/options.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/suggest.h"
#include "gateway/config/value.h"

/* What the member column of options.def counts from. */
struct targets {
	struct config_raw raw;
	struct config_raw_listener listener;
	struct config_raw_issuer issuer;
	struct upstream_options upstream;
	struct model_options model;
};

/* STRINGS fill a pointer and the count behind it. */
#define PAIR(type, list, count)                                                                    \
	_Static_assert(offsetof(type, count) == offsetof(type, list) + sizeof(void *), "a list")
PAIR(struct model_options, aliases, alias_count);
PAIR(struct model_options, dialects, dialect_count);
PAIR(struct model_options, groups, group_count);
PAIR(struct model_options, modalities, modality_count);
PAIR(struct model_options, regions, region_count);
PAIR(struct str_list, items, count);

static const struct option_row rows[] = {
#define OPTION_ROW(section, name, type, member, fallback, min, max, reload, sentence)              \
	{OPTION_##section,                                                                         \
	 name,                                                                                     \
	 OPTION_##type,                                                                            \
	 offsetof(struct targets, member),                                                         \
	 sizeof(((struct targets *)NULL)->member),                                                 \
	 fallback,                                                                                 \
	 min,                                                                                      \
	 max,                                                                                      \
	 reload,                                                                                   \
	 sentence},
#include "gateway/config/options.def"
};

static const struct {
	const char *name;
	size_t base;
} sections[OPTION_SECTIONS] = {
	[OPTION_GATEWAY] = {"gateway", offsetof(struct targets, raw)},
	[OPTION_LISTENER] = {"listeners[]", offsetof(struct targets, listener)},
	[OPTION_ADMIN] = {"admin", offsetof(struct targets, raw)},
	[OPTION_LIMITS] = {"limits", offsetof(struct targets, raw)},
	[OPTION_IDENTITY] = {"identity", offsetof(struct targets, raw)},
	[OPTION_ISSUER] = {"identity.issuers[]", offsetof(struct targets, issuer)},
	[OPTION_POLICY] = {"policy", offsetof(struct targets, raw)},
	[OPTION_PRICES] = {"prices", offsetof(struct targets, raw)},
	[OPTION_BUDGETS] = {"budgets", offsetof(struct targets, raw)},
	[OPTION_LEDGER] = {"ledger", offsetof(struct targets, raw)},
	[OPTION_JOURNAL] = {"journal", offsetof(struct targets, raw)},
	[OPTION_UPSTREAM] = {"upstreams[]", offsetof(struct targets, upstream)},
	[OPTION_MODEL] = {"models[]", offsetof(struct targets, model)},
};

const struct option_row *option_at(size_t index)
{
	return index < ARRAY_LEN(rows) ? &rows[index] : NULL;
}

const char *option_section_name(enum option_section section)
{
	return sections[section].name;
}

const char *option_type_name(enum option_type type)
{
	static const char *const names[] = {
		[OPTION_STRING] = "text",	 [OPTION_NAME] = "name",
		[OPTION_PATH] = "path",		 [OPTION_FILE] = "file",
		[OPTION_SECRET] = "secret",	 [OPTION_BOOL] = "true or false",
		[OPTION_INTEGER] = "number",	 [OPTION_BYTES] = "bytes",
		[OPTION_DURATION] = "time",	 [OPTION_ENUM] = "word",
		[OPTION_WORD] = "word",		 [OPTION_DATE] = "date",
		[OPTION_STRINGS] = "list",	 [OPTION_NODE] = "map",
		[OPTION_NODES] = "list of maps",
	};

	return names[type];
}

void *option_member(const struct option_row *row, void *target)
{
	return (char *)target + (row->offset - sections[row->section].base);
}

struct str option_words(const struct option_row *row)
{
	struct str left = str_from_c(row->sentence), words = STR("");

	if (row->type == OPTION_ENUM || row->type == OPTION_WORD)
		(void)str_cut(&left, ':', &words);
	return words;
}

/* The largest unit that leaves no rest. */
static void print_unit(int64_t value, const int64_t *units, const char *const *names, size_t count,
		       char out[static 24])
{
	size_t i = 0;

	while (i + 1 < count && (value == 0 || value % units[i] != 0))
		i++;
	(void)snprintf(out, 24, "%lld%s", (long long)(value / units[i]), names[i]);
}

void option_range(const struct option_row *row, char out[static OPTION_RANGE_BYTES])
{
	static const int64_t sizes[] = {1 << 30, 1 << 20, 1 << 10, 1};
	static const char *const size_names[] = {"GiB", "MiB", "KiB", "B"};
	static const int64_t times[] = {86400000, 3600000, 60000, 1000, 1};
	static const char *const time_names[] = {"d", "h", "m", "s", "ms"};
	bool is_many = row->type == OPTION_STRINGS || row->type == OPTION_NODE ||
		       row->type == OPTION_NODES;
	bool is_text = row->type == OPTION_STRING || row->type == OPTION_NAME;
	const char *what = is_many ? " entries" : is_text ? " characters" : "";
	char low[24], high[24];

	out[0] = '\0';
	if (row->max == 0)
		return;
	if (row->type == OPTION_BYTES) {
		print_unit(row->min, sizes, size_names, ARRAY_LEN(sizes), low);
		print_unit(row->max, sizes, size_names, ARRAY_LEN(sizes), high);
	} else if (row->type == OPTION_DURATION) {
		print_unit(row->min, times, time_names, ARRAY_LEN(times), low);
		print_unit(row->max, times, time_names, ARRAY_LEN(times), high);
	} else {
		(void)snprintf(low, sizeof(low), "%lld", (long long)row->min);
		(void)snprintf(high, sizeof(high), "%lld", (long long)row->max);
	}
	(void)snprintf(out, OPTION_RANGE_BYTES, "%s .. %s%s", low, high, what);
}

enum err option_note(struct option_reader *reader, enum err err, const struct diag *diag)
{
	if (reader->fault_count++ == 0 && reader->diag != NULL)
		*reader->diag = *diag;
	return diags_add(reader->all, err, diag);
}

PRINTF_LIKE(4, 0)
static void fill_fault(const struct option_reader *reader, enum err err,
		       const struct config_yaml *node, const char *fmt, va_list args,
		       struct diag *out)
{
	char text[sizeof(out->text)];

	(void)vsnprintf(text, sizeof(text), fmt, args);
	(void)diag_set(out, err, reader->file, node == NULL ? 0 : node->line,
		       node == NULL ? 0 : node->column, "%s", text);
}

enum err option_fail(struct option_reader *reader, enum err err, const struct config_yaml *node,
		     const char *fmt, ...)
{
	struct diag diag = {0};
	va_list args;

	va_start(args, fmt);
	fill_fault(reader, err, node, fmt, args, &diag);
	va_end(args);
	if (node != NULL)
		diag_set_source(&diag, reader->text.ptr, reader->text.len);
	return option_note(reader, err, &diag);
}

enum err option_fail_secret(struct option_reader *reader, enum err err,
			    const struct config_yaml *node, const char *fmt, ...)
{
	struct diag diag = {0};
	va_list args;

	va_start(args, fmt);
	fill_fault(reader, err, node, fmt, args, &diag);
	va_end(args);
	return option_note(reader, err, &diag);
}

struct str option_folder(struct arena *arena, struct str path)
{
	while (path.len > 0 && path.ptr[path.len - 1] != '/')
		path.len--;
	return path.len > 1 ? arena_str(arena, str_sub(path, 0, path.len - 1)) : path;
}

struct str option_path(struct option_reader *reader, struct str path)
{
	if (path.len == 0 || path.ptr[0] == '/' || reader->folder.len == 0)
		return arena_str(reader->arena, path);
	return arena_printf(reader->arena, STR_FMT "/" STR_FMT, STR_ARG(reader->folder),
			    STR_ARG(path));
}

/* Maps ---------------------------------------------------------------------------------- */

static bool is_required(const struct option_row *row)
{
	return row->fallback != NULL && row->fallback[0] == '!';
}

static enum err read_defaults(struct option_reader *reader, enum option_section section,
			      void *target)
{
	enum err err = OK;

	for (size_t i = 0; err == OK && i < ARRAY_LEN(rows); i++) {
		if (rows[i].section == section && rows[i].fallback != NULL &&
		    !is_required(&rows[i]))
			err = config_value_read(reader, &rows[i], NULL,
						option_member(&rows[i], target));
	}
	return err;
}

static const struct option_row *find_row(enum option_section section, struct str prefix,
					 struct str key)
{
	/* A dot in the table is a level of the file, not part of a key. */
	for (size_t i = 0; str_index(key, '.') == key.len && i < ARRAY_LEN(rows); i++) {
		struct str name = str_from_c(rows[i].name);

		if (rows[i].section != section || name.len != prefix.len + key.len)
			continue;
		if (str_has_prefix(name, prefix) && str_has_suffix(name, key))
			return &rows[i];
	}
	return NULL;
}

/* "jwks." is a level when any option of the section begins with it. */
static bool is_level(enum option_section section, struct str prefix)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].section == section && str_has_prefix(str_from_c(rows[i].name), prefix))
			return true;
	return false;
}

static enum err fail_unknown(struct option_reader *reader, enum option_section section,
			     struct str prefix, const struct config_yaml *node)
{
	struct config_yaml at_key = {.line = node->key_line, .column = node->key_column};
	struct suggest suggest = {.word = node->key};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct str name = str_from_c(rows[i].name);
		struct str word;

		if (rows[i].section != section || !str_has_prefix(name, prefix))
			continue;
		name = str_sub(name, prefix.len, name.len);
		(void)str_cut(&name, '.', &word);
		suggest_try(&suggest, word);
	}
	if (str_is_set(suggest.best))
		return option_fail(reader, ERR_MALFORMED, &at_key,
				   "%s has no option \"" STR_FMT STR_FMT
				   "\"; did you mean \"" STR_FMT STR_FMT "\"?",
				   sections[section].name, STR_ARG(prefix), STR_ARG(node->key),
				   STR_ARG(prefix), STR_ARG(suggest.best));
	return option_fail(reader, ERR_MALFORMED, &at_key,
			   "%s has no option \"" STR_FMT STR_FMT
			   "\"; `tollgate check --options` lists them",
			   sections[section].name, STR_ARG(prefix), STR_ARG(node->key));
}

static enum err read_level(struct option_reader *reader, enum option_section section,
			   struct str prefix, const struct config_yaml *map, void *target);

/* A key that is no option: a level of the file, or a mistake. */
static enum err read_inner(struct option_reader *reader, enum option_section section,
			   const struct config_yaml *node, void *target)
{
	struct str prefix = arena_concat(reader->arena, node->key, STR("."));

	if (str_index(node->key, '.') < node->key.len || !is_level(section, prefix))
		return fail_unknown(reader, section, STR(""), node);
	if (config_yaml_is_null(node))
		return OK;
	if (node->kind != CONFIG_YAML_MAP)
		return option_fail(reader, ERR_MALFORMED, node, STR_FMT " must be a map, not %s",
				   STR_ARG(node->key), config_yaml_kind_name(node->kind));
	return read_level(reader, section, prefix, node, target);
}

/* prefix is "", or "name." of the one level that there is below. */
static enum err read_level(struct option_reader *reader, enum option_section section,
			   struct str prefix, const struct config_yaml *map, void *target)
{
	enum err err = OK;

	for (const struct config_yaml *node = map->first; node != NULL; node = node->next) {
		const struct option_row *row = find_row(section, prefix, node->key);
		enum err one;

		if (row != NULL)
			one = config_value_read(reader, row, node, option_member(row, target));
		else if (prefix.len > 0)
			one = fail_unknown(reader, section, prefix, node);
		else
			one = read_inner(reader, section, node, target);
		err = option_both(err, one);
	}
	return err;
}

static enum err check_given(struct option_reader *reader, enum option_section section,
			    const struct config_yaml *map)
{
	enum err err = OK;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (rows[i].section != section || !is_required(&rows[i]))
			continue;
		if (map == NULL || config_yaml_get(map, str_from_c(rows[i].name)) == NULL)
			err = option_fail(reader, ERR_MALFORMED, map,
					  "%s: the option \"%s\" is missing (%s)",
					  sections[section].name, rows[i].name, rows[i].sentence);
	}
	return err;
}

enum err option_read(struct option_reader *reader, enum option_section section,
		     const struct config_yaml *map, void *target)
{
	enum err err = read_defaults(reader, section, target);

	/* All its lines are commented out. */
	if (map != NULL && config_yaml_is_null(map))
		map = NULL;
	if (err == OK && map != NULL && map->kind != CONFIG_YAML_MAP)
		return option_fail(reader, ERR_MALFORMED, map, "%s must be a map, not %s",
				   sections[section].name, config_yaml_kind_name(map->kind));
	/* What is wrong is said before what is missing: one explains the other. */
	if (err == OK && map != NULL)
		err = read_level(reader, section, STR(""), map, target);
	return option_both(err, check_given(reader, section, map));
}
