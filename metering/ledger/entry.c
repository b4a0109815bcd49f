/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Settle payload to entry. Each wanted member is one row of the table below:
 * its path, what it must be and where it goes. Members that are not in the
 * table do not matter here; a member that is and comes twice refuses the
 * payload, for two readers could take different ones.
 */
#include "metering/ledger/entry.h"

#include <stddef.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/crypt.h"

#define FOLD_PREFIX	400
#define FOLD_HASH_BYTES 16
_Static_assert(FOLD_PREFIX + 1 + 2 * FOLD_HASH_BYTES < LEDGER_DIM_BYTES &&
		       LEDGER_DIM_BYTES <= JSCAN_CAPTURE,
	       "a folded name fits, and jscan gives enough of a long one");

enum member_kind {
	MEMBER_TEXT,
	MEMBER_INT,
	MEMBER_LINE_TEXT,
	MEMBER_LINE_INT,
	MEMBER_LINE_END,
	MEMBER_FLAG,
	MEMBER_SOURCE,
};

/* Bits of entry->seen and of the line's own set. */
enum {
	SEEN_COST = 1U << 0,
	SEEN_CURRENCY = 1U << 1,
	SEEN_STARTED = 1U << 2,
	SEEN_TIME = 1U << 3,
	SEEN_METER = 1U << 4,
	SEEN_QUANTITY = 1U << 5,
	SEEN_PRICE = 1U << 6,
	SEEN_RATE = 1U << 7,
	SEEN_PICO = 1U << 8,
	SEEN_LINE = SEEN_METER | SEEN_QUANTITY | SEEN_PRICE | SEEN_RATE | SEEN_PICO,
};

#define AT(field)      offsetof(struct ledger_entry, field)
#define AT_LINE(field) offsetof(struct ledger_line, field)

static const struct {
	const char *path;
	enum member_kind kind;
	size_t at;
	unsigned seen;
} members[] = {
	{"time", MEMBER_TEXT, AT(time), SEEN_TIME},
	{"data.bu", MEMBER_TEXT, AT(dims[LEDGER_BU]), 0},
	{"data.team", MEMBER_TEXT, AT(dims[LEDGER_TEAM]), 0},
	{"data.project", MEMBER_TEXT, AT(dims[LEDGER_PROJECT]), 0},
	{"data.principal", MEMBER_TEXT, AT(dims[LEDGER_PRINCIPAL]), 0},
	{"data.model", MEMBER_TEXT, AT(dims[LEDGER_MODEL]), 0},
	{"data.deployment", MEMBER_TEXT, AT(dims[LEDGER_DEPLOYMENT]), 0},
	{"data.provider", MEMBER_TEXT, AT(dims[LEDGER_PROVIDER]), 0},
	{"data.dialect", MEMBER_TEXT, AT(dims[LEDGER_DIALECT]), 0},
	{"data.currency", MEMBER_TEXT, AT(currency), SEEN_CURRENCY},
	{"data.started", MEMBER_TEXT, AT(started), SEEN_STARTED},
	{"data.attempt", MEMBER_INT, AT(attempt), 0},
	{"data.cost_pico", MEMBER_INT, AT(cost_pico), SEEN_COST},
	{"data.usage_source", MEMBER_SOURCE, 0, 0},
	{"data.flags.*", MEMBER_FLAG, 0, 0},
	{"data.lines.*", MEMBER_LINE_END, 0, 0},
	{"data.lines.*.meter", MEMBER_LINE_TEXT, AT_LINE(meter), SEEN_METER},
	{"data.lines.*.price", MEMBER_LINE_TEXT, AT_LINE(price), SEEN_PRICE},
	{"data.lines.*.unit", MEMBER_LINE_TEXT, AT_LINE(unit), 0},
	{"data.lines.*.quantity", MEMBER_LINE_INT, AT_LINE(quantity), SEEN_QUANTITY},
	{"data.lines.*.rate_micro", MEMBER_LINE_INT, AT_LINE(rate_micro), SEEN_RATE},
	{"data.lines.*.pico", MEMBER_LINE_INT, AT_LINE(pico), SEEN_PICO},
};

/* The scan's state beside the entry: whose members of a line have come, and what was wrong. */
struct entry_scan {
	struct ledger_entry *entry;
	unsigned line_seen;
	const char *why;
};

struct jscan_paths *ledger_entry_paths_new(void)
{
	const char *list[ARRAY_LEN(members) + 1] = {NULL};

	_Static_assert(ARRAY_LEN(members) <= JSCAN_PATHS, "jscan takes this many paths");
	for (size_t i = 0; i < ARRAY_LEN(members); i++)
		list[i] = members[i].path;
	return jscan_paths_new(list);
}

static enum err fail(struct entry_scan *scan, enum err err, const char *why)
{
	scan->why = why;
	return err;
}

/* The beginning, '~' and a hash of all of it as it stands in the record; cut between characters. */
static struct str fold_text(struct ledger_entry *entry, const struct jscan_value *value)
{
	char *out = entry->text + entry->text_len;
	size_t len = FOLD_PREFIX;
	uint8_t hash[CRYPT_SHA256_BYTES];

	ASSERT(value->text.len >= FOLD_PREFIX);
	while (len > 0 && ((unsigned char)value->text.ptr[len] & 0xc0) == 0x80)
		len--;
	crypt_sha256(str_sub(entry->payload, value->start, value->end - value->start), hash);
	memcpy(out, value->text.ptr, len);
	out[len++] = '~';
	crypt_hex(hash, FOLD_HASH_BYTES, out + len);
	len += FOLD_HASH_BYTES * 2;
	entry->text_len += len;
	return str_make(out, len);
}

static enum err keep_text(struct entry_scan *scan, const struct jscan_value *value,
			  struct str *out_text)
{
	struct ledger_entry *entry = scan->entry;

	if (value->type == JSCAN_NULL)
		return OK;
	if (value->type != JSCAN_STRING)
		return fail(scan, ERR_MALFORMED, "a name or time is not a string");
	if (sizeof(entry->text) - entry->text_len < MAX(value->text.len, LEDGER_DIM_BYTES))
		return fail(scan, ERR_LIMIT, "the names are longer than 32 KiB together");
	if (value->is_truncated || value->text.len > LEDGER_DIM_BYTES) {
		*out_text = fold_text(entry, value);
		return OK;
	}
	if (value->text.len > 0)
		memcpy(entry->text + entry->text_len, value->text.ptr, value->text.len);
	*out_text = str_make(entry->text + entry->text_len, value->text.len);
	entry->text_len += value->text.len;
	return OK;
}

static enum err keep_int(struct entry_scan *scan, const struct jscan_value *value, int64_t *out_int)
{
	if (value->type != JSCAN_NUMBER || value->is_truncated ||
	    str_to_i64(value->text, out_int) != OK)
		return fail(scan, ERR_MALFORMED, "a number is not a whole number of 64 bits");
	return OK;
}

static struct ledger_line *open_line(struct entry_scan *scan)
{
	struct ledger_entry *entry = scan->entry;

	if (entry->line_count == LEDGER_ENTRY_LINES)
		return NULL;
	if (scan->line_seen == 0)
		entry->lines[entry->line_count] = (struct ledger_line){.unit = STR("")};
	return &entry->lines[entry->line_count];
}

/* What the record says of its cost is what was charged, so it is booked as it stands, but a cost
 * that is not quantity times rate is marked for whoever reconciles. */
static void check_line(struct ledger_entry *entry, const struct ledger_line *line)
{
	__int128 pico = (__int128)line->quantity * line->rate_micro;

	if (str_eq(line->price, STR("unpriced")))
		entry->flags |= LEDGER_UNPRICED;
	if (pico != line->pico)
		entry->flags |= LEDGER_INCONSISTENT;
}

static enum err close_line(struct entry_scan *scan, const struct jscan_value *value)
{
	struct ledger_entry *entry = scan->entry;
	struct ledger_line *line = open_line(scan);

	if (line == NULL)
		return fail(scan, ERR_LIMIT, "more than 64 lines");
	if (value->type != JSCAN_OBJECT || (scan->line_seen & SEEN_LINE) != SEEN_LINE)
		return fail(scan, ERR_MALFORMED,
			    "a line lacks meter, quantity, price, rate or pico");
	if (line->meter.len == 0)
		return fail(scan, ERR_MALFORMED, "a line's meter is empty");
	if (line->quantity < 0 || line->quantity > LEDGER_QUANTITY_LIMIT)
		return fail(scan, ERR_LIMIT, "a quantity is negative or above 10^13");
	check_line(entry, line);
	scan->line_seen = 0;
	entry->line_count++;
	return OK;
}

static enum err on_line_member(struct entry_scan *scan, const struct jscan_value *value)
{
	struct ledger_line *line = open_line(scan);
	void *at;

	if (line == NULL)
		return fail(scan, ERR_LIMIT, "more than 64 lines");
	scan->line_seen |= members[value->path].seen | 1U << 31;
	at = (char *)line + members[value->path].at;
	if (members[value->path].kind == MEMBER_LINE_TEXT)
		return keep_text(scan, value, at);
	return keep_int(scan, value, at);
}

static enum err on_member(void *arg, const struct jscan_value *value)
{
	struct entry_scan *scan = arg;
	struct ledger_entry *entry = scan->entry;
	void *at = (char *)entry + members[value->path].at;

	if (value->is_duplicate)
		return fail(scan, ERR_MALFORMED, "a member comes twice");
	if (value->type != JSCAN_NULL)
		entry->seen |= members[value->path].seen;
	switch (members[value->path].kind) {
	case MEMBER_TEXT: return keep_text(scan, value, at);
	case MEMBER_INT: return keep_int(scan, value, at);
	case MEMBER_LINE_TEXT:
	case MEMBER_LINE_INT: return on_line_member(scan, value);
	case MEMBER_LINE_END: return close_line(scan, value);
	case MEMBER_FLAG:
		if (str_eq(value->text, STR("unpriced")))
			entry->flags |= LEDGER_UNPRICED;
		return OK;
	case MEMBER_SOURCE:
		if (str_eq(value->text, STR("estimate")))
			entry->flags |= LEDGER_ESTIMATED;
		else if (str_eq(value->text, STR("none")))
			entry->flags |= LEDGER_NO_USAGE;
		return OK;
	}
	return ERR_INTERNAL;
}

/* The hour is that of the call's start: prices take effect by it too. */
static enum err check_whole(struct entry_scan *scan)
{
	struct ledger_entry *entry = scan->entry;
	struct str when = (entry->seen & SEEN_STARTED) != 0 ? entry->started : entry->time;
	__int128 sum = 0;
	int64_t start_ns;

	if (when.len == 0 || clock_parse(when, &start_ns) != OK)
		return fail(scan, ERR_MALFORMED, "no time of start");
	if ((entry->seen & SEEN_COST) == 0)
		return fail(scan, ERR_MALFORMED, "no cost_pico");
	if (entry->line_count > 0 && entry->currency.len == 0)
		return fail(scan, ERR_MALFORMED, "no currency");
	for (unsigned i = 0; i < entry->line_count; i++)
		sum += entry->lines[i].pico;
	if (sum != entry->cost_pico)
		entry->flags |= LEDGER_INCONSISTENT;
	entry->start_s = start_ns / CLOCK_NS_PER_S;
	if (start_ns < 0)
		return fail(scan, ERR_MALFORMED, "the call started before 1970");
	return OK;
}

static void entry_reset(struct ledger_entry *entry)
{
	for (unsigned i = 0; i < LEDGER_DIM_COUNT; i++)
		entry->dims[i] = STR("");
	entry->currency = STR("");
	entry->started = STR("");
	entry->time = STR("");
	entry->cost_pico = 0;
	entry->attempt = 1;
	entry->flags = 0;
	entry->line_count = 0;
	entry->text_len = 0;
	entry->seen = 0;
}

/* The text as event_settle of gateway/proxy writes it: the same members in the same order, nothing
 * escaped. Read by comparing, many times faster than a scan; whatever differs in the least is left
 * to the scan, which alone says what is wrong. */
struct swift {
	const char *at, *end;
	bool has_failed;
};

static void swift_lit(struct swift *swift, struct str lit)
{
	if (swift->has_failed || (size_t)(swift->end - swift->at) < lit.len ||
	    memcmp(swift->at, lit.ptr, lit.len) != 0)
		swift->has_failed = true;
	else
		swift->at += lit.len;
}

#define LIT(text) swift_lit(&swift, STR(text))

/* Up to the next quote, which is taken too. */
static struct str swift_text(struct swift *swift)
{
	const char *quote =
		swift->has_failed ? NULL : memchr(swift->at, '"', (size_t)(swift->end - swift->at));
	struct str text = {0};

	if (quote != NULL)
		text = str_make(swift->at, (size_t)(quote - swift->at));
	if (quote == NULL || text.len > LEDGER_DIM_BYTES || buf_json_plain(text) != text.len) {
		swift->has_failed = true;
		return STR("");
	}
	swift->at = quote + 1;
	return text;
}

static int64_t swift_int(struct swift *swift)
{
	const char *from = swift->at;
	int64_t value = 0;

	while (!swift->has_failed && swift->at < swift->end && *swift->at >= '0' &&
	       *swift->at <= '9' && swift->at - from < 18)
		value = value * 10 + (*swift->at++ - '0');
	/* A leading zero is no JSON, and a nineteenth digit might not fit. */
	if (swift->at == from || (*from == '0' && swift->at - from > 1) ||
	    swift->at == swift->end || (*swift->at >= '0' && *swift->at <= '9'))
		swift->has_failed = true;
	return value;
}

static bool swift_is(struct swift *swift, char c)
{
	if (swift->has_failed || swift->at == swift->end || *swift->at != c)
		return false;
	swift->at++;
	return true;
}

static struct swift swift_who(struct swift swift, struct ledger_entry *entry)
{
	LIT("{\"specversion\":\"1.0\",\"id\":\"");
	(void)swift_text(&swift);
	LIT(",\"source\":\"");
	(void)swift_text(&swift);
	LIT(",\"type\":\"tollgate.settle\",\"time\":\"");
	entry->time = swift_text(&swift);
	LIT(",\"subject\":\"");
	(void)swift_text(&swift);
	LIT(",\"traceparent\":\"");
	(void)swift_text(&swift);
	LIT(",\"data\":{\"request\":\"");
	(void)swift_text(&swift);
	LIT(",\"attempt\":");
	entry->attempt = swift_int(&swift);
	LIT(",\"principal\":\"");
	entry->dims[LEDGER_PRINCIPAL] = swift_text(&swift);
	LIT(",\"key\":\"");
	(void)swift_text(&swift);
	LIT(",\"bu\":\"");
	entry->dims[LEDGER_BU] = swift_text(&swift);
	LIT(",\"team\":\"");
	entry->dims[LEDGER_TEAM] = swift_text(&swift);
	LIT(",\"project\":\"");
	entry->dims[LEDGER_PROJECT] = swift_text(&swift);
	return swift;
}

static struct swift swift_what(struct swift swift, struct ledger_entry *entry)
{
	struct str source;

	LIT(",\"model\":\"");
	entry->dims[LEDGER_MODEL] = swift_text(&swift);
	LIT(",\"deployment\":\"");
	entry->dims[LEDGER_DEPLOYMENT] = swift_text(&swift);
	LIT(",\"provider\":\"");
	entry->dims[LEDGER_PROVIDER] = swift_text(&swift);
	LIT(",\"dialect\":\"");
	entry->dims[LEDGER_DIALECT] = swift_text(&swift);
	LIT(",\"operation\":\"");
	(void)swift_text(&swift);
	LIT(",\"stream\":");
	swift_lit(&swift, swift.at < swift.end && *swift.at == 't' ? STR("true") : STR("false"));
	LIT(",\"model_served\":\"");
	(void)swift_text(&swift);
	LIT(",\"status\":");
	(void)swift_int(&swift);
	LIT(",\"outcome\":\"");
	(void)swift_text(&swift);
	LIT(",\"usage_source\":\"");
	source = swift_text(&swift);
	/* Marks are rare: the scan knows them. */
	LIT(",\"flags\":[],\"lines\":[");
	if (str_eq(source, STR("estimate")))
		entry->flags |= LEDGER_ESTIMATED;
	else if (str_eq(source, STR("none")))
		entry->flags |= LEDGER_NO_USAGE;
	return swift;
}

static struct swift swift_line(struct swift swift, struct ledger_entry *entry)
{
	struct ledger_line *line = &entry->lines[entry->line_count];

	*line = (struct ledger_line){.unit = STR("")};
	LIT("{\"meter\":\"");
	line->meter = swift_text(&swift);
	LIT(",\"quantity\":");
	line->quantity = swift_int(&swift);
	LIT(",\"price\":\"");
	line->price = swift_text(&swift);
	LIT(",\"rate_micro\":");
	line->rate_micro = swift_int(&swift);
	LIT(",\"pico\":");
	line->pico = swift_int(&swift);
	LIT("}");
	if (line->meter.len == 0 || line->quantity > LEDGER_QUANTITY_LIMIT)
		swift.has_failed = true;
	check_line(entry, line);
	entry->line_count++;
	return swift;
}

static bool swift_read(struct ledger_entry *entry, struct str payload)
{
	struct swift swift = {.at = payload.ptr, .end = payload.ptr + payload.len};
	bool has_more;

	swift = swift_what(swift_who(swift, entry), entry);
	has_more = !swift_is(&swift, ']');
	while (has_more && !swift.has_failed && entry->line_count < LEDGER_ENTRY_LINES) {
		swift = swift_line(swift, entry);
		has_more = swift_is(&swift, ',');
		if (!has_more)
			LIT("]");
	}
	LIT(",\"cost_pico\":");
	entry->cost_pico = swift_int(&swift);
	LIT(",\"currency\":\"");
	entry->currency = swift_text(&swift);
	LIT(",\"started\":\"");
	entry->started = swift_text(&swift);
	LIT(",\"duration_ms\":");
	(void)swift_int(&swift);
	LIT("}}");
	entry->seen = SEEN_COST | SEEN_CURRENCY | SEEN_STARTED | SEEN_TIME;
	return !swift.has_failed && swift.at == swift.end;
}

enum err ledger_entry_parse(struct ledger_entry *entry, const struct jscan_paths *paths,
			    struct str payload, const char **out_why)
{
	struct entry_scan scan = {.entry = entry, .why = "not JSON"};
	struct jscan json;
	enum err err;

	entry_reset(entry);
	if (swift_read(entry, payload) && check_whole(&scan) == OK)
		return OK;
	entry_reset(entry);
	scan.why = "not JSON";
	entry->payload = payload;
	jscan_init(&json, paths, on_member, &scan);
	err = jscan_feed(&json, payload);
	if (err == OK)
		err = jscan_end(&json);
	if (err == OK)
		err = check_whole(&scan);
	if (err != OK)
		*out_why = scan.why;
	return err;
}
