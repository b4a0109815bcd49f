/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/net/conn.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "side.h"

struct fixture {
	struct rig rig;
	struct side side;
	int far; /* blocking unless a test says MSG_DONTWAIT */
};

static void open_with(struct fixture *f, const struct conn_options *options)
{
	int fds[2];

	tcp_pair(fds);
	f->far = fds[1];
	f->side.in_call = true;
	f->side.conn = conn_new(&f->rig.env, fds[0], NULL, options, &side_events, &f->side);
	f->side.in_call = false;
	assert_true(rig_run(&f->rig, side_is_open, &f->side));
}

static int set_up(void **state)
{
	struct fixture *f = base_alloc(sizeof(*f));

	rig_init(&f->rig);
	side_init(&f->side, &f->rig);
	f->far = -1;
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	side_fini(&f->side);
	rig_fini(&f->rig);
	if (f->far >= 0)
		close(f->far);
	free(f);
	return 0;
}

static void far_send(struct fixture *f, const char *text)
{
	assert_int_equal(send(f->far, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

static void test_conn__opens_and_knows_its_remote(void **state)
{
	struct fixture *f = *state;

	open_with(f, &side_options);
	assert_int_equal(f->side.opens, 1);
	assert_true(str_eq(conn_remote_text(f->side.conn), STR("127.0.0.1")));
	assert_int_equal(conn_remote(f->side.conn)->sa_family, AF_INET);
	assert_false(conn_is_tls(f->side.conn));
	assert_non_null(strstr(conn_log(f->side.conn)->id, "127.0.0.1:"));
}

static void test_conn__gives_what_was_read_and_sends_what_was_written(void **state)
{
	struct fixture *f = *state;
	struct iovec views[3] = {{(char[]){"one "}, 4}, {NULL, 0}, {(char[]){"two"}, 3}};
	char got[16] = "";

	open_with(f, &side_options);
	far_send(f, "hello");
	assert_true(rig_run(&f->rig, side_has_read, &f->side));
	assert_true(str_eq(buf_str(&f->side.received), STR("hello")));
	assert_int_equal(conn_write(f->side.conn, views, 3), OK);
	assert_int_equal(conn_queued(f->side.conn), 0);
	assert_int_equal(recv(f->far, got, sizeof(got), 0), 7);
	assert_string_equal(got, "one two");
	assert_int_equal(conn_bytes_in(f->side.conn), 5);
	assert_int_equal(conn_bytes_out(f->side.conn), 7);
	assert_int_equal(f->side.drains, 0);
}

/* The rig stands still meanwhile, so all three are written in one turn. */
static void test_conn__sends_the_first_piece_of_a_turn_at_once_and_the_others_together(void **state)
{
	struct fixture *f = *state;
	char got[32] = "";

	open_with(f, &side_options);
	assert_int_equal(side_write(&f->side, STR("first ")), OK);
	assert_int_equal(conn_queued(f->side.conn), 0);
	assert_int_equal(side_write(&f->side, STR("second ")), OK);
	assert_int_equal(side_write(&f->side, STR("third")), OK);
	assert_int_equal(conn_queued(f->side.conn), 12);
	assert_int_equal(recv(f->far, got, sizeof(got), 0), 6);
	assert_true(rig_run(&f->rig, side_has_drained, &f->side));
	assert_int_equal(recv(f->far, got, sizeof(got), 0), 12);
	assert_memory_equal(got, "second third", 12);
}

static void test_conn__tells_the_end_and_can_still_answer(void **state)
{
	struct fixture *f = *state;
	char got[8] = "";

	open_with(f, &side_options);
	far_send(f, "last");
	shutdown(f->far, SHUT_WR);
	assert_true(rig_run(&f->rig, side_has_eof, &f->side));
	assert_true(str_eq(buf_str(&f->side.received), STR("last")));
	rig_idle(&f->rig, 3);
	assert_int_equal(f->side.eofs, 1);
	assert_int_equal(side_write(&f->side, STR("answer")), OK);
	assert_int_equal(recv(f->far, got, sizeof(got), 0), 6);
	conn_close(f->side.conn);
	assert_int_equal(f->side.closes, 0);
	assert_true(rig_run(&f->rig, side_is_closed, &f->side));
	assert_int_equal(f->side.why, OK);
}

static void test_conn__queues_what_the_kernel_does_not_take_and_says_when_it_is_gone(void **state)
{
	struct fixture *f = *state;
	struct conn_options options = side_options;
	size_t size = 16 << 20, got = 0;
	char *bytes = base_alloc(size);
	char *back = base_alloc(size);

	options.max_queued_bytes = size;
	open_with(f, &options);
	for (size_t i = 0; i < size; i++)
		bytes[i] = (char)(i * 31 % 251);
	assert_int_equal(side_write(&f->side, str_make(bytes, size)), OK);
	assert_true(conn_queued(f->side.conn) > 0);
	while (got < size) {
		ssize_t part = recv(f->far, back + got, size - got, MSG_DONTWAIT);

		if (part < 0)
			rig_idle(&f->rig, 1);
		else
			got += (size_t)part;
	}
	assert_true(rig_run(&f->rig, side_has_drained, &f->side));
	assert_int_equal(f->side.drains, 1);
	assert_memory_equal(bytes, back, size);
	assert_int_equal(conn_bytes_out(f->side.conn), size);
	free(bytes);
	free(back);
}

static void test_conn__refuses_what_its_queue_cannot_hold(void **state)
{
	struct fixture *f = *state;
	struct conn_options options = side_options;
	size_t size = 8 << 20;
	char *bytes = base_alloc(size);

	options.max_queued_bytes = size;
	open_with(f, &options);
	assert_int_equal(side_write(&f->side, str_make(bytes, size)), OK);
	assert_int_equal(side_write(&f->side, str_make(bytes, size)), ERR_LIMIT);
	/* The conn lives on with what it has. */
	assert_int_equal(side_write(&f->side, STR("x")), OK);
	assert_int_equal(f->side.closes, 0);
	free(bytes);
}

static void test_conn__reads_nothing_while_any_pause_reason_stands(void **state)
{
	struct fixture *f = *state;

	open_with(f, &side_options);
	conn_pause(f->side.conn, CONN_DECIDING);
	conn_pause(f->side.conn, CONN_QUEUE_FULL);
	far_send(f, "later");
	rig_idle(&f->rig, 3);
	assert_int_equal(f->side.reads, 0);
	conn_resume(f->side.conn, CONN_DECIDING);
	assert_true(conn_is_paused(f->side.conn));
	rig_idle(&f->rig, 3);
	assert_int_equal(f->side.reads, 0);
	f->side.in_call = true;
	conn_resume(f->side.conn, CONN_QUEUE_FULL);
	f->side.in_call = false;
	assert_true(rig_run(&f->rig, side_has_read, &f->side));
	assert_true(str_eq(buf_str(&f->side.received), STR("later")));
}

static void test_conn__stops_after_the_read_that_paused_it(void **state)
{
	struct fixture *f = *state;

	open_with(f, &side_options);
	f->side.pauses_on_read = true;
	far_send(f, "one");
	assert_true(rig_run(&f->rig, side_has_read, &f->side));
	far_send(f, "two");
	rig_idle(&f->rig, 3);
	assert_int_equal(f->side.reads, 1);
}

static void test_conn__notices_while_paused_that_the_other_side_is_gone(void **state)
{
	struct fixture *f = *state;

	open_with(f, &side_options);
	conn_pause(f->side.conn, CONN_DECIDING);
	shutdown(f->far, SHUT_WR);
	assert_true(rig_run(&f->rig, side_has_eof, &f->side));
	assert_int_equal(f->side.reads, 0);
}

static void test_conn__dies_by_a_reset(void **state)
{
	struct fixture *f = *state;
	struct linger now = {.l_onoff = 1, .l_linger = 0};

	open_with(f, &side_options);
	setsockopt(f->far, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(f->far);
	f->far = -1;
	assert_true(rig_run(&f->rig, side_is_closed, &f->side));
	assert_int_equal(f->side.why, ERR_IO);
	assert_int_equal(f->side.eofs, 0);
}

/* The write that meets the reset fails; on_close follows, and never from inside. */
static void test_conn__fails_a_write_after_the_other_side_reset(void **state)
{
	struct fixture *f = *state;
	struct linger now = {.l_onoff = 1, .l_linger = 0};

	open_with(f, &side_options);
	setsockopt(f->far, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(f->far);
	f->far = -1;
	assert_int_equal(side_write(&f->side, STR("x")), ERR_IO);
	assert_int_equal(side_write(&f->side, STR("x")), ERR_IO);
	assert_int_equal(f->side.closes, 0);
	assert_true(rig_run(&f->rig, side_is_closed, &f->side));
	assert_int_equal(f->side.why, ERR_IO);
}

static void test_conn__flushes_before_it_closes(void **state)
{
	struct fixture *f = *state;
	struct conn_options options = side_options;
	size_t size = 8 << 20, got = 0;
	char *bytes = base_alloc(size);
	ssize_t part = 1;

	options.max_queued_bytes = size;
	open_with(f, &options);
	assert_int_equal(side_write(&f->side, str_make(bytes, size)), OK);
	assert_true(conn_queued(f->side.conn) > 0);
	conn_close(f->side.conn);
	conn_close(f->side.conn);
	assert_int_equal(side_write(&f->side, STR("late")), ERR_IO);
	while (part != 0) {
		part = recv(f->far, bytes, size, MSG_DONTWAIT);
		got += part > 0 ? (size_t)part : 0;
		if (part < 0)
			rig_idle(&f->rig, 1);
	}
	assert_int_equal(got, size);
	close(f->far);
	f->far = -1;
	assert_true(rig_run(&f->rig, side_is_closed, &f->side));
	assert_int_equal(f->side.why, OK);
	assert_int_equal(f->side.drains, 0);
	free(bytes);
}

/* The request is not read to its end, yet its sender gets the whole answer and no reset. */
static void test_conn__lingers_so_that_no_reset_eats_the_answer(void **state)
{
	struct fixture *f = *state;
	char got[8] = "";

	open_with(f, &side_options);
	f->side.closes_on_read = true;
	far_send(f, "head");
	assert_true(rig_run(&f->rig, side_has_read, &f->side));
	far_send(f, "much more that nobody reads");
	rig_idle(&f->rig, 5);
	assert_int_equal(f->side.closes, 0);
	far_send(f, "and more");
	assert_int_equal(recv(f->far, got, sizeof(got), 0), 3);
	assert_int_equal(recv(f->far, got, sizeof(got), 0), 0);
	assert_string_equal(got, "bye");
	shutdown(f->far, SHUT_WR);
	assert_true(rig_run(&f->rig, side_is_closed, &f->side));
	assert_int_equal(f->side.why, OK);
	assert_int_equal(f->side.reads, 1);
	assert_int_equal(f->side.eofs, 0);
}

static void test_conn__lingers_no_longer_than_told(void **state)
{
	struct fixture *f = *state;
	struct conn_options options = side_options;

	options.linger_ms = 20;
	open_with(f, &options);
	f->side.closes_on_read = true;
	far_send(f, "head");
	assert_true(rig_run(&f->rig, side_is_closed, &f->side));
	assert_int_equal(f->side.why, OK);
}

static void test_conn__aborts_at_the_end_of_the_turn(void **state)
{
	struct fixture *f = *state;
	char got[8];

	open_with(f, &side_options);
	far_send(f, "unread");
	f->side.in_call = true;
	conn_abort(f->side.conn);
	conn_abort(f->side.conn);
	f->side.in_call = false;
	assert_int_equal(f->side.closes, 0);
	assert_true(rig_run(&f->rig, side_is_closed, &f->side));
	assert_int_equal(f->side.why, ERR_IO);
	assert_int_equal(recv(f->far, got, sizeof(got), 0), -1);
	assert_int_equal(errno, ECONNRESET);
}

static void test_conn__times_out_when_idle(void **state)
{
	struct fixture *f = *state;
	struct conn_options options = side_options;

	options.idle_timeout_ms = 250;
	open_with(f, &options);
	for (unsigned i = 0; i < 6; i++) {
		rig_idle(&f->rig, 50);
		far_send(f, "x");
	}
	/* Longer than the time-out in all, but never idle for so long. */
	assert_int_equal(f->side.closes, 0);
	assert_true(rig_run(&f->rig, side_is_closed, &f->side));
	assert_int_equal(f->side.why, ERR_TIMEOUT);
}

static void test_conn__takes_a_new_idle_time_out(void **state)
{
	struct fixture *f = *state;
	struct conn_options options = side_options;

	options.idle_timeout_ms = 60000;
	open_with(f, &options);
	conn_set_idle_timeout(f->side.conn, 10);
	conn_set_idle_timeout(f->side.conn, 0);
	rig_idle(&f->rig, 30);
	assert_int_equal(f->side.closes, 0);
	conn_set_idle_timeout(f->side.conn, 10);
	assert_true(rig_run(&f->rig, side_is_closed, &f->side));
	assert_int_equal(f->side.why, ERR_TIMEOUT);
}

static void test_conn__times_out_when_its_output_stalls(void **state)
{
	struct fixture *f = *state;
	struct conn_options options = side_options;
	size_t size = 16 << 20;
	char *bytes = base_alloc(size);

	options.max_queued_bytes = size;
	options.write_stall_ms = 30;
	open_with(f, &options);
	rig_idle(&f->rig, 50);
	assert_int_equal(f->side.closes, 0);
	assert_int_equal(side_write(&f->side, str_make(bytes, size)), OK);
	assert_true(rig_run(&f->rig, side_is_closed, &f->side));
	assert_int_equal(f->side.why, ERR_TIMEOUT);
	free(bytes);
}

static void test_conn__gives_events_to_a_new_owner(void **state)
{
	struct fixture *f = *state;
	struct side other;

	open_with(f, &side_options);
	side_init(&other, &f->rig);
	other.conn = f->side.conn;
	f->side.conn = NULL;
	conn_set_events(other.conn, &side_events, &other);
	far_send(f, "to the other");
	assert_true(rig_run(&f->rig, side_has_read, &other));
	assert_int_equal(f->side.reads, 0);
	side_fini(&other);
}

static void test_conn__may_be_closed_before_it_is_open(void **state)
{
	struct fixture *f = *state;
	int fds[2];

	tcp_pair(fds);
	f->far = fds[1];
	f->side.conn = conn_new(&f->rig.env, fds[0], NULL, &side_options, &side_events, &f->side);
	conn_close(f->side.conn);
	assert_true(rig_run(&f->rig, side_is_closed, &f->side));
	assert_int_equal(f->side.opens, 0);
	assert_int_equal(f->side.why, OK);
}

static void test_conn__sends_what_was_written_before_it_was_open(void **state)
{
	struct fixture *f = *state;
	char got[8] = "";
	int fds[2];

	tcp_pair(fds);
	f->far = fds[1];
	f->side.conn = conn_new(&f->rig.env, fds[0], NULL, &side_options, &side_events, &f->side);
	assert_int_equal(side_write(&f->side, STR("early")), OK);
	assert_int_equal(conn_queued(f->side.conn), 5);
	assert_true(rig_run(&f->rig, side_has_drained, &f->side));
	assert_int_equal(recv(f->far, got, sizeof(got), 0), 5);
	assert_string_equal(got, "early");
}

#define WITH_RIG(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_RIG(test_conn__opens_and_knows_its_remote),
		WITH_RIG(test_conn__gives_what_was_read_and_sends_what_was_written),
		WITH_RIG(
			test_conn__sends_the_first_piece_of_a_turn_at_once_and_the_others_together),
		WITH_RIG(test_conn__tells_the_end_and_can_still_answer),
		WITH_RIG(test_conn__queues_what_the_kernel_does_not_take_and_says_when_it_is_gone),
		WITH_RIG(test_conn__refuses_what_its_queue_cannot_hold),
		WITH_RIG(test_conn__reads_nothing_while_any_pause_reason_stands),
		WITH_RIG(test_conn__stops_after_the_read_that_paused_it),
		WITH_RIG(test_conn__notices_while_paused_that_the_other_side_is_gone),
		WITH_RIG(test_conn__dies_by_a_reset),
		WITH_RIG(test_conn__fails_a_write_after_the_other_side_reset),
		WITH_RIG(test_conn__flushes_before_it_closes),
		WITH_RIG(test_conn__lingers_so_that_no_reset_eats_the_answer),
		WITH_RIG(test_conn__lingers_no_longer_than_told),
		WITH_RIG(test_conn__aborts_at_the_end_of_the_turn),
		WITH_RIG(test_conn__times_out_when_idle),
		WITH_RIG(test_conn__takes_a_new_idle_time_out),
		WITH_RIG(test_conn__times_out_when_its_output_stalls),
		WITH_RIG(test_conn__gives_events_to_a_new_owner),
		WITH_RIG(test_conn__may_be_closed_before_it_is_open),
		WITH_RIG(test_conn__sends_what_was_written_before_it_was_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
