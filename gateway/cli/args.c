/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/cli/args.h"

#include <stdarg.h>
#include <stdio.h>

void args_init(struct args *args, const char *command, int argc, char **argv)
{
	*args = (struct args){.command = command, .argv = argv, .argc = argc, .at = 1};
}

enum args_word args_next(struct args *args, struct str *out)
{
	struct str word;
	struct str name;

	args->inline_value = NULL;
	if (args->at >= args->argc)
		return ARGS_END;
	word = str_from_c(args->argv[args->at++]);
	if (str_eq(word, STR("--"))) {
		if (args->at >= args->argc)
			return ARGS_END;
		*out = str_from_c(args->argv[args->at++]);
		return ARGS_OPERAND;
	}
	if (!str_has_prefix(word, STR("--"))) {
		*out = word;
		return ARGS_OPERAND;
	}
	if (str_cut(&word, '=', &name))
		args->inline_value = word.ptr;
	args->option = name;
	*out = str_sub(name, 2, name.len);
	return ARGS_OPTION;
}

bool args_value(struct args *args, struct str *out)
{
	if (args->inline_value != NULL) {
		*out = str_from_c(args->inline_value);
		return true;
	}
	if (args->at >= args->argc) {
		(void)args_fail(args, STR_FMT " wants a value", STR_ARG(args->option));
		return false;
	}
	*out = str_from_c(args->argv[args->at++]);
	return true;
}

int args_fail(const struct args *args, const char *fmt, ...)
{
	va_list list;

	(void)fprintf(stderr, "%s: ", args->command);
	va_start(list, fmt);
	(void)vfprintf(stderr, fmt, list);
	va_end(list);
	(void)fprintf(stderr, "\n");
	return EXIT_CODE_USAGE;
}

int args_unknown(const struct args *args, struct str word)
{
	return args_fail(args, "does not know \"" STR_FMT "\"; --help shows what it takes",
			 STR_ARG(word));
}

int args_fail_diag(const struct args *args, enum err err, const struct diag *diag)
{
	char text[1024];

	(void)diag_print(diag, text, sizeof(text));
	(void)args_fail(args, "%s", text);
	return err == ERR_IO || err == ERR_NOT_FOUND || err == ERR_INTERNAL ? EXIT_CODE_FAILED
									    : EXIT_CODE_NO;
}
