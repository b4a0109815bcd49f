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

/* The record as the gateway writes it; `cut` of "" is whole. */
#define OWN_HEAD                                                                                   \
	"{\"specversion\":\"1.0\",\"id\":\"01.1.settle\",\"source\":\"tollgate/g\","               \
	"\"type\":\"tollgate.settle\",\"time\":\"2026-11-23T10:00:01.5Z\",\"subject\":\"User::"    \
	"a\","                                                                                     \
	"\"traceparent\":\"00-1-2-01\",\"data\":{\"request\":\"01\",\"attempt\":1,"                \
	"\"principal\":\"User::a\",\"key\":\"k1\",\"bu\":\"risk\",\"team\":\"t\",\"project\":"     \
	"\"\","
#define OWN_WHAT(source, flags)                                                                    \
	"\"model\":\"m\",\"deployment\":\"m@u\",\"provider\":\"p\",\"dialect\":\"openai.chat\","   \
	"\"operation\":\"Invoke\",\"stream\":true,\"model_served\":\"m-1\",\"status\":200,"        \
	"\"outcome\":\"complete\",\"usage_source\":\"" source "\",\"flags\":[" flags               \
	"],\"lines\":["
#define OWN_TAIL(cost)                                                                             \
	"],\"cost_pico\":" cost ",\"currency\":\"USD\",\"started\":\"2026-11-23T09:59:59.9Z\","    \
	"\"duration_ms\":7}}"

static const char *const own[] = {
	OWN_HEAD OWN_WHAT("provider", "") LINE("176", "2500000", "440000000") OWN_TAIL("440000000"),
	OWN_HEAD OWN_WHAT("none", "") OWN_TAIL("0"),
	OWN_HEAD OWN_WHAT("estimate", "") LINE("1", "2", "2") "," LINE("3", "4", "12")
		OWN_TAIL("14"),
	OWN_HEAD OWN_WHAT("provider", "\"unpriced\"") LINE("1", "0", "0") OWN_TAIL("0"),
	OWN_HEAD OWN_WHAT("provider", "") LINE("1", "2", "3") OWN_TAIL("3"),
	OWN_HEAD OWN_WHAT("provider", "") LINE("01", "2", "2") OWN_TAIL("2"),
	OWN_HEAD OWN_WHAT("provider", "") LINE("10000000000001", "1", "1") OWN_TAIL("1"),
	OWN_HEAD OWN_WHAT("provider", "") LINE("1", "9999999999999999999", "1") OWN_TAIL("1"),
	OWN_HEAD OWN_WHAT("prov\\u0069der", "") LINE("1", "2", "2") OWN_TAIL("2"),
	OWN_HEAD OWN_WHAT("provider", "") LINE("1", "2", "2") "," OWN_TAIL("2"),
	OWN_HEAD OWN_WHAT("provider", "") LINE("1", "2", "2") OWN_TAIL("2") " ",
	OWN_HEAD OWN_WHAT("provider", "") LINE("1", "2", "2") OWN_TAIL("2") "x",
};

static void assert_same(const struct ledger_entry *a, const struct ledger_entry *b)
{
	assert_int_equal(a->line_count, b->line_count);
	assert_int_equal(a->flags, b->flags);
	assert_int_equal(a->attempt, b->attempt);
	assert_int_equal(a->start_s, b->start_s);
	assert_int_equal(a->cost_pico, b->cost_pico);
	assert_true(str_eq(a->currency, b->currency));
	for (unsigned i = 0; i < LEDGER_DIM_COUNT; i++)
		assert_true(str_eq(a->dims[i], b->dims[i]));
	for (unsigned i = 0; i < a->line_count; i++) {
		assert_true(str_eq(a->lines[i].meter, b->lines[i].meter));
		assert_true(str_eq(a->lines[i].price, b->lines[i].price));
		assert_int_equal(a->lines[i].quantity, b->lines[i].quantity);
		assert_int_equal(a->lines[i].rate_micro, b->lines[i].rate_micro);
		assert_int_equal(a->lines[i].pico, b->lines[i].pico);
	}
}

/* A space in front is JSON all the same, and not what the gateway writes: the scan reads it. Each
 * record is also cut after every byte and changed in every byte. */
static void test_entry__reads_its_own_order_as_the_scan_does(void **state)
{
	static struct ledger_entry quick, scanned;
	const char *why;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(own); i++) {
		size_t len = strlen(own[i]);
		char text[2048] = " ";

		for (size_t change = 0; change <= 2 * len; change++) {
			size_t cut = change <= len ? change : len;
			enum err err;

			memcpy(text + 1, own[i], len);
			if (change > len)
				text[1 + change - len - 1] ^= 1;
			err = parse(&scanned, str_make(text, 1 + cut), &why);
			assert_int_equal(parse(&quick, str_make(text + 1, cut), &why), err);
			if (err == OK)
				assert_same(&quick, &scanned);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_entry__reads_its_own_order_as_the_scan_does),
		cmocka_unit_test(test_entry__takes_a_settle_record),
		cmocka_unit_test(test_entry__marks_what_is_odd),
		cmocka_unit_test(test_entry__refuses_what_it_cannot_book),
		cmocka_unit_test(test_entry__holds_its_limits),
		cmocka_unit_test(test_entry__books_long_names_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
