/* SPDX-License-Identifier: Apache-2.0 */
/* Key rotation against a real HTTP server on the loopback, scripted answer by answer. */
#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateway/identity/jwks_source.h"
#include "tests/unit/gateway/identity/forge.h"

#define ALL ((1U << JWS_ALG_COUNT) - 1)

/* Answers every connection with `answer` (NULL: reads on and says nothing) until stopped. */
struct server {
	pthread_t thread;
	int fd;
	char url[64];
	_Atomic(const char *) answer;
	_Atomic unsigned requests;
};

static void serve_one(struct server *server, int fd)
{
	const char *answer = atomic_load(&server->answer);
	char request[4096];
	size_t len = 0;
	ssize_t got = 1;

	while (got > 0 && memmem(request, len, "\r\n\r\n", 4) == NULL) {
		got = read(fd, request + len, sizeof(request) - len);
		len += got > 0 ? (size_t)got : 0;
	}
	atomic_fetch_add(&server->requests, 1);
	if (answer == NULL)
		while (read(fd, request, sizeof(request)) > 0)
			continue;
	else
		(void)!write(fd, answer, strlen(answer));
}

static void *serve(void *arg)
{
	struct server *server = arg;
	int fd;

	while ((fd = accept(server->fd, NULL, NULL)) >= 0) {
		serve_one(server, fd);
		close(fd);
	}
	return NULL;
}

static void server_start(struct server *server, const char *answer)
{
	struct sockaddr_in addr = {.sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(addr);

	atomic_init(&server->answer, answer);
	atomic_init(&server->requests, 0);
	server->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(server->fd, (struct sockaddr *)&addr, len), 0);
	assert_int_equal(listen(server->fd, 16), 0);
	assert_int_equal(getsockname(server->fd, (struct sockaddr *)&addr, &len), 0);
	(void)snprintf(server->url, sizeof(server->url), "http://127.0.0.1:%u/keys",
		       ntohs(addr.sin_port));
	assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
}

static void server_stop(struct server *server)
{
	assert_int_equal(shutdown(server->fd, SHUT_RDWR), 0);
	assert_int_equal(pthread_join(server->thread, NULL), 0);
	close(server->fd);
}

struct world {
	struct loop *loop;
	struct queue_pool *pool;
	char *read_buffer;
	struct log_sink *sink;
	struct log log;
	struct conn_env env;
	struct loop_timer timer;
	struct server server;
	unsigned calls; /* of on_keys */
	bool has_keys;	/* at the last one */
	size_t issuer;
	char kid[JWS_KID + 1]; /* wanted at the last one */
	bool has_kid;
};

static void on_keys(void *arg, size_t issuer, struct jwks *keys)
{
	struct world *world = arg;

	world->calls++;
	world->issuer = issuer;
	world->has_keys = keys != NULL;
	world->has_kid = keys != NULL && jwks_find(keys, str_from_c(world->kid)) != NULL;
	loop_stop(world->loop);
}

static void on_time(void *arg)
{
	loop_stop(arg);
}

/* Until on_keys was called or the time is over. */
static void run_for(struct world *world, int64_t ms)
{
	loop_timer_start(world->loop, &world->timer, ms, on_time, world->loop);
	loop_run(world->loop);
	loop_timer_stop(&world->timer);
}

static int set_up(void **state)
{
	struct world *world = base_alloc(sizeof(*world));

	world->loop = loop_new();
	world->pool = queue_pool_new(4);
	world->read_buffer = base_alloc(CONN_READ_BYTES);
	world->sink = log_sink_new(STDERR_FILENO);
	log_init(&world->log, NULL, NULL);
	log_set_sink(&world->log, world->sink);
	world->env = (struct conn_env){world->loop, world->pool, world->read_buffer, &world->log};
	*state = world;
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	run_for(world, 5); /* what was cancelled frees itself at the end of a turn */
	loop_free(world->loop);
	queue_pool_free(world->pool);
	free(world->read_buffer);
	log_sink_free(world->sink);
	free(world);
	return 0;
}

/* A 200 with a set of one fresh key. */
static char *answer_of(const char *kid)
{
	struct forge *forge = forge_new(JWS_ES256, kid);
	char *body = forge_text("{\"keys\":[%s]}", forge_jwk(forge));
	char *answer =
		forge_text("HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s", strlen(body), body);

	free(body);
	forge_free(forge);
	return answer;
}

static struct jwks_source *source_new(struct world *world, int64_t refresh_ms, int64_t interval_ms,
				      int64_t stale_ms)
{
	const struct jwks_source_options options = {
		.issuer = 7,
		.url = str_from_c(world->server.url),
		.allow_plain = true,
		.algorithms = ALL,
		.refresh_ms = refresh_ms,
		.min_interval_ms = interval_ms,
		.max_stale_ms = stale_ms,
	};
	struct jwks_source *source;

	assert_int_equal(
		jwks_source_new(&world->env, &world->log, &options, NULL, on_keys, world, &source),
		OK);
	return source;
}

static void test_jwks_source__follows_a_rotation(void **state)
{
	struct world *world = *state;
	char *first = answer_of("first");
	char *second = answer_of("second");
	struct jwks_source *source;

	server_start(&world->server, first);
	memcpy(world->kid, "first", sizeof("first"));
	source = source_new(world, 20, 10, 0);
	run_for(world, 5000);
	assert_int_equal(world->calls, 1);
	assert_true(world->has_kid);
	assert_int_equal(world->issuer, 7);
	/* The same document again and again is no news. */
	run_for(world, 150);
	assert_int_equal(world->calls, 1);
	assert_true(atomic_load(&world->server.requests) > 2);
	memcpy(world->kid, "second", sizeof("second"));
	atomic_store(&world->server.answer, second);
	run_for(world, 5000);
	assert_int_equal(world->calls, 2);
	assert_true(world->has_kid);
	assert_int_equal(jwks_source_read_stat(source).failures, 0);
	jwks_source_free(source);
	server_stop(&world->server);
	free(first);
	free(second);
}

static void test_jwks_source__fetches_once_for_a_flood_of_unknown_kids(void **state)
{
	struct world *world = *state;
	char *first = answer_of("first");
	struct jwks_source *source;

	server_start(&world->server, first);
	source = source_new(world, 3600000, 100, 0);
	run_for(world, 5000);
	assert_int_equal(atomic_load(&world->server.requests), 1);
	for (unsigned turn = 0; turn < 10; turn++) {
		for (unsigned i = 0; i < 100; i++)
			jwks_source_want(source);
		run_for(world, 30);
	}
	/* 300 ms with 100 ms between: 3, and 4 when the machine is slow. */
	assert_in_range(atomic_load(&world->server.requests), 2, 5);
	assert_int_equal(world->calls, 1);
	jwks_source_free(source);
	server_stop(&world->server);
	free(first);
}

static void test_jwks_source__keeps_the_old_set_through_bad_answers(void **state)
{
	static const char *const answers[] = {
		"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
		"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\ncut",
		"no HTTP",
	};
	struct world *world = *state;
	char *first = answer_of("first");

	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		struct jwks_source *source;

		printf("# answer %zu\n", i);
		world->calls = 0;
		server_start(&world->server, first);
		source = source_new(world, 10, 10, 0);
		run_for(world, 5000);
		assert_int_equal(world->calls, 1);
		atomic_store(&world->server.answer, answers[i]);
		run_for(world, 100);
		assert_int_equal(world->calls, 1);
		/* And it has backed off: a second between tries, unknown kids or not. */
		jwks_source_want(source);
		run_for(world, 50);
		assert_int_equal(jwks_source_read_stat(source).failures, 1);
		jwks_source_free(source);
		server_stop(&world->server);
	}
	free(first);
}

static void test_jwks_source__withdraws_what_became_too_old(void **state)
{
	struct world *world = *state;
	char *first = answer_of("first");
	struct jwks_source *source;

	server_start(&world->server, first);
	source = source_new(world, 60, 10, 50);
	run_for(world, 5000);
	assert_true(world->has_keys);
	atomic_store(&world->server.answer, "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n");
	run_for(world, 5000);
	assert_int_equal(world->calls, 2);
	assert_false(world->has_keys);
	/* It comes back with the next good answer, the same document or not. */
	atomic_store(&world->server.answer, first);
	run_for(world, 5000);
	assert_int_equal(world->calls, 3);
	assert_true(world->has_keys);
	jwks_source_free(source);
	server_stop(&world->server);
	free(first);
}

static void test_jwks_source__can_be_freed_in_the_middle_of_a_fetch(void **state)
{
	struct world *world = *state;
	struct jwks_source *source;

	server_start(&world->server, NULL);
	source = source_new(world, 10, 10, 0);
	run_for(world, 50);
	assert_int_equal(world->calls, 0);
	jwks_source_free(source);
	run_for(world, 5);
	server_stop(&world->server);
}

static void test_jwks_source__reads_a_file_again(void **state)
{
	struct world *world = *state;
	char path[] = "/tmp/tollgate-test-source-XXXXXX";
	int fd = mkstemp(path);
	struct forge *forge = forge_new(JWS_ES256, "k");
	char *text = forge_text("{\"keys\":[%s]}", forge_jwk(forge));
	const struct jwks_source_options options = {
		.file = str_from_c(path), .algorithms = ALL, .refresh_ms = 10};
	struct jwks_source *source;

	/* An empty file is no key set: a failure, tried again after a second. */
	assert_int_equal(
		jwks_source_new(&world->env, &world->log, &options, NULL, on_keys, world, &source),
		OK);
	assert_int_equal(world->calls, 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	run_for(world, 5000);
	assert_int_equal(world->calls, 1);
	assert_true(world->has_keys);
	assert_int_equal(unlink(path), 0);
	run_for(world, 50);
	assert_int_equal(world->calls, 1);
	assert_int_equal(jwks_source_read_stat(source).failures, 2);
	jwks_source_free(source);
	free(text);
	forge_free(forge);
}

static void test_jwks_source__wants_exactly_one_place(void **state)
{
	struct world *world = *state;
	const struct jwks_source_options neither = {.algorithms = ALL};
	const struct jwks_source_options both = {
		.file = STR("a"), .url = STR("https://b"), .algorithms = ALL};
	struct jwks_source *source = NULL;

	assert_int_equal(
		jwks_source_new(&world->env, &world->log, &neither, NULL, on_keys, world, &source),
		ERR_MALFORMED);
	assert_int_equal(
		jwks_source_new(&world->env, &world->log, &both, NULL, on_keys, world, &source),
		ERR_MALFORMED);
	assert_null(source);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_jwks_source__follows_a_rotation),
		CASE(test_jwks_source__fetches_once_for_a_flood_of_unknown_kids),
		CASE(test_jwks_source__keeps_the_old_set_through_bad_answers),
		CASE(test_jwks_source__withdraws_what_became_too_old),
		CASE(test_jwks_source__can_be_freed_in_the_middle_of_a_fetch),
		CASE(test_jwks_source__reads_a_file_again),
		CASE(test_jwks_source__wants_exactly_one_place),
	};

	return cmocka_run_group_tests_name("jwks_source", tests, NULL, NULL);
}
