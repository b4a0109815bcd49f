/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The formatter's conscience. It shares nothing with the formatter but the
 * lexer: policies are parsed and printed from their nodes, comments are found
 * between tokens, and the two texts are walked side by side.
 */
#include "policy/format.h"
#include "policy/parse.h"
#include "policy/print.h"

#define PRINT_MAX ((size_t)256 << 20)

struct side {
	struct arena arena;
	struct parse parse;
	struct buf printed;
};

static void side_init(struct side *side, const char *file, struct str text)
{
	arena_init(&side->arena, 16384, FORMAT_ARENA);
	buf_init(&side->printed, PRINT_MAX);
	parse_init(&side->parse, file, text, &side->arena, NULL);
}

static void side_fini(struct side *side)
{
	buf_fini(&side->printed);
	arena_fini(&side->arena);
}

/* The next policy as it is printed; nothing at the end. */
static enum err side_next(struct side *side, struct str *out)
{
	const struct policy *policy;
	enum err err = OK;

	arena_reset(&side->arena);
	buf_reset(&side->printed);
	policy = parse_policy(&side->parse);
	if (policy != NULL)
		err = print_policy_plain(&side->printed, policy);
	*out = buf_str(&side->printed);
	return side->parse.lex.err != OK ? side->parse.lex.err : err;
}

static enum err differ(const struct lex *lex, const char *what, struct diag *diag)
{
	unsigned line;
	unsigned column;

	lex_position(lex->text, lex->token.at, &line, &column);
	diag_set(diag, ERR_INTERNAL, lex->file, line, column,
		 "the formatted text would hold other %s; nothing was written: this is a defect of "
		 "the formatter",
		 what);
	if (diag != NULL)
		diag_set_source(diag, lex->text.ptr, lex->text.len);
	return ERR_INTERNAL;
}

static enum err compare_policies(struct side *before, struct side *after, struct diag *diag)
{
	struct str a;
	struct str b;

	do {
		enum err err = side_next(before, &a);

		if (err == ERR_LIMIT || (err == OK && side_next(after, &b) == ERR_LIMIT))
			return diag_set(diag, ERR_LIMIT, before->parse.lex.file, 0, 0,
					"one policy is too long to compare");
		if (err != OK || after->parse.lex.err != OK || !str_eq(a, b))
			return differ(&after->parse.lex, "policies", diag);
	} while (a.len > 0);
	return OK;
}

static struct str to_line_end(struct str s)
{
	size_t len = 0;

	while (len < s.len && s.ptr[len] != '\n' && s.ptr[len] != '\r')
		len++;
	return str_sub(s, 0, len);
}

/* The next comment; unset at the end. *gap is behind the last one. */
static struct str next_comment(struct lex *lex, size_t *gap)
{
	for (;;) {
		struct str between = str_sub(lex->text, *gap, lex->token.at - *gap);
		size_t begin = str_index(between, '/');
		struct str comment = to_line_end(str_sub(between, begin, between.len));

		if (comment.len > 0) {
			*gap += begin + comment.len;
			return comment;
		}
		if (lex->token.kind == TOKEN_END)
			return (struct str){NULL, 0};
		*gap = lex->at;
		lex_advance(lex);
	}
}

static bool same_comment(struct str a, struct str b)
{
	return str_is_set(a) == str_is_set(b) && str_eq(str_trim(a), str_trim(b));
}

static enum err compare_comments(struct lex *before, struct lex *after, struct diag *diag)
{
	size_t gaps[2] = {0, 0};
	struct str a;

	do {
		a = next_comment(before, &gaps[0]);
		if (!same_comment(a, next_comment(after, &gaps[1])))
			return differ(after, "comments", diag);
	} while (str_is_set(a));
	return OK;
}

enum err format_compare(const char *file, struct str before, struct str after, struct diag *diag)
{
	struct side sides[2];
	struct lex lexes[2];
	enum err err;

	side_init(&sides[0], file, before);
	side_init(&sides[1], file, after);
	lex_init(&lexes[0], file, before, &sides[0].arena, true, NULL);
	lex_init(&lexes[1], file, after, &sides[1].arena, true, NULL);
	err = compare_comments(&lexes[0], &lexes[1], diag);
	if (err == OK)
		err = compare_policies(&sides[0], &sides[1], diag);
	side_fini(&sides[0]);
	side_fini(&sides[1]);
	return err;
}
