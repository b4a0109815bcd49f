/* SPDX-License-Identifier: Apache-2.0 */
#include "metering/money/window.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"

#define HOUR_S 3600

static bool parse_rolling(struct str text, struct window *out)
{
	uint64_t number;
	char unit;

	if (text.len < 2 || str_to_u64(str_sub(text, 0, text.len - 1), &number) != OK)
		return false;
	unit = text.ptr[text.len - 1];
	if ((unit != 'h' && unit != 'd') || number == 0 || number > WINDOW_HOURS)
		return false;
	out->kind = WINDOW_ROLLING;
	out->hours = (unsigned)number * (unit == 'd' ? 24 : 1);
	return out->hours <= WINDOW_HOURS;
}

static bool parse_month(struct str text, struct window *out)
{
	uint64_t day;

	if (str_to_u64(text, &day) != OK || day < 1 || day > 28)
		return false;
	out->kind = WINDOW_MONTH;
	out->month_day = (unsigned)day;
	return true;
}

enum err window_parse(struct str text, const struct zone *zone, struct window *out_window)
{
	static const struct {
		struct str name;
		enum window_kind kind;
	} plain[] = {
		{{"minute", 6}, WINDOW_MINUTE}, {{"hour", 4}, WINDOW_HOUR},
		{{"day", 3}, WINDOW_DAY},	{{"week", 4}, WINDOW_WEEK},
		{{"month", 5}, WINDOW_MONTH},
	};
	struct str from = STR("month from ");
	struct str rolling = STR("rolling ");
	struct window window = {.month_day = 1, .zone = zone};

	for (size_t i = 0; i < ARRAY_LEN(plain); i++)
		if (str_eq(text, plain[i].name)) {
			window.kind = plain[i].kind;
			*out_window = window;
			return OK;
		}
	if (!(str_has_prefix(text, from) &&
	      parse_month(str_sub(text, from.len, text.len), &window)) &&
	    !(str_has_prefix(text, rolling) &&
	      parse_rolling(str_sub(text, rolling.len, text.len), &window)))
		return ERR_MALFORMED;
	*out_window = window;
	return OK;
}

static int64_t floor_to(int64_t value, int64_t step)
{
	int64_t rest = value % step;

	return value - rest - (rest < 0 ? step : 0);
}

static struct period rolling_period(const struct window *window, int64_t wall_s)
{
	int64_t to = floor_to(wall_s, HOUR_S) + HOUR_S;

	return (struct period){to - (int64_t)window->hours * HOUR_S, to};
}

/* The first second of the day `days` after the day of a civil date, as if UTC. */
static int64_t date_s(int year, unsigned month, unsigned day, int64_t days)
{
	struct clock_civil civil = {.year = year, .month = month, .day = day};
	int64_t start = 0;

	(void)clock_civil_to_s(&civil, &start);
	return start + days * CLOCK_S_PER_DAY;
}

static struct period local_month(const struct clock_civil *now, unsigned first)
{
	int year = now->year;
	unsigned month = now->month;

	if (now->day < first) {
		year -= month == 1 ? 1 : 0;
		month = month == 1 ? 12 : month - 1;
	}
	return (struct period){date_s(year, month, first, 0),
			       date_s(month == 12 ? year + 1 : year, month % 12 + 1, first, 0)};
}

/* Hours and minutes do not look at the zone: an hour of summer time's end comes twice. */
struct period window_period(const struct window *window, int64_t wall_s)
{
	struct clock_civil now;
	struct period local;
	int64_t today;
	int64_t step = window->kind == WINDOW_MINUTE ? 60 : HOUR_S;

	if (window->kind == WINDOW_ROLLING)
		return rolling_period(window, wall_s);
	if (window->kind == WINDOW_MINUTE || window->kind == WINDOW_HOUR)
		return (struct period){floor_to(wall_s, step), floor_to(wall_s, step) + step};
	now = clock_civil_from_s(wall_s + zone_offset_s(window->zone, wall_s));
	today = date_s(now.year, now.month, now.day, 0);
	local = (struct period){today, today + CLOCK_S_PER_DAY};
	if (window->kind == WINDOW_MONTH)
		local = local_month(&now, window->month_day);
	if (window->kind == WINDOW_WEEK) {
		local.from_s = today - (int64_t)(now.weekday - 1) * CLOCK_S_PER_DAY;
		local.to_s = local.from_s + 7 * CLOCK_S_PER_DAY;
	}
	return (struct period){zone_to_utc_s(window->zone, local.from_s),
			       zone_to_utc_s(window->zone, local.to_s)};
}

size_t window_label(const struct window *window, struct period period,
		    char out[static WINDOW_LABEL_SIZE])
{
	/* Characters of the date and time that tell periods of a kind apart. */
	static const unsigned lengths[] = {
		[WINDOW_MINUTE] = 16, [WINDOW_HOUR] = 13, [WINDOW_DAY] = 10,
		[WINDOW_WEEK] = 10,   [WINDOW_MONTH] = 7, [WINDOW_ROLLING] = 13,
	};
	char text[CLOCK_RFC3339_SIZE];
	unsigned len = lengths[window->kind];
	int64_t local = period.from_s + zone_offset_s(window->zone, period.from_s);

	if (window->kind == WINDOW_MONTH && window->month_day != 1)
		len = 10;
	(void)clock_format(local * CLOCK_NS_PER_S, 0, text);
	return (size_t)snprintf(out, WINDOW_LABEL_SIZE, "%s%.*s",
				window->kind == WINDOW_ROLLING ? "from " : "", (int)len, text);
}
