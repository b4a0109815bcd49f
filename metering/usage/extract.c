/* SPDX-License-Identifier: Apache-2.0 */
#include "metering/usage/extract.h"

#include "metering/usage/leaves.h"

_Static_assert(sizeof(struct extract) <= 2048, "one per request in flight");

void extract_init(struct extract *x, const struct dialects *dialects, enum dialect dialect,
		  bool is_stream)
{
	/* Not the scan: it is started with the body or with every event. */
	memset(x, 0, offsetof(struct extract, scan));
	x->dialects = dialects;
	x->dialect = dialect;
	x->framing = is_stream ? DIALECT_STREAM : DIALECT_UNARY;
	for (unsigned i = 0; i < FIELD_COUNTS; i++)
		x->fields[i] = -1;
	sse_init(&x->sse);
}

/* ---- values ---- */

/* digits [ . digits ] [ e exponent ] that make a whole number 0 .. USAGE_COUNT_MAX. */
static bool parse_count(struct str text, int64_t *out)
{
	int64_t value = 0, scale = 0, exponent = 0;
	size_t i = 0;
	bool is_negative_exponent = false;

	for (bool is_fraction = false; i < text.len; i++) {
		if (text.ptr[i] == '.') {
			is_fraction = true;
			continue;
		}
		if (text.ptr[i] < '0' || text.ptr[i] > '9')
			break;
		if (value > USAGE_COUNT_MAX * 100000)
			return false;
		value = value * 10 + (text.ptr[i] - '0');
		scale -= is_fraction;
	}
	if (i < text.len && text.ptr[i] == '-')
		return false;
	for (i++; i < text.len; i++) {
		if (text.ptr[i] == '-')
			is_negative_exponent = true;
		else if (text.ptr[i] != '+')
			exponent = exponent * 10 + (text.ptr[i] - '0');
		if (exponent > 1000)
			return false;
	}
	scale += is_negative_exponent ? -exponent : exponent;
	for (; scale < 0 && value % 10 == 0 && value != 0; scale++)
		value /= 10;
	for (; scale > 0 && value != 0 && value <= USAGE_COUNT_MAX; scale--)
		value *= 10;
	if (value > USAGE_COUNT_MAX || (scale < 0 && value != 0))
		return false;
	*out = value;
	return true;
}

static void take_count(struct extract *x, enum dialect_field field, const struct jscan_value *value)
{
	int64_t count;

	if (value->type == JSCAN_NULL)
		return;
	if (value->type != JSCAN_NUMBER || value->is_truncated ||
	    !parse_count(value->text, &count)) {
		x->flags |= USAGE_UNREADABLE;
		return;
	}
	if (value->is_duplicate)
		x->flags |= USAGE_DUPLICATE;
	x->fields[field] = count;
}

static void take_text(const struct jscan_value *value, char *out, size_t cap, uint8_t *out_len)
{
	size_t len = MIN(value->text.len, cap);

	if (value->type != JSCAN_STRING || len == 0)
		return;
	memcpy(out, value->text.ptr, len);
	*out_len = (uint8_t)len;
}

static bool is_terminal_name(struct str name)
{
	return str_eq(name, STR("message_stop")) || str_eq(name, STR("response.completed")) ||
	       str_eq(name, STR("response.incomplete")) || str_eq(name, STR("response.failed"));
}

/* Built-in tools that are charged by the call. */
static void take_item(struct extract *x, const struct jscan_value *value)
{
	if (str_eq(value->text, STR("web_search_call")))
		x->event_searches++;
	else if (str_eq(value->text, STR("file_search_call")))
		x->event_file_searches++;
}

static void take_delta(struct extract *x, const struct jscan_value *value)
{
	if (value->type != JSCAN_STRING || value->end - value->start <= 2)
		return;
	x->deltas++;
	x->text_bytes += (int64_t)(value->end - value->start) - 2;
}

static enum err on_value(void *arg, const struct jscan_value *value)
{
	struct extract *x = arg;
	enum dialect_field field = dialects_field(x->dialects, x->dialect, x->framing, value->path);

	switch (field) {
	case FIELD_MODEL: take_text(value, x->model, sizeof(x->model), &x->model_len); break;
	case FIELD_TIER: take_text(value, x->tier, sizeof(x->tier), &x->tier_len); break;
	case FIELD_BLOCK: x->has_block |= value->type == JSCAN_OBJECT; break;
	case FIELD_CHOICES:
		x->has_no_choices = value->type == JSCAN_ARRAY && value->count == 0;
		break;
	case FIELD_TYPE: x->is_terminal |= is_terminal_name(value->text); break;
	case FIELD_ITEM_TYPE: take_item(x, value); break;
	case FIELD_TEXT: take_delta(x, value); break;
	default: take_count(x, field, value); break;
	}
	return OK;
}

/* ---- one JSON text: a unary body or the data of an event ---- */

static void text_begin(struct extract *x)
{
	jscan_init(&x->scan, dialects_paths(x->dialects, x->dialect, x->framing), on_value, x);
	x->is_open = true;
	x->is_usage_only = false;
	x->has_no_choices = false;
	x->has_block = false;
	x->has_bad_event = false;
	x->event_searches = 0;
	x->event_file_searches = 0;
}

static void text_feed(struct extract *x, struct str in)
{
	if (!x->is_open)
		text_begin(x);
	if (!x->has_bad_event && jscan_feed(&x->scan, in) != OK)
		x->has_bad_event = true;
}

/* True when it was JSON to its end. */
static bool text_end(struct extract *x)
{
	x->is_open = false;
	if (x->has_bad_event || jscan_end(&x->scan) != OK)
		return false;
	if (x->has_block) {
		/* The block of a terminal event stands beside all of its output. */
		x->searches = x->event_searches;
		x->file_searches = x->event_file_searches;
	}
	return true;
}

/* ---- streams ---- */

static void event_end(struct extract *x)
{
	bool is_done = sse_is_done(&x->sse);
	bool is_json = x->is_open && text_end(x);

	if (x->sse.has_data && !is_json && !is_done)
		x->flags |= USAGE_UNREADABLE;
	x->is_usage_only = is_json && x->has_no_choices && x->has_block &&
			   (dialect_rules(x->dialect) & DIALECT_USAGE_CHUNK) != 0;
	/* Behind the usage chunk nothing more is counted, though [DONE] may be missing. */
	x->has_ended |= (x->sse.has_data && x->is_terminal) || x->is_usage_only;
}

/* A line of the event is whole. True when it is now known to be the last event. */
static bool line_end(struct extract *x)
{
	if (x->is_told || !x->sse.has_data)
		return false;
	x->is_terminal |= sse_is_done(&x->sse) || is_terminal_name(sse_name(&x->sse));
	x->is_told = x->is_terminal;
	return x->is_told;
}

enum extract_got extract_step(struct extract *x, struct str *in)
{
	struct str data;

	ASSERT(x->framing == DIALECT_STREAM);
	for (;;) {
		switch (sse_next(&x->sse, in, &data)) {
		case SSE_MORE: return EXTRACT_MORE;
		case SSE_DATA: text_feed(x, data); break;
		case SSE_LINE:
			if (line_end(x))
				return EXTRACT_TERMINAL;
			break;
		case SSE_EVENT: event_end(x); return EXTRACT_EVENT;
		}
	}
}

void extract_feed(struct extract *x, struct str in)
{
	if (x->framing == DIALECT_UNARY) {
		text_feed(x, in);
		return;
	}
	while (extract_step(x, &in) != EXTRACT_MORE)
		;
}

void extract_flush(struct extract *x)
{
	if (x->framing == DIALECT_STREAM) {
		if (!x->sse.is_over) {
			(void)line_end(x);
			event_end(x);
		}
		x->sse.is_over = true;
	} else if (x->is_open) {
		x->has_ended = text_end(x);
		if (!x->has_ended)
			x->flags |= USAGE_UNREADABLE;
	}
}

void extract_finish(struct extract *x, int64_t rows, struct usage *out)
{
	unsigned rules = dialect_rules(x->dialect);

	extract_flush(x);
	usage_init(out);
	if ((rules & DIALECT_BY_CALL) != 0) {
		out->counts[METER_REQUESTS] = 1;
		out->counts[METER_ROWS] = rows;
		out->source = USAGE_PROVIDER;
	} else if ((rules & DIALECT_IS_FREE) != 0) {
		out->source = USAGE_PROVIDER;
	} else {
		leaves_fill(out, x->fields, rules);
		out->counts[METER_SEARCHES] += x->searches;
		out->counts[METER_FILE_SEARCHES] = x->file_searches;
		out->flags |= x->flags;
	}
	memcpy(out->model, x->model, x->model_len);
	out->model_len = x->model_len;
	memcpy(out->tier, x->tier, x->tier_len);
	out->tier_len = x->tier_len;
}
