/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One question, as people and files write it: who, what, on what, in which
 * context. From words of the command line, or from a line of JSON
 *
 *   {"principal": "User::\"ana\"", "action": …, "resource": …, "context": {…}}
 *
 * where an entity may also be {"type": "User", "id": "ana"}.
 *
 * Owns:    nothing; all lives in the arena given.
 * Threads: any.
 * Limits:  a line: 1 MiB, 64 levels; the arena's cap.
 */
#ifndef GATEWAY_CLI_POLICY_QUESTION_H
#define GATEWAY_CLI_POLICY_QUESTION_H

#include "policy/policy.h"

#define POLICY_QUESTION_BYTES ((size_t)1 << 20)

/* As text, each where it came from (for messages); context unset is the empty record. */
struct policy_question {
	struct str principal; /* User::"ana" */
	struct str action;
	struct str resource;
	struct str context; /* JSON */
	const char *context_file;
};

/* 'User::"ana"' to a uid; name ("principal") is for the message. */
MUST_CHECK enum err policy_question_uid(struct arena *arena, const char *name, struct str text,
					const struct uid **out, struct diag *diag);
/* schema may be NULL; with one, the context is read by its declared types. */
MUST_CHECK enum err policy_question_read(struct arena *arena,
					 const struct policy_question *question,
					 const struct schema *schema, struct policy_request *out,
					 struct diag *diag);
/* conform_request, with a word more when no context was given. */
MUST_CHECK enum err policy_question_conform(const struct schema *schema,
					    const struct policy_request *request,
					    struct diag *diag);

struct policy_question_reader;

/* Reads lines; made once, as it compiles what it looks for. */
struct policy_question_reader *policy_question_reader_new(void);
void policy_question_reader_free(struct policy_question_reader *reader);
/* One line of JSON. file and line are for messages. "id", when there, is echoed by answers and
 * given back as JSON text (unset: none). Other members are refused with a suggestion. */
MUST_CHECK enum err policy_question_line(struct policy_question_reader *reader, struct arena *arena,
					 const char *file, unsigned line, struct str text,
					 const struct schema *schema, struct policy_request *out,
					 struct str *out_id, struct diag *diag);

#endif
