/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/cli/policy_explain.h"

#include <stdio.h>

#include "base/suggest.h"
#include "gateway/cli/policy_ask.h"
#include "gateway/cli/policy_cases.h"
#include "gateway/cli/policy_explain_report.h"

static const char usage[] =
	"usage: tollgate policy explain --principal E --action E --resource E [--context C]\n"
	"                               [OPTION ...]\n"
	"       tollgate policy explain --test FILE --case NAME [OPTION ...]\n"
	"\n"
	"Answers one request and shows why: for each policy that was considered its scope and\n"
	"the clauses of its conditions, true, false, in error or (-) not reached, with the values\n"
	"of the attributes they name. The request may be that of a test case.\n"
	"\n"
	"%s"
	"  --test FILE      take the request and the entities of a case of this file\n"
	"  --case NAME      the case's name\n"
	"  --all            show the policies, too, whose scope cannot match\n"
	"  --format F       text (default) or json\n"
	"%s"
	"\n"
	"Exit codes: 0 allow, 1 deny or a file or request is wrong, 2 wrong use, 3 a file cannot\n"
	"be read.\n";

struct explain_command {
	struct policy_ask ask;
	struct str test, name; /* unset: none */
	bool shows_all;
	struct policy_cases cases;
};

static int fail_case(struct explain_command *command)
{
	struct suggest suggest = {.word = command->name};
	const struct policy_cases *cases = &command->cases;

	for (size_t i = 0; i < cases->count; i++)
		suggest_try(&suggest, cases->items[i].name);
	(void)args_fail(&command->ask.args, "%s has no case \"" STR_FMT "\"%s" STR_FMT "%s",
			cases->file, STR_ARG(command->name),
			str_is_set(suggest.best) ? "; did you mean \"" : "", STR_ARG(suggest.best),
			str_is_set(suggest.best) ? "\"?" : "");
	return EXIT_CODE_NO;
}

/* The request and the entities that it is decided by. */
static int find_request(struct explain_command *command, const struct entity_store **out_store)
{
	struct policy_ask *ask = &command->ask;
	const struct policy_case *one;

	*out_store = ask->inputs.entities;
	if (!str_is_set(command->test))
		return policy_ask_request(ask);
	if (policy_cases_load(command->test.ptr, &ask->inputs, &command->cases) != OK)
		return policy_cases_fail(&command->cases);
	one = policy_cases_find(&command->cases, command->name);
	if (one == NULL)
		return fail_case(command);
	ask->request = one->request;
	*out_store = one->store;
	return EXIT_CODE_FINE;
}

static int answer(struct explain_command *command)
{
	struct policy_ask *ask = &command->ask;
	const struct entity_store *store;
	struct explain explain;
	struct policy_explain_report report = {
		.request = &ask->request, .explain = &explain, .shows_all = command->shows_all};
	int code = find_request(command, &store);

	if (code != EXIT_CODE_FINE)
		return code;
	if (policy_explain(ask->inputs.policies, store, &ask->request, &ask->options, &ask->arena,
			   &explain) != OK) {
		(void)args_fail(&ask->args, "the explanation takes too much memory");
		return EXIT_CODE_NO;
	}
	report.store = store;
	if (!ask->is_json)
		policy_explain_print(&report, stdout);
	else if (policy_explain_json(&report, stdout) != OK)
		return EXIT_CODE_FAILED;
	return explain.decision.is_allowed ? EXIT_CODE_FINE : EXIT_CODE_NO;
}

static int run(struct explain_command *command)
{
	struct policy_ask *ask = &command->ask;
	int code;

	if (str_is_set(command->test) != str_is_set(command->name))
		return args_fail(&ask->args, "--test and --case go together");
	if (str_is_set(command->test) && (str_is_set(ask->principal) || str_is_set(ask->action) ||
					  str_is_set(ask->resource) || str_is_set(ask->context)))
		return args_fail(&ask->args, "with --test the request is the case's, not of words");
	code = policy_ask_load(ask);
	return code == EXIT_CODE_FINE ? answer(command) : code;
}

static int take_option(struct explain_command *command, struct str name)
{
	struct policy_ask *ask = &command->ask;

	if (str_eq(name, STR("all"))) {
		command->shows_all = true;
		return EXIT_CODE_FINE;
	}
	if (str_eq(name, STR("test")))
		return args_value(&ask->args, &command->test) ? EXIT_CODE_FINE : EXIT_CODE_USAGE;
	if (str_eq(name, STR("case")))
		return args_value(&ask->args, &command->name) ? EXIT_CODE_FINE : EXIT_CODE_USAGE;
	switch (policy_ask_option(ask, name)) {
	case POLICY_INPUTS_TAKEN: return EXIT_CODE_FINE;
	case POLICY_INPUTS_WRONG: return EXIT_CODE_USAGE;
	case POLICY_INPUTS_OTHER: break;
	}
	return args_unknown(&ask->args, ask->args.option);
}

static int take_words(struct explain_command *command)
{
	struct args *args = &command->ask.args;
	struct str word;
	int code = EXIT_CODE_FINE;

	while (code == EXIT_CODE_FINE) {
		switch (args_next(args, &word)) {
		case ARGS_END: return run(command);
		case ARGS_OPERAND: return args_unknown(args, word);
		case ARGS_OPTION:
			if (str_eq(word, STR("help"))) {
				printf(usage, policy_ask_usage, policy_inputs_usage);
				return EXIT_CODE_FINE;
			}
			code = take_option(command, word);
			break;
		}
	}
	return code;
}

int cli_policy_explain(int argc, char **argv)
{
	struct explain_command command = {0};
	int code;

	policy_ask_init(&command.ask, "tollgate policy explain", argc, argv);
	code = take_words(&command);
	policy_cases_fini(&command.cases);
	policy_ask_fini(&command.ask);
	return code;
}
