/* SPDX-License-Identifier: Apache-2.0 */
/*
 *   source = policy | {"staticPolicies"?: {ID: entry ..} | TEXT, "templates"?: {ID: entry ..},
 *                      "templateLinks"?: [link ..]}
 *   entry  = policy | TEXT, one policy in Cedar's own syntax
 *   link   = {"templateId": ID, "newId": ID, "values": {"?principal" | "?resource": uid ..}}
 *   policy = {"effect": "permit" | "forbid", "principal": scope, "action": scope,
 *             "resource": scope, "conditions": [{"kind": "when" | "unless", "body": expr} ..],
 *             "annotations"?: {name: string | null ..}}
 *   scope  = {"op": "All"} | {"op": "==" | "in", "entity": uid} | {"op": "==" | "in", "slot": S}
 *          | {"op": "in", "entities": [uid ..]}                                     action only
 *          | {"op": "is", "entity_type": T, "in"?: {"entity": uid} | {"slot": S}}
 *
 * Unknown members are refused, but for those of a scope other than `is`, as the official reader
 * does.
 */
#include "policy/policy_json_read.h"

#include "policy/json_expr.h"
#include "policy/json_value.h"
#include "policy/parse.h"

struct policy_json {
	struct set_source *source;
	struct arena *arena; /* the set's */
	struct json_tree_fault fault;
};

/* What the place of a policy in the document says it must be. */
enum wanted {
	WANT_POLICY,
	WANT_TEMPLATE,
	WANT_EITHER,
};

static bool tell(struct policy_json *r)
{
	set_fail(r->source, r->fault.err, r->fault.at, "%s", r->fault.text);
	return false;
}

static bool fail(struct policy_json *r, size_t at, const char *why)
{
	return json_value_fail(&r->fault, ERR_MALFORMED, at, "%s", why);
}

static bool expect(struct policy_json *r, const struct json_tree *tree, enum json_tree_kind kind)
{
	return tree->kind == kind ||
	       json_value_fail(&r->fault, ERR_MALFORMED, tree->at, "expected %s, found %s",
			       json_tree_kind_name(kind), json_tree_kind_name(tree->kind));
}

static void *room(struct policy_json *r, const struct json_tree *tree, size_t size, size_t max,
		  const char *limit)
{
	void *list = NULL;

	if (tree->count > max)
		(void)json_value_fail(&r->fault, ERR_LIMIT, tree->at,
				      "more than %zu of them (limit `%s`)", max, limit);
	else if ((list = arena_array(r->arena, tree->count, size)) == NULL)
		(void)json_value_fail(&r->fault, ERR_LIMIT, tree->at,
				      "memory limit reached (limit `arena_bytes`)");
	return list;
}

static bool is_word(const struct json_tree *tree, struct str word)
{
	return tree->kind == JSON_TREE_STRING && str_eq(tree->string, word);
}

static bool read_action(struct policy_json *r, const struct json_tree *tree, const struct uid **out)
{
	if (!json_value_uid(r->arena, tree, out, &r->fault))
		return false;
	return str_eq((*out)->type, STR("Action")) ||
	       str_has_suffix((*out)->type, STR("::Action")) ||
	       fail(r, tree->at, "an action's type must be Action, in a namespace or not");
}

static bool read_actions(struct policy_json *r, const struct json_tree *tree, struct scope *scope)
{
	const struct uid **uids;
	size_t i = 0;

	if (!expect(r, tree, JSON_TREE_ARRAY))
		return false;
	uids = room(r, tree, sizeof(*uids), r->source->set->options.limits.elements, "elements");
	if (uids == NULL)
		return false;
	for (const struct json_tree *at = tree->first; at != NULL; at = at->next)
		if (!read_action(r, at, &uids[i++]))
			return false;
	scope->kind = SCOPE_IN_SET;
	scope->uid_count = tree->count;
	scope->uids = uids;
	return true;
}

/* {"entity": uid} or {"slot": "?variable"} */
static bool read_scope_uid(struct policy_json *r, const struct json_tree *tree, struct str variable,
			   struct scope *scope)
{
	const struct json_tree *entity = json_tree_get(tree, STR("entity"));
	const struct json_tree *slot = json_tree_get(tree, STR("slot"));

	if (entity != NULL && str_eq(variable, STR("action")))
		return read_action(r, entity, &scope->uid);
	if (entity != NULL)
		return json_value_uid(r->arena, entity, &scope->uid, &r->fault);
	if (slot == NULL)
		return fail(r, tree->at, "member \"entity\" or \"slot\" is missing");
	if (!expect(r, slot, JSON_TREE_STRING))
		return false;
	if (str_eq(variable, STR("action")) || slot->string.len != variable.len + 1 ||
	    slot->string.ptr[0] != '?' || !str_has_suffix(slot->string, variable))
		return fail(r, slot->at,
			    "this slot cannot stand here: there are ?principal and ?resource, each "
			    "in its own scope");
	scope->is_slot = true;
	return true;
}

static bool read_scope_is(struct policy_json *r, const struct json_tree *tree, struct str variable,
			  struct scope *scope)
{
	struct json_member members[] = {
		{.name = "op"}, {.name = "entity_type", .is_required = true}, {.name = "in"}};
	const struct json_tree *in;

	if (!json_value_members(tree, members, ARRAY_LEN(members), true, &r->fault) ||
	    !json_value_type(r->arena, members[1].found, &scope->type, &r->fault))
		return false;
	in = members[2].found;
	scope->kind = in == NULL || in->kind == JSON_TREE_NULL ? SCOPE_IS : SCOPE_IS_IN;
	return scope->kind == SCOPE_IS || read_scope_uid(r, in, variable, scope);
}

static bool read_scope(struct policy_json *r, const struct json_tree *tree, struct str variable,
		       struct scope *scope)
{
	struct json_member op = {.name = "op", .is_required = true};
	bool is_action = str_eq(variable, STR("action"));

	if (!json_value_members(tree, &op, 1, false, &r->fault))
		return false;
	if (is_word(op.found, STR("All")) || is_word(op.found, STR("all")))
		return true;
	if (is_word(op.found, STR("=="))) {
		scope->kind = SCOPE_EQ;
		return read_scope_uid(r, tree, variable, scope);
	}
	if (is_word(op.found, STR("in"))) {
		const struct json_tree *list = json_tree_get(tree, STR("entities"));

		scope->kind = SCOPE_IN;
		if (is_action && list != NULL && json_tree_get(tree, STR("entity")) == NULL)
			return read_actions(r, list, scope);
		return read_scope_uid(r, tree, variable, scope);
	}
	if (is_word(op.found, STR("is")) && !is_action)
		return read_scope_is(r, tree, variable, scope);
	return fail(r, op.found->at,
		    is_action ? "expected \"All\", \"==\" or \"in\""
			      : "expected \"All\", \"==\", \"in\" or \"is\"");
}

static bool read_condition(struct policy_json *r, const struct json_tree *tree,
			   struct policy_condition *out)
{
	struct json_member members[] = {{.name = "kind", .is_required = true},
					{.name = "body", .is_required = true}};
	struct json_build build = {.arena = r->arena,
				   .max_elements = r->source->set->options.limits.elements};

	if (!json_value_members(tree, members, ARRAY_LEN(members), true, &r->fault))
		return false;
	out->is_unless = is_word(members[0].found, STR("unless"));
	if (!out->is_unless && !is_word(members[0].found, STR("when")))
		return fail(r, members[0].found->at, "expected \"when\" or \"unless\"");
	out->body = json_expr_read(&build, members[1].found);
	if (out->body == NULL)
		r->fault = build.fault;
	return out->body != NULL;
}

static bool read_conditions(struct policy_json *r, const struct json_tree *tree,
			    struct policy *policy)
{
	struct policy_condition *conditions;
	size_t i = 0;

	if (!expect(r, tree, JSON_TREE_ARRAY))
		return false;
	conditions = room(r, tree, sizeof(*conditions), r->source->set->options.limits.elements,
			  "elements");
	if (conditions == NULL)
		return false;
	for (const struct json_tree *at = tree->first; at != NULL; at = at->next)
		if (!read_condition(r, at, &conditions[i++]))
			return false;
	policy->condition_count = tree->count;
	policy->conditions = conditions;
	return true;
}

/* As behind `@` in text: reserved words are fine. */
static bool is_annotation(struct str name)
{
	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
		      (i > 0 && c >= '0' && c <= '9')))
			return false;
	}
	return name.len > 0;
}

static bool read_annotations(struct policy_json *r, const struct json_tree *tree,
			     struct policy *policy)
{
	struct policy_annotation *annotations;
	size_t i = 0;

	if (!expect(r, tree, JSON_TREE_OBJECT))
		return false;
	annotations = room(r, tree, sizeof(*annotations),
			   r->source->set->options.limits.annotations, "annotations");
	if (annotations == NULL)
		return false;
	for (const struct json_tree *at = tree->first; at != NULL; at = at->next, i++) {
		if (!is_annotation(at->name))
			return fail(r, at->name_at, "an annotation's name is an identifier");
		if (at->kind != JSON_TREE_NULL && !expect(r, at, JSON_TREE_STRING))
			return false;
		annotations[i].key = arena_str(r->arena, at->name);
		if (at->kind == JSON_TREE_STRING)
			annotations[i].value = arena_str(r->arena, at->string);
	}
	policy->annotation_count = tree->count;
	policy->annotations = annotations;
	return true;
}

static bool read_body(struct policy_json *r, const struct json_tree *tree, struct policy *policy)
{
	struct json_member members[] = {{.name = "effect", .is_required = true},
					{.name = "principal", .is_required = true},
					{.name = "action", .is_required = true},
					{.name = "resource", .is_required = true},
					{.name = "conditions", .is_required = true},
					{.name = "annotations"}};

	if (!json_value_members(tree, members, ARRAY_LEN(members), true, &r->fault))
		return false;
	/* First, so that a policy that fails further on still has its name. */
	if (members[5].found != NULL && !read_annotations(r, members[5].found, policy))
		return false;
	policy->is_forbid = is_word(members[0].found, STR("forbid"));
	if (!policy->is_forbid && !is_word(members[0].found, STR("permit")))
		return fail(r, members[0].found->at, "expected \"permit\" or \"forbid\"");
	if (!read_scope(r, members[1].found, STR("principal"), &policy->principal) ||
	    !read_scope(r, members[2].found, STR("action"), &policy->action) ||
	    !read_scope(r, members[3].found, STR("resource"), &policy->resource))
		return false;
	policy->is_template = policy->principal.is_slot || policy->resource.is_slot;
	return read_conditions(r, members[4].found, policy);
}

static bool check_wanted(struct policy_json *r, const struct policy *policy, size_t at,
			 enum wanted wanted)
{
	if (wanted == WANT_POLICY && policy->is_template)
		return fail(r, at, "a policy with a slot in its scope belongs under \"templates\"");
	if (wanted == WANT_TEMPLATE && !policy->is_template)
		return fail(r, at, "a template has a slot in its scope, and this policy has none");
	return true;
}

static void read_policy(struct policy_json *r, const struct json_tree *tree, struct str id,
			enum wanted wanted)
{
	struct policy *policy = arena_zalloc(r->arena, sizeof(*policy));

	if (policy == NULL)
		return; /* the arena's overflow fails the load */
	policy->at = tree->at;
	if (read_body(r, tree, policy) && check_wanted(r, policy, tree->at, wanted)) {
		set_add(r->source, policy, id);
		return;
	}
	(void)tell(r);
	set_add_broken(r->source, policy, id);
}

/* A source of its own for Cedar text inside the document: its places are those of the text. */
static struct set_source *text_source(struct policy_json *r, const struct json_tree *tree)
{
	struct set_source *inner = arena_zalloc(r->arena, sizeof(*inner));

	if (inner == NULL)
		return NULL;
	inner->set = r->source->set;
	inner->file = arena_printf(r->arena, "%s, \"" STR_FMT "\"", r->source->file,
				   (int)MIN(tree->name.len, 60), tree->name.ptr)
			      .ptr;
	inner->text = arena_str(r->arena, tree->string);
	inner->place = (struct lex_place){.line = 1, .column = 1};
	return arena_has_overflowed(r->arena) ? NULL : inner;
}

static void text_parse_init(struct parse *parse, const struct set_source *inner, struct diag *diag)
{
	parse_init(parse, inner->file, inner->text, &inner->set->arena, diag);
	parse->max_elements = inner->set->options.limits.elements;
	parse->max_annotations = inner->set->options.limits.annotations;
}

/* Exactly one policy. */
static void read_text(struct policy_json *r, const struct json_tree *tree, struct str id,
		      enum wanted wanted)
{
	struct set_source *inner = text_source(r, tree);
	struct policy_json as = {.source = inner, .arena = r->arena};
	struct policy *policy;
	struct parse parse;
	struct diag diag;

	if (inner == NULL)
		return;
	text_parse_init(&parse, inner, &diag);
	policy = parse_policy(&parse);
	if (parse.lex.err == OK && (policy == NULL || parse.lex.token.kind != TOKEN_END))
		lex_fail_expected(&parse.lex, policy == NULL ? "a policy" : "no second policy");
	if (parse.lex.err != OK)
		(void)set_fail_diag(inner, parse.lex.err, &diag);
	else if (!check_wanted(&as, policy, policy->at, wanted))
		(void)tell(&as);
	else
		set_add(inner, policy, id);
	if (parse.lex.err == OK && as.fault.err == OK)
		return;
	policy = arena_zalloc(r->arena, sizeof(*policy));
	if (policy != NULL)
		set_add_broken(inner, policy, id);
}

/* "staticPolicies" as one text of any number of policies, named as those of a file are. */
static void read_texts(struct policy_json *r, const struct json_tree *tree)
{
	struct set_source *inner = text_source(r, tree);
	struct policy *policy;
	struct parse parse;
	struct diag diag;

	if (inner == NULL)
		return;
	text_parse_init(&parse, inner, &diag);
	while (set_goes_on(inner->set) && (policy = parse_policy(&parse)) != NULL)
		set_add(inner, policy, (struct str){NULL, 0});
	if (parse.lex.err != OK)
		(void)set_fail_diag(inner, parse.lex.err, &diag);
}

static void read_entries(struct policy_json *r, const struct json_tree *tree, enum wanted wanted)
{
	if (!expect(r, tree, JSON_TREE_OBJECT)) {
		(void)tell(r);
		return;
	}
	for (const struct json_tree *at = tree->first; at != NULL && set_goes_on(r->source->set);
	     at = at->next) {
		struct str id = arena_str(r->arena, at->name);

		if (at->kind == JSON_TREE_STRING)
			read_text(r, at, id, wanted);
		else
			read_policy(r, at, id, wanted);
	}
}

static bool read_link(struct policy_json *r, const struct json_tree *tree, struct set_link *out)
{
	struct json_member members[] = {{.name = "templateId", .is_required = true},
					{.name = "newId", .is_required = true},
					{.name = "values", .is_required = true}};
	struct json_member values[] = {{.name = "?principal"}, {.name = "?resource"}};

	if (!json_value_members(tree, members, ARRAY_LEN(members), true, &r->fault) ||
	    !expect(r, members[0].found, JSON_TREE_STRING) ||
	    !expect(r, members[1].found, JSON_TREE_STRING) ||
	    !json_value_members(members[2].found, values, ARRAY_LEN(values), true, &r->fault))
		return false;
	out->at = tree->at;
	out->template_id = arena_str(r->arena, members[0].found->string);
	out->id = arena_str(r->arena, members[1].found->string);
	return (values[0].found == NULL ||
		json_value_uid(r->arena, values[0].found, &out->principal, &r->fault)) &&
	       (values[1].found == NULL ||
		json_value_uid(r->arena, values[1].found, &out->resource, &r->fault));
}

static void read_links(struct policy_json *r, const struct json_tree *tree)
{
	if (!expect(r, tree, JSON_TREE_ARRAY)) {
		(void)tell(r);
		return;
	}
	for (const struct json_tree *at = tree->first; at != NULL && set_goes_on(r->source->set);
	     at = at->next) {
		struct set_link link = {.at = 0};

		if (read_link(r, at, &link))
			set_add_link(r->source, &link);
		else
			(void)tell(r);
	}
}

static bool is_policy(const struct json_tree *tree)
{
	static const char *const members[] = {"effect", "principal", "action", "resource",
					      "conditions"};

	for (size_t i = 0; i < ARRAY_LEN(members); i++)
		if (json_tree_get(tree, str_from_c(members[i])) != NULL)
			return true;
	return false;
}

static void read_document(struct policy_json *r, const struct json_tree *tree)
{
	struct json_member members[] = {
		{.name = "staticPolicies"}, {.name = "templates"}, {.name = "templateLinks"}};

	if (is_policy(tree)) {
		read_policy(r, tree, (struct str){NULL, 0}, WANT_EITHER);
		return;
	}
	if (!json_value_members(tree, members, ARRAY_LEN(members), true, &r->fault)) {
		(void)tell(r);
		return;
	}
	if (json_tree_is(members[0].found, JSON_TREE_STRING))
		read_texts(r, members[0].found);
	else if (members[0].found != NULL)
		read_entries(r, members[0].found, WANT_POLICY);
	if (members[1].found != NULL)
		read_entries(r, members[1].found, WANT_TEMPLATE);
	if (members[2].found != NULL)
		read_links(r, members[2].found);
}

void policy_json_read(struct set_source *source)
{
	struct policy_json r = {.source = source, .arena = &source->set->arena};
	const struct json_tree *tree;
	struct arena scratch;

	arena_init(&scratch, 16384, source->set->options.limits.arena_bytes);
	tree = json_tree_parse(&scratch, source->text, &r.fault);
	if (tree == NULL)
		(void)tell(&r);
	else
		read_document(&r, tree);
	arena_fini(&scratch);
}
