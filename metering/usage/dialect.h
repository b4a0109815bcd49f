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

/* Which paths hold. */
enum dialect_framing {
	DIALECT_UNARY,
	DIALECT_STREAM, /* one event or line */
	DIALECT_ARRAY,	/* one array, its elements what events would be; DIALECT_ONE_SHAPE only */
	DIALECT_FRAMINGS
};

/* Rules: what the provider's totals contain. */
enum {
	DIALECT_IN_HAS_CACHE = 1,   /* the input total contains cache reads and writes */
	DIALECT_TOTAL_IS_INPUT = 2, /* there is no output; the total may stand for the input */
	DIALECT_USAGE_CHUNK = 4,    /* streams can end in a chunk that has usage and nothing else */
	DIALECT_IS_FREE = 8,	    /* never spends */
	DIALECT_BY_CALL = 16,	    /* counted by us: one request, rows from the request body */
	DIALECT_THOUGHTS_BESIDE = 32, /* the output total does not contain the reasoning */
	DIALECT_IMAGE_BESIDE = 64,    /* the input total does not contain the image tokens */
	DIALECT_OUT_IS_IMAGE = 128,   /* what is left of the output is image */
	DIALECT_OUT_IS_AUDIO = 256,   /* what is left of the output is sound */
	DIALECT_ONE_SHAPE = 512,      /* events and array elements have the paths of a unary body */
	DIALECT_BY_UNIT = 1024,	      /* units where there are no tokens: images, sound, searches */
	DIALECT_SAYS_TEXT = 2048,     /* without a report, the characters of the request's text */
	DIALECT_HEARS_SOUND = 4096,   /* without a report, the length of the request's sound */
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
	FIELD_IN_VIDEO,
	FIELD_IN_TOOL, /* prompt of the provider's own tools, beside the input total */
	FIELD_OUT_TEXT,
	FIELD_READ_AUDIO, /* of the cached part: what of it is also in IN_AUDIO ... */
	FIELD_READ_IMAGE,
	FIELD_READ_VIDEO,
	FIELD_IMAGES,
	FIELD_AUDIO_MS, /* from decimal seconds, as billed */
	FIELD_DURATION, /* likewise, as measured */
	FIELD_COUNTS,
	/* Others. */
	FIELD_MODEL = FIELD_COUNTS,
	FIELD_TIER,
	FIELD_BLOCK,	  /* the usage object itself */
	FIELD_CHOICES,	  /* the array that is empty in a usage-only chunk */
	FIELD_TYPE,	  /* what kind of event this is */
	FIELD_ITEM_TYPE,  /* of one output item: some carry a fee */
	FIELD_TEXT,	  /* text the model wrote: only its length is counted, for estimates */
	FIELD_DONE,	  /* true in the last line or event */
	FIELD_FINISH,	  /* set from when on the counts are final */
	FIELD_CHOICE,	  /* which of several answers an event belongs to */
	FIELD_DONE_ITEM,  /* as FIELD_ITEM_TYPE, of an item that an event of its own completes */
	FIELD_QUERIES,	  /* array of searches that were made */
	FIELD_IMAGE_LIST, /* array of the images made */
	FIELD_GEO,	  /* where it was served */
	FIELD_SPEED,	  /* "fast" is a tier of its own */
	/* Lists of {modality, tokenCount}: the members, one element, and each list at its end. */
	FIELD_MODALITY,
	FIELD_MODAL_TOKENS,
	FIELD_MODAL,
	FIELD_PROMPT_MODALS,
	FIELD_CACHE_MODALS,
	FIELD_OUTPUT_MODALS,
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
/* The rules as this provider follows them. */
unsigned dialect_provider_rules(enum dialect dialect, struct str provider);
/* The count that a response header of this name stands for. */
bool dialect_header_field(enum dialect dialect, struct str name, enum dialect_field *out_field);

const struct jscan_paths *dialects_paths(const struct dialects *dialects, enum dialect dialect,
					 enum dialect_framing framing);
/* What path number `path` of that list leads to. */
enum dialect_field dialects_field(const struct dialects *dialects, enum dialect dialect,
				  enum dialect_framing framing, unsigned path);

#endif
