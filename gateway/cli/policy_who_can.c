/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/cli/policy_who_can.h"

#include <stdlib.h>

#include "base/suggest.h"
#include "gateway/cli/policy_inputs.h"
#include "gateway/cli/policy_question.h"
#include "gateway/cli/policy_review.h"
#include "gateway/config/file.h"
#include "policy/conform.h"
#include "policy/type.h"

#define ROW_ARENA  ((size_t)256 << 20)
#define JSON_BYTES ((size_t)64 << 20)

static const char usage[] =
	"usage: tollgate policy who-can ACTION RESOURCE [OPTION ...]\n"
	"\n"
	"Lists every principal of the entities that may do ACTION on RESOURCE, and for each the\n"
	"condition on what is not known: the context comes with the call. A last row for each\n"
	"type says what must hold for a principal that is not among the entities, as those that\n"
	"come with a key or token are not. The attributes of a RESOURCE that is not among the\n"
	"entities stay in the conditions as well.\n"
	"\n"
	"  ACTION            Invoke, when the schema has one of that name, or in full:\n"
	"                    'Inference::Action::\"Invoke\"'\n"
	"  RESOURCE          'Inference::Model::\"gpt-x\"'\n"
	"\n"
	"  --context C       the whole context: a JSON object or a file with one\n"
	"  --known C         a part of the context; the rest stays unknown\n"
	"  --principals TYPE only principals of this type\n"
	"  --all             also those that never may\n"
	"  --on-forbid-error deny|skip\n"
	"                    what a forbid that cannot be evaluated does (default: as the\n"
	"                    configuration says, else deny)\n"
	"  --format F        table (default) or json\n"
	"%s"
	"\n"
	"Exit codes: 0 somebody may, 1 nobody may or a file or word is wrong, 2 wrong use, 3 a\n"
	"file cannot be read.\n";

struct who_can {
	struct args args;
	struct policy_inputs_options files;
	struct str action_word, resource_word, context_word, known_word, type;
	bool has_forbid_choice, ignores_forbid_errors;
	bool shows_all;
	bool is_json;
	struct policy_inputs inputs;
	struct policy_options options;
	struct arena arena;
	struct arena row_arena;
	const struct schema_action *action; /* NULL: no schema */
	struct partial_request request;	    /* but for the principal */
	struct json_out out;
	size_t counts[3]; /* by enum review_verdict */
	bool may_err;
};

static bool is_among(const struct str *types, size_t count, struct str type)
{
	for (size_t i = 0; i < count; i++)
		if (str_eq(types[i], type))
			return true;
	return false;
}

/* Words ------------------------------------------------------------------------------------- */

/* By its id alone: the only action of the schema that has it. */
static enum err find_by_id(struct who_can *who, const struct uid **out, struct diag *diag)
{
	const struct schema *schema = who->inputs.schema;
	struct suggest suggest = {.word = who->action_word};
	size_t hits = 0;

	for (size_t i = 0; schema != NULL && i < schema_action_count(schema); i++) {
		const struct uid *uid = schema_action_at(schema, i)->uid;

		suggest_try(&suggest, uid->id);
		if (!str_eq(uid->id, who->action_word))
			continue;
		*out = uid;
		hits++;
	}
	if (hits == 1)
		return OK;
	if (hits > 1)
		return diag_set(diag, ERR_MALFORMED, "", 0, 0,
				"%zu actions are called \"" STR_FMT "\"; write it in full", hits,
				STR_ARG(who->action_word));
	if (str_is_set(suggest.best))
		return diag_set(diag, ERR_MALFORMED, "", 0, 0,
				"the schema has no action \"" STR_FMT "\"; did you mean \"" STR_FMT
				"\"?",
				STR_ARG(who->action_word), STR_ARG(suggest.best));
	return diag_set(diag, ERR_MALFORMED, "", 0, 0,
			schema == NULL ? "without a schema the action \"" STR_FMT
					 "\" must be written in full: Action::\"...\""
				       : "the schema has no action \"" STR_FMT "\"",
			STR_ARG(who->action_word));
}

static enum err find_action(struct who_can *who, struct diag *diag)
{
	const struct schema *schema = who->inputs.schema;
	const struct uid *uid = NULL;
	bool is_whole = str_index(who->action_word, '"') < who->action_word.len;
	enum err err =
		is_whole ? policy_question_uid(&who->arena, "action", who->action_word, &uid, diag)
			 : find_by_id(who, &uid, diag);

	if (err != OK)
		return err;
	who->request.action.uid = uid;
	if (schema == NULL)
		return OK;
	who->action = schema_find_action(schema, uid);
	if (who->action == NULL)
		return diag_set(diag, ERR_MALFORMED, "", 0, 0, "the schema has no action " STR_FMT,
				STR_ARG(who->action_word));
	if (!who->action->applies || who->action->principal_count == 0)
		return diag_set(diag, ERR_MALFORMED, "", 0, 0,
				"the action \"" STR_FMT "\" is a group: it applies to nothing by "
				"itself; ask for one of its actions",
				STR_ARG(who->action_word));
	return OK;
}

static enum err find_resource(struct who_can *who, struct diag *diag)
{
	const struct uid *uid;
	enum err err = policy_question_uid(&who->arena, "resource", who->resource_word, &uid, diag);

	if (err != OK)
		return err;
	if (who->action != NULL &&
	    !is_among(who->action->resources, who->action->resource_count, uid->type))
		return diag_set(diag, ERR_MALFORMED, "", 0, 0,
				"the action \"" STR_FMT "\" does not apply to a " STR_FMT
				"; it applies to " STR_FMT "%s",
				STR_ARG(who->action->uid->id), STR_ARG(uid->type),
				STR_ARG(who->action->resources[0]),
				who->action->resource_count > 1 ? " and others" : "");
	who->request.resource.uid = uid;
	who->request.resource.is_open = entity_store_find(who->inputs.entities, uid) == NULL;
	return OK;
}

static enum err check_type(struct who_can *who, struct diag *diag)
{
	struct suggest suggest = {.word = who->type};

	if (!str_is_set(who->type) || who->action == NULL ||
	    is_among(who->action->principals, who->action->principal_count, who->type))
		return OK;
	for (size_t i = 0; i < who->action->principal_count; i++)
		suggest_try(&suggest, who->action->principals[i]);
	if (!str_is_set(suggest.best))
		suggest.best = who->action->principals[0];
	return diag_set(diag, ERR_MALFORMED, "", 0, 0,
			"the action \"" STR_FMT "\" is not for principals of type " STR_FMT
			"; it is for " STR_FMT,
			STR_ARG(who->action->uid->id), STR_ARG(who->type), STR_ARG(suggest.best));
}

/* The context ------------------------------------------------------------------------------- */

static enum err read_word(struct who_can *who, struct str word, const char **file, struct str *text,
			  struct diag *diag)
{
	if (str_has_prefix(str_trim(word), STR("{"))) {
		*text = word;
		return OK;
	}
	*file = word.ptr;
	return config_file_read(&who->arena, word.ptr, POLICY_QUESTION_BYTES, diag, text);
}

static enum err check_known(struct who_can *who, const char *file, const struct value_field *field,
			    struct diag *diag)
{
	const struct schema_type *type = schema_real_type(who->action->context);
	const struct schema_attr *attr = type_find_attr(type, field->key);
	struct suggest suggest = {.word = field->key->str};
	char name[200];

	if (attr != NULL && conform_value(who->inputs.schema, attr->type, field->value))
		return OK;
	if (attr != NULL)
		return diag_set(diag, ERR_MALFORMED, file, 0, 0,
				"`" STR_FMT "` must be %s, not %s (entities and extension values "
				"are written with __entity and __extn here)",
				STR_ARG(field->key->str), type_text(attr->type, name, sizeof(name)),
				value_kind_name(field->value.kind));
	for (size_t i = 0; i < type->attr_count; i++)
		suggest_try(&suggest, type->attrs[i].key.str);
	if (str_is_set(suggest.best))
		return diag_set(diag, ERR_MALFORMED, file, 0, 0,
				"the context of this action has no `" STR_FMT
				"`; did you mean `" STR_FMT "`?",
				STR_ARG(field->key->str), STR_ARG(suggest.best));
	return diag_set(diag, ERR_MALFORMED, file, 0, 0,
			"the context of this action has no `" STR_FMT "`",
			STR_ARG(field->key->str));
}

static enum err read_known(struct who_can *who, struct diag *diag)
{
	const char *file = "--known";
	const struct value_record *record;
	struct str text;
	enum err err = read_word(who, who->known_word, &file, &text, diag);

	if (err == OK)
		err = entity_context_json(&who->arena, file, text, NULL, NULL,
					  &who->request.context, diag);
	if (err != OK || who->action == NULL || who->action->context == NULL)
		return err;
	record = who->request.context.record;
	for (size_t i = 0; err == OK && i < record->count; i++)
		err = check_known(who, file, &record->fields[i], diag);
	return err;
}

static enum err read_context(struct who_can *who, struct diag *diag)
{
	const char *file = "--context";
	struct str text;
	enum err err = OK;

	if (str_is_set(who->context_word)) {
		err = read_word(who, who->context_word, &file, &text, diag);
		return err == OK ? entity_context_json(&who->arena, file, text, who->inputs.schema,
						       who->request.action.uid,
						       &who->request.context, diag)
				 : err;
	}
	if (str_is_set(who->known_word))
		err = read_known(who, diag);
	if (err == OK && !partial_open_context(&who->request, who->inputs.schema, &who->arena))
		err = diag_set(diag, ERR_LIMIT, "", 0, 0, "the context takes too much memory");
	return err;
}

/* Rows -------------------------------------------------------------------------------------- */

static void print_row(struct who_can *who, const struct partial_entity *principal,
		      const struct review *review)
{
	static const char indent[] = "        ";

	if (who->is_json) {
		json_out_open(&who->out, NULL, '{');
		policy_review_json_entity(&who->out, "principal", principal->uid);
		json_out_str(&who->out, "type",
			     principal->uid == NULL ? principal->type : principal->uid->type);
		policy_review_json(&who->out, review);
		json_out_close(&who->out, '}');
		return;
	}
	printf("%-6s  ", policy_review_word(review->verdict));
	policy_review_print_entity(stdout, principal->uid, principal->type);
	putchar('\n');
	policy_review_print_condition(stdout, review, indent);
	policy_review_print_policies(stdout, review, indent);
}

static enum err answer_row(struct who_can *who, struct partial_entity principal)
{
	const struct policy_inputs *inputs = &who->inputs;
	struct review review;
	enum err err;

	arena_reset(&who->row_arena);
	who->request.principal = principal;
	err = review_request(inputs->policies, inputs->entities, inputs->schema, &who->request,
			     &who->options, &who->row_arena, &review);
	if (err != OK)
		return err;
	who->counts[review.verdict]++;
	who->may_err |= review.verdict == REVIEW_IF && review.may_err;
	if (review.verdict != REVIEW_NEVER || who->shows_all)
		print_row(who, &principal, &review);
	return OK;
}

static bool is_wanted(const struct who_can *who, const struct uid *uid)
{
	if (str_is_set(who->type))
		return str_eq(uid->type, who->type);
	if (who->action == NULL)
		return !schema_is_action_type(uid->type);
	return is_among(who->action->principals, who->action->principal_count, uid->type);
}

static int order_by_name(const void *a, const void *b)
{
	const struct uid *x = *(const struct uid *const *)a;
	const struct uid *y = *(const struct uid *const *)b;
	int by_type = str_cmp(x->type, y->type);

	return by_type != 0 ? by_type : str_cmp(x->id, y->id);
}

static enum err answer_known(struct who_can *who)
{
	const struct entity_store *store = who->inputs.entities;
	size_t total = entity_store_count(store);
	const struct uid **uids = arena_array(&who->arena, total, sizeof(*uids));
	size_t count = 0;
	enum err err = uids == NULL ? ERR_LIMIT : OK;

	for (size_t i = 0; err == OK && i < total; i++) {
		const struct entity *entity = entity_store_at(store, i);

		if (is_wanted(who, &entity->uid))
			uids[count++] = &entity->uid;
	}
	if (count > 0)
		qsort(uids, count, sizeof(const struct uid *), order_by_name);
	for (size_t i = 0; err == OK && i < count; i++)
		err = answer_row(who, (struct partial_entity){.uid = uids[i]});
	return err;
}

/* Principals that are not among the entities, type by type. */
static enum err answer_others(struct who_can *who)
{
	enum err err = OK;

	if (str_is_set(who->type) || who->action == NULL)
		return answer_row(who, (struct partial_entity){.type = who->type});
	for (size_t i = 0; err == OK && i < who->action->principal_count; i++)
		err = answer_row(who, (struct partial_entity){.type = who->action->principals[i]});
	return err;
}

/* The whole answer -------------------------------------------------------------------------- */

static void print_head(struct who_can *who)
{
	bool is_open = who->request.resource.is_open;

	if (who->is_json) {
		json_out_open(&who->out, NULL, '{');
		policy_review_json_entity(&who->out, "action", who->request.action.uid);
		policy_review_json_entity(&who->out, "resource", who->request.resource.uid);
		json_out_bool(&who->out, "resource_is_known", !is_open);
		json_out_str(&who->out, "on_forbid_error",
			     who->options.ignore_forbid_errors ? STR("skip") : STR("deny"));
		json_out_open(&who->out, "rows", '[');
		return;
	}
	policy_review_print_entity(stdout, who->request.action.uid, STR(""));
	fputs(" on ", stdout);
	policy_review_print_entity(stdout, who->request.resource.uid, STR(""));
	puts(is_open ? ", which is not among the entities\n" : "\n");
}

static enum err print_foot(struct who_can *who)
{
	if (who->is_json) {
		json_out_close(&who->out, ']');
		for (unsigned i = 0; i < ARRAY_LEN(who->counts); i++)
			json_out_number(&who->out, policy_review_word((enum review_verdict)i),
					who->counts[i]);
		json_out_close(&who->out, '}');
		return json_out_print(&who->out, stdout);
	}
	printf("%s%zu always, %zu if, %zu never%s\n",
	       who->counts[REVIEW_ALWAYS] + who->counts[REVIEW_IF] > 0 || who->shows_all ? "\n"
											 : "",
	       who->counts[REVIEW_ALWAYS], who->counts[REVIEW_IF], who->counts[REVIEW_NEVER],
	       who->counts[REVIEW_NEVER] > 0 && !who->shows_all ? " (--all shows them)" : "");
	if (who->may_err)
		puts(who->options.ignore_forbid_errors
			     ? "Where a condition is in error a policy is: it is skipped "
			       "(on_forbid_error: skip)."
			     : "Where a condition is in error a policy is: a permit does not "
			       "count, a forbid denies\n(on_forbid_error: deny).");
	return fflush(stdout) == 0 ? OK : ERR_IO;
}

static int fail(struct who_can *who, enum err err, struct diag *diag)
{
	if (diag->text[0] == '\0')
		(void)diag_set(diag, err, "", 0, 0,
			       err == ERR_LIMIT ? "the answer takes too much memory"
						: "the answer could not be written");
	return args_fail_diag(&who->args, err, diag);
}

static int run(struct who_can *who)
{
	struct diag diag = {0};
	enum err err = policy_inputs_load(&who->files, &who->inputs);

	if (err == OK)
		err = policy_inputs_validate(&who->inputs);
	if (err != OK)
		return policy_inputs_fail(&who->inputs);
	who->options.ignore_forbid_errors = who->has_forbid_choice
						    ? who->ignores_forbid_errors
						    : who->inputs.ignore_forbid_errors;
	err = find_action(who, &diag);
	if (err == OK)
		err = find_resource(who, &diag);
	if (err == OK)
		err = check_type(who, &diag);
	if (err == OK)
		err = read_context(who, &diag);
	if (err != OK)
		return fail(who, err, &diag);
	print_head(who);
	err = answer_known(who);
	if (err == OK)
		err = answer_others(who);
	if (err == OK)
		err = print_foot(who);
	if (err != OK)
		return fail(who, err, &diag);
	return who->counts[REVIEW_ALWAYS] + who->counts[REVIEW_IF] > 0 ? EXIT_CODE_FINE
								       : EXIT_CODE_NO;
}

/* Options ----------------------------------------------------------------------------------- */

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

static int take_option(struct who_can *who, struct str name)
{
	const struct {
		struct str name;
		struct str *place;
	} words[] = {{STR("context"), &who->context_word},
		     {STR("known"), &who->known_word},
		     {STR("principals"), &who->type}};

	switch (policy_inputs_option(&who->files, &who->args, name)) {
	case POLICY_INPUTS_TAKEN: return EXIT_CODE_FINE;
	case POLICY_INPUTS_WRONG: return EXIT_CODE_USAGE;
	case POLICY_INPUTS_OTHER: break;
	}
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (str_eq(words[i].name, name))
			return args_value(&who->args, words[i].place) ? EXIT_CODE_FINE
								      : EXIT_CODE_USAGE;
	if (str_eq(name, STR("format")))
		return take_choice(&who->args, "table", "json", &who->is_json);
	if (str_eq(name, STR("on-forbid-error"))) {
		who->has_forbid_choice = true;
		return take_choice(&who->args, "deny", "skip", &who->ignores_forbid_errors);
	}
	if (!str_eq(name, STR("all")))
		return args_unknown(&who->args, who->args.option);
	who->shows_all = true;
	return EXIT_CODE_FINE;
}

static int take_operand(struct who_can *who, struct str word)
{
	struct str *place = str_is_set(who->action_word) ? &who->resource_word : &who->action_word;

	if (str_is_set(who->resource_word))
		return args_unknown(&who->args, word);
	*place = word;
	return EXIT_CODE_FINE;
}

static int take_words(struct who_can *who)
{
	struct str word;
	int code = EXIT_CODE_FINE;
	enum args_word kind;

	while (code == EXIT_CODE_FINE && (kind = args_next(&who->args, &word)) != ARGS_END) {
		if (kind == ARGS_OPTION && str_eq(word, STR("help"))) {
			printf(usage, policy_inputs_usage);
			return EXIT_CODE_FINE;
		}
		code = kind == ARGS_OPTION ? take_option(who, word) : take_operand(who, word);
	}
	if (code != EXIT_CODE_FINE)
		return code;
	if (!str_is_set(who->resource_word))
		return args_fail(&who->args, "takes an ACTION and a RESOURCE; --help says more");
	if (str_is_set(who->context_word) && str_is_set(who->known_word))
		return args_fail(&who->args, "--context is the whole context and --known a part "
					     "of it: give one of them");
	return run(who);
}

int cli_policy_who_can(int argc, char **argv)
{
	struct who_can who = {.is_json = false};
	int code;

	args_init(&who.args, "tollgate policy who-can", argc, argv);
	diags_init(&who.inputs.diags, POLICY_INPUTS_ERRORS);
	arena_init(&who.arena, 65536, ROW_ARENA);
	arena_init(&who.row_arena, 65536, ROW_ARENA);
	json_out_init(&who.out, JSON_BYTES);
	code = take_words(&who);
	json_out_fini(&who.out);
	arena_fini(&who.row_arena);
	arena_fini(&who.arena);
	policy_inputs_fini(&who.inputs);
	return code;
}
