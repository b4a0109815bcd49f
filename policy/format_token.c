/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Comments stand in an array in the order of the text, so those of a token are a
 * range of it and moving them over a separator moves the ends of ranges:
 *
 *   a  // 0        note of a              ┐
 *   // 1           above &&               │   &&  note 0, b above 1..4
 *   && // 2        note of &&             │
 *   // 3           above b                ┘
 *   b
 */
#include "policy/format_token.h"

struct gather {
	struct format_tokens *tokens;
	struct lex_list items;	  /* format_token */
	struct lex_list comments; /* format_comment */
	struct lex_list open;	  /* size_t: brackets without their match so far */
};

/* Line ends before the next comment or `to`, at most two; *at moves on to there. */
static unsigned skip_lines(struct str text, size_t *at, size_t to)
{
	unsigned lines = 0;

	for (; *at < to && text.ptr[*at] != '/'; (*at)++) {
		bool is_pair = text.ptr[*at] == '\r' && *at + 1 < to && text.ptr[*at + 1] == '\n';

		if (!is_pair && (text.ptr[*at] == '\n' || text.ptr[*at] == '\r'))
			lines = MIN(lines + 1, 2);
	}
	return lines;
}

static struct str comment_at(struct str text, size_t at, size_t to)
{
	size_t end = at;

	while (end < to && text.ptr[end] != '\n' && text.ptr[end] != '\r')
		end++;
	return str_sub(text, at, end - at);
}

static struct str trim_end(struct str s)
{
	while (s.len > 0 && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t'))
		s.len--;
	return s;
}

/* The comments between tokens->gap and `to`; true when an empty line stands behind the last. */
static bool gather_comments(struct gather *g, size_t to)
{
	struct format_tokens *tokens = g->tokens;
	struct str text = tokens->lex->text;
	unsigned lines = skip_lines(text, &tokens->gap, to);

	while (tokens->gap < to) {
		struct str raw = comment_at(text, tokens->gap, to);
		struct format_comment comment = {
			.text = trim_end(raw),
			.is_behind = lines == 0 && g->items.count > 0,
			.is_after_blank = lines > 1,
		};

		lex_list_push(tokens->lex, &g->comments, &comment, SIZE_MAX);
		tokens->gap += raw.len;
		lines = skip_lines(text, &tokens->gap, to);
	}
	return lines > 1;
}

static struct format_token *last_item(struct gather *g)
{
	return (struct format_token *)(void *)g->items.items + g->items.count - 1;
}

/* What was gathered from `from` on: one comment may belong behind the last token. */
static size_t take_note(struct gather *g, size_t from)
{
	const struct format_comment *comments = (const void *)g->comments.items;

	if (from == g->comments.count || !comments[from].is_behind)
		return from;
	last_item(g)->note = from + 1;
	return from + 1;
}

/* The comments behind the current token up to the end of its line: what stands on further lines is
 * the next policy's. */
static void gather_note(struct gather *g)
{
	struct str text = g->tokens->lex->text;
	size_t at = g->tokens->gap;
	size_t from = g->comments.count;

	if (skip_lines(text, &at, g->tokens->lex->token.at) > 0 || at >= g->tokens->lex->token.at ||
	    g->tokens->lex->err != OK)
		return;
	(void)gather_comments(g, at + comment_at(text, at, text.len).len);
	(void)take_note(g, from);
}

static bool is_opening(enum token_kind kind)
{
	return kind == TOKEN_LPAREN || kind == TOKEN_LBRACKET || kind == TOKEN_LBRACE;
}

static bool is_closing(enum token_kind kind)
{
	return kind == TOKEN_RPAREN || kind == TOKEN_RBRACKET || kind == TOKEN_RBRACE;
}

/* A separator that is never an operator before its operand, so no minus. */
static bool is_separator(enum token_kind kind)
{
	switch ((unsigned)kind) {
	case TOKEN_COMMA:
	case TOKEN_AND:
	case TOKEN_OR:
	case TOKEN_EQ:
	case TOKEN_NE:
	case TOKEN_LT:
	case TOKEN_LE:
	case TOKEN_GT:
	case TOKEN_GE:
	case TOKEN_PLUS:
	case TOKEN_STAR: return true;
	default: return false;
	}
}

/* The comma `comma` between `before` and a closing bracket goes. */
static void drop_comma(struct gather *g, struct format_token *closing)
{
	struct format_token comma = *last_item(g);
	struct format_token *before = last_item(g) - 1;

	g->items.count--;
	if (before->note > 0) {
		closing->comment_from = before->note;
	} else if (comma.comment_from == comma.comment_to) {
		before->note = comma.note;
	} else {
		closing->comment_from = comma.comment_from;
	}
}

/* The last token is a separator and `next` comes behind it. */
static void move_comments(struct gather *g, struct format_token *next)
{
	struct format_token *separator = last_item(g);
	struct format_token *before = separator - 1;

	if (before->note > 0) {
		next->comment_from = before->note;
		separator->note = before->note;
		before->note = 0;
	} else if (separator->comment_from < separator->comment_to) {
		next->comment_from = separator->comment_from;
		separator->note = 0;
	}
	separator->comment_to = separator->comment_from;
}

static void match_bracket(struct gather *g, enum token_kind kind)
{
	size_t *open = (size_t *)(void *)g->open.items;
	size_t at = g->items.count; /* of the token that is pushed next */

	if (is_opening(kind)) {
		lex_list_push(g->tokens->lex, &g->open, &at, SIZE_MAX);
	} else if (is_closing(kind) && g->open.count > 0) {
		struct format_token *items = (void *)g->items.items;

		items[open[--g->open.count]].match = at;
	}
}

/* The current token of the lex. */
static void gather_token(struct gather *g)
{
	struct lex *lex = g->tokens->lex;
	struct format_token token = {.kind = lex->token.kind};
	size_t from = g->comments.count;

	token.text = str_sub(lex->text, lex->token.at, lex->at - lex->token.at);
	token.is_after_blank = gather_comments(g, lex->token.at);
	if (lex->err != OK)
		return;
	token.comment_from = g->items.count > 0 ? take_note(g, from) : from;
	token.comment_to = g->comments.count;
	if (g->items.count > 1 && last_item(g)->kind == TOKEN_COMMA && is_closing(token.kind))
		drop_comma(g, &token);
	else if (g->items.count > 1 && is_separator(last_item(g)->kind))
		move_comments(g, &token);
	match_bracket(g, token.kind);
	lex_list_push(lex, &g->items, &token, SIZE_MAX);
	g->tokens->gap = lex->at;
}

/* `} // why` and `;` on the next line: the comment belongs behind both. */
static void move_last_note(struct gather *g)
{
	struct format_token *end = last_item(g);

	if (g->items.count < 2 || end->note > 0 || end->comment_from < end->comment_to)
		return;
	end->note = end[-1].note;
	end[-1].note = 0;
}

void format_tokens_init(struct format_tokens *tokens, struct lex *lex)
{
	*tokens = (struct format_tokens){.lex = lex};
}

void format_tokens_next(struct format_tokens *tokens)
{
	struct lex *lex = tokens->lex;
	struct gather g = {
		.tokens = tokens,
		.items = {.size = sizeof(struct format_token)},
		.comments = {.size = sizeof(struct format_comment)},
		.open = {.size = sizeof(size_t)},
	};
	enum token_kind kind;

	do {
		kind = lex->token.kind;
		gather_token(&g);
		lex_advance(lex);
	} while (kind != TOKEN_SEMICOLON && kind != TOKEN_END && lex->err == OK);
	if (kind == TOKEN_SEMICOLON && lex->err == OK) {
		gather_note(&g);
		move_last_note(&g);
	}
	tokens->count = g.items.count;
	tokens->items = (const void *)g.items.items;
	tokens->comments = (const void *)g.comments.items;
}
