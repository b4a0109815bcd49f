/* SPDX-License-Identifier: Apache-2.0 */
/*
 *   expr    = or | "if" expr "then" expr "else" expr
 *   or      = and {"||" and}
 *   and     = rel {"&&" rel}
 *   rel     = add [("<" | "<=" | ">" | ">=" | "==" | "!=" | "in") add]
 *           | add "has" (name {"." name} | string) | add "like" pattern | add "is" path ["in" add]
 *   add     = mult {("+" | "-") mult}
 *   mult    = unary {"*" unary}
 *   unary   = {"!"} member | {"-"} member                      at most four of them
 *   member  = primary {"." name ["(" args ")"] | "[" string "]"}
 *   primary = literal | uid | variable | function "(" args ")" | "(" expr ")"
 *           | "[" args "]" | "{" [(name | string) ":" expr {"," ...} [","]] "}"
 */
#include <stdlib.h>

#include "base/suggest.h"
#include "policy/fold.h"
#include "policy/parse.h"

#define UNARY_MAX      4
#define OPERATOR_WORDS "`has``in``is``like`" /* may follow an expression: for suggestions */
#define LONG_MIN_SIZE  (1ULL << 63)

static const struct expr expr_broken = {.kind = EXPR_VALUE};

/* A copy in the set's arena; a harmless node when memory ran out. */
static const struct expr *expr_keep(struct parse *p, struct expr expr)
{
	struct expr *kept = arena_alloc(p->lex.arena, sizeof(*kept));

	if (kept == NULL) {
		lex_fail_memory(&p->lex);
		return &expr_broken;
	}
	*kept = expr;
	return kept;
}

static void list_push(struct parse *p, struct lex_list *list, const struct expr *expr)
{
	list->size = sizeof(const struct expr *);
	lex_list_push(&p->lex, list, &expr, p->max_elements);
}

static struct expr_list list_done(const struct lex_list *list)
{
	return (struct expr_list){list->count, (const void *)list->items};
}

void parse_end(struct parse *p, enum token_kind kind, const char *what)
{
	if (!lex_take(&p->lex, kind))
		lex_fail_near(&p->lex, what, OPERATOR_WORDS);
}

static struct expr_list parse_args(struct parse *p, enum token_kind close)
{
	struct lex_list list = {0};

	while (p->lex.err == OK && p->lex.token.kind != close) {
		list_push(p, &list, parse_expr(p));
		if (!lex_take(&p->lex, TOKEN_COMMA))
			break;
	}
	parse_end(p, close, close == TOKEN_RPAREN ? "`,` or `)`" : "`,` or `]`");
	return list_done(&list);
}

/* The nearest of the methods, or of the other functions. */
static struct str near_function(struct str name, bool is_method)
{
	struct suggest near = {.word = name};

	for (size_t i = 0; i < FN_COUNT; i++)
		if (fn_table[i].is_method == is_method)
			suggest_try(&near, str_from_c(fn_table[i].name));
	return near.best;
}

/* An unknown one, or a method written as a function. */
static void fail_function(struct parse *p, struct str name, enum fn_id fn, uint32_t at)
{
	struct str function = near_function(name, false);
	struct str method = fn == FN_COUNT ? near_function(name, true) : name;

	if (fn != FN_COUNT)
		lex_fail(&p->lex, ERR_MALFORMED, at,
			 "`" STR_FMT "` is a method: write x." STR_FMT "(...)", STR_ARG(name),
			 STR_ARG(name));
	else if (str_is_set(function))
		lex_fail(&p->lex, ERR_MALFORMED, at,
			 "`" STR_FMT "` is not a function; did you mean `" STR_FMT "`?",
			 STR_ARG(name), STR_ARG(function));
	else if (str_is_set(method))
		lex_fail(&p->lex, ERR_MALFORMED, at,
			 "`" STR_FMT "` is not a function; did you mean the method x." STR_FMT
			 "(...)?",
			 STR_ARG(name), STR_ARG(method));
	else
		lex_fail(&p->lex, ERR_MALFORMED, at,
			 "`" STR_FMT
			 "` is not a function: there are ip, decimal, datetime and duration",
			 STR_ARG(name));
}

static const struct expr *parse_call(struct parse *p, struct str name, uint32_t at)
{
	struct expr expr = {.kind = EXPR_CALL, .at = at};

	expr.call.fn = fn_find(name);
	if (expr.call.fn == FN_COUNT || fn_table[expr.call.fn].is_method)
		fail_function(p, name, expr.call.fn, at);
	lex_advance(&p->lex);
	expr.call.args = parse_args(p, TOKEN_RPAREN);
	if (p->lex.err == OK)
		fold_expr(p->lex.arena, &expr);
	return expr_keep(p, expr);
}

static void fail_variable(struct parse *p, struct str name, uint32_t at)
{
	static const char *const words[] = {"principal", "action", "resource", "context",
					    "true",	 "false",  "if"};
	struct suggest near = {.word = name};

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		suggest_try(&near, str_from_c(words[i]));
	if (str_eq(name, STR("not")))
		near.best = STR("!");
	if (str_is_set(near.best))
		lex_fail(&p->lex, ERR_MALFORMED, at,
			 "`" STR_FMT "` is not a variable; did you mean `" STR_FMT "`?",
			 STR_ARG(name), STR_ARG(near.best));
	else
		lex_fail(&p->lex, ERR_MALFORMED, at,
			 "`" STR_FMT
			 "` is not a variable: there are principal, action, resource, context",
			 STR_ARG(name));
}

/* A word first: literal, variable, function or entity. */
static const struct expr *parse_word(struct parse *p)
{
	static const char *const variables[] = {
		[VAR_PRINCIPAL] = "principal",
		[VAR_ACTION] = "action",
		[VAR_RESOURCE] = "resource",
		[VAR_CONTEXT] = "context",
	};
	struct expr expr = {.kind = EXPR_VALUE, .at = p->lex.token.at};
	struct str name;
	bool is_uid;

	if (lex_is_word(&p->lex, STR("true")) || lex_is_word(&p->lex, STR("false"))) {
		expr.value = value_bool(lex_is_word(&p->lex, STR("true")));
		lex_advance(&p->lex);
		return expr_keep(p, expr);
	}
	name = parse_name(p, "an expression",
			  lex_is_word(&p->lex, STR("if")) ? ": put the `if` into brackets" : "");
	if (p->lex.token.kind == TOKEN_LPAREN)
		return parse_call(p, name, expr.at);
	if (p->lex.token.kind == TOKEN_PATH) {
		name = parse_path_rest(p, name, &is_uid);
		if (p->lex.token.kind == TOKEN_LPAREN)
			return parse_call(p, name, expr.at);
		if (!is_uid)
			lex_fail_expected(&p->lex, "`::` and the id in quotes");
		expr.value = value_entity(parse_uid_rest(p, name));
		return expr_keep(p, expr);
	}
	for (unsigned i = 0; i < ARRAY_LEN(variables); i++)
		if (str_eq(name, str_from_c(variables[i]))) {
			expr.kind = EXPR_VAR;
			expr.var = (enum expr_var)i;
			return expr_keep(p, expr);
		}
	fail_variable(p, name, expr.at);
	return &expr_broken;
}

static struct str record_key(struct parse *p)
{
	struct token token = p->lex.token;

	if (lex_take(&p->lex, TOKEN_STRING))
		return lex_string(&p->lex, &token);
	return parse_name(p, "a record key or `}`", ": write it in quotes");
}

static int order_texts(const void *a, const void *b)
{
	return text_compare(*(const struct text *const *)a, *(const struct text *const *)b);
}

static const struct expr *record_done(struct parse *p, struct expr expr,
				      const struct lex_list *keys, const struct expr_list *values)
{
	struct arena_mark mark = arena_mark(p->lex.arena);
	const struct text **sorted = arena_array(p->lex.arena, keys->count, sizeof(*sorted));

	expr.record.count = keys->count;
	expr.record.keys = (const void *)keys->items;
	expr.record.values = values->items;
	for (size_t i = 0; sorted != NULL && i < keys->count; i++)
		sorted[i] = &expr.record.keys[i];
	if (sorted == NULL)
		lex_fail_memory(&p->lex);
	if (p->lex.err != OK)
		return &expr_broken;
	qsort(sorted, keys->count, sizeof(const struct text *), order_texts);
	for (size_t i = 1; i < keys->count; i++)
		if (text_eq(sorted[i - 1], sorted[i]))
			lex_fail(&p->lex, ERR_MALFORMED, expr.at,
				 "key `" STR_FMT "` stands twice in one record",
				 STR_ARG(sorted[i]->str));
	arena_rewind(p->lex.arena, mark);
	return expr_keep(p, expr);
}

static const struct expr *parse_record(struct parse *p)
{
	struct expr expr = {.kind = EXPR_RECORD, .at = p->lex.token.at};
	struct lex_list keys = {.size = sizeof(struct text)};
	struct lex_list values = {0};
	struct expr_list list;

	lex_advance(&p->lex);
	while (p->lex.err == OK && p->lex.token.kind != TOKEN_RBRACE) {
		struct text key = text_make(record_key(p));

		lex_expect(&p->lex, TOKEN_COLON, "`:` behind a record key");
		lex_list_push(&p->lex, &keys, &key, p->max_elements);
		list_push(p, &values, parse_expr(p));
		if (!lex_take(&p->lex, TOKEN_COMMA))
			break;
	}
	parse_end(p, TOKEN_RBRACE, "`,` or `}`");
	list = list_done(&values);
	return p->lex.err == OK ? record_done(p, expr, &keys, &list) : &expr_broken;
}

static const struct expr *parse_set(struct parse *p)
{
	struct expr expr = {.kind = EXPR_SET, .at = p->lex.token.at};

	lex_advance(&p->lex);
	expr.list = parse_args(p, TOKEN_RBRACKET);
	if (p->lex.err != OK)
		return &expr_broken;
	fold_expr(p->lex.arena, &expr);
	return expr_keep(p, expr);
}

static const struct expr *parse_literal(struct parse *p)
{
	struct expr expr = {.kind = EXPR_VALUE, .at = p->lex.token.at};
	struct token token = p->lex.token;

	if (token.kind == TOKEN_INTEGER && token.number > INT64_MAX)
		lex_fail(&p->lex, ERR_MALFORMED, token.at,
			 "integer is out of range (at most 9223372036854775807)");
	lex_advance(&p->lex);
	if (token.kind == TOKEN_INTEGER) {
		expr.value = value_long((int64_t)(token.number & INT64_MAX));
	} else {
		expr.value = value_string(p->lex.arena, lex_string(&p->lex, &token));
		if (expr.value.kind == VALUE_NONE)
			lex_fail_memory(&p->lex);
	}
	return expr_keep(p, expr);
}

static const struct expr *parse_primary(struct parse *p)
{
	const struct expr *inner;

	switch ((unsigned)p->lex.token.kind) {
	case TOKEN_INTEGER:
	case TOKEN_STRING: return parse_literal(p);
	case TOKEN_IDENT: return parse_word(p);
	case TOKEN_LBRACKET: return parse_set(p);
	case TOKEN_LBRACE: return parse_record(p);
	case TOKEN_LPAREN:
		lex_advance(&p->lex);
		inner = parse_expr(p);
		parse_end(p, TOKEN_RPAREN, "`)`");
		return inner;
	case TOKEN_SLOT:
		lex_fail(&p->lex, ERR_MALFORMED, p->lex.token.at,
			 "slot `?" STR_FMT "` cannot stand here: slots stand in the scope only",
			 STR_ARG(p->lex.token.text));
		break;
	default: lex_fail_expected(&p->lex, "an expression"); break;
	}
	return &expr_broken;
}

static void fail_method(struct parse *p, const struct expr_step *step)
{
	struct str name = step->attr.str;
	struct str near = near_function(name, true);

	if (step->fn != FN_COUNT)
		lex_fail(&p->lex, ERR_MALFORMED, step->at,
			 "`" STR_FMT "` is a function: write " STR_FMT "(...)", STR_ARG(name),
			 STR_ARG(name));
	else if (str_is_set(near))
		lex_fail(&p->lex, ERR_MALFORMED, step->at,
			 "`" STR_FMT "` is not a method; did you mean `" STR_FMT "`?",
			 STR_ARG(name), STR_ARG(near));
	else
		lex_fail(&p->lex, ERR_MALFORMED, step->at, "`" STR_FMT "` is not a method",
			 STR_ARG(name));
}

static void method_call(struct parse *p, struct expr_step *step)
{
	const struct fn *fn;

	step->is_call = true;
	step->fn = fn_find(step->attr.str);
	if (step->fn == FN_COUNT || !fn_table[step->fn].is_method) {
		fail_method(p, step);
		return;
	}
	fn = &fn_table[step->fn];
	lex_advance(&p->lex);
	step->args = parse_args(p, TOKEN_RPAREN);
	if (fn->is_core && step->args.count != fn->arity)
		lex_fail(&p->lex, ERR_MALFORMED, step->at, "`%s` takes %u argument%s, not %zu",
			 fn->name, (unsigned)fn->arity, fn->arity == 1 ? "" : "s",
			 step->args.count);
}

/* One step of a member chain; false when there is none. */
static bool parse_step(struct parse *p, struct expr_step *out_step)
{
	struct expr_step step = {.at = p->lex.token.at};
	struct token token;

	if (lex_take(&p->lex, TOKEN_DOT)) {
		step.at = p->lex.token.at;
		step.attr = text_make(parse_name(p, "an attribute or method", ": write [\"...\"]"));
		if (p->lex.token.kind == TOKEN_LPAREN)
			method_call(p, &step);
	} else if (lex_take(&p->lex, TOKEN_LBRACKET)) {
		token = p->lex.token;
		lex_expect(&p->lex, TOKEN_STRING, "an attribute as a string");
		if (p->lex.err == OK)
			step.attr = text_make(lex_string(&p->lex, &token));
		lex_expect(&p->lex, TOKEN_RBRACKET, "`]`");
	} else {
		return false;
	}
	*out_step = step;
	return p->lex.err == OK;
}

static const struct expr *parse_member(struct parse *p)
{
	struct expr expr = {.kind = EXPR_CHAIN, .at = p->lex.token.at};
	struct lex_list steps = {.size = sizeof(struct expr_step)};
	struct expr_step step;

	expr.chain.base = parse_primary(p);
	while (parse_step(p, &step))
		lex_list_push(&p->lex, &steps, &step, p->max_elements);
	if (steps.count == 0)
		return expr.chain.base;
	expr.chain.count = steps.count;
	expr.chain.steps = (const void *)steps.items;
	return expr_keep(p, expr);
}

/* The last minus belongs to an integer literal that stands alone behind it: so the smallest long
 * can be written. */
static const struct expr *negated_member(struct parse *p, unsigned *minuses)
{
	struct token token = p->lex.token;
	struct expr expr = {.kind = EXPR_VALUE, .at = token.at};
	struct lex ahead;

	if (token.kind != TOKEN_INTEGER || token.number > LONG_MIN_SIZE)
		return parse_member(p);
	ahead = p->lex;
	ahead.diag = NULL;
	lex_advance(&ahead);
	if (ahead.token.kind == TOKEN_DOT || ahead.token.kind == TOKEN_LBRACKET)
		return parse_member(p);
	lex_advance(&p->lex);
	(*minuses)--;
	expr.value = value_long((int64_t)(0 - token.number));
	return expr_keep(p, expr);
}

static const struct expr *parse_unary(struct parse *p)
{
	struct expr expr = {.at = p->lex.token.at};
	enum token_kind kind = p->lex.token.kind;
	unsigned count = 0;

	if (kind != TOKEN_NOT && kind != TOKEN_MINUS)
		return parse_member(p);
	while (count < UNARY_MAX && lex_take(&p->lex, kind))
		count++;
	if (p->lex.token.kind == kind)
		lex_fail(&p->lex, ERR_MALFORMED, p->lex.token.at, "more than %d of `%c` in a row",
			 UNARY_MAX, kind == TOKEN_NOT ? '!' : '-');
	expr.unary.arg = kind == TOKEN_MINUS ? negated_member(p, &count) : parse_member(p);
	if (count == 0)
		return expr.unary.arg;
	expr.kind = kind == TOKEN_NOT ? EXPR_NOT : EXPR_NEG;
	expr.unary.count = count;
	return expr_keep(p, expr);
}

/* item {mark item}: one node for the whole chain, or the single item itself. */
static const struct expr *parse_chain(struct parse *p, enum expr_kind kind, enum token_kind mark,
				      const struct expr *(*item)(struct parse *))
{
	struct expr expr = {.kind = kind, .at = p->lex.token.at};
	struct lex_list list = {0};
	const struct expr *first = item(p);

	if (p->lex.token.kind != mark)
		return first;
	list_push(p, &list, first);
	while (lex_take(&p->lex, mark))
		list_push(p, &list, item(p));
	expr.list = list_done(&list);
	return expr_keep(p, expr);
}

static const struct expr *parse_mult(struct parse *p)
{
	const struct expr *expr = parse_chain(p, EXPR_PRODUCT, TOKEN_STAR, parse_unary);

	if (p->lex.token.kind == TOKEN_SLASH || p->lex.token.kind == TOKEN_PERCENT)
		lex_fail(&p->lex, ERR_MALFORMED, p->lex.token.at,
			 "operator `%c` is not supported: Cedar has + - * only",
			 p->lex.token.kind == TOKEN_SLASH ? '/' : '%');
	return expr;
}

static const struct expr *parse_add(struct parse *p)
{
	struct expr expr = {.kind = EXPR_SUM, .at = p->lex.token.at};
	struct lex_list terms = {.size = sizeof(struct expr_term)};
	struct expr_term term = {.expr = parse_mult(p)};

	if (p->lex.token.kind != TOKEN_PLUS && p->lex.token.kind != TOKEN_MINUS)
		return term.expr;
	lex_list_push(&p->lex, &terms, &term, p->max_elements);
	while (p->lex.token.kind == TOKEN_PLUS || p->lex.token.kind == TOKEN_MINUS) {
		term.is_minus = p->lex.token.kind == TOKEN_MINUS;
		lex_advance(&p->lex);
		term.expr = parse_mult(p);
		lex_list_push(&p->lex, &terms, &term, p->max_elements);
	}
	expr.sum.count = terms.count;
	expr.sum.terms = (const void *)terms.items;
	return expr_keep(p, expr);
}

static const struct expr *parse_has(struct parse *p, struct expr expr)
{
	struct lex_list path = {.size = sizeof(struct text)};
	struct token token = p->lex.token;
	struct text part;

	if (lex_take(&p->lex, TOKEN_STRING)) {
		part = text_make(lex_string(&p->lex, &token));
		lex_list_push(&p->lex, &path, &part, 1);
	} else {
		do {
			part = text_make(
				parse_name(p, "an attribute behind `has`", ": write it in quotes"));
			lex_list_push(&p->lex, &path, &part, p->max_elements);
		} while (lex_take(&p->lex, TOKEN_DOT));
	}
	expr.has.count = path.count;
	expr.has.path = (const void *)path.items;
	return expr_keep(p, expr);
}

static const struct expr *parse_like(struct parse *p, struct expr expr)
{
	struct token token = p->lex.token;

	lex_expect(&p->lex, TOKEN_STRING, "a pattern in quotes behind `like`");
	if (p->lex.err == OK)
		expr.like.pattern = lex_pattern(&p->lex, &token);
	return expr_keep(p, expr);
}

static const struct expr *parse_is(struct parse *p, struct expr expr)
{
	expr.is.type = text_make(parse_path(p));
	if (lex_take_word(&p->lex, STR("in")))
		expr.is.in = parse_add(p);
	return expr_keep(p, expr);
}

static enum expr_op take_comparison(struct parse *p)
{
	static const struct {
		enum token_kind token;
		enum expr_op op;
	} marks[] = {
		{TOKEN_EQ, OP_EQ}, {TOKEN_NE, OP_NE}, {TOKEN_LT, OP_LT},
		{TOKEN_LE, OP_LE}, {TOKEN_GT, OP_GT}, {TOKEN_GE, OP_GE},
	};

	for (size_t i = 0; i < ARRAY_LEN(marks); i++)
		if (lex_take(&p->lex, marks[i].token))
			return marks[i].op;
	lex_advance(&p->lex);
	return OP_IN;
}

/* Only one of these stands between two operands: a == b == c is refused. */
static bool is_relation(const struct lex *lex)
{
	return (lex->token.kind >= TOKEN_EQ && lex->token.kind <= TOKEN_GE) ||
	       lex_is_word(lex, STR("in")) || lex_is_word(lex, STR("has")) ||
	       lex_is_word(lex, STR("like")) || lex_is_word(lex, STR("is"));
}

static const struct expr *parse_relation(struct parse *p, const struct expr *left, uint32_t at)
{
	enum expr_op op;

	if (lex_take_word(&p->lex, STR("has")))
		return parse_has(p, (struct expr){.kind = EXPR_HAS, .at = at, .has.left = left});
	if (lex_take_word(&p->lex, STR("like")))
		return parse_like(p, (struct expr){.kind = EXPR_LIKE, .at = at, .like.left = left});
	if (lex_take_word(&p->lex, STR("is")))
		return parse_is(p, (struct expr){.kind = EXPR_IS, .at = at, .is.left = left});
	op = take_comparison(p);
	return expr_keep(
		p,
		(struct expr){.kind = EXPR_COMPARE, .at = at, .compare = {op, left, parse_add(p)}});
}

static const struct expr *parse_rel(struct parse *p)
{
	uint32_t at = p->lex.token.at;
	const struct expr *expr = parse_add(p);

	if (!is_relation(&p->lex))
		return expr;
	expr = parse_relation(p, expr, at);
	if (is_relation(&p->lex))
		lex_fail(&p->lex, ERR_MALFORMED, p->lex.token.at,
			 "`" STR_FMT "` behind a comparison: put one of the two into brackets",
			 STR_ARG(p->lex.token.text));
	return expr;
}

static const struct expr *parse_and(struct parse *p)
{
	return parse_chain(p, EXPR_AND, TOKEN_AND, parse_rel);
}

static const struct expr *parse_if(struct parse *p)
{
	struct expr expr = {.kind = EXPR_IF, .at = p->lex.token.at};

	lex_advance(&p->lex);
	expr.cond.test = parse_expr(p);
	if (!lex_take_word(&p->lex, STR("then")))
		lex_fail_near(&p->lex, "`then`", OPERATOR_WORDS);
	expr.cond.then = parse_expr(p);
	if (!lex_take_word(&p->lex, STR("else")))
		lex_fail_near(&p->lex, "`else`", OPERATOR_WORDS);
	expr.cond.other = parse_expr(p);
	return expr_keep(p, expr);
}

void parse_fail_depth(struct parse *p)
{
	lex_fail(&p->lex, ERR_LIMIT, p->lex.token.at,
		 "nested deeper than %d levels (limit AST_DEPTH)", AST_DEPTH);
}

const struct expr *parse_expr(struct parse *p)
{
	const struct expr *expr;

	if (p->depth >= AST_DEPTH) {
		parse_fail_depth(p);
		return &expr_broken;
	}
	p->depth++;
	if (lex_is_word(&p->lex, STR("if")))
		expr = parse_if(p);
	else
		expr = parse_chain(p, EXPR_OR, TOKEN_OR, parse_and);
	p->depth--;
	return expr;
}
