/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/http/h1.h"
#include "tests/unit/gateway/http/h1_transcript.h"
#include "tests/unit/split.h"

static const struct h1_limits small_limits = {
	.head_bytes = 300,
	.target_bytes = 64,
	.field_count = 6,
	.body_bytes = 100,
	.chunk_overhead_bytes = 60,
	.informational = 2,
};

static void *new_request(struct buf *out)
{
	return h1_transcript_new(out, H1_REQUESTS, &small_limits);
}

static void *new_response(struct buf *out)
{
	return h1_transcript_new(out, H1_RESPONSES, &small_limits);
}

static void *new_head_response(struct buf *out)
{
	struct h1_transcript *t = h1_transcript_new(out, H1_RESPONSES, &small_limits);

	h1_expect(&t->h1, METHOD_HEAD);
	return t;
}

static const struct split_ops request_ops = {new_request, h1_transcript_feed, h1_transcript_end,
					     h1_transcript_free};
static const struct split_ops response_ops = {new_response, h1_transcript_feed, h1_transcript_end,
					      h1_transcript_free};
static const struct split_ops head_response_ops = {new_head_response, h1_transcript_feed,
						   h1_transcript_end, h1_transcript_free};

/* want: what the transcript ends with, or contains when it starts with '~'. */
struct row {
	const char *name;
	struct str in;
	const char *want;
};

static void check_row(const struct split_ops *ops, const struct row *row)
{
	struct buf out;
	struct str text, want = str_from_c(row->want);
	bool fits;

	buf_init(&out, 65536);
	assert_true(split_check(ops, row->name, row->in, 10000, &out));
	text = buf_str(&out);
	if (want.ptr[0] == '~')
		fits = memmem(text.ptr, text.len, want.ptr + 1, want.len - 1) != NULL;
	else
		fits = str_has_suffix(text, want);
	if (!fits)
		fprintf(stderr, "# %s: want " STR_FMT ", got " STR_FMT "\n", row->name,
			STR_ARG(want), STR_ARG(text));
	buf_fini(&out);
	assert_true(fits);
}

static void check_rows(const struct split_ops *ops, const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		check_row(ops, &rows[i]);
}

#define GET	"GET / HTTP/1.1\r\nHost: a\r\n"
#define POST	"POST /v1 HTTP/1.1\r\nHost: a\r\n"
#define CHUNKED POST "Transfer-Encoding: chunked\r\n\r\n"

static const struct row accepted_requests[] = {
	{"get", STR(GET "\r\n"), "}[27]"},
	{"query", STR("GET /a?b=%20;//c\\ HTTP/1.1\r\nHost: a\r\n\r\n"),
	 "~GET /a?b=%20;//c\\ minor=1"},
	{"pipelined", STR(GET "\r\n" GET "\r\n"), "}[54]"},
	{"length", STR(POST "Content-Length: 5\r\n\r\nhello"), "|hello}[54]"},
	{"length zero", STR(POST "Content-Length: 0\r\n\r\n"), "|}[49]"},
	{"no length", STR(POST "\r\n"), "framing=0 length=0 ka=1 continue=0{Host=a;|}[30]"},
	{"get with length", STR(GET "Content-Length: 5\r\n\r\nhello"), "|hello}[51]"},
	{"body then next", STR(POST "Content-Length: 2\r\n\r\nhi" GET "\r\n"), "}[78]"},
	{"chunked", STR(CHUNKED "5\r\nhello\r\n1\r\n \r\n5\r\nworld\r\n0\r\n\r\n"),
	 "|hello world}[89]"},
	{"chunked upper hex", STR(CHUNKED "A\r\n0123456789\r\n0\r\n\r\n"), "|0123456789}[78]"},
	{"chunked empty", STR(CHUNKED "0\r\n\r\n"), "|}[63]"},
	{"chunked case", STR(POST "Transfer-encoding: Chunked\r\n\r\n0\r\n\r\n"), "}[63]"},
	{"trailer dropped", STR(CHUNKED "1\r\nx\r\n0\r\nX-Sum: 1\r\nX-B:\r\n\r\n" GET "\r\n"),
	 "}[112]"},
	{"http/1.0", STR("GET / HTTP/1.0\r\nHost: a\r\n\r\n"), "~minor=0 framing=0 length=0 ka=0"},
	{"http/1.0 keep-alive", STR("GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n"),
	 "~ka=0"},
	{"http/1.0 length", STR("POST / HTTP/1.0\r\nHost: a\r\nContent-Length: 1\r\n\r\nx"),
	 "|x}[48]"},
	{"close", STR(GET "Connection: close\r\n\r\n"), "~ka=0"},
	{"close among options", STR(GET "Connection: x ,, Close\r\n\r\n"), "~ka=0"},
	{"close in a second field", STR(GET "Connection: x\r\nConnection: close\r\n\r\n"), "~ka=0"},
	{"keep-alive", STR(GET "Connection: keep-alive\r\n\r\n"), "~ka=1"},
	{"upgrade closes", STR(GET "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"), "~ka=0"},
	{"expect", STR(POST "Expect: 100-Continue\r\nContent-Length: 1\r\n\r\nx"),
	 "~ka=1 continue=1"},
	{"expect without body", STR(POST "Expect: 100-continue\r\n\r\n"), "~continue=0"},
	{"expect of 1.0",
	 STR("POST / HTTP/1.0\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nx"),
	 "~continue=0"},
	{"options star", STR("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"), "~OPTIONS * "},
	{"absolute form", STR("GET http://A:1/x?y HTTP/1.1\r\nHost: a:1\r\n\r\n"), "~GET /x?y "},
	{"value trimmed", STR(GET "X: \t b c \t\r\n\r\n"), "~;X=b c;"},
	{"value empty", STR(GET "X:\r\n\r\n"), "~;X=;"},
	{"value with obs-text", STR(GET "X: \xa0z\x85\r\n\r\n"), "~;X=\xa0z\x85;"},
	{"host port", STR("GET / HTTP/1.1\r\nHost: a-b.c_d:65535\r\n\r\n"), "}[39]"},
	{"host v6", STR("GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n"), "}[34]"},
	{"other underscore name", STR(GET "x_y: 1\r\n\r\n"), "~;x_y=1;"},
	{"six fields", STR(GET "A: 1\r\nB: 2\r\nC: 3\r\nG: 4\r\nE: 5\r\n\r\n"), "}[57]"},
	{"body at its limit", STR(CHUNKED "0000000000000001\r\nx\r\n0\r\n\r\n"), "|x}[84]"},
};

static const struct row refused_lines[] = {
	{"bare lf in request line", STR("GET / HTTP/1.1\nHost: a\r\n\r\n"),
	 "!line_end malformed@15"},
	{"bare lf in field", STR("GET / HTTP/1.1\r\nHost: a\n\r\n"), "!line_end malformed@24"},
	{"bare lf at the end", STR(GET "\n"), "!line_end malformed@26"},
	{"bare cr in request line", STR("GET / HTTP/1.1\rHost: a\r\n\r\n"),
	 "!request_line malformed@24"},
	{"cr in value", STR(GET "X:\rY: b\r\n\r\n"), "!field_value malformed@34"},
	{"cr cr lf", STR(GET "X: y\r\r\n\r\n"), "!field_value malformed@32"},
	{"nul in value", STR(GET "X: a\0b\r\n\r\n"), "!field_value malformed@33"},
	{"vt in value", STR(GET "X: a\vb\r\n\r\n"), "!field_value malformed@33"},
	{"del in value",
	 STR(GET "X: a\x7f"
		 "b123456789\r\n\r\n"),
	 "!field_value malformed@42"},
	{"leading empty line", STR("\r\n" GET "\r\n"), "!request_line malformed@2"},
	{"http/0.9", STR("GET /\r\n"), "!request_line malformed@7"},
	{"two spaces", STR("GET  / HTTP/1.1\r\nHost: a\r\n\r\n"), "!request_line malformed@17"},
	{"tab", STR("GET\t/ HTTP/1.1\r\n"), "!request_line malformed@16"},
	{"space behind", STR("GET / HTTP/1.1 \r\n"), "!request_line malformed@17"},
	{"version case", STR("GET / http/1.1\r\n"), "!request_line malformed@16"},
	{"version short", STR("GET / HTTP/1\r\n"), "!request_line malformed@14"},
	{"version leading zero", STR("GET / HTTP/01.1\r\n"), "!request_line malformed@17"},
	{"version 1.2", STR("GET / HTTP/1.2\r\n"), "!version unsupported@16"},
	{"version 9.9", STR("GET / HTTP/9.9\r\n"), "!version unsupported@16"},
	{"h2 preface", STR("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), "!version unsupported@16"},
	{"unknown method", STR("FOO / HTTP/1.1\r\n"), "!method unsupported@16"},
	{"method case", STR("get / HTTP/1.1\r\n"), "!method unsupported@16"},
	{"connect", STR("CONNECT a:1 HTTP/1.1\r\n"), "!method unsupported@22"},
	{"trace", STR("TRACE / HTTP/1.1\r\n"), "!method unsupported@18"},
	{"method not a token", STR("G(T / HTTP/1.1\r\n"), "!request_line malformed@16"},
	{"no colon", STR(GET "nonsense\r\n\r\n"), "!field_name malformed@35"},
	{"empty name", STR(GET ": x\r\n\r\n"), "!field_name malformed@30"},
	{"space before colon", STR(GET "Content-Length : 5\r\n\r\n"), "!field_name malformed@45"},
	{"space in name", STR(GET "X Y: v\r\n\r\n"), "!field_name malformed@33"},
	{"bracket in name", STR(GET "X[: v\r\n\r\n"), "!field_name malformed@32"},
	{"obs-text in name", STR(GET "X\x80: v\r\n\r\n"), "!field_name malformed@32"},
	{"obs-fold", STR(GET "X: a\r\n b\r\n\r\n"), "!field_fold malformed@35"},
	{"fold after request line", STR("GET / HTTP/1.1\r\n Host: a\r\n\r\n"),
	 "!field_fold malformed@26"},
	{"fold of spaces", STR("GET / HTTP/1.1\r\n \r\nHost: a\r\n\r\n"),
	 "!field_fold malformed@19"},
};

static const struct row refused_targets[] = {
	{"fragment", STR("GET /a#b HTTP/1.1\r\n"), "!target malformed@19"},
	{"non-ascii", STR("GET /\x80 HTTP/1.1\r\n"), "!target malformed@17"},
	{"non-ascii in query", STR("GET /?\xc3\xa9 HTTP/1.1\r\n"), "!target malformed@19"},
	{"nul", STR("GET /\0 HTTP/1.1\r\n"), "!target malformed@17"},
	{"no slash", STR("GET a HTTP/1.1\r\n"), "!target malformed@16"},
	{"query only", STR("GET ?a HTTP/1.1\r\n"), "!target malformed@17"},
	{"star with get", STR("GET * HTTP/1.1\r\n"), "!target malformed@16"},
	{"authority only", STR("GET http://a HTTP/1.1\r\n"), "!target malformed@23"},
	{"other scheme", STR("GET ftp://a/ HTTP/1.1\r\n"), "!target malformed@23"},
	{"space in target", STR("GET /a b HTTP/1.1\r\n"), "!request_line malformed@19"},
	{"escape", STR("GET /%61 HTTP/1.1\r\n"), "!path malformed@19"},
	{"backslash", STR("GET /a\\b HTTP/1.1\r\n"), "!path malformed@19"},
	{"empty segment", STR("GET //a HTTP/1.1\r\n"), "!path malformed@18"},
	{"dot segment", STR("GET /a/../b HTTP/1.1\r\n"), "!path malformed@22"},
	{"dot file", STR("GET /.x HTTP/1.1\r\n"), "!path malformed@18"},
	{"parameter", STR("GET /a;b HTTP/1.1\r\n"), "!path malformed@19"},
	{"brace", STR("GET /{a} HTTP/1.1\r\n"), "!path malformed@19"},
	{"absolute form, escape", STR("GET http://a/%2e HTTP/1.1\r\n"), "!path malformed@27"},
	{"absolute form, other host", STR("GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n"),
	 "!host malformed@35"},
	{"too long",
	 STR("GET /2345678901234567890123456789012345678901234567890123456789012345 HTTP/1.1\r\n"),
	 "!target_limit head_limit@80"},
};

static const struct row refused_heads[] = {
	{"no host", STR("GET / HTTP/1.1\r\n\r\n"), "!host malformed@18"},
	{"no host in 1.0", STR("GET / HTTP/1.0\r\n\r\n"), "!host malformed@18"},
	{"two hosts", STR(GET "Host: b\r\n\r\n"), "!host malformed@36"},
	{"two equal hosts", STR(GET "host: a\r\n\r\n"), "!host malformed@36"},
	{"empty host", STR("GET / HTTP/1.1\r\nHost:\r\n\r\n"), "!host malformed@25"},
	{"host with path", STR("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"), "!host malformed@29"},
	{"host with user", STR("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"), "!host malformed@29"},
	{"host with fragment", STR("GET / HTTP/1.1\r\nHost: x/#@y\r\n\r\n"), "!host malformed@31"},
	{"host list", STR("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"), "!host malformed@30"},
	{"host port too large", STR("GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n"),
	 "!host malformed@33"},
	{"host port empty", STR("GET / HTTP/1.1\r\nHost: a:\r\n\r\n"), "!host malformed@28"},
	{"host without name", STR("GET / HTTP/1.1\r\nHost: :1\r\n\r\n"), "!host malformed@28"},
	{"host open bracket", STR("GET / HTTP/1.1\r\nHost: [::1\r\n\r\n"), "!host malformed@30"},
	{"host empty bracket", STR("GET / HTTP/1.1\r\nHost: []\r\n\r\n"), "!host malformed@28"},
	{"authorization twice", STR(GET "Authorization: a\r\nauthorization: a\r\n\r\n"),
	 "!field_twice malformed@63"},
	{"content-type twice", STR(GET "Content-Type: a\r\nContent-Type: a\r\n\r\n"),
	 "!field_twice malformed@61"},
	{"underscore length", STR(GET "Content_Length: 5\r\n\r\n"),
	 "!field_lookalike malformed@44"},
	{"underscore transfer", STR(GET "transfer_encoding: chunked\r\n\r\n"),
	 "!field_lookalike malformed@53"},
	{"underscore key", STR(GET "X_Api-Key: 1\r\n\r\n"), "!field_lookalike malformed@39"},
	{"seven fields", STR(GET "A: 1\r\nB: 2\r\nC: 3\r\nG: 4\r\nE: 5\r\nF: 6\r\n\r\n"),
	 "!field_count head_limit@61"},
	{"expect other", STR(GET "Expect: 200-ok\r\n\r\n"), "!expect unsupported@43"},
	{"expect twice", STR(GET "Expect: 100-continue\r\nExpect: 100-continue\r\n\r\n"),
	 "!expect unsupported@71"},
	{"connection not a list", STR(GET "Connection: close x\r\n\r\n"),
	 "!connection malformed@48"},
	{"cut in the head", STR(GET), "!cut malformed@25"},
	{"cut in the request line", STR("GE"), "!cut malformed@2"},
};

static const struct row refused_framing[] = {
	{"length twice", STR(POST "Content-Length: 5\r\nContent-Length: 6\r\n\r\n"),
	 "!content_length malformed@68"},
	{"length twice equal", STR(POST "Content-Length: 5\r\nContent-Length: 5\r\n\r\n"),
	 "!content_length malformed@68"},
	{"length list", STR(POST "Content-Length: 5, 5\r\n\r\n"), "!content_length malformed@52"},
	{"length plus", STR(POST "Content-Length: +5\r\n\r\n"), "!content_length malformed@50"},
	{"length minus", STR(POST "Content-Length: -5\r\n\r\n"), "!content_length malformed@50"},
	{"length empty", STR(POST "Content-Length:\r\n\r\n"), "!content_length malformed@47"},
	{"length hex", STR(POST "Content-Length: 0x5\r\n\r\n"), "!content_length malformed@51"},
	{"length inner space", STR(POST "Content-Length: 5 5\r\n\r\n"),
	 "!content_length malformed@51"},
	{"length nbsp",
	 STR(POST "Content-Length: \xa0"
		  "5\r\n\r\n"),
	 "!content_length malformed@50"},
	{"length overflow", STR(POST "Content-Length: 18446744073709551616\r\n\r\n"),
	 "!content_length malformed@68"},
	{"length above limit", STR(POST "Content-Length: 101\r\n\r\n"), "!body_limit limit@51"},
	{"length and chunked", STR(POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"),
	 "!transfer_encoding malformed@77"},
	{"chunked and length", STR(POST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"),
	 "!transfer_encoding malformed@77"},
	{"chunked twice",
	 STR(POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"),
	 "!transfer_encoding malformed@86"},
	{"chunked list", STR(POST "Transfer-Encoding: chunked, chunked\r\n\r\n"),
	 "!transfer_encoding malformed@67"},
	{"leading comma", STR(POST "Transfer-Encoding: ,chunked\r\n\r\n"),
	 "!transfer_encoding malformed@59"},
	{"x, chunked", STR(POST "Transfer-Encoding: x, chunked\r\n\r\n"),
	 "!transfer_encoding malformed@61"},
	{"chunked, x", STR(POST "Transfer-Encoding: chunked, x\r\n\r\n"),
	 "!transfer_encoding malformed@61"},
	{"xchunked", STR(POST "Transfer-Encoding: xchunked\r\n\r\n"),
	 "!transfer_encoding malformed@59"},
	{"quoted", STR(POST "Transfer-Encoding: \"chunked\"\r\n\r\n"),
	 "!transfer_encoding malformed@60"},
	{"parameter", STR(POST "Transfer-Encoding: chunked;q=1\r\n\r\n"),
	 "!transfer_encoding malformed@62"},
	{"identity", STR(POST "Transfer-Encoding: identity\r\n\r\n"),
	 "!transfer_encoding malformed@59"},
	{"empty", STR(POST "Transfer-Encoding:\r\n\r\n"), "!transfer_encoding malformed@50"},
	{"nbsp",
	 STR(POST "Transfer-Encoding: \xa0"
		  "chunked\r\n\r\n"),
	 "!transfer_encoding malformed@59"},
	{"0x85 behind", STR(POST "Transfer-Encoding: chunked\x85\r\n\r\n"),
	 "!transfer_encoding malformed@59"},
	{"vt before", STR(POST "Transfer-Encoding: \vchunked\r\n\r\n"),
	 "!field_value malformed@57"},
	{"folded", STR(POST "Transfer-Encoding:\r\n chunked\r\n\r\n"), "!field_fold malformed@58"},
	{"tab before", STR(POST "Transfer-Encoding:\tchunked\r\n\r\n"),
	 "!field_value malformed@56"},
	{"tab behind", STR(POST "Content-Length: 5\t\r\n\r\n"), "!field_value malformed@48"},
	{"chunked in 1.0", STR("POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"),
	 "!transfer_encoding malformed@56"},
	{"chunked get", STR(GET "Transfer-Encoding: chunked\r\n\r\n"),
	 "!transfer_encoding malformed@55"},
};

static const struct row refused_bodies[] = {
	{"cut body", STR(POST "Content-Length: 5\r\n\r\nhell"), "!cut malformed@53"},
	{"extension", STR(CHUNKED "5;x=1\r\nhello\r\n0\r\n\r\n"), "!chunk_extension malformed@60"},
	{"space behind size", STR(CHUNKED "5 \r\nhello"), "!chunk_size malformed@60"},
	{"space before size", STR(CHUNKED " 5\r\nhello"), "!chunk_size malformed@59"},
	{"no size", STR(CHUNKED "\r\n"), "!chunk_size malformed@59"},
	{"plus", STR(CHUNKED "+5\r\nhello"), "!chunk_size malformed@59"},
	{"0x", STR(CHUNKED "0x5\r\nhello"), "!chunk_size malformed@60"},
	{"lf behind size", STR(CHUNKED "5\nhello"), "!chunk_size malformed@60"},
	{"cr without lf", STR(CHUNKED "5\rhello"), "!chunk_size malformed@61"},
	{"nul in size", STR(CHUNKED "5\0\r\n"), "!chunk_size malformed@60"},
	{"17 digits", STR(CHUNKED "00000000000000001\r\n"), "!chunk_size malformed@75"},
	{"size above limit", STR(CHUNKED "65\r\n"), "!body_limit limit@60"},
	{"sum above limit", STR(CHUNKED "1\r\nx\r\n64\r\n"), "!body_limit limit@66"},
	{"huge size", STR(CHUNKED "ffffffffffffffff\r\n"), "!body_limit limit@60"},
	{"wrong bytes behind data", STR(CHUNKED "5\r\nhelloXX0\r\n\r\n"),
	 "!chunk_end malformed@67"},
	{"lf behind data", STR(CHUNKED "5\r\nhello\n0\r\n\r\n"), "!chunk_end malformed@67"},
	{"cr cr behind data", STR(CHUNKED "5\r\nhello\r\r"), "!chunk_end malformed@68"},
	{"lf as last line", STR(CHUNKED "0\r\n\n"), "!line_end malformed@62"},
	{"trailer length", STR(CHUNKED "0\r\nContent-Length: 1\r\n\r\n"), "!trailer malformed@80"},
	{"trailer transfer", STR(CHUNKED "0\r\ntransfer-encoding: x\r\n\r\n"),
	 "!trailer malformed@83"},
	{"trailer host", STR(CHUNKED "0\r\nHost: a\r\n\r\n"), "!trailer malformed@70"},
	{"trailer authorization", STR(CHUNKED "0\r\nAuthorization: a\r\n\r\n"),
	 "!trailer malformed@79"},
	{"trailer malformed", STR(CHUNKED "0\r\nX : a\r\n\r\n"), "!field_name malformed@68"},
	{"trailer fold", STR(CHUNKED "0\r\nX: a\r\n b\r\n\r\n"), "!field_fold malformed@71"},
	{"trailers too many", STR(CHUNKED "0\r\nA:\r\nA:\r\nA:\r\nA:\r\nA:\r\nA:\r\nA:\r\n\r\n"),
	 "!field_count head_limit@89"},
	{"cut chunk", STR(CHUNKED "5\r\nhel"), "!cut malformed@64"},
	{"cut before trailers", STR(CHUNKED "5\r\nhello\r\n0\r\n"), "!cut malformed@71"},
	{"tiny chunks",
	 STR(CHUNKED "1\r\na\r\n1\r\na\r\n1\r\na\r\n1\r\na\r\n1\r\na\r\n1\r\na\r\n1\r\na\r\n1\r\na"
		     "\r\n1\r\na\r\n1\r\na\r\n1\r\na\r\n1\r\na\r\n1\r\na\r\n"),
	 "!chunk_overhead malformed@131"},
};

#define R200 "HTTP/1.1 200 OK\r\n"

static const struct row accepted_responses[] = {
	{"length", STR(R200 "Content-Length: 2\r\n\r\nhi"), "|hi}[40]"},
	{"no reason", STR("HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n"), "}[36]"},
	{"chunked", STR(R200 "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"), "|hi}[59]"},
	{"until close", STR(R200 "\r\nhi there"),
	 "framing=3 length=0 ka=0 continue=0{|hi there}[27]"},
	{"1.0", STR("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx"), "~ka=0"},
	{"204", STR("HTTP/1.1 204 No Content\r\n\r\n"), "}[27]"},
	{"304 with length", STR("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"), "}[48]"},
	{"100 first", STR("HTTP/1.1 100 Continue\r\n\r\n" R200 "Content-Length: 1\r\n\r\nx"),
	 "[63]200 minor=1 framing=1 length=1 ka=1 continue=0{Content-Length=1;|x}[64]"},
	{"103 with fields",
	 STR("HTTP/1.1 103 Early\r\nLink: x\r\n\r\n" R200 "Content-Length: 0\r\n\r\n"), "}[69]"},
	{"close", STR(R200 "Content-Length: 0\r\nConnection: close\r\n\r\n"), "~ka=0"},
};

static const struct row refused_responses[] = {
	{"length and chunked", STR(R200 "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n"),
	 "!transfer_encoding upstream@66"},
	{"lengths", STR(R200 "Content-Length: 2\r\nContent-Length: 2\r\n\r\n"),
	 "!content_length upstream@57"},
	{"transfer gzip", STR(R200 "Transfer-Encoding: gzip, chunked\r\n\r\n"),
	 "!transfer_encoding upstream@53"},
	{"transfer in 1.0", STR("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
	 "!transfer_encoding upstream@47"},
	{"switching", STR("HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n"),
	 "!switching upstream@38"},
	{"1xx flood", STR("HTTP/1.1 100 \r\n\r\nHTTP/1.1 100 \r\n\r\nHTTP/1.1 100 \r\n\r\n"),
	 "!informational limit@51"},
	{"1xx with length", STR("HTTP/1.1 100 \r\nContent-Length: 1\r\n\r\n"),
	 "!transfer_encoding upstream@36"},
	{"204 with length", STR("HTTP/1.1 204 \r\nContent-Length: 1\r\n\r\n"),
	 "!transfer_encoding upstream@36"},
	{"204 chunked", STR("HTTP/1.1 204 \r\nTransfer-Encoding: chunked\r\n\r\n"),
	 "!transfer_encoding upstream@45"},
	{"bare lf", STR("HTTP/1.1 200 OK\n"), "!line_end upstream@16"},
	{"status 099", STR("HTTP/1.1 099 \r\n"), "!status_line upstream@15"},
	{"status 600", STR("HTTP/1.1 600 \r\n"), "!status_line upstream@15"},
	{"status 2x0", STR("HTTP/1.1 2x0 \r\n"), "!status_line upstream@15"},
	{"status 20", STR("HTTP/1.1 20 \r\n"), "!status_line upstream@14"},
	{"status 2000", STR("HTTP/1.1 2000 \r\n"), "!status_line upstream@16"},
	{"no space behind", STR("HTTP/1.1 200\r\n"), "!status_line upstream@14"},
	{"control in reason", STR("HTTP/1.1 200 O\1K\r\n"), "!status_line upstream@18"},
	{"version", STR("HTTP/2.0 200 OK\r\n"), "!version upstream@17"},
	{"fold", STR(R200 "X: a\r\n b\r\n"), "!field_fold upstream@27"},
	{"cut", STR(R200 "Content-Length: 2\r\n\r\nh"), "|h!cut upstream@39"},
	{"cut chunked", STR(R200 "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n"),
	 "|hi!cut upstream@54"},
	{"cut after 100", STR("HTTP/1.1 100 \r\n\r\n"), "!cut upstream@17"},
	{"body limit", STR(R200 "Content-Length: 101\r\n\r\n"), "!body_limit limit@40"},
};

static const struct row head_responses[] = {
	{"length without body", STR(R200 "Content-Length: 5\r\n\r\n" R200 "\r\n"), "}[57]"},
	{"chunked without body", STR(R200 "Transfer-Encoding: chunked\r\n\r\n"), "}[47]"},
	{"large length", STR(R200 "Content-Length: 99999\r\n\r\n"), "}[42]"},
};

#define CHECK(ops, rows) check_rows(&(ops), rows, ARRAY_LEN(rows))

static void test_h1__accepts_requests(void **state)
{
	(void)state;
	CHECK(request_ops, accepted_requests);
}

static void test_h1__refuses_malformed_lines(void **state)
{
	(void)state;
	CHECK(request_ops, refused_lines);
}

static void test_h1__refuses_targets_two_readers_could_read_differently(void **state)
{
	(void)state;
	CHECK(request_ops, refused_targets);
}

static void test_h1__refuses_heads(void **state)
{
	(void)state;
	CHECK(request_ops, refused_heads);
}

static void test_h1__refuses_ambiguous_framing(void **state)
{
	(void)state;
	CHECK(request_ops, refused_framing);
}

static void test_h1__refuses_bodies(void **state)
{
	(void)state;
	CHECK(request_ops, refused_bodies);
}

static void test_h1__accepts_responses(void **state)
{
	(void)state;
	CHECK(response_ops, accepted_responses);
}

static void test_h1__refuses_responses(void **state)
{
	(void)state;
	CHECK(response_ops, refused_responses);
}

static void test_h1__reads_responses_to_head(void **state)
{
	(void)state;
	CHECK(head_response_ops, head_responses);
}

static void fill(struct buf *buf, struct str start, char c, size_t count)
{
	assert_int_equal(buf_append(buf, start), OK);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(buf_append_byte(buf, c), OK);
}

static void test_h1__bounds_the_head_at_the_same_byte(void **state)
{
	struct buf in;
	struct row row = {"head limit", {NULL, 0}, "!head_limit head_limit@301"};

	(void)state;
	buf_init(&in, 2000);
	fill(&in, STR(GET "X: "), 'a', 300);
	row.in = buf_str(&in);
	check_row(&request_ops, &row);
	buf_reset(&in);
	fill(&in, STR(GET "X: "), 'a', 300 - 28 - 4);
	fill(&in, STR("\r\n\r\n"), 'Z', 0);
	row = (struct row){"head at its limit", buf_str(&in), "}[300]"};
	check_row(&request_ops, &row);
	buf_reset(&in);
	fill(&in, STR(CHUNKED "0\r\nX: "), 'a', 400);
	row = (struct row){"trailer limit", buf_str(&in), "!head_limit head_limit@362"};
	check_row(&request_ops, &row);
	buf_fini(&in);
}

static void test_h1__stops_behind_each_message(void **state)
{
	struct str in = STR(GET "\r\n" GET "\r\n");
	struct buf out;
	struct h1_transcript *t;
	size_t used;

	(void)state;
	buf_init(&out, 4096);
	t = new_request(&out);
	assert_true(h1_is_idle(&t->h1));
	assert_int_equal(h1_feed(&t->h1, in, &used), OK);
	assert_int_equal(used, 27);
	assert_int_equal(t->messages, 1);
	assert_true(h1_is_idle(&t->h1));
	assert_int_equal(h1_feed(&t->h1, str_make("G", 1), &used), OK);
	assert_false(h1_is_idle(&t->h1));
	h1_transcript_free(t);
	buf_fini(&out);
}

static enum err refuse_head(void *arg, const struct head *head)
{
	(void)arg;
	(void)head;
	return ERR_UNAVAILABLE;
}

static void test_h1__keeps_the_error_of_an_event(void **state)
{
	struct h1_events events = h1_transcript_events;
	struct h1 h1;
	size_t used = 7;

	(void)state;
	events.on_head = refuse_head;
	h1_init(&h1, H1_REQUESTS, &small_limits, &events, NULL);
	assert_int_equal(h1_feed(&h1, STR(GET "\r\n"), &used), ERR_UNAVAILABLE);
	assert_int_equal(h1_feed(&h1, STR("x"), &used), ERR_UNAVAILABLE);
	assert_int_equal(h1_finish(&h1), ERR_UNAVAILABLE);
	assert_int_equal(h1_refusal(&h1), REFUSAL_NONE);
	assert_int_equal(used, 7);
	h1_fini(&h1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_h1__accepts_requests),
		cmocka_unit_test(test_h1__refuses_malformed_lines),
		cmocka_unit_test(test_h1__refuses_targets_two_readers_could_read_differently),
		cmocka_unit_test(test_h1__refuses_heads),
		cmocka_unit_test(test_h1__refuses_ambiguous_framing),
		cmocka_unit_test(test_h1__refuses_bodies),
		cmocka_unit_test(test_h1__accepts_responses),
		cmocka_unit_test(test_h1__refuses_responses),
		cmocka_unit_test(test_h1__reads_responses_to_head),
		cmocka_unit_test(test_h1__bounds_the_head_at_the_same_byte),
		cmocka_unit_test(test_h1__stops_behind_each_message),
		cmocka_unit_test(test_h1__keeps_the_error_of_an_event),
	};

	return cmocka_run_group_tests_name("h1", tests, NULL, NULL);
}
