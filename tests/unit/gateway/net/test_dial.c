/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/net/dial.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateway/net/listener.h"
#include "side.h"

struct fixture {
	struct rig rig;
	struct side side;
	int listening;
	uint16_t port;
};

static int set_up(void **state)
{
	struct fixture *f = base_alloc(sizeof(*f));

	rig_init(&f->rig);
	side_init(&f->side, &f->rig);
	assert_int_equal(listener_bind(STR("127.0.0.1:0"), NULL, &f->listening), OK);
	f->port = listener_port(f->listening);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	side_fini(&f->side);
	rig_fini(&f->rig);
	if (f->listening >= 0)
		close(f->listening);
	free(f);
	return 0;
}

static struct dial_address resolve(struct str host, uint16_t port)
{
	struct dial_address addresses[DIAL_ADDRESSES];
	size_t count = 0;

	assert_int_equal(dial_resolve(host, port, NULL, addresses, &count), OK);
	assert_true(count > 0);
	return addresses[0];
}

static void dial(struct fixture *f, const struct dial_address *address,
		 const struct conn_options *options)
{
	f->side.in_call = true;
	f->side.conn = dial_conn(&f->rig.env, address, NULL, options, &side_events, &f->side);
	f->side.in_call = false;
	assert_non_null(f->side.conn);
}

static void test_dial__opens_and_sends_what_waited(void **state)
{
	struct fixture *f = *state;
	struct dial_address address = resolve(STR("127.0.0.1"), f->port);
	char got[8] = "";
	int accepted;

	dial(f, &address, &side_options);
	assert_non_null(strstr(conn_log(f->side.conn)->id, "127.0.0.1:"));
	assert_int_equal(side_write(&f->side, STR("early")), OK);
	assert_true(rig_run(&f->rig, side_has_drained, &f->side));
	assert_int_equal(f->side.opens, 1);
	accepted = accept(f->listening, NULL, NULL);
	assert_int_equal(recv(accepted, got, sizeof(got), 0), 5);
	assert_string_equal(got, "early");
	close(accepted);
}

static void test_dial__fails_later_when_nobody_listens(void **state)
{
	struct fixture *f = *state;
	struct dial_address address = resolve(STR("127.0.0.1"), f->port);

	close(f->listening);
	f->listening = -1;
	dial(f, &address, &side_options);
	assert_int_equal(f->side.closes, 0);
	assert_true(rig_run(&f->rig, side_is_closed, &f->side));
	assert_int_equal(f->side.opens, 0);
	assert_int_equal(f->side.why, ERR_IO);
}

static void test_dial__fails_later_without_a_descriptor(void **state)
{
	struct fixture *f = *state;
	struct dial_address address = resolve(STR("127.0.0.1"), f->port);
	struct rlimit old, none;

	getrlimit(RLIMIT_NOFILE, &old);
	none = old;
	none.rlim_cur = 3;
	setrlimit(RLIMIT_NOFILE, &none);
	dial(f, &address, &side_options);
	setrlimit(RLIMIT_NOFILE, &old);
	assert_true(rig_run(&f->rig, side_is_closed, &f->side));
	assert_int_equal(f->side.why, ERR_IO);
}

/* A backlog that is full leaves the connect in the air. */
static void test_dial__times_out_when_nothing_answers(void **state)
{
	struct fixture *f = *state;
	struct dial_address address = resolve(STR("127.0.0.1"), f->port);
	struct conn_options options = side_options;
	int fillers[4];

	options.handshake_ms = 20;
	assert_int_equal(listen(f->listening, 0), 0);
	for (size_t i = 0; i < ARRAY_LEN(fillers); i++) {
		fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		connect(fillers[i], (struct sockaddr *)&address.addr, address.len);
	}
	dial(f, &address, &options);
	assert_true(rig_run(&f->rig, side_is_closed, &f->side));
	assert_int_equal(f->side.why, ERR_TIMEOUT);
	for (size_t i = 0; i < ARRAY_LEN(fillers); i++)
		close(fillers[i]);
}

static void test_dial__never_lingers(void **state)
{
	struct fixture *f = *state;
	struct dial_address address = resolve(STR("127.0.0.1"), f->port);
	struct conn_options options = side_options;

	options.linger_ms = 60000;
	dial(f, &address, &options);
	assert_true(rig_run(&f->rig, side_is_open, &f->side));
	conn_close(f->side.conn);
	assert_true(rig_run(&f->rig, side_is_closed, &f->side));
	assert_int_equal(f->side.why, OK);
	assert_true(f->rig.polls < 1000);
}

static void test_dial__resolves_names_and_literals(void **state)
{
	struct dial_address address = resolve(STR("localhost"), 80);

	(void)state;
	assert_true(address.addr.ss_family == AF_INET || address.addr.ss_family == AF_INET6);
	address = resolve(STR("::1"), 443);
	assert_int_equal(address.addr.ss_family, AF_INET6);
	assert_int_equal(((struct sockaddr_in6 *)&address.addr)->sin6_port, htons(443));
}

static void test_dial__says_which_name_it_cannot_resolve(void **state)
{
	struct dial_address addresses[DIAL_ADDRESSES];
	size_t count = 77;
	struct diag diag;
	char longer[300];

	(void)state;
	memset(longer, 'a', sizeof(longer));
	assert_int_equal(dial_resolve(STR("999.1.2.3"), 80, &diag, addresses, &count),
			 ERR_NOT_FOUND);
	assert_non_null(strstr(diag.text, "999.1.2.3"));
	assert_int_equal(dial_resolve(STR(""), 80, &diag, addresses, &count), ERR_MALFORMED);
	assert_int_equal(dial_resolve(STR("a\0b"), 80, &diag, addresses, &count), ERR_MALFORMED);
	assert_int_equal(
		dial_resolve(str_make(longer, sizeof(longer)), 80, &diag, addresses, &count),
		ERR_MALFORMED);
	assert_int_equal(count, 77);
}

#define WITH_RIG(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_RIG(test_dial__opens_and_sends_what_waited),
		WITH_RIG(test_dial__fails_later_when_nobody_listens),
		WITH_RIG(test_dial__fails_later_without_a_descriptor),
		WITH_RIG(test_dial__times_out_when_nothing_answers),
		WITH_RIG(test_dial__never_lingers),
		WITH_RIG(test_dial__resolves_names_and_literals),
		WITH_RIG(test_dial__says_which_name_it_cannot_resolve),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
