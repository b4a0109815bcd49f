/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attributes, methods, constructors and `has`. A chain is walked while it is
 * known, from where it is not the steps are kept:
 *
 *     principal.manager.level.contains(context.x)     principal is known
 *     `---- values ---------'`--- kept: [..].contains(context.x)
 */
#include "policy/partial_term.h"
#include "policy/type.h"

/* Of the context, by name. */
static struct term context_attr(struct partial *p, const struct expr *origin,
				const struct text *name, bool *out_may_be_absent)
{
	const struct partial_request *request = p->request;
	struct value known = value_record_get(p->eval.context.record, name);

	*out_may_be_absent = false;
	if (known.kind != VALUE_NONE)
		return term_value(known, origin);
	for (size_t i = 0; i < request->unknown_count; i++) {
		const struct partial_unknown *unknown = &request->unknowns[i];

		if (!text_eq(&unknown->name, name))
			continue;
		*out_may_be_absent = unknown->may_be_absent;
		return term_residual(origin, unknown->type, !unknown->may_be_absent);
	}
	*out_may_be_absent = true;
	return request->is_context_open ? term_residual(origin, NULL, false) : term_error(origin);
}

static bool is_part_of_context(const struct partial *p, const struct expr *expr)
{
	return expr->kind == EXPR_VAR && expr->var == VAR_CONTEXT && !partial_has_whole_context(p);
}

enum attr_known {
	ATTR_UNKNOWN, /* the type says nothing */
	ATTR_NONE,    /* it has no attributes at all */
	ATTR_ABSENT,  /* it has others */
	ATTR_OPTIONAL,
	ATTR_REQUIRED,
};

/* What the type says of an attribute. An entity of which the type is known may still not be there,
 * so that its attributes are optional. */
static enum attr_known type_attr(const struct partial *p, const struct schema_type *type,
				 const struct text *name, const struct schema_type **out)
{
	const struct schema_type *record = type;
	const struct schema_entity *entity;
	const struct schema_attr *attr;

	*out = NULL;
	if (type == NULL || type == type_of_kind(SCHEMA_RECORD))
		return ATTR_UNKNOWN;
	if (type->kind == SCHEMA_ENTITY) {
		entity = p->schema == NULL || type->name.ptr == NULL
				 ? NULL
				 : schema_find_entity(p->schema, type->name);
		if (entity == NULL)
			return ATTR_UNKNOWN;
		if (entity->shape == NULL)
			return ATTR_ABSENT;
		record = schema_real_type(entity->shape);
	}
	if (record->kind != SCHEMA_RECORD)
		return ATTR_NONE;
	attr = type_find_attr(record, name);
	if (attr == NULL)
		return ATTR_ABSENT;
	*out = schema_real_type(attr->type);
	return attr->is_required && type->kind == SCHEMA_RECORD ? ATTR_REQUIRED : ATTR_OPTIONAL;
}

/* clang-format off */
/* Receiver, argument (SCHEMA_NAME: any or none), result, and whether the right kinds are enough. */
static const struct method {
	enum schema_kind receiver, arg, result;
	bool is_total;
} methods[FN_COUNT] = {
	[FN_CONTAINS]              = {SCHEMA_SET, SCHEMA_NAME, SCHEMA_BOOL, true},
	[FN_CONTAINS_ALL]          = {SCHEMA_SET, SCHEMA_SET, SCHEMA_BOOL, true},
	[FN_CONTAINS_ANY]          = {SCHEMA_SET, SCHEMA_SET, SCHEMA_BOOL, true},
	[FN_IS_EMPTY]              = {SCHEMA_SET, SCHEMA_NAME, SCHEMA_BOOL, true},
	[FN_HAS_TAG]               = {SCHEMA_ENTITY, SCHEMA_STRING, SCHEMA_BOOL, true},
	[FN_GET_TAG]               = {SCHEMA_ENTITY, SCHEMA_STRING, SCHEMA_NAME, false},
	[FN_IS_IPV4]               = {SCHEMA_IP, SCHEMA_NAME, SCHEMA_BOOL, true},
	[FN_IS_IPV6]               = {SCHEMA_IP, SCHEMA_NAME, SCHEMA_BOOL, true},
	[FN_IS_LOOPBACK]           = {SCHEMA_IP, SCHEMA_NAME, SCHEMA_BOOL, true},
	[FN_IS_MULTICAST]          = {SCHEMA_IP, SCHEMA_NAME, SCHEMA_BOOL, true},
	[FN_IS_IN_RANGE]           = {SCHEMA_IP, SCHEMA_IP, SCHEMA_BOOL, true},
	[FN_LESS_THAN]             = {SCHEMA_DECIMAL, SCHEMA_DECIMAL, SCHEMA_BOOL, true},
	[FN_LESS_THAN_OR_EQUAL]    = {SCHEMA_DECIMAL, SCHEMA_DECIMAL, SCHEMA_BOOL, true},
	[FN_GREATER_THAN]          = {SCHEMA_DECIMAL, SCHEMA_DECIMAL, SCHEMA_BOOL, true},
	[FN_GREATER_THAN_OR_EQUAL] = {SCHEMA_DECIMAL, SCHEMA_DECIMAL, SCHEMA_BOOL, true},
	[FN_OFFSET]                = {SCHEMA_DATETIME, SCHEMA_DURATION, SCHEMA_DATETIME, false},
	[FN_DURATION_SINCE]        = {SCHEMA_DATETIME, SCHEMA_DATETIME, SCHEMA_DURATION, false},
	[FN_TO_DATE]               = {SCHEMA_DATETIME, SCHEMA_NAME, SCHEMA_DATETIME, false},
	[FN_TO_TIME]               = {SCHEMA_DATETIME, SCHEMA_NAME, SCHEMA_DURATION, true},
	[FN_TO_MILLISECONDS]       = {SCHEMA_DURATION, SCHEMA_NAME, SCHEMA_LONG, true},
	[FN_TO_SECONDS]            = {SCHEMA_DURATION, SCHEMA_NAME, SCHEMA_LONG, true},
	[FN_TO_MINUTES]            = {SCHEMA_DURATION, SCHEMA_NAME, SCHEMA_LONG, true},
	[FN_TO_HOURS]              = {SCHEMA_DURATION, SCHEMA_NAME, SCHEMA_LONG, true},
	[FN_TO_DAYS]               = {SCHEMA_DURATION, SCHEMA_NAME, SCHEMA_LONG, true},
	[FN_IP]                    = {SCHEMA_NAME, SCHEMA_STRING, SCHEMA_IP, false},
	[FN_DECIMAL]               = {SCHEMA_NAME, SCHEMA_STRING, SCHEMA_DECIMAL, false},
	[FN_DATETIME]              = {SCHEMA_NAME, SCHEMA_STRING, SCHEMA_DATETIME, false},
	[FN_DURATION]              = {SCHEMA_NAME, SCHEMA_STRING, SCHEMA_DURATION, false},
};
/* clang-format on */

/* The argument, or a VALUE_NONE for none. A wrong count is an error when run. */
static struct term call_arg(struct partial *p, const struct expr *origin, enum fn_id fn,
			    const struct expr_list *args)
{
	if (args->count != fn_table[fn].arity)
		return term_error(origin);
	if (args->count == 0)
		return term_value(value_none(), origin);
	return partial_term(p, args->items[0], false);
}

static struct term attr_type(struct partial *p, const struct term *of, const struct text *name,
			     const struct expr *origin)
{
	const struct schema_type *type;

	switch (type_attr(p, term_type(p, of), name, &type)) {
	case ATTR_NONE:
	case ATTR_ABSENT: return term_error(origin);
	case ATTR_REQUIRED: return term_residual(origin, type, of->is_total);
	case ATTR_UNKNOWN:
	case ATTR_OPTIONAL: break;
	}
	return term_residual(origin, type, false);
}

static struct term call_type(struct partial *p, const struct term *of, enum fn_id fn,
			     const struct term *arg, const struct expr *origin)
{
	const struct method *method = &methods[fn];
	bool has_arg = fn_table[fn].arity > 0;
	bool is_total = method->is_total && of->is_total && (!has_arg || arg->is_total);

	if (method->receiver != SCHEMA_NAME) {
		if (term_is_not(p, of, method->receiver))
			return term_error(origin);
		is_total = is_total && term_kind_of(p, of) == method->receiver;
	}
	if (method->arg != SCHEMA_NAME) {
		if (term_is_not(p, arg, method->arg))
			return term_error(origin);
		is_total = is_total && term_kind_of(p, arg) == method->arg;
	}
	return term_residual(origin,
			     method->result == SCHEMA_NAME ? NULL : type_of_kind(method->result),
			     is_total);
}

static struct term fold_step(struct partial *p, const struct expr *origin, struct value of,
			     const struct expr_step *step, struct value arg)
{
	struct expr base = term_literal(of);
	struct expr literal = term_literal(arg);
	const struct expr *args[] = {&literal};
	struct expr_step one = *step;
	struct expr node = {.kind = EXPR_CHAIN, .at = origin->at};

	if (step->is_call)
		one.args = (struct expr_list){step->args.count, args};
	node.chain.base = &base;
	node.chain.count = 1;
	node.chain.steps = &one;
	return term_fold(p, &node, origin);
}

/* Does the step look into an entity of which nothing is known? */
static bool is_open_step(const struct partial *p, struct value of, const struct expr_step *step)
{
	bool looks_in = !step->is_call || step->fn == FN_HAS_TAG || step->fn == FN_GET_TAG;

	return looks_in && of.kind == VALUE_ENTITY && partial_is_open(p, of.uid);
}

/* The first `count` steps as they were written. */
static const struct expr *chain_prefix(struct partial *p, const struct expr *expr, size_t count)
{
	struct expr *node;

	if (count == 0)
		return expr->chain.base;
	node = term_node(p, expr);
	if (node != NULL)
		node->chain.count = count;
	return node;
}

struct chain_walk {
	struct partial *partial;
	const struct expr *expr;
	struct term term;  /* so far */
	struct expr *rest; /* NULL: all is known so far */
	struct expr_step *steps;
};

/* From step `at` on nothing folds. False past the arena's cap. */
static bool chain_open(struct chain_walk *walk, size_t at)
{
	struct partial *p = walk->partial;
	const struct expr *expr = walk->expr;

	walk->rest = term_node(p, expr);
	walk->steps = arena_array(p->eval.arena, expr->chain.count - at, sizeof(*walk->steps));
	if (walk->term.kind == TERM_VALUE)
		walk->term.expr = chain_prefix(p, expr, at);
	if (walk->rest == NULL || walk->steps == NULL || walk->term.expr == NULL)
		return false;
	walk->rest->chain.base = term_expr(p, &walk->term);
	walk->rest->chain.steps = walk->steps;
	walk->rest->chain.count = 0;
	return true;
}

/* A step that stays. False past the arena's cap. */
static bool chain_keep(struct chain_walk *walk, const struct expr_step *step,
		       const struct term *arg)
{
	struct expr_step *kept = &walk->steps[walk->rest->chain.count++];
	const struct expr **args;

	*kept = *step;
	if (!step->is_call || step->args.count == 0)
		return true;
	args = arena_array(walk->partial->eval.arena, 1, sizeof(*args));
	if (args == NULL)
		return false;
	args[0] = term_expr(walk->partial, arg);
	kept->args = (struct expr_list){1, args};
	return true;
}

/* False: an error. */
static bool chain_step(struct chain_walk *walk, size_t at)
{
	struct partial *p = walk->partial;
	const struct expr *expr = walk->expr;
	const struct expr_step *step = &expr->chain.steps[at];
	bool may_be_absent;
	struct term arg = step->is_call ? call_arg(p, expr, step->fn, &step->args)
					: term_value(value_none(), expr);
	struct term next;

	if (arg.kind == TERM_ERROR)
		return false;
	if (walk->rest == NULL && walk->term.kind == TERM_VALUE && arg.kind == TERM_VALUE &&
	    !is_open_step(p, walk->term.value, step)) {
		walk->term = fold_step(p, expr, walk->term.value, step, arg.value);
		return walk->term.kind != TERM_ERROR;
	}
	if (at == 0 && !step->is_call && is_part_of_context(p, expr->chain.base))
		next = context_attr(p, expr, &step->attr, &may_be_absent);
	else if (step->is_call)
		next = call_type(p, &walk->term, step->fn, &arg, expr);
	else
		next = attr_type(p, &walk->term, &step->attr, expr);
	if (next.kind == TERM_RESIDUAL &&
	    ((walk->rest == NULL && !chain_open(walk, at)) || !chain_keep(walk, step, &arg)))
		return false;
	walk->term = next;
	return next.kind != TERM_ERROR;
}

struct term partial_chain(struct partial *p, const struct expr *expr)
{
	struct chain_walk walk = {
		.partial = p, .expr = expr, .term = partial_term(p, expr->chain.base, false)};

	if (walk.term.kind == TERM_ERROR)
		return term_error(expr);
	for (size_t i = 0; i < expr->chain.count; i++)
		if (!chain_step(&walk, i))
			return term_error(expr);
	walk.term.expr = walk.rest == NULL ? expr : walk.rest;
	return walk.term;
}

struct term partial_call(struct partial *p, const struct expr *expr)
{
	struct term arg = call_arg(p, expr, expr->call.fn, &expr->call.args);
	struct expr literal = term_literal(arg.value);
	const struct expr *literals[] = {&literal};
	const struct term none = term_value(value_none(), expr);
	struct expr folded = *expr;
	const struct expr **args;
	struct expr *node;
	struct term term;

	if (arg.kind == TERM_ERROR)
		return term_error(expr);
	folded.call.args = (struct expr_list){1, literals};
	if (arg.kind == TERM_VALUE)
		return term_fold(p, &folded, expr);
	term = call_type(p, &none, expr->call.fn, &arg, expr);
	node = term_node(p, expr);
	args = arena_array(p->eval.arena, 1, sizeof(*args));
	if (term.kind == TERM_ERROR || node == NULL || args == NULL)
		return term_error(expr);
	args[0] = arg.expr;
	node->call.args = (struct expr_list){1, args};
	term.expr = node;
	return term;
}

/* One name of the path of a value; a VALUE_NONE is absent. False: it has no attributes. */
static bool value_has(struct partial *p, const struct expr *expr, struct value of,
		      const struct text *name, struct value *out)
{
	const struct expr_step step = {.attr = *name};
	struct expr left = term_literal(of);
	struct expr has = {.kind = EXPR_HAS, .at = expr->at};
	struct term found;

	has.has.left = &left;
	has.has.count = 1;
	has.has.path = name;
	found = term_fold(p, &has, expr);
	if (found.kind == TERM_ERROR)
		return false;
	*out = value_none();
	if (found.value.boolean)
		*out = fold_step(p, expr, of, &step, value_none()).value;
	return true;
}

/* What remains of `left has path`, names before `at` being there. */
static struct term has_rest(struct partial *p, const struct expr *expr, const struct term *left,
			    size_t at)
{
	const struct schema_type *type_bool = type_of_kind(SCHEMA_BOOL);
	const struct schema_type *type = term_type(p, left);
	bool is_sure = left->is_total; /* all names so far are there */
	bool is_total = left->is_total;
	struct expr *node = term_node(p, expr);

	for (size_t i = at; i < expr->has.count; i++) {
		bool is_typed = type != NULL;
		enum attr_known known = type_attr(p, type, &expr->has.path[i], &type);

		if (known == ATTR_NONE && is_sure)
			return term_error(expr);
		if (known == ATTR_ABSENT && is_total)
			return term_value(value_bool(false), expr);
		/* Of a record or an entity the question itself cannot err. */
		is_total = is_total && is_typed && known != ATTR_NONE;
		is_sure = is_sure && known == ATTR_REQUIRED;
	}
	if (is_sure)
		return term_value(value_bool(true), expr);
	if (node == NULL)
		return term_error(expr);
	node->has.left = term_expr(p, left);
	node->has.path += at;
	node->has.count -= at;
	return term_residual(node, type_bool, is_total);
}

/* The first name is the context's: it may be known, or at least be known to be there. */
static struct term context_has(struct partial *p, const struct expr *expr)
{
	bool may_be_absent;
	struct term first = context_attr(p, expr, &expr->has.path[0], &may_be_absent);
	struct term rest;

	if (first.kind == TERM_ERROR)
		return term_value(value_bool(false), expr);
	if (expr->has.count == 1)
		return may_be_absent ? term_residual(expr, type_of_kind(SCHEMA_BOOL), true)
				     : term_value(value_bool(true), expr);
	/* As if it were there: it is asked only then. */
	first.is_total = true;
	rest = has_rest(p, expr, &first, 1);
	if (rest.kind == TERM_VALUE && (!may_be_absent || !rest.value.boolean))
		return rest;
	if (rest.kind == TERM_ERROR && !may_be_absent)
		return rest;
	return term_residual(expr, type_of_kind(SCHEMA_BOOL),
			     rest.kind != TERM_ERROR && rest.is_total);
}

struct term partial_has(struct partial *p, const struct expr *expr)
{
	struct term term;
	size_t at = 0;

	if (is_part_of_context(p, expr->has.left)) {
		struct value known = value_record_get(p->eval.context.record, &expr->has.path[0]);

		if (known.kind == VALUE_NONE)
			return context_has(p, expr);
		term = term_value(known, expr);
		at = 1;
	} else {
		term = partial_term(p, expr->has.left, false);
	}
	while (term.kind == TERM_VALUE && at < expr->has.count) {
		bool is_open =
			term.value.kind == VALUE_ENTITY && partial_is_open(p, term.value.uid);

		if (is_open)
			break;
		if (!value_has(p, expr, term.value, &expr->has.path[at++], &term.value))
			return term_error(expr);
		term.expr = expr; /* no longer a variable */
		if (term.value.kind == VALUE_NONE)
			return term_value(value_bool(false), expr);
	}
	if (term.kind == TERM_ERROR)
		return term_error(expr);
	if (at == expr->has.count)
		return term_value(value_bool(true), expr);
	return has_rest(p, expr, &term, at);
}
