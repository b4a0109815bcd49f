/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/proxy/snapshot.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/clock.h"
#include "metering/usage/usage.h"

#define SNAPSHOT_ARENA_MAX (1U << 20)

static void rules_unref(struct snapshot_rules *rules)
{
	if (rules == NULL || atomic_fetch_sub(&rules->refs, 1) != 1)
		return;
	catalog_free(rules->catalog);
	policy_set_free(rules->policies);
	schema_free(rules->schema);
	price_book_free(rules->prices);
	budget_table_free(rules->budgets);
	model_table_free(rules->models);
	for (size_t i = 0; i < rules->upstream_count; i++)
		upstream_unref(rules->upstreams[i]);
	free(rules->upstreams);
	free(rules);
}

static enum err load_upstreams(struct snapshot_rules *rules, const struct snapshot_options *options,
			       struct diag *diag)
{
	rules->upstreams = base_alloc(sizeof(*rules->upstreams) * (options->upstream_count + 1));
	for (size_t i = 0; i < options->upstream_count; i++) {
		enum err err = upstream_new(&options->upstreams[i], diag, &rules->upstreams[i]);

		if (err != OK)
			return err;
		rules->upstream_count++;
	}
	return OK;
}

static enum err load_models(struct snapshot_rules *rules, const struct snapshot_options *options,
			    struct diag *diag)
{
	struct str names[DIALECT_COUNT];

	for (unsigned i = 0; i < DIALECT_COUNT; i++)
		names[i] = str_from_c(dialect_name((enum dialect)i));
	return model_table_new(options->models, options->model_count, rules->upstreams,
			       rules->upstream_count, names, DIALECT_COUNT, diag, &rules->models);
}

struct rulebook_options snapshot_rulebook_options(const struct snapshot_options *options)
{
	return (struct rulebook_options){
		.policies = options->policies,
		.policy_count = options->policy_count,
		.level = options->policy_level,
		.schema = options->schema,
		.entities = options->entities,
	};
}

/* Where calls go: the models need the upstreams. */
static enum err load_routes(struct snapshot_rules *rules, const struct snapshot_options *options,
			    struct diags *diags)
{
	struct diag diag = {0};
	enum err err = load_upstreams(rules, options, &diag);

	if (err == OK)
		err = load_models(rules, options, &diag);
	return err == OK ? OK : diags_add(diags, err, &diag);
}

static enum err load_prices(struct snapshot_rules *rules, const struct snapshot_options *options,
			    struct diags *diags)
{
	struct price_options prices = {.file = options->prices_file, .meters = meter_names()};
	struct diag diag = {0};
	enum err err = price_book_new(options->prices, options->price_count, &prices, &diag,
				      &rules->prices);

	return err == OK ? OK : diags_add(diags, err, &diag);
}

/* A scope that nothing has would let everything pass unseen. */
static enum err check_scope(const struct model_table *models, const struct budget_options *budget,
			    const struct snapshot_options *options, struct diags *diags)
{
	struct str name = budget->scope[BUDGET_MODEL], group = budget->scope[BUDGET_GROUP];
	const struct model *model = str_is_set(name) ? model_find(models, name) : NULL;
	bool has_group = !str_is_set(group);
	struct diag diag = {0};
	enum err err = OK;

	for (size_t i = 0; !has_group && i < model_count(models); i++) {
		const struct model_options *own = &model_at(models, i)->options;

		for (size_t g = 0; !has_group && g < own->group_count; g++)
			has_group = str_eq(own->groups[g], group);
	}
	if (str_is_set(name) && model == NULL)
		err = diag_set(&diag, ERR_NOT_FOUND, options->budgets_file, budget->line,
			       budget->column,
			       "budget \"" STR_FMT "\": there is no model \"" STR_FMT "\"",
			       STR_ARG(budget->name), STR_ARG(name));
	else if (model != NULL && !str_eq(model->options.name, name))
		err = diag_set(&diag, ERR_NOT_FOUND, options->budgets_file, budget->line,
			       budget->column,
			       "budget \"" STR_FMT "\": \"" STR_FMT
			       "\" is another name of the model \"" STR_FMT "\"; write that",
			       STR_ARG(budget->name), STR_ARG(name), STR_ARG(model->options.name));
	else if (!has_group)
		err = diag_set(&diag, ERR_NOT_FOUND, options->budgets_file, budget->line,
			       budget->column,
			       "budget \"" STR_FMT "\": no model is in the group \"" STR_FMT "\"",
			       STR_ARG(budget->name), STR_ARG(group));
	return err == OK ? OK : diags_add(diags, err, &diag);
}

static enum err load_budgets(struct snapshot_rules *rules, const struct snapshot_options *options,
			     struct diags *diags)
{
	int64_t wall_s = clock_wall_ns() / CLOCK_NS_PER_S;
	struct diag diag = {0};
	enum err err = budget_table_new(options->budgets, options->budget_count,
					options->budgets_before, wall_s, &diag, &rules->budgets);

	if (err != OK)
		return diags_add(diags, err, &diag);
	for (size_t i = 0; rules->models != NULL && i < options->budget_count; i++) {
		enum err one = check_scope(rules->models, &options->budgets[i], options, diags);

		err = err != OK ? err : one;
	}
	return err;
}

static enum err load_policies(struct snapshot_rules *rules, const struct snapshot_options *options,
			      struct diags *diags)
{
	struct rulebook_options texts = snapshot_rulebook_options(options);
	struct rulebook book;
	enum err err = rulebook_load(&texts, diags, options->warnings, &book);

	if (err != OK)
		return err;
	rules->policies = book.policies;
	rules->schema = book.schema;
	/* Without models there is nothing to add to the entities. */
	if (rules->models == NULL)
		entity_store_free(book.entities);
	else
		err = catalog_new(rules->schema, book.entities, rules->models, diags,
				  &rules->catalog);
	return err;
}

/* Every part is tried, so that all that is wrong is said at once. */
static enum err load_rules(struct snapshot_rules *rules, const struct snapshot_options *options,
			   struct diags *diags)
{
	enum err routes = load_routes(rules, options, diags);
	enum err prices = load_prices(rules, options, diags);
	enum err budgets = load_budgets(rules, options, diags);
	enum err policies = load_policies(rules, options, diags);

	if (routes != OK)
		return routes;
	if (prices != OK)
		return prices;
	return budgets != OK ? budgets : policies;
}

/* Callers ---------------------------------------------------------------------------- */

/* What a key says of its holder may not fit what the schema says of callers. */
static enum err check_keys(const struct apikey_store *keys, const struct snapshot_options *options,
			   struct diags *diags)
{
	enum err err = OK;

	for (size_t i = 0; i < options->key_count; i++) {
		const struct apikey_row *row = &options->keys[i];
		struct str misfit = catalog_principal_misfit(apikey_store_at(keys, i));
		struct diag diag;

		if (!str_is_set(misfit))
			continue;
		err = diag_set(&diag, ERR_MALFORMED, options->keys_file, row->line, row->column,
			       "key \"" STR_FMT "\" does not fit policy.schema: " STR_FMT,
			       STR_ARG(row->id), STR_ARG(misfit));
		(void)diags_add(diags, err, &diag);
	}
	return err;
}

/* Of tokens to come only the names of the attributes are known. */
static enum err check_issuer(const struct issuer *issuer, const struct schema *schema,
			     struct diags *diags)
{
	struct str type =
		issuer->kind == PRINCIPAL_USER ? STR("Inference::User") : STR("Inference::Service");
	enum err err = OK;

	for (size_t i = 0; i < issuer->claims.attribute_count; i++) {
		struct str name = issuer->claims.attributes[i].name;
		const char *why = contract_misfit(schema, type, name);
		struct diag diag;

		if (why == NULL)
			continue;
		err = diag_set(&diag, ERR_MALFORMED, "", issuer->line, issuer->column,
			       "issuer " STR_FMT ": claims.attributes: \"" STR_FMT
			       "\" of a " STR_FMT " %s",
			       STR_ARG(issuer->name), STR_ARG(name), STR_ARG(type), why);
		(void)diags_add(diags, err, &diag);
	}
	return err;
}

static enum err load_keys(const struct snapshot_options *options, const struct principal_ops *ops,
			  struct diags *diags, struct apikey_store **out)
{
	struct diag diag = {0};
	enum err err;

	if (options->key_count == 0)
		return OK;
	err = apikey_store_new(options->keys, options->key_count, options->keys_file, ops, &diag,
			       out);
	return err == OK ? check_keys(*out, options, diags) : diags_add(diags, err, &diag);
}

static enum err load_identity(struct snapshot *snapshot, const struct snapshot_options *options,
			      struct diags *diags)
{
	const struct schema *schema = snapshot->rules->schema;
	struct authenticator_options auth = {
		.issuers = options->issuers,
		.issuer_count = options->issuer_count,
		.ops = catalog_principal_ops(schema),
	};
	struct apikey_store *keys = NULL;
	struct diag diag = {0};
	enum err err = load_keys(options, &auth.ops, diags, &keys);

	for (size_t i = 0; i < options->issuer_count; i++)
		if (check_issuer(&options->issuers[i], schema, diags) != OK)
			err = ERR_MALFORMED;
	auth.keys = keys;
	if (err == OK) {
		err = authenticator_new(&auth, &diag, &snapshot->auth);
		if (err != OK)
			(void)diags_add(diags, err, &diag);
	}
	apikey_store_unref(keys);
	return err;
}

static void snapshot_copy(struct snapshot *snapshot, struct str gateway_id, struct str config_hash)
{
	struct buf text;
	enum err err;

	arena_init(&snapshot->arena, 1024, SNAPSHOT_ARENA_MAX);
	atomic_init(&snapshot->refs, 1);
	snapshot->gateway_id = arena_str(&snapshot->arena, gateway_id);
	snapshot->source = arena_printf(&snapshot->arena, "tollgate/" STR_FMT, STR_ARG(gateway_id));
	snapshot->config_hash = arena_str(&snapshot->arena, config_hash);
	buf_init(&text, SNAPSHOT_ARENA_MAX);
	err = buf_append_json(&text, snapshot->source);
	ASSERT(err == OK);
	snapshot->source_json = arena_str(&snapshot->arena, buf_str(&text));
	buf_fini(&text);
}

/* Both are hexadecimal: nothing to escape. */
static void snapshot_set_hashes(struct snapshot *snapshot)
{
	struct str policy_hash = policy_set_hash(snapshot->rules->policies);

	snapshot->hashes = arena_printf(
		&snapshot->arena, "\"policy_hash\":\"" STR_FMT "\",\"config_hash\":\"" STR_FMT "\"",
		STR_ARG(policy_hash), STR_ARG(snapshot->config_hash));
}

enum err snapshot_new(const struct snapshot_options *options, struct diags *diags,
		      struct snapshot **out)
{
	struct snapshot *snapshot = base_alloc(sizeof(*snapshot));
	enum err err;

	ASSERT(diags != NULL);
	snapshot_copy(snapshot, options->gateway_id, options->config_hash);
	snapshot->generation = options->generation;
	snapshot->body_bytes = options->body_bytes;
	snapshot->utc_offset_ms = options->utc_offset_ms;
	snapshot->allow_unpriced = options->allow_unpriced;
	snapshot->budget_headers = options->budget_headers;
	snapshot->policy_options.ignore_forbid_errors = options->ignore_forbid_errors;
	snapshot->rules = base_alloc(sizeof(*snapshot->rules));
	atomic_init(&snapshot->rules->refs, 1);
	err = load_rules(snapshot->rules, options, diags);
	/* Callers are held against the schema. */
	if (snapshot->rules->schema != NULL) {
		enum err identity_err = load_identity(snapshot, options, diags);

		err = err != OK ? err : identity_err;
	}
	if (err != OK) {
		snapshot_unref(snapshot);
		return err;
	}
	snapshot_set_hashes(snapshot);
	*out = snapshot;
	return OK;
}

struct snapshot *snapshot_with_keys(const struct snapshot *snapshot, size_t issuer,
				    struct jwks *keys)
{
	struct snapshot *copy = base_alloc(sizeof(*copy));

	/* Member by member: workers count their references of the old one meanwhile. */
	snapshot_copy(copy, snapshot->gateway_id, snapshot->config_hash);
	copy->body_bytes = snapshot->body_bytes;
	copy->utc_offset_ms = snapshot->utc_offset_ms;
	copy->allow_unpriced = snapshot->allow_unpriced;
	copy->budget_headers = snapshot->budget_headers;
	copy->policy_options = snapshot->policy_options;
	copy->rules = snapshot->rules;
	snapshot_set_hashes(copy);
	copy->generation = snapshot->generation + 1;
	atomic_fetch_add(&copy->rules->refs, 1);
	copy->auth = authenticator_with_keys(snapshot->auth, issuer, keys);
	return copy;
}

struct snapshot *snapshot_ref(struct snapshot *snapshot)
{
	atomic_fetch_add(&snapshot->refs, 1);
	return snapshot;
}

void snapshot_unref(struct snapshot *snapshot)
{
	if (snapshot == NULL || atomic_fetch_sub(&snapshot->refs, 1) != 1)
		return;
	authenticator_unref(snapshot->auth);
	rules_unref(snapshot->rules);
	arena_fini(&snapshot->arena);
	free(snapshot);
}
