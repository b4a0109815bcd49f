/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/gateway/http/wire.h"

#include "gateway/http/fetch.h"
#include "gateway/http/h1_session.h"
#include "gateway/net/tls.h"
#include "tests/unit/gateway/net/certs.h"

struct fetcher {
	struct wire wire; /* its raw end is the server */
	struct fetch_options options;
	struct fetch *fetch;
	char url[100];
	unsigned calls;
	enum err err;
	unsigned status;
	struct buf body;
	struct loop_io accept_io;
};

static void on_done(void *arg, enum err err, unsigned status, struct str body)
{
	struct fetcher *fetcher = arg;

	fetcher->calls++;
	fetcher->fetch = NULL;
	fetcher->err = err;
	fetcher->status = status;
	assert_int_equal(buf_append(&fetcher->body, body), OK);
}

static void on_accept(void *arg, unsigned ready)
{
	struct fetcher *fetcher = arg;

	(void)ready;
	wire_attach(&fetcher->wire, accept(fetcher->wire.listen_fd, NULL, NULL));
	loop_io_want(&fetcher->accept_io, 0);
}

static struct fetcher *fetcher_new(void)
{
	struct fetcher *fetcher = calloc(1, sizeof(*fetcher));
	struct sockaddr_in addr;

	wire_init(&fetcher->wire);
	wire_listen(&fetcher->wire, &addr);
	loop_io_start(fetcher->wire.loop, &fetcher->accept_io, fetcher->wire.listen_fd, on_accept,
		      fetcher);
	loop_io_want(&fetcher->accept_io, LOOP_READABLE);
	snprintf(fetcher->url, sizeof(fetcher->url), "http://127.0.0.1:%u/keys?v=1",
		 ntohs(addr.sin_port));
	fetcher->options = (struct fetch_options){
		.url = str_from_c(fetcher->url),
		.allow_plain = true,
		.max_bytes = 10,
		.timeout_ms = 1000,
	};
	buf_init(&fetcher->body, 4096);
	return fetcher;
}

static void fetcher_free(struct fetcher *fetcher)
{
	assert_null(fetcher->fetch);
	loop_io_stop(&fetcher->accept_io);
	buf_fini(&fetcher->body);
	wire_fini(&fetcher->wire);
	free(fetcher);
}

static bool is_done(void *arg)
{
	struct fetcher *fetcher = arg;

	return fetcher->calls > 0;
}

static void start(struct fetcher *fetcher)
{
	struct diag diag;

	assert_int_equal(fetch_start(&fetcher->wire.env, &fetcher->options, &diag, on_done, fetcher,
				     &fetcher->fetch),
			 OK);
	assert_int_equal(fetcher->calls, 0);
	wire_expect(&fetcher->wire, STR("\r\n\r\n"));
	assert_true(str_has_prefix(buf_str(&fetcher->wire.got),
				   STR("GET /keys?v=1 HTTP/1.1\r\nHost: 127.0.0.1:")));
	assert_true(wire_got(&fetcher->wire, STR("\r\nAccept-Encoding: identity\r\n")));
}

static void check(const char *response, bool close, enum err err, unsigned status, const char *body)
{
	struct fetcher *fetcher = fetcher_new();

	start(fetcher);
	wire_send(&fetcher->wire, str_from_c(response));
	if (close)
		shutdown(fetcher->wire.fd, SHUT_WR);
	wire_until(&fetcher->wire, is_done, fetcher);
	assert_int_equal(fetcher->calls, 1);
	assert_int_equal(fetcher->err, err);
	assert_int_equal(fetcher->status, status);
	if (err == OK)
		assert_true(str_eq(buf_str(&fetcher->body), str_from_c(body)));
	fetcher_free(fetcher);
}

static void test_fetch__gives_status_and_body(void **state)
{
	(void)state;
	check("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nkeys", false, OK, 200, "keys");
	check("HTTP/1.1 200 OK\r\nTransfer-Encoding: "
	      "chunked\r\n\r\n2\r\nke\r\n2\r\nys\r\n0\r\n\r\n",
	      false, OK, 200, "keys");
	check("HTTP/1.1 200 OK\r\n\r\nkeys", true, OK, 200, "keys");
	check("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", false, OK, 404, "");
}

static void test_fetch__posts_a_document(void **state)
{
	static const struct field fields[] = {{STR("webhook-id"), STR("m1"), HEADER_OTHER}};
	struct fetcher *fetcher = fetcher_new();
	struct diag diag;

	(void)state;
	fetcher->options.body = STR("{\"a\":1}");
	fetcher->options.fields = fields;
	fetcher->options.field_count = ARRAY_LEN(fields);
	assert_int_equal(fetch_start(&fetcher->wire.env, &fetcher->options, &diag, on_done, fetcher,
				     &fetcher->fetch),
			 OK);
	wire_expect(&fetcher->wire, STR("{\"a\":1}"));
	assert_true(
		str_has_prefix(buf_str(&fetcher->wire.got), STR("POST /keys?v=1 HTTP/1.1\r\n")));
	assert_true(wire_got(&fetcher->wire, STR("\r\nContent-Type: application/json\r\n")));
	assert_true(wire_got(&fetcher->wire, STR("\r\nContent-Length: 7\r\n")));
	assert_true(wire_got(&fetcher->wire, STR("\r\nwebhook-id: m1\r\n")));
	wire_send(&fetcher->wire, STR("HTTP/1.1 204 No Content\r\n\r\n"));
	wire_until(&fetcher->wire, is_done, fetcher);
	assert_int_equal(fetcher->status, 204);
	fetcher_free(fetcher);
}

static void test_fetch__does_not_follow(void **state)
{
	(void)state;
	check("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\nContent-Length: 0\r\n\r\n",
	      false, OK, 302, "");
}

static void test_fetch__reports_failures(void **state)
{
	(void)state;
	check("HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n", false, ERR_LIMIT, 0, "");
	check("HTTP/1.1 200 OK\r\n\r\n0123456789a", false, ERR_LIMIT, 0, "");
	check("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nke", true, ERR_UPSTREAM, 0, "");
	check("rubbish\r\n", false, ERR_UPSTREAM, 0, "");
}

static void test_fetch__gives_up_in_time(void **state)
{
	struct fetcher *fetcher = fetcher_new();

	(void)state;
	fetcher->options.timeout_ms = 30;
	start(fetcher);
	wire_until(&fetcher->wire, is_done, fetcher);
	assert_int_equal(fetcher->err, ERR_TIMEOUT);
	fetcher_free(fetcher);
}

static void test_fetch__can_be_cancelled(void **state)
{
	struct fetcher *fetcher = fetcher_new();

	(void)state;
	start(fetcher);
	fetch_cancel(fetcher->fetch);
	fetcher->fetch = NULL;
	wire_idle(&fetcher->wire, 5);
	assert_int_equal(fetcher->calls, 0);
	fetcher_free(fetcher);
}

static void test_fetch__reports_a_refused_connection(void **state)
{
	struct fetcher *fetcher = fetcher_new();
	struct diag diag;

	(void)state;
	loop_io_stop(&fetcher->accept_io);
	close(fetcher->wire.listen_fd);
	fetcher->wire.listen_fd = -1;
	assert_int_equal(fetch_start(&fetcher->wire.env, &fetcher->options, &diag, on_done, fetcher,
				     &fetcher->fetch),
			 OK);
	wire_until(&fetcher->wire, is_done, fetcher);
	assert_int_not_equal(fetcher->err, OK);
	fetcher_free(fetcher);
}

static void test_fetch__refuses_urls(void **state)
{
	static const char *const rows[] = {
		"",
		"ftp://a/",
		"https://",
		"https:///x",
		"https://a b/",
		"https://u@a/",
		"https://a:0/",
		"https://a:70000/",
		"https://a/\r\nx: y",
		"https://a/#x",
		"https://[::1/x",
		"HTTPS://a/",
		"http://127.0.0.1/x",
		"https://a:1:2/",
		"//a/x",
	};
	struct fetcher *fetcher = fetcher_new();

	(void)state;
	fetcher->options.allow_plain = false;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct diag diag;

		fetcher->options.url = str_from_c(rows[i]);
		assert_int_equal(fetch_start(&fetcher->wire.env, &fetcher->options, &diag, on_done,
					     fetcher, &fetcher->fetch),
				 ERR_MALFORMED);
		assert_true(strlen(diag.text) > 0);
	}
	fetcher_free(fetcher);
}

/* ---- over TLS, against our own server's role ---- */

struct secure {
	struct fetcher *fetcher;
	struct tls_context *context;
	struct h1_session *session;
	struct stream *stream;
};

static void on_secure_body(void *arg, struct str view)
{
	(void)arg;
	(void)view;
}

static void on_secure_end(void *arg)
{
	struct secure *secure = arg;
	char text[] = "keys";
	struct iovec view = {text, 4};
	struct head_out head = {.status = 200, .framing = FRAMING_CHUNKED};
	struct stream *stream = secure->stream;

	secure->stream = NULL;
	assert_int_equal(stream_send(stream, &head, &view, 1, true), OK);
	stream_release(stream);
}

static void on_secure_drained(void *arg)
{
	(void)arg;
}

static void on_secure_reset(void *arg, enum err why)
{
	(void)arg;
	(void)why;
}

static const struct stream_events secure_stream_events = {
	.on_body = on_secure_body,
	.on_end = on_secure_end,
	.on_drained = on_secure_drained,
	.on_reset = on_secure_reset,
};

static void on_secure_stream(void *arg, struct h1_session *session, struct stream *stream,
			     const struct head *head)
{
	struct secure *secure = arg;

	(void)session;
	(void)head;
	secure->stream = stream;
	stream_attach(stream, &secure_stream_events, secure);
}

static void on_secure_close(void *arg, struct h1_session *session, enum err why)
{
	struct secure *secure = arg;

	(void)session;
	(void)why;
	secure->session = NULL;
}

static const struct session_events secure_session_events = {
	.on_stream = on_secure_stream,
	.on_close = on_secure_close,
};

static void on_secure_accept(void *arg, unsigned ready)
{
	struct secure *secure = arg;
	int fd = accept4(secure->fetcher->wire.listen_fd, NULL, NULL, SOCK_NONBLOCK);

	(void)ready;
	loop_io_want(&secure->fetcher->accept_io, 0);
	secure->session =
		h1_session_new_server(&secure->fetcher->wire.env, fd, tls_new(secure->context),
				      &session_default_options, &secure_session_events, secure);
}

static bool is_secure_over(void *arg)
{
	struct secure *secure = arg;

	return secure->fetcher->calls > 0 && secure->session == NULL;
}

static void check_secure(const char *certificate, const char *key, const char *ca, const char *host,
			 bool is_good)
{
	struct tls_server_options options = {.certificate_file = str_from_c(certificate),
					     .key_file = str_from_c(key)};
	struct secure secure = {.fetcher = fetcher_new()};
	struct fetcher *fetcher = secure.fetcher;
	struct sockaddr_in addr;
	socklen_t len = sizeof(addr);
	struct diag diag;

	assert_int_equal(tls_server_context_new(&options, &diag, &secure.context), OK);
	assert_int_equal(getsockname(fetcher->wire.listen_fd, (struct sockaddr *)&addr, &len), 0);
	snprintf(fetcher->url, sizeof(fetcher->url), "https://%s:%u/keys", host,
		 ntohs(addr.sin_port));
	fetcher->options.url = str_from_c(fetcher->url);
	fetcher->options.ca_file = str_from_c(ca);
	loop_io_stop(&fetcher->accept_io);
	loop_io_start(fetcher->wire.loop, &fetcher->accept_io, fetcher->wire.listen_fd,
		      on_secure_accept, &secure);
	loop_io_want(&fetcher->accept_io, LOOP_READABLE);
	assert_int_equal(fetch_start(&fetcher->wire.env, &fetcher->options, &diag, on_done, fetcher,
				     &fetcher->fetch),
			 OK);
	wire_until(&fetcher->wire, is_secure_over, &secure);
	assert_int_equal(fetcher->err == OK, is_good);
	assert_int_equal(fetcher->status, is_good ? 200 : 0);
	assert_true(str_eq(buf_str(&fetcher->body), is_good ? STR("keys") : STR("")));
	tls_context_unref(secure.context);
	fetcher_free(fetcher);
}

static void test_fetch__trusts_the_given_ca_and_name_only(void **state)
{
	struct certs certs;

	(void)state;
	certs_init(&certs);
	check_secure(certs.server, certs.server_key, certs.ca, "127.0.0.1", true);
	check_secure(certs.server, certs.server_key, certs.stranger, "127.0.0.1", false);
	check_secure(certs.client, certs.client_key, certs.ca, "127.0.0.1", false);
	certs_fini(&certs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fetch__gives_status_and_body),
		cmocka_unit_test(test_fetch__posts_a_document),
		cmocka_unit_test(test_fetch__does_not_follow),
		cmocka_unit_test(test_fetch__reports_failures),
		cmocka_unit_test(test_fetch__gives_up_in_time),
		cmocka_unit_test(test_fetch__can_be_cancelled),
		cmocka_unit_test(test_fetch__reports_a_refused_connection),
		cmocka_unit_test(test_fetch__refuses_urls),
		cmocka_unit_test(test_fetch__trusts_the_given_ca_and_name_only),
	};

	return cmocka_run_group_tests_name("fetch", tests, NULL, NULL);
}
