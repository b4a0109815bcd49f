/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/cli/policy_ask.h"

#include <errno.h>
#include <stdio.h>

#include "gateway/config/file.h"

#define ASK_ARENA ((size_t)256 << 20)

const char policy_ask_usage[] =
	"  --principal E    who asks: 'Inference::User::\"ana\"'\n"
	"  --action E       'Inference::Action::\"Invoke\"'\n"
	"  --resource E     'Inference::Model::\"gpt-x\"'\n"
	"  --context C      the context: a JSON object, a file with one, or - for stdin\n"
	"                   (default: the empty record)\n"
	"  --on-forbid-error deny|skip\n"
	"                   what a forbid that cannot be evaluated does (default: as the\n"
	"                   configuration says, else deny)\n"
	"  --no-request-validation\n"
	"                   take requests that do not fit the schema\n"
	"  --no-policy-validation\n"
	"                   take policies that do not fit the schema\n";

void policy_ask_init(struct policy_ask *ask, const char *command, int argc, char **argv)
{
	*ask = (struct policy_ask){0};
	args_init(&ask->args, command, argc, argv);
	arena_init(&ask->arena, 65536, ASK_ARENA);
}

/* Options ---------------------------------------------------------------------------------- */

static enum policy_inputs_word take_word(struct policy_ask *ask, struct str *out)
{
	struct str value;

	if (str_is_set(*out)) {
		(void)args_fail(&ask->args, STR_FMT " can stand only once",
				STR_ARG(ask->args.option));
		return POLICY_INPUTS_WRONG;
	}
	if (!args_value(&ask->args, &value))
		return POLICY_INPUTS_WRONG;
	*out = value;
	return POLICY_INPUTS_TAKEN;
}

static enum policy_inputs_word take_choice(struct policy_ask *ask, struct str first,
					   struct str second, bool *out_is_second)
{
	struct str value;

	if (!args_value(&ask->args, &value))
		return POLICY_INPUTS_WRONG;
	*out_is_second = str_eq(value, second);
	if (*out_is_second || str_eq(value, first))
		return POLICY_INPUTS_TAKEN;
	(void)args_fail(&ask->args,
			STR_FMT " takes " STR_FMT " or " STR_FMT ", not \"" STR_FMT "\"",
			STR_ARG(ask->args.option), STR_ARG(first), STR_ARG(second), STR_ARG(value));
	return POLICY_INPUTS_WRONG;
}

enum policy_inputs_word policy_ask_option(struct policy_ask *ask, struct str name)
{
	const struct {
		struct str name;
		struct str *place;
	} words[] = {{STR("principal"), &ask->principal},
		     {STR("action"), &ask->action},
		     {STR("resource"), &ask->resource},
		     {STR("context"), &ask->context}};
	const struct {
		struct str name;
		bool *place;
	} flags[] = {{STR("no-request-validation"), &ask->skips_request_validation},
		     {STR("no-policy-validation"), &ask->skips_policy_validation}};
	enum policy_inputs_word word;
	bool skips;

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (str_eq(words[i].name, name))
			return take_word(ask, words[i].place);
	for (size_t i = 0; i < ARRAY_LEN(flags); i++)
		if (str_eq(flags[i].name, name)) {
			*flags[i].place = true;
			return POLICY_INPUTS_TAKEN;
		}
	if (str_eq(name, STR("format")))
		return take_choice(ask, STR("text"), STR("json"), &ask->is_json);
	if (!str_eq(name, STR("on-forbid-error")))
		return policy_inputs_option(&ask->files, &ask->args, name);
	word = take_choice(ask, STR("deny"), STR("skip"), &skips);
	ask->on_forbid_error = skips ? POLICY_ASK_SKIP : POLICY_ASK_DENY;
	return word;
}

/* Files ------------------------------------------------------------------------------------ */

int policy_ask_load(struct policy_ask *ask)
{
	enum err err = policy_inputs_load(&ask->files, &ask->inputs);

	if (err == OK && !ask->skips_policy_validation)
		err = policy_inputs_validate(&ask->inputs);
	if (err != OK)
		return policy_inputs_fail(&ask->inputs);
	ask->options.ignore_forbid_errors = ask->on_forbid_error == POLICY_ASK_CONFIGURED
						    ? ask->inputs.ignore_forbid_errors
						    : ask->on_forbid_error == POLICY_ASK_SKIP;
	return EXIT_CODE_FINE;
}

static enum err read_stdin(struct arena *arena, struct str *out, struct diag *diag)
{
	char *text = arena_alloc(arena, POLICY_QUESTION_BYTES + 1);
	size_t len;

	if (text == NULL)
		return diag_set(diag, ERR_LIMIT, "stdin", 0, 0, "out of memory");
	len = fread(text, 1, POLICY_QUESTION_BYTES + 1, stdin);
	if (ferror(stdin) != 0)
		return diag_set(diag, ERR_IO, "stdin", 0, 0, "cannot be read: %s", strerror(errno));
	if (len > POLICY_QUESTION_BYTES)
		return diag_set(diag, ERR_LIMIT, "stdin", 0, 0, "is larger than %zu bytes",
				POLICY_QUESTION_BYTES);
	*out = str_make(text, len);
	return OK;
}

/* A word that begins as an object does is the context itself. */
static enum err read_context(struct policy_ask *ask, struct policy_question *question,
			     struct diag *diag)
{
	struct str word = ask->context;

	question->context_file = "--context";
	question->context = word;
	if (!str_is_set(word) || str_has_prefix(str_trim(word), STR("{")))
		return OK;
	if (str_eq(word, STR("-"))) {
		question->context_file = "stdin";
		return read_stdin(&ask->arena, &question->context, diag);
	}
	question->context_file = word.ptr;
	return config_file_read(&ask->arena, word.ptr, POLICY_QUESTION_BYTES, diag,
				&question->context);
}

int policy_ask_request(struct policy_ask *ask)
{
	struct policy_question question = {
		.principal = ask->principal, .action = ask->action, .resource = ask->resource};
	struct diag diag = {0};
	enum err err;

	if (!str_is_set(ask->principal) || !str_is_set(ask->action) || !str_is_set(ask->resource))
		return args_fail(&ask->args,
				 "--principal, --action and --resource are all needed; --help "
				 "shows what it takes");
	err = read_context(ask, &question, &diag);
	if (err == OK)
		err = policy_question_read(&ask->arena, &question, ask->inputs.schema,
					   &ask->request, &diag);
	if (err == OK && ask->inputs.schema != NULL && !ask->skips_request_validation)
		err = policy_question_conform(ask->inputs.schema, &ask->request, &diag);
	return err == OK ? EXIT_CODE_FINE : args_fail_diag(&ask->args, err, &diag);
}

void policy_ask_fini(struct policy_ask *ask)
{
	policy_inputs_fini(&ask->inputs);
	arena_fini(&ask->arena);
}
