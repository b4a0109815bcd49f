/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each call has one row with an empty meter, which counts it, and a row per
 * line, which carries quantity and cost. So a report without meters counts by
 * the first and adds cost by the second; one with meters takes lines alone and
 * counts in how many calls the meter occurred.
 */
#include "metering/ledger/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "metering/money/cost.h"

#define GROUPS_MAX     1000000
#define PICO_PER_MICRO 1000000
#define ARENA_BYTES    ((size_t)4 << 30)
#define DATE_LEN       10 /* 2026-11-01 */
#define MONTH_LEN      7
#define KEY_BYTES      (REPORT_COLUMNS * (LEDGER_DIM_BYTES + 4) + 64)

static const char *const names[] = {
	[REPORT_BU] = "bu",
	[REPORT_TEAM] = "team",
	[REPORT_PROJECT] = "project",
	[REPORT_PRINCIPAL] = "principal",
	[REPORT_MODEL] = "model",
	[REPORT_DEPLOYMENT] = "deployment",
	[REPORT_PROVIDER] = "provider",
	[REPORT_DIALECT] = "dialect",
	[REPORT_METER] = "meter",
	[REPORT_PRICE] = "price",
	[REPORT_RATE] = "rate",
	[REPORT_UNIT] = "unit",
	[REPORT_HOUR] = "hour",
	[REPORT_DAY] = "day",
	[REPORT_MONTH] = "month",
};
_Static_assert(ARRAY_LEN(names) == REPORT_COLUMNS, "every column has a name");

const char *report_column_name(enum report_column column)
{
	return names[column];
}

static bool has_column(const struct report_query *query, enum report_column column)
{
	for (unsigned i = 0; i < query->by_count; i++) {
		if (query->by[i] == column)
			return true;
	}
	return false;
}

bool report_has_quantity(const struct report_query *query)
{
	return has_column(query, REPORT_METER) || has_column(query, REPORT_PRICE) ||
	       has_column(query, REPORT_RATE) || has_column(query, REPORT_UNIT);
}

enum err report_parse_by(struct str text, struct diag *diag, struct report_query *query)
{
	struct report_query parsed = *query;

	parsed.by_count = 0;
	while (str_is_set(text)) {
		struct str name;
		unsigned column = 0;

		str_cut(&text, ',', &name);
		name = str_trim(name);
		while (column < REPORT_COLUMNS && !str_eq(name, str_from_c(names[column])))
			column++;
		if (column == REPORT_COLUMNS)
			return diag_set(
				diag, ERR_MALFORMED, "", 0, 0,
				"cannot report by '" STR_FMT
				"': there are bu, team, project, principal, model, deployment, "
				"provider, dialect, meter, price, rate, unit, hour, day and month",
				STR_ARG(name));
		if (has_column(&parsed, column))
			return diag_set(diag, ERR_MALFORMED, "", 0, 0, "'%s' is asked for twice",
					names[column]);
		parsed.by[parsed.by_count++] = column;
	}
	*query = parsed;
	return OK;
}

/* The first whole UTC hour that begins at or after this moment of the zone's clocks. */
static int64_t first_hour_s(const struct zone *zone, int64_t local_s)
{
	int64_t wall_s = zone_to_utc_s(zone, local_s);
	int64_t past = ((wall_s % LEDGER_HOUR_S) + LEDGER_HOUR_S) % LEDGER_HOUR_S;

	return past == 0 ? wall_s : wall_s - past + LEDGER_HOUR_S;
}

bool report_splits_hours(const struct report_query *query)
{
	return zone_offset_s(query->zone, query->from_s) % LEDGER_HOUR_S != 0 ||
	       zone_offset_s(query->zone, query->to_s) % LEDGER_HOUR_S != 0;
}

/* From the first of a month to the first of the next. */
static bool month_period(int year, unsigned month, struct report_query *query)
{
	struct clock_civil first = {.year = year, .month = month, .day = 1};
	struct clock_civil next = {.year = month == 12 ? year + 1 : year,
				   .month = month == 12 ? 1 : month + 1,
				   .day = 1};

	int64_t from_s, to_s;

	if (!clock_civil_to_s(&first, &from_s) || !clock_civil_to_s(&next, &to_s))
		return false;
	query->from_s = first_hour_s(query->zone, from_s);
	query->to_s = first_hour_s(query->zone, to_s);
	return true;
}

void report_set_month_of(int64_t wall_s, struct report_query *query)
{
	struct clock_civil now = clock_civil_from_s(wall_s + zone_offset_s(query->zone, wall_s));
	bool is_good = month_period(now.year, now.month, query);

	ASSERT(is_good);
}

enum err report_parse_month(struct str text, struct diag *diag, struct report_query *query)
{
	struct str year_text;
	uint64_t year, month;
	struct str rest = text;

	if (text.len == 7 && str_cut(&rest, '-', &year_text) && year_text.len == 4 &&
	    str_to_u64(year_text, &year) == OK && str_to_u64(rest, &month) == OK && year >= 1970 &&
	    year < 9999 && month >= 1 && month <= 12 &&
	    month_period((int)year, (unsigned)month, query))
		return OK;
	return diag_set(diag, ERR_MALFORMED, "", 0, 0,
			"'" STR_FMT "' is not a month; write it as 2026-11", STR_ARG(text));
}

enum err report_parse_time(struct str text, const struct zone *zone, struct diag *diag,
			   int64_t *out_s)
{
	int64_t ns;

	if (clock_parse(text, &ns) != OK)
		return diag_set(diag, ERR_MALFORMED, "", 0, 0,
				"'" STR_FMT "' is not a date or time; write 2026-11-01 or "
				"2026-11-01T09:00:00Z",
				STR_ARG(text));
	if (text.len == DATE_LEN) {
		*out_s = first_hour_s(zone, ns / CLOCK_NS_PER_S);
		return OK;
	}
	if (ns % (LEDGER_HOUR_S * CLOCK_NS_PER_S) != 0)
		return diag_set(diag, ERR_MALFORMED, "", 0, 0,
				"'" STR_FMT
				"' is not on the hour, and totals are kept by the hour (UTC)",
				STR_ARG(text));
	*out_s = ns / CLOCK_NS_PER_S;
	return OK;
}

static struct str time_text(const struct report_query *query, enum report_column column,
			    int64_t hour_s, char scratch[static COST_TEXT])
{
	char time[CLOCK_RFC3339_SIZE];
	size_t len;

	if (column != REPORT_HOUR)
		hour_s += zone_offset_s(query->zone, hour_s);
	len = clock_format(hour_s * CLOCK_NS_PER_S, 0, time);
	if (column != REPORT_HOUR)
		len = column == REPORT_DAY ? DATE_LEN : MONTH_LEN;
	memcpy(scratch, time, len);
	return str_make(scratch, len);
}

/* What a row says in a column; scratch holds text that is made here. */
static struct str column_text(const struct report_query *query, enum report_column column,
			      const struct ledger_row *row, char scratch[static COST_TEXT])
{
	struct cost_sum rate;

	switch (column) {
	case REPORT_BU:
	case REPORT_TEAM:
	case REPORT_PROJECT:
	case REPORT_PRINCIPAL:
	case REPORT_MODEL:
	case REPORT_DEPLOYMENT:
	case REPORT_PROVIDER:
	case REPORT_DIALECT: return row->account->dims[(enum ledger_dim)column];
	case REPORT_METER: return row->price->meter;
	case REPORT_PRICE: return row->price->line;
	case REPORT_RATE:
		rate.pico = (__int128)row->price->rate_micro * PICO_PER_MICRO;
		return str_make(scratch, cost_print(rate, scratch));
	case REPORT_UNIT: return row->price->unit;
	case REPORT_HOUR:
	case REPORT_DAY:
	case REPORT_MONTH: return time_text(query, column, row->hour * LEDGER_HOUR_S, scratch);
	case REPORT_COLUMNS: break;
	}
	return STR("");
}

static size_t key_add(char *key, size_t len, struct str part)
{
	uint32_t size = (uint32_t)part.len;

	ASSERT(len + sizeof(size) + part.len <= KEY_BYTES);
	memcpy(key + len, &size, sizeof(size));
	if (part.len > 0)
		memcpy(key + len + sizeof(size), part.ptr, part.len);
	return len + sizeof(size) + part.len;
}

static enum err group_new(struct report *report, struct str key, const struct str *parts,
			  struct str currency, struct report_group **out_group)
{
	struct report_group *group = arena_zalloc(&report->arena, sizeof(*group));
	struct str own_key = arena_str(&report->arena, key);

	if (group == NULL || !str_is_set(own_key))
		return ERR_LIMIT;
	for (unsigned i = 0; i < report->query.by_count; i++) {
		group->keys[i] = arena_str(&report->arena, parts[i]);
		if (!str_is_set(group->keys[i]))
			return ERR_LIMIT;
	}
	group->currency = arena_str(&report->arena, currency);
	if (!str_is_set(group->currency) || map_put(&report->index, own_key, group) != OK)
		return ERR_LIMIT;
	if (report->group_count == report->group_cap) {
		report->group_cap = report->group_cap == 0 ? 64 : report->group_cap * 2;
		report->groups = reallocarray(report->groups, report->group_cap, sizeof(void *));
		ASSERT(report->groups != NULL);
	}
	report->groups[report->group_count++] = group;
	*out_group = group;
	return OK;
}

static enum err group_of(struct report *report, const struct ledger_row *row,
			 struct report_group **out_group)
{
	struct str parts[REPORT_COLUMNS] = {{NULL, 0}};
	char scratch[REPORT_COLUMNS][COST_TEXT];
	char key[KEY_BYTES];
	size_t len = 0;

	for (unsigned i = 0; i < report->query.by_count; i++) {
		parts[i] = column_text(&report->query, report->query.by[i], row, scratch[i]);
		if (parts[i].len > LEDGER_DIM_BYTES)
			return ERR_DAMAGED;
		len = key_add(key, len, parts[i]);
	}
	if (row->price->currency.len > LEDGER_DIM_BYTES)
		return ERR_DAMAGED;
	len = key_add(key, len, row->price->currency);
	*out_group = map_get(&report->index, str_make(key, len));
	if (*out_group != NULL)
		return OK;
	return group_new(report, str_make(key, len), parts, row->price->currency, out_group);
}

static enum err total_of(struct report *report, struct str currency,
			 struct report_group **out_group)
{
	for (size_t i = 0; i < report->total_count; i++) {
		if (str_eq(report->totals[i].currency, currency)) {
			*out_group = &report->totals[i];
			return OK;
		}
	}
	currency = arena_str(&report->arena, currency);
	if (report->total_count == REPORT_CURRENCIES || !str_is_set(currency))
		return ERR_LIMIT;
	*out_group = &report->totals[report->total_count++];
	(*out_group)->currency = currency;
	return OK;
}

static void add_cost(struct report_sum *sum, const struct ledger_row *row)
{
	sum->pico += row->total.pico;
	sum->quantity += row->total.quantity;
	if ((row->flags & LEDGER_ESTIMATED) != 0) {
		sum->estimated_pico += row->total.pico;
		sum->estimated_quantity += row->total.quantity;
	}
}

static void add_counts(struct report_sum *sum, const struct ledger_row *row)
{
	sum->requests += row->total.requests;
	sum->attempts += row->total.attempts;
	sum->estimated += (row->flags & LEDGER_ESTIMATED) != 0 ? row->total.attempts : 0;
	sum->unpriced += (row->flags & LEDGER_UNPRICED) != 0 ? row->total.attempts : 0;
	sum->no_usage += (row->flags & LEDGER_NO_USAGE) != 0 ? row->total.attempts : 0;
	sum->inconsistent += (row->flags & LEDGER_INCONSISTENT) != 0 ? row->total.attempts : 0;
}

/* The version behind the price line's last '@', kept once and in order. */
static enum err note_book(struct report *report, struct str line)
{
	const char *mark = line.len == 0 ? NULL : memrchr(line.ptr, '@', line.len);
	struct str version;
	size_t at = 0;

	if (mark == NULL)
		return OK;
	version = str_make(mark + 1, line.len - (size_t)(mark + 1 - line.ptr));
	while (at < report->book_count && str_cmp(report->books[at], version) < 0)
		at++;
	if (at < report->book_count && str_eq(report->books[at], version))
		return OK;
	if (report->book_count == REPORT_BOOKS) {
		report->has_more_books = true;
		return OK;
	}
	version = arena_str(&report->arena, version);
	if (!str_is_set(version))
		return ERR_LIMIT;
	memmove(report->books + at + 1, report->books + at,
		(report->book_count - at) * sizeof(report->books[0]));
	report->books[at] = version;
	report->book_count++;
	return OK;
}

static enum err on_row(void *arg, struct str gateway, const struct ledger_row *row)
{
	struct report *report = arg;
	bool is_call = row->price->meter.len == 0;
	bool by_line = report_has_quantity(&report->query);
	struct report_group *group, *total;
	enum err err;

	(void)gateway;
	if (str_is_set(report->query.bu) &&
	    !str_eq(report->query.bu, row->account->dims[LEDGER_BU]))
		return OK;
	err = total_of(report, row->price->currency, &total);
	if (err != OK)
		return err;
	if (is_call) {
		add_counts(&total->sum, row);
		add_counts(&report->calls, row);
		if (by_line)
			return OK;
	} else {
		add_cost(&total->sum, row);
		err = note_book(report, row->price->line);
		if (err != OK)
			return err;
	}
	err = group_of(report, row, &group);
	if (err != OK)
		return err;
	if (!is_call)
		add_cost(&group->sum, row);
	if (is_call || by_line)
		add_counts(&group->sum, row);
	return OK;
}

static int compare_keys(const struct report_group *a, const struct report_group *b)
{
	for (unsigned i = 0; i < REPORT_COLUMNS; i++) {
		int order = str_cmp(a->keys[i], b->keys[i]);

		if (order != 0)
			return order;
	}
	return 0;
}

static int compare_groups(const void *a, const void *b)
{
	const struct report_group *const *left = a;
	const struct report_group *const *right = b;
	int order = compare_keys(*left, *right);

	return order != 0 ? order : str_cmp((*left)->currency, (*right)->currency);
}

static int compare_totals(const void *a, const void *b)
{
	const struct report_group *left = a;
	const struct report_group *right = b;

	return str_cmp(left->currency, right->currency);
}

static void sum_merge(struct report_sum *into, const struct report_sum *from)
{
	into->requests += from->requests;
	into->attempts += from->attempts;
	into->estimated += from->estimated;
	into->unpriced += from->unpriced;
	into->no_usage += from->no_usage;
	into->inconsistent += from->inconsistent;
}

/* Calls that cost nothing in no currency (refused by the upstream, say) are counted with the first
 * currency of the same keys, where there is one; an empty currency sorts first. */
static void merge_bare(struct report *report)
{
	size_t kept = 0;

	for (size_t i = 0; i < report->group_count; i++) {
		struct report_group *group = report->groups[i];
		struct report_group *next =
			i + 1 < report->group_count ? report->groups[i + 1] : NULL;

		if (group->currency.len == 0 && group->sum.pico == 0 && next != NULL &&
		    compare_keys(group, next) == 0)
			sum_merge(&next->sum, &group->sum);
		else
			report->groups[kept++] = group;
	}
	report->group_count = kept;
	if (report->total_count > 1 && report->totals[0].currency.len == 0 &&
	    report->totals[0].sum.pico == 0) {
		sum_merge(&report->totals[1].sum, &report->totals[0].sum);
		report->total_count--;
		memmove(report->totals, report->totals + 1,
			report->total_count * sizeof(report->totals[0]));
	}
}

static enum err report_read(struct report *report, const struct ledger_options *options,
			    struct diag *diag)
{
	const struct ledger_ops *ops =
		options->store == LEDGER_REDIS ? &ledger_redis_ops : &ledger_sqlite_ops;
	void *store;
	enum err err = ops->open(options, true, diag, &store);

	if (err != OK)
		return err;
	err = ops->scan(store, report->query.from_s / LEDGER_HOUR_S,
			report->query.to_s / LEDGER_HOUR_S, on_row, report, &report->standing);
	if (err == ERR_LIMIT)
		diag_set(diag, err, "", 0, 0, "more than %d lines; ask for fewer columns or days",
			 GROUPS_MAX);
	else if (err != OK)
		diag_set(diag, err, "", 0, 0, "cannot read the ledger (%s): %s", ops->name,
			 ops->why(store));
	ops->close(store);
	return err;
}

enum err report_new(const struct report_query *query, const struct ledger_options *options,
		    struct diag *diag, struct report **out_report)
{
	struct report *report = base_alloc(sizeof(*report));
	enum err err;

	report->query = *query;
	arena_init(&report->arena, 1U << 16, ARENA_BYTES);
	map_init(&report->index, GROUPS_MAX);
	err = report_read(report, options, diag);
	if (err != OK) {
		report_free(report);
		return err;
	}
	if (report->group_count > 1)
		qsort(report->groups, report->group_count, sizeof(void *), compare_groups);
	qsort(report->totals, report->total_count, sizeof(report->totals[0]), compare_totals);
	merge_bare(report);
	*out_report = report;
	return OK;
}

void report_free(struct report *report)
{
	if (report == NULL)
		return;
	map_fini(&report->index);
	arena_fini(&report->arena);
	free(report->groups);
	free(report);
}
