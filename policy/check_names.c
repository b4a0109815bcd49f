/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/check_names.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/suggest.h"
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

static struct str base_of(struct str name)
{
	for (size_t i = name.len; i > 0; i--)
		if (name.ptr[i - 1] == ':')
			return str_sub(name, i, name.len);
	return name;
}

/* One whose last part is near, whatever its namespace: that is what is forgotten. */
static void check_type_name(const struct check_names *names, struct str type, uint32_t at)
{
	struct suggest suggest = {.word = base_of(type)};
	struct str full = {NULL, 0};

	if (schema_is_action_type(type) || schema_find_entity(names->schema, type) != NULL)
		return;
	for (size_t i = 0; i < schema_entity_count(names->schema); i++) {
		struct str name = schema_entity_at(names->schema, i)->name;
		struct str best = suggest.best;

		suggest_try(&suggest, base_of(name));
		if (suggest.best.ptr != best.ptr)
			full = name;
	}
	name_fail(names, at, "entity type `" STR_FMT "` is not in the schema%s" STR_FMT "%s",
		  (int)MIN(type.len, 100), type.ptr, full.len > 0 ? "; did you mean `" : "",
		  (int)MIN(full.len, 100), full.ptr, full.len > 0 ? "`?" : "");
}

static void fail_action(const struct check_names *names, const struct uid *uid, uint32_t at)
{
	struct suggest suggest = {.word = uid->id};
	const struct uid *near = NULL;
	char text[120], near_text[120];

	for (size_t i = 0; i < schema_action_count(names->schema); i++) {
		const struct uid *one = schema_action_at(names->schema, i)->uid;
		struct str best = suggest.best;

		suggest_try(&suggest, one->id);
		if (suggest.best.ptr != best.ptr)
			near = one;
	}
	(void)entity_uid_text(uid, text, sizeof(text));
	if (near == NULL)
		name_fail(names, at, "action %s is not in the schema", text);
	else
		name_fail(names, at, "action %s is not in the schema; did you mean %s?", text,
			  entity_uid_text(near, near_text, sizeof(near_text)));
}

static void check_enum_id(const struct check_names *names, const struct schema_entity *entity,
			  const struct uid *uid, uint32_t at)
{
	struct suggest suggest = {.word = uid->id};
	char text[200];

	for (size_t i = 0; i < entity->id_count; i++) {
		if (str_eq(entity->ids[i], uid->id))
			return;
		suggest_try(&suggest, entity->ids[i]);
	}
	(void)entity_uid_text(uid, text, sizeof(text));
	name_fail(names, at, "%s is not one of its enum's ids%s" STR_FMT "%s", text,
		  suggest.best.len > 0 ? "; did you mean \"" : "", (int)MIN(suggest.best.len, 100),
		  suggest.best.ptr, suggest.best.len > 0 ? "\"?" : "");
}

static void check_uid_name(const struct check_names *names, const struct uid *uid, uint32_t at)
{
	const struct schema_entity *entity = schema_find_entity(names->schema, uid->type);

	if (schema_is_action_type(uid->type)) {
		if (schema_find_action(names->schema, uid) == NULL)
			fail_action(names, uid, at);
	} else if (entity == NULL) {
		check_type_name(names, uid->type, at);
	} else if (entity->is_enum) {
		check_enum_id(names, entity, uid, at);
	}
}

static void check_list(const struct check_names *names, const struct expr_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		check_expr_names(names, list->items[i]);
}

static void check_chain_names(const struct check_names *names, const struct expr *expr)
{
	check_expr_names(names, expr->chain.base);
	for (size_t i = 0; i < expr->chain.count; i++) {
		const struct expr_step *step = &expr->chain.steps[i];

		check_list(names, &step->args);
		if (!step->is_call)
			check_spelling_name(&names->spelling, step->attr.str, step->at);
	}
}

static void check_is_names(const struct check_names *names, const struct expr *expr)
{
	check_expr_names(names, expr->is.left);
	check_type_name(names, expr->is.type.str, expr->at);
	if (expr->is.in != NULL)
		check_expr_names(names, expr->is.in);
}

static void check_value(const struct check_names *names, const struct value *value, uint32_t at)
{
	if (value->kind == VALUE_STRING)
		check_spelling_string(&names->spelling, value->text->str, at);
	if (value->kind != VALUE_ENTITY)
		return;
	check_uid_name(names, value->uid, at);
	check_spelling_name(&names->spelling, value->uid->id, at);
}

static void check_has_names(const struct check_names *names, const struct expr *expr)
{
	check_expr_names(names, expr->has.left);
	for (size_t i = 0; i < expr->has.count; i++)
		check_spelling_name(&names->spelling, expr->has.path[i].str, expr->at);
}

static void check_expr_names(const struct check_names *names, const struct expr *expr)
{
	switch (expr->kind) {
	case EXPR_VALUE: check_value(names, &expr->value, expr->at); break;
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
	case EXPR_HAS: check_has_names(names, expr); break;
	case EXPR_LIKE:
		check_expr_names(names, expr->like.left);
		check_spelling_pattern(&names->spelling, &expr->like.pattern, expr->at);
		break;
	case EXPR_IS: check_is_names(names, expr); break;
	case EXPR_CHAIN: check_chain_names(names, expr); break;
	case EXPR_CALL: check_list(names, &expr->call.args); break;
	case EXPR_RECORD:
		for (size_t i = 0; i < expr->record.count; i++) {
			check_spelling_name(&names->spelling, expr->record.keys[i].str, expr->at);
			check_expr_names(names, expr->record.values[i]);
		}
		break;
	}
}

static void check_scope_uid(const struct check_names *names, const struct uid *uid, uint32_t at)
{
	check_uid_name(names, uid, at);
	check_spelling_name(&names->spelling, uid->id, at);
}

static void check_scope_names(const struct check_names *names, const struct scope *scope,
			      uint32_t at)
{
	if (scope->kind == SCOPE_IS || scope->kind == SCOPE_IS_IN)
		check_type_name(names, scope->type.str, at);
	if (scope->uid != NULL)
		check_scope_uid(names, scope->uid, at);
	for (size_t i = 0; i < scope->uid_count; i++)
		check_scope_uid(names, scope->uids[i], at);
}

void check_policy_names(const struct check_names *names, const struct policy *policy)
{
	check_scope_names(names, &policy->principal, policy->at);
	check_scope_names(names, &policy->action, policy->at);
	check_scope_names(names, &policy->resource, policy->at);
	for (size_t i = 0; i < policy->condition_count; i++)
		check_expr_names(names, policy->conditions[i].body);
}

/* An id that its enum lacks is no error here, as with the official validator: it fits nothing. */
static void check_slot(const struct check_names *names, const struct uid *uid, uint32_t at)
{
	const struct check_names warning = {.schema = names->schema,
					    .on_error = names->spelling.on_warning,
					    .arg = names->spelling.arg};
	const struct schema_entity *entity = schema_find_entity(names->schema, uid->type);

	if (entity != NULL && entity->is_enum)
		check_enum_id(&warning, entity, uid, at);
	else if (entity == NULL)
		check_type_name(names, uid->type, at);
}

void check_slot_names(const struct check_names *names, const struct policy *link)
{
	if (link->template->principal.is_slot)
		check_slot(names, link->principal.uid, link->at);
	if (link->template->resource.is_slot)
		check_slot(names, link->resource.uid, link->at);
}
