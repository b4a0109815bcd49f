/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two passes. Backwards: for each group its width on one line with what must
 * follow it, so that forwards each group is one comparison. Inside of a group
 * that stands on one line nothing is compared: only its depth is counted.
 */
#include "policy/layout.h"

#define NEVER (1ULL << 40) /* wider than any text: never on one line */

struct piece {
	const char *text;
	uint32_t len;
	enum layout_piece kind;
	uint64_t width; /* OPEN */
};

void layout_init(struct layout *layout, struct lex *lex)
{
	*layout = (struct layout){.lex = lex, .pieces = {.size = sizeof(struct piece)}};
}

static struct piece *pieces_of(const struct layout *layout)
{
	return (void *)layout->pieces.items;
}

static void push(struct layout *layout, struct piece piece)
{
	lex_list_push(layout->lex, &layout->pieces, &piece, SIZE_MAX);
}

void layout_put(struct layout *layout, enum layout_piece piece)
{
	push(layout, (struct piece){.kind = piece});
}

void layout_text(struct layout *layout, enum layout_piece piece, struct str text)
{
	ASSERT(text.len <= UINT32_MAX);
	push(layout, (struct piece){.text = text.ptr, .len = (uint32_t)text.len, .kind = piece});
}

size_t layout_mark(struct layout *layout)
{
	layout_put(layout, LAYOUT_NONE);
	return layout->pieces.count - 1;
}

void layout_turn(struct layout *layout, size_t mark, enum layout_piece piece)
{
	if (layout->lex->err != OK)
		return;
	ASSERT(mark < layout->pieces.count && pieces_of(layout)[mark].kind == LAYOUT_NONE);
	pieces_of(layout)[mark].kind = piece;
}

static struct str text_of(const struct piece *piece)
{
	return str_make(piece->text, piece->len);
}

/* Characters, each taken as one column wide. */
static size_t columns(struct str s)
{
	size_t count = 0;

	for (size_t i = 0; i < s.len; i++)
		count += ((unsigned char)s.ptr[i] & 0xc0) != 0x80;
	return count;
}

/* Measuring ---------------------------------------------------------------------------------- */

struct measure {
	uint64_t total; /* of all pieces behind */
	uint64_t rest;	/* up to the next place where a line may end */
};

static void measure_text(struct measure *m, const struct piece *piece)
{
	struct str text = text_of(piece);
	size_t first = str_index(text, '\n');

	if (first < text.len) {
		m->rest = columns(str_sub(text, 0, first));
		m->total += NEVER;
	} else {
		m->rest += columns(text);
		m->total += columns(text);
	}
}

static void measure_piece(struct measure *m, const struct piece *piece)
{
	switch (piece->kind) {
	case LAYOUT_TEXT: measure_text(m, piece); break;
	case LAYOUT_SPACE:
		m->rest++;
		m->total++;
		break;
	case LAYOUT_LINE:
		m->rest = 0;
		m->total++;
		break;
	case LAYOUT_SOFT: m->rest = 0; break;
	case LAYOUT_HARD:
	case LAYOUT_BLANK:
	case LAYOUT_NOTE:
		m->rest = 0;
		m->total += NEVER;
		break;
	case LAYOUT_NONE:
	case LAYOUT_OPEN:
	case LAYOUT_CLOSE:
	case LAYOUT_INDENT_IN:
	case LAYOUT_INDENT_OUT: break;
	}
}

static size_t deepest_group(const struct layout *layout)
{
	const struct piece *pieces = pieces_of(layout);
	size_t deepest = 0;
	size_t depth = 0;

	for (size_t i = 0; i < layout->pieces.count; i++) {
		if (pieces[i].kind == LAYOUT_OPEN)
			depth++;
		else if (pieces[i].kind == LAYOUT_CLOSE)
			depth--;
		deepest = MAX(deepest, depth);
	}
	ASSERT(depth == 0);
	return deepest;
}

/* False: out of memory. */
static bool measure_groups(const struct layout *layout)
{
	struct piece *pieces = pieces_of(layout);
	struct measure *open =
		arena_array(layout->lex->arena, deepest_group(layout), sizeof(*open));
	struct measure now = {0};
	size_t depth = 0;

	for (size_t i = layout->pieces.count; open != NULL && i-- > 0;) {
		measure_piece(&now, &pieces[i]);
		if (pieces[i].kind == LAYOUT_CLOSE) {
			open[depth++] = now;
		} else if (pieces[i].kind == LAYOUT_OPEN) {
			depth--;
			pieces[i].width = now.total - open[depth].total + open[depth].rest;
		}
	}
	return open != NULL;
}

/* Writing ------------------------------------------------------------------------------------ */

struct page {
	struct buf *out;
	size_t width;
	size_t column;
	unsigned indent;
	size_t flat;	   /* groups open inside of one that stands on one line, and that one */
	unsigned newlines; /* to come before the next text */
	bool is_space;	   /* the same */
	bool is_begun;
	enum err err;
};

static void page_bytes(struct page *page, struct str s)
{
	if (page->err == OK)
		page->err = buf_append(page->out, s);
}

static void page_flush(struct page *page)
{
	unsigned blanks = page->is_space ? 1 : 0;

	if (page->newlines > 0) {
		page_bytes(page, str_sub(STR("\n\n"), 0, page->newlines));
		page->column = 0;
		blanks = page->indent * LAYOUT_INDENT;
	}
	page->column += blanks;
	for (; blanks > 0; blanks--)
		page_bytes(page, STR(" "));
	page->newlines = 0;
	page->is_space = false;
}

static void page_text(struct page *page, struct str text)
{
	const char *last = memrchr(text.ptr, '\n', text.len);

	page_flush(page);
	page_bytes(page, text);
	page->is_begun = true;
	if (last == NULL)
		page->column += columns(text);
	else
		page->column = columns(str_sub(text, (size_t)(last + 1 - text.ptr), text.len));
}

static void page_newline(struct page *page, unsigned count)
{
	if (page->is_begun)
		page->newlines = MAX(page->newlines, count);
}

static void page_note(struct page *page, struct str text)
{
	page->is_space = true;
	page_text(page, text);
	page_newline(page, 1);
}

static void page_open(struct page *page, uint64_t width)
{
	size_t column = page->column + (page->is_space ? 1 : 0);

	if (page->newlines > 0)
		column = (size_t)page->indent * LAYOUT_INDENT;
	if (page->flat > 0 || column + width <= page->width)
		page->flat++;
}

static void page_piece(struct page *page, const struct piece *piece)
{
	switch (piece->kind) {
	case LAYOUT_NONE: break;
	case LAYOUT_TEXT: page_text(page, text_of(piece)); break;
	case LAYOUT_NOTE: page_note(page, text_of(piece)); break;
	case LAYOUT_SPACE: page->is_space = true; break;
	case LAYOUT_LINE:
		if (page->flat > 0)
			page->is_space = true;
		else
			page_newline(page, 1);
		break;
	case LAYOUT_SOFT:
		if (page->flat == 0)
			page_newline(page, 1);
		break;
	case LAYOUT_HARD: page_newline(page, 1); break;
	case LAYOUT_BLANK: page_newline(page, 2); break;
	case LAYOUT_OPEN: page_open(page, piece->width); break;
	case LAYOUT_CLOSE:
		if (page->flat > 0)
			page->flat--;
		break;
	case LAYOUT_INDENT_IN: page->indent++; break;
	case LAYOUT_INDENT_OUT: page->indent--; break;
	}
}

enum err layout_write(struct layout *layout, size_t width, struct buf *out)
{
	struct page page = {.out = out, .width = width};
	const struct piece *pieces = pieces_of(layout);

	if (layout->lex->err == OK && !measure_groups(layout))
		lex_fail_memory(layout->lex);
	if (layout->lex->err != OK)
		return layout->lex->err;
	for (size_t i = 0; i < layout->pieces.count && page.err == OK; i++)
		page_piece(&page, &pieces[i]);
	page_bytes(&page, page.is_begun ? STR("\n") : STR(""));
	return page.err;
}
