/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why a credential was refused. For logs and counters alone: a client sees one
 * and the same 401 for all of them.
 *
 * Owns:    nothing.
 * Threads: any.
 * Limits:  none.
 */
#ifndef GATEWAY_IDENTITY_REASON_H
#define GATEWAY_IDENTITY_REASON_H

enum identity_reason {
	IDENTITY_OK,
	IDENTITY_NO_CREDENTIAL,
	IDENTITY_TWO_CREDENTIALS, /* of Authorization and the key fields two differ */
	IDENTITY_BAD_SCHEME,	  /* Authorization is not Bearer */
	IDENTITY_MALFORMED,	  /* no API key, and no compact JWS we take */
	IDENTITY_UNKNOWN_API_KEY,
	IDENTITY_REVOKED,
	IDENTITY_EXPIRED,
	IDENTITY_NOT_YET_VALID,
	IDENTITY_UNKNOWN_ISSUER,
	IDENTITY_UNKNOWN_KID,
	IDENTITY_ALGORITHM, /* header names another than the key's */
	IDENTITY_SIGNATURE,
	IDENTITY_AUDIENCE,
	IDENTITY_CLAIMS, /* missing, of the wrong type, or too large */
	IDENTITY_REASON_COUNT,
};

/* snake_case, static: log field and metric label. */
const char *identity_reason_name(enum identity_reason reason);

#endif
