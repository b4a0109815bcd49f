/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/config/yaml.h"

#include <yaml.h>

struct build {
	struct arena *arena;
	const char *file;
	struct str text;
	struct diag *diag;
	struct config_yaml *stack[CONFIG_YAML_DEPTH];
	size_t depth;
	struct config_yaml *root;
	struct str key; /* read, its value comes next */
	unsigned key_line, key_column;
	bool has_document;
};

static enum err fail_at(struct build *build, enum err err, yaml_mark_t mark, const char *what)
{
	err = diag_set(build->diag, err, build->file, (unsigned)mark.line + 1,
		       (unsigned)mark.column + 1, "%s", what);
	diag_set_source(build->diag, build->text.ptr, build->text.len);
	return err;
}

static bool expects_key(const struct build *build)
{
	return build->depth > 0 && build->stack[build->depth - 1]->kind == CONFIG_YAML_MAP &&
	       !str_is_set(build->key);
}

static enum err add_node(struct build *build, struct config_yaml *node, yaml_mark_t mark)
{
	struct config_yaml *parent;

	node->line = (unsigned)mark.line + 1;
	node->column = (unsigned)mark.column + 1;
	if (build->depth == 0) {
		build->root = node;
		return OK;
	}
	parent = build->stack[build->depth - 1];
	if (parent->kind == CONFIG_YAML_MAP) {
		node->key = build->key;
		node->key_line = build->key_line;
		node->key_column = build->key_column;
		build->key = (struct str){0};
	}
	if (parent->last != NULL)
		parent->last->next = node;
	else
		parent->first = node;
	parent->last = node;
	parent->count++;
	return OK;
}

static enum err take_key(struct build *build, struct str text, yaml_mark_t mark)
{
	const struct config_yaml *map = build->stack[build->depth - 1];

	if (str_eq(text, STR("<<")))
		return fail_at(build, ERR_UNSUPPORTED, mark, "merge keys are not supported");
	if (config_yaml_get(map, text) != NULL)
		return fail_at(build, ERR_CONFLICT, mark, "this key stands twice in the same map");
	if (map->count == CONFIG_YAML_KEYS)
		return fail_at(build, ERR_LIMIT, mark, "more than 1024 keys in one map");
	build->key = arena_str(build->arena, text);
	build->key_line = (unsigned)mark.line + 1;
	build->key_column = (unsigned)mark.column + 1;
	return str_is_set(build->key) ? OK : ERR_LIMIT;
}

static struct config_yaml *new_node(struct build *build, enum config_yaml_kind kind)
{
	struct config_yaml *node = arena_zalloc(build->arena, sizeof(*node));

	if (node != NULL)
		node->kind = kind;
	return node;
}

static bool has_control(struct str text)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];

		if ((c < ' ' && c != '\t' && c != '\n') || c == 0x7f)
			return true;
	}
	return false;
}

static enum err take_scalar(struct build *build, const yaml_event_t *event)
{
	struct str text =
		str_make((const char *)event->data.scalar.value, event->data.scalar.length);
	struct config_yaml *node;

	if (event->data.scalar.anchor != NULL || event->data.scalar.tag != NULL)
		return fail_at(build, ERR_UNSUPPORTED, event->start_mark,
			       "anchors and tags are not supported");
	if (has_control(text))
		return fail_at(build, ERR_MALFORMED, event->start_mark,
			       "a text must hold no control character");
	if (expects_key(build))
		return take_key(build, text, event->start_mark);
	node = new_node(build, CONFIG_YAML_SCALAR);
	if (node == NULL)
		return fail_at(build, ERR_LIMIT, event->start_mark, "the file is too large");
	node->text = arena_str(build->arena, text);
	node->is_quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	return add_node(build, node, event->start_mark);
}

static enum err open_node(struct build *build, enum config_yaml_kind kind, bool is_plain,
			  yaml_mark_t mark)
{
	struct config_yaml *node = new_node(build, kind);
	enum err err;

	if (!is_plain)
		return fail_at(build, ERR_UNSUPPORTED, mark, "anchors and tags are not supported");
	if (expects_key(build))
		return fail_at(build, ERR_MALFORMED, mark, "a key must be a plain word");
	if (node == NULL)
		return fail_at(build, ERR_LIMIT, mark, "the file is too large");
	if (build->depth == CONFIG_YAML_DEPTH)
		return fail_at(build, ERR_LIMIT, mark, "the file is nested deeper than 64 levels");
	err = add_node(build, node, mark);
	build->stack[build->depth++] = node;
	return err;
}

static enum err take_event(struct build *build, const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_SCALAR_EVENT: return take_scalar(build, event);
	case YAML_SEQUENCE_START_EVENT:
		return open_node(build, CONFIG_YAML_LIST,
				 event->data.sequence_start.anchor == NULL &&
					 event->data.sequence_start.tag == NULL,
				 event->start_mark);
	case YAML_MAPPING_START_EVENT:
		return open_node(build, CONFIG_YAML_MAP,
				 event->data.mapping_start.anchor == NULL &&
					 event->data.mapping_start.tag == NULL,
				 event->start_mark);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT: build->depth--; return OK;
	case YAML_ALIAS_EVENT:
		return fail_at(build, ERR_UNSUPPORTED, event->start_mark,
			       "aliases are not supported");
	case YAML_DOCUMENT_START_EVENT:
		if (build->has_document)
			return fail_at(build, ERR_UNSUPPORTED, event->start_mark,
				       "only one document per file is supported");
		build->has_document = true;
		return OK;
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
	case YAML_STREAM_END_EVENT:
	case YAML_DOCUMENT_END_EVENT: return OK;
	}
	return OK;
}

/* Of bytes that are no text at all the library knows the offset alone. */
static enum err fail_parse(struct build *build, const yaml_parser_t *parser)
{
	yaml_mark_t mark = parser->problem_mark;

	if (parser->error == YAML_READER_ERROR) {
		mark = (yaml_mark_t){0};
		for (size_t i = 0; i < parser->problem_offset && i < build->text.len; i++) {
			mark.column++;
			if (build->text.ptr[i] != '\n')
				continue;
			mark.line++;
			mark.column = 0;
		}
	}
	return fail_at(build, parser->error == YAML_MEMORY_ERROR ? ERR_LIMIT : ERR_MALFORMED, mark,
		       parser->problem != NULL ? parser->problem : "not valid YAML");
}

static enum err parse_events(struct build *build, yaml_parser_t *parser)
{
	bool is_over = false;
	enum err err = OK;

	while (err == OK && !is_over) {
		yaml_event_t event;

		if (!yaml_parser_parse(parser, &event))
			return fail_parse(build, parser);
		is_over = event.type == YAML_STREAM_END_EVENT;
		err = take_event(build, &event);
		yaml_event_delete(&event);
	}
	return err;
}

enum err config_yaml_parse(struct arena *arena, const char *file, struct str text,
			   struct diag *diag, const struct config_yaml **out)
{
	struct build build = {.arena = arena, .file = file, .text = text, .diag = diag};
	yaml_parser_t parser;
	enum err err;

	if (text.len > CONFIG_YAML_BYTES)
		return diag_set(diag, ERR_LIMIT, file, 0, 0, "the file is larger than 64 MiB");
	if (!yaml_parser_initialize(&parser))
		return diag_set(diag, ERR_INTERNAL, file, 0, 0, "the YAML reader did not start");
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser, (const unsigned char *)text.ptr, text.len);
	err = parse_events(&build, &parser);
	yaml_parser_delete(&parser);
	if (err != OK)
		return err;
	if (build.root == NULL)
		build.root = new_node(&build, CONFIG_YAML_MAP);
	if (build.root == NULL)
		return diag_set(diag, ERR_LIMIT, file, 0, 0, "the file is too large");
	*out = build.root;
	return OK;
}

const struct config_yaml *config_yaml_get(const struct config_yaml *map, struct str key)
{
	for (const struct config_yaml *node = map->first; node != NULL; node = node->next)
		if (str_eq(node->key, key))
			return node;
	return NULL;
}

bool config_yaml_is_null(const struct config_yaml *node)
{
	return node->kind == CONFIG_YAML_SCALAR && !node->is_quoted &&
	       (node->text.len == 0 || str_eq(node->text, STR("~")) ||
		str_eq(node->text, STR("null")));
}

const char *config_yaml_kind_name(enum config_yaml_kind kind)
{
	switch (kind) {
	case CONFIG_YAML_SCALAR: return "a value";
	case CONFIG_YAML_LIST: return "a list";
	case CONFIG_YAML_MAP: return "a map";
	}
	return "";
}
