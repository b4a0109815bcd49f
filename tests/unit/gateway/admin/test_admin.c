/* SPDX-License-Identifier: Apache-2.0 */
/* The operators' listener over loopback: plain sockets ask, the loop of the test answers. */
#include "gateway/admin/admin.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/gateway/net/side.h"

struct fixture {
	struct rig rig;
	struct admin *admin;
	struct sockaddr_in address;
	bool is_ready, is_bad, is_full;
	struct snapshot *snap;
	unsigned reloads;
};

/* A connection of an operator, and what came on it. */
struct visitor {
	int fd;
	struct buf got;
	const char *awaited; /* NULL: the end */
	bool has_ended;
};

static bool is_ready(void *arg)
{
	return ((struct fixture *)arg)->is_ready;
}

static enum err write_metrics(void *arg, struct buf *out)
{
	return ((struct fixture *)arg)->is_full ? ERR_LIMIT : buf_append(out, STR("a 1\n"));
}

static enum err reload(void *arg, struct diags *all)
{
	struct fixture *f = arg;
	struct diag diag = {0};

	f->reloads++;
	if (!f->is_bad)
		return OK;
	(void)diag_set(&diag, ERR_MALFORMED, "tollgate.yaml", 7, 3, "no such option");
	(void)diags_add(all, ERR_MALFORMED, &diag);
	(void)diag_set(&diag, ERR_MALFORMED, "p.cedar", 1, 2, "no such thing");
	return diags_add(all, ERR_MALFORMED, &diag);
}

static const struct snapshot *snapshot(void *arg)
{
	return ((struct fixture *)arg)->snap;
}

static const struct admin_ops ops = {is_ready, write_metrics, snapshot, reload};

static void start(struct fixture *f)
{
	socklen_t len = sizeof(f->address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	*f = (struct fixture){.is_ready = true};
	rig_init(&f->rig);
	f->address.sin_family = AF_INET;
	f->address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&f->address, len), 0);
	assert_int_equal(listen(fd, 128), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&f->address, &len), 0);
	f->admin = admin_new(&f->rig.env, fd, &ops, f);
}

static void end(struct fixture *f)
{
	admin_free(f->admin);
	rig_idle(&f->rig, 3);
	rig_fini(&f->rig);
}

static void connect_to(struct fixture *f, struct visitor *op)
{
	*op = (struct visitor){.fd = socket(AF_INET, SOCK_STREAM, 0)};
	buf_init(&op->got, 8 << 20);
	assert_int_equal(connect(op->fd, (struct sockaddr *)&f->address, sizeof(f->address)), 0);
}

static void leave(struct visitor *op)
{
	close(op->fd);
	buf_fini(&op->got);
}

static bool has_come(void *arg)
{
	struct visitor *op = arg;
	char piece[4096];
	ssize_t len = recv(op->fd, piece, sizeof(piece), MSG_DONTWAIT);

	if (len > 0)
		assert_int_equal(buf_append(&op->got, str_make(piece, (size_t)len)), OK);
	op->has_ended = op->has_ended || len == 0;
	return op->awaited == NULL
		       ? op->has_ended
		       : op->got.len > 0 && memmem(op->got.ptr, op->got.len, op->awaited,
						   strlen(op->awaited)) != NULL;
}

/* Sends, and waits for the text. */
static void expect(struct fixture *f, struct visitor *op, const char *sent, const char *awaited)
{
	buf_reset(&op->got);
	assert_int_equal(send(op->fd, sent, strlen(sent), MSG_NOSIGNAL), strlen(sent));
	op->awaited = awaited;
	assert_true(rig_run(&f->rig, has_come, op));
}

static const struct {
	const char *line;
	const char *status;
	const char *body;
} rows[] = {
	{"GET /healthz", "200", "ok\n"},
	{"GET /readyz", "200", "ready\n"},
	{"GET /metrics", "200", "a 1\n"},
	{"POST /admin/reload", "200", "reloaded\n"},
	{"GET /admin/reload", "405", NULL},
	{"POST /metrics", "405", NULL},
	{"HEAD /healthz", "405", NULL},
	{"GET /", "404", NULL},
	{"GET /metrics/", "404", NULL},
	{"GET /Metrics", "404", NULL},
	{"GET /v1/models", "404", NULL},
	{"GET /metrics?x=1", "200", "a 1\n"},
	{"GET /access/v1/evaluation", "405", NULL},
	{"POST /access/v1/evaluations", "415", "\"the content-type must be application/json\""},
};

static void test_admin__answers_its_routes_and_no_others(void **state)
{
	struct visitor op;
	struct fixture f;

	(void)state;
	start(&f);
	connect_to(&f, &op);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char request[256], status[64];

		print_message("# %s\n", rows[i].line);
		snprintf(request, sizeof(request),
			 "%s HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n", rows[i].line);
		snprintf(status, sizeof(status), "HTTP/1.1 %s ", rows[i].status);
		expect(&f, &op, request, rows[i].body != NULL ? rows[i].body : "\r\n\r\n");
		assert_memory_equal(op.got.ptr, status, strlen(status));
	}
	assert_int_equal(f.reloads, 1);
	leave(&op);
	end(&f);
}

static void test_admin__says_when_it_is_not_ready(void **state)
{
	struct visitor op;
	struct fixture f;

	(void)state;
	start(&f);
	connect_to(&f, &op);
	f.is_ready = false;
	expect(&f, &op, "GET /readyz HTTP/1.1\r\nhost: a\r\n\r\n", "not ready\n");
	assert_memory_equal(op.got.ptr, "HTTP/1.1 503", 12);
	expect(&f, &op, "GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n", "ok\n");
	leave(&op);
	end(&f);
}

static void test_admin__says_why_a_reload_was_refused(void **state)
{
	struct visitor op;
	struct fixture f;

	(void)state;
	start(&f);
	connect_to(&f, &op);
	f.is_bad = true;
	expect(&f, &op, "POST /admin/reload HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n{}",
	       "tollgate.yaml:7:3: no such option\np.cedar:1:2: no such thing\n");
	assert_memory_equal(op.got.ptr, "HTTP/1.1 422", 12);
	leave(&op);
	end(&f);
}

static void test_admin__answers_500_when_metrics_do_not_fit(void **state)
{
	struct visitor op;
	struct fixture f;

	(void)state;
	start(&f);
	connect_to(&f, &op);
	f.is_full = true;
	expect(&f, &op, "GET /metrics HTTP/1.1\r\nhost: a\r\n\r\n", "\r\n\r\n");
	assert_memory_equal(op.got.ptr, "HTTP/1.1 500", 12);
	leave(&op);
	end(&f);
}

static void test_admin__refuses_what_is_no_request_or_too_large(void **state)
{
	static const char *const bad[] = {
		"nonsense\r\n\r\n",
		"GET /healthz HTTP/1.1\r\n\r\n",
		"POST /admin/reload HTTP/1.1\r\nhost: a\r\ncontent-length: 262145\r\n\r\n",
	};
	struct fixture f;

	(void)state;
	start(&f);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct visitor op;

		connect_to(&f, &op);
		expect(&f, &op, bad[i], "HTTP/1.1 4");
		op.awaited = NULL;
		assert_true(rig_run(&f.rig, has_come, &op));
		leave(&op);
	}
	assert_int_equal(f.reloads, 0);
	end(&f);
}

/* One over the cap is closed at once; a place that is free again is taken. */
static void test_admin__bounds_its_connections(void **state)
{
	struct visitor ops_there[64], over;
	struct fixture f;

	(void)state;
	start(&f);
	for (size_t i = 0; i < ARRAY_LEN(ops_there); i++) {
		connect_to(&f, &ops_there[i]);
		expect(&f, &ops_there[i], "GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n", "ok\n");
	}
	connect_to(&f, &over);
	assert_true(rig_run(&f.rig, has_come, &over));
	assert_int_equal(over.got.len, 0);
	leave(&over);
	leave(&ops_there[0]);
	rig_idle(&f.rig, 5);
	connect_to(&f, &ops_there[0]);
	expect(&f, &ops_there[0], "GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n", "ok\n");
	for (size_t i = 0; i < ARRAY_LEN(ops_there); i++)
		leave(&ops_there[i]);
	end(&f);
}

/* Whatever its clients are doing, it goes. */
static void test_admin__ends_with_clients_on_it(void **state)
{
	struct visitor idle, half;
	struct fixture f;

	(void)state;
	start(&f);
	connect_to(&f, &idle);
	expect(&f, &idle, "GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n", "ok\n");
	connect_to(&f, &half);
	expect(&f, &half,
	       "GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n"
	       "POST /admin/reload HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nab",
	       "ok\n");
	rig_idle(&f.rig, 3);
	admin_free(f.admin);
	f.admin = NULL;
	half.awaited = idle.awaited = NULL;
	assert_true(rig_run(&f.rig, has_come, &idle));
	rig_idle(&f.rig, 3);
	assert_int_equal(f.reloads, 0);
	leave(&idle);
	leave(&half);
	end(&f);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_admin__answers_its_routes_and_no_others),
		cmocka_unit_test(test_admin__says_when_it_is_not_ready),
		cmocka_unit_test(test_admin__says_why_a_reload_was_refused),
		cmocka_unit_test(test_admin__answers_500_when_metrics_do_not_fit),
		cmocka_unit_test(test_admin__refuses_what_is_no_request_or_too_large),
		cmocka_unit_test(test_admin__bounds_its_connections),
		cmocka_unit_test(test_admin__ends_with_clients_on_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
