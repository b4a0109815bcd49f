/* SPDX-License-Identifier: Apache-2.0 */
/*
 *   --config ─► `policy:` section ─┐
 *                                  ├─► paths ─► texts ─► schema ─► policies, entities
 *   --policies --schema --entities ┘
 *
 * Every step goes on after an error, so that one run shows all that is wrong.
 */
#include "gateway/cli/policy_inputs.h"

#include <sys/stat.h>

#include "gateway/cli/faults.h"
#include "gateway/config/file.h"
#include "gateway/config/options.h"
#include "policy/check.h"

#define INPUTS_ARENA	  ((size_t)1 << 30)
#define INPUTS_TEXT_BYTES ((size_t)256 << 20)
#define INPUTS_CONFIG	  "tollgate.yaml"

const char policy_inputs_usage[] =
	"  --config FILE    take what its `policy:` section names (default: tollgate.yaml,\n"
	"                   unless --policies is given); no other section is looked at\n"
	"  --policies PATH  these policies instead: a file, a folder (its *.cedar and\n"
	"                   *.cedar.json) or a pattern; *.json is the JSON form; repeatable\n"
	"  --schema FILE    this schema instead; *.json is the JSON form\n"
	"  --entities FILE  these entities instead; repeatable\n";

/* Options ---------------------------------------------------------------------------------- */

static enum policy_inputs_word take_path(struct args *args, const char **out)
{
	struct str value;

	if (!args_value(args, &value))
		return POLICY_INPUTS_WRONG;
	if (value.len == 0) {
		(void)args_fail(args, STR_FMT " wants a path, not an empty word",
				STR_ARG(args->option));
		return POLICY_INPUTS_WRONG;
	}
	*out = value.ptr; /* a word of argv: it ends in NUL */
	return POLICY_INPUTS_TAKEN;
}

static enum policy_inputs_word take_one(struct args *args, const char **out)
{
	if (*out == NULL)
		return take_path(args, out);
	(void)args_fail(args, STR_FMT " can stand only once", STR_ARG(args->option));
	return POLICY_INPUTS_WRONG;
}

static enum policy_inputs_word take_more(struct args *args, const char **paths, size_t *count,
					 size_t max)
{
	enum policy_inputs_word word;

	if (*count == max) {
		(void)args_fail(args, STR_FMT " can stand %zu times", STR_ARG(args->option), max);
		return POLICY_INPUTS_WRONG;
	}
	word = take_path(args, &paths[*count]);
	*count += word == POLICY_INPUTS_TAKEN ? 1 : 0;
	return word;
}

enum policy_inputs_word policy_inputs_option(struct policy_inputs_options *options,
					     struct args *args, struct str name)
{
	if (str_eq(name, STR("config")))
		return take_one(args, &options->config);
	if (str_eq(name, STR("schema")))
		return take_one(args, &options->schema);
	if (str_eq(name, STR("policies")))
		return take_more(args, options->policies, &options->policy_count,
				 POLICY_INPUTS_POLICIES);
	if (str_eq(name, STR("entities")))
		return take_more(args, options->entities, &options->entity_count,
				 POLICY_INPUTS_ENTITIES);
	return POLICY_INPUTS_OTHER;
}

/* Files ------------------------------------------------------------------------------------ */

struct sources {
	struct policy_source *items;
	size_t count;
	size_t cap;
};

struct loading {
	struct policy_inputs *inputs;
	const struct policy_inputs_options *options;
	struct option_reader reader; /* of the configuration */
	struct config_raw raw;
	struct sources policies;
	struct sources entities;
};

static void add_error(struct loading *loading, enum err err, const struct diag *diag)
{
	(void)diags_add(&loading->inputs->diags, err, diag);
	loading->inputs->is_unreadable |= err == ERR_NOT_FOUND || err == ERR_IO;
}

static bool push_source(struct loading *loading, struct sources *sources,
			const struct policy_source *source)
{
	struct arena *arena = &loading->inputs->arena;
	size_t cap = sources->cap == 0 ? 16 : sources->cap * 2;
	struct policy_source *items = sources->items;

	if (sources->count == sources->cap) {
		items = arena_array(arena, cap, sizeof(*items));
		if (items == NULL)
			return false;
		if (sources->count > 0)
			memcpy(items, sources->items, sources->count * sizeof(*items));
		sources->items = items;
		sources->cap = cap;
	}
	items[sources->count++] = *source;
	return true;
}

/* A file found twice stands once. */
static bool has_source(const struct sources *sources, const char *path)
{
	for (size_t i = 0; i < sources->count; i++)
		if (strcmp(sources->items[i].file, path) == 0)
			return true;
	return false;
}

static bool read_source(struct loading *loading, const char *path, struct policy_source *out)
{
	struct diag diag = {0};
	struct str text;
	enum err err =
		config_file_read(&loading->inputs->arena, path, INPUTS_TEXT_BYTES, &diag, &text);

	if (err != OK) {
		add_error(loading, err, &diag);
		return false;
	}
	*out = (struct policy_source){.file = path, .text = text};
	if (str_has_suffix(str_from_c(path), STR(".json")))
		out->format = POLICY_FORMAT_JSON;
	return true;
}

static void add_file(struct loading *loading, struct sources *sources, const char *path)
{
	struct policy_source source;
	struct diag diag = {0};

	if (has_source(sources, path) || !read_source(loading, path, &source))
		return;
	if (!push_source(loading, sources, &source))
		add_error(
			loading,
			diag_set(&diag, ERR_LIMIT, path, 0, 0, "the files are too large together"),
			&diag);
}

/* False when nothing has such a name; diag then says so. */
static bool add_pattern(struct loading *loading, struct str folder, struct str pattern,
			struct diag *diag)
{
	const char *paths[CONFIG_FILE_MATCHES];
	size_t count = 0;
	enum err err =
		config_file_match(&loading->inputs->arena, folder, pattern, diag, paths, &count);

	if (err == ERR_NOT_FOUND)
		return false;
	if (err != OK)
		add_error(loading, err, diag);
	for (size_t i = 0; i < count; i++)
		add_file(loading, &loading->policies, paths[i]);
	return true;
}

static void add_folder(struct loading *loading, const char *path)
{
	struct diag diag = {0};
	bool has_text = add_pattern(loading, str_from_c(path), STR("*.cedar"), &diag);
	bool has_json = add_pattern(loading, str_from_c(path), STR("*.cedar.json"), &diag);

	if (!has_text && !has_json)
		add_error(loading,
			  diag_set(&diag, ERR_NOT_FOUND, path, 0, 0,
				   "no policies (*.cedar, *.cedar.json) are in this folder"),
			  &diag);
}

/* A word of the command line: a name that exists is not a pattern, whatever it holds. */
static void add_policies(struct loading *loading, const char *path)
{
	struct diag diag = {0};
	struct stat st;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		add_folder(loading, path);
	else if (stat(path, &st) == 0)
		add_file(loading, &loading->policies, path);
	else if (!add_pattern(loading, STR(""), str_from_c(path), &diag))
		add_error(loading, ERR_NOT_FOUND, &diag);
}

/* The configuration ------------------------------------------------------------------------ */

static enum err read_section(struct loading *loading, const char *path)
{
	struct option_reader *reader = &loading->reader;
	const struct config_yaml *root;
	struct diag diag = {0};
	enum err err;

	*reader = (struct option_reader){
		.arena = &loading->inputs->arena,
		.file = path,
		.folder = option_folder(&loading->inputs->arena, str_from_c(path)),
		.all = &loading->inputs->diags,
	};
	err = config_file_read(reader->arena, path, CONFIG_YAML_BYTES, &diag, &reader->text);
	if (err == OK)
		err = config_yaml_parse(reader->arena, path, reader->text, &diag, &root);
	if (err != OK)
		return option_note(reader, err, &diag);
	if (root->kind != CONFIG_YAML_MAP || config_yaml_get(root, STR("policy")) == NULL)
		return option_fail(reader, ERR_MALFORMED, NULL,
				   "the section \"policy\" is missing");
	return option_read(reader, OPTION_POLICY, config_yaml_get(root, STR("policy")),
			   &loading->raw);
}

static void take_config(struct loading *loading)
{
	const struct policy_inputs_options *options = loading->options;
	const struct str_list *patterns = &loading->raw.policy_files;
	const char *path = options->config == NULL ? INPUTS_CONFIG : options->config;
	struct diag diag = {0};
	enum err err = read_section(loading, path);

	if (err != OK) {
		loading->inputs->is_unreadable |= err == ERR_NOT_FOUND || err == ERR_IO;
		return;
	}
	loading->inputs->config = path;
	loading->inputs->ignore_forbid_errors = loading->raw.on_forbid_error == 1;
	loading->inputs->level = (unsigned)loading->raw.policy_level;
	for (size_t i = 0; options->policy_count == 0 && i < patterns->count; i++)
		if (!add_pattern(loading, loading->reader.folder, patterns->items[i], &diag))
			add_error(loading, ERR_NOT_FOUND, &diag);
	if (options->entity_count == 0 && str_is_set(loading->raw.entities_file))
		add_file(loading, &loading->entities, loading->raw.entities_file.ptr);
}

static void find_files(struct loading *loading)
{
	const struct policy_inputs_options *options = loading->options;
	struct policy_inputs *inputs = loading->inputs;
	const char *schema;

	if (options->config != NULL || options->policy_count == 0)
		take_config(loading);
	for (size_t i = 0; i < options->policy_count; i++)
		add_policies(loading, options->policies[i]);
	for (size_t i = 0; i < options->entity_count; i++)
		add_file(loading, &loading->entities, options->entities[i]);
	schema = options->schema != NULL ? options->schema : loading->raw.schema_file.ptr;
	if (schema != NULL)
		(void)read_source(loading, schema, &inputs->schema_source);
	inputs->source_count = loading->policies.count;
	inputs->sources = loading->policies.items;
	inputs->entity_source_count = loading->entities.count;
	inputs->entity_sources = loading->entities.items;
}

/* Texts to what they mean ------------------------------------------------------------------ */

enum err policy_inputs_store_new(const struct policy_inputs *inputs, bool with_entities,
				 struct entity_store **out, struct diag *diag)
{
	struct entity_store *store = entity_store_new(NULL);
	size_t count = with_entities ? inputs->entity_source_count : 0;
	enum err err = OK;

	if (inputs->schema != NULL)
		err = entity_store_add_actions(store, inputs->schema, diag);
	for (size_t i = 0; err == OK && i < count; i++)
		err = entity_store_load_json(store, inputs->entity_sources[i].file,
					     inputs->entity_sources[i].text, inputs->schema, diag);
	if (err != OK) {
		entity_store_free(store);
		return err;
	}
	*out = store;
	return OK;
}

static void load_schema(struct policy_inputs *inputs)
{
	const struct policy_source *file = &inputs->schema_source;
	const struct schema_source source = {
		.file = file->file,
		.text = file->text,
		.format = file->format == POLICY_FORMAT_JSON ? SCHEMA_FORMAT_JSON
							     : SCHEMA_FORMAT_TEXT,
		.all = &inputs->diags,
		.warnings = &inputs->warnings,
	};
	enum err err;

	if (file->file == NULL)
		return;
	err = schema_load_source(&source, &inputs->schema, NULL);
	ASSERT(err == OK || inputs->diags.total > 0);
}

static void load_policies(struct policy_inputs *inputs)
{
	const struct policy_set_options options = {.takes_templates = true, .all = &inputs->diags};
	enum err err = policy_set_load(inputs->sources, inputs->source_count, &options,
				       &inputs->policies, NULL);

	ASSERT(err == OK || inputs->diags.total > 0);
}

/* Without the schema, if that is wrong: what is found then is wrong in any case. */
static void load_store(struct policy_inputs *inputs)
{
	struct diag diag = {0};
	enum err err = policy_inputs_store_new(inputs, true, &inputs->entities, &diag);

	if (err == OK)
		err = entity_store_freeze(inputs->entities, &diag);
	if (err != OK)
		(void)diags_add(&inputs->diags, err, &diag);
}

static void drop(struct policy_inputs *inputs)
{
	policy_set_free(inputs->policies);
	entity_store_free(inputs->entities);
	schema_free(inputs->schema);
	inputs->policies = NULL;
	inputs->entities = NULL;
	inputs->schema = NULL;
}

enum err policy_inputs_load(const struct policy_inputs_options *options, struct policy_inputs *out)
{
	struct loading loading = {.inputs = out, .options = options};

	*out = (struct policy_inputs){0};
	arena_init(&out->arena, 65536, INPUTS_ARENA);
	diags_init(&out->diags, POLICY_INPUTS_ERRORS);
	diags_init(&out->warnings, POLICY_INPUTS_ERRORS);
	find_files(&loading);
	load_schema(out);
	load_policies(out);
	load_store(out);
	if (out->diags.err != OK)
		drop(out);
	return out->diags.err;
}

static void add_findings(struct policy_inputs *inputs, enum err err,
			 const struct check_report *report)
{
	struct diag diag;

	if (err == ERR_LIMIT)
		(void)diags_add(&inputs->diags, err,
				(diag_set(&diag, err, "", 0, 0,
					  "the validation of one policy took more than %zu MiB",
					  CHECK_ARENA >> 20),
				 &diag));
	for (size_t i = 0; i < report->count; i++) {
		if (report->findings[i].is_warning)
			continue;
		check_finding_diag(&report->findings[i], &diag);
		(void)diags_add(&inputs->diags, ERR_MALFORMED, &diag);
	}
}

enum err policy_inputs_validate(struct policy_inputs *inputs)
{
	struct check_report types;
	struct check_report levels;
	enum err err = OK;

	if (inputs->schema == NULL)
		return OK;
	check_report_init(&types);
	check_report_init(&levels);
	err = check_policies(inputs->policies, inputs->schema, &types);
	add_findings(inputs, err, &types);
	if (err != ERR_LIMIT && inputs->level > 0) {
		err = check_levels(inputs->policies, inputs->schema, inputs->level, &levels);
		add_findings(inputs, err, &levels);
	}
	check_report_fini(&types);
	check_report_fini(&levels);
	return inputs->diags.err;
}

int policy_inputs_fail(const struct policy_inputs *inputs)
{
	faults_print(&inputs->diags);
	return inputs->is_unreadable ? EXIT_CODE_FAILED : EXIT_CODE_NO;
}

void policy_inputs_fini(struct policy_inputs *inputs)
{
	drop(inputs);
	diags_fini(&inputs->diags);
	diags_fini(&inputs->warnings);
	arena_fini(&inputs->arena);
}
