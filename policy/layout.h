/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text with places where a line may end, and groups of them: a group that fits
 * the width stands on one line, else all its own places end the line and the
 * groups inside are asked each for itself.
 *
 *   open  permit ( ⟨ indent soft principal , line action , line resource dedent soft ⟩ )
 *
 * Whatever follows a group up to the next place where a line may end must fit
 * behind it. Comments, hard ends and text of several lines never fit.
 *
 * Owns:    nothing; pieces view their text and live in the arena of the lex.
 * Threads: one user at a time.
 * Limits:  the arena's cap, kept in lex->err. Time is linear in the pieces.
 */
#ifndef POLICY_LAYOUT_H
#define POLICY_LAYOUT_H

#include "base/buf.h"
#include "policy/lex.h"

#define LAYOUT_INDENT 2 /* columns of one level */

enum layout_piece {
	LAYOUT_NONE, /* what layout_mark leaves */
	LAYOUT_TEXT,
	LAYOUT_SPACE,
	LAYOUT_LINE,  /* end of line, else a space */
	LAYOUT_SOFT,  /* end of line, else nothing */
	LAYOUT_HARD,  /* end of line */
	LAYOUT_BLANK, /* the same and an empty line */
	LAYOUT_NOTE,  /* comment behind what stands there; the line ends */
	LAYOUT_OPEN,
	LAYOUT_CLOSE,
	LAYOUT_INDENT_IN,
	LAYOUT_INDENT_OUT,
};

struct layout {
	struct lex *lex; /* arena and first error */
	struct lex_list pieces;
};

void layout_init(struct layout *layout, struct lex *lex);
/* Any piece without text. */
void layout_put(struct layout *layout, enum layout_piece piece);
/* TEXT or NOTE. */
void layout_text(struct layout *layout, enum layout_piece piece, struct str text);
/* A piece that layout_turn may make something of, when it is known what follows. */
size_t layout_mark(struct layout *layout);
void layout_turn(struct layout *layout, size_t mark, enum layout_piece piece);
/* Ends of lines that are asked for twice are one. Does nothing behind an error. */
MUST_CHECK enum err layout_write(struct layout *layout, size_t width, struct buf *out);

#endif
