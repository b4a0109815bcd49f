/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/config/value.h"

#include "base/clock.h"
#include "base/suggest.h"
#include "gateway/config/file.h"
#include "gateway/config/secret.h"

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

static enum err fail_range(const struct assign *assign)
{
	char range[OPTION_RANGE_BYTES];

	option_range(assign->row, range);
	return option_fail(assign->reader, ERR_MALFORMED, assign->node,
			   "%s: \"" STR_FMT "\" is outside %s", assign->row->name,
			   STR_ARG(assign->text), range);
}

static enum err fail_memory(const struct assign *assign)
{
	return option_fail(assign->reader, ERR_LIMIT, assign->node, "the file is too large");
}

/* Texts ---------------------------------------------------------------------------------- */

static enum err check_line(const struct assign *assign, const struct config_yaml *node,
			   struct str text)
{
	if (str_index(text, '\n') == text.len && str_index(text, '\t') == text.len)
		return OK;
	return option_fail(assign->reader, ERR_MALFORMED, node,
			   "%s: a line break or tab cannot stand in it", assign->row->name);
}

static enum err store_text(const struct assign *assign, struct str text)
{
	struct str *member = assign->member;

	if (!str_is_set(text))
		return fail_memory(assign);
	*member = text;
	return OK;
}

static bool is_name(struct str text)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
		    c != '-' && c != '_' && c != '.')
			return false;
	}
	return true;
}

static enum err assign_string(const struct assign *assign)
{
	const struct option_row *row = assign->row;
	enum err err = check_line(assign, assign->node, assign->text);

	if (err != OK)
		return err;
	if (assign->text.len < (size_t)row->min || assign->text.len > (size_t)row->max)
		return option_fail(assign->reader, ERR_MALFORMED, assign->node,
				   "%s must have %lld to %lld characters", row->name,
				   (long long)row->min, (long long)row->max);
	if (row->type == OPTION_NAME && !is_name(assign->text))
		return assign_fail(assign, "may hold letters, digits, '-', '_' and '.' only");
	return store_text(assign, arena_str(assign->reader->arena, assign->text));
}

static enum err assign_path(const struct assign *assign)
{
	enum err err = check_line(assign, assign->node, assign->text);

	if (err == OK && assign->text.len == 0)
		err = assign_fail(assign, "is no path");
	return err != OK ? err : store_text(assign, option_path(assign->reader, assign->text));
}

static enum err assign_file(const struct assign *assign)
{
	struct str *member = assign->member;
	struct diag diag = {0};
	enum err err = assign_path(assign);

	if (err != OK)
		return err;
	err = config_file_check(member->ptr, &diag);
	if (err == OK)
		return OK;
	/* What is known to be missing is not looked for again. */
	*member = (struct str){0};
	return option_fail(assign->reader, err, assign->node, "%s: %s %s", assign->row->name,
			   diag.file, diag.text);
}

static enum err assign_date(const struct assign *assign)
{
	int64_t ns = 0;

	if (clock_parse(assign->text, &ns) != OK)
		return assign_fail(assign, "is not a date such as 2027-01-01");
	return store_text(assign, arena_str(assign->reader->arena, assign->text));
}

static enum err assign_word(const struct assign *assign)
{
	struct suggest suggest = {.word = assign->text};
	struct str left = option_words(assign->row), word;
	bool has_more = true;

	for (unsigned i = 0; has_more; i++) {
		has_more = str_cut(&left, '|', &word);
		suggest_try(&suggest, word);
		if (!str_eq(word, assign->text))
			continue;
		if (assign->row->type == OPTION_WORD)
			return store_text(assign, arena_str(assign->reader->arena, word));
		*(unsigned *)assign->member = i;
		return OK;
	}
	if (str_is_set(suggest.best))
		return option_fail(assign->reader, ERR_MALFORMED, assign->node,
				   "%s: \"" STR_FMT "\" is not one of " STR_FMT
				   "; did you mean \"" STR_FMT "\"?",
				   assign->row->name, STR_ARG(assign->text),
				   STR_ARG(option_words(assign->row)), STR_ARG(suggest.best));
	return option_fail(assign->reader, ERR_MALFORMED, assign->node,
			   "%s: \"" STR_FMT "\" is not one of " STR_FMT, assign->row->name,
			   STR_ARG(assign->text), STR_ARG(option_words(assign->row)));
}

/* Numbers ---------------------------------------------------------------------------------- */

static bool is_in_range(const struct assign *assign, int64_t value)
{
	return value >= assign->row->min && value <= assign->row->max;
}

static enum err assign_integer(const struct assign *assign)
{
	uint64_t value = 0;

	if (str_to_u64(assign->text, &value) != OK || value > INT64_MAX)
		return assign_fail(assign, "is not a whole number");
	if (!is_in_range(assign, (int64_t)value))
		return fail_range(assign);
	*(uint64_t *)assign->member = value;
	return OK;
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
	if (!is_in_range(assign, (int64_t)(value << shift)))
		return fail_range(assign);
	*(uint64_t *)assign->member = value << shift;
	return OK;
}

static enum err assign_duration(const struct assign *assign)
{
	int64_t ms = 0;

	if (clock_parse_duration_ms(assign->text, &ms) != OK)
		return assign_fail(assign, "is not a time such as 250ms, 30s, 5m, 1h or 7d");
	if (!is_in_range(assign, ms))
		return fail_range(assign);
	*(int64_t *)assign->member = ms;
	return OK;
}

static enum err assign_bool(const struct assign *assign)
{
	bool is_true = str_eq(assign->text, STR("true"));

	if (!is_true && !str_eq(assign->text, STR("false")))
		return assign_fail(assign, "must be true or false");
	*(bool *)assign->member = is_true;
	return OK;
}

static enum err assign_secret(const struct assign *assign)
{
	ASSERT(assign->node != NULL);
	return config_secret_read(assign->reader, assign->node, assign->row->name, assign->member);
}

static enum err assign_scalar(const struct assign *assign)
{
	switch (assign->row->type) {
	case OPTION_NAME:
	case OPTION_STRING: return assign_string(assign);
	case OPTION_PATH: return assign_path(assign);
	case OPTION_FILE: return assign_file(assign);
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

/* Lists and maps ------------------------------------------------------------------------ */

static enum err check_entry(const struct assign *assign, const struct config_yaml *item)
{
	if (item->kind != CONFIG_YAML_SCALAR)
		return option_fail(assign->reader, ERR_MALFORMED, item,
				   "%s: an entry must be a value, not %s", assign->row->name,
				   config_yaml_kind_name(item->kind));
	if (item->text.len == 0)
		return option_fail(assign->reader, ERR_MALFORMED, item, "%s: an entry is empty",
				   assign->row->name);
	return check_line(assign, item, item->text);
}

/* One entry may stand without brackets. */
static enum err assign_strings(const struct assign *assign)
{
	const struct config_yaml *node = assign->node;
	bool is_list = node != NULL && node->kind == CONFIG_YAML_LIST;
	size_t count = is_list ? node->count : 1, i = 0;
	struct str *items = arena_array(assign->reader->arena, count, sizeof(*items));
	struct str_list *list = assign->member;
	enum err err = OK;

	if (items == NULL)
		return fail_memory(assign);
	if (count < (size_t)assign->row->min || count > (size_t)assign->row->max)
		return option_fail(assign->reader, ERR_MALFORMED, node,
				   "%s must have %lld to %lld entries", assign->row->name,
				   (long long)assign->row->min, (long long)assign->row->max);
	if (!is_list) {
		items[0] = assign->text;
		err = node == NULL ? OK : check_entry(assign, node);
	}
	for (const struct config_yaml *item = is_list ? node->first : NULL;
	     err == OK && item != NULL; item = item->next) {
		err = check_entry(assign, item);
		items[i++] = item->text;
	}
	if (err == OK)
		*list = (struct str_list){items, count};
	return err;
}

static enum err assign_node(const struct assign *assign)
{
	bool is_list = assign->row->type == OPTION_NODES;
	enum config_yaml_kind wanted = is_list ? CONFIG_YAML_LIST : CONFIG_YAML_MAP;

	if (assign->node->kind != wanted)
		return option_fail(assign->reader, ERR_MALFORMED, assign->node,
				   "%s must be %s, not %s", assign->row->name,
				   config_yaml_kind_name(wanted),
				   config_yaml_kind_name(assign->node->kind));
	if (assign->node->count > (size_t)assign->row->max)
		return option_fail(assign->reader, ERR_LIMIT, assign->node,
				   "%s must have at most %lld entries", assign->row->name,
				   (long long)assign->row->max);
	*(const struct config_yaml **)assign->member = assign->node;
	return OK;
}

enum err config_value_read(struct option_reader *reader, const struct option_row *row,
			   const struct config_yaml *node, void *member)
{
	struct assign assign = {.reader = reader, .row = row, .node = node, .member = member};

	assign.text = node == NULL ? str_from_c(row->fallback) : node->text;
	if (node != NULL && config_yaml_is_null(node))
		return option_fail(reader, ERR_MALFORMED, node,
				   "%s stands without a value; give it one or take the line out",
				   row->name);
	if (row->type == OPTION_NODE || row->type == OPTION_NODES)
		return assign_node(&assign);
	if (row->type == OPTION_STRINGS && (node == NULL || node->kind != CONFIG_YAML_MAP))
		return assign_strings(&assign);
	if (node != NULL && node->kind != CONFIG_YAML_SCALAR)
		return option_fail(reader, ERR_MALFORMED, node, "%s must be a value (%s), not %s",
				   row->name, option_type_name(row->type),
				   config_yaml_kind_name(node->kind));
	return assign_scalar(&assign);
}
