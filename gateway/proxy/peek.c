/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/proxy/peek.h"

enum place {
	PLACE_ROOT,
	PLACE_MODEL,
	PLACE_STREAM,
	PLACE_OPTIONS,
	PLACE_INCLUDE,
	PLACE_ANSWERS,
	PLACE_BEST_OF,
	PLACE_MAX_TOKENS,
	PLACE_MAX_COMPLETION,
	PLACE_MAX_OUTPUT,
	PLACE_BACKGROUND,
	PLACE_TEXT,
	PLACE_LLAMACPP,
	PLACE_OLLAMA_PARENT,
	PLACE_OLLAMA,
	PLACE_TGI_PARENT,
	PLACE_TGI,
	PLACE_SGLANG_PARENT,
	PLACE_SGLANG,
	PLACE_SGLANG_ANSWERS,
	/* Protocol buffers take both spellings of a name, at each level. */
	PLACE_GEMINI_PARENT,
	PLACE_GEMINI_PARENT_SNAKE,
	PLACE_GEMINI,
	PLACE_GEMINI_SNAKE,
	PLACE_GEMINI_MIXED,
	PLACE_GEMINI_MIXED_SNAKE,
	PLACE_CANDIDATES,
	PLACE_CANDIDATES_SNAKE,
	PLACE_CANDIDATES_MIXED,
	PLACE_CANDIDATES_MIXED_SNAKE,
	PLACE_COUNT,
};

static const char *const place_paths[PLACE_COUNT + 1] = {
	[PLACE_ROOT] = "",
	[PLACE_MODEL] = "model",
	[PLACE_STREAM] = "stream",
	[PLACE_OPTIONS] = "stream_options",
	[PLACE_INCLUDE] = "stream_options.include_usage",
	[PLACE_ANSWERS] = "n",
	[PLACE_BEST_OF] = "best_of",
	[PLACE_MAX_TOKENS] = "max_tokens",
	[PLACE_MAX_COMPLETION] = "max_completion_tokens",
	[PLACE_MAX_OUTPUT] = "max_output_tokens",
	[PLACE_BACKGROUND] = "background",
	[PLACE_TEXT] = "input",
	[PLACE_LLAMACPP] = "n_predict",
	[PLACE_OLLAMA_PARENT] = "options",
	[PLACE_OLLAMA] = "options.num_predict",
	[PLACE_TGI_PARENT] = "parameters",
	[PLACE_TGI] = "parameters.max_new_tokens",
	[PLACE_SGLANG_PARENT] = "sampling_params",
	[PLACE_SGLANG] = "sampling_params.max_new_tokens",
	[PLACE_SGLANG_ANSWERS] = "sampling_params.n",
	[PLACE_GEMINI_PARENT] = "generationConfig",
	[PLACE_GEMINI_PARENT_SNAKE] = "generation_config",
	[PLACE_GEMINI] = "generationConfig.maxOutputTokens",
	[PLACE_GEMINI_SNAKE] = "generation_config.max_output_tokens",
	[PLACE_GEMINI_MIXED] = "generationConfig.max_output_tokens",
	[PLACE_GEMINI_MIXED_SNAKE] = "generation_config.maxOutputTokens",
	[PLACE_CANDIDATES] = "generationConfig.candidateCount",
	[PLACE_CANDIDATES_SNAKE] = "generation_config.candidate_count",
	[PLACE_CANDIDATES_MIXED] = "generationConfig.candidate_count",
	[PLACE_CANDIDATES_MIXED_SNAKE] = "generation_config.candidateCount",
};

/* Counts and bounds are whole numbers below this: 10^9 of either is beyond every model. */
#define PEEK_NUMBER_MAX 1000000000U

struct peek_paths *peek_paths_new(void)
{
	struct jscan_paths *paths = jscan_paths_new(place_paths);

	/* Some servers read members without case, and take the last. */
	jscan_paths_watch_twins(paths);
	return (struct peek_paths *)paths;
}

void peek_paths_free(struct peek_paths *paths)
{
	jscan_paths_free((struct jscan_paths *)paths);
}

static enum err peek_refuse(struct peek *peek, const char *why)
{
	peek->refusal = why;
	return ERR_MALFORMED;
}

static enum err take_bool(struct peek *peek, const struct jscan_value *value, bool *out,
			  const char *why)
{
	if (value->type == JSCAN_NULL)
		return OK;
	if (value->type != JSCAN_TRUE && value->type != JSCAN_FALSE)
		return peek_refuse(peek, why);
	*out = value->type == JSCAN_TRUE;
	return OK;
}

/* Keeps the larger of what stands there and the value: every spelling of a bound counts. */
static enum err take_number(struct peek *peek, const struct jscan_value *value, uint64_t *inout,
			    const char *why)
{
	uint64_t number = 0;

	if (value->type == JSCAN_NULL)
		return OK;
	if (value->type != JSCAN_NUMBER || str_to_u64(value->text, &number) != OK ||
	    number > PEEK_NUMBER_MAX)
		return peek_refuse(peek, why);
	*inout = MAX(*inout, number);
	return OK;
}

static enum err take_model(struct peek *peek, const struct jscan_value *value)
{
	if (value->type != JSCAN_STRING)
		return peek_refuse(peek, "\"model\" must be a string");
	if (value->is_truncated || value->text.len > sizeof(peek->model))
		return peek_refuse(peek, "\"model\" is too long");
	memcpy(peek->model, value->text.ptr, value->text.len);
	peek->model_len = value->text.len;
	return OK;
}

static enum err take_options(struct peek *peek, const struct jscan_value *value)
{
	if (value->type != JSCAN_OBJECT && value->type != JSCAN_NULL)
		return peek_refuse(peek, "\"stream_options\" must be an object");
	return OK;
}

static struct peek_place place_of(const struct jscan_value *value)
{
	return (struct peek_place){value->start, value->end, value->count, value->type};
}

/* One name in two spellings: the server believes one of them. */
static enum err take_place(struct peek *peek, const struct jscan_value *value,
			   struct peek_place *out)
{
	if (out->end != 0)
		return peek_refuse(peek, "a member that decides about this call stands twice");
	*out = place_of(value);
	return OK;
}

static bool is_unbounded(const struct jscan_value *value)
{
	return value->type == JSCAN_NUMBER &&
	       (str_eq(value->text, STR("-1")) || str_eq(value->text, STR("-2")));
}

static enum err take_bound(struct peek *peek, const struct jscan_value *value,
			   enum peek_bound bound)
{
	enum err err = take_place(peek, value, &peek->bound_places[bound]);

	if (err != OK)
		return err;
	/* Said out loud, still none: it is replaced as if it were null. */
	if ((bound == BOUND_OLLAMA || bound == BOUND_LLAMACPP) && is_unbounded(value)) {
		peek->bound_places[bound].type = JSCAN_NULL;
		return OK;
	}
	return take_number(peek, value, &peek->bounds[bound],
			   "the output bound must be a whole number");
}

static enum err on_value(void *arg, const struct jscan_value *value)
{
	struct peek *peek = arg;
	enum place place = (enum place)value->path;

	if (value->is_duplicate)
		return peek_refuse(peek, "a member that decides about this call stands twice "
					 "or in another case");
	switch (place) {
	case PLACE_ROOT:
		peek->root_start = value->start;
		peek->root_count = value->count;
		if (value->type != JSCAN_OBJECT)
			return peek_refuse(peek, "the body must be a JSON object");
		return OK;
	case PLACE_MODEL: peek->model_place = place_of(value); return take_model(peek, value);
	case PLACE_STREAM:
		peek->has_stream = value->type != JSCAN_NULL;
		return take_bool(peek, value, &peek->is_stream, "\"stream\" must be true or false");
	case PLACE_OPTIONS: peek->options_place = place_of(value); return take_options(peek, value);
	case PLACE_INCLUDE:
		peek->include_place = place_of(value);
		return take_bool(peek, value, &peek->wants_usage,
				 "\"include_usage\" must be true or false");
	case PLACE_ANSWERS:
		return take_number(peek, value, &peek->answers, "\"n\" must be a whole number");
	case PLACE_BEST_OF:
		return take_number(peek, value, &peek->answers,
				   "\"best_of\" must be a whole number");
	case PLACE_MAX_TOKENS: return take_bound(peek, value, BOUND_TOKENS);
	case PLACE_MAX_COMPLETION: return take_bound(peek, value, BOUND_COMPLETION);
	case PLACE_MAX_OUTPUT: return take_bound(peek, value, BOUND_OUTPUT);
	case PLACE_BACKGROUND:
		return take_bool(peek, value, &peek->is_background,
				 "\"background\" must be true or false");
	case PLACE_TEXT: peek->text_place = place_of(value); return OK;
	case PLACE_LLAMACPP: return take_bound(peek, value, BOUND_LLAMACPP);
	case PLACE_OLLAMA_PARENT: return take_place(peek, value, &peek->parents[BOUND_OLLAMA]);
	case PLACE_OLLAMA: return take_bound(peek, value, BOUND_OLLAMA);
	case PLACE_TGI_PARENT: return take_place(peek, value, &peek->parents[BOUND_TGI]);
	case PLACE_TGI: return take_bound(peek, value, BOUND_TGI);
	case PLACE_SGLANG_PARENT: return take_place(peek, value, &peek->parents[BOUND_SGLANG]);
	case PLACE_SGLANG: return take_bound(peek, value, BOUND_SGLANG);
	case PLACE_GEMINI_PARENT:
	case PLACE_GEMINI_PARENT_SNAKE:
		return take_place(peek, value, &peek->parents[BOUND_GEMINI]);
	case PLACE_GEMINI:
	case PLACE_GEMINI_SNAKE:
	case PLACE_GEMINI_MIXED:
	case PLACE_GEMINI_MIXED_SNAKE: return take_bound(peek, value, BOUND_GEMINI);
	case PLACE_SGLANG_ANSWERS:
	case PLACE_CANDIDATES:
	case PLACE_CANDIDATES_SNAKE:
	case PLACE_CANDIDATES_MIXED:
	case PLACE_CANDIDATES_MIXED_SNAKE:
		return take_number(peek, value, &peek->answers,
				   "the number of answers must be a whole number");
	case PLACE_COUNT: break;
	}
	return OK;
}

void peek_init(struct peek *peek, const struct peek_paths *paths)
{
	peek->refusal = NULL;
	peek->model_len = 0;
	peek->model_place = peek->options_place = peek->include_place = (struct peek_place){0};
	peek->text_place = (struct peek_place){0};
	peek->root_start = peek->root_count = 0;
	memset(peek->parents, 0, sizeof(peek->parents));
	memset(peek->bound_places, 0, sizeof(peek->bound_places));
	memset(peek->bounds, 0, sizeof(peek->bounds));
	peek->max_tokens = 0;
	peek->answers = 1;
	peek->is_stream = peek->has_stream = peek->wants_usage = peek->is_background = false;
	jscan_init(&peek->scan, (const struct jscan_paths *)paths, on_value, peek);
}

enum err peek_feed(struct peek *peek, struct str in)
{
	enum err err = jscan_feed(&peek->scan, in);

	if (err != OK && peek->refusal == NULL)
		peek->refusal = "the body is not valid JSON";
	return err;
}

/* Which bounds an operation's upstream reads, and which one is put in where none was given. */
struct bound_rule {
	unsigned read; /* set of enum peek_bound */
	bool is_put;
	enum peek_bound put;
	enum place name;
	const char *parent; /* the object it stands in; NULL: the body itself */
	const char *child;  /* its name there */
};

#define READS_CHAT                                                                                 \
	{                                                                                          \
		1U << BOUND_TOKENS | 1U << BOUND_COMPLETION, true, BOUND_COMPLETION,               \
			PLACE_MAX_COMPLETION, NULL, NULL                                           \
	}
#define READS_TOKENS                                                                               \
	{                                                                                          \
		1U << BOUND_TOKENS, true, BOUND_TOKENS, PLACE_MAX_TOKENS, NULL, NULL               \
	}
#define READS_RESPONSES                                                                            \
	{                                                                                          \
		1U << BOUND_OUTPUT, true, BOUND_OUTPUT, PLACE_MAX_OUTPUT, NULL, NULL               \
	}
#define READS_GEMINI                                                                               \
	{                                                                                          \
		1U << BOUND_GEMINI, true, BOUND_GEMINI, PLACE_GEMINI, "generationConfig",          \
			"maxOutputTokens"                                                          \
	}
#define READS_OLLAMA                                                                               \
	{                                                                                          \
		1U << BOUND_OLLAMA, true, BOUND_OLLAMA, PLACE_OLLAMA, "options", "num_predict"     \
	}
#define READS_TGI                                                                                  \
	{                                                                                          \
		1U << BOUND_TGI, true, BOUND_TGI, PLACE_TGI, "parameters", "max_new_tokens"        \
	}

static const struct bound_rule bound_rules[OP_COUNT] = {
	[OP_CHAT] = READS_CHAT,
	[OP_COMPLETIONS] = READS_TOKENS,
	[OP_RESPONSES] = READS_RESPONSES,
	[OP_MESSAGES] = {.read = 1U << BOUND_TOKENS},
	[OP_AZURE_CHAT] = READS_CHAT,
	[OP_AZURE_COMPLETIONS] = READS_TOKENS,
	[OP_AZURE_V1_CHAT] = READS_CHAT,
	[OP_AZURE_V1_RESPONSES] = READS_RESPONSES,
	[OP_GEMINI] = READS_GEMINI,
	[OP_GEMINI_STREAM] = READS_GEMINI,
	[OP_GEMINI_V1] = READS_GEMINI,
	[OP_GEMINI_V1_STREAM] = READS_GEMINI,
	[OP_VERTEX] = READS_GEMINI,
	[OP_VERTEX_STREAM] = READS_GEMINI,
	[OP_COHERE_CHAT] = READS_TOKENS,
	[OP_COHERE_V1_CHAT] = READS_TOKENS,
	[OP_OLLAMA_CHAT] = READS_OLLAMA,
	[OP_OLLAMA_GENERATE] = READS_OLLAMA,
	[OP_SGLANG] = {1U << BOUND_SGLANG, true, BOUND_SGLANG, PLACE_SGLANG, "sampling_params",
		       "max_new_tokens"},
	[OP_TGI] = READS_TGI,
	[OP_TGI_STREAM] = READS_TGI,
	[OP_LLAMACPP] = {1U << BOUND_LLAMACPP, true, BOUND_LLAMACPP, PLACE_LLAMACPP, NULL, NULL},
};

static void settle_bound(struct peek *peek, const struct operation *operation)
{
	for (unsigned i = 0; i < BOUND_COUNT; i++)
		if ((bound_rules[operation->id].read & 1U << i) != 0)
			peek->max_tokens = MAX(peek->max_tokens, peek->bounds[i]);
}

enum err peek_end(struct peek *peek, const struct operation *operation)
{
	enum err err = jscan_end(&peek->scan);

	if (err != OK) {
		if (peek->refusal == NULL)
			peek->refusal = "the body is not valid JSON";
		return err;
	}
	settle_bound(peek, operation);
	if ((operation->flags & OP_STREAMS_ALWAYS) != 0 ||
	    ((operation->flags & OP_STREAMS_UNLESS_TOLD) != 0 && !peek->has_stream))
		peek->is_stream = true;
	if (operation->where == MODEL_IN_BODY && peek->model_len == 0)
		return peek_refuse(peek, "\"model\" is missing");
	if (peek->is_stream && (operation->flags & OP_STREAMS) == 0)
		return peek_refuse(peek, "this operation does not stream");
	/* A background answer is fetched later by another call, which this gateway does not meter.
	 */
	if (peek->is_background)
		return peek_refuse(peek, "\"background\" is not supported");
	return OK;
}

/* Text ------------------------------------------------------------------------ */

/* Inside a JSON string that was found well-formed. */
struct text_count {
	uint64_t characters;
	unsigned digits; /* still to come of an escaped code unit */
	unsigned unit;	 /* what they say */
	bool is_escape;
};

static unsigned hex_value(unsigned char c)
{
	return c <= '9' ? c - (unsigned)'0' : (c | 0x20U) - 'a' + 10U;
}

static void count_byte(struct text_count *count, unsigned char c)
{
	if (count->digits > 0) {
		count->unit = count->unit << 4 | hex_value(c);
		/* The second half of a pair is no character of its own. */
		if (--count->digits == 0 && (count->unit & 0xFC00U) != 0xDC00U)
			count->characters++;
	} else if (count->is_escape) {
		count->is_escape = false;
		count->unit = 0;
		count->digits = c == 'u' ? 4 : 0;
		count->characters += c != 'u';
	} else if (c == '\\') {
		count->is_escape = true;
	} else if ((c & 0xC0U) != 0x80U) {
		count->characters++;
	}
}

uint64_t peek_characters(const struct peek *peek, const struct queue *body)
{
	struct text_count count = {0};
	uint64_t at = peek->text_place.start + 1, end = peek->text_place.end;
	struct iovec view;

	if (peek->text_place.type != JSCAN_STRING || end == 0)
		return 0;
	while (at + 1 < end && queue_views(body, at, &view, 1) == 1) {
		const unsigned char *bytes = view.iov_base;
		uint64_t len = MIN(view.iov_len, end - 1 - at);

		for (uint64_t i = 0; i < len; i++)
			count_byte(&count, bytes[i]);
		at += len;
	}
	return count.characters;
}

/* Edits ----------------------------------------------------------------------- */

struct plan {
	const struct peek *peek;
	struct arena *arena;
	struct peek_edit *edits;
	size_t count;
	int64_t delta;
};

static void plan_add(struct plan *plan, uint64_t start, uint64_t end, struct str text)
{
	size_t at = plan->count++;

	ASSERT(plan->count <= PEEK_EDITS);
	while (at > 0 && plan->edits[at - 1].start > start) {
		plan->edits[at] = plan->edits[at - 1];
		at--;
	}
	plan->edits[at] = (struct peek_edit){start, end, text};
	plan->delta += (int64_t)text.len - (int64_t)(end - start);
}

static void plan_model(struct plan *plan, const struct model *model)
{
	if (str_eq(peek_model(plan->peek), model->options.upstream_model))
		return;
	plan_add(plan, plan->peek->model_place.start, plan->peek->model_place.end,
		 model->upstream_model_json);
}

/* The root object has a member ("model" or "stream"), so what is put first ends in a comma. */
static void plan_usage(struct plan *plan)
{
	const struct peek_place *options = &plan->peek->options_place;
	const struct peek_place *include = &plan->peek->include_place;

	if (include->end != 0)
		plan_add(plan, include->start, include->end, STR("true"));
	else if (options->end == 0)
		plan_add(plan, plan->peek->root_start + 1, plan->peek->root_start + 1,
			 STR("\"stream_options\":{\"include_usage\":true},"));
	else if (options->type == JSCAN_NULL)
		plan_add(plan, options->start, options->end, STR("{\"include_usage\":true}"));
	else
		plan_add(plan, options->start + 1, options->start + 1,
			 options->count > 0 ? STR("\"include_usage\":true,")
					    : STR("\"include_usage\":true"));
}

/* The text that puts a bound where there is none, and where it goes. */
static struct str put_bound(const struct plan *plan, const struct bound_rule *rule,
			    unsigned long long bound, uint64_t *out_at)
{
	const struct peek_place *parent = &plan->peek->parents[rule->put];
	const char *comma = plan->peek->root_count > 0 ? "," : "";

	*out_at = plan->peek->root_start + 1;
	if (rule->parent == NULL)
		return arena_printf(plan->arena, "\"%s\":%llu%s", place_paths[rule->name], bound,
				    comma);
	if (parent->end == 0)
		return arena_printf(plan->arena, "\"%s\":{\"%s\":%llu}%s", rule->parent,
				    rule->child, bound, comma);
	*out_at = parent->start + 1;
	return arena_printf(plan->arena, "\"%s\":%llu%s", rule->child, bound,
			    parent->count > 0 ? "," : "");
}

static enum err plan_bound(struct plan *plan, enum operation_id id, uint64_t max_output)
{
	const struct bound_rule *rule = &bound_rules[id];
	const struct peek_place *place = &plan->peek->bound_places[rule->put];
	const struct peek_place *parent = &plan->peek->parents[rule->put];
	uint64_t at = place->start, end = place->end;
	struct str text;

	/* A bound of 0 is the caller's to give; of null it is none. */
	if (max_output == 0 || plan->peek->max_tokens > 0 || !rule->is_put ||
	    (place->end != 0 && place->type != JSCAN_NULL))
		return OK;
	if (place->end != 0) {
		text = arena_printf(plan->arena, "%llu", (unsigned long long)max_output);
	} else if (parent->end != 0 && parent->type != JSCAN_OBJECT) {
		/* null, or what the server will refuse */
		at = parent->start;
		end = parent->end;
		text = arena_printf(plan->arena, "{\"%s\":%llu}", rule->child,
				    (unsigned long long)max_output);
	} else {
		text = put_bound(plan, rule, max_output, &at);
		end = at;
	}
	if (!str_is_set(text))
		return ERR_LIMIT;
	plan_add(plan, at, end, text);
	return OK;
}

enum err peek_plan(const struct peek *peek, const struct operation *operation,
		   const struct model *model, struct arena *arena,
		   struct peek_edit out[static PEEK_EDITS], size_t *out_count, int64_t *out_delta)
{
	struct plan plan = {.peek = peek, .arena = arena, .edits = out};
	enum err err;

	/* A body may repeat what the path says: the two never differ upstream. */
	if (operation->where == MODEL_IN_BODY || peek->model_place.end != 0)
		plan_model(&plan, model);
	err = plan_bound(&plan, operation->id, model->options.max_output);
	if (err != OK)
		return err;
	if (peek->is_stream && !peek->wants_usage && (operation->flags & OP_USAGE_ON_REQUEST) != 0)
		plan_usage(&plan);
	*out_count = plan.count;
	*out_delta = plan.delta;
	return OK;
}
