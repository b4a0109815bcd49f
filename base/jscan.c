/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scanner is a machine whose state is always between two bytes, so a chunk
 * may end anywhere:
 *
 *   VALUE --{--> FIRST_KEY --"--> TEXT(key) --"--> COLON --:--> VALUE
 *     |  --[--> FIRST_ELEMENT --> (as VALUE, or ] )
 *     |  --"--> TEXT --"--> NEXT          NEXT --,--> KEY or VALUE
 *     |  --0--> NUMBER ---> NEXT          NEXT --} or ]--> NEXT, one level up
 *     |  --t--> WORD -----> NEXT          NEXT at depth 0: white space only
 *
 * Paths are sets of bits. `alive` holds the paths that lead to the value being
 * read or below it; a key or an element narrows the set of its container. Once
 * it is empty nothing is captured or compared any more, and text is skipped at
 * the speed of scan_plain. Containers deeper than any path can reach cost one
 * bit (`kinds`), no frame.
 */
#include "base/jscan.h"

#include <endian.h>

#include "base/jnumber.h"

enum {
	STATE_VALUE,
	STATE_FIRST_ELEMENT,
	STATE_FIRST_KEY,
	STATE_KEY,
	STATE_COLON,
	STATE_NEXT,
	STATE_TEXT,
	STATE_NUMBER,
	STATE_WORD,
};

_Static_assert(JSCAN_DEPTH == 64, "kinds is one word");
_Static_assert(JSCAN_CAPTURE <= UINT16_MAX, "scratch_len holds it");

#define LEVELS (JSCAN_COMPONENTS + 1)

/* Inlined into jscan_feed, so that the cursor stays in registers: its address must not escape. */
#define HOT static inline __attribute__((always_inline))

/* The chunk being read. Text from seg to p was not yet copied to the scratch. */
struct cursor {
	const char *base;
	const char *p;
	const char *end;
	const char *seg;
};

void jscan_init(struct jscan *scan, const struct jscan_paths *paths, jscan_fn on_value, void *arg)
{
	ASSERT(paths != NULL);
	/* Not the scratch: an extractor starts a scan for every event. */
	memset(scan, 0, offsetof(struct jscan, frames));
	scan->paths = paths;
	scan->on_value = on_value;
	scan->arg = arg;
	scan->state = STATE_VALUE;
	scan->ends = jscan_paths_ends(paths);
	scan->alive = jscan_paths_all(paths);
}

uint64_t jscan_offset(const struct jscan *scan)
{
	return scan->offset;
}

/* ---- where we are ---- */

HOT uint64_t offset_at(const struct jscan *scan, const struct cursor *cur)
{
	return scan->offset + (uint64_t)(cur->p - cur->base);
}

HOT enum err fail_at(struct jscan *scan, uint64_t offset, enum err err)
{
	scan->offset = offset;
	scan->err = (uint8_t)err;
	return err;
}

HOT enum err fail(struct jscan *scan, const struct cursor *cur, enum err err)
{
	return fail_at(scan, offset_at(scan, cur), err);
}

/* Takes one byte; where the next stands. */
HOT uint64_t take_byte(const struct jscan *scan, struct cursor *cur)
{
	cur->p++;
	return offset_at(scan, cur);
}

/* The paths that end at the value being read. */
HOT uint64_t wanted(const struct jscan *scan)
{
	return scan->alive == 0 ? 0 : scan->alive & scan->ends[scan->depth];
}

/* A new member or element begins in the innermost container. NULL when no path leads there. */
HOT struct jscan_frame *child_begin(struct jscan *scan)
{
	struct jscan_frame *frame;

	scan->alive = 0;
	if (scan->depth > LEVELS)
		return NULL;
	frame = &scan->frames[scan->depth - 1];
	frame->count++;
	return frame->alive != 0 && scan->depth < LEVELS ? frame : NULL;
}

/* Narrows alive to the paths that the member leads to. */
static void member_begin(struct jscan *scan, struct str name)
{
	struct jscan_frame *frame = child_begin(scan);
	unsigned level = scan->depth - 1U;
	uint64_t named, twins;

	if (frame == NULL)
		return;
	named = jscan_paths_named(scan->paths, level, name) & frame->alive;
	twins = jscan_paths_twins(scan->paths, level, name) & frame->alive;
	scan->alive = named | twins | (jscan_paths_stars(scan->paths, level) & frame->alive);
	scan->again = (named & frame->seen) | twins | (scan->alive & frame->again);
	frame->seen |= named;
}

HOT void element_begin(struct jscan *scan)
{
	struct jscan_frame *frame = child_begin(scan);
	unsigned level = scan->depth - 1U;

	if (frame == NULL)
		return;
	scan->alive = jscan_paths_indexed(scan->paths, level, frame->count - 1) & frame->alive;
	scan->again = scan->alive & frame->again;
}

/* Reports one value to every path in hits. */
static enum err emit(struct jscan *scan, uint64_t hits, uint64_t again, struct jscan_value *value)
{
	for (; hits != 0; hits &= hits - 1) {
		enum err err;

		value->path = (unsigned)__builtin_ctzll(hits);
		value->is_duplicate = (again >> value->path & 1) != 0;
		err = scan->on_value(scan->arg, value);
		if (err != OK)
			return fail_at(scan, value->end, err);
	}
	return OK;
}

static uint64_t own_index(const struct jscan *scan)
{
	return scan->depth == 0 ? 0 : scan->frames[scan->depth - 1].count - 1;
}

/* A scalar that ended at this offset. */
static enum err emit_scalar(struct jscan *scan, uint64_t end, enum jscan_type type, struct str text)
{
	uint64_t hits = wanted(scan);
	struct jscan_value value;

	if (hits == 0)
		return OK;
	value = (struct jscan_value){
		.type = type,
		.text = text,
		.is_truncated = scan->is_truncated,
		.start = scan->token_start,
		.end = end,
		.index = own_index(scan),
	};
	return emit(scan, hits, scan->again, &value);
}

/* ---- captured text ---- */

static void scratch_append(struct jscan *scan, struct str s, size_t limit)
{
	size_t len = MIN(s.len, limit - scan->scratch_len);

	if (len > 0)
		memcpy(scan->scratch + scan->scratch_len, s.ptr, len);
	scan->scratch_len = (uint16_t)(scan->scratch_len + len);
	scan->is_truncated |= len < s.len;
	scan->is_in_scratch = true;
}

/* Copies what was read since seg, because the chunk ends or an escape interrupts. */
static void capture_flush(struct jscan *scan, struct cursor *cur, size_t limit)
{
	if (scan->is_capturing)
		scratch_append(scan, str_make(cur->seg, (size_t)(cur->p - cur->seg)), limit);
	cur->seg = cur->p;
}

/* The captured text, whole: a view of the chunk where possible. */
HOT struct str capture_take(struct jscan *scan, struct cursor *cur, size_t limit)
{
	struct str text = str_make(cur->seg, (size_t)(cur->p - cur->seg));

	if (!scan->is_capturing)
		return (struct str){NULL, 0};
	if (scan->is_in_scratch) {
		scratch_append(scan, text, limit);
		return str_make(scan->scratch, scan->scratch_len);
	}
	scan->is_truncated = text.len > limit;
	text.len = MIN(text.len, limit);
	return text;
}

HOT void capture_begin(struct jscan *scan, struct cursor *cur, bool is_wanted)
{
	cur->seg = cur->p;
	scan->is_capturing = is_wanted;
	scan->is_in_scratch = false;
	scan->is_truncated = false;
	scan->scratch_len = 0;
}

/* ---- text = quote *( plain / escape ) quote ---- */

#define ONES   0x0101010101010101ULL
#define HIGHS  0x8080808080808080ULL
#define STRIDE 64

/* Marks in the high bit of each byte: controls, quote, backslash and what is not ASCII. A borrow
 * may mark a byte behind the first mark falsely; only the first is used. */
HOT uint64_t special_marks(const char *p)
{
	uint64_t word, quote, backslash;

	memcpy(&word, p, sizeof(word));
	word = le64toh(word);
	quote = word ^ ONES * '"';
	backslash = word ^ ONES * '\\';
	return (word | (word - ONES * ' ') | (quote - ONES) | (backslash - ONES)) & HIGHS;
}

typedef signed char vector __attribute__((vector_size(16)));

/* The same question for a whole stride. As signed numbers controls and what is not ASCII are both
 * below the space. */
HOT bool is_plain_stride(const char *p)
{
	vector v[STRIDE / sizeof(vector)], marks = {0};
	uint64_t halves[2];

	memcpy(v, p, STRIDE);
	for (size_t i = 0; i < ARRAY_LEN(v); i++)
		marks |= (v[i] < ' ') | (v[i] == '"') | (v[i] == '\\');
	memcpy(halves, &marks, sizeof(halves));
	return (halves[0] | halves[1]) == 0;
}

/* The first byte at or after p that needs a look. Most text is short: strides come second. */
HOT const char *scan_plain(const char *p, const char *end)
{
	for (bool is_first = true; end - p >= 8; is_first = false) {
		uint64_t marks = special_marks(p);

		if (marks != 0)
			return p + (__builtin_ctzll(marks) >> 3);
		p += 8;
		while (!is_first && end - p >= STRIDE && is_plain_stride(p))
			p += STRIDE;
	}
	while (p < end && (unsigned char)*p >= ' ' && *p != '"' && *p != '\\' &&
	       (unsigned char)*p < 0x80)
		p++;
	return p;
}

/* RFC 3629 §4: what may follow a lead byte. */
static bool utf8_lead(struct jscan *scan, unsigned char c)
{
	scan->utf8_min = 0x80;
	scan->utf8_max = 0xBF;
	if (c >= 0xC2 && c <= 0xDF) {
		scan->utf8_left = 1;
	} else if (c >= 0xE0 && c <= 0xEF) {
		scan->utf8_left = 2;
		if (c == 0xE0)
			scan->utf8_min = 0xA0;
		else if (c == 0xED)
			scan->utf8_max = 0x9F;
	} else if (c >= 0xF0 && c <= 0xF4) {
		scan->utf8_left = 3;
		if (c == 0xF0)
			scan->utf8_min = 0x90;
		else if (c == 0xF4)
			scan->utf8_max = 0x8F;
	} else {
		return false;
	}
	return true;
}

/* A run of bytes that are not ASCII. */
static enum err text_utf8(struct jscan *scan, struct cursor *cur)
{
	for (; cur->p < cur->end; cur->p++) {
		unsigned char c = (unsigned char)*cur->p;

		if (scan->utf8_left == 0) {
			if (c < 0x80)
				return OK;
			if (!utf8_lead(scan, c))
				return fail(scan, cur, ERR_MALFORMED);
			continue;
		}
		if (c < scan->utf8_min || c > scan->utf8_max)
			return fail(scan, cur, ERR_MALFORMED);
		scan->utf8_min = 0x80;
		scan->utf8_max = 0xBF;
		scan->utf8_left--;
	}
	return OK;
}

/* One byte inside an escape. */
static enum err text_escaped(struct jscan *scan, struct cursor *cur)
{
	char out[JESCAPE_OUT];
	size_t len = 0;

	if (!jescape_feed(&scan->escape, *cur->p, out, &len))
		return fail(scan, cur, ERR_MALFORMED);
	if (scan->is_capturing)
		scratch_append(scan, str_make(out, len), JSCAN_CAPTURE);
	cur->seg = ++cur->p;
	return OK;
}

/* cur->p is behind the closing quote. */
HOT enum err text_done(struct jscan *scan, struct cursor *cur, struct str text)
{
	if (scan->is_key) {
		/* A name longer than the capture is no component; its prefix must not become one.
		 */
		member_begin(scan, scan->is_truncated ? (struct str){NULL, SIZE_MAX} : text);
		scan->state = STATE_COLON;
		return OK;
	}
	scan->state = STATE_NEXT;
	return scan->is_capturing ? emit_scalar(scan, offset_at(scan, cur), JSCAN_STRING, text)
				  : OK;
}

/* cur->p is at the closing quote. */
HOT enum err text_end(struct jscan *scan, struct cursor *cur)
{
	struct str text = capture_take(scan, cur, JSCAN_CAPTURE);

	cur->p++;
	return text_done(scan, cur, text);
}

static enum err step_text(struct jscan *scan, struct cursor *cur)
{
	while (cur->p < cur->end) {
		enum err err = OK;

		if (jescape_is_open(&scan->escape)) {
			err = text_escaped(scan, cur);
			if (err != OK)
				return err;
			continue;
		}
		if (scan->utf8_left == 0)
			cur->p = scan_plain(cur->p, cur->end);
		if (cur->p == cur->end)
			break;
		if (scan->utf8_left != 0 || (unsigned char)*cur->p >= 0x80) {
			err = text_utf8(scan, cur);
		} else if (*cur->p == '"') {
			return text_end(scan, cur);
		} else if (*cur->p == '\\') {
			capture_flush(scan, cur, JSCAN_CAPTURE);
			jescape_begin(&scan->escape);
			cur->seg = ++cur->p;
		} else {
			err = fail(scan, cur, ERR_MALFORMED);
		}
		if (err != OK)
			return err;
	}
	capture_flush(scan, cur, JSCAN_CAPTURE);
	return OK;
}

HOT enum err text_begin(struct jscan *scan, struct cursor *cur, bool is_key)
{
	const char *end;

	scan->token_start = offset_at(scan, cur);
	scan->is_key = is_key;
	cur->p++;
	capture_begin(scan, cur,
		      is_key ? scan->depth < LEVELS && scan->frames[scan->depth - 1].alive != 0
			     : wanted(scan) != 0);
	end = scan_plain(cur->p, cur->end);
	if (end < cur->end && *end == '"') {
		cur->p = end;
		return text_end(scan, cur);
	}
	scan->state = STATE_TEXT;
	return OK;
}

/* ---- numbers ---- */

/* cur->p is behind the last digit. */
static enum err number_end(struct jscan *scan, struct cursor *cur)
{
	struct str text;

	if (!jnumber_is_whole(scan->number_state))
		return fail(scan, cur, ERR_MALFORMED);
	scan->state = STATE_NEXT;
	if (!scan->is_capturing)
		return OK;
	text = capture_take(scan, cur, JSCAN_DIGITS);
	return emit_scalar(scan, offset_at(scan, cur), JSCAN_NUMBER, text);
}

static enum err step_number(struct jscan *scan, struct cursor *cur)
{
	cur->p = jnumber_feed(&scan->number_state, cur->p, cur->end);
	if (cur->p < cur->end)
		return number_end(scan, cur);
	capture_flush(scan, cur, JSCAN_DIGITS);
	return OK;
}

HOT enum err number_begin(struct jscan *scan, struct cursor *cur)
{
	scan->token_start = offset_at(scan, cur);
	capture_begin(scan, cur, wanted(scan) != 0);
	scan->number_state = JNUMBER_START;
	scan->state = STATE_NUMBER;
	return OK;
}

/* ---- true, false, null ---- */

static enum err step_word(struct jscan *scan, struct cursor *cur)
{
	while (cur->p < cur->end && *scan->word != '\0') {
		if (*cur->p != *scan->word)
			return fail(scan, cur, ERR_MALFORMED);
		scan->word++;
		cur->p++;
	}
	if (*scan->word != '\0')
		return OK;
	scan->state = STATE_NEXT;
	scan->is_truncated = false;
	return emit_scalar(scan, offset_at(scan, cur), (enum jscan_type)scan->word_type,
			   (struct str){NULL, 0});
}

HOT enum err word_begin(struct jscan *scan, struct cursor *cur, const char *word,
			enum jscan_type type)
{
	scan->token_start = offset_at(scan, cur);
	scan->word = word;
	scan->word_type = (uint8_t)type;
	scan->state = STATE_WORD;
	return OK;
}

/* ---- containers ---- */

static enum err container_begin(struct jscan *scan, uint64_t start, bool is_object)
{
	if (scan->depth == JSCAN_DEPTH)
		return fail_at(scan, start, ERR_LIMIT);
	if (scan->depth < LEVELS) {
		scan->frames[scan->depth] = (struct jscan_frame){
			.alive = scan->alive,
			.again = scan->again & scan->alive,
			.start = start,
			.index = own_index(scan),
		};
	}
	scan->kinds = (scan->kinds & ~(1ULL << scan->depth)) | (uint64_t)is_object << scan->depth;
	scan->depth++;
	scan->state = is_object ? STATE_FIRST_KEY : STATE_FIRST_ELEMENT;
	return OK;
}

HOT bool in_object(const struct jscan *scan)
{
	return (scan->kinds >> (scan->depth - 1) & 1) != 0;
}

static enum err container_end(struct jscan *scan, uint64_t end)
{
	const struct jscan_frame *frame;
	struct jscan_value value;
	uint64_t hits;

	scan->depth--;
	scan->state = STATE_NEXT;
	if (scan->depth >= LEVELS)
		return OK;
	frame = &scan->frames[scan->depth];
	hits = frame->alive & scan->ends[scan->depth];
	if (hits == 0)
		return OK;
	value = (struct jscan_value){
		.type = (scan->kinds >> scan->depth & 1) != 0 ? JSCAN_OBJECT : JSCAN_ARRAY,
		.start = frame->start,
		.end = end,
		.count = frame->count,
		.index = frame->index,
	};
	return emit(scan, hits, frame->again, &value);
}

/* ---- the driver ---- */

HOT bool skip_space(struct cursor *cur)
{
	while (cur->p < cur->end &&
	       (*cur->p == ' ' || *cur->p == '\n' || *cur->p == '\r' || *cur->p == '\t'))
		cur->p++;
	return cur->p < cur->end;
}

HOT enum err step_value(struct jscan *scan, struct cursor *cur)
{
	char c = *cur->p;

	if (scan->depth > 0 && !in_object(scan))
		element_begin(scan);
	if (c == '"')
		return text_begin(scan, cur, false);
	if (c == '-' || (c >= '0' && c <= '9'))
		return number_begin(scan, cur);
	switch (c) {
	case '{': return container_begin(scan, take_byte(scan, cur) - 1, true);
	case '[': return container_begin(scan, take_byte(scan, cur) - 1, false);
	case 't': return word_begin(scan, cur, "true", JSCAN_TRUE);
	case 'f': return word_begin(scan, cur, "false", JSCAN_FALSE);
	case 'n': return word_begin(scan, cur, "null", JSCAN_NULL);
	default: return fail(scan, cur, ERR_MALFORMED);
	}
}

HOT enum err step_next(struct jscan *scan, struct cursor *cur)
{
	bool is_object;

	if (scan->depth == 0)
		return fail(scan, cur, ERR_MALFORMED);
	is_object = in_object(scan);
	if (*cur->p == ',') {
		cur->p++;
		scan->state = is_object ? STATE_KEY : STATE_VALUE;
		return OK;
	}
	if (*cur->p == (is_object ? '}' : ']'))
		return container_end(scan, take_byte(scan, cur));
	return fail(scan, cur, ERR_MALFORMED);
}

HOT enum err key_begin(struct jscan *scan, struct cursor *cur)
{
	if (*cur->p != '"')
		return fail(scan, cur, ERR_MALFORMED);
	return text_begin(scan, cur, true);
}

/* Between two tokens, at a byte that is no white space. */
HOT enum err step_token(struct jscan *scan, struct cursor *cur)
{
	switch (scan->state) {
	case STATE_FIRST_ELEMENT:
		if (*cur->p == ']')
			return container_end(scan, take_byte(scan, cur));
		return step_value(scan, cur);
	case STATE_VALUE: return step_value(scan, cur);
	case STATE_FIRST_KEY:
		if (*cur->p == '}')
			return container_end(scan, take_byte(scan, cur));
		return key_begin(scan, cur);
	case STATE_KEY: return key_begin(scan, cur);
	case STATE_COLON:
		if (*cur->p != ':')
			return fail(scan, cur, ERR_MALFORMED);
		cur->p++;
		scan->state = STATE_VALUE;
		return OK;
	default: return step_next(scan, cur);
	}
}

/* Inside a token that its first byte did not end. */
static enum err step_inside(struct jscan *scan, struct cursor *cur)
{
	switch (scan->state) {
	case STATE_TEXT: return step_text(scan, cur);
	case STATE_NUMBER: return step_number(scan, cur);
	default: return step_word(scan, cur);
	}
}

enum err jscan_feed(struct jscan *scan, struct str in)
{
	struct cursor cur = {.base = in.ptr, .p = in.ptr, .end = in.ptr + in.len, .seg = in.ptr};
	enum err err = (enum err)scan->err;

	while (err == OK && cur.p < cur.end) {
		if (scan->state >= STATE_TEXT) {
			struct cursor copy = cur;

			err = step_inside(scan, &copy);
			cur = copy;
		} else if (skip_space(&cur)) {
			err = step_token(scan, &cur);
		}
	}
	if (scan->err == OK)
		scan->offset = offset_at(scan, &cur);
	return err;
}

enum err jscan_end(struct jscan *scan)
{
	struct cursor cur = {NULL, NULL, NULL, NULL};
	enum err err = (enum err)scan->err;

	/* Only a number does not know its own end. */
	if (err == OK && scan->state == STATE_NUMBER && scan->depth == 0)
		err = number_end(scan, &cur);
	if (err == OK && (scan->state != STATE_NEXT || scan->depth != 0))
		err = fail(scan, &cur, ERR_MALFORMED);
	return err;
}
