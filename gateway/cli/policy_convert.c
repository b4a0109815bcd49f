/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/cli/policy_convert.h"

#include <stdio.h>

#include "gateway/cli/args.h"
#include "gateway/config/file.h"
#include "policy/format.h"
#include "policy/policy.h"
#include "policy/policy_json_write.h"
#include "policy/print.h"

#define CONVERT_FILES  64
#define CONVERT_MEMORY ((size_t)1 << 30)
#define CONVERT_OUT    ((size_t)256 << 20)
#define CONVERT_ERRORS 1000

static const char usage[] =
	"usage: tollgate policy convert --to json|cedar FILE ...\n"
	"\n"
	"Reads policies, templates and links, as Cedar text or as JSON, and writes all of them to\n"
	"the standard output in the form asked for. Comments are not kept.\n"
	"\n"
	"  --to FORM   cedar or json\n"
	"\n"
	"An id that JSON gives becomes an @id in text; a link becomes the policy that it makes.\n"
	"Exit codes: 0 done, 1 something is wrong with a file, 2 wrong use, 3 a file cannot be "
	"read.\n";

enum form {
	FORM_NONE,
	FORM_TEXT,
	FORM_JSON,
};

struct command {
	struct args args;
	struct arena arena; /* paths, texts, policies with another @id */
	enum form form;
	size_t count;
	struct policy_source sources[CONVERT_FILES];
	struct diags errors;
	struct buf out;
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

/* No policy begins with a brace, and JSON that holds policies does. */
static enum policy_format format_of(struct str text)
{
	size_t at = 0;

	while (at < text.len && (text.ptr[at] == ' ' || text.ptr[at] == '\t' ||
				 text.ptr[at] == '\r' || text.ptr[at] == '\n'))
		at++;
	return at < text.len && (text.ptr[at] == '{' || text.ptr[at] == '[') ? POLICY_FORMAT_JSON
									     : POLICY_FORMAT_TEXT;
}

static int take_file(struct command *command, struct str word)
{
	struct policy_source *source = &command->sources[command->count];
	struct diag diag;
	enum err err;

	if (command->count == CONVERT_FILES)
		return args_fail(&command->args, "more than %d files", CONVERT_FILES);
	source->file = arena_str(&command->arena, word).ptr;
	err = config_file_read(&command->arena, source->file, FORMAT_TEXT, &diag, &source->text);
	if (err != OK)
		return args_fail_diag(&command->args, err, &diag);
	source->format = format_of(source->text);
	command->count++;
	return EXIT_CODE_FINE;
}

/* To text ------------------------------------------------------------------------------------- */

/* Whether the text names it so: by its @id, or without one by its position in the output. */
static bool has_own_id(const struct policy *policy, size_t position)
{
	struct str id = policy_annotation(policy, STR("id"));
	char counted[32];

	if (str_is_set(id))
		return str_eq(id, policy->id);
	(void)snprintf(counted, sizeof(counted), "policy%zu", position);
	return str_eq(policy->id, str_from_c(counted));
}

/* A copy whose first annotation is @id with its id; NULL when memory ran out. */
static const struct policy *with_id(struct arena *arena, const struct policy *policy)
{
	struct policy_annotation *annotations =
		arena_array(arena, policy->annotation_count + 1, sizeof(*annotations));
	struct policy *copy = arena_alloc(arena, sizeof(*copy));

	if (annotations == NULL || copy == NULL)
		return NULL;
	*copy = *policy;
	copy->annotations = annotations;
	copy->annotation_count = 1;
	annotations[0] = (struct policy_annotation){.key = STR("id"), .value = policy->id};
	for (size_t i = 0; i < policy->annotation_count; i++)
		if (!str_eq(policy->annotations[i].key, STR("id")))
			annotations[copy->annotation_count++] = policy->annotations[i];
	return copy;
}

static void note_other_id(const struct policy *policy)
{
	struct str other = policy_annotation(policy, STR("id"));

	if (policy_template(policy) == NULL && str_is_set(other))
		fprintf(stderr,
			"%s:%u: note: @id(\"" STR_FMT "\") is written as the id \"" STR_FMT "\"\n",
			policy->file, policy->line, STR_ARG(other), STR_ARG(policy->id));
}

static enum err write_policy(struct command *command, const struct policy *policy, size_t position)
{
	struct arena_mark mark = arena_mark(&command->arena);
	const struct policy *named = policy;
	enum err err;

	if (!has_own_id(policy, position)) {
		note_other_id(policy);
		named = with_id(&command->arena, policy);
	}
	if (named == NULL)
		return ERR_LIMIT;
	err = position > 0 ? buf_append(&command->out, STR("\n")) : OK;
	if (err == OK)
		err = print_policy(&command->out, named);
	arena_rewind(&command->arena, mark);
	return err;
}

static enum err write_text(struct command *command, const struct policy_set *set)
{
	size_t templates = policy_set_template_count(set);
	size_t policies = policy_set_count(set);
	enum err err = OK;

	for (size_t i = 0; err == OK && i < templates; i++)
		err = write_policy(command, policy_set_template_at(set, i), i);
	for (size_t i = 0; err == OK && i < policies; i++)
		err = write_policy(command, policy_set_at(set, i), templates + i);
	return err;
}

/* Whether it is the same ----------------------------------------------------------------------- */

static bool same_policy(struct buf texts[static 2], const struct policy *a, const struct policy *b)
{
	if (b == NULL)
		return false;
	buf_reset(&texts[0]);
	buf_reset(&texts[1]);
	return print_policy_line(&texts[0], a) == OK && print_policy_line(&texts[1], b) == OK &&
	       str_eq(buf_str(&texts[0]), buf_str(&texts[1]));
}

static bool same_set(const struct policy_set *a, const struct policy_set *b)
{
	struct buf texts[2];
	bool is_same = policy_set_count(a) == policy_set_count(b) &&
		       policy_set_template_count(a) == policy_set_template_count(b);

	buf_init(&texts[0], CONVERT_OUT);
	buf_init(&texts[1], CONVERT_OUT);
	for (size_t i = 0; is_same && i < policy_set_count(a); i++) {
		const struct policy *policy = policy_set_at(a, i);

		is_same = same_policy(texts, policy, policy_set_find(b, policy->id));
	}
	for (size_t i = 0; is_same && i < policy_set_template_count(a); i++) {
		const struct policy *policy = policy_set_template_at(a, i);

		is_same = same_policy(texts, policy, policy_set_find_template(b, policy->id));
	}
	buf_fini(&texts[0]);
	buf_fini(&texts[1]);
	return is_same;
}

static enum err read_again(const struct command *command, const struct policy_set *set,
			   struct diag *diag)
{
	struct policy_source source = {
		.file = "<output>",
		.text = buf_str(&command->out),
		.format = command->form == FORM_JSON ? POLICY_FORMAT_JSON : POLICY_FORMAT_TEXT,
	};
	struct policy_set_options options = {.takes_templates = true};
	struct policy_set *again;
	enum err err;

	options.limits.text_bytes = CONVERT_OUT;
	err = policy_set_load(&source, 1, &options, &again, diag);
	if (err != OK)
		return err;
	if (!same_set(set, again))
		err = diag_set(diag, ERR_INTERNAL, "<output>", 0, 0,
			       "would hold other policies; nothing was written: this is a defect");
	policy_set_free(again);
	return err;
}

/* The command --------------------------------------------------------------------------------- */

static int write_out(struct command *command, const struct policy_set *set)
{
	struct diag diag = {.text = ""};
	enum err err = command->form == FORM_JSON ? policy_set_json_write(&command->out, set)
						  : write_text(command, set);

	if (err == OK)
		err = read_again(command, set, &diag);
	else
		(void)diag_set(&diag, err, "<output>", 0, 0, "is longer than %zu MiB",
			       CONVERT_OUT >> 20);
	if (err == OK &&
	    (fwrite(command->out.ptr, 1, command->out.len, stdout) != command->out.len ||
	     fflush(stdout) != 0))
		err = diag_set(&diag, ERR_IO, "<output>", 0, 0, "cannot be written");
	return err == OK ? EXIT_CODE_FINE : args_fail_diag(&command->args, err, &diag);
}

static int run(struct command *command)
{
	struct policy_set_options options = {.takes_templates = true, .all = &command->errors};
	struct policy_set *set;
	struct diag diag;
	int code = EXIT_CODE_NO;

	if (command->form == FORM_NONE)
		return args_fail(&command->args, "--to is missing: cedar or json");
	if (command->count == 0)
		return args_fail(&command->args, "FILE is missing");
	diags_init(&command->errors, CONVERT_ERRORS);
	buf_init(&command->out, CONVERT_OUT);
	if (policy_set_load(command->sources, command->count, &options, &set, &diag) == OK) {
		code = write_out(command, set);
		policy_set_free(set);
	}
	for (size_t i = 0; i < command->errors.count; i++)
		(void)args_fail_diag(&command->args, ERR_MALFORMED, &command->errors.items[i]);
	buf_fini(&command->out);
	diags_fini(&command->errors);
	return code;
}

static int take_words(struct command *command)
{
	struct str word;
	int code = EXIT_CODE_FINE;

	while (code == EXIT_CODE_FINE) {
		switch (args_next(&command->args, &word)) {
		case ARGS_END: return run(command);
		case ARGS_OPERAND: code = take_file(command, word); break;
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

int cli_policy_convert(int argc, char **argv)
{
	struct command command = {.form = FORM_NONE};
	int code;

	arena_init(&command.arena, 65536, CONVERT_MEMORY);
	args_init(&command.args, "tollgate policy convert", argc, argv);
	code = take_words(&command);
	arena_fini(&command.arena);
	return code;
}
