/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/cli/yaml_json.h"

/* Merging ---------------------------------------------------------------------------------- */

/* A map that is still to be filled from two others; either may be NULL. */
struct merge {
	struct config_yaml *into;
	const struct config_yaml *base;
	const struct config_yaml *over;
	struct merge *next;
};

struct merging {
	struct arena *arena;
	struct merge *todo;
	bool is_out_of_memory;
};

static bool is_map(const struct config_yaml *node)
{
	return node != NULL && node->kind == CONFIG_YAML_MAP;
}

/* What stands where both say something; a map is filled later. */
static struct config_yaml *join(struct merging *m, const struct config_yaml *base,
				const struct config_yaml *over)
{
	struct config_yaml *node = arena_alloc(m->arena, sizeof(*node));
	struct merge *merge;

	if (node == NULL) {
		m->is_out_of_memory = true;
		return NULL;
	}
	*node = over != NULL ? *over : *base;
	node->next = NULL;
	if (node->kind != CONFIG_YAML_MAP)
		return node;
	merge = arena_alloc(m->arena, sizeof(*merge));
	if (merge == NULL) {
		m->is_out_of_memory = true;
		return NULL;
	}
	*merge = (struct merge){
		.into = node, .base = is_map(base) ? base : NULL, .over = over, .next = m->todo};
	m->todo = merge;
	node->first = node->last = NULL;
	node->count = 0;
	return node;
}

static void append(struct config_yaml *map, struct config_yaml *node)
{
	if (node == NULL)
		return;
	if (map->last == NULL)
		map->first = node;
	else
		map->last->next = node;
	map->last = node;
	map->count++;
}

static const struct config_yaml *member_of(const struct config_yaml *map, struct str key)
{
	return map == NULL ? NULL : config_yaml_get(map, key);
}

static void fill(struct merging *m, const struct merge *merge)
{
	const struct config_yaml *first = merge->base == NULL ? NULL : merge->base->first;
	const struct config_yaml *over;

	for (const struct config_yaml *node = first; node != NULL; node = node->next) {
		over = member_of(merge->over, node->key);
		if (over == NULL || !config_yaml_is_null(over))
			append(merge->into, join(m, node, over));
	}
	first = merge->over == NULL ? NULL : merge->over->first;
	for (const struct config_yaml *node = first; node != NULL; node = node->next)
		if (member_of(merge->base, node->key) == NULL && !config_yaml_is_null(node))
			append(merge->into, join(m, NULL, node));
}

const struct config_yaml *yaml_merge(struct arena *arena, const struct config_yaml *base,
				     const struct config_yaml *over)
{
	struct merging m = {.arena = arena};
	struct config_yaml *whole = base == NULL && over == NULL ? NULL : join(&m, base, over);

	while (m.todo != NULL && !m.is_out_of_memory) {
		struct merge merge = *m.todo;

		m.todo = merge.next;
		fill(&m, &merge);
	}
	return m.is_out_of_memory ? NULL : whole;
}

/* Writing ---------------------------------------------------------------------------------- */

static bool is_integer(struct str text)
{
	size_t digits = text.len > 0 && text.ptr[0] == '-' ? 1 : 0;

	if (text.len == digits || (text.ptr[digits] == '0' && text.len > digits + 1))
		return false;
	for (size_t i = digits; i < text.len; i++)
		if (text.ptr[i] < '0' || text.ptr[i] > '9')
			return false;
	return true;
}

static enum err write_scalar(struct buf *out, const struct config_yaml *node)
{
	bool is_word =
		!node->is_quoted && (str_eq(node->text, STR("true")) ||
				     str_eq(node->text, STR("false")) || is_integer(node->text));

	if (config_yaml_is_null(node))
		return buf_append(out, STR("null"));
	return is_word ? buf_append(out, node->text) : buf_append_json(out, node->text);
}

static enum err write_key(struct buf *out, struct str key)
{
	enum err err = buf_append_json(out, key);

	return err != OK ? err : buf_append_byte(out, ':');
}

static char bracket_of(const struct config_yaml *node, bool is_end)
{
	if (node->kind == CONFIG_YAML_MAP)
		return is_end ? '}' : '{';
	return is_end ? ']' : '[';
}

/* Down to the first child, or to the next node behind this one; brackets on the way. */
static enum err step(struct buf *out, const struct config_yaml **stack, size_t *depth,
		     const struct config_yaml **node)
{
	enum err err = OK;

	if ((*node)->kind != CONFIG_YAML_SCALAR && (*node)->first != NULL) {
		ASSERT(*depth < CONFIG_YAML_DEPTH);
		stack[(*depth)++] = *node;
		*node = (*node)->first;
		return OK;
	}
	if ((*node)->kind != CONFIG_YAML_SCALAR)
		err = buf_append_byte(out, bracket_of(*node, true));
	while (err == OK && *depth > 0 && (*node)->next == NULL) {
		*node = stack[--*depth];
		err = buf_append_byte(out, bracket_of(*node, true));
	}
	*node = *depth == 0 ? NULL : (*node)->next;
	if (err == OK && *node != NULL)
		err = buf_append_byte(out, ',');
	return err;
}

enum err yaml_json_write(struct buf *out, const struct config_yaml *node)
{
	const struct config_yaml *stack[CONFIG_YAML_DEPTH];
	size_t depth = 0;
	enum err err = OK;

	while (err == OK && node != NULL) {
		if (depth > 0 && stack[depth - 1]->kind == CONFIG_YAML_MAP)
			err = write_key(out, node->key);
		if (err == OK && node->kind == CONFIG_YAML_SCALAR)
			err = write_scalar(out, node);
		else if (err == OK)
			err = buf_append_byte(out, bracket_of(node, false));
		if (err == OK)
			err = step(out, stack, &depth, &node);
	}
	return err;
}
