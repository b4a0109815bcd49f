/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/json_build.h"

#include "policy/fold.h"
#include "policy/json_value.h"

const struct expr *json_build_keep(struct json_build *build, struct expr expr)
{
	struct expr *kept = arena_alloc(build->arena, sizeof(*kept));

	if (kept == NULL || arena_has_overflowed(build->arena)) {
		(void)json_value_fail(&build->fault, ERR_LIMIT, expr.at,
				      "memory limit reached (`arena_bytes`)");
		return NULL;
	}
	*kept = expr;
	return kept;
}

const struct expr *json_build_fail(struct json_build *build, size_t at, const char *why)
{
	(void)json_value_fail(&build->fault, ERR_MALFORMED, at, "%s", why);
	return NULL;
}

bool json_build_expect(struct json_build *build, const struct json_tree *tree,
		       enum json_tree_kind kind)
{
	return tree->kind == kind ||
	       json_value_fail(&build->fault, ERR_MALFORMED, tree->at, "expected %s, found %s",
			       json_tree_kind_name(kind), json_tree_kind_name(tree->kind));
}

bool json_build_enter(struct json_build *build, const struct json_tree *tree)
{
	if (build->depth == AST_DEPTH)
		return json_value_fail(&build->fault, ERR_LIMIT, tree->at,
				       "nested deeper than %d levels", AST_DEPTH);
	build->depth++;
	return true;
}

void *json_build_room(struct json_build *build, const struct json_tree *tree, size_t count,
		      size_t size)
{
	void *list = NULL;

	if (count > build->max_elements)
		(void)json_value_fail(&build->fault, ERR_LIMIT, tree->at,
				      "more than %zu elements (limit `elements`)",
				      build->max_elements);
	else if ((list = arena_array(build->arena, count, size)) == NULL)
		(void)json_value_fail(&build->fault, ERR_LIMIT, tree->at,
				      "memory limit reached (`arena_bytes`)");
	return list;
}

struct text json_build_text(struct json_build *build, struct str s)
{
	struct str own = arena_str(build->arena, s);

	return text_make(str_is_set(own) ? own : STR(""));
}

bool json_build_list(struct json_build *build, const struct json_tree *of,
		     const struct json_tree *first, size_t count, json_build_fn read,
		     struct expr_list *out)
{
	const struct expr **items = json_build_room(build, of, count, sizeof(*items));

	for (size_t i = 0; items != NULL && i < count; i++) {
		items[i] = read(build, first);
		if (items[i] == NULL)
			return false;
		first = first->next;
	}
	*out = (struct expr_list){count, items};
	return items != NULL;
}

const struct expr *json_build_record(struct json_build *build, const struct json_tree *tree,
				     json_build_fn read)
{
	struct expr expr = {.kind = EXPR_RECORD, .at = tree->at};
	struct text *keys = json_build_room(build, tree, tree->count, sizeof(*keys));
	struct expr_list values;
	size_t i = 0;

	if (keys == NULL || !json_build_list(build, tree, tree->first, tree->count, read, &values))
		return NULL;
	for (const struct json_tree *member = tree->first; member != NULL; member = member->next)
		keys[i++] = json_build_text(build, member->name);
	expr.record.count = tree->count;
	expr.record.keys = keys;
	expr.record.values = values.items;
	return json_build_keep(build, expr);
}

const struct expr *json_build_set(struct json_build *build, const struct json_tree *tree,
				  json_build_fn read)
{
	struct expr expr = {.kind = EXPR_SET, .at = tree->at};

	if (!json_build_list(build, tree, tree->first, tree->count, read, &expr.list))
		return NULL;
	fold_expr(build->arena, &expr);
	return json_build_keep(build, expr);
}

const struct expr *json_build_call(struct json_build *build, uint32_t at, enum fn_id fn,
				   struct expr_list args)
{
	struct expr expr = {.kind = EXPR_CALL, .at = at, .call = {fn, args}};
	struct expr_step *step;

	if (!fn_table[fn].is_method) {
		fold_expr(build->arena, &expr);
		return json_build_keep(build, expr);
	}
	if (args.count == 0)
		return json_build_fail(
			build, at,
			"a method needs the value it is called on as its first argument");
	step = arena_zalloc(build->arena, sizeof(*step));
	if (step != NULL)
		*step = (struct expr_step){.is_call = true,
					   .fn = fn,
					   .args = {args.count - 1, args.items + 1},
					   .attr = text_make(str_from_c(fn_table[fn].name)),
					   .at = at};
	expr = (struct expr){.kind = EXPR_CHAIN, .at = at, .chain = {args.items[0], 1, step}};
	return json_build_keep(build, expr);
}
