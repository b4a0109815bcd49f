/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/identity/reason.h"

#include "base/base.h"

static const char *const names[] = {
	[IDENTITY_OK] = "ok",
	[IDENTITY_NO_CREDENTIAL] = "no_credential",
	[IDENTITY_TWO_CREDENTIALS] = "two_credentials",
	[IDENTITY_BAD_SCHEME] = "bad_scheme",
	[IDENTITY_MALFORMED] = "malformed",
	[IDENTITY_UNKNOWN_API_KEY] = "unknown_api_key",
	[IDENTITY_REVOKED] = "revoked",
	[IDENTITY_EXPIRED] = "expired",
	[IDENTITY_NOT_YET_VALID] = "not_yet_valid",
	[IDENTITY_UNKNOWN_ISSUER] = "unknown_issuer",
	[IDENTITY_UNKNOWN_KID] = "unknown_kid",
	[IDENTITY_ALGORITHM] = "algorithm",
	[IDENTITY_SIGNATURE] = "signature",
	[IDENTITY_AUDIENCE] = "audience",
	[IDENTITY_CLAIMS] = "claims",
};
_Static_assert(ARRAY_LEN(names) == IDENTITY_REASON_COUNT, "one name per reason");

const char *identity_reason_name(enum identity_reason reason)
{
	ASSERT(reason < IDENTITY_REASON_COUNT);
	return names[reason];
}
