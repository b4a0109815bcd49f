/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why a message was refused: one row per rule of README.md, with the answer
 * that a server gives for it and the words that tell the client what to mend.
 *
 * Owns:    nothing; texts are static.
 * Threads: any.
 * Limits:  none.
 */
#ifndef GATEWAY_HTTP_REFUSAL_H
#define GATEWAY_HTTP_REFUSAL_H

#include "base/err.h"
#include "base/str.h"

enum refusal {
	REFUSAL_NONE,
	REFUSAL_LINE_END,
	REFUSAL_REQUEST_LINE,
	REFUSAL_METHOD,
	REFUSAL_VERSION,
	REFUSAL_TARGET,
	REFUSAL_PATH,
	REFUSAL_TARGET_LIMIT,
	REFUSAL_FIELD_NAME,
	REFUSAL_FIELD_VALUE,
	REFUSAL_FIELD_FOLD,
	REFUSAL_FIELD_TWICE,
	REFUSAL_FIELD_LOOKALIKE,
	REFUSAL_FIELD_COUNT,
	REFUSAL_HEAD_LIMIT,
	REFUSAL_HOST,
	REFUSAL_CONNECTION,
	REFUSAL_EXPECT,
	REFUSAL_LENGTH,
	REFUSAL_TRANSFER,
	REFUSAL_CHUNK_SIZE,
	REFUSAL_CHUNK_EXTENSION,
	REFUSAL_CHUNK_END,
	REFUSAL_CHUNK_OVERHEAD,
	REFUSAL_TRAILER,
	REFUSAL_BODY_LIMIT,
	REFUSAL_CUT,
	REFUSAL_TIMEOUT,
	REFUSAL_STATUS_LINE,
	REFUSAL_SWITCHING,
	REFUSAL_INFORMATIONAL,
	REFUSAL_COUNT
};

/* As a request: what we report and answer. */
enum err refusal_err(enum refusal refusal);
unsigned refusal_status(enum refusal refusal);
/* A short snake_case word for programs and logs, and a sentence for people. */
struct str refusal_code(enum refusal refusal);
struct str refusal_text(enum refusal refusal);
/* As a response: ERR_LIMIT for our own bounds, ERR_UPSTREAM for the rest. */
enum err refusal_err_of_response(enum refusal refusal);

#endif
