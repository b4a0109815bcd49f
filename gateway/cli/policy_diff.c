/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/cli/policy_diff.h"

#include <stdlib.h>

#include <jansson.h>

#include "gateway/cli/policy_grid.h"
#include "gateway/cli/policy_question.h"
#include "gateway/cli/policy_review.h"
#include "gateway/config/file.h"

#define DIFF_ARENA     ((size_t)512 << 20)
#define DIFF_FILE      ((size_t)64 << 20)
#define DIFF_JSON      ((size_t)256 << 20)
#define DIFF_CONFIG    "tollgate.yaml"
#define DIFF_LIMIT     100000
#define DIFF_LIMIT_MAX 100000000

static const char usage[] =
	"usage: tollgate policy diff OLD NEW [OPTION ...]\n"
	"       tollgate policy diff [--old-... X] [--new-... X] [OPTION ...]\n"
	"\n"
	"Says who gains and who loses what when NEW takes the place of OLD, and which policies\n"
	"are added, removed or changed. Asked is every principal, action and resource that the\n"
	"schema lets meet, of the entities and one more of each type that stands for all others.\n"
	"The context is not known: what remains of the policies is compared, and a condition\n"
	"that reads otherwise is a change.\n"
	"\n"
	"  OLD NEW             policies: a file, a folder, a pattern\n"
	"                      (without --schema those of the configuration are asked about)\n"
	"  --old-schema FILE, --new-schema FILE, --old-entities FILE, --new-entities FILE\n"
	"                      of one side; without OLD and NEW both have the same policies\n"
	"  --context FILE      ask in these contexts instead: a JSON object, or a list of them\n"
	"  --requests FILE     ask recorded requests instead: a line each, as authorize --batch\n"
	"  --limit N           requests that are asked at most (default 100000)\n"
	"  --on-forbid-error deny|skip\n"
	"                      what a forbid that cannot be evaluated does (default: as the\n"
	"                      configuration says, else deny)\n"
	"  --format F          table (default) or json\n"
	"%s"
	"\n"
	"Exit codes: 0 nobody gains or loses anything, 1 somebody does or a file is wrong, 2\n"
	"wrong use, 3 a file cannot be read.\n";

enum change {
	CHANGE_NONE,
	CHANGE_GAINS,
	CHANGE_LOSES,
	CHANGE_CONDITION,
	CHANGE_COUNT,
};

static const char *const change_words[CHANGE_COUNT] = {"same", "gains", "loses", "changed"};

struct diff_side {
	struct policy_inputs_options files;
	const char *schema, *entities; /* of this side alone; NULL: the common ones */
	struct policy_inputs inputs;
	struct policy_options options;
};

struct diff {
	struct args args;
	struct policy_inputs_options common;
	struct diff_side sides[POLICY_GRID_SIDES];
	size_t path_count;
	const char *paths[POLICY_GRID_SIDES];
	const char *context_file, *requests_file;
	bool has_forbid_choice, ignores_forbid_errors;
	bool is_json;
	uint64_t limit;
	struct arena arena;
	struct json_out out;
	size_t policies[3]; /* added, removed, changed */
	size_t asked;
	size_t counts[CHANGE_COUNT];
};

/* Policies ---------------------------------------------------------------------------------- */

static void say_policy(struct diff *diff, unsigned kind, const struct policy *policy)
{
	static const char *const words[] = {"added", "removed", "changed"};

	diff->policies[kind]++;
	if (!diff->is_json) {
		printf("%-8s%s " STR_FMT "\n", words[kind],
		       policy_is_forbid(policy) ? "forbid" : "permit", STR_ARG(policy_id(policy)));
		return;
	}
	json_out_open(&diff->out, NULL, '{');
	json_out_str(&diff->out, "change", str_from_c(words[kind]));
	json_out_str(&diff->out, "id", policy_id(policy));
	json_out_str(&diff->out, "effect",
		     policy_is_forbid(policy) ? STR("forbid") : STR("permit"));
	json_out_close(&diff->out, '}');
}

static void compare_policies(struct diff *diff)
{
	const struct policy_set *old = diff->sides[0].inputs.policies;
	const struct policy_set *new = diff->sides[1].inputs.policies;

	for (size_t i = 0; i < policy_set_count(new); i++) {
		const struct policy *policy = policy_set_at(new, i);
		const struct policy *before = policy_set_find(old, policy_id(policy));

		if (before == NULL)
			say_policy(diff, 0, policy);
		else if (!review_is_same_policy(before, policy))
			say_policy(diff, 2, policy);
	}
	for (size_t i = 0; i < policy_set_count(old); i++) {
		const struct policy *policy = policy_set_at(old, i);

		if (policy_set_find(new, policy_id(policy)) == NULL)
			say_policy(diff, 1, policy);
	}
}

/* Cells ------------------------------------------------------------------------------------- */

static enum change change_of(const struct review *old, const struct review *new)
{
	if (review_is_same(old, new))
		return CHANGE_NONE;
	if (old->verdict == new->verdict)
		return CHANGE_CONDITION;
	return old->verdict < new->verdict ? CHANGE_GAINS : CHANGE_LOSES;
}

static void print_side(const char *word, const struct review *review)
{
	printf("        %s: %s\n", word, policy_review_word(review->verdict));
	policy_review_print_condition(stdout, review, "          ");
	policy_review_print_policies(stdout, review, "          ");
}

static void print_cell(const struct policy_grid_cell *cell, enum change change, unsigned line)
{
	printf("%-8s", change_words[change]);
	policy_review_print_entity(stdout, cell->principal.uid, cell->principal.type);
	fputs("  ", stdout);
	policy_review_print_entity(stdout, cell->action, STR(""));
	fputs("  ", stdout);
	policy_review_print_entity(stdout, cell->resource.uid, cell->resource.type);
	if (cell->context > 0)
		printf("  in context %zu", cell->context);
	if (line > 0)
		printf("  (line %u)", line);
	putchar('\n');
	if (change == CHANGE_CONDITION) {
		policy_review_print_change(stdout, &cell->reviews[0], &cell->reviews[1],
					   "        ");
		policy_review_print_policies(stdout, &cell->reviews[1], "        ");
		return;
	}
	print_side("was", &cell->reviews[0]);
	print_side("is", &cell->reviews[1]);
}

static void json_entity(struct json_out *out, const char *key,
			const struct policy_grid_entity *entity)
{
	json_out_open(out, key, '{');
	json_out_str(out, "type", entity->type);
	policy_review_json_entity(out, "entity", entity->uid);
	json_out_close(out, '}');
}

static void json_cell(struct json_out *out, const struct policy_grid_cell *cell, enum change change,
		      unsigned line)
{
	json_out_open(out, NULL, '{');
	json_out_str(out, "change", str_from_c(change_words[change]));
	json_entity(out, "principal", &cell->principal);
	policy_review_json_entity(out, "action", cell->action);
	json_entity(out, "resource", &cell->resource);
	if (cell->context > 0)
		json_out_number(out, "context", cell->context);
	if (line > 0)
		json_out_number(out, "line", line);
	json_out_open(out, "old", '{');
	policy_review_json(out, &cell->reviews[0]);
	json_out_close(out, '}');
	json_out_open(out, "new", '{');
	policy_review_json(out, &cell->reviews[1]);
	json_out_close(out, '}');
	json_out_close(out, '}');
}

static enum err say_cell(struct diff *diff, const struct policy_grid_cell *cell, unsigned line)
{
	enum change change = change_of(&cell->reviews[0], &cell->reviews[1]);

	diff->asked++;
	diff->counts[change]++;
	if (change == CHANGE_NONE)
		return OK;
	if (!diff->is_json) {
		print_cell(cell, change, line);
		return OK;
	}
	json_cell(&diff->out, cell, change, line);
	return diff->out.err;
}

static enum err on_cell(void *arg, const struct policy_grid_cell *cell)
{
	return say_cell(arg, cell, 0);
}

/* A JSON object, or a list of them, to the text of each. */
static enum err split_contexts(struct diff *diff, struct str text, struct policy_grid *grid,
			       struct diag *diag)
{
	json_error_t error;
	json_t *json = json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES, &error);
	bool is_list = json_is_array(json);
	size_t count = is_list ? json_array_size(json) : 1;
	struct str *contexts = arena_array(&diff->arena, count, sizeof(*contexts));

	if (json == NULL)
		return diag_set(diag, ERR_MALFORMED, diff->context_file, (unsigned)error.line,
				(unsigned)error.column, "%s", error.text);
	for (size_t i = 0; is_list && contexts != NULL && i < count; i++) {
		char *dump = json_dumps(json_array_get(json, i), JSON_COMPACT | JSON_ENCODE_ANY);

		contexts[i] = arena_str(&diff->arena, str_from_c(dump == NULL ? "" : dump));
		free(dump);
	}
	json_decref(json);
	if (contexts == NULL)
		return ERR_LIMIT;
	if (!is_list)
		contexts[0] = text;
	if (count == 0)
		return diag_set(diag, ERR_MALFORMED, diff->context_file, 0, 0,
				"the list of contexts is empty");
	grid->context_file = diff->context_file;
	grid->context_count = count;
	grid->contexts = contexts;
	return OK;
}

static enum err ask_grid(struct diff *diff, struct diag *diag)
{
	struct policy_grid grid = {.limit = (size_t)diff->limit};
	struct str text;
	enum err err = OK;

	for (size_t s = 0; s < POLICY_GRID_SIDES; s++) {
		if (diff->sides[s].inputs.schema == NULL)
			return diag_set(diag, ERR_MALFORMED, "", 0, 0,
					"the requests to ask come from a schema: give --schema, or "
					"--requests");
		grid.sides[s] =
			(struct policy_grid_side){&diff->sides[s].inputs, diff->sides[s].options};
	}
	if (diff->context_file != NULL) {
		err = config_file_read(&diff->arena, diff->context_file, DIFF_FILE, diag, &text);
		if (err == OK)
			err = split_contexts(diff, text, &grid, diag);
	}
	return err == OK ? policy_grid_run(&grid, diag, on_cell, diff) : err;
}

/* Recorded requests -------------------------------------------------------------------------- */

/* One line asked of one side. One that its schema does not take is never allowed; refused says
 * why. */
static enum err ask_side(struct diff *diff, struct policy_question_reader *reader, unsigned s,
			 unsigned line, struct str text, struct arena *arena,
			 struct policy_grid_cell *cell, struct diag *refused)
{
	const struct diff_side *side = &diff->sides[s];
	const struct policy_inputs *inputs = &side->inputs;
	struct policy_request request;
	struct partial_request known;
	struct str id;

	cell->reviews[s] = (struct review){.verdict = REVIEW_NEVER};
	if (policy_question_line(reader, arena, diff->requests_file, line, text, inputs->schema,
				 &request, &id, refused) != OK ||
	    (inputs->schema != NULL &&
	     policy_question_conform(inputs->schema, &request, refused) != OK))
		return OK;
	refused->text[0] = '\0';
	cell->principal = (struct policy_grid_entity){request.principal, request.principal->type};
	cell->resource = (struct policy_grid_entity){request.resource, request.resource->type};
	cell->action = request.action;
	known = (struct partial_request){
		.principal = {.uid = request.principal},
		.action = {.uid = request.action},
		.resource = {.uid = request.resource},
		.context = request.context,
	};
	return review_request(inputs->policies, inputs->entities, inputs->schema, &known,
			      &side->options, arena, &cell->reviews[s]);
}

static enum err ask_line(struct diff *diff, struct policy_question_reader *reader, unsigned line,
			 struct str text, struct arena *arena, struct diag *diag)
{
	struct policy_grid_cell cell = {.context = 0};
	struct diag refused[POLICY_GRID_SIDES] = {{.text = ""}, {.text = ""}};
	enum err err = OK;

	arena_reset(arena);
	if (diff->asked >= diff->limit)
		return diag_set(diag, ERR_LIMIT, diff->requests_file, line, 0,
				"there are more than %zu requests: give a higher --limit",
				(size_t)diff->limit);
	for (unsigned s = 0; err == OK && s < POLICY_GRID_SIDES; s++)
		err = ask_side(diff, reader, s, line, text, arena, &cell, &refused[s]);
	if (err != OK)
		return err;
	if (refused[0].text[0] != '\0' && refused[1].text[0] != '\0')
		return diag_set(diag, ERR_MALFORMED, diff->requests_file, line, 0, "%s",
				refused[1].text);
	return say_cell(diff, &cell, line);
}

static enum err ask_requests(struct diff *diff, struct diag *diag)
{
	struct policy_question_reader *reader;
	struct str text;
	struct str one;
	struct arena arena;
	unsigned line = 0;
	enum err err = config_file_read(&diff->arena, diff->requests_file, DIFF_FILE, diag, &text);

	if (err != OK)
		return err;
	reader = policy_question_reader_new();
	arena_init(&arena, 65536, DIFF_ARENA);
	while (err == OK && text.len > 0) {
		(void)str_cut(&text, '\n', &one);
		line++;
		if (str_trim(one).len > 0)
			err = ask_line(diff, reader, line, one, &arena, diag);
	}
	arena_fini(&arena);
	policy_question_reader_free(reader);
	return err;
}

/* The whole answer --------------------------------------------------------------------------- */

static size_t difference_count(const struct diff *diff)
{
	return diff->counts[CHANGE_GAINS] + diff->counts[CHANGE_LOSES] +
	       diff->counts[CHANGE_CONDITION];
}

static enum err say_sums(struct diff *diff)
{
	struct json_out *out = &diff->out;

	if (diff->is_json) {
		json_out_close(out, ']');
		json_out_number(out, "asked", diff->asked);
		for (unsigned i = CHANGE_GAINS; i < CHANGE_COUNT; i++)
			json_out_number(out, change_words[i], diff->counts[i]);
		json_out_close(out, '}');
		return json_out_print(out, stdout);
	}
	printf("%spolicies: %zu added, %zu removed, %zu changed\n"
	       "requests: %zu asked, %zu gain, %zu lose, %zu under another condition\n",
	       difference_count(diff) > 0 ? "\n" : "", diff->policies[0], diff->policies[1],
	       diff->policies[2], diff->asked, diff->counts[CHANGE_GAINS],
	       diff->counts[CHANGE_LOSES], diff->counts[CHANGE_CONDITION]);
	return fflush(stdout) == 0 ? OK : ERR_IO;
}

static enum err answer(struct diff *diff, struct diag *diag)
{
	enum err err;

	if (diff->is_json) {
		json_out_open(&diff->out, NULL, '{');
		json_out_open(&diff->out, "policies", '[');
	}
	compare_policies(diff);
	if (diff->is_json) {
		json_out_close(&diff->out, ']');
		json_out_open(&diff->out, "requests", '[');
	} else if (diff->policies[0] + diff->policies[1] + diff->policies[2] > 0) {
		putchar('\n');
	}
	err = diff->requests_file != NULL ? ask_requests(diff, diag) : ask_grid(diff, diag);
	return err == OK ? say_sums(diff) : err;
}

static int load_side(struct diff *diff, size_t s)
{
	struct diff_side *side = &diff->sides[s];
	enum err err;

	side->files = diff->common;
	if (diff->path_count > 0) {
		side->files.policy_count = 1;
		side->files.policies[0] = diff->paths[s];
	}
	if (side->schema != NULL)
		side->files.schema = side->schema;
	/* OLD and NEW leave open what they are held against. */
	if (side->files.config == NULL && side->files.schema == NULL &&
	    config_file_check(DIFF_CONFIG, NULL) == OK)
		side->files.config = DIFF_CONFIG;
	if (side->entities != NULL) {
		side->files.entity_count = 1;
		side->files.entities[0] = side->entities;
	}
	err = policy_inputs_load(&side->files, &side->inputs);
	if (err == OK)
		err = policy_inputs_validate(&side->inputs);
	if (err != OK)
		return policy_inputs_fail(&side->inputs);
	side->options.ignore_forbid_errors = diff->has_forbid_choice
						     ? diff->ignores_forbid_errors
						     : side->inputs.ignore_forbid_errors;
	return EXIT_CODE_FINE;
}

static int run(struct diff *diff)
{
	struct diag diag = {0};
	int code = load_side(diff, 0);
	enum err err;

	if (code == EXIT_CODE_FINE)
		code = load_side(diff, 1);
	if (code != EXIT_CODE_FINE)
		return code;
	err = answer(diff, &diag);
	if (err == OK)
		return difference_count(diff) == 0 ? EXIT_CODE_FINE : EXIT_CODE_NO;
	(void)fflush(stdout);
	if (diag.text[0] == '\0')
		(void)diag_set(&diag, err, "", 0, 0,
			       err == ERR_LIMIT ? "the answer takes too much memory"
						: "the answer could not be written");
	return args_fail_diag(&diff->args, err, &diag);
}

/* Options ------------------------------------------------------------------------------------ */

static int take_choice(struct args *args, const char *first, const char *second, bool *out)
{
	struct str value;

	if (!args_value(args, &value))
		return EXIT_CODE_USAGE;
	*out = str_eq(value, str_from_c(second));
	if (*out || str_eq(value, str_from_c(first)))
		return EXIT_CODE_FINE;
	return args_fail(args, STR_FMT " takes %s or %s, not \"" STR_FMT "\"",
			 STR_ARG(args->option), first, second, STR_ARG(value));
}

static int take_limit(struct diff *diff)
{
	struct str value;

	if (!args_value(&diff->args, &value))
		return EXIT_CODE_USAGE;
	if (str_to_u64(value, &diff->limit) != OK || diff->limit == 0 ||
	    diff->limit > DIFF_LIMIT_MAX)
		return args_fail(&diff->args,
				 "--limit takes a number from 1 to %d, not \"" STR_FMT "\"",
				 DIFF_LIMIT_MAX, STR_ARG(value));
	return EXIT_CODE_FINE;
}

static int take_option(struct diff *diff, struct str name)
{
	const struct {
		struct str name;
		const char **place;
	} words[] = {{STR("old-schema"), &diff->sides[0].schema},
		     {STR("new-schema"), &diff->sides[1].schema},
		     {STR("old-entities"), &diff->sides[0].entities},
		     {STR("new-entities"), &diff->sides[1].entities},
		     {STR("context"), &diff->context_file},
		     {STR("requests"), &diff->requests_file}};
	struct str value;

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (!str_eq(words[i].name, name))
			continue;
		if (!args_value(&diff->args, &value))
			return EXIT_CODE_USAGE;
		*words[i].place = value.ptr;
		return EXIT_CODE_FINE;
	}
	if (str_eq(name, STR("format")))
		return take_choice(&diff->args, "table", "json", &diff->is_json);
	if (str_eq(name, STR("limit")))
		return take_limit(diff);
	if (str_eq(name, STR("on-forbid-error"))) {
		diff->has_forbid_choice = true;
		return take_choice(&diff->args, "deny", "skip", &diff->ignores_forbid_errors);
	}
	switch (policy_inputs_option(&diff->common, &diff->args, name)) {
	case POLICY_INPUTS_TAKEN: return EXIT_CODE_FINE;
	case POLICY_INPUTS_WRONG: return EXIT_CODE_USAGE;
	case POLICY_INPUTS_OTHER: break;
	}
	return args_unknown(&diff->args, diff->args.option);
}

static int check_words(struct diff *diff)
{
	bool has_sides = diff->sides[0].schema != NULL || diff->sides[1].schema != NULL ||
			 diff->sides[0].entities != NULL || diff->sides[1].entities != NULL;

	if (diff->path_count == 1 || (diff->path_count == 0 && !has_sides))
		return args_fail(&diff->args,
				 "takes OLD and NEW policies, or --old-... and --new-... of what "
				 "differs; --help says more");
	if (diff->path_count > 0 && diff->common.policy_count > 0)
		return args_fail(&diff->args, "OLD and NEW are the policies; --policies is for "
					      "both sides having the same ones");
	if (diff->context_file != NULL && diff->requests_file != NULL)
		return args_fail(&diff->args, "recorded requests have their own contexts: give "
					      "--context or --requests");
	return run(diff);
}

static int take_words(struct diff *diff)
{
	struct str word;
	int code = EXIT_CODE_FINE;
	enum args_word kind;

	while (code == EXIT_CODE_FINE && (kind = args_next(&diff->args, &word)) != ARGS_END) {
		if (kind == ARGS_OPTION && str_eq(word, STR("help"))) {
			printf(usage, policy_inputs_usage);
			return EXIT_CODE_FINE;
		}
		if (kind == ARGS_OPTION)
			code = take_option(diff, word);
		else if (diff->path_count < POLICY_GRID_SIDES)
			diff->paths[diff->path_count++] = word.ptr;
		else
			code = args_unknown(&diff->args, word);
	}
	return code == EXIT_CODE_FINE ? check_words(diff) : code;
}

int cli_policy_diff(int argc, char **argv)
{
	struct diff diff = {.limit = DIFF_LIMIT};
	int code;

	args_init(&diff.args, "tollgate policy diff", argc, argv);
	for (size_t s = 0; s < POLICY_GRID_SIDES; s++)
		diags_init(&diff.sides[s].inputs.diags, POLICY_INPUTS_ERRORS);
	arena_init(&diff.arena, 65536, DIFF_ARENA);
	json_out_init(&diff.out, DIFF_JSON);
	code = take_words(&diff);
	json_out_fini(&diff.out);
	arena_fini(&diff.arena);
	for (size_t s = 0; s < POLICY_GRID_SIDES; s++)
		policy_inputs_fini(&diff.sides[s].inputs);
	return code;
}
