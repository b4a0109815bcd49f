/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/net/tls.h"

#include <fcntl.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "certs.h"
#include "side.h"

struct fixture {
	struct rig rig;
	struct certs certs;
	struct tls_context *server_context, *client_context;
	struct side server, client;
};

static int set_up(void **state)
{
	struct fixture *f = base_alloc(sizeof(*f));

	rig_init(&f->rig);
	certs_init(&f->certs);
	side_init(&f->server, &f->rig);
	side_init(&f->client, &f->rig);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	side_fini(&f->server);
	side_fini(&f->client);
	rig_fini(&f->rig);
	tls_context_unref(f->server_context);
	tls_context_unref(f->client_context);
	certs_fini(&f->certs);
	free(f);
	return 0;
}

static void make_server(struct fixture *f, const char *client_ca, bool is_required)
{
	const struct tls_server_options options = {
		.certificate_file = str_from_c(f->certs.server),
		.key_file = str_from_c(f->certs.server_key),
		.client_ca_file = str_from_c(client_ca),
		.client_required = is_required,
	};

	assert_int_equal(tls_server_context_new(&options, NULL, &f->server_context), OK);
}

static void make_client(struct fixture *f, const char *ca, const char *name)
{
	const struct tls_client_options options = {str_from_c(ca), str_from_c(name)};

	assert_int_equal(tls_client_context_new(&options, NULL, &f->client_context), OK);
}

static void connect_sides(struct fixture *f, const struct conn_options *options)
{
	int fds[2];

	tcp_pair(fds);
	fcntl(fds[1], F_SETFL, O_NONBLOCK);
	f->server.conn = conn_new(&f->rig.env, fds[0], tls_new(f->server_context), options,
				  &side_events, &f->server);
	f->client.conn = conn_new(&f->rig.env, fds[1], tls_new(f->client_context), options,
				  &side_events, &f->client);
}

static bool both_are_open(void *arg)
{
	struct fixture *f = arg;

	return f->server.opens > 0 && f->client.opens > 0;
}

static bool both_are_closed(void *arg)
{
	struct fixture *f = arg;

	return f->server.closes > 0 && f->client.closes > 0;
}

static void open_sides(struct fixture *f, const struct conn_options *options)
{
	connect_sides(f, options);
	assert_true(rig_run(&f->rig, both_are_open, f));
}

static void test_tls__carries_bytes_both_ways(void **state)
{
	struct fixture *f = *state;

	make_server(f, NULL, false);
	make_client(f, f->certs.ca, "localhost");
	open_sides(f, &side_options);
	assert_true(conn_is_tls(f->server.conn));
	f->server.echoes = true;
	assert_int_equal(side_write(&f->client, STR("hello")), OK);
	assert_int_equal(conn_queued(f->client.conn), 0);
	assert_true(rig_run(&f->rig, side_has_read, &f->client));
	assert_true(str_eq(buf_str(&f->client.received), STR("hello")));
}

static bool client_has_it_all(void *arg)
{
	struct fixture *f = arg;

	return f->client.received.len == 8 << 20;
}

/* Larger than every buffer on the way: records are cut, queued, drained and put together. */
static void test_tls__carries_megabytes_through_back_pressure(void **state)
{
	struct fixture *f = *state;
	struct conn_options options = side_options;
	size_t size = 8 << 20;
	char *bytes = base_alloc(size);

	options.max_queued_bytes = size;
	for (size_t i = 0; i < size; i++)
		bytes[i] = (char)(i * 17 % 253);
	make_server(f, NULL, false);
	make_client(f, f->certs.ca, "localhost");
	open_sides(f, &options);
	conn_pause(f->client.conn, CONN_READER_SLOW);
	assert_int_equal(side_write(&f->server, str_make(bytes, size)), OK);
	rig_idle(&f->rig, 20);
	assert_true(conn_queued(f->server.conn) > 0);
	assert_int_equal(f->client.reads, 0);
	conn_resume(f->client.conn, CONN_READER_SLOW);
	assert_true(rig_run(&f->rig, client_has_it_all, f));
	assert_memory_equal(f->client.received.ptr, bytes, size);
	assert_int_equal(f->server.drains, 1);
	free(bytes);
}

/* Two records arrive together; the pause falls after the first, and OpenSSL holds the second. */
static void test_tls__gives_what_waits_inside_after_a_pause(void **state)
{
	struct fixture *f = *state;

	make_server(f, NULL, false);
	make_client(f, f->certs.ca, "localhost");
	open_sides(f, &side_options);
	conn_pause(f->client.conn, CONN_DECIDING);
	assert_int_equal(side_write(&f->server, STR("one")), OK);
	assert_int_equal(side_write(&f->server, STR("two")), OK);
	rig_idle(&f->rig, 3);
	f->client.pauses_on_read = true;
	conn_resume(f->client.conn, CONN_DECIDING);
	assert_true(rig_run(&f->rig, side_has_read, &f->client));
	rig_idle(&f->rig, 3);
	assert_true(str_eq(buf_str(&f->client.received), STR("one")));
	conn_resume(f->client.conn, CONN_READER_SLOW);
	f->client.reads = 0;
	assert_true(rig_run(&f->rig, side_has_read, &f->client));
	assert_true(str_eq(buf_str(&f->client.received), STR("onetwo")));
}

static void test_tls__closes_with_a_notice_on_both_sides(void **state)
{
	struct fixture *f = *state;

	make_server(f, NULL, false);
	make_client(f, f->certs.ca, "localhost");
	open_sides(f, &side_options);
	assert_int_equal(side_write(&f->server, STR("bye")), OK);
	conn_close(f->server.conn);
	assert_true(rig_run(&f->rig, side_has_eof, &f->client));
	assert_true(str_eq(buf_str(&f->client.received), STR("bye")));
	conn_close(f->client.conn);
	assert_true(rig_run(&f->rig, both_are_closed, f));
	assert_int_equal(f->server.why, OK);
	assert_int_equal(f->client.why, OK);
}

/* A cut stream must not look like a finished one. */
static void test_tls__takes_an_end_without_notice_for_a_failure(void **state)
{
	struct fixture *f = *state;

	make_server(f, NULL, false);
	make_client(f, f->certs.ca, "localhost");
	open_sides(f, &side_options);
	conn_abort(f->server.conn);
	assert_true(rig_run(&f->rig, side_is_closed, &f->client));
	assert_int_equal(f->client.eofs, 0);
	assert_int_equal(f->client.why, ERR_IO);
}

static void assert_handshake_fails(struct fixture *f)
{
	connect_sides(f, &side_options);
	assert_true(rig_run(&f->rig, both_are_closed, f));
	assert_int_equal(f->client.opens, 0);
	assert_int_equal(f->client.why, ERR_IO);
}

static void test_tls__refuses_a_server_with_another_name(void **state)
{
	struct fixture *f = *state;

	make_server(f, NULL, false);
	make_client(f, f->certs.ca, "example.com");
	assert_handshake_fails(f);
}

static void test_tls__refuses_a_server_of_a_ca_it_does_not_know(void **state)
{
	struct fixture *f = *state;

	make_server(f, NULL, false);
	make_client(f, f->certs.stranger, "localhost");
	assert_handshake_fails(f);
}

static void test_tls__checks_a_literal_address(void **state)
{
	struct fixture *f = *state;

	make_server(f, NULL, false);
	make_client(f, f->certs.ca, "127.0.0.1");
	open_sides(f, &side_options);
}

static void test_tls__refuses_another_literal_address(void **state)
{
	struct fixture *f = *state;

	make_server(f, NULL, false);
	make_client(f, f->certs.ca, "127.0.0.2");
	assert_handshake_fails(f);
}

/* In TLS 1.3 the client is done before the server has looked: it learns by the close. */
static void test_tls__refuses_a_client_without_a_required_certificate(void **state)
{
	struct fixture *f = *state;

	make_server(f, f->certs.ca, true);
	make_client(f, f->certs.ca, "localhost");
	connect_sides(f, &side_options);
	assert_true(rig_run(&f->rig, both_are_closed, f));
	assert_int_equal(f->server.opens, 0);
	assert_int_equal(f->server.why, ERR_IO);
}

static void test_tls__takes_a_client_without_an_optional_certificate(void **state)
{
	struct fixture *f = *state;

	make_server(f, f->certs.ca, false);
	make_client(f, f->certs.ca, "localhost");
	open_sides(f, &side_options);
}

static void test_tls__times_out_a_silent_client(void **state)
{
	struct fixture *f = *state;
	struct conn_options options = side_options;
	int fds[2];

	options.handshake_ms = 20;
	make_server(f, NULL, false);
	tcp_pair(fds);
	f->server.conn = conn_new(&f->rig.env, fds[0], tls_new(f->server_context), &options,
				  &side_events, &f->server);
	assert_true(rig_run(&f->rig, side_is_closed, &f->server));
	assert_int_equal(f->server.why, ERR_TIMEOUT);
	close(fds[1]);
}

static void test_tls__refuses_what_is_not_tls(void **state)
{
	struct fixture *f = *state;
	int fds[2];

	make_server(f, NULL, false);
	tcp_pair(fds);
	f->server.conn = conn_new(&f->rig.env, fds[0], tls_new(f->server_context), &side_options,
				  &side_events, &f->server);
	assert_int_equal(send(fds[1], "GET / HTTP/1.1\r\n\r\n", 18, MSG_NOSIGNAL), 18);
	assert_true(rig_run(&f->rig, side_is_closed, &f->server));
	assert_int_equal(f->server.why, ERR_IO);
	close(fds[1]);
}

/* A plain OpenSSL client with settings of its own, on a thread, blocking. */
struct foreign {
	int fd;
	const struct certs *certs;
	int max_version;
	const char *alpn; /* wire form */
	bool has_certificate;
	int connected;
	char chosen[16];
	char version[16];
};

static void *run_foreign(void *arg)
{
	struct foreign *foreign = arg;
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	SSL *ssl;
	const unsigned char *alpn;
	unsigned alpn_len;

	SSL_CTX_set_max_proto_version(context, foreign->max_version);
	if (foreign->max_version == TLS1_1_VERSION)
		SSL_CTX_set_cipher_list(context, "ALL:@SECLEVEL=0");
	if (foreign->alpn != NULL)
		SSL_CTX_set_alpn_protos(context, (const unsigned char *)foreign->alpn,
					(unsigned)strlen(foreign->alpn));
	if (foreign->has_certificate) {
		SSL_CTX_use_certificate_chain_file(context, foreign->certs->client);
		SSL_CTX_use_PrivateKey_file(context, foreign->certs->client_key, SSL_FILETYPE_PEM);
	}
	ssl = SSL_new(context);
	SSL_set_fd(ssl, foreign->fd);
	foreign->connected = SSL_connect(ssl);
	if (foreign->connected == 1) {
		SSL_get0_alpn_selected(ssl, &alpn, &alpn_len);
		if (alpn_len > 0)
			memcpy(foreign->chosen, alpn, MIN(alpn_len, sizeof(foreign->chosen) - 1));
		memcpy(foreign->version, SSL_get_version(ssl), strlen(SSL_get_version(ssl)));
		SSL_write(ssl, "hi", 2);
	}
	SSL_free(ssl);
	SSL_CTX_free(context);
	shutdown(foreign->fd, SHUT_RDWR);
	return NULL;
}

static bool server_knows(void *arg)
{
	struct side *side = arg;

	return side->reads > 0 || side->closes > 0;
}

static void meet(struct fixture *f, struct foreign *foreign)
{
	pthread_t thread;
	int fds[2];

	tcp_pair(fds);
	foreign->fd = fds[1];
	foreign->certs = &f->certs;
	f->server.conn = conn_new(&f->rig.env, fds[0], tls_new(f->server_context), &side_options,
				  &side_events, &f->server);
	assert_int_equal(pthread_create(&thread, NULL, run_foreign, foreign), 0);
	assert_true(rig_run(&f->rig, server_knows, &f->server));
	pthread_join(thread, NULL);
	close(fds[1]);
}

static void test_tls__speaks_1_2_with_who_has_no_1_3(void **state)
{
	struct fixture *f = *state;
	struct foreign foreign = {.max_version = TLS1_2_VERSION};

	make_server(f, NULL, false);
	meet(f, &foreign);
	assert_int_equal(foreign.connected, 1);
	assert_string_equal(foreign.version, "TLSv1.2");
	assert_true(str_eq(buf_str(&f->server.received), STR("hi")));
}

static void test_tls__refuses_1_1(void **state)
{
	struct fixture *f = *state;
	struct foreign foreign = {.max_version = TLS1_1_VERSION};

	make_server(f, NULL, false);
	meet(f, &foreign);
	assert_int_not_equal(foreign.connected, 1);
	assert_int_equal(f->server.opens, 0);
}

static void test_tls__chooses_http_1_1_by_alpn(void **state)
{
	struct fixture *f = *state;
	struct foreign foreign = {.alpn = "\x02h2\x08http/1.1"};

	make_server(f, NULL, false);
	meet(f, &foreign);
	assert_int_equal(foreign.connected, 1);
	assert_string_equal(foreign.chosen, "http/1.1");
}

static void test_tls__refuses_who_speaks_only_something_else(void **state)
{
	struct fixture *f = *state;
	struct foreign foreign = {.alpn = "\x02h2"};

	make_server(f, NULL, false);
	meet(f, &foreign);
	assert_int_not_equal(foreign.connected, 1);
}

static void test_tls__takes_a_client_with_the_required_certificate(void **state)
{
	struct fixture *f = *state;
	struct foreign foreign = {.has_certificate = true};

	make_server(f, f->certs.ca, true);
	meet(f, &foreign);
	assert_int_equal(f->server.opens, 1);
	assert_true(str_eq(buf_str(&f->server.received), STR("hi")));
}

static void test_tls__refuses_a_client_of_another_ca(void **state)
{
	struct fixture *f = *state;
	struct foreign foreign = {.has_certificate = true};

	make_server(f, f->certs.stranger, true);
	meet(f, &foreign);
	assert_int_equal(f->server.opens, 0);
	assert_int_equal(f->server.why, ERR_IO);
}

static void test_tls__says_which_file_it_cannot_load(void **state)
{
	struct fixture *f = *state;
	struct tls_context *context = NULL;
	struct diag diag;
	struct tls_server_options server = {
		.certificate_file = STR("/nowhere/server.pem"),
		.key_file = str_from_c(f->certs.server_key),
	};
	struct tls_client_options client = {.ca_file = STR("/nowhere/ca.pem"),
					    .name = STR("localhost")};

	assert_int_equal(tls_server_context_new(&server, &diag, &context), ERR_MALFORMED);
	assert_non_null(strstr(diag.text, "certificate from \"/nowhere/server.pem\""));
	server.certificate_file = str_from_c(f->certs.server);
	server.key_file = str_from_c(f->certs.client_key);
	assert_int_equal(tls_server_context_new(&server, &diag, &context), ERR_MALFORMED);
	assert_non_null(strstr(diag.text, "key from"));
	assert_int_equal(tls_client_context_new(&client, &diag, &context), ERR_MALFORMED);
	assert_non_null(strstr(diag.text, "/nowhere/ca.pem"));
	client = (struct tls_client_options){.ca_file = str_from_c(f->certs.ca)};
	assert_int_equal(tls_client_context_new(&client, &diag, &context), ERR_MALFORMED);
	assert_null(context);
}

#define WITH_CERTS(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_CERTS(test_tls__carries_bytes_both_ways),
		WITH_CERTS(test_tls__carries_megabytes_through_back_pressure),
		WITH_CERTS(test_tls__gives_what_waits_inside_after_a_pause),
		WITH_CERTS(test_tls__closes_with_a_notice_on_both_sides),
		WITH_CERTS(test_tls__takes_an_end_without_notice_for_a_failure),
		WITH_CERTS(test_tls__refuses_a_server_with_another_name),
		WITH_CERTS(test_tls__refuses_a_server_of_a_ca_it_does_not_know),
		WITH_CERTS(test_tls__checks_a_literal_address),
		WITH_CERTS(test_tls__refuses_another_literal_address),
		WITH_CERTS(test_tls__refuses_a_client_without_a_required_certificate),
		WITH_CERTS(test_tls__takes_a_client_without_an_optional_certificate),
		WITH_CERTS(test_tls__times_out_a_silent_client),
		WITH_CERTS(test_tls__refuses_what_is_not_tls),
		WITH_CERTS(test_tls__speaks_1_2_with_who_has_no_1_3),
		WITH_CERTS(test_tls__refuses_1_1),
		WITH_CERTS(test_tls__chooses_http_1_1_by_alpn),
		WITH_CERTS(test_tls__refuses_who_speaks_only_something_else),
		WITH_CERTS(test_tls__takes_a_client_with_the_required_certificate),
		WITH_CERTS(test_tls__refuses_a_client_of_another_ca),
		WITH_CERTS(test_tls__says_which_file_it_cannot_load),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
