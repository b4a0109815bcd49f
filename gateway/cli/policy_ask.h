/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One question on the command line, for `authorize` and `explain`: the flags,
 * the files behind them, and the request that they make.
 *
 *   option ... -> load -> request -> use -> fini
 *
 * Owns:    the inputs and an arena, until fini.
 * Threads: main; it reads files.
 * Limits:  a context 1 MiB; 256 MiB for a request and its decision.
 */
#ifndef GATEWAY_CLI_POLICY_ASK_H
#define GATEWAY_CLI_POLICY_ASK_H

#include "gateway/cli/policy_inputs.h"
#include "gateway/cli/policy_question.h"

enum policy_ask_errors {
	POLICY_ASK_CONFIGURED, /* as policy.on_forbid_error says; deny without a configuration */
	POLICY_ASK_DENY,
	POLICY_ASK_SKIP,
};

struct policy_ask {
	struct args args;
	struct policy_inputs_options files;
	struct str principal, action, resource, context; /* words; unset: not given */
	enum policy_ask_errors on_forbid_error;
	bool skips_request_validation;
	bool skips_policy_validation;
	bool is_json;
	struct policy_inputs inputs;
	struct policy_options options;
	struct arena arena;
	struct policy_request request;
};

/* The lines for a usage text, those of the inputs among them. */
extern const char policy_ask_usage[];
void policy_ask_init(struct policy_ask *ask, const char *command, int argc, char **argv);
/* The option just returned by args_next. */
enum policy_inputs_word policy_ask_option(struct policy_ask *ask, struct str name);
/* Reads and validates the files; says what is wrong. */
int policy_ask_load(struct policy_ask *ask);
/* The request of the words, held against the schema; says what is wrong. */
int policy_ask_request(struct policy_ask *ask);
void policy_ask_fini(struct policy_ask *ask);

#endif
