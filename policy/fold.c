/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/fold.h"

#include "policy/ext.h"

/* The value of a node that is a literal or was found constant; NULL for any other. */
static const struct value *constant_of(const struct expr *expr)
{
	return expr->kind == EXPR_VALUE ? &expr->value : expr->constant;
}

static const struct value *value_keep(struct arena *arena, struct value value)
{
	struct value *kept = value.kind == VALUE_NONE ? NULL : arena_alloc(arena, sizeof(*kept));

	if (kept != NULL)
		*kept = value;
	return kept;
}

static struct value fold_call(struct arena *arena, enum fn_id fn, const struct expr_list *args)
{
	const struct value *arg = args->count == 1 ? constant_of(args->items[0]) : NULL;
	struct value out = {.kind = VALUE_NONE};
	bool is_good = false;

	if (arg == NULL || arg->kind != VALUE_STRING)
		return out;
	if (fn == FN_IP)
		return value_ip(arena, arg->text->str);
	if (fn == FN_DECIMAL) {
		is_good = ext_decimal_parse(arg->text->str, &out.number);
		out.kind = VALUE_DECIMAL;
	} else if (fn == FN_DATETIME) {
		is_good = ext_datetime_parse(arg->text->str, &out.number);
		out.kind = VALUE_DATETIME;
	} else if (fn == FN_DURATION) {
		is_good = ext_duration_parse(arg->text->str, &out.number);
		out.kind = VALUE_DURATION;
	}
	return is_good ? out : value_none();
}

static struct value fold_set(struct arena *arena, const struct expr_list *list)
{
	struct arena_mark mark = arena_mark(arena);
	struct value *values = arena_array(arena, list->count, sizeof(*values));

	for (size_t i = 0; values != NULL && i < list->count; i++) {
		const struct value *constant = constant_of(list->items[i]);

		if (constant == NULL) {
			arena_rewind(arena, mark);
			return value_none();
		}
		values[i] = *constant;
	}
	return values == NULL ? value_none() : value_set(arena, values, list->count);
}

void fold_expr(struct arena *arena, struct expr *expr)
{
	if (expr->kind == EXPR_CALL)
		expr->constant =
			value_keep(arena, fold_call(arena, expr->call.fn, &expr->call.args));
	else if (expr->kind == EXPR_SET)
		expr->constant = value_keep(arena, fold_set(arena, &expr->list));
}
