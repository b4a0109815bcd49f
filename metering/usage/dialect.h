/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The wire formats we meter, one row each in dialects.def: what their totals
 * contain and where their counts stand.
 *
 * Owns:    struct dialects holds the compiled paths of all of them: made once
 *          at start, freed by dialects_free.
 * Threads: immutable, shared by all workers.
 * Limits:  64 paths per dialect and framing.
 */
#ifndef METERING_USAGE_DIALECT_H
#define METERING_USAGE_DIALECT_H

#include "base/str.h"

enum dialect {
#define DIALECT_ROW(id, name, rules) id,
#include "metering/usage/dialects.def"
	DIALECT_COUNT
};

enum dialect_framing {
	DIALECT_UNARY,
	DIALECT_STREAM, /* server-sent events */
	DIALECT_FRAMINGS
};

/* Rules: what the provider's totals contain. */
enum {
	DIALECT_IN_HAS_CACHE = 1,   /* the input total contains cache reads and writes */
	DIALECT_TOTAL_IS_INPUT = 2, /* there is no output; the total may stand for the input */
	DIALECT_USAGE_CHUNK = 4,    /* streams can end in a chunk that has usage and nothing else */
	DIALECT_IS_FREE = 8,	    /* never spends */
	DIALECT_BY_CALL = 16,	    /* counted by us: one request, rows from the request body */
};

/* What a path leads to. */
enum dialect_field {
	/* Counts; the last that is not null wins. */
	FIELD_INPUT,
	FIELD_OUTPUT,
	FIELD_TOTAL,
	FIELD_CACHE_READ,
	FIELD_WRITE,
	FIELD_WRITE_5M,
	FIELD_WRITE_1H,
	FIELD_IN_AUDIO,
	FIELD_IN_IMAGE,
	FIELD_REASONING,
	FIELD_OUT_AUDIO,
	FIELD_OUT_IMAGE,
	FIELD_SEARCHES,
	FIELD_COUNTS,
	/* Others. */
	FIELD_MODEL = FIELD_COUNTS,
	FIELD_TIER,
	FIELD_BLOCK,	 /* the usage object itself */
	FIELD_CHOICES,	 /* the array that is empty in a usage-only chunk */
	FIELD_TYPE,	 /* what kind of event this is */
	FIELD_ITEM_TYPE, /* of one output item: some carry a fee */
	FIELD_TEXT,	 /* text the model wrote: only its length is counted, for estimates */
};

struct dialects;
struct jscan_paths;

struct dialects *dialects_new(void);
void dialects_free(struct dialects *dialects);

/* "openai.chat"; stands in records and in the configuration. */
const char *dialect_name(enum dialect dialect);
/* False when no dialect has that name. */
bool dialect_from_name(struct str name, enum dialect *out_dialect);
unsigned dialect_rules(enum dialect dialect);

const struct jscan_paths *dialects_paths(const struct dialects *dialects, enum dialect dialect,
					 enum dialect_framing framing);
/* What path number `path` of that list leads to. */
enum dialect_field dialects_field(const struct dialects *dialects, enum dialect dialect,
				  enum dialect_framing framing, unsigned path);

#endif
