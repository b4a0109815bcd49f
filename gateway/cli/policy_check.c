/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/cli/policy_check.h"

#include <stdio.h>

#include "gateway/cli/json_out.h"
#include "gateway/cli/policy_inputs.h"
#include "policy/ast.h"
#include "policy/check.h"

#define CHECK_JSON_BYTES ((size_t)16 << 20)
#define CHECK_LEVEL_MAX	 1000

static const char usage[] =
	"usage: tollgate policy check [OPTION ...]\n"
	"\n"
	"Parses policies, links, schema and entities and validates the policies strictly against\n"
	"the schema. Lists all that is wrong, with its line; the last line sums up.\n"
	"\n"
	"%s"
	"  --level N        no policy may look deeper into entities than N: principal.a is 1,\n"
	"                   principal.a.b with an entity a is 2 (default: policy.level of the\n"
	"                   configuration, else no bound)\n"
	"  --deny-warnings  a warning is an error\n"
	"  --format F       text (default) or json\n"
	"\n"
	"Exit codes: 0 nothing is wrong, 1 something is, 2 wrong use, 3 a file cannot be read.\n";

struct check {
	struct policy_inputs_options options;
	bool denies_warnings;
	bool is_json;
	bool has_level;
	unsigned level;
	struct policy_inputs inputs;
	struct check_report types;
	struct check_report levels;
};

static int take_format(struct check *check, struct args *args)
{
	struct str value;

	if (!args_value(args, &value))
		return EXIT_CODE_USAGE;
	check->is_json = str_eq(value, STR("json"));
	if (!check->is_json && !str_eq(value, STR("text")))
		return args_fail(args, "--format takes text or json, not \"" STR_FMT "\"",
				 STR_ARG(value));
	return EXIT_CODE_FINE;
}

static int take_level(struct check *check, struct args *args)
{
	struct str value;
	uint64_t level = 0;

	if (!args_value(args, &value))
		return EXIT_CODE_USAGE;
	if (str_to_u64(value, &level) != OK || level > CHECK_LEVEL_MAX)
		return args_fail(args, "--level takes a number from 0 to %d, not \"" STR_FMT "\"",
				 CHECK_LEVEL_MAX, STR_ARG(value));
	check->has_level = true;
	check->level = (unsigned)level;
	return EXIT_CODE_FINE;
}

static int take_option(struct check *check, struct args *args, struct str name)
{
	switch (policy_inputs_option(&check->options, args, name)) {
	case POLICY_INPUTS_TAKEN: return EXIT_CODE_FINE;
	case POLICY_INPUTS_WRONG: return EXIT_CODE_USAGE;
	case POLICY_INPUTS_OTHER: break;
	}
	if (str_eq(name, STR("format")))
		return take_format(check, args);
	if (str_eq(name, STR("level")))
		return take_level(check, args);
	if (!str_eq(name, STR("deny-warnings")))
		return args_unknown(args, args->option);
	check->denies_warnings = true;
	return EXIT_CODE_FINE;
}

/* What was found ----------------------------------------------------------------------------- */

static size_t error_count(const struct check *check)
{
	return check->inputs.diags.total + check->types.error_count + check->levels.error_count;
}

static size_t warning_count(const struct check *check)
{
	return check->inputs.warnings.total + check->types.warning_count;
}

static void print_diag(const struct diag *diag, bool is_warning)
{
	struct diag marked = *diag;
	char text[1024];

	if (is_warning)
		(void)snprintf(marked.text, sizeof(marked.text), "warning: %.380s", diag->text);
	(void)diag_print(&marked, text, sizeof(text));
	printf("%s\n", text);
}

/* "1 policy", "2 policies". */
static void print_count(size_t count, const char *one, const char *many, const char *behind)
{
	printf("%zu %s%s", count, count == 1 ? one : many, behind);
}

/* Those of the files: actions come from the schema. */
static size_t entity_count(const struct policy_inputs *inputs)
{
	size_t actions = inputs->schema == NULL ? 0 : schema_action_count(inputs->schema);

	return entity_store_count(inputs->entities) - actions;
}

static void print_loaded(const struct policy_inputs *inputs)
{
	size_t templates = policy_set_template_count(inputs->policies);

	print_count(policy_set_count(inputs->policies), "policy", "policies", "");
	if (templates > 0) {
		fputs(" and ", stdout);
		print_count(templates, "template", "templates", "");
	}
	fputs(" in ", stdout);
	print_count(inputs->source_count, "file", "files", ", ");
	printf("%s%s, ", inputs->schema == NULL ? "no schema" : "schema ",
	       inputs->schema == NULL ? "" : inputs->schema_source.file);
	print_count(entity_count(inputs), "entity", "entities", ": ");
}

static void print_summary(const struct check *check)
{
	if (check->inputs.policies != NULL)
		print_loaded(&check->inputs);
	if (error_count(check) == 0 && warning_count(check) == 0) {
		puts("ok");
		return;
	}
	print_count(error_count(check), "error", "errors", ", ");
	print_count(warning_count(check), "warning", "warnings", "\n");
}

static void print_findings(const struct check_report *report)
{
	struct diag diag;

	for (size_t i = 0; i < report->count; i++) {
		check_finding_diag(&report->findings[i], &diag);
		print_diag(&diag, report->findings[i].is_warning);
	}
}

static void print_text(const struct check *check)
{
	const struct policy_inputs *inputs = &check->inputs;

	for (size_t i = 0; i < inputs->warnings.count; i++)
		print_diag(&inputs->warnings.items[i], true);
	for (size_t i = 0; i < inputs->diags.count; i++)
		print_diag(&inputs->diags.items[i], false);
	print_findings(&check->types);
	print_findings(&check->levels);
	print_summary(check);
}

static void write_diag(struct json_out *out, const struct diag *diag, struct str policy)
{
	json_out_open(out, NULL, '{');
	json_out_str(out, "file", str_from_c(diag->file));
	json_out_number(out, "line", diag->line);
	json_out_number(out, "column", diag->column);
	json_out_str(out, "policy", policy);
	json_out_str(out, "text", str_from_c(diag->text));
	json_out_str(out, "source", str_from_c(diag->source));
	json_out_close(out, '}');
}

static void write_diags(struct json_out *out, const struct diags *diags)
{
	for (size_t i = 0; i < diags->count; i++)
		write_diag(out, &diags->items[i], (struct str){NULL, 0});
}

static void write_findings(struct json_out *out, const struct check_report *report, bool warnings)
{
	struct diag diag;

	for (size_t i = 0; i < report->count; i++) {
		const struct check_finding *finding = &report->findings[i];

		if (finding->is_warning != warnings)
			continue;
		check_finding_diag(finding, &diag);
		write_diag(out, &diag, policy_id(finding->policy));
	}
}

static int print_json(const struct check *check, int code)
{
	const struct policy_inputs *inputs = &check->inputs;
	struct json_out out;
	enum err err;

	json_out_init(&out, CHECK_JSON_BYTES);
	json_out_open(&out, NULL, '{');
	json_out_bool(&out, "ok", code == EXIT_CODE_FINE);
	json_out_number(&out, "error_count", error_count(check));
	json_out_number(&out, "warning_count", warning_count(check));
	if (inputs->policies != NULL) {
		json_out_number(&out, "policies", policy_set_count(inputs->policies));
		json_out_number(&out, "templates", policy_set_template_count(inputs->policies));
		json_out_number(&out, "entities", entity_count(inputs));
	}
	json_out_open(&out, "errors", '[');
	write_diags(&out, &inputs->diags);
	write_findings(&out, &check->types, false);
	write_findings(&out, &check->levels, false);
	json_out_close(&out, ']');
	json_out_open(&out, "warnings", '[');
	write_diags(&out, &inputs->warnings);
	write_findings(&out, &check->types, true);
	write_findings(&out, &check->levels, true);
	json_out_close(&out, ']');
	json_out_close(&out, '}');
	err = json_out_print(&out, stdout);
	json_out_fini(&out);
	return err == OK ? code : EXIT_CODE_FAILED;
}

static int verdict(const struct check *check)
{
	if (check->inputs.is_unreadable)
		return EXIT_CODE_FAILED;
	if (error_count(check) > 0 || (check->denies_warnings && warning_count(check) > 0))
		return EXIT_CODE_NO;
	return EXIT_CODE_FINE;
}

static void validate(struct check *check)
{
	struct policy_inputs *inputs = &check->inputs;
	struct diag diag = {0};
	enum err err = check_policies(inputs->policies, inputs->schema, &check->types);

	if (err != ERR_LIMIT && check->has_level)
		err = check_levels(inputs->policies, inputs->schema, check->level, &check->levels);
	if (err == ERR_LIMIT)
		(void)diags_add(&inputs->diags, err,
				(diag_set(&diag, err, "", 0, 0,
					  "the validation of one policy took more than %zu MiB",
					  CHECK_ARENA >> 20),
				 &diag));
}

/* One that decides nothing is hardly meant. */
static void warn_unlinked(struct policy_inputs *inputs)
{
	const struct policy_set *set = inputs->policies;
	size_t count = policy_set_template_count(set);
	bool *is_linked = arena_array(&inputs->arena, count, sizeof(*is_linked));

	for (size_t i = 0; is_linked != NULL && i < policy_set_count(set); i++) {
		const struct policy *template = policy_template(policy_set_at(set, i));

		if (template != NULL)
			is_linked[template->position] = true;
	}
	for (size_t i = 0; is_linked != NULL && i < count; i++) {
		const struct policy *template = policy_set_template_at(set, i);
		struct diag diag = {0};

		if (is_linked[i])
			continue;
		(void)diag_set(&diag, ERR_MALFORMED, policy_file(template), policy_line(template),
			       1, "template `" STR_FMT "` has no link: it decides nothing",
			       STR_ARG(policy_id(template)));
		diag_set_source(&diag, template->text.ptr, template->text.len);
		(void)diags_add(&inputs->warnings, ERR_MALFORMED, &diag);
	}
}

static int run(struct check *check)
{
	enum err err = policy_inputs_load(&check->options, &check->inputs);
	struct diag diag = {0};
	int code;

	check_report_init(&check->types);
	check_report_init(&check->levels);
	if (err == OK)
		warn_unlinked(&check->inputs);
	if (check->inputs.level > 0 && !check->has_level) {
		check->has_level = true;
		check->level = check->inputs.level;
	}
	if (err == OK && check->inputs.schema != NULL)
		validate(check);
	else if (err == OK && check->has_level)
		(void)diags_add(&check->inputs.diags, ERR_MALFORMED,
				(diag_set(&diag, ERR_MALFORMED, "", 0, 0,
					  "--level needs a schema: name one with --schema"),
				 &diag));
	code = verdict(check);
	if (check->is_json)
		code = print_json(check, code);
	else
		print_text(check);
	check_report_fini(&check->types);
	check_report_fini(&check->levels);
	policy_inputs_fini(&check->inputs);
	return code;
}

int cli_policy_check(int argc, char **argv)
{
	struct check check = {0};
	struct args args;
	struct str word;
	int code = EXIT_CODE_FINE;

	args_init(&args, "tollgate policy check", argc, argv);
	while (code == EXIT_CODE_FINE) {
		switch (args_next(&args, &word)) {
		case ARGS_END: return run(&check);
		case ARGS_OPERAND: return args_unknown(&args, word);
		case ARGS_OPTION:
			if (str_eq(word, STR("help"))) {
				printf(usage, policy_inputs_usage);
				return EXIT_CODE_FINE;
			}
			code = take_option(&check, &args, word);
			break;
		}
	}
	return code;
}
