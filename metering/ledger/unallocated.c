/* SPDX-License-Identifier: Apache-2.0 */
#include "metering/ledger/unallocated.h"

#include <inttypes.h>

#include "metering/ledger/decimal.h"
#include "metering/money/cost.h"

#define TRY(call)                                                                                  \
	do {                                                                                       \
		enum err try_err = (call);                                                         \
		if (try_err != OK)                                                                 \
			return try_err;                                                            \
	} while (0)

static const enum report_column by[] = {REPORT_BU, REPORT_TEAM, REPORT_PROJECT, REPORT_PRINCIPAL};

/* The first four are those of `by`, in its order. */
enum reason {
	REASON_BU,
	REASON_TEAM,
	REASON_PROJECT,
	REASON_PRINCIPAL,
	REASON_UNPRICED,
	REASON_ESTIMATED,
	REASON_NO_USAGE,
	REASON_INCONSISTENT,
	REASONS
};

static const char *const names[] = {
	[REASON_BU] = "no business unit",
	[REASON_TEAM] = "no team",
	[REASON_PROJECT] = "no project",
	[REASON_PRINCIPAL] = "no caller",
	[REASON_UNPRICED] = "unpriced",
	[REASON_ESTIMATED] = "estimated",
	[REASON_NO_USAGE] = "no usage known",
	[REASON_INCONSISTENT] = "cost is not quantity times rate",
};
_Static_assert(ARRAY_LEN(names) == REASONS, "every reason has a name");

struct part {
	__int128 attempts;
	__int128 pico;
	bool has_cost; /* what is unpriced or without usage has none to tell */
};

void unallocated_query(struct report_query *query)
{
	query->by_count = ARRAY_LEN(by);
	memcpy(query->by, by, sizeof(by));
}

static struct part part_of(const struct report_group *group, enum reason reason)
{
	const struct report_sum *sum = &group->sum;

	switch (reason) {
	case REASON_BU:
	case REASON_TEAM:
	case REASON_PROJECT:
	case REASON_PRINCIPAL:
		if (group->keys[reason].len > 0)
			return (struct part){.has_cost = true};
		return (struct part){sum->attempts, sum->pico, true};
	case REASON_ESTIMATED: return (struct part){sum->estimated, sum->estimated_pico, true};
	case REASON_UNPRICED: return (struct part){.attempts = sum->unpriced};
	case REASON_NO_USAGE: return (struct part){.attempts = sum->no_usage};
	case REASON_INCONSISTENT: return (struct part){.attempts = sum->inconsistent};
	case REASONS: break;
	}
	return (struct part){0};
}

/* By the lines: calls without any currency are counted with their line's, not with a total's. */
static __int128 attempts_in(const struct report *report, struct str currency)
{
	__int128 attempts = 0;

	for (size_t i = 0; i < report->group_count; i++) {
		if (str_eq(report->groups[i]->currency, currency))
			attempts += report->groups[i]->sum.attempts;
	}
	return attempts;
}

static struct part part_sum(const struct report *report, struct str currency, enum reason reason)
{
	struct part sum = {0};

	for (size_t i = 0; i < report->group_count; i++) {
		struct part part;

		if (!str_eq(report->groups[i]->currency, currency))
			continue;
		part = part_of(report->groups[i], reason);
		sum.attempts += part.attempts;
		sum.pico += part.pico;
		sum.has_cost = sum.has_cost || part.has_cost;
	}
	return sum;
}

/* Tenths of a percent of the attempts of the currency, half up. */
static __int128 share_tenths(__int128 part, __int128 whole)
{
	return whole == 0 ? 0 : (part * 2000 + whole) / (whole * 2);
}

static enum err line_print(struct str currency, __int128 whole, enum reason reason,
			   const struct part *part, enum sheet_format format, struct buf *out)
{
	int64_t tenths = (int64_t)share_tenths(part->attempts, whole);
	char cost[COST_TEXT] = "";
	char attempts[DECIMAL_SIZE];

	decimal_int(part->attempts, attempts);
	if (part->has_cost && format == SHEET_TABLE)
		cost_print_rounded((struct cost_sum){part->pico}, SHEET_DECIMALS, cost);
	else if (part->has_cost)
		cost_print((struct cost_sum){part->pico}, cost);
	if (format == SHEET_TABLE) {
		TRY(buf_printf(out, "%-32s %10s %4" PRId64 ".%" PRId64 " %% %18s  ", names[reason],
			       attempts, tenths / 10, tenths % 10, part->has_cost ? cost : "-"));
		TRY(sheet_put_printable(out, currency));
		return buf_append_byte(out, '\n');
	}
	if (format == SHEET_CSV) {
		TRY(buf_printf(out, "%s,%s,%" PRId64 ".%" PRId64 ",%s,", names[reason], attempts,
			       tenths / 10, tenths % 10, cost));
		TRY(sheet_put_csv(out, currency));
		return buf_append(out, STR("\r\n"));
	}
	TRY(buf_printf(out,
		       "{\"reason\":\"%s\",\"attempts\":%s,\"percent\":\"%" PRId64 ".%" PRId64
		       "\",\"cost\":",
		       names[reason], attempts, tenths / 10, tenths % 10));
	TRY(part->has_cost ? buf_printf(out, "\"%s\"", cost) : buf_append(out, STR("null")));
	TRY(buf_append(out, STR(",\"currency\":")));
	TRY(buf_append_json(out, currency));
	return buf_append_byte(out, '}');
}

static enum err body_print(const struct report *report, enum sheet_format format, struct buf *out)
{
	bool is_first = true;

	for (size_t i = 0; i < report->total_count; i++) {
		struct str currency = report->totals[i].currency;
		__int128 whole = attempts_in(report, currency);

		for (unsigned reason = 0; reason < REASONS; reason++) {
			struct part part = part_sum(report, currency, reason);

			if (part.attempts == 0 && part.pico == 0)
				continue;
			if (format == SHEET_JSON)
				TRY(buf_append(out, is_first ? STR("\n") : STR(",\n")));
			TRY(line_print(currency, whole, reason, &part, format, out));
			is_first = false;
		}
	}
	if (is_first && format == SHEET_TABLE)
		return buf_append(out, STR("nothing\n"));
	return OK;
}

enum err unallocated_print(const struct report *report, enum sheet_format format, struct buf *out)
{
	ASSERT(report->query.by_count == ARRAY_LEN(by));
	switch (format) {
	case SHEET_TABLE:
		TRY(sheet_print_head(report, out));
		TRY(buf_printf(out, "%-32s %10s %8s %18s  currency\n", "reason", "attempts",
			       "share", "cost"));
		return body_print(report, format, out);
	case SHEET_CSV:
		TRY(buf_append(out, STR("reason,attempts,percent,cost,currency\r\n")));
		return body_print(report, format, out);
	case SHEET_JSON:
		TRY(buf_append(out, STR("{\"reasons\":[")));
		TRY(body_print(report, format, out));
		return buf_append(out, STR("]}\n"));
	}
	return ERR_INTERNAL;
}
