/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One function per state; each takes bytes off the front of its input.
 *
 *   HEAD --+-- no body ------------------------------------> end
 *          +-- BODY_LENGTH -- last byte -------------------> end
 *          +-- BODY_CLOSE -- h1_finish --------------------> end
 *          +-- CHUNK_SIZE -> SIZE_LF -+-> CHUNK_DATA -> DATA_CR -> DATA_LF -> CHUNK_SIZE
 *                                     +-> TRAILER -- empty line -> end
 *
 * A head that lies whole in one input is parsed where it is. Otherwise its
 * lines gather in `held`; each is checked as soon as it is complete, so that an
 * error shows at the same byte however the input was cut, and the whole head is
 * parsed once more from there at its end.
 */
#include "gateway/http/h1.h"

#include "gateway/http/h1_head.h"

const struct h1_limits h1_default_limits = {
	.head_bytes = 65536,
	.target_bytes = 8192,
	.field_count = MESSAGE_FIELDS,
	.body_bytes = UINT64_C(32) << 20,
	.chunk_overhead_bytes = 1U << 20,
	.informational = 8,
};

const struct h1_limits h1_default_upstream_limits = {
	.head_bytes = 65536,
	.target_bytes = 8192,
	.field_count = MESSAGE_FIELDS,
	.body_bytes = UINT64_C(1) << 30,
	.chunk_overhead_bytes = 64U << 20,
	.informational = 8,
};

void h1_init(struct h1 *h1, enum h1_role role, const struct h1_limits *limits,
	     const struct h1_events *events, void *arg)
{
	ASSERT(limits->field_count <= MESSAGE_FIELDS);
	ASSERT(events->on_head != NULL && events->on_body != NULL && events->on_end != NULL);
	memset(h1, 0, sizeof(*h1));
	h1->role = role;
	h1->limits = limits;
	h1->events = events;
	h1->arg = arg;
	buf_init(&h1->held, limits->head_bytes);
}

void h1_fini(struct h1 *h1)
{
	buf_fini(&h1->held);
}

void h1_expect(struct h1 *h1, enum method method)
{
	ASSERT(h1->role == H1_RESPONSES);
	ASSERT(h1_is_idle(h1));
	h1->expected = method;
}

bool h1_is_idle(const struct h1 *h1)
{
	return h1->state == H1_HEAD && h1->held.len == 0 && h1->informational == 0;
}

enum refusal h1_refusal(const struct h1 *h1)
{
	return h1->refusal;
}

static enum step fail(struct h1 *h1, enum err err)
{
	h1->state = H1_FAILED;
	h1->failed = err;
	buf_release(&h1->held);
	return STEP_DONE;
}

static enum step refuse(struct h1 *h1, enum refusal refusal)
{
	ASSERT(refusal != REFUSAL_NONE);
	h1->refusal = refusal;
	return fail(h1, h1->role == H1_REQUESTS ? refusal_err(refusal)
						: refusal_err_of_response(refusal));
}

static void take(struct h1 *h1, struct str *in, size_t len)
{
	ASSERT(len <= in->len);
	*in = str_make(in->ptr + len, in->len - len);
	h1->taken += len;
}

static void release_held(struct h1 *h1)
{
	buf_release(&h1->held);
	h1->line_at = 0;
	h1->line_count = 0;
}

/* The message is complete: ready for the next. */
static enum step end_message(struct h1 *h1)
{
	enum err err;

	h1->state = H1_HEAD;
	h1->informational = 0;
	h1->overhead = 0;
	h1->body = 0;
	h1->remaining = 0;
	err = h1->events->on_end(h1->arg);
	return err == OK ? STEP_DONE : fail(h1, err);
}

static enum step give_body(struct h1 *h1, struct str *in)
{
	struct str view = str_make(in->ptr, (size_t)MIN(in->len, h1->remaining));
	enum err err;

	take(h1, in, view.len);
	h1->remaining -= view.len;
	err = h1->events->on_body(h1->arg, view);
	return err == OK ? STEP_NEXT : fail(h1, err);
}

/* -- head ----------------------------------------------------------------- */

struct lines {
	struct head head;
	struct str authority;
	size_t count;
	bool is_whole;
};

static void lines_init(struct lines *lines)
{
	memset(lines, 0, offsetof(struct lines, head) + offsetof(struct head, fields));
	lines->authority = (struct str){NULL, 0};
	lines->count = 0;
	lines->is_whole = false;
}

/* One line with its LF; `count` says which it is. */
static enum refusal parse_line(const struct h1 *h1, struct str line, struct lines *lines)
{
	if (line.len < 2 || line.ptr[line.len - 2] != '\r')
		return REFUSAL_LINE_END;
	line.len -= 2;
	if (lines->count++ > 0) {
		lines->is_whole = line.len == 0;
		return lines->is_whole ? REFUSAL_NONE
				       : h1_head_field(line, h1->limits, &lines->head);
	}
	if (h1->role == H1_RESPONSES)
		return h1_head_status_line(line, &lines->head);
	return h1_head_request_line(line, h1->limits, &lines->head, &lines->authority);
}

/* As many whole lines as there are; *out_len is where they end, or just behind a failure. */
static enum refusal parse_lines(const struct h1 *h1, struct str in, struct lines *lines,
				size_t *out_len)
{
	size_t most = MIN(in.len, h1->limits->head_bytes);
	enum refusal refusal = REFUSAL_NONE;
	size_t at = 0;

	while (refusal == REFUSAL_NONE && !lines->is_whole) {
		const char *lf = at < most ? memchr(in.ptr + at, '\n', most - at) : NULL;
		size_t len;

		if (lf == NULL)
			break;
		len = (size_t)(lf - in.ptr) + 1 - at;
		refusal = parse_line(h1, str_make(in.ptr + at, len), lines);
		at += len;
	}
	*out_len = at;
	if (refusal == REFUSAL_NONE && !lines->is_whole && in.len > h1->limits->head_bytes) {
		*out_len = h1->limits->head_bytes + 1;
		return REFUSAL_HEAD_LIMIT;
	}
	return refusal;
}

/* Bodies: enters the state that reads it, or ends the message. */
static enum step begin_body(struct h1 *h1, enum framing framing, uint64_t length)
{
	if (framing == FRAMING_CHUNKED) {
		h1->state = H1_CHUNK_SIZE;
		h1->digits = 0;
		h1->remaining = 0;
		return STEP_NEXT;
	}
	if (framing == FRAMING_CLOSE) {
		h1->state = H1_BODY_CLOSE;
		h1->remaining = h1->limits->body_bytes;
		return STEP_NEXT;
	}
	if (framing == FRAMING_NONE || length == 0)
		return end_message(h1);
	h1->state = H1_BODY_LENGTH;
	h1->remaining = length;
	return STEP_NEXT;
}

static enum step end_informational(struct h1 *h1, unsigned status)
{
	if (status == 101)
		return refuse(h1, REFUSAL_SWITCHING);
	if (++h1->informational > h1->limits->informational)
		return refuse(h1, REFUSAL_INFORMATIONAL);
	return STEP_NEXT;
}

static enum step end_head(struct h1 *h1, struct lines *lines)
{
	struct head *head = &lines->head;
	enum refusal refusal;
	enum err err;

	if (h1->role == H1_REQUESTS)
		refusal = h1_head_settle_request(head, lines->authority, h1->limits);
	else
		refusal = h1_head_settle_response(head, h1->expected, h1->limits);
	if (refusal != REFUSAL_NONE)
		return refuse(h1, refusal);
	if (h1->role == H1_RESPONSES && head->status < 200)
		return end_informational(h1, head->status);
	err = h1->events->on_head(h1->arg, head);
	if (err != OK)
		return fail(h1, err);
	return begin_body(h1, head->framing, head->content_length);
}

/* The head, or the part of it that came, lies at the front of the input. */
static enum step run_head_whole(struct h1 *h1, struct str *in)
{
	struct lines lines;
	enum refusal refusal;
	size_t len;

	lines_init(&lines);
	refusal = parse_lines(h1, *in, &lines, &len);
	if (refusal != REFUSAL_NONE || lines.is_whole) {
		take(h1, in, len);
		return refusal == REFUSAL_NONE ? end_head(h1, &lines) : refuse(h1, refusal);
	}
	if (buf_append(&h1->held, *in) != OK)
		return fail(h1, ERR_INTERNAL);
	h1->line_at = len;
	h1->line_count = (unsigned)lines.count;
	take(h1, in, in->len);
	return STEP_NEXT;
}

/* Moves bytes up to the end of a line into held; false when held may take no more. */
static bool hold_line(struct h1 *h1, struct str *in)
{
	const char *lf = memchr(in->ptr, '\n', in->len);
	size_t len = lf == NULL ? in->len : (size_t)(lf - in->ptr) + 1;
	size_t room = h1->limits->head_bytes - h1->held.len;

	if (len > room) {
		take(h1, in, room + 1);
		return false;
	}
	if (buf_append(&h1->held, str_make(in->ptr, len)) != OK)
		return false;
	take(h1, in, len);
	return true;
}

static bool held_line_is_whole(const struct h1 *h1)
{
	return h1->held.len > h1->line_at && h1->held.ptr[h1->held.len - 1] == '\n';
}

/* The line that has just become whole. */
static struct str held_line(const struct h1 *h1)
{
	return str_make(h1->held.ptr + h1->line_at, h1->held.len - h1->line_at);
}

static enum step run_head_held(struct h1 *h1, struct str *in)
{
	struct lines lines;
	enum refusal refusal;
	enum step step;
	size_t len;

	if (!hold_line(h1, in))
		return refuse(h1, REFUSAL_HEAD_LIMIT);
	if (!held_line_is_whole(h1))
		return STEP_NEXT;
	lines_init(&lines);
	lines.count = h1->line_count;
	lines.head.field_count = h1->line_count == 0 ? 0 : h1->line_count - 1;
	refusal = parse_line(h1, held_line(h1), &lines);
	if (refusal != REFUSAL_NONE)
		return refuse(h1, refusal);
	h1->line_at = h1->held.len;
	h1->line_count++;
	if (!lines.is_whole)
		return STEP_NEXT;
	lines_init(&lines);
	refusal = parse_lines(h1, buf_str(&h1->held), &lines, &len);
	ASSERT(refusal == REFUSAL_NONE);
	ASSERT(lines.is_whole);
	step = end_head(h1, &lines);
	release_held(h1);
	return step;
}

static enum step run_head(struct h1 *h1, struct str *in)
{
	return h1->held.len == 0 ? run_head_whole(h1, in) : run_head_held(h1, in);
}

/* -- body ----------------------------------------------------------------- */

static enum step run_body_length(struct h1 *h1, struct str *in)
{
	enum step step = give_body(h1, in);

	if (step == STEP_NEXT && h1->remaining == 0)
		return end_message(h1);
	return step;
}

static enum step run_body_close(struct h1 *h1, struct str *in)
{
	if (h1->remaining == 0) {
		take(h1, in, 1);
		return refuse(h1, REFUSAL_BODY_LIMIT);
	}
	return give_body(h1, in);
}

/* Counts one byte of framing. */
static bool count_overhead(struct h1 *h1)
{
	return ++h1->overhead <= h1->limits->chunk_overhead_bytes;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* chunk-size = 1*16HEXDIG CR */
static enum step run_chunk_size(struct h1 *h1, struct str *in)
{
	char c = in->ptr[0];
	int digit = hex_value(c);

	take(h1, in, 1);
	if (!count_overhead(h1))
		return refuse(h1, REFUSAL_CHUNK_OVERHEAD);
	if (c == '\r' && h1->digits > 0) {
		h1->state = H1_CHUNK_SIZE_LF;
		return STEP_NEXT;
	}
	if (digit < 0 || h1->digits == 16)
		return refuse(h1, c == ';' ? REFUSAL_CHUNK_EXTENSION : REFUSAL_CHUNK_SIZE);
	h1->digits++;
	h1->remaining = h1->remaining << 4 | (unsigned)digit;
	if (h1->remaining > h1->limits->body_bytes - h1->body)
		return refuse(h1, REFUSAL_BODY_LIMIT);
	return STEP_NEXT;
}

/* Takes the one byte that must stand here. */
static bool take_byte(struct h1 *h1, struct str *in, char want)
{
	bool fits = in->ptr[0] == want;

	take(h1, in, 1);
	return fits;
}

static enum step run_chunk_size_lf(struct h1 *h1, struct str *in)
{
	if (!take_byte(h1, in, '\n'))
		return refuse(h1, REFUSAL_CHUNK_SIZE);
	if (!count_overhead(h1))
		return refuse(h1, REFUSAL_CHUNK_OVERHEAD);
	h1->body += h1->remaining;
	h1->state = h1->remaining == 0 ? H1_TRAILER : H1_CHUNK_DATA;
	return STEP_NEXT;
}

static enum step run_chunk_data(struct h1 *h1, struct str *in)
{
	enum step step = give_body(h1, in);

	if (step == STEP_NEXT && h1->remaining == 0)
		h1->state = H1_CHUNK_DATA_CR;
	return step;
}

static enum step run_chunk_data_cr(struct h1 *h1, struct str *in)
{
	if (!take_byte(h1, in, '\r'))
		return refuse(h1, REFUSAL_CHUNK_END);
	if (!count_overhead(h1))
		return refuse(h1, REFUSAL_CHUNK_OVERHEAD);
	h1->state = H1_CHUNK_DATA_LF;
	return STEP_NEXT;
}

static enum step run_chunk_data_lf(struct h1 *h1, struct str *in)
{
	if (!take_byte(h1, in, '\n'))
		return refuse(h1, REFUSAL_CHUNK_END);
	if (!count_overhead(h1))
		return refuse(h1, REFUSAL_CHUNK_OVERHEAD);
	h1->state = H1_CHUNK_SIZE;
	h1->digits = 0;
	return STEP_NEXT;
}

/* trailer-section = *( field-line CR LF ) CR LF; all of it is bounded like a head. */
static enum step run_trailer(struct h1 *h1, struct str *in)
{
	struct str line;
	enum refusal refusal;

	if (!hold_line(h1, in))
		return refuse(h1, REFUSAL_HEAD_LIMIT);
	if (!held_line_is_whole(h1))
		return STEP_NEXT;
	line = held_line(h1);
	if (line.len < 2 || line.ptr[line.len - 2] != '\r')
		return refuse(h1, REFUSAL_LINE_END);
	if (line.len == 2) {
		release_held(h1);
		return end_message(h1);
	}
	if (h1->line_count >= h1->limits->field_count)
		return refuse(h1, REFUSAL_FIELD_COUNT);
	refusal = h1_head_trailer(str_make(line.ptr, line.len - 2));
	if (refusal != REFUSAL_NONE)
		return refuse(h1, refusal);
	h1->line_at = h1->held.len;
	h1->line_count++;
	return STEP_NEXT;
}

static enum step (*const runs[])(struct h1 *h1, struct str *in) = {
	[H1_HEAD] = run_head,
	[H1_BODY_LENGTH] = run_body_length,
	[H1_BODY_CLOSE] = run_body_close,
	[H1_CHUNK_SIZE] = run_chunk_size,
	[H1_CHUNK_SIZE_LF] = run_chunk_size_lf,
	[H1_CHUNK_DATA] = run_chunk_data,
	[H1_CHUNK_DATA_CR] = run_chunk_data_cr,
	[H1_CHUNK_DATA_LF] = run_chunk_data_lf,
	[H1_TRAILER] = run_trailer,
	[H1_FAILED] = NULL,
};

_Static_assert(ARRAY_LEN(runs) == H1_STATE_COUNT, "one function per state");

enum err h1_feed(struct h1 *h1, struct str in, size_t *out_used)
{
	struct str rest = in;
	enum step step = STEP_NEXT;

	if (h1->state == H1_FAILED)
		return h1->failed;
	while (rest.len > 0 && step == STEP_NEXT)
		step = runs[h1->state](h1, &rest);
	if (h1->state == H1_FAILED)
		return h1->failed;
	*out_used = in.len - rest.len;
	return OK;
}

enum err h1_finish(struct h1 *h1)
{
	if (h1->state == H1_FAILED)
		return h1->failed;
	if (h1_is_idle(h1))
		return OK;
	if (h1->state == H1_BODY_CLOSE)
		(void)end_message(h1);
	else
		(void)refuse(h1, REFUSAL_CUT);
	return h1->state == H1_FAILED ? h1->failed : OK;
}
