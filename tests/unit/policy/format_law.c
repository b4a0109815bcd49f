/* SPDX-License-Identifier: Apache-2.0 */
#include "format_law.h"

#include <stdio.h>

#include "ast_same.h"
#include "policy/format.h"
#include "policy/parse.h"
#include "policy/print.h"

#define OUT_MAX ((size_t)64 << 20)

/* Two texts, side by side. */
struct law {
	struct arena arena;
	struct parse a, b;
};

static const char *compare_next(struct law *law, size_t *policies)
{
	const struct policy *a = parse_policy(&law->a);
	const struct policy *b = parse_policy(&law->b);

	if (law->b.lex.err != OK)
		return "what was written does not parse";
	if ((a == NULL) != (b == NULL))
		return "policies were lost";
	if (a == NULL)
		return NULL;
	(*policies)++;
	return ast_same_policy(a, b) ? NULL : "a policy reads differently";
}

static const char *compare_texts(struct str a, struct str b, size_t *out_policies)
{
	struct law law;
	const char *broken = NULL;
	size_t policies = 0;
	size_t before;

	arena_init(&law.arena, 16384, OUT_MAX);
	parse_init(&law.a, "a", a, &law.arena, NULL);
	parse_init(&law.b, "b", b, &law.arena, NULL);
	do {
		before = policies;
		broken = compare_next(&law, &policies);
		arena_reset(&law.arena);
	} while (broken == NULL && policies > before);
	*out_policies = policies;
	arena_fini(&law.arena);
	return broken;
}

/* All policies of the text, printed one behind the other; false: it does not parse. */
static bool print_all(struct str text, enum err (*print)(struct buf *, const struct policy *),
		      const char *between, struct buf *out)
{
	struct arena arena;
	struct parse parse;
	const struct policy *policy;

	arena_init(&arena, 16384, OUT_MAX);
	parse_init(&parse, "text", text, &arena, NULL);
	while ((policy = parse_policy(&parse)) != NULL) {
		if (out->len > 0)
			ASSERT(buf_append(out, str_from_c(between)) == OK);
		ASSERT(print(out, policy) == OK);
		arena_reset(&arena);
	}
	arena_fini(&arena);
	return parse.lex.err == OK;
}

static const char *law_of_print(struct str text)
{
	struct buf plain, laid, again;
	const char *broken;
	size_t policies;

	buf_init(&plain, OUT_MAX);
	buf_init(&laid, OUT_MAX);
	buf_init(&again, OUT_MAX);
	ASSERT(print_all(text, print_policy_plain, "\n", &plain));
	ASSERT(print_all(text, print_policy, "\n", &laid));
	broken = compare_texts(text, buf_str(&plain), &policies);
	if (broken == NULL)
		broken = compare_texts(text, buf_str(&laid), &policies);
	if (broken == NULL && format_policies("plain", buf_str(&plain), NULL, &again, NULL) != OK)
		broken = "what was printed is not formatted";
	if (broken == NULL && !str_eq(buf_str(&again), buf_str(&laid)))
		broken = "a printed policy is not laid out as the formatter does";
	buf_fini(&plain);
	buf_fini(&laid);
	buf_fini(&again);
	return broken;
}

static const char *law_of_format(struct str text, unsigned width, size_t *out_policies)
{
	struct format_options options = {width};
	struct buf once, twice;
	const char *broken = NULL;

	buf_init(&once, OUT_MAX);
	buf_init(&twice, OUT_MAX);
	if (format_policies("once", text, &options, &once, NULL) != OK)
		broken = "it is not formatted";
	if (broken == NULL)
		broken = compare_texts(text, buf_str(&once), out_policies);
	if (broken == NULL &&
	    format_policies("twice", buf_str(&once), &options, &twice, NULL) != OK)
		broken = "what was formatted is not formatted again";
	if (broken == NULL && !str_eq(buf_str(&once), buf_str(&twice)))
		broken = "formatting again changes it";
	buf_fini(&once);
	buf_fini(&twice);
	return broken;
}

static const char *law_of_nonsense(struct str text)
{
	struct buf out;
	struct diag diag = {0};
	const char *broken = NULL;

	buf_init(&out, OUT_MAX);
	if (format_policies("nonsense", text, NULL, &out, &diag) == OK)
		broken = "it does not parse and is formatted";
	else if (out.len > 0 || diag.text[0] == '\0')
		broken = "it does not parse and something was written or nothing said";
	buf_fini(&out);
	return broken;
}

static bool does_parse(struct str text)
{
	struct buf out;
	bool parses;

	buf_init(&out, OUT_MAX);
	parses = print_all(text, print_policy_line, "", &out);
	buf_fini(&out);
	return parses;
}

const char *format_law(struct str text, unsigned width, size_t *out_policies)
{
	const char *broken;

	*out_policies = 0;
	if (!does_parse(text))
		return law_of_nonsense(text);
	broken = law_of_format(text, width, out_policies);
	return broken == NULL ? law_of_print(text) : broken;
}

/* Comments ----------------------------------------------------------------------------------- */

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state >> 11;
}

static void scatter_blank(uint64_t *random, size_t *comments, struct buf *out)
{
	static const struct {
		const char *before, *behind; /* of a comment; NULL: none */
	} blanks[] = {
		{" ", NULL},
		{"\n", NULL},
		{"\r\n\t", NULL},
		{"\xc2\xa0", NULL},
		{" ", "\n"},
		{"\n", "\r\n"},
		{"\n\n \t", " e \t\n"},
		{" ", "\r"},
		{"\r\n\r\n", "\n"},
		{"", " // twice\n\n"},
	};
	size_t pick = next_random(random) % ARRAY_LEN(blanks);

	ASSERT(buf_append(out, str_from_c(blanks[pick].before)) == OK);
	if (blanks[pick].behind == NULL)
		return;
	ASSERT(buf_printf(out, "//%zu", (*comments)++) == OK);
	ASSERT(buf_append(out, str_from_c(blanks[pick].behind)) == OK);
}

/* The same tokens with comments, line ends and blanks of all kinds between them, by the seed; the
 * comments are //0, //1 and so on. Returns how many. */
static size_t scatter(struct str text, uint64_t seed, struct buf *out)
{
	uint64_t random = seed * 0x9e3779b97f4a7c15 + 1;
	size_t comments = 0;
	struct arena arena;
	struct lex lex;

	arena_init(&arena, 4096, OUT_MAX);
	lex_init(&lex, "text", text, &arena, true, NULL);
	for (; lex.token.kind != TOKEN_END; lex_advance(&lex)) {
		unsigned blanks = (unsigned)(next_random(&random) % 3) + 1;

		for (; blanks > 0; blanks--)
			scatter_blank(&random, &comments, out);
		ASSERT(buf_append(out, str_sub(text, lex.token.at, lex.at - lex.token.at)) == OK);
	}
	if (next_random(&random) % 2 == 0)
		ASSERT(buf_printf(out, " //%zu", comments++) == OK);
	arena_fini(&arena);
	return comments;
}

/* The end of the first `what` behind `from`, or text.len + 1. */
static size_t find(struct str text, size_t from, struct str what)
{
	const char *at = memmem(text.ptr + from, text.len - from, what.ptr, what.len);

	return at == NULL ? text.len + 1 : (size_t)(at - text.ptr) + what.len;
}

/* Whether //0 to //(count - 1) stand in the text in this order. */
static bool has_comments(struct str text, size_t count)
{
	size_t at = 0;

	for (size_t i = 0; i < count; i++) {
		char mark[32];
		int len = snprintf(mark, sizeof(mark), "//%zu", i);

		do
			at = find(text, at, str_make(mark, (size_t)len));
		while (at < text.len && text.ptr[at] >= '0' && text.ptr[at] <= '9');
		if (at > text.len)
			return false;
	}
	return true;
}

const char *format_law_comments(struct str text, uint64_t seed, unsigned width,
				size_t *out_comments)
{
	struct format_options options = {width};
	struct buf scattered, out;
	const char *broken;
	size_t policies;

	buf_init(&scattered, OUT_MAX);
	buf_init(&out, OUT_MAX);
	*out_comments = scatter(text, seed, &scattered);
	broken = law_of_format(buf_str(&scattered), width, &policies);
	if (broken == NULL)
		broken = compare_texts(text, buf_str(&scattered), &policies);
	if (broken == NULL &&
	    format_policies("scattered", buf_str(&scattered), &options, &out, NULL) != OK)
		broken = "with comments it is not formatted";
	if (broken == NULL && !has_comments(buf_str(&out), *out_comments))
		broken = "comments were lost or change places";
	buf_fini(&scattered);
	buf_fini(&out);
	return broken;
}
