/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/ext_text.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "policy/ext.h"

#define DATETIME_MIN_MS (-62167219200000LL) /* 0000-01-01 */
#define DATETIME_MAX_MS 253402300799999LL   /* 9999-12-31T23:59:59.999Z */

enum fn_id ext_constructor(enum value_kind kind)
{
	switch (kind) {
	case VALUE_DECIMAL: return FN_DECIMAL;
	case VALUE_IP: return FN_IP;
	case VALUE_DATETIME: return FN_DATETIME;
	case VALUE_DURATION: return FN_DURATION;
	case VALUE_NONE:
	case VALUE_BOOL:
	case VALUE_LONG:
	case VALUE_STRING:
	case VALUE_ENTITY:
	case VALUE_SET:
	case VALUE_RECORD: break;
	}
	return FN_COUNT;
}

/* Of the smallest number as well, which has no negative. */
static uint64_t magnitude(int64_t n)
{
	return n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
}

/* 1.5, not 1.5000; one fraction digit at least. */
static void decimal_text(int64_t scaled, char *buf)
{
	uint64_t n = magnitude(scaled);
	int len = snprintf(buf, EXT_TEXT_MAX, "%s%" PRIu64 ".%04u", scaled < 0 ? "-" : "",
			   n / 10000, (unsigned)(n % 10000));

	for (int i = 0; i < 3 && buf[len - 1] == '0'; i++)
		buf[--len] = '\0';
}

static void ip_text(const struct ip *ip, char *buf)
{
	unsigned width = ip->is_v6 ? 128 : 32;
	size_t count = ip->is_v6 ? 8 : 4;
	size_t len = 0;

	for (size_t i = 0; i < count; i++) {
		unsigned v6 = (unsigned)ip->bytes[2 * i] << 8 | ip->bytes[2 * i + 1];

		len += (size_t)snprintf(buf + len, EXT_TEXT_MAX - len, ip->is_v6 ? "%s%x" : "%s%u",
					i == 0	    ? ""
					: ip->is_v6 ? ":"
						    : ".",
					ip->is_v6 ? v6 : (unsigned)ip->bytes[i]);
	}
	if (ip->prefix < width)
		(void)snprintf(buf + len, EXT_TEXT_MAX - len, "/%u", (unsigned)ip->prefix);
}

/* The date alone at midnight, no milliseconds where there are none. */
static bool datetime_text(int64_t ms, char *buf)
{
	int64_t time = ext_datetime_to_time(ms);
	struct clock_civil civil;
	int len;

	if (ms < DATETIME_MIN_MS || ms > DATETIME_MAX_MS)
		return false;
	civil = clock_civil_from_s((ms - time) / 1000 + time / 1000);
	len = snprintf(buf, EXT_TEXT_MAX, "%04d-%02u-%02u", civil.year, civil.month, civil.day);
	if (time == 0)
		return true;
	len += snprintf(buf + len, (size_t)(EXT_TEXT_MAX - len), "T%02u:%02u:%02u", civil.hour,
			civil.minute, civil.second);
	if (time % 1000 > 0)
		len += snprintf(buf + len, (size_t)(EXT_TEXT_MAX - len), ".%03d",
				(int)(time % 1000));
	(void)snprintf(buf + len, (size_t)(EXT_TEXT_MAX - len), "Z");
	return true;
}

static void duration_text(int64_t ms, char *buf)
{
	static const struct {
		uint64_t ms;
		const char *name;
	} units[] = {{86400000, "d"}, {3600000, "h"}, {60000, "m"}, {1000, "s"}, {1, "ms"}};
	uint64_t rest = magnitude(ms);
	size_t len = (size_t)snprintf(buf, EXT_TEXT_MAX, "%s", ms < 0 ? "-" : "");

	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		uint64_t n = rest / units[i].ms;

		rest %= units[i].ms;
		if (n > 0)
			len += (size_t)snprintf(buf + len, EXT_TEXT_MAX - len, "%" PRIu64 "%s", n,
						units[i].name);
	}
	if (ms == 0)
		(void)snprintf(buf, EXT_TEXT_MAX, "0s");
}

bool ext_text(struct value value, char buf[static EXT_TEXT_MAX])
{
	buf[0] = '\0';
	switch ((unsigned)value.kind) {
	case VALUE_DECIMAL: decimal_text(value.number, buf); return true;
	case VALUE_IP: ip_text(value.ip, buf); return true;
	case VALUE_DATETIME: return datetime_text(value.number, buf);
	case VALUE_DURATION: duration_text(value.number, buf); return true;
	default: return false;
	}
}
