/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What policy knows of the gateway's own things: an entity per model, provider
 * and action, made from the configuration beside the entities file; and the
 * forms in which principals and calls are shown to policy (schema: conf/).
 *
 * Owns:    its store, schema, and the constant names.
 * Threads: immutable after catalog_new.
 * Limits:  those of the entity store.
 */
#ifndef GATEWAY_PROXY_CATALOG_H
#define GATEWAY_PROXY_CATALOG_H

#include "gateway/identity/principal.h"
#include "gateway/route/model.h"
#include "policy/policy.h"

struct catalog;

enum catalog_action {
	ACTION_INVOKE,
	ACTION_EMBED,
	ACTION_LIST_MODELS,
	ACTION_COUNT_TOKENS,
	ACTION_COUNT,
};

MUST_CHECK enum err catalog_new(const struct policy_source *schema,
				const struct policy_source *entities,
				const struct model_table *models, struct diag *diag,
				struct catalog **out);
void catalog_free(struct catalog *catalog);

const struct entity_store *catalog_store(const struct catalog *catalog);
const struct uid *catalog_model(const struct catalog *catalog, const struct model *model);
/* By the word in operations.def. */
enum catalog_action catalog_action(struct str name);
const struct uid *catalog_action_uid(const struct catalog *catalog, enum catalog_action action);

/* The principal's Cedar entity in memory of its own, to be hung on the principal: every attribute
 * that the schema requires is there, with the least privilege as its default. */
extern const struct principal_ops catalog_principal_ops;
const struct entity *catalog_principal_entity(const struct principal *principal);
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
};

/* A record in the arena; VALUE_NONE past its cap. */
struct value catalog_context(const struct catalog *catalog, const struct catalog_call *call,
			     struct arena *arena);

#endif
