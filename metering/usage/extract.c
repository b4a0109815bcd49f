/* SPDX-License-Identifier: Apache-2.0 */
#include "metering/usage/extract.h"

#include "metering/usage/leaves.h"

_Static_assert(sizeof(struct extract) <= 3072, "one per request in flight");

enum extract_format extract_format_of(enum dialect dialect, struct str content_type)
{
	static const struct str lines[] = {STR("application/x-ndjson"), STR("application/ndjson"),
					   STR("application/jsonl"), STR("application/stream+json"),
					   STR("application/x-json-stream")};
	struct str type = str_trim(str_sub(content_type, 0, str_index(content_type, ';')));

	if (str_eq_nocase(type, STR("text/event-stream")))
		return EXTRACT_SSE;
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		if (str_eq_nocase(type, lines[i]))
			return EXTRACT_LINES;
	}
	/* Sound, or a transcript as plain text or subtitles. */
	if ((dialect_rules(dialect) & (DIALECT_SAYS_TEXT | DIALECT_HEARS_SOUND)) != 0 &&
	    !str_eq_nocase(type, STR("application/json")))
		return EXTRACT_OPAQUE;
	return EXTRACT_JSON;
}

void extract_init(struct extract *x, const struct dialects *dialects, enum dialect dialect,
		  enum extract_format format)
{
	/* Not the scan: it is started with the body or with every event. */
	memset(x, 0, offsetof(struct extract, scan));
	x->dialects = dialects;
	x->dialect = dialect;
	x->format = format;
	x->framing =
		format == EXTRACT_JSON || format == EXTRACT_OPAQUE ? DIALECT_UNARY : DIALECT_STREAM;
	x->rules = dialect_rules(dialect);
	tally_init(&x->tally);
	sse_init(&x->sse);
}

void extract_set_provider(struct extract *x, struct str provider)
{
	x->rules = dialect_provider_rules(x->dialect, provider);
}

void extract_header(struct extract *x, struct str name, struct str value)
{
	enum dialect_field field;

	if (!dialect_header_field(x->dialect, name, &field))
		return;
	tally_take_text(&x->tally, field, value);
	x->has_header_count = true;
}

/* ---- one JSON text: a unary body or the data of an event ---- */

static enum err on_value(void *arg, const struct jscan_value *value)
{
	struct extract *x = arg;
	enum dialect_field field = dialects_field(x->dialects, x->dialect, x->framing, value->path);

	x->has_body_count |= field < FIELD_COUNTS && value->type == JSCAN_NUMBER;
	tally_take(&x->tally, field, value);
	return OK;
}

static struct str skip_space(struct str in)
{
	size_t at = 0;

	while (at < in.len && (in.ptr[at] == ' ' || in.ptr[at] == '\t' || in.ptr[at] == '\r' ||
			       in.ptr[at] == '\n'))
		at++;
	return str_sub(in, at, in.len - at);
}

static void text_begin(struct extract *x)
{
	jscan_init(&x->scan, dialects_paths(x->dialects, x->dialect, x->framing), on_value, x);
	x->is_open = true;
	x->is_usage_only = false;
	x->has_bad_event = false;
	tally_begin(&x->tally);
}

static void text_feed(struct extract *x, struct str in)
{
	if (!x->is_open) {
		/* White space alone begins nothing. */
		in = skip_space(in);
		if (in.len == 0)
			return;
		/* An array of events is told from a body by its first byte. */
		if (*in.ptr == '[' && x->format == EXTRACT_JSON &&
		    (x->rules & DIALECT_ONE_SHAPE) != 0)
			x->framing = DIALECT_ARRAY;
		text_begin(x);
	}
	if (!x->has_bad_event && jscan_feed(&x->scan, in) != OK)
		x->has_bad_event = true;
}

/* True when it was JSON to its end. */
static bool text_end(struct extract *x)
{
	x->is_open = false;
	if (x->has_bad_event || jscan_end(&x->scan) != OK)
		return false;
	tally_end(&x->tally, (x->rules & DIALECT_USAGE_CHUNK) != 0);
	return true;
}

/* ---- streams ---- */

static void event_end(struct extract *x, bool has_data, bool is_done)
{
	bool is_json = x->is_open && text_end(x);

	if (has_data && !is_json && !is_done)
		x->tally.flags |= USAGE_UNREADABLE;
	x->is_usage_only = is_json && x->tally.has_no_choices && x->tally.has_block &&
			   (x->rules & DIALECT_USAGE_CHUNK) != 0;
	/* Behind the usage chunk nothing more is counted, though [DONE] may be missing. */
	x->has_ended |=
		(has_data && (x->tally.is_terminal || x->tally.is_final)) || x->is_usage_only;
}

/* A line of the event is whole. True when it is now known to be the last event. */
static bool line_end(struct extract *x)
{
	if (x->is_told || !x->sse.has_data)
		return false;
	x->tally.is_terminal |= sse_is_done(&x->sse);
	tally_take_type(&x->tally, sse_name(&x->sse));
	x->is_told = x->tally.is_terminal;
	return x->is_told;
}

static enum extract_got step_sse(struct extract *x, struct str *in)
{
	struct str data;

	for (;;) {
		switch (sse_next(&x->sse, in, &data)) {
		case SSE_MORE: return EXTRACT_MORE;
		case SSE_DATA: text_feed(x, data); break;
		case SSE_LINE:
			if (line_end(x))
				return EXTRACT_TERMINAL;
			break;
		case SSE_EVENT:
			event_end(x, x->sse.has_data, sse_is_done(&x->sse));
			return EXTRACT_EVENT;
		}
	}
}

static enum extract_got step_line(struct extract *x, struct str *in)
{
	size_t len = str_index(*in, '\n');

	if (in->len == 0)
		return EXTRACT_MORE;
	text_feed(x, str_sub(*in, 0, len));
	*in = str_sub(*in, len, in->len);
	if (in->len == 0)
		return EXTRACT_MORE;
	if (x->tally.is_terminal && !x->is_told) {
		x->is_told = true;
		return EXTRACT_TERMINAL;
	}
	*in = str_sub(*in, 1, in->len);
	event_end(x, x->is_open, false);
	return EXTRACT_EVENT;
}

enum extract_got extract_step(struct extract *x, struct str *in)
{
	ASSERT(extract_is_stream(x));
	return x->format == EXTRACT_SSE ? step_sse(x, in) : step_line(x, in);
}

void extract_text(struct extract *x, struct str in)
{
	ASSERT(x->format == EXTRACT_FRAMES);
	text_feed(x, in);
}

void extract_text_end(struct extract *x)
{
	ASSERT(x->format == EXTRACT_FRAMES);
	event_end(x, x->is_open, false);
}

void extract_feed(struct extract *x, struct str in)
{
	switch (x->format) {
	case EXTRACT_JSON: text_feed(x, in); break;
	case EXTRACT_SSE:
	case EXTRACT_LINES:
		while (extract_step(x, &in) != EXTRACT_MORE)
			;
		break;
	case EXTRACT_OPAQUE:
	case EXTRACT_FRAMES: break;
	}
}

void extract_flush(struct extract *x)
{
	switch (x->format) {
	case EXTRACT_SSE:
		if (!x->sse.is_over) {
			(void)line_end(x);
			event_end(x, x->sse.has_data, sse_is_done(&x->sse));
		}
		x->sse.is_over = true;
		break;
	case EXTRACT_LINES:
	case EXTRACT_FRAMES:
		if (x->is_open)
			event_end(x, true, false);
		break;
	case EXTRACT_JSON:
		if (!x->is_open)
			break;
		x->has_ended = text_end(x);
		if (!x->has_ended)
			x->tally.flags |= USAGE_UNREADABLE;
		break;
	case EXTRACT_OPAQUE: x->has_ended = true; break;
	}
}

/* ---- the end ---- */

static void finish_names(const struct tally *tally, struct usage *out)
{
	static const struct str fast = STR("fast");

	memcpy(out->model, tally->model, tally->model_len);
	out->model_len = tally->model_len;
	memcpy(out->tier, tally->tier, tally->tier_len);
	out->tier_len = tally->tier_len;
	memcpy(out->geo, tally->geo, tally->geo_len);
	out->geo_len = tally->geo_len;
	if (tally->is_fast) {
		memcpy(out->tier, fast.ptr, fast.len);
		out->tier_len = (uint8_t)fast.len;
	}
}

static void finish_counts(const struct extract *x, int64_t units, struct usage *out)
{
	leaves_fill(out, x->tally.fields, x->rules);
	out->counts[METER_SEARCHES] += x->tally.fees[FEE_SEARCH];
	out->counts[METER_FILE_SEARCHES] = x->tally.fees[FEE_FILE_SEARCH];
	out->counts[METER_CODE_CALLS] = x->tally.fees[FEE_CODE];
	out->counts[METER_IMAGE_CALLS] = x->tally.fees[FEE_IMAGE];
	out->flags |= x->tally.flags;
	if (out->source == USAGE_PROVIDER && x->has_header_count && !x->has_body_count)
		out->source = USAGE_HEADER;
	if (out->source == USAGE_NONE && (x->rules & DIALECT_SAYS_TEXT) != 0) {
		out->counts[METER_CHARS] = units;
		out->source = USAGE_PROVIDER;
	}
}

void extract_finish(struct extract *x, int64_t units, struct usage *out)
{
	extract_flush(x);
	usage_init(out);
	if ((x->rules & DIALECT_BY_CALL) != 0) {
		out->counts[METER_REQUESTS] = 1;
		out->counts[METER_ROWS] = units;
		out->source = USAGE_PROVIDER;
	} else if ((x->rules & DIALECT_IS_FREE) != 0) {
		out->source = USAGE_PROVIDER;
	} else {
		finish_counts(x, units, out);
	}
	finish_names(&x->tally, out);
}
