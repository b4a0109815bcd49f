/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/cli/policy_schema.h"

#include <stdio.h>

#include "gateway/cli/args.h"
#include "gateway/config/file.h"
#include "policy/schema_json_write.h"
#include "policy/schema_text_write.h"

#define SCHEMA_FINDINGS	    1000
#define SCHEMA_OUTPUT_BYTES ((size_t)256 << 20)

static const char usage[] =
	"usage: tollgate policy schema [OPTION ...] FILE\n"
	"\n"
	"Reads a schema, as Cedar text or as JSON, and lists all that is wrong with it and what "
	"is\n"
	"hardly meant. Writes it in the other form, when asked for, with annotations and common\n"
	"types; comments are not kept.\n"
	"\n"
	"  --to FORM   write it to the standard output: cedar or json\n"
	"\n"
	"Exit codes: 0 nothing is wrong, 1 something is, 2 wrong use, 3 the file cannot be read.\n";

enum form {
	FORM_NONE,
	FORM_TEXT,
	FORM_JSON,
};

struct command {
	struct args args;
	const char *path; /* NULL: not given yet */
	enum form form;
	struct arena arena;
	struct diags errors;
	struct diags warnings;
};

static int take_option(struct command *command, struct str name)
{
	struct str value;

	if (!str_eq(name, STR("to")))
		return args_unknown(&command->args, command->args.option);
	if (!args_value(&command->args, &value))
		return EXIT_CODE_USAGE;
	if (str_eq(value, STR("cedar")))
		command->form = FORM_TEXT;
	else if (str_eq(value, STR("json")))
		command->form = FORM_JSON;
	else
		return args_fail(&command->args, "--to takes cedar or json, not \"" STR_FMT "\"",
				 STR_ARG(value));
	return EXIT_CODE_FINE;
}

static int take_path(struct command *command, struct str word)
{
	if (command->path != NULL)
		return args_unknown(&command->args, word);
	command->path = arena_str(&command->arena, word).ptr;
	return EXIT_CODE_FINE;
}

static void print_diags(const struct diags *diags, const char *mark)
{
	char text[1024];

	for (size_t i = 0; i < diags->count; i++) {
		struct diag marked = diags->items[i];

		(void)snprintf(marked.text, sizeof(marked.text), "%s%.380s", mark,
			       diags->items[i].text);
		(void)diag_print(&marked, text, sizeof(text));
		fprintf(stderr, "%s\n", text);
	}
	if (diags->total > diags->count)
		fprintf(stderr, "and %zu more\n", diags->total - diags->count);
}

static int write_schema(struct command *command, const struct schema *schema)
{
	struct diag diag = {.text = ""};
	struct buf out;
	enum err err;
	int code = EXIT_CODE_FINE;

	buf_init(&out, SCHEMA_OUTPUT_BYTES);
	err = command->form == FORM_JSON ? schema_json_write(&out, schema)
					 : schema_text_write(&out, schema, &diag);
	if (err == ERR_LIMIT)
		(void)diag_set(&diag, err, command->path, 0, 0, "the output is longer than %zu MiB",
			       SCHEMA_OUTPUT_BYTES >> 20);
	if (err != OK)
		code = args_fail_diag(&command->args, err, &diag);
	else if (fwrite(out.ptr, 1, out.len, stdout) != out.len || fflush(stdout) != 0)
		code = EXIT_CODE_FAILED;
	buf_fini(&out);
	return code;
}

static int convert(struct command *command)
{
	struct schema_source source = {
		.file = command->path, .all = &command->errors, .warnings = &command->warnings};
	struct schema *schema;
	struct diag diag;
	enum err err = config_file_read(&command->arena, command->path, SCHEMA_TEXT_BYTES, &diag,
					&source.text);
	int code = EXIT_CODE_FINE;

	if (err != OK)
		return args_fail_diag(&command->args, err, &diag);
	source.format = schema_format_of(source.text);
	err = schema_load_source(&source, &schema, &diag);
	print_diags(&command->errors, "");
	print_diags(&command->warnings, "warning: ");
	if (err != OK)
		return EXIT_CODE_NO;
	if (command->form != FORM_NONE)
		code = write_schema(command, schema);
	schema_free(schema);
	return code;
}

static int run(struct command *command)
{
	int code;

	if (command->path == NULL)
		return args_fail(&command->args, "FILE is missing");
	diags_init(&command->errors, SCHEMA_FINDINGS);
	diags_init(&command->warnings, SCHEMA_FINDINGS);
	code = convert(command);
	diags_fini(&command->errors);
	diags_fini(&command->warnings);
	return code;
}

static int take_words(struct command *command)
{
	struct str word;
	int code = EXIT_CODE_FINE;

	while (code == EXIT_CODE_FINE) {
		switch (args_next(&command->args, &word)) {
		case ARGS_END: return run(command);
		case ARGS_OPERAND: code = take_path(command, word); break;
		case ARGS_OPTION:
			if (str_eq(word, STR("help"))) {
				fputs(usage, stdout);
				return EXIT_CODE_FINE;
			}
			code = take_option(command, word);
			break;
		}
	}
	return code;
}

int cli_policy_schema(int argc, char **argv)
{
	struct command command = {.path = NULL};
	int code;

	arena_init(&command.arena, 4096, SCHEMA_TEXT_BYTES * 2);
	args_init(&command.args, "tollgate policy schema", argc, argv);
	code = take_words(&command);
	arena_fini(&command.arena);
	return code;
}
