/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/cli/policy_test.h"

#include <stdio.h>

#include "base/suggest.h"
#include "gateway/cli/policy_cases.h"
#include "gateway/cli/policy_test_report.h"
#include "gateway/config/file.h"
#include "gateway/config/options.h"

#define TEST_FILES 256
#define TEST_ARENA ((size_t)1 << 30)

static const char usage[] =
	"usage: tollgate policy test [OPTION ...] [FILE ...]\n"
	"\n"
	"Runs cases against the policies: each is a request with the answer that it must get.\n"
	"FILE is YAML (default: *.test.yaml beside the policies):\n"
	"\n"
	"  include: [cast.yaml]       # what files share: any of the keys below but cases\n"
	"  principal: User::\"ana\"     # for cases that name none; so action and resource\n"
	"  context: {hour: 12}        # what a case's context is laid over, as far as its action\n"
	"                             # has such members; ~ takes one away\n"
	"  entities:                  # all there are; config_entities: true adds those of the\n"
	"    - uid: User::\"ana\"       # configuration\n"
	"      attrs: {level: 2}\n"
	"      parents: [Team::\"staff\"]\n"
	"  cases:\n"
	"    - name: nobody changes files at night\n"
	"      action: Action::\"change\"\n"
	"      resource: File::\"plan\"\n"
	"      context: {hour: 3}\n"
	"      entities: [{uid: User::\"ana\", attrs: {level: 1}}]  # laid over the file's\n"
	"      expect: deny\n"
	"      reasons: [night]       # exactly these policies; not given: any\n"
	"      errors: [broken]       # exactly these could not be evaluated; not given: none\n"
	"\n"
	"%s"
	"  --format F       text (default), tap or junit\n"
	"\n"
	"Exit codes: 0 all cases passed, 1 one did not, or a file is wrong, 2 wrong use, 3 a file\n"
	"cannot be read.\n";

struct test {
	struct args args;
	struct policy_inputs_options options;
	struct policy_inputs inputs;
	struct policy_test_report report;
	struct arena arena; /* of paths and results */
	size_t file_count;
	const char *files[TEST_FILES];
};

/* Options and files -------------------------------------------------------------------------- */

static int take_format(struct test *test)
{
	static const char *const names[] = {[POLICY_TEST_TEXT] = "text",
					    [POLICY_TEST_TAP] = "tap",
					    [POLICY_TEST_JUNIT] = "junit"};
	struct str value;

	if (!args_value(&test->args, &value))
		return EXIT_CODE_USAGE;
	for (unsigned i = 0; i < ARRAY_LEN(names); i++)
		if (str_eq(value, str_from_c(names[i]))) {
			test->report.format = (enum policy_test_format)i;
			return EXIT_CODE_FINE;
		}
	return args_fail(&test->args, "--format takes text, tap or junit, not \"" STR_FMT "\"",
			 STR_ARG(value));
}

static int take_option(struct test *test, struct str name)
{
	switch (policy_inputs_option(&test->options, &test->args, name)) {
	case POLICY_INPUTS_TAKEN: return EXIT_CODE_FINE;
	case POLICY_INPUTS_WRONG: return EXIT_CODE_USAGE;
	case POLICY_INPUTS_OTHER: break;
	}
	if (str_eq(name, STR("format")))
		return take_format(test);
	return args_unknown(&test->args, test->args.option);
}

static int add_file(struct test *test, const char *path)
{
	if (test->file_count == TEST_FILES)
		return args_fail(&test->args, "more than %d files of cases", TEST_FILES);
	test->files[test->file_count++] = path;
	return EXIT_CODE_FINE;
}

static bool is_seen(const struct str *folders, size_t count, struct str folder)
{
	for (size_t i = 0; i < count; i++)
		if (str_eq(folders[i], folder))
			return true;
	return false;
}

static int add_folder(struct test *test, struct str folder)
{
	const char *paths[CONFIG_FILE_MATCHES];
	struct diag diag = {0};
	size_t count = 0;
	int code = EXIT_CODE_FINE;
	enum err err =
		config_file_match(&test->arena, folder, STR("*.test.yaml"), &diag, paths, &count);

	if (err != OK && err != ERR_NOT_FOUND)
		return args_fail_diag(&test->args, err, &diag);
	for (size_t i = 0; code == EXIT_CODE_FINE && i < count; i++)
		code = add_file(test, paths[i]);
	return code;
}

static int find_files(struct test *test)
{
	const struct policy_inputs *inputs = &test->inputs;
	struct str *folders = arena_array(&test->arena, inputs->source_count, sizeof(*folders));
	size_t count = 0;
	int code = EXIT_CODE_FINE;

	for (size_t i = 0; folders != NULL && code == EXIT_CODE_FINE && i < inputs->source_count;
	     i++) {
		struct str folder =
			option_folder(&test->arena, str_from_c(inputs->sources[i].file));

		if (is_seen(folders, count, folder))
			continue;
		folders[count++] = folder;
		code = add_folder(test, folder);
	}
	if (code == EXIT_CODE_FINE && test->file_count == 0) {
		(void)args_fail(&test->args,
				"there are no cases: no *.test.yaml is beside the policies");
		code = EXIT_CODE_FAILED;
	}
	return code;
}

/* Answers ------------------------------------------------------------------------------------ */

/* "allow by a, b; errors: c". */
static struct str say(struct arena *arena, bool is_allowed, const struct policy_case_ids *reasons,
		      const struct policy_case_ids *errors)
{
	struct str text = is_allowed ? STR("allow") : STR("deny");

	if (reasons->is_given && reasons->count == 0)
		text = arena_concat(arena, text, STR(" by no policy"));
	for (size_t i = 0; i < reasons->count; i++)
		text = arena_printf(arena, STR_FMT "%s" STR_FMT, STR_ARG(text),
				    i == 0 ? " by " : ", ", STR_ARG(reasons->items[i]));
	for (size_t i = 0; i < errors->count; i++)
		text = arena_printf(arena, STR_FMT "%s" STR_FMT, STR_ARG(text),
				    i == 0 ? "; errors: " : ", ", STR_ARG(errors->items[i]));
	return text;
}

/* Both without duplicates. */
static bool same_ids(const struct policy_case_ids *a, const struct policy_case_ids *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++) {
		bool is_there = false;

		for (size_t k = 0; !is_there && k < b->count; k++)
			is_there = str_eq(a->items[i], b->items[k]);
		if (!is_there)
			return false;
	}
	return true;
}

static enum err ids_of(struct arena *arena, const struct policy_decision *decision,
		       struct policy_case_ids *reasons, struct policy_case_ids *errors)
{
	struct str *items =
		arena_array(arena, decision->reason_count + decision->error_count, sizeof(*items));

	if (items == NULL)
		return ERR_LIMIT;
	*reasons = (struct policy_case_ids){true, decision->reason_count, items};
	*errors = (struct policy_case_ids){true, decision->error_count,
					   items + decision->reason_count};
	for (size_t i = 0; i < decision->reason_count; i++)
		*items++ = policy_id(decision->reasons[i]);
	for (size_t i = 0; i < decision->error_count; i++)
		*items++ = policy_id(decision->errors[i].policy);
	return OK;
}

/* An id that no policy has explains the failure better than the answer does. */
static struct str unknown_id(struct test *test, const struct policy_case_ids *ids)
{
	const struct policy_set *set = test->inputs.policies;

	for (size_t i = 0; i < ids->count; i++) {
		struct suggest suggest = {.word = ids->items[i]};

		if (policy_set_find(set, ids->items[i]) != NULL)
			continue;
		for (size_t k = 0; k < policy_set_count(set); k++)
			suggest_try(&suggest, policy_id(policy_set_at(set, k)));
		return arena_printf(
			&test->arena, "there is no policy \"" STR_FMT "\"%s" STR_FMT "%s",
			STR_ARG(ids->items[i]), str_is_set(suggest.best) ? "; did you mean \"" : "",
			STR_ARG(suggest.best), str_is_set(suggest.best) ? "\"?" : "");
	}
	return (struct str){NULL, 0};
}

static enum err run_case(struct test *test, const struct policy_case *one,
			 struct policy_test_result *out)
{
	const struct policy_options options = {test->inputs.ignore_forbid_errors};
	struct policy_case_ids reasons, errors;
	struct policy_decision decision;
	enum err err = policy_decide(test->inputs.policies, one->store, &one->request, &options,
				     &test->arena, &decision);

	if (err == OK)
		err = ids_of(&test->arena, &decision, &reasons, &errors);
	if (err != OK)
		return err;
	*out = (struct policy_test_result){
		.name = one->name,
		.line = one->line,
		.has_passed = decision.is_allowed == one->expects_allow &&
			      (!one->reasons.is_given || same_ids(&one->reasons, &reasons)) &&
			      same_ids(&one->errors, &errors),
		.expected = say(&test->arena, one->expects_allow, &one->reasons, &one->errors),
		.got = say(&test->arena, decision.is_allowed, &reasons, &errors),
	};
	if (out->has_passed)
		return OK;
	out->hint = unknown_id(test, &one->reasons);
	if (!str_is_set(out->hint))
		out->hint = unknown_id(test, &one->errors);
	return OK;
}

/* Files -------------------------------------------------------------------------------------- */

static int run_cases(struct test *test, const struct policy_cases *cases)
{
	struct policy_test_result *results =
		arena_array(&test->arena, cases->count, sizeof(*results));
	enum err err = results == NULL ? ERR_LIMIT : OK;

	for (size_t i = 0; err == OK && i < cases->count; i++)
		err = run_case(test, &cases->items[i], &results[i]);
	if (err == OK && arena_has_overflowed(&test->arena))
		err = ERR_LIMIT;
	if (err != OK) {
		(void)args_fail(&test->args, "%s: the answers take too much memory", cases->file);
		return EXIT_CODE_NO;
	}
	policy_test_report_file(&test->report, cases->file, results, cases->count);
	return EXIT_CODE_FINE;
}

static int run_file(struct test *test, const char *file)
{
	struct policy_cases cases;
	int code = policy_cases_load(file, &test->inputs, &cases) == OK ? run_cases(test, &cases)
									: policy_cases_fail(&cases);

	policy_cases_fini(&cases);
	return code;
}

/* What explains a case needs the same inputs. */
static void set_explain(struct test *test)
{
	const struct policy_inputs_options *options = &test->options;
	struct policy_test_report *report = &test->report;
	size_t count = 0;
	const char **words =
		arena_array(&test->arena, 8 + 2 * options->policy_count, sizeof(*words));

	if (words == NULL)
		return;
	words[count++] = "tollgate";
	words[count++] = "policy";
	words[count++] = "explain";
	if (test->inputs.config != NULL) {
		words[count++] = "--config";
		words[count++] = test->inputs.config;
	}
	for (size_t i = 0; i < options->policy_count; i++) {
		words[count++] = "--policies";
		words[count++] = options->policies[i];
	}
	if (options->schema != NULL) {
		words[count++] = "--schema";
		words[count++] = options->schema;
	}
	words[count++] = "--test";
	report->explain = words;
	report->explain_count = count;
}

static int run(struct test *test)
{
	enum err err = policy_inputs_load(&test->options, &test->inputs);
	int code = EXIT_CODE_FINE;

	if (err == OK)
		err = policy_inputs_validate(&test->inputs);
	if (err != OK)
		return policy_inputs_fail(&test->inputs);
	if (test->file_count == 0)
		code = find_files(test);
	if (code != EXIT_CODE_FINE)
		return code;
	test->report.out = stdout;
	set_explain(test);
	policy_test_report_begin(&test->report);
	for (size_t i = 0; i < test->file_count; i++) {
		int file_code = run_file(test, test->files[i]);

		code = MAX(code, file_code);
	}
	policy_test_report_end(&test->report);
	return code == EXIT_CODE_FINE && test->report.failed_count > 0 ? EXIT_CODE_NO : code;
}

static int take_words(struct test *test)
{
	struct str word;
	int code = EXIT_CODE_FINE;

	while (code == EXIT_CODE_FINE) {
		switch (args_next(&test->args, &word)) {
		case ARGS_END: return run(test);
		case ARGS_OPERAND: code = add_file(test, word.ptr); break;
		case ARGS_OPTION:
			if (str_eq(word, STR("help"))) {
				printf(usage, policy_inputs_usage);
				return EXIT_CODE_FINE;
			}
			code = take_option(test, word);
			break;
		}
	}
	return code;
}

int cli_policy_test(int argc, char **argv)
{
	struct test test = {0};
	int code;

	args_init(&test.args, "tollgate policy test", argc, argv);
	arena_init(&test.arena, 65536, TEST_ARENA);
	code = take_words(&test);
	policy_inputs_fini(&test.inputs);
	arena_fini(&test.arena);
	return code;
}
