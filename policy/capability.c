/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/capability.h"

/* A member chain without its last steps: x.a.b is (x.a).b however it was written. */
struct member {
	const struct expr *expr;
	size_t steps;
};

static struct member member_of(const struct expr *expr)
{
	return (struct member){expr, expr->kind == EXPR_CHAIN ? expr->chain.count : 0};
}

static struct member member_peel(struct member m)
{
	while (m.expr->kind == EXPR_CHAIN && m.steps == 0)
		m = member_of(m.expr->chain.base);
	return m;
}

static bool same_lists(const struct expr_list *a, const struct expr_list *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (!expr_same(a->items[i], b->items[i]))
			return false;
	return true;
}

static bool same_steps(const struct expr_step *a, const struct expr_step *b)
{
	if (a->is_call != b->is_call)
		return false;
	if (a->is_call)
		return a->fn == b->fn && same_lists(&a->args, &b->args);
	return text_eq(&a->attr, &b->attr);
}

static bool same_sums(const struct expr *a, const struct expr *b)
{
	if (a->sum.count != b->sum.count)
		return false;
	for (size_t i = 0; i < a->sum.count; i++)
		if (a->sum.terms[i].is_minus != b->sum.terms[i].is_minus ||
		    !expr_same(a->sum.terms[i].expr, b->sum.terms[i].expr))
			return false;
	return true;
}

static bool same_has(const struct expr *a, const struct expr *b)
{
	if (a->has.count != b->has.count || !expr_same(a->has.left, b->has.left))
		return false;
	for (size_t i = 0; i < a->has.count; i++)
		if (!text_eq(&a->has.path[i], &b->has.path[i]))
			return false;
	return true;
}

static bool same_likes(const struct expr *a, const struct expr *b)
{
	const struct pattern *left = &a->like.pattern;
	const struct pattern *right = &b->like.pattern;

	if (left->count != right->count || !expr_same(a->like.left, b->like.left))
		return false;
	for (size_t i = 0; i < left->count; i++)
		if (!str_eq(left->pieces[i], right->pieces[i]))
			return false;
	return true;
}

static bool same_records(const struct expr *a, const struct expr *b)
{
	if (a->record.count != b->record.count)
		return false;
	for (size_t i = 0; i < a->record.count; i++)
		if (!text_eq(&a->record.keys[i], &b->record.keys[i]) ||
		    !expr_same(a->record.values[i], b->record.values[i]))
			return false;
	return true;
}

static bool same_is(const struct expr *a, const struct expr *b)
{
	if (!text_eq(&a->is.type, &b->is.type) || (a->is.in == NULL) != (b->is.in == NULL))
		return false;
	return expr_same(a->is.left, b->is.left) &&
	       (a->is.in == NULL || expr_same(a->is.in, b->is.in));
}

/* Of two nodes that are no chains. */
static bool same_nodes(const struct expr *a, const struct expr *b)
{
	if (a->kind != b->kind)
		return false;
	switch (a->kind) {
	case EXPR_VALUE: return value_eq(a->value, b->value);
	case EXPR_VAR: return a->var == b->var;
	case EXPR_NOT:
	case EXPR_NEG:
		return a->unary.count == b->unary.count && expr_same(a->unary.arg, b->unary.arg);
	case EXPR_IF:
		return expr_same(a->cond.test, b->cond.test) &&
		       expr_same(a->cond.then, b->cond.then) &&
		       expr_same(a->cond.other, b->cond.other);
	case EXPR_AND:
	case EXPR_OR:
	case EXPR_PRODUCT:
	case EXPR_SET: return same_lists(&a->list, &b->list);
	case EXPR_SUM: return same_sums(a, b);
	case EXPR_COMPARE:
		return a->compare.op == b->compare.op &&
		       expr_same(a->compare.left, b->compare.left) &&
		       expr_same(a->compare.right, b->compare.right);
	case EXPR_HAS: return same_has(a, b);
	case EXPR_LIKE: return same_likes(a, b);
	case EXPR_IS: return same_is(a, b);
	case EXPR_CALL: return a->call.fn == b->call.fn && same_lists(&a->call.args, &b->call.args);
	case EXPR_RECORD: return same_records(a, b);
	case EXPR_CHAIN: break;
	}
	return false;
}

bool expr_same(const struct expr *a, const struct expr *b)
{
	struct member left = member_peel(member_of(a));
	struct member right = member_peel(member_of(b));

	while (left.expr->kind == EXPR_CHAIN && right.expr->kind == EXPR_CHAIN) {
		if (left.expr == right.expr && left.steps == right.steps)
			return true;
		if (!same_steps(&left.expr->chain.steps[left.steps - 1],
				&right.expr->chain.steps[right.steps - 1]))
			return false;
		left.steps--;
		right.steps--;
		left = member_peel(left);
		right = member_peel(right);
	}
	return same_nodes(left.expr, right.expr);
}

static bool same_items(const struct capability *a, const struct capability *b)
{
	if ((a->tag == NULL) != (b->tag == NULL))
		return false;
	if (a->tag == NULL ? !text_eq(&a->attr, &b->attr) : !expr_same(a->tag, b->tag))
		return false;
	return expr_same(a->of, b->of);
}

bool capability_has(const struct capability_set *set, const struct capability *item)
{
	for (; set != NULL; set = set->next)
		if (same_items(&set->item, item))
			return true;
	return false;
}

const struct capability_set *capability_add(struct arena *arena, const struct capability_set *set,
					    const struct capability *item)
{
	size_t count = set == NULL ? 0 : set->count;
	struct capability_set *added;

	if (count >= CAPABILITY_MAX)
		return set;
	added = arena_alloc(arena, sizeof(*added));
	if (added == NULL)
		return set;
	*added = (struct capability_set){.next = set, .count = count + 1, .item = *item};
	return added;
}

const struct capability_set *capability_union(struct arena *arena, const struct capability_set *a,
					      const struct capability_set *b)
{
	if (a == NULL)
		return b;
	for (; b != NULL; b = b->next)
		a = capability_add(arena, a, &b->item);
	return a;
}

const struct capability_set *capability_common(struct arena *arena, const struct capability_set *a,
					       const struct capability_set *b)
{
	const struct capability_set *common = NULL;

	for (; a != NULL; a = a->next)
		if (capability_has(b, &a->item))
			common = capability_add(arena, common, &a->item);
	return common;
}
