/* SPDX-License-Identifier: Apache-2.0 */
#include "base/crypt.h"
#include "gateway/config/load.h"

static bool is_same_text(struct str a, struct str b)
{
	return str_is_set(a) == str_is_set(b) && str_eq(a, b);
}

static bool is_same_secret(struct str a, struct str b)
{
	return a.len == b.len && (a.len == 0 || crypt_equal(a.ptr, b.ptr, a.len));
}

/* Of the types that options have which a reload leaves alone. */
static bool is_same(const struct option_row *row, void *a, void *b)
{
	switch (row->type) {
	case OPTION_STRING:
	case OPTION_NAME:
	case OPTION_PATH:
	case OPTION_FILE:
	case OPTION_WORD:
	case OPTION_DATE: return is_same_text(*(struct str *)a, *(struct str *)b);
	case OPTION_SECRET: return is_same_secret(*(struct str *)a, *(struct str *)b);
	case OPTION_BOOL: return *(bool *)a == *(bool *)b;
	case OPTION_INTEGER:
	case OPTION_BYTES: return *(uint64_t *)a == *(uint64_t *)b;
	case OPTION_DURATION: return *(int64_t *)a == *(int64_t *)b;
	case OPTION_ENUM: return *(unsigned *)a == *(unsigned *)b;
	case OPTION_STRINGS:
	case OPTION_NODE:
	case OPTION_NODES: break;
	}
	ASSERT(row->is_reloadable);
	return true;
}

static enum err add_name(struct buf *out, const struct option_row *row)
{
	return buf_printf(out, "%s%s.%s", out->len > 0 ? ", " : "",
			  option_section_name(row->section), row->name);
}

static enum err compare_listeners(const struct option_row *row, const struct load *old,
				  const struct load *new, struct buf *out)
{
	for (size_t i = 0; i < new->config.listener_count; i++) {
		struct config_raw_listener a = old->listeners[i], b = new->listeners[i];

		if (!is_same(row, option_member(row, &a), option_member(row, &b)))
			return add_name(out, row);
	}
	return OK;
}

enum err config_restart_options(const struct config *old, const struct config *new, struct buf *out)
{
	struct config_raw a = load_of(old)->raw, b = load_of(new)->raw;
	bool has_same_listeners = old->listener_count == new->listener_count;
	const struct option_row *row;
	enum err err = OK;

	if (!has_same_listeners)
		err = buf_append(out, STR("listeners"));
	for (size_t i = 0; err == OK && (row = option_at(i)) != NULL; i++) {
		if (row->is_reloadable)
			continue;
		if (row->section == OPTION_LISTENER) {
			if (has_same_listeners)
				err = compare_listeners(row, load_of(old), load_of(new), out);
		} else if (!is_same(row, option_member(row, &a), option_member(row, &b))) {
			err = add_name(out, row);
		}
	}
	return err;
}
