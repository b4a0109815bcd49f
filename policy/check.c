/* SPDX-License-Identifier: Apache-2.0 */
/*
 *   each policy, each template ─► names of the whole policy
 *               ─► each action ─► each principal type ─► each resource type
 *                    scope false there: not applicable
 *                    else its conditions, typed from left to right
 *   each link ─► what fills its slots ─► is there an action it applies to?
 *
 * A slot may stand for anything, so the conditions of a link are its template's.
 */
#include "policy/check.h"

#include <stdlib.h>

#include "policy/check_expr.h"
#include "policy/check_names.h"
#include "policy/lex.h"

struct check {
	struct check_report *report;
	const struct policy *policy;
	size_t first; /* of the policy's findings */
	struct arena arena;
	struct check_env env;
	bool is_applicable; /* some environment fits the scope */
	bool is_possible;   /* some environment is not false */
	bool has_errors;
	bool is_mute; /* of errors: only levels are asked for */
};

void check_report_init(struct check_report *report)
{
	*report = (struct check_report){.count = 0};
	arena_init(&report->arena, 8192, CHECK_ARENA);
}

void check_report_fini(struct check_report *report)
{
	free(report->findings);
	arena_fini(&report->arena);
}

static bool is_reported(const struct check *c, uint32_t at, struct str text)
{
	for (size_t i = c->first; i < c->report->count; i++)
		if (c->report->findings[i].at == at && str_eq(c->report->findings[i].text, text))
			return true;
	return false;
}

static void report_add(struct check *c, bool is_warning, uint32_t at, const char *message)
{
	struct check_report *report = c->report;
	struct str text = str_from_c(message);

	if (is_reported(c, at, text))
		return;
	if (is_warning)
		report->warning_count++;
	else
		report->error_count++;
	if (report->count == CHECK_FINDINGS)
		return;
	if (report->findings == NULL)
		report->findings = base_alloc(CHECK_FINDINGS * sizeof(*report->findings));
	text = arena_str(&report->arena, text);
	if (str_is_set(text))
		report->findings[report->count++] =
			(struct check_finding){is_warning, c->policy, at, text};
}

static void on_warning(void *arg, uint32_t at, const char *text)
{
	report_add(arg, true, at, text);
}

static void on_error(void *arg, uint32_t at, const char *text)
{
	struct check *c = arg;

	c->has_errors = true;
	if (!c->is_mute)
		report_add(c, false, at, text);
}

static void on_level(void *arg, uint32_t at, const char *text)
{
	report_add(arg, false, at, text);
}

/* A principal's or resource's scope against one type of entity. */
static bool scope_admits(struct check *c, const struct scope *scope, struct str type)
{
	struct str of = scope->uid == NULL ? type : scope->uid->type;

	if (scope->kind == SCOPE_EQ && !str_eq(of, type))
		return false;
	if ((scope->kind == SCOPE_IS || scope->kind == SCOPE_IS_IN) &&
	    !str_eq(scope->type.str, type))
		return false;
	if (scope->kind == SCOPE_IN || scope->kind == SCOPE_IS_IN)
		return type_is_below(c->env.schema, &c->arena, type, of);
	return true;
}

static bool scope_admits_action(const struct check *c, const struct scope *scope,
				const struct uid *action)
{
	if (scope->kind == SCOPE_ANY)
		return true;
	if (scope->kind == SCOPE_EQ)
		return uid_eq(scope->uid, action);
	if (scope->kind == SCOPE_IN)
		return check_action_is_in(&c->env, action, scope->uid);
	for (size_t i = 0; i < scope->uid_count; i++)
		if (check_action_is_in(&c->env, action, scope->uids[i]))
			return true;
	return false;
}

/* The conditions in text order, as one chain of &&. */
static void check_conditions(struct check *c)
{
	const struct capability_set *known = NULL;
	struct typing all = {.type = type_of_bool(true)};

	for (size_t i = 0; i < c->policy->condition_count && all.type->kind != SCHEMA_FALSE; i++) {
		const struct policy_condition *condition = &c->policy->conditions[i];
		struct typing one;

		(void)check_condition(&c->env, condition->body, known, &one);
		if (condition->is_unless) {
			one.shown = NULL;
			if (one.type->kind != SCHEMA_BOOL)
				one.type = type_of_bool(one.type->kind == SCHEMA_FALSE);
		}
		known = capability_union(&c->arena, known, one.shown);
		all = check_and(&c->env, all, one);
	}
	c->is_possible |= all.type->kind != SCHEMA_FALSE;
}

static void check_pair(struct check *c, const struct schema_action *action, struct str principal,
		       struct str resource)
{
	struct schema_type types[3] = {
		{.kind = SCHEMA_ENTITY, .name = principal},
		{.kind = SCHEMA_ENTITY, .name = action->uid->type},
		{.kind = SCHEMA_ENTITY, .name = resource},
	};
	struct arena_mark mark = arena_mark(&c->arena);

	c->is_applicable = true;
	if (policy_template(c->policy) != NULL)
		return;
	c->env.action = action->uid;
	c->env.vars[VAR_PRINCIPAL] = &types[0];
	c->env.vars[VAR_ACTION] = &types[1];
	c->env.vars[VAR_RESOURCE] = &types[2];
	c->env.vars[VAR_CONTEXT] = action->context == NULL ? type_of_kind(SCHEMA_RECORD)
							   : schema_real_type(action->context);
	check_conditions(c);
	arena_rewind(&c->arena, mark);
}

static void check_action(struct check *c, const struct schema_action *action)
{
	if (!scope_admits_action(c, &c->policy->action, action->uid))
		return;
	for (size_t p = 0; p < action->principal_count; p++) {
		if (!scope_admits(c, &c->policy->principal, action->principals[p]))
			continue;
		for (size_t r = 0; r < action->resource_count; r++)
			if (scope_admits(c, &c->policy->resource, action->resources[r]))
				check_pair(c, action, action->principals[p], action->resources[r]);
	}
}

static int order_findings(const void *a, const void *b)
{
	const struct check_finding *left = a;
	const struct check_finding *right = b;

	if (left->at != right->at)
		return left->at < right->at ? -1 : 1;
	return str_cmp(left->text, right->text);
}

static void sort_findings(struct check *c)
{
	if (c->report->count > c->first)
		qsort(c->report->findings + c->first, c->report->count - c->first,
		      sizeof(*c->report->findings), order_findings);
}

static void check_actions(struct check *c)
{
	for (size_t i = 0; i < schema_action_count(c->env.schema); i++)
		check_action(c, schema_action_at(c->env.schema, i));
}

static void check_applicable(struct check *c)
{
	check_actions(c);
	if (!c->is_applicable)
		on_error(c, c->policy->at,
			 "no action of the schema applies to such a principal and resource");
}

/* Its template is checked for any value of the slots: left are the values of this one. */
static void check_link(struct check *c, const struct check_names *names)
{
	check_slot_names(names, c->policy);
	check_applicable(c);
}

static void check_conditioned(struct check *c, const struct check_names *names)
{
	const struct policy *policy = c->policy;

	check_policy_names(names, policy);
	if (policy->action.kind == SCOPE_IN_SET && policy->action.uid_count == 0)
		on_error(c, policy->at, "`action in []` fits no action");
	check_applicable(c);
	if (!c->is_possible && !c->has_errors)
		report_add(c, true, policy->at, "the policy is impossible: it is never satisfied");
}

static void begin_policy(struct check *c, const struct policy *policy)
{
	c->policy = policy;
	c->first = c->report->count;
	c->is_applicable = c->is_possible = c->has_errors = false;
}

static void check_policy(struct check *c, const struct policy *policy)
{
	struct check_names names = {c->env.schema, on_error, c, {on_warning, c}};

	begin_policy(c, policy);
	if (policy_template(policy) != NULL)
		check_link(c, &names);
	else
		check_conditioned(c, &names);
	sort_findings(c);
}

static bool looks_into(const struct scope *scope)
{
	return scope->kind == SCOPE_IN || scope->kind == SCOPE_IS_IN || scope->kind == SCOPE_IN_SET;
}

/* Findings of a policy that has errors as well are taken back: where its types are wrong, so may be
 * the depths. */
static void check_policy_levels(struct check *c, const struct policy *policy)
{
	size_t errors = c->report->error_count;

	begin_policy(c, policy);
	if (looks_into(&policy->principal) || looks_into(&policy->action) ||
	    looks_into(&policy->resource))
		check_level(&c->env, policy->at, 1);
	check_actions(c);
	if (c->has_errors || !c->is_applicable) {
		c->report->count = c->first;
		c->report->error_count = errors;
	}
	sort_findings(c);
}

static enum err check_one(struct check *c, const struct policy *policy)
{
	bool is_full;

	if (c->env.on_level == NULL)
		check_policy(c, policy);
	else if (policy_template(policy) == NULL)
		check_policy_levels(c, policy);
	is_full = arena_has_overflowed(&c->arena) || arena_has_overflowed(&c->report->arena);
	arena_reset(&c->arena);
	return is_full ? ERR_LIMIT : OK;
}

static enum err check_all(struct check *c, const struct policy_set *set,
			  const struct schema *schema)
{
	struct entity_store *actions = entity_store_new(NULL);
	struct diag diag;
	enum err err = entity_store_add_actions(actions, schema, &diag);

	if (err == OK)
		err = entity_store_freeze(actions, &diag);
	arena_init(&c->arena, 16384, CHECK_ARENA);
	c->env.arena = &c->arena;
	c->env.schema = schema;
	c->env.actions = actions;
	c->env.on_error = on_error;
	c->env.arg = c;
	for (size_t i = 0; err == OK && i < policy_set_count(set); i++)
		err = check_one(c, policy_set_at(set, i));
	for (size_t i = 0; err == OK && i < policy_set_template_count(set); i++)
		err = check_one(c, policy_set_template_at(set, i));
	arena_fini(&c->arena);
	entity_store_free(actions);
	return err == OK && c->report->error_count > 0 ? ERR_MALFORMED : err;
}

enum err check_policies(const struct policy_set *set, const struct schema *schema,
			struct check_report *out)
{
	struct check c = {.report = out};

	return check_all(&c, set, schema);
}

enum err check_levels(const struct policy_set *set, const struct schema *schema, unsigned max_level,
		      struct check_report *out)
{
	struct check c = {.report = out,
			  .is_mute = true,
			  .env = {.on_level = on_level, .max_level = max_level}};

	return check_all(&c, set, schema);
}

void check_finding_diag(const struct check_finding *finding, struct diag *out_diag)
{
	const struct policy *policy = finding->policy;
	unsigned line = 0;
	unsigned column = 0;

	if (str_is_set(policy->text))
		lex_position(policy->text, finding->at, &line, &column);
	(void)diag_set(out_diag, ERR_MALFORMED, policy->file, line, column,
		       "policy `" STR_FMT "`: " STR_FMT, (int)MIN(policy->id.len, 100),
		       policy->id.ptr, STR_ARG(finding->text));
	if (str_is_set(policy->text)) {
		out_diag->line = line;
		diag_set_source(out_diag, policy->text.ptr, policy->text.len);
	}
}
