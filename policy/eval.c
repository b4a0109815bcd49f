/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/eval.h"

#include <stdarg.h>
#include <stdio.h>

bool eval_fail(struct eval *e, const char *fmt, ...)
{
	char text[300];
	va_list args;
	int len;

	va_start(args, fmt);
	len = vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	e->error = arena_str(e->arena, str_make(text, MIN((size_t)MAX(len, 0), sizeof(text) - 1)));
	return false;
}

bool eval_expect(struct eval *e, struct value value, enum value_kind kind)
{
	if (value.kind == kind)
		return true;
	if (value.kind == VALUE_NONE)
		return eval_fail(e, "memory limit of the request reached");
	return eval_fail(e, "type error: expected %s, got %s", value_kind_name(kind),
			 value_kind_name(value.kind));
}

static bool overlay_init(struct eval *e, const struct entity *overlay)
{
	size_t count = overlay->parent_count;
	size_t at = 0;
	struct entity_ref *refs;

	for (size_t i = 0; e->store != NULL && i < overlay->parent_count; i++) {
		const struct entity *parent = entity_store_find(e->store, overlay->parents[i].uid);

		count += parent == NULL ? 0 : parent->ancestor_count;
	}
	refs = arena_array(e->arena, count, sizeof(*refs));
	if (refs == NULL)
		return false;
	for (size_t i = 0; i < overlay->parent_count; i++) {
		const struct entity *parent =
			e->store == NULL ? NULL
					 : entity_store_find(e->store, overlay->parents[i].uid);

		refs[at++] = overlay->parents[i];
		for (size_t k = 0; parent != NULL && k < parent->ancestor_count; k++)
			refs[at++] = parent->ancestors[k];
	}
	if (!entity_refs_sort(e->arena, refs, &count))
		return false;
	e->overlay_refs = refs;
	e->overlay_ref_count = count;
	return true;
}

static const struct entity *find_entity(const struct eval *e, const struct uid *uid)
{
	const struct entity *overlay = e->request->overlay;

	if (overlay != NULL && uid_eq(&overlay->uid, uid))
		return overlay;
	if (e->request->resource_entity != NULL && uid_eq(&e->request->resource_entity->uid, uid))
		return e->request->resource_entity;
	return e->store == NULL ? NULL : entity_store_find(e->store, uid);
}

bool eval_init(struct eval *e, const struct entity_store *store,
	       const struct policy_request *request, struct arena *arena)
{
	*e = (struct eval){
		.arena = arena, .store = store, .request = request, .context = request->context};
	if (e->context.kind == VALUE_NONE)
		e->context = value_record(arena, NULL, NULL, 0);
	e->principal = find_entity(e, request->principal);
	e->action = find_entity(e, request->action);
	e->resource = find_entity(e, request->resource);
	ASSERT(e->context.kind == VALUE_RECORD || arena_has_overflowed(arena));
	return (request->overlay == NULL || overlay_init(e, request->overlay)) &&
	       !arena_has_overflowed(arena);
}

/* Nearly every question is about the three that were looked up at the start. */
const struct entity *eval_entity(const struct eval *e, const struct uid *uid)
{
	if (uid == e->request->principal)
		return e->principal;
	if (uid == e->request->action)
		return e->action;
	if (uid == e->request->resource)
		return e->resource;
	return find_entity(e, uid);
}

bool eval_is_in(const struct eval *e, const struct uid *a, const struct uid *b)
{
	const struct entity *overlay = e->request->overlay;
	const struct entity *entity;

	if (uid_eq(a, b))
		return true;
	entity = eval_entity(e, a);
	if (entity == NULL)
		return false;
	if (entity == overlay)
		return entity_refs_have(e->overlay_refs, e->overlay_ref_count, b);
	if (entity_refs_have(entity->ancestors, entity->ancestor_count, b))
		return true;
	/* Below the overlay is also below what the overlay is in. */
	return overlay != NULL &&
	       entity_refs_have(entity->ancestors, entity->ancestor_count, &overlay->uid) &&
	       entity_refs_have(e->overlay_refs, e->overlay_ref_count, b);
}

/*
 * VALUE_NONE is an error, its text in e->error: sixteen bytes in two registers, nothing stored. One
 * function per kind, not inlined, so that each saves only the registers it needs and the
 * dispatcher is a jump.
 */
static struct value eval_value(struct eval *e, const struct expr *expr);

COLD static struct value fail_value(struct eval *e, struct value value, enum value_kind kind)
{
	if (value.kind != VALUE_NONE)
		(void)eval_expect(e, value, kind);
	return value_none();
}

static struct value eval_var(const struct eval *e, enum expr_var var)
{
	switch (var) {
	case VAR_PRINCIPAL: return value_entity(e->request->principal);
	case VAR_ACTION: return value_entity(e->request->action);
	case VAR_RESOURCE: return value_entity(e->request->resource);
	case VAR_CONTEXT: break;
	}
	return e->context;
}

/* Most operands are leaves. */
static inline struct value eval_operand(struct eval *e, const struct expr *expr)
{
	if (expr->kind == EXPR_VAR)
		return eval_var(e, expr->var);
	if (expr->kind == EXPR_VALUE)
		return expr->value;
	return eval_value(e, expr);
}

/* `&&` ends at the first false, `||` at the first true. */
NOINLINE static struct value eval_logic(struct eval *e, const struct expr *expr, bool stop)
{
	struct value value = value_bool(stop);

	for (size_t i = 0; i < expr->list.count; i++) {
		value = eval_value(e, expr->list.items[i]);
		if (value.kind != VALUE_BOOL)
			return fail_value(e, value, VALUE_BOOL);
		if (value.boolean == stop)
			break;
	}
	return value;
}

COLD static struct value fail_overflow(struct eval *e)
{
	(void)eval_fail(e, "integer overflow");
	return value_none();
}

NOINLINE static struct value eval_sum(struct eval *e, const struct expr *expr)
{
	int64_t sum = 0;

	for (size_t i = 0; i < expr->sum.count; i++) {
		struct value term = eval_operand(e, expr->sum.terms[i].expr);

		if (term.kind != VALUE_LONG)
			return fail_value(e, term, VALUE_LONG);
		if (expr->sum.terms[i].is_minus ? __builtin_sub_overflow(sum, term.number, &sum)
						: __builtin_add_overflow(sum, term.number, &sum))
			return fail_overflow(e);
	}
	return value_long(sum);
}

NOINLINE static struct value eval_product(struct eval *e, const struct expr *expr)
{
	int64_t product = 1;

	for (size_t i = 0; i < expr->list.count; i++) {
		struct value factor = eval_operand(e, expr->list.items[i]);

		if (factor.kind != VALUE_LONG)
			return fail_value(e, factor, VALUE_LONG);
		if (__builtin_mul_overflow(product, factor.number, &product))
			return fail_overflow(e);
	}
	return value_long(product);
}

NOINLINE static struct value eval_neg(struct eval *e, const struct expr *expr)
{
	struct value value = eval_operand(e, expr->unary.arg);
	int64_t n = value.number;

	if (value.kind != VALUE_LONG)
		return fail_value(e, value, VALUE_LONG);
	for (unsigned i = 0; i < expr->unary.count; i++)
		if (__builtin_sub_overflow((int64_t)0, n, &n))
			return fail_overflow(e);
	return value_long(n);
}

NOINLINE static struct value eval_not(struct eval *e, const struct expr *expr)
{
	struct value value = eval_value(e, expr->unary.arg);

	if (value.kind != VALUE_BOOL)
		return fail_value(e, value, VALUE_BOOL);
	return value_bool(value.boolean != (expr->unary.count % 2 == 1));
}

/* Every element must be an entity, also those behind a match. */
static struct value eval_in(struct eval *e, struct value left, struct value right)
{
	bool is_in = false;

	if (left.kind != VALUE_ENTITY)
		return fail_value(e, left, VALUE_ENTITY);
	if (right.kind == VALUE_ENTITY)
		return value_bool(eval_is_in(e, left.uid, right.uid));
	if (right.kind != VALUE_SET)
		return fail_value(e, right, VALUE_SET);
	for (size_t i = 0; i < right.set->count; i++)
		if (right.set->items[i].kind != VALUE_ENTITY)
			return fail_value(e, right.set->items[i], VALUE_ENTITY);
	for (size_t i = 0; !is_in && i < right.set->count; i++)
		is_in = eval_is_in(e, left.uid, right.set->items[i].uid);
	return value_bool(is_in);
}

static struct value eval_order(struct eval *e, enum expr_op op, struct value left,
			       struct value right)
{
	if (left.kind != VALUE_LONG && left.kind != VALUE_DATETIME && left.kind != VALUE_DURATION) {
		(void)eval_fail(e, "type error: %s has no order", value_kind_name(left.kind));
		return value_none();
	}
	if (right.kind != left.kind)
		return fail_value(e, right, left.kind);
	switch ((unsigned)op) {
	case OP_LT: return value_bool(left.number < right.number);
	case OP_LE: return value_bool(left.number <= right.number);
	case OP_GT: return value_bool(left.number > right.number);
	default: return value_bool(left.number >= right.number);
	}
}

NOINLINE static struct value eval_compare(struct eval *e, const struct expr *expr)
{
	struct value left = eval_operand(e, expr->compare.left);
	struct value right;

	if (left.kind == VALUE_NONE)
		return left;
	right = eval_operand(e, expr->compare.right);
	if (right.kind == VALUE_NONE)
		return right;
	switch (expr->compare.op) {
	case OP_EQ: return value_bool(value_eq(left, right));
	case OP_NE: return value_bool(!value_eq(left, right));
	case OP_IN: return eval_in(e, left, right);
	case OP_LT:
	case OP_LE:
	case OP_GT:
	case OP_GE: break;
	}
	return eval_order(e, expr->compare.op, left, right);
}

COLD static bool fail_attrs(struct eval *e, struct value of)
{
	return eval_fail(e, "type error: %s has no attributes", value_kind_name(of.kind));
}

/* The attributes of a record or entity; NULL record for an entity that is not there. */
static inline bool eval_attrs(struct eval *e, struct value of, const struct value_record **out)
{
	const struct entity *entity;

	if (of.kind == VALUE_RECORD) {
		*out = of.record;
		return true;
	}
	if (of.kind != VALUE_ENTITY)
		return fail_attrs(e, of);
	entity = eval_entity(e, of.uid);
	*out = entity == NULL ? NULL : entity->attrs;
	return true;
}

COLD static struct value fail_attr(struct eval *e, struct value of,
				   const struct value_record *attrs, const struct text *attr)
{
	char uid[300];

	if (attrs == NULL)
		(void)eval_fail(e, "entity %s does not exist",
				entity_uid_text(of.uid, uid, sizeof(uid)));
	else if (of.kind == VALUE_ENTITY)
		(void)eval_fail(e, "entity %s has no attribute `" STR_FMT "`",
				entity_uid_text(of.uid, uid, sizeof(uid)), STR_ARG(attr->str));
	else
		(void)eval_fail(e, "record has no attribute `" STR_FMT "`", STR_ARG(attr->str));
	return value_none();
}

static struct value eval_attr(struct eval *e, struct value of, const struct text *attr)
{
	const struct value_record *attrs = NULL;
	struct value value;

	if (!eval_attrs(e, of, &attrs))
		return value_none();
	value = attrs == NULL ? value_none() : value_record_get(attrs, attr);
	return value.kind != VALUE_NONE ? value : fail_attr(e, of, attrs, attr);
}

NOINLINE static struct value eval_has(struct eval *e, const struct expr *expr)
{
	struct value value = eval_operand(e, expr->has.left);

	if (value.kind == VALUE_NONE)
		return value;
	for (size_t i = 0; i < expr->has.count; i++) {
		const struct value_record *attrs = NULL;

		if (!eval_attrs(e, value, &attrs))
			return value_none();
		value = attrs == NULL ? value_none() : value_record_get(attrs, &expr->has.path[i]);
		if (value.kind == VALUE_NONE)
			return value_bool(false);
	}
	return value_bool(true);
}

/* Pieces in order: the first at the start, the last at the end, each between at its first place
 * behind the one before. Bytes will do: in UTF-8 a whole code point is found only at a border. */
static bool pattern_matches(const struct pattern *pattern, struct str s)
{
	struct str first = pattern->pieces[0];
	struct str last = pattern->pieces[pattern->count - 1];

	if (pattern->count == 1)
		return str_eq(first, s);
	if (s.len < first.len + last.len || !str_has_prefix(s, first) || !str_has_suffix(s, last))
		return false;
	s = str_sub(s, first.len, s.len - first.len - last.len);
	for (size_t i = 1; i + 1 < pattern->count; i++) {
		struct str piece = pattern->pieces[i];
		const char *at =
			piece.len == 0 ? s.ptr : memmem(s.ptr, s.len, piece.ptr, piece.len);

		if (at == NULL)
			return false;
		s = str_sub(s, (size_t)(at - s.ptr) + piece.len, s.len);
	}
	return true;
}

NOINLINE static struct value eval_like(struct eval *e, const struct expr *expr)
{
	struct value value = eval_operand(e, expr->like.left);

	if (value.kind != VALUE_STRING)
		return fail_value(e, value, VALUE_STRING);
	return value_bool(pattern_matches(&expr->like.pattern, value.text->str));
}

static bool is_of_type(const struct uid *uid, const struct text *type)
{
	return uid->type_hash == type->hash && bytes_same(uid->type, type->str);
}

NOINLINE static struct value eval_is(struct eval *e, const struct expr *expr)
{
	struct value left = eval_operand(e, expr->is.left);
	struct value right;

	if (left.kind != VALUE_ENTITY)
		return fail_value(e, left, VALUE_ENTITY);
	if (!is_of_type(left.uid, &expr->is.type))
		return value_bool(false);
	if (expr->is.in == NULL)
		return value_bool(true);
	right = eval_operand(e, expr->is.in);
	return right.kind == VALUE_NONE ? right : eval_in(e, left, right);
}

NOINLINE static struct value eval_method(struct eval *e, const struct expr_step *step,
					 struct value receiver)
{
	struct value value;

	return eval_call(e, step->fn, receiver, &step->args, &value) ? value : value_none();
}

NOINLINE static struct value eval_chain(struct eval *e, const struct expr *expr)
{
	struct value value = eval_operand(e, expr->chain.base);

	for (size_t i = 0; value.kind != VALUE_NONE && i < expr->chain.count; i++) {
		const struct expr_step *step = &expr->chain.steps[i];

		value = step->is_call ? eval_method(e, step, value)
				      : eval_attr(e, value, &step->attr);
	}
	return value;
}

static struct value *eval_list(struct eval *e, const struct expr *const *items, size_t count)
{
	struct value *values = arena_array(e->arena, count, sizeof(*values));

	if (values == NULL) {
		(void)eval_fail(e, "memory limit of the request reached");
		return NULL;
	}
	for (size_t i = 0; i < count; i++) {
		values[i] = eval_operand(e, items[i]);
		if (values[i].kind == VALUE_NONE)
			return NULL;
	}
	return values;
}

static struct value eval_made(struct eval *e, struct value value)
{
	if (value.kind == VALUE_NONE)
		(void)eval_fail(e, "memory limit of the request reached");
	return value;
}

NOINLINE static struct value eval_set(struct eval *e, const struct expr *expr)
{
	const struct value *values = eval_list(e, expr->list.items, expr->list.count);

	if (values == NULL)
		return value_none();
	return eval_made(e, value_set(e->arena, values, expr->list.count));
}

NOINLINE static struct value eval_record(struct eval *e, const struct expr *expr)
{
	const struct value *values = eval_list(e, expr->record.values, expr->record.count);

	if (values == NULL)
		return value_none();
	return eval_made(e, value_record(e->arena, expr->record.keys, values, expr->record.count));
}

NOINLINE static struct value eval_if(struct eval *e, const struct expr *expr)
{
	struct value test = eval_value(e, expr->cond.test);

	if (test.kind != VALUE_BOOL)
		return fail_value(e, test, VALUE_BOOL);
	return eval_value(e, test.boolean ? expr->cond.then : expr->cond.other);
}

NOINLINE static struct value eval_new(struct eval *e, const struct expr *expr)
{
	struct value value;

	if (!eval_call(e, expr->call.fn, value_none(), &expr->call.args, &value))
		return value_none();
	return value;
}

static struct value eval_value(struct eval *e, const struct expr *expr)
{
	if (expr->constant != NULL)
		return *expr->constant;
	switch (expr->kind) {
	case EXPR_VALUE: return expr->value;
	case EXPR_VAR: return eval_var(e, expr->var);
	case EXPR_NOT: return eval_not(e, expr);
	case EXPR_NEG: return eval_neg(e, expr);
	case EXPR_IF: return eval_if(e, expr);
	case EXPR_AND: return eval_logic(e, expr, false);
	case EXPR_OR: return eval_logic(e, expr, true);
	case EXPR_SUM: return eval_sum(e, expr);
	case EXPR_PRODUCT: return eval_product(e, expr);
	case EXPR_COMPARE: return eval_compare(e, expr);
	case EXPR_HAS: return eval_has(e, expr);
	case EXPR_LIKE: return eval_like(e, expr);
	case EXPR_IS: return eval_is(e, expr);
	case EXPR_CHAIN: return eval_chain(e, expr);
	case EXPR_CALL: return eval_new(e, expr);
	case EXPR_SET: return eval_set(e, expr);
	case EXPR_RECORD: return eval_record(e, expr);
	}
	(void)eval_fail(e, "unknown expression");
	return value_none();
}

bool eval_expr(struct eval *e, const struct expr *expr, struct value *out)
{
	*out = eval_value(e, expr);
	return out->kind != VALUE_NONE;
}

bool eval_scope(const struct eval *e, const struct scope *scope, const struct uid *uid)
{
	switch (scope->kind) {
	case SCOPE_ANY: return true;
	case SCOPE_EQ: return uid_eq(uid, scope->uid);
	case SCOPE_IN: return eval_is_in(e, uid, scope->uid);
	case SCOPE_IS: return is_of_type(uid, &scope->type);
	case SCOPE_IS_IN: return is_of_type(uid, &scope->type) && eval_is_in(e, uid, scope->uid);
	case SCOPE_IN_SET:
		for (size_t i = 0; i < scope->uid_count; i++)
			if (eval_is_in(e, uid, scope->uids[i]))
				return true;
		break;
	}
	return false;
}

enum eval_verdict eval_policy(struct eval *e, const struct policy *policy)
{
	if (!eval_scope(e, &policy->action, e->request->action) ||
	    !eval_scope(e, &policy->resource, e->request->resource) ||
	    !eval_scope(e, &policy->principal, e->request->principal))
		return EVAL_UNSATISFIED;
	for (size_t i = 0; i < policy->condition_count; i++) {
		struct value value = eval_value(e, policy->conditions[i].body);

		if (value.kind != VALUE_BOOL) {
			(void)fail_value(e, value, VALUE_BOOL);
			return EVAL_ERROR;
		}
		if (value.boolean == policy->conditions[i].is_unless)
			return EVAL_UNSATISFIED;
	}
	return EVAL_SATISFIED;
}
