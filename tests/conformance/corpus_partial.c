/* SPDX-License-Identifier: Apache-2.0 */
#include "corpus_partial.h"

#include "policy/partial.h"

static enum eval_verdict verdict_of(struct eval *eval, const struct partial_result *result)
{
	struct value value;

	switch (result->verdict) {
	case PARTIAL_FALSE: return EVAL_UNSATISFIED;
	case PARTIAL_TRUE: return EVAL_SATISFIED;
	case PARTIAL_ERROR: return EVAL_ERROR;
	case PARTIAL_RESIDUAL: break;
	}
	if (!eval_expr(eval, result->expr, &value) || value.kind != VALUE_BOOL)
		return EVAL_ERROR;
	return value.boolean ? EVAL_SATISFIED : EVAL_UNSATISFIED;
}

static const struct policy *differs(const struct policy_set *set, const struct entity_store *store,
				    const struct schema *schema, struct partial_request *known,
				    const struct policy_request *request, struct arena *arena)
{
	struct partial partial;
	struct eval eval;

	if (!partial_open_context(known, schema, arena) ||
	    !partial_init(&partial, store, schema, known, arena) ||
	    !eval_init(&eval, store, request, arena))
		return policy_set_at(set, 0);
	for (size_t i = 0; i < policy_set_count(set); i++) {
		const struct policy *policy = policy_set_at(set, i);
		struct partial_result result;

		if (partial_policy(&partial, policy, &result) != OK ||
		    verdict_of(&eval, &result) != eval_policy(&eval, policy))
			return policy;
	}
	return NULL;
}

const struct policy *corpus_partial_differs(const struct policy_set *set,
					    const struct entity_store *store,
					    const struct schema *schema,
					    const struct policy_request *request,
					    struct arena *arena)
{
	struct partial_request call = {.principal = {.uid = request->principal},
				       .action = {.uid = request->action},
				       .resource = {.uid = request->resource}};
	struct partial_request token = {.principal = {.type = request->principal->type},
					.action = {.uid = request->action},
					.resource = {.type = request->resource->type}};
	const struct policy *policy = NULL;

	if (policy_set_count(set) == 0)
		return NULL;
	policy = differs(set, store, schema, &call, request, arena);
	if (policy == NULL)
		policy = differs(set, store, NULL, &call, request, arena);
	if (policy == NULL)
		policy = differs(set, store, schema, &token, request, arena);
	return policy == NULL ? differs(set, store, NULL, &token, request, arena) : policy;
}
