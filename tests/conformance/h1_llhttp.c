/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Differential test of the HTTP/1 codec against llhttp in strict mode, over
 * generated and mutated messages. Two laws:
 *
 *   1. what llhttp rejects, we reject, not later than at the same message;
 *   2. where both accept, message ends, methods or statuses, and bodies agree.
 *
 * The reverse does not hold: we refuse much that llhttp takes. Each input is
 * also fed to our codec in two pieces, which must change nothing.
 *
 *   usage: h1_llhttp [count [seed]]
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <llhttp.h>

#include "gateway/http/h1.h"

#define INPUT_BYTES  4096
#define MESSAGES_MAX 64
#define CASES	     150000

struct message {
	uint64_t end;
	uint64_t body_len;
	uint64_t body_hash;
	unsigned what; /* enum method or status */
};

struct verdict {
	struct message messages[MESSAGES_MAX];
	size_t count;
	bool is_refused;
	bool is_open; /* no verdict from here on */
	struct message current;
	const char *start; /* llhttp */
	struct h1 h1;
};

struct input {
	char bytes[INPUT_BYTES];
	size_t len;
};

/* ---- numbers ---- */

static uint64_t random_next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state * UINT64_C(0x2545f4914f6cdd1d);
}

static size_t random_below(uint64_t *state, size_t n)
{
	return (size_t)((random_next(state) >> 33) % n);
}

/* ---- generation ---- */

static void add(struct input *in, struct str s)
{
	size_t len = MIN(s.len, sizeof(in->bytes) - in->len);

	memcpy(in->bytes + in->len, s.ptr, len);
	in->len += len;
}

#define PICK(rng, rows) (rows)[random_below(rng, ARRAY_LEN(rows))]

static const struct str request_lines[] = {
	STR("GET / HTTP/1.1"),	     STR("POST /v1/chat HTTP/1.1"), STR("POST /a?b=c HTTP/1.1"),
	STR("PUT /x HTTP/1.1"),	     STR("DELETE /x HTTP/1.1"),	    STR("OPTIONS * HTTP/1.1"),
	STR("HEAD /x HTTP/1.1"),     STR("POST / HTTP/1.0"),	    STR("GET / HTTP/1.0"),
	STR("PATCH /x HTTP/1.1"),    STR("GET http://a/ HTTP/1.1"), STR("GET / HTTP/9.9"),
	STR("CONNECT a:1 HTTP/1.1"), STR("GET  / HTTP/1.1"),	    STR("FOO / HTTP/1.1"),
	STR("POST /v1/x HTTP/1.1"),  STR("POST /v1/y HTTP/1.1"),    STR("GET /z HTTP/1.1"),
};

static const struct str status_lines[] = {
	STR("HTTP/1.1 200 OK"),	      STR("HTTP/1.1 204 No Content"),
	STR("HTTP/1.1 304 "),	      STR("HTTP/1.0 200 OK"),
	STR("HTTP/1.1 100 Continue"), STR("HTTP/1.1 404 Not Found"),
	STR("HTTP/1.1 101 Switch"),   STR("HTTP/1.1 200"),
	STR("HTTP/2.0 200 OK"),	      STR("HTTP/1.1 500 \xe4\xf6"),
	STR("HTTP/1.1 200 OK"),	      STR("HTTP/1.1 429 Slow"),
};

/* Framing lines come twice as often as their share, each in right and in wrong spellings. */
static const struct str framing_lines[] = {
	STR("Content-Length: 5"),
	STR("Content-Length: 0"),
	STR("content-length:5"),
	STR("Content-Length: 5 "),
	STR("Content-Length: +5"),
	STR("Content-Length: 5, 5"),
	STR("Content-Length:"),
	STR("Content-Length : 5"),
	STR("Content-Length: 0x5"),
	STR("Content-Length: 005"),
	STR("Transfer-Encoding: chunked"),
	STR("Transfer-Encoding: chunked"),
	STR("transfer-encoding: Chunked"),
	STR("Transfer-Encoding: chunked, x"),
	STR("Transfer-Encoding: x, chunked"),
	STR("Transfer-Encoding: ,chunked"),
	STR("Transfer-Encoding:\tchunked"),
	STR("Transfer-Encoding: chunkedx"),
	STR("Transfer-Encoding:\n chunked"),
	STR("Transfer-Encoding: \"chunked\""),
};

static const struct str field_lines[] = {
	STR("Accept: */*"),
	STR("X: y"),
	STR("X:"),
	STR("User-Agent: t/1"),
	STR("X: \xff\x80"),
	STR("Connection: a, b"),
	STR("Keep-Alive: 5"),
	STR("Trailer: X"),
	STR("Cookie: a=b; c=d"),
	STR("Proxy-Connection: x"),
	STR("Content-Type: a/b"),
	STR("X: \tz \t"),
	STR("Expect: 100-continue"),
	STR("Connection: keep-alive"),
};

static const struct str odd_lines[] = {
	STR("X\r: y"),	     STR("X: a\rb"),
	STR(" folded"),	     STR(": empty"),
	STR("no colon"),     STR("X : y"),
	STR("Host: b"),	     STR("Connection: close"),
	STR("Upgrade: h2c"), STR("Connection: Upgrade"),
	STR("X\x80: y"),     STR("X: a\x01b"),
};

static const struct str line_ends[] = {STR("\n"), STR("\r"), STR("\r\r\n"), STR("\n\r"), STR("")};

static void add_line_end(struct input *in, uint64_t *rng)
{
	add(in, random_below(rng, 200) == 0 ? PICK(rng, line_ends) : STR("\r\n"));
}

static const struct str chunks[] = {
	STR("5\r\nhello\r\n"),	 STR("1\r\nx\r\n"),	     STR("A\r\n0123456789\r\n"),
	STR("5\r\nhello\r\n"),	 STR("a\r\n0123456789\r\n"), STR("005\r\nhello\r\n"),
	STR("5;x\r\nhello\r\n"), STR("5 \r\nhello\r\n"),     STR("5\nhello\r\n"),
	STR("5\r\nhelloXX"),	 STR("5\r\nhello\n"),	     STR("0x5\r\nhello\r\n"),
	STR("+5\r\nhello\r\n"),	 STR("5\r\nhell\r\n"),	     STR("\r\n"),
};

static const struct str last_chunks[] = {
	STR("0\r\n\r\n"),
	STR("0\r\n\r\n"),
	STR("0\r\n\r\n"),
	STR("00\r\n\r\n"),
	STR("0\r\n\n"),
	STR("0\r\nX: y\r\n\r\n"),
	STR("0\n\r\n"),
	STR("0\r\nHost: x\r\n\r\n"),
	STR("0\r\nContent-Length: 3\r\n\r\n"),
};

static void add_body(struct input *in, uint64_t *rng, bool is_chunked)
{
	if (!is_chunked) {
		add(in, STR("hello"));
		return;
	}
	for (size_t i = random_below(rng, 4); i > 0; i--)
		add(in, random_below(rng, 10) == 0 ? PICK(rng, chunks) : STR("5\r\nhello\r\n"));
	add(in, random_below(rng, 3) == 0 ? PICK(rng, last_chunks) : STR("0\r\n\r\n"));
}

/* Most messages are sound, so that the faults of the others are reached. */
static void add_message(struct input *in, uint64_t *rng, enum h1_role role)
{
	size_t framing = random_below(rng, 8);
	bool is_chunked = framing < 3;
	bool is_request = role == H1_REQUESTS;

	if (random_below(rng, 12) == 0)
		add(in, is_request ? PICK(rng, request_lines) : PICK(rng, status_lines));
	else
		add(in, is_request ? STR("POST /v1/x HTTP/1.1") : STR("HTTP/1.1 200 OK"));
	add_line_end(in, rng);
	if (is_request) {
		add(in, STR("Host: a"));
		add_line_end(in, rng);
	}
	for (size_t i = random_below(rng, 3); i > 0; i--) {
		add(in, random_below(rng, 20) == 0 ? PICK(rng, odd_lines) : PICK(rng, field_lines));
		add_line_end(in, rng);
	}
	if (is_chunked)
		add(in, STR("Transfer-Encoding: chunked\r\n"));
	else if (framing < 6)
		add(in, STR("Content-Length: 5\r\n"));
	if (random_below(rng, 12) == 0) {
		add(in, PICK(rng, framing_lines));
		add_line_end(in, rng);
	}
	add_line_end(in, rng);
	if (framing < 6)
		add_body(in, rng, is_chunked);
}

static const char bytes_of_interest[] = "\r\n\t :;,\"#%\\\0\x01\x0b\x7f\x80\xa0\xff+-0aAfFx9";

static void mutate(struct input *in, uint64_t *rng)
{
	size_t at = random_below(rng, in->len);
	size_t most = 1 + random_below(rng, 8);
	size_t len = MIN(most, in->len - at);
	char byte = bytes_of_interest[random_below(rng, sizeof(bytes_of_interest) - 1)];

	switch (random_below(rng, 5)) {
	case 0: in->bytes[at] = byte; break;
	case 1: /* cut out */
		memmove(in->bytes + at, in->bytes + at + len, in->len - at - len);
		in->len -= len;
		break;
	case 2: /* say twice */
		if (in->len + len > sizeof(in->bytes))
			break;
		memmove(in->bytes + at + len, in->bytes + at, in->len - at);
		in->len += len;
		break;
	case 3: /* put in */
		if (in->len == sizeof(in->bytes))
			break;
		memmove(in->bytes + at + 1, in->bytes + at, in->len - at);
		in->bytes[at] = byte;
		in->len++;
		break;
	case 4: in->len = at + len; break;
	}
}

static void generate(struct input *in, uint64_t *rng, enum h1_role role)
{
	in->len = 0;
	for (size_t i = 1 + random_below(rng, 3); i > 0; i--)
		add_message(in, rng, role);
	for (size_t i = random_below(rng, 4) / 2; i > 0 && in->len > 1; i--)
		mutate(in, rng);
}

/* ---- both readers ---- */

static void begin(struct verdict *v)
{
	v->current = (struct message){.body_hash = UINT64_C(14695981039346656037)};
}

static void body(struct verdict *v, const char *ptr, size_t len)
{
	v->current.body_len += len;
	for (size_t i = 0; i < len; i++)
		v->current.body_hash =
			(v->current.body_hash ^ (unsigned char)ptr[i]) * UINT64_C(1099511628211);
}

static void end(struct verdict *v, uint64_t at)
{
	v->current.end = at;
	if (v->count < MESSAGES_MAX)
		v->messages[v->count++] = v->current;
	begin(v);
}

static int foreign_begin(llhttp_t *parser)
{
	begin(parser->data);
	return 0;
}

/* 1: no body follows. llhttp leaves it to its caller to know that a 304 has none. */
static int foreign_head(llhttp_t *parser)
{
	return parser->type == HTTP_RESPONSE && parser->status_code == 304;
}

static int foreign_body(llhttp_t *parser, const char *ptr, size_t len)
{
	body(parser->data, ptr, len);
	return 0;
}

static unsigned foreign_method(unsigned method)
{
	static const unsigned char ours[] = {
		[HTTP_GET] = METHOD_GET,       [HTTP_HEAD] = METHOD_HEAD,
		[HTTP_POST] = METHOD_POST,     [HTTP_PUT] = METHOD_PUT,
		[HTTP_DELETE] = METHOD_DELETE, [HTTP_OPTIONS] = METHOD_OPTIONS,
		[HTTP_PATCH] = METHOD_PATCH,
	};

	return method < ARRAY_LEN(ours) ? ours[method] : METHOD_COUNT;
}

/* llhttp stops right behind the message, so that its end is known. */
static int foreign_end(llhttp_t *parser)
{
	(void)parser;
	return HPE_PAUSED;
}

static void foreign_close_message(struct verdict *v, llhttp_t *parser, uint64_t at)
{
	bool is_interim = parser->type == HTTP_RESPONSE && parser->status_code < 200;

	v->current.what = parser->type == HTTP_RESPONSE ? parser->status_code
							: foreign_method(parser->method);
	if (is_interim)
		begin(v);
	else
		end(v, at);
}

static void run_foreign(struct verdict *v, const struct input *in, enum h1_role role)
{
	llhttp_settings_t settings;
	llhttp_t parser;
	const char *at = in->bytes, *limit = in->bytes + in->len;
	llhttp_errno_t err = HPE_OK;

	llhttp_settings_init(&settings);
	settings.on_message_begin = foreign_begin;
	settings.on_headers_complete = foreign_head;
	settings.on_body = foreign_body;
	settings.on_message_complete = foreign_end;
	llhttp_init(&parser, role == H1_REQUESTS ? HTTP_REQUEST : HTTP_RESPONSE, &settings);
	parser.data = v;
	begin(v);
	/* Once more behind a message that ends with the input: it settles itself there. */
	while ((err = llhttp_execute(&parser, at, (size_t)(limit - at))) == HPE_PAUSED) {
		at = llhttp_get_error_pos(&parser);
		foreign_close_message(v, &parser, (uint64_t)(at - in->bytes));
		llhttp_resume(&parser);
	}
	if (err == HPE_OK)
		err = llhttp_finish(&parser);
	if (err == HPE_PAUSED) {
		foreign_close_message(v, &parser, in->len);
		err = HPE_OK;
	}
	v->is_open = err == HPE_PAUSED_UPGRADE || err == HPE_PAUSED_H2_UPGRADE ||
		     err == HPE_CLOSED_CONNECTION;
	v->is_refused = err != HPE_OK && !v->is_open;
}

static enum err own_head(void *arg, const struct head *head)
{
	struct verdict *v = arg;

	begin(v);
	v->current.what = v->h1.role == H1_RESPONSES ? head->status : (unsigned)head->method;
	return OK;
}

static enum err own_body(void *arg, struct str view)
{
	body(arg, view.ptr, view.len);
	return OK;
}

static enum err own_end(void *arg)
{
	struct verdict *v = arg;

	end(v, v->h1.taken);
	return OK;
}

static const struct h1_events own_events = {own_head, own_body, own_end};

static enum err own_feed(struct verdict *v, struct str in)
{
	size_t used;

	while (in.len > 0) {
		enum err err = h1_feed(&v->h1, in, &used);

		if (err != OK)
			return err;
		in = str_make(in.ptr + used, in.len - used);
	}
	return OK;
}

static void run_own(struct verdict *v, const struct input *in, enum h1_role role, size_t cut)
{
	enum err err;

	h1_init(&v->h1, role, &h1_default_limits, &own_events, v);
	begin(v);
	err = own_feed(v, str_make(in->bytes, cut));
	if (err == OK)
		err = own_feed(v, str_make(in->bytes + cut, in->len - cut));
	if (err == OK)
		err = h1_finish(&v->h1);
	v->is_refused = err != OK;
	h1_fini(&v->h1);
}

/* ---- the laws ---- */

static bool same_message(const struct message *a, const struct message *b)
{
	return a->end == b->end && a->body_len == b->body_len && a->body_hash == b->body_hash &&
	       a->what == b->what;
}

static const char *compare(const struct verdict *own, const struct verdict *foreign)
{
	size_t both = MIN(own->count, foreign->count);

	for (size_t i = 0; i < both; i++) {
		if (!same_message(&own->messages[i], &foreign->messages[i]))
			return "a message differs";
	}
	if (foreign->is_refused && own->count > foreign->count)
		return "we completed a message that llhttp rejects";
	if (foreign->is_refused && !own->is_refused)
		return "we accepted what llhttp rejects";
	if (!foreign->is_refused && !foreign->is_open && own->count > foreign->count)
		return "we saw more messages";
	if (!own->is_refused && !foreign->is_open && own->count != foreign->count)
		return "the number of messages differs";
	return NULL;
}

static const char *compare_cut(const struct verdict *whole, const struct verdict *cut)
{
	if (whole->count != cut->count || whole->is_refused != cut->is_refused ||
	    whole->h1.taken != cut->h1.taken || whole->h1.refusal != cut->h1.refusal)
		return "a cut changes the verdict";
	for (size_t i = 0; i < whole->count; i++) {
		if (!same_message(&whole->messages[i], &cut->messages[i]))
			return "a cut changes a message";
	}
	return NULL;
}

static void print_input(const struct input *in)
{
	fputs("# input: ", stdout);
	for (size_t i = 0; i < in->len; i++) {
		unsigned char c = (unsigned char)in->bytes[i];

		if (c == '\r')
			fputs("\\r", stdout);
		else if (c == '\n')
			fputs("\\n", stdout);
		else if (c < 32 || c > 126)
			printf("\\x%02x", c);
		else
			putchar(c);
	}
	putchar('\n');
}

struct tally {
	size_t both_accept, both_refuse, we_refuse, open;
};

static const char *run_case(const struct input *in, enum h1_role role, size_t cut,
			    struct tally *tally)
{
	struct verdict own = {0}, other = {0}, foreign = {0};
	const char *difference;

	run_own(&own, in, role, 0);
	run_own(&other, in, role, cut);
	run_foreign(&foreign, in, role);
	tally->open += foreign.is_open;
	tally->both_refuse += own.is_refused && foreign.is_refused;
	tally->we_refuse += own.is_refused && !foreign.is_refused;
	tally->both_accept += !own.is_refused && !foreign.is_refused;
	difference = compare_cut(&own, &other);
	return difference != NULL ? difference : compare(&own, &foreign);
}

static bool run_role(const char *name, unsigned number, enum h1_role role, size_t count,
		     uint64_t seed)
{
	struct tally tally = {0};
	uint64_t rng = seed | 1;
	size_t failures = 0;
	struct input in;

	for (size_t i = 0; i < count && failures < 5; i++) {
		const char *difference;

		generate(&in, &rng, role);
		difference = run_case(&in, role, random_below(&rng, in.len + 1), &tally);
		if (difference == NULL)
			continue;
		printf("# case %zu: %s\n", i, difference);
		print_input(&in);
		failures++;
	}
	printf("# %s: seed %" PRIu64 ", both accept %zu, both refuse %zu, only we refuse %zu, "
	       "llhttp has no verdict %zu\n",
	       name, seed, tally.both_accept, tally.both_refuse, tally.we_refuse, tally.open);
	printf("%s %u - %s agree with llhttp %d.%d.%d strict on %zu messages\n",
	       failures == 0 ? "ok" : "not ok", number, name, LLHTTP_VERSION_MAJOR,
	       LLHTTP_VERSION_MINOR, LLHTTP_VERSION_PATCH, count);
	return failures == 0;
}

int main(int argc, char **argv)
{
	uint64_t count = CASES, seed = 20261123;
	bool good;

	if ((argc > 1 && str_to_u64(str_from_c(argv[1]), &count) != OK) ||
	    (argc > 2 && str_to_u64(str_from_c(argv[2]), &seed) != OK))
		return 2;
	puts("1..2");
	good = run_role("requests", 1, H1_REQUESTS, (size_t)count, seed);
	good = run_role("responses", 2, H1_RESPONSES, (size_t)count / 2, seed) && good;
	return good ? 0 : 1;
}
