/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/cli/policy_question.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

#include "base/jscan.h"
#include "base/suggest.h"
#include "policy/conform.h"
#include "policy/parse.h"

/* Words ------------------------------------------------------------------------------------ */

enum err policy_question_uid(struct arena *arena, const char *name, struct str text,
			     const struct uid **out, struct diag *diag)
{
	struct diag inner = {0};
	const struct uid *uid;
	struct parse parse;

	parse_init(&parse, name, text, arena, &inner);
	uid = parse_uid(&parse);
	lex_expect(&parse.lex, TOKEN_END, "nothing more behind the entity's id");
	if (parse.lex.err != OK)
		return diag_set(diag, parse.lex.err, "", 0, 0,
				"the %s `" STR_FMT "` is not an entity such as User::\"ana\": %s",
				name, (int)MIN(text.len, 100), text.ptr, inner.text);
	*out = uid;
	return OK;
}

enum err policy_question_read(struct arena *arena, const struct policy_question *question,
			      const struct schema *schema, struct policy_request *out,
			      struct diag *diag)
{
	struct policy_request request = {0};
	enum err err = policy_question_uid(arena, "principal", question->principal,
					   &request.principal, diag);

	if (err == OK)
		err = policy_question_uid(arena, "action", question->action, &request.action, diag);
	if (err == OK)
		err = policy_question_uid(arena, "resource", question->resource, &request.resource,
					  diag);
	if (err == OK && str_is_set(question->context))
		err = entity_context_json(arena, question->context_file, question->context, schema,
					  request.action, &request.context, diag);
	if (err == OK)
		*out = request;
	return err;
}

enum err policy_question_conform(const struct schema *schema, const struct policy_request *request,
				 struct diag *diag)
{
	struct diag inner = {0};
	enum err err = conform_request(schema, request, &inner);

	if (err == OK)
		return OK;
	return diag_set(diag, err, "", 0, 0, "%s%s", inner.text,
			request->context.kind == VALUE_NONE ? " (no context was given)" : "");
}

/* Lines ------------------------------------------------------------------------------------ */

enum entity_part {
	PART_WHOLE,
	PART_TYPE,
	PART_ID,
	PART_COUNT,
};

/* principal, action, resource, each with its parts; then the others. */
#define LINE_ENTITIES 3

enum line_path {
	LINE_CONTEXT = LINE_ENTITIES * PART_COUNT,
	LINE_ID,
	LINE_WHOLE,
	LINE_PATHS,
};

static const char *const line_paths[LINE_PATHS + 1] = {
	"principal", "principal.type", "principal.id", "action",  "action.type", "action.id",
	"resource",  "resource.type",  "resource.id",  "context", "id",		 "",
	NULL,
};

static const char *const members[] = {"principal", "action", "resource", "context", "id"};

struct line_value {
	bool is_there;
	enum jscan_type type;
	struct str text; /* of a string */
	struct str json;
	uint64_t count;
};

struct policy_question_reader {
	struct jscan_paths *paths;
	/* While one line is read. */
	struct arena *arena;
	struct str line;
	struct line_value values[LINE_PATHS];
	struct diag *diag; /* of what a skim that is no syntax error ends in */
	const char *file;
	unsigned number;
};

struct policy_question_reader *policy_question_reader_new(void)
{
	struct policy_question_reader *reader = base_alloc(sizeof(*reader));

	reader->paths = jscan_paths_new(line_paths);
	return reader;
}

void policy_question_reader_free(struct policy_question_reader *reader)
{
	if (reader == NULL)
		return;
	jscan_paths_free(reader->paths);
	free(reader);
}

static enum err on_value(void *arg, const struct jscan_value *value)
{
	struct policy_question_reader *reader = arg;
	struct line_value *kept = &reader->values[value->path];

	if (value->is_duplicate)
		return diag_set(reader->diag, ERR_MALFORMED, reader->file, reader->number,
				(unsigned)value->start + 1, "\"%s\" stands twice",
				line_paths[value->path]);
	if (value->is_truncated)
		return diag_set(reader->diag, ERR_LIMIT, reader->file, reader->number,
				(unsigned)value->start + 1, "\"%s\" is longer than %d bytes",
				line_paths[value->path], JSCAN_CAPTURE);
	*kept = (struct line_value){
		.is_there = true,
		.type = value->type,
		.text = value->type == JSCAN_STRING ? arena_str(reader->arena, value->text)
						    : (struct str){NULL, 0},
		.json = str_sub(reader->line, value->start, value->end - value->start),
		.count = value->count,
	};
	return OK;
}

PRINTF_LIKE(2, 3)
static enum err fail_line(const struct policy_question_reader *reader, const char *fmt, ...)
{
	char text[300];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	return diag_set(reader->diag, ERR_MALFORMED, reader->file, reader->number, 0, "%s", text);
}

/* Names the first member that has no business here; the skim has only counted them. */
static enum err fail_unknown(const struct policy_question_reader *reader)
{
	json_t *line = json_loadb(reader->line.ptr, reader->line.len, 0, NULL);
	struct suggest suggest = {0};
	enum err err = ERR_MALFORMED;
	const char *name;
	json_t *value;

	json_object_foreach(line, name, value)
	{
		bool is_known = false;

		for (size_t i = 0; i < ARRAY_LEN(members); i++)
			is_known |= strcmp(name, members[i]) == 0;
		if (is_known)
			continue;
		suggest.word = str_from_c(name);
		for (size_t i = 0; i < ARRAY_LEN(members); i++)
			suggest_try(&suggest, str_from_c(members[i]));
		err = str_is_set(suggest.best)
			      ? fail_line(reader,
					  "a request has no \"%.60s\"; did you mean \"%s\"?", name,
					  suggest.best.ptr)
			      : fail_line(reader,
					  "a request has no \"%.60s\"; it has principal, action, "
					  "resource, context and id",
					  name);
		break;
	}
	json_decref(line);
	return err;
}

static enum err skim(struct policy_question_reader *reader)
{
	struct diag own = {0};
	struct diag *diag = reader->diag;
	struct jscan scan;
	enum err err;
	uint64_t known = 0;

	memset(reader->values, 0, sizeof(reader->values));
	reader->diag = &own;
	jscan_init(&scan, reader->paths, on_value, reader);
	err = jscan_feed(&scan, reader->line);
	if (err == OK)
		err = jscan_end(&scan);
	reader->diag = diag;
	if (err != OK && own.text[0] != '\0') {
		if (diag != NULL)
			*diag = own;
		return err;
	}
	if (err != OK)
		return diag_set(
			diag, err, reader->file, reader->number, (unsigned)jscan_offset(&scan) + 1,
			err == ERR_LIMIT ? "nested deeper than 64 levels" : "this is not JSON");
	if (reader->values[LINE_WHOLE].type != JSCAN_OBJECT)
		return fail_line(reader, "a request must be a JSON object");
	for (unsigned i = 0; i < LINE_WHOLE; i++)
		known += reader->values[i].is_there &&
					 (i >= LINE_CONTEXT || i % PART_COUNT == PART_WHOLE)
				 ? 1U
				 : 0U;
	return known == reader->values[LINE_WHOLE].count ? OK : fail_unknown(reader);
}

static bool is_text(const struct line_value *value)
{
	return value->is_there && value->type == JSCAN_STRING;
}

/* A string User::"ana", or {"type": "User", "id": "ana"}. */
static enum err read_entity(const struct policy_question_reader *reader, unsigned index,
			    const struct uid **out)
{
	const char *name = members[index];
	const struct line_value *values = &reader->values[index * PART_COUNT];
	struct diag inner = {0};
	const struct uid *type = NULL;
	struct str whole;
	struct uid uid;
	enum err err;

	if (!values[PART_WHOLE].is_there)
		return fail_line(reader, "\"%s\" is missing", name);
	if (is_text(&values[PART_WHOLE])) {
		whole = values[PART_WHOLE].text;
		err = policy_question_uid(reader->arena, name, whole, out, &inner);
		return err == OK ? OK : fail_line(reader, "%s", inner.text);
	}
	if (values[PART_WHOLE].type != JSCAN_OBJECT || values[PART_WHOLE].count != 2 ||
	    !is_text(&values[PART_TYPE]) || !is_text(&values[PART_ID]))
		return fail_line(reader,
				 "\"%s\" must be text such as User::\\\"ana\\\", or an object with "
				 "\"type\" and \"id\"",
				 name);
	/* The type as the parser takes it; the id may hold anything. */
	whole = arena_printf(reader->arena, STR_FMT "::\"\"", STR_ARG(values[PART_TYPE].text));
	err = policy_question_uid(reader->arena, name, whole, &type, &inner);
	if (err != OK)
		return fail_line(reader, "%s", inner.text);
	if (!str_eq(type->type, values[PART_TYPE].text))
		return fail_line(reader, "the type of \"%s\" must be written without spaces", name);
	uid = uid_make(type->type, values[PART_ID].text);
	*out = uid_copy(reader->arena, &uid);
	return *out == NULL ? ERR_LIMIT : OK;
}

static enum err read_context(const struct policy_question_reader *reader,
			     const struct schema *schema, struct policy_request *request)
{
	const struct line_value *context = &reader->values[LINE_CONTEXT];
	struct diag inner = {0};
	enum err err;

	if (!context->is_there)
		return OK;
	err = entity_context_json(reader->arena, "context", context->json, schema, request->action,
				  &request->context, &inner);
	/* Some of what its reader says names it already. */
	return err == OK ? OK
			 : fail_line(reader, "%s%s",
				     strncmp(inner.text, "context", 7) == 0 ? "" : "context: ",
				     inner.text);
}

enum err policy_question_line(struct policy_question_reader *reader, struct arena *arena,
			      const char *file, unsigned line, struct str text,
			      const struct schema *schema, struct policy_request *out,
			      struct str *out_id, struct diag *diag)
{
	struct policy_request request = {0};
	enum err err;

	reader->arena = arena;
	reader->line = text;
	reader->file = file;
	reader->number = line;
	reader->diag = diag;
	err = skim(reader);
	*out_id = reader->values[LINE_ID].json;
	if (err == OK)
		err = read_entity(reader, 0, &request.principal);
	if (err == OK)
		err = read_entity(reader, 1, &request.action);
	if (err == OK)
		err = read_entity(reader, 2, &request.resource);
	if (err == OK)
		err = read_context(reader, schema, &request);
	if (err == OK && arena_has_overflowed(arena))
		err = diag_set(diag, ERR_LIMIT, file, line, 0, "the request takes too much memory");
	if (err == OK)
		*out = request;
	return err;
}
