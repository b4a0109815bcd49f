/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Days are counted in years that begin in March, so that the leap day is the
 * last of its year and a month's first day is a linear formula.
 */
#include "base/clock.h"

#include <time.h>

#define DAYS_PER_ERA	146097		 /* 400 years */
#define DAYS_TO_1970	719468		 /* from 0000-03-01 */
#define CLOCK_FIRST_S	(-62167219200LL) /* 0000-01-01T00:00:00Z */
#define CLOCK_LAST_S	253402300799LL	 /* 9999-12-31T23:59:59Z */
#define FRACTION_DIGITS 9

static int64_t clock_read_ns(clockid_t id)
{
	struct timespec now;
	int failed = clock_gettime(id, &now);

	ASSERT(failed == 0);
	return now.tv_sec * CLOCK_NS_PER_S + now.tv_nsec;
}

int64_t clock_mono_ns(void)
{
	return clock_read_ns(CLOCK_MONOTONIC);
}

int64_t clock_wall_ns(void)
{
	return clock_read_ns(CLOCK_REALTIME);
}

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0 ? 1 : 0);
}

static int64_t days_from_civil(int64_t year, unsigned month, unsigned day)
{
	unsigned from_march = (month + 9) % 12;
	int64_t march_year = year - (month <= 2 ? 1 : 0);
	int64_t era = floor_div(march_year, 400);
	int64_t of_era = march_year - era * 400;
	int64_t of_year = (int64_t)((153 * from_march + 2) / 5 + day - 1);

	return era * DAYS_PER_ERA + of_era * 365 + of_era / 4 - of_era / 100 + of_year -
	       DAYS_TO_1970;
}

static void civil_from_days(int64_t days, struct clock_civil *civil)
{
	int64_t shifted = days + DAYS_TO_1970;
	int64_t era = floor_div(shifted, DAYS_PER_ERA);
	int64_t of_era = shifted - era * DAYS_PER_ERA;
	int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
	int64_t from_march = (5 * of_year + 2) / 153;

	civil->day = (unsigned)(of_year - (153 * from_march + 2) / 5 + 1);
	civil->month = (unsigned)(from_march < 10 ? from_march + 3 : from_march - 9);
	civil->year = (int)(era * 400 + year + (civil->month <= 2 ? 1 : 0));
}

struct clock_civil clock_civil_from_s(int64_t wall_s)
{
	int64_t days = floor_div(wall_s, CLOCK_S_PER_DAY);
	unsigned second = (unsigned)(wall_s - days * CLOCK_S_PER_DAY);
	struct clock_civil civil = {
		.hour = second / 3600,
		.minute = second / 60 % 60,
		.second = second % 60,
	};

	ASSERT(wall_s >= CLOCK_FIRST_S && wall_s <= CLOCK_LAST_S);
	civil_from_days(days, &civil);
	/* 1970-01-01 was a Thursday, the fourth day of its week. */
	civil.weekday = (unsigned)((days + 3) - floor_div(days + 3, 7) * 7) + 1;
	return civil;
}

static unsigned days_of_month(int year, unsigned month)
{
	static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return month == 2 && is_leap ? 29 : days[month - 1];
}

bool clock_civil_to_s(const struct clock_civil *civil, int64_t *out_wall_s)
{
	if (civil->year < 0 || civil->year > 9999 || civil->month < 1 || civil->month > 12)
		return false;
	if (civil->day < 1 || civil->day > days_of_month(civil->year, civil->month))
		return false;
	if (civil->hour > 23 || civil->minute > 59 || civil->second > 59)
		return false;
	*out_wall_s = days_from_civil(civil->year, civil->month, civil->day) * CLOCK_S_PER_DAY +
		      civil->hour * 3600 + civil->minute * 60 + civil->second;
	return true;
}

/* Exactly `width` digits, zeros in front. */
static char *put_digits(char *out, unsigned value, unsigned width)
{
	for (unsigned i = width; i > 0; i--) {
		out[i - 1] = (char)('0' + value % 10);
		value /= 10;
	}
	return out + width;
}

size_t clock_format(int64_t wall_ns, unsigned digits, char out[static CLOCK_RFC3339_SIZE])
{
	int64_t wall_s = floor_div(wall_ns, CLOCK_NS_PER_S);
	unsigned fraction = (unsigned)(wall_ns - wall_s * CLOCK_NS_PER_S);
	struct clock_civil civil = clock_civil_from_s(wall_s);
	char *at = out;

	ASSERT(digits <= FRACTION_DIGITS && digits % 3 == 0);
	at = put_digits(at, (unsigned)civil.year, 4);
	*at++ = '-';
	at = put_digits(at, civil.month, 2);
	*at++ = '-';
	at = put_digits(at, civil.day, 2);
	*at++ = 'T';
	at = put_digits(at, civil.hour, 2);
	*at++ = ':';
	at = put_digits(at, civil.minute, 2);
	*at++ = ':';
	at = put_digits(at, civil.second, 2);
	for (unsigned i = digits; i < FRACTION_DIGITS; i++)
		fraction /= 10;
	if (digits > 0) {
		*at++ = '.';
		at = put_digits(at, fraction, digits);
	}
	*at++ = 'Z';
	*at = '\0';
	return (size_t)(at - out);
}

/* Takes exactly `width` digits from the front. */
static bool take_number(struct str *text, size_t width, unsigned *out)
{
	uint64_t value;

	if (text->len < width || str_to_u64(str_sub(*text, 0, width), &value) != OK)
		return false;
	*text = str_sub(*text, width, text->len);
	*out = (unsigned)value;
	return true;
}

static bool take_byte(struct str *text, char c)
{
	if (text->len == 0 || text->ptr[0] != c)
		return false;
	*text = str_sub(*text, 1, text->len);
	return true;
}

static bool take_date(struct str *text, struct clock_civil *civil)
{
	unsigned year;

	if (!take_number(text, 4, &year) || !take_byte(text, '-') ||
	    !take_number(text, 2, &civil->month) || !take_byte(text, '-') ||
	    !take_number(text, 2, &civil->day))
		return false;
	civil->year = (int)year;
	return true;
}

static bool take_time(struct str *text, struct clock_civil *civil)
{
	return take_number(text, 2, &civil->hour) && take_byte(text, ':') &&
	       take_number(text, 2, &civil->minute) && take_byte(text, ':') &&
	       take_number(text, 2, &civil->second);
}

/* "." and 1 to 9 digits, or nothing. */
static bool take_fraction(struct str *text, int64_t *out_ns)
{
	size_t digits = 0;
	unsigned value;

	if (!take_byte(text, '.'))
		return true;
	while (digits < text->len && text->ptr[digits] >= '0' && text->ptr[digits] <= '9')
		digits++;
	if (digits == 0 || digits > FRACTION_DIGITS || !take_number(text, digits, &value))
		return false;
	for (; digits < FRACTION_DIGITS; digits++)
		value *= 10;
	*out_ns = value;
	return true;
}

/* "Z" or "+hh:mm"; seconds to take off to get UTC. */
static bool take_offset(struct str *text, int64_t *out_s)
{
	unsigned hour, minute;
	bool is_minus;

	if (take_byte(text, 'Z') || take_byte(text, 'z'))
		return true;
	is_minus = take_byte(text, '-');
	if (!is_minus && !take_byte(text, '+'))
		return false;
	if (!take_number(text, 2, &hour) || !take_byte(text, ':') ||
	    !take_number(text, 2, &minute) || hour > 23 || minute > 59)
		return false;
	*out_s = (int64_t)(hour * 3600 + minute * 60) * (is_minus ? -1 : 1);
	return true;
}

enum err clock_parse(struct str text, int64_t *out_wall_ns)
{
	struct clock_civil civil = {0};
	int64_t fraction_ns = 0, offset_s = 0, wall_s, wall_ns;

	if (!take_date(&text, &civil))
		return ERR_MALFORMED;
	if (text.len > 0) {
		if (!take_byte(&text, 'T') && !take_byte(&text, 't'))
			return ERR_MALFORMED;
		if (!take_time(&text, &civil) || !take_fraction(&text, &fraction_ns) ||
		    !take_offset(&text, &offset_s) || text.len > 0)
			return ERR_MALFORMED;
	}
	if (!clock_civil_to_s(&civil, &wall_s))
		return ERR_MALFORMED;
	/* 64 bits of nanoseconds reach from 1677 to 2262; other years cannot be told. */
	if (__builtin_mul_overflow(wall_s - offset_s, CLOCK_NS_PER_S, &wall_ns) ||
	    __builtin_add_overflow(wall_ns, fraction_ns, &wall_ns))
		return ERR_MALFORMED;
	*out_wall_ns = wall_ns;
	return OK;
}

enum err clock_parse_duration_ms(struct str text, int64_t *out_ms)
{
	static const struct {
		struct str suffix;
		int64_t ms;
	} units[] = {
		{{"ms", 2}, 1},	     {{"s", 1}, 1000},	   {{"m", 1}, 60000},
		{{"h", 1}, 3600000}, {{"d", 1}, 86400000},
	};
	size_t digits = 0;
	int64_t value;
	enum err err;

	while (digits < text.len && text.ptr[digits] >= '0' && text.ptr[digits] <= '9')
		digits++;
	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		if (!str_eq(str_sub(text, digits, text.len), units[i].suffix))
			continue;
		err = str_to_i64(str_sub(text, 0, digits), &value);
		if (err != OK)
			return err;
		if (__builtin_mul_overflow(value, units[i].ms, &value))
			return ERR_LIMIT;
		*out_ms = value;
		return OK;
	}
	return ERR_MALFORMED;
}

static char *put_text(char *out, const char *text, size_t len)
{
	memcpy(out, text, len);
	return out + len;
}

/* It stands in every answer, so no printf. */
void clock_http_date(int64_t wall_s, char out[static 30])
{
	static const char days[] = "MonTueWedThuFriSatSun";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct clock_civil civil = clock_civil_from_s(wall_s);
	char *at = put_text(out, days + 3 * (civil.weekday - 1), 3);

	at = put_digits(put_text(at, ", ", 2), civil.day, 2);
	at = put_text(put_text(at, " ", 1), months + 3 * (civil.month - 1), 3);
	at = put_digits(put_text(at, " ", 1), (unsigned)civil.year, 4);
	at = put_digits(put_text(at, " ", 1), civil.hour, 2);
	at = put_digits(put_text(at, ":", 1), civil.minute, 2);
	at = put_digits(put_text(at, ":", 1), civil.second, 2);
	at = put_text(at, " GMT", 5);
	ASSERT(at - out == 30);
}
