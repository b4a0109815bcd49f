/* SPDX-License-Identifier: Apache-2.0 */
/*
 * true and false are types of their own: `false && x` is false whatever x is,
 * so a policy narrows by what it tests first. A guard (`has`, hasTag) shows a
 * capability that holds behind `&&` and in the `then` of its `if`.
 */
#include "policy/check_expr.h"

#include <stdarg.h>
#include <stdio.h>

bool check_fail(struct check_env *env, uint32_t at, const char *fmt, ...)
{
	char text[400];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	env->on_error(env->arg, at, text);
	return false;
}

bool check_kind(struct check_env *env, uint32_t at, const struct schema_type *type,
		enum schema_kind kind)
{
	char found[200];

	if (type->kind == kind || (kind == SCHEMA_BOOL && type_is_bool(type)))
		return true;
	(void)type_text(type, found, sizeof(found));
	if (kind == SCHEMA_ENTITY || kind == SCHEMA_SET)
		return check_fail(env, at, "expected %s, found %s",
				  kind == SCHEMA_SET ? "a set" : "an entity", found);
	return check_fail(env, at, "expected %s, found %s",
			  kind == SCHEMA_BOOL	? "Bool"
			  : kind == SCHEMA_LONG ? "Long"
						: type_text(type_of_kind(kind), (char[40]){0}, 40),
			  found);
}

static const struct schema_type *entity_type(struct check_env *env, struct str name)
{
	struct schema_type *type = arena_zalloc(env->arena, sizeof(*type));

	if (type == NULL)
		return type_of_kind(SCHEMA_BOOL);
	type->kind = SCHEMA_ENTITY;
	type->name = name;
	return type;
}

/* The environment's own action is no stranger. */
static void check_literal(struct check_env *env, const struct expr *expr, struct typing *out)
{
	const struct value *value = &expr->value;

	switch ((unsigned)value->kind) {
	case VALUE_BOOL: out->type = type_of_bool(value->boolean); break;
	case VALUE_LONG: out->type = type_of_kind(SCHEMA_LONG); break;
	case VALUE_STRING: out->type = type_of_kind(SCHEMA_STRING); break;
	default:
		out->type = entity_type(env, value->uid->type);
		out->depth.is_named = !uid_eq(value->uid, env->action);
		out->depth.named_at = expr->at;
	}
}

struct check_depth check_look_into(struct check_env *env, const struct check_depth *entity,
				   unsigned *needed)
{
	struct check_depth inside = {.count = entity->count + 1};

	if (env->on_level != NULL && entity->is_named)
		env->on_level(
			env->arg, entity->named_at,
			"an entity that the policy names is looked into: no level allows that");
	else
		*needed = MAX(*needed, inside.count);
	return inside;
}

void check_level(struct check_env *env, uint32_t at, unsigned needed)
{
	char text[120];

	if (env->on_level == NULL || needed <= env->max_level)
		return;
	(void)snprintf(text, sizeof(text),
		       "this looks %u entit%s deep: it needs level %u, the limit is %u", needed,
		       needed == 1 ? "y" : "ies", needed, env->max_level);
	env->on_level(env->arg, at, text);
}

bool check_condition(struct check_env *env, const struct expr *expr,
		     const struct capability_set *known, struct typing *out)
{
	bool is_good = check_expr(env, expr, known, out) &&
		       check_kind(env, expr->at, out->type, SCHEMA_BOOL);

	if (!is_good)
		*out = (struct typing){.type = type_of_kind(SCHEMA_BOOL)};
	return is_good;
}

struct typing check_and(struct check_env *env, struct typing left, struct typing right)
{
	if (left.type->kind == SCHEMA_FALSE || right.type->kind == SCHEMA_FALSE)
		return (struct typing){.type = type_of_bool(false)};
	if (right.type->kind != SCHEMA_TRUE)
		left.type = type_of_kind(SCHEMA_BOOL);
	left.shown = capability_union(env->arena, left.shown, right.shown);
	return left;
}

static bool check_ands(struct check_env *env, const struct expr *expr,
		       const struct capability_set *known, struct typing *out)
{
	struct typing term;
	bool is_good = true;

	*out = (struct typing){.type = type_of_bool(true)};
	for (size_t i = 0; i < expr->list.count && out->type->kind != SCHEMA_FALSE; i++) {
		is_good &= check_condition(env, expr->list.items[i], known, &term);
		known = capability_union(env->arena, known, term.shown);
		*out = check_and(env, *out, term);
	}
	return is_good;
}

static struct typing either(struct check_env *env, struct typing left, struct typing right)
{
	if (left.type->kind == SCHEMA_FALSE)
		return right;
	if (right.type->kind == SCHEMA_FALSE)
		return left;
	if (right.type->kind == SCHEMA_TRUE)
		return (struct typing){.type = right.type};
	left.shown = capability_common(env->arena, left.shown, right.shown);
	return left;
}

static bool check_ors(struct check_env *env, const struct expr *expr,
		      const struct capability_set *known, struct typing *out)
{
	struct typing term;
	bool is_good = true;

	*out = (struct typing){.type = type_of_bool(false)};
	for (size_t i = 0; i < expr->list.count && out->type->kind != SCHEMA_TRUE; i++) {
		is_good &= check_condition(env, expr->list.items[i], known, &term);
		*out = either(env, *out, term);
	}
	return is_good;
}

static bool check_if(struct check_env *env, const struct expr *expr,
		     const struct capability_set *known, struct typing *out)
{
	struct typing test, then = {.type = NULL}, other = {.type = NULL};
	bool is_good = check_condition(env, expr->cond.test, known, &test);
	char a[200], b[200];

	if (test.type->kind != SCHEMA_FALSE) {
		is_good &= check_expr(env, expr->cond.then,
				      capability_union(env->arena, known, test.shown), &then);
		then.shown = capability_union(env->arena, test.shown, then.shown);
	}
	if (test.type->kind != SCHEMA_TRUE)
		is_good &= check_expr(env, expr->cond.other, known, &other);
	if (then.type == NULL || other.type == NULL) {
		*out = then.type == NULL ? other : then;
		return is_good;
	}
	out->type = type_bound(env->arena, then.type, other.type);
	out->depth = check_depth_either(env->arena, &then.depth, &other.depth);
	out->shown = capability_common(env->arena, then.shown, other.shown);
	if (out->type != NULL)
		return is_good;
	out->type = then.type;
	return is_good &&
	       check_fail(env, expr->at, "`then` is %s, but `else` is %s",
			  type_text(then.type, a, sizeof(a)), type_text(other.type, b, sizeof(b)));
}

/* All terms of + - * and the operand of a minus. */
static bool check_long(struct check_env *env, const struct expr *expr,
		       const struct capability_set *known)
{
	struct typing term;

	return check_expr(env, expr, known, &term) &&
	       check_kind(env, expr->at, term.type, SCHEMA_LONG);
}

static bool check_arithmetic(struct check_env *env, const struct expr *expr,
			     const struct capability_set *known, struct typing *out)
{
	bool is_good = true;

	*out = (struct typing){.type = type_of_kind(SCHEMA_LONG)};
	if (expr->kind == EXPR_NEG)
		return check_long(env, expr->unary.arg, known);
	for (size_t i = 0; expr->kind == EXPR_SUM && i < expr->sum.count; i++)
		is_good &= check_long(env, expr->sum.terms[i].expr, known);
	for (size_t i = 0; expr->kind == EXPR_PRODUCT && i < expr->list.count; i++)
		is_good &= check_long(env, expr->list.items[i], known);
	return is_good;
}

static const struct schema_type *negated(const struct schema_type *type)
{
	if (type->kind == SCHEMA_BOOL)
		return type;
	return type_of_bool(type->kind == SCHEMA_FALSE);
}

static bool check_not(struct check_env *env, const struct expr *expr,
		      const struct capability_set *known, struct typing *out)
{
	struct typing arg;
	bool is_good = check_condition(env, expr->unary.arg, known, &arg);

	*out = (struct typing){.type = expr->unary.count % 2 == 1 ? negated(arg.type) : arg.type};
	return is_good;
}

/* The value of a literal, `action` being one in its environment. */
static bool literal_of(const struct check_env *env, const struct expr *expr, struct value *out)
{
	if (expr->kind == EXPR_VALUE)
		*out = expr->value;
	else if (expr->kind == EXPR_VAR && expr->var == VAR_ACTION)
		*out = value_entity(env->action);
	else
		return false;
	return true;
}

static bool check_equal(struct check_env *env, const struct expr *expr,
			const struct schema_type *left, const struct schema_type *right,
			struct typing *out)
{
	struct value a, b;
	char left_text[200], right_text[200];

	if (literal_of(env, expr->compare.left, &a) && literal_of(env, expr->compare.right, &b))
		out->type = type_of_bool(value_eq(a, b));
	else if (type_bound(env->arena, left, right) != NULL)
		out->type = type_of_kind(SCHEMA_BOOL);
	else if (left->kind == SCHEMA_ENTITY && right->kind == SCHEMA_ENTITY)
		out->type = type_of_bool(false);
	else
		return check_fail(env, expr->at, "%s and %s are never equal",
				  type_text(left, left_text, sizeof(left_text)),
				  type_text(right, right_text, sizeof(right_text)));
	if (expr->compare.op == OP_NE)
		out->type = negated(out->type);
	return true;
}

bool check_action_is_in(const struct check_env *env, const struct uid *a, const struct uid *b)
{
	const struct entity *action;

	if (uid_eq(a, b))
		return true;
	action = entity_store_find(env->actions, a);
	return action != NULL && entity_refs_have(action->ancestors, action->ancestor_count, b);
}

/* Both sides are actions by name: the schema has the answer. NULL when one is not. */
static const struct schema_type *action_in(const struct check_env *env, const struct expr *left,
					   const struct expr *right)
{
	size_t count = right->kind == EXPR_SET ? right->list.count : 1;
	bool is_in = false;
	struct value a, b;

	if (!literal_of(env, left, &a) || a.kind != VALUE_ENTITY ||
	    schema_find_action(env->schema, a.uid) == NULL)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		const struct expr *item = right->kind == EXPR_SET ? right->list.items[i] : right;

		if (!literal_of(env, item, &b) || b.kind != VALUE_ENTITY)
			return NULL;
		is_in = is_in || check_action_is_in(env, a.uid, b.uid);
	}
	return type_of_bool(is_in);
}

/* left in right, both typed. */
static bool check_in(struct check_env *env, const struct expr *left_expr, const struct typing *left,
		     const struct expr *right_expr, const struct schema_type *right,
		     struct typing *out)
{
	unsigned needed = 0;

	if (!check_kind(env, left_expr->at, left->type, SCHEMA_ENTITY))
		return false;
	if (right->kind == SCHEMA_SET)
		right = schema_real_type(right->element);
	if (!check_kind(env, right_expr->at, right, SCHEMA_ENTITY))
		return false;
	(void)check_look_into(env, &left->depth, &needed);
	check_level(env, left_expr->at, needed);
	out->type = action_in(env, left_expr, right_expr);
	if (out->type == NULL)
		out->type = type_is_below(env->schema, env->arena, left->type->name, right->name)
				    ? type_of_kind(SCHEMA_BOOL)
				    : type_of_bool(false);
	return true;
}

static bool check_order(struct check_env *env, const struct expr *expr,
			const struct schema_type *left, const struct schema_type *right)
{
	char text[200];

	if (left->kind != SCHEMA_LONG && left->kind != SCHEMA_DATETIME &&
	    left->kind != SCHEMA_DURATION)
		return check_fail(env, expr->compare.left->at,
				  "%s has no order: only Long, datetime "
				  "and duration have",
				  type_text(left, text, sizeof(text)));
	return check_kind(env, expr->compare.right->at, right, left->kind);
}

static bool check_compare(struct check_env *env, const struct expr *expr,
			  const struct capability_set *known, struct typing *out)
{
	struct typing left, right;
	bool is_good = check_expr(env, expr->compare.left, known, &left);

	is_good &= check_expr(env, expr->compare.right, known, &right);
	*out = (struct typing){.type = type_of_kind(SCHEMA_BOOL)};
	if (!is_good)
		return false;
	if (expr->compare.op == OP_EQ || expr->compare.op == OP_NE)
		return check_equal(env, expr, left.type, right.type, out);
	if (expr->compare.op == OP_IN)
		return check_in(env, expr->compare.left, &left, expr->compare.right, right.type,
				out);
	return check_order(env, expr, left.type, right.type);
}

static bool check_is(struct check_env *env, const struct expr *expr,
		     const struct capability_set *known, struct typing *out)
{
	struct typing left, in;
	bool is_good = check_expr(env, expr->is.left, known, &left) &&
		       check_kind(env, expr->is.left->at, left.type, SCHEMA_ENTITY);

	*out = (struct typing){.type = type_of_kind(SCHEMA_BOOL)};
	if (!is_good)
		return false;
	out->type = type_of_bool(str_eq(left.type->name, expr->is.type.str));
	if (expr->is.in == NULL || out->type->kind == SCHEMA_FALSE)
		return true;
	return check_expr(env, expr->is.in, known, &in) &&
	       check_in(env, expr->is.left, &left, expr->is.in, in.type, out);
}

static bool check_set(struct check_env *env, const struct expr *expr,
		      const struct capability_set *known, struct typing *out)
{
	struct schema_type *set = arena_zalloc(env->arena, sizeof(*set));
	const struct schema_type *element = NULL;
	bool is_good = true;
	char a[200], b[200];

	*out = (struct typing){.type = set};
	if (expr->list.count == 0)
		is_good = check_fail(env, expr->at, "an empty set has no type");
	for (size_t i = 0; i < expr->list.count; i++) {
		struct typing item;
		const struct schema_type *bound;

		if (!check_expr(env, expr->list.items[i], known, &item)) {
			is_good = false;
			continue;
		}
		bound = element == NULL ? item.type : type_bound(env->arena, element, item.type);
		if (bound == NULL)
			is_good = check_fail(env, expr->list.items[i]->at,
					     "a set of %s cannot hold %s",
					     type_text(element, a, sizeof(a)),
					     type_text(item.type, b, sizeof(b)));
		else
			element = bound;
	}
	if (set == NULL)
		return false;
	set->kind = SCHEMA_SET;
	set->element = element == NULL ? type_of_kind(SCHEMA_BOOL) : element;
	return is_good;
}

static bool check_record(struct check_env *env, const struct expr *expr,
			 const struct capability_set *known, struct typing *out)
{
	struct schema_type *record = arena_zalloc(env->arena, sizeof(*record));
	struct schema_attr *attrs = arena_array(env->arena, expr->record.count, sizeof(*attrs));
	struct check_depth_field *fields =
		arena_array(env->arena, expr->record.count, sizeof(*fields));
	bool is_good = true;

	*out = (struct typing){.type = record};
	if (record == NULL || attrs == NULL || fields == NULL)
		return false;
	for (size_t i = 0; i < expr->record.count; i++) {
		struct typing value;

		is_good &= check_expr(env, expr->record.values[i], known, &value);
		attrs[i].key = expr->record.keys[i];
		attrs[i].is_required = true;
		attrs[i].type = (struct schema_type *)(uintptr_t)value.type;
		fields[i].key = &expr->record.keys[i];
		fields[i].depth = value.depth;
	}
	out->depth.field_count = expr->record.count;
	out->depth.fields = fields;
	record->kind = SCHEMA_RECORD;
	record->attr_count = expr->record.count;
	record->attrs = attrs;
	return type_sort_attrs(env->arena, attrs, expr->record.count) && is_good;
}

static bool check_like(struct check_env *env, const struct expr *expr,
		       const struct capability_set *known, struct typing *out)
{
	struct typing left;
	bool is_good = check_expr(env, expr->like.left, known, &left) &&
		       check_kind(env, expr->like.left->at, left.type, SCHEMA_STRING);

	*out = (struct typing){.type = type_of_kind(SCHEMA_BOOL)};
	return is_good;
}

bool check_expr(struct check_env *env, const struct expr *expr, const struct capability_set *known,
		struct typing *out)
{
	*out = (struct typing){.type = type_of_kind(SCHEMA_BOOL)};
	switch (expr->kind) {
	case EXPR_VALUE: check_literal(env, expr, out); return true;
	case EXPR_VAR: out->type = env->vars[expr->var]; return true;
	case EXPR_NOT: return check_not(env, expr, known, out);
	case EXPR_IF: return check_if(env, expr, known, out);
	case EXPR_AND: return check_ands(env, expr, known, out);
	case EXPR_OR: return check_ors(env, expr, known, out);
	case EXPR_NEG:
	case EXPR_SUM:
	case EXPR_PRODUCT: return check_arithmetic(env, expr, known, out);
	case EXPR_COMPARE: return check_compare(env, expr, known, out);
	case EXPR_HAS: return check_has(env, expr, known, out);
	case EXPR_LIKE: return check_like(env, expr, known, out);
	case EXPR_IS: return check_is(env, expr, known, out);
	case EXPR_CHAIN: return check_chain(env, expr, known, out);
	case EXPR_CALL: return check_constructor(env, expr, out);
	case EXPR_SET: return check_set(env, expr, known, out);
	case EXPR_RECORD: return check_record(env, expr, known, out);
	}
	return false;
}
