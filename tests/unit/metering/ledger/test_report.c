/* SPDX-License-Identifier: Apache-2.0 */
#include "metering/ledger/report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "metering/ledger/ledger.h"
#include "metering/ledger/sheet.h"
#include "tape.h"

#define DRAIN_MS 60000

#define CALL(bu, model, time, source, lines, cost, currency)                                       \
	"{\"time\":\"" time "\",\"data\":{\"attempt\":1,\"principal\":\"User::ana\",\"bu\":\"" bu  \
	"\",\"model\":\"" model "\",\"provider\":\"azure\",\"usage_source\":\"" source             \
	"\",\"lines\":[" lines "],\"cost_pico\":" cost ",\"currency\":\"" currency "\"}}"
#define LINE(meter, q, rate, pico)                                                                 \
	"{\"meter\":\"" meter "\",\"quantity\":" q ",\"price\":\"m/" meter                         \
	"@1\",\"rate_micro\":" rate ",\"pico\":" pico "}"

/* November 2026, but for the last three. */
static const char *const calls[] = {
	CALL("risk", "gpt-x", "2026-11-01T00:00:00Z", "provider",
	     LINE("in", "6", "5000000", "30000000") "," LINE("out", "2745", "25000000",
							     "68625000000"),
	     "68655000000", "USD"),
	CALL("risk", "gpt-x", "2026-11-30T23:59:59Z", "estimate",
	     LINE("in", "159217", "6250000", "995106250000"), "995106250000", "USD"),
	CALL("risk", "gpt-x", "2026-11-12T10:00:00Z", "none", "", "0", ""),
	CALL("=1+1", "a,\\\"b\\\"", "2026-11-12T10:00:00Z", "provider", LINE("in", "1", "1", "1"),
	     "1", "USD"),
	CALL("retail", "gpt-x", "2026-11-12T10:00:00Z", "provider",
	     LINE("in", "1000000", "2500000", "2500000000000"), "2500000000000", "EUR"),
	CALL("retail", "iris", "2026-11-12T10:00:00Z", "provider",
	     "{\"meter\":\"rows\",\"quantity\":7,\"price\":\"unpriced\",\"rate_micro\":0,\"pico\":"
	     "0}",
	     "0", "EUR"),
	CALL("risk", "gpt-x", "2026-10-31T23:59:59.999Z", "provider", LINE("in", "1", "9", "9"),
	     "9", "USD"),
	CALL("risk", "gpt-x", "2026-12-01T00:00:00Z", "provider", LINE("in", "1", "9", "9"), "9",
	     "USD"),
	CALL("risk", "gpt-x", "2025-11-12T00:00:00Z", "provider", LINE("in", "1", "9", "9"), "9",
	     "USD"),
};

struct fixture {
	struct tape tape;
	char folder[64];
};

static void book(struct fixture *f)
{
	struct ledger_options options = {
		.store = LEDGER_SQLITE, .state = f->folder, .gateway = "gw-1", .interval_ms = 5};
	struct ledger_source source = tape_source(&f->tape);
	struct ledger *ledger = NULL;

	assert_int_equal(ledger_start_from(&options, &source, NULL, &ledger), OK);
	assert_true(ledger_stop(ledger, DRAIN_MS));
}

static int setup(void **state)
{
	static struct fixture f;

	tape_folder(f.folder);
	tape_init(&f.tape, ARRAY_LEN(calls), 1);
	for (size_t i = 0; i < ARRAY_LEN(calls); i++)
		f.tape.payloads[i] = str_from_c(calls[i]);
	book(&f);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	tape_fini(&f->tape);
	tape_remove(f->folder);
	return 0;
}

static struct report *make(const struct fixture *f, const char *by, const char *month)
{
	struct ledger_options options = {.store = LEDGER_SQLITE, .state = f->folder};
	struct report_query query = {.by_count = 0};
	struct report *report = NULL;
	struct diag diag = {.line = 0};

	if (by != NULL)
		assert_int_equal(report_parse_by(str_from_c(by), &diag, &query), OK);
	assert_int_equal(report_parse_month(str_from_c(month), &diag, &query), OK);
	assert_int_equal(report_new(&query, &options, &diag, &report), OK);
	/* So that texts can be compared. */
	report->standing.as_of_s = report->query.to_s;
	return report;
}

static void assert_sheet(struct report *report, enum sheet_format format, const char *want)
{
	struct buf out;

	buf_init(&out, 1U << 20);
	assert_int_equal(sheet_print(report, format, SHEET_DECIMALS, &out), OK);
	assert_int_equal(buf_append_byte(&out, '\0'), OK);
	assert_string_equal(out.ptr, want);
	buf_fini(&out);
	report_free(report);
}

static void test_report__adds_up_a_month_as_csv(void **state)
{
	assert_sheet(
		make(*state, "bu,model", "2026-11"), SHEET_CSV,
		"period_from,period_to,as_of,bu,model,requests,attempts,quantity,cost,currency,"
		"estimated_cost,unpriced,time_zone,price_books\r\n"
		"2026-11-01T00:00:00Z,2026-12-01T00:00:00Z,2026-12-01T00:00:00Z,'=1+1,\"a,"
		"\"\"b\"\"\","
		"1,1,,0.000000000001,USD,0.00,0,UTC,1\r\n"
		"2026-11-01T00:00:00Z,2026-12-01T00:00:00Z,2026-12-01T00:00:00Z,retail,gpt-x,"
		"1,1,,2.50,EUR,0.00,0,UTC,1\r\n"
		"2026-11-01T00:00:00Z,2026-12-01T00:00:00Z,2026-12-01T00:00:00Z,retail,iris,"
		"1,1,,0.00,EUR,0.00,1,UTC,1\r\n"
		"2026-11-01T00:00:00Z,2026-12-01T00:00:00Z,2026-12-01T00:00:00Z,risk,gpt-x,"
		"3,3,,1.06376125,USD,0.99510625,0,UTC,1\r\n");
}

static void test_report__shows_a_table_for_people(void **state)
{
	assert_sheet(make(*state, "bu", "2026-11"), SHEET_TABLE,
		     "period     2026-11-01T00:00:00Z to 2026-12-01T00:00:00Z (exclusive)\n"
		     "as of      2026-12-01T00:00:00Z, 1 gateway\n"
		     "currency   EUR, USD\n"
		     "prices     1\n"
		     "estimated  16.7 % of attempts\n"
		     "unpriced   1\n"
		     "no usage   1\n"
		     "\n"
		     "bu      requests  attempts      cost  currency\n"
		     "----------------------------------------------\n"
		     "=1+1           1         1  0.000000  USD\n"
		     "retail         2         2  2.500000  EUR\n"
		     "risk           3         3  1.063761  USD\n"
		     "----------------------------------------------\n"
		     "total          3         3  2.500000  EUR\n"
		     "total          3         3  1.063761  USD\n"
		     "\n"
		     "exact total  2.50 EUR\n"
		     "exact total  1.063761250001 USD\n");
}

static void test_report__gives_json_with_amounts_as_text(void **state)
{
	assert_sheet(
		make(*state, "meter,rate", "2026-11"), SHEET_JSON,
		"{\"period\":{\"from\":\"2026-11-01T00:00:00Z\",\"to\":\"2026-12-01T00:00:00Z\","
		"\"time_zone\":\"UTC\"},"
		"\"as_of\":\"2026-12-01T00:00:00Z\",\"gateways\":1,\"requests\":6,\"attempts\":6,"
		"\"estimated\":1,\"unpriced\":1,\"no_usage\":1,\"inconsistent\":0,\"rejected\":0,"
		"\"price_books\":[\"1\"],"
		"\"by\":[\"meter\",\"rate\"],\"rows\":[\n"
		"{\"meter\":\"in\",\"rate\":\"0.000001\",\"currency\":\"USD\",\"cost\":\"0."
		"000000000001\","
		"\"estimated_cost\":\"0.00\",\"quantity\":1,\"requests\":1,\"attempts\":1,"
		"\"unpriced\":0},\n"
		"{\"meter\":\"in\",\"rate\":\"2.50\",\"currency\":\"EUR\",\"cost\":\"2.50\","
		"\"estimated_cost\":\"0.00\",\"quantity\":1000000,\"requests\":1,\"attempts\":1,"
		"\"unpriced\":0},\n"
		"{\"meter\":\"in\",\"rate\":\"5.00\",\"currency\":\"USD\",\"cost\":\"0.00003\","
		"\"estimated_cost\":\"0.00\",\"quantity\":6,\"requests\":1,\"attempts\":1,"
		"\"unpriced\":0},\n"
		"{\"meter\":\"in\",\"rate\":\"6.25\",\"currency\":\"USD\",\"cost\":\"0.99510625\","
		"\"estimated_cost\":\"0.99510625\",\"quantity\":159217,\"requests\":1,\"attempts\":"
		"1,"
		"\"unpriced\":0},\n"
		"{\"meter\":\"out\",\"rate\":\"25.00\",\"currency\":\"USD\",\"cost\":\"0.068625\","
		"\"estimated_cost\":\"0.00\",\"quantity\":2745,\"requests\":1,\"attempts\":1,"
		"\"unpriced\":0},\n"
		"{\"meter\":\"rows\",\"rate\":\"0.00\",\"currency\":\"EUR\",\"cost\":\"0.00\","
		"\"estimated_cost\":\"0.00\",\"quantity\":7,\"requests\":1,\"attempts\":1,"
		"\"unpriced\":1}],\n"
		"\"totals\":[{\"currency\":\"EUR\",\"cost\":\"2.50\",\"estimated_cost\":\"0.00\","
		"\"requests\":3,\"attempts\":3,\"unpriced\":1},{\"currency\":\"USD\","
		"\"cost\":\"1.063761250001\",\"estimated_cost\":\"0.99510625\",\"requests\":3,"
		"\"attempts\":3,\"unpriced\":0}]}\n");
}

static void test_report__an_empty_period_is_a_report_too(void **state)
{
	assert_sheet(make(*state, "day", "2020-02"), SHEET_CSV,
		     "period_from,period_to,as_of,day,requests,attempts,quantity,cost,currency,"
		     "estimated_cost,unpriced,time_zone,price_books\r\n");
	assert_sheet(make(*state, NULL, "2026-10"), SHEET_CSV,
		     "period_from,period_to,as_of,requests,attempts,quantity,cost,currency,"
		     "estimated_cost,unpriced,time_zone,price_books\r\n"
		     "2026-10-01T00:00:00Z,2026-11-01T00:00:00Z,2026-11-01T00:00:00Z,"
		     "1,1,,0.000000000009,USD,0.00,0,UTC,1\r\n");
}

static void test_report__groups_by_calendar(void **state)
{
	struct report *report = make(*state, "month,day", "2026-11");

	assert_int_equal(report->group_count, 4);
	assert_true(str_eq(report->groups[0]->keys[0], STR("2026-11")));
	assert_true(str_eq(report->groups[0]->keys[1], STR("2026-11-01")));
	assert_true(str_eq(report->groups[3]->keys[1], STR("2026-11-30")));
	report_free(report);
}

static void test_report__any_grouping_sums_to_the_same_total(void **state)
{
	static const char *const groupings[] = {
		"bu",
		"team",
		"project",
		"principal",
		"model",
		"deployment",
		"provider",
		"dialect",
		"meter",
		"price",
		"rate",
		"unit",
		"hour",
		"day",
		"month",
		("bu,team,project,principal,model,deployment,provider,dialect,meter,price,rate,"
		 "unit,hour,day,month"),
	};
	struct fixture f;
	__int128 want = -1;

	(void)state;
	tape_folder(f.folder);
	tape_init(&f.tape, 5000, 21);
	book(&f);
	for (size_t i = 0; i < ARRAY_LEN(groupings); i++) {
		struct report *report = make(&f, groupings[i], "2026-11");
		__int128 sum = 0;

		assert_int_equal(report->total_count, 1);
		for (size_t g = 0; g < report->group_count; g++)
			sum += report->groups[g]->sum.pico;
		want = i == 0 ? sum : want;
		assert_true(sum == want && report->totals[0].sum.pico == want && sum > 0);
		report_free(report);
	}
	tape_fini(&f.tape);
	tape_remove(f.folder);
}

static void test_report__says_what_is_wrong_with_a_query(void **state)
{
	static const char *const bys[] = {"", "bu,", "cost", "bu,bu", "BU"};
	static const char *const months[] = {"",       "2026",	"2026-13", "2026-00",
					     "2026-1", "26-11", "2026/11"};
	static const char *const times[] = {"", "today", "2026-11-01T00:30:00Z", "2026-11-31"};
	struct report_query query = {.by_count = 0};
	int64_t time_s;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bys); i++)
		assert_int_equal(report_parse_by(str_from_c(bys[i]), NULL, &query), ERR_MALFORMED);
	for (size_t i = 0; i < ARRAY_LEN(months); i++)
		assert_int_equal(report_parse_month(str_from_c(months[i]), NULL, &query),
				 ERR_MALFORMED);
	for (size_t i = 0; i < ARRAY_LEN(times); i++)
		assert_int_equal(report_parse_time(str_from_c(times[i]), NULL, NULL, &time_s),
				 ERR_MALFORMED);
	assert_int_equal(report_parse_time(STR("2026-11-01T02:00:00+02:00"), NULL, NULL, &time_s),
			 OK);
	assert_int_equal(time_s, 1793491200);
}

static void test_report__a_missing_book_is_an_error(void **state)
{
	struct ledger_options options = {.store = LEDGER_SQLITE, .state = "/nowhere/at/all"};
	struct report_query query = {.from_s = 0, .to_s = 3600};
	struct report *report = NULL;
	struct diag diag = {.line = 0};

	(void)state;
	assert_int_equal(report_new(&query, &options, &diag, &report), ERR_NOT_FOUND);
	assert_null(report);
	assert_true(diag.text[0] != '\0');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_report__adds_up_a_month_as_csv),
		cmocka_unit_test(test_report__shows_a_table_for_people),
		cmocka_unit_test(test_report__gives_json_with_amounts_as_text),
		cmocka_unit_test(test_report__an_empty_period_is_a_report_too),
		cmocka_unit_test(test_report__groups_by_calendar),
		cmocka_unit_test(test_report__any_grouping_sums_to_the_same_total),
		cmocka_unit_test(test_report__says_what_is_wrong_with_a_query),
		cmocka_unit_test(test_report__a_missing_book_is_an_error),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
