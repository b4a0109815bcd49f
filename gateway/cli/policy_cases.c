/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/cli/policy_cases.h"

#include "gateway/cli/case_entities.h"
#include "gateway/cli/faults.h"
#include "gateway/cli/policy_question.h"
#include "gateway/cli/yaml_json.h"
#include "gateway/cli/yaml_keys.h"
#include "gateway/config/file.h"
#include "policy/type.h"

#define CASES_ARENA ((size_t)256 << 20)

/* What a case takes when it says nothing: gathered from the included files, then the file. */
struct defaults {
	const struct config_yaml *principal, *action, *resource, *context;
	struct case_entities entities;
};

struct reading {
	struct policy_cases *cases;
	const struct policy_inputs *inputs;
	struct defaults defaults;
	bool with_config_entities;
};

static const char *const file_keys[] = {"include",  "config_entities", "principal",
					"action",   "resource",	       "context",
					"entities", "cases",	       NULL};
static const char *const include_keys[] = {"principal", "action",   "resource",
					   "context",	"entities", NULL};
static const char *const case_keys[] = {"name",	    "principal", "action",  "resource", "context",
					"entities", "expect",	 "reasons", "errors",	NULL};

/* Defaults --------------------------------------------------------------------------------- */

static enum err fail_memory(struct option_reader *reader)
{
	return option_fail(reader, ERR_LIMIT, NULL, "the file takes too much memory");
}

static enum err merge_context(struct option_reader *reader, const struct config_yaml *map,
			      const struct config_yaml **context)
{
	const struct config_yaml *over = NULL;
	const struct config_yaml *merged;
	enum err err = yaml_keys_take(reader, map, "context", CONFIG_YAML_MAP, &over);

	if (err != OK || over == NULL)
		return err;
	merged = yaml_merge(reader->arena, *context, over);
	if (merged == NULL)
		return fail_memory(reader);
	*context = merged;
	return OK;
}

/* What files and cases have alike, but for the context. */
static enum err take_defaults(struct option_reader *reader, const struct config_yaml *map,
			      struct defaults *out)
{
	const struct config_yaml *entities = NULL;
	enum err err =
		yaml_keys_take(reader, map, "principal", CONFIG_YAML_SCALAR, &out->principal);

	if (err == OK)
		err = yaml_keys_take(reader, map, "action", CONFIG_YAML_SCALAR, &out->action);
	if (err == OK)
		err = yaml_keys_take(reader, map, "resource", CONFIG_YAML_SCALAR, &out->resource);
	if (err == OK)
		err = yaml_keys_take(reader, map, "entities", CONFIG_YAML_LIST, &entities);
	if (err == OK && entities != NULL)
		err = case_entities_add(reader, entities, &out->entities);
	return err;
}

/* One case --------------------------------------------------------------------------------- */

static enum err take_ids(struct option_reader *reader, const struct config_yaml *map,
			 const char *name, struct policy_case_ids *out)
{
	const struct config_yaml *list = NULL;
	struct str *items;
	enum err err = yaml_keys_take(reader, map, name, CONFIG_YAML_LIST, &list);

	if (err != OK || list == NULL)
		return err;
	items = arena_array(reader->arena, list->count, sizeof(*items));
	if (items == NULL)
		return fail_memory(reader);
	*out = (struct policy_case_ids){.is_given = true, .items = items};
	for (const struct config_yaml *node = list->first; node != NULL; node = node->next) {
		err = yaml_keys_kind(reader, node, CONFIG_YAML_SCALAR, "a policy's id");
		if (err != OK)
			return err;
		for (size_t i = 0; i < out->count; i++)
			if (str_eq(items[i], node->text))
				return option_fail(reader, ERR_MALFORMED, node,
						   "%s: \"" STR_FMT "\" stands twice", name,
						   STR_ARG(node->text));
		items[out->count++] = node->text;
	}
	return OK;
}

static enum err take_expect(struct option_reader *reader, const struct config_yaml *map,
			    struct policy_case *out)
{
	const struct config_yaml *node = NULL;
	enum err err = yaml_keys_take(reader, map, "expect", CONFIG_YAML_SCALAR, &node);

	if (err != OK)
		return err;
	if (node == NULL)
		return option_fail(reader, ERR_MALFORMED, map,
				   "the case has no \"expect\": allow or deny");
	out->expects_allow = str_eq(node->text, STR("allow"));
	if (!out->expects_allow && !str_eq(node->text, STR("deny")))
		return option_fail(reader, ERR_MALFORMED, node,
				   "expect: \"" STR_FMT "\" is neither allow nor deny",
				   STR_ARG(node->text));
	return OK;
}

static enum err take_name(struct reading *reading, struct option_reader *reader,
			  const struct config_yaml *map, struct policy_case *out)
{
	const struct config_yaml *node = NULL;
	const struct policy_case *other;
	enum err err = yaml_keys_take(reader, map, "name", CONFIG_YAML_SCALAR, &node);

	if (err != OK)
		return err;
	if (node == NULL || node->text.len == 0)
		return option_fail(reader, ERR_MALFORMED, map, "the case has no \"name\"");
	if (str_index(node->text, '\n') < node->text.len ||
	    str_index(node->text, '\t') < node->text.len)
		return option_fail(reader, ERR_MALFORMED, node,
				   "a case's name cannot hold a line break or tab");
	other = policy_cases_find(reading->cases, node->text);
	if (other != NULL)
		return option_fail(reader, ERR_CONFLICT, node,
				   "the case of line %u has this name already", other->line);
	out->name = node->text;
	out->line = map->line;
	return OK;
}

static enum err take_entity_name(struct option_reader *reader, const struct config_yaml *map,
				 const struct config_yaml *node, const char *name, struct str *out)
{
	if (node == NULL)
		return option_fail(reader, ERR_MALFORMED, map,
				   "the case has no \"%s\", and neither has the file", name);
	*out = node->text;
	return OK;
}

/* The members of the defaults that the action's context can have: so one set of defaults serves
 * actions of different contexts. What a case says itself stays, and is wrong if it is. */
static const struct config_yaml *declared_part(struct option_reader *reader,
					       const struct config_yaml *context,
					       const struct schema *schema,
					       const struct uid *action)
{
	const struct schema_action *declared =
		schema == NULL ? NULL : schema_find_action(schema, action);
	struct config_yaml *part = arena_zalloc(reader->arena, sizeof(*part));

	if (context == NULL || declared == NULL || part == NULL)
		return context;
	part->kind = CONFIG_YAML_MAP;
	for (const struct config_yaml *node = context->first; node != NULL; node = node->next) {
		const struct text key = text_make(node->key);
		struct config_yaml *copy;

		if (declared->context == NULL ||
		    type_find_attr(schema_real_type(declared->context), &key) == NULL)
			continue;
		copy = arena_alloc(reader->arena, sizeof(*copy));
		if (copy == NULL)
			return context; /* the arena's overflow is seen by the merge behind this */
		*copy = *node;
		copy->next = NULL;
		if (part->last == NULL)
			part->first = copy;
		else
			part->last->next = copy;
		part->last = copy;
		part->count++;
	}
	return part;
}

static enum err context_json(struct option_reader *reader, const struct config_yaml *map,
			     const struct config_yaml *context, struct str *out)
{
	struct buf text;
	enum err err = merge_context(reader, map, &context);

	if (err != OK || context == NULL)
		return err;
	buf_init(&text, POLICY_QUESTION_BYTES);
	err = yaml_json_write(&text, context);
	if (err == OK)
		*out = arena_str(reader->arena, buf_str(&text));
	buf_fini(&text);
	return err == OK && str_is_set(*out) ? OK : fail_memory(reader);
}

/* What the request's own text is wrong in is said where the case begins: half of it may stand in
 * another file. */
static enum err take_request(struct reading *reading, struct option_reader *reader,
			     const struct config_yaml *map, const struct defaults *said,
			     struct policy_case *out)
{
	struct policy_question question = {.context_file = "context"};
	const struct schema *schema = reading->inputs->schema;
	const struct config_yaml *context;
	const struct uid *action;
	struct diag diag = {0};
	enum err err =
		take_entity_name(reader, map, said->principal, "principal", &question.principal);

	if (err == OK)
		err = take_entity_name(reader, map, said->action, "action", &question.action);
	if (err == OK)
		err = take_entity_name(reader, map, said->resource, "resource", &question.resource);
	if (err != OK)
		return err;
	err = policy_question_uid(reader->arena, "action", question.action, &action, &diag);
	if (err != OK)
		return option_fail(reader, err, map, "%s", diag.text);
	context = declared_part(reader, reading->defaults.context, schema, action);
	err = context_json(reader, map, context, &question.context);
	if (err != OK)
		return err;
	err = policy_question_read(reader->arena, &question, schema, &out->request, &diag);
	if (err == OK && schema != NULL)
		err = policy_question_conform(schema, &out->request, &diag);
	return err == OK ? OK : option_fail(reader, err, map, "%s", diag.text);
}

static enum err take_store(struct reading *reading, struct option_reader *reader,
			   const struct defaults *said, bool is_own, struct entity_store **out)
{
	struct entity_store *store = NULL;
	struct diag diag = {0};
	enum err err = OK;

	if (!is_own) {
		*out = reading->cases->store;
		return OK;
	}
	err = policy_inputs_store_new(reading->inputs, reading->with_config_entities, &store,
				      &diag);
	if (err != OK)
		return option_fail(reader, err, NULL, "%s: %s", diag.file, diag.text);
	err = case_entities_load(&said->entities, store, reading->inputs->schema);
	if (err == OK) {
		err = entity_store_freeze(store, &diag);
		if (err != OK)
			err = option_fail(reader, err, NULL, "entities: %s", diag.text);
	}
	if (err != OK) {
		entity_store_free(store);
		return err;
	}
	*out = store;
	return OK;
}

static enum err read_case(struct reading *reading, struct option_reader *reader,
			  const struct config_yaml *map)
{
	struct policy_cases *cases = reading->cases;
	struct defaults said = reading->defaults;
	struct policy_case one = {0};
	bool has_entities;
	enum err err = yaml_keys_kind(reader, map, CONFIG_YAML_MAP, "a case");

	if (err == OK)
		err = yaml_keys_check(reader, map, "a case", case_keys);
	if (err == OK)
		err = take_name(reading, reader, map, &one);
	if (err == OK)
		err = take_defaults(reader, map, &said);
	if (err == OK)
		err = take_request(reading, reader, map, &said, &one);
	if (err == OK)
		err = take_expect(reader, map, &one);
	if (err == OK)
		err = take_ids(reader, map, "reasons", &one.reasons);
	if (err == OK)
		err = take_ids(reader, map, "errors", &one.errors);
	has_entities = err == OK && config_yaml_get(map, STR("entities")) != NULL;
	if (err == OK)
		err = take_store(reading, reader, &said, has_entities, &one.store);
	if (err == OK)
		cases->items[cases->count++] = one;
	return err;
}

/* Files ------------------------------------------------------------------------------------ */

static enum err open_file(struct reading *reading, const char *path, struct option_reader *reader,
			  struct diag *diag, const struct config_yaml **out)
{
	struct arena *arena = &reading->cases->arena;
	enum err err;

	*reader = (struct option_reader){.arena = arena,
					 .file = path,
					 .folder = option_folder(arena, str_from_c(path)),
					 .all = &reading->cases->diags};
	err = config_file_read(arena, path, POLICY_CASES_BYTES, diag, &reader->text);
	if (err == OK)
		return config_yaml_parse(arena, path, reader->text, diag, out);
	reading->cases->is_unreadable |= err == ERR_NOT_FOUND || err == ERR_IO;
	return err;
}

static enum err include_file(struct reading *reading, struct option_reader *from,
			     const struct config_yaml *node)
{
	struct option_reader *reader = arena_alloc(&reading->cases->arena, sizeof(*reader));
	const struct config_yaml *root;
	struct diag diag = {0};
	struct str path;
	enum err err = yaml_keys_kind(from, node, CONFIG_YAML_SCALAR, "a file to include");

	if (err != OK)
		return err;
	path = option_path(from, node->text);
	if (reader == NULL || !str_is_set(path))
		return fail_memory(from);
	err = open_file(reading, path.ptr, reader, &diag, &root);
	if (reading->cases->is_unreadable)
		return option_fail(from, err, node, "%s %s", path.ptr, diag.text);
	if (err != OK)
		return option_note(reader, err, &diag);
	err = yaml_keys_kind(reader, root, CONFIG_YAML_MAP, "an included file");
	if (err == OK)
		err = yaml_keys_check(reader, root, "an included file", include_keys);
	if (err == OK)
		err = take_defaults(reader, root, &reading->defaults);
	return err != OK ? err : merge_context(reader, root, &reading->defaults.context);
}

static enum err take_includes(struct reading *reading, struct option_reader *reader,
			      const struct config_yaml *root)
{
	const struct config_yaml *list = NULL;
	enum err err = yaml_keys_take(reader, root, "include", CONFIG_YAML_LIST, &list);

	if (err != OK || list == NULL)
		return err;
	if (list->count > POLICY_CASES_INCLUDES)
		return option_fail(reader, ERR_LIMIT, list, "more than %d files to include",
				   POLICY_CASES_INCLUDES);
	for (const struct config_yaml *node = list->first; err == OK && node != NULL;
	     node = node->next)
		err = include_file(reading, reader, node);
	return err;
}

static enum err take_switch(struct reading *reading, struct option_reader *reader,
			    const struct config_yaml *root)
{
	const struct config_yaml *node = NULL;
	enum err err = yaml_keys_take(reader, root, "config_entities", CONFIG_YAML_SCALAR, &node);

	if (err != OK || node == NULL)
		return err;
	reading->with_config_entities = str_eq(node->text, STR("true"));
	if (!reading->with_config_entities && !str_eq(node->text, STR("false")))
		return option_fail(reader, ERR_MALFORMED, node,
				   "config_entities: \"" STR_FMT "\" is neither true nor false",
				   STR_ARG(node->text));
	return OK;
}

static enum err read_head(struct reading *reading, struct option_reader *reader,
			  const struct config_yaml *root, const struct config_yaml **out_cases)
{
	const struct config_yaml *list;
	enum err err = yaml_keys_kind(reader, root, CONFIG_YAML_MAP, "the file");

	if (err == OK)
		err = yaml_keys_check(reader, root, "the file", file_keys);
	if (err == OK)
		err = take_switch(reading, reader, root);
	if (err == OK)
		err = take_includes(reading, reader, root);
	if (err == OK)
		err = take_defaults(reader, root, &reading->defaults);
	if (err == OK)
		err = merge_context(reader, root, &reading->defaults.context);
	if (err == OK)
		err = take_store(reading, reader, &reading->defaults, true, &reading->cases->store);
	list = config_yaml_get(root, STR("cases"));
	if (err == OK && list != NULL && !config_yaml_is_null(list))
		err = yaml_keys_take(reader, root, "cases", CONFIG_YAML_LIST, out_cases);
	if (err != OK)
		return err;
	if (*out_cases == NULL || (*out_cases)->count == 0)
		return option_fail(reader, ERR_MALFORMED, *out_cases, "the file has no cases");
	if ((*out_cases)->count > POLICY_CASES_MAX)
		return option_fail(reader, ERR_LIMIT, *out_cases, "more than %d cases",
				   POLICY_CASES_MAX);
	return OK;
}

/* Cases go on behind a wrong one: each of them notes what is wrong with it. */
static enum err read_file(struct reading *reading, const char *path)
{
	struct policy_cases *cases = reading->cases;
	const struct config_yaml *root = NULL;
	const struct config_yaml *list = NULL;
	struct option_reader reader;
	struct diag diag = {0};
	enum err err = open_file(reading, path, &reader, &diag, &root);

	if (err != OK)
		return option_note(&reader, err, &diag);
	err = read_head(reading, &reader, root, &list);
	if (err != OK)
		return err;
	cases->items = arena_array(&cases->arena, list->count, sizeof(*cases->items));
	if (cases->items == NULL)
		return fail_memory(&reader);
	for (const struct config_yaml *node = list->first; node != NULL; node = node->next)
		err = option_both(err, read_case(reading, &reader, node));
	return err;
}

enum err policy_cases_load(const char *file, const struct policy_inputs *inputs,
			   struct policy_cases *out)
{
	struct reading reading = {.cases = out, .inputs = inputs};

	*out = (struct policy_cases){.file = file};
	arena_init(&out->arena, 65536, CASES_ARENA);
	diags_init(&out->diags, POLICY_CASES_ERRORS);
	return read_file(&reading, file);
}

int policy_cases_fail(const struct policy_cases *cases)
{
	faults_print(&cases->diags);
	return cases->is_unreadable ? EXIT_CODE_FAILED : EXIT_CODE_NO;
}

const struct policy_case *policy_cases_find(const struct policy_cases *cases, struct str name)
{
	for (size_t i = 0; i < cases->count; i++)
		if (str_eq(cases->items[i].name, name))
			return &cases->items[i];
	return NULL;
}

void policy_cases_fini(struct policy_cases *cases)
{
	for (size_t i = 0; i < cases->count; i++)
		if (cases->items[i].store != cases->store)
			entity_store_free(cases->items[i].store);
	entity_store_free(cases->store);
	diags_fini(&cases->diags);
	arena_fini(&cases->arena);
}
