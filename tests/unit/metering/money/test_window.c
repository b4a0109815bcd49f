/* SPDX-License-Identifier: Apache-2.0 */
#include "metering/money/window.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"

#define ZONES "/usr/share/zoneinfo/"

static int64_t moment(const char *text)
{
	int64_t ns = 0;

	assert_int_equal(clock_parse(str_from_c(text), &ns), OK);
	return ns / CLOCK_NS_PER_S;
}

/* NULL and a visible skip where the system has no zones. */
static struct zone *zone_of(const char *name)
{
	char path[200];
	char *bytes;
	size_t len;
	struct zone *zone = NULL;
	struct diag diag;
	FILE *file;

	(void)snprintf(path, sizeof(path), ZONES "%s", name);
	file = fopen(path, "rb");
	if (file == NULL) {
		printf("# SKIP time zones: 1 case skipped, no %s\n", path);
		return NULL;
	}
	bytes = base_alloc(ZONE_BYTES);
	len = fread(bytes, 1, ZONE_BYTES, file);
	fclose(file);
	assert_int_equal(zone_new(path, str_make(bytes, len), &diag, &zone), OK);
	free(bytes);
	return zone;
}

static void test_zone__knows_summer_now_and_far_from_now(void **state)
{
	static const struct {
		const char *zone, *at;
		int64_t offset_s;
	} rows[] = {
		{"Europe/Berlin", "2026-01-15T12:00:00Z", 3600},
		{"Europe/Berlin", "2026-07-15T12:00:00Z", 7200},
		{"Europe/Berlin", "2026-03-29T00:59:59Z", 3600},
		{"Europe/Berlin", "2026-03-29T01:00:00Z", 7200},
		{"Europe/Berlin", "2026-10-25T00:59:59Z", 7200},
		{"Europe/Berlin", "2026-10-25T01:00:00Z", 3600},
		{"Europe/Berlin", "1980-08-01T00:00:00Z", 7200},
		{"Europe/Berlin", "2245-07-01T00:00:00Z", 7200},
		{"Europe/Berlin", "2245-12-01T00:00:00Z", 3600},
		{"Australia/Sydney", "2250-01-01T00:00:00Z", 39600},
		{"Australia/Sydney", "2250-06-01T00:00:00Z", 36000},
		{"America/St_Johns", "2240-06-01T00:00:00Z", -9000},
		{"America/New_York", "2026-11-01T05:59:59Z", -14400},
		{"America/New_York", "2026-11-01T06:00:00Z", -18000},
		{"Asia/Kolkata", "2026-05-01T00:00:00Z", 19800},
		{"Asia/Kathmandu", "2255-05-01T00:00:00Z", 20700},
		{"Etc/UTC", "2026-05-01T00:00:00Z", 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct zone *zone = zone_of(rows[i].zone);

		if (zone == NULL)
			continue;
		assert_int_equal(zone_offset_s(zone, moment(rows[i].at)), rows[i].offset_s);
		zone_free(zone);
	}
}

static void test_zone__finds_the_moment_of_a_wall_clock(void **state)
{
	struct zone *berlin = zone_of("Europe/Berlin");

	(void)state;
	if (berlin == NULL)
		return;
	assert_int_equal(zone_to_utc_s(berlin, moment("2026-07-01T00:00:00Z")),
			 moment("2026-06-30T22:00:00Z"));
	/* Twice: the first. */
	assert_int_equal(zone_to_utc_s(berlin, moment("2026-10-25T02:30:00Z")),
			 moment("2026-10-25T00:30:00Z"));
	/* Never: the change. */
	assert_int_equal(zone_to_utc_s(berlin, moment("2026-03-29T02:30:00Z")),
			 moment("2026-03-29T01:00:00Z"));
	assert_int_equal(zone_to_utc_s(NULL, 12345), 12345);
	zone_free(berlin);
}

static void test_zone__refuses_what_is_no_zone(void **state)
{
	char bytes[200] = "TZif2";
	struct zone *zone = NULL;
	struct diag diag;

	(void)state;
	assert_int_equal(zone_new("z", STR(""), &diag, &zone), ERR_MALFORMED);
	assert_int_equal(zone_new("z", STR("TZif1"), &diag, &zone), ERR_MALFORMED);
	for (size_t len = 0; len < sizeof(bytes); len++)
		assert_int_equal(zone_new("z", str_make(bytes, len), &diag, &zone), ERR_MALFORMED);
	for (size_t at = 20; at < 44; at++) {
		bytes[at] = '\x7f';
		assert_int_equal(zone_new("z", str_make(bytes, sizeof(bytes)), &diag, &zone),
				 ERR_MALFORMED);
		bytes[at] = 0;
	}
	assert_null(zone);
}

/* Each prefix of a true file ends in an error, never outside of it. */
static void test_zone__refuses_a_file_cut_anywhere(void **state)
{
	char *bytes = base_alloc(ZONE_BYTES);
	FILE *file = fopen(ZONES "Europe/Berlin", "rb");
	struct zone *zone = NULL;
	struct diag diag;
	size_t len;

	(void)state;
	if (file == NULL) {
		printf("# SKIP time zones: 1 case skipped, no zones installed\n");
		free(bytes);
		return;
	}
	len = fread(bytes, 1, ZONE_BYTES, file);
	fclose(file);
	for (size_t cut = 0; cut < len; cut++) {
		char *copy = base_alloc(cut + 1);

		memcpy(copy, bytes, cut);
		assert_int_equal(zone_new("z", str_make(copy, cut), &diag, &zone), ERR_MALFORMED);
		free(copy);
	}
	free(bytes);
}

static void check_period(const char *window_text, const struct zone *zone, const char *at,
			 const char *from, const char *to, const char *label)
{
	struct window window;
	struct period period;
	char text[WINDOW_LABEL_SIZE];
	size_t len;

	assert_int_equal(window_parse(str_from_c(window_text), zone, &window), OK);
	period = window_period(&window, moment(at));
	assert_int_equal(period.from_s, moment(from));
	assert_int_equal(period.to_s, moment(to));
	len = window_label(&window, period, text);
	assert_int_equal(len, strlen(text));
	assert_string_equal(text, label);
}

static void test_window__has_calendar_periods(void **state)
{
	(void)state;
	check_period("minute", NULL, "2026-11-23T09:15:42Z", "2026-11-23T09:15:00Z",
		     "2026-11-23T09:16:00Z", "2026-11-23T09:15");
	check_period("hour", NULL, "2026-11-23T09:15:42Z", "2026-11-23T09:00:00Z",
		     "2026-11-23T10:00:00Z", "2026-11-23T09");
	check_period("day", NULL, "2026-11-23T00:00:00Z", "2026-11-23", "2026-11-24", "2026-11-23");
	check_period("week", NULL, "2026-11-23T09:00:00Z", "2026-11-23", "2026-11-30",
		     "2026-11-23");
	check_period("week", NULL, "2026-11-22T23:59:59Z", "2026-11-16", "2026-11-23",
		     "2026-11-16");
	check_period("month", NULL, "2026-12-31T23:59:59Z", "2026-12-01", "2027-01-01", "2026-12");
	check_period("month from 26", NULL, "2026-11-25T23:59:59Z", "2026-10-26", "2026-11-26",
		     "2026-10-26");
	check_period("month from 26", NULL, "2026-12-26T00:00:00Z", "2026-12-26", "2027-01-26",
		     "2026-12-26");
	check_period("month from 26", NULL, "2027-01-02T00:00:00Z", "2026-12-26", "2027-01-26",
		     "2026-12-26");
	check_period("rolling 24h", NULL, "2026-11-23T09:15:00Z", "2026-11-22T10:00:00Z",
		     "2026-11-23T10:00:00Z", "from 2026-11-22T10");
	check_period("rolling 7d", NULL, "2026-11-23T09:00:00Z", "2026-11-16T10:00:00Z",
		     "2026-11-23T10:00:00Z", "from 2026-11-16T10");
}

static void test_window__follows_the_clocks_of_its_zone(void **state)
{
	struct zone *berlin = zone_of("Europe/Berlin");

	(void)state;
	if (berlin == NULL)
		return;
	check_period("day", berlin, "2026-07-01T22:30:00Z", "2026-07-01T22:00:00Z",
		     "2026-07-02T22:00:00Z", "2026-07-02");
	/* A day of 23 hours and one of 25. */
	check_period("day", berlin, "2026-03-29T12:00:00Z", "2026-03-28T23:00:00Z",
		     "2026-03-29T22:00:00Z", "2026-03-29");
	check_period("day", berlin, "2026-10-25T12:00:00Z", "2026-10-24T22:00:00Z",
		     "2026-10-25T23:00:00Z", "2026-10-25");
	check_period("month", berlin, "2026-03-31T22:30:00Z", "2026-03-31T22:00:00Z",
		     "2026-04-30T22:00:00Z", "2026-04");
	zone_free(berlin);
}

/* Periods of a kind lie end to end, whatever the zone does. */
static void test_window__periods_leave_no_gap(void **state)
{
	static const char *const kinds[] = {"minute", "hour",  "day",
					    "week",   "month", "month from 26"};
	struct zone *zones[] = {NULL, zone_of("Europe/Berlin"), zone_of("America/St_Johns"),
				zone_of("Asia/Kathmandu")};

	(void)state;
	for (size_t z = 0; z < ARRAY_LEN(zones); z++)
		for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
			struct window window;
			struct period period;

			assert_int_equal(window_parse(str_from_c(kinds[k]), zones[z], &window), OK);
			period = window_period(&window, moment("2026-01-01"));
			for (unsigned i = 0; i < 500; i++) {
				struct period next = window_period(&window, period.to_s);
				struct period last = window_period(&window, period.to_s - 1);

				assert_true(period.from_s < period.to_s);
				assert_int_equal(next.from_s, period.to_s);
				assert_int_equal(last.from_s, period.from_s);
				period = next;
			}
		}
	for (size_t z = 0; z < ARRAY_LEN(zones); z++)
		zone_free(zones[z]);
}

static void test_window__refuses_other_words(void **state)
{
	static const char *const bad[] = {
		"",	    "months",	  "month from", "month from 0", "month from 29",
		"rolling",  "rolling 0h", "rolling 24", "rolling 93d",	"rolling 99999999d",
		"fortnight"};
	struct window window;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(window_parse(str_from_c(bad[i]), NULL, &window), ERR_MALFORMED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_zone__knows_summer_now_and_far_from_now),
		cmocka_unit_test(test_zone__finds_the_moment_of_a_wall_clock),
		cmocka_unit_test(test_zone__refuses_what_is_no_zone),
		cmocka_unit_test(test_zone__refuses_a_file_cut_anywhere),
		cmocka_unit_test(test_window__has_calendar_periods),
		cmocka_unit_test(test_window__follows_the_clocks_of_its_zone),
		cmocka_unit_test(test_window__periods_leave_no_gap),
		cmocka_unit_test(test_window__refuses_other_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
