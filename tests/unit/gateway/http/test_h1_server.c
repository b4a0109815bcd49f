/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/gateway/http/wire.h"

#include "gateway/http/h1_session.h"

enum reply {
	REPLY_AT_END,  /* of the request, at once */
	REPLY_LATER,   /* in another turn */
	REPLY_AT_HEAD, /* before the body */
	REPLY_BY_HAND, /* the test does it */
	REPLY_PAUSED,  /* pause at the head, the test resumes */
};

struct server {
	struct wire wire;
	struct session_options options;
	struct h1_session *session;
	struct stream *stream;
	enum reply reply;
	unsigned status;
	struct buf body; /* of requests, with '.' at each end */
	unsigned streams, refusals, resets, drains, closes;
	enum err reset_why, refuse_why, close_why;
	struct loop_timer later;
};

static void reply_with(struct server *server, const char *text)
{
	struct field fields[] = {{STR("Date"), STR("now"), HEADER_DATE}};
	struct iovec view = {NULL, strlen(text)};
	struct head_out head = {
		.status = server->status,
		.fields = fields,
		.field_count = 1,
		.framing = FRAMING_LENGTH,
		.content_length = strlen(text),
	};
	struct stream *stream = server->stream;

	memcpy(&view.iov_base, &text, sizeof(text));
	server->stream = NULL;
	assert_int_equal(stream_send(stream, &head, &view, 1, true), OK);
	stream_release(stream);
}

static void on_later(void *arg)
{
	reply_with(arg, "later");
}

static void on_body(void *arg, struct str view)
{
	struct server *server = arg;

	assert_int_equal(buf_append(&server->body, view), OK);
}

static void on_end(void *arg)
{
	struct server *server = arg;

	assert_int_equal(buf_append_byte(&server->body, '.'), OK);
	if (server->reply == REPLY_AT_END || server->reply == REPLY_PAUSED)
		reply_with(server, "hello");
	else if (server->reply == REPLY_LATER)
		loop_timer_start(server->wire.loop, &server->later, 2, on_later, server);
}

static void on_drained(void *arg)
{
	struct server *server = arg;

	server->drains++;
}

static void on_reset(void *arg, enum err why)
{
	struct server *server = arg;

	server->stream = NULL;
	server->resets++;
	server->reset_why = why;
	loop_timer_stop(&server->later);
}

static const struct stream_events stream_events = {
	.on_body = on_body,
	.on_end = on_end,
	.on_drained = on_drained,
	.on_reset = on_reset,
};

static void on_stream(void *arg, struct h1_session *session, struct stream *stream,
		      const struct head *head)
{
	struct server *server = arg;

	(void)head;
	assert_ptr_equal(session, server->session);
	assert_null(server->stream);
	server->streams++;
	server->stream = stream;
	stream_attach(stream, &stream_events, server);
	if (server->reply == REPLY_AT_HEAD)
		reply_with(server, "early");
	else if (server->reply == REPLY_PAUSED)
		stream_pause(stream, CONN_DECIDING);
}

static void on_refuse(void *arg, struct h1_session *session, enum err why)
{
	struct server *server = arg;

	assert_ptr_equal(session, server->session);
	server->refusals++;
	server->refuse_why = why;
}

static void on_close(void *arg, struct h1_session *session, enum err why)
{
	struct server *server = arg;

	assert_ptr_equal(session, server->session);
	server->closes++;
	server->close_why = why;
	server->session = NULL;
}

static const struct session_events session_events = {
	.on_stream = on_stream,
	.on_refuse = on_refuse,
	.on_close = on_close,
};

static struct server *server_new(enum reply reply)
{
	struct server *server = calloc(1, sizeof(*server));

	wire_init(&server->wire);
	server->options = session_default_options;
	server->reply = reply;
	server->status = 200;
	buf_init(&server->body, (size_t)64 << 20);
	return server;
}

static void server_open(struct server *server)
{
	int fd = wire_connect(&server->wire);

	server->session = h1_session_new_server(&server->wire.env, fd, NULL, &server->options,
						&session_events, server);
}

static bool is_closed(void *arg)
{
	return ((struct server *)arg)->session == NULL;
}

static void server_free(struct server *server)
{
	if (server->session != NULL) {
		h1_session_abort(server->session);
		wire_until(&server->wire, is_closed, server);
	}
	assert_int_equal(server->closes, 1);
	loop_timer_stop(&server->later);
	buf_fini(&server->body);
	wire_fini(&server->wire);
	free(server);
}

static struct server *open_server(enum reply reply)
{
	struct server *server = server_new(reply);

	server_open(server);
	return server;
}

static bool has_eof(void *arg)
{
	return ((struct server *)arg)->wire.has_eof;
}

static bool has_reset(void *arg)
{
	return ((struct server *)arg)->resets > 0;
}

static bool has_stream(void *arg)
{
	return ((struct server *)arg)->streams > 0;
}

static void assert_got(struct server *server, const char *want)
{
	assert_int_equal(buf_append_byte(&server->wire.got, '\0'), OK);
	assert_string_equal(server->wire.got.ptr, want);
	server->wire.got.len--;
}

static void assert_body(struct server *server, const char *want)
{
	assert_int_equal(buf_append_byte(&server->body, '\0'), OK);
	assert_string_equal(server->body.ptr, want);
	server->body.len--;
}

#define GET	 "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
#define POST	 "POST / HTTP/1.1\r\nHost: a\r\n"
#define OK_HELLO "HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 5\r\n\r\nhello"
#define OK_LATER "HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 5\r\n\r\nlater"
#define OK_EARLY "HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 5\r\n\r\nearly"
#define OK_EARLY_CLOSE                                                                             \
	"HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 5\r\nConnection: close\r\n\r\nearly"
#define OK_HELLO_CLOSE                                                                             \
	"HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello"

static void test_h1_server__keeps_the_connection(void **state)
{
	struct server *server = open_server(REPLY_AT_END);

	(void)state;
	wire_send(&server->wire, STR(POST "Content-Length: 3\r\n\r\nabc"));
	wire_expect(&server->wire, STR("hello"));
	wire_send(&server->wire, STR(POST "Transfer-Encoding: chunked\r\n\r\n2\r\nf"));
	wire_idle(&server->wire, 5);
	wire_send(&server->wire, STR("e\r\n0\r\n\r\n"));
	wire_expect(&server->wire, STR(OK_HELLO OK_HELLO));
	assert_got(server, OK_HELLO OK_HELLO);
	assert_body(server, "abc.fe.");
	assert_int_equal(server->streams, 2);
	assert_true(h1_session_is_idle(server->session));
	server_free(server);
}

static void test_h1_server__answers_pipelined_requests_in_order(void **state)
{
	struct server *server = open_server(REPLY_LATER);

	(void)state;
	wire_send(&server->wire,
		  STR(POST "Content-Length: 1\r\n\r\na" POST "Content-Length: 1\r\n\r\nb" POST
			   "Content-Length: 1\r\n\r\nc" GET));
	wire_expect(&server->wire, STR(OK_LATER OK_LATER OK_LATER OK_LATER));
	assert_body(server, "a.b.c..");
	assert_int_equal(server->resets, 0);
	server_free(server);
}

static void test_h1_server__answers_pipelined_requests_of_a_client_that_is_done(void **state)
{
	struct server *server = open_server(REPLY_LATER);

	(void)state;
	wire_send(&server->wire, STR(GET GET));
	shutdown(server->wire.fd, SHUT_WR);
	wire_until(&server->wire, has_eof, server);
	assert_int_equal(server->streams, 2);
	assert_true(wire_got(&server->wire, STR(OK_LATER "HTTP/1.1 200 OK")));
	assert_int_equal(server->resets, 0);
	server_free(server);
}

static void check_refused(struct str in, enum err why, const char *status, const char *code)
{
	struct server *server = open_server(REPLY_AT_END);

	wire_send(&server->wire, in);
	wire_until(&server->wire, has_eof, server);
	assert_int_equal(server->streams, 0);
	assert_int_equal(server->refusals, 1);
	assert_int_equal(server->refuse_why, why);
	assert_true(str_has_prefix(buf_str(&server->wire.got), str_from_c(status)));
	assert_true(wire_got(&server->wire, STR("\r\nConnection: close\r\n")));
	assert_true(wire_got(&server->wire, STR("\r\nContent-Type: application/json\r\n")));
	assert_true(wire_got(&server->wire, STR("\r\n\r\n{\"error\":{\"message\":\"")));
	assert_true(wire_got(&server->wire, str_from_c(code)));
	server_free(server);
}

static void test_h1_server__refuses_and_closes(void **state)
{
	(void)state;
	check_refused(STR("GET / HTTP/1.1\r\n\r\n" GET), ERR_MALFORMED, "HTTP/1.1 400 Bad Request",
		      "\"code\":\"host\"");
	check_refused(STR("FOO / HTTP/1.1\r\n"), ERR_UNSUPPORTED, "HTTP/1.1 501 ", "\"method\"");
	check_refused(STR("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), ERR_UNSUPPORTED, "HTTP/1.1 505 ",
		      "\"version\"");
	check_refused(STR(POST "Expect: x\r\n\r\n"), ERR_UNSUPPORTED, "HTTP/1.1 417 ",
		      "\"expect\"");
	check_refused(STR(POST "Content-Length: 99999999999\r\n\r\n"), ERR_LIMIT, "HTTP/1.1 413 ",
		      "\"body_limit\"");
	check_refused(STR(POST "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
		      ERR_MALFORMED, "HTTP/1.1 400 ", "\"transfer_encoding\"");
}

static void test_h1_server__refuses_inside_a_body(void **state)
{
	struct server *server = open_server(REPLY_AT_END);

	(void)state;
	wire_send(&server->wire, STR(POST "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\nzz"));
	wire_until(&server->wire, has_eof, server);
	assert_int_equal(server->resets, 1);
	assert_int_equal(server->reset_why, ERR_MALFORMED);
	assert_int_equal(server->refusals, 0);
	assert_body(server, "x");
	assert_true(str_has_prefix(buf_str(&server->wire.got), STR("HTTP/1.1 400 ")));
	server_free(server);
}

static void test_h1_server__bounds_a_chunked_body(void **state)
{
	struct server *server = server_new(REPLY_AT_END);

	(void)state;
	server->options.limits.body_bytes = 4;
	server_open(server);
	wire_send(&server->wire, STR(POST "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\n"));
	wire_until(&server->wire, has_eof, server);
	assert_int_equal(server->reset_why, ERR_LIMIT);
	assert_true(str_has_prefix(buf_str(&server->wire.got), STR("HTTP/1.1 413 ")));
	server_free(server);
}

static void test_h1_server__sends_continue_when_the_body_is_wanted(void **state)
{
	struct server *server = open_server(REPLY_AT_END);

	(void)state;
	wire_send(&server->wire, STR(POST "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n"));
	wire_expect(&server->wire, STR("HTTP/1.1 100 Continue\r\n\r\n"));
	wire_send(&server->wire, STR("hi"));
	wire_expect(&server->wire, STR("hello"));
	assert_got(server, "HTTP/1.1 100 Continue\r\n\r\n" OK_HELLO);
	server_free(server);
}

static void test_h1_server__sends_no_continue_before_the_owner_resumes(void **state)
{
	struct server *server = open_server(REPLY_PAUSED);

	(void)state;
	wire_send(&server->wire, STR(POST "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n"));
	wire_until(&server->wire, has_stream, server);
	wire_idle(&server->wire, 10);
	assert_got(server, "");
	stream_resume(server->stream, CONN_DECIDING);
	wire_expect(&server->wire, STR("HTTP/1.1 100 Continue\r\n\r\n"));
	wire_send(&server->wire, STR("hi"));
	wire_expect(&server->wire, STR("hello"));
	server_free(server);
}

static void test_h1_server__sends_no_continue_to_a_denied_request(void **state)
{
	struct server *server = open_server(REPLY_AT_HEAD);

	(void)state;
	wire_send(&server->wire, STR(POST "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n"));
	wire_until(&server->wire, has_eof, server);
	assert_got(server, OK_EARLY_CLOSE);
	server_free(server);
}

static void test_h1_server__sends_no_continue_when_the_body_is_there(void **state)
{
	struct server *server = open_server(REPLY_AT_END);

	(void)state;
	wire_send(&server->wire, STR(POST "Expect: 100-continue\r\nContent-Length: 2\r\n\r\nhi"));
	wire_expect(&server->wire, STR("hello"));
	assert_got(server, OK_HELLO);
	server_free(server);
}

static void test_h1_server__answers_early_and_closes_on_an_unread_body(void **state)
{
	struct server *server = open_server(REPLY_AT_HEAD);
	static char junk[100000];

	(void)state;
	wire_send(&server->wire, STR(POST "Content-Length: 1000000\r\n\r\n"));
	wire_send(&server->wire, str_make(junk, sizeof(junk)));
	wire_until(&server->wire, has_eof, server);
	wire_send(&server->wire, str_make(junk, sizeof(junk)));
	wire_idle(&server->wire, 5);
	assert_got(server, OK_EARLY_CLOSE);
	assert_false(server->wire.has_reset);
	assert_body(server, "");
	server_free(server);
}

static void test_h1_server__answers_early_and_goes_on_when_the_body_is_there(void **state)
{
	struct server *server = open_server(REPLY_AT_HEAD);

	(void)state;
	wire_send(&server->wire, STR(POST "Content-Length: 3\r\n\r\nabc" GET));
	wire_expect(&server->wire, STR(OK_EARLY OK_EARLY));
	assert_body(server, "");
	assert_int_equal(server->streams, 2);
	server_free(server);
}

static void test_h1_server__closes_when_the_client_asks(void **state)
{
	static const struct str rows[] = {
		STR("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" GET),
		STR("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\n\r\n" GET),
		STR("GET / HTTP/1.0\r\nHost: a\r\n\r\n" GET),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct server *server = open_server(REPLY_AT_END);

		wire_send(&server->wire, rows[i]);
		wire_until(&server->wire, has_eof, server);
		assert_got(server, OK_HELLO_CLOSE);
		assert_int_equal(server->streams, 1);
		server_free(server);
	}
}

static void test_h1_server__answers_a_half_closed_client(void **state)
{
	struct server *server = open_server(REPLY_LATER);

	(void)state;
	wire_send(&server->wire, STR(GET));
	shutdown(server->wire.fd, SHUT_WR);
	wire_until(&server->wire, has_eof, server);
	assert_true(wire_got(&server->wire, STR("later")));
	assert_int_equal(server->resets, 0);
	server_free(server);
}

static void test_h1_server__reports_a_client_that_is_gone(void **state)
{
	struct server *server = open_server(REPLY_BY_HAND);

	(void)state;
	wire_send(&server->wire, STR(GET));
	wire_until(&server->wire, has_stream, server);
	wire_reset(&server->wire);
	wire_until(&server->wire, has_reset, server);
	assert_int_equal(server->reset_why, ERR_IO);
	server_free(server);
}

static void test_h1_server__reports_a_body_that_is_cut(void **state)
{
	struct server *server = open_server(REPLY_AT_END);

	(void)state;
	wire_send(&server->wire, STR(POST "Content-Length: 5\r\n\r\nab"));
	wire_until(&server->wire, has_stream, server);
	shutdown(server->wire.fd, SHUT_WR);
	wire_until(&server->wire, has_reset, server);
	assert_int_equal(server->reset_why, ERR_IO);
	server_free(server);
}

static void test_h1_server__times_a_slow_head_out(void **state)
{
	struct server *server = server_new(REPLY_AT_END);

	(void)state;
	server->options.head_timeout_ms = 20;
	server_open(server);
	wire_send(&server->wire, STR("GET / HTTP/1.1\r\nHo"));
	wire_until(&server->wire, has_eof, server);
	assert_true(str_has_prefix(buf_str(&server->wire.got), STR("HTTP/1.1 408 ")));
	assert_int_equal(server->refuse_why, ERR_TIMEOUT);
	server_free(server);
}

static void test_h1_server__times_a_slow_body_out(void **state)
{
	struct server *server = server_new(REPLY_AT_END);

	(void)state;
	server->options.body_timeout_ms = 20;
	server_open(server);
	wire_send(&server->wire, STR(POST "Content-Length: 5\r\n\r\nab"));
	wire_until(&server->wire, has_eof, server);
	assert_true(str_has_prefix(buf_str(&server->wire.got), STR("HTTP/1.1 408 ")));
	assert_int_equal(server->reset_why, ERR_TIMEOUT);
	server_free(server);
}

static void test_h1_server__does_not_time_out_what_the_owner_pauses(void **state)
{
	struct server *server = server_new(REPLY_PAUSED);

	(void)state;
	server->options.body_timeout_ms = 20;
	server_open(server);
	wire_send(&server->wire, STR(POST "Content-Length: 2\r\n\r\n"));
	wire_until(&server->wire, has_stream, server);
	wire_idle(&server->wire, 60);
	assert_int_equal(server->resets, 0);
	stream_resume(server->stream, CONN_DECIDING);
	wire_send(&server->wire, STR("hi"));
	wire_expect(&server->wire, STR("hello"));
	server_free(server);
}

static void test_h1_server__closes_an_idle_connection(void **state)
{
	struct server *server = server_new(REPLY_AT_END);

	(void)state;
	server->options.idle_timeout_ms = 20;
	server_open(server);
	wire_send(&server->wire, STR(GET));
	wire_until(&server->wire, has_eof, server);
	assert_got(server, OK_HELLO);
	server_free(server);
}

static void test_h1_server__drains(void **state)
{
	struct server *server = open_server(REPLY_BY_HAND);

	(void)state;
	wire_send(&server->wire, STR(GET));
	wire_until(&server->wire, has_stream, server);
	h1_session_drain(server->session);
	reply_with(server, "hello");
	wire_until(&server->wire, has_eof, server);
	assert_got(server, OK_HELLO_CLOSE);
	server_free(server);
	server = open_server(REPLY_AT_END);
	wire_send(&server->wire, STR(GET));
	wire_expect(&server->wire, STR(OK_HELLO));
	h1_session_drain(server->session);
	wire_until(&server->wire, has_eof, server);
	server_free(server);
}

static void send_part(struct server *server, const struct head_out *head, const char *text,
		      bool end)
{
	struct iovec view = {NULL, strlen(text)};

	memcpy(&view.iov_base, &text, sizeof(text));
	assert_int_equal(stream_send(server->stream, head, &view, 1, end), OK);
}

static void stream_three_parts(struct server *server)
{
	struct field fields[] = {{STR("Date"), STR("now"), HEADER_DATE}};
	struct head_out head = {
		.status = 200, .fields = fields, .field_count = 1, .framing = FRAMING_CHUNKED};

	wire_until(&server->wire, has_stream, server);
	send_part(server, &head, "one", false);
	send_part(server, NULL, "", false);
	send_part(server, NULL, "0123456789abcdefX", false);
	send_part(server, NULL, "end", true);
	stream_release(server->stream);
	server->stream = NULL;
}

static void test_h1_server__frames_chunks(void **state)
{
	struct server *server = open_server(REPLY_BY_HAND);

	(void)state;
	wire_send(&server->wire, STR(GET));
	stream_three_parts(server);
	wire_expect(&server->wire, STR("0\r\n\r\n"));
	assert_got(server, "HTTP/1.1 200 OK\r\nDate: now\r\nTransfer-Encoding: chunked\r\n\r\n"
			   "3\r\none\r\n11\r\n0123456789abcdefX\r\n3\r\nend\r\n0\r\n\r\n");
	server_free(server);
}

static void test_h1_server__closes_for_a_length_an_old_client_cannot_read(void **state)
{
	struct server *server = open_server(REPLY_BY_HAND);

	(void)state;
	wire_send(&server->wire, STR("GET / HTTP/1.0\r\nHost: a\r\n\r\n"));
	stream_three_parts(server);
	wire_until(&server->wire, has_eof, server);
	assert_got(server, "HTTP/1.1 200 OK\r\nDate: now\r\nConnection: close\r\n\r\n"
			   "one0123456789abcdefXend");
	server_free(server);
}

static void test_h1_server__sends_no_body_to_head(void **state)
{
	struct server *server = open_server(REPLY_AT_END);

	(void)state;
	wire_send(&server->wire, STR("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n" GET));
	wire_expect(&server->wire, STR("hello"));
	assert_got(server, "HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 5\r\n\r\n" OK_HELLO);
	server_free(server);
}

static void test_h1_server__refuses_a_body_that_breaks_its_length(void **state)
{
	struct server *server = open_server(REPLY_BY_HAND);
	struct head_out head = {.status = 200, .framing = FRAMING_LENGTH, .content_length = 5};
	char text[] = "123456";
	struct iovec view = {text, 6};

	(void)state;
	wire_send(&server->wire, STR(GET));
	wire_until(&server->wire, has_stream, server);
	assert_int_equal(stream_send(server->stream, &head, &view, 1, false), ERR_INTERNAL);
	view.iov_len = 4;
	assert_int_equal(stream_send(server->stream, &head, &view, 1, true), ERR_INTERNAL);
	assert_int_equal(stream_send(server->stream, &head, &view, 1, false), OK);
	assert_int_equal(stream_send(server->stream, NULL, NULL, 0, true), ERR_INTERNAL);
	stream_abort(server->stream);
	wire_until(&server->wire, is_closed, server);
	assert_int_equal(server->resets, 0);
	server_free(server);
}

static bool has_drained(void *arg)
{
	return ((struct server *)arg)->drains > 0;
}

static void test_h1_server__waits_for_a_slow_reader(void **state)
{
	struct server *server = server_new(REPLY_BY_HAND);
	struct head_out head = {.status = 200, .framing = FRAMING_CHUNKED};
	static char bytes[65536];
	struct iovec view = {bytes, sizeof(bytes)};
	size_t taken = 0;
	enum err err = OK;

	(void)state;
	server->options.max_queued_bytes = 200000;
	server_open(server);
	server->wire.is_deaf = true;
	wire_send(&server->wire, STR(GET));
	wire_until(&server->wire, has_stream, server);
	assert_int_equal(stream_send(server->stream, &head, NULL, 0, false), OK);
	while (err == OK && taken < 1000) {
		err = stream_send(server->stream, NULL, &view, 1, false);
		taken += err == OK;
	}
	assert_int_equal(err, ERR_LIMIT);
	assert_true(stream_pending(server->stream) > 0);
	server->wire.is_deaf = false;
	loop_io_want(&server->wire.io, LOOP_READABLE);
	wire_until(&server->wire, has_drained, server);
	assert_int_equal(stream_pending(server->stream), 0);
	assert_int_equal(stream_send(server->stream, NULL, NULL, 0, true), OK);
	stream_release(server->stream);
	server->stream = NULL;
	wire_expect(&server->wire, STR("\r\n0\r\n\r\n"));
	assert_true(server->wire.got.len > taken * sizeof(bytes));
	server_free(server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_h1_server__keeps_the_connection),
		cmocka_unit_test(test_h1_server__answers_pipelined_requests_in_order),
		cmocka_unit_test(
			test_h1_server__answers_pipelined_requests_of_a_client_that_is_done),
		cmocka_unit_test(test_h1_server__refuses_and_closes),
		cmocka_unit_test(test_h1_server__refuses_inside_a_body),
		cmocka_unit_test(test_h1_server__bounds_a_chunked_body),
		cmocka_unit_test(test_h1_server__sends_continue_when_the_body_is_wanted),
		cmocka_unit_test(test_h1_server__sends_no_continue_before_the_owner_resumes),
		cmocka_unit_test(test_h1_server__sends_no_continue_to_a_denied_request),
		cmocka_unit_test(test_h1_server__sends_no_continue_when_the_body_is_there),
		cmocka_unit_test(test_h1_server__answers_early_and_closes_on_an_unread_body),
		cmocka_unit_test(test_h1_server__answers_early_and_goes_on_when_the_body_is_there),
		cmocka_unit_test(test_h1_server__closes_when_the_client_asks),
		cmocka_unit_test(test_h1_server__answers_a_half_closed_client),
		cmocka_unit_test(test_h1_server__reports_a_client_that_is_gone),
		cmocka_unit_test(test_h1_server__reports_a_body_that_is_cut),
		cmocka_unit_test(test_h1_server__times_a_slow_head_out),
		cmocka_unit_test(test_h1_server__times_a_slow_body_out),
		cmocka_unit_test(test_h1_server__does_not_time_out_what_the_owner_pauses),
		cmocka_unit_test(test_h1_server__closes_an_idle_connection),
		cmocka_unit_test(test_h1_server__drains),
		cmocka_unit_test(test_h1_server__frames_chunks),
		cmocka_unit_test(test_h1_server__closes_for_a_length_an_old_client_cannot_read),
		cmocka_unit_test(test_h1_server__sends_no_body_to_head),
		cmocka_unit_test(test_h1_server__refuses_a_body_that_breaks_its_length),
		cmocka_unit_test(test_h1_server__waits_for_a_slow_reader),
	};

	return cmocka_run_group_tests_name("h1_server", tests, NULL, NULL);
}
