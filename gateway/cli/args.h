/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The words after a subcommand, one by one: options ("--name value" or
 * "--name=value") and the rest. What is wrong with them is said on stderr, with
 * the command's name in front.
 *
 * Owns:    nothing; views point into argv.
 * Threads: one user at a time.
 * Limits:  none.
 */
#ifndef GATEWAY_CLI_ARGS_H
#define GATEWAY_CLI_ARGS_H

#include "base/err.h"
#include "base/str.h"
#include "gateway/cli/exit.h"

enum args_word {
	ARGS_END,
	ARGS_OPTION,
	ARGS_OPERAND,
};

struct args {
	const char *command; /* "tollgate key create" */
	char **argv;
	int argc;
	int at;
	struct str option;	  /* with its dashes */
	const char *inline_value; /* behind '='; NULL: none */
};

/* argv[0] is the command itself and is skipped. */
void args_init(struct args *args, const char *command, int argc, char **argv);
/* *out is the option's name without dashes, or the operand. "--" ends the options. */
enum args_word args_next(struct args *args, struct str *out);
/* Value of the option just returned. False, and said so, when there is none. */
MUST_CHECK bool args_value(struct args *args, struct str *out);

/* Say it on stderr and return EXIT_CODE_USAGE, so that a command can `return args_...`. */
int args_unknown(const struct args *args, struct str word);
PRINTF_LIKE(2, 3) int args_fail(const struct args *args, const char *fmt, ...);
/* Prints diag with its place and caret; the exit code that err stands for. */
int args_fail_diag(const struct args *args, enum err err, const struct diag *diag);

#endif
