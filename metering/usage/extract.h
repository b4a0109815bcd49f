/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the usage out of a response while it passes by: a JSON body, a stream
 * of server-sent events or of lines, or one array of events. It never delays, changes or keeps the
 * bytes, and never fails: what cannot be read is flagged in the usage.
 *
 * Per field the last value that is not null wins, over all events, until the
 * end (metering rule 3). Only the paths of dialects.def count.
 *
 * Owns:    nothing. The dialects are borrowed and outlive it.
 * Threads: one user at a time.
 * Limits:  no allocation; sizeof(struct extract) <= 3 KiB (asserted).
 * Split law: any split of the bytes gives the same usage.
 */
#ifndef METERING_USAGE_EXTRACT_H
#define METERING_USAGE_EXTRACT_H

#include "base/jscan.h"
#include "metering/usage/dialect.h"
#include "metering/usage/sse.h"
#include "metering/usage/tally.h"
#include "metering/usage/usage.h"

enum extract_format {
	EXTRACT_JSON,	/* one body; an array of events, if the dialect has that */
	EXTRACT_SSE,	/* server-sent events */
	EXTRACT_LINES,	/* one JSON text a line */
	EXTRACT_OPAQUE, /* sound, plain text: nothing to read */
	EXTRACT_FRAMES, /* events that somebody else unpacks: extract_text, extract_text_end */
};

enum extract_got {
	EXTRACT_MORE,	  /* all bytes are taken */
	EXTRACT_TERMINAL, /* the stream's last event is known; *in begins at a line end inside it */
	EXTRACT_EVENT,	  /* an event is over, see the fields below */
};

struct extract {
	const struct dialects *dialects;
	enum dialect dialect;
	enum dialect_framing framing;
	enum extract_format format;
	unsigned rules; /* the dialect's, as this provider follows them */
	struct tally tally;
	/* Of the event being read, or just over: */
	bool is_open;	    /* its data has begun */
	bool is_usage_only; /* choices is empty, usage an object, nothing else */
	bool is_told;	    /* EXTRACT_TERMINAL was given */
	bool has_bad_event; /* its data is no JSON */
	/* Of all: */
	bool has_ended; /* a terminal event was seen, or the unary body is whole */
	bool has_body_count, has_header_count;
	struct sse sse;
	struct jscan scan;
};

/* By the content type of the response, not by what the request asked for. */
enum extract_format extract_format_of(enum dialect dialect, struct str content_type);
void extract_init(struct extract *x, const struct dialects *dialects, enum dialect dialect,
		  enum extract_format format);
/* What this provider does otherwise than the dialect says. Before the first byte. */
void extract_set_provider(struct extract *x, struct str provider);
/* A field of the response's head: some servers tell their counts there. Before the first byte. */
void extract_header(struct extract *x, struct str name, struct str value);
void extract_feed(struct extract *x, struct str in);
/* Events and lines only, for the relay gate: takes bytes from the front of *in up to the next thing
 * to know. extract_feed is this in a loop. */
enum extract_got extract_step(struct extract *x, struct str *in);
/* EXTRACT_FRAMES: part of one event's JSON text, and its end. */
void extract_text(struct extract *x, struct str in);
void extract_text_end(struct extract *x);
/* No more bytes: the last event may lack its blank line. extract_finish does it too. */
void extract_flush(struct extract *x);
/* No more bytes. units is what was counted in the request for dialects without reports: rows, or
 * the characters of its text; else 0. Sets every field of *out; source is USAGE_NONE when nothing
 * was reported (then see estimate.h). A response that is no success consumed nothing by the call:
 * settle it without this. */
void extract_finish(struct extract *x, int64_t units, struct usage *out);

static inline bool extract_is_stream(const struct extract *x)
{
	return x->format == EXTRACT_SSE || x->format == EXTRACT_LINES;
}

/* A stream that brought its terminal event or its usage chunk, a body that was whole JSON: what it
 * counted is final. */
static inline bool extract_has_ended(const struct extract *x)
{
	return x->has_ended;
}

#endif
