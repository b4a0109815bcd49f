/* SPDX-License-Identifier: Apache-2.0 */
#include "metering/ledger/sheet.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "metering/ledger/decimal.h"
#include "metering/ledger/rounding.h"
#include "metering/money/cost.h"

#define PICO_DIGITS 12
#define BOOKS_BYTES ((REPORT_BOOKS + 1) * (LEDGER_DIM_BYTES + 1))

#define TRY(call)                                                                                  \
	do {                                                                                       \
		enum err try_err = (call);                                                         \
		if (try_err != OK)                                                                 \
			return try_err;                                                            \
	} while (0)

enum err sheet_parse_format(struct str text, enum sheet_format *out_format)
{
	static const struct str formats[] = {
		[SHEET_TABLE] = {"table", 5}, [SHEET_CSV] = {"csv", 3}, [SHEET_JSON] = {"json", 4}};

	for (unsigned i = 0; i < ARRAY_LEN(formats); i++) {
		if (str_eq(text, formats[i])) {
			*out_format = i;
			return OK;
		}
	}
	return ERR_NOT_FOUND;
}

static enum err add_int(struct buf *out, __int128 value)
{
	char text[DECIMAL_SIZE];
	size_t len = decimal_int(value, text);

	return buf_append(out, str_make(text, len));
}

static enum err add_pico(struct buf *out, __int128 pico)
{
	char text[COST_TEXT];
	size_t len = cost_print((struct cost_sum){pico}, text);

	return buf_append(out, str_make(text, len));
}

static enum err add_time(struct buf *out, int64_t wall_s)
{
	char text[CLOCK_RFC3339_SIZE];
	size_t len;

	if (wall_s == 0)
		return OK;
	len = clock_format(wall_s * CLOCK_NS_PER_S, 0, text);
	return buf_append(out, str_make(text, len));
}

static const char *zone_name(const struct report *report)
{
	return report->query.zone_name == NULL ? "UTC" : report->query.zone_name;
}

/* --- CSV --- */

/* As spreadsheets see it, which take the wide forms of these characters for the same. */
static bool is_formula(struct str s)
{
	static const struct str wide[] = {
		{"\xef\xbc\x9d", 3}, {"\xef\xbc\x8b", 3}, {"\xef\xbc\x8d", 3}, {"\xef\xbc\xa0", 3}};

	for (size_t i = 0; i < ARRAY_LEN(wide); i++) {
		if (str_has_prefix(s, wide[i]))
			return true;
	}
	return s.len > 0 && memchr("=+-@\t\r\n", s.ptr[0], 7) != NULL;
}

enum err sheet_put_csv(struct buf *out, struct str s)
{
	bool needs_quotes = false;

	for (size_t i = 0; i < s.len; i++)
		needs_quotes = needs_quotes || memchr("\",\r\n", s.ptr[i], 4) != NULL;
	if (needs_quotes)
		TRY(buf_append_byte(out, '"'));
	if (is_formula(s))
		TRY(buf_append_byte(out, '\''));
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] == '"')
			TRY(buf_append_byte(out, '"'));
		TRY(buf_append_byte(out, s.ptr[i]));
	}
	return needs_quotes ? buf_append_byte(out, '"') : OK;
}

static enum err csv_head(const struct report *report, struct buf *out)
{
	TRY(buf_append(out, STR("period_from,period_to,as_of")));
	for (unsigned i = 0; i < report->query.by_count; i++)
		TRY(buf_printf(out, ",%s", report_column_name(report->query.by[i])));
	return buf_append(out, STR(",requests,attempts,quantity,cost,currency,estimated_cost,"
				   "unpriced,time_zone,price_books\r\n"));
}

static enum err csv_books(const struct report *report, struct buf *out)
{
	struct buf names;
	enum err err = OK;

	buf_init(&names, BOOKS_BYTES);
	for (size_t i = 0; err == OK && i < report->book_count; i++) {
		if (i > 0)
			err = buf_append_byte(&names, ' ');
		if (err == OK)
			err = buf_append(&names, report->books[i]);
	}
	if (err == OK && report->has_more_books)
		err = buf_append(&names, STR(" ..."));
	if (err == OK)
		err = sheet_put_csv(out, buf_str(&names));
	buf_fini(&names);
	return err;
}

static enum err csv_row(const struct report *report, const struct report_group *group,
			struct buf *out)
{
	const struct report_sum *sum = &group->sum;

	TRY(add_time(out, report->query.from_s));
	TRY(buf_append_byte(out, ','));
	TRY(add_time(out, report->query.to_s));
	TRY(buf_append_byte(out, ','));
	TRY(add_time(out, report->standing.as_of_s));
	for (unsigned i = 0; i < report->query.by_count; i++) {
		TRY(buf_append_byte(out, ','));
		TRY(sheet_put_csv(out, group->keys[i]));
	}
	TRY(buf_append_byte(out, ','));
	TRY(add_int(out, sum->requests));
	TRY(buf_append_byte(out, ','));
	TRY(add_int(out, sum->attempts));
	TRY(buf_append_byte(out, ','));
	if (report_has_quantity(&report->query))
		TRY(add_int(out, sum->quantity));
	TRY(buf_append_byte(out, ','));
	TRY(add_pico(out, sum->pico));
	TRY(buf_append_byte(out, ','));
	TRY(sheet_put_csv(out, group->currency));
	TRY(buf_append_byte(out, ','));
	TRY(add_pico(out, sum->estimated_pico));
	TRY(buf_append_byte(out, ','));
	TRY(add_int(out, sum->unpriced));
	TRY(buf_printf(out, ",%s,", zone_name(report)));
	TRY(csv_books(report, out));
	return buf_append(out, STR("\r\n"));
}

static enum err csv_print(const struct report *report, struct buf *out)
{
	TRY(csv_head(report, out));
	for (size_t i = 0; i < report->group_count; i++)
		TRY(csv_row(report, report->groups[i], out));
	return OK;
}

/* --- JSON --- */

static enum err json_time(struct buf *out, const char *name, int64_t wall_s)
{
	TRY(buf_printf(out, "\"%s\":", name));
	if (wall_s == 0)
		return buf_append(out, STR("null"));
	TRY(buf_append_byte(out, '"'));
	TRY(add_time(out, wall_s));
	return buf_append_byte(out, '"');
}

static enum err json_int(struct buf *out, const char *name, __int128 value)
{
	TRY(buf_printf(out, ",\"%s\":", name));
	return add_int(out, value);
}

/* Amounts are strings: readers that take numbers as doubles would round them. */
static enum err json_pico(struct buf *out, const char *name, __int128 pico)
{
	TRY(buf_printf(out, ",\"%s\":\"", name));
	TRY(add_pico(out, pico));
	return buf_append_byte(out, '"');
}

static enum err json_sum(const struct report_group *group, bool has_quantity, struct buf *out)
{
	TRY(buf_append(out, STR("\"currency\":")));
	TRY(buf_append_json(out, group->currency));
	TRY(json_pico(out, "cost", group->sum.pico));
	TRY(json_pico(out, "estimated_cost", group->sum.estimated_pico));
	if (has_quantity)
		TRY(json_int(out, "quantity", group->sum.quantity));
	TRY(json_int(out, "requests", group->sum.requests));
	TRY(json_int(out, "attempts", group->sum.attempts));
	return json_int(out, "unpriced", group->sum.unpriced);
}

static enum err json_head(const struct report *report, struct buf *out)
{
	const struct report_sum *calls = &report->calls;

	TRY(buf_append(out, STR("{\"period\":{")));
	TRY(json_time(out, "from", report->query.from_s));
	TRY(buf_append_byte(out, ','));
	TRY(json_time(out, "to", report->query.to_s));
	TRY(buf_printf(out, ",\"time_zone\":\"%s\"},", zone_name(report)));
	TRY(json_time(out, "as_of", report->standing.as_of_s));
	TRY(json_int(out, "gateways", (__int128)report->standing.gateways));
	TRY(json_int(out, "requests", calls->requests));
	TRY(json_int(out, "attempts", calls->attempts));
	TRY(json_int(out, "estimated", calls->estimated));
	TRY(json_int(out, "unpriced", calls->unpriced));
	TRY(json_int(out, "no_usage", calls->no_usage));
	TRY(json_int(out, "inconsistent", calls->inconsistent));
	TRY(json_int(out, "rejected", (__int128)report->standing.rejected));
	TRY(buf_append(out, STR(",\"price_books\":[")));
	for (size_t i = 0; i < report->book_count; i++) {
		TRY(buf_append(out, i == 0 ? STR("") : STR(",")));
		TRY(buf_append_json(out, report->books[i]));
	}
	TRY(buf_append(out,
		       report->has_more_books ? STR(",\"...\"],\"by\":[") : STR("],\"by\":[")));
	for (unsigned i = 0; i < report->query.by_count; i++)
		TRY(buf_printf(out, "%s\"%s\"", i == 0 ? "" : ",",
			       report_column_name(report->query.by[i])));
	return buf_append(out, STR("],\"rows\":["));
}

static enum err json_row(const struct report *report, const struct report_group *group,
			 struct buf *out)
{
	TRY(buf_append_byte(out, '{'));
	for (unsigned i = 0; i < report->query.by_count; i++) {
		TRY(buf_printf(out, "\"%s\":", report_column_name(report->query.by[i])));
		TRY(buf_append_json(out, group->keys[i]));
		TRY(buf_append_byte(out, ','));
	}
	TRY(json_sum(group, report_has_quantity(&report->query), out));
	return buf_append_byte(out, '}');
}

static enum err json_print(const struct report *report, struct buf *out)
{
	TRY(json_head(report, out));
	for (size_t i = 0; i < report->group_count; i++) {
		TRY(buf_append(out, i == 0 ? STR("\n") : STR(",\n")));
		TRY(json_row(report, report->groups[i], out));
	}
	TRY(buf_append(out, STR("],\n\"totals\":[")));
	for (size_t i = 0; i < report->total_count; i++) {
		TRY(buf_append(out, i == 0 ? STR("{") : STR(",{")));
		TRY(json_sum(&report->totals[i], false, out));
		TRY(buf_append_byte(out, '}'));
	}
	return buf_append(out, STR("]}\n"));
}

/* --- Table --- */

enum {
	CELL_REQUESTS = REPORT_COLUMNS,
	CELL_ATTEMPTS,
	CELL_QUANTITY,
	CELL_COST,
	CELL_CURRENCY,
	CELLS
};

struct table {
	const struct report *report;
	struct buf *out;
	unsigned decimals;
	struct rounding_line *lines; /* the groups' costs, by currency */
	size_t widths[CELLS];
	bool is_measuring; /* first pass: only widths are kept */
};

/* Characters, for columns of UTF-8 text. */
static size_t width_of(struct str s)
{
	size_t width = 0;

	for (size_t i = 0; i < s.len; i++)
		width += ((unsigned char)s.ptr[i] & 0xc0) != 0x80;
	return width;
}

/* Names come from outside: a control character could move a terminal's cursor. */
enum err sheet_put_printable(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];

		TRY(buf_append_byte(out, c < ' ' || c == 0x7f ? '?' : s.ptr[i]));
	}
	return OK;
}

static enum err cell(struct table *table, unsigned column, struct str text, bool is_right)
{
	size_t width = width_of(text);
	size_t pad;

	if (table->is_measuring) {
		table->widths[column] = MAX(table->widths[column], width);
		return OK;
	}
	pad = table->widths[column] - width;
	if (column != 0 && table->out->len > 0 && table->out->ptr[table->out->len - 1] != '\n')
		TRY(buf_append(table->out, STR("  ")));
	for (size_t i = 0; is_right && i < pad; i++)
		TRY(buf_append_byte(table->out, ' '));
	TRY(sheet_put_printable(table->out, text));
	for (size_t i = 0; !is_right && column != CELL_CURRENCY && i < pad; i++)
		TRY(buf_append_byte(table->out, ' '));
	return OK;
}

static enum err cell_int(struct table *table, unsigned column, __int128 value)
{
	char text[DECIMAL_SIZE];
	size_t len = decimal_int(value, text);

	return cell(table, column, str_make(text, len), true);
}

static enum err end_line(struct table *table)
{
	return table->is_measuring ? OK : buf_append_byte(table->out, '\n');
}

static enum err table_names(struct table *table)
{
	const struct report_query *query = &table->report->query;

	for (unsigned i = 0; i < query->by_count; i++)
		TRY(cell(table, i, str_from_c(report_column_name(query->by[i])), false));
	TRY(cell(table, CELL_REQUESTS, STR("requests"), true));
	TRY(cell(table, CELL_ATTEMPTS, STR("attempts"), true));
	if (report_has_quantity(query))
		TRY(cell(table, CELL_QUANTITY, STR("quantity"), true));
	TRY(cell(table, CELL_COST, STR("cost"), true));
	TRY(cell(table, CELL_CURRENCY, STR("currency"), false));
	return end_line(table);
}

static enum err table_sums(struct table *table, const struct report_group *group, __int128 pico,
			   bool is_total)
{
	char cost[COST_TEXT];
	size_t len = cost_print_rounded((struct cost_sum){pico}, table->decimals, cost);

	TRY(cell_int(table, CELL_REQUESTS, group->sum.requests));
	TRY(cell_int(table, CELL_ATTEMPTS, group->sum.attempts));
	if (report_has_quantity(&table->report->query)) {
		if (is_total)
			TRY(cell(table, CELL_QUANTITY, STR(""), true));
		else
			TRY(cell_int(table, CELL_QUANTITY, group->sum.quantity));
	}
	TRY(cell(table, CELL_COST, str_make(cost, len), true));
	TRY(cell(table, CELL_CURRENCY, group->currency.len == 0 ? STR("-") : group->currency,
		 false));
	return end_line(table);
}

static enum err table_row(struct table *table, size_t index)
{
	const struct report_group *group = table->report->groups[index];

	for (unsigned i = 0; i < table->report->query.by_count; i++)
		TRY(cell(table, i, group->keys[i].len == 0 ? STR("-") : group->keys[i], false));
	return table_sums(table, group, table->lines[index].printed, false);
}

static enum err table_total(struct table *table, const struct report_group *total)
{
	for (unsigned i = 0; i < table->report->query.by_count; i++)
		TRY(cell(table, i, i == 0 ? STR("total") : STR(""), false));
	return table_sums(table, total, total->sum.pico, true);
}

/* Lines of one currency add up to its total. */
static void round_currency(struct table *table, struct str currency, struct rounding_line *scratch)
{
	const struct report *report = table->report;
	__int128 unit = 1;
	size_t count = 0;

	for (unsigned i = table->decimals; i < PICO_DIGITS; i++)
		unit *= 10;
	for (size_t i = 0; i < report->group_count; i++) {
		if (str_eq(report->groups[i]->currency, currency))
			scratch[count++].exact = report->groups[i]->sum.pico;
	}
	rounding_lines(scratch, count, unit);
	for (size_t i = report->group_count; i > 0; i--) {
		if (str_eq(report->groups[i - 1]->currency, currency))
			table->lines[i - 1] = scratch[--count];
	}
}

static void round_all(struct table *table)
{
	const struct report *report = table->report;
	struct rounding_line *scratch = base_alloc((report->group_count + 1) * sizeof(*scratch));

	table->lines = base_alloc((report->group_count + 1) * sizeof(*table->lines));
	for (size_t i = 0; i < report->total_count; i++)
		round_currency(table, report->totals[i].currency, scratch);
	free(scratch);
}

static enum err table_rule(struct table *table)
{
	size_t width = 0;

	if (table->is_measuring)
		return OK;
	for (unsigned i = 0; i < CELLS; i++)
		width += table->widths[i] == 0 ? 0 : table->widths[i] + 2;
	for (size_t i = 2; i < width; i++)
		TRY(buf_append_byte(table->out, '-'));
	return end_line(table);
}

static enum err table_body(struct table *table)
{
	const struct report *report = table->report;

	TRY(table_names(table));
	TRY(table_rule(table));
	for (size_t i = 0; i < report->group_count; i++)
		TRY(table_row(table, i));
	TRY(table_rule(table));
	for (size_t i = 0; i < report->total_count; i++)
		TRY(table_total(table, &report->totals[i]));
	return OK;
}

/* Tenths of a percent, half up; "0.0" of nothing. */
static enum err add_share(struct buf *out, __int128 part, __int128 whole)
{
	__int128 tenths = whole == 0 ? 0 : (part * 2000 + whole) / (whole * 2);

	TRY(add_int(out, tenths / 10));
	TRY(buf_append_byte(out, '.'));
	TRY(add_int(out, tenths % 10));
	return buf_append(out, STR(" %"));
}

static enum err head_period(const struct report *report, struct buf *out)
{
	TRY(buf_append(out, STR("period     ")));
	TRY(add_time(out, report->query.from_s));
	TRY(buf_append(out, STR(" to ")));
	TRY(add_time(out, report->query.to_s));
	TRY(buf_append(out, STR(" (exclusive)\n")));
	if (report->query.zone_name != NULL)
		TRY(buf_printf(
			out, "time zone  %s%s\n", report->query.zone_name,
			report_splits_hours(&report->query)
				? "; its clocks differ from UTC by a part of an hour, and totals\n"
				  "           are of UTC hours: each counts where it begins"
				: ""));
	TRY(buf_append(out, STR("as of      ")));
	if (report->standing.as_of_s == 0)
		TRY(buf_append(out, STR("never")));
	TRY(add_time(out, report->standing.as_of_s));
	return buf_printf(out, ", %" PRIu64 " gateway%s\n", report->standing.gateways,
			  report->standing.gateways == 1 ? "" : "s");
}

static enum err head_money(const struct report *report, struct buf *out)
{
	TRY(buf_append(out, STR("currency   ")));
	for (size_t i = 0; i < report->total_count; i++) {
		TRY(buf_append(out, i == 0 ? STR("") : STR(", ")));
		TRY(sheet_put_printable(out, report->totals[i].currency.len == 0
						     ? STR("-")
						     : report->totals[i].currency));
	}
	TRY(buf_append(out,
		       report->total_count == 0 ? STR("-\nprices     ") : STR("\nprices     ")));
	for (size_t i = 0; i < report->book_count; i++) {
		TRY(buf_append(out, i == 0 ? STR("") : STR(", ")));
		TRY(sheet_put_printable(out, report->books[i]));
	}
	if (report->book_count == 0)
		return buf_append(out, STR("-\n"));
	return buf_append(out, report->has_more_books ? STR(" and more\n") : STR("\n"));
}

static enum err head_doubts(const struct report *report, struct buf *out)
{
	TRY(buf_append(out, STR("estimated  ")));
	TRY(add_share(out, report->calls.estimated, report->calls.attempts));
	TRY(buf_append(out, STR(" of attempts\nunpriced   ")));
	TRY(add_int(out, report->calls.unpriced));
	if (report->calls.no_usage != 0) {
		TRY(buf_append(out, STR("\nno usage   ")));
		TRY(add_int(out, report->calls.no_usage));
	}
	if (report->calls.inconsistent != 0) {
		TRY(buf_append(out, STR("\ncost is not quantity times rate in ")));
		TRY(add_int(out, report->calls.inconsistent));
	}
	if (report->standing.rejected != 0)
		TRY(buf_printf(out, "\nNOT BOOKED %" PRIu64 " records; see the log's ledger_reject",
			       report->standing.rejected));
	return buf_append(out, STR("\n\n"));
}

enum err sheet_print_head(const struct report *report, struct buf *out)
{
	TRY(head_period(report, out));
	TRY(head_money(report, out));
	return head_doubts(report, out);
}

static enum err table_whole(struct table *table)
{
	const struct report *report = table->report;
	struct buf *out = table->out;

	table->is_measuring = true;
	TRY(table_body(table));
	table->is_measuring = false;
	TRY(sheet_print_head(report, out));
	TRY(table_body(table));
	for (size_t i = 0; i < report->total_count; i++) {
		TRY(buf_append(out, i == 0 ? STR("\nexact total  ") : STR("exact total  ")));
		TRY(add_pico(out, report->totals[i].sum.pico));
		TRY(buf_append_byte(out, ' '));
		TRY(sheet_put_printable(out, report->totals[i].currency));
		TRY(buf_append_byte(out, '\n'));
	}
	return OK;
}

static enum err table_print(const struct report *report, unsigned decimals, struct buf *out)
{
	struct table table = {.report = report, .out = out, .decimals = decimals};
	enum err err;

	round_all(&table);
	err = table_whole(&table);
	free(table.lines);
	return err;
}

enum err sheet_print(const struct report *report, enum sheet_format format, unsigned decimals,
		     struct buf *out)
{
	switch (format) {
	case SHEET_TABLE: return table_print(report, decimals, out);
	case SHEET_CSV: return csv_print(report, out);
	case SHEET_JSON: return json_print(report, out);
	}
	return ERR_INTERNAL;
}
