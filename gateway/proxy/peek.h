/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the gateway must know of a request body before it decides: model,
 * stream flag, output bound, how many answers; and where they stand, so that
 * the body is forwarded with these few places replaced and no other byte
 * touched. One strict pass while the bytes come in; no tree.
 *
 * Owns:    nothing; short texts are kept inside.
 * Threads: its worker's.
 * Limits:  model name PEEK_MODEL_BYTES; PEEK_EDITS places changed.
 */
#ifndef GATEWAY_PROXY_PEEK_H
#define GATEWAY_PROXY_PEEK_H

#include "base/arena.h"
#include "base/jscan.h"
#include "base/queue.h"
#include "gateway/proxy/operation.h"
#include "gateway/route/model.h"

#define PEEK_MODEL_BYTES 256
#define PEEK_EDITS	 4

/* A value in the body; end == 0 is absent. */
struct peek_place {
	uint64_t start, end;
	uint64_t count; /* members, when it is an object */
	enum jscan_type type;
};

/* The names an output bound goes by; each operation reads its own. */
enum peek_bound {
	BOUND_TOKENS,	  /* max_tokens */
	BOUND_COMPLETION, /* max_completion_tokens */
	BOUND_OUTPUT,	  /* max_output_tokens */
	BOUND_GEMINI,	  /* generationConfig.maxOutputTokens, in any of its spellings */
	BOUND_OLLAMA,	  /* options.num_predict */
	BOUND_LLAMACPP,	  /* n_predict */
	BOUND_TGI,	  /* parameters.max_new_tokens */
	BOUND_SGLANG,	  /* sampling_params.max_new_tokens */
	BOUND_COUNT,
};

/* Replace body bytes [start, end) by text; start == end inserts. */
struct peek_edit {
	uint64_t start, end;
	struct str text;
};

struct peek {
	struct jscan scan;
	const char *refusal; /* why ERR_MALFORMED, for the answer; static text */
	char model[PEEK_MODEL_BYTES];
	size_t model_len;
	struct peek_place model_place;
	struct peek_place options_place;	/* stream_options */
	struct peek_place include_place;	/* stream_options.include_usage */
	struct peek_place text_place;		/* input: what is to be spoken */
	uint64_t root_start;			/* offset of the top-level '{' */
	uint64_t root_count;			/* its members */
	struct peek_place parents[BOUND_COUNT]; /* the objects that the bounds stand in */
	struct peek_place bound_places[BOUND_COUNT];
	uint64_t bounds[BOUND_COUNT];
	uint64_t max_tokens; /* from peek_end on: the largest that the operation reads; 0 = none */
	uint64_t answers;    /* n; 1 when absent */
	bool is_stream;
	bool has_stream; /* it says whether to */
	bool wants_usage;
	bool is_background;
};

/* Immutable path table, made once at start; a worker borrows it. */
struct peek_paths;
struct peek_paths *peek_paths_new(void);
void peek_paths_free(struct peek_paths *paths);

void peek_init(struct peek *peek, const struct peek_paths *paths);
/* ERR_MALFORMED: not JSON, a duplicate of a key that matters, or a value of the wrong type. */
MUST_CHECK enum err peek_feed(struct peek *peek, struct str in);
/* The body is complete. Checks what the operation needs. */
MUST_CHECK enum err peek_end(struct peek *peek, const struct operation *operation);
static inline struct str peek_model(const struct peek *peek)
{
	return str_make(peek->model, peek->model_len);
}

/* How many characters the text to be spoken has; 0 without one. body is all that was fed. */
uint64_t peek_characters(const struct peek *peek, const struct queue *body);

/* The edits that make this body fit for the upstream, sorted by start: its own model name, the
 * usage report asked for when the caller did not, the model's output bound when none was given.
 * Text lives in the arena. *out_delta is how much longer the body becomes. */
MUST_CHECK enum err peek_plan(const struct peek *peek, const struct operation *operation,
			      const struct model *model, struct arena *arena,
			      struct peek_edit out[static PEEK_EDITS], size_t *out_count,
			      int64_t *out_delta);

#endif
