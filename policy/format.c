/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/format.h"

#include "policy/format_walk.h"
#include "policy/parse.h"

#define FORMAT_BLOCK 16384

/* Whether all of it parses. */
static enum err check_text(const char *file, struct str text, struct arena *arena,
			   struct diag *diag)
{
	struct parse parse;

	if (text.len > FORMAT_TEXT)
		return diag_set(diag, ERR_LIMIT, file, 0, 0,
				"text is longer than %zu MiB (limit `FORMAT_TEXT`)",
				FORMAT_TEXT >> 20);
	parse_init(&parse, file, text, arena, diag);
	while (parse_policy(&parse) != NULL)
		arena_reset(arena);
	return parse.lex.err;
}

/* An empty line between policies; between the last one and what is noted at the end only where
 * there was one. */
static enum err separate(const struct format_tokens *tokens, struct buf *out)
{
	bool is_end = tokens->items[0].kind == TOKEN_END;

	if (is_end && tokens->items[0].comment_to == 0)
		return OK;
	if (is_end && !tokens->comments[0].is_after_blank)
		return OK;
	return buf_append(out, STR("\n"));
}

static enum err write_policy(struct format_tokens *tokens, size_t width, bool is_first,
			     struct buf *out)
{
	struct layout layout;
	enum err err = OK;

	format_tokens_next(tokens);
	layout_init(&layout, tokens->lex);
	format_walk(tokens, &layout);
	if (tokens->lex->err != OK)
		return tokens->lex->err;
	if (!is_first)
		err = separate(tokens, out);
	return err == OK ? layout_write(&layout, width, out) : err;
}

static enum err write_all(struct lex *lex, size_t width, struct buf *out)
{
	size_t before = out->len;
	struct format_tokens tokens;
	enum err err = lex->err;
	bool is_end = false;

	format_tokens_init(&tokens, lex);
	while (err == OK && !is_end) {
		is_end = lex->token.kind == TOKEN_END;
		err = write_policy(&tokens, width, out->len == before, out);
		arena_reset(lex->arena);
	}
	if (err == ERR_LIMIT && lex->err == OK)
		lex_fail(lex, err, 0, "the result is longer than %zu bytes", out->max);
	return err;
}

enum err format_policies(const char *file, struct str text, const struct format_options *options,
			 struct buf *out, struct diag *diag)
{
	size_t width = options == NULL || options->width == 0 ? FORMAT_WIDTH : options->width;
	size_t before = out->len;
	struct arena arena;
	struct lex lex;
	enum err err;

	arena_init(&arena, FORMAT_BLOCK, FORMAT_ARENA);
	err = check_text(file, text, &arena, diag);
	arena_reset(&arena);
	if (err == OK) {
		lex_init(&lex, file, text, &arena, true, diag);
		err = write_all(&lex, width, out);
	}
	if (err == OK)
		err = format_compare(file, text, str_sub(buf_str(out), before, out->len - before),
				     diag);
	if (err != OK)
		out->len = before;
	arena_fini(&arena);
	return err;
}

enum err format_layout(struct str text, struct buf *out)
{
	struct arena arena;
	struct lex lex;
	enum err err;

	arena_init(&arena, FORMAT_BLOCK, FORMAT_ARENA);
	lex_init(&lex, "", text, &arena, true, NULL);
	err = write_all(&lex, FORMAT_WIDTH, out);
	arena_fini(&arena);
	return err;
}
