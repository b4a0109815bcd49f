/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is where while usage is hidden:
 *
 *   stream    ....event....|....event....|....event..
 *   gate      forwarded     hold[0..hold_len)  | seg..in
 *                           \-- one event, not decided --/
 *
 * An event's end decides over hold and seg together. The hold is written only
 * at the end of a call that put no view of it into `out`.
 */
#include "metering/usage/sse_gate.h"

void sse_gate_init(struct sse_gate *gate, struct extract *tap, char *hold)
{
	ASSERT(extract_is_stream(tap));
	memset(gate, 0, sizeof(*gate));
	gate->tap = tap;
	gate->hold = hold;
}

static void out_add(struct sse_gate *gate, struct sse_gate_out *out, struct str view)
{
	struct str *last = out->count == 0 ? NULL : &out->views[out->count - 1];

	if (view.len == 0)
		return;
	gate->forwarded += view.len;
	out->len += view.len;
	if (last != NULL && last->ptr + last->len == view.ptr) {
		last->len += view.len;
		return;
	}
	ASSERT(out->count < SSE_GATE_VIEWS);
	out->views[out->count++] = view;
}

/* Forwards what is held and then seg. */
static void pass(struct sse_gate *gate, struct sse_gate_out *out, struct str seg)
{
	out_add(gate, out, str_make(gate->hold, gate->hold_len));
	gate->hold_len = 0;
	out_add(gate, out, seg);
}

/* An event is over at the end of seg. */
static void decide(struct sse_gate *gate, struct sse_gate_out *out, struct str seg)
{
	bool is_dropped = gate->hold != NULL && !gate->is_passing && gate->tap->is_usage_only &&
			  gate->hold_len + seg.len <= SSE_GATE_HOLD;

	gate->was_dropped = is_dropped;
	gate->is_passing = false;
	if (is_dropped) {
		gate->hold_len = 0;
		gate->dropped++;
		return;
	}
	pass(gate, out, seg);
}

/* The input ends inside an event. */
static void keep(struct sse_gate *gate, struct sse_gate_out *out, struct str seg)
{
	if (gate->hold == NULL || gate->is_passing) {
		pass(gate, out, seg);
	} else if (gate->hold_len + seg.len > SSE_GATE_HOLD) {
		gate->is_passing = true;
		pass(gate, out, seg);
	} else if (seg.len > 0) {
		memcpy(gate->hold + gate->hold_len, seg.ptr, seg.len);
		gate->hold_len += seg.len;
	}
}

/* A LF behind the CR that ended the event before: it goes where the event went. */
static void take_lf(struct sse_gate *gate, struct str *in, struct sse_gate_out *out)
{
	struct str lf = str_make(in->ptr, 1);
	struct str rest = lf;

	(void)extract_step(gate->tap, &rest);
	if (!gate->was_dropped)
		out_add(gate, out, lf);
	*in = str_sub(*in, 1, in->len);
}

static size_t free_bytes(const struct sse_gate *gate, const struct sse_gate_out *out)
{
	uint64_t before = gate->forwarded - out->len;

	if (!gate->is_terminal)
		return out->len;
	if (gate->terminal_at <= before)
		return 0;
	return (size_t)MIN(gate->terminal_at - before, out->len);
}

/* One event or what there is of it. False when this call has to end. */
static bool feed_event(struct sse_gate *gate, struct str *in, struct sse_gate_out *out)
{
	const char *seg = in->ptr;
	bool had_hold = gate->hold_len > 0;

	if (gate->tap->sse.is_over && gate->tap->sse.is_after_cr && *in->ptr == '\n') {
		take_lf(gate, in, out);
		return true;
	}
	for (;;) {
		enum extract_got got = extract_step(gate->tap, in);
		size_t len = (size_t)(in->ptr - seg);

		switch (got) {
		case EXTRACT_TERMINAL:
			gate->is_terminal = true;
			gate->terminal_at = gate->forwarded + gate->hold_len + len;
			break;
		case EXTRACT_EVENT: decide(gate, out, str_make(seg, len)); return !had_hold;
		case EXTRACT_MORE: keep(gate, out, str_make(seg, len)); return false;
		}
	}
}

size_t sse_gate_feed(struct sse_gate *gate, struct str in, struct sse_gate_out *out)
{
	const char *start = in.ptr;

	*out = (struct sse_gate_out){.count = 0};
	/* An event needs two views at most; adjoining ones become one. */
	while (in.len > 0 && out->count + 2 <= SSE_GATE_VIEWS) {
		if (!feed_event(gate, &in, out))
			break;
	}
	out->free_len = free_bytes(gate, out);
	return (size_t)(in.ptr - start);
}

void sse_gate_finish(struct sse_gate *gate, struct sse_gate_out *out)
{
	*out = (struct sse_gate_out){.count = 0};
	if (gate->hold_len == 0)
		return;
	extract_flush(gate->tap);
	decide(gate, out, STR(""));
	out->free_len = free_bytes(gate, out);
}
