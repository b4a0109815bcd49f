/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/cli/audit_row.h"

#include <inttypes.h>

#include <jansson.h>

#define PICO_DIGITS 12

static const struct {
	const char *name;
	int width; /* negative: to the left, as printf has it */
} columns[AUDIT_COLUMNS] = {
	[AUDIT_SEQUENCE] = {"sequence", 9}, [AUDIT_TIME] = {"time", -23},
	[AUDIT_TYPE] = {"type", -9},	    [AUDIT_SUBJECT] = {"subject", -22},
	[AUDIT_MODEL] = {"model", -18},	    [AUDIT_OUTCOME] = {"outcome", -26},
	[AUDIT_COST] = {"cost", 18},	    [AUDIT_REQUEST] = {"request", -26},
};

static void put(struct audit_row *row, enum audit_column column, const char *text)
{
	char *out = row->text[column];

	snprintf(out, AUDIT_TEXT_BYTES, "%s", text);
	for (; *out != '\0'; out++)
		if ((unsigned char)*out < 0x20 || *out == 0x7f)
			*out = '?';
}

static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text == NULL ? "" : text;
}

/* "2026-11-23T09:00:00.123456Z" without what a table has no room for. */
static void put_time(struct audit_row *row, const char *time)
{
	char text[AUDIT_TEXT_BYTES];
	size_t len = strcspn(time, "Z");

	snprintf(text, sizeof(text), "%.*s", (int)MIN(len, 23U), time);
	put(row, AUDIT_TIME, text);
}

/* Exact: pico is the unit of the record, so nothing is rounded; two digits at least. */
static void put_cost(struct audit_row *row, const json_t *event)
{
	const json_t *cost = json_object_get(event, "cost_pico");
	char text[AUDIT_TEXT_BYTES];
	uint64_t pico;
	uint64_t unit = 1000000000000U;
	size_t len;

	if (!json_is_integer(cost) || json_integer_value(cost) < 0)
		return;
	pico = (uint64_t)json_integer_value(cost);
	len = (size_t)snprintf(text, sizeof(text), "%" PRIu64 ".%0*" PRIu64, pico / unit,
			       PICO_DIGITS, pico % unit);
	for (unsigned cut = 0; cut < PICO_DIGITS - 2 && text[len - 1] == '0'; cut++)
		text[--len] = '\0';
	snprintf(text + len, sizeof(text) - len, " %s", text_of(event, "currency"));
	put(row, AUDIT_COST, text);
}

static void put_outcome(struct audit_row *row, enum record_type type, const json_t *event)
{
	char text[AUDIT_TEXT_BYTES] = "";
	const json_t *status = json_object_get(event, "status");
	const json_t *reason = json_array_get(json_object_get(event, "reasons"), 0);
	const char *word = text_of(event, type == RECORD_SETTLE ? "outcome" : "decision");
	const char *why = json_is_string(reason) ? json_string_value(reason) : "";

	if (json_is_integer(status))
		snprintf(text, sizeof(text), "%s %" JSON_INTEGER_FORMAT "%s%s", word,
			 json_integer_value(status), *why == '\0' ? "" : " ", why);
	else
		snprintf(text, sizeof(text), "%s%s%s", word, *why == '\0' ? "" : " ", why);
	put(row, AUDIT_OUTCOME, text);
}

void audit_row_from_record(const struct record *record, struct audit_row *out)
{
	json_t *root = json_loadb(record->payload.ptr, record->payload.len, 0, NULL);
	const json_t *event = json_object_get(root, "data");
	const char *type = text_of(root, "type");

	*out = (struct audit_row){0};
	snprintf(out->text[AUDIT_SEQUENCE], AUDIT_TEXT_BYTES, "%" PRIu64, record->sequence);
	if (strncmp(type, "tollgate.", 9) == 0)
		put(out, AUDIT_TYPE, type + 9);
	else
		put(out, AUDIT_TYPE, record_type_name(record->type));
	put_time(out, text_of(root, "time"));
	put(out, AUDIT_SUBJECT, text_of(root, "subject"));
	put(out, AUDIT_MODEL, text_of(event, "model"));
	put_outcome(out, record->type, event);
	put_cost(out, event);
	put(out, AUDIT_REQUEST, text_of(event, "request"));
	json_decref(root);
}

static const char *column_name(const void *arg, unsigned i)
{
	(void)arg;
	return columns[i].name;
}

static const char *row_text(const void *arg, unsigned i)
{
	return ((const struct audit_row *)arg)->text[i];
}

/* No spaces at the end of a line. */
static void print_line(FILE *out, const char *(*cell)(const void *arg, unsigned i), const void *arg)
{
	char line[AUDIT_COLUMNS * (AUDIT_TEXT_BYTES + 2) + 1];
	size_t len = 0;

	for (unsigned i = 0; i < AUDIT_COLUMNS; i++)
		len += (size_t)snprintf(line + len, sizeof(line) - len, "%*s  ", columns[i].width,
					cell(arg, i));
	while (len > 0 && line[len - 1] == ' ')
		len--;
	fprintf(out, "%.*s\n", (int)len, line);
}

void audit_row_print_table_head(FILE *out)
{
	print_line(out, column_name, NULL);
}

void audit_row_print_table(const struct audit_row *row, FILE *out)
{
	print_line(out, row_text, row);
}

static void print_csv_cell(FILE *out, unsigned i, const char *text)
{
	bool is_quoted = strpbrk(text, ",\"") != NULL;

	if (is_quoted)
		putc('"', out);
	for (; *text != '\0'; text++) {
		if (*text == '"')
			putc('"', out);
		putc(*text, out);
	}
	if (is_quoted)
		putc('"', out);
	putc(i + 1 == AUDIT_COLUMNS ? '\n' : ',', out);
}

void audit_row_print_csv_head(FILE *out)
{
	for (unsigned i = 0; i < AUDIT_COLUMNS; i++)
		print_csv_cell(out, i, columns[i].name);
}

void audit_row_print_csv(const struct audit_row *row, FILE *out)
{
	for (unsigned i = 0; i < AUDIT_COLUMNS; i++)
		print_csv_cell(out, i, row->text[i]);
}
