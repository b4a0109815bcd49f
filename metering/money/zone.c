/* SPDX-License-Identifier: Apache-2.0 */
/*
 *   header  "TZif" version ... six counts          twice: first with 32-bit times (skipped), then
 *   times   when the offset changes                with 64-bit times
 *   kinds   which offset begins there
 *   offsets seconds east, is summer, name
 *   footer  "\nCET-1CEST,M3.5.0,M10.5.0/3\n": what holds behind the last time
 */
#include "metering/money/zone.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define HEADER_BYTES 44
#define OFFSET_BYTES 6
#define OFFSET_MAX_S (26 * 3600)

/* The Nth weekday of a month (5: the last one) at a second of the day. */
struct zone_day {
	unsigned month, week, weekday; /* weekday: 0 Sunday */
	int64_t second;
};

struct zone_rule {
	bool is_set;
	bool has_summer;
	int64_t standard_s, summer_s;
	struct zone_day begin, end; /* of summer; in the clocks' time before the change */
};

struct zone_change {
	int64_t at_s;
	int64_t offset_s; /* from there on */
};

struct zone {
	int64_t first_s; /* before any change */
	size_t count;
	struct zone_change *changes; /* ascending */
	struct zone_rule rule;	     /* behind the last one */
};

/* --- the file -----------------------------------------------------------------------------------
 */

struct zone_counts {
	size_t isut, isstd, leap, time, type, chars;
};

static uint64_t read_be(const char *ptr, unsigned bytes)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < bytes; i++)
		value = value << 8 | (uint8_t)ptr[i];
	return value;
}

static bool read_header(struct str *rest, struct zone_counts *out)
{
	size_t *counts[] = {&out->isut, &out->isstd, &out->leap,
			    &out->time, &out->type,  &out->chars};

	if (rest->len < HEADER_BYTES || memcmp(rest->ptr, "TZif", 4) != 0 || rest->ptr[4] < '2')
		return false;
	for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
		*counts[i] = read_be(rest->ptr + 20 + i * 4, 4);
		if (*counts[i] > ZONE_BYTES)
			return false;
	}
	*rest = str_sub(*rest, HEADER_BYTES, rest->len);
	return out->type > 0;
}

static size_t block_bytes(const struct zone_counts *counts, size_t time_bytes)
{
	return counts->time * (time_bytes + 1) + counts->type * OFFSET_BYTES + counts->chars +
	       counts->leap * (time_bytes + 4) + counts->isstd + counts->isut;
}

static bool read_offset(const char *offsets, size_t count, size_t i, int64_t *out_s)
{
	if (i >= count)
		return false;
	*out_s = (int32_t)read_be(offsets + i * OFFSET_BYTES, 4);
	return *out_s > -OFFSET_MAX_S && *out_s < OFFSET_MAX_S;
}

static bool read_changes(struct zone *zone, struct str block, const struct zone_counts *counts)
{
	const char *times = block.ptr;
	const char *kinds = times + counts->time * 8;
	const char *offsets = kinds + counts->time;

	if (!read_offset(offsets, counts->type, 0, &zone->first_s))
		return false;
	zone->changes = base_alloc((counts->time + 1) * sizeof(*zone->changes));
	for (; zone->count < counts->time; zone->count++) {
		struct zone_change *change = &zone->changes[zone->count];

		change->at_s = (int64_t)read_be(times + zone->count * 8, 8);
		if (!read_offset(offsets, counts->type, (uint8_t)kinds[zone->count],
				 &change->offset_s))
			return false;
		if (zone->count > 0 && change->at_s <= change[-1].at_s)
			return false;
	}
	return true;
}

/* --- the footer ---------------------------------------------------------------------------------
 */

static bool take_number(struct str *rest, unsigned max, unsigned *out)
{
	size_t len = 0;
	uint64_t value;

	while (len < rest->len && rest->ptr[len] >= '0' && rest->ptr[len] <= '9')
		len++;
	if (len == 0 || len > 3 || str_to_u64(str_sub(*rest, 0, len), &value) != OK || value > max)
		return false;
	*out = (unsigned)value;
	*rest = str_sub(*rest, len, rest->len);
	return true;
}

static bool take_char(struct str *rest, char c)
{
	if (rest->len == 0 || rest->ptr[0] != c)
		return false;
	*rest = str_sub(*rest, 1, rest->len);
	return true;
}

/* "CET" or "<+0330>" */
static bool skip_name(struct str *rest)
{
	bool is_quoted = take_char(rest, '<');
	size_t len = 0;

	while (len < rest->len &&
	       (is_quoted ? rest->ptr[len] != '>'
			  : (rest->ptr[len] >= 'A' && rest->ptr[len] <= 'Z') ||
				    (rest->ptr[len] >= 'a' && rest->ptr[len] <= 'z')))
		len++;
	*rest = str_sub(*rest, len, rest->len);
	return len >= 3 && (!is_quoted || take_char(rest, '>'));
}

/* [+-]hh[:mm[:ss]] */
static bool take_clock(struct str *rest, int64_t *out_s)
{
	bool is_minus = take_char(rest, '-');
	unsigned hours = 0, minutes = 0, seconds = 0;

	if (!is_minus)
		(void)take_char(rest, '+');
	if (!take_number(rest, 167, &hours))
		return false;
	if (take_char(rest, ':') && !take_number(rest, 59, &minutes))
		return false;
	if (minutes > 0 && take_char(rest, ':') && !take_number(rest, 59, &seconds))
		return false;
	*out_s = (int64_t)hours * 3600 + minutes * 60 + seconds;
	if (is_minus)
		*out_s = -*out_s;
	return true;
}

/* ",M3.5.0/2" */
static bool take_day(struct str *rest, struct zone_day *out)
{
	out->second = 2 * 3600;
	return take_char(rest, ',') && take_char(rest, 'M') && take_number(rest, 12, &out->month) &&
	       out->month > 0 && take_char(rest, '.') && take_number(rest, 5, &out->week) &&
	       out->week > 0 && take_char(rest, '.') && take_number(rest, 6, &out->weekday) &&
	       (!take_char(rest, '/') || take_clock(rest, &out->second));
}

/* Offsets stand there as hours west. */
static bool read_rule(struct str text, struct zone_rule *out)
{
	if (text.len == 0)
		return true; /* the last transition's offset holds for ever */
	out->is_set = true;
	if (!skip_name(&text) || !take_clock(&text, &out->standard_s))
		return false;
	out->standard_s = -out->standard_s;
	if (text.len == 0)
		return true;
	out->has_summer = true;
	out->summer_s = out->standard_s + 3600;
	if (!skip_name(&text))
		return false;
	if (text.len > 0 && text.ptr[0] != ',') {
		if (!take_clock(&text, &out->summer_s))
			return false;
		out->summer_s = -out->summer_s;
	}
	return take_day(&text, &out->begin) && take_day(&text, &out->end) && text.len == 0;
}

static bool read_zone(struct zone *zone, struct str text)
{
	struct zone_counts counts;
	struct str footer;

	if (!read_header(&text, &counts) || text.len < block_bytes(&counts, 4))
		return false;
	text = str_sub(text, block_bytes(&counts, 4), text.len);
	if (!read_header(&text, &counts) || text.len < block_bytes(&counts, 8))
		return false;
	if (!read_changes(zone, text, &counts))
		return false;
	footer = str_sub(text, block_bytes(&counts, 8), text.len);
	if (!take_char(&footer, '\n') || footer.len == 0 || footer.ptr[footer.len - 1] != '\n')
		return false;
	return read_rule(str_sub(footer, 0, footer.len - 1), &zone->rule);
}

enum err zone_new(const char *name, struct str tzif, struct diag *diag, struct zone **out_zone)
{
	struct zone *zone;

	if (tzif.len > ZONE_BYTES)
		return diag_set(diag, ERR_LIMIT, name, 0, 0,
				"the time zone's file is larger than %zu bytes", ZONE_BYTES);
	zone = base_alloc(sizeof(*zone));
	if (!read_zone(zone, tzif)) {
		zone_free(zone);
		return diag_set(diag, ERR_MALFORMED, name, 0, 0,
				"not a time zone's file (TZif, version 2 or later)");
	}
	*out_zone = zone;
	return OK;
}

void zone_free(struct zone *zone)
{
	if (zone == NULL)
		return;
	free(zone->changes);
	free(zone);
}

/* --- questions ----------------------------------------------------------------------------------
 */

/* In the clocks' time, as if UTC. */
static int64_t day_s(const struct zone_day *day, int year)
{
	struct clock_civil civil = {.year = year, .month = day->month, .day = 1};
	unsigned first, days;
	int64_t start = 0;
	int64_t next = 0;

	(void)clock_civil_to_s(&civil, &start);
	first = clock_civil_from_s(start).weekday % 7;
	civil.year += civil.month == 12 ? 1 : 0;
	civil.month = civil.month % 12 + 1;
	(void)clock_civil_to_s(&civil, &next);
	days = (day->weekday + 7 - first) % 7 + (day->week - 1) * 7;
	if (start + (int64_t)days * CLOCK_S_PER_DAY >= next)
		days -= 7;
	return start + (int64_t)days * CLOCK_S_PER_DAY + day->second;
}

static int64_t rule_offset_s(const struct zone_rule *rule, int64_t wall_s)
{
	int year;
	int64_t begin, end;

	if (!rule->has_summer)
		return rule->standard_s;
	year = clock_civil_from_s(wall_s + rule->standard_s).year;
	begin = day_s(&rule->begin, year) - rule->standard_s;
	end = day_s(&rule->end, year) - rule->summer_s;
	if (begin < end)
		return wall_s >= begin && wall_s < end ? rule->summer_s : rule->standard_s;
	return wall_s >= end && wall_s < begin ? rule->standard_s : rule->summer_s;
}

int64_t zone_offset_s(const struct zone *zone, int64_t wall_s)
{
	size_t low = 0;
	size_t high = zone == NULL ? 0 : zone->count;

	if (zone == NULL)
		return 0;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (zone->changes[middle].at_s <= wall_s)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == zone->count && zone->rule.is_set)
		return rule_offset_s(&zone->rule, wall_s);
	return low == 0 ? zone->first_s : zone->changes[low - 1].offset_s;
}

int64_t zone_to_utc_s(const struct zone *zone, int64_t local_s)
{
	/* The two offsets that can be in force around it; the larger one gives the earlier moment.
	 */
	int64_t before = zone_offset_s(zone, local_s - CLOCK_S_PER_DAY);
	int64_t after = zone_offset_s(zone, local_s + CLOCK_S_PER_DAY);
	int64_t early = local_s - MAX(before, after);
	int64_t late = local_s - MIN(before, after);
	int64_t low = early;

	if (zone_offset_s(zone, early) + early == local_s)
		return early;
	if (zone_offset_s(zone, late) + late == local_s)
		return late;
	/* Skipped: the change lies between the two. */
	while (late - low > 1) {
		int64_t middle = low + (late - low) / 2;

		if (zone_offset_s(zone, middle) == zone_offset_s(zone, early))
			low = middle;
		else
			late = middle;
	}
	return late;
}
