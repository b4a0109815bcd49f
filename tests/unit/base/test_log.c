/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
	struct log_sink *sink;
	struct log root;
	int fds[2];
	char text[65536];
};

static int set_up(void **state)
{
	struct fixture *f = base_alloc(sizeof(*f));

	*state = f;
	if (pipe2(f->fds, O_NONBLOCK) != 0)
		return -1;
	f->sink = log_sink_new(f->fds[1]);
	log_init(&f->root, NULL, "worker");
	log_set_sink(&f->root, f->sink);
	log_set_id(&f->root, "%d", 1);
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	log_sink_free(f->sink);
	close(f->fds[0]);
	close(f->fds[1]);
	free(f);
	return 0;
}

/* All lines so far. */
static const char *lines(struct fixture *f)
{
	ssize_t len = read(f->fds[0], f->text, sizeof(f->text) - 1);

	f->text[len < 0 ? 0 : len] = '\0';
	return f->text;
}

static unsigned count_lines(const char *text)
{
	unsigned count = 0;

	for (; *text != '\0'; text++)
		count += *text == '\n';
	return count;
}

static void test_log__writes_one_line_with_the_chain(void **state)
{
	struct fixture *f = *state;
	struct log conn, nameless;
	const char *line;

	log_init(&conn, &f->root, "conn");
	log_set_id(&conn, "10.0.0.1:%u", 80U);
	conn.doing = "connecting";
	log_init(&nameless, &conn, NULL);
	log_warn(&nameless, "upstream_retry", "attempt=%u", 2U);
	line = lines(f);
	assert_int_equal(count_lines(line), 1);
	assert_int_equal(line[10], 'T');
	assert_int_equal(line[23], 'Z');
	assert_string_equal(line + 24, " warn upstream_retry worker=1 conn=10.0.0.1:80 "
				       "doing=\"connecting\" attempt=2\n");
}

static void test_log__keeps_an_event_on_one_line(void **state)
{
	struct fixture *f = *state;
	char quoted[64];

	log_info(&f->root, "event", "name=" LOG_STR " raw=%s",
		 log_quote(STR("a b\"\n\x01\xFF"), quoted, sizeof(quoted)), "x\ny");
	assert_non_null(strstr(lines(f), "name=\"a b\\\"\\n\\x01\xFF\" raw=x?y\n"));
	assert_int_equal(count_lines(f->text), 1);
}

static void test_log__quotes_only_what_needs_it_and_cuts_what_is_long(void **state)
{
	static const struct {
		struct str text;
		const char *want;
	} rows[] = {
		{{"plain-1.2:3", 11}, "plain-1.2:3"},
		{{"", 0}, "\"\""},
		{{"a=b", 3}, "\"a=b\""},
		{{"a\\b", 3}, "\"a\\\\b\""},
		{{"\xc2\x85", 2}, "\"\\xc2\\x85\""},
		{{"\xc2\xa0\xe2\x80\x94", 5}, "\"\xc2\xa0\xe2\x80\x94\""},
		{{"\xe2\x80\xa8", 3}, "\"\\xe2\\x80..\""},
		{{"12345678901234567890", 20}, "123456789012.."},
		{{"1 345678901234567890", 20}, "\"1 345678901..\""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char quoted[16];

		print_message("# row %zu\n", i);
		assert_string_equal(log_quote(rows[i].text, quoted, sizeof(quoted)), rows[i].want);
	}
}

static void test_log__shows_only_the_length_of_a_secret(void **state)
{
	struct fixture *f = *state;

	log_info(&f->root, "event", "key=" LOG_SECRET, (size_t)12);
	assert_non_null(strstr(lines(f), " key=secret[12]\n"));
}

static void test_log__passes_levels_as_its_sink_says(void **state)
{
	struct fixture *f = *state;

	log_debug(&f->root, "hidden", "x");
	assert_string_equal(lines(f), "");
	log_sink_set_level(f->sink, LEVEL_DEBUG);
	log_debug(&f->root, "shown", "x");
	assert_int_equal(count_lines(lines(f)), 1);
	log_sink_set_level(f->sink, LEVEL_ERROR);
	log_warn(&f->root, "hidden", "x");
	assert_string_equal(lines(f), "");
	assert_true(log_passes(NULL, LEVEL_INFO));
	assert_false(log_passes(NULL, LEVEL_DEBUG));
}

static void test_log__cuts_a_line_at_its_limit(void **state)
{
	struct fixture *f = *state;

	log_info(&f->root, "long", "%5000d", 1);
	assert_in_range(strlen(lines(f)), 2000, 2048);
	assert_int_equal(count_lines(f->text), 1);
}

static bool is_over(struct fixture *f, const char *what)
{
	log_info(&f->root, "other", "x");
	return strstr(lines(f), what) != NULL;
}

/* 1000 lines may touch two seconds, then at most 40 pass; the rest is reported afterwards. */
static void test_log__limits_an_event_and_says_how_many_it_held_back(void **state)
{
	struct fixture *f = *state;
	unsigned written;

	for (unsigned i = 0; i < 1000; i++)
		log_info(&f->root, "flood", "i=%u", i);
	written = count_lines(lines(f));
	assert_in_range(written, 20, 42);
	while (!is_over(f, "log_suppressed event=flood lines="))
		usleep(50000);
}

#define WITH_SINK(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SINK(test_log__writes_one_line_with_the_chain),
		WITH_SINK(test_log__keeps_an_event_on_one_line),
		WITH_SINK(test_log__quotes_only_what_needs_it_and_cuts_what_is_long),
		WITH_SINK(test_log__shows_only_the_length_of_a_secret),
		WITH_SINK(test_log__passes_levels_as_its_sink_says),
		WITH_SINK(test_log__cuts_a_line_at_its_limit),
		WITH_SINK(test_log__limits_an_event_and_says_how_many_it_held_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
