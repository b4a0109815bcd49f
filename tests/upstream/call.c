/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/upstream/call.h"

#include <string.h>

static const struct {
	const char *suffix;
	enum dialect dialect;
} routes[] = {
	{"/chat/completions", CHAT},
	{"/completions", COMPLETIONS},
	{"/embeddings", EMBEDDINGS},
	{"/responses", RESPONSES},
	{"/messages", MESSAGES},
	{"/messages/count_tokens", COUNT_TOKENS},
	{"/infer", INFER},
	{"/invocations", INVOCATIONS},
	{"/images/generations", IMAGES_MADE},
	{"/images/edits", IMAGES_MADE},
	{"/audio/speech", SPEECH},
	{"/audio/transcriptions", TRANSCRIPTIONS},
	{":generateContent", GEMINI},
	{":streamGenerateContent", GEMINI},
	{":countTokens", COUNT_TOKENS},
	{"/api/chat", OLLAMA_CHAT},
	{"/api/generate", OLLAMA_GENERATE},
	{"/api/embed", OLLAMA_EMBED},
	{"/chat", COHERE_CHAT},
	{"/embed", COHERE_EMBED},
	{"/rerank", COHERE_RERANK},
	{"/generate", SGLANG},
	{"/generate_stream", TGI},
	{"/completion", LLAMACPP},
	{"/models", MODELS},
	{"/bill", BILL},
};

static enum dialect dialect_of(struct span path)
{
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		if (span_ends(path, routes[i].suffix))
			return routes[i].dialect;
	}
	return memmem(path.ptr, path.len, "/v2", 3) ? V2_READ : UNKNOWN;
}

/* The name after `marker` in the path, up to the next slash. */
static struct span path_part(struct span path, const char *marker)
{
	const char *at = memmem(path.ptr, path.len, marker, strlen(marker));
	const char *end = path.ptr + path.len, *slash;

	if (!at)
		return (struct span){0};
	at += strlen(marker);
	slash = memchr(at, '/', (size_t)(end - at));
	return (struct span){at, (size_t)((slash ? slash : end) - at)};
}

/* `word-N`: true and the number when the part begins with the word and a dash. */
static bool part_number(struct span part, const char *word, uint64_t *out_number)
{
	size_t len = strlen(word);

	if (!span_starts(part, word) || part.len < len + 2 || part.ptr[len] != '-')
		return false;
	for (size_t i = len + 1; i < part.len; i++) {
		if (part.ptr[i] < '0' || part.ptr[i] > '9')
			return false;
	}
	*out_number = span_u64((struct span){part.ptr + len + 1, part.len - len - 1});
	return true;
}

static bool script_number(struct script *script, struct span part)
{
	const struct {
		const char *word;
		uint64_t *number;
	} numbers[] = {
		{"fail", &script->status},	 {"flaky", &script->flaky},
		{"slow", &script->slow_ms},	 {"pause", &script->pause_ms},
		{"reset", &script->reset_at},	 {"truncate", &script->truncate_at},
		{"stall", &script->stall_at},	 {"drip", &script->drip_bytes},
		{"events", &script->events},	 {"tokens", &script->tokens},
		{"input", &script->input},	 {"text", &script->text_bytes},
		{"searches", &script->searches},
	};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		if (part_number(part, numbers[i].word, numbers[i].number))
			return true;
	}
	return false;
}

static void script_flag(struct script *script, struct span part)
{
	const struct {
		const char *word;
		bool *flag;
	} flags[] = {
		{"resethead", &script->resets_head},
		{"closehead", &script->closes_head},
		{"hang", &script->hangs},
		{"garbage", &script->is_garbage},
		{"badjson", &script->is_bad_json},
		{"nousage", &script->has_no_usage},
		{"chunked", &script->is_chunked},
		{"close", &script->closes},
		{"thinking", &script->shows_thinking},
		{"inconsistent", &script->is_inconsistent},
		{"cachewrite", &script->writes_cache},
		{"earlyhints", &script->sends_early_hints},
	};

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		if (span_is(part, flags[i].word))
			*flags[i].flag = true;
	}
	if (span_starts(part, "served-"))
		script->served = (struct span){part.ptr + 7, part.len - 7};
}

static void script_read(struct script *script, struct span model)
{
	script->reset_at = script->truncate_at = script->stall_at = NO_LIMIT;
	script->tokens = script->input = NO_LIMIT;
	while (model.len) {
		const char *plus = memchr(model.ptr, '+', model.len);
		struct span part = {model.ptr, plus ? (size_t)(plus - model.ptr) : model.len};

		if (!script_number(script, part))
			script_flag(script, part);
		model.ptr += part.len + (plus != NULL);
		model.len -= part.len + (plus != NULL);
	}
}

/* The length of the first dimension of inputs[0]. */
static uint64_t infer_rows(struct span inputs)
{
	struct json_walk walk, shape;
	struct span key, value, unused;

	if (!json_enter(&walk, inputs) || !json_next(&walk, &key, &value) ||
	    !json_enter(&walk, value))
		return 0;
	while (json_next(&walk, &key, &value)) {
		if (!span_is(key, "shape") || !json_enter(&shape, value))
			continue;
		return json_next(&shape, &unused, &value) ? span_u64(value) : 0;
	}
	return 0;
}

static uint64_t split_rows(struct span frame)
{
	struct json_walk walk;
	struct span key, value;

	if (!json_enter(&walk, frame))
		return 0;
	while (json_next(&walk, &key, &value)) {
		if (span_is(key, "data"))
			return json_count(value);
	}
	return 0;
}

static void read_prompt(struct call *call, struct span key, struct span value)
{
	bool is_array = value.len && value.ptr[0] == '[';

	if (span_is(key, "messages") || span_is(key, "prompt") || span_is(key, "input") ||
	    span_is(key, "system") || span_is(key, "contents") || span_is(key, "inputs") ||
	    span_is(key, "text") || span_is(key, "texts") || span_is(key, "query"))
		call->prompt_bytes += value.len;
	if (span_is(key, "input") && value.len >= 2)
		call->text_chars = value.len - 2;
	/* The two servers with this path are told apart by what they call the prompt. */
	if (span_is(key, "inputs") && call->dialect == SGLANG)
		call->dialect = TGI;
	if (span_is(key, "input"))
		call->items = is_array ? json_count(value) : 1;
	if (span_is(key, "inputs"))
		call->rows = call->dialect == INFER ? infer_rows(value) : json_count(value);
	if (span_is(key, "instances") || span_is(key, "dataframe_records"))
		call->rows = json_count(value);
	if (span_is(key, "dataframe_split"))
		call->rows = split_rows(value);
}

static void read_member(struct call *call, struct span key, struct span value)
{
	struct json_walk walk;
	struct span inner;

	if (span_is(key, "model"))
		call->model = json_string(value);
	else if (span_is(key, "stream"))
		call->is_stream = span_is(value, "true");
	else if (span_is(key, "stream_format"))
		call->is_stream = span_is(value, "\"sse\"");
	else if (span_is(key, "n"))
		call->choices = span_u64(value);
	else if (span_is(key, "encoding_format"))
		call->wants_base64 = span_is(value, "\"base64\"");
	else if (span_is(key, "max_tokens") || span_is(key, "max_completion_tokens") ||
		 span_is(key, "max_output_tokens"))
		call->bound = span_u64(value);
	else if (span_is(key, "stream_options") && json_enter(&walk, value))
		while (json_next(&walk, &key, &inner))
			call->wants_usage |=
				span_is(key, "include_usage") && span_is(inner, "true");
	else
		read_prompt(call, key, value);
}

static bool read_body(struct call *call, struct span body)
{
	struct json_walk walk;
	struct span key, value;

	if (!json_enter(&walk, body) || !walk.is_object)
		return false;
	while (json_next(&walk, &key, &value))
		read_member(call, key, value);
	return !walk.is_broken;
}

static bool span_is_form(struct span body)
{
	return span_starts(body, "--");
}

/* What stands behind the marker, up to the end of its line. */
static struct span form_value(struct span body, const char *marker)
{
	const char *at = body.len ? memmem(body.ptr, body.len, marker, strlen(marker)) : NULL;
	const char *end;

	if (!at)
		return (struct span){0};
	at += strlen(marker);
	end = memmem(at, (size_t)(body.ptr + body.len - at), "\r\n", 2);
	return (struct span){at, end ? (size_t)(end - at) : 0};
}

/* Servers whose paths or bodies do not name a model as the others do. */
static void read_own_model(struct call *call)
{
	const char *colon;

	if (call->dialect == GEMINI || (call->dialect == COUNT_TOKENS && !call->model.len)) {
		call->model = path_part(call->path, "/models/");
		colon = call->model.len ? memrchr(call->model.ptr, ':', call->model.len) : NULL;
		if (colon)
			call->model.len = (size_t)(colon - call->model.ptr);
	}
	if (span_starts(call->path, "/openai/deployments/"))
		call->model = path_part(call->path, "/deployments/");
	if (call->dialect == SGLANG)
		call->model = (struct span){"sglang-x", 8};
	if (call->dialect == TGI)
		call->model = (struct span){"tgi-x", 5};
	if (call->dialect == LLAMACPP)
		call->model = (struct span){"llamacpp-x", 10};
}

bool call_read(struct call *call, struct span method, struct span path, struct span body)
{
	const char *query = memchr(path.ptr, '?', path.len);

	if (query) {
		call->is_array =
			!memmem(query, path.len - (size_t)(query - path.ptr), "alt=sse", 7);
		path.len = (size_t)(query - path.ptr);
	} else {
		call->is_array = true;
	}
	call->path = path;
	call->dialect = dialect_of(path);
	call->is_stream = call->dialect == OLLAMA_CHAT || call->dialect == OLLAMA_GENERATE ||
			  call->dialect == TGI || span_ends(path, ":streamGenerateContent");
	call->is_post = span_is(method, "POST");
	call->choices = 1;
	call->bound = NO_LIMIT;
	if (call->dialect == TRANSCRIPTIONS || span_is_form(body))
		call->model = form_value(body, "name=\"model\"\r\n\r\n");
	else if (call->is_post && call->dialect < V2_READ)
		call->is_broken = !read_body(call, body);
	if (call->dialect == INFER || call->dialect == V2_READ)
		call->model = path_part(path, "/models/");
	if (call->dialect == INVOCATIONS && !call->model.len)
		call->model = path_part(path, "/endpoints/");
	if (call->dialect == INVOCATIONS && !call->model.len)
		call->model = (struct span){"mlflow", 6};
	read_own_model(call);
	script_read(&call->script, call->model);
	return !call->is_broken;
}

struct span call_served(const struct call *call)
{
	return call->script.served.len ? call->script.served : call->model;
}

static bool has_cache(enum dialect dialect)
{
	return dialect == CHAT || dialect == COMPLETIONS || dialect == RESPONSES ||
	       dialect == MESSAGES || dialect == COUNT_TOKENS || dialect == GEMINI ||
	       dialect == SGLANG || dialect == LLAMACPP;
}

static bool has_reasoning(enum dialect dialect)
{
	return dialect == CHAT || dialect == RESPONSES || dialect == GEMINI;
}

/* Other units than tokens; false when the call has tokens. */
static bool count_units(struct call *call)
{
	uint64_t *meters = call->meters;

	if (call->dialect == IMAGES_MADE && call->script.has_no_usage)
		meters[IMAGES] = call->choices;
	else if (call->dialect == SPEECH && !call->is_stream)
		meters[CHARS] = call->text_chars;
	else if (call->dialect == TRANSCRIPTIONS)
		meters[AUDIO_MS] = 8400;
	else if (call->dialect == COHERE_RERANK)
		meters[SEARCHES] = 1;
	else
		return false;
	return true;
}

static void count_input(struct call *call)
{
	uint64_t total =
		call->script.input != NO_LIMIT ? call->script.input : call->prompt_bytes / 4 + 1;
	uint64_t *meters = call->meters;

	call->input_total = total;
	if (has_cache(call->dialect) && total >= 64)
		meters[IN_CACHE_READ] = total / 4;
	if (call->dialect == MESSAGES && total >= 64) {
		meters[IN_CACHE_WRITE_5M] = total / 8;
		meters[IN_CACHE_WRITE_1H] = total / 16;
	}
	if ((call->dialect == CHAT || call->dialect == RESPONSES) && call->script.writes_cache)
		meters[IN_CACHE_WRITE_OTHER] = total / 8;
	meters[IN_TEXT_UNCACHED] = total - meters[IN_CACHE_READ] - meters[IN_CACHE_WRITE_5M] -
				   meters[IN_CACHE_WRITE_1H] - meters[IN_CACHE_WRITE_OTHER];
}

static void count_output(struct call *call)
{
	uint64_t tokens = 16 + call->input_total % 48;

	if (call->bound < tokens)
		tokens = call->bound;
	if (call->script.tokens != NO_LIMIT)
		tokens = call->script.tokens;
	tokens *= call->choices;
	call->output_total = tokens;
	if (has_reasoning(call->dialect) || call->script.shows_thinking)
		call->meters[OUT_REASONING] = tokens / 4;
	call->meters[OUT_TEXT] = tokens - call->meters[OUT_REASONING];
	if (call->dialect == IMAGES_MADE) {
		call->meters[OUT_IMAGE] = tokens;
		call->meters[OUT_TEXT] = 0;
	} else if (call->dialect == SPEECH) {
		call->meters[OUT_AUDIO] = tokens;
		call->meters[OUT_TEXT] = 0;
	}
}

void call_count(struct call *call)
{
	if (call->dialect == INFER || call->dialect == INVOCATIONS) {
		call->meters[REQUESTS] = 1;
		call->meters[ROWS] = call->rows;
		return;
	}
	if (count_units(call))
		return;
	count_input(call);
	if (call->dialect != EMBEDDINGS && call->dialect != COHERE_EMBED &&
	    call->dialect != OLLAMA_EMBED)
		count_output(call);
	if (call->dialect == MESSAGES)
		call->meters[SEARCHES] = call->script.searches;
}
