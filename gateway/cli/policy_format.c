/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/cli/policy_format.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "gateway/cli/args.h"
#include "gateway/cli/replace.h"
#include "gateway/config/file.h"
#include "policy/format.h"

#define FORMAT_FILES  1024
#define FORMAT_MEMORY ((size_t)1 << 30)
#define LINE_SHOWN    120 /* bytes of a line that --check shows */

static const char usage[] =
	"usage: tollgate policy format [OPTION ...] [FILE ... | -]\n"
	"\n"
	"Lays out policies written as Cedar text. Files are changed in place, a folder stands for\n"
	"its *.cedar files; without a file, or with -, the standard input goes to the standard\n"
	"output. Comments stay, and what is written was read again and means the same. When one\n"
	"file does not parse, none is changed.\n"
	"\n"
	"  --check     change nothing: list what would change, with the first line that would\n"
	"  --width N   columns that lines should fit, 20 to 1000; 80 when not given\n"
	"\n"
	"Exit codes: 0 all is formatted, 1 something is not (--check) or does not parse, 2 wrong\n"
	"use, 3 a file cannot be read or written.\n";

struct format_file {
	const char *path;
	bool is_stdin;
	struct str text;
	struct buf out;
};

struct command {
	struct args args;
	struct arena arena; /* paths and texts */
	struct format_options options;
	bool checks;
	size_t count;
	struct format_file *files;
};

/* The words of the command -------------------------------------------------------------------- */

static int take_width(struct command *command)
{
	struct str value;
	uint64_t width;

	if (!args_value(&command->args, &value))
		return EXIT_CODE_USAGE;
	if (str_to_u64(value, &width) != OK || width < FORMAT_WIDTH_MIN || width > FORMAT_WIDTH_MAX)
		return args_fail(&command->args,
				 "--width takes a number of columns from %d to %d, not \"" STR_FMT
				 "\"",
				 FORMAT_WIDTH_MIN, FORMAT_WIDTH_MAX, STR_ARG(value));
	command->options.width = (unsigned)width;
	return EXIT_CODE_FINE;
}

static int take_option(struct command *command, struct str name)
{
	if (str_eq(name, STR("width")))
		return take_width(command);
	if (!str_eq(name, STR("check")))
		return args_unknown(&command->args, command->args.option);
	command->checks = true;
	return EXIT_CODE_FINE;
}

static int add_file(struct command *command, const char *path, bool is_stdin)
{
	if (command->count == FORMAT_FILES)
		return args_fail(&command->args, "more than %d files", FORMAT_FILES);
	command->files[command->count] = (struct format_file){.path = path, .is_stdin = is_stdin};
	buf_init(&command->files[command->count++].out, FORMAT_OUT);
	return EXIT_CODE_FINE;
}

static int add_folder(struct command *command, struct str folder)
{
	const char *paths[CONFIG_FILE_MATCHES];
	struct diag diag;
	size_t count;
	enum err err =
		config_file_match(&command->arena, folder, STR("*.cedar"), &diag, paths, &count);
	int code = EXIT_CODE_FINE;

	if (err == ERR_NOT_FOUND)
		(void)diag_set(&diag, err, arena_str(&command->arena, folder).ptr, 0, 0,
			       "no *.cedar file is in this folder");
	if (err != OK)
		return args_fail_diag(&command->args, err, &diag);
	for (size_t i = 0; i < count && code == EXIT_CODE_FINE; i++)
		code = add_file(command, paths[i], false);
	return code;
}

static int take_operand(struct command *command, struct str word)
{
	const char *path = arena_str(&command->arena, word).ptr;
	struct stat st;

	if (str_eq(word, STR("-")))
		return add_file(command, "<stdin>", true);
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return add_folder(command, word);
	return add_file(command, path, false);
}

/* Reading and formatting ----------------------------------------------------------------------- */

static enum err read_stdin(struct arena *arena, struct str *out, struct diag *diag)
{
	char *bytes = arena_alloc(arena, FORMAT_TEXT + 1);

	if (bytes == NULL)
		return diag_set(diag, ERR_LIMIT, "<stdin>", 0, 0,
				"does not fit into what memory the command may take");
	*out = str_make(bytes, fread(bytes, 1, FORMAT_TEXT + 1, stdin));
	if (ferror(stdin) != 0)
		return diag_set(diag, ERR_IO, "<stdin>", 0, 0, "cannot be read: %s",
				strerror(errno));
	return OK;
}

static int prepare(struct command *command, struct format_file *file)
{
	struct diag diag = {.text = ""};
	enum err err;

	if (file->is_stdin)
		err = read_stdin(&command->arena, &file->text, &diag);
	else
		err = config_file_read(&command->arena, file->path, FORMAT_TEXT, &diag,
				       &file->text);
	if (err == OK)
		err = format_policies(file->path, file->text, &command->options, &file->out, &diag);
	return err == OK ? EXIT_CODE_FINE : args_fail_diag(&command->args, err, &diag);
}

/* Answers ------------------------------------------------------------------------------------- */

static bool is_changed(const struct format_file *file)
{
	return !str_eq(file->text, buf_str(&file->out));
}

static void show_line(char mark, struct str line)
{
	struct str shown = str_sub(line, 0, LINE_SHOWN);

	while (shown.len > 0 && shown.len < line.len && (line.ptr[shown.len] & 0xc0) == 0x80)
		shown.len--;
	printf("  %c " STR_FMT "%s\n", mark, STR_ARG(shown), shown.len < line.len ? "..." : "");
}

static struct str trim_end(struct str s)
{
	while (s.len > 0 &&
	       (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t' || s.ptr[s.len - 1] == '\r'))
		s.len--;
	return s;
}

/* The first line that would change: as it is, and as it would be. */
static void show_change(const struct format_file *file)
{
	struct str before = file->text;
	struct str after = buf_str(&file->out);
	struct str a, b;
	unsigned line = 0;

	do {
		(void)str_cut(&before, '\n', &a);
		(void)str_cut(&after, '\n', &b);
		line++;
	} while (str_eq(a, b) && str_is_set(before) && str_is_set(after));
	printf("%s:%u: is not formatted", file->path, line);
	if (str_eq(a, b) && str_is_set(before)) {
		puts(": empty lines at the end");
	} else if (str_eq(a, b)) {
		puts(": the last line has no end");
	} else if (str_eq(trim_end(a), trim_end(b))) {
		puts(": white space at the end of the line");
	} else {
		putchar('\n');
		show_line('-', a);
		show_line('+', b);
	}
}

static int check_all(const struct command *command)
{
	int code = EXIT_CODE_FINE;

	for (size_t i = 0; i < command->count; i++) {
		if (!is_changed(&command->files[i]))
			continue;
		show_change(&command->files[i]);
		code = EXIT_CODE_NO;
	}
	return code;
}

static int write_file(struct command *command, const struct format_file *file)
{
	struct diag diag;
	enum err err = OK;

	if (file->is_stdin) {
		if (fwrite(file->out.ptr, 1, file->out.len, stdout) != file->out.len ||
		    fflush(stdout) != 0)
			err = diag_set(&diag, ERR_IO, "<stdout>", 0, 0, "cannot be written: %s",
				       strerror(errno));
	} else if (is_changed(file)) {
		err = replace_file(file->path, buf_str(&file->out), &diag);
		if (err == OK)
			printf("changed %s\n", file->path);
	}
	return err == OK ? EXIT_CODE_FINE : args_fail_diag(&command->args, err, &diag);
}

static int write_all(struct command *command)
{
	int code = EXIT_CODE_FINE;

	for (size_t i = 0; i < command->count; i++) {
		int answer = write_file(command, &command->files[i]);

		code = MAX(code, answer);
	}
	return code;
}

static int run(struct command *command)
{
	int code = EXIT_CODE_FINE;

	if (command->count == 0)
		code = add_file(command, "<stdin>", true);
	for (size_t i = 0; i < command->count; i++) {
		int answer = prepare(command, &command->files[i]);

		code = MAX(code, answer);
	}
	if (code != EXIT_CODE_FINE)
		return code;
	return command->checks ? check_all(command) : write_all(command);
}

static int take_words(struct command *command)
{
	struct str word;
	int code = EXIT_CODE_FINE;

	while (code == EXIT_CODE_FINE) {
		switch (args_next(&command->args, &word)) {
		case ARGS_END: return run(command);
		case ARGS_OPERAND: code = take_operand(command, word); break;
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

int cli_policy_format(int argc, char **argv)
{
	struct command command = {.count = 0};
	int code;

	command.files = base_alloc(FORMAT_FILES * sizeof(*command.files));
	arena_init(&command.arena, 65536, FORMAT_MEMORY);
	args_init(&command.args, "tollgate policy format", argc, argv);
	code = take_words(&command);
	for (size_t i = 0; i < command.count; i++)
		buf_fini(&command.files[i].out);
	free(command.files);
	arena_fini(&command.arena);
	return code;
}
