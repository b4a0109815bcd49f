/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/json_literal.h"

#include "policy/json_value.h"

static const struct expr *read_nested(struct json_build *build, const struct json_tree *tree);

static const struct expr *read_escape_call(struct json_build *build, const struct json_tree *tree)
{
	struct json_value_call call = {.fn = FN_COUNT};
	struct expr_list args;

	(void)json_value_call(tree->first, &call);
	if (call.fn == FN_COUNT)
		return json_build_fail(build, tree->first->at,
				       "\"fn\" names no extension function");
	if (!json_build_list(build, tree, call.args, call.count, read_nested, &args))
		return NULL;
	return json_build_call(build, tree->at, call.fn, args);
}

static const struct expr *read_entity(struct json_build *build, const struct json_tree *tree)
{
	const struct uid *uid;

	if (!json_value_uid(build->arena, tree, &uid, &build->fault))
		return NULL;
	return json_build_keep(
		build,
		(struct expr){.kind = EXPR_VALUE, .at = tree->at, .value = value_entity(uid)});
}

static const struct expr *read_object(struct json_build *build, const struct json_tree *tree)
{
	switch (json_value_form(tree)) {
	case JSON_VALUE_ENTITY: return read_entity(build, tree);
	case JSON_VALUE_EXTENSION: return read_escape_call(build, tree);
	case JSON_VALUE_EXPR: return json_build_fail(build, tree->at, "`__expr` is not supported");
	case JSON_VALUE_RECORD: break;
	}
	return json_build_record(build, tree, read_nested);
}

const struct expr *json_literal_read(struct json_build *build, const struct json_tree *tree)
{
	struct expr expr = {.kind = EXPR_VALUE, .at = tree->at};

	switch (tree->kind) {
	case JSON_TREE_BOOL: expr.value = value_bool(tree->boolean); break;
	case JSON_TREE_INTEGER: expr.value = value_long(tree->integer); break;
	case JSON_TREE_STRING:
		expr.value = value_string(build->arena, arena_str(build->arena, tree->string));
		break;
	case JSON_TREE_ARRAY: return json_build_set(build, tree, read_nested);
	case JSON_TREE_OBJECT: return read_object(build, tree);
	case JSON_TREE_NULL: return json_build_fail(build, tree->at, "null is not a value");
	case JSON_TREE_NUMBER:
		return json_build_fail(build, tree->at, "numbers must be integers of 64 bits");
	}
	return json_build_keep(build, expr);
}

static const struct expr *read_nested(struct json_build *build, const struct json_tree *tree)
{
	const struct expr *expr;

	if (!json_build_enter(build, tree))
		return NULL;
	expr = json_literal_read(build, tree);
	build->depth--;
	return expr;
}
