/* SPDX-License-Identifier: Apache-2.0 */
/*
 *   policy = {"@" anyident ["(" string ")"]} ("permit" | "forbid")
 *            "(" scope [","] ")" {("when" | "unless") "{" expr "}"} ";"
 *   scope  = "principal" [cmp] "," "action" [acmp] "," "resource" [cmp]
 *   cmp    = "==" E | "in" E | "is" path ["in" E]      E = uid, in parentheses or not, or the slot
 *   acmp   = "==" uid | "in" uid | "in" "[" [uid {"," uid} [","]] "]"
 */
#include "policy/parse.h"

#include <stdio.h>

void parse_init(struct parse *parse, const char *file, struct str text, struct arena *arena,
		struct diag *diag)
{
	*parse = (struct parse){.max_elements = 100000, .max_annotations = 100};
	lex_init(&parse->lex, file, text, arena, true, diag);
}

static struct str annotation_value(struct parse *p)
{
	struct token token;
	struct str value;

	if (!lex_take(&p->lex, TOKEN_LPAREN))
		return (struct str){NULL, 0};
	token = p->lex.token;
	lex_expect(&p->lex, TOKEN_STRING, "a string as the annotation's value");
	if (p->lex.err != OK)
		return STR("");
	value = lex_string(&p->lex, &token);
	lex_expect(&p->lex, TOKEN_RPAREN, "`)` behind the annotation's value");
	return value;
}

static void parse_annotations(struct parse *p, struct policy *policy)
{
	struct lex_list list = {.size = sizeof(struct policy_annotation)};

	while (lex_take(&p->lex, TOKEN_AT)) {
		struct policy_annotation annotation;
		const struct policy_annotation *seen = (const void *)list.items;
		struct token token = p->lex.token;

		lex_expect(&p->lex, TOKEN_IDENT, "a name behind `@`");
		for (size_t i = 0; i < list.count; i++)
			if (str_eq(seen[i].key, token.text))
				lex_fail(&p->lex, ERR_MALFORMED, token.at,
					 "annotation @" STR_FMT " stands twice on one policy",
					 STR_ARG(token.text));
		if (list.count == p->max_annotations)
			lex_fail(&p->lex, ERR_LIMIT, token.at,
				 "more than %zu annotations (limit `annotations`)",
				 p->max_annotations);
		annotation.value = annotation_value(p);
		annotation.key = arena_str(p->lex.arena, token.text);
		lex_list_push(&p->lex, &list, &annotation, p->max_annotations);
	}
	policy->annotations = (const void *)list.items;
	policy->annotation_count = list.count;
}

/* The slot must be the variable's own: ?principal behind principal. */
static void scope_slot(struct parse *p, struct scope *scope, struct str variable)
{
	if (!str_eq(p->lex.token.text, variable)) {
		lex_fail(&p->lex, ERR_MALFORMED, p->lex.token.at,
			 "slot `?" STR_FMT "` cannot stand here: expected `?" STR_FMT
			 "` or an entity",
			 STR_ARG(p->lex.token.text), STR_ARG(variable));
		return;
	}
	scope->is_slot = true;
	lex_advance(&p->lex);
}

static unsigned open_brackets(struct parse *p)
{
	unsigned brackets = 0;

	while (brackets < AST_DEPTH && lex_take(&p->lex, TOKEN_LPAREN))
		brackets++;
	if (p->lex.token.kind == TOKEN_LPAREN)
		parse_fail_depth(p);
	return brackets;
}

static void close_brackets(struct parse *p, unsigned brackets)
{
	for (; brackets > 0; brackets--)
		lex_expect(&p->lex, TOKEN_RPAREN, "`)`");
}

static void scope_entity(struct parse *p, struct scope *scope, struct str variable)
{
	unsigned brackets = open_brackets(p);

	if (p->lex.token.kind == TOKEN_SLOT)
		scope_slot(p, scope, variable);
	else if (p->lex.token.kind == TOKEN_LBRACKET)
		lex_fail(&p->lex, ERR_MALFORMED, p->lex.token.at,
			 "a list can stand behind `action in` only: write `when { " STR_FMT
			 " in [...] }`",
			 STR_ARG(variable));
	else
		scope->uid = parse_uid(p);
	close_brackets(p, brackets);
}

static void fail_variable(struct parse *p, struct str variable)
{
	char what[32];

	(void)snprintf(what, sizeof(what), "`" STR_FMT "`", STR_ARG(variable));
	lex_fail_expected(&p->lex, what);
}

/* Behind a variable's scope. What some try there has its own advice. */
static void scope_end(struct parse *p, enum token_kind kind, const char *what)
{
	struct token token = p->lex.token;

	if (lex_take(&p->lex, kind))
		return;
	if (token.kind == TOKEN_COLON)
		lex_fail(&p->lex, ERR_MALFORMED, token.at,
			 "expected %s, found `:`: a type stands behind `is`", what);
	else if (token.kind >= TOKEN_EQ && token.kind <= TOKEN_OR)
		lex_fail(&p->lex, ERR_MALFORMED, token.at,
			 "expected %s, found `" STR_FMT
			 "`: the scope takes one `==`, `in` or `is`, the rest stands in `when { }`",
			 what, STR_ARG(token.text));
	else
		lex_fail_near(&p->lex, what, "`in``is`");
}

static void parse_scope(struct parse *p, struct scope *scope, struct str variable)
{
	if (!lex_take_word(&p->lex, variable)) {
		fail_variable(p, variable);
	} else if (lex_take(&p->lex, TOKEN_EQ)) {
		scope->kind = SCOPE_EQ;
		scope_entity(p, scope, variable);
	} else if (lex_take_word(&p->lex, STR("in"))) {
		scope->kind = SCOPE_IN;
		scope_entity(p, scope, variable);
	} else if (lex_take_word(&p->lex, STR("is"))) {
		scope->kind = SCOPE_IS;
		scope->type = text_make(parse_path(p));
		if (lex_take_word(&p->lex, STR("in"))) {
			scope->kind = SCOPE_IS_IN;
			scope_entity(p, scope, variable);
		}
	}
}

static const struct uid *action_uid(struct parse *p)
{
	unsigned brackets = open_brackets(p);
	uint32_t at = p->lex.token.at;
	const struct uid *uid;

	if (p->lex.token.kind == TOKEN_SLOT)
		lex_fail(&p->lex, ERR_MALFORMED, at,
			 "an action has no slot: there are ?principal and ?resource");
	uid = parse_uid(p);
	close_brackets(p, brackets);
	if (!str_eq(uid->type, STR("Action")) && !str_has_suffix(uid->type, STR("::Action")))
		lex_fail(&p->lex, ERR_MALFORMED, at,
			 "an action's type must be Action, not `" STR_FMT "`", STR_ARG(uid->type));
	return uid;
}

static void action_list(struct parse *p, struct scope *scope)
{
	struct lex_list list = {.size = sizeof(const struct uid *)};

	scope->kind = SCOPE_IN_SET;
	while (p->lex.err == OK && p->lex.token.kind != TOKEN_RBRACKET) {
		const struct uid *uid = action_uid(p);

		lex_list_push(&p->lex, &list, &uid, p->max_elements);
		if (!lex_take(&p->lex, TOKEN_COMMA))
			break;
	}
	lex_expect(&p->lex, TOKEN_RBRACKET, "`,` or `]`");
	scope->uids = (const void *)list.items;
	scope->uid_count = list.count;
}

static void parse_action(struct parse *p, struct scope *scope)
{
	unsigned brackets;

	if (!lex_take_word(&p->lex, STR("action"))) {
		fail_variable(p, STR("action"));
	} else if (lex_take(&p->lex, TOKEN_EQ)) {
		scope->kind = SCOPE_EQ;
		scope->uid = action_uid(p);
	} else if (lex_take_word(&p->lex, STR("in"))) {
		scope->kind = SCOPE_IN;
		brackets = open_brackets(p);
		if (lex_take(&p->lex, TOKEN_LBRACKET))
			action_list(p, scope);
		else
			scope->uid = action_uid(p);
		close_brackets(p, brackets);
	} else if (lex_is_word(&p->lex, STR("is"))) {
		lex_fail(&p->lex, ERR_MALFORMED, p->lex.token.at,
			 "an action is named by `==` or `in`, not by its type");
	}
}

static void parse_head(struct parse *p, struct policy *policy)
{
	policy->is_forbid = lex_is_word(&p->lex, STR("forbid"));
	if (!policy->is_forbid && !lex_is_word(&p->lex, STR("permit")))
		lex_fail_expected(&p->lex, "`permit` or `forbid`");
	lex_advance(&p->lex);
	lex_expect(&p->lex, TOKEN_LPAREN, "`(`");
	parse_scope(p, &policy->principal, STR("principal"));
	scope_end(p, TOKEN_COMMA, "`,` and the action's scope");
	parse_action(p, &policy->action);
	scope_end(p, TOKEN_COMMA, "`,` and the resource's scope");
	parse_scope(p, &policy->resource, STR("resource"));
	(void)lex_take(&p->lex, TOKEN_COMMA);
	scope_end(p, TOKEN_RPAREN, "`)` behind the scope");
	policy->is_template = policy->principal.is_slot || policy->resource.is_slot;
}

static void parse_conditions(struct parse *p, struct policy *policy)
{
	struct lex_list list = {.size = sizeof(struct policy_condition)};

	for (;;) {
		struct policy_condition condition;

		condition.is_unless = lex_is_word(&p->lex, STR("unless"));
		if (!condition.is_unless && !lex_is_word(&p->lex, STR("when")))
			break;
		lex_advance(&p->lex);
		lex_expect(&p->lex, TOKEN_LBRACE, "`{`");
		condition.body = parse_expr(p);
		parse_end(p, TOKEN_RBRACE, "`}` behind the condition");
		lex_list_push(&p->lex, &list, &condition, p->max_elements);
	}
	policy->conditions = (const void *)list.items;
	policy->condition_count = list.count;
}

struct policy *parse_policy(struct parse *p)
{
	struct policy *policy;

	if (p->lex.err != OK || p->lex.token.kind == TOKEN_END)
		return NULL;
	policy = arena_zalloc(p->lex.arena, sizeof(*policy));
	p->policy = policy;
	if (policy == NULL) {
		lex_fail_memory(&p->lex);
		return NULL;
	}
	policy->at = p->lex.token.at;
	parse_annotations(p, policy);
	parse_head(p, policy);
	parse_conditions(p, policy);
	lex_expect(&p->lex, TOKEN_SEMICOLON, "`when`, `unless` or `;`");
	if (p->lex.err == OK && arena_has_overflowed(p->lex.arena))
		lex_fail_memory(&p->lex);
	return p->lex.err == OK ? policy : NULL;
}

/* "permit (", "forbid (" or "@name". */
static bool begins_policy(struct str s)
{
	size_t len = 1;

	if (str_has_prefix(s, STR("permit")) || str_has_prefix(s, STR("forbid")))
		for (len = 6; len < s.len && (s.ptr[len] == ' ' || s.ptr[len] == '\t'); len++)
			;
	if (len >= s.len)
		return false;
	return len >= 6 ? s.ptr[len] == '(' : s.ptr[0] == '@' && s.ptr[1] != ' ';
}

/* Bytes of the string at s; no more than its line. */
static size_t string_len(struct str s, bool *out_is_closed)
{
	size_t len = 1;

	while (len < s.len && s.ptr[len] != '"' && s.ptr[len] != '\n')
		len += s.ptr[len] == '\\' && len + 1 < s.len && s.ptr[len + 1] != '\n' ? 2 : 1;
	*out_is_closed = len < s.len && s.ptr[len] == '"';
	return len + (*out_is_closed ? 1 : 0);
}

/*
 * A `;` stands behind a policy and nowhere else; a line that begins as a policy
 * does is one. Strings end with their line here: where a quote is missing, the
 * parser took much too much for one, and the error lies far behind its cause.
 */
static size_t next_policy(struct str text, size_t from, size_t error)
{
	bool is_line_start = false;
	bool is_cut = false; /* behind a string without an end: the cause */
	size_t len;

	for (size_t i = from; i < text.len; i += len) {
		struct str rest = str_sub(text, i, text.len);
		char c = text.ptr[i];
		bool is_closed = true;

		len = 1;
		if ((i >= error || is_cut) && i > from && is_line_start && begins_policy(rest))
			return i;
		if ((i >= error || is_cut) && c == ';')
			return i + 1;
		is_line_start = c == '\n' || (is_line_start && (c == ' ' || c == '\t'));
		if (str_has_prefix(rest, STR("//")))
			len = str_index(rest, '\n');
		else if (c == '"')
			len = string_len(rest, &is_closed);
		is_cut |= !is_closed;
	}
	return text.len;
}

bool parse_recover(struct parse *p)
{
	size_t error = p->lex.token.at;
	size_t from = p->policy == NULL ? error : p->policy->at;

	ASSERT(p->lex.err != OK);
	p->lex.at = next_policy(p->lex.text, from, error);
	p->lex.err = OK;
	p->lex.long_string = SIZE_MAX;
	p->depth = 0;
	p->policy = NULL;
	if (p->lex.at >= p->lex.text.len)
		return false;
	lex_advance(&p->lex);
	return true;
}
