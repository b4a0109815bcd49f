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

static bool eval_bool(struct eval *e, const struct expr *expr, bool *out)
{
	struct value value = value_none();

	if (!eval_expr(e, expr, &value) || !eval_expect(e, value, VALUE_BOOL))
		return false;
	*out = value.boolean;
	return true;
}

/* `&&` ends at the first false, `||` at the first true. */
static bool eval_logic(struct eval *e, const struct expr *expr, bool stop, struct value *out)
{
	bool b = !stop;

	for (size_t i = 0; b != stop && i < expr->list.count; i++)
		if (!eval_bool(e, expr->list.items[i], &b))
			return false;
	*out = value_bool(b);
	return true;
}

static bool eval_long(struct eval *e, const struct expr *expr, int64_t *out)
{
	struct value value;

	if (!eval_expr(e, expr, &value) || !eval_expect(e, value, VALUE_LONG))
		return false;
	*out = value.number;
	return true;
}

static bool eval_sum(struct eval *e, const struct expr *expr, struct value *out)
{
	int64_t sum = 0;
	int64_t term;

	for (size_t i = 0; i < expr->sum.count; i++) {
		if (!eval_long(e, expr->sum.terms[i].expr, &term))
			return false;
		if (expr->sum.terms[i].is_minus ? __builtin_sub_overflow(sum, term, &sum)
						: __builtin_add_overflow(sum, term, &sum))
			return eval_fail(e, "integer overflow");
	}
	*out = value_long(sum);
	return true;
}

static bool eval_product(struct eval *e, const struct expr *expr, struct value *out)
{
	int64_t product = 1;
	int64_t factor;

	for (size_t i = 0; i < expr->list.count; i++) {
		if (!eval_long(e, expr->list.items[i], &factor))
			return false;
		if (__builtin_mul_overflow(product, factor, &product))
			return eval_fail(e, "integer overflow");
	}
	*out = value_long(product);
	return true;
}

static bool eval_neg(struct eval *e, const struct expr *expr, struct value *out)
{
	int64_t n;

	if (!eval_long(e, expr->unary.arg, &n))
		return false;
	for (unsigned i = 0; i < expr->unary.count; i++)
		if (__builtin_sub_overflow((int64_t)0, n, &n))
			return eval_fail(e, "integer overflow");
	*out = value_long(n);
	return true;
}

static bool eval_not(struct eval *e, const struct expr *expr, struct value *out)
{
	bool b;

	if (!eval_bool(e, expr->unary.arg, &b))
		return false;
	*out = value_bool(b != (expr->unary.count % 2 == 1));
	return true;
}

/* Every element must be an entity, also those behind a match. */
static bool eval_in(struct eval *e, struct value left, struct value right, bool *out)
{
	bool is_in = false;

	if (!eval_expect(e, left, VALUE_ENTITY))
		return false;
	if (right.kind == VALUE_ENTITY) {
		*out = eval_is_in(e, left.uid, right.uid);
		return true;
	}
	if (!eval_expect(e, right, VALUE_SET))
		return false;
	for (size_t i = 0; i < right.set->count; i++)
		if (!eval_expect(e, right.set->items[i], VALUE_ENTITY))
			return false;
	for (size_t i = 0; !is_in && i < right.set->count; i++)
		is_in = eval_is_in(e, left.uid, right.set->items[i].uid);
	*out = is_in;
	return true;
}

static bool eval_order(struct eval *e, enum expr_op op, struct value left, struct value right,
		       bool *out)
{
	if (left.kind != VALUE_LONG && left.kind != VALUE_DATETIME && left.kind != VALUE_DURATION)
		return eval_fail(e, "type error: %s has no order", value_kind_name(left.kind));
	if (!eval_expect(e, right, left.kind))
		return false;
	switch ((unsigned)op) {
	case OP_LT: *out = left.number < right.number; break;
	case OP_LE: *out = left.number <= right.number; break;
	case OP_GT: *out = left.number > right.number; break;
	default: *out = left.number >= right.number; break;
	}
	return true;
}

static bool eval_compare(struct eval *e, const struct expr *expr, struct value *out)
{
	struct value left;
	struct value right;
	bool b = false;
	bool is_fine = true;

	if (!eval_expr(e, expr->compare.left, &left) || !eval_expr(e, expr->compare.right, &right))
		return false;
	switch (expr->compare.op) {
	case OP_EQ: b = value_eq(left, right); break;
	case OP_NE: b = !value_eq(left, right); break;
	case OP_IN: is_fine = eval_in(e, left, right, &b); break;
	case OP_LT:
	case OP_LE:
	case OP_GT:
	case OP_GE: is_fine = eval_order(e, expr->compare.op, left, right, &b); break;
	}
	*out = value_bool(b);
	return is_fine;
}

/* The attributes of a record or entity; NULL record for an entity that is not there. */
static bool eval_attrs(struct eval *e, struct value of, const struct value_record **out)
{
	const struct entity *entity;

	if (of.kind == VALUE_RECORD) {
		*out = of.record;
		return true;
	}
	if (of.kind != VALUE_ENTITY)
		return eval_fail(e, "type error: %s has no attributes", value_kind_name(of.kind));
	entity = eval_entity(e, of.uid);
	*out = entity == NULL ? NULL : entity->attrs;
	return true;
}

COLD static bool fail_attr(struct eval *e, struct value of, const struct value_record *attrs,
			   const struct text *attr)
{
	char uid[300];

	if (attrs == NULL)
		return eval_fail(e, "entity %s does not exist",
				 entity_uid_text(of.uid, uid, sizeof(uid)));
	if (of.kind == VALUE_ENTITY)
		return eval_fail(e, "entity %s has no attribute `" STR_FMT "`",
				 entity_uid_text(of.uid, uid, sizeof(uid)), STR_ARG(attr->str));
	return eval_fail(e, "record has no attribute `" STR_FMT "`", STR_ARG(attr->str));
}

static bool eval_attr(struct eval *e, struct value of, const struct text *attr, struct value *out)
{
	const struct value_record *attrs;

	if (!eval_attrs(e, of, &attrs))
		return false;
	*out = attrs == NULL ? value_none() : value_record_get(attrs, attr);
	return out->kind != VALUE_NONE || fail_attr(e, of, attrs, attr);
}

static bool eval_has(struct eval *e, const struct expr *expr, struct value *out)
{
	struct value value;
	bool has = true;

	if (!eval_expr(e, expr->has.left, &value))
		return false;
	for (size_t i = 0; has && i < expr->has.count; i++) {
		const struct value_record *attrs = NULL;

		if (!eval_attrs(e, value, &attrs))
			return false;
		value = attrs == NULL ? value_none() : value_record_get(attrs, &expr->has.path[i]);
		has = value.kind != VALUE_NONE;
	}
	*out = value_bool(has);
	return true;
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

static bool eval_like(struct eval *e, const struct expr *expr, struct value *out)
{
	struct value value;

	if (!eval_expr(e, expr->like.left, &value) || !eval_expect(e, value, VALUE_STRING))
		return false;
	*out = value_bool(pattern_matches(&expr->like.pattern, value.text->str));
	return true;
}

static bool is_of_type(const struct uid *uid, const struct text *type)
{
	return uid->type_hash == type->hash && str_eq(uid->type, type->str);
}

static bool eval_is(struct eval *e, const struct expr *expr, struct value *out)
{
	struct value left;
	struct value right;
	bool b;

	if (!eval_expr(e, expr->is.left, &left) || !eval_expect(e, left, VALUE_ENTITY))
		return false;
	b = is_of_type(left.uid, &expr->is.type);
	if (b && expr->is.in != NULL &&
	    (!eval_expr(e, expr->is.in, &right) || !eval_in(e, left, right, &b)))
		return false;
	*out = value_bool(b);
	return true;
}

static bool eval_chain(struct eval *e, const struct expr *expr, struct value *out)
{
	struct value value;

	if (!eval_expr(e, expr->chain.base, &value))
		return false;
	for (size_t i = 0; i < expr->chain.count; i++) {
		const struct expr_step *step = &expr->chain.steps[i];

		if (step->is_call ? !eval_call(e, step->fn, value, &step->args, &value)
				  : !eval_attr(e, value, &step->attr, &value))
			return false;
	}
	*out = value;
	return true;
}

static struct value *eval_list(struct eval *e, const struct expr *const *items, size_t count)
{
	struct value *values = arena_array(e->arena, count, sizeof(*values));

	if (values == NULL) {
		(void)eval_fail(e, "memory limit of the request reached");
		return NULL;
	}
	for (size_t i = 0; i < count; i++)
		if (!eval_expr(e, items[i], &values[i]))
			return NULL;
	return values;
}

static bool eval_set(struct eval *e, const struct expr *expr, struct value *out)
{
	const struct value *values = eval_list(e, expr->list.items, expr->list.count);

	if (values == NULL)
		return false;
	*out = value_set(e->arena, values, expr->list.count);
	return eval_expect(e, *out, VALUE_SET);
}

static bool eval_record(struct eval *e, const struct expr *expr, struct value *out)
{
	const struct value *values = eval_list(e, expr->record.values, expr->record.count);

	if (values == NULL)
		return false;
	*out = value_record(e->arena, expr->record.keys, values, expr->record.count);
	return eval_expect(e, *out, VALUE_RECORD);
}

static bool eval_if(struct eval *e, const struct expr *expr, struct value *out)
{
	bool test;

	if (!eval_bool(e, expr->cond.test, &test))
		return false;
	return eval_expr(e, test ? expr->cond.then : expr->cond.other, out);
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

bool eval_expr(struct eval *e, const struct expr *expr, struct value *out)
{
	if (expr->constant != NULL) {
		*out = *expr->constant;
		return true;
	}
	switch (expr->kind) {
	case EXPR_VALUE: *out = expr->value; return true;
	case EXPR_VAR: *out = eval_var(e, expr->var); return true;
	case EXPR_NOT: return eval_not(e, expr, out);
	case EXPR_NEG: return eval_neg(e, expr, out);
	case EXPR_IF: return eval_if(e, expr, out);
	case EXPR_AND: return eval_logic(e, expr, false, out);
	case EXPR_OR: return eval_logic(e, expr, true, out);
	case EXPR_SUM: return eval_sum(e, expr, out);
	case EXPR_PRODUCT: return eval_product(e, expr, out);
	case EXPR_COMPARE: return eval_compare(e, expr, out);
	case EXPR_HAS: return eval_has(e, expr, out);
	case EXPR_LIKE: return eval_like(e, expr, out);
	case EXPR_IS: return eval_is(e, expr, out);
	case EXPR_CHAIN: return eval_chain(e, expr, out);
	case EXPR_CALL: return eval_call(e, expr->call.fn, value_none(), &expr->call.args, out);
	case EXPR_SET: return eval_set(e, expr, out);
	case EXPR_RECORD: return eval_record(e, expr, out);
	}
	return eval_fail(e, "unknown expression");
}

static bool scope_matches(const struct eval *e, const struct scope *scope, const struct uid *uid)
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
	if (!scope_matches(e, &policy->action, e->request->action) ||
	    !scope_matches(e, &policy->resource, e->request->resource) ||
	    !scope_matches(e, &policy->principal, e->request->principal))
		return EVAL_UNSATISFIED;
	for (size_t i = 0; i < policy->condition_count; i++) {
		bool b;

		if (!eval_bool(e, policy->conditions[i].body, &b))
			return EVAL_ERROR;
		if (b == policy->conditions[i].is_unless)
			return EVAL_UNSATISFIED;
	}
	return EVAL_SATISFIED;
}
