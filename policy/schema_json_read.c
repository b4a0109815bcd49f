/* SPDX-License-Identifier: Apache-2.0 */
/*
 *   schema    = {NAMESPACE: {"entityTypes": {NAME: entity}, "actions": {ID: action},
 *                            "commonTypes"?: {NAME: type}, "annotations"?: A}}
 *   entity    = {"memberOfTypes"?: [NAME], "shape"?: type, "tags"?: type, "annotations"?: A}
 *             | {"enum": [ID ..], "annotations"?: A}
 *   action    = {"memberOf"?: [{"id": ID, "type"?: NAME}], "annotations"?: A, "appliesTo"?:
 *                {"principalTypes": [NAME], "resourceTypes": [NAME], "context"?: type}}
 *   type      = {"type": "Long" | "String" | "Boolean"}
 *             | {"type": "Set", "element": type}
 *             | {"type": "Record", "attributes": {KEY: type + {"required"?, "annotations"?}}}
 *             | {"type": "Entity" | "EntityOrCommon" | "Extension", "name": NAME}
 *             | {"type": NAME}                               of a common type, and only that
 *   A         = {WORD: STRING | null}
 *
 * "memberOf", "appliesTo" and "type" of a group may be null; "attributes" of an action must be,
 * when it is there. "additionalAttributes" of a record must be false.
 */
#include "policy/schema_json_read.h"

#include "base/suggest.h"
#include "policy/json_tree.h"

/* NULL when the member is not there; another kind is an error, and then it is not there. */
static const struct json_tree *take(struct schema_draft *d, const struct json_tree *object,
				    const char *name, enum json_tree_kind kind)
{
	const struct json_tree *member = json_tree_get(object, str_from_c(name));

	if (member == NULL || json_tree_is(member, kind))
		return member;
	schema_draft_fail(d, ERR_MALFORMED, member->at, "`%s` must be %s, not %s", name,
			  kind == JSON_TREE_BOOL     ? "true or false"
			  : kind == JSON_TREE_STRING ? "a string"
			  : kind == JSON_TREE_ARRAY  ? "an array"
						     : "an object",
			  json_tree_kind_name(member->kind));
	return NULL;
}

/* As take, but a null is as good as no member. */
static const struct json_tree *take_or_null(struct schema_draft *d, const struct json_tree *object,
					    const char *name, enum json_tree_kind kind)
{
	return json_tree_is(json_tree_get(object, str_from_c(name)), JSON_TREE_NULL)
		       ? NULL
		       : take(d, object, name, kind);
}

static const struct json_tree *demand(struct schema_draft *d, const struct json_tree *object,
				      const char *name, enum json_tree_kind kind)
{
	if (json_tree_get(object, str_from_c(name)) == NULL)
		schema_draft_fail(d, ERR_MALFORMED, object->at, "member `%s` is missing", name);
	return take(d, object, name, kind);
}

static bool is_object(struct schema_draft *d, const struct json_tree *tree, const char *what)
{
	if (json_tree_is(tree, JSON_TREE_OBJECT))
		return true;
	schema_draft_fail(d, ERR_MALFORMED, tree->at, "%s must be an object, not %s", what,
			  json_tree_kind_name(tree->kind));
	return false;
}

/* Only these members. */
static void allow(struct schema_draft *d, const struct json_tree *object, const char *const *names,
		  size_t count)
{
	for (const struct json_tree *one = object->first; one != NULL; one = one->next) {
		struct suggest suggest = {.word = one->name};
		bool is_known = false;

		for (size_t i = 0; i < count; i++) {
			is_known = is_known || str_eq(one->name, str_from_c(names[i]));
			suggest_try(&suggest, str_from_c(names[i]));
		}
		if (!is_known && str_is_set(suggest.best))
			schema_draft_fail(
				d, ERR_MALFORMED, one->name_at,
				"unknown member `" STR_FMT "`; did you mean `" STR_FMT "`?",
				(int)MIN(one->name.len, 100), one->name.ptr, STR_ARG(suggest.best));
		else if (!is_known)
			schema_draft_fail(d, ERR_MALFORMED, one->name_at,
					  "unknown member `" STR_FMT "`",
					  (int)MIN(one->name.len, 100), one->name.ptr);
	}
}

static bool is_word(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];
		bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';

		if (!is_letter && (i == 0 || c < '0' || c > '9'))
			return false;
	}
	return s.len > 0;
}

/* One word, none of the reserved. */
static bool is_name(struct schema_draft *d, struct str name, uint32_t at)
{
	if (is_word(name) && !lex_is_reserved(name))
		return true;
	schema_draft_fail(d, ERR_MALFORMED, at, "`" STR_FMT "` is not a name",
			  (int)MIN(name.len, 100), name.ptr);
	return false;
}

/* Words joined by `::`; the first may be __cedar when the name is only referred to. */
static bool is_path(struct schema_draft *d, struct str path, bool may_be_builtin, uint32_t at)
{
	struct str rest = path;

	if (may_be_builtin && str_has_prefix(rest, STR("__cedar::")))
		rest = str_sub(rest, STR("__cedar::").len, rest.len);
	for (;;) {
		size_t end = str_index(rest, ':');
		struct str word = str_sub(rest, 0, end);

		if (!is_word(word) || lex_is_reserved(word))
			break;
		if (end == rest.len)
			return true;
		if (!str_has_prefix(str_sub(rest, end, 2), STR("::")))
			break;
		rest = str_sub(rest, end + 2, rest.len);
	}
	schema_draft_fail(d, ERR_MALFORMED, at, "`" STR_FMT "` is not a type's name",
			  (int)MIN(path.len, 100), path.ptr);
	return false;
}

static struct schema_annotations read_annotations(struct schema_draft *d,
						  const struct json_tree *of)
{
	const struct json_tree *tree = take(d, of, "annotations", JSON_TREE_OBJECT);
	struct lex_list list = {.size = sizeof(struct schema_annotation)};

	for (const struct json_tree *one = tree == NULL ? NULL : tree->first; one != NULL;
	     one = one->next) {
		struct schema_annotation annotation = {.value = STR("")};

		if (!is_word(one->name))
			schema_draft_fail(d, ERR_MALFORMED, one->name_at,
					  "`" STR_FMT "` cannot name an annotation",
					  (int)MIN(one->name.len, 100), one->name.ptr);
		if (json_tree_is(one, JSON_TREE_STRING))
			annotation.value = arena_str(d->lex.arena, one->string);
		else if (!json_tree_is(one, JSON_TREE_NULL))
			schema_draft_fail(d, ERR_MALFORMED, one->at,
					  "an annotation is a string or null, not %s",
					  json_tree_kind_name(one->kind));
		annotation.key = arena_str(d->lex.arena, one->name);
		lex_list_push(&d->lex, &list, &annotation, SCHEMA_ANNOTATIONS);
	}
	return (struct schema_annotations){list.count, (const void *)list.items};
}

/* An array of strings; with is_types of type names. NULL is an empty one. */
static struct lex_list read_strings(struct schema_draft *d, const struct json_tree *array,
				    bool is_types)
{
	struct lex_list list = {.size = sizeof(struct str)};

	for (const struct json_tree *one = array == NULL ? NULL : array->first; one != NULL;
	     one = one->next) {
		struct str name;

		if (!json_tree_is(one, JSON_TREE_STRING)) {
			schema_draft_fail(d, ERR_MALFORMED, one->at, "expected a string, found %s",
					  json_tree_kind_name(one->kind));
			continue;
		}
		/* The names of types are replaced when they are found. */
		name = is_types ? one->string : arena_str(d->lex.arena, one->string);
		if (!is_types || is_path(d, name, true, one->at))
			schema_draft_push(d, &list, &name);
	}
	return list;
}

static struct schema_type *read_type(struct schema_draft *d, const struct json_tree *tree,
				     bool is_attr);

static void read_attr(struct schema_draft *d, const struct json_tree *tree, struct lex_list *attrs)
{
	const struct json_tree *required;
	struct schema_attr attr = {
		.key = text_make(arena_str(d->lex.arena, tree->name)),
		.at = tree->name_at,
		.type = read_type(d, tree, true),
		.annotations = read_annotations(d, tree),
	};

	required = take(d, tree, "required", JSON_TREE_BOOL);
	attr.is_required = required == NULL || required->boolean;
	lex_list_push(&d->lex, attrs, &attr, SCHEMA_ATTRS);
}

static struct schema_type *read_record(struct schema_draft *d, const struct json_tree *tree)
{
	const struct json_tree *members = demand(d, tree, "attributes", JSON_TREE_OBJECT);
	const struct json_tree *more = take(d, tree, "additionalAttributes", JSON_TREE_BOOL);
	struct lex_list attrs = {.size = sizeof(struct schema_attr)};

	if (more != NULL && more->boolean)
		schema_draft_fail(d, ERR_UNSUPPORTED, more->at,
				  "`additionalAttributes` cannot be true: all are declared");
	for (const struct json_tree *one = members == NULL ? NULL : members->first;
	     one != NULL && schema_draft_is_open(d); one = one->next)
		if (is_object(d, one, "the type of an attribute"))
			read_attr(d, one, &attrs);
	return schema_draft_record(d, &attrs);
}

/* The members that may stand beside "type". */
static void allow_type(struct schema_draft *d, const struct json_tree *tree, bool is_attr,
		       struct str type)
{
	const char *names[5] = {"type"};
	size_t count = 1;

	if (str_eq(type, STR("Set")))
		names[count++] = "element";
	if (str_eq(type, STR("Record"))) {
		names[count++] = "attributes";
		names[count++] = "additionalAttributes";
	}
	if (str_eq(type, STR("Entity")) || str_eq(type, STR("EntityOrCommon")) ||
	    str_eq(type, STR("Extension")))
		names[count++] = "name";
	if (is_attr) {
		names[count++] = "required";
		names[count++] = "annotations";
	}
	allow(d, tree, names, count);
}

static enum schema_kind extension_kind(struct schema_draft *d, const struct json_tree *name)
{
	static const struct {
		const char *name;
		enum schema_kind kind;
	} kinds[] = {
		{"ipaddr", SCHEMA_IP},
		{"decimal", SCHEMA_DECIMAL},
		{"datetime", SCHEMA_DATETIME},
		{"duration", SCHEMA_DURATION},
	};
	struct suggest suggest = {.word = name->string};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (str_eq(name->string, str_from_c(kinds[i].name)))
			return kinds[i].kind;
		suggest_try(&suggest, str_from_c(kinds[i].name));
	}
	schema_draft_fail(d, ERR_MALFORMED, name->at,
			  "there is no extension type `" STR_FMT "`%s" STR_FMT "%s",
			  (int)MIN(name->string.len, 100), name->string.ptr,
			  str_is_set(suggest.best) ? "; did you mean `" : "", STR_ARG(suggest.best),
			  str_is_set(suggest.best) ? "`?" : "");
	return SCHEMA_BOOL;
}

/* A type that is not made of others, into an empty one. */
static void read_plain(struct schema_draft *d, const struct json_tree *tree, struct str type,
		       struct schema_type *out)
{
	const struct json_tree *name;

	out->kind = str_eq(type, STR("Long"))	   ? SCHEMA_LONG
		    : str_eq(type, STR("String"))  ? SCHEMA_STRING
		    : str_eq(type, STR("Boolean")) ? SCHEMA_BOOL
						   : SCHEMA_NAME;
	if (out->kind != SCHEMA_NAME)
		return;
	out->want = str_eq(type, STR("Entity"))		  ? SCHEMA_WANT_ENTITY
		    : str_eq(type, STR("EntityOrCommon")) ? SCHEMA_WANT_ANY
							  : SCHEMA_WANT_COMMON;
	out->name = type;
	if (out->want == SCHEMA_WANT_COMMON && !str_eq(type, STR("Extension"))) {
		(void)is_path(d, type, true, out->at);
		return;
	}
	name = demand(d, tree, "name", JSON_TREE_STRING);
	if (name == NULL)
		return;
	out->at = name->at;
	out->name = name->string;
	if (str_eq(type, STR("Extension")))
		out->kind = extension_kind(d, name);
	else
		(void)is_path(d, out->name, true, name->at);
}

static struct schema_type *read_deep(struct schema_draft *d, const struct json_tree *tree,
				     bool is_attr)
{
	const struct json_tree *name = demand(d, tree, "type", JSON_TREE_STRING);
	const struct json_tree *element;
	struct schema_type *type;

	if (name == NULL)
		return NULL;
	allow_type(d, tree, is_attr, name->string);
	if (str_eq(name->string, STR("Record")))
		return read_record(d, tree);
	type = schema_draft_alloc(d, sizeof(*type));
	if (type == NULL)
		return NULL;
	type->at = name->at;
	if (!str_eq(name->string, STR("Set"))) {
		read_plain(d, tree, name->string, type);
		return type;
	}
	type->kind = SCHEMA_SET;
	element = demand(d, tree, "element", JSON_TREE_OBJECT);
	if (element != NULL)
		type->element = read_type(d, element, false);
	return type;
}

/* NULL behind an error. */
static struct schema_type *read_type(struct schema_draft *d, const struct json_tree *tree,
				     bool is_attr)
{
	struct schema_type *type;

	if (d->depth >= AST_DEPTH) {
		schema_draft_fail(d, ERR_LIMIT, tree->at, "type nested deeper than %d levels",
				  AST_DEPTH);
		return NULL;
	}
	d->depth++;
	type = read_deep(d, tree, is_attr);
	d->depth--;
	return type;
}

/* NULL when it is not there. */
static struct schema_type *read_type_of(struct schema_draft *d, const struct json_tree *object,
					const char *name)
{
	const struct json_tree *tree = take(d, object, name, JSON_TREE_OBJECT);

	return tree == NULL ? NULL : read_type(d, tree, false);
}

static void read_enum(struct schema_draft *d, const struct json_tree *ids,
		      struct schema_entity *entity)
{
	struct lex_list list = read_strings(d, ids, false);

	if (ids->count == 0)
		schema_draft_fail(d, ERR_MALFORMED, ids->at, "an enum needs at least one id");
	entity->is_enum = true;
	entity->ids = (const struct str *)(void *)list.items;
	entity->id_count = list.count;
}

static void read_entity(struct schema_draft *d, const struct json_tree *tree)
{
	static const char *const names[] = {"annotations", "memberOfTypes", "shape", "tags",
					    "enum"};
	static const char *const enum_names[] = {"annotations", "enum"};
	bool is_enum = json_tree_get(tree, STR("enum")) != NULL;
	struct schema_entity entity = {.at = tree->name_at,
				       .annotations = read_annotations(d, tree)};
	struct lex_list name = {.size = sizeof(struct str)};
	struct str word = arena_str(d->lex.arena, tree->name);
	struct lex_list parents;

	allow(d, tree, is_enum ? enum_names : names,
	      is_enum ? ARRAY_LEN(enum_names) : ARRAY_LEN(names));
	if (is_enum) {
		const struct json_tree *ids = take(d, tree, "enum", JSON_TREE_ARRAY);

		if (ids != NULL)
			read_enum(d, ids, &entity);
	}
	parents = read_strings(d, take(d, tree, "memberOfTypes", JSON_TREE_ARRAY), true);
	entity.parents = (struct str *)(void *)parents.items;
	entity.parent_count = parents.count;
	entity.shape = read_type_of(d, tree, "shape");
	entity.tags = read_type_of(d, tree, "tags");
	schema_draft_push(d, &name, &word);
	if (is_name(d, word, tree->name_at))
		schema_draft_entities(d, &entity, &name);
}

static void read_group(struct schema_draft *d, const struct json_tree *tree, struct lex_list *list)
{
	static const char *const names[] = {"id", "type"};
	const struct json_tree *id, *type;
	struct uid *uid = schema_draft_alloc(d, sizeof(*uid));

	if (uid == NULL || !is_object(d, tree, "a group"))
		return;
	allow(d, tree, names, ARRAY_LEN(names));
	id = demand(d, tree, "id", JSON_TREE_STRING);
	type = take_or_null(d, tree, "type", JSON_TREE_STRING);
	if (id == NULL || (type != NULL && !is_path(d, type->string, false, type->at)))
		return;
	*uid = uid_make(type == NULL ? STR("Action") : type->string, id->string);
	schema_draft_push(d, list, &uid);
}

static void read_applies(struct schema_draft *d, const struct json_tree *tree,
			 struct schema_action *action)
{
	static const char *const names[] = {"principalTypes", "resourceTypes", "context"};
	struct lex_list list;

	allow(d, tree, names, ARRAY_LEN(names));
	action->applies = true;
	list = read_strings(d, demand(d, tree, "principalTypes", JSON_TREE_ARRAY), true);
	action->principals = (struct str *)(void *)list.items;
	action->principal_count = list.count;
	list = read_strings(d, demand(d, tree, "resourceTypes", JSON_TREE_ARRAY), true);
	action->resources = (struct str *)(void *)list.items;
	action->resource_count = list.count;
	action->context = read_type_of(d, tree, "context");
}

static void read_action(struct schema_draft *d, const struct json_tree *tree)
{
	static const char *const names[] = {"annotations", "memberOf", "appliesTo", "attributes"};
	struct schema_action action = {.at = tree->name_at,
				       .annotations = read_annotations(d, tree)};
	const struct json_tree *groups = take_or_null(d, tree, "memberOf", JSON_TREE_ARRAY);
	const struct json_tree *applies = take_or_null(d, tree, "appliesTo", JSON_TREE_OBJECT);
	const struct json_tree *attributes = json_tree_get(tree, STR("attributes"));
	struct lex_list list = {.size = sizeof(const struct uid *)};
	struct lex_list name = {.size = sizeof(struct str)};
	struct str id = arena_str(d->lex.arena, tree->name);

	allow(d, tree, names, ARRAY_LEN(names));
	if (attributes != NULL && !json_tree_is(attributes, JSON_TREE_NULL))
		schema_draft_fail(d, ERR_UNSUPPORTED, attributes->at, "actions have no attributes");
	for (const struct json_tree *one = groups == NULL ? NULL : groups->first; one != NULL;
	     one = one->next)
		read_group(d, one, &list);
	action.groups = (const struct uid **)(void *)list.items;
	action.group_count = list.count;
	if (applies != NULL)
		read_applies(d, applies, &action);
	schema_draft_push(d, &name, &id);
	schema_draft_actions(d, &action, &name);
}

static void read_common(struct schema_draft *d, const struct json_tree *tree)
{
	struct schema_common common = {.at = tree->name_at,
				       .annotations = read_annotations(d, tree)};
	struct str name = arena_str(d->lex.arena, tree->name);

	common.type = read_type(d, tree, true);
	if (json_tree_get(tree, STR("required")) != NULL)
		schema_draft_fail(d, ERR_MALFORMED, tree->at, "`required` is for attributes only");
	if (is_name(d, name, tree->name_at))
		schema_draft_common(d, &common, name);
}

/* Each member of an object of declarations. */
static void read_each(struct schema_draft *d, const struct json_tree *object,
		      void (*read)(struct schema_draft *d, const struct json_tree *tree))
{
	for (const struct json_tree *one = object == NULL ? NULL : object->first;
	     one != NULL && schema_draft_is_open(d); one = one->next)
		if (is_object(d, one, "a declaration"))
			read(d, one);
}

static void read_space(struct schema_draft *d, const struct json_tree *tree)
{
	static const char *const names[] = {"entityTypes", "actions", "commonTypes", "annotations"};
	struct schema_space space = {.name = arena_str(d->lex.arena, tree->name),
				     .at = tree->name_at,
				     .annotations = read_annotations(d, tree)};

	allow(d, tree, names, ARRAY_LEN(names));
	if (space.name.len > 0)
		(void)is_path(d, space.name, false, space.at);
	else if (space.annotations.count > 0)
		schema_draft_fail(d, ERR_MALFORMED, space.at,
				  "what stands outside of namespaces has no annotations");
	schema_draft_space(d, &space);
	read_each(d, demand(d, tree, "entityTypes", JSON_TREE_OBJECT), read_entity);
	read_each(d, demand(d, tree, "actions", JSON_TREE_OBJECT), read_action);
	read_each(d, take(d, tree, "commonTypes", JSON_TREE_OBJECT), read_common);
}

void schema_json_read(struct schema_draft *d)
{
	struct json_tree_fault fault;
	const struct json_tree *tree = json_tree_parse(d->lex.arena, d->lex.text, &fault);

	if (tree == NULL)
		schema_draft_fail(d, fault.err, (uint32_t)fault.at, "%s", fault.text);
	else if (is_object(d, tree, "a schema"))
		read_each(d, tree, read_space);
	if (d->lex.err == OK && arena_has_overflowed(d->lex.arena))
		lex_fail_memory(&d->lex);
	schema_draft_collect(d);
}
