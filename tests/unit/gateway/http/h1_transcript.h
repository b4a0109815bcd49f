/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An h1 parser under the split law (tests/unit/split.h): its events as text.
 *
 *   [42]POST /p minor=1 framing=1 length=5 ka=1{hello}[60]  ... !refused line_end@17
 *
 * Owns:    the parser between new and free.
 * Threads: one.
 * Limits:  the transcript's buffer.
 */
#ifndef TESTS_UNIT_GATEWAY_HTTP_H1_TRANSCRIPT_H
#define TESTS_UNIT_GATEWAY_HTTP_H1_TRANSCRIPT_H

#include <stdlib.h>

#include "gateway/http/h1.h"

struct h1_transcript {
	struct h1 h1;
	struct buf *out;
	size_t messages;
};

static inline void h1_transcript_add(struct h1_transcript *t, struct str s)
{
	if (buf_append(t->out, s) != OK)
		abort();
}

static inline void h1_transcript_printf_head(struct h1_transcript *t, const struct head *head)
{
	enum err err;

	if (t->h1.role == H1_REQUESTS)
		err = buf_printf(t->out, "[%llu]" STR_FMT " " STR_FMT " ",
				 (unsigned long long)t->h1.taken,
				 STR_ARG(method_name(head->method)), STR_ARG(head->target));
	else
		err = buf_printf(t->out, "[%llu]%u ", (unsigned long long)t->h1.taken,
				 head->status);
	if (err == OK)
		err = buf_printf(t->out, "minor=%u framing=%u length=%llu ka=%d continue=%d{",
				 head->minor, (unsigned)head->framing,
				 (unsigned long long)head->content_length, head->keep_alive,
				 head->expects_continue);
	if (err != OK)
		abort();
}

static inline enum err h1_transcript_on_head(void *arg, const struct head *head)
{
	struct h1_transcript *t = arg;

	h1_transcript_printf_head(t, head);
	for (size_t i = 0; i < head->field_count; i++) {
		h1_transcript_add(t, head->fields[i].name);
		h1_transcript_add(t, STR("="));
		h1_transcript_add(t, head->fields[i].value);
		h1_transcript_add(t, STR(";"));
	}
	h1_transcript_add(t, STR("|"));
	return OK;
}

static inline enum err h1_transcript_on_body(void *arg, struct str view)
{
	h1_transcript_add(arg, view);
	return OK;
}

static inline enum err h1_transcript_on_end(void *arg)
{
	struct h1_transcript *t = arg;

	t->messages++;
	return buf_printf(t->out, "}[%llu]", (unsigned long long)t->h1.taken);
}

static const struct h1_events h1_transcript_events = {
	.on_head = h1_transcript_on_head,
	.on_body = h1_transcript_on_body,
	.on_end = h1_transcript_on_end,
};

static inline void *h1_transcript_new(struct buf *out, enum h1_role role,
				      const struct h1_limits *limits)
{
	struct h1_transcript *t = calloc(1, sizeof(*t));

	h1_init(&t->h1, role, limits, &h1_transcript_events, t);
	t->out = out;
	return t;
}

static inline bool h1_transcript_feed(void *parser, struct str piece)
{
	struct h1_transcript *t = parser;
	size_t used;

	while (piece.len > 0) {
		if (h1_feed(&t->h1, piece, &used) != OK)
			return false;
		piece = str_make(piece.ptr + used, piece.len - used);
	}
	return true;
}

static inline void h1_transcript_end(void *parser)
{
	struct h1_transcript *t = parser;
	enum err err = h1_finish(&t->h1);
	struct str code = refusal_code(h1_refusal(&t->h1));

	if (err != OK && buf_printf(t->out, "!" STR_FMT " %s@%llu", STR_ARG(code), err_label(err),
				    (unsigned long long)t->h1.taken) != OK)
		abort();
}

static inline void h1_transcript_free(void *parser)
{
	struct h1_transcript *t = parser;

	h1_fini(&t->h1);
	free(t);
}

#endif
