/* SPDX-License-Identifier: Apache-2.0 */
/* The request as far as it is known, and a policy as one chain of conditions: its three scopes,
 * written out as expressions, then its own. */
#include "policy/partial.h"

#include "policy/partial_term.h"
#include "policy/residual.h"
#include "policy/type.h"

static const struct schema_type any_entity = {.kind = SCHEMA_ENTITY};

static const struct schema_action *known_action(const struct partial_request *request,
						const struct schema *schema)
{
	if (schema == NULL || request->action.uid == NULL)
		return NULL;
	return schema_find_action(schema, request->action.uid);
}

bool partial_open_context(struct partial_request *request, const struct schema *schema,
			  struct arena *arena)
{
	const struct schema_action *action = known_action(request, schema);
	const struct schema_type *type;
	struct partial_unknown *unknowns;
	size_t count = 0;

	request->is_context_open = action == NULL;
	request->unknown_count = 0;
	if (action == NULL || action->context == NULL)
		return true;
	type = schema_real_type(action->context);
	unknowns = arena_array(arena, type->attr_count, sizeof(*unknowns));
	if (unknowns == NULL)
		return false;
	for (size_t i = 0; i < type->attr_count; i++) {
		const struct schema_attr *attr = &type->attrs[i];

		if (request->context.kind == VALUE_RECORD &&
		    value_record_get(request->context.record, &attr->key).kind != VALUE_NONE)
			continue;
		unknowns[count++] = (struct partial_unknown){
			.name = attr->key, .type = attr->type, .may_be_absent = !attr->is_required};
	}
	request->unknown_count = count;
	request->unknowns = unknowns;
	return true;
}

static bool init_type(struct partial *p, enum expr_var var, const struct partial_entity *entity)
{
	struct schema_type *type;

	p->types[var] = &any_entity;
	if (entity->uid != NULL || entity->type.ptr == NULL)
		return true;
	type = arena_zalloc(p->eval.arena, sizeof(*type));
	if (type == NULL)
		return false;
	type->kind = SCHEMA_ENTITY;
	type->name = entity->type;
	p->types[var] = type;
	return true;
}

bool partial_init(struct partial *p, const struct entity_store *store, const struct schema *schema,
		  const struct partial_request *request, struct arena *arena)
{
	const struct schema_action *action = known_action(request, schema);

	ASSERT(request->overlay == NULL ||
	       (request->principal.uid != NULL && !request->principal.is_open));
	*p = (struct partial){.request = request, .schema = schema};
	p->nobody = uid_make(STR(""), STR(""));
	p->known = (struct policy_request){
		.principal = request->principal.uid == NULL ? &p->nobody : request->principal.uid,
		.action = request->action.uid == NULL ? &p->nobody : request->action.uid,
		.resource = request->resource.uid == NULL ? &p->nobody : request->resource.uid,
		.overlay = request->overlay,
		.context = request->context,
	};
	p->types[VAR_CONTEXT] = action != NULL && action->context != NULL
					? action->context
					: type_of_kind(SCHEMA_RECORD);
	return eval_init(&p->eval, store, &p->known, arena) &&
	       init_type(p, VAR_PRINCIPAL, &request->principal) &&
	       init_type(p, VAR_ACTION, &request->action) &&
	       init_type(p, VAR_RESOURCE, &request->resource);
}

bool partial_has_whole_context(const struct partial *p)
{
	return p->request->unknown_count == 0 && !p->request->is_context_open;
}

static bool may_be(const struct partial_entity *entity, const struct uid *uid)
{
	if (entity->uid != NULL)
		return entity->is_open && uid_eq(entity->uid, uid);
	return entity->type.ptr == NULL || str_eq(entity->type, uid->type);
}

bool partial_is_open(const struct partial *p, const struct uid *uid)
{
	return may_be(&p->request->principal, uid) || may_be(&p->request->action, uid) ||
	       may_be(&p->request->resource, uid);
}

struct term term_value(struct value value, const struct expr *origin)
{
	return (struct term){.kind = TERM_VALUE, .value = value, .expr = origin, .is_total = true};
}

struct term term_error(const struct expr *origin)
{
	return (struct term){.kind = TERM_ERROR, .expr = origin};
}

struct term term_residual(const struct expr *expr, const struct schema_type *type, bool is_total)
{
	return (struct term){
		.kind = TERM_RESIDUAL, .expr = expr, .type = type, .is_total = is_total};
}

struct term term_as_bool(struct term term)
{
	bool is_other = term.kind == TERM_VALUE
				? term.value.kind != VALUE_BOOL
				: term.type != NULL && !type_is_bool(schema_real_type(term.type));

	return is_other ? term_error(term.expr) : term;
}

struct expr term_literal(struct value value)
{
	return (struct expr){.kind = EXPR_VALUE, .value = value};
}

struct term term_fold(struct partial *p, const struct expr *node, const struct expr *origin)
{
	struct value value;

	return eval_expr(&p->eval, node, &value) ? term_value(value, origin) : term_error(origin);
}

struct expr *term_node(struct partial *p, const struct expr *like)
{
	struct expr *node = arena_alloc(p->eval.arena, sizeof(*node));

	if (node != NULL) {
		*node = *like;
		node->constant = NULL;
	}
	return node;
}

/* A variable stays one: `principal` says more than its uid. A value that is too large to be
 * written stays the expression that gives it. */
const struct expr *term_expr(struct partial *p, const struct term *term)
{
	const struct expr *literal;

	if (term->kind != TERM_VALUE || term->expr->kind == EXPR_VAR ||
	    term->expr->kind == EXPR_VALUE || term->expr->constant != NULL)
		return term->expr;
	literal = residual_of_value(p->eval.arena, term->value, term->expr->at);
	return literal == NULL ? term->expr : literal;
}

static const struct schema_type *value_type(struct partial *p, struct value value)
{
	static const struct schema_type any_set = {.kind = SCHEMA_SET};
	struct schema_type *entity;

	switch (value.kind) {
	case VALUE_NONE: break;
	case VALUE_BOOL: return type_of_kind(SCHEMA_BOOL);
	case VALUE_LONG: return type_of_kind(SCHEMA_LONG);
	case VALUE_STRING: return type_of_kind(SCHEMA_STRING);
	case VALUE_SET: return &any_set;
	case VALUE_RECORD: return type_of_kind(SCHEMA_RECORD);
	case VALUE_DECIMAL: return type_of_kind(SCHEMA_DECIMAL);
	case VALUE_IP: return type_of_kind(SCHEMA_IP);
	case VALUE_DATETIME: return type_of_kind(SCHEMA_DATETIME);
	case VALUE_DURATION: return type_of_kind(SCHEMA_DURATION);
	case VALUE_ENTITY:
		entity = arena_zalloc(p->eval.arena, sizeof(*entity));
		if (entity == NULL)
			break;
		entity->kind = SCHEMA_ENTITY;
		entity->name = value.uid->type;
		return entity;
	}
	return NULL;
}

const struct schema_type *term_type(struct partial *p, const struct term *term)
{
	if (term->kind == TERM_VALUE)
		return value_type(p, term->value);
	return term->type == NULL ? NULL : schema_real_type(term->type);
}

enum schema_kind term_kind_of(struct partial *p, const struct term *term)
{
	const struct schema_type *type;

	if (term->kind == TERM_VALUE && term->value.kind == VALUE_ENTITY)
		return SCHEMA_ENTITY;
	type = term_type(p, term);
	if (type == NULL)
		return SCHEMA_NAME;
	return type_is_bool(type) ? SCHEMA_BOOL : type->kind;
}

bool term_is_not(struct partial *p, const struct term *term, enum schema_kind kind)
{
	enum schema_kind own = term_kind_of(p, term);

	return own != SCHEMA_NAME && own != kind;
}

static const struct expr *uid_expr(struct partial *p, const struct uid *uid)
{
	struct expr *expr = arena_zalloc(p->eval.arena, sizeof(*expr));

	if (expr != NULL)
		*expr = term_literal(value_entity(uid));
	return expr;
}

static const struct expr *uids_expr(struct partial *p, const struct scope *scope)
{
	struct expr *set = arena_zalloc(p->eval.arena, sizeof(*set));
	const struct expr **items = arena_array(p->eval.arena, scope->uid_count, sizeof(*items));

	if (set == NULL || items == NULL)
		return NULL;
	for (size_t i = 0; i < scope->uid_count; i++) {
		items[i] = uid_expr(p, scope->uids[i]);
		if (items[i] == NULL)
			return NULL;
	}
	set->kind = EXPR_SET;
	set->list = (struct expr_list){scope->uid_count, items};
	return set;
}

static const struct expr *scope_compare(struct partial *p, const struct expr *var, enum expr_op op,
					const struct scope *scope)
{
	struct expr *node = arena_zalloc(p->eval.arena, sizeof(*node));
	const struct expr *right =
		scope->kind == SCOPE_IN_SET ? uids_expr(p, scope) : uid_expr(p, scope->uid);

	if (node == NULL || right == NULL)
		return NULL;
	node->kind = EXPR_COMPARE;
	node->compare.op = op;
	node->compare.left = var;
	node->compare.right = right;
	return node;
}

static const struct expr *scope_is(struct partial *p, const struct expr *var,
				   const struct scope *scope)
{
	struct expr *node = arena_zalloc(p->eval.arena, sizeof(*node));

	if (node == NULL)
		return NULL;
	node->kind = EXPR_IS;
	node->is.left = var;
	node->is.type = scope->type;
	if (scope->kind == SCOPE_IS_IN) {
		node->is.in = uid_expr(p, scope->uid);
		if (node->is.in == NULL)
			return NULL;
	}
	return node;
}

/* NULL past the arena's cap, and for a scope that asks nothing. */
static const struct expr *scope_expr(struct partial *p, enum expr_var which,
				     const struct scope *scope)
{
	struct expr *var = arena_zalloc(p->eval.arena, sizeof(*var));

	if (var == NULL)
		return NULL;
	var->kind = EXPR_VAR;
	var->var = which;
	switch (scope->kind) {
	case SCOPE_ANY: break;
	case SCOPE_EQ: return scope_compare(p, var, OP_EQ, scope);
	case SCOPE_IN:
	case SCOPE_IN_SET: return scope_compare(p, var, OP_IN, scope);
	case SCOPE_IS:
	case SCOPE_IS_IN: return scope_is(p, var, scope);
	}
	return NULL;
}

static struct term partial_body(struct partial *p, const struct policy *policy)
{
	static const struct expr truth = {.kind = EXPR_VALUE,
					  .value = {.kind = VALUE_BOOL, .boolean = true}};
	const struct scope *scopes[] = {
		[VAR_PRINCIPAL] = &policy->principal,
		[VAR_ACTION] = &policy->action,
		[VAR_RESOURCE] = &policy->resource,
	};
	static const enum expr_var order[] = {VAR_ACTION, VAR_RESOURCE, VAR_PRINCIPAL};
	struct term_logic logic = {.partial = p, .is_total = true};
	const struct expr *origin = &truth;

	logic.terms = arena_array(p->eval.arena, policy->condition_count + ARRAY_LEN(order),
				  sizeof(*logic.terms));
	if (logic.terms == NULL)
		return term_error(origin);
	for (size_t i = 0; i < ARRAY_LEN(order) && !logic.is_ended; i++) {
		const struct expr *expr = scope_expr(p, order[i], scopes[order[i]]);

		if (expr != NULL)
			term_logic_push(&logic, partial_term(p, expr, true));
	}
	for (size_t i = 0; i < policy->condition_count && !logic.is_ended; i++) {
		const struct policy_condition *condition = &policy->conditions[i];
		struct term term = partial_term(p, condition->body, true);

		origin = condition->body;
		if (condition->is_unless)
			term = partial_not(p, condition->body, term, 1, true);
		term_logic_push(&logic, term);
	}
	return term_logic_end(&logic, origin, true);
}

enum err partial_policy(struct partial *p, const struct policy *policy, struct partial_result *out)
{
	struct term term = term_as_bool(partial_body(p, policy));

	if (arena_has_overflowed(p->eval.arena))
		return ERR_LIMIT;
	*out = (struct partial_result){.verdict = PARTIAL_ERROR};
	if (term.kind == TERM_VALUE)
		out->verdict = term.value.boolean ? PARTIAL_TRUE : PARTIAL_FALSE;
	if (term.kind == TERM_RESIDUAL)
		*out = (struct partial_result){
			.verdict = PARTIAL_RESIDUAL,
			.expr = term.expr,
			.may_err = !term.is_total || term_kind_of(p, &term) != SCHEMA_BOOL,
			.is_never_true = term.is_never_true,
		};
	return OK;
}
