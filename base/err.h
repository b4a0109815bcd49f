/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One enum of errors for the whole program, and the message a loader of human
 * text leaves behind. What we answer, whether we retry and how we count it are
 * columns of errs.def.
 *
 *   MALFORMED   input breaks its grammar; nothing of it was kept
 *   UNAUTHENTIC no credential, or one that does not verify (never says which)
 *   DENIED      policy says no        NOT_FOUND   no such route, model, file
 *   METHOD      path exists, method does not      CONFLICT  id or name taken, fenced
 *   LIMIT       a stated bound was passed; content so far is still valid
 *   UNSUPPORTED a well-formed thing we do not take (content encoding, version)
 *   QUOTA       budget or rate        HEAD_LIMIT  message head too large
 *   INTERNAL    our own fault         UPSTREAM    the endpoint failed or lied
 *   UNAVAILABLE not now (draining, disk full)     TIMEOUT   deadline passed
 *   IO          the system refused (errno has why)
 *   DAMAGED     stored bytes fail their check
 *
 * Owns:    struct diag holds its text inline.
 * Threads: any.
 * Limits:  diag text 400 bytes, file name 200 bytes; longer is cut.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include "base/base.h"

enum level {
	LEVEL_DEBUG,
	LEVEL_INFO,
	LEVEL_WARN,
	LEVEL_ERROR,
};

enum err {
#define ERR_ROW(code, status, retryable, level, label) code,
#include "base/errs.def"
	ERR_COUNT
};

int err_status(enum err err);
bool err_is_retryable(enum err err);
enum level err_level(enum err err);
const char *err_label(enum err err);

/* Verdicts of I/O and of pipeline stages: the same few words everywhere. */
enum io {
	IO_DONE,
	IO_AGAIN,
	IO_EOF,
	IO_FAIL,
};

enum step {
	STEP_NEXT,
	STEP_WAIT,
	STEP_DONE,
};

/* What was wrong, where, and what to do. line and column count from 1; 0 is unknown. */
struct diag {
	char file[200];
	unsigned line;
	unsigned column;
	char text[400];
	char source[200]; /* the offending line itself, for the caret; "" when unknown */
};

/* Fills diag (when not NULL) and returns err, so that a loader can `return diag_set(...)`. */
PRINTF_LIKE(6, 7)
enum err diag_set(struct diag *diag, enum err err, const char *file, unsigned line, unsigned column,
		  const char *fmt, ...);
/* Copies line number `line` of text into diag->source. */
void diag_set_source(struct diag *diag, const char *text, size_t len);
/* Writes "file:line:column: text", the source line and a caret into out; returns length as
 * snprintf does. */
size_t diag_print(const struct diag *diag, char *out, size_t cap);

#endif
