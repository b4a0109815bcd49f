/* SPDX-License-Identifier: Apache-2.0 */
/*
 *   @id("x")
 *   @reason("one annotation per line")
 *   permit (principal, action, resource is T)  each variable on its line where this is too long
 *   when { a && b }
 *   unless {
 *     a ||
 *     b.method(                                a bracket closes on a line of its own
 *       c
 *     ) &&
 *       d ==                                   a chain inside of another is indented,
 *         e                                    and so is what an operator waits for
 *   };
 *
 * Comments end lines, so they must not stand inside of a group that could do
 * without: those above a token are written before the groups that it begins,
 * those behind a token after the groups that it ends.
 */
#include "policy/format_walk.h"

#define NO_MARK SIZE_MAX

struct walk {
	struct layout *layout;
	const struct format_tokens *tokens;
	size_t at;    /* the current token */
	size_t led;   /* 1 + the token whose comments above it are written */
	size_t depth; /* open brackets */
	size_t note;  /* 1 + a comment that waits to be written behind what stands there */
};

/* Where a chain's indentation would begin and end: whoever has it as an operand turns it on. */
struct chain {
	size_t in, out;
};

typedef struct chain walk_fn(struct walk *w);

static const struct chain no_chain = {NO_MARK, NO_MARK};

static void walk_expr(struct walk *w);
static struct chain walk_add(struct walk *w);

static const struct format_token *token_at(const struct walk *w, size_t at)
{
	return &w->tokens->items[MIN(at, w->tokens->count - 1)];
}

static enum token_kind kind(const struct walk *w)
{
	return token_at(w, w->at)->kind;
}

static bool is_word(const struct walk *w, struct str word)
{
	return kind(w) == TOKEN_IDENT && str_eq(token_at(w, w->at)->text, word);
}

static void put_piece(struct walk *w, enum layout_piece piece)
{
	layout_put(w->layout, piece);
}

static void write_note(struct walk *w)
{
	if (w->note > 0)
		layout_text(w->layout, LAYOUT_NOTE, w->tokens->comments[w->note - 1].text);
	w->note = 0;
}

/* Empty lines stay above the policy and inside of brackets, but not where those open. */
static bool keeps_blank(const struct walk *w, size_t comment)
{
	const struct format_token *token = token_at(w, w->at);

	if (!w->tokens->comments[comment].is_after_blank || (w->at > 0 && w->depth == 0))
		return false;
	return w->at == 0 || comment > token->comment_from || token[-1].match == 0;
}

/* Writes the comments that stand before the current token. */
static void lead(struct walk *w)
{
	const struct format_token *token = token_at(w, w->at);

	write_note(w);
	if (w->led > w->at)
		return;
	w->led = w->at + 1;
	for (size_t i = token->comment_from; i < token->comment_to; i++) {
		put_piece(w, keeps_blank(w, i) ? LAYOUT_BLANK : LAYOUT_HARD);
		layout_text(w->layout, LAYOUT_TEXT, w->tokens->comments[i].text);
		put_piece(w, LAYOUT_HARD);
	}
}

static void put(struct walk *w)
{
	const struct format_token *token = token_at(w, w->at);

	if (w->at >= w->tokens->count)
		return;
	lead(w);
	layout_text(w->layout, LAYOUT_TEXT, token->text);
	w->note = token->note;
	w->at++;
}

/* A place where a line may end. */
static void end_line(struct walk *w, enum layout_piece piece)
{
	write_note(w);
	put_piece(w, piece);
}

static size_t mark(struct walk *w)
{
	lead(w);
	return layout_mark(w->layout);
}

static void turn(struct walk *w, size_t at, enum layout_piece piece)
{
	if (at != NO_MARK)
		layout_turn(w->layout, at, piece);
}

static void indent_chain(struct walk *w, struct chain chain)
{
	turn(w, chain.in, LAYOUT_INDENT_IN);
	turn(w, chain.out, LAYOUT_INDENT_OUT);
}

/* Brackets ----------------------------------------------------------------------------------- */

static void walk_item(struct walk *w)
{
	walk_expr(w);
	if (kind(w) != TOKEN_COLON)
		return;
	put(w);
	put_piece(w, LAYOUT_SPACE);
	walk_expr(w);
}

static void walk_items(struct walk *w, size_t close, enum layout_piece inside,
		       void (*item)(struct walk *))
{
	put_piece(w, LAYOUT_INDENT_IN);
	end_line(w, inside);
	w->depth++;
	while (w->at < close) {
		item(w);
		if (kind(w) == TOKEN_COMMA) {
			put(w);
			end_line(w, LAYOUT_LINE);
		}
	}
	lead(w);
	w->depth--;
	put_piece(w, LAYOUT_INDENT_OUT);
	end_line(w, inside);
}

/* Behind what opens and before what closes: `inside`, unless nothing stands between. */
static void walk_bracket(struct walk *w, enum layout_piece inside, void (*item)(struct walk *))
{
	size_t close = token_at(w, w->at)->match;

	turn(w, mark(w), LAYOUT_OPEN);
	put(w);
	walk_items(w, close, w->at == close ? LAYOUT_SOFT : inside, item);
	put(w);
	put_piece(w, LAYOUT_CLOSE);
}

/* f([...]) and f({...}): the inner bracket opens and closes on the lines of the outer one. */
static bool is_hugged(const struct walk *w)
{
	const struct format_token *inner = token_at(w, w->at + 1);

	return (inner->kind == TOKEN_LBRACKET || inner->kind == TOKEN_LBRACE) && inner->match > 0 &&
	       inner->match + 1 == token_at(w, w->at)->match;
}

static void walk_parens(struct walk *w)
{
	if (!is_hugged(w)) {
		walk_bracket(w, LAYOUT_SOFT, walk_expr);
		return;
	}
	put(w);
	walk_expr(w);
	put(w);
}

/* Expressions -------------------------------------------------------------------------------- */

static void walk_path(struct walk *w)
{
	put(w);
	while (kind(w) == TOKEN_PATH) {
		put(w);
		put(w);
	}
}

static void walk_primary(struct walk *w)
{
	switch ((unsigned)kind(w)) {
	case TOKEN_LPAREN: walk_parens(w); break;
	case TOKEN_LBRACKET: walk_bracket(w, LAYOUT_SOFT, walk_expr); break;
	case TOKEN_LBRACE: walk_bracket(w, LAYOUT_LINE, walk_item); break;
	case TOKEN_IDENT:
		walk_path(w);
		if (kind(w) == TOKEN_LPAREN)
			walk_parens(w);
		break;
	default: put(w); break;
	}
}

/* The token behind the step of a chain that begins at `at`; `at` when there is none. */
static size_t behind_step(const struct walk *w, size_t at, bool *out_is_call)
{
	const struct format_token *token = token_at(w, at);

	*out_is_call = false;
	if (token->kind == TOKEN_LBRACKET)
		return token->match + 1;
	if (token->kind != TOKEN_DOT)
		return at;
	*out_is_call = token_at(w, at + 2)->kind == TOKEN_LPAREN;
	return *out_is_call ? token_at(w, at + 2)->match + 1 : at + 2;
}

static size_t count_calls(const struct walk *w)
{
	size_t calls = 0;
	size_t at = w->at;
	bool is_call;

	for (size_t next; (next = behind_step(w, at, &is_call)) > at; at = next)
		calls += is_call;
	return calls;
}

static void open_steps(struct walk *w)
{
	lead(w);
	put_piece(w, LAYOUT_OPEN);
	put_piece(w, LAYOUT_INDENT_IN);
}

static void close_steps(struct walk *w)
{
	put_piece(w, LAYOUT_INDENT_OUT);
	put_piece(w, LAYOUT_CLOSE);
}

/*
 * .a.b.f(x)["c"]: of two methods or more each may begin a line. One method alone
 * is broken in its arguments, and only when there is no room up to those, as
 * without a method, each name but the first begins a line.
 */
static void walk_steps(struct walk *w)
{
	size_t calls = count_calls(w);
	bool is_open = true;
	bool is_call;

	open_steps(w);
	for (size_t step = 0; behind_step(w, w->at, &is_call) > w->at; step++) {
		bool is_name = kind(w) == TOKEN_DOT;

		if (is_name && is_open && (calls > 1 ? is_call : step > 0))
			end_line(w, LAYOUT_SOFT);
		for (unsigned i = is_name ? 2 : 3; i > 0; i--)
			put(w);
		if (is_call && calls == 1) {
			close_steps(w);
			is_open = false;
		}
		if (is_call)
			walk_parens(w);
	}
	if (is_open)
		close_steps(w);
}

static struct chain walk_unary(struct walk *w)
{
	bool is_call;

	while (kind(w) == TOKEN_NOT || kind(w) == TOKEN_MINUS)
		put(w);
	walk_primary(w);
	if (behind_step(w, w->at, &is_call) > w->at)
		walk_steps(w);
	return no_chain;
}

static struct chain walk_chain(struct walk *w, walk_fn *operand, enum token_kind a,
			       enum token_kind b)
{
	size_t open = mark(w);
	struct chain chain = operand(w);

	if (kind(w) != a && kind(w) != b)
		return chain;
	indent_chain(w, chain);
	turn(w, open, LAYOUT_OPEN);
	chain.in = layout_mark(w->layout);
	while (kind(w) == a || kind(w) == b) {
		put_piece(w, LAYOUT_SPACE);
		put(w);
		end_line(w, LAYOUT_LINE);
		indent_chain(w, operand(w));
	}
	chain.out = layout_mark(w->layout);
	put_piece(w, LAYOUT_CLOSE);
	return chain;
}

static struct chain walk_mult(struct walk *w)
{
	return walk_chain(w, walk_unary, TOKEN_STAR, TOKEN_STAR);
}

static struct chain walk_add(struct walk *w)
{
	return walk_chain(w, walk_mult, TOKEN_PLUS, TOKEN_MINUS);
}

/* Behind `==`, `in` and the like; a bracket opens on the same line. */
static void walk_right(struct walk *w)
{
	bool is_bracket = token_at(w, w->at)->match > 0;

	put_piece(w, is_bracket ? LAYOUT_SPACE : LAYOUT_INDENT_IN);
	if (!is_bracket)
		end_line(w, LAYOUT_LINE);
	indent_chain(w, walk_add(w));
	if (!is_bracket)
		put_piece(w, LAYOUT_INDENT_OUT);
}

static void walk_has(struct walk *w)
{
	put_piece(w, LAYOUT_SPACE);
	put(w);
	while (kind(w) == TOKEN_DOT) {
		put(w);
		put(w);
	}
}

static void walk_is(struct walk *w)
{
	put_piece(w, LAYOUT_SPACE);
	walk_path(w);
	if (!is_word(w, STR("in")))
		return;
	put_piece(w, LAYOUT_SPACE);
	put(w);
	walk_right(w);
}

static bool is_relation(const struct walk *w)
{
	return (kind(w) >= TOKEN_EQ && kind(w) <= TOKEN_GE) || is_word(w, STR("in")) ||
	       is_word(w, STR("has")) || is_word(w, STR("like")) || is_word(w, STR("is"));
}

/* What stands on the left is laid out first: the line may then end behind the operator. */
static struct chain walk_rel(struct walk *w)
{
	struct chain chain = walk_add(w);
	struct str word = token_at(w, w->at)->text;

	if (!is_relation(w))
		return chain;
	indent_chain(w, chain);
	lead(w);
	put_piece(w, LAYOUT_OPEN);
	put_piece(w, LAYOUT_SPACE);
	put(w);
	if (str_eq(word, STR("has")) || str_eq(word, STR("like")))
		walk_has(w);
	else if (str_eq(word, STR("is")))
		walk_is(w);
	else
		walk_right(w);
	put_piece(w, LAYOUT_CLOSE);
	return no_chain;
}

static struct chain walk_and(struct walk *w)
{
	return walk_chain(w, walk_rel, TOKEN_AND, TOKEN_AND);
}

/* A word of a conditional and the expression behind it. */
static void walk_branch(struct walk *w)
{
	put(w);
	put_piece(w, LAYOUT_SPACE);
	put_piece(w, LAYOUT_INDENT_IN);
	walk_expr(w);
	put_piece(w, LAYOUT_INDENT_OUT);
}

static void walk_if(struct walk *w)
{
	turn(w, mark(w), LAYOUT_OPEN);
	walk_branch(w);
	end_line(w, LAYOUT_LINE);
	walk_branch(w);
	end_line(w, LAYOUT_LINE);
	if (token_at(w, w->at + 1)->kind == TOKEN_IDENT &&
	    str_eq(token_at(w, w->at + 1)->text, STR("if"))) {
		put(w);
		put_piece(w, LAYOUT_SPACE);
		walk_if(w);
	} else {
		walk_branch(w);
	}
	put_piece(w, LAYOUT_CLOSE);
}

static void walk_expr(struct walk *w)
{
	if (is_word(w, STR("if")))
		walk_if(w);
	else
		(void)walk_chain(w, walk_and, TOKEN_OR, TOKEN_OR);
}

/* Policies ----------------------------------------------------------------------------------- */

static void walk_annotations(struct walk *w)
{
	while (kind(w) == TOKEN_AT) {
		put(w);
		put(w);
		if (kind(w) == TOKEN_LPAREN) {
			put(w);
			put(w);
			put(w);
		}
		end_line(w, LAYOUT_HARD);
	}
}

static void walk_variable(struct walk *w)
{
	(void)walk_rel(w);
}

static void walk_conditions(struct walk *w)
{
	while (kind(w) == TOKEN_IDENT) {
		end_line(w, LAYOUT_HARD);
		put(w);
		put_piece(w, LAYOUT_SPACE);
		walk_bracket(w, LAYOUT_LINE, walk_expr);
	}
}

void format_walk(const struct format_tokens *tokens, struct layout *layout)
{
	struct walk w = {.layout = layout, .tokens = tokens};

	if (layout->lex->err != OK || tokens->count == 0)
		return;
	lead(&w);
	if (tokens->items[0].is_after_blank)
		put_piece(&w, LAYOUT_BLANK);
	if (kind(&w) == TOKEN_END)
		return;
	walk_annotations(&w);
	put(&w);
	put_piece(&w, LAYOUT_SPACE);
	walk_bracket(&w, LAYOUT_SOFT, walk_variable);
	walk_conditions(&w);
	put(&w);
	write_note(&w);
}
