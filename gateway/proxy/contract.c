/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/proxy/contract.h"

#include <stdarg.h>
#include <stdio.h>

#include "policy/lex.h"
#include "policy/type.h"

#define OF(...)                                                                                    \
	{                                                                                          \
		__VA_ARGS__                                                                        \
	}
#define PLAIN(name, of) OF(STR(name), of, SCHEMA_NAME, {NULL, 0}, false)
#define TEXTS(name)	OF(STR(name), SCHEMA_SET, SCHEMA_STRING, {NULL, 0}, false)
#define REF(name, type) OF(STR(name), SCHEMA_ENTITY, SCHEMA_NAME, STR("Inference::" type), false)

const struct contract_field contract_context[CONTEXT_COUNT] = {
	[CONTEXT_NOW] = PLAIN("now", SCHEMA_DATETIME),
	[CONTEXT_LOCAL] = PLAIN("local", SCHEMA_DATETIME),
	[CONTEXT_WEEKDAY] = PLAIN("weekday", SCHEMA_LONG),
	[CONTEXT_SOURCE_IP] = PLAIN("source_ip", SCHEMA_IP),
	[CONTEXT_MTLS] = PLAIN("mtls", SCHEMA_BOOL),
	[CONTEXT_MFA] = PLAIN("mfa", SCHEMA_BOOL),
	[CONTEXT_SCOPES] = TEXTS("scopes"),
	[CONTEXT_REQUEST_ID] = PLAIN("request_id", SCHEMA_STRING),
	[CONTEXT_DATA_CLASS] = PLAIN("data_class", SCHEMA_LONG),
	[CONTEXT_PII] = PLAIN("pii", SCHEMA_BOOL),
	[CONTEXT_PURPOSE] = PLAIN("purpose", SCHEMA_STRING),
	[CONTEXT_ANNEX_III] = PLAIN("annex_iii", SCHEMA_BOOL),
	[CONTEXT_HUMAN_OVERSIGHT] = PLAIN("human_oversight", SCHEMA_BOOL),
	[CONTEXT_FRIA_ID] = {STR("fria_id"), SCHEMA_STRING, SCHEMA_NAME, {NULL, 0}, true},
	[CONTEXT_UPSTREAM_REGION] = PLAIN("upstream_region", SCHEMA_STRING),
	[CONTEXT_STREAM] = PLAIN("stream", SCHEMA_BOOL),
	[CONTEXT_MAX_TOKENS] = PLAIN("max_tokens", SCHEMA_LONG),
	[CONTEXT_INPUT_TOKENS] = PLAIN("input_tokens", SCHEMA_LONG),
	[CONTEXT_COST_MICRO] = PLAIN("cost_micro", SCHEMA_LONG),
	[CONTEXT_BUDGET] = PLAIN("budget", SCHEMA_RECORD),
	[CONTEXT_TOOLS] = {STR("tools"), SCHEMA_SET, SCHEMA_ENTITY, STR("Inference::Tool"), false},
	[CONTEXT_ON_CALL] = PLAIN("on_call", SCHEMA_BOOL),
};

static const struct contract_field budget_fields[] = {
	PLAIN("remaining_micro", SCHEMA_LONG),
	PLAIN("hard", SCHEMA_BOOL),
};

static const struct contract_field user_fields[] = {
	PLAIN("clearance", SCHEMA_LONG),
	PLAIN("home_region", SCHEMA_STRING),
	PLAIN("suspended", SCHEMA_BOOL),
	TEXTS("trainings"),
};

static const struct contract_field service_fields[] = {
	PLAIN("clearance", SCHEMA_LONG),
	PLAIN("home_region", SCHEMA_STRING),
	PLAIN("suspended", SCHEMA_BOOL),
	PLAIN("env", SCHEMA_STRING),
};

static const struct contract_field provider_fields[] = {
	PLAIN("jurisdiction", SCHEMA_STRING),
	PLAIN("dpa_signed", SCHEMA_BOOL),
	PLAIN("zero_retention", SCHEMA_BOOL),
};

static const struct contract_field model_fields[] = {
	REF("provider", "Provider"),
	TEXTS("regions"),
	REF("risk", "RiskClass"),
	PLAIN("max_classification", SCHEMA_LONG),
	PLAIN("status", SCHEMA_STRING),
	{STR("approved_until"), SCHEMA_DATETIME, SCHEMA_NAME, {NULL, 0}, true},
	TEXTS("modalities"),
	PLAIN("open_weights", SCHEMA_BOOL),
	REF("owner", "BusinessUnit"),
};

static const struct contract_entity {
	struct str name;
	const struct contract_field *fields;
	size_t field_count;
	bool is_caller; /* more attributes may come from its credential */
	struct str parents[3];
} entities[] = {
	{STR("Inference::User"),
	 user_fields,
	 ARRAY_LEN(user_fields),
	 true,
	 {STR("Inference::Role"), STR("Inference::Group"), STR("Inference::BusinessUnit")}},
	{STR("Inference::Service"),
	 service_fields,
	 ARRAY_LEN(service_fields),
	 true,
	 {STR("Inference::Role"), STR("Inference::Group"), STR("Inference::BusinessUnit")}},
	{STR("Inference::Provider"), provider_fields, ARRAY_LEN(provider_fields), false, {{0}}},
	{STR("Inference::Model"),
	 model_fields,
	 ARRAY_LEN(model_fields),
	 false,
	 {STR("Inference::ModelGroup")}},
};

/* Words of models[].risk. */
static const struct str risks[] = {STR("minimal"), STR("limited"), STR("high"), STR("prohibited")};

const struct str contract_actions[ACTION_COUNT] = {
	[ACTION_INVOKE] = STR("Invoke"),
	[ACTION_EMBED] = STR("Embed"),
	[ACTION_LIST_MODELS] = STR("ListModels"),
	[ACTION_COUNT_TOKENS] = STR("CountTokens"),
};

bool contract_has_call(enum catalog_action action)
{
	return action == ACTION_INVOKE || action == ACTION_EMBED;
}

struct contract {
	const struct schema *schema;
	const struct policy_source *source;
	struct diags *diags;
	enum err err;
};

/* at: a place in the schema's text, or UINT32_MAX for the file as a whole. */
PRINTF_LIKE(3, 4)
static void differ(struct contract *c, uint32_t at, const char *fmt, ...)
{
	struct diag diag = {0};
	unsigned line = 0, column = 0;
	char text[sizeof(diag.text)];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (at != UINT32_MAX && c->source->format == POLICY_FORMAT_TEXT)
		lex_position(c->source->text, at, &line, &column);
	c->err = diag_set(&diag, ERR_MALFORMED, c->source->file, line, column,
			  "the gateway cannot ask by this schema: %s", text);
	if (line > 0)
		diag_set_source(&diag, c->source->text.ptr, c->source->text.len);
	(void)diags_add(c->diags, c->err, &diag);
}

/* Fields --------------------------------------------------------------------------------- */

static bool fits(const struct contract_field *field, const struct schema_type *type)
{
	type = schema_real_type(type);
	if (type->kind != field->kind)
		return false;
	if (type->kind == SCHEMA_SET) {
		type = schema_real_type(type->element);
		if (type->kind != field->element)
			return false;
	}
	return type->kind != SCHEMA_ENTITY || str_eq(type->name, field->entity);
}

static const char *wanted_text(const struct contract_field *field, char *buf, size_t cap)
{
	struct schema_type element = {.kind = field->element, .name = field->entity};
	struct schema_type type = {.kind = field->kind, .name = field->entity, .element = &element};

	return type_text(&type, buf, cap);
}

static const struct contract_field *find_field(const struct contract_field *fields, size_t count,
					       struct str name)
{
	for (size_t i = 0; i < count; i++)
		if (str_eq(fields[i].name, name))
			return &fields[i];
	return NULL;
}

/* where: "action Invoke: context", "entity Inference::User". */
static void check_field(struct contract *c, const char *where, uint32_t at,
			const struct schema_type *record, const struct contract_field *field)
{
	struct text key = text_make(field->name);
	const struct schema_attr *attr = record == NULL ? NULL : type_find_attr(record, &key);
	char wanted[100], got[100];

	(void)wanted_text(field, wanted, sizeof(wanted));
	if (attr == NULL)
		differ(c, at, "%s: the attribute `" STR_FMT "` (%s) is not declared", where,
		       STR_ARG(field->name), wanted);
	else if (!fits(field, attr->type))
		differ(c, attr->type->at, "%s: the attribute `" STR_FMT "` must be %s, not %s",
		       where, STR_ARG(field->name), wanted,
		       type_text(attr->type, got, sizeof(got)));
	else if (field->is_optional && attr->is_required)
		differ(c, attr->type->at,
		       "%s: the attribute `" STR_FMT
		       "` must be optional, for there may be none: `" STR_FMT "?`",
		       where, STR_ARG(field->name), STR_ARG(field->name));
}

static void check_fields(struct contract *c, const char *where, uint32_t at,
			 const struct schema_type *record, const struct contract_field *fields,
			 size_t count, bool may_ask_more)
{
	if (record != NULL)
		record = schema_real_type(record);
	for (size_t i = 0; i < count; i++)
		check_field(c, where, at, record, &fields[i]);
	for (size_t i = 0; record != NULL && !may_ask_more && i < record->attr_count; i++) {
		const struct schema_attr *attr = &record->attrs[i];

		if (attr->is_required && find_field(fields, count, attr->key.str) == NULL)
			differ(c, attr->type->at,
			       "%s: the attribute `" STR_FMT
			       "` is required, and the gateway does not know it; make it optional",
			       where, STR_ARG(attr->key.str));
	}
}

/* Entities ------------------------------------------------------------------------------- */

static bool has_name(const struct str *names, size_t count, struct str name)
{
	for (size_t i = 0; i < count; i++)
		if (str_eq(names[i], name))
			return true;
	return false;
}

static void check_entity(struct contract *c, const struct contract_entity *wanted)
{
	const struct schema_entity *entity = schema_find_entity(c->schema, wanted->name);
	char where[100];

	if (entity == NULL || entity->is_enum) {
		differ(c, entity == NULL ? UINT32_MAX : entity->at,
		       "the entity type " STR_FMT " is not declared", STR_ARG(wanted->name));
		return;
	}
	(void)snprintf(where, sizeof(where), "entity " STR_FMT, STR_ARG(wanted->name));
	check_fields(c, where, entity->at, entity->shape, wanted->fields, wanted->field_count,
		     wanted->is_caller);
	for (size_t i = 0; i < ARRAY_LEN(wanted->parents) && str_is_set(wanted->parents[i]); i++)
		if (!has_name(entity->parents, entity->parent_count, wanted->parents[i]))
			differ(c, entity->at, "%s: it must be allowed `in [" STR_FMT "]`", where,
			       STR_ARG(wanted->parents[i]));
}

static void check_risks(struct contract *c)
{
	const struct schema_entity *entity =
		schema_find_entity(c->schema, STR("Inference::RiskClass"));

	if (entity == NULL) {
		differ(c, UINT32_MAX, "the entity type Inference::RiskClass is not declared");
		return;
	}
	for (size_t i = 0; entity->is_enum && i < ARRAY_LEN(risks); i++)
		if (!has_name(entity->ids, entity->id_count, risks[i]))
			differ(c, entity->at,
			       "entity Inference::RiskClass: the id \"" STR_FMT "\" is missing",
			       STR_ARG(risks[i]));
}

/* Actions -------------------------------------------------------------------------------- */

static void check_applies(struct contract *c, const struct schema_action *action)
{
	static const struct str callers[] = {STR("Inference::User"), STR("Inference::Service")};
	static const struct str model = STR("Inference::Model");

	for (size_t i = 0; i < ARRAY_LEN(callers); i++)
		if (!has_name(action->principals, action->principal_count, callers[i]))
			differ(c, action->at,
			       "action " STR_FMT ": it must apply to the principal " STR_FMT,
			       STR_ARG(action->uid->id), STR_ARG(callers[i]));
	if (!has_name(action->resources, action->resource_count, model))
		differ(c, action->at, "action " STR_FMT ": it must apply to the resource " STR_FMT,
		       STR_ARG(action->uid->id), STR_ARG(model));
}

static void check_budget(struct contract *c, const char *where, const struct schema_action *action)
{
	struct text key = text_make(contract_context[CONTEXT_BUDGET].name);
	const struct schema_attr *attr = type_find_attr(schema_real_type(action->context), &key);
	char inner[140];

	if (attr == NULL || schema_real_type(attr->type)->kind != SCHEMA_RECORD)
		return;
	(void)snprintf(inner, sizeof(inner), "%s `budget`", where);
	check_fields(c, inner, attr->type->at, attr->type, budget_fields, ARRAY_LEN(budget_fields),
		     false);
}

static void check_actions(struct contract *c)
{
	const struct schema_type *checked = NULL;

	for (unsigned i = 0; i < ACTION_COUNT; i++) {
		struct uid uid = uid_make(STR("Inference::Action"), contract_actions[i]);
		const struct schema_action *action = schema_find_action(c->schema, &uid);
		bool has_call = contract_has_call((enum catalog_action)i);
		char where[100];

		if (action == NULL) {
			differ(c, UINT32_MAX,
			       "the action Inference::Action::\"" STR_FMT "\" is not declared",
			       STR_ARG(contract_actions[i]));
			continue;
		}
		check_applies(c, action);
		/* Actions share the type of their context: what is wrong with it is said once. */
		if (action->context != NULL && schema_real_type(action->context) == checked)
			continue;
		checked = action->context == NULL ? NULL : schema_real_type(action->context);
		(void)snprintf(where, sizeof(where), "action " STR_FMT ": context",
			       STR_ARG(uid.id));
		check_fields(c, where, action->at, action->context, contract_context,
			     has_call ? CONTEXT_COUNT : CONTEXT_BASE_COUNT, false);
		if (has_call && action->context != NULL)
			check_budget(c, where, action);
	}
}

enum err contract_check(const struct schema *schema, const struct policy_source *source,
			struct diags *diags)
{
	struct contract c = {.schema = schema, .source = source, .diags = diags, .err = OK};

	for (size_t i = 0; i < ARRAY_LEN(entities); i++)
		check_entity(&c, &entities[i]);
	check_risks(&c);
	check_actions(&c);
	return c.err;
}

const char *contract_misfit(const struct schema *schema, struct str entity, struct str attribute)
{
	const struct schema_entity *type = schema_find_entity(schema, entity);
	struct text key = text_make(attribute);
	const struct schema_attr *attr =
		type == NULL || type->shape == NULL
			? NULL
			: type_find_attr(schema_real_type(type->shape), &key);
	const struct schema_type *declared;

	if (attr == NULL)
		return "is not declared in the schema";
	declared = schema_real_type(attr->type);
	if (declared->kind == SCHEMA_SET)
		declared = schema_real_type(declared->element);
	else if (declared->kind == SCHEMA_LONG || declared->kind == SCHEMA_BOOL)
		return NULL;
	return declared->kind == SCHEMA_STRING
		       ? NULL
		       : "has a type in the schema that no credential can carry";
}
