/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chains are one node each as parsed, comparisons stand as they were written.
 * A view is a part of such a node that would be a node of its own in a tree of
 * operators with at most three operands; opened, it has an operator and views
 * of its operands. The first operand is followed by a loop: chains lean left.
 */
#include "policy/same.h"

enum part {
	PART_WHOLE,
	PART_PREFIX,   /* the first `count` of a chain: items, terms, steps, signs, tests of has */
	PART_POSITIVE, /* of != > >=: what the `!` stands before */
	PART_IS,       /* of is .. in: each half */
	PART_IN,
	PART_HAS,  /* of has a.b.c: the test number `count` alone */
	PART_PATH, /* of has a.b.c: what is before the attribute number `count` */
};

struct view {
	const struct expr *expr;
	enum part part;
	size_t count;
};

enum shape {
	SHAPE_VALUE,
	SHAPE_VAR,
	SHAPE_NOT,
	SHAPE_NEG,
	SHAPE_IF,
	SHAPE_AND,
	SHAPE_OR,
	SHAPE_PLUS,
	SHAPE_MINUS,
	SHAPE_TIMES,
	SHAPE_EQUAL,
	SHAPE_LESS,
	SHAPE_LESS_EQUAL,
	SHAPE_IN,
	SHAPE_HAS,    /* name */
	SHAPE_LIKE,   /* expr */
	SHAPE_IS,     /* name */
	SHAPE_ATTR,   /* name */
	SHAPE_METHOD, /* fn, args */
	SHAPE_CALL,   /* fn, args */
	SHAPE_SET,    /* args */
	SHAPE_RECORD, /* expr */
};

struct node {
	enum shape shape;
	const struct expr *expr;
	const struct text *name;
	enum fn_id fn;
	const struct expr_list *args;
	size_t count; /* of operands */
	struct view operands[3];
};

static struct view whole(const struct expr *expr)
{
	return (struct view){expr, PART_WHOLE, 0};
}

static struct view part_of(const struct expr *expr, enum part part, size_t count)
{
	return (struct view){expr, part, count};
}

static struct node node_of(enum shape shape, const struct expr *expr)
{
	return (struct node){.shape = shape, .expr = expr};
}

static struct node node_one(enum shape shape, struct view operand)
{
	return (struct node){
		.shape = shape, .expr = operand.expr, .count = 1, .operands = {operand}};
}

static struct node node_two(enum shape shape, struct view left, struct view right)
{
	return (struct node){
		.shape = shape, .expr = left.expr, .count = 2, .operands = {left, right}};
}

static struct node node_named(enum shape shape, const struct text *name, struct view operand)
{
	struct node node = node_one(shape, operand);

	node.name = name;
	return node;
}

/* How many of a chain the view has. */
static size_t length_of(struct view view)
{
	const struct expr *expr = view.expr;

	if (view.part == PART_PREFIX)
		return view.count;
	switch ((unsigned)expr->kind) {
	case EXPR_NOT:
	case EXPR_NEG: return expr->unary.count;
	case EXPR_AND:
	case EXPR_OR:
	case EXPR_PRODUCT: return expr->list.count;
	case EXPR_SUM: return expr->sum.count;
	case EXPR_CHAIN: return expr->chain.count;
	default: return 0;
	}
}

/* A chain of none or one is what it begins with. */
static struct view peel(struct view view)
{
	for (;;) {
		const struct expr *expr = view.expr;
		size_t length = length_of(view);

		if (view.part == PART_PATH && view.count == 0)
			view = whole(expr->has.left);
		else if ((expr->kind == EXPR_NOT || expr->kind == EXPR_NEG) && length == 0)
			view = whole(expr->unary.arg);
		else if (expr->kind == EXPR_CHAIN && length == 0)
			view = whole(expr->chain.base);
		else if ((expr->kind == EXPR_AND || expr->kind == EXPR_OR ||
			  expr->kind == EXPR_PRODUCT) &&
			 length == 1)
			view = whole(expr->list.items[0]);
		else if (expr->kind == EXPR_SUM && length == 1)
			view = whole(expr->sum.terms[0].expr);
		else
			return view;
	}
}

static struct node open_compare(struct view view)
{
	static const enum shape shapes[] = {
		[OP_EQ] = SHAPE_EQUAL,	    [OP_NE] = SHAPE_EQUAL,	[OP_LT] = SHAPE_LESS,
		[OP_LE] = SHAPE_LESS_EQUAL, [OP_GT] = SHAPE_LESS_EQUAL, [OP_GE] = SHAPE_LESS,
		[OP_IN] = SHAPE_IN,
	};
	const struct expr *expr = view.expr;
	enum expr_op op = expr->compare.op;

	if (view.part == PART_WHOLE && (op == OP_NE || op == OP_GT || op == OP_GE))
		return node_one(SHAPE_NOT, part_of(expr, PART_POSITIVE, 0));
	return node_two(shapes[op], whole(expr->compare.left), whole(expr->compare.right));
}

static struct node open_has(struct view view)
{
	const struct expr *expr = view.expr;
	size_t count = view.part == PART_WHOLE ? expr->has.count : view.count;

	if (view.part == PART_PATH)
		return node_named(SHAPE_ATTR, &expr->has.path[count - 1],
				  part_of(expr, PART_PATH, count - 1));
	if (view.part == PART_HAS || count == 1)
		return node_named(SHAPE_HAS, &expr->has.path[count - 1],
				  part_of(expr, PART_PATH, count - 1));
	return node_two(SHAPE_AND, part_of(expr, PART_PREFIX, count - 1),
			part_of(expr, PART_HAS, count));
}

static struct node open_is(struct view view)
{
	const struct expr *expr = view.expr;

	if (view.part == PART_IN)
		return node_two(SHAPE_IN, whole(expr->is.left), whole(expr->is.in));
	if (view.part == PART_WHOLE && expr->is.in != NULL)
		return node_two(SHAPE_AND, part_of(expr, PART_IS, 0), part_of(expr, PART_IN, 0));
	return node_named(SHAPE_IS, &expr->is.type, whole(expr->is.left));
}

static struct node open_chain(struct view view)
{
	const struct expr *expr = view.expr;
	size_t last = length_of(view) - 1;
	struct view before = part_of(expr, PART_PREFIX, last);
	const struct expr_step *step;
	struct node node;

	if (expr->kind == EXPR_SUM)
		return node_two(expr->sum.terms[last].is_minus ? SHAPE_MINUS : SHAPE_PLUS, before,
				whole(expr->sum.terms[last].expr));
	if (expr->kind != EXPR_CHAIN)
		return node_two(expr->kind == EXPR_AND	? SHAPE_AND
				: expr->kind == EXPR_OR ? SHAPE_OR
							: SHAPE_TIMES,
				before, whole(expr->list.items[last]));
	step = &expr->chain.steps[last];
	if (!step->is_call)
		return node_named(SHAPE_ATTR, &step->attr, before);
	node = node_one(SHAPE_METHOD, before);
	node.fn = step->fn;
	node.args = &step->args;
	return node;
}

static struct node open_view(struct view view)
{
	const struct expr *expr = view.expr;
	struct node node = node_of(SHAPE_VALUE, expr);

	switch (expr->kind) {
	case EXPR_VALUE: break;
	case EXPR_VAR: node.shape = SHAPE_VAR; break;
	case EXPR_NOT: return node_one(SHAPE_NOT, part_of(expr, PART_PREFIX, length_of(view) - 1));
	case EXPR_NEG: return node_one(SHAPE_NEG, part_of(expr, PART_PREFIX, length_of(view) - 1));
	case EXPR_IF:
		node = node_two(SHAPE_IF, whole(expr->cond.test), whole(expr->cond.then));
		node.operands[node.count++] = whole(expr->cond.other);
		break;
	case EXPR_AND:
	case EXPR_OR:
	case EXPR_SUM:
	case EXPR_PRODUCT:
	case EXPR_CHAIN: return open_chain(view);
	case EXPR_COMPARE: return open_compare(view);
	case EXPR_HAS: return open_has(view);
	case EXPR_IS: return open_is(view);
	case EXPR_LIKE:
		node = node_one(SHAPE_LIKE, whole(expr->like.left));
		node.expr = expr;
		break;
	case EXPR_CALL:
		node.shape = SHAPE_CALL;
		node.fn = expr->call.fn;
		node.args = &expr->call.args;
		break;
	case EXPR_SET:
		node.shape = SHAPE_SET;
		node.args = &expr->list;
		break;
	case EXPR_RECORD: node.shape = SHAPE_RECORD; break;
	}
	return node;
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

static bool same_patterns(const struct pattern *a, const struct pattern *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (!str_eq(a->pieces[i], b->pieces[i]))
			return false;
	return true;
}

/* In any order; no key stands twice. */
static bool same_records(const struct expr *a, const struct expr *b)
{
	if (a->record.count != b->record.count)
		return false;
	for (size_t i = 0; i < a->record.count; i++) {
		size_t k = 0;

		while (k < b->record.count && !text_eq(&a->record.keys[i], &b->record.keys[k]))
			k++;
		if (k == b->record.count || !expr_same(a->record.values[i], b->record.values[k]))
			return false;
	}
	return true;
}

/* But for the operands. */
static bool same_nodes(const struct node *a, const struct node *b)
{
	if (a->shape != b->shape)
		return false;
	if (a->shape == SHAPE_VALUE)
		return value_eq(a->expr->value, b->expr->value);
	if (a->shape == SHAPE_VAR)
		return a->expr->var == b->expr->var;
	if (a->shape == SHAPE_LIKE)
		return same_patterns(&a->expr->like.pattern, &b->expr->like.pattern);
	if (a->shape == SHAPE_RECORD)
		return same_records(a->expr, b->expr);
	if (a->name != NULL)
		return text_eq(a->name, b->name);
	return a->args == NULL || (a->fn == b->fn && same_lists(a->args, b->args));
}

static bool same_views(struct view left, struct view right)
{
	for (;;) {
		struct node a, b;

		left = peel(left);
		right = peel(right);
		if (left.expr == right.expr && left.part == right.part && left.count == right.count)
			return true;
		a = open_view(left);
		b = open_view(right);
		if (!same_nodes(&a, &b))
			return false;
		for (size_t i = 1; i < a.count; i++)
			if (!same_views(a.operands[i], b.operands[i]))
				return false;
		if (a.count == 0)
			return true;
		left = a.operands[0];
		right = b.operands[0];
	}
}

bool expr_same(const struct expr *a, const struct expr *b)
{
	return same_views(whole(a), whole(b));
}
