/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/proxy/alert.h"

#include <stdatomic.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/crypt.h"
#include "metering/money/cost.h"

#define ALERT_FULL 100

static bool is_reached(const struct budget_entry *entry, uint64_t percent, int64_t spent)
{
	return spent > 0 &&
	       (__int128)spent * ALERT_FULL >= (__int128)entry->options.limit * (__int128)percent;
}

/* A new period arms all thresholds; in one, those that are not reached any more. */
static void arm(const struct budget_entry *entry, const struct budget_standing *standing)
{
	struct budget_account *account = entry->account;
	bool is_rolling = account->window.kind == WINDOW_ROLLING;

	if (!is_rolling && account->alerted_from_s != standing->period.from_s) {
		account->alerted_from_s = standing->period.from_s;
		account->alerted = 0;
		account->is_full = false;
	}
	if (atomic_exchange(&account->is_short, false))
		account->is_full = true;
	if (is_rolling && !is_reached(entry, ALERT_FULL / 2, standing->spent))
		account->is_full = false;
	for (size_t i = 0; i < entry->options.alert_count; i++)
		if (!account->is_full &&
		    !is_reached(entry, entry->options.alerts[i], standing->spent))
			account->alerted &= ~(1U << i);
}

bool alert_next(const struct budget_entry *entry, struct alert *out)
{
	struct budget_account *account = entry->account;
	struct alert alert = {.entry = entry};

	budget_read(account->budget, &alert.standing);
	arm(entry, &alert.standing);
	for (size_t i = 0; i < entry->options.alert_count; i++) {
		alert.percent = entry->options.alerts[i];
		if ((account->alerted & 1U << i) != 0)
			continue;
		if (!is_reached(entry, alert.percent, alert.standing.spent) &&
		    !(account->is_full && alert.percent <= ALERT_FULL))
			continue;
		account->alerted |= 1U << i;
		*out = alert;
		return true;
	}
	return false;
}

void alert_id(const struct alert *alert, struct str gateway, char out[static ALERT_ID_SIZE])
{
	uint8_t digest[CRYPT_SHA256_BYTES];
	struct buf text;
	enum err err;

	buf_init(&text, 65536);
	err = buf_printf(
		&text, STR_FMT "\n" STR_FMT "\n%lld\n%lld\n%llu", STR_ARG(gateway),
		STR_ARG(alert->entry->account->identity), (long long)alert->entry->options.limit,
		(long long)alert->standing.period.from_s, (unsigned long long)alert->percent);
	/* The front of longer names is as good. */
	if (err != OK)
		buf_reset(&text);
	crypt_sha256(err == OK ? buf_str(&text) : alert->entry->account->identity, digest);
	(void)snprintf(out, ALERT_ID_SIZE, "budget_");
	crypt_hex(digest, 16, out + 7);
	buf_fini(&text);
}

/* Text ------------------------------------------------------------------------------- */

/* Money is a text with a point, counts are numbers. */
static enum err put_amount(struct buf *out, const char *name, const struct budget_entry *entry,
			   int64_t amount)
{
	struct cost_sum sum = {(__int128)amount * COST_PICO_PER_NANO};
	char text[COST_TEXT];

	if (entry->options.unit != BUDGET_MONEY)
		return buf_printf(out, ",\"%s\":%lld", name, (long long)amount);
	(void)cost_print(sum, text);
	return buf_printf(out, ",\"%s\":\"%s\"", name, text);
}

static enum err put_time(struct buf *out, const char *before, int64_t wall_s)
{
	char text[CLOCK_RFC3339_SIZE];

	(void)clock_format(wall_s * CLOCK_NS_PER_S, 0, text);
	return buf_printf(out, "%s\"%s\"", before, text);
}

static enum err put_period(struct buf *out, const struct alert *alert)
{
	char label[WINDOW_LABEL_SIZE];
	enum err err;

	(void)window_label(&alert->entry->account->window, alert->standing.period, label);
	err = buf_printf(out, ",\"period\":{\"label\":\"%s\"", label);
	if (err == OK)
		err = put_time(out, ",\"from\":", alert->standing.period.from_s);
	if (err == OK)
		err = put_time(out, ",\"to\":", alert->standing.period.to_s);
	return err != OK ? err : buf_append_byte(out, '}');
}

static enum err put_data(struct buf *out, const struct alert *alert)
{
	const struct budget_options *options = &alert->entry->options;
	enum err err = buf_append_json(out, options->name);

	if (err == OK)
		err = buf_printf(out, ",\"unit\":\"%s\",\"mode\":\"%s\",\"percent\":%llu",
				 budget_unit_name(options->unit),
				 options->is_hard ? "hard" : "soft",
				 (unsigned long long)alert->percent);
	if (err == OK && options->unit == BUDGET_MONEY) {
		err = buf_append(out, STR(",\"currency\":"));
		if (err == OK)
			err = buf_append_json(out, options->currency);
	}
	if (err == OK)
		err = put_amount(out, "limit", alert->entry, options->limit);
	if (err == OK)
		err = put_amount(out, "spent", alert->entry, alert->standing.spent);
	if (err == OK)
		err = put_amount(out, "held", alert->entry, alert->standing.held);
	return err != OK ? err : put_period(out, alert);
}

enum err alert_text(const struct alert *alert, struct str gateway, int64_t wall_ns, struct buf *out)
{
	enum err err = put_time(
		out, "{\"type\":\"budget.threshold\",\"timestamp\":", wall_ns / CLOCK_NS_PER_S);

	if (err == OK)
		err = buf_append(out, STR(",\"data\":{\"gateway\":"));
	if (err == OK)
		err = buf_append_json(out, gateway);
	if (err == OK)
		err = buf_append(out, STR(",\"budget\":"));
	if (err == OK)
		err = put_data(out, alert);
	return err != OK ? err : buf_append(out, STR("}}"));
}
