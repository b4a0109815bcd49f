/* SPDX-License-Identifier: Apache-2.0 */
/*
 *   schema    = {annotations ("namespace" path "{" {annotations decl} "}" | decl)}
 *   decl      = entity | action | type
 *   entity    = "entity" names ("enum" "[" strings "]"
 *             | ["in" paths] [["="] "{" attrs "}"] ["tags" type]) ";"
 *   action    = "action" anynames ["in" refs] ["appliesTo" "{" parts "}"]
 *               ["attributes" "{" "}"] ";"
 *   part      = ("principal" | "resource") ":" paths | "context" ":" (path | "{" attrs "}")
 *   type      = "type" name "=" type ";"
 *   T         = path | "Set" "<" T ">" | "{" attrs "}"
 *   attrs     = [annotations anyname ["?"] ":" T {"," ...} [","]]
 *   anyname   = word | string        paths = path | "[" [path {"," path}] "]"
 *   refs      = ref | "[" ref {"," ref} "]"
 */
#include "policy/schema_parse.h"

static void *schema_alloc(struct schema_parse *p, size_t size)
{
	void *ptr = arena_zalloc(p->lex.arena, size);

	if (ptr == NULL)
		lex_fail_memory(&p->lex);
	return ptr;
}

static void push(struct schema_parse *p, struct lex_list *list, const void *item)
{
	lex_list_push(&p->lex, list, item, SCHEMA_LIST);
}

struct str schema_full_name(struct arena *arena, struct str space, struct str name)
{
	return space.len == 0 ? name
			      : arena_concat(arena, arena_concat(arena, space, STR("::")), name);
}

static struct str take_name(struct schema_parse *p, const char *what)
{
	struct token token = p->lex.token;

	if (token.kind == TOKEN_IDENT && lex_is_reserved(token.text))
		lex_fail(&p->lex, ERR_MALFORMED, token.at, "`" STR_FMT "` is a reserved word",
			 STR_ARG(token.text));
	lex_expect(&p->lex, TOKEN_IDENT, what);
	return p->lex.err == OK ? arena_str(p->lex.arena, token.text) : STR("");
}

/* A word that is no operator or literal, or any string. */
static struct str take_any_name(struct schema_parse *p, const char *what)
{
	struct token token = p->lex.token;

	if (lex_take(&p->lex, TOKEN_STRING))
		return lex_string(&p->lex, &token);
	if (token.kind == TOKEN_IDENT && lex_is_reserved(token.text) &&
	    !str_eq(token.text, STR("__cedar")))
		lex_fail(&p->lex, ERR_MALFORMED, token.at,
			 "`" STR_FMT "` is a reserved word: write it in quotes",
			 STR_ARG(token.text));
	lex_expect(&p->lex, TOKEN_IDENT, what);
	return p->lex.err == OK ? arena_str(p->lex.arena, token.text) : STR("");
}

/* A path; ends before a string when `stops` allows one, its `::` then taken. */
static struct str take_path(struct schema_parse *p, bool may_stop)
{
	struct str path = lex_take_word(&p->lex, STR("__cedar")) ? STR("__cedar")
								 : take_name(p, "a type's name");

	while (lex_take(&p->lex, TOKEN_PATH)) {
		if (may_stop && p->lex.token.kind == TOKEN_STRING)
			break;
		path = schema_full_name(p->lex.arena, path, take_name(p, "a part of a path"));
	}
	return path;
}

static void skip_annotations(struct schema_parse *p)
{
	struct lex_list seen = {.size = sizeof(struct str)};

	while (lex_take(&p->lex, TOKEN_AT)) {
		struct token token = p->lex.token;
		const struct str *keys = (const void *)seen.items;

		lex_expect(&p->lex, TOKEN_IDENT, "a name behind `@`");
		for (size_t i = 0; i < seen.count; i++)
			if (str_eq(keys[i], token.text))
				lex_fail(&p->lex, ERR_MALFORMED, token.at,
					 "annotation @" STR_FMT " stands twice",
					 STR_ARG(token.text));
		push(p, &seen, &token.text);
		if (!lex_take(&p->lex, TOKEN_LPAREN))
			continue;
		token = p->lex.token;
		lex_expect(&p->lex, TOKEN_STRING, "a string as the annotation's value");
		if (p->lex.err == OK)
			(void)lex_string(&p->lex, &token);
		lex_expect(&p->lex, TOKEN_RPAREN, "`)`");
	}
}

static struct schema_type *take_type(struct schema_parse *p);

/* Of one attribute declared twice the last stands. */
static void put_attr(struct schema_parse *p, struct lex_list *list, const struct schema_attr *attr)
{
	struct schema_attr *attrs = (struct schema_attr *)(void *)list->items;

	for (size_t i = 0; i < list->count; i++)
		if (text_eq(&attrs[i].key, &attr->key)) {
			attrs[i] = *attr;
			return;
		}
	lex_list_push(&p->lex, list, attr, SCHEMA_ATTRS);
}

static struct schema_type *take_record(struct schema_parse *p)
{
	struct schema_type *type = schema_alloc(p, sizeof(*type));
	struct lex_list attrs = {.size = sizeof(struct schema_attr)};

	lex_expect(&p->lex, TOKEN_LBRACE, "`{`");
	while (p->lex.err == OK && p->lex.token.kind != TOKEN_RBRACE) {
		struct schema_attr attr;

		skip_annotations(p);
		attr.key = text_make(take_any_name(p, "an attribute or `}`"));
		attr.is_required = !lex_take(&p->lex, TOKEN_QUESTION);
		lex_expect(&p->lex, TOKEN_COLON, "`:` behind an attribute");
		attr.type = take_type(p);
		put_attr(p, &attrs, &attr);
		if (!lex_take(&p->lex, TOKEN_COMMA))
			break;
	}
	lex_expect(&p->lex, TOKEN_RBRACE, "`,` or `}`");
	if (type == NULL)
		return NULL;
	type->kind = SCHEMA_RECORD;
	type->attrs = (struct schema_attr *)(void *)attrs.items;
	type->attr_count = attrs.count;
	return type;
}

static struct schema_type *take_named(struct schema_parse *p)
{
	struct schema_type *type = schema_alloc(p, sizeof(*type));
	uint32_t at = p->lex.token.at;
	struct str name = take_path(p, false);

	if (type == NULL)
		return NULL;
	type->at = at;
	type->name = name;
	if (str_eq(name, STR("Set")) && lex_take(&p->lex, TOKEN_LT)) {
		type->kind = SCHEMA_SET;
		type->element = take_type(p);
		lex_expect(&p->lex, TOKEN_GT, "`>`");
	}
	return type;
}

static struct schema_type *take_type(struct schema_parse *p)
{
	struct schema_type *type;

	if (p->depth >= AST_DEPTH) {
		lex_fail(&p->lex, ERR_LIMIT, p->lex.token.at, "type nested deeper than %d levels",
			 AST_DEPTH);
		return NULL;
	}
	p->depth++;
	type = p->lex.token.kind == TOKEN_LBRACE ? take_record(p) : take_named(p);
	p->depth--;
	return type;
}

static void take_paths(struct schema_parse *p, struct str **out_paths, size_t *out_count)
{
	struct lex_list list = {.size = sizeof(struct str)};
	struct str path;

	if (!lex_take(&p->lex, TOKEN_LBRACKET)) {
		path = take_path(p, false);
		push(p, &list, &path);
	} else {
		if (p->lex.token.kind != TOKEN_RBRACKET)
			do {
				path = take_path(p, false);
				push(p, &list, &path);
			} while (lex_take(&p->lex, TOKEN_COMMA));
		lex_expect(&p->lex, TOKEN_RBRACKET, "`,` or `]`");
	}
	*out_paths = (struct str *)(void *)list.items;
	*out_count = list.count;
}

/* At least one, no trailing comma. */
static void take_enum(struct schema_parse *p, struct schema_entity *entity)
{
	struct lex_list list = {.size = sizeof(struct str)};

	entity->is_enum = true;
	lex_expect(&p->lex, TOKEN_LBRACKET, "`[`");
	do {
		struct token token = p->lex.token;
		struct str id = STR("");

		lex_expect(&p->lex, TOKEN_STRING, "an id in quotes");
		if (p->lex.err == OK)
			id = lex_string(&p->lex, &token);
		push(p, &list, &id);
	} while (lex_take(&p->lex, TOKEN_COMMA));
	lex_expect(&p->lex, TOKEN_RBRACKET, "`,` or `]`");
	entity->ids = (const struct str *)(void *)list.items;
	entity->id_count = list.count;
}

static struct lex_list take_names(struct schema_parse *p, bool is_any)
{
	struct lex_list list = {.size = sizeof(struct str)};

	do {
		struct str name = is_any ? take_any_name(p, "a name") : take_name(p, "a name");

		push(p, &list, &name);
	} while (lex_take(&p->lex, TOKEN_COMMA));
	return list;
}

static void take_entities(struct schema_parse *p)
{
	struct schema_entity entity = {.at = p->lex.token.at, .space = p->space};
	struct lex_list names = take_names(p, false);
	const struct str *name = (const void *)names.items;

	if (lex_take_word(&p->lex, STR("enum"))) {
		take_enum(p, &entity);
	} else {
		if (lex_take_word(&p->lex, STR("in")))
			take_paths(p, &entity.parents, &entity.parent_count);
		if (lex_take(&p->lex, TOKEN_ASSIGN) || p->lex.token.kind == TOKEN_LBRACE)
			entity.shape = take_record(p);
		if (lex_take_word(&p->lex, STR("tags")))
			entity.tags = take_type(p);
	}
	lex_expect(&p->lex, TOKEN_SEMICOLON, "`;` behind an entity type");
	for (size_t i = 0; i < names.count && p->lex.err == OK; i++) {
		struct schema_entity *copy = schema_alloc(p, sizeof(*copy));

		if (copy == NULL)
			return;
		*copy = entity;
		copy->name = schema_full_name(p->lex.arena, p->space, name[i]);
		if (entity.parent_count > 0)
			copy->parents =
				arena_array(p->lex.arena, entity.parent_count, sizeof(struct str));
		if (entity.parent_count > 0 && copy->parents != NULL)
			memcpy(copy->parents, entity.parents,
			       entity.parent_count * sizeof(struct str));
		push(p, &p->entities, &copy);
	}
}

/* g, "g", Action::"g", N::Action::"g"; the first two are of the own namespace. */
static const struct uid *take_group(struct schema_parse *p)
{
	struct uid *uid = schema_alloc(p, sizeof(*uid));
	struct str path = STR("Action");
	struct str id;

	if (p->lex.token.kind == TOKEN_STRING) {
		id = take_any_name(p, "an action");
	} else {
		id = take_path(p, true);
		if (p->lex.token.kind == TOKEN_STRING) {
			path = id;
			id = take_any_name(p, "an action");
		}
	}
	if (uid != NULL)
		*uid = uid_make(path, id);
	return uid;
}

static void take_groups(struct schema_parse *p, struct schema_action *action)
{
	struct lex_list list = {.size = sizeof(const struct uid *)};
	const struct uid *uid;

	if (!lex_take(&p->lex, TOKEN_LBRACKET)) {
		uid = take_group(p);
		push(p, &list, &uid);
	} else {
		do {
			uid = take_group(p);
			push(p, &list, &uid);
		} while (lex_take(&p->lex, TOKEN_COMMA));
		lex_expect(&p->lex, TOKEN_RBRACKET, "`,` or `]`");
	}
	action->groups = (const struct uid **)(void *)list.items;
	action->group_count = list.count;
}

static void take_applies(struct schema_parse *p, struct schema_action *action)
{
	uint32_t at = p->lex.token.at;
	bool has_context = false;

	action->applies = true;
	lex_expect(&p->lex, TOKEN_LBRACE, "`{`");
	while (p->lex.err == OK && p->lex.token.kind != TOKEN_RBRACE) {
		bool is_principal = lex_is_word(&p->lex, STR("principal"));
		bool is_context = lex_is_word(&p->lex, STR("context"));
		bool is_taken = is_context     ? has_context
				: is_principal ? action->principals != NULL
					       : action->resources != NULL;

		if (!is_principal && !is_context && !lex_is_word(&p->lex, STR("resource")))
			lex_fail_expected(&p->lex, "principal, resource or context");
		if (is_taken)
			lex_fail(&p->lex, ERR_MALFORMED, p->lex.token.at,
				 "`" STR_FMT "` stands twice", STR_ARG(p->lex.token.text));
		lex_advance(&p->lex);
		lex_expect(&p->lex, TOKEN_COLON, "`:`");
		if (is_context)
			action->context = take_type(p);
		else if (is_principal)
			take_paths(p, &action->principals, &action->principal_count);
		else
			take_paths(p, &action->resources, &action->resource_count);
		has_context |= is_context;
		if (!lex_take(&p->lex, TOKEN_COMMA))
			break;
	}
	lex_expect(&p->lex, TOKEN_RBRACE, "`,` or `}`");
	if (action->principal_count == 0 || action->resource_count == 0)
		lex_fail(&p->lex, ERR_MALFORMED, at,
			 "appliesTo needs at least one principal and one resource type");
}

static void take_actions(struct schema_parse *p)
{
	struct schema_action action = {.at = p->lex.token.at, .space = p->space};
	struct lex_list names = take_names(p, true);
	const struct str *name = (const void *)names.items;
	struct str type = schema_full_name(p->lex.arena, p->space, STR("Action"));

	if (lex_take_word(&p->lex, STR("in")))
		take_groups(p, &action);
	if (lex_take_word(&p->lex, STR("appliesTo")))
		take_applies(p, &action);
	if (lex_take_word(&p->lex, STR("attributes"))) {
		lex_expect(&p->lex, TOKEN_LBRACE, "`{`");
		lex_expect(&p->lex, TOKEN_RBRACE, "`}`: actions have no attributes");
	}
	lex_expect(&p->lex, TOKEN_SEMICOLON, "`;` behind an action");
	for (size_t i = 0; i < names.count && p->lex.err == OK; i++) {
		struct schema_action *copy = schema_alloc(p, sizeof(*copy));
		struct uid *uid = schema_alloc(p, sizeof(*uid));

		if (copy == NULL || uid == NULL)
			return;
		*uid = uid_make(type, name[i]);
		*copy = action;
		copy->uid = uid;
		push(p, &p->actions, &copy);
	}
}

static void take_common(struct schema_parse *p)
{
	static const char *const taken[] = {"Bool", "Boolean", "Entity", "Extension",
					    "Long", "Record",  "Set",	 "String"};
	struct schema_common *common = schema_alloc(p, sizeof(*common));
	uint32_t at = p->lex.token.at;
	struct str name = take_name(p, "a type's name");
	struct schema_type *type;

	for (size_t i = 0; i < ARRAY_LEN(taken); i++)
		if (str_eq(name, str_from_c(taken[i])))
			lex_fail(&p->lex, ERR_MALFORMED, at, "`%s` cannot name a type", taken[i]);
	lex_expect(&p->lex, TOKEN_ASSIGN, "`=`");
	type = take_type(p);
	lex_expect(&p->lex, TOKEN_SEMICOLON, "`;` behind a type");
	if (common == NULL)
		return;
	*common = (struct schema_common){
		.space = p->space,
		.name = schema_full_name(p->lex.arena, p->space, name),
		.type = type,
		.at = at,
	};
	push(p, &p->commons, &common);
}

static void take_declaration(struct schema_parse *p)
{
	if (lex_take_word(&p->lex, STR("entity")))
		take_entities(p);
	else if (lex_take_word(&p->lex, STR("action")))
		take_actions(p);
	else if (lex_take_word(&p->lex, STR("type")))
		take_common(p);
	else
		lex_fail_expected(&p->lex, "entity, action, type or namespace");
}

static void take_namespace(struct schema_parse *p)
{
	uint32_t at = p->lex.token.at;
	const struct str *seen = (const void *)p->spaces.items;

	p->space = take_path(p, false);
	if (str_has_prefix(p->space, STR("__cedar")))
		lex_fail(&p->lex, ERR_MALFORMED, at, "`__cedar` is reserved");
	for (size_t i = 0; i < p->spaces.count; i++)
		if (str_eq(seen[i], p->space))
			lex_fail(&p->lex, ERR_CONFLICT, at, "namespace " STR_FMT " is opened twice",
				 STR_ARG(p->space));
	push(p, &p->spaces, &p->space);
	lex_expect(&p->lex, TOKEN_LBRACE, "`{`");
	while (p->lex.err == OK && p->lex.token.kind != TOKEN_RBRACE) {
		skip_annotations(p);
		take_declaration(p);
	}
	lex_expect(&p->lex, TOKEN_RBRACE, "`}`");
	p->space = STR("");
}

void schema_parse_text(struct schema_parse *p, const char *file, struct str text,
		       struct arena *arena, struct diag *diag)
{
	*p = (struct schema_parse){.space = STR(""),
				   .spaces.size = sizeof(struct str),
				   .entities.size = sizeof(struct schema_entity *),
				   .actions.size = sizeof(struct schema_action *),
				   .commons.size = sizeof(struct schema_common *)};
	lex_init(&p->lex, file, text, arena, false, diag);
	while (p->lex.err == OK && p->lex.token.kind != TOKEN_END) {
		skip_annotations(p);
		if (lex_take_word(&p->lex, STR("namespace")))
			take_namespace(p);
		else
			take_declaration(p);
	}
	if (p->lex.err == OK && arena_has_overflowed(arena))
		lex_fail_memory(&p->lex);
}
