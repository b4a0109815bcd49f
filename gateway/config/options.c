/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/config/options.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/crypt.h"
#include "gateway/config/file.h"

#define OPTION_SECRET_BYTES 65536

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
	{OPTION_##section, name, OPTION_##type, offsetof(struct targets, member),                  \
	 fallback,	   min,	 max,		reload,                                            \
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
		[OPTION_STRING] = "text",	 [OPTION_PATH] = "path",
		[OPTION_SECRET] = "secret",	 [OPTION_BOOL] = "true or false",
		[OPTION_INTEGER] = "number",	 [OPTION_BYTES] = "bytes",
		[OPTION_DURATION] = "time",	 [OPTION_ENUM] = "word",
		[OPTION_WORD] = "word",		 [OPTION_DATE] = "date",
		[OPTION_STRINGS] = "list",	 [OPTION_NODE] = "map",
		[OPTION_NODES] = "list of maps",
	};

	return names[type];
}

enum err option_fail(struct option_reader *reader, enum err err, const struct config_yaml *node,
		     const char *fmt, ...)
{
	char text[400];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	err = diag_set(reader->diag, err, reader->file, node == NULL ? 0 : node->line,
		       node == NULL ? 0 : node->column, "%s", text);
	if (node != NULL)
		diag_set_source(reader->diag, reader->text.ptr, reader->text.len);
	return err;
}

struct str option_path(struct option_reader *reader, struct str path)
{
	if (path.len == 0 || path.ptr[0] == '/' || reader->folder.len == 0)
		return arena_str(reader->arena, path);
	return arena_printf(reader->arena, STR_FMT "/" STR_FMT, STR_ARG(reader->folder),
			    STR_ARG(path));
}

/* One value ------------------------------------------------------------------------------ */

struct assign {
	struct option_reader *reader;
	const struct option_row *row;
	const struct config_yaml *node; /* NULL: the default */
	struct str text;
	void *member;
};

static enum err assign_fail(const struct assign *assign, const char *why)
{
	return option_fail(assign->reader, ERR_MALFORMED, assign->node, "%s: \"" STR_FMT "\" %s",
			   assign->row->name, STR_ARG(assign->text), why);
}

static enum err assign_string(const struct assign *assign)
{
	const struct option_row *row = assign->row;

	if (row->max > 0 &&
	    (assign->text.len < (size_t)row->min || assign->text.len > (size_t)row->max))
		return option_fail(assign->reader, ERR_MALFORMED, assign->node,
				   "%s must have %lld to %lld characters", row->name,
				   (long long)row->min, (long long)row->max);
	*(struct str *)assign->member = arena_str(assign->reader->arena, assign->text);
	return OK;
}

static enum err check_range(const struct assign *assign, int64_t value)
{
	const struct option_row *row = assign->row;

	if (value >= row->min && value <= row->max)
		return OK;
	return option_fail(assign->reader, ERR_MALFORMED, assign->node,
			   "%s: \"" STR_FMT "\" is outside %lld .. %lld%s", row->name,
			   STR_ARG(assign->text), (long long)row->min, (long long)row->max,
			   row->type == OPTION_DURATION ? " ms" : "");
}

static enum err assign_integer(const struct assign *assign)
{
	uint64_t value = 0;

	if (str_to_u64(assign->text, &value) != OK || value > INT64_MAX)
		return assign_fail(assign, "is not a whole number");
	*(uint64_t *)assign->member = value;
	return check_range(assign, (int64_t)value);
}

static enum err assign_bytes(const struct assign *assign)
{
	static const struct {
		struct str suffix;
		unsigned shift;
	} units[] = {{STR("KiB"), 10}, {STR("MiB"), 20}, {STR("GiB"), 30}, {STR("B"), 0}};
	struct str digits = assign->text;
	unsigned shift = 0;
	uint64_t value = 0;

	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		if (!str_has_suffix(assign->text, units[i].suffix))
			continue;
		digits = str_sub(assign->text, 0, assign->text.len - units[i].suffix.len);
		shift = units[i].shift;
		break;
	}
	if (str_to_u64(digits, &value) != OK || value > (uint64_t)INT64_MAX >> shift)
		return assign_fail(assign, "is not a size such as 64KiB or 32MiB");
	*(uint64_t *)assign->member = value << shift;
	return check_range(assign, (int64_t)(value << shift));
}

static enum err assign_duration(const struct assign *assign)
{
	int64_t ms = 0;

	if (clock_parse_duration_ms(assign->text, &ms) != OK)
		return assign_fail(assign, "is not a time such as 250ms, 30s, 5m, 1h or 7d");
	*(int64_t *)assign->member = ms;
	return check_range(assign, ms);
}

static enum err assign_bool(const struct assign *assign)
{
	if (str_eq(assign->text, STR("true")))
		*(bool *)assign->member = true;
	else if (str_eq(assign->text, STR("false")))
		*(bool *)assign->member = false;
	else
		return assign_fail(assign, "must be true or false");
	return OK;
}

static enum err assign_word(const struct assign *assign)
{
	struct str left = str_from_c(assign->row->sentence), word;
	bool has_more = true;

	/* claims.kind has the principal's kinds, the others explain themselves by their words. */
	for (unsigned i = 0; has_more; i++) {
		has_more = str_cut(&left, '|', &word);
		if (!str_eq(word, assign->text))
			continue;
		if (assign->row->type == OPTION_ENUM)
			*(unsigned *)assign->member = i;
		else
			*(struct str *)assign->member = arena_str(assign->reader->arena, word);
		return OK;
	}
	return option_fail(assign->reader, ERR_MALFORMED, assign->node,
			   "%s: \"" STR_FMT "\" is not one of %s", assign->row->name,
			   STR_ARG(assign->text), assign->row->sentence);
}

static enum err assign_date(const struct assign *assign)
{
	int64_t ns = 0;

	if (clock_parse(assign->text, &ns) != OK)
		return assign_fail(assign, "is not a date such as 2027-01-01");
	*(struct str *)assign->member = arena_str(assign->reader->arena, assign->text);
	return OK;
}

/* Text with ${env:NAME} and ${file:PATH}; at least one of them, or it would be a secret that
 * stands in the file. */
static enum err expand_one(const struct assign *assign, struct str name, struct buf *out)
{
	if (str_has_prefix(name, STR("env:"))) {
		struct str key = arena_str(assign->reader->arena, str_sub(name, 4, name.len));
		const char *value = getenv(key.ptr);

		if (value == NULL || *value == '\0')
			return option_fail(assign->reader, ERR_NOT_FOUND, assign->node,
					   "%s: the environment has no " STR_FMT, assign->row->name,
					   STR_ARG(key));
		return buf_append(out, str_from_c(value));
	}
	if (str_has_prefix(name, STR("file:"))) {
		struct str path = option_path(assign->reader, str_sub(name, 5, name.len));
		struct str content;
		enum err err =
			config_file_read(assign->reader->arena, path.ptr, OPTION_SECRET_BYTES,
					 assign->reader->diag, &content);

		while (err == OK && content.len > 0 &&
		       (content.ptr[content.len - 1] == '\n' ||
			content.ptr[content.len - 1] == '\r'))
			content.len--;
		return err == OK ? buf_append(out, content) : err;
	}
	return assign_fail(assign, "holds ${...} that is neither ${env:NAME} nor ${file:PATH}");
}

static enum err expand(const struct assign *assign, struct buf *out)
{
	struct str left = assign->text;
	bool has_secret = false;
	enum err err = OK;

	while (err == OK && left.len > 0) {
		size_t dollar = str_index(left, '$');
		size_t close;

		err = buf_append(out, str_sub(left, 0, dollar));
		left = str_sub(left, dollar, left.len);
		if (err != OK || left.len == 0)
			break;
		close = str_index(left, '}');
		if (left.len < 2 || left.ptr[1] != '{' || close == left.len)
			return assign_fail(assign, "has a $ that begins no ${...}");
		err = expand_one(assign, str_sub(left, 2, close - 2), out);
		left = str_sub(left, close + 1, left.len);
		has_secret = true;
	}
	if (err == OK && !has_secret)
		return option_fail(assign->reader, ERR_MALFORMED, assign->node,
				   "%s must not stand in this file: write ${env:NAME} or "
				   "${file:PATH}",
				   assign->row->name);
	return err;
}

static enum err assign_secret(const struct assign *assign)
{
	struct buf out;
	enum err err;

	buf_init(&out, OPTION_SECRET_BYTES);
	err = expand(assign, &out);
	if (err == OK)
		*(struct str *)assign->member = arena_str(assign->reader->arena, buf_str(&out));
	if (out.ptr != NULL)
		crypt_wipe(out.ptr, out.len);
	buf_fini(&out);
	return err;
}

static enum err assign_scalar(const struct assign *assign)
{
	switch (assign->row->type) {
	case OPTION_STRING: return assign_string(assign);
	case OPTION_PATH:
		*(struct str *)assign->member = option_path(assign->reader, assign->text);
		return OK;
	case OPTION_SECRET: return assign_secret(assign);
	case OPTION_BOOL: return assign_bool(assign);
	case OPTION_INTEGER: return assign_integer(assign);
	case OPTION_BYTES: return assign_bytes(assign);
	case OPTION_DURATION: return assign_duration(assign);
	case OPTION_ENUM:
	case OPTION_WORD: return assign_word(assign);
	case OPTION_DATE: return assign_date(assign);
	case OPTION_STRINGS:
	case OPTION_NODE:
	case OPTION_NODES: break;
	}
	return ERR_INTERNAL;
}

static enum err assign_strings(const struct assign *assign)
{
	const struct config_yaml *node = assign->node;
	size_t count = node == NULL || node->kind == CONFIG_YAML_SCALAR ? 1 : node->count, i = 0;
	struct str *items = arena_array(assign->reader->arena, count, sizeof(*items));
	struct str_list *list = assign->member;

	if (items == NULL)
		return ERR_LIMIT;
	if (count < (size_t)assign->row->min || count > (size_t)assign->row->max)
		return option_fail(assign->reader, ERR_MALFORMED, node,
				   "%s must have %lld to %lld entries", assign->row->name,
				   (long long)assign->row->min, (long long)assign->row->max);
	if (node == NULL || node->kind == CONFIG_YAML_SCALAR) {
		items[0] = arena_str(assign->reader->arena, assign->text);
	} else {
		for (const struct config_yaml *item = node->first; item != NULL;
		     item = item->next) {
			if (item->kind != CONFIG_YAML_SCALAR)
				return option_fail(assign->reader, ERR_MALFORMED, item,
						   "%s: an entry must be a value, not %s",
						   assign->row->name,
						   config_yaml_kind_name(item->kind));
			items[i++] = item->text;
		}
	}
	*list = (struct str_list){items, count};
	return OK;
}

static enum err assign_node(const struct assign *assign)
{
	enum config_yaml_kind wanted =
		assign->row->type == OPTION_NODES ? CONFIG_YAML_LIST : CONFIG_YAML_MAP;

	if (assign->node->kind != wanted)
		return option_fail(assign->reader, ERR_MALFORMED, assign->node,
				   "%s must be %s, not %s", assign->row->name,
				   config_yaml_kind_name(wanted),
				   config_yaml_kind_name(assign->node->kind));
	*(const struct config_yaml **)assign->member = assign->node;
	return OK;
}

static enum err assign_value(struct assign *assign)
{
	enum option_type type = assign->row->type;

	if (type == OPTION_NODE || type == OPTION_NODES)
		return assign_node(assign);
	if (assign->node->kind == CONFIG_YAML_SCALAR)
		assign->text = assign->node->text;
	if (type == OPTION_STRINGS && assign->node->kind != CONFIG_YAML_MAP)
		return assign_strings(assign);
	if (assign->node->kind != CONFIG_YAML_SCALAR)
		return option_fail(assign->reader, ERR_MALFORMED, assign->node,
				   "%s must be a value (%s), not %s", assign->row->name,
				   option_type_name(type),
				   config_yaml_kind_name(assign->node->kind));
	return assign_scalar(assign);
}

/* Maps ---------------------------------------------------------------------------------- */

static void *member_of(void *target, const struct option_row *row)
{
	return (char *)target + (row->offset - sections[row->section].base);
}

static enum err read_defaults(struct option_reader *reader, enum option_section section,
			      void *target)
{
	enum err err = OK;

	for (size_t i = 0; err == OK && i < ARRAY_LEN(rows); i++) {
		struct assign assign = {
			.reader = reader,
			.row = &rows[i],
			.text = str_from_c(rows[i].fallback),
			.member = member_of(target, &rows[i]),
		};

		if (rows[i].section != section || rows[i].fallback == NULL ||
		    str_eq(assign.text, STR("!")))
			continue;
		err = rows[i].type == OPTION_STRINGS ? assign_strings(&assign)
						     : assign_scalar(&assign);
	}
	return err;
}

static const struct option_row *find_row(enum option_section section, struct str prefix,
					 struct str key)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
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
	struct str best = {0};
	unsigned best_distance = 3;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct str name = str_from_c(rows[i].name);
		struct str word;

		if (rows[i].section != section || !str_has_prefix(name, prefix))
			continue;
		name = str_sub(name, prefix.len, name.len);
		(void)str_cut(&name, '.', &word);
		if (str_distance(word, node->key) < best_distance) {
			best_distance = str_distance(word, node->key);
			best = word;
		}
	}
	if (str_is_set(best))
		return option_fail(reader, ERR_MALFORMED, &at_key,
				   "%s has no option \"" STR_FMT STR_FMT
				   "\"; did you mean \"" STR_FMT STR_FMT "\"?",
				   sections[section].name, STR_ARG(prefix), STR_ARG(node->key),
				   STR_ARG(prefix), STR_ARG(best));
	return option_fail(reader, ERR_MALFORMED, &at_key,
			   "%s has no option \"" STR_FMT STR_FMT
			   "\"; `tollgate check --options` lists them",
			   sections[section].name, STR_ARG(prefix), STR_ARG(node->key));
}

/* One level of a section's map; prefix is "" or "name.". */
static enum err read_level(struct option_reader *reader, enum option_section section,
			   struct str prefix, const struct config_yaml *map, void *target)
{
	enum err err = OK;

	for (const struct config_yaml *node = map->first; err == OK && node != NULL;
	     node = node->next) {
		const struct option_row *row = find_row(section, prefix, node->key);
		struct assign assign = {.reader = reader, .row = row, .node = node};

		if (row != NULL) {
			assign.member = member_of(target, row);
			err = assign_value(&assign);
		} else if (prefix.len > 0 || node->kind != CONFIG_YAML_MAP ||
			   !is_level(section, arena_concat(reader->arena, node->key, STR(".")))) {
			err = fail_unknown(reader, section, prefix, node);
		}
	}
	return err;
}

static enum err check_given(struct option_reader *reader, enum option_section section,
			    const struct config_yaml *map)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (rows[i].section != section || rows[i].fallback == NULL ||
		    !str_eq(str_from_c(rows[i].fallback), STR("!")))
			continue;
		if (map == NULL || config_yaml_get(map, str_from_c(rows[i].name)) == NULL)
			return option_fail(reader, ERR_MALFORMED, map,
					   "%s: the option \"%s\" is missing (%s)",
					   sections[section].name, rows[i].name, rows[i].sentence);
	}
	return OK;
}

enum err option_read(struct option_reader *reader, enum option_section section,
		     const struct config_yaml *map, void *target)
{
	enum err err = read_defaults(reader, section, target);

	if (err == OK && map != NULL && map->kind != CONFIG_YAML_MAP)
		return option_fail(reader, ERR_MALFORMED, map, "%s must be a map, not %s",
				   sections[section].name, config_yaml_kind_name(map->kind));
	if (err == OK)
		err = check_given(reader, section, map);
	if (err != OK || map == NULL)
		return err;
	err = read_level(reader, section, STR(""), map, target);
	for (const struct config_yaml *node = map->first; err == OK && node != NULL;
	     node = node->next) {
		struct str prefix = arena_concat(reader->arena, node->key, STR("."));

		if (node->kind == CONFIG_YAML_MAP && find_row(section, STR(""), node->key) == NULL)
			err = read_level(reader, section, prefix, node, target);
	}
	return err;
}
