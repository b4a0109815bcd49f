/* SPDX-License-Identifier: Apache-2.0 */
/*
 *   decimal   -?[0-9]+\.[0-9]{1,4}
 *   datetime  YYYY-MM-DD  |  YYYY-MM-DDThh:mm:ss[.SSS](Z | (+|-)hhmm)
 *   duration  -?([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?   at least one part
 *   ip        IPv4 | IPv6, each with an optional /prefix; no zone, no dotted quad in IPv6
 */
#include "policy/ext.h"

#define IP_TEXT_MAX 43

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* One digit more on a magnitude that may reach 2^63 (the smallest negative). */
static bool push_digit(uint64_t *magnitude, char c)
{
	return !__builtin_mul_overflow(*magnitude, 10U, magnitude) &&
	       !__builtin_add_overflow(*magnitude, (uint64_t)(c - '0'), magnitude);
}

static bool apply_sign(uint64_t magnitude, bool is_negative, int64_t *out)
{
	if (magnitude > (uint64_t)INT64_MAX + (is_negative ? 1U : 0U))
		return false;
	*out = is_negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
	return true;
}

static bool take_sign(struct str *s)
{
	if (s->len == 0 || s->ptr[0] != '-')
		return false;
	*s = str_make(s->ptr + 1, s->len - 1);
	return true;
}

bool ext_decimal_parse(struct str s, int64_t *out_scaled)
{
	bool is_negative = take_sign(&s);
	uint64_t magnitude = 0;
	size_t dot = str_index(s, '.');
	size_t digits = dot < s.len ? s.len - dot - 1 : 0;

	if (dot == 0 || digits < 1 || digits > 4)
		return false;
	for (size_t i = 0; i < s.len; i++)
		if (i != dot && (!is_digit(s.ptr[i]) || !push_digit(&magnitude, s.ptr[i])))
			return false;
	for (; digits < 4; digits++)
		if (!push_digit(&magnitude, '0'))
			return false;
	return apply_sign(magnitude, is_negative, out_scaled);
}

/* Exactly `len` digits at `at`. */
static bool fixed_digits(struct str s, size_t at, size_t len, unsigned *out)
{
	unsigned n = 0;

	if (at + len > s.len)
		return false;
	for (size_t i = at; i < at + len; i++) {
		if (!is_digit(s.ptr[i]))
			return false;
		n = n * 10 + (unsigned)(s.ptr[i] - '0');
	}
	*out = n;
	return true;
}

static unsigned days_in_month(unsigned year, unsigned month)
{
	static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return days[month - 1] + (month == 2 && is_leap ? 1U : 0U);
}

/* Days since 1970-01-01, counting years from March so that the leap day comes last. */
static int64_t days_from_civil(unsigned year, unsigned month, unsigned day)
{
	int64_t y = (int64_t)year - (month <= 2 ? 1 : 0);
	int64_t m = month <= 2 ? month + 9 : month - 3;
	int64_t century = y >= 0 ? y / 400 : (y - 399) / 400;
	int64_t of_era = y - century * 400;

	return century * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + (153 * m + 2) / 5 +
	       day - 1 - 719468;
}

static bool datetime_date(struct str s, int64_t *out_ms)
{
	unsigned year;
	unsigned month;
	unsigned day;

	if (!fixed_digits(s, 0, 4, &year) || !fixed_digits(s, 5, 2, &month) ||
	    !fixed_digits(s, 8, 2, &day) || s.ptr[4] != '-' || s.ptr[7] != '-')
		return false;
	if (month < 1 || month > 12 || day < 1 || day > days_in_month(year, month))
		return false;
	*out_ms = days_from_civil(year, month, day) * EXT_MS_PER_DAY;
	return true;
}

/* "Z" or "+hhmm" or "-hhmm" and nothing behind. */
static bool datetime_zone(struct str s, int64_t *out_ms)
{
	unsigned hours;
	unsigned minutes;

	if (str_eq(s, STR("Z"))) {
		*out_ms = 0;
		return true;
	}
	if (s.len != 5 || (s.ptr[0] != '+' && s.ptr[0] != '-') || !fixed_digits(s, 1, 2, &hours) ||
	    !fixed_digits(s, 3, 2, &minutes) || hours > 23 || minutes > 59)
		return false;
	*out_ms = (int64_t)(hours * 60 + minutes) * 60000 * (s.ptr[0] == '+' ? 1 : -1);
	return true;
}

bool ext_datetime_parse(struct str s, int64_t *out_ms)
{
	unsigned hour;
	unsigned minute;
	unsigned second;
	unsigned milli = 0;
	int64_t date;
	int64_t zone;
	size_t zone_at = 19;

	if (!datetime_date(s, &date))
		return false;
	if (s.len == 10) {
		*out_ms = date;
		return true;
	}
	if (!fixed_digits(s, 11, 2, &hour) || !fixed_digits(s, 14, 2, &minute) ||
	    !fixed_digits(s, 17, 2, &second) || s.ptr[10] != 'T' || s.ptr[13] != ':' ||
	    s.ptr[16] != ':' || hour > 23 || minute > 59 || second > 59)
		return false;
	if (s.len > 19 && s.ptr[19] == '.') {
		if (!fixed_digits(s, 20, 3, &milli))
			return false;
		zone_at = 23;
	}
	if (!datetime_zone(str_sub(s, zone_at, s.len), &zone))
		return false;
	*out_ms = date + (int64_t)(hour * 3600 + minute * 60 + second) * 1000 + milli - zone;
	return true;
}

/* Which of d h m s ms stands at s; its length goes to *out_len. Index 5: none. */
static unsigned duration_unit(struct str s, size_t *out_len)
{
	bool is_milli = s.len >= 2 && s.ptr[0] == 'm' && s.ptr[1] == 's';

	*out_len = is_milli ? 2 : 1;
	if (is_milli)
		return 4;
	switch (s.len > 0 ? s.ptr[0] : '\0') {
	case 'd': return 0;
	case 'h': return 1;
	case 'm': return 2;
	case 's': return 3;
	default: return 5;
	}
}

bool ext_duration_parse(struct str s, int64_t *out_ms)
{
	static const uint32_t unit_ms[] = {86400000, 3600000, 60000, 1000, 1};
	bool is_negative = take_sign(&s);
	uint64_t total = 0;
	unsigned next = 0;
	size_t at = 0;

	if (s.len == 0)
		return false;
	while (at < s.len) {
		uint64_t n = 0;
		size_t start = at;
		size_t len;
		unsigned unit;

		for (; at < s.len && is_digit(s.ptr[at]); at++)
			if (!push_digit(&n, s.ptr[at]))
				return false;
		unit = duration_unit(str_sub(s, at, s.len), &len);
		if (at == start || unit < next || unit >= ARRAY_LEN(unit_ms) ||
		    __builtin_mul_overflow(n, unit_ms[unit], &n) ||
		    __builtin_add_overflow(total, n, &total))
			return false;
		next = unit + 1;
		at += len;
	}
	return apply_sign(total, is_negative, out_ms);
}

/* A decimal without leading zeros, at most `max`. */
static bool plain_number(struct str s, unsigned max, unsigned *out)
{
	if (s.len == 0 || s.len > 3 || (s.len > 1 && s.ptr[0] == '0'))
		return false;
	return fixed_digits(s, 0, s.len, out) && *out <= max;
}

static bool ipv4_parse(struct str s, struct ip *ip)
{
	for (size_t i = 0; i < 4; i++) {
		struct str octet;
		unsigned n;
		bool has_dot = str_cut(&s, '.', &octet);

		if (has_dot != (i < 3) || !plain_number(octet, 255, &n))
			return false;
		ip->bytes[i] = (uint8_t)n;
	}
	return true;
}

/* Groups of one to four hex digits parted by single colons, from `at` on; returns how many (at
 * most `max`), *at behind the last. */
static size_t ipv6_groups(struct str s, size_t *at, size_t max, uint8_t *out)
{
	size_t count = 0;

	while (count < max) {
		size_t start = *at + (count > 0 ? 1U : 0U);
		size_t end = start;
		uint64_t group;

		if (count > 0 && (*at >= s.len || s.ptr[*at] != ':'))
			break;
		while (end < s.len && end - start < 4 && s.ptr[end] != ':')
			end++;
		if (str_to_hex64(str_sub(s, start, end - start), &group) != OK)
			break;
		out[2 * count] = (uint8_t)(group >> 8);
		out[2 * count + 1] = (uint8_t)group;
		count++;
		*at = end;
	}
	return count;
}

static bool ipv6_parse(struct str s, struct ip *ip)
{
	uint8_t tail[16];
	size_t at = 0;
	size_t head_count = ipv6_groups(s, &at, 8, ip->bytes);
	size_t tail_count;

	if (head_count == 8)
		return at == s.len;
	if (at + 2 > s.len || s.ptr[at] != ':' || s.ptr[at + 1] != ':')
		return false;
	at += 2;
	/* The gap stands for at least one group. */
	tail_count = ipv6_groups(s, &at, 7 - head_count, tail);
	memcpy(ip->bytes + 16 - 2 * tail_count, tail, 2 * tail_count);
	return at == s.len;
}

bool ext_ip_parse(struct str s, struct ip *out_ip)
{
	struct ip ip = {.is_v6 = str_index(s, ':') < s.len};
	unsigned width = ip.is_v6 ? 128 : 32;
	unsigned prefix = width;
	struct str address;

	if (s.len > IP_TEXT_MAX)
		return false;
	if (str_cut(&s, '/', &address) && !plain_number(s, width, &prefix))
		return false;
	if (!(ip.is_v6 ? ipv6_parse(address, &ip) : ipv4_parse(address, &ip)))
		return false;
	ip.prefix = (uint8_t)prefix;
	*out_ip = ip;
	return true;
}

static bool same_bits(const struct ip *a, const struct ip *b, unsigned bits)
{
	unsigned whole = bits / 8;
	unsigned rest = bits % 8;

	if (whole > 0 && memcmp(a->bytes, b->bytes, whole) != 0)
		return false;
	return rest == 0 || ((a->bytes[whole] ^ b->bytes[whole]) >> (8 - rest)) == 0;
}

bool ext_ip_is_in_range(const struct ip *inner, const struct ip *outer)
{
	return inner->is_v6 == outer->is_v6 && inner->prefix >= outer->prefix &&
	       same_bits(inner, outer, outer->prefix);
}

bool ext_ip_is_loopback(const struct ip *ip)
{
	static const struct ip v4 = {.bytes = {127}, .prefix = 8};
	static const struct ip v6 = {.bytes = {[15] = 1}, .prefix = 128, .is_v6 = true};

	return ext_ip_is_in_range(ip, ip->is_v6 ? &v6 : &v4);
}

bool ext_ip_is_multicast(const struct ip *ip)
{
	static const struct ip v4 = {.bytes = {224}, .prefix = 4};
	static const struct ip v6 = {.bytes = {255}, .prefix = 8, .is_v6 = true};

	return ext_ip_is_in_range(ip, ip->is_v6 ? &v6 : &v4);
}

int64_t ext_datetime_to_time(int64_t ms)
{
	int64_t rest = ms % EXT_MS_PER_DAY;

	return rest < 0 ? rest + EXT_MS_PER_DAY : rest;
}

bool ext_datetime_to_date(int64_t ms, int64_t *out_ms)
{
	return !__builtin_sub_overflow(ms, ext_datetime_to_time(ms), out_ms);
}
