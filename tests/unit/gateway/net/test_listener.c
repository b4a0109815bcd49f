/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/net/listener.h"

#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "side.h"

#define FDS_MAX 64

struct fixture {
	struct rig rig;
	struct listener *listener;
	uint16_t port;
	int fds[FDS_MAX];
	size_t count, wanted;
	bool frees_itself;
};

static void on_accept(void *arg, int fd, const struct sockaddr_storage *remote)
{
	struct fixture *f = arg;

	assert_int_equal(remote->ss_family, AF_INET);
	assert_true(f->count < FDS_MAX);
	f->fds[f->count++] = fd;
	if (f->frees_itself) {
		listener_free(f->listener);
		f->listener = NULL;
	}
}

static int set_up(void **state)
{
	struct fixture *f = base_alloc(sizeof(*f));
	int fd = -1;

	rig_init(&f->rig);
	assert_int_equal(listener_bind(STR("127.0.0.1:0"), NULL, &fd), OK);
	f->port = listener_port(fd);
	assert_true(f->port != 0);
	f->listener = listener_new(f->rig.loop, fd, on_accept, f);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	listener_free(f->listener);
	rig_fini(&f->rig);
	for (size_t i = 0; i < f->count; i++)
		close(f->fds[i]);
	free(f);
	return 0;
}

static int dial(const struct fixture *f)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(f->port)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static bool has_accepted(void *arg)
{
	struct fixture *f = arg;

	return f->count >= f->wanted;
}

static void test_listener__hands_out_every_connection(void **state)
{
	struct fixture *f = *state;
	int dialled[40];

	for (size_t i = 0; i < ARRAY_LEN(dialled); i++)
		dialled[i] = dial(f);
	f->wanted = ARRAY_LEN(dialled);
	assert_true(rig_run(&f->rig, has_accepted, f));
	for (size_t i = 0; i < ARRAY_LEN(dialled); i++)
		close(dialled[i]);
}

static void test_listener__shares_its_port_with_another_worker(void **state)
{
	struct fixture *f = *state;
	char address[32];
	int fd = -1;

	snprintf(address, sizeof(address), "127.0.0.1:%u", (unsigned)f->port);
	assert_int_equal(listener_bind(str_from_c(address), NULL, &fd), OK);
	assert_int_equal(listener_port(fd), f->port);
	close(fd);
}

static void test_listener__says_why_it_cannot_bind(void **state)
{
	struct diag diag;
	int fd = -1;

	(void)state;
	assert_int_equal(listener_bind(STR("localhost"), &diag, &fd), ERR_MALFORMED);
	assert_non_null(strstr(diag.text, "localhost"));
	assert_int_equal(listener_bind(STR("203.0.113.1:80"), &diag, &fd), ERR_IO);
	assert_non_null(strstr(diag.text, "cannot bind 203.0.113.1:80"));
	assert_int_equal(fd, -1);
}

static void test_listener__may_be_freed_by_what_it_calls(void **state)
{
	struct fixture *f = *state;
	int one = dial(f), other = dial(f);

	f->frees_itself = true;
	f->wanted = 1;
	assert_true(rig_run(&f->rig, has_accepted, f));
	rig_idle(&f->rig, 3);
	assert_int_equal(f->count, 1);
	close(one);
	close(other);
}

static int64_t cpu_ns(void)
{
	struct timespec used;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
	return used.tv_sec * 1000000000LL + used.tv_nsec;
}

/* Out of descriptors it waits instead of spinning, and goes on when there are some again. */
static void test_listener__pauses_when_descriptors_run_out(void **state)
{
	struct fixture *f = *state;
	struct rlimit old, none;
	int dialled = dial(f);
	int64_t before_ns;

	getrlimit(RLIMIT_NOFILE, &old);
	none = old;
	none.rlim_cur = (rlim_t)dialled + 1;
	setrlimit(RLIMIT_NOFILE, &none);
	before_ns = cpu_ns();
	rig_idle(&f->rig, 50);
	setrlimit(RLIMIT_NOFILE, &old);
	assert_int_equal(f->count, 0);
	assert_true(cpu_ns() - before_ns < 40000000);
	f->wanted = 1;
	assert_true(rig_run(&f->rig, has_accepted, f));
	close(dialled);
}

#define WITH_RIG(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_RIG(test_listener__hands_out_every_connection),
		WITH_RIG(test_listener__shares_its_port_with_another_worker),
		WITH_RIG(test_listener__says_why_it_cannot_bind),
		WITH_RIG(test_listener__may_be_freed_by_what_it_calls),
		WITH_RIG(test_listener__pauses_when_descriptors_run_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
