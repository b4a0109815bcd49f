/* SPDX-License-Identifier: Apache-2.0 */
#include "metering/ledger/focus.h"

#include "base/clock.h"
#include "metering/ledger/decimal.h"
#include "metering/money/cost.h"

#define PICO_PER_MICRO 1000000
#define PICO_PER_WHOLE 1000000000000LL
#define JSON_BYTES     (LEDGER_DIM_BYTES * 6 * 6) /* a few names, every byte escaped */

#define TRY(call)                                                                                  \
	do {                                                                                       \
		enum err try_err = (call);                                                         \
		if (try_err != OK)                                                                 \
			return try_err;                                                            \
	} while (0)

enum key {
	KEY_DAY,
	KEY_BU,
	KEY_TEAM,
	KEY_PROJECT,
	KEY_PRINCIPAL,
	KEY_MODEL,
	KEY_DEPLOYMENT,
	KEY_PROVIDER,
	KEY_DIALECT,
	KEY_METER,
	KEY_PRICE,
	KEY_RATE,
	KEY_UNIT,
	KEY_COUNT
};

static const enum report_column by[] = {
	[KEY_DAY] = REPORT_DAY,
	[KEY_BU] = REPORT_BU,
	[KEY_TEAM] = REPORT_TEAM,
	[KEY_PROJECT] = REPORT_PROJECT,
	[KEY_PRINCIPAL] = REPORT_PRINCIPAL,
	[KEY_MODEL] = REPORT_MODEL,
	[KEY_DEPLOYMENT] = REPORT_DEPLOYMENT,
	[KEY_PROVIDER] = REPORT_PROVIDER,
	[KEY_DIALECT] = REPORT_DIALECT,
	[KEY_METER] = REPORT_METER,
	[KEY_PRICE] = REPORT_PRICE,
	[KEY_RATE] = REPORT_RATE,
	[KEY_UNIT] = REPORT_UNIT,
};
_Static_assert(ARRAY_LEN(by) == KEY_COUNT, "a column for every key");

/* FOCUS's own first, then ours, in the order in which row_print writes them. */
static const char head[] =
	"BilledCost,BillingAccountId,BillingAccountName,BillingCurrency,BillingPeriodEnd,"
	"BillingPeriodStart,ChargeCategory,ChargeClass,ChargeDescription,ChargeFrequency,"
	"ChargePeriodEnd,ChargePeriodStart,ConsumedQuantity,ConsumedUnit,ContractedCost,"
	"ContractedUnitPrice,EffectiveCost,InvoiceIssuerName,ListCost,ListUnitPrice,"
	"PricingCategory,PricingQuantity,PricingUnit,ProviderName,PublisherName,"
	"ServiceCategory,ServiceName,ServiceSubcategory,SkuId,SkuMeter,SkuPriceDetails,"
	"SkuPriceId,SubAccountId,SubAccountName,Tags,x_CallerId,x_DeploymentId,x_Dialect,"
	"x_EstimatedQuantity,x_ModelId,x_RequestCount,x_UsageSource\r\n";

/* The specification's names of what our meters count. */
static const struct {
	struct str meter;
	const char *unit;
} units[] = {
#define METER_ROW(id, name, direction, unit) {{name, sizeof(name) - 1}, unit},
#include "metering/usage/meters.def"
};

/* One row's numbers, made once. */
struct charge {
	const struct report_group *group;
	const char *unit;
	bool is_per_million; /* priced per million units, as tokens are */
	__int128 rate_micro; /* per million units */
	int64_t from_s, to_s;
	int64_t month_from_s, month_to_s;
};

void focus_query(struct report_query *query)
{
	query->by_count = KEY_COUNT;
	memcpy(query->by, by, sizeof(by));
	query->zone = NULL;
	query->zone_name = NULL;
}

/* --- cells --- */

static bool is_plain(char c, bool is_first)
{
	if (is_first && memchr("=+-@", c, 4) != NULL)
		return false;
	return c >= ' ' && c < 0x7f && c != '%';
}

static enum err put_escaped(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (!is_plain(s.ptr[i], i == 0))
			TRY(buf_printf(out, "%%%02X", (unsigned)(unsigned char)s.ptr[i]));
		else if (s.ptr[i] == '"')
			TRY(buf_append(out, STR("\"\"")));
		else
			TRY(buf_append_byte(out, s.ptr[i]));
	}
	return OK;
}

/* A cell of one name or several with '/' between; null when all are empty. */
static enum err put_names(struct buf *out, const struct str *names, size_t count)
{
	size_t len = 0;

	TRY(buf_append_byte(out, ','));
	for (size_t i = 0; i < count; i++)
		len += names[i].len;
	if (len == 0)
		return OK;
	TRY(buf_append_byte(out, '"'));
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			TRY(buf_append_byte(out, '/'));
		TRY(put_escaped(out, names[i]));
	}
	return buf_append_byte(out, '"');
}

static enum err put_name(struct buf *out, struct str name)
{
	return put_names(out, &name, 1);
}

static enum err put_text(struct buf *out, const char *text)
{
	return buf_printf(out, ",%s", text);
}

static enum err put_time(struct buf *out, int64_t wall_s)
{
	char text[CLOCK_RFC3339_SIZE];

	clock_format(wall_s * CLOCK_NS_PER_S, 0, text);
	return put_text(out, text);
}

/* With a decimal point always: a column of whole numbers would be taken for integers. */
static enum err put_decimal(struct buf *out, __int128 pico)
{
	char text[COST_TEXT];

	cost_print((struct cost_sum){pico}, text);
	return put_text(out, text);
}

/* A cell of JSON: its quotes are doubled. */
static enum err put_json(struct buf *out, struct str json)
{
	TRY(buf_append(out, STR(",\"")));
	for (size_t i = 0; i < json.len; i++) {
		if (json.ptr[i] == '"')
			TRY(buf_append_byte(out, '"'));
		TRY(buf_append_byte(out, json.ptr[i]));
	}
	return buf_append_byte(out, '"');
}

static enum err add_member(struct buf *json, const char *name, struct str value)
{
	if (value.len == 0)
		return OK;
	TRY(buf_printf(json, "%s\"%s\":", json->len == 1 ? "" : ",", name));
	return buf_append_json(json, value);
}

static enum err tags_make(const struct report_group *group, struct buf *json)
{
	TRY(buf_append_byte(json, '{'));
	TRY(add_member(json, "bu", group->keys[KEY_BU]));
	TRY(add_member(json, "team", group->keys[KEY_TEAM]));
	TRY(add_member(json, "project", group->keys[KEY_PROJECT]));
	return buf_append_byte(json, '}');
}

static enum err put_tags(struct buf *out, const struct report_group *group)
{
	struct buf json;
	enum err err;

	buf_init(&json, JSON_BYTES);
	err = tags_make(group, &json);
	if (err == OK)
		err = put_json(out, buf_str(&json));
	buf_fini(&json);
	return err;
}

static enum err put_price_details(struct buf *out, const struct report_group *group)
{
	struct buf json;
	enum err err;

	buf_init(&json, JSON_BYTES);
	err = buf_append_byte(&json, '{');
	if (err == OK)
		err = add_member(&json, "x_price_line", group->keys[KEY_PRICE]);
	if (err == OK)
		err = buf_append_byte(&json, '}');
	if (err == OK)
		err = put_json(out, buf_str(&json));
	buf_fini(&json);
	return err;
}

/* --- rows --- */

/* The day, cut to the report's period, and the month it is billed in. */
static enum err charge_period(const struct report_query *query, struct str day,
			      struct charge *charge)
{
	struct clock_civil month;
	int64_t ns;

	if (clock_parse(day, &ns) != OK)
		return ERR_INTERNAL;
	charge->from_s = MAX(ns / CLOCK_NS_PER_S, query->from_s);
	charge->to_s = MIN(ns / CLOCK_NS_PER_S + CLOCK_S_PER_DAY, query->to_s);
	month = clock_civil_from_s(ns / CLOCK_NS_PER_S);
	month = (struct clock_civil){.year = month.year, .month = month.month, .day = 1};
	if (!clock_civil_to_s(&month, &charge->month_from_s))
		return ERR_INTERNAL;
	month.year += month.month == 12;
	month.month = month.month == 12 ? 1 : month.month + 1;
	return clock_civil_to_s(&month, &charge->month_to_s) ? OK : ERR_INTERNAL;
}

static enum err charge_make(const struct report_query *query, const struct report_group *group,
			    struct charge *charge)
{
	struct cost_sum rate;

	*charge = (struct charge){.group = group, .unit = "Units"};
	TRY(cost_parse(group->keys[KEY_RATE], &rate));
	charge->rate_micro = rate.pico / PICO_PER_MICRO;
	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		if (str_eq(units[i].meter, group->keys[KEY_METER]))
			charge->unit = units[i].unit;
	}
	charge->is_per_million = str_eq(str_from_c(charge->unit), STR("Tokens"));
	return charge_period(query, group->keys[KEY_DAY], charge);
}

static enum err put_account(const struct charge *charge, struct str account, struct buf *out)
{
	const struct report_group *group = charge->group;
	const struct str what[] = {group->keys[KEY_MODEL], group->keys[KEY_METER]};

	TRY(put_name(out, account));
	TRY(put_name(out, account));
	TRY(put_name(out, group->currency));
	TRY(put_time(out, charge->month_to_s));
	TRY(put_time(out, charge->month_from_s));
	TRY(put_text(out, "Usage,"));
	TRY(put_names(out, what, ARRAY_LEN(what)));
	TRY(put_text(out, "Usage-Based"));
	TRY(put_time(out, charge->to_s));
	return put_time(out, charge->from_s);
}

static enum err put_amounts(const struct charge *charge, struct str provider, struct buf *out)
{
	const struct report_sum *sum = &charge->group->sum;
	__int128 scale = charge->is_per_million ? PICO_PER_MICRO : PICO_PER_WHOLE;
	__int128 unit_price = charge->rate_micro * (charge->is_per_million ? PICO_PER_MICRO : 1);
	__int128 list;

	if (__builtin_mul_overflow(sum->quantity, charge->rate_micro, &list) ||
	    sum->quantity > INT64_MAX)
		return ERR_LIMIT;
	TRY(put_decimal(out, sum->quantity * PICO_PER_WHOLE));
	TRY(put_text(out, charge->unit));
	TRY(put_decimal(out, list));
	TRY(put_decimal(out, unit_price));
	TRY(put_decimal(out, sum->pico));
	TRY(put_name(out, provider));
	TRY(put_decimal(out, list));
	TRY(put_decimal(out, unit_price));
	TRY(put_text(out, "Standard"));
	TRY(put_decimal(out, sum->quantity * scale));
	return buf_printf(out, ",%s%s", charge->is_per_million ? "1000000 " : "", charge->unit);
}

static enum err put_sku(const struct charge *charge, struct str provider, struct buf *out)
{
	const struct str *keys = charge->group->keys;
	const struct str sku[] = {provider, keys[KEY_MODEL], keys[KEY_METER]};
	/* Below its sku, for a price line may serve several models. */
	const struct str price[] = {provider, keys[KEY_MODEL], keys[KEY_METER], keys[KEY_PRICE]};

	TRY(put_name(out, provider));
	TRY(put_name(out, provider));
	TRY(put_text(out, "AI and Machine Learning"));
	TRY(put_name(out, provider));
	TRY(put_text(out, "Generative AI"));
	TRY(put_names(out, sku, ARRAY_LEN(sku)));
	TRY(put_name(out, keys[KEY_METER]));
	TRY(put_price_details(out, charge->group));
	return put_names(out, price, ARRAY_LEN(price));
}

static enum err put_own_columns(const struct charge *charge, struct buf *out)
{
	const struct report_sum *sum = &charge->group->sum;
	const struct str *keys = charge->group->keys;
	char count[DECIMAL_SIZE];

	TRY(put_name(out, keys[KEY_PRINCIPAL]));
	TRY(put_name(out, keys[KEY_DEPLOYMENT]));
	TRY(put_name(out, keys[KEY_DIALECT]));
	TRY(put_decimal(out, sum->estimated_quantity * PICO_PER_WHOLE));
	TRY(put_name(out, keys[KEY_MODEL]));
	decimal_int(sum->requests, count);
	TRY(put_text(out, count));
	return put_text(out, sum->estimated == 0	       ? "reported"
			     : sum->estimated == sum->attempts ? "estimated"
							       : "mixed");
}

static enum err row_print(const struct charge *charge, struct str account, struct buf *out)
{
	const struct report_group *group = charge->group;
	struct str provider = group->keys[KEY_PROVIDER];
	char billed[COST_TEXT];

	if (provider.len == 0)
		provider = STR("unknown");
	cost_print((struct cost_sum){group->sum.pico}, billed);
	TRY(buf_append(out, str_from_c(billed)));
	TRY(put_account(charge, account, out));
	TRY(put_amounts(charge, provider, out));
	TRY(put_sku(charge, provider, out));
	TRY(put_name(out, group->keys[KEY_BU]));
	TRY(put_name(out, group->keys[KEY_BU]));
	TRY(put_tags(out, group));
	TRY(put_own_columns(charge, out));
	return buf_append(out, STR("\r\n"));
}

enum err focus_print(const struct report *report, struct str account, struct buf *out,
		     struct focus_left_out *out_left)
{
	struct focus_left_out left = {0};

	ASSERT(report->query.by_count == KEY_COUNT);
	TRY(buf_append(out, str_from_c(head)));
	for (size_t i = 0; i < report->group_count; i++) {
		const struct report_group *group = report->groups[i];
		struct charge charge;

		if (str_eq(group->keys[KEY_PRICE], STR("unpriced"))) {
			left.lines++;
			left.calls += group->sum.attempts;
			continue;
		}
		TRY(charge_make(&report->query, group, &charge));
		TRY(row_print(&charge, account, out));
	}
	*out_left = left;
	return OK;
}
