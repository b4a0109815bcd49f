/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gateway's schema, its example policies and the people and models of its
 * golden decisions, as input for tests and the benchmark.
 *
 * Owns:    what the makers return lives in the arenas given.
 * Threads: any.
 * Limits:  none.
 */
#ifndef TESTS_UNIT_POLICY_GATEWAY_CASE_H
#define TESTS_UNIT_POLICY_GATEWAY_CASE_H

#include "policy/policy.h"

/* Fields of the context, in the order of gateway_case_shape's names. */
enum gateway_field {
	FIELD_NOW,
	FIELD_LOCAL,
	FIELD_WEEKDAY,
	FIELD_SOURCE_IP,
	FIELD_MTLS,
	FIELD_MFA,
	FIELD_SCOPES,
	FIELD_REQUEST_ID,
	FIELD_DATA_CLASS,
	FIELD_PII,
	FIELD_PURPOSE,
	FIELD_ANNEX_III,
	FIELD_HUMAN_OVERSIGHT,
	FIELD_FRIA_ID,
	FIELD_UPSTREAM_REGION,
	FIELD_STREAM,
	FIELD_MAX_TOKENS,
	FIELD_INPUT_TOKENS,
	FIELD_COST_MICRO,
	FIELD_BUDGET,
	FIELD_TOOLS,
	FIELD_ON_CALL,
	FIELD_COUNT,
};

extern const char gateway_case_schema[];
extern const char gateway_case_policies[];

/* Provider azure, model gpt-x, groups, tool rm-rf, the actions; frozen. */
struct entity_store *gateway_case_store(void);
/* ana, bob or etl as a token's principal. */
const struct entity *gateway_case_principal(struct arena *arena, const char *name);
const struct value_shape *gateway_case_shape(struct arena *arena);
/* The golden context's values; FIELD_FRIA_ID absent. */
void gateway_case_values(struct arena *arena, struct value values[static FIELD_COUNT]);

#endif
