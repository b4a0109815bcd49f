/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the usage out of a response while it passes by: a unary JSON body or a
 * stream of server-sent events. It never delays, changes or keeps the bytes,
 * and never fails: what cannot be read is flagged in the usage.
 *
 * Per field the last value that is not null wins, over all events, until the
 * end (metering rule 3). Only the paths of dialects.def count.
 *
 * Owns:    nothing. The dialects are borrowed and outlive it.
 * Threads: one user at a time.
 * Limits:  no allocation; sizeof(struct extract) < 2 KiB (asserted).
 * Split law: any split of the bytes gives the same usage.
 */
#ifndef METERING_USAGE_EXTRACT_H
#define METERING_USAGE_EXTRACT_H

#include "base/jscan.h"
#include "metering/usage/dialect.h"
#include "metering/usage/sse.h"
#include "metering/usage/usage.h"

enum extract_got {
	EXTRACT_MORE,	  /* all bytes are taken */
	EXTRACT_TERMINAL, /* the stream's last event is known; *in begins at a line end inside it */
	EXTRACT_EVENT,	  /* an event is over, see the fields below */
};

struct extract {
	const struct dialects *dialects;
	enum dialect dialect;
	enum dialect_framing framing;
	unsigned flags;
	int64_t fields[FIELD_COUNTS]; /* -1: not reported */
	int64_t deltas;		      /* pieces of text a stream brought */
	int64_t text_bytes;	      /* and their length, as written in JSON */
	int64_t searches, file_searches;
	/* Of the event being read, or just over: */
	bool is_open;	    /* its data has begun */
	bool is_usage_only; /* choices is empty, usage an object, nothing else */
	bool is_terminal;   /* [DONE], message_stop, response.completed|incomplete|failed */
	bool is_told;	    /* EXTRACT_TERMINAL was given */
	bool has_no_choices;
	bool has_block;
	bool has_bad_event; /* its data is no JSON */
	int64_t event_searches, event_file_searches;
	/* Of all: */
	bool has_ended; /* a terminal event was seen, or the unary body is whole */
	uint8_t model_len, tier_len;
	char model[USAGE_MODEL_BYTES];
	char tier[USAGE_TIER_BYTES];
	struct sse sse;
	struct jscan scan;
};

/* is_stream: by the content type of the response, not by what the request asked for. */
void extract_init(struct extract *x, const struct dialects *dialects, enum dialect dialect,
		  bool is_stream);
void extract_feed(struct extract *x, struct str in);
/* Streams only, for the relay gate: takes bytes from the front of *in up to the next thing to
 * know. extract_feed is this in a loop. */
enum extract_got extract_step(struct extract *x, struct str *in);
/* No more bytes: the last event may lack its blank line. extract_finish does it too. */
void extract_flush(struct extract *x);
/* No more bytes. rows is what rows.h counted in the request, 0 for dialects without rows. Sets
 * every field of *out; source is USAGE_NONE when nothing was reported (then see estimate.h). A
 * response that is no success consumed nothing by the call: settle it without this. */
void extract_finish(struct extract *x, int64_t rows, struct usage *out);

/* A stream that brought its terminal event or its usage chunk, a body that was whole JSON: what it
 * counted is final. */
static inline bool extract_has_ended(const struct extract *x)
{
	return x->has_ended;
}

#endif
