/* SPDX-License-Identifier: Apache-2.0 */
/*
 *   expr = {OPERATOR: body}, one member
 *   body = value                                          Value
 *        | "principal" | "action" | "resource" | "context"            Var
 *        | {"arg": expr}                                  ! neg isEmpty
 *        | {"left": expr, "right": expr}                  == != < <= > >= in && || + - *
 *                                                         contains(All|Any) hasTag getTag
 *        | {"left": expr, "attr": string}                 . has
 *        | {"left": expr, "attr": [string ..]}            has
 *        | {"left": expr, "pattern": ["Wildcard" | {"Literal": string} ..]}     like
 *        | {"left": expr, "entity_type": string, "in"?: expr}                   is
 *        | {"if": expr, "then": expr, "else": expr}       if-then-else
 *        | [expr ..]                                      Set, extension functions and methods
 *        | {name: expr ..}                                Record
 *
 * A left spine is walked down to its innermost node and read on the way back up:
 *
 *   {"&&": {"left": {"&&": {"left": a, "right": b}}, "right": c}}  ->  AND [a, b, c]
 */
#include "policy/json_expr.h"

#include "base/suggest.h"
#include "policy/json_literal.h"
#include "policy/json_value.h"

/* As the text parser: so that what is printed from here parses. */
#define UNARY_MAX 4

/* How tightly a node binds; an operand that binds less than its place asks for needs brackets. */
enum rank {
	RANK_IF,
	RANK_OR,
	RANK_AND,
	RANK_RELATION,
	RANK_SUM,
	RANK_PRODUCT,
	RANK_UNARY,
	RANK_MEMBER,
	RANK_PRIMARY,
	RANK_BRACKETS, /* asked for by elements, arguments, parts of an if: always a level */
};

struct node;
typedef const struct expr *(*read_fn)(struct json_build *r, const struct node *node);

struct op {
	struct str name;
	enum rank rank;
	enum expr_kind kind;
	unsigned detail; /* enum expr_op or enum fn_id */
	read_fn read;
};

/* An expression whose operator is known. */
struct node {
	const struct json_tree *tree;
	const struct json_tree *body;
	const struct op *op;
	enum fn_id fn; /* of a method or function; else FN_COUNT */
};

static const struct expr *read_operand(struct json_build *r, const struct json_tree *tree,
				       enum rank rank);
static const struct expr *read_nested(struct json_build *r, const struct json_tree *tree);
static bool find_node(struct json_build *r, const struct json_tree *tree, struct node *out);

static const struct expr *read_value(struct json_build *r, const struct node *node)
{
	return json_literal_read(r, node->body);
}

static const struct expr *read_var(struct json_build *r, const struct node *node)
{
	static const char *const names[] = {
		[VAR_PRINCIPAL] = "principal",
		[VAR_ACTION] = "action",
		[VAR_RESOURCE] = "resource",
		[VAR_CONTEXT] = "context",
	};

	if (!json_build_expect(r, node->body, JSON_TREE_STRING))
		return NULL;
	for (unsigned i = 0; i < ARRAY_LEN(names); i++)
		if (str_eq(node->body->string, str_from_c(names[i])))
			return json_build_keep(r, (struct expr){.kind = EXPR_VAR,
								.at = node->tree->at,
								.var = (enum expr_var)i});
	return json_build_fail(r, node->body->at,
			       "not a variable: there are principal, action, resource, context");
}

static const struct expr *read_slot(struct json_build *r, const struct node *node)
{
	return json_build_fail(r, node->tree->at, "slots may stand in the scope only");
}

/* The operand of a node with a single one, NULL when it is written otherwise. */
static const struct json_tree *arg_of(struct json_build *r, const struct node *node)
{
	struct json_member arg = {.name = "arg", .is_required = true};

	return json_value_members(node->body, &arg, 1, true, &r->fault) ? arg.found : NULL;
}

static const struct expr *read_unary(struct json_build *r, const struct node *node)
{
	struct expr expr = {.kind = node->op->kind, .at = node->tree->at};
	struct node inner = *node;
	const struct json_tree *arg;

	do {
		arg = arg_of(r, &inner);
		if (arg == NULL || !find_node(r, arg, &inner))
			return NULL;
		expr.unary.count++;
	} while (expr.unary.count < UNARY_MAX && inner.op == node->op);
	expr.unary.arg = read_operand(r, arg, RANK_MEMBER);
	return expr.unary.arg == NULL ? NULL : json_build_keep(r, expr);
}

static const struct expr *read_compare(struct json_build *r, const struct node *node)
{
	struct json_member members[] = {{.name = "left", .is_required = true},
					{.name = "right", .is_required = true}};
	struct expr expr = {.kind = EXPR_COMPARE, .at = node->tree->at};

	if (!json_value_members(node->body, members, 2, true, &r->fault))
		return NULL;
	expr.compare.op = (enum expr_op)node->op->detail;
	expr.compare.left = read_operand(r, members[0].found, RANK_SUM);
	if (expr.compare.left == NULL)
		return NULL;
	expr.compare.right = read_operand(r, members[1].found, RANK_SUM);
	return expr.compare.right == NULL ? NULL : json_build_keep(r, expr);
}

/* The operand that a spine goes on into. */
static const struct json_tree *spine_operand(struct json_build *r, const struct node *node)
{
	struct json_member members[] = {{.name = "left", .is_required = true},
					{.name = "right", .is_required = true}};

	if (node->fn != FN_COUNT && !fn_table[node->fn].is_core) {
		if (!json_build_expect(r, node->body, JSON_TREE_ARRAY))
			return NULL;
		if (node->body->count == 0)
			(void)json_build_fail(
				r, node->body->at,
				"a method needs the value it is called on as its first element");
		return node->body->first;
	}
	if (node->fn == FN_IS_EMPTY)
		return arg_of(r, node);
	if (node->op->kind == EXPR_CHAIN && node->fn == FN_COUNT)
		members[1].name = "attr";
	return json_value_members(node->body, members, 2, true, &r->fault) ? members[0].found
									   : NULL;
}

/* Down from node to the innermost of its spine; NULL after an error. The nodes between are each
 * other's up->up. */
static const struct json_tree *find_spine(struct json_build *r, const struct node *node,
					  size_t *out_count)
{
	struct node inner = *node;
	const struct json_tree *innermost;
	const struct json_tree *operand;

	*out_count = 0;
	do {
		innermost = inner.tree;
		operand = spine_operand(r, &inner);
		if (operand == NULL || !find_node(r, operand, &inner))
			return NULL;
		++*out_count;
	} while (inner.op->kind == node->op->kind);
	return innermost;
}

/* Of a node whose body is {left, right}. */
static const struct json_tree *side_of(const struct json_tree *tree, struct str side)
{
	return json_tree_get(tree->first, side);
}

/* && || * */
static const struct expr *read_spine(struct json_build *r, const struct node *node)
{
	struct expr expr = {.kind = node->op->kind, .at = node->tree->at};
	enum rank rank = node->op->rank + 1;
	size_t depth;
	const struct json_tree *at = find_spine(r, node, &depth);
	const struct expr **items =
		at == NULL ? NULL : json_build_room(r, node->tree, depth + 1, sizeof(*items));

	if (items == NULL)
		return NULL;
	items[0] = read_operand(r, side_of(at, STR("left")), rank);
	for (size_t i = 1; items[i - 1] != NULL && i <= depth; i++, at = at->up->up)
		items[i] = read_operand(r, side_of(at, STR("right")), rank);
	expr.list = (struct expr_list){depth + 1, items};
	return items[depth] == NULL ? NULL : json_build_keep(r, expr);
}

static const struct expr *read_sum(struct json_build *r, const struct node *node)
{
	struct expr expr = {.kind = EXPR_SUM, .at = node->tree->at};
	size_t depth;
	const struct json_tree *at = find_spine(r, node, &depth);
	struct expr_term *terms =
		at == NULL ? NULL : json_build_room(r, node->tree, depth + 1, sizeof(*terms));

	if (terms == NULL)
		return NULL;
	terms[0].expr = read_operand(r, side_of(at, STR("left")), RANK_PRODUCT);
	for (size_t i = 1; terms[i - 1].expr != NULL && i <= depth; i++, at = at->up->up) {
		terms[i].is_minus = str_eq(at->first->name, STR("-"));
		terms[i].expr = read_operand(r, side_of(at, STR("right")), RANK_PRODUCT);
	}
	expr.sum.count = depth + 1;
	expr.sum.terms = terms;
	return terms[depth].expr == NULL ? NULL : json_build_keep(r, expr);
}

static bool read_step(struct json_build *r, const struct json_tree *tree, struct expr_step *out)
{
	const struct json_tree *attr;
	struct node node;

	if (!find_node(r, tree, &node))
		return false;
	out->at = tree->at;
	if (node.fn == FN_COUNT) {
		attr = side_of(tree, STR("attr"));
		if (!json_build_expect(r, attr, JSON_TREE_STRING))
			return false;
		out->attr = json_build_text(r, attr->string);
		return true;
	}
	out->is_call = true;
	out->fn = node.fn;
	out->attr = text_make(str_from_c(fn_table[node.fn].name));
	if (!fn_table[node.fn].is_core)
		return json_build_list(r, tree, node.body->first->next, node.body->count - 1,
				       read_nested, &out->args);
	return fn_table[node.fn].arity == 0 ||
	       json_build_list(r, tree, side_of(tree, STR("right")), 1, read_nested, &out->args);
}

static const struct expr *read_chain(struct json_build *r, const struct node *node)
{
	struct expr expr = {.kind = EXPR_CHAIN, .at = node->tree->at};
	size_t depth;
	const struct json_tree *at = find_spine(r, node, &depth);
	struct expr_step *steps =
		at == NULL ? NULL : json_build_room(r, node->tree, depth, sizeof(*steps));
	struct node inner;

	if (steps == NULL || !find_node(r, at, &inner))
		return NULL;
	expr.chain.base = read_operand(r, spine_operand(r, &inner), RANK_PRIMARY);
	if (expr.chain.base == NULL)
		return NULL;
	for (size_t i = 0; i < depth; i++, at = at->up->up)
		if (!read_step(r, at, &steps[i]))
			return NULL;
	expr.chain.count = depth;
	expr.chain.steps = steps;
	return json_build_keep(r, expr);
}

static bool read_path(struct json_build *r, const struct json_tree *attr, struct expr *expr)
{
	bool is_list = attr->kind == JSON_TREE_ARRAY && attr->count > 0;
	const struct json_tree *part = is_list ? attr->first : attr;
	size_t count = is_list ? attr->count : 1;
	struct text *path = json_build_room(r, attr, count, sizeof(*path));

	for (size_t i = 0; path != NULL && i < count; i++, part = part->next) {
		if (part->kind != JSON_TREE_STRING)
			return json_value_fail(&r->fault, ERR_MALFORMED, part->at,
					       "expected an attribute's name or a list of them");
		path[i] = json_build_text(r, part->string);
	}
	expr->has.count = count;
	expr->has.path = path;
	return path != NULL;
}

static const struct expr *read_has(struct json_build *r, const struct node *node)
{
	struct json_member members[] = {{.name = "left", .is_required = true},
					{.name = "attr", .is_required = true}};
	struct expr expr = {.kind = EXPR_HAS, .at = node->tree->at};

	/* Others are passed over, as the official reader does here and nowhere else. */
	if (!json_value_members(node->body, members, 2, false, &r->fault) ||
	    !read_path(r, members[1].found, &expr))
		return NULL;
	expr.has.left = read_operand(r, members[0].found, RANK_SUM);
	return expr.has.left == NULL ? NULL : json_build_keep(r, expr);
}

/* The literal of {"Literal": string}, unset for the word "Wildcard". */
static bool read_piece(struct json_build *r, const struct json_tree *tree, struct str *out)
{
	const struct json_tree *literal = json_tree_get(tree, STR("Literal"));

	*out = (struct str){NULL, 0};
	if (tree->kind == JSON_TREE_STRING && str_eq(tree->string, STR("Wildcard")))
		return true;
	if (!json_tree_is(literal, JSON_TREE_STRING) || tree->count != 1)
		return json_value_fail(&r->fault, ERR_MALFORMED, tree->at,
				       "expected \"Wildcard\" or {\"Literal\": ...}");
	*out = literal->string;
	return true;
}

static bool read_pattern(struct json_build *r, const struct json_tree *tree, struct pattern *out)
{
	const struct json_tree *at = tree->first;
	struct str *pieces;
	struct str piece;
	size_t count = 1;

	if (!json_build_expect(r, tree, JSON_TREE_ARRAY))
		return false;
	pieces = json_build_room(r, tree, tree->count + 1, sizeof(*pieces));
	if (pieces == NULL)
		return false;
	pieces[0] = STR("");
	for (; at != NULL; at = at->next) {
		if (!read_piece(r, at, &piece))
			return false;
		if (str_is_set(piece))
			pieces[count - 1] = arena_concat(r->arena, pieces[count - 1], piece);
		else
			pieces[count++] = STR("");
	}
	*out = (struct pattern){count, pieces};
	return true;
}

static const struct expr *read_like(struct json_build *r, const struct node *node)
{
	struct json_member members[] = {{.name = "left", .is_required = true},
					{.name = "pattern", .is_required = true}};
	struct expr expr = {.kind = EXPR_LIKE, .at = node->tree->at};

	if (!json_value_members(node->body, members, 2, true, &r->fault) ||
	    !read_pattern(r, members[1].found, &expr.like.pattern))
		return NULL;
	expr.like.left = read_operand(r, members[0].found, RANK_SUM);
	return expr.like.left == NULL ? NULL : json_build_keep(r, expr);
}

static const struct expr *read_is(struct json_build *r, const struct node *node)
{
	struct json_member members[] = {{.name = "left", .is_required = true},
					{.name = "entity_type", .is_required = true},
					{.name = "in"}};
	struct expr expr = {.kind = EXPR_IS, .at = node->tree->at};
	const struct json_tree *type;

	if (!json_value_members(node->body, members, 3, true, &r->fault) ||
	    !json_value_type(r->arena, members[1].found, &expr.is.type, &r->fault))
		return NULL;
	type = members[2].found;
	expr.is.left = read_operand(r, members[0].found, RANK_SUM);
	if (expr.is.left == NULL)
		return NULL;
	if (type != NULL && type->kind != JSON_TREE_NULL) {
		expr.is.in = read_operand(r, type, RANK_SUM);
		if (expr.is.in == NULL)
			return NULL;
	}
	return json_build_keep(r, expr);
}

static const struct expr *read_if(struct json_build *r, const struct node *node)
{
	struct json_member members[] = {{.name = "if", .is_required = true},
					{.name = "then", .is_required = true},
					{.name = "else", .is_required = true}};
	struct expr expr = {.kind = EXPR_IF, .at = node->tree->at};
	const struct expr *parts[3] = {NULL, NULL, NULL};

	if (!json_value_members(node->body, members, 3, true, &r->fault))
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		parts[i] = read_nested(r, members[i].found);
		if (parts[i] == NULL)
			return NULL;
	}
	expr.cond.test = parts[0];
	expr.cond.then = parts[1];
	expr.cond.other = parts[2];
	return json_build_keep(r, expr);
}

static const struct expr *read_set(struct json_build *r, const struct node *node)
{
	return json_build_expect(r, node->body, JSON_TREE_ARRAY)
		       ? json_build_set(r, node->body, read_nested)
		       : NULL;
}

static const struct expr *read_record(struct json_build *r, const struct node *node)
{
	return json_build_expect(r, node->body, JSON_TREE_OBJECT)
		       ? json_build_record(r, node->body, read_nested)
		       : NULL;
}

static const struct expr *read_function(struct json_build *r, const struct node *node)
{
	struct expr_list args;

	if (!json_build_expect(r, node->body, JSON_TREE_ARRAY) ||
	    !json_build_list(r, node->body, node->body->first, node->body->count, read_nested,
			     &args))
		return NULL;
	return json_build_call(r, node->tree->at, node->fn, args);
}

/* clang-format off */
#define OPERATOR(text, ...) {{text, sizeof(text) - 1}, __VA_ARGS__}
static const struct op operators[] = {
	/*        name            rank           kind          detail            */
	OPERATOR("Value",        RANK_PRIMARY,  EXPR_VALUE,   FN_COUNT,         read_value),
	OPERATOR("Var",          RANK_PRIMARY,  EXPR_VAR,     FN_COUNT,         read_var),
	OPERATOR("Slot",         RANK_PRIMARY,  EXPR_VAR,     FN_COUNT,         read_slot),
	OPERATOR("!",            RANK_UNARY,    EXPR_NOT,     FN_COUNT,         read_unary),
	OPERATOR("neg",          RANK_UNARY,    EXPR_NEG,     FN_COUNT,         read_unary),
	OPERATOR("==",           RANK_RELATION, EXPR_COMPARE, OP_EQ,            read_compare),
	OPERATOR("!=",           RANK_RELATION, EXPR_COMPARE, OP_NE,            read_compare),
	OPERATOR("<",            RANK_RELATION, EXPR_COMPARE, OP_LT,            read_compare),
	OPERATOR("<=",           RANK_RELATION, EXPR_COMPARE, OP_LE,            read_compare),
	OPERATOR(">",            RANK_RELATION, EXPR_COMPARE, OP_GT,            read_compare),
	OPERATOR(">=",           RANK_RELATION, EXPR_COMPARE, OP_GE,            read_compare),
	OPERATOR("in",           RANK_RELATION, EXPR_COMPARE, OP_IN,            read_compare),
	OPERATOR("&&",           RANK_AND,      EXPR_AND,     FN_COUNT,         read_spine),
	OPERATOR("||",           RANK_OR,       EXPR_OR,      FN_COUNT,         read_spine),
	OPERATOR("*",            RANK_PRODUCT,  EXPR_PRODUCT, FN_COUNT,         read_spine),
	OPERATOR("+",            RANK_SUM,      EXPR_SUM,     FN_COUNT,         read_sum),
	OPERATOR("-",            RANK_SUM,      EXPR_SUM,     FN_COUNT,         read_sum),
	OPERATOR(".",            RANK_MEMBER,   EXPR_CHAIN,   FN_COUNT,         read_chain),
	OPERATOR("contains",     RANK_MEMBER,   EXPR_CHAIN,   FN_CONTAINS,      read_chain),
	OPERATOR("containsAll",  RANK_MEMBER,   EXPR_CHAIN,   FN_CONTAINS_ALL,  read_chain),
	OPERATOR("containsAny",  RANK_MEMBER,   EXPR_CHAIN,   FN_CONTAINS_ANY,  read_chain),
	OPERATOR("isEmpty",      RANK_MEMBER,   EXPR_CHAIN,   FN_IS_EMPTY,      read_chain),
	OPERATOR("hasTag",       RANK_MEMBER,   EXPR_CHAIN,   FN_HAS_TAG,       read_chain),
	OPERATOR("getTag",       RANK_MEMBER,   EXPR_CHAIN,   FN_GET_TAG,       read_chain),
	OPERATOR("has",          RANK_RELATION, EXPR_HAS,     FN_COUNT,         read_has),
	OPERATOR("like",         RANK_RELATION, EXPR_LIKE,    FN_COUNT,         read_like),
	OPERATOR("is",           RANK_RELATION, EXPR_IS,      FN_COUNT,         read_is),
	OPERATOR("if-then-else", RANK_IF,       EXPR_IF,      FN_COUNT,         read_if),
	OPERATOR("Set",          RANK_PRIMARY,  EXPR_SET,     FN_COUNT,         read_set),
	OPERATOR("Record",       RANK_PRIMARY,  EXPR_RECORD,  FN_COUNT,         read_record),
};
static const struct op extension_method =
	OPERATOR("",             RANK_MEMBER,   EXPR_CHAIN,   FN_COUNT,         read_chain);
static const struct op extension_function =
	OPERATOR("",             RANK_PRIMARY,  EXPR_CALL,    FN_COUNT,         read_function);
#undef OPERATOR
/* clang-format on */

static bool fail_operator(struct json_build *r, const struct json_tree *body)
{
	struct suggest suggest = {.word = body->name};

	for (size_t i = 0; i < ARRAY_LEN(operators); i++)
		suggest_try(&suggest, operators[i].name);
	for (size_t i = 0; i < FN_COUNT; i++)
		suggest_try(&suggest, str_from_c(fn_table[i].name));
	if (str_is_set(suggest.best))
		return json_value_fail(
			&r->fault, ERR_MALFORMED, body->name_at,
			"`" STR_FMT "` is no operator or function: is it `" STR_FMT "`?",
			(int)MIN(body->name.len, 80), body->name.ptr, STR_ARG(suggest.best));
	return json_value_fail(&r->fault, ERR_MALFORMED, body->name_at,
			       "`" STR_FMT "` is no operator or function",
			       (int)MIN(body->name.len, 80), body->name.ptr);
}

static bool find_node(struct json_build *r, const struct json_tree *tree, struct node *out)
{
	struct node node = {.tree = tree, .fn = FN_COUNT};

	if (!json_build_expect(r, tree, JSON_TREE_OBJECT))
		return false;
	if (tree->count != 1)
		return json_value_fail(&r->fault, ERR_MALFORMED, tree->at,
				       "an expression is an object of one member, its operator; "
				       "this has %u",
				       tree->count);
	node.body = tree->first;
	for (size_t i = 0; node.op == NULL && i < ARRAY_LEN(operators); i++)
		if (str_eq(operators[i].name, node.body->name))
			node.op = &operators[i];
	if (node.op == NULL) {
		node.fn = fn_find(node.body->name);
		if (node.fn == FN_COUNT)
			return fail_operator(r, node.body);
		node.op = fn_table[node.fn].is_method ? &extension_method : &extension_function;
	} else if (node.op->kind == EXPR_CHAIN) {
		node.fn = (enum fn_id)node.op->detail;
	}
	*out = node;
	return true;
}

/* A negative literal binds like the minus that it is written with. */
static enum rank rank_of(const struct node *node)
{
	bool is_negative = node->op->read == read_value && node->body->kind == JSON_TREE_INTEGER &&
			   node->body->integer < 0;

	return is_negative ? RANK_UNARY : node->op->rank;
}

static const struct expr *read_operand(struct json_build *r, const struct json_tree *tree,
				       enum rank rank)
{
	const struct expr *expr;
	struct node node;
	bool is_level;

	if (!find_node(r, tree, &node))
		return NULL;
	is_level = rank_of(&node) < rank;
	if (is_level && !json_build_enter(r, tree))
		return NULL;
	expr = node.op->read(r, &node);
	r->depth -= is_level ? 1 : 0;
	return expr;
}

/* An element, an argument, a part of an if, or all of it. */
static const struct expr *read_nested(struct json_build *r, const struct json_tree *tree)
{
	return read_operand(r, tree, RANK_BRACKETS);
}

const struct expr *json_expr_read(struct json_build *build, const struct json_tree *tree)
{
	return read_nested(build, tree);
}
