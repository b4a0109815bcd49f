/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The split law of metering/usage/sse and sse_gate: the first byte is the size
 * of the pieces. What passes the gate is what came, less whole events.
 */
#include "metering/usage/sse_gate.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>

struct digest {
	uint64_t value;
	uint64_t len;
};

static void digest_bytes(struct digest *digest, struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		digest->value = (digest->value ^ (unsigned char)s.ptr[i]) * 0x100000001b3ULL;
	digest->len += s.len;
}

static uint64_t run_sse(struct str in, size_t step)
{
	struct digest digest = {0xcbf29ce484222325ULL, 0};
	struct sse sse;

	sse_init(&sse);
	for (size_t at = 0; at < in.len; at += step) {
		struct str piece = str_sub(in, at, step), view;

		for (;;) {
			enum sse_got got = sse_next(&sse, &piece, &view);

			if (got == SSE_MORE)
				break;
			if (got == SSE_DATA)
				digest_bytes(&digest, view);
			if (got == SSE_LINE)
				digest_bytes(&digest, STR("L"));
			if (got == SSE_EVENT) {
				digest_bytes(&digest, sse_name(&sse));
				digest_bytes(&digest, sse_is_done(&sse) ? STR("D") : STR("E"));
			}
		}
		ASSERT(piece.len == 0);
	}
	return digest.value;
}

struct relay {
	struct digest freed, waited;
};

static void take(struct relay *relay, const struct sse_gate_out *out)
{
	size_t left = out->free_len;

	for (size_t i = 0; i < out->count; i++) {
		struct str head = str_sub(out->views[i], 0, left);

		digest_bytes(&relay->freed, head);
		digest_bytes(&relay->waited, str_sub(out->views[i], head.len, out->views[i].len));
		left -= head.len;
	}
}

static struct relay run_gate(const struct dialects *dialects, struct str in, size_t step,
			     char *hold, uint64_t *out_dropped)
{
	struct relay relay = {{1, 0}, {1, 0}};
	struct sse_gate_out out;
	struct sse_gate gate;
	struct extract tap;

	extract_init(&tap, dialects, DIALECT_OPENAI_CHAT, true);
	sse_gate_init(&gate, &tap, hold);
	while (in.len > 0) {
		size_t used = sse_gate_feed(&gate, str_sub(in, 0, step), &out);

		ASSERT(used > 0);
		take(&relay, &out);
		in = str_sub(in, used, in.len);
	}
	sse_gate_finish(&gate, &out);
	take(&relay, &out);
	*out_dropped = gate.dropped;
	return relay;
}

static void assert_same(const struct relay *a, const struct relay *b)
{
	ASSERT(a->freed.value == b->freed.value);
	ASSERT(a->waited.value == b->waited.value);
	ASSERT(a->freed.len == b->freed.len);
}

static void check_gate(struct str in, size_t step)
{
	struct dialects *dialects = dialects_new();
	char *hold = malloc(SSE_GATE_HOLD);
	uint64_t dropped;
	struct relay whole, split;

	whole = run_gate(dialects, in, in.len, hold, &dropped);
	ASSERT(whole.freed.len + whole.waited.len <= in.len);
	ASSERT((whole.freed.len + whole.waited.len == in.len) == (dropped == 0));
	split = run_gate(dialects, in, 1, hold, &dropped);
	assert_same(&whole, &split);
	split = run_gate(dialects, in, step, hold, &dropped);
	assert_same(&whole, &split);
	whole = run_gate(dialects, in, in.len, NULL, &dropped);
	ASSERT(whole.freed.len + whole.waited.len == in.len);
	split = run_gate(dialects, in, step, NULL, &dropped);
	assert_same(&whole, &split);
	free(hold);
	dialects_free(dialects);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in;
	uint64_t whole;

	if (size < 2)
		return 0;
	in = str_make((const char *)data + 1, size - 1);
	whole = run_sse(in, in.len);
	ASSERT(run_sse(in, 1) == whole);
	ASSERT(run_sse(in, 1U + data[0]) == whole);
	check_gate(in, 1U + data[0]);
	return 0;
}
