/* SPDX-License-Identifier: Apache-2.0 */
#include "metering/ledger/entry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/buf.h"

#define HEAD                                                                                       \
	"{\"time\":\"2026-11-23T10:00:00Z\",\"data\":{\"principal\":\"User::a\",\"bu\":\"risk\","
#define LINE(q, r, p)                                                                              \
	"{\"meter\":\"in\",\"quantity\":" q ",\"price\":\"x@1\",\"rate_micro\":" r ",\"pico\":" p  \
	"}"
#define TAIL(cost)                                                                                 \
	"\"cost_pico\":" cost ",\"currency\":\"USD\",\"started\":\"2026-11-23T09:59:59.9Z\"}}"

static enum err parse(struct ledger_entry *entry, struct str payload, const char **why)
{
	struct jscan_paths *paths = ledger_entry_paths_new();
	enum err err = ledger_entry_parse(entry, paths, payload, why);

	jscan_paths_free(paths);
	return err;
}

static void test_entry__takes_a_settle_record(void **state)
{
	static struct ledger_entry entry;
	const char *why = "";
	enum err err =
		parse(&entry,
		      STR(HEAD "\"usage_source\":\"estimate\",\"attempt\":2,\"lines\":[" LINE(
			      "176", "2500000", "440000000") "," LINE("3", "10",
								      "30") "]," TAIL("440000030")),
		      &why);

	(void)state;
	assert_string_equal(why, "");
	assert_int_equal(err, OK);
	assert_int_equal(entry.line_count, 2);
	assert_int_equal(entry.flags, LEDGER_ESTIMATED);
	assert_int_equal(entry.attempt, 2);
	assert_int_equal(entry.lines[0].quantity, 176);
	assert_int_equal(entry.lines[1].pico, 30);
	assert_true(str_eq(entry.dims[LEDGER_BU], STR("risk")));
	assert_true(str_eq(entry.dims[LEDGER_TEAM], STR("")));
	/* The hour of the start, not of the settling. */
	assert_int_equal(entry.start_s / LEDGER_HOUR_S * LEDGER_HOUR_S, 1795424400);
}

static const struct {
	const char *name;
	const char *payload;
	uint32_t flags;
} marked[] = {
	{"a line's cost is not its product", HEAD "\"lines\":[" LINE("2", "3", "7") "]," TAIL("7"),
	 LEDGER_INCONSISTENT},
	{"the cost is not the lines' sum", HEAD "\"lines\":[" LINE("2", "3", "6") "]," TAIL("7"),
	 LEDGER_INCONSISTENT},
	{"no price",
	 HEAD "\"lines\":[{\"meter\":\"in\",\"quantity\":4,\"price\":\"unpriced\",\"rate_micro\":0,"
	      "\"pico\":0}]," TAIL("0"),
	 LEDGER_UNPRICED},
	{"no usage at all", HEAD "\"usage_source\":\"none\",\"lines\":[]," TAIL("0"),
	 LEDGER_NO_USAGE},
	{"names may be null", HEAD "\"team\":null,\"lines\":[]," TAIL("0"), 0},
	{"no lines, no currency",
	 "{\"time\":\"2026-11-23T10:00:00Z\",\"data\":{\"lines\":[],\"cost_pico\":0}}", 0},
};

static void test_entry__marks_what_is_odd(void **state)
{
	static struct ledger_entry entry;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(marked); i++) {
		const char *why = "";

		printf("# %s\n", marked[i].name);
		assert_int_equal(parse(&entry, str_from_c(marked[i].payload), &why), OK);
		assert_int_equal(entry.flags, marked[i].flags);
	}
}

static const struct {
	const char *name;
	const char *payload;
	enum err want;
} refused[] = {
	{"not JSON", "{", ERR_MALFORMED},
	{"empty", "", ERR_MALFORMED},
	{"no time", "{\"data\":{\"cost_pico\":0}}", ERR_MALFORMED},
	{"no cost", "{\"time\":\"2026-11-23T10:00:00Z\",\"data\":{}}", ERR_MALFORMED},
	{"bad time", "{\"time\":\"yesterday\",\"data\":{\"cost_pico\":0}}", ERR_MALFORMED},
	{"before 1970", "{\"time\":\"1969-12-31T23:00:00Z\",\"data\":{\"cost_pico\":0}}",
	 ERR_MALFORMED},
	{"fraction", HEAD "\"lines\":[" LINE("1.5", "3", "6") "]," TAIL("6"), ERR_MALFORMED},
	{"exponent", HEAD "\"lines\":[" LINE("1e3", "3", "6") "]," TAIL("6"), ERR_MALFORMED},
	{"quantity as text", HEAD "\"lines\":[" LINE("\"1\"", "3", "6") "]," TAIL("6"),
	 ERR_MALFORMED},
	{"negative quantity", HEAD "\"lines\":[" LINE("-1", "3", "-3") "]," TAIL("-3"), ERR_LIMIT},
	{"huge quantity", HEAD "\"lines\":[" LINE("10000000000001", "0", "0") "]," TAIL("0"),
	 ERR_LIMIT},
	{"pico past 64 bits",
	 HEAD "\"lines\":[" LINE("1", "1", "9223372036854775808") "]," TAIL("0"), ERR_MALFORMED},
	{"line without price",
	 HEAD
	 "\"lines\":[{\"meter\":\"in\",\"quantity\":4,\"rate_micro\":0,\"pico\":0}]," TAIL("0"),
	 ERR_MALFORMED},
	{"line is no object", HEAD "\"lines\":[7]," TAIL("0"), ERR_MALFORMED},
	{"member of the second line missing",
	 HEAD "\"lines\":[" LINE("1", "1", "1") ",{\"meter\":\"in\"}]," TAIL("1"), ERR_MALFORMED},
	{"empty meter",
	 HEAD "\"lines\":[{\"meter\":\"\",\"quantity\":4,\"price\":\"x@1\",\"rate_micro\":0,"
	      "\"pico\":0}]," TAIL("0"),
	 ERR_MALFORMED},
	{"bu twice", HEAD "\"bu\":\"retail\",\"lines\":[]," TAIL("0"), ERR_MALFORMED},
	{"lines without currency",
	 "{\"time\":\"2026-11-23T10:00:00Z\",\"data\":{\"lines\":[" LINE("1", "1",
									 "1") "],\"cost_pico\":1}}",
	 ERR_MALFORMED},
};

static void test_entry__refuses_what_it_cannot_book(void **state)
{
	static struct ledger_entry entry;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		const char *why = "";

		printf("# %s\n", refused[i].name);
		assert_int_equal(parse(&entry, str_from_c(refused[i].payload), &why),
				 refused[i].want);
		assert_true(why[0] != '\0');
	}
}

static void fill(struct buf *buf, const char *text)
{
	assert_int_equal(buf_append(buf, str_from_c(text)), OK);
}

static enum err parse_lines(unsigned count)
{
	static struct ledger_entry entry;
	const char *why;
	struct buf buf;
	enum err err;

	buf_init(&buf, 1U << 20);
	fill(&buf, HEAD "\"lines\":[");
	for (unsigned i = 0; i < count; i++)
		fill(&buf, i == 0 ? LINE("0", "1", "0") : "," LINE("0", "1", "0"));
	fill(&buf, "]," TAIL("0"));
	err = parse(&entry, buf_str(&buf), &why);
	buf_fini(&buf);
	return err;
}

/* A team of `len` letters, the last one `last`, as it is booked. */
static struct str parse_long_name(struct ledger_entry *entry, unsigned len, const char *last)
{
	const char *why = "";
	struct buf buf;

	buf_init(&buf, 1U << 20);
	fill(&buf, HEAD "\"team\":\"");
	for (unsigned i = 0; i + 1 < len; i++)
		fill(&buf, "\xc3\xa9");
	fill(&buf, last);
	fill(&buf, "\"," TAIL("0"));
	assert_int_equal(parse(entry, buf_str(&buf), &why), OK);
	buf_fini(&buf);
	return entry->dims[LEDGER_TEAM];
}

/* A name as long as an identity provider cares to make it must not make a call free. */
static void test_entry__books_long_names_apart(void **state)
{
	static struct ledger_entry a, b;
	static const unsigned lens[] = {257, 300, 5000};

	(void)state;
	assert_int_equal(parse_long_name(&a, 256, "\xc3\xa9").len, LEDGER_DIM_BYTES);
	assert_null(memchr(a.dims[LEDGER_TEAM].ptr, '~', LEDGER_DIM_BYTES));
	for (size_t i = 0; i < ARRAY_LEN(lens); i++) {
		struct str one = parse_long_name(&a, lens[i], "xx");
		struct str other = parse_long_name(&b, lens[i], "yy");

		assert_true(one.len < LEDGER_DIM_BYTES && str_is_utf8(one));
		assert_false(str_eq(one, other));
		assert_true(str_eq(one, parse_long_name(&b, lens[i], "xx")));
	}
}

static void test_entry__holds_its_limits(void **state)
{
	(void)state;
	assert_int_equal(parse_lines(LEDGER_ENTRY_LINES), OK);
	assert_int_equal(parse_lines(LEDGER_ENTRY_LINES + 1), ERR_LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_entry__takes_a_settle_record),
		cmocka_unit_test(test_entry__marks_what_is_odd),
		cmocka_unit_test(test_entry__refuses_what_it_cannot_book),
		cmocka_unit_test(test_entry__holds_its_limits),
		cmocka_unit_test(test_entry__books_long_names_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
