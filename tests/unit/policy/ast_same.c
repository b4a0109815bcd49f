/* SPDX-License-Identifier: Apache-2.0 */
#include "ast_same.h"

static bool same_list(const struct expr_list *a, const struct expr_list *b)
{
	for (size_t i = 0; i < MIN(a->count, b->count); i++)
		if (!ast_same_expr(a->items[i], b->items[i]))
			return false;
	return a->count == b->count;
}

static bool same_sum(const struct expr *a, const struct expr *b)
{
	for (size_t i = 0; i < MIN(a->sum.count, b->sum.count); i++)
		if (a->sum.terms[i].is_minus != b->sum.terms[i].is_minus ||
		    !ast_same_expr(a->sum.terms[i].expr, b->sum.terms[i].expr))
			return false;
	return a->sum.count == b->sum.count;
}

static bool same_path(const struct expr *a, const struct expr *b)
{
	for (size_t i = 0; i < MIN(a->has.count, b->has.count); i++)
		if (!text_eq(&a->has.path[i], &b->has.path[i]))
			return false;
	return a->has.count == b->has.count && ast_same_expr(a->has.left, b->has.left);
}

static bool same_pattern(const struct pattern *a, const struct pattern *b)
{
	for (size_t i = 0; i < MIN(a->count, b->count); i++)
		if (!str_eq(a->pieces[i], b->pieces[i]))
			return false;
	return a->count == b->count;
}

static bool same_step(const struct expr_step *a, const struct expr_step *b)
{
	if (a->is_call != b->is_call)
		return false;
	if (a->is_call)
		return a->fn == b->fn && same_list(&a->args, &b->args);
	return text_eq(&a->attr, &b->attr);
}

static bool same_chain(const struct expr *a, const struct expr *b)
{
	for (size_t i = 0; i < MIN(a->chain.count, b->chain.count); i++)
		if (!same_step(&a->chain.steps[i], &b->chain.steps[i]))
			return false;
	return a->chain.count == b->chain.count && ast_same_expr(a->chain.base, b->chain.base);
}

static bool same_record(const struct expr *a, const struct expr *b)
{
	for (size_t i = 0; i < MIN(a->record.count, b->record.count); i++)
		if (!text_eq(&a->record.keys[i], &b->record.keys[i]) ||
		    !ast_same_expr(a->record.values[i], b->record.values[i]))
			return false;
	return a->record.count == b->record.count;
}

bool ast_same_expr(const struct expr *a, const struct expr *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	if (a->kind != b->kind)
		return false;
	switch (a->kind) {
	case EXPR_VALUE: return value_eq(a->value, b->value);
	case EXPR_VAR: return a->var == b->var;
	case EXPR_NOT:
	case EXPR_NEG:
		return a->unary.count == b->unary.count &&
		       ast_same_expr(a->unary.arg, b->unary.arg);
	case EXPR_IF:
		return ast_same_expr(a->cond.test, b->cond.test) &&
		       ast_same_expr(a->cond.then, b->cond.then) &&
		       ast_same_expr(a->cond.other, b->cond.other);
	case EXPR_AND:
	case EXPR_OR:
	case EXPR_PRODUCT:
	case EXPR_SET: return same_list(&a->list, &b->list);
	case EXPR_SUM: return same_sum(a, b);
	case EXPR_COMPARE:
		return a->compare.op == b->compare.op &&
		       ast_same_expr(a->compare.left, b->compare.left) &&
		       ast_same_expr(a->compare.right, b->compare.right);
	case EXPR_HAS: return same_path(a, b);
	case EXPR_LIKE:
		return same_pattern(&a->like.pattern, &b->like.pattern) &&
		       ast_same_expr(a->like.left, b->like.left);
	case EXPR_IS:
		return text_eq(&a->is.type, &b->is.type) && ast_same_expr(a->is.left, b->is.left) &&
		       ast_same_expr(a->is.in, b->is.in);
	case EXPR_CHAIN: return same_chain(a, b);
	case EXPR_CALL: return a->call.fn == b->call.fn && same_list(&a->call.args, &b->call.args);
	case EXPR_RECORD: return same_record(a, b);
	}
	return false;
}

static bool same_uid(const struct uid *a, const struct uid *b)
{
	return a == NULL || b == NULL ? a == b : uid_eq(a, b);
}

static bool same_scope(const struct scope *a, const struct scope *b)
{
	if (a->kind != b->kind || a->is_slot != b->is_slot || a->uid_count != b->uid_count)
		return false;
	for (size_t i = 0; i < a->uid_count; i++)
		if (!uid_eq(a->uids[i], b->uids[i]))
			return false;
	return str_eq(a->type.str, b->type.str) && same_uid(a->uid, b->uid);
}

static bool same_annotation(const struct policy_annotation *a, const struct policy_annotation *b)
{
	return str_eq(a->key, b->key) && str_eq(a->value, b->value) &&
	       str_is_set(a->value) == str_is_set(b->value);
}

bool ast_same_policy(const struct policy *a, const struct policy *b)
{
	if (a->is_forbid != b->is_forbid || !same_scope(&a->principal, &b->principal) ||
	    !same_scope(&a->action, &b->action) || !same_scope(&a->resource, &b->resource) ||
	    a->condition_count != b->condition_count || a->annotation_count != b->annotation_count)
		return false;
	for (size_t i = 0; i < a->annotation_count; i++)
		if (!same_annotation(&a->annotations[i], &b->annotations[i]))
			return false;
	for (size_t i = 0; i < a->condition_count; i++)
		if (a->conditions[i].is_unless != b->conditions[i].is_unless ||
		    !ast_same_expr(a->conditions[i].body, b->conditions[i].body))
			return false;
	return true;
}
