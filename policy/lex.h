/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens of Cedar policies and schemas. After the first error every further
 * token is TOKEN_END, so that a parser need not look at errors between tokens:
 * its loops end and the first message stands.
 *
 * Owns:    nothing; tokens view the text. Unescaped strings go to an arena.
 * Threads: one user at a time.
 * Limits:  text below 4 GiB (callers set theirs).
 */
#ifndef POLICY_LEX_H
#define POLICY_LEX_H

#include "base/arena.h"
#include "policy/ast.h"

enum token_kind {
	TOKEN_END,
	TOKEN_IDENT,
	TOKEN_INTEGER,
	TOKEN_STRING, /* text is what stands between the quotes, still escaped */
	TOKEN_SLOT,   /* ?principal: text without the question mark; policies only */
	TOKEN_LPAREN,
	TOKEN_RPAREN,
	TOKEN_LBRACE,
	TOKEN_RBRACE,
	TOKEN_LBRACKET,
	TOKEN_RBRACKET,
	TOKEN_COMMA,
	TOKEN_SEMICOLON,
	TOKEN_COLON,
	TOKEN_PATH, /* :: */
	TOKEN_DOT,
	TOKEN_AT,
	TOKEN_EQ,
	TOKEN_NE,
	TOKEN_LT,
	TOKEN_LE,
	TOKEN_GT,
	TOKEN_GE,
	TOKEN_AND,
	TOKEN_OR,
	TOKEN_PLUS,
	TOKEN_MINUS,
	TOKEN_STAR,
	TOKEN_SLASH,
	TOKEN_PERCENT,
	TOKEN_NOT,
	TOKEN_ASSIGN,
	TOKEN_QUESTION,
};

struct token {
	enum token_kind kind;
	uint32_t at;
	struct str text;
	uint64_t number; /* INTEGER */
};

/* A place in a text, moved on from one question to the next; {.line = 1, .column = 1} at first. */
struct lex_place {
	size_t at;
	unsigned line;
	unsigned column;
};

struct lex {
	struct str text;
	const char *file;
	struct diag *diag; /* may be NULL */
	struct arena *arena;
	struct token token; /* the current one */
	size_t at;	    /* behind it */
	size_t long_string; /* the last string over several lines; SIZE_MAX: none */
	size_t long_end;    /* behind it */
	struct lex_place place;
	enum err err;
	bool has_slots;
};

/* Stands on the first token. */
void lex_init(struct lex *lex, const char *file, struct str text, struct arena *arena,
	      bool has_slots, struct diag *diag);
void lex_advance(struct lex *lex);
/* True and past it when the current token is of that kind (is that word). */
bool lex_take(struct lex *lex, enum token_kind kind);
bool lex_take_word(struct lex *lex, struct str word);
bool lex_is_word(const struct lex *lex, struct str word);
/* As lex_take, but anything else is an error naming `what` was expected. */
void lex_expect(struct lex *lex, enum token_kind kind, const char *what);
/* "expected WHAT, found ..." at the current token. When that is nearly a word that stands in
 * backquotes in `what` (or `near`, which is not shown), the message asks whether it was meant. */
void lex_fail_expected(struct lex *lex, const char *what);
void lex_fail_near(struct lex *lex, const char *what, const char *near);
/* Keeps the first error only. */
PRINTF_LIKE(4, 5) void lex_fail(struct lex *lex, enum err err, uint32_t at, const char *fmt, ...);
/* Out of the set's memory. */
void lex_fail_memory(struct lex *lex);
void lex_place_move(struct lex_place *place, struct str text, size_t at);
/* The source line of a place into diag (may be NULL), whatever the size of the text. */
void lex_place_show(const struct lex_place *place, struct str text, struct diag *diag);
void lex_position(struct str text, size_t at, unsigned *out_line, unsigned *out_column);

/* Words that cannot name a variable, attribute or path part. */
bool lex_is_reserved(struct str word);
/* The unescaped text of a string token in the arena; empty after an error. */
struct str lex_string(struct lex *lex, const struct token *token);
/* The same as a pattern, where \* is a star and every other star a wildcard. */
struct pattern lex_pattern(struct lex *lex, const struct token *token);

/* A growing array in an arena; items are copied when it grows. */
struct lex_list {
	char *items;
	size_t count;
	size_t cap;
	size_t size; /* of one item */
};

/* Past `max` items, or out of memory: the error is kept in lex and nothing is added. */
void lex_list_push(struct lex *lex, struct lex_list *list, const void *item, size_t max);

#endif
