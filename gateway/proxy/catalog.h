/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What policy knows of the gateway's own things: an entity per model, provider
 * and action, made from the configuration beside the entities file; and the
 * forms in which principals and calls are shown to policy (schema: conf/).
 *
 * Owns:    its store and the constant names.
 * Threads: immutable after catalog_new.
 * Limits:  those of the entity store.
 */
#ifndef GATEWAY_PROXY_CATALOG_H
#define GATEWAY_PROXY_CATALOG_H

#include "gateway/identity/principal.h"
#include "gateway/proxy/contract.h"
#include "gateway/route/model.h"
#include "policy/policy.h"

struct catalog;

/* schema is borrowed; store, not frozen yet, is taken on any outcome. A model that does not fit the
 * schema is an error at its place in the main file (file ""). */
MUST_CHECK enum err catalog_new(const struct schema *schema, struct entity_store *store,
				const struct model_table *models, struct diags *diags,
				struct catalog **out);
void catalog_free(struct catalog *catalog);

const struct entity_store *catalog_store(const struct catalog *catalog);
const struct uid *catalog_model(const struct catalog *catalog, const struct model *model);
/* By the word in operations.def. */
enum catalog_action catalog_action(struct str name);
const struct uid *catalog_action_uid(const struct catalog *catalog, enum catalog_action action);
/* Does a question for that action fit the schema? diag says what does not. */
MUST_CHECK enum err catalog_conform(const struct catalog *catalog, enum catalog_action action,
				    const struct policy_request *question, struct diag *diag);

/* The principal's Cedar entity in memory of its own, to be hung on the principal: every attribute
 * that the gateway knows is there, with the least privilege as its default, and the whole is held
 * against the schema, which is borrowed while principals are made. */
struct principal_ops catalog_principal_ops(const struct schema *schema);
const struct entity *catalog_principal_entity(const struct principal *principal);
/* Why the entity does not fit the schema, without values; unset when it fits. */
struct str catalog_principal_misfit(const struct principal *principal);
/* As records say it, escaped once: "User::ana" with its quotes, and the members principal, key, bu,
 * team and project. */
struct str catalog_principal_subject(const struct principal *principal);
struct str catalog_principal_record(const struct principal *principal);

/* The context of a call. Texts are borrowed until the decision is made. */
struct catalog_call {
	int64_t now_ms, local_ms;
	unsigned weekday;
	struct str source_ip;
	struct str request_id;
	const struct principal *principal;
	bool is_mtls;
	/* From here on for calls of a model (Invoke, Embed). */
	bool has_call;
	int64_t data_class;
	bool is_pii;
	struct str purpose;
	bool is_annex_iii;
	bool has_human_oversight;
	struct str fria_id; /* unset: none */
	struct str upstream_region;
	bool is_stream;
	int64_t max_tokens, input_tokens, cost_micro;
	bool is_on_call;
	bool has_budget; /* one in money; without it nothing is short */
	int64_t budget_micro;
	bool is_budget_hard;
};

/* A record in the arena; VALUE_NONE past its cap. */
struct value catalog_context(const struct catalog *catalog, const struct catalog_call *call,
			     struct arena *arena);

#endif
