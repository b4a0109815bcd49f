/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/gateway/http/wire.h"

#include "gateway/http/h1_session.h"
#include "gateway/net/dial.h"

struct client {
	struct wire wire; /* its raw end is the upstream */
	struct session_options options;
	struct h1_session *session;
	struct stream *stream;
	bool holds_release; /* the test releases */
	unsigned idles, heads, ends, resets, closes;
	unsigned status;
	enum err reset_why, close_why;
	struct buf body;
};

static void on_head(void *arg, const struct head *head)
{
	struct client *client = arg;

	client->heads++;
	client->status = head->status;
}

static void on_body(void *arg, struct str view)
{
	struct client *client = arg;

	assert_int_equal(buf_append(&client->body, view), OK);
}

static void release(struct client *client)
{
	struct stream *stream = client->stream;

	client->stream = NULL;
	stream_release(stream);
}

static void on_end(void *arg)
{
	struct client *client = arg;

	client->ends++;
	assert_int_equal(buf_append_byte(&client->body, '.'), OK);
	if (!client->holds_release)
		release(client);
}

static void on_drained(void *arg)
{
	(void)arg;
}

static void on_reset(void *arg, enum err why)
{
	struct client *client = arg;

	client->stream = NULL;
	client->resets++;
	client->reset_why = why;
}

static const struct stream_events stream_events = {
	.on_head = on_head,
	.on_body = on_body,
	.on_end = on_end,
	.on_drained = on_drained,
	.on_reset = on_reset,
};

static void on_idle(void *arg, struct h1_session *session)
{
	struct client *client = arg;

	assert_ptr_equal(session, client->session);
	client->idles++;
}

static void on_close(void *arg, struct h1_session *session, enum err why)
{
	struct client *client = arg;

	assert_ptr_equal(session, client->session);
	client->session = NULL;
	client->closes++;
	client->close_why = why;
}

static const struct session_events session_events = {
	.on_idle = on_idle,
	.on_close = on_close,
};

static bool is_idle(void *arg)
{
	struct client *client = arg;

	return client->session != NULL && h1_session_is_idle(client->session);
}

static bool is_closed(void *arg)
{
	struct client *client = arg;

	return client->session == NULL;
}

static bool has_ended(void *arg)
{
	struct client *client = arg;

	return client->ends > 0;
}

static bool has_reset(void *arg)
{
	struct client *client = arg;

	return client->resets > 0;
}

static struct client *client_new(void)
{
	struct client *client = calloc(1, sizeof(*client));

	wire_init(&client->wire);
	client->options = session_default_options;
	client->options.limits = h1_default_upstream_limits;
	buf_init(&client->body, (size_t)64 << 20);
	return client;
}

static void client_dial(struct client *client, const struct sockaddr_in *addr)
{
	struct dial_address address = {.len = sizeof(*addr)};

	memcpy(&address.addr, addr, sizeof(*addr));
	client->session = h1_session_new_client(&client->wire.env, &address, NULL, &client->options,
						1000, &session_events, client);
}

static void client_connect(struct client *client)
{
	struct sockaddr_in addr;

	wire_listen(&client->wire, &addr);
	client_dial(client, &addr);
	wire_until(&client->wire, is_idle, client);
	wire_attach(&client->wire, accept(client->wire.listen_fd, NULL, NULL));
	assert_int_equal(client->idles, 1);
}

static struct client *open_client(void)
{
	struct client *client = client_new();

	client_connect(client);
	return client;
}

static void client_free(struct client *client)
{
	if (client->session != NULL) {
		h1_session_abort(client->session);
		wire_until(&client->wire, is_closed, client);
	}
	if (client->stream != NULL)
		release(client);
	assert_int_equal(client->closes, 1);
	buf_fini(&client->body);
	wire_fini(&client->wire);
	free(client);
}

/* What the upstream is to see. */
static void expect(struct client *client, struct str want)
{
	wire_expect(&client->wire, want);
	buf_reset(&client->wire.got);
}

static void request(struct client *client, enum method method, const char *body, bool end)
{
	struct iovec view = {NULL, strlen(body)};
	struct head_out head = {
		.method = method,
		.target = STR("/x"),
		.host = STR("up"),
		.framing = view.iov_len > 0 ? FRAMING_CHUNKED : FRAMING_NONE,
	};

	memcpy(&view.iov_base, &body, sizeof(body));
	client->stream = h1_session_open_stream(client->session, &stream_events, client);
	assert_int_equal(stream_send(client->stream, &head, &view, 1, end), OK);
}

static void get(struct client *client)
{
	request(client, METHOD_GET, "", true);
	expect(client, STR("GET /x HTTP/1.1\r\nHost: up\r\n\r\n"));
}

static void assert_body(struct client *client, const char *want)
{
	assert_int_equal(buf_append_byte(&client->body, '\0'), OK);
	assert_string_equal(client->body.ptr, want);
	client->body.len--;
}

#define OK_HI "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"

static void test_h1_client__uses_a_connection_again(void **state)
{
	struct client *client = open_client();

	(void)state;
	for (unsigned i = 1; i <= 3; i++) {
		get(client);
		assert_false(h1_session_is_idle(client->session));
		wire_send(&client->wire, STR(OK_HI));
		wire_until(&client->wire, is_idle, client);
		assert_int_equal(client->idles, i + 1);
	}
	assert_body(client, "hi.hi.hi.");
	client_free(client);
}

static void test_h1_client__sends_a_body_in_parts(void **state)
{
	struct client *client = open_client();
	char text[] = "world";
	struct iovec view = {text, 5};

	(void)state;
	request(client, METHOD_POST, "hello ", false);
	assert_int_equal(stream_send(client->stream, NULL, &view, 1, true), OK);
	expect(client, STR("POST /x HTTP/1.1\r\nHost: up\r\nTransfer-Encoding: chunked\r\n\r\n"
			   "6\r\nhello \r\n5\r\nworld\r\n0\r\n\r\n"));
	wire_send(&client->wire, STR(OK_HI));
	wire_until(&client->wire, is_idle, client);
	client_free(client);
}

static void check_closes_after(struct str response, const char *body)
{
	struct client *client = open_client();

	get(client);
	wire_send(&client->wire, response);
	wire_until(&client->wire, is_closed, client);
	assert_int_equal(client->ends, 1);
	assert_int_equal(client->resets, 0);
	assert_int_equal(client->idles, 1);
	assert_int_equal(client->close_why, OK);
	assert_body(client, body);
	client_free(client);
}

static void test_h1_client__does_not_reuse_after_an_anomaly(void **state)
{
	(void)state;
	check_closes_after(STR(OK_HI "x"), "hi.");
	check_closes_after(STR(OK_HI OK_HI), "hi.");
	check_closes_after(
		STR("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi"), "hi.");
	check_closes_after(STR("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi"), "hi.");
}

static void test_h1_client__reads_until_the_upstream_closes(void **state)
{
	struct client *client = open_client();

	(void)state;
	get(client);
	wire_send(&client->wire, STR("HTTP/1.1 200 OK\r\n\r\nsome "));
	wire_idle(&client->wire, 3);
	wire_send(&client->wire, STR("bytes"));
	shutdown(client->wire.fd, SHUT_WR);
	wire_until(&client->wire, is_closed, client);
	assert_body(client, "some bytes.");
	assert_int_equal(client->resets, 0);
	client_free(client);
}

static void test_h1_client__skips_informational_responses(void **state)
{
	struct client *client = open_client();

	(void)state;
	get(client);
	wire_send(&client->wire, STR("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 \r\nA: b\r\n\r\n"));
	wire_idle(&client->wire, 3);
	wire_send(&client->wire, STR(OK_HI));
	wire_until(&client->wire, is_idle, client);
	assert_int_equal(client->heads, 1);
	client_free(client);
}

static void check_reset(struct str response, bool close, enum err why)
{
	struct client *client = open_client();

	get(client);
	if (response.len > 0)
		wire_send(&client->wire, response);
	if (close)
		shutdown(client->wire.fd, SHUT_WR);
	wire_until(&client->wire, has_reset, client);
	assert_int_equal(client->reset_why, why);
	assert_int_equal(client->ends, 0);
	wire_until(&client->wire, is_closed, client);
	client_free(client);
}

static void test_h1_client__reports_broken_responses(void **state)
{
	(void)state;
	check_reset(STR(""), true, ERR_IO);
	check_reset(STR("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nh"), true, ERR_UPSTREAM);
	check_reset(STR("HTTP/1.1 200 OK\r\nCont"), true, ERR_UPSTREAM);
	check_reset(STR("HTTP/1.1 100 Continue\r\n\r\n"), true, ERR_UPSTREAM);
	check_reset(STR("HTTP/1.1 101 Switching\r\n\r\n"), false, ERR_UPSTREAM);
	check_reset(STR("HTTP/1.1 200\n"), false, ERR_UPSTREAM);
	check_reset(STR("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n"
			"\r\n"),
		    false, ERR_UPSTREAM);
	check_reset(STR("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"), false,
		    ERR_LIMIT);
}

static void test_h1_client__delivers_an_early_response_and_closes(void **state)
{
	struct client *client = open_client();

	(void)state;
	request(client, METHOD_POST, "part", false);
	expect(client, STR("part"));
	wire_send(&client->wire, STR("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n"));
	wire_until(&client->wire, is_closed, client);
	assert_int_equal(client->status, 413);
	assert_int_equal(client->ends, 1);
	assert_int_equal(client->idles, 1);
	client_free(client);
}

static void test_h1_client__closes_on_bytes_nobody_asked_for(void **state)
{
	struct client *client = open_client();

	(void)state;
	wire_send(&client->wire, STR(OK_HI));
	wire_until(&client->wire, is_closed, client);
	assert_int_equal(client->close_why, ERR_UPSTREAM);
	client_free(client);
}

static void test_h1_client__notices_an_upstream_that_leaves(void **state)
{
	struct client *client = open_client();

	(void)state;
	shutdown(client->wire.fd, SHUT_WR);
	wire_until(&client->wire, is_closed, client);
	assert_int_equal(client->close_why, OK);
	client_free(client);
}

static void test_h1_client__times_a_silent_upstream_out(void **state)
{
	struct client *client = client_new();

	(void)state;
	client->options.head_timeout_ms = 20;
	client_connect(client);
	get(client);
	wire_until(&client->wire, has_reset, client);
	assert_int_equal(client->reset_why, ERR_TIMEOUT);
	wire_until(&client->wire, is_closed, client);
	assert_int_equal(client->close_why, ERR_TIMEOUT);
	client_free(client);
}

static void test_h1_client__times_a_stalled_body_out_unless_paused(void **state)
{
	struct client *client = client_new();

	(void)state;
	client->options.body_timeout_ms = 200; /* longer than a busy machine stalls */
	client_connect(client);
	get(client);
	wire_send(&client->wire, STR("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nh"));
	wire_idle(&client->wire, 10);
	stream_pause(client->stream, CONN_READER_SLOW);
	stream_pause(client->stream, CONN_DECIDING);
	wire_idle(&client->wire, 300);
	stream_resume(client->stream, CONN_DECIDING);
	wire_idle(&client->wire, 300);
	assert_int_equal(client->resets, 0);
	stream_resume(client->stream, CONN_READER_SLOW);
	wire_until(&client->wire, has_reset, client);
	assert_int_equal(client->reset_why, ERR_TIMEOUT);
	client_free(client);
}

static void test_h1_client__closes_when_idle_for_long(void **state)
{
	struct client *client = client_new();

	(void)state;
	client->options.idle_timeout_ms = 20;
	client_connect(client);
	wire_until(&client->wire, is_closed, client);
	assert_int_equal(client->close_why, OK);
	client_free(client);
}

static void test_h1_client__reports_a_refused_connection(void **state)
{
	struct client *client = client_new();
	struct sockaddr_in addr;

	(void)state;
	wire_listen(&client->wire, &addr);
	close(client->wire.listen_fd);
	client->wire.listen_fd = -1;
	client_dial(client, &addr);
	wire_until(&client->wire, is_closed, client);
	assert_int_equal(client->idles, 0);
	assert_int_not_equal(client->close_why, OK);
	client_free(client);
}

static void test_h1_client__abort_tells_the_upstream_and_not_the_owner(void **state)
{
	struct client *client = open_client();

	(void)state;
	get(client);
	wire_send(&client->wire, STR("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhi"));
	wire_idle(&client->wire, 5);
	stream_abort(client->stream);
	client->stream = NULL;
	wire_until(&client->wire, is_closed, client);
	wire_idle(&client->wire, 5);
	assert_true(client->wire.has_eof || client->wire.has_reset);
	assert_int_equal(client->resets, 0);
	client_free(client);
}

static void test_h1_client__keeps_a_complete_response_until_release(void **state)
{
	struct client *client = open_client();

	(void)state;
	client->holds_release = true;
	get(client);
	wire_send(&client->wire, STR(OK_HI));
	wire_until(&client->wire, has_ended, client);
	wire_reset(&client->wire);
	wire_idle(&client->wire, 10);
	assert_int_equal(client->resets, 0);
	assert_int_equal(client->closes, 0);
	release(client);
	assert_int_equal(client->closes, 1);
	wire_idle(&client->wire, 2);
	client_free(client);
}

static void test_h1_client__drains(void **state)
{
	struct client *client = open_client();

	(void)state;
	get(client);
	h1_session_drain(client->session);
	wire_send(&client->wire, STR(OK_HI));
	wire_until(&client->wire, is_closed, client);
	assert_body(client, "hi.");
	client_free(client);
	client = open_client();
	h1_session_drain(client->session);
	wire_until(&client->wire, is_closed, client);
	client_free(client);
}

static void test_h1_client__reads_no_body_behind_head(void **state)
{
	struct client *client = open_client();

	(void)state;
	request(client, METHOD_HEAD, "", true);
	expect(client, STR("HEAD /x "));
	wire_send(&client->wire, STR("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"));
	wire_until(&client->wire, is_idle, client);
	get(client);
	wire_send(&client->wire, STR(OK_HI));
	wire_until(&client->wire, is_idle, client);
	assert_body(client, ".hi.");
	client_free(client);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_h1_client__uses_a_connection_again),
		cmocka_unit_test(test_h1_client__sends_a_body_in_parts),
		cmocka_unit_test(test_h1_client__does_not_reuse_after_an_anomaly),
		cmocka_unit_test(test_h1_client__reads_until_the_upstream_closes),
		cmocka_unit_test(test_h1_client__skips_informational_responses),
		cmocka_unit_test(test_h1_client__reports_broken_responses),
		cmocka_unit_test(test_h1_client__delivers_an_early_response_and_closes),
		cmocka_unit_test(test_h1_client__closes_on_bytes_nobody_asked_for),
		cmocka_unit_test(test_h1_client__notices_an_upstream_that_leaves),
		cmocka_unit_test(test_h1_client__times_a_silent_upstream_out),
		cmocka_unit_test(test_h1_client__times_a_stalled_body_out_unless_paused),
		cmocka_unit_test(test_h1_client__closes_when_idle_for_long),
		cmocka_unit_test(test_h1_client__reports_a_refused_connection),
		cmocka_unit_test(test_h1_client__abort_tells_the_upstream_and_not_the_owner),
		cmocka_unit_test(test_h1_client__keeps_a_complete_response_until_release),
		cmocka_unit_test(test_h1_client__drains),
		cmocka_unit_test(test_h1_client__reads_no_body_behind_head),
	};

	return cmocka_run_group_tests_name("h1_client", tests, NULL, NULL);
}
