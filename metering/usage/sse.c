/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A line is read in three parts: its name up to ":", one optional space, and
 * the value up to the line end. The state is always between two bytes.
 *
 *   BOM -> START -name byte-> FIELD --:--> SPACE -> VALUE --line end--> END
 *            |  \--:--> (comment) VALUE      FIELD --line end--> END
 *            |                               END -take it-> START
 *            \--line end--> the event is over
 */
#include "metering/usage/sse.h"

enum {
	STATE_BOM,
	STATE_START,
	STATE_FIELD,
	STATE_SPACE,
	STATE_VALUE,
	STATE_END, /* before the line end */
};

enum {
	FIELD_IS_OTHER,
	FIELD_IS_DATA,
	FIELD_IS_EVENT,
};

static const char bom[] = "\xEF\xBB\xBF";
static const char done[] = "[DONE]";

#define DONE_LEN      (sizeof(done) - 1)
#define DONE_MISMATCH (DONE_LEN + 1)

void sse_init(struct sse *sse)
{
	memset(sse, 0, sizeof(*sse));
	sse->state = STATE_BOM;
}

bool sse_is_done(const struct sse *sse)
{
	return sse->has_data && sse->done_len == DONE_LEN;
}

static bool is_line_end(char c)
{
	return c == '\n' || c == '\r';
}

static void take(struct str *in, size_t len)
{
	in->ptr += len;
	in->len -= len;
}

/* The first line end, or in.len. */
static size_t line_end_index(struct str in)
{
	const char *lf = memchr(in.ptr, '\n', in.len);
	size_t len = lf == NULL ? in.len : (size_t)(lf - in.ptr);
	const char *cr = memchr(in.ptr, '\r', len);

	return cr == NULL ? len : (size_t)(cr - in.ptr);
}

/* A mark that does not become whole was the beginning of a name nobody knows. */
static void step_bom(struct sse *sse, struct str *in)
{
	if (*in->ptr == bom[sse->bom_len]) {
		take(in, 1);
		if (++sse->bom_len == sizeof(bom) - 1)
			sse->state = STATE_START;
		return;
	}
	sse->field = FIELD_IS_OTHER;
	sse->field_len = UINT8_MAX;
	sse->state = sse->bom_len == 0 ? STATE_START : STATE_FIELD;
}

static void event_begin(struct sse *sse)
{
	sse->name_len = 0;
	sse->done_len = 0;
	sse->has_data = false;
	sse->is_over = false;
}

/* One byte of the name: data or event, told apart by the first. */
static void field_byte(struct sse *sse, char c)
{
	static const char *const names[] = {"", "data", "event"};

	if (sse->field_len == 0)
		sse->field = c == 'd' ? FIELD_IS_DATA : c == 'e' ? FIELD_IS_EVENT : FIELD_IS_OTHER;
	if (sse->field_len == UINT8_MAX || c == '\0' || names[sse->field][sse->field_len] != c)
		sse->field_len = UINT8_MAX;
	else
		sse->field_len++;
}

static bool field_is(const struct sse *sse, uint8_t field, size_t len)
{
	return sse->field == field && sse->field_len == len;
}

/* The name is whole. True when the value continues the event's data on a new line. */
static bool field_end(struct sse *sse)
{
	bool is_next_line = false;

	if (field_is(sse, FIELD_IS_DATA, 4)) {
		is_next_line = sse->has_data;
		sse->has_data = true;
	} else if (field_is(sse, FIELD_IS_EVENT, 5)) {
		sse->name_len = 0;
	} else {
		sse->field = FIELD_IS_OTHER;
	}
	if (is_next_line)
		sse->done_len = DONE_MISMATCH;
	return is_next_line;
}

static void name_append(struct sse *sse, struct str value)
{
	if (value.len > (size_t)(SSE_NAME_BYTES - sse->name_len)) {
		/* Too long to be one we know; an empty name matches nothing. */
		sse->name_len = 0;
		sse->field = FIELD_IS_OTHER;
		return;
	}
	memcpy(sse->name + sse->name_len, value.ptr, value.len);
	sse->name_len = (uint8_t)(sse->name_len + value.len);
}

static void done_match(struct sse *sse, struct str value)
{
	for (size_t i = 0; i < value.len && sse->done_len != DONE_MISMATCH; i++) {
		if (sse->done_len < DONE_LEN && value.ptr[i] == done[sse->done_len])
			sse->done_len++;
		else
			sse->done_len = DONE_MISMATCH;
	}
}

/* Part of a value; true when it is data. */
static bool step_value(struct sse *sse, struct str *in, struct str *out_data)
{
	struct str value = str_sub(*in, 0, line_end_index(*in));

	if (value.len < in->len)
		sse->state = STATE_END;
	take(in, value.len);
	if (value.len == 0)
		return false;
	if (sse->field == FIELD_IS_EVENT)
		name_append(sse, value);
	if (sse->field != FIELD_IS_DATA)
		return false;
	done_match(sse, value);
	*out_data = value;
	return true;
}

/* At the first byte of a line. True when the event is over. */
static bool step_start(struct sse *sse, struct str *in)
{
	char c = *in->ptr;

	if (sse->is_over)
		event_begin(sse);
	if (!is_line_end(c)) {
		sse->field_len = 0;
		sse->state = STATE_FIELD;
		return false;
	}
	sse->is_after_cr = c == '\r';
	take(in, 1);
	sse->is_over = true;
	return true;
}

/* Reads the line's name. True when a "\n" joins its value to the data before. */
static bool step_field(struct sse *sse, struct str *in)
{
	char c = *in->ptr;

	if (is_line_end(c)) {
		sse->state = STATE_END;
		return field_end(sse);
	}
	take(in, 1);
	if (c != ':') {
		field_byte(sse, c);
		return false;
	}
	sse->state = STATE_SPACE;
	return field_end(sse);
}

/* SSE_LINE first, then the line end itself. */
static bool step_end(struct sse *sse, struct str *in)
{
	if (!sse->is_told) {
		sse->is_told = true;
		return true;
	}
	sse->is_told = false;
	sse->is_after_cr = *in->ptr == '\r';
	take(in, 1);
	sse->state = STATE_START;
	return false;
}

enum sse_got sse_next(struct sse *sse, struct str *in, struct str *out_data)
{
	while (in->len > 0) {
		if (sse->is_after_cr) {
			sse->is_after_cr = false;
			if (*in->ptr == '\n') {
				take(in, 1);
				continue;
			}
		}
		switch (sse->state) {
		case STATE_BOM: step_bom(sse, in); break;
		case STATE_START:
			if (step_start(sse, in))
				return SSE_EVENT;
			break;
		case STATE_FIELD:
			if (step_field(sse, in)) {
				*out_data = STR("\n");
				return SSE_DATA;
			}
			break;
		case STATE_SPACE:
			if (*in->ptr == ' ')
				take(in, 1);
			sse->state = STATE_VALUE;
			break;
		case STATE_VALUE:
			if (step_value(sse, in, out_data))
				return SSE_DATA;
			break;
		default:
			if (step_end(sse, in))
				return SSE_LINE;
			break;
		}
	}
	return SSE_MORE;
}
