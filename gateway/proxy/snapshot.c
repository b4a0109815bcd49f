/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/proxy/snapshot.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/buf.h"
#include "metering/usage/usage.h"

#define SNAPSHOT_ARENA_MAX (1U << 20)

static void rules_unref(struct snapshot_rules *rules)
{
	if (rules == NULL || atomic_fetch_sub(&rules->refs, 1) != 1)
		return;
	catalog_free(rules->catalog);
	policy_set_free(rules->policies);
	price_book_free(rules->prices);
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

static enum err load_rules(struct snapshot_rules *rules, const struct snapshot_options *options,
			   struct diag *diag)
{
	struct price_options prices = {.file = options->prices_file, .meters = meter_names()};
	enum err err = load_upstreams(rules, options, diag);

	if (err == OK)
		err = load_models(rules, options, diag);
	if (err == OK)
		err = policy_set_load(options->policies, options->policy_count, NULL,
				      &rules->policies, diag);
	if (err == OK)
		err = catalog_new(&options->schema, &options->entities, rules->models, diag,
				  &rules->catalog);
	if (err == OK)
		err = price_book_new(options->prices, options->price_count, &prices, diag,
				     &rules->prices);
	return err;
}

static enum err load_identity(struct snapshot *snapshot, const struct snapshot_options *options,
			      struct diag *diag)
{
	struct apikey_store *keys = NULL;
	enum err err = OK;

	if (options->key_count > 0)
		err = apikey_store_new(options->keys, options->key_count, options->keys_file,
				       &catalog_principal_ops, diag, &keys);
	if (err == OK) {
		struct authenticator_options auth = {
			.keys = keys,
			.issuers = options->issuers,
			.issuer_count = options->issuer_count,
			.ops = catalog_principal_ops,
		};

		err = authenticator_new(&auth, diag, &snapshot->auth);
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

enum err snapshot_new(const struct snapshot_options *options, struct diag *diag,
		      struct snapshot **out)
{
	struct snapshot *snapshot = base_alloc(sizeof(*snapshot));
	enum err err;

	snapshot_copy(snapshot, options->gateway_id, options->config_hash);
	snapshot->generation = options->generation;
	snapshot->body_bytes = options->body_bytes;
	snapshot->utc_offset_ms = options->utc_offset_ms;
	snapshot->allow_unpriced = options->allow_unpriced;
	snapshot->policy_options.ignore_forbid_errors = options->ignore_forbid_errors;
	snapshot->rules = base_alloc(sizeof(*snapshot->rules));
	atomic_init(&snapshot->rules->refs, 1);
	err = load_rules(snapshot->rules, options, diag);
	if (err == OK)
		err = load_identity(snapshot, options, diag);
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
