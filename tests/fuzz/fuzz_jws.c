/* SPDX-License-Identifier: Apache-2.0 */
/* Whole tokens against one HMAC and one EC key, down to the principal. */
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>

#include "base/clock.h"
#include "gateway/identity/bearer.h"
#include "gateway/identity/compact.h"

#define SECRET "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s" /* 32 times 'k' */
#define EC_X   "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4"
#define EC_Y   "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"

static const struct str audience[] = {STR("tollgate")};
static const struct claim_attribute attributes[] = {{STR("clearance"), STR("a.b.clearance")}};

static struct jwks *keys_of(const char *json)
{
	struct jwks *keys = NULL;

	if (jwks_parse(str_from_c(json), UINT32_MAX, "fuzz", NULL, &keys) != OK)
		abort();
	return keys;
}

static void check_principal(const struct principal *principal)
{
	ASSERT(principal->id.len > 0);
	ASSERT(principal->roles.count <= PRINCIPAL_LIST);
	ASSERT(principal->attribute_count <= ARRAY_LEN(attributes));
	principal_unref(principal);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str token = str_make((const char *)data, size);
	struct issuer issuers[2] = {
		{.name = STR("mac"),
		 .issuer = STR("mac"),
		 .audience = {audience, 1},
		 .claims = {.roles = STR("realm.roles"),
			    .attributes = attributes,
			    .attribute_count = ARRAY_LEN(attributes)}},
		{.name = STR("ec"), .issuer = STR("ec"), .audience = {audience, 1}},
	};
	struct bearer_verdict verdict;
	const struct principal *principal = NULL;
	struct compact compact;

	issuers[0].keys =
		keys_of("{\"keys\":[{\"kty\":\"oct\",\"alg\":\"HS256\",\"k\":\"" SECRET "\"}]}");
	issuers[1].keys = keys_of("{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" EC_X
				  "\",\"y\":\"" EC_Y "\"}]}");
	if (bearer_verify(issuers, 2, token, 1800000000LL * CLOCK_NS_PER_S, NULL, &principal,
			  &verdict) == OK) {
		/* What the claims level takes, the level below must take. */
		ASSERT(compact_parse(token, &compact) == OK);
		ASSERT(compact_verify(&compact, jwks_find(issuers[verdict.issuer].keys,
							  compact_kid(&compact))) == OK);
		check_principal(principal);
	} else {
		ASSERT(principal == NULL);
		ASSERT(verdict.reason != IDENTITY_OK);
	}
	jwks_unref(issuers[0].keys);
	jwks_unref(issuers[1].keys);
	return 0;
}
