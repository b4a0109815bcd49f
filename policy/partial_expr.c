/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operators. All alike: the parts first; an error of a part that is always
 * evaluated is the whole's; values alone are evaluated by eval.h, wrapped as
 * literals; else the node is built anew around what remains. && and || stop
 * early only where nothing before could err.
 */
#include "policy/partial_term.h"
#include "policy/residual.h"
#include "policy/type.h"

static const struct schema_type any_set = {.kind = SCHEMA_SET};

/* Terms of a list; NULL past the arena's cap. *out: TERM_VALUE when all are values, TERM_ERROR
 * when one is an error. */
static struct term *list_terms(struct partial *p, const struct expr *const *items, size_t count,
			       enum term_kind *out)
{
	struct term *terms = arena_array(p->eval.arena, count, sizeof(*terms));

	*out = terms == NULL ? TERM_ERROR : TERM_VALUE;
	for (size_t i = 0; terms != NULL && i < count && *out != TERM_ERROR; i++) {
		terms[i] = partial_term(p, items[i], false);
		if (terms[i].kind != TERM_VALUE)
			*out = terms[i].kind;
	}
	return terms;
}

/* As literals of any value to be evaluated, or as parts of a residual. */
static const struct expr *const *list_exprs(struct partial *p, const struct term *terms,
					    size_t count, bool as_literals)
{
	const struct expr **exprs = arena_array(p->eval.arena, count, sizeof(*exprs));
	struct expr *literals =
		arena_array(p->eval.arena, as_literals ? count : 0, sizeof(*literals));

	if (exprs == NULL || literals == NULL)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		if (as_literals)
			literals[i] = term_literal(terms[i].value);
		exprs[i] = as_literals ? &literals[i] : term_expr(p, &terms[i]);
	}
	return exprs;
}

static bool all_total(const struct term *terms, size_t count)
{
	bool is_total = true;

	for (size_t i = 0; i < count; i++)
		is_total &= terms[i].is_total;
	return is_total;
}

/* What is known of its type makes it an error: one part is not a Long. */
static bool has_other(struct partial *p, const struct term *terms, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (term_is_not(p, &terms[i], SCHEMA_LONG))
			return true;
	return false;
}

static struct term partial_product(struct partial *p, const struct expr *expr)
{
	size_t count = expr->list.count;
	enum term_kind kind;
	struct term *terms = list_terms(p, expr->list.items, count, &kind);
	struct expr *node = term_node(p, expr);

	if (kind == TERM_ERROR || node == NULL || has_other(p, terms, count))
		return term_error(expr);
	node->list.items = list_exprs(p, terms, count, kind == TERM_VALUE);
	if (node->list.items == NULL)
		return term_error(expr);
	return kind == TERM_VALUE ? term_fold(p, node, expr)
				  : term_residual(node, type_of_kind(SCHEMA_LONG), false);
}

static struct term partial_sum(struct partial *p, const struct expr *expr)
{
	size_t count = expr->sum.count;
	const struct expr **items = arena_array(p->eval.arena, count, sizeof(*items));
	struct expr_term *summands = arena_array(p->eval.arena, count, sizeof(*summands));
	struct expr *node = term_node(p, expr);
	const struct expr *const *exprs;
	struct term *terms;
	enum term_kind kind;

	if (items == NULL || summands == NULL || node == NULL)
		return term_error(expr);
	for (size_t i = 0; i < count; i++)
		items[i] = expr->sum.terms[i].expr;
	terms = list_terms(p, items, count, &kind);
	if (kind == TERM_ERROR || has_other(p, terms, count))
		return term_error(expr);
	exprs = list_exprs(p, terms, count, kind == TERM_VALUE);
	if (exprs == NULL)
		return term_error(expr);
	for (size_t i = 0; i < count; i++)
		summands[i] = (struct expr_term){exprs[i], expr->sum.terms[i].is_minus};
	node->sum.terms = summands;
	return kind == TERM_VALUE ? term_fold(p, node, expr)
				  : term_residual(node, type_of_kind(SCHEMA_LONG), false);
}

static struct term partial_set(struct partial *p, const struct expr *expr)
{
	size_t count = expr->list.count;
	enum term_kind kind;
	struct term *terms = list_terms(p, expr->list.items, count, &kind);
	struct expr *node = term_node(p, expr);

	if (kind == TERM_ERROR || node == NULL)
		return term_error(expr);
	node->list.items = list_exprs(p, terms, count, kind == TERM_VALUE);
	if (node->list.items == NULL)
		return term_error(expr);
	return kind == TERM_VALUE ? term_fold(p, node, expr)
				  : term_residual(node, &any_set, all_total(terms, count));
}

static struct term partial_record(struct partial *p, const struct expr *expr)
{
	size_t count = expr->record.count;
	enum term_kind kind;
	struct term *terms = list_terms(p, expr->record.values, count, &kind);
	struct expr *node = term_node(p, expr);

	if (kind == TERM_ERROR || node == NULL)
		return term_error(expr);
	node->record.values = list_exprs(p, terms, count, kind == TERM_VALUE);
	if (node->record.values == NULL)
		return term_error(expr);
	if (kind == TERM_VALUE)
		return term_fold(p, node, expr);
	return term_residual(node, type_of_kind(SCHEMA_RECORD), all_total(terms, count));
}

static struct term partial_neg(struct partial *p, const struct expr *expr)
{
	struct term arg = partial_term(p, expr->unary.arg, false);
	struct expr literal = term_literal(arg.value);
	struct expr folded = *expr;
	struct expr *node;

	if (arg.kind == TERM_ERROR || term_is_not(p, &arg, SCHEMA_LONG))
		return term_error(expr);
	folded.unary.arg = &literal;
	if (arg.kind == TERM_VALUE)
		return term_fold(p, &folded, expr);
	node = term_node(p, expr);
	if (node == NULL)
		return term_error(expr);
	node->unary.arg = arg.expr;
	return term_residual(node, type_of_kind(SCHEMA_LONG), false);
}

/* Where anything but a Bool is an error anyhow, the not moves inwards and reads better. */
struct term partial_not(struct partial *p, const struct expr *origin, struct term arg,
			unsigned count, bool is_condition)
{
	const struct schema_type *type = type_of_kind(SCHEMA_BOOL);
	bool is_odd = count % 2 == 1;
	const struct expr *inner;
	struct expr *node;
	bool is_total;

	arg = term_as_bool(arg);
	if (arg.kind == TERM_ERROR)
		return term_error(origin);
	if (arg.kind == TERM_VALUE)
		return term_value(value_bool(arg.value.boolean != is_odd), origin);
	is_total = arg.is_total && term_kind_of(p, &arg) == SCHEMA_BOOL;
	if (is_condition) {
		inner = is_odd ? residual_negate(p->eval.arena, arg.expr) : arg.expr;
		return inner == NULL ? term_error(origin) : term_residual(inner, type, is_total);
	}
	node = term_node(p, origin);
	if (node == NULL)
		return term_error(origin);
	node->kind = EXPR_NOT;
	node->unary.arg = arg.expr;
	node->unary.count = is_odd ? 1 : 2;
	return term_residual(node, type, is_total);
}

static bool same_bool(const struct term *term, bool b)
{
	return term->kind == TERM_VALUE && term->value.kind == VALUE_BOOL &&
	       term->value.boolean == b;
}

static struct term if_residual(struct partial *p, const struct expr *expr, const struct term *test,
			       const struct term *then, const struct term *other)
{
	enum schema_kind kind = term_kind_of(p, then);
	const struct schema_type *type = NULL;
	struct expr *node = term_node(p, expr);
	struct term term;

	if (node == NULL)
		return term_error(expr);
	if (then->kind == TERM_RESIDUAL && other->kind == TERM_RESIDUAL &&
	    then->type == other->type)
		type = then->type;
	else if (kind == SCHEMA_BOOL && term_kind_of(p, other) == SCHEMA_BOOL)
		type = type_of_kind(SCHEMA_BOOL);
	node->cond.test = test->expr;
	node->cond.then = term_expr(p, then);
	node->cond.other = term_expr(p, other);
	term = term_residual(node, type,
			     test->is_total && then->is_total && other->is_total &&
				     term_kind_of(p, test) == SCHEMA_BOOL);
	term.is_never_true = (then->is_never_true || same_bool(then, false)) &&
			     (other->is_never_true || same_bool(other, false));
	return term;
}

static struct term partial_if(struct partial *p, const struct expr *expr, bool is_condition)
{
	struct term test = term_as_bool(partial_term(p, expr->cond.test, true));
	struct term then, other;
	bool is_sure;

	if (test.kind == TERM_ERROR)
		return term_error(expr);
	if (test.kind == TERM_VALUE)
		return partial_term(p, test.value.boolean ? expr->cond.then : expr->cond.other,
				    is_condition);
	then = partial_term(p, expr->cond.then, is_condition);
	other = partial_term(p, expr->cond.other, is_condition);
	if (is_condition) {
		then = term_as_bool(then);
		other = term_as_bool(other);
	}
	is_sure = term_kind_of(p, &test) == SCHEMA_BOOL;
	if (then.kind == TERM_ERROR && other.kind == TERM_ERROR)
		return term_error(expr);
	if (then.kind == TERM_VALUE && other.kind == TERM_VALUE && test.is_total && is_sure &&
	    value_eq(then.value, other.value))
		return then;
	if (same_bool(&then, true) && same_bool(&other, false) && (is_sure || is_condition))
		return test;
	if (same_bool(&then, false) && same_bool(&other, true))
		return partial_not(p, expr, test, 1, is_condition);
	return if_residual(p, expr, &test, &then, &other);
}

void term_logic_push(struct term_logic *logic, struct term term)
{
	struct partial *p = logic->partial;

	if (logic->is_ended)
		return;
	term = term_as_bool(term);
	if (term.kind == TERM_VALUE && term.value.boolean != logic->stop)
		return;
	logic->is_settled = term.kind == TERM_VALUE && logic->is_total;
	logic->is_ended = term.kind != TERM_RESIDUAL;
	logic->is_total &=
		term.kind == TERM_VALUE || (term.is_total && term_kind_of(p, &term) == SCHEMA_BOOL);
	logic->terms[logic->count++] = term;
}

/* Of &&: one that is never true is enough. Of ||: all must be. */
static bool is_never_true(const struct term_logic *logic)
{
	bool stop = logic->stop;
	bool is_never = stop;

	for (size_t i = 0; i < logic->count; i++) {
		const struct term *term = &logic->terms[i];
		bool is_so =
			term->kind == TERM_ERROR || term->is_never_true || same_bool(term, false);

		is_never = stop ? is_never && is_so : is_never || is_so;
	}
	return is_never;
}

/* Also what stops the chain is written: `context.x && false` may err. */
static const struct expr *logic_expr(const struct term_logic *logic, bool is_padded)
{
	static const struct expr literals[] = {
		{.kind = EXPR_VALUE, .value = {.kind = VALUE_BOOL, .boolean = false}},
		{.kind = EXPR_VALUE, .value = {.kind = VALUE_BOOL, .boolean = true}},
	};
	struct arena *arena = logic->partial->eval.arena;
	const struct expr **parts = arena_array(arena, logic->count + 1, sizeof(*parts));
	size_t count = logic->count;

	if (parts == NULL)
		return NULL;
	for (size_t i = 0; i < count; i++)
		parts[i] = logic->terms[i].kind == TERM_VALUE ? &literals[logic->stop]
							      : logic->terms[i].expr;
	if (is_padded)
		parts[count++] = &literals[!logic->stop];
	return residual_join(arena, logic->stop ? EXPR_OR : EXPR_AND, parts, count);
}

struct term term_logic_end(const struct term_logic *logic, const struct expr *origin,
			   bool is_condition)
{
	const struct schema_type *type = type_of_kind(SCHEMA_BOOL);
	const struct term *first = &logic->terms[0];
	const struct expr *expr;
	struct term term;
	bool is_bool;

	if (logic->count == 0 || logic->is_settled)
		return term_value(value_bool(logic->stop == logic->is_settled), origin);
	if (first->kind == TERM_ERROR)
		return term_error(origin);
	is_bool = is_condition || term_kind_of(logic->partial, first) == SCHEMA_BOOL;
	if (logic->count == 1 && is_bool)
		return *first;
	expr = logic_expr(logic, logic->count == 1);
	if (expr == NULL)
		return term_error(origin);
	term = term_residual(expr, type, logic->is_total);
	term.is_never_true = is_never_true(logic);
	return term;
}

static struct term partial_logic(struct partial *p, const struct expr *expr, bool is_condition)
{
	struct term_logic logic = {.partial = p, .stop = expr->kind == EXPR_OR, .is_total = true};

	logic.terms = arena_array(p->eval.arena, expr->list.count, sizeof(*logic.terms));
	if (logic.terms == NULL)
		return term_error(expr);
	for (size_t i = 0; i < expr->list.count && !logic.is_ended; i++)
		term_logic_push(&logic, partial_term(p, expr->list.items[i], true));
	return term_logic_end(&logic, expr, is_condition);
}

/* May what it is in depend on what is not known: itself, or something that it is below? */
static bool is_open_below(const struct partial *p, struct value value)
{
	const struct entity *entity;

	if (value.kind != VALUE_ENTITY)
		return false;
	if (partial_is_open(p, value.uid))
		return true;
	entity = eval_entity(&p->eval, value.uid);
	for (size_t i = 0; entity != NULL && i < entity->ancestor_count; i++)
		if (partial_is_open(p, entity->ancestors[i].uid))
			return true;
	/* The overlay's, and of all that is below it. */
	for (size_t i = 0; i < p->eval.overlay_ref_count; i++)
		if (partial_is_open(p, p->eval.overlay_refs[i].uid))
			return true;
	return false;
}

static bool has_order(enum schema_kind kind)
{
	return kind == SCHEMA_LONG || kind == SCHEMA_DATETIME || kind == SCHEMA_DURATION;
}

/* Values of these two are never equal. */
static bool are_disjoint(struct partial *p, const struct term *left, const struct term *right)
{
	enum schema_kind a = term_kind_of(p, left);
	enum schema_kind b = term_kind_of(p, right);
	struct str left_name, right_name;

	if (a == SCHEMA_NAME || b == SCHEMA_NAME)
		return false;
	if (a != b || a != SCHEMA_ENTITY)
		return a != b;
	left_name = term_type(p, left)->name;
	right_name = term_type(p, right)->name;
	return left_name.ptr != NULL && right_name.ptr != NULL && !str_eq(left_name, right_name);
}

static bool are_entities(const struct value_set *set)
{
	for (size_t i = 0; i < set->count; i++)
		if (set->items[i].kind != VALUE_ENTITY)
			return false;
	return true;
}

/* Left can be below the right by the types that the schema lets it be in. */
static bool may_be_below(struct partial *p, const struct term *left, const struct term *right)
{
	const struct schema_type *type = term_type(p, left);

	if (p->schema == NULL || right->kind != TERM_VALUE || right->value.kind != VALUE_ENTITY ||
	    type == NULL || type->name.ptr == NULL ||
	    schema_find_entity(p->schema, type->name) == NULL)
		return true;
	return type_is_below(p->schema, p->eval.arena, type->name, right->value.uid->type);
}

enum answer_of_types {
	TYPES_ERR,   /* it is always an error */
	TYPES_FALSE, /* it is false */
	TYPES_OPEN,  /* it may err */
	TYPES_TOTAL, /* it cannot */
};

static enum answer_of_types in_types(struct partial *p, const struct term *left,
				     const struct term *right)
{
	const struct schema_type *type = term_type(p, right);
	enum schema_kind kind = term_kind_of(p, right);
	bool is_total = left->is_total && right->is_total;

	if (term_is_not(p, left, SCHEMA_ENTITY) ||
	    (kind != SCHEMA_NAME && kind != SCHEMA_ENTITY && kind != SCHEMA_SET))
		return TYPES_ERR;
	if (right->kind == TERM_VALUE && kind == SCHEMA_SET && !are_entities(right->value.set))
		return TYPES_ERR;
	if (term_kind_of(p, left) != SCHEMA_ENTITY || !is_total)
		return TYPES_OPEN;
	if (!may_be_below(p, left, right))
		return TYPES_FALSE;
	if (right->kind == TERM_VALUE || kind == SCHEMA_ENTITY)
		return TYPES_TOTAL;
	return kind == SCHEMA_SET && type->element != NULL &&
			       schema_real_type(type->element)->kind == SCHEMA_ENTITY
		       ? TYPES_TOTAL
		       : TYPES_OPEN;
}

static enum answer_of_types compare_types(struct partial *p, enum expr_op op,
					  const struct term *left, const struct term *right)
{
	enum schema_kind a = term_kind_of(p, left);
	enum schema_kind b = term_kind_of(p, right);
	bool is_total = left->is_total && right->is_total;

	if (op == OP_IN)
		return in_types(p, left, right);
	if (op == OP_EQ || op == OP_NE) {
		if (is_total && are_disjoint(p, left, right))
			return TYPES_FALSE;
		return is_total ? TYPES_TOTAL : TYPES_OPEN;
	}
	if ((a != SCHEMA_NAME && !has_order(a)) || (b != SCHEMA_NAME && !has_order(b)))
		return TYPES_ERR;
	if (a == SCHEMA_NAME || b == SCHEMA_NAME)
		return TYPES_OPEN;
	if (a != b)
		return TYPES_ERR;
	return is_total ? TYPES_TOTAL : TYPES_OPEN;
}

static struct term compare_terms(struct partial *p, const struct expr *origin, enum expr_op op,
				 const struct term *left, const struct term *right)
{
	struct expr literals[] = {term_literal(left->value), term_literal(right->value)};
	struct expr folded = {.kind = EXPR_COMPARE, .at = origin->at};
	enum answer_of_types answer;
	struct expr *node;

	if (left->kind == TERM_ERROR || right->kind == TERM_ERROR)
		return term_error(origin);
	folded.compare.op = op;
	folded.compare.left = &literals[0];
	folded.compare.right = &literals[1];
	if (left->kind == TERM_VALUE && right->kind == TERM_VALUE &&
	    !(op == OP_IN && is_open_below(p, left->value)))
		return term_fold(p, &folded, origin);
	answer = compare_types(p, op, left, right);
	if (answer == TYPES_ERR)
		return term_error(origin);
	if (answer == TYPES_FALSE)
		return term_value(value_bool(op == OP_NE), origin);
	node = term_node(p, &folded);
	if (node == NULL)
		return term_error(origin);
	node->compare.left = term_expr(p, left);
	node->compare.right = term_expr(p, right);
	return term_residual(node, type_of_kind(SCHEMA_BOOL), answer == TYPES_TOTAL);
}

static struct term partial_compare(struct partial *p, const struct expr *expr)
{
	struct term left = partial_term(p, expr->compare.left, false);
	struct term right = partial_term(p, expr->compare.right, false);

	return compare_terms(p, expr, expr->compare.op, &left, &right);
}

static struct term partial_like(struct partial *p, const struct expr *expr)
{
	struct term left = partial_term(p, expr->like.left, false);
	struct expr literal = term_literal(left.value);
	struct expr folded = *expr;
	struct expr *node;

	if (left.kind == TERM_ERROR || term_is_not(p, &left, SCHEMA_STRING))
		return term_error(expr);
	folded.like.left = &literal;
	if (left.kind == TERM_VALUE)
		return term_fold(p, &folded, expr);
	node = term_node(p, expr);
	if (node == NULL)
		return term_error(expr);
	node->like.left = left.expr;
	return term_residual(node, type_of_kind(SCHEMA_BOOL),
			     left.is_total && term_kind_of(p, &left) == SCHEMA_STRING);
}

/* The type is settled (or left is not known enough to settle it): what of `in` remains. */
static struct term is_residual(struct partial *p, const struct expr *expr, const struct term *left)
{
	bool is_total = left->is_total && term_kind_of(p, left) == SCHEMA_ENTITY;
	struct expr *node = term_node(p, expr);

	if (node == NULL)
		return term_error(expr);
	node->is.left = term_expr(p, left);
	if (expr->is.in != NULL) {
		struct term in = partial_term(p, expr->is.in, false);

		node->is.in = term_expr(p, &in);
		is_total = is_total && in_types(p, left, &in) == TYPES_TOTAL;
	}
	return term_residual(node, type_of_kind(SCHEMA_BOOL), is_total);
}

static struct term partial_is(struct partial *p, const struct expr *expr)
{
	struct term left = partial_term(p, expr->is.left, false);
	const struct schema_type *type;
	struct term right;

	if (left.kind == TERM_ERROR || term_is_not(p, &left, SCHEMA_ENTITY))
		return term_error(expr);
	type = term_type(p, &left);
	if (!left.is_total || type == NULL || type->name.ptr == NULL)
		return is_residual(p, expr, &left);
	if (!str_eq(type->name, expr->is.type.str))
		return term_value(value_bool(false), expr);
	if (expr->is.in == NULL)
		return term_value(value_bool(true), expr);
	right = partial_term(p, expr->is.in, false);
	return compare_terms(p, expr, OP_IN, &left, &right);
}

static struct term partial_var(struct partial *p, const struct expr *expr)
{
	const struct uid *uid = NULL;

	switch (expr->var) {
	case VAR_PRINCIPAL: uid = p->request->principal.uid; break;
	case VAR_ACTION: uid = p->request->action.uid; break;
	case VAR_RESOURCE: uid = p->request->resource.uid; break;
	case VAR_CONTEXT:
		if (partial_has_whole_context(p))
			return term_value(p->eval.context, expr);
		break;
	}
	if (uid != NULL)
		return term_value(value_entity(uid), expr);
	return term_residual(expr, p->types[expr->var], true);
}

struct term partial_term(struct partial *p, const struct expr *expr, bool is_condition)
{
	if (expr->constant != NULL)
		return term_value(*expr->constant, expr);
	switch (expr->kind) {
	case EXPR_VALUE: return term_value(expr->value, expr);
	case EXPR_VAR: return partial_var(p, expr);
	case EXPR_NOT:
		return partial_not(p, expr, partial_term(p, expr->unary.arg, true),
				   expr->unary.count, is_condition);
	case EXPR_NEG: return partial_neg(p, expr);
	case EXPR_IF: return partial_if(p, expr, is_condition);
	case EXPR_AND:
	case EXPR_OR: return partial_logic(p, expr, is_condition);
	case EXPR_SUM: return partial_sum(p, expr);
	case EXPR_PRODUCT: return partial_product(p, expr);
	case EXPR_COMPARE: return partial_compare(p, expr);
	case EXPR_HAS: return partial_has(p, expr);
	case EXPR_LIKE: return partial_like(p, expr);
	case EXPR_IS: return partial_is(p, expr);
	case EXPR_CHAIN: return partial_chain(p, expr);
	case EXPR_CALL: return partial_call(p, expr);
	case EXPR_SET: return partial_set(p, expr);
	case EXPR_RECORD: return partial_record(p, expr);
	}
	return term_error(expr);
}
