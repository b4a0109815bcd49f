/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a response has said so far: its counts, names and ends, taken value by
 * value from the JSON texts it consists of (one body, or one per event). Per
 * field the last value that is not null wins (metering rule 3).
 *
 *   tally_begin    a text begins
 *   tally_take     a value on one of the dialect's paths
 *   tally_end      the text was JSON to its end
 *
 * Owns:    nothing; a plain value with its texts inside.
 * Threads: one user at a time.
 * Limits:  counts 0 .. USAGE_COUNT_MAX; TALLY_CHOICES answers told apart, the
 *          rest share the last place.
 */
#ifndef METERING_USAGE_TALLY_H
#define METERING_USAGE_TALLY_H

#include "base/jscan.h"
#include "metering/usage/usage.h"

#define TALLY_CHOICES 128

/* Tokens by kind, of one list. */
enum modality {
	MODALITY_OTHER, /* text: the rest of the total */
	MODALITY_AUDIO,
	MODALITY_IMAGE,
	MODALITY_VIDEO,
	MODALITY_COUNT,
};

/* Items of a response that carry a fee of their own. */
enum fee {
	FEE_SEARCH,
	FEE_FILE_SEARCH,
	FEE_CODE,
	FEE_IMAGE,
	FEE_COUNT,
};

struct tally {
	unsigned flags;
	int64_t fields[FIELD_COUNTS]; /* -1: not reported */
	int64_t deltas;		      /* pieces of text a stream brought */
	int64_t text_bytes;	      /* and their length, as written in JSON */
	int64_t fees[FEE_COUNT];
	bool is_final;	   /* FIELD_FINISH or a terminal type was seen */
	bool is_fast;	   /* FIELD_SPEED said so */
	bool has_fee_list; /* the fees come from a whole list: items beside it count no more */
	uint8_t model_len, tier_len, geo_len;
	char model[USAGE_MODEL_BYTES];
	char tier[USAGE_TIER_BYTES];
	char geo[USAGE_GEO_BYTES];
	/* Of the text being read, or just over: */
	bool has_block;	     /* the usage object stood in it */
	bool has_no_choices; /* choices is empty */
	bool is_terminal;    /* it is the last event that may come */
	bool is_item_done;
	unsigned choices; /* how many told their index */
	unsigned choice;  /* the last of these */
	int64_t output;	  /* FIELD_OUTPUT of this text, -1 none */
	int64_t queries;
	enum fee done_item; /* FEE_COUNT: none */
	int64_t items[FEE_COUNT];
	enum modality modality;
	int64_t modal_tokens;
	int64_t modals[MODALITY_COUNT];
	/* Running output of each answer, where a stream tells them one by one. */
	unsigned answers;
	uint32_t outputs[TALLY_CHOICES];
};

void tally_init(struct tally *tally);
void tally_begin(struct tally *tally);
/* splits_answers: an event's block may be that of one of several answers. */
void tally_end(struct tally *tally, bool splits_answers);
void tally_take(struct tally *tally, enum dialect_field field, const struct jscan_value *value);
/* A count that stands outside of JSON, in a header. */
void tally_take_text(struct tally *tally, enum dialect_field field, struct str text);
/* An event's kind, from its type member or its event field. */
void tally_take_type(struct tally *tally, struct str type);

#endif
