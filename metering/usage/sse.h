/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Server-sent events, pulled piece by piece out of the bytes as they come.
 * Nothing is collected: an event's data is handed out as views, however long
 * it is.
 *
 *   while ((got = sse_next(&sse, &in, &data)) != SSE_MORE)
 *           SSE_DATA  some bytes of the event's data (lines are joined by "\n")
 *           SSE_LINE  a line of the event is whole; *in begins with its line end
 *           SSE_EVENT the blank line was taken: the event is over
 *
 * LF, CR LF and CR end a line, a byte order mark may lead, ":" begins a
 * comment, fields other than data and event are skipped.
 *
 * Owns:    nothing; views point into the caller's bytes.
 * Threads: one user at a time.
 * Limits:  an event's name is compared up to SSE_NAME_BYTES; longer is no name.
 * Split law: any split gives the same data, lines and events. After a CR at
 *          the end of a chunk its LF is taken silently with the next.
 */
#ifndef METERING_USAGE_SSE_H
#define METERING_USAGE_SSE_H

#include "base/str.h"

#define SSE_NAME_BYTES 40

enum sse_got {
	SSE_MORE,
	SSE_DATA,
	SSE_LINE,
	SSE_EVENT,
};

struct sse {
	uint8_t state;
	uint8_t field;	   /* what the line's name is so far */
	uint8_t field_len; /* bytes of it that matched */
	uint8_t bom_len;
	uint8_t name_len;
	uint8_t done_len; /* bytes of [DONE] that matched */
	bool is_after_cr; /* a LF now belongs to the CR before */
	bool is_told;	  /* SSE_LINE was given for this line end */
	bool has_data;
	bool is_over; /* the last call gave SSE_EVENT: what is said of it is reset by the next */
	char name[SSE_NAME_BYTES];
};

void sse_init(struct sse *sse);
/* Takes bytes from the front of *in. */
enum sse_got sse_next(struct sse *sse, struct str *in, struct str *out_data);

/* Of the event being read or just over: */
static inline struct str sse_name(const struct sse *sse)
{
	return str_make(sse->name, sse->name_len);
}
/* Its data is exactly [DONE]. */
bool sse_is_done(const struct sse *sse);

#endif
