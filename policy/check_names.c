/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/check_names.h"

#include <stdarg.h>
#include <stdio.h>

#include "policy/entity.h"

static void check_expr_names(const struct check_names *names, const struct expr *expr);

PRINTF_LIKE(3, 4)
static void name_fail(const struct check_names *names, uint32_t at, const char *fmt, ...)
{
	char text[400];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	names->on_error(names->arg, at, text);
}

static void check_type_name(const struct check_names *names, struct str type, uint32_t at)
{
	if (!schema_is_action_type(type) && schema_find_entity(names->schema, type) == NULL)
		name_fail(names, at, "entity type `" STR_FMT "` is not in the schema",
			  (int)MIN(type.len, 200), type.ptr);
}

static void check_uid_name(const struct check_names *names, const struct uid *uid, uint32_t at)
{
	const struct schema_entity *entity;
	char text[300];
	bool is_known;

	(void)entity_uid_text(uid, text, sizeof(text));
	if (schema_is_action_type(uid->type)) {
		if (schema_find_action(names->schema, uid) == NULL)
			name_fail(names, at, "action %s is not in the schema", text);
		return;
	}
	entity = schema_find_entity(names->schema, uid->type);
	if (entity == NULL) {
		check_type_name(names, uid->type, at);
		return;
	}
	is_known = !entity->is_enum;
	for (size_t i = 0; i < entity->id_count && !is_known; i++)
		is_known = str_eq(entity->ids[i], uid->id);
	if (!is_known)
		name_fail(names, at, "%s is not one of its enum's ids", text);
}

static void check_list(const struct check_names *names, const struct expr_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		check_expr_names(names, list->items[i]);
}

static void check_chain_names(const struct check_names *names, const struct expr *expr)
{
	check_expr_names(names, expr->chain.base);
	for (size_t i = 0; i < expr->chain.count; i++)
		check_list(names, &expr->chain.steps[i].args);
}

static void check_is_names(const struct check_names *names, const struct expr *expr)
{
	check_expr_names(names, expr->is.left);
	check_type_name(names, expr->is.type.str, expr->at);
	if (expr->is.in != NULL)
		check_expr_names(names, expr->is.in);
}

static void check_expr_names(const struct check_names *names, const struct expr *expr)
{
	switch (expr->kind) {
	case EXPR_VALUE:
		if (expr->value.kind == VALUE_ENTITY)
			check_uid_name(names, expr->value.uid, expr->at);
		break;
	case EXPR_VAR: break;
	case EXPR_NOT:
	case EXPR_NEG: check_expr_names(names, expr->unary.arg); break;
	case EXPR_IF:
		check_expr_names(names, expr->cond.test);
		check_expr_names(names, expr->cond.then);
		check_expr_names(names, expr->cond.other);
		break;
	case EXPR_AND:
	case EXPR_OR:
	case EXPR_PRODUCT:
	case EXPR_SET: check_list(names, &expr->list); break;
	case EXPR_SUM:
		for (size_t i = 0; i < expr->sum.count; i++)
			check_expr_names(names, expr->sum.terms[i].expr);
		break;
	case EXPR_COMPARE:
		check_expr_names(names, expr->compare.left);
		check_expr_names(names, expr->compare.right);
		break;
	case EXPR_HAS: check_expr_names(names, expr->has.left); break;
	case EXPR_LIKE: check_expr_names(names, expr->like.left); break;
	case EXPR_IS: check_is_names(names, expr); break;
	case EXPR_CHAIN: check_chain_names(names, expr); break;
	case EXPR_CALL: check_list(names, &expr->call.args); break;
	case EXPR_RECORD:
		for (size_t i = 0; i < expr->record.count; i++)
			check_expr_names(names, expr->record.values[i]);
		break;
	}
}

static void check_scope_names(const struct check_names *names, const struct scope *scope,
			      uint32_t at)
{
	if (scope->kind == SCOPE_IS || scope->kind == SCOPE_IS_IN)
		check_type_name(names, scope->type.str, at);
	if (scope->uid != NULL)
		check_uid_name(names, scope->uid, at);
	for (size_t i = 0; i < scope->uid_count; i++)
		check_uid_name(names, scope->uids[i], at);
}

void check_policy_names(const struct check_names *names, const struct policy *policy)
{
	check_scope_names(names, &policy->principal, policy->at);
	check_scope_names(names, &policy->action, policy->at);
	check_scope_names(names, &policy->resource, policy->at);
	for (size_t i = 0; i < policy->condition_count; i++)
		check_expr_names(names, policy->conditions[i].body);
}

void check_slot_names(const struct check_names *names, const struct policy *policy)
{
	if (policy->template->principal.is_slot)
		check_type_name(names, policy->principal.uid->type, policy->at);
	if (policy->template->resource.is_slot)
		check_type_name(names, policy->resource.uid->type, policy->at);
}
