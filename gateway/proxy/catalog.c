/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/proxy/catalog.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/clock.h"
#include "policy/conform.h"

#define CATALOG_ARENA_MAX   (64U << 20)
#define PRINCIPAL_ARENA_MAX (256U << 10)

struct catalog {
	struct arena arena;
	struct entity_store *store;
	const struct schema *schema; /* the rulebook's */
	const struct uid **models;   /* by model->index */
	struct uid actions[ACTION_COUNT];
	const struct schema_action *declared[ACTION_COUNT];
	const struct value_shape *base_shape;
	const struct value_shape *call_shape;
	struct value empty_set;
	const struct value_shape *budget_shape;
	struct value no_budget; /* of calls that touch none: nothing is short */
};

static const struct uid *uid_new(struct arena *arena, struct str type, struct str id)
{
	struct uid uid = uid_make(type, id);

	return uid_copy(arena, &uid);
}

static struct value string_set(struct arena *arena, const struct str *items, size_t count)
{
	struct value *values = arena_array(arena, count, sizeof(*values));

	if (values == NULL)
		return value_none();
	for (size_t i = 0; i < count; i++)
		values[i] = value_string(arena, arena_str(arena, items[i]));
	return value_set(arena, values, count);
}

/* Models and providers ---------------------------------------------------------- */

/* A provider that the entities file does not describe has signed nothing and sits nowhere. */
static enum err add_provider(struct catalog *catalog, const struct uid *uid, struct diag *diag)
{
	static const struct str names[] = {STR("jurisdiction"), STR("dpa_signed"),
					   STR("zero_retention")};
	struct arena *arena = entity_store_arena(catalog->store);
	struct text keys[ARRAY_LEN(names)];
	struct value values[ARRAY_LEN(names)] = {
		value_string(arena, STR("")),
		value_bool(false),
		value_bool(false),
	};
	struct diag ignored;
	enum err err;

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		keys[i] = text_make(names[i]);
	err = entity_store_add(catalog->store, uid,
			       value_record(arena, keys, values, ARRAY_LEN(names)), value_none(),
			       NULL, 0, &ignored);
	if (err == OK || err == ERR_CONFLICT)
		return OK;
	*diag = ignored;
	return err;
}

struct attr_list {
	struct text keys[16];
	struct value values[16];
	size_t count;
};

static void attr_add(struct attr_list *list, struct str name, struct value value)
{
	ASSERT(list->count < ARRAY_LEN(list->keys));
	list->keys[list->count] = text_make(name);
	list->values[list->count++] = value;
}

static struct value model_until(const struct model_options *options)
{
	int64_t until_ns = 0;

	if (!str_is_set(options->approved_until) ||
	    clock_parse(options->approved_until, &until_ns) != OK)
		return value_none();
	return value_datetime_ms(until_ns / CLOCK_NS_PER_MS);
}

static struct value model_attrs(struct arena *arena, const struct model *model,
				const struct uid *provider)
{
	const struct model_options *options = &model->options;
	struct attr_list list = {0};

	attr_add(&list, STR("provider"), value_entity(provider));
	attr_add(&list, STR("regions"), string_set(arena, options->regions, options->region_count));
	attr_add(&list, STR("risk"),
		 value_entity(uid_new(arena, STR("Inference::RiskClass"), options->risk)));
	attr_add(&list, STR("max_classification"),
		 value_long((int64_t)options->max_classification));
	attr_add(&list, STR("status"), value_string(arena, options->status));
	attr_add(&list, STR("approved_until"), model_until(options));
	attr_add(&list, STR("modalities"),
		 string_set(arena, options->modalities, options->modality_count));
	attr_add(&list, STR("open_weights"), value_bool(options->open_weights));
	attr_add(&list, STR("owner"),
		 value_entity(uid_new(arena, STR("Inference::BusinessUnit"), options->owner)));
	return value_record(arena, list.keys, list.values, list.count);
}

static enum err add_model(struct catalog *catalog, const struct model *model, struct diag *diag)
{
	struct arena *arena = entity_store_arena(catalog->store);
	const struct model_options *options = &model->options;
	const struct uid *uid = uid_new(arena, STR("Inference::Model"), options->name);
	const struct uid *provider = uid_new(arena, STR("Inference::Provider"),
					     upstream_options(model->upstream)->provider);
	const struct uid **parents = arena_array(arena, options->group_count, sizeof(*parents));
	enum err err;

	if (uid == NULL || provider == NULL || parents == NULL)
		return diag_set(diag, ERR_LIMIT, "", 0, 0, "too many models");
	for (size_t i = 0; i < options->group_count; i++)
		parents[i] = uid_new(arena, STR("Inference::ModelGroup"), options->groups[i]);
	err = add_provider(catalog, provider, diag);
	if (err != OK)
		return err;
	catalog->models[model->index] = uid;
	return entity_store_add(catalog->store, uid, model_attrs(arena, model, provider),
				value_none(), parents, options->group_count, diag);
}

/* Life ------------------------------------------------------------------------------ */

static enum err make_constants(struct catalog *catalog, struct diag *diag)
{
	static const struct str budget_names[] = {STR("remaining_micro"), STR("hard")};
	struct arena *arena = &catalog->arena;
	struct value values[] = {value_long(INT64_MAX), value_bool(false)};

	struct str names[CONTEXT_COUNT];

	for (size_t i = 0; i < ACTION_COUNT; i++) {
		catalog->actions[i] = uid_make(STR("Inference::Action"), contract_actions[i]);
		catalog->declared[i] = schema_find_action(catalog->schema, &catalog->actions[i]);
	}
	for (size_t i = 0; i < CONTEXT_COUNT; i++)
		names[i] = contract_context[i].name;
	catalog->base_shape = value_shape_new(arena, names, CONTEXT_BASE_COUNT);
	catalog->call_shape = value_shape_new(arena, names, CONTEXT_COUNT);
	catalog->empty_set = value_set(arena, NULL, 0);
	catalog->budget_shape = value_shape_new(arena, budget_names, ARRAY_LEN(budget_names));
	if (catalog->budget_shape != NULL)
		catalog->no_budget = value_shape_record(catalog->budget_shape, arena, values);
	if (arena_has_overflowed(arena))
		return diag_set(diag, ERR_LIMIT, "", 0, 0, "too many models");
	return OK;
}

/* What tollgate.yaml says of a model may not fit what the schema says of models. */
static enum err check_models(const struct catalog *catalog, const struct model_table *models,
			     struct diags *diags)
{
	enum err err = OK;

	for (size_t i = 0; i < model_count(models); i++) {
		const struct model_options *options = &model_at(models, i)->options;
		const struct entity *entity = entity_store_find(catalog->store, catalog->models[i]);
		struct diag why = {0}, diag = {0};

		if (conform_entity(catalog->schema, entity, &why) == OK)
			continue;
		err = diag_set(&diag, ERR_MALFORMED, "", options->line, options->column,
			       "model " STR_FMT " does not fit policy.schema: %s",
			       STR_ARG(options->name), why.text);
		(void)diags_add(diags, err, &diag);
	}
	return err;
}

static enum err fill_store(struct catalog *catalog, const struct model_table *models,
			   struct diag *diag)
{
	enum err err = make_constants(catalog, diag);

	for (size_t i = 0; err == OK && i < model_count(models); i++)
		err = add_model(catalog, model_at(models, i), diag);
	return err != OK ? err : entity_store_freeze(catalog->store, diag);
}

enum err catalog_new(const struct schema *schema, struct entity_store *store,
		     const struct model_table *models, struct diags *diags, struct catalog **out)
{
	struct catalog *catalog = base_alloc(sizeof(*catalog));
	struct diag diag = {0};
	enum err err;

	arena_init(&catalog->arena, 16384, CATALOG_ARENA_MAX);
	catalog->schema = schema;
	catalog->store = store;
	catalog->models =
		arena_array(&catalog->arena, model_count(models), sizeof(*catalog->models));
	err = fill_store(catalog, models, &diag);
	if (err != OK)
		(void)diags_add(diags, err, &diag);
	else
		err = check_models(catalog, models, diags);
	if (err != OK) {
		catalog_free(catalog);
		return err;
	}
	*out = catalog;
	return OK;
}

void catalog_free(struct catalog *catalog)
{
	if (catalog == NULL)
		return;
	entity_store_free(catalog->store);
	arena_fini(&catalog->arena);
	free(catalog);
}

const struct entity_store *catalog_store(const struct catalog *catalog)
{
	return catalog->store;
}

const struct uid *catalog_model(const struct catalog *catalog, const struct model *model)
{
	return catalog->models[model->index];
}

enum catalog_action catalog_action(struct str name)
{
	unsigned action = 0;

	while (action < ACTION_COUNT && !str_eq(contract_actions[action], name))
		action++;
	ASSERT(action < ACTION_COUNT);
	return (enum catalog_action)action;
}

const struct uid *catalog_action_uid(const struct catalog *catalog, enum catalog_action action)
{
	return &catalog->actions[action];
}

enum err catalog_conform(const struct catalog *catalog, enum catalog_action action,
			 const struct policy_request *question, struct diag *diag)
{
	return conform_call(catalog->schema, catalog->declared[action], question, diag);
}

/* Principals -------------------------------------------------------------------------- */

struct principal_entity {
	struct arena arena;
	const struct entity *entity;
	struct str misfit; /* why the entity does not fit the schema; unset: it does */
	struct value scopes;
	struct str subject; /* JSON */
	struct str record;  /* JSON members */
};

static struct value attribute_value(struct arena *arena, const struct attribute *attribute)
{
	switch (attribute->type) {
	case ATTRIBUTE_STRING: return value_string(arena, attribute->text);
	case ATTRIBUTE_LONG: return value_long(attribute->number);
	case ATTRIBUTE_BOOL: return value_bool(attribute->flag);
	case ATTRIBUTE_SET: return string_set(arena, attribute->set.items, attribute->set.count);
	}
	return value_none();
}

/* Of equal names the last stays: defaults first. */
static struct value principal_attrs(struct arena *arena, const struct principal *principal)
{
	size_t cap = principal->attribute_count + 5;
	struct text *keys = arena_array(arena, cap, sizeof(*keys));
	struct value *values = arena_array(arena, cap, sizeof(*values));
	size_t count = 0;

	if (keys == NULL || values == NULL)
		return value_none();
	keys[count] = text_make(STR("clearance"));
	values[count++] = value_long(0);
	keys[count] = text_make(STR("home_region"));
	values[count++] = value_string(arena, STR(""));
	keys[count] = text_make(STR("suspended"));
	values[count++] = value_bool(false);
	if (principal->kind == PRINCIPAL_USER) {
		keys[count] = text_make(STR("trainings"));
		values[count++] = value_set(arena, NULL, 0);
	} else {
		keys[count] = text_make(STR("env"));
		values[count++] = value_string(arena, STR(""));
	}
	for (size_t i = 0; i < principal->attribute_count; i++) {
		keys[count] = text_make(principal->attributes[i].name);
		values[count++] = attribute_value(arena, &principal->attributes[i]);
	}
	return value_record(arena, keys, values, count);
}

static const struct uid **principal_parents(struct arena *arena, const struct principal *principal,
					    size_t *out_count)
{
	size_t cap = principal->roles.count + principal->groups.count + 1;
	const struct uid **parents = arena_array(arena, cap, sizeof(*parents));
	size_t count = 0;

	if (parents == NULL)
		return NULL;
	for (size_t i = 0; i < principal->roles.count; i++)
		parents[count++] =
			uid_new(arena, STR("Inference::Role"), principal->roles.items[i]);
	for (size_t i = 0; i < principal->groups.count; i++)
		parents[count++] =
			uid_new(arena, STR("Inference::Group"), principal->groups.items[i]);
	if (principal->bu.len > 0)
		parents[count++] = uid_new(arena, STR("Inference::BusinessUnit"), principal->bu);
	*out_count = count;
	return parents;
}

static enum err append_member(struct buf *text, const char *before, struct str value)
{
	enum err err = buf_append(text, str_from_c(before));

	return err != OK ? err : buf_append_json(text, value);
}

/* Before the entity, so that there is room for it: what is denied is recorded too. */
static void set_record(struct principal_entity *own, const struct principal *principal)
{
	struct buf text;
	struct str name =
		arena_printf(&own->arena, "%s::" STR_FMT, principal_kind_name(principal->kind),
			     STR_ARG(principal->id));
	enum err err;

	buf_init(&text, PRINCIPAL_ARENA_MAX);
	err = buf_append_json(&text, name);
	own->subject = arena_str(&own->arena, buf_str(&text));
	buf_reset(&text);
	if (err == OK)
		err = append_member(&text, "\"principal\":", name);
	if (err == OK)
		err = append_member(&text, ",\"key\":", principal->key_id);
	if (err == OK)
		err = append_member(&text, ",\"bu\":", principal->bu);
	if (err == OK)
		err = append_member(&text, ",\"team\":", principal->team);
	if (err == OK)
		err = append_member(&text, ",\"project\":", principal->project);
	own->record = arena_str(&own->arena, buf_str(&text));
	ASSERT(err == OK && str_is_set(own->record));
	buf_fini(&text);
}

/* Once per key and per token, so that no request pays for it. */
static void check_principal(struct principal_entity *own, const struct schema *schema)
{
	struct diag why = {0};

	if (conform_entity(schema, own->entity, &why) == OK)
		return;
	own->misfit = arena_str(&own->arena, str_from_c(why.text));
	if (!str_is_set(own->misfit))
		own->entity = NULL;
}

static void *catalog_attach(void *arg, const struct principal *principal)
{
	struct principal_entity *own = base_alloc(sizeof(*own));
	struct str type = principal->kind == PRINCIPAL_USER ? STR("Inference::User")
							    : STR("Inference::Service");
	const struct uid *uid, **parents;
	size_t count = 0;

	arena_init(&own->arena, 1024, PRINCIPAL_ARENA_MAX);
	set_record(own, principal);
	uid = uid_new(&own->arena, type, principal->id);
	parents = principal_parents(&own->arena, principal, &count);
	if (uid != NULL && parents != NULL)
		own->entity = entity_new(&own->arena, uid, principal_attrs(&own->arena, principal),
					 value_none(), parents, count);
	own->scopes = string_set(&own->arena, principal->scopes.items, principal->scopes.count);
	/* A principal too large to be described has no entity, and is denied everything. */
	if (arena_has_overflowed(&own->arena))
		own->entity = NULL;
	if (own->entity != NULL)
		check_principal(own, arg);
	return own;
}

static void catalog_detach(void *arg, void *attachment)
{
	struct principal_entity *own = attachment;

	(void)arg;
	arena_fini(&own->arena);
	free(own);
}

struct principal_ops catalog_principal_ops(const struct schema *schema)
{
	return (struct principal_ops){
		.attach = catalog_attach,
		.detach = catalog_detach,
		.arg = (void *)(uintptr_t)schema,
	};
}

const struct entity *catalog_principal_entity(const struct principal *principal)
{
	const struct principal_entity *own = principal->attachment;

	return own == NULL ? NULL : own->entity;
}

struct str catalog_principal_misfit(const struct principal *principal)
{
	const struct principal_entity *own = principal->attachment;

	return own == NULL ? (struct str){0} : own->misfit;
}

struct str catalog_principal_subject(const struct principal *principal)
{
	const struct principal_entity *own = principal->attachment;

	return own->subject;
}

struct str catalog_principal_record(const struct principal *principal)
{
	const struct principal_entity *own = principal->attachment;

	return own->record;
}

/* Context ------------------------------------------------------------------------------- */

static struct value budget_value(const struct catalog *catalog, const struct catalog_call *call,
				 struct arena *arena)
{
	const struct value values[] = {value_long(call->budget_micro),
				       value_bool(call->is_budget_hard)};

	if (!call->has_budget)
		return catalog->no_budget;
	return value_shape_record(catalog->budget_shape, arena, values);
}

static void fill_call(const struct catalog *catalog, const struct catalog_call *call,
		      struct arena *arena, struct value values[static CONTEXT_COUNT])
{
	values[CONTEXT_DATA_CLASS] = value_long(call->data_class);
	values[CONTEXT_PII] = value_bool(call->is_pii);
	values[CONTEXT_PURPOSE] = value_string(arena, call->purpose);
	values[CONTEXT_ANNEX_III] = value_bool(call->is_annex_iii);
	values[CONTEXT_HUMAN_OVERSIGHT] = value_bool(call->has_human_oversight);
	values[CONTEXT_FRIA_ID] =
		str_is_set(call->fria_id) ? value_string(arena, call->fria_id) : value_none();
	values[CONTEXT_UPSTREAM_REGION] = value_string(arena, call->upstream_region);
	values[CONTEXT_STREAM] = value_bool(call->is_stream);
	values[CONTEXT_MAX_TOKENS] = value_long(call->max_tokens);
	values[CONTEXT_INPUT_TOKENS] = value_long(call->input_tokens);
	values[CONTEXT_COST_MICRO] = value_long(call->cost_micro);
	values[CONTEXT_BUDGET] = budget_value(catalog, call, arena);
	values[CONTEXT_TOOLS] = catalog->empty_set;
	values[CONTEXT_ON_CALL] = value_bool(call->is_on_call);
}

struct value catalog_context(const struct catalog *catalog, const struct catalog_call *call,
			     struct arena *arena)
{
	const struct principal_entity *own = call->principal->attachment;
	struct value values[CONTEXT_COUNT];

	values[CONTEXT_NOW] = value_datetime_ms(call->now_ms);
	values[CONTEXT_LOCAL] = value_datetime_ms(call->local_ms);
	values[CONTEXT_WEEKDAY] = value_long(call->weekday);
	values[CONTEXT_SOURCE_IP] = value_ip(arena, call->source_ip);
	values[CONTEXT_MTLS] = value_bool(call->is_mtls);
	values[CONTEXT_MFA] = value_bool(call->principal->has_mfa);
	values[CONTEXT_SCOPES] = own == NULL ? catalog->empty_set : own->scopes;
	values[CONTEXT_REQUEST_ID] = value_string(arena, call->request_id);
	if (!call->has_call)
		return value_shape_record(catalog->base_shape, arena, values);
	fill_call(catalog, call, arena, values);
	return value_shape_record(catalog->call_shape, arena, values);
}
