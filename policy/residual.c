/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/residual.h"

#include "policy/ext_text.h"

static const struct expr *value_expr(struct arena *arena, struct value value, uint32_t at,
				     unsigned depth);

static struct expr *new_expr(struct arena *arena, enum expr_kind kind, uint32_t at)
{
	struct expr *expr = arena_zalloc(arena, sizeof(*expr));

	if (expr == NULL)
		return NULL;
	expr->kind = kind;
	expr->at = at;
	return expr;
}

static const struct expr *with_constant(struct arena *arena, struct expr *expr, struct value value)
{
	struct value *constant = arena_alloc(arena, sizeof(*constant));

	if (constant == NULL)
		return NULL;
	*constant = value;
	expr->constant = constant;
	return expr;
}

static const struct expr *literal_expr(struct arena *arena, struct value value, uint32_t at)
{
	struct expr *expr = new_expr(arena, EXPR_VALUE, at);

	if (expr != NULL)
		expr->value = value;
	return expr;
}

static const struct expr *set_expr(struct arena *arena, struct value value, uint32_t at,
				   unsigned depth)
{
	size_t count = value.set->count;
	struct expr *expr = new_expr(arena, EXPR_SET, at);
	const struct expr **items = arena_array(arena, count, sizeof(*items));

	if (count > RESIDUAL_ITEMS || expr == NULL || items == NULL)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		items[i] = value_expr(arena, value.set->items[i], at, depth + 1);
		if (items[i] == NULL)
			return NULL;
	}
	expr->list.count = count;
	expr->list.items = items;
	return with_constant(arena, expr, value);
}

static const struct expr *record_expr(struct arena *arena, struct value value, uint32_t at,
				      unsigned depth)
{
	size_t count = value.record->count;
	struct expr *expr = new_expr(arena, EXPR_RECORD, at);
	const struct expr **values = arena_array(arena, count, sizeof(*values));
	struct text *keys = arena_array(arena, count, sizeof(*keys));

	if (count > RESIDUAL_ITEMS || expr == NULL || values == NULL || keys == NULL)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		keys[i] = *value.record->fields[i].key;
		values[i] = value_expr(arena, value.record->fields[i].value, at, depth + 1);
		if (values[i] == NULL)
			return NULL;
	}
	expr->record.count = count;
	expr->record.keys = keys;
	expr->record.values = values;
	return with_constant(arena, expr, value);
}

static const struct expr *call_expr(struct arena *arena, struct value value, uint32_t at)
{
	struct expr *expr = new_expr(arena, EXPR_CALL, at);
	const struct expr **arg = arena_array(arena, 1, sizeof(*arg));
	char text[EXT_TEXT_MAX];

	if (!ext_text(value, text) || expr == NULL || arg == NULL)
		return NULL;
	arg[0] = literal_expr(arena, value_string(arena, arena_str(arena, str_from_c(text))), at);
	if (arg[0] == NULL)
		return NULL;
	expr->call.fn = ext_constructor(value.kind);
	expr->call.args = (struct expr_list){1, arg};
	return with_constant(arena, expr, value);
}

static const struct expr *value_expr(struct arena *arena, struct value value, uint32_t at,
				     unsigned depth)
{
	if (depth > RESIDUAL_DEPTH)
		return NULL;
	switch (value.kind) {
	case VALUE_NONE: break;
	case VALUE_BOOL:
	case VALUE_LONG:
	case VALUE_STRING:
	case VALUE_ENTITY: return literal_expr(arena, value, at);
	case VALUE_SET: return set_expr(arena, value, at, depth);
	case VALUE_RECORD: return record_expr(arena, value, at, depth);
	case VALUE_DECIMAL:
	case VALUE_IP:
	case VALUE_DATETIME:
	case VALUE_DURATION: return call_expr(arena, value, at);
	}
	return NULL;
}

const struct expr *residual_of_value(struct arena *arena, struct value value, uint32_t at)
{
	return value_expr(arena, value, at, 0);
}

bool residual_is_bool(const struct expr *expr, bool b)
{
	return expr->kind == EXPR_VALUE && expr->value.kind == VALUE_BOOL &&
	       expr->value.boolean == b;
}

const struct expr *residual_join(struct arena *arena, enum expr_kind kind,
				 const struct expr *const *parts, size_t count)
{
	struct expr *expr = new_expr(arena, kind, parts[0]->at);
	const struct expr **items;
	size_t total = 0;
	size_t at = 0;

	if (count == 1)
		return parts[0];
	for (size_t i = 0; i < count; i++)
		total += parts[i]->kind == kind ? parts[i]->list.count : 1;
	items = arena_array(arena, total, sizeof(*items));
	if (expr == NULL || items == NULL)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		bool is_chain = parts[i]->kind == kind;

		for (size_t k = 0; is_chain && k < parts[i]->list.count; k++)
			items[at++] = parts[i]->list.items[k];
		if (!is_chain)
			items[at++] = parts[i];
	}
	expr->list.count = total;
	expr->list.items = items;
	return expr;
}

/* !(a && b) is !a || !b, also in what is looked at and what errs. */
static const struct expr *negate_chain(struct arena *arena, const struct expr *expr)
{
	size_t count = expr->list.count;
	const struct expr **parts = arena_array(arena, count, sizeof(*parts));

	if (parts == NULL)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		parts[i] = residual_negate(arena, expr->list.items[i]);
		if (parts[i] == NULL)
			return NULL;
	}
	return residual_join(arena, expr->kind == EXPR_AND ? EXPR_OR : EXPR_AND, parts, count);
}

/* False: the operator has no opposite. */
static bool opposite(enum expr_op op, enum expr_op *out)
{
	switch (op) {
	case OP_EQ: *out = OP_NE; return true;
	case OP_NE: *out = OP_EQ; return true;
	case OP_LT: *out = OP_GE; return true;
	case OP_LE: *out = OP_GT; return true;
	case OP_GT: *out = OP_LE; return true;
	case OP_GE: *out = OP_LT; return true;
	case OP_IN: break;
	}
	return false;
}

const struct expr *residual_negate(struct arena *arena, const struct expr *expr)
{
	struct expr *node = new_expr(arena, EXPR_NOT, expr->at);
	enum expr_op op;

	if (node == NULL)
		return NULL;
	if (expr->kind == EXPR_AND || expr->kind == EXPR_OR)
		return negate_chain(arena, expr);
	if (expr->kind == EXPR_NOT && expr->unary.count % 2 == 1)
		return expr->unary.arg;
	if (expr->kind == EXPR_NOT)
		return residual_negate(arena, expr->unary.arg);
	if (expr->kind == EXPR_COMPARE && opposite(expr->compare.op, &op)) {
		*node = *expr;
		node->compare.op = op;
		return node;
	}
	if (residual_is_bool(expr, true) || residual_is_bool(expr, false))
		return literal_expr(arena, value_bool(!expr->value.boolean), expr->at);
	node->unary.arg = expr;
	node->unary.count = 1;
	return node;
}
