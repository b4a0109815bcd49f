/* SPDX-License-Identifier: Apache-2.0 */
/* Key sets; what is taken must be findable and usable. */
#include "tests/fuzz/fuzz.h"

#include "gateway/identity/jwks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str json = str_make((const char *)data, size);
	struct jwks *keys = NULL;
	struct diag diag = {0};

	if (jwks_parse(json, UINT32_MAX, "fuzz", &diag, &keys) == OK) {
		ASSERT(jwks_count(keys) > 0);
		ASSERT(jwks_count(keys) <= JWKS_KEYS);
		if (jwks_count(keys) == 1) {
			const struct jws_key *key = jwks_find(keys, str_make(NULL, 0));

			ASSERT(key != NULL);
			ASSERT(jwks_find(keys, jws_key_kid(key)) == key);
			ASSERT(jws_key_verify(key, STR("a.b"), STR("signature")) ==
			       ERR_UNAUTHENTIC);
		}
	} else {
		ASSERT(keys == NULL);
		ASSERT(diag.text[0] != '\0');
	}
	jwks_unref(keys);
	return 0;
}
