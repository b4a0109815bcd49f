/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/schema.h"

#include <stdlib.h>

#include "policy/schema_json_read.h"
#include "policy/schema_parse.h"
#include "policy/schema_resolve.h"

static int order_diags(const void *a, const void *b)
{
	const struct diag *left = a;
	const struct diag *right = b;

	if (left->line != right->line)
		return left->line < right->line ? -1 : 1;
	return left->column < right->column ? -1 : left->column > right->column;
}

/* What this load added, by place. */
static void sort_diags(struct diags *diags, size_t from)
{
	if (diags != NULL && diags->count > from)
		qsort(diags->items + from, diags->count - from, sizeof(*diags->items), order_diags);
}

static struct schema *schema_new(void)
{
	struct schema *schema = base_alloc(sizeof(*schema));

	*schema = (struct schema){.action_count = 0};
	arena_init(&schema->arena, 16384, SCHEMA_ARENA);
	map_init(&schema->entities, SCHEMA_LIST);
	map_init(&schema->actions, SCHEMA_LIST);
	map_init(&schema->commons, SCHEMA_LIST);
	map_init(&schema->action_types, SCHEMA_LIST);
	return schema;
}

enum schema_format schema_format_of(struct str text)
{
	size_t i = 0;

	while (i < text.len && memchr(" \t\r\n", text.ptr[i], 4) != NULL)
		i++;
	return i < text.len && text.ptr[i] == '{' ? SCHEMA_FORMAT_JSON : SCHEMA_FORMAT_TEXT;
}

static enum err refuse_long(const struct schema_source *source, struct diag *diag)
{
	struct diag own;
	enum err err = diag_set(&own, ERR_LIMIT, source->file, 0, 0,
				"schema is longer than %zu bytes", SCHEMA_TEXT_BYTES);

	if (diag != NULL)
		*diag = own;
	return diags_add(source->all, err, &own);
}

enum err schema_load_source(const struct schema_source *source, struct schema **out_schema,
			    struct diag *diag)
{
	size_t errors = source->all == NULL ? 0 : source->all->count;
	size_t warnings = source->warnings == NULL ? 0 : source->warnings->count;
	struct schema *schema;
	struct schema_draft draft;

	if (source->text.len > SCHEMA_TEXT_BYTES)
		return refuse_long(source, diag);
	schema = schema_new();
	schema_draft_init(&draft, source, &schema->arena, diag);
	if (source->format == SCHEMA_FORMAT_JSON)
		schema_json_read(&draft);
	else
		schema_parse_text(&draft);
	if (draft.err == OK)
		schema_resolve(schema, &draft);
	sort_diags(source->all, errors);
	sort_diags(source->warnings, warnings);
	if (draft.err != OK) {
		schema_free(schema);
		return draft.err;
	}
	*out_schema = schema;
	return OK;
}

enum err schema_load(const char *file, struct str text, struct schema **out_schema,
		     struct diag *diag)
{
	struct schema_source source = {.file = file, .text = text};

	return schema_load_source(&source, out_schema, diag);
}

void schema_free(struct schema *schema)
{
	if (schema == NULL)
		return;
	map_fini(&schema->entities);
	map_fini(&schema->actions);
	map_fini(&schema->commons);
	map_fini(&schema->action_types);
	arena_fini(&schema->arena);
	free(schema);
}

const struct schema_entity *schema_find_entity(const struct schema *schema, struct str type)
{
	return map_get(&schema->entities, type);
}

const struct schema_action *schema_find_action(const struct schema *schema,
					       const struct uid *action)
{
	char buf[512];
	struct arena arena;
	const struct schema_action *found;

	if (action->type.len + action->id.len < sizeof(buf)) {
		memcpy(buf, action->type.ptr, action->type.len);
		buf[action->type.len] = '\0';
		memcpy(buf + action->type.len + 1, action->id.ptr, action->id.len);
		return map_get(&schema->actions,
			       str_make(buf, action->type.len + 1 + action->id.len));
	}
	arena_init(&arena, 4096, SCHEMA_ARENA);
	found = map_get(&schema->actions, schema_action_key(&arena, action));
	arena_fini(&arena);
	return found;
}

bool schema_is_action_type(struct str type)
{
	return str_eq(type, STR("Action")) || str_has_suffix(type, STR("::Action"));
}

size_t schema_entity_count(const struct schema *schema)
{
	return schema->entity_count;
}

const struct schema_entity *schema_entity_at(const struct schema *schema, size_t i)
{
	ASSERT(i < schema->entity_count);
	return schema->entity_list[i];
}

size_t schema_space_count(const struct schema *schema)
{
	return schema->space_count;
}

const struct schema_space *schema_space_at(const struct schema *schema, size_t i)
{
	ASSERT(i < schema->space_count);
	return schema->space_list[i];
}

size_t schema_common_count(const struct schema *schema)
{
	return schema->common_count;
}

const struct schema_common *schema_common_at(const struct schema *schema, size_t i)
{
	ASSERT(i < schema->common_count);
	return schema->common_list[i];
}

size_t schema_action_count(const struct schema *schema)
{
	return schema->action_count;
}

const struct schema_action *schema_action_at(const struct schema *schema, size_t i)
{
	ASSERT(i < schema->action_count);
	return schema->action_list[i];
}

const struct schema_type *schema_real_type(const struct schema_type *type)
{
	while (type->kind == SCHEMA_ALIAS)
		type = type->element;
	return type;
}
