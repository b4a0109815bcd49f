/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tokens of one policy with the comments that belong to them: those on lines
 * of their own stand before a token, one on its line behind it.
 *
 * Comments around a separator (`,` `&&` `||` and the like) are moved over it, so
 * that it stays where a line ends: `a // why` and `&& b` on the next line become
 * `a && // why`. Their order among each other never changes. A comma before a
 * closing bracket says nothing and is left out.
 *
 * Owns:    nothing; everything views the text or lives in the arena of the lex.
 * Threads: one user at a time.
 * Limits:  the arena's cap, kept in lex->err.
 */
#ifndef POLICY_FORMAT_TOKEN_H
#define POLICY_FORMAT_TOKEN_H

#include "policy/lex.h"

struct format_comment {
	struct str text;     /* without its line end and white space before that */
	bool is_behind;	     /* on the line of the token before it */
	bool is_after_blank; /* an empty line stands above it */
};

struct format_token {
	enum token_kind kind;
	struct str text; /* as written, with quotes */
	/* Those on lines above it. */
	size_t comment_from, comment_to;
	size_t note;	     /* 1 + the one on its line; 0: none */
	size_t match;	     /* of an opening bracket: the closing one; else 0 */
	bool is_after_blank; /* an empty line stands above it */
};

struct format_tokens {
	struct lex *lex;
	size_t gap; /* comments up to here are taken */
	size_t count;
	const struct format_token *items;
	const struct format_comment *comments;
};

/* Before the first policy of what lex stands at the beginning of. */
void format_tokens_init(struct format_tokens *tokens, struct lex *lex);
/* Those of the next policy up to its `;`. Behind the last one: the end of the text, with the
 * comments before it. Views of those before die when the caller resets the arena. */
void format_tokens_next(struct format_tokens *tokens);

#endif
