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

/* A view of the source. */
static struct str take_name(struct schema_draft *d, const char *what)
{
	struct token token = d->lex.token;

	if (token.kind == TOKEN_IDENT && lex_is_reserved(token.text))
		lex_fail(&d->lex, ERR_MALFORMED, token.at, "`" STR_FMT "` is a reserved word",
			 STR_ARG(token.text));
	lex_expect(&d->lex, TOKEN_IDENT, what);
	return d->lex.err == OK ? token.text : STR("");
}

/* A word that is no operator or literal, or any string. */
static struct str take_any_name(struct schema_draft *d, const char *what)
{
	struct token token = d->lex.token;

	if (lex_take(&d->lex, TOKEN_STRING))
		return lex_string(&d->lex, &token);
	if (token.kind == TOKEN_IDENT && lex_is_reserved(token.text) &&
	    !str_eq(token.text, STR("__cedar")))
		lex_fail(&d->lex, ERR_MALFORMED, token.at,
			 "`" STR_FMT "` is a reserved word: write it in quotes",
			 STR_ARG(token.text));
	lex_expect(&d->lex, TOKEN_IDENT, what);
	return d->lex.err == OK ? arena_str(d->lex.arena, token.text) : STR("");
}

/* SPACE::NAME of two views: again a view where they stand together. */
static struct str join_path(struct schema_draft *d, struct str path, struct str name)
{
	if (path.ptr + path.len + 2 == name.ptr)
		return str_make(path.ptr, path.len + 2 + name.len);
	return schema_full_name(d->lex.arena, path, name);
}

/* A path, mostly a view of the source. Given before_string, it ends at `::` and a string, and says
 * whether it did; the `::` is taken. */
static struct str take_path(struct schema_draft *d, bool *before_string)
{
	struct str path = d->lex.token.text;

	if (!lex_take_word(&d->lex, STR("__cedar")))
		path = take_name(d, "a type's name");
	while (lex_take(&d->lex, TOKEN_PATH)) {
		if (before_string != NULL && d->lex.token.kind == TOKEN_STRING) {
			*before_string = true;
			break;
		}
		path = join_path(d, path, take_name(d, "a part of a path"));
	}
	return path;
}

/* "@" anyword ["(" string ")"], each word once. */
static void take_annotation(struct schema_draft *d, struct lex_list *list)
{
	const struct schema_annotation *items = (const void *)list->items;
	struct token token = d->lex.token;
	struct schema_annotation one = {.value = STR("")};

	lex_expect(&d->lex, TOKEN_IDENT, "a name behind `@`");
	for (size_t i = 0; i < list->count && d->lex.err == OK; i++)
		if (str_eq(items[i].key, token.text))
			schema_draft_fail(d, ERR_MALFORMED, token.at,
					  "annotation @" STR_FMT " stands twice",
					  STR_ARG(token.text));
	one.key = arena_str(d->lex.arena, token.text);
	if (lex_take(&d->lex, TOKEN_LPAREN)) {
		token = d->lex.token;
		lex_expect(&d->lex, TOKEN_STRING, "a string as the annotation's value");
		if (d->lex.err == OK)
			one.value = lex_string(&d->lex, &token);
		lex_expect(&d->lex, TOKEN_RPAREN, "`)`");
	}
	lex_list_push(&d->lex, list, &one, SCHEMA_ANNOTATIONS);
}

static struct schema_annotations take_annotations(struct schema_draft *d)
{
	struct lex_list list = {.size = sizeof(struct schema_annotation)};

	while (lex_take(&d->lex, TOKEN_AT))
		take_annotation(d, &list);
	return (struct schema_annotations){list.count, (const void *)list.items};
}

static struct schema_type *take_type(struct schema_draft *d);

static struct schema_type *take_record(struct schema_draft *d)
{
	struct lex_list attrs = {.size = sizeof(struct schema_attr)};

	lex_expect(&d->lex, TOKEN_LBRACE, "`{`");
	while (d->lex.err == OK && d->lex.token.kind != TOKEN_RBRACE) {
		struct schema_attr attr = {.annotations = take_annotations(d)};

		attr.at = d->lex.token.at;
		attr.key = text_make(take_any_name(d, "an attribute or `}`"));
		attr.is_required = !lex_take(&d->lex, TOKEN_QUESTION);
		lex_expect(&d->lex, TOKEN_COLON, "`:` behind an attribute");
		attr.type = take_type(d);
		lex_list_push(&d->lex, &attrs, &attr, SCHEMA_ATTRS);
		if (!lex_take(&d->lex, TOKEN_COMMA))
			break;
	}
	lex_expect(&d->lex, TOKEN_RBRACE, "`,` or `}`");
	return schema_draft_record(d, &attrs);
}

static struct schema_type *take_named(struct schema_draft *d)
{
	struct schema_type *type = schema_draft_alloc(d, sizeof(*type));
	uint32_t at = d->lex.token.at;
	struct str name = take_path(d, NULL);

	if (type == NULL)
		return NULL;
	type->at = at;
	type->name = name;
	if (str_eq(name, STR("Set")) && lex_take(&d->lex, TOKEN_LT)) {
		type->kind = SCHEMA_SET;
		type->name = STR("");
		type->element = take_type(d);
		lex_expect(&d->lex, TOKEN_GT, "`>`");
	}
	return type;
}

static struct schema_type *take_type(struct schema_draft *d)
{
	struct schema_type *type;

	if (d->depth >= AST_DEPTH) {
		lex_fail(&d->lex, ERR_LIMIT, d->lex.token.at, "type nested deeper than %d levels",
			 AST_DEPTH);
		return NULL;
	}
	d->depth++;
	type = d->lex.token.kind == TOKEN_LBRACE ? take_record(d) : take_named(d);
	d->depth--;
	return type;
}

static void take_paths(struct schema_draft *d, struct str **out_paths, size_t *out_count)
{
	struct lex_list list = {.size = sizeof(struct str)};
	struct str path;

	if (!lex_take(&d->lex, TOKEN_LBRACKET)) {
		path = take_path(d, NULL);
		schema_draft_push(d, &list, &path);
	} else {
		if (d->lex.token.kind != TOKEN_RBRACKET)
			do {
				path = take_path(d, NULL);
				schema_draft_push(d, &list, &path);
			} while (lex_take(&d->lex, TOKEN_COMMA));
		lex_expect(&d->lex, TOKEN_RBRACKET, "`,` or `]`");
	}
	*out_paths = (struct str *)(void *)list.items;
	*out_count = list.count;
}

/* At least one, no trailing comma. */
static void take_enum(struct schema_draft *d, struct schema_entity *entity)
{
	struct lex_list list = {.size = sizeof(struct str)};

	entity->is_enum = true;
	lex_expect(&d->lex, TOKEN_LBRACKET, "`[`");
	do {
		struct token token = d->lex.token;
		struct str id = STR("");

		lex_expect(&d->lex, TOKEN_STRING, "an id in quotes");
		if (d->lex.err == OK)
			id = lex_string(&d->lex, &token);
		schema_draft_push(d, &list, &id);
	} while (lex_take(&d->lex, TOKEN_COMMA));
	lex_expect(&d->lex, TOKEN_RBRACKET, "`,` or `]`");
	entity->ids = (const struct str *)(void *)list.items;
	entity->id_count = list.count;
}

static struct lex_list take_names(struct schema_draft *d, bool is_any)
{
	struct lex_list list = {.size = sizeof(struct str)};

	do {
		struct str name = is_any ? take_any_name(d, "a name")
					 : arena_str(d->lex.arena, take_name(d, "a name"));

		schema_draft_push(d, &list, &name);
	} while (lex_take(&d->lex, TOKEN_COMMA));
	return list;
}

static void take_entities(struct schema_draft *d, struct schema_annotations annotations)
{
	struct schema_entity entity = {.at = d->lex.token.at, .annotations = annotations};
	struct lex_list names = take_names(d, false);

	if (lex_take_word(&d->lex, STR("enum"))) {
		take_enum(d, &entity);
	} else {
		if (lex_take_word(&d->lex, STR("in")))
			take_paths(d, &entity.parents, &entity.parent_count);
		if (lex_take(&d->lex, TOKEN_ASSIGN) || d->lex.token.kind == TOKEN_LBRACE)
			entity.shape = take_record(d);
		if (lex_take_word(&d->lex, STR("tags")))
			entity.tags = take_type(d);
	}
	lex_expect(&d->lex, TOKEN_SEMICOLON, "`;` behind an entity type");
	schema_draft_entities(d, &entity, &names);
}

/* g, "g", Action::"g", N::Action::"g"; the first two are of the own namespace. */
static const struct uid *take_group(struct schema_draft *d)
{
	struct uid *uid = schema_draft_alloc(d, sizeof(*uid));
	struct str path = STR("Action");
	bool is_typed = false;
	struct str id;

	if (d->lex.token.kind == TOKEN_STRING) {
		id = take_any_name(d, "an action");
	} else {
		id = take_path(d, &is_typed);
		if (is_typed) {
			path = id;
			id = take_any_name(d, "an action");
		} else if (id.len > 0 && memmem(id.ptr, id.len, "::", 2) != NULL) {
			lex_expect(&d->lex, TOKEN_PATH, "`::` and the action's name in quotes");
		}
	}
	if (uid != NULL)
		*uid = uid_make(path, id);
	return uid;
}

static void take_groups(struct schema_draft *d, struct schema_action *action)
{
	struct lex_list list = {.size = sizeof(const struct uid *)};
	const struct uid *uid;

	if (!lex_take(&d->lex, TOKEN_LBRACKET)) {
		uid = take_group(d);
		schema_draft_push(d, &list, &uid);
	} else {
		do {
			uid = take_group(d);
			schema_draft_push(d, &list, &uid);
		} while (lex_take(&d->lex, TOKEN_COMMA));
		lex_expect(&d->lex, TOKEN_RBRACKET, "`,` or `]`");
	}
	action->groups = (const struct uid **)(void *)list.items;
	action->group_count = list.count;
}

static void take_applies(struct schema_draft *d, struct schema_action *action)
{
	uint32_t at = d->lex.token.at;
	bool has_context = false;

	action->applies = true;
	lex_expect(&d->lex, TOKEN_LBRACE, "`{`");
	while (d->lex.err == OK && d->lex.token.kind != TOKEN_RBRACE) {
		bool is_principal = lex_is_word(&d->lex, STR("principal"));
		bool is_context = lex_is_word(&d->lex, STR("context"));
		bool is_taken = is_context     ? has_context
				: is_principal ? action->principals != NULL
					       : action->resources != NULL;

		if (!is_principal && !is_context && !lex_is_word(&d->lex, STR("resource")))
			lex_fail_expected(&d->lex, "principal, resource or context");
		if (is_taken)
			schema_draft_fail(d, ERR_MALFORMED, d->lex.token.at,
					  "`" STR_FMT "` stands twice", STR_ARG(d->lex.token.text));
		lex_advance(&d->lex);
		lex_expect(&d->lex, TOKEN_COLON, "`:`");
		if (is_context)
			action->context = take_type(d);
		else if (is_principal)
			take_paths(d, &action->principals, &action->principal_count);
		else
			take_paths(d, &action->resources, &action->resource_count);
		has_context |= is_context;
		if (!lex_take(&d->lex, TOKEN_COMMA))
			break;
	}
	lex_expect(&d->lex, TOKEN_RBRACE, "`,` or `}`");
	if (d->lex.err == OK && (action->principal_count == 0 || action->resource_count == 0))
		schema_draft_fail(d, ERR_MALFORMED, at,
				  "appliesTo needs at least one principal and one resource type");
}

static void take_actions(struct schema_draft *d, struct schema_annotations annotations)
{
	struct schema_action action = {.at = d->lex.token.at, .annotations = annotations};
	struct lex_list names = take_names(d, true);

	if (lex_take_word(&d->lex, STR("in")))
		take_groups(d, &action);
	if (lex_take_word(&d->lex, STR("appliesTo")))
		take_applies(d, &action);
	if (lex_take_word(&d->lex, STR("attributes"))) {
		lex_expect(&d->lex, TOKEN_LBRACE, "`{`");
		lex_expect(&d->lex, TOKEN_RBRACE, "`}`: actions have no attributes");
	}
	lex_expect(&d->lex, TOKEN_SEMICOLON, "`;` behind an action");
	schema_draft_actions(d, &action, &names);
}

static void take_common(struct schema_draft *d, struct schema_annotations annotations)
{
	struct schema_common common = {.at = d->lex.token.at, .annotations = annotations};
	struct str name = arena_str(d->lex.arena, take_name(d, "a type's name"));

	lex_expect(&d->lex, TOKEN_ASSIGN, "`=`");
	common.type = take_type(d);
	lex_expect(&d->lex, TOKEN_SEMICOLON, "`;` behind a type");
	if (d->lex.err == OK)
		schema_draft_common(d, &common, name);
}

static void take_declaration(struct schema_draft *d, struct schema_annotations annotations)
{
	if (lex_take_word(&d->lex, STR("entity")))
		take_entities(d, annotations);
	else if (lex_take_word(&d->lex, STR("action")))
		take_actions(d, annotations);
	else if (lex_take_word(&d->lex, STR("type")))
		take_common(d, annotations);
	else
		lex_fail_expected(&d->lex, "entity, action, type or namespace");
}

/* Does a declaration begin at the current token? Words such as `type` may also be attributes:
 * those are followed by a colon. */
static bool begins_declaration(const struct lex *lex, bool is_inside)
{
	struct lex next = *lex;

	if (!lex_is_word(lex, STR("entity")) && !lex_is_word(lex, STR("action")) &&
	    !lex_is_word(lex, STR("type")) && (is_inside || !lex_is_word(lex, STR("namespace"))))
		return false;
	lex_advance(&next);
	return next.err == OK &&
	       (next.token.kind == TOKEN_IDENT || next.token.kind == TOKEN_STRING);
}

/* The next token, whatever stands before it that is none. */
static void advance_over(struct lex *lex)
{
	lex_advance(lex);
	while (lex->err != OK) {
		lex->err = OK;
		lex->at = MAX(lex->at, lex->token.at) + 1;
		lex_advance(lex);
	}
}

/*
 * From the error of a declaration to behind its `;`, or to what must be the next one: a word that
 * begins one, the `}` of the namespace.
 */
static void skip_declaration(struct schema_draft *d, uint32_t start, uint32_t error)
{
	bool is_inside = d->space.len > 0;
	struct lex lex = d->lex;
	unsigned depth = 0;

	lex.diag = NULL;
	lex.at = start;
	for (advance_over(&lex); lex.token.kind != TOKEN_END; advance_over(&lex)) {
		enum token_kind kind = lex.token.kind;
		bool is_beyond = lex.token.at >= error && lex.token.at > start;

		if (is_beyond && (begins_declaration(&lex, is_inside) ||
				  (kind == TOKEN_RBRACE && depth == 0 && is_inside)))
			break;
		if (lex.token.at >= error && kind == TOKEN_SEMICOLON) {
			advance_over(&lex);
			break;
		}
		depth += kind == TOKEN_LBRACE;
		depth -= kind == TOKEN_RBRACE && depth > 0;
	}
	lex.diag = d->lex.diag;
	d->lex = lex;
}

/* With all errors wanted, what follows is read as well. */
static void recover(struct schema_draft *d, uint32_t start)
{
	uint32_t error = d->lex.token.at;

	if (d->lex.err == OK)
		return;
	schema_draft_collect(d);
	if (schema_draft_is_open(d))
		skip_declaration(d, start, error);
}

static void take_namespace(struct schema_draft *d, struct schema_annotations annotations)
{
	struct schema_space space = {.at = d->lex.token.at, .annotations = annotations};

	space.name = arena_str(d->lex.arena, take_path(d, NULL));
	if (d->lex.err == OK &&
	    (str_eq(space.name, STR("__cedar")) || str_has_prefix(space.name, STR("__cedar::"))))
		schema_draft_fail(d, ERR_MALFORMED, space.at, "`__cedar` is reserved");
	lex_expect(&d->lex, TOKEN_LBRACE, "`{`");
	schema_draft_space(d, &space);
	while (d->lex.err == OK && d->lex.token.kind != TOKEN_RBRACE &&
	       d->lex.token.kind != TOKEN_END) {
		uint32_t start = d->lex.token.at;

		take_declaration(d, take_annotations(d));
		recover(d, start);
	}
	lex_expect(&d->lex, TOKEN_RBRACE, "`}`");
	schema_draft_space(d, &(struct schema_space){.name = STR("")});
}

void schema_parse_text(struct schema_draft *d)
{
	struct schema_annotations annotations;

	lex_init(&d->lex, d->lex.file, d->lex.text, d->lex.arena, false, &d->last);
	while (d->lex.err == OK && d->lex.token.kind != TOKEN_END) {
		uint32_t start = d->lex.token.at;

		annotations = take_annotations(d);
		if (lex_take_word(&d->lex, STR("namespace")))
			take_namespace(d, annotations);
		else
			take_declaration(d, annotations);
		recover(d, start);
	}
	if (d->lex.err == OK && arena_has_overflowed(d->lex.arena))
		lex_fail_memory(&d->lex);
	schema_draft_collect(d);
}
