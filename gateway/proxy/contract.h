/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the gateway says in its questions to policy, as a table: the context of
 * a call, attribute by attribute, and the entities it makes. A schema that
 * declares it otherwise would have every call denied, so it is refused when it
 * is loaded.
 *
 * Owns:    nothing.
 * Threads: any; constants.
 * Limits:  those of the diags.
 */
#ifndef GATEWAY_PROXY_CONTRACT_H
#define GATEWAY_PROXY_CONTRACT_H

#include "base/diags.h"
#include "policy/policy.h"

/* The schema's record types: Base is the first part of Call. */
enum contract_context_field {
	CONTEXT_NOW,
	CONTEXT_LOCAL,
	CONTEXT_WEEKDAY,
	CONTEXT_SOURCE_IP,
	CONTEXT_MTLS,
	CONTEXT_MFA,
	CONTEXT_SCOPES,
	CONTEXT_REQUEST_ID,
	CONTEXT_BASE_COUNT,
	CONTEXT_DATA_CLASS = CONTEXT_BASE_COUNT,
	CONTEXT_PII,
	CONTEXT_PURPOSE,
	CONTEXT_ANNEX_III,
	CONTEXT_HUMAN_OVERSIGHT,
	CONTEXT_FRIA_ID,
	CONTEXT_UPSTREAM_REGION,
	CONTEXT_STREAM,
	CONTEXT_MAX_TOKENS,
	CONTEXT_INPUT_TOKENS,
	CONTEXT_COST_MICRO,
	CONTEXT_BUDGET,
	CONTEXT_TOOLS,
	CONTEXT_ON_CALL,
	CONTEXT_COUNT,
};

struct contract_field {
	struct str name;
	enum schema_kind kind;
	enum schema_kind element; /* of a set */
	struct str entity;	  /* the type's name, of an entity or of a set's elements */
	bool is_optional;	  /* the gateway may leave it out */
};

extern const struct contract_field contract_context[CONTEXT_COUNT];

/* The actions that the gateway asks for. */
enum catalog_action {
	ACTION_INVOKE,
	ACTION_EMBED,
	ACTION_LIST_MODELS,
	ACTION_COUNT_TOKENS,
	ACTION_COUNT,
};

extern const struct str contract_actions[ACTION_COUNT];
/* Is its context a Call, or a Base alone? */
bool contract_has_call(enum catalog_action action);

/* Every difference, at its place in the schema. */
MUST_CHECK enum err contract_check(const struct schema *schema, const struct policy_source *source,
				   struct diags *diags);
/* Can a credential's attribute (text, number, truth value, list of texts) be of the type that the
 * schema declares for a User or Service? NULL: yes; else what is wrong with it. */
const char *contract_misfit(const struct schema *schema, struct str entity, struct str attribute);

#endif
